//! What is known of OCSP answers for our own certificates, and what time makes of it: what may be stapled, when it is
//! asked for again, what an operator must see to. Values alone; the time is passed in.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use sekisho_api::{AlertKind, CertificateStaple, Severity};
use sekisho_mail::{Digest, Timestamp};
use sekisho_tls::{AnchorSet, Identity, OcspError, RETRY_AFTER, StapleAnswer, StapleObstacle, StapleQuestion};

use crate::alerts::Alert;

/// Certificates that are asked about; there are as many as listeners present, or will.
pub(super) const MAX_STAPLED: usize = 1000;
/// An answer is asked for anew after so long, however long it would hold.
const MAX_REFRESH: Duration = Duration::from_secs(24 * 3600);
/// How long a failure puts the next attempt off at most.
const MAX_BACK_OFF: Duration = Duration::from_secs(3600);
/// Octets of why something failed.
const MAX_CAUSE_LEN: usize = 512;

/// A certificate that listeners present, or will.
#[derive(Clone, Debug)]
pub(in crate::certificates) struct Shown {
    pub(in crate::certificates) identity: Identity,
    /// Role and id, or its file.
    pub(in crate::certificates) name: String,
    /// Those that present it just now.
    pub(in crate::certificates) listeners: BTreeSet<String>,
}

/// What is known of one.
#[derive(Clone, Debug)]
struct Entry {
    identity: Identity,
    name: String,
    listeners: BTreeSet<String>,
    is_required: bool,
    question: Result<StapleQuestion, StapleObstacle>,
    held: Option<StapleAnswer>,
    failure: Option<Failure>,
    /// When it was asked for last.
    asked: Timestamp,
    /// When it is asked for next.
    due: Timestamp,
    is_under_way: bool,
}

/// The last attempts that came to nothing.
#[derive(Clone, Debug)]
struct Failure {
    why: String,
    /// How many since it last went well.
    count: u32,
}

/// All of them, by leaf.
#[derive(Debug, Default)]
pub(super) struct Book(HashMap<Digest, Entry>);

impl Book {
    /// Has entries for these certificates and no others. Those that are new are in the answer, with what is asked about
    /// each: something may be kept of them.
    pub(super) fn plan(&mut self, shown: Vec<Shown>, anchors: &[AnchorSet], now: Timestamp) -> Vec<StapleQuestion> {
        let shown = by_leaf(shown);
        self.0.retain(|leaf, _| shown.contains_key(leaf));
        let mut new = Vec::new();
        for (leaf, one) in shown {
            if let Some(entry) = self.0.get_mut(&leaf) {
                (entry.name, entry.listeners) = (one.name, one.listeners);
                // The anchors may be others by now.
                if entry.question == Err(StapleObstacle::NoIssuer) {
                    entry.question = entry.identity.staple_question(anchors);
                }
                continue;
            }
            if self.0.len() >= MAX_STAPLED {
                continue;
            }
            let question = one.identity.staple_question(anchors);
            new.extend(question.clone().ok());
            let entry = Entry {
                is_required: one.identity.must_be_stapled(),
                identity: one.identity,
                name: one.name,
                listeners: one.listeners,
                question,
                held: None,
                failure: None,
                asked: now,
                due: now,
                is_under_way: false,
            };
            self.0.insert(leaf, entry);
        }
        new
    }

    /// What is to be asked for now; it is under way from here on. At most so many.
    pub(super) fn begin(&mut self, now: Timestamp, count: usize) -> Vec<StapleQuestion> {
        let waiting = self.0.values_mut().filter(|entry| entry.is_due(now));
        let mut begun = Vec::new();
        for entry in waiting.take(count) {
            if let Ok(question) = &entry.question {
                begun.push(question.clone());
                entry.is_under_way = true;
                entry.asked = now;
            }
        }
        begun
    }

    /// Takes an answer in that came at `at`; `share` between 0 and 1 spreads when the next is asked for.
    ///
    /// # Errors
    /// When one is held that is newer.
    pub(super) fn take(
        &mut self,
        leaf: &Digest,
        answer: StapleAnswer,
        at: Timestamp,
        share: f64,
    ) -> Result<(), OcspError> {
        let Some(entry) = self.0.get_mut(leaf) else {
            return Ok(());
        };
        if let Some(held) = &entry.held
            && held.next_update() > at
            && answer.this_update() < held.this_update()
        {
            return Err(OcspError::Older(held.this_update()));
        }
        let half = answer.next_update().since(at) / 2;
        entry.asked = at;
        entry.due = at.plus(spread(half.clamp(RETRY_AFTER, MAX_REFRESH), share));
        entry.held = Some(answer);
        entry.failure = None;
        entry.is_under_way = false;
        Ok(())
    }

    /// Notes that none could be had, and why.
    pub(super) fn fail(&mut self, leaf: &Digest, why: &str, at: Timestamp, share: f64) {
        let Some(entry) = self.0.get_mut(leaf) else { return };
        let count = entry
            .failure
            .as_ref()
            .map_or(0, |failure| failure.count)
            .saturating_add(1);
        let mut wait = RETRY_AFTER
            .saturating_mul(1 << count.saturating_sub(1).min(6))
            .min(MAX_BACK_OFF);
        if let Some(held) = &entry.held
            && held.next_update() > at
        {
            // Before what is held ends, it is tried more often.
            wait = wait.min((held.next_update().since(at) / 2).max(RETRY_AFTER));
        }
        entry.due = at.plus(spread(wait, share));
        entry.failure = Some(Failure {
            why: why[..why.floor_char_boundary(MAX_CAUSE_LEN.min(why.len()))].to_owned(),
            count,
        });
        entry.is_under_way = false;
    }

