//! Roll-overs of our own keys, as a machine of steps: the next key is made, its TLSA records stand beside the current
//! ones at every authoritative server, nobody remembers the old ones alone any more, the certificate is issued and
//! proved by published name and address, partners who pin the key are told, it is presented from the chosen instant
//! on, and after an overlap the old one and its records go.
//!
//! Nothing is remembered but what `certificates/rollover` writes down; each look begins with that. A fault of DNS or
//! of the network is never «there is nothing»: it waits. RFC 7671 §8, RFC 7672.

mod letter;
mod named;
mod outside;
mod records;
mod steps;
mod view;

#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    fmt,
    net::SocketAddr,
    sync::{Arc, Mutex as StdMutex, PoisonError},
    time::Duration,
};

use sekisho_api::{AlertKind, Severity};
use sekisho_mail::Timestamp;
use sekisho_policy::directory::CertificateRoleKey;
use sekisho_store::Store;
use tokio::{
    sync::{Mutex, Notify, OwnedMutexGuard, watch},
    task::{self, JoinSet},
    time::sleep,
};

pub use letter::{LetterFrom, letter};
pub use named::Names;
pub use outside::{Claim, Handshake, Network, NotIssued, Ordered, Outside, Seen};
pub use view::rollover_view;

use self::steps::{Look, Verdict};
use crate::{
    alerts::{Alert, Alerts, Watcher},
    app::Phase,
    certificates::{Author, Certificates, How, OrderError, Rollover, Step, Turn, itself},
    chance::select,
    clock,
    telemetry::escaped,
};

/// How long nothing is looked at, at most: by then a changed clock has been noticed.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// Between two looks at one step: a tenth of how long it has been waited for, within these.
const PAUSES: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(300));
/// After this an operator who is waited for is told once more, by an alert.
const OPERATOR_TOLD_AFTER: Duration = Duration::from_secs(24 * 3600);
/// A next certificate that is not presented yet is told of when this part of its life is left.
const PART_LEFT: u32 = 4;

/// How long records are taken to be remembered that an operator says are published, at least.
const UNSEEN_REMEMBERED: Duration = Duration::from_secs(3600);

/// Where the time comes from.
pub type Clock = Box<dyn Fn() -> Timestamp + Send + Sync>;

/// The one that brings roll-overs on.
pub struct RolloverKeeper {
    certificates: Arc<Certificates>,
    outside: Arc<dyn Outside>,
    clock: Clock,
    /// By role, each held by who looks at it: one that waits for somebody keeps no other waiting.
    turns: StdMutex<HashMap<CertificateRoleKey, Arc<Mutex<()>>>>,
    woken: Notify,
}

impl fmt::Debug for RolloverKeeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RolloverKeeper")
            .field("outside", &self.outside)
            .finish_non_exhaustive()
    }
}

impl RolloverKeeper {
    /// Nothing goes on before [`Self::keep`] or [`Self::advance`].
    #[must_use]
    pub fn new(certificates: Arc<Certificates>, outside: Arc<dyn Outside>, clock: Clock) -> Self {
        Self {
            certificates,
            outside,
            clock,
            turns: StdMutex::default(),
            woken: Notify::new(),
        }
    }

    /// Looks again at once.
    pub fn wake(&self) {
        self.woken.notify_one();
    }

    /// Brings roll-overs on until the server stops.
    pub async fn keep(self: Arc<Self>, alerts: Arc<Alerts>, store: Arc<dyn Store>, mut phase: watch::Receiver<Phase>) {
        let mut stated: Option<Vec<Alert>> = None;
        let mut looks = JoinSet::new();
        loop {
            let working = async {
                let now = clock::now();
                let next = self.set_going(&mut looks, now);
                while looks.try_join_next().is_some() {}
                let found = rollover_alerts(&self.certificates, now);
                if stated.as_ref() != Some(&found) {
                    stated = match alerts.state(&*store, Watcher::Rollovers, found.clone()).await {
                        Ok(()) => Some(found),
                        Err(error) => {
                            tracing::warn!(%error, "alerts about roll-overs cannot be kept");
                            None
                        }
                    };
                }
                let pause = next.map_or(LOOK_EVERY, |next| next.since(now)).min(LOOK_EVERY);
                select! {
                    () = sleep(pause.max(Duration::from_millis(100))) => {}
                    () = self.woken.notified() => {}
                }
            };
            select! {
                () = working => {}
                _ = phase.wait_for(|phase| *phase == Phase::Stopping) => return,
            }
        }
    }

