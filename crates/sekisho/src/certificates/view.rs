//! Certificates and roles as the API shows them. Keys are not among what is shown.

use sekisho_api::{
    CertificateEvent, CertificateFinding, CertificateProof, CertificateRoleView, ChainCertificate, FindingWeight,
    StoredCertificate,
};
use sekisho_mail::{CertificateFacts, Timestamp};
use sekisho_tls::{Finding, Weight};

use super::{
    CertificateRole, Proof,
    choice::Standing,
    live::{Certificates, Holdings, Presented, file_id},
    orders::{OrderError, Which},
    record::{Event, Instance, Origin},
    vault::Stray,
};
use crate::web::HTTPS;

/// A finding as the API has it.
#[must_use]
pub fn finding_view(finding: Finding) -> CertificateFinding {
    CertificateFinding {
        weight: match finding.weight {
            Weight::Note => FindingWeight::Note,
            Weight::Warning => FindingWeight::Warning,
            Weight::Error => FindingWeight::Error,
        },
        text: finding.text,
    }
}

impl Certificates {
    /// Roles with their certificates, all or those of an organization.
    #[must_use]
    pub fn list(&self, organization: Option<&str>, now: Timestamp) -> Vec<CertificateRoleView> {
        let (holdings, presented, proofs) = (self.holdings(), self.presented(), self.proofs());
        let staples = self.staple_views(now);
        let wanted = |of: &str| organization.is_none_or(|wanted| wanted == of);
        let roles = holdings
            .around
            .roles
            .iter()
            .filter(|role| wanted(role.key.organization.as_str()));
        let mut views: Vec<CertificateRoleView> = roles.map(|role| holdings.role_view(role, &presented, now)).collect();
        views.extend(holdings.roleless(&presented, wanted));
        for certificate in views.iter_mut().flat_map(|role| &mut role.certificates) {
            let Some(leaf) = certificate.chain.first() else {
                continue;
            };
            let proof = proofs.iter().find(|(digest, _)| digest.to_string() == leaf.sha256);
            certificate.proof = proof.map(|(_, proof)| proof_view(proof));
            certificate.staple = staples.get(&leaf.sha256).cloned();
        }
        views
    }

    /// One role with its certificates, or one certificate with its role.
    ///
    /// # Errors
    /// When there is none.
    pub fn show(&self, which: &Which, now: Timestamp) -> Result<Vec<CertificateRoleView>, OrderError> {
        let found = self.holdings().found(which)?;
        let by_id = match &found[..] {
            [one] if one.id.id == which.name || one.id.to_string() == which.name => Some(one.id.clone()),
            _ => None,
        };
        let mut views = self.list(which.organization.as_deref(), now);
        match by_id {
            Some(id) => {
                views.retain(|view| view.key() == id.role.to_string());
                for view in &mut views {
                    view.certificates.retain(|one| one.id == id.id);
                }
            }
            None => views.retain(|view| view.name == which.name || view.key() == which.name),
        }
        Ok(views)
    }

    /// One certificate as the API shows it.
    #[must_use]
    pub fn view(&self, instance: &Instance) -> StoredCertificate {
        certificate_view(instance, &self.presented(), None)
    }
}

impl Holdings {
    fn role_view(&self, role: &CertificateRole, presented: &Presented, now: Timestamp) -> CertificateRoleView {
        let all = self.of_role(role);
        let of_role = presented.roles.get(&role.key).cloned().unwrap_or_default();
        let mut certificates: Vec<StoredCertificate> = all
            .iter()
            .map(|one| {
                let mismatch = one.identity.as_ref().and_then(|identity| role.mismatch(identity));
                certificate_view(one, presented, mismatch)
            })
            .collect();
        let strays = self.strays.iter().filter(|stray| stray.id.role == role.key);
        certificates.extend(strays.map(stray_view));
        for files in &role.files {
            let note = self.watched.fault(files).map(str::to_owned);
            let id = file_id(files);
            match certificates.iter_mut().find(|one| one.id == id) {
                Some(view) => view.note = view.note.take().or(note),
                None => certificates.extend(note.map(|note| StoredCertificate {
                    origin: Origin::File.as_str().to_owned(),
                    stage: "unusable".to_owned(),
                    note: Some(note),
                    ..blank(&role.key, &id)
                })),
            }
        }
        let users = [&self.around.listeners, &self.around.connectors].into_iter();
        let used_by = users.filter_map(|by_role| by_role.get(&role.key)).flatten().cloned();
        let web = self.around.web.contains(&role.key).then(|| HTTPS.to_owned());
        CertificateRoleView {
            organization: role.key.organization.to_string(),
            name: role.key.name.to_string(),
            comment: role.comment.clone(),
            names: role.name_texts(),
            standing: standing_word(of_role.standing).to_owned(),
            used_by: used_by.chain(web).collect(),
            pinned_by: role.pinned_by.clone(),
            concern: self.concern(role, presented, now).map(|alert| alert.text),
            renewals: Vec::new(),
            certificates,
        }
    }

