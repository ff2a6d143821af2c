//! When connectors are tried again by themselves: each at its own pace, a few at a time, and none while the server
//! stops.

use std::{
    collections::{HashMap, HashSet},
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::Arc,
    time::Duration,
};

use sekisho_api::TestMail;
use sekisho_mail::Timestamp;
use sekisho_policy::directory::ConnectorKey;
use sekisho_store::ObservationKind;
use tokio::{
    sync::{Notify, watch},
    task::{Id, JoinSet},
    time::sleep,
};

use super::{
    Validations,
    order::{Prepared, default_sender, in_force_by_name},
};
use crate::{app::Phase, clock, directory::Revalidation, outbound::Dispatcher};

/// Tried at a time.
const AT_ONCE: usize = 4;
/// Those that are overdue, after a start or a change, begin within this time, or within their own pace where that is
/// shorter: not all of them together.
const SPREAD: Duration = Duration::from_secs(300);
/// The schedule is looked at this often at least, whatever the clocks say.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// Validations that are older are forgotten, at a start: those of connectors that are gone, above all.
const KEPT: Duration = Duration::from_hours(2 * 365 * 24);
/// Who wants a validation that nobody ordered.
const SCHEDULE: &str = "schedule";

/// What is remembered of a connector in this process: when it was first seen on the schedule, and begun last.
#[derive(Clone, Copy)]
struct Seen {
    first: Timestamp,
    begun: Option<Timestamp>,
}

/// What the schedule remembers, and what is under way.
#[derive(Default)]
struct Schedule {
    seen: HashMap<ConnectorKey, Seen>,
    under_way: HashMap<Id, ConnectorKey>,
    jobs: JoinSet<()>,
}

impl Validations {
    /// Tries what is due until the server stops; what is under way then is dropped.
    pub async fn run_schedule(self: Arc<Self>, mut phase: watch::Receiver<Phase>) {
        let Some(dispatcher) = self.dispatcher.clone() else {
            return;
        };
        let before = clock::now().minus(KEPT);
        let forgotten = self.store.forget_observations(ObservationKind::Validation, before);
        if let Err(error) = forgotten.await {
            tracing::warn!(%error, "old validations could not be forgotten");
        }
        let changed = Arc::new(Notify::new());
        let told = Arc::clone(&changed);
        self.directory.listen(Box::new(move |_| told.notify_one()));
        let mut schedule = Schedule::default();
        self.alert_or_say().await;
        while *phase.borrow_and_update() == Phase::Running {
            let wait = self.begin_due(&dispatcher, &mut schedule).await;
            tokio::select! {
                told = phase.changed() => if told.is_err() { return },
                ended = schedule.jobs.join_next_with_id(), if !schedule.jobs.is_empty() => {
                    let ended = ended.map(|ended| ended.map(|(id, ())| id));
                    let id = ended.map(|ended| ended.unwrap_or_else(|error| {
                        tracing::error!(%error, "a validation broke off");
                        error.id()
                    }));
                    id.and_then(|id| schedule.under_way.remove(&id));
                }
                () = changed.notified() => self.alert_or_say().await,
                () = sleep(wait) => {}
            }
        }
    }

    /// After a start or a change of the directory: a connector that is not tried any more is no alert.
    async fn alert_or_say(&self) {
        if let Err(error) = self.alert().await {
            tracing::warn!(%error, "which connectors do not pass cannot be told");
        }
    }