    /// Looks at what is due, each by itself; answers when the next one is.
    fn set_going(self: &Arc<Self>, looks: &mut JoinSet<()>, now: Timestamp) -> Option<Timestamp> {
        let mut next: Option<Timestamp> = None;
        for (role, rollover) in self.certificates.rollovers() {
            // Whose turn is taken wakes us when it ends.
            let Ok(turn) = self.turn(&role).try_lock_owned() else {
                continue;
            };
            if rollover.is_due(now) {
                let keeper = Arc::clone(self);
                looks.spawn(async move {
                    keeper.go_through(&role, &turn, false).await;
                    keeper.woken.notify_one();
                });
            } else if rollover.is_under_way() && rollover.held_by.is_none() {
                next = [next, rollover.look_at].into_iter().flatten().min();
            }
        }
        next
    }

    fn turn(&self, key: &CertificateRoleKey) -> Arc<Mutex<()>> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(turns.entry(key.clone()).or_default())
    }

    /// Looks at a role's roll-over and brings it on as far as it goes; `at_once` even where the next look is not due.
    pub async fn advance(&self, key: &CertificateRoleKey, at_once: bool) {
        let turn = self.turn(key).lock_owned().await;
        self.go_through(key, &turn, at_once).await;
    }

    async fn go_through(&self, key: &CertificateRoleKey, _turn: &OwnedMutexGuard<()>, at_once: bool) {
        for _ in Step::ALL {
            let Some(rollover) = self.certificates.rollover(key) else {
                return;
            };
            let is_wanted = at_once && rollover.is_under_way() && rollover.held_by.is_none();
            if !is_wanted && !rollover.is_due((self.clock)()) {
                return;
            }
            let step = rollover.step;
            match self.look(key, rollover).await {
                Ok(rollover) if rollover.step == step => return,
                Ok(_) => {}
                Err(error) => {
                    // Somebody has changed it, which is looked at next; or the disk fails, which is told elsewhere too.
                    tracing::warn!(role = %key, step = %step, %error, "what was seen of a roll-over is not kept");
                    return;
                }
            }
        }
    }

    /// One look, and what follows from it.
    async fn look(&self, key: &CertificateRoleKey, mut rollover: Rollover) -> Result<Rollover, OrderError> {
        let role = self.certificates.role(key)?;
        let look = Look::new(self, key, &role);
        rollover.look_at = None;
        let verdict = look.at(&mut rollover).await;
        let now = (self.clock)();
        let step = rollover.step;
        match verdict {
            Verdict::Pass(how, text) => {
                let (how_word, said) = (how.as_str(), escaped(&text).to_string());
                tracing::info!(role = %key, %step, how = how_word, said, "a step of a roll-over is passed");
                rollover.note(how, text, &itself(now, ""));
                rollover.enter(step.next(), now);
            }
            Verdict::Back(to, text) => {
                tracing::warn!(role = %key, %step, text = %escaped(&text), "a roll-over goes back");
                rollover.note(How::Back, text, &itself(now, ""));
                rollover.enter(to, now);
            }
            Verdict::Wait(wait) => {
                let pause = (now.since(rollover.since) / 10).clamp(PAUSES.0, PAUSES.1);
                let again = rollover.look_at.unwrap_or_else(|| now.plus(pause));
                rollover.look_at = Some(wait.until.map_or(again, |until| again.min(until.max(now))));
                if rollover.wait.as_ref() != Some(&wait) {
                    let text = escaped(&wait.text).to_string();
                    tracing::info!(role = %key, %step, turn = wait.turn.as_str(), text, "a roll-over waits");
                }
                rollover.looked_at = Some(now);
                rollover.wait = Some(wait);
            }
        }
        let (certificates, role, changed) = (Arc::clone(&self.certificates), key.clone(), rollover.clone());
        let kept = task::spawn_blocking(move || certificates.change_rollover(&role, changed, now)).await;
        kept.map_err(|error| OrderError::BadOrder(format!("the order broke off: {error}")))??;
        Ok(rollover)
    }
}

