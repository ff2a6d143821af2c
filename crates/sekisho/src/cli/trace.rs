//! `sekisho trace`: messages with how they came in and went out, and the evidence on TLS of both.

use std::io;

use clap::{Args, ValueEnum};
use sekisho_api::{AttemptView, TracePage, TraceQuery, TracedMessage, path};
use sekisho_mail::{
    ChannelSecurity, Outcome, ShadowOutcome, ShadowVerdict, Speaker, SpokenLine, Timestamp, TlsFacts, TlsVersion,
};

use super::{
    CliError, Finding,
    door::Door,
    output::{Output, Tone},
    text,
};
use crate::{config::human, telemetry::escaped};

#[derive(Debug, Args)]
pub(super) struct TraceArgs {
    /// A queue id; without one, the newest messages that match
    #[arg(value_name = "ID")]
    id: Option<String>,
    /// With this Message-ID header
    #[arg(long, value_name = "TEXT")]
    message_id: Option<String>,
    /// From this sender: an address, @domain, or <>
    #[arg(long, value_name = "ADDRESS", value_parser = text::parse_sought)]
    sender: Option<String>,
    /// To this recipient: an address or @domain
    #[arg(long, value_name = "ADDRESS", value_parser = text::parse_sought)]
    recipient: Option<String>,
    /// Not before: 2h (ago), 2026-11-24, 2026-11-24T09:30
    #[arg(long, value_name = "TIME", value_parser = text::parse_instant)]
    since: Option<Timestamp>,
    /// Not after
    #[arg(long, value_name = "TIME", value_parser = text::parse_instant)]
    until: Option<Timestamp>,
    /// Came or went over this
    #[arg(long, value_enum)]
    tls: Option<TlsChoice>,
    /// An attempt ended so
    #[arg(long, value_enum)]
    outcome: Option<OutcomeChoice>,
    /// Messages at most
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
    /// Shows the whole conversation of each attempt, without content
    #[arg(long)]
    conversation: bool,
    /// Prints JSON, one object a message
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum TlsChoice {
    /// TLS 1.2
    #[value(name = "1.2")]
    Tls12,
    /// TLS 1.3
    #[value(name = "1.3")]
    Tls13,
    /// Any version
    Any,
    /// In the clear
    None,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum OutcomeChoice {
    Delivered,
    Deferred,
    Bounced,
}

impl TraceArgs {
    fn query(&self) -> Result<TraceQuery, CliError> {
        let id = self.id.as_deref().map(str::parse).transpose();
        let (tls_version, plaintext) = match self.tls {
            None => (None, None),
            Some(TlsChoice::Tls12) => (Some(TlsVersion::Tls12), None),
            Some(TlsChoice::Tls13) => (Some(TlsVersion::Tls13), None),
            Some(TlsChoice::Any) => (None, Some(false)),
            Some(TlsChoice::None) => (None, Some(true)),
        };
        let outcome = self.outcome.map(|outcome| match outcome {
            OutcomeChoice::Delivered => "delivered".to_owned(),
            OutcomeChoice::Deferred => "deferred".to_owned(),
            OutcomeChoice::Bounced => "bounced".to_owned(),
        });
        Ok(TraceQuery {
            id: id.map_err(|error: sekisho_mail::ParseMessageIdError| CliError::Usage(error.to_string()))?,
            message_id: self.message_id.clone(),
            sender: self.sender.clone(),
            recipient: self.recipient.clone(),
            since: self.since,
            until: self.until,
            tls_version,
            plaintext,
            outcome,
            limit: Some(self.limit),
        })
    }
}

pub(super) async fn run(args: TraceArgs, door: &Door) -> Result<Finding, CliError> {
    let page: TracePage = door.fetch(path::TRACE, &args.query()?).await?;
    let mut out = Output::open();
    for (place, message) in page.messages.iter().enumerate() {
        if args.json {
            out.json(message)?;
            continue;
        }
        if place > 0 {
            out.line("")?;
        }
        show(&mut out, message, args.conversation)?;
    }
    if page.messages.is_empty() {
        return Ok(Finding::Missing);
    }
    Ok(Finding::Done)
}

/// One message: a line of its own, how it came, and every attempt.
fn show(out: &mut Output, message: &TracedMessage, conversation: bool) -> io::Result<()> {
    let arrival = &message.arrival;
    let id = out.paint(Tone::Strong, message.id);
    let state = if message.queued { ", still queued" } else { "" };
    out.line(format_args!(
        "{id}  {}  {}{state}",
        text::local(arrival.at),
        human::size(message.size)
    ))?;
    out.line(format_args!(
        "  from {} to {}",
        escaped(&arrival.sender),
        escaped(&arrival.recipients.join(", "))
    ))?;
    if let Some(header) = &arrival.message_id {
        out.line(format_args!("  Message-ID {}", escaped(header)))?;
    }
    let peer = match &arrival.peer {
        Some(peer) => format!("{peer} (EHLO {})", escaped(&arrival.helo)),
        None => "this server".to_owned(),
    };
    let admitted = escaped(&arrival.admitted_by);
    let by = judged_by(arrival.directory);
    out.line(format_args!(
        "  in   {peer} by listener {}, {admitted}{by}",
        escaped(&arrival.listener)
    ))?;
    if arrival.peer.is_some() {
        show_security(out, &arrival.security)?;
    }
    for change in &arrival.alterations {
        out.line(format_args!("       {}", escaped(change)))?;
    }
    for one in &arrival.shadow {
        let whom = format!("{}: ", one.recipient);
        show_shadow(out, &whom, &one.verdict)?;
    }
    if arrival.admitted_by == REFUSED {
        return message
            .attempts
            .iter()
            .try_for_each(|attempt| show_refusal(out, attempt));
    }
    message
        .attempts
        .iter()
        .try_for_each(|attempt| show_attempt(out, attempt, conversation))
}

/// [`sekisho_api::ArrivalView::admitted_by`] of what a rule kept out.
const REFUSED: &str = "refused";

fn judged_by(directory: u64) -> String {
    match directory {
        0 => String::new(),
        version => format!(", directory version {version}"),
    }
}

/// A recipient that a rule kept out, and what the client was told.
fn show_refusal(out: &mut Output, attempt: &AttemptView) -> io::Result<()> {
    let word = out.paint(Tone::Bad, "refused");
    let reasons: Vec<String> = attempt
        .decision
        .reasons()
        .iter()
        .map(|reason| format!("{}: {}", reason.key, reason.text))
        .collect();
    let recipient = escaped(&attempt.recipient);
    out.line(format_args!("  {word} {recipient}: {}", escaped(&reasons.join("; "))))?;
    for verdict in &attempt.shadow {
        show_shadow(out, "", verdict)?;
    }
    let (Outcome::Bounced { why } | Outcome::Deferred { why, .. }) = &attempt.outcome else {
        return Ok(());
    };
    match &why.reply {
        Some(reply) => out.line(format_args!("       {}", escaped(&reply.to_string()))),
        None => Ok(()),
    }
}

/// One attempt with what was demanded, found and decided.
pub(super) fn show_attempt(out: &mut Output, attempt: &AttemptView, conversation: bool) -> io::Result<()> {
    let tone = match attempt.outcome {
        Outcome::Delivered { .. } => Tone::Good,
        Outcome::Deferred { .. } => Tone::Warning,
        Outcome::Bounced { .. } => Tone::Bad,
    };
    let word = out.paint(tone, attempt.outcome.word());
    let recipient = escaped(&attempt.recipient);
    let original = attempt
        .original
        .as_deref()
        .map(|original| format!(" (for {})", escaped(original)));
    out.line(format_args!(
        "  out  {recipient}{} attempt {} at {}, {}{}: {word}",
        original.unwrap_or_default(),
        attempt.attempt,
        text::local(attempt.at),
        escaped(&attempt.route),
        judged_by(attempt.directory)
    ))?;
    for (host, failure) in &attempt.failed_handshakes {
        out.line(format_args!(
            "       handshake with {} failed: {}",
            escaped(host),
            escaped(&failure.to_string())
        ))?;
    }
    if let Some(channel) = &attempt.channel {
        let host = channel.host.as_deref().unwrap_or("");
        out.line(format_args!("       {} {}", escaped(host), channel.peer))?;
        show_security(out, &channel.security)?;
    }
    if let Some(connection) = &attempt.connection {
        out.line(format_args!("       {}", escaped(connection)))?;
    }
    let required = text::demands(&attempt.required, "nothing");
    let reasons: Vec<&str> = attempt
        .decision
        .reasons()
        .iter()
        .map(|reason| reason.text.as_str())
        .collect();
    out.line(format_args!(
        "       required: {}; {}",
        escaped(&required),
        escaped(&reasons.join("; "))
    ))?;
    show_outcome(out, &attempt.outcome)?;
    for verdict in &attempt.shadow {
        show_shadow(out, "", verdict)?;
    }
    if conversation {
        show_conversation(out, &attempt.conversation)?;
    }
    Ok(())
}

fn show_outcome(out: &mut Output, outcome: &Outcome) -> io::Result<()> {
    match outcome {
        Outcome::Delivered { reply: Some(reply), .. } => {
            out.line(format_args!("       {}", escaped(&reply.to_string())))?
        }
        Outcome::Delivered { reply: None, .. } => {}
        Outcome::Deferred { until, why } => {
            out.line(format_args!(
                "       {}; next try {}",
                escaped(&why.to_string()),
                text::local(*until)
            ))?;
        }
        Outcome::Bounced { why } => out.line(format_args!("       {}", escaped(&why.to_string())))?,
    }
    Ok(())
}

/// What a document that is tried would have made of it.
pub(super) fn show_shadow(out: &mut Output, whom: &str, verdict: &ShadowVerdict) -> io::Result<()> {
    let tone = match verdict.outcome {
        ShadowOutcome::Passes | ShadowOutcome::WouldGo => Tone::Faint,
        ShadowOutcome::Fails => Tone::Bad,
        ShadowOutcome::FailsAnyway | ShadowOutcome::NotKnown => Tone::Warning,
    };
    let words = verdict.to_string();
    let line = out.paint(tone, format_args!("tried: {}{}", escaped(whom), escaped(&words)));
    out.line(format_args!("       {line}"))
}

pub(super) fn show_conversation(out: &mut Output, conversation: &[SpokenLine]) -> io::Result<()> {
    for line in conversation {
        let mark = match line.by {
            Speaker::Us => "→",
            Speaker::Peer => "←",
            Speaker::Note => "·",
        };
        let shown = format!("{:>8} ms {mark} {}", line.after_millis, escaped(&line.text));
        let shown = if line.by == Speaker::Note {
            out.paint(Tone::Faint, shown)
        } else {
            shown
        };
        out.line(format_args!("       {shown}"))?;
    }
    Ok(())
}

pub(super) fn show_security(out: &mut Output, security: &ChannelSecurity) -> io::Result<()> {
    match security {
        ChannelSecurity::Plaintext(cause) => {
            let clear = out.paint(Tone::Warning, "in the clear");
            out.line(format_args!("       {clear}: {}", escaped(&cause.to_string())))
        }
        ChannelSecurity::Tls(facts) => show_tls(out, facts),
    }
}

fn show_tls(out: &mut Output, facts: &TlsFacts) -> io::Result<()> {
    let version = out.paint(Tone::Good, facts.version);
    let resumed = if facts.resumed { ", resumed" } else { "" };
    let implicit = if facts.implicit {
        ", from the first octet on"
    } else {
        ""
    };
    let sni = facts
        .sni
        .as_ref()
        .map(|name| format!(", SNI {name}"))
        .unwrap_or_default();
    out.line(format_args!(
        "       {version} {} {}{implicit}{sni}{resumed}",
        facts.suite, facts.group
    ))?;
    let Some(leaf) = facts.chain.first() else {
        return Ok(());
    };
    let mut words: Vec<&str> = facts.verdicts.iter().map(|(_, verdict)| verdict.word()).collect();
    words.dedup();
    let verdict = if words.is_empty() {
        String::new()
    } else {
        format!(" ({})", words.join(", "))
    };
    let revocation = facts.revocation().map(|words| format!(", revocation: {words}"));
    let subject = escaped(&leaf.subject);
    out.line(format_args!(
        "       certificate {subject} {}, sha256 {}{verdict}{}",
        escaped(&leaf.key),
        leaf.sha256,
        revocation.unwrap_or_default()
    ))
}
