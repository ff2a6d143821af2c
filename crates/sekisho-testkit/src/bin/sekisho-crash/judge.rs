//! Law 1 and law 2, judged by the ledger alone; the server is not asked.

use std::{
    fmt,
    time::{Duration, Instant},
};

use crate::ledger::{Arrival, Entries, Place, Plan, Sent};

/// How long before a crash a delivery may have ended that is repeated after it: settling is lazy by a tenth of a
/// second, and machines stand still for much longer than that when their disk is busy.
const SETTLE_LIMIT: Duration = Duration::from_secs(10);
/// So many findings of a kind are named.
const NAMED: usize = 10;

/// What a round came to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Verdict {
    pub(crate) acknowledged: usize,
    /// First arrivals.
    pub(crate) delivered: usize,
    /// Acknowledged and not arrived.
    pub(crate) lost: Vec<String>,
    /// Arrived, and not as it was sent.
    pub(crate) altered: Vec<String>,
    /// Arrived, and never wholly sent, or not to that recipient, or none of ours at all.
    pub(crate) ghosts: Vec<String>,
    /// Arrived in the clear where encryption is required.
    pub(crate) weakened: Vec<String>,
    /// Arrived more than once without a crash that explains it.
    pub(crate) unexplained: Vec<String>,
    /// Arrived more than once, each time because of a crash.
    pub(crate) repeated: usize,
    /// The longest time from a delivery to the crash that had it repeated.
    pub(crate) longest_unsettled: Duration,
    /// Acknowledged and not arrived, and flushed at the very moment at which a disk was cut off under a server that
    /// went on: the kernel may have told it that all is well.
    pub(crate) doubtful: usize,
    /// Refused after the content, and delivered all the same: the failure hit between the disk and the answer.
    pub(crate) refused_and_delivered: usize,
}

impl Verdict {
    /// Whether nothing is wrong.
    pub(crate) const fn is_clean(&self) -> bool {
        self.lost.is_empty()
            && self.altered.is_empty()
            && self.ghosts.is_empty()
            && self.weakened.is_empty()
            && self.unexplained.is_empty()
    }

    /// Everything that is wrong, some of each kind by name.
    pub(crate) fn findings(&self) -> Vec<String> {
        let kinds = [
            ("lost", &self.lost),
            ("altered", &self.altered),
            ("ghost", &self.ghosts),
            ("below its policy", &self.weakened),
            ("duplicate that no crash explains", &self.unexplained),
        ];
        let named = kinds
            .into_iter()
            .flat_map(|(kind, found)| found.iter().take(NAMED).map(move |what| format!("{kind}: {what}")));
        named.collect()
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} acknowledged, {} delivered; lost {}, altered {}, ghosts {}, below policy {}, unexplained duplicates \
             {}; {} repeated after a crash (at most {} ms after delivery), {} refused and delivered, {} in doubt",
            self.acknowledged,
            self.delivered,
            self.lost.len(),
            self.altered.len(),
            self.ghosts.len(),
            self.weakened.len(),
            self.unexplained.len(),
            self.repeated,
            self.longest_unsettled.as_millis(),
            self.refused_and_delivered,
            self.doubtful,
        )
    }
}

/// Judges what is known after the server has been drained.
pub(crate) fn judge(entries: &Entries, plan: impl Fn(u64) -> Plan) -> Verdict {
    let mut verdict = Verdict {
        ghosts: entries.strangers.clone(),
        ..Verdict::default()
    };
    for (number, sent) in &entries.sent {
        let Some(at) = sent.acknowledged else { continue };
        verdict.acknowledged += 1;
        let missing = plan(*number).places.into_iter();
        let missing = missing.filter(|place| !entries.arrivals.contains_key(&(*number, *place)));
        let names = missing.map(|place| format!("{number} to {}", place.name()));
        if entries.doubts.iter().any(|doubt| is_in_doubt(*sent, at, *doubt)) {
            verdict.doubtful += names.count();
        } else {
            verdict.lost.extend(names);
        }
    }
    for ((number, place), arrivals) in &entries.arrivals {
        verdict.delivered += 1;
        let name = || format!("{number} to {}", place.name());
        let sent = entries.sent.get(number).copied().unwrap_or_default();
        if sent.offered.is_none() || !plan(*number).places.contains(place) {
            verdict.ghosts.push(name());
        }
        verdict.refused_and_delivered += usize::from(sent.refused);
        if arrivals.iter().any(|arrival| !arrival.whole) {
            verdict.altered.push(name());
        }
        if place.wants_tls() && arrivals.iter().any(|arrival| !arrival.tls) {
            verdict.weakened.push(name());
        }
        for pair in arrivals.windows(2) {
            match unsettled(entries, *place, pair[0], pair[1]) {
                Some(gap) => {
                    verdict.repeated += 1;
                    verdict.longest_unsettled = verdict.longest_unsettled.max(gap);
                }
                None => verdict.unexplained.push(name()),
            }
        }
    }
    verdict
}