/// What an operator says of a roll-over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GoOn {
    /// This step is passed although it could not be seen. Another by now is not.
    pub accept: Option<Step>,
    /// Partners who pin the key were told.
    pub told: bool,
    /// From when on the next certificate is to be presented.
    pub at: Option<Timestamp>,
    /// Name servers that are asked from now on; those of before where there are none.
    pub name_servers: Vec<SocketAddr>,
}

/// Lets a roll-over go on where it waits for its operator, and ends a hold.
///
/// # Errors
/// When it stands at another step than the order is for, or comes too late.
pub fn go_on(
    certificates: &Certificates,
    key: &CertificateRoleKey,
    order: &GoOn,
    author: &Author,
) -> Result<String, OrderError> {
    let mut rollover = under_way(certificates, key)?;
    let step = rollover.step;
    let is_at = |wanted: Step| {
        if step == wanted {
            return Ok(());
        }
        Err(OrderError::refused(format!(
            "it stands at its step {step} and not at {wanted}; look at it again with `sekisho certificate rollover \
             show {key}`"
        )))
    };
    let mut words = Vec::new();
    if let Some(at) = order.at {
        if step > Step::Switch || rollover.brings_at(author.at) {
            return Err(OrderError::refused(
                "the switch has been; an instant for it comes too late",
            ));
        }
        rollover.switch_at = Some(at);
        words.push(format!("the next certificate is to be presented from {at} on"));
    }
    if !order.name_servers.is_empty() {
        rollover.name_servers.clone_from(&order.name_servers);
        words.push("these name servers are asked from now on".to_owned());
    }
    if let Some(by) = rollover.held_by.take() {
        words.push(format!("it was held by {by} and goes on"));
    }
    if let Some(accepted) = order.accept {
        is_at(accepted)?;
        if !step.can_be_accepted() {
            let text = format!("the step {step} cannot be passed unseen; records, prove and withdraw can");
            return Err(OrderError::refused(text));
        }
        if author.why.is_empty() {
            return Err(OrderError::BadOrder("say why it is accepted, with --why".to_owned()));
        }
        rollover.note(How::Accepted, author.why.clone(), author);
        if step == Step::Records {
            // That it is published is taken on trust; that others forget what they have seen takes its time all the
            // same.
            let remembered = Duration::from_secs(rollover.remembered_secs).max(UNSEEN_REMEMBERED);
            rollover.wait_until = Some(author.at.plus(remembered));
            rollover.records_gone = None;
        }
        rollover.enter(step.next(), author.at);
        words.push(format!("{step} is accepted unseen"));
    }
    if order.told {
        is_at(Step::Partners)?;
        let text = if author.why.is_empty() {
            "partners were told"
        } else {
            &author.why
        };
        rollover.note(How::Done, text.to_owned(), author);
        rollover.enter(Step::Switch, author.at);
        words.push("partners were told".to_owned());
    }
    rollover.look_at = None;
    certificates.change_rollover(key, rollover, author.at)?;
    Ok(if words.is_empty() {
        "it is looked at".to_owned()
    } else {
        words.join("; ")
    })
}

