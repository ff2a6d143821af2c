//! What a change of the directory would have meant for past deliveries and will mean for queued messages, as it stands
//! below a plan.

use std::io;

use clap::Args;
use sekisho_api::{
    DirectoryImpact, DirectoryProposal, IMPACT_DAYS, IMPACT_DAYS_MAX, ImpactCounts, ImpactGroup, ImpactQuestion,
    ImpactVerdict, MailDirection, path,
};
use sekisho_mail::MessageId;
use serde::Serialize;

use super::{
    CliError,
    door::Door,
    output::{Output, Tone},
    text::{self, grouped},
};
use crate::telemetry::escaped;

/// Groups of each kind that are shown to a person.
const GROUPS_SHOWN: usize = 20;

/// How far a change is held against what happened.
#[derive(Debug, Args)]
pub(super) struct ImpactArgs {
    /// Leaves out which past deliveries and queued messages would be decided otherwise
    #[arg(long)]
    no_impact: bool,
    /// Days of past deliveries that are looked at
    #[arg(long, value_name = "DAYS", default_value_t = IMPACT_DAYS,
        value_parser = clap::value_parser!(u32).range(1..=i64::from(IMPACT_DAYS_MAX)), conflicts_with = "no_impact")]
    days: u32,
}

/// An answer, and below its own fields what it would have meant.
#[derive(Debug, Serialize)]
pub(super) struct WithImpact<'a, T> {
    #[serde(flatten)]
    pub(super) answer: &'a T,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) impact: Option<&'a DirectoryImpact>,
}

impl ImpactArgs {
    /// Asks, unless nobody wants to know.
    pub(super) async fn ask(
        &self,
        door: &Door,
        proposal: DirectoryProposal,
    ) -> Result<Option<DirectoryImpact>, CliError> {
        if self.no_impact {
            return Ok(None);
        }
        let question = ImpactQuestion {
            proposal,
            days: self.days,
        };
        Ok(Some(door.order(path::DIRECTORY_IMPACT, &question).await?))
    }
}

impl ImpactArgs {
    /// As [`Self::ask`], beside a change that does not depend on it: a trace that cannot be read keeps nobody from
    /// mending a connector.
    #[expect(clippy::print_stderr, reason = "the command line speaks to its user")]
    pub(super) async fn ask_beside(&self, door: &Door, proposal: DirectoryProposal) -> Option<DirectoryImpact> {
        match self.ask(door, proposal).await {
            Ok(impact) => impact,
            Err(error) => {
                eprintln!("sekisho: what it would have meant for past mail cannot be said: {error}");
                None
            }
        }
    }
}

/// Everything that is to be said of it.
pub(super) fn show(out: &mut Output, impact: &DirectoryImpact) -> io::Result<()> {
    let days = text::counted(impact.days.into(), "day");
    if impact.deliveries.total == 0 {
        out.line(format_args!("no delivery in {days} to hold it against"))?;
    } else {
        let line = counts(&impact.deliveries, "deliveries", "delivery", &format!(" in {days}"));
        out.line(line)?;
    }
    if let Some(stop) = &impact.stopped {
        let at = text::local(stop.at);
        let line = format!("warning: what came before {at} was not looked at: {}", stop.why);
        let line = out.paint(Tone::Warning, line);
        out.line(line)?;
    }
    if impact.deliveries.otherwise_then > 0 {
        out.line(format_args!(
            "  {} of them were decided otherwise at the time, by the directory of then",
            grouped(impact.deliveries.otherwise_then)
        ))?;
    }
    show_groups(out, impact, false)?;
    if impact.queued.total > 0 {
        out.line(counts(&impact.queued, "queued recipients", "queued recipient", ""))?;
        if let Some(stop) = &impact.queue_stopped {
            let at = text::local(stop.at);
            let line = format!("warning: what came after {at} was not looked at: {}", stop.why);
            let line = out.paint(Tone::Warning, line);
            out.line(line)?;
        }
        show_groups(out, impact, true)?;
    }
    if impact.in_no_group > 0 {
        out.line(format_args!("  {} more are not shown", grouped(impact.in_no_group)))?;
    }
    Ok(())
}

/// `of 4,112 deliveries in 30 days 4,075 the same, 37 differently`
fn counts(counts: &ImpactCounts, many: &str, one: &str, when: &str) -> String {
    let what = if counts.total == 1 { one } else { many };
    let mut line = format!(
        "of {} {what}{when} {} the same",
        grouped(counts.total),
        grouped(counts.same)
    );
    if counts.different > 0 {
        line.push_str(&format!(", {} differently", grouped(counts.different)));
    }
    if counts.unknown > 0 {
        line.push_str(&format!(", of {} it cannot be known", grouped(counts.unknown)));
    }
    line
}

fn show_groups(out: &mut Output, impact: &DirectoryImpact, queued: bool) -> io::Result<()> {
    for verdict in [ImpactVerdict::Different, ImpactVerdict::Unknown] {
        let of_kind = |group: &&ImpactGroup| group.queued == queued && group.verdict == verdict;
        let groups: Vec<&ImpactGroup> = impact.groups.iter().filter(of_kind).collect();
        let Some(_) = groups.first() else { continue };
        let (title, tone) = match verdict {
            ImpactVerdict::Different => ("  differently:", Tone::Bad),
            ImpactVerdict::Unknown => ("  cannot be known:", Tone::Warning),
        };
        let title = out.paint(tone, title);
        out.line(title)?;
        for group in groups.iter().take(GROUPS_SHOWN) {
            show_group(out, group)?;
        }
        let more: u64 = groups.iter().skip(GROUPS_SHOWN).map(|group| group.count).sum();
        if more > 0 {
            out.line(format_args!("    {} more; --json shows them", grouped(more)))?;
        }
    }
    Ok(())
}

fn show_group(out: &mut Output, group: &ImpactGroup) -> io::Result<()> {
    let domain = escaped(&group.domain);
    let host = group.host.as_deref().unwrap_or_default();
    let via = if host.is_empty() { "" } else { ", " };
    let direction = match group.direction {
        MailDirection::In => format!("from {domain}{via}{}", escaped(host)),
        MailDirection::Out => format!("to {domain}{via}{}", escaped(host)),
    };
    let became = match (&group.before, &group.after) {
        (Some(before), Some(after)) => format!(": {after} instead of {before}"),
        _ => String::new(),
    };
    out.line(format_args!("    {:>6}  {direction}{became}", grouped(group.count)))?;
    out.line(format_args!("            {}", escaped(&group.why)))?;
    let ids: Vec<String> = group.messages.iter().map(MessageId::to_string).collect();
    let ids = out.paint(Tone::Faint, ids.join(", "));
    out.line(format_args!("            {ids}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_there_is_said() {
        let all = ImpactCounts {
            total: 4112,
            same: 4075,
            different: 37,
            ..ImpactCounts::default()
        };
        assert_eq!(
            counts(&all, "deliveries", "delivery", " in 30 days"),
            "of 4,112 deliveries in 30 days 4,075 the same, 37 differently"
        );
        let one = ImpactCounts {
            total: 1,
            unknown: 1,
            ..ImpactCounts::default()
        };
        assert_eq!(
            counts(&one, "queued recipients", "queued recipient", ""),
            "of 1 queued recipient 0 the same, of 1 it cannot be known"
        );
    }
}
