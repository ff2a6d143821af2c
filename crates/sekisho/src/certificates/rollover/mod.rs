//! The roll-over of a role to a new key, as it is written down: where it stands, what it has passed and what it waits
//! for.
//!
//! It lies in the role's folder and is written before anything is done that follows from it, so that a restart goes on
//! at the very step. What is looked at outside, and when a step is passed, is `crate::rollover`'s to say; what the
//! store does about its certificates is in `store`.

mod store;

use std::{fmt, net::SocketAddr, str::FromStr};

use sekisho_mail::{Digest, Timestamp};
use sekisho_policy::directory::CertificateRoleKey;
use sekisho_tls::{KeyType, ProbeName};
use serde::{Deserialize, Serialize};

use super::{live::ITSELF, orders::Author, record::FORMAT};

pub(super) use store::refuse_coming;

/// Things that are kept of what happened.
const PASSED_MAX: usize = 200;

/// Where a roll-over stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// TLSA records of the next key stand beside the current ones, at every authoritative server.
    Records,
    /// Nobody remembers the records without it any more.
    WaitOut,
    /// There is a certificate on the next key.
    Issue,
    /// A handshake through the published name and address shows it.
    Prove,
    /// Partners who pin the key were told.
    Partners,
    /// The next certificate is presented from the chosen instant on.
    Switch,
    /// The old one is kept, so that it can be gone back to.
    Overlap,
    /// TLSA records of the old key are gone.
    Withdraw,
    /// All is done.
    Done,
}

impl Step {
    /// All of them, in their order.
    pub const ALL: [Self; 9] = [
        Self::Records,
        Self::WaitOut,
        Self::Issue,
        Self::Prove,
        Self::Partners,
        Self::Switch,
        Self::Overlap,
        Self::Withdraw,
        Self::Done,
    ];

    /// As people and the API have it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Records => "records",
            Self::WaitOut => "wait-out",
            Self::Issue => "issue",
            Self::Prove => "prove",
            Self::Partners => "partners",
            Self::Switch => "switch",
            Self::Overlap => "overlap",
            Self::Withdraw => "withdraw",
            Self::Done => "done",
        }
    }

    /// The one after it.
    #[must_use]
    pub fn next(self) -> Self {
        let place = Self::ALL.iter().position(|one| *one == self).unwrap_or_default();
        Self::ALL.get(place + 1).copied().unwrap_or(Self::Done)
    }

    /// Whether an operator may say that it is passed although it could not be seen.
    #[must_use]
    pub const fn can_be_accepted(self) -> bool {
        matches!(self, Self::Records | Self::Prove | Self::Withdraw)
    }
}

/// A text that names no step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no step of a roll-over that can be passed unseen; records, prove and withdraw are")]
pub struct StepError;

impl FromStr for Step {
    type Err = StepError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|step| step.as_str() == text);
        found.filter(|step| step.can_be_accepted()).ok_or(StepError)
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The key that comes, and those that it takes the place of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextKey {
    /// Which key: `ecdsa-p256`.
    pub key_type: String,
    /// The request in the store that it was made for; its certificate has the same id.
    pub id: String,
    /// The SHA-256 of its SubjectPublicKeyInfo: every certificate on it counts as next.
    pub spki_sha256: Digest,
    /// Its SubjectPublicKeyInfo in DER, in hexadecimal digits.
    pub spki: String,
    /// Certificates of the store that were in force when it began.
    pub old: Vec<String>,
    /// The SHA-256 of their keys' SubjectPublicKeyInfo.
    pub old_spki_sha256: Vec<Digest>,
}

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// It was begun.
    Begun,
    /// What it is for was seen.
    Done,
    /// There was nothing to do.
    Skipped,
    /// An operator said so, although it was not seen.
    Accepted,
    /// It was gone back behind it.
    Back,
}

impl How {
    /// As people and the API have it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Begun => "begun",
            Self::Done => "done",
            Self::Skipped => "skipped",
            Self::Accepted => "accepted",
            Self::Back => "back",
        }
    }
}

/// What became of a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passed {
    /// Which.
    pub step: Step,
    /// How it ended.
    pub how: How,
    /// When.
    pub at: Timestamp,
    /// By whom: `uid 0`, `sekisho`.
    pub by: String,
    /// What was seen, or why, in words.
    pub text: String,
}

/// Whose turn it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Turn {
    /// The operator's: nothing goes on without them.
    Operator,
    /// Somebody else's: DNS, an authority, the network. It is tried again by itself.
    Others,
    /// Time's.
    Time,
}

impl Turn {
    /// As people and the API have it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Others => "others",
            Self::Time => "time",
        }
    }
}

/// What a step waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wait {
    /// Whose turn it is.
    pub turn: Turn,
    /// What is waited for, and what an operator does about it.
    pub text: String,
    /// Until when, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// One thing that was seen at the last look.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sight {
    /// Whether it is as it must be.
    pub is_well: bool,
    /// What it is.
    pub text: String,
}

/// A TLSA record set, as its servers showed it last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordSet {
    /// Its name, with port and protocol before the host.
    pub name: String,
    /// What any of its servers shows, as in a zone file.
    pub records: Vec<String>,
    /// How long others may remember it.
    pub ttl_secs: u64,
}

