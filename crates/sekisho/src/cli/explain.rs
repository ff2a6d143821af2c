//! `sekisho explain`: which way a message would take, what is demanded on it, and what every host says; and
//! `sekisho explain-inbound`: what a recipient would be answered, and what each inbound connector has to do with it.

use std::{io, net::IpAddr};

use clap::{Args, ValueEnum};
use sekisho_api::{
    ConditionStanding, ExceptionVerdict, ExplainQuery, Explanation, HeaderFamiliesVerdict, HostVerdict,
    InboundExplanation, InboundQuestion, RecipientLimits, RequireTlsVerdict, RuleStanding, RuleVerdict, path,
};
use sekisho_mail::{Decision, TlsVersion};

use super::{
    CliError, Finding,
    changes::TextFile,
    door::Door,
    output::{Output, Tone},
    text,
    trace::{show_conversation, show_security, show_shadow},
};
use crate::{config::human, telemetry::escaped};

#[derive(Debug, Args)]
pub(super) struct ExplainArgs {
    /// The recipient's address
    recipient: String,
    /// The sender's address; without it there is none (`<>`)
    #[arg(long, visible_alias = "mail-from", value_name = "ADDRESS")]
    from: Option<String>,
    /// Who sends [default: default]
    #[arg(long, value_name = "NAME")]
    organization: Option<String>,
    /// A field of its header, for rules that look at it: "Subject: secret"; may be repeated
    #[arg(long, value_name = "FIELD: TEXT")]
    header: Vec<String>,
    /// As a message with REQUIRETLS (RFC 8689), as far as this build can find out
    #[arg(long)]
    requiretls: bool,
    /// Shows what was said
    #[arg(long)]
    conversation: bool,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct ExplainInboundArgs {
    /// The client's address
    #[arg(long, value_name = "ADDRESS")]
    ip: IpAddr,
    /// The certificates that the client presents, in PEM, its own first; it counts as having proved its key
    #[arg(long, value_name = "FILE", value_parser = TextFile::read)]
    cert: Option<TextFile>,
    /// Under TLS; with a certificate, a version or a key exchange it always is
    #[arg(long)]
    tls: bool,
    /// The version of TLS [default: 1.3]
    #[arg(long, value_name = "VERSION")]
    tls_version: Option<VersionChoice>,
    /// The key exchange: X25519MLKEM768 (in TLS 1.3), x25519, secp256r1 or secp384r1 [default: the first that the
    /// version has]
    #[arg(long, value_name = "GROUP")]
    key_exchange: Option<String>,
    /// The listener that it comes to [default: the first]
    #[arg(long, value_name = "NAME")]
    listener: Option<String>,
    /// The sender's address; without it there is none (`<>`)
    #[arg(long, value_name = "ADDRESS")]
    mail_from: Option<String>,
    /// The recipient's address
    #[arg(long, visible_alias = "rcpt", value_name = "ADDRESS")]
    rcpt_to: String,
    /// A field of the header, for rules that look at it: "Subject: secret"; may be repeated
    #[arg(long, value_name = "FIELD: TEXT")]
    header: Vec<String>,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum VersionChoice {
    /// TLS 1.2
    #[value(name = "1.2")]
    Tls12,
    /// TLS 1.3
    #[value(name = "1.3")]
    Tls13,
}

impl From<VersionChoice> for TlsVersion {
    fn from(choice: VersionChoice) -> Self {
        match choice {
            VersionChoice::Tls12 => Self::Tls12,
            VersionChoice::Tls13 => Self::Tls13,
        }
    }
}

pub(super) async fn run_inbound(args: ExplainInboundArgs, door: &Door) -> Result<Finding, CliError> {
    let mut certificate = None;
    if let Some(file) = &args.cert {
        file.set(&mut certificate);
    }
    let question = InboundQuestion {
        client: args.ip.to_string(),
        listener: args.listener,
        certificate,
        tls: args.tls,
        tls_version: args.tls_version.map(TlsVersion::from),
        key_exchange: args.key_exchange,
        mail_from: args.mail_from,
        recipient: args.rcpt_to,
        header: as_lines(&args.header),
    };
    let explanation: InboundExplanation = door.order(path::EXPLAIN_INBOUND, &question).await?;
    let mut out = Output::open();
    if args.json {
        out.json(&explanation)?;
    } else {
        show_inbound(&mut out, &explanation)?;
    }
    Ok(Finding::Done)
}

/// One field a line; whether each is one, the other end says.
fn as_lines(fields: &[String]) -> Option<String> {
    (!fields.is_empty()).then(|| fields.join("\n"))
}

fn show_rules(out: &mut Output, rules: &[RuleVerdict]) -> io::Result<()> {
    for rule in rules {
        let mark = match rule.standing {
            RuleStanding::Applies => "*",
            RuleStanding::Depends => "?",
            RuleStanding::DoesNot => " ",
        };
        let (name, verdict) = (escaped(&rule.rule), escaped(&rule.verdict));
        out.line(format_args!("  {mark} rule {name}: {verdict}"))?;
    }
    Ok(())
}

fn show_exceptions(out: &mut Output, exceptions: &[ExceptionVerdict]) -> io::Result<()> {
    for exception in exceptions {
        let mark = if exception.in_force { "*" } else { " " };
        let until = text::local(exception.until);
        let state = match exception.in_force {
            true => format!("lets pass {}, until {until}", exception.allows),
            false => format!("is not in force; its end is {until}"),
        };
        let words = format!("{} ({}: {})", state, exception.owner, exception.reason);
        let (name, words) = (escaped(&exception.exception), escaped(&words));
        out.line(format_args!("  {mark} exception {name}: {words}"))?;
    }
    Ok(())
}

fn show_requiretls(out: &mut Output, verdict: &RequireTlsVerdict) -> io::Result<()> {
    let word = match verdict.holds {
        true => out.paint(Tone::Good, "every condition holds"),
        false => out.paint(Tone::Bad, "would not be sent"),
    };
    out.line(format_args!("       REQUIRETLS: {word}"))?;
    for condition in &verdict.conditions {
        let standing = match condition.standing {
            ConditionStanding::Holds => "holds",
            ConditionStanding::Fails => "fails",
            ConditionStanding::NotKnown => "not known",
        };
        let (name, why) = (escaped(&condition.condition), escaped(&condition.verdict));
        out.line(format_args!("         {name}: {standing}: {why}"))?;
    }
    Ok(())
}

fn show_inbound(out: &mut Output, explanation: &InboundExplanation) -> io::Result<()> {
    let tone = if explanation.admitted { Tone::Good } else { Tone::Bad };
    let reply = out.paint(tone, escaped(&explanation.reply));
    let whose = match &explanation.organization {
        Some(organization) => format!("organization {}, ", escaped(organization)),
        None => String::new(),
    };
    out.line(format_args!(
        "{reply}  ({whose}directory version {})",
        explanation.directory
    ))?;
    for reason in &explanation.reasons {
        out.line(format_args!("  {}: {}", escaped(&reason.key), escaped(&reason.text)))?;
    }
    if let Some(words) = &explanation.next_hop {
        out.line(format_args!("  next hop: {}", escaped(words)))?;
    }
    for (check, verdict) in &explanation.verdicts {
        let words = format!("{check:?}: {verdict:?}");
        out.line(format_args!("  certificate: {}", escaped(&words)))?;
    }
    for connector in &explanation.connectors {
        let mark = if connector.matches { "*" } else { " " };
        let (name, verdict) = (escaped(&connector.connector), escaped(&connector.verdict));
        out.line(format_args!("  {mark} connector {name}: {verdict}"))?;
    }
    for verdict in &explanation.shadow {
        show_shadow(out, "", verdict)?;
    }
    show_rules(out, &explanation.rules)?;
    if let Some(limits) = &explanation.limits {
        show_limits(out, limits)?;
    }
    match &explanation.header_families {
        Some(verdict) => show_header_families(out, verdict),
        None => Ok(()),
    }
}

fn show_limits(out: &mut Output, RecipientLimits { size, recipients }: &RecipientLimits) -> io::Result<()> {
    out.line(format_args!(
        "  limits: {} of content at most ({}), {} recipients at most ({})",
        human::size(size.at_most),
        escaped(&size.set_by),
        recipients.at_most,
        escaped(&recipients.set_by)
    ))
}

fn show_header_families(out: &mut Output, verdict: &HeaderFamiliesVerdict) -> io::Result<()> {
    let families: Vec<String> = verdict.families.iter().map(|stem| format!("{stem}-*")).collect();
    let fate = match verdict.are_believed {
        true => "believed",
        false => "taken out",
    };
    out.line(format_args!(
        "  header fields {}: {fate}: {}",
        escaped(&families.join(", ")),
        escaped(&verdict.verdict)
    ))
}

pub(super) async fn run(args: ExplainArgs, door: &Door) -> Result<Finding, CliError> {
    let query = ExplainQuery {
        recipient: args.recipient,
        from: args.from,
        organization: args.organization,
        header: as_lines(&args.header),
        requiretls: args.requiretls,
    };
    let explanation: Explanation = door.fetch(path::EXPLAIN, &query).await?;
    let mut out = Output::open();
    if args.json {
        out.json(&explanation)?;
    } else {
        show(&mut out, &explanation, args.conversation)?;
    }
    Ok(Finding::Done)
}

fn show(out: &mut Output, explanation: &Explanation, conversation: bool) -> io::Result<()> {
    let title = out.paint(Tone::Strong, escaped(&explanation.recipient));
    out.line(format_args!(
        "{title}  organization {}, directory version {}",
        escaped(&explanation.organization),
        explanation.directory
    ))?;
    if !explanation.ends.is_empty() {
        return show_ends(out, explanation, conversation);
    }
    if let Some(local) = &explanation.local {
        out.line(format_args!("  ends here: {}", escaped(local)))?;
        return show_rules(out, &explanation.rules);
    }
    out.line(format_args!(
        "  way: {} ({})",
        escaped(&explanation.route),
        escaped(&explanation.because)
    ))?;
    for connector in &explanation.connectors {
        out.line(format_args!(
            "       connector {}: {}",
            escaped(&connector.connector),
            escaped(&connector.verdict)
        ))?;
    }
    show_rules(out, &explanation.rules)?;
    show_exceptions(out, &explanation.exceptions)?;
    let required = text::demands(&explanation.required, text::NO_DEMANDS);
    out.line(format_args!("  required: {}", escaped(&required)))?;
    if !explanation.not_looked_up.is_empty() {
        let what = explanation.not_looked_up.join(", ");
        out.line(format_args!("  not looked up yet by this version: {}", escaped(&what)))?;
    }
    if let Some(why) = &explanation.unroutable {
        let word = out.paint(Tone::Bad, "no host");
        out.line(format_args!("  {word}: {}", escaped(why)))?;
    }
    explanation
        .hosts
        .iter()
        .try_for_each(|host| show_host(out, host, conversation))
}

/// Of an alias: where its mail goes, and what goes along.
fn show_ends(out: &mut Output, alias: &Explanation, conversation: bool) -> io::Result<()> {
    let local = alias.local.as_deref().unwrap_or_default();
    out.line(format_args!("  is {}", escaped(local)))?;
    if !alias.required.is_empty() {
        let required = text::demands(&alias.required, text::NO_DEMANDS);
        out.line(format_args!("  required of each of them: {}", escaped(&required)))?;
    }
    out.indent(4);
    alias.ends.iter().try_for_each(|end| show(out, end, conversation))?;
    out.indent(0);
    Ok(())
}

fn show_host(out: &mut Output, host: &HostVerdict, conversation: bool) -> io::Result<()> {
    let word = match (&host.decision, &host.fault) {
        (Decision::Cleared(_), _) => out.paint(Tone::Good, "might be sent"),
        (Decision::Refused(_), _) => out.paint(Tone::Bad, "refused"),
        (Decision::NotJudged(_), _) => out.paint(Tone::Warning, "not reached"),
    };
    out.line(format_args!(
        "  host {} (preference {}), {} ms: {word}",
        escaped(&host.host),
        host.preference,
        host.millis
    ))?;
    for (name, failure) in &host.failed_handshakes {
        let failure = failure.to_string();
        let (name, failure) = (escaped(name), escaped(&failure));
        out.line(format_args!("       handshake with {name} failed: {failure}"))?;
    }
    if let Some(channel) = &host.channel {
        out.line(format_args!("       {}", channel.peer))?;
        show_security(out, &channel.security)?;
    }
    for reason in host.decision.reasons() {
        out.line(format_args!(
            "       {}: {}",
            escaped(&reason.key),
            escaped(&reason.text)
        ))?;
    }
    if let Some(fault) = &host.fault {
        out.line(format_args!("       {}", escaped(fault)))?;
    }
    for verdict in &host.shadow {
        show_shadow(out, "", verdict)?;
    }
    if let Some(verdict) = &host.requiretls {
        show_requiretls(out, verdict)?;
    }
    if conversation {
        show_conversation(out, &host.conversation)?;
    }
    Ok(())
}
