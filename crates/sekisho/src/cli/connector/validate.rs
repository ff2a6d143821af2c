//! `sekisho connector validate` and `validations`: a connector that is tried, step by step, and what came of it before.

use std::io;

use clap::Args;
use sekisho_api::{
    LastValidation, LastValidations, LastValidationsQuery, StepResult, TestMail, VALIDATIONS_KEPT, ValidatedHost,
    ValidatedRecipient, Validation, ValidationHistory, ValidationOrder, ValidationStep, ValidationsQuery, path,
};

use crate::{
    cli::{
        CliError, Finding,
        document::NameArgs,
        door::Door,
        output::{Output, Tone},
        text,
        trace::{show_conversation, show_security},
    },
    telemetry::escaped,
};

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(in crate::cli) struct ValidateArgs {
    #[command(flatten)]
    name: NameArgs,
    /// A recipient in a domain of the connector; may be repeated [default: its validation-recipients]
    #[arg(long, value_name = "ADDRESS", value_delimiter = ',')]
    to: Vec<String>,
    /// The sender; "<>" for none [default: postmaster of the organization's first accepted domain]
    #[arg(long, value_name = "ADDRESS")]
    from: Option<String>,
    /// Sends no test message: hosts are asked of the recipient, and get no content
    #[arg(long, conflicts_with = "each_host")]
    no_mail: bool,
    /// Sends a test message to each host, not only to the first that takes the recipient
    #[arg(long)]
    each_host: bool,
    /// Shows what was said
    #[arg(long)]
    conversation: bool,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ValidationsArgs {
    #[command(flatten)]
    name: NameArgs,
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=i64::from(VALIDATIONS_KEPT)),
        help = format!("Validations at most; {VALIDATIONS_KEPT} are kept"))]
    limit: u32,
    /// Shows all steps of each
    #[arg(long)]
    steps: bool,
    /// Prints JSON, one validation a line
    #[arg(long)]
    json: bool,
}

/// A connector that does not pass is a finding: the command itself did what it should.
pub(super) async fn validate(args: ValidateArgs, door: &Door) -> Result<Finding, CliError> {
    let order = ValidationOrder {
        organization: args.name.organization,
        connector: args.name.name,
        to: args.to,
        from: args.from,
        mail: match (args.no_mail, args.each_host) {
            (true, _) => TestMail::None,
            (false, true) => TestMail::EachHost,
            (false, false) => TestMail::OneHost,
        },
    };
    let validation: Validation = door.order(path::VALIDATE, &order).await?;
    let mut out = Output::open();
    if args.json {
        out.json(&validation)?;
    } else {
        show(&mut out, &validation, args.conversation)?;
    }
    Ok(if validation.passed {
        Finding::Done
    } else {
        Finding::Refused
    })
}

pub(super) async fn list(args: ValidationsArgs, door: &Door) -> Result<Finding, CliError> {
    let query = ValidationsQuery {
        organization: args.name.organization,
        connector: args.name.name,
        limit: Some(args.limit),
    };
    let history: ValidationHistory = door.fetch(path::VALIDATIONS, &query).await?;
    let mut out = Output::open();
    for (place, validation) in history.validations.iter().enumerate() {
        if args.json {
            out.json(validation)?;
        } else if args.steps {
            if place > 0 {
                out.line("")?;
            }
            show(&mut out, validation, false)?;
        } else {
            show_title(&mut out, validation)?;
            show_failures(&mut out, validation)?;
        }
    }
    Ok(if history.validations.is_empty() {
        Finding::Missing
    } else {
        Finding::Done
    })
}

/// The last validations of an organization's connectors, or of one.
pub(super) async fn lasts(
    organization: Option<&str>,
    connector: Option<&str>,
    door: &Door,
) -> Result<Vec<LastValidation>, CliError> {
    let query = LastValidationsQuery {
        organization: organization.map(ToOwned::to_owned),
        connector: connector.map(ToOwned::to_owned),
    };
    let found: LastValidations = door.fetch(path::LAST_VALIDATIONS, &query).await?;
    Ok(found.connectors)
}

