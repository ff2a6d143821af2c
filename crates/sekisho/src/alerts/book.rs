//! What stands and what is over, as values: which alerts are new, graver or over, and which of them are to be told.
//! Nothing here writes or sends.

use std::{collections::BTreeMap, time::Duration};

use sekisho_api::{AlertView, Severity};
use sekisho_mail::Timestamp;

use super::{
    AlertSettings,
    alert::{Alert, Kept, Watcher, id},
};

/// Alerts of one watcher; of more, the gravest and soonest are kept.
pub(super) const ALERTS_PER_WATCHER: usize = 500;
/// Messages to the postmaster in an hour at most: what arises beyond that waits, and goes together.
pub(super) const MESSAGES_PER_HOUR: usize = 4;
/// The hour.
const HOUR: Duration = Duration::from_secs(3600);

/// What happened to an alert, for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// It is new, or stands again.
    Raised(Alert),
    /// It has become graver.
    Graver(Alert),
    /// It is over.
    Over(Alert),
}

/// All alerts, by key.
#[derive(Clone, Debug, Default)]
pub(super) struct Book {
    pub(super) kept: BTreeMap<String, Kept>,
}

/// When messages were sent in the last hour. It outlives what is read of the store: whatever becomes of that, there are
/// no more messages than these.
#[derive(Clone, Debug, Default)]
pub(super) struct Sent(Vec<Timestamp>);

impl Sent {
    /// A message was sent.
    pub(super) fn note(&mut self, now: Timestamp) {
        self.0.retain(|at| now.since(*at) < HOUR);
        self.0.push(now);
    }

    /// From when on another may be.
    pub(super) fn room(&self, now: Timestamp) -> Timestamp {
        let recent: Vec<Timestamp> = self.0.iter().filter(|at| now.since(**at) < HOUR).copied().collect();
        let oldest = recent.len().checked_sub(MESSAGES_PER_HOUR);
        oldest.map_or(now, |place| recent[place].plus(HOUR))
    }
}

/// What one statement of a watcher changes.
#[derive(Debug, Default)]
pub(super) struct Change {
    /// To be kept, by key.
    pub(super) kept: Vec<(String, Kept)>,
    /// Not to be kept any more.
    pub(super) forgotten: Vec<String>,
    pub(super) events: Vec<Event>,
    /// Alerts that were too many.
    pub(super) too_many: usize,
}

impl Change {
    pub(super) fn is_empty(&self) -> bool {
        self.kept.is_empty() && self.forgotten.is_empty()
    }
}

impl Book {
    pub(super) const fn new(kept: BTreeMap<String, Kept>) -> Self {
        Self { kept }
    }

    /// What comes of it that these are now all alerts of a watcher.
    pub(super) fn state(&self, watcher: Watcher, mut alerts: Vec<Alert>, now: Timestamp) -> Change {
        let mut change = Change::default();
        alerts.sort_by_key(|alert| (std::cmp::Reverse(alert.severity), alert.until.unwrap_or(now)));
        change.too_many = alerts.len().saturating_sub(ALERTS_PER_WATCHER);
        alerts.truncate(ALERTS_PER_WATCHER);
        let mut stated: BTreeMap<String, Alert> = BTreeMap::new();
        for alert in alerts.into_iter().map(Alert::within_limits) {
            // The gravest comes first, and is the one that counts.
            stated.entry(alert.key(watcher)).or_insert(alert);
        }
        let prefix = watcher.prefix();
        for (key, before) in self.of(&prefix) {
            if before.stands() && !stated.contains_key(key) {
                change.events.push(Event::Over(before.alert.clone()));
                if before.told.is_none() {
                    change.forgotten.push(key.clone());
                    continue;
                }
                let over = Some(now);
                change.kept.push((key.clone(), Kept { over, ..before.clone() }));
            }
        }
        for (key, alert) in stated {
            self.state_one(key, alert, now, &mut change);
        }
        change
    }

    fn state_one(&self, key: String, alert: Alert, now: Timestamp, change: &mut Change) {
        let Some(before) = self.kept.get(&key) else {
            change.events.push(Event::Raised(alert.clone()));
            change.kept.push((key, Kept::new(alert, now)));
            return;
        };
        if !before.stands() {
            change.events.push(Event::Raised(alert.clone()));
            // What comes and goes is not told each time.
            let (told, told_over) = (before.told, before.told_over);
            let again = Kept {
                told,
                told_over,
                ..Kept::new(alert, now)
            };
            change.kept.push((key, again));
        } else if alert.severity > before.alert.severity {
            change.events.push(Event::Graver(alert.clone()));
            let first = before.first;
            change.kept.push((
                key,
                Kept {
                    first,
                    ..Kept::new(alert, now)
                },
            ));
        } else if alert != before.alert {
            change.kept.push((
                key,
                Kept {
                    alert,
                    ..before.clone()
                },
            ));
        }
    }