/// Whether it may have been flushed at the moment when the disk went away under a server that lived on.
fn is_in_doubt(sent: Sent, acknowledged: Instant, (begin, end): (Instant, Instant)) -> bool {
    acknowledged >= begin && sent.offered.is_some_and(|offered| offered <= end)
}

/// How long before its life's end a delivery was that came once more; `None` when that end does not explain it.
fn unsettled(entries: &Entries, place: Place, first: Arrival, second: Arrival) -> Option<Duration> {
    // A repeat finds the file that is there already.
    if place.is_local() {
        return None;
    }
    let (life, next) = (first.life?, second.life?);
    let end = *entries.ends.get(life)?;
    let gap = end.saturating_duration_since(first.at);
    (next > life && gap <= SETTLE_LIMIT).then_some(gap)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(_: u64) -> Plan {
        Plan {
            recipients: Vec::new(),
            places: vec![Place::Strict, Place::Maildir],
            chunked: false,
            broken_off: false,
        }
    }

    fn arrival(life: Option<usize>, at: Instant) -> Arrival {
        Arrival {
            life,
            at,
            tls: true,
            whole: true,
        }
    }

    /// Number 1, sent and arrived at both of its places in life 0, which ended then.
    fn entries() -> (Entries, Instant) {
        let now = Instant::now();
        let mut entries = Entries::default();
        let done = Sent {
            offered: Some(now),
            acknowledged: Some(now),
            refused: false,
        };
        entries.sent.insert(1, done);
        entries.arrivals.insert((1, Place::Strict), vec![arrival(Some(0), now)]);
        entries.arrivals.insert((1, Place::Maildir), vec![arrival(None, now)]);
        entries.ends.push(now + Duration::from_millis(90));
        (entries, now)
    }

    #[test]
    fn what_arrived_whole_once_at_each_of_its_places_is_well() {
        let verdict = judge(&entries().0, plan);
        assert!(verdict.is_clean(), "{verdict:?}");
        assert_eq!((verdict.acknowledged, verdict.delivered), (1, 2));
    }

    #[test]
    fn each_wrong_is_found() {
        let told = |change: &dyn Fn(&mut Entries, Instant)| {
            let (mut entries, now) = entries();
            change(&mut entries, now);
            judge(&entries, plan).findings()
        };
        let strict = (1, Place::Strict);
        assert_eq!(
            told(&|entries, _| drop(entries.arrivals.remove(&strict))),
            ["lost: 1 to one@strict.example"]
        );
        assert_eq!(
            told(&|entries, _| entries.sent.clear()),
            ["ghost: 1 to one@strict.example", "ghost: 1 to box"]
        );
        assert_eq!(
            told(&|entries, now| drop(entries.arrivals.insert((1, Place::Tls), vec![arrival(Some(0), now)]))),
            ["ghost: 1 to one@tls.example"]
        );
        assert_eq!(
            told(&|entries, _| entries.strangers.push("a bounce".to_owned())),
            ["ghost: a bounce"]
        );
        let first = |entries: &mut Entries, change: &dyn Fn(&mut Arrival)| {
            entries.arrivals.get_mut(&strict).into_iter().flatten().for_each(change);
        };
        assert_eq!(
            told(&|entries, _| first(entries, &|arrival| arrival.whole = false)),
            ["altered: 1 to one@strict.example"]
        );
        assert_eq!(
            told(&|entries, _| first(entries, &|arrival| arrival.tls = false)),
            ["below its policy: 1 to one@strict.example"]
        );
    }

    #[test]
    fn only_what_was_being_flushed_when_the_disk_went_away_is_in_doubt() {
        let (mut entries, now) = entries();
        entries.arrivals.clear();
        let (before, after) = (now.checked_sub(SETTLE_LIMIT).expect("long up"), now + SETTLE_LIMIT);
        let mut found = |begin, end| {
            entries.doubts = vec![(begin, end)];
            let verdict = judge(&entries, plan);
            (verdict.lost.len(), verdict.doubtful)
        };
        assert_eq!(found(now, now), (0, 2));
        assert_eq!(found(after, after), (2, 0), "acknowledged before the cut");
        assert_eq!(found(before, before), (2, 0), "sent after it");
    }

    #[test]
    fn a_repeat_needs_a_crash_in_between_and_a_mailbox_has_none() {
        let (clean, now) = entries();
        let repeats = |place: Place, life: Option<usize>, at: Instant| {
            let mut entries = clean.clone();
            entries
                .arrivals
                .insert((1, place), vec![arrival(Some(0), at), arrival(life, now)]);
            let verdict = judge(&entries, plan);
            (verdict.repeated, verdict.unexplained.len())
        };
        assert_eq!(repeats(Place::Strict, Some(1), now), (1, 0));
        assert_eq!(repeats(Place::Strict, Some(0), now), (0, 1));
        assert_eq!(repeats(Place::Maildir, Some(1), now), (0, 1));
        let long_before = now.checked_sub(2 * SETTLE_LIMIT).expect("the machine is up for longer");
        assert_eq!(repeats(Place::Strict, Some(1), long_before), (0, 1));
    }
}