    /// What may be stapled now, by leaf.
    pub(super) fn good(&self, now: Timestamp) -> HashMap<Digest, StapleAnswer> {
        let held = self.0.iter().filter_map(|(leaf, entry)| {
            let answer = entry.stapled(now)?;
            Some((*leaf, answer.clone()))
        });
        held.collect()
    }

    /// The next moment at which something is to be done.
    pub(super) fn next(&self, now: Timestamp) -> Option<Timestamp> {
        let of_each = self.0.values().flat_map(|entry| {
            let due = entry.question.is_ok() && !entry.is_under_way;
            let ends = entry.stapled(now).map(StapleAnswer::next_update);
            [due.then_some(entry.due), ends]
        });
        of_each.flatten().min()
    }

    /// How each stands, by the SHA-256 of its leaf.
    pub(super) fn views(&self, now: Timestamp) -> HashMap<String, CertificateStaple> {
        let views = self.0.iter().map(|(leaf, entry)| {
            let view = CertificateStaple {
                until: entry.stapled(now).map(StapleAnswer::next_update),
                revoked_at: entry.revoked().map(|(at, _)| at),
                is_required: entry.is_required,
                reason: entry.reason(now),
                next_fetch: entry.question.is_ok().then_some(entry.due),
            };
            (leaf.to_string(), view)
        });
        views.collect()
    }

    /// Each that somebody can be asked about and that is presented, with the listener, its name, and the seconds for
    /// which something is still stapled to it.
    pub(super) fn left(&self, now: Timestamp) -> Vec<(String, String, i64)> {
        let asked = self.0.values().filter(|entry| entry.question.is_ok());
        let left = asked.flat_map(|entry| {
            let ends = entry.stapled(now).map(StapleAnswer::next_update);
            let left = ends.map_or(0, |ends| ends.as_secs() - now.as_secs());
            let listeners = entry.listeners.iter();
            listeners.map(move |listener| (listener.clone(), entry.name.clone(), left))
        });
        left.collect()
    }

    /// What an operator must see to.
    pub(super) fn alerts(&self, now: Timestamp) -> Vec<Alert> {
        self.0.values().filter_map(|entry| entry.alert(now)).collect()
    }
}

impl Entry {
    fn is_due(&self, now: Timestamp) -> bool {
        // A clock that was set back does not put it off.
        self.question.is_ok() && !self.is_under_way && (self.due <= now || now < self.asked)
    }

    /// What is stapled: good, and not past its end.
    fn stapled(&self, now: Timestamp) -> Option<&StapleAnswer> {
        let held = self.held.as_ref()?;
        (held.revoked().is_none() && now < held.next_update()).then_some(held)
    }

    /// Since when it is revoked, and why. «Revoked» is believed past its end, while nobody says anything else.
    fn revoked(&self) -> Option<(Timestamp, &'static str)> {
        self.held.as_ref()?.revoked()
    }

    /// Why nothing is stapled, or no newer answer is there.
    fn reason(&self, now: Timestamp) -> Option<String> {
        if let Some((at, why)) = self.revoked() {
            return Some(format!("it was revoked on {at}, {why}"));
        }
        let failure = self.failure.as_ref().map(|failure| failure.why.clone());
        match (&self.question, self.stapled(now)) {
            (Err(obstacle), _) => Some(obstacle.to_string()),
            (Ok(_), Some(_)) => failure,
            (Ok(_), None) => Some(failure.unwrap_or_else(|| "its authority was not asked yet".to_owned())),
        }
    }

    fn alert(&self, now: Timestamp) -> Option<Alert> {
        let alert = |kind, severity, text, remedy: &str, until| Alert {
            kind,
            subject: format!("certificate {}", self.name),
            severity,
            text,
            remedy: remedy.to_owned(),
            until,
        };
        if let Some((at, why)) = self.revoked() {
            let text =
                format!("its authority says by OCSP that it was revoked on {at}, {why}: who checks it refuses it");
            let remedy = "put another in its place (`sekisho certificate import` or `renew`), on a new key where the \
                          key was compromised";
            return Some(alert(
                AlertKind::OwnCertificateRevoked,
                Severity::Error,
                text,
                remedy,
                None,
            ));
        }
        if !self.is_required || self.listeners.is_empty() {
            return None;
        }
        let has_failed = self.question.is_err() || self.failure.is_some();
        let why = self.reason(now).filter(|_| has_failed)?;
        let remedy =
            "let this machine reach the responder, and look at `sekisho trust endpoints`, or tell its authority";
        let what = "it must not be presented without an OCSP answer (must-staple)";
        Some(match self.stapled(now).map(StapleAnswer::next_update) {
            None => {
                let text = format!("{what}, and there is none: {why}; clients that heed that break the handshake off");
                alert(AlertKind::StapleMissing, Severity::Error, text, remedy, None)
            }
            Some(ends) => {
                let text =
                    format!("{what}, the one that is stapled ends at {ends}, and no newer one can be had: {why}");
                alert(AlertKind::StapleMissing, Severity::Warning, text, remedy, Some(ends))
            }
        })
    }
}

/// The same certificate at several places is one.
fn by_leaf(shown: Vec<Shown>) -> HashMap<Digest, Shown> {
    let mut all: HashMap<Digest, Shown> = HashMap::new();
    for one in shown {
        let Some(leaf) = one.identity.chain().first().map(|leaf| leaf.sha256) else {
            continue;
        };
        match all.get_mut(&leaf) {
            Some(known) => known.listeners.extend(one.listeners),
            None => {
                all.insert(leaf, one);
            }
        }
    }
    all
}

/// Up to a tenth sooner or later, so that not all ask at the same moment.
fn spread(wait: Duration, share: f64) -> Duration {
    wait.mul_f64(0.9 + share / 5.0)
}