    /// Begins as many of those that are due as may be under way; answers how long no other is due.
    async fn begin_due(self: &Arc<Self>, dispatcher: &Arc<Dispatcher>, schedule: &mut Schedule) -> Duration {
        let plans = Arc::clone(&self.directory.current().revalidations);
        let planned: HashSet<&ConnectorKey> = plans.iter().map(|plan| &plan.key).collect();
        schedule.seen.retain(|key, _| planned.contains(key));
        if plans.is_empty() {
            return LOOK_EVERY;
        }
        let lasts = match self.lasts().await {
            Ok(lasts) => lasts.lock().await,
            Err(error) => {
                tracing::warn!(%error, "what was validated before cannot be read");
                return LOOK_EVERY;
            }
        };
        let now = clock::now();
        let mut wait = LOOK_EVERY;
        for plan in plans.iter() {
            if schedule.under_way.values().any(|key| *key == plan.key) {
                continue;
            }
            let seen = schedule.seen.entry(plan.key.clone()).or_insert(Seen {
                first: now,
                begun: None,
            });
            let last = lasts.get(&plan.key).map(|last| last.at);
            let due = due(plan, *seen, last);
            if due > now {
                wait = wait.min(due.since(now));
            } else if schedule.jobs.len() < AT_ONCE {
                seen.begun = Some(now);
                let (validations, dispatcher, plan) = (Arc::clone(self), Arc::clone(dispatcher), plan.clone());
                let key = plan.key.clone();
                let job = async move { validations.revalidate(&dispatcher, plan).await };
                schedule.under_way.insert(schedule.jobs.spawn(job).id(), key);
            }
        }
        wait
    }

    async fn revalidate(&self, dispatcher: &Dispatcher, plan: Revalidation) {
        let key = plan.key;
        let in_force = dispatcher.configured();
        // One that has gone meanwhile is not tried.
        let found = in_force_by_name(&in_force, key.organization.as_str(), &key.name);
        if let Some(subject) = found {
            let prepared = Prepared {
                reverse_path: default_sender(&in_force.organizations, &key.organization),
                digest: plan.digest,
                recipients: plan.recipients,
                mail: if plan.with_mail {
                    TestMail::OneHost
                } else {
                    TestMail::None
                },
                by: SCHEDULE.to_owned(),
                subject,
            };
            if let Err(error) = self.run_and_keep(dispatcher, prepared).await {
                tracing::warn!(connector = %key, %error, "a validation could not be kept");
            }
        }
    }
}

/// When a connector is tried next.
fn due(plan: &Revalidation, seen: Seen, last: Option<Timestamp>) -> Timestamp {
    let newest = last.max(seen.begun);
    let by_pace = newest.map_or(seen.first, |newest| newest.plus(plan.every));
    if seen.begun.is_some() {
        return by_pace;
    }
    by_pace.max(seen.first.plus(share(&plan.key, plan.every.min(SPREAD))))
}

/// A part of `whole` that is always the same for this connector.
fn share(key: &ConnectorKey, whole: Duration) -> Duration {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    let millis = u64::try_from(whole.as_millis()).unwrap_or(u64::MAX).max(1);
    Duration::from_millis(hasher.finish() % millis)
}

#[cfg(test)]
mod tests {
    use sekisho_mail::OrganizationName;

    use super::*;

    fn plan(name: &str, secs: u64) -> Revalidation {
        Revalidation {
            key: ConnectorKey {
                organization: OrganizationName::FIRST,
                name: name.into(),
            },
            every: Duration::from_secs(secs),
            recipients: Vec::new(),
            with_mail: false,
            digest: String::new(),
        }
    }

    #[test]
    fn what_is_overdue_is_spread_and_everything_else_keeps_its_pace() {
        let start = Timestamp::from_secs(1_795_000_000);
        let at_start = Seen {
            first: start,
            begun: None,
        };
        let long_ago = Some(Timestamp::from_secs(1_000_000_000));
        let day = 86_400;
        let names: Vec<String> = (0..100).map(|number| format!("c{number}")).collect();
        for last in [None, long_ago] {
            let dues = names.iter().map(|name| due(&plan(name, day), at_start, last));
            let dues: HashSet<i64> = dues.map(|due| due.since(start).as_secs().cast_signed()).collect();
            assert!(dues.len() > 50 && dues.iter().all(|secs| *secs < 300), "{dues:?}");
        }
        assert!(due(&plan("a", 1), at_start, None) < start.plus(Duration::from_secs(1)));
        // Tried an hour ago, due in 23.
        let hour_ago = start.minus(Duration::from_secs(3600));
        let next = due(&plan("a", day), at_start, Some(hour_ago));
        assert_eq!(next, hour_ago.plus(Duration::from_secs(day)));
        // One whose history could not be kept is not begun over and over.
        let begun = Seen {
            begun: Some(start),
            ..at_start
        };
        assert_eq!(
            due(&plan("a", day), begun, long_ago),
            start.plus(Duration::from_secs(day))
        );
    }
}