/// The roll-over of a role to a new key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rollover {
    /// The version of this form: 1.
    pub format: u32,
    /// Goes up with every change: who looked at an older one changes nothing.
    pub revision: u64,
    /// Where it stands.
    pub step: Step,
    /// Since when.
    pub since: Timestamp,
    /// Who holds it where it is; it goes on when an operator says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_by: Option<String>,
    /// The keys that come, one of each type.
    pub keys: Vec<NextKey>,
    /// Ports of which TLSA records are looked at; the first is where the certificate is proved.
    pub ports: Vec<u16>,
    /// Name servers that an operator named; those of the zone where there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub name_servers: Vec<SocketAddr>,
    /// From when on the next certificate is to be presented; as soon as all is ready where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub switch_at: Option<Timestamp>,
    /// The secret name of the probe, in hexadecimal digits.
    pub probe: String,
    /// TLSA records as they were seen last; empty where there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub record_sets: Vec<RecordSet>,
    /// The longest that anybody may remember one of them, as far as was seen.
    #[serde(default)]
    pub remembered_secs: u64,
    /// Until when records without the next key may be remembered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_until: Option<Timestamp>,
    /// Records of the next key that were seen everywhere are gone again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub records_gone: Option<String>,
    /// What was seen at the last look.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sights: Vec<Sight>,
    /// When that was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub looked_at: Option<Timestamp>,
    /// What it waits for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<Wait>,
    /// Looks at this step that ended in waiting for others, in a row.
    #[serde(default)]
    pub failures: u32,
    /// When is looked next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub look_at: Option<Timestamp>,
    /// What it has passed, oldest first.
    pub passed: Vec<Passed>,
}

impl Rollover {
    fn new(start: &RolloverStart, keys: Vec<NextKey>, probe: &ProbeName, now: Timestamp) -> Self {
        Self {
            format: FORMAT,
            revision: 0,
            step: Step::Records,
            since: now,
            held_by: None,
            keys,
            ports: start.ports.clone(),
            name_servers: start.name_servers.clone(),
            switch_at: start.switch_at,
            probe: probe.to_hexadecimal(),
            record_sets: Vec::new(),
            remembered_secs: 0,
            wait_until: None,
            records_gone: None,
            sights: Vec::new(),
            looked_at: None,
            wait: None,
            failures: 0,
            look_at: None,
            passed: Vec::new(),
        }
    }

    /// Whether it has not ended.
    #[must_use]
    pub fn is_under_way(&self) -> bool {
        self.step != Step::Done
    }

    /// From when on what comes is presented, as soon as all before it is passed: never an instant that was over then.
    #[must_use]
    pub fn switches_at(&self) -> Timestamp {
        self.switch_at.map_or(self.since, |at| at.max(self.since))
    }

    /// Whether what comes is to be presented at an instant.
    #[must_use]
    pub fn brings_at(&self, now: Timestamp) -> bool {
        match self.step {
            Step::Switch => self.held_by.is_none() && self.switches_at() <= now,
            Step::Overlap | Step::Withdraw => true,
            _ => false,
        }
    }

    /// Whether it is to be looked at: at its instant, and at once where the clock was set back behind the last look.
    #[must_use]
    pub fn is_due(&self, now: Timestamp) -> bool {
        let is_early = self.look_at.is_some_and(|at| at > now);
        let went_back = self.looked_at.is_some_and(|at| at > now);
        self.is_under_way() && self.held_by.is_none() && (!is_early || went_back)
    }

    /// Whether this is a key that comes.
    #[must_use]
    pub fn is_next(&self, spki_sha256: Digest) -> bool {
        self.keys.iter().any(|key| key.spki_sha256 == spki_sha256)
    }

    /// Whether this is a key whose place is taken.
    #[must_use]
    pub fn is_old(&self, spki_sha256: Digest) -> bool {
        self.keys.iter().any(|key| key.old_spki_sha256.contains(&spki_sha256))
    }

    /// Enters a step.
    pub(crate) fn enter(&mut self, step: Step, now: Timestamp) {
        (self.step, self.since) = (step, now);
        self.sights.clear();
        (self.wait, self.looked_at, self.look_at) = (None, None, None);
        self.failures = 0;
    }

    /// Notes what became of the step that it stands at; of very many the second oldest goes.
    pub(crate) fn note(&mut self, how: How, text: String, author: &Author) {
        if self.passed.len() >= PASSED_MAX {
            self.passed.remove(1);
        }
        self.passed.push(Passed {
            step: self.step,
            how,
            at: author.at,
            by: author.by.clone(),
            text,
        });
    }

    /// Whether a step was skipped when it was passed last.
    #[must_use]
    pub fn was_skipped(&self, step: Step) -> bool {
        let last = self.passed.iter().rev().find(|passed| passed.step == step);
        last.is_some_and(|passed| passed.how == How::Skipped)
    }
}

/// How a roll-over is begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RolloverStart {
    /// Of which role.
    pub role: CertificateRoleKey,
    /// Which key; those of the role where none is named.
    pub key_type: Option<KeyType>,
    /// From when on the next certificate is to be presented.
    pub switch_at: Option<Timestamp>,
    /// Ports of which TLSA records are looked at; at least one.
    pub ports: Vec<u16>,
    /// Name servers that are asked instead of the zone's.
    pub name_servers: Vec<SocketAddr>,
}

/// The author of what the roll-over does by itself.
pub(crate) fn itself(at: Timestamp, why: &str) -> Author {
    Author {
        by: ITSELF.to_owned(),
        why: why.to_owned(),
        at,
    }
}
