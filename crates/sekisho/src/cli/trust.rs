//! `sekisho trust`: which trust anchors are in force, and whether a root is among them.

use std::path::Path;

use clap::{Args, Subcommand};
use sekisho_api::{MailDirection, TrustAnchorView, TrustAnswer, TrustList, TrustPeer, TrustQuery, TrustQuestion, path};
use sekisho_mail::hexadecimal;
use serde::Serialize;

use super::{
    CliError, Finding,
    door::Door,
    endpoints::{self, EndpointsArgs},
    output::{Listing, Output, Tone},
    text,
};
use crate::{import::files, telemetry::escaped};

/// Octets of a certificate's file.
const FILE_LEN_MAX: usize = 1024 * 1024;

#[derive(Debug, Subcommand)]
pub(super) enum TrustCommand {
    /// Lists the trust anchors in force: the system's, those of files, and those of connectors
    List(ListArgs),
    /// Says whether roots are there, and which peers of the last 90 days would fail without them, or need them
    Check(CheckArgs),
    /// Fetches what certificates hang on (CRLs, OCSP answers, issuers' certificates), and names the hosts to open
    Endpoints(EndpointsArgs),
}

#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// Only those with this in their subject, or this SHA-256 or SHA-1 fingerprint
    #[arg(value_name = "TEXT")]
    filter: Option<String>,
    /// Only those of this set: system, the path of a file, or "connector acme/bank"
    #[arg(long, value_name = "SET")]
    set: Option<String>,
    /// Prints JSON, one anchor a line
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// Each a file with its certificate (PEM or DER), a SHA-256 or SHA-1 fingerprint, or a part of its subject
    #[arg(value_name = "ROOT", required = true)]
    roots: Vec<String>,
    /// Prints JSON, one answer a line
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(command: TrustCommand, door: &Door) -> Result<Finding, CliError> {
    match command {
        TrustCommand::List(args) => list(&args, door).await,
        TrustCommand::Check(args) => check(&args, door).await,
        TrustCommand::Endpoints(args) => endpoints::run(&args, door).await,
    }
}

async fn list(args: &ListArgs, door: &Door) -> Result<Finding, CliError> {
    let query = TrustQuery {
        filter: args.filter.clone(),
        set: args.set.clone(),
    };
    let found: TrustList = door.fetch(path::TRUST, &query).await?;
    let mut list = Listing::open(args.json, &["subject", "sha-256", "key", "until", "set", "source"]);
    for anchor in found.anchors {
        list.item(&anchor, || row(&anchor))?;
    }
    let finding = list.end()?;
    for fault in found.faults.iter().filter(|_| !args.json) {
        Output::open().line(format_args!("not loaded: {}", escaped(fault)))?;
    }
    Ok(finding)
}

fn row(anchor: &TrustAnchorView) -> [String; 6] {
    [
        escaped(&anchor.subject).to_string(),
        anchor.sha256.to_string(),
        anchor.key.clone(),
        text::local(anchor.not_after),
        escaped(&anchor.sets.join(", ")).to_string(),
        escaped(&anchor.sources.join(", ")).to_string(),
    ]
}

/// An answer with what was asked.
#[derive(Serialize)]
struct Answered<'a> {
    asked: &'a str,
    #[serde(flatten)]
    answer: &'a TrustAnswer,
}

async fn check(args: &CheckArgs, door: &Door) -> Result<Finding, CliError> {
    let mut finding = Finding::Done;
    for asked in &args.roots {
        let answer: TrustAnswer = door.order(path::TRUST_CHECK, &question(asked)?).await?;
        if answer.found.is_empty() {
            finding = Finding::Missing;
        }
        let mut out = Output::open();
        if args.json {
            out.json(&Answered { asked, answer: &answer })?;
        } else {
            show(&mut out, asked, &answer)?;
        }
    }
    Ok(finding)
}

fn question(asked: &str) -> Result<TrustQuestion, CliError> {
    let path = Path::new(asked);
    if !path.is_file() {
        return Ok(TrustQuestion {
            text: Some(asked.to_owned()),
            ..TrustQuestion::default()
        });
    }
    let unusable = |why: &str| CliError::Usage(format!("{}: {why}", escaped(asked)));
    let octets = files::octets(path).map_err(|why| unusable(&why))?;
    if octets.len() > FILE_LEN_MAX {
        return Err(unusable("this file is too large for a certificate"));
    }
    let is_pem = octets.windows(11).any(|place| place == b"-----BEGIN ");
    Ok(match String::from_utf8(octets) {
        Ok(pem) if is_pem => TrustQuestion {
            pem: Some(pem),
            ..TrustQuestion::default()
        },
        Ok(other) => der(other.as_bytes()),
        Err(other) => der(other.as_bytes()),
    })
}

fn der(octets: &[u8]) -> TrustQuestion {
    TrustQuestion {
        der: Some(hexadecimal::encode(octets)),
        ..TrustQuestion::default()
    }
}

fn show(out: &mut Output, asked: &str, answer: &TrustAnswer) -> Result<(), CliError> {
    let title = out.paint(Tone::Strong, escaped(asked));
    out.line(title)?;
    for anchor in &answer.found {
        let there = out.paint(Tone::Good, "is there");
        out.line(format_args!(
            "  {there}: {}, until {}; in {}",
            escaped(&anchor.subject),
            text::local(anchor.not_after),
            escaped(&anchor.sets.join(", "))
        ))?;
        out.line(format_args!("    SHA-256 {}", anchor.sha256))?;
        out.line(format_args!("    SHA-1 {}", anchor.sha1))?;
    }
    if answer.found.is_empty() {
        let known = answer
            .known
            .as_ref()
            .map(|known| format!(" ({})", escaped(known)))
            .unwrap_or_default();
        let not = out.paint(Tone::Bad, "is not there");
        out.line(format_args!("  {not}{known}"))?;
    }
    show_peers(out, "would fail without it", &answer.depend)?;
    show_peers(out, "need it", &answer.need)?;
    if answer.depend.is_empty() && answer.need.is_empty() {
        let why = if answer.found.is_empty() && answer.known.is_none() {
            "its certificate is not known: name its file to learn which peers need it"
        } else {
            "no peer seen in the last 90 days needs it"
        };
        out.line(format_args!("  {why}"))?;
    }
    if answer.more {
        out.line("  and more peers than are said")?;
    }
    Ok(())
}

fn show_peers(out: &mut Output, what: &str, peers: &[TrustPeer]) -> Result<(), CliError> {
    if peers.is_empty() {
        return Ok(());
    }
    out.line(format_args!("  peers seen in the last 90 days that {what}:"))?;
    for peer in peers {
        let way = match peer.direction {
            MailDirection::In => "from",
            MailDirection::Out => "to",
        };
        let demanded = match &peer.demanded_by {
            Some(by) => format!("demanded by {}", escaped(by)),
            None => "not demanded: mail goes on without it".to_owned(),
        };
        out.line(format_args!(
            "    {way} {} for {} ({}), last {}; by {}, {demanded}",
            escaped(&peer.domain),
            escaped(&peer.organization),
            escaped(&peer.host),
            text::local(peer.last),
            escaped(&peer.set)
        ))?;
    }
    Ok(())
}
