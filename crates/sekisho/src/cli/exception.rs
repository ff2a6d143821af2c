//! `sekisho exception`: what is let pass although a document demands more, who answers for it, and until when.

use clap::{Args, Subcommand};
use sekisho_api::{DocumentKind, Exception, Relaxation};
use sekisho_mail::Timestamp;

use super::{
    CliError, Finding,
    changes::{self, set, set_list, set_text},
    document::{self, FieldFlags, ListArgs, NamedArgs, SetArgs, ShowArgs},
    door::Door,
    output::Listing,
    text,
};
use crate::{clock, directory::parse::until, telemetry::escaped};

#[derive(Debug, Subcommand)]
pub(super) enum ExceptionCommand {
    /// Adds an exception
    Add(Box<SetArgs<ExceptionFlags>>),
    /// Changes fields of an exception; an empty value unsets a field or empties a list
    Set(Box<SetArgs<ExceptionFlags>>),
    /// Shows an exception with all its fields
    Show(ShowArgs),
    /// Lists exceptions, those that have ended too
    List(ListArgs),
    /// Removes an exception
    Remove(NamedArgs),
}

#[derive(Debug, Args)]
pub(super) struct ExceptionFlags {
    /// Who answers for it
    #[arg(long, value_name = "TEXT")]
    owner: Option<String>,
    /// Why it is there
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// When it ends, at most 366 days ahead: 2026-12-01 (that day included, in UTC) or 2026-12-01T18:00:00Z
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// About this outbound connector; an exception is about one thing
    #[arg(long, value_name = "NAME")]
    outbound_connector: Option<String>,
    /// About this inbound connector
    #[arg(long, value_name = "NAME")]
    inbound_connector: Option<String>,
    /// About this rule
    #[arg(long, value_name = "NAME")]
    rule: Option<String>,
    /// About require-tls-outbound of the organization, for recipients in this domain: old.example, or *.old.example
    #[arg(long, value_name = "DOMAIN")]
    recipient_domain: Option<String>,
    /// What is let pass: plaintext, any-certificate, any-name, expired-certificate, any-address or common-name
    #[arg(long, value_name = "WHAT", value_parser = changes::word::<Relaxation>)]
    allows: Option<Relaxation>,
    /// Only mail to these domains, or for an inbound connector from these: bank.example, or *.bank.example
    #[arg(long, value_name = "DOMAIN", value_delimiter = ',')]
    domains: Option<Vec<String>>,
}

impl FieldFlags for ExceptionFlags {
    type Document = Exception;

    fn apply(&self, document: &mut Exception) -> Result<(), CliError> {
        set(&mut document.owner, self.owner.as_ref());
        set(&mut document.reason, self.reason.as_ref());
        set(&mut document.until, self.until.as_ref());
        set_text(&mut document.outbound_connector, self.outbound_connector.as_ref());
        set_text(&mut document.inbound_connector, self.inbound_connector.as_ref());
        set_text(&mut document.rule, self.rule.as_ref());
        set_text(&mut document.recipient_domain, self.recipient_domain.as_ref());
        if self.allows.is_some() {
            document.allows = self.allows;
        }
        set_list(&mut document.domains, self.domains.as_ref());
        Ok(())
    }
}

pub(super) async fn run(command: ExceptionCommand, door: &Door) -> Result<Finding, CliError> {
    match command {
        ExceptionCommand::Add(args) => document::add(&args, door).await,
        ExceptionCommand::Set(args) => document::set(&args, door).await,
        ExceptionCommand::Show(args) => show(&args, door).await,
        ExceptionCommand::List(args) => list(&args, door).await,
        ExceptionCommand::Remove(args) => document::remove(&args, DocumentKind::Exception, door).await,
    }
}

async fn show(args: &ShowArgs, door: &Door) -> Result<Finding, CliError> {
    let exception: Exception = args.name.current(door).await?;
    let note = match state(&exception, clock::now()) {
        "ended" => " (it has ended)",
        _ => "",
    };
    changes::show(&exception, args.json, |field| if field == "until" { note } else { "" })
}

/// As far as this machine's clock says; what is judged by is the server's.
fn state(exception: &Exception, now: Timestamp) -> &'static str {
    match until(&exception.until) {
        Ok(until) if now >= until => "ended",
        Ok(_) => "in force",
        Err(_) => "not in force",
    }
}

async fn list(args: &ListArgs, door: &Door) -> Result<Finding, CliError> {
    let header = ["exception", "state", "until", "owner", "about", "allows"];
    let mut list = Listing::open(args.json, &header);
    let now = clock::now();
    for exception in args.fetch::<Exception>(door).await? {
        list.item(&exception, || row(&exception, now))?;
    }
    list.end()
}

fn row(exception: &Exception, now: Timestamp) -> [String; 6] {
    let title = format!("{}/{}", exception.organization, exception.name);
    let ends = until(&exception.until).map_or_else(|_| exception.until.clone(), text::local);
    [
        escaped(&title).to_string(),
        state(exception, now).to_owned(),
        escaped(&ends).to_string(),
        escaped(&exception.owner).to_string(),
        escaped(&about(exception)).to_string(),
        exception.allows.map(changes::value_in_words).unwrap_or_default(),
    ]
}

fn about(exception: &Exception) -> String {
    let set = [
        ("outbound connector", &exception.outbound_connector),
        ("inbound connector", &exception.inbound_connector),
        ("rule", &exception.rule),
        ("mail to", &exception.recipient_domain),
    ];
    let set = set
        .into_iter()
        .filter_map(|(what, name)| Some(format!("{what} {}", name.as_ref()?)));
    let mut words: Vec<String> = set.collect();
    if !exception.domains.is_empty() {
        words.push(format!("only {}", exception.domains.join(" or ")));
    }
    words.join(", ")
}