    /// Certificates whose role the directory does not have.
    fn roleless(&self, presented: &Presented, wanted: impl Fn(&str) -> bool) -> Vec<CertificateRoleView> {
        let mut views: Vec<CertificateRoleView> = Vec::new();
        let kept = self
            .instances
            .iter()
            .map(|one| (&one.id, certificate_view(one, presented, None)));
        let strays = self.strays.iter().map(|stray| (&stray.id, stray_view(stray)));
        for (id, view) in kept.chain(strays) {
            if self.role(&id.role).is_some() || !wanted(id.role.organization.as_str()) {
                continue;
            }
            match views.iter_mut().find(|one| one.key() == id.role.to_string()) {
                Some(role) => role.certificates.push(view),
                None => views.push(CertificateRoleView {
                    organization: id.role.organization.to_string(),
                    name: id.role.name.to_string(),
                    standing: "no-role".to_owned(),
                    concern: Some("the directory has no such role, so nothing of this is presented".to_owned()),
                    certificates: vec![view],
                    ..CertificateRoleView::default()
                }),
            }
        }
        views
    }
}

const fn standing_word(standing: Standing) -> &'static str {
    match standing {
        Standing::Usable => "usable",
        Standing::Expired => "expired",
        Standing::Empty => "empty",
    }
}

fn blank(role: &sekisho_policy::directory::CertificateRoleKey, id: &str) -> StoredCertificate {
    StoredCertificate {
        organization: role.organization.to_string(),
        role: role.name.to_string(),
        id: id.to_owned(),
        ..StoredCertificate::default()
    }
}

fn stray_view(stray: &Stray) -> StoredCertificate {
    StoredCertificate {
        stage: "unusable".to_owned(),
        note: Some(stray.reason.clone()),
        ..blank(&stray.id.role, &stray.id.id)
    }
}

fn certificate_view(instance: &Instance, presented: &Presented, note: Option<String>) -> StoredCertificate {
    let record = &instance.record;
    let chain: Vec<ChainCertificate> = instance
        .identity
        .as_ref()
        .map(|identity| identity.chain().iter().map(chain_view).collect())
        .unwrap_or_default();
    let of_role = presented
        .roles
        .get(&instance.id.role)
        .map(|one| one.identities.as_slice())
        .unwrap_or_default();
    StoredCertificate {
        stage: record.stage.as_str().to_owned(),
        origin: record.origin.as_str().to_owned(),
        is_presented: of_role.iter().any(|(id, _)| *id == instance.id.id),
        active_from: record.active_from.filter(|_| record.origin != Origin::File),
        replaced_at: record.replaced_at,
        spki_sha256: record.spki_sha256.to_string(),
        request: record.request.clone(),
        chain,
        note,
        history: record.history.iter().map(event_view).collect(),
        ..blank(&instance.id.role, &instance.id.id)
    }
}

fn chain_view(facts: &CertificateFacts) -> ChainCertificate {
    ChainCertificate {
        subject: facts.subject.clone(),
        issuer: facts.issuer.clone(),
        names: facts.dns_names.clone(),
        key: facts.key.clone(),
        not_before: facts.not_before,
        not_after: facts.not_after,
        sha256: facts.sha256.to_string(),
        spki_sha256: facts.spki_sha256.to_string(),
    }
}

fn proof_view(proof: &Proof) -> CertificateProof {
    CertificateProof {
        at: proof.at,
        place: proof.place.clone(),
        failure: proof.failure.clone(),
    }
}

fn event_view(event: &Event) -> CertificateEvent {
    CertificateEvent {
        at: event.at,
        by: event.by.clone(),
        what: event.what.clone(),
        why: event.why.clone(),
    }
}
