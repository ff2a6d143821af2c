//! How far the next certificate of a role has come, kept on disk: what waits for its answer, when it is tried again,
//! why it failed last, and what the authority suggests.

use std::path::{Path, PathBuf};

use sekisho_mail::{Digest, Timestamp};
use sekisho_policy::directory::CertificateRoleKey;
use sekisho_tls::KeyType;
use serde::{Deserialize, Serialize};

use super::{
    disk,
    fault::{AcmeFault, FaultKind},
    renewal::{Life, RenewalHint, back_off},
};

/// Why the last try failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastFailure {
    /// When.
    pub at: Timestamp,
    /// [`FaultKind::word`].
    pub kind: String,
    /// In words, the authority's among them; not escaped.
    pub words: String,
}

/// Of one role and key type.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Progress {
    /// The id of the request that waits for its certificate.
    pub request: Option<String>,
    /// Failures in a row.
    pub failures: u32,
    /// Not before this it is tried again.
    pub next_try: Option<Timestamp>,
    /// The last of the failures; gone with the next success.
    pub last_failure: Option<LastFailure>,
    /// What the authority suggests for the certificate of this fingerprint.
    pub hint: Option<(Digest, RenewalHint)>,
    /// When a hint is asked for again, whatever came of the last question.
    pub hint_again: Option<Timestamp>,
}

impl Progress {
    fn path(folder: &Path, role: &CertificateRoleKey, key_type: KeyType) -> PathBuf {
        folder
            .join("roles")
            .join(format!("{}.{}.{key_type}.json", role.organization, role.name))
    }

    /// What is kept; nothing where there is nothing.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn load(folder: &Path, role: &CertificateRoleKey, key_type: KeyType) -> Result<Self, AcmeFault> {
        let kept = disk::load(&Self::path(folder, role, key_type))?;
        Ok(kept.unwrap_or_default())
    }

    pub(super) fn store(&self, folder: &Path, role: &CertificateRoleKey, key_type: KeyType) -> Result<(), AcmeFault> {
        disk::store(&Self::path(folder, role, key_type), self)
    }

    /// The hint for this certificate.
    #[must_use]
    pub fn hint_for(&self, fingerprint: Digest) -> Option<&RenewalHint> {
        let (of, hint) = self.hint.as_ref()?;
        (*of == fingerprint).then_some(hint)
    }

    /// When the next hint for this certificate is asked for; at once when `None`.
    pub(super) fn ask_hint_at(&self, fingerprint: Digest) -> Option<Timestamp> {
        let kept = self.hint_for(fingerprint).map(|hint| hint.ask_again);
        // The later one: where the last question failed, what was suggested before still stands.
        kept.max(self.hint_again)
    }

    /// Notes a failure, and when it is tried again: by the authority's wish or ours, whichever is later.
    pub(super) fn fail(&mut self, fault: &AcmeFault, life: Option<&Life>, now: Timestamp) {
        // An order that is under way is not a failure of anybody's.
        let counts = fault.kind != FaultKind::Unfinished;
        self.failures = self.failures.saturating_add(u32::from(counts));
        let pause = life.map_or_else(|| back_off(self.failures), |life| life.back_off(self.failures));
        let ours = now.plus(pause);
        self.next_try = Some(fault.not_before.map_or(ours, |theirs| theirs.max(ours)));
        self.last_failure = Some(LastFailure {
            at: now,
            kind: fault.kind.word().to_owned(),
            words: fault.words.clone(),
        });
    }

    /// Notes that it is done; what is known of the old certificate goes.
    pub(super) fn succeed(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_question_that_failed_the_suggestion_stands_and_nothing_is_asked_before_its_time() {
        let (of, other) = (Digest([1; 32]), Digest([2; 32]));
        let at = Timestamp::from_secs;
        let mut progress = Progress::default();
        assert_eq!(progress.ask_hint_at(of), None);
        let hint = RenewalHint {
            start: at(500),
            end: at(600),
            explanation: None,
            ask_again: at(100),
        };
        progress.hint = Some((of, hint.clone()));
        assert_eq!(progress.ask_hint_at(of), Some(at(100)));
        assert_eq!(progress.ask_hint_at(other), None);
        progress.hint_again = Some(at(300));
        assert_eq!(progress.ask_hint_at(of), Some(at(300)));
        assert_eq!(progress.hint_for(of), Some(&hint));
    }
}
