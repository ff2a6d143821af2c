//! What dated exceptions change in a judgement: each lowers the demands of the document that it names, as far as it
//! says, and only while it is in force. Every other demand stands.

use std::sync::Arc;

use sekisho_mail::{CertificateFault, ChannelSecurity, Check, Demand, DemandLevel, Timestamp, Verdict};

use super::{
    HostPlan,
    judge::{examine, examine_beside},
};
use crate::directory::{Exception, Relaxation};

impl HostPlan {
    /// Whether an exception lifted a demand altogether when the plan was made.
    pub(super) fn is_lifted(&self, demand: &Demand) -> bool {
        let lifts = |exception: &Arc<Exception>| exception.allows == Relaxation::Plaintext;
        self.exceptions_to(demand, self.is_carried(demand), self.made_at())
            .any(lifts)
    }

    /// The exception that lets pass at `now` what a demand does not. It is looked for only where one does not hold, so
    /// what is said of one says that it was needed. `is_carried` says whether the demand travels with the message.
    pub(super) fn excuse<'a>(
        &'a self,
        (demand, is_carried): (&'a Demand, bool),
        security: &ChannelSecurity,
        now: Timestamp,
    ) -> Option<&'a Arc<Exception>> {
        self.exceptions_to(demand, is_carried, now)
            .find(|exception| holds_so_far(exception.allows, &demand.level, security))
    }

    /// What lets pass a document's demand on the way that it covers says nothing of the same demand where it has come
    /// along from elsewhere (law 2).
    fn exceptions_to<'a>(
        &'a self,
        demand: &'a Demand,
        is_carried: bool,
        now: Timestamp,
    ) -> impl Iterator<Item = &'a Arc<Exception>> {
        let reaches = move |exception: &Exception| !is_carried || exception.travels();
        self.exceptions()
            .iter()
            .filter(move |one| one.is_in_force(now) && reaches(one) && one.is_about(demand))
    }
}

/// Whether as much of a demand holds as an exception leaves of it.
fn holds_so_far(allows: Relaxation, level: &DemandLevel, security: &ChannelSecurity) -> bool {
    match (allows, level) {
        (Relaxation::Plaintext, _) => true,
        (
            Relaxation::AnyCertificate,
            DemandLevel::Certificate { .. }
            | DemandLevel::Domain { .. }
            | DemandLevel::Pin { .. }
            | DemandLevel::Revocation { .. },
        ) => examine(&DemandLevel::Encryption, security).is_ok(),
        (Relaxation::AnyName, DemandLevel::Domain { anchors, .. }) => {
            let anchors = anchors.clone();
            examine(&DemandLevel::Certificate { anchors }, security).is_ok()
        }
        (Relaxation::ExpiredCertificate, DemandLevel::Certificate { .. } | DemandLevel::Domain { .. }) => {
            examine_beside(level, security, is_expired).is_ok()
        }
        (Relaxation::UnknownRevocation, DemandLevel::Revocation { .. }) => {
            examine_beside(level, security, is_unknown).is_ok()
        }
        // Versions and the key exchange are no matter of certificates, and the others are those of connections that
        // come in.
        (
            Relaxation::AnyCertificate
            | Relaxation::AnyName
            | Relaxation::ExpiredCertificate
            | Relaxation::AnyAddress
            | Relaxation::CommonName
            | Relaxation::UnknownRevocation,
            _,
        ) => false,
    }
}

/// Not known, or not to be known by anyone.
const fn is_unknown(check: &Check, verdict: &Verdict) -> bool {
    matches!(
        (check, verdict),
        (
            Check::Revocation { .. },
            Verdict::Unknown(_) | Verdict::Fails(CertificateFault::NotRevocable(_))
        )
    )
}

/// Past its end, otherwise good.
fn is_expired(check: &Check, verdict: &Verdict) -> bool {
    matches!(
        (check, verdict),
        (Check::Path { .. }, Verdict::Fails(CertificateFault::Expired(_)))
    )
}
