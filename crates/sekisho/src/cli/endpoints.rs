//! `sekisho trust endpoints`: whether CRLs, OCSP responders and issuers' certificates can be fetched from where the
//! server stands, and which hosts a firewall must open for that.

use clap::Args;
use sekisho_api::{EndpointQuestion, EndpointReport, EndpointTarget, EndpointView, path};
use sekisho_mail::hexadecimal;

use super::{
    CliError, Finding,
    door::Door,
    output::{Output, Tone, table},
    text,
};
use crate::{config::human, import::files, telemetry::escaped};

#[derive(Debug, Args)]
pub(super) struct EndpointsArgs {
    /// Each a URL, or a file with certificates (PEM, or one in DER): of a server, or of an authority that is not in use
    /// yet. Without any: those that our own certificates and chains of partners name
    #[arg(value_name = "URL | FILE")]
    targets: Vec<String>,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: &EndpointsArgs, door: &Door) -> Result<Finding, CliError> {
    let targets = args
        .targets
        .iter()
        .map(|target| named(target))
        .collect::<Result<_, _>>()?;
    let report: EndpointReport = door.order(path::TRUST_ENDPOINTS, &EndpointQuestion { targets }).await?;
    let mut out = Output::open();
    if args.json {
        out.json(&report)?;
    } else {
        show(&mut out, &report)?;
    }
    Ok(match report.endpoints.iter().find(|one| one.is_needed && !one.works) {
        _ if report.endpoints.is_empty() => Finding::Missing,
        Some(_) => Finding::Refused,
        None => Finding::Done,
    })
}

fn named(target: &str) -> Result<EndpointTarget, CliError> {
    if target.contains("://") {
        return Ok(EndpointTarget {
            url: Some(target.to_owned()),
            ..EndpointTarget::default()
        });
    }
    let octets = files::octets(target.as_ref());
    let octets = octets.map_err(|why| CliError::Usage(format!("{}: {why}", escaped(target))))?;
    let is_pem = octets.windows(11).any(|place| place == b"-----BEGIN ");
    let (pem, der) = match String::from_utf8(octets) {
        Ok(pem) if is_pem => (Some(pem), None),
        Ok(other) => (None, Some(hexadecimal::encode(other.as_bytes()))),
        Err(other) => (None, Some(hexadecimal::encode(other.as_bytes()))),
    };
    Ok(EndpointTarget {
        name: Some(target.to_owned()),
        pem,
        der,
        url: None,
    })
}

fn show(out: &mut Output, report: &EndpointReport) -> Result<(), CliError> {
    if !report.endpoints.is_empty() {
        let mut rows = table(&[
            "result", "for", "endpoint", "time", "size", "issued", "until", "used by",
        ]);
        for endpoint in &report.endpoints {
            rows.add_row(row(endpoint));
        }
        out.line(rows)?;
    }
    for endpoint in &report.endpoints {
        let tone = if endpoint.works { Tone::Good } else { Tone::Bad };
        let title = out.paint(tone, escaped(&endpoint.url));
        out.line(format_args!("{title}: {}", escaped(&endpoint.detail)))?;
        if let Some(until) = endpoint.covered_until.filter(|_| !endpoint.works) {
            out.line(format_args!(
                "  what is held of it answers until {}",
                text::local(until)
            ))?;
        }
        if !endpoint.is_needed {
            out.line("  nothing hangs on it: of nobody who uses it is it demanded that nothing was revoked")?;
        }
        if let Some(since) = endpoint.failing_since {
            out.line(format_args!("  fails since {}", text::local(since)))?;
        }
    }
    for note in &report.notes {
        out.line(format_args!("not looked at: {}", escaped(note)))?;
    }
    match &report.proxy {
        Some(proxy) => out.line(format_args!("all of it goes through the proxy {}", escaped(proxy)))?,
        None if report.hosts.is_empty() => {}
        None => out.line(format_args!(
            "a firewall must let this machine reach: {}",
            report.hosts.join(", ")
        ))?,
    }
    Ok(())
}

fn row(endpoint: &EndpointView) -> [String; 8] {
    [
        endpoint.cause.clone().unwrap_or_else(|| "OK".to_owned()),
        endpoint.purpose.to_string(),
        escaped(&endpoint.url).to_string(),
        format!("{} ms", endpoint.took_millis),
        endpoint.size.map(human::size).unwrap_or_default(),
        endpoint.this_update.map(text::local).unwrap_or_default(),
        endpoint.next_update.map(text::local).unwrap_or_default(),
        escaped(&endpoint.used_by.join(", ")).to_string(),
    ]
}
