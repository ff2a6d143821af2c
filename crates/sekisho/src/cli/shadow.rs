//! What connectors and rules that are tried have in common: `shadow` says what would have become of mail, `promote`
//! makes them act.

use std::io;

use clap::Args;
use sekisho_api::{
    DocumentKind, Promoted, Promotion, SHADOW_DAYS, SHADOW_DAYS_MAX, ShadowQuery, ShadowReport, ShadowRow, path,
};
use sekisho_mail::ShadowOutcome;

use super::{
    CliError, Finding,
    changes::{self, OrderArgs},
    document::NameArgs,
    door::Door,
    output::{Output, Tone, table},
    text::{counted, grouped},
};
use crate::{directory::NAME_CHARS_MAX, telemetry::escaped};

#[derive(Debug, Args)]
pub(super) struct ReportArgs {
    #[command(flatten)]
    name: NameArgs,
    /// How many days back, today among them
    #[arg(long, default_value_t = SHADOW_DAYS, value_name = "DAYS",
        value_parser = clap::value_parser!(u32).range(1..=i64::from(SHADOW_DAYS_MAX)))]
    days: u32,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct PromoteArgs {
    #[command(flatten)]
    name: NameArgs,
    #[arg(long, help = format!("Even where it would have broken mail of the last {SHADOW_DAYS} days"))]
    force: bool,
    #[command(flatten)]
    order: OrderArgs,
}

/// What was counted of a document, or of its draft.
pub(super) async fn report(args: &ReportArgs, kind: DocumentKind, door: &Door) -> Result<Finding, CliError> {
    let query = ShadowQuery {
        kind,
        organization: args.name.organization.clone(),
        name: args.name.name.clone(),
        days: Some(args.days),
    };
    let report: ShadowReport = door.fetch(path::DIRECTORY_SHADOW, &query).await?;
    let mut out = Output::open();
    if args.json {
        out.json(&report)?;
    } else {
        show(&mut out, &report)?;
    }
    Ok(Finding::Done)
}

/// Makes a document, or the draft of one, act.
pub(super) async fn promote(args: &PromoteArgs, kind: DocumentKind, door: &Door) -> Result<Finding, CliError> {
    let promotion = Promotion {
        kind,
        organization: args.name.organization.clone(),
        name: args.name.name.clone(),
        based_on: changes::version(door).await?,
        force: args.force,
        comment: args.order.why.clone(),
        dry_run: args.order.dry_run,
    };
    let promoted: Promoted = door.order(path::DIRECTORY_PROMOTE, &promotion).await?;
    let mut out = Output::open();
    if args.order.json {
        out.json(&promoted)?;
        return Ok(Finding::Done);
    }
    changes::differences(&mut out, &promoted.changed.changes)?;
    changes::warnings(&mut out, &promoted.changed.warnings)?;
    changes::conclude(&mut out, &promoted.changed, args.order.dry_run)?;
    Ok(Finding::Done)
}

fn show(out: &mut Output, report: &ShadowReport) -> io::Result<()> {
    let title = report.document.title();
    let title = out.paint(Tone::Strong, escaped(&title));
    match &report.draft_of {
        Some(live) => out.line(format_args!("{title}, in the place of {}", escaped(live)))?,
        None => out.line(title)?,
    }
    let (seen, days) = (grouped(report.seen()), counted(report.days.into(), "day"));
    if report.seen() == 0 {
        let line = format!("  nothing that it concerns was seen in {days}");
        let line = out.paint(Tone::Warning, line);
        return out.line(line);
    }
    let tone = if report.fails > 0 { Tone::Bad } else { Tone::Good };
    let line = format!("  {} of {seen} in {days} would have failed", grouped(report.fails));
    let line = out.paint(tone, line);
    out.line(line)?;
    for (count, words) in [
        (report.passes, "would have passed"),
        (report.would_go, "that did not go would have gone"),
        (report.fails_anyway, "did not go and would have failed as well"),
        (report.not_known, "cannot be judged"),
    ] {
        if count > 0 {
            out.line(format_args!("  {} {words}", grouped(count)))?;
        }
    }
    let told = report.rows.iter().filter(|row| row.outcome != ShadowOutcome::Passes);
    let mut table = table(&["", "", "with", "why", "when"]);
    let mut is_empty = true;
    for row in told {
        is_empty = false;
        table.add_row(cells(row));
    }
    if is_empty { Ok(()) } else { out.line(table) }
}

fn cells(row: &ShadowRow) -> [String; 5] {
    let when = if row.first == row.last {
        row.first.clone()
    } else {
        format!("{} to {}", row.first, row.last)
    };
    [
        grouped(row.count),
        row.outcome.words().to_owned(),
        row.peer
            .as_deref()
            .map_or_else(|| "others".to_owned(), |peer| escaped(peer).to_string()),
        row.reason
            .as_deref()
            .map(|reason| escaped(reason).to_string())
            .unwrap_or_default(),
        when,
    ]
}

/// A name for the draft of a document that nothing else of its kind has.
pub(super) fn draft_name(live: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let named = |number: u32| {
        let ending = match number {
            1 => "-draft".to_owned(),
            number => format!("-draft-{number}"),
        };
        let kept: String = live.chars().take(NAME_CHARS_MAX - ending.len()).collect();
        kept + &ending
    };
    (1..).map(named).find(|name| !is_taken(name)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draft_has_a_name_that_is_free_and_not_too_long() {
        assert_eq!(draft_name("bank", |_| false), "bank-draft");
        assert_eq!(draft_name("bank", |name| name == "bank-draft"), "bank-draft-2");
        let long = "ü".repeat(64);
        assert_eq!(draft_name(&long, |_| false).chars().count(), 64);
    }
}
