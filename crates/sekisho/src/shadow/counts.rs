//! Verdicts of one document on one day, counted by outcome, peer and reason. However many peers and reasons there are,
//! it stays small: beyond so many, the rest is counted together.

use sekisho_mail::ShadowOutcome;
use serde::{Deserialize, Serialize};

/// Peers and reasons of failures that are told apart.
const FAILURES_MAX: usize = 30;
/// Those of everything else.
const OTHERS_MAX: usize = 20;
/// Octets that are kept of a peer's name.
const PEER_LEN_MAX: usize = 128;
/// Octets that are kept of a reason.
const REASON_LEN_MAX: usize = 384;

/// All that was counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Counts {
    pub(super) rows: Vec<Row>,
}

/// One outcome, peer and reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Row {
    pub(super) outcome: ShadowOutcome,
    /// None where there were too many peers and reasons to tell them apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) from: Option<From>,
    pub(super) count: u64,
}

/// Who, and why.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct From {
    pub(super) peer: String,
    /// Empty of what passes: it is the same for all of them.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) reason: String,
}

impl From {
    /// As much of it as is kept. Control characters are not: written as JSON each would take six octets.
    pub(super) fn new(outcome: ShadowOutcome, peer: &str, reason: &str) -> Self {
        let reason = if outcome == ShadowOutcome::Passes { "" } else { reason };
        Self {
            peer: shortened(peer, PEER_LEN_MAX),
            reason: shortened(reason, REASON_LEN_MAX),
        }
    }
}

fn shortened(text: &str, most: usize) -> String {
    let mut text = text.replace(char::is_control, "\u{fffd}");
    if text.len() > most {
        let end = (0..=most - "…".len()).rev().find(|end| text.is_char_boundary(*end));
        text.truncate(end.unwrap_or(0));
        text.push('…');
    }
    text
}

impl Counts {
    /// Counts more.
    pub(super) fn add(&mut self, outcome: ShadowOutcome, from: Option<From>, count: u64) {
        let from = from.filter(|from| self.is_known(outcome, from) || self.has_room(outcome));
        let same = |row: &&mut Row| row.outcome == outcome && row.from == from;
        match self.rows.iter_mut().find(same) {
            Some(row) => row.count = row.count.saturating_add(count),
            None => self.rows.push(Row { outcome, from, count }),
        }
    }

    /// All of another's on top.
    pub(super) fn add_all(&mut self, other: Self) {
        for Row { outcome, from, count } in other.rows {
            self.add(outcome, from, count);
        }
    }

    fn is_known(&self, outcome: ShadowOutcome, from: &From) -> bool {
        let mut rows = self.rows.iter();
        rows.any(|row| row.outcome == outcome && row.from.as_ref() == Some(from))
    }

    fn has_room(&self, outcome: ShadowOutcome) -> bool {
        let is_failure = |outcome| outcome == ShadowOutcome::Fails;
        let told = self.rows.iter().filter(|row| row.from.is_some());
        let alike = told.filter(|row| is_failure(row.outcome) == is_failure(outcome));
        let most = if is_failure(outcome) { FAILURES_MAX } else { OTHERS_MAX };
        alike.count() < most
    }
}

#[cfg(test)]
mod tests {
    use sekisho_store::OBSERVATION_LEN_MAX;

    use super::*;

    #[test]
    fn however_many_peers_there_are_it_fits_and_none_is_lost() {
        let mut counts = Counts::default();
        let long = "\"\\é\u{202e}\u{0}".repeat(500);
        for number in 0..1000 {
            for outcome in ShadowOutcome::ALL {
                let peer = format!("{number}{long}");
                counts.add(outcome, Some(From::new(outcome, &peer, &format!("{number}{long}"))), 2);
            }
        }
        let body = serde_json::to_string(&counts).unwrap();
        assert!(body.len() <= OBSERVATION_LEN_MAX, "{} octets", body.len());
        for outcome in ShadowOutcome::ALL {
            let rows = counts.rows.iter().filter(|row| row.outcome == outcome);
            assert_eq!(rows.map(|row| row.count).sum::<u64>(), 2000, "{outcome:?}");
        }
        let told = counts
            .rows
            .iter()
            .filter(|row| row.outcome == ShadowOutcome::Fails && row.from.is_some());
        assert_eq!(told.count(), FAILURES_MAX);
        assert_eq!(serde_json::from_str::<Counts>(&body).unwrap(), counts);
    }

    #[test]
    fn what_comes_twice_is_one_row_and_what_passes_needs_no_reason() {
        let mut counts = Counts::default();
        let add = |counts: &mut Counts, outcome, reason| {
            counts.add(outcome, Some(From::new(outcome, "mx.example", reason)), 1);
        };
        for reason in ["one", "two"] {
            add(&mut counts, ShadowOutcome::Passes, reason);
            add(&mut counts, ShadowOutcome::Fails, reason);
        }
        let mut twice = counts.clone();
        twice.add_all(counts);
        let rows: Vec<(ShadowOutcome, u64)> = twice.rows.iter().map(|row| (row.outcome, row.count)).collect();
        let (passes, fails) = (ShadowOutcome::Passes, ShadowOutcome::Fails);
        assert_eq!(rows, [(passes, 4), (fails, 2), (fails, 2)]);
    }
}