/// Goes one step back and stays there: behind the switch the old certificate is presented again.
///
/// # Errors
/// When there is nothing before, or nothing to go back to.
pub fn go_back(certificates: &Certificates, key: &CertificateRoleKey, author: &Author) -> Result<String, OrderError> {
    let mut rollover = under_way(certificates, key)?;
    let (step, was_brought) = (rollover.step, rollover.brings_at(author.at));
    let passed = Step::ALL
        .into_iter()
        .filter(|one| *one < step && !rollover.was_skipped(*one));
    let to = match step {
        Step::Overlap | Step::Withdraw => Some(Step::Switch),
        Step::Switch if was_brought => Some(Step::Switch),
        _ => passed.max(),
    };
    let Some(to) = to else {
        return Err(OrderError::refused(format!(
            "nothing is before this step; to end the roll-over: `sekisho certificate rollover cancel {key}`"
        )));
    };
    let why = if author.why.is_empty() { "by order" } else { &author.why };
    rollover.note(How::Back, why.to_owned(), author);
    rollover.enter(to, author.at);
    rollover.held_by = Some(author.by.clone());
    if step >= Step::Switch {
        // Who goes back from a switch chooses the next instant anew.
        rollover.switch_at = None;
    }
    certificates.take_back(key, rollover, author)?;
    Ok(format!(
        "it stands at {to} and is held there{}",
        if was_brought {
            "; the old certificate is presented again"
        } else {
            ""
        }
    ))
}

fn under_way(certificates: &Certificates, key: &CertificateRoleKey) -> Result<Rollover, OrderError> {
    let rollover = certificates.rollover(key).filter(Rollover::is_under_way);
    rollover.ok_or_else(|| OrderError::Missing(format!("no roll-over of role {key} is under way")))
}

/// What an operator should know of roll-overs.
#[must_use]
pub fn rollover_alerts(certificates: &Certificates, now: Timestamp) -> Vec<Alert> {
    let mut alerts = Vec::new();
    for (key, rollover) in certificates.rollovers() {
        if !rollover.is_under_way() {
            continue;
        }
        let alert = |kind, severity, text: String, until| Alert {
            kind,
            subject: format!("certificate role {key}"),
            severity,
            text,
            remedy: format!("see `sekisho certificate rollover show {key}`"),
            until,
        };
        if let Some(gone) = &rollover.records_gone {
            alerts.push(alert(AlertKind::RolloverAtRisk, Severity::Error, gone.clone(), None));
        } else if let Some(ends) = next_ends(certificates, &key, &rollover, now) {
            let text = format!("the next certificate ends at {ends} and is not presented yet");
            alerts.push(alert(AlertKind::RolloverAtRisk, Severity::Error, text, Some(ends)));
        }
        let is_late = now.since(rollover.since) >= OPERATOR_TOLD_AFTER;
        let waits = rollover.wait.as_ref().filter(|wait| wait.turn != Turn::Time);
        let waits = waits.map(|wait| wait.text.clone());
        let held = rollover
            .held_by
            .as_ref()
            .map(|by| format!("{by} holds it at its step {}", rollover.step));
        if let Some(text) = held.or(waits).filter(|_| is_late) {
            let text = format!("the roll-over has not gone on since {}: {text}", rollover.since);
            alerts.push(alert(AlertKind::RolloverWaits, Severity::Warning, text, None));
        }
    }
    alerts
}

/// When the first of the next certificates ends, where little of its life would be left at the switch.
fn next_ends(
    certificates: &Certificates,
    key: &CertificateRoleKey,
    rollover: &Rollover,
    now: Timestamp,
) -> Option<Timestamp> {
    if rollover.step > Step::Switch {
        return None;
    }
    let switch = rollover.switch_at.unwrap_or(now).max(now);
    let next = certificates.of_rollover(key, rollover).into_iter();
    let ends = next
        .filter(|one| rollover.is_next(one.record.spki_sha256))
        .filter_map(|one| {
            let identity = one.identity?;
            let leaf = identity.chain().first()?;
            let told_from = leaf.not_after.minus(leaf.not_after.since(leaf.not_before) / PART_LEFT);
            (told_from <= switch).then_some(leaf.not_after)
        });
    ends.min()
}