/// `passed 2026-11-28 01:02:03+00:00, changed since`; `never` where there was none.
pub(super) fn in_words(last: Option<&LastValidation>) -> String {
    let Some(last) = last else {
        return "never".to_owned();
    };
    let word = if last.passed { "passed" } else { "failed" };
    let changed = if last.changed_since { ", changed since" } else { "" };
    format!("{word} {}{changed}", text::local(last.at))
}

fn show_title(out: &mut Output, validation: &Validation) -> io::Result<()> {
    let (tone, word) = verdict(validation.passed);
    let word = out.paint(tone, word);
    let mail = match validation.mail {
        TestMail::None => "no mail",
        TestMail::OneHost => "a test message to one host",
        TestMail::EachHost => "a test message to each host",
    };
    out.line(format_args!(
        "{}  {word}  connector {}, from {}, {mail}, by {}, directory version {}, {} ms",
        text::local(validation.at),
        escaped(&validation.connector),
        escaped(&validation.from),
        escaped(&validation.by),
        validation.directory,
        validation.millis
    ))
}

fn show(out: &mut Output, validation: &Validation, conversation: bool) -> io::Result<()> {
    show_title(out, validation)?;
    for recipient in &validation.recipients {
        show_recipient(out, recipient)?;
        for host in &recipient.hosts {
            show_host(out, host, conversation)?;
        }
    }
    Ok(())
}

fn show_recipient(out: &mut Output, recipient: &ValidatedRecipient) -> io::Result<()> {
    out.line(format_args!(
        "  {} by {}",
        escaped(&recipient.recipient),
        escaped(&recipient.route)
    ))?;
    if let Some(otherwise) = &recipient.otherwise {
        let words = format!("mail to it goes another way today: {otherwise}");
        let words = out.paint(Tone::Warning, escaped(&words));
        out.line(format_args!("    {words}"))?;
    }
    let demands = text::demands(&recipient.required, text::NO_DEMANDS);
    out.line(format_args!("    required: {}", escaped(&demands)))?;
    if let Some(why) = &recipient.unroutable {
        let word = out.paint(Tone::Bad, "no host");
        out.line(format_args!("    {word}: {}", escaped(why)))?;
    }
    Ok(())
}

fn show_host(out: &mut Output, host: &ValidatedHost, conversation: bool) -> io::Result<()> {
    let (tone, word) = verdict(host.passed);
    let word = out.paint(tone, word);
    out.line(format_args!(
        "    host {} (preference {}): {word}",
        escaped(&host.host),
        host.preference
    ))?;
    for step in &host.steps {
        show_step(out, step)?;
    }
    if conversation {
        if let Some(channel) = &host.channel {
            show_security(out, &channel.security)?;
        }
        show_conversation(out, &host.conversation)?;
    }
    Ok(())
}

fn show_step(out: &mut Output, step: &ValidationStep) -> io::Result<()> {
    let (tone, word) = match step.result {
        StepResult::Passed => (Tone::Good, "passed "),
        StepResult::Failed => (Tone::Bad, "failed "),
        StepResult::Skipped => (Tone::Warning, "skipped"),
    };
    let word = out.paint(tone, word);
    out.line(format_args!(
        "      {:<15}{word} {:>6} ms  {}",
        step.step.title(),
        step.millis,
        escaped(&step.detail)
    ))?;
    let mut findings = step.findings.iter();
    findings.try_for_each(|finding| out.line(format_args!("{:33}{}", "", escaped(finding))))
}

/// Of a list only what went wrong.
fn show_failures(out: &mut Output, validation: &Validation) -> io::Result<()> {
    for recipient in &validation.recipients {
        if let Some(why) = &recipient.unroutable {
            out.line(format_args!("    {}: {}", escaped(&recipient.recipient), escaped(why)))?;
        }
        for host in recipient.hosts.iter().filter(|host| !host.passed) {
            for step in host.steps.iter().filter(|step| step.result == StepResult::Failed) {
                out.line(format_args!(
                    "    {} {}: {}: {}",
                    escaped(&recipient.recipient),
                    escaped(&host.host),
                    step.step.title(),
                    escaped(&step.detail)
                ))?;
            }
        }
    }
    Ok(())
}

const fn verdict(passed: bool) -> (Tone, &'static str) {
    if passed {
        (Tone::Good, "passed")
    } else {
        (Tone::Bad, "failed")
    }
}