    /// Takes a change over.
    pub(super) fn adopt(&mut self, change: Change) {
        for key in change.forgotten {
            self.kept.remove(&key);
        }
        self.kept.extend(change.kept);
    }

    fn of<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a String, &'a Kept)> {
        let from = self.kept.range(prefix.to_owned()..);
        from.take_while(move |(key, _)| key.starts_with(prefix))
    }

    /// Those that stand, errors first, then by what happens soonest.
    pub(super) fn standing(&self) -> Vec<AlertView> {
        let standing = self.kept.iter().filter(|(_, kept)| kept.stands());
        let mut views: Vec<AlertView> = standing.map(|(key, kept)| kept.view(key)).collect();
        views.sort_by_key(|one| {
            let until = one.until.map_or((true, one.first), |until| (false, until));
            (std::cmp::Reverse(one.severity), until)
        });
        views
    }

    /// What is to be kept once these are acknowledged, and the ids of which nothing stands.
    pub(super) fn acknowledge(&self, ids: Option<&[String]>, by: &str) -> (Vec<(String, Kept)>, Vec<String>) {
        let standing: BTreeMap<String, (&String, &Kept)> = self
            .kept
            .iter()
            .filter(|(_, kept)| kept.stands())
            .map(|(key, kept)| (id(key), (key, kept)))
            .collect();
        let missing = ids.unwrap_or_default().iter().filter(|id| !standing.contains_key(*id));
        let missing = missing.cloned().collect();
        let wanted = standing
            .iter()
            .filter(|(id, _)| ids.is_none_or(|ids| ids.contains(*id)));
        let changed = wanted.filter(|(_, (_, kept))| kept.acknowledged.is_none());
        let changed = changed.map(|(_, (key, kept))| {
            let acknowledged = Some(by.to_owned());
            (
                (*key).clone(),
                Kept {
                    acknowledged,
                    ..(*kept).clone()
                },
            )
        });
        (changed.collect(), missing)
    }

    /// When a message is due next, if nothing changes.
    pub(super) fn next_message(&self, settings: &AlertSettings) -> Option<Timestamp> {
        self.kept.values().filter_map(|kept| due(kept, settings)).min()
    }

    /// What goes into a message now: everything that is due, and what stands and would be due soon.
    pub(super) fn to_tell(&self, settings: &AlertSettings, now: Timestamp) -> Vec<String> {
        let soon = now.plus(settings.again_after / 2);
        // What has just arisen may still pass by.
        let is_fresh = |kept: &Kept| kept.stands() && kept.first.plus(settings.after) > now;
        let goes_along = |kept: &Kept| match due(kept, settings) {
            None => false,
            Some(at) if kept.told.is_none() || is_fresh(kept) => at <= now,
            Some(at) => at <= soon,
        };
        let told = self.kept.iter().filter(|(_, kept)| goes_along(kept));
        told.map(|(key, _)| key.clone()).collect()
    }

    /// What is to be kept of what was told.
    pub(super) fn told(&self, keys: &[String], now: Timestamp) -> Vec<(String, Kept)> {
        let kept = keys
            .iter()
            .filter_map(|key| Some((key.clone(), self.kept.get(key)?.clone())));
        kept.map(|(key, mut kept)| {
            if kept.stands() {
                kept.told = Some(now);
            } else {
                kept.told_over = Some(now);
            }
            (key, kept)
        })
        .collect()
    }

    /// Those that are over and of which nothing has to be known any more.
    pub(super) fn outdated(&self, settings: &AlertSettings, now: Timestamp) -> Vec<String> {
        let is_outdated = |kept: &Kept| {
            let told = kept.told.max(kept.told_over).unwrap_or(kept.first);
            kept.over
                .is_some_and(|over| now.since(over.max(told)) > settings.again_after)
        };
        let outdated = self.kept.iter().filter(|(_, kept)| is_outdated(kept));
        outdated.map(|(key, _)| key.clone()).collect()
    }

    /// How many stand, of each severity, for whoever `is_wanted`.
    pub(super) fn count(&self, is_wanted: impl Fn(&Alert) -> bool, severity: Severity) -> usize {
        let standing = self.kept.values().filter(|kept| kept.stands());
        standing
            .filter(|kept| kept.alert.severity == severity && is_wanted(&kept.alert))
            .count()
    }
}

/// When the postmaster is to be written to of it next.
fn due(kept: &Kept, settings: &AlertSettings) -> Option<Timestamp> {
    match (kept.over, kept.told) {
        // Who was told that it is there is told that it is over.
        (Some(over), Some(told)) if kept.told_over.is_none_or(|told_over| told_over < told) => {
            Some(over.plus(settings.after))
        }
        (Some(_), _) => None,
        (None, _) if kept.acknowledged.is_some() => None,
        (None, None) => Some(kept.first.plus(settings.after)),
        // One that stands again may pass by, as a new one.
        (None, Some(told)) => Some(told.plus(settings.again_after).max(kept.first.plus(settings.after))),
    }
}
