//! What an operator must see to, as alerts: stated anew whenever it is looked at, with the day and never with how long
//! that still is, so that an alert that stands stays the same.

use sekisho_api::{AlertKind, Severity};
use sekisho_mail::Timestamp;

use super::{
    CertificateRole,
    choice::Standing,
    live::{Certificates, Holdings, Presented},
};
use crate::alerts::Alert;

impl Certificates {
    /// All alerts about our own certificates.
    #[must_use]
    pub fn alerts(&self, now: Timestamp) -> Vec<Alert> {
        let (holdings, presented, proofs) = (self.holdings(), self.presented(), self.proofs());
        let mut alerts: Vec<Alert> = Vec::new();
        for role in holdings.around.roles.iter() {
            alerts.extend(holdings.concern(role, &presented, now));
        }
        for (files, reason) in holdings.watched.faults() {
            alerts.push(Alert {
                kind: AlertKind::CertificateFileRefused,
                subject: files.chain.display().to_string(),
                severity: Severity::Error,
                text: format!("what lies there now cannot be used, and what was read before is presented: {reason}"),
                remedy: "mend the files; they are taken up by themselves".to_owned(),
                until: None,
            });
        }
        for (digest, proof) in proofs {
            let Some(failure) = proof.failure else { continue };
            alerts.push(Alert {
                kind: AlertKind::CertificateNotShown,
                subject: format!("{} sha256:{digest}", proof.place),
                severity: Severity::Error,
                text: format!("a handshake with ourselves does not show the certificate that is in force: {failure}"),
                remedy:
                    "look at `sekisho certificate list` and `sekisho tls list`; several roles of a listener must not \
                         be for the same name"
                        .to_owned(),
                until: None,
            });
        }
        alerts.extend(self.staple_alerts(now));
        alerts
    }
}

impl Holdings {
    /// What is to be seen to of a role.
    pub(super) fn concern(&self, role: &CertificateRole, presented: &Presented, now: Timestamp) -> Option<Alert> {
        let of_role = presented.roles.get(&role.key)?;
        let is_of_listener = self.around.is_for_clients(&role.key);
        let is_used = is_of_listener || self.around.connectors.contains_key(&role.key);
        let alert = |kind, severity, text: String, until| Alert {
            kind,
            subject: format!("certificate role {}", role.key),
            severity,
            text,
            remedy: format!(
                "import another with `sekisho certificate import --role {}`",
                role.key.name
            ),
            until,
        };
        match of_role.standing {
            Standing::Empty if is_used => {
                let what = if is_of_listener {
                    "its listeners present a certificate that they made themselves"
                } else {
                    "mail of connectors and routes that present it waits"
                };
                let text = format!("there is no certificate: {what}");
                Some(alert(AlertKind::CertificateMissing, Severity::Error, text, None))
            }
            Standing::Empty => None,
            Standing::Expired => {
                let text = "the certificate has expired, and is presented all the same, for want of another".to_owned();
                Some(alert(AlertKind::CertificateExpired, Severity::Error, text, None))
            }
            Standing::Usable => {
                let ends = self.end_without_successor(role, now)?;
                let text = format!("the last certificate ends at {ends}, and there is no other");
                Some(alert(AlertKind::RoleEnds, Severity::Warning, text, Some(ends)))
            }
        }
    }

    /// When the last of what a role has ends, where that is near.
    fn end_without_successor(&self, role: &CertificateRole, now: Timestamp) -> Option<Timestamp> {
        let all = self.of_role(role);
        let candidates = self
            .candidates(role, &all, now)
            .into_iter()
            .map(|(_, candidate, _)| candidate);
        let last = candidates.max_by_key(|one| one.not_after)?;
        (role.alert_from(last.not_before, last.not_after) <= now).then_some(last.not_after)
    }
}
