//! `sekisho partner`: what own traffic has taught of those with whom mail is exchanged.

use std::io;

use clap::{Args, Subcommand};
use sekisho_api::{
    OnePartnerQuery, Partner, PartnerPage, PartnerQuery, PartnerTraffic, SeenCertificate, SeenConnection, path,
};

use super::{
    CliError, Finding,
    door::Door,
    forecast::{self, ForecastArgs},
    output::{Listing, Output, Tone},
    text,
};
use crate::telemetry::escaped;

#[derive(Debug, Subcommand)]
pub(super) enum PartnerCommand {
    /// Lists the domains with which mail was exchanged, and the TLS that was seen
    List(ListArgs),
    /// Shows all that was seen of a domain
    Show(ShowArgs),
    /// Says what will become of partners' certificates, and of our own, before it stops mail
    Forecast(ForecastArgs),
}

#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// Only those of this organization
    #[arg(long, value_name = "NAME")]
    organization: Option<String>,
    /// Prints JSON, one partner a line
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    #[command(flatten)]
    which: PartnerArgs,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

/// One of them.
#[derive(Debug, Args)]
pub(super) struct PartnerArgs {
    /// The domain
    #[arg(value_name = "DOMAIN")]
    domain: String,
    /// Whose mail it was
    #[arg(long, default_value = "default", value_name = "NAME")]
    organization: String,
}

impl PartnerArgs {
    pub(super) fn query(&self) -> OnePartnerQuery {
        OnePartnerQuery {
            domain: self.domain.clone(),
            organization: Some(self.organization.clone()),
        }
    }
}

pub(super) async fn run(command: PartnerCommand, door: &Door) -> Result<Finding, CliError> {
    match command {
        PartnerCommand::Forecast(args) => forecast::run(&args, door).await,
        PartnerCommand::List(args) => list(&args, door).await,
        PartnerCommand::Show(args) => {
            let partner: Partner = door.fetch(path::PARTNER, &args.which.query()).await?;
            let mut out = Output::open();
            if args.json {
                out.json(&partner)?;
            } else {
                show(&mut out, &partner)?;
            }
            Ok(Finding::Done)
        }
    }
}

async fn list(args: &ListArgs, door: &Door) -> Result<Finding, CliError> {
    let mut query = PartnerQuery {
        organization: args.organization.clone(),
        ..PartnerQuery::default()
    };
    let mut list = Listing::open(args.json, &HEADER);
    loop {
        let page: PartnerPage = door.fetch(path::PARTNERS, &query).await?;
        for partner in &page.partners {
            list.item(partner, || row(partner))?;
        }
        query.after = page.next;
        if query.after.is_none() {
            return list.end();
        }
    }
}

const HEADER: [&str; 10] = [
    "organization",
    "domain",
    "in",
    "worst",
    "best",
    "out",
    "worst",
    "best",
    "certificate until",
    "last",
];

fn row(partner: &Partner) -> Vec<String> {
    let of = |traffic: Option<&PartnerTraffic>| match traffic {
        Some(traffic) => [
            traffic.messages.to_string(),
            escaped(&traffic.worst).to_string(),
            escaped(&traffic.best).to_string(),
        ],
        None => ["0", "", ""].map(str::to_owned),
    };
    let both = partner.inbound.iter().chain(&partner.outbound);
    let newest = both
        .flat_map(|traffic| &traffic.certificates)
        .max_by_key(|certificate| certificate.last);
    let until = newest.map(|certificate| text::local(certificate.not_after).to_string());
    [
        escaped(&partner.organization).to_string(),
        escaped(&partner.domain).to_string(),
    ]
    .into_iter()
    .chain(of(partner.inbound.as_ref()))
    .chain(of(partner.outbound.as_ref()))
    .chain([until.unwrap_or_default(), text::local(partner.last()).to_string()])
    .collect()
}

fn show(out: &mut Output, partner: &Partner) -> io::Result<()> {
    let title = format!("{} for {}", escaped(&partner.domain), escaped(&partner.organization));
    let title = out.paint(Tone::Strong, title);
    out.line(title)?;
    for (words, traffic) in [("in", &partner.inbound), ("out", &partner.outbound)] {
        if let Some(traffic) = traffic {
            show_traffic(out, words, traffic)?;
        }
    }
    Ok(())
}

fn show_traffic(out: &mut Output, words: &str, traffic: &PartnerTraffic) -> io::Result<()> {
    out.line(format_args!(
        "  {words:<4} {}, {} in the clear, from {} to {}",
        text::counted(traffic.messages, "message"),
        traffic.plaintext,
        text::local(traffic.first),
        text::local(traffic.last)
    ))?;
    out.line(format_args!(
        "       best {}, worst {}",
        escaped(&traffic.best),
        escaped(&traffic.worst)
    ))?;
    for connection in &traffic.connections {
        out.line(format_args!("       {}", in_words(connection)))?;
    }
    for certificate in &traffic.certificates {
        show_certificate(out, certificate)?;
    }
    for host in &traffic.hosts {
        let found = host
            .found
            .as_deref()
            .map_or_else(String::new, |found| format!(" ({})", escaped(found)));
        out.line(format_args!(
            "       host {}{found}: {}, {} in the clear, last {}",
            escaped(&host.host),
            text::counted(host.messages, "message"),
            host.plaintext,
            text::local(host.last)
        ))?;
    }
    if traffic.more_hosts {
        out.line("       and more hosts than are kept")?;
    }
    Ok(())
}

fn in_words(connection: &SeenConnection) -> String {
    let what = match (&connection.tls, &connection.plaintext) {
        (Some(tls), _) => {
            let certificate = connection.certificate.map_or_else(
                || "no certificate".to_owned(),
                |sha256| format!("certificate {:.12}", sha256.to_string()),
            );
            let chain = connection.chain.as_deref().unwrap_or("not asked");
            let chain = if connection.certificate.is_some() || connection.chain.is_some() {
                format!(" ({})", escaped(chain))
            } else {
                String::new()
            };
            format!(
                "{} {} {}, {certificate}{chain}",
                tls.version,
                escaped(&tls.suite),
                escaped(&tls.group)
            )
        }
        (None, Some(cause)) => format!("plaintext: {}", escaped(cause)),
        (None, None) => "plaintext".to_owned(),
    };
    format!(
        "{what}: {}, last {}",
        text::counted(connection.messages, "message"),
        text::local(connection.last)
    )
}

fn show_certificate(out: &mut Output, certificate: &SeenCertificate) -> io::Result<()> {
    let names = certificate.names.join(", ");
    let more = if certificate.more_names { ", and more" } else { "" };
    out.line(format_args!(
        "       certificate {:.12} for {}{more}; issued by {}; until {}; key sha256:{}",
        certificate.sha256.to_string(),
        escaped(&names),
        escaped(&certificate.issuer),
        text::local(certificate.not_after),
        certificate.key
    ))
}
