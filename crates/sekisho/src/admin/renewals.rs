//! Certificates from authorities: renewed, revoked, and how far the next ones have come.

use std::{path::PathBuf, sync::Arc};

use axum::{Extension, Json, extract::State};
use sekisho_api::{CertificateDone, CertificateOrder, CertificateRoleView, CertificatesDone, RenewalView};

use super::{
    Backend, Caller, Failure,
    certificates::{Answer, author, carry_out, which},
};
use crate::{
    acme::{AcmeFault, AcmeKeeper, FaultKind, Progress, RevocationCause, life_of},
    certificates::{Author, Certificates, Done, Due, Instance, Origin, Which, finding_view},
    rollover::{Names, RolloverKeeper},
};

/// The keeper of certificates from authorities, and where it writes down how far it has come.
#[derive(Clone, Debug)]
pub struct Renewals {
    /// `None` when no server runs: then nothing is ordered.
    pub keeper: Option<Arc<AcmeKeeper>>,
    /// Its folder.
    pub folder: PathBuf,
    /// Asks DNS what names our keys; `None` as above.
    pub names: Option<Names>,
    /// Who brings roll-overs on, likewise.
    pub rollovers: Option<Arc<RolloverKeeper>>,
}

impl Renewals {
    fn keeper(&self) -> Result<Arc<AcmeKeeper>, Failure> {
        let none =
            || Failure::unavailable("authorities are asked by the running server; start it with `sekisho serve`");
        self.keeper.clone().ok_or_else(none)
    }

    /// Adds what is known of the next certificates.
    pub(super) fn add_to(&self, roles: &mut [CertificateRoleView], certificates: &Certificates) {
        for due in certificates.due() {
            let key = due.role.key.to_string();
            let Some(view) = roles.iter_mut().find(|role| role.key() == key) else {
                continue;
            };
            let progress = match Progress::load(&self.folder, &due.role.key, due.key_type) {
                Ok(progress) => progress,
                Err(fault) => {
                    view.concern.get_or_insert(fault.to_string());
                    continue;
                }
            };
            view.renewals.extend(renewal_view(&due, progress));
        }
    }
}

fn renewal_view(due: &Due, progress: Progress) -> Option<RenewalView> {
    let acme = due.role.acme.as_ref()?;
    let life = life_of(due);
    let hint = life.and_then(|life| progress.hint_for(life.fingerprint)).cloned();
    let failure = progress.last_failure;
    Some(RenewalView {
        key_type: due.key_type.to_string(),
        directory: acme.directory.to_string(),
        challenge: acme.challenge.to_string(),
        due: life
            .filter(|_| due.has_all_names())
            .map(|life| life.renewal(hint.as_ref())),
        suggested: hint.as_ref().map(|hint| (hint.start, hint.end)),
        explanation: hint.and_then(|hint| hint.explanation),
        failures: progress.failures,
        next_try: progress.next_try,
        failed_at: failure.as_ref().map(|failure| failure.at),
        failure: failure.map(|failure| failure.words),
    })
}

pub(super) async fn renew(
    State(backend): State<Backend>,
    Extension(caller): Extension<Caller>,
    Json(order): Json<CertificateOrder>,
) -> Answer<CertificatesDone> {
    let author = author(&caller, &order.why)?;
    let which = which(&order);
    let role = backend.certificates.role_of(&which);
    let has_authority = |due: &Due| Some(&due.role.key) == role.as_ref();
    let Some(role) = role
        .clone()
        .filter(|_| backend.certificates.due().iter().any(has_authority))
    else {
        return carry_out(&backend, false, move |certificates| {
            Ok(vec![certificates.renew(&which)?])
        })
        .await;
    };
    let keeper = backend.renewals.keeper()?;
    let new_key = order.new_key;
    // To its end, whoever still listens.
    let ordered = tokio::spawn(async move { keeper.renew(&role, new_key, &author).await });
    let done = ordered.await.map_err(|error| Failure::internal(error.to_string()))?;
    let done = done.map_err(|fault| failed(&fault))?;
    Ok(Json(views(&backend, done)))
}

pub(super) async fn revoke(
    State(backend): State<Backend>,
    Extension(caller): Extension<Caller>,
    Json(order): Json<CertificateOrder>,
) -> Answer<CertificatesDone> {
    let author = author(&caller, &order.why)?;
    let cause: RevocationCause = match order.reason.as_deref() {
        None => RevocationCause::default(),
        Some(text) => text.parse().map_err(|why: String| Failure::bad_request(why))?,
    };
    let which = which(&order);
    let instance = backend.certificates.one(&which);
    let instance = instance.ok_or_else(|| Failure::not_found(format!("there is no certificate {:?}", which.name)))?;
    let der = revocable(&backend, &instance, order.force)?;
    let due = backend.certificates.due();
    let acme = due.into_iter().find(|due| due.role.key == instance.id.role);
    let Some(acme) = acme.and_then(|due| due.role.acme) else {
        let words = format!(
            "role {} has no authority any more that could revoke it",
            instance.id.role
        );
        return Err(Failure::refused(words));
    };
    let keeper = backend.renewals.keeper()?;
    // To its end, whoever still listens: what is revoked must not stay active.
    let ordered = tokio::spawn(async move {
        let account = keeper.account(&acme, author.at).await.map_err(|fault| failed(&fault))?;
        let revoked = account.revoke(&der, cause, author.at).await;
        revoked.map_err(|fault| failed(&fault))?;
        carry_out(&backend, false, move |certificates| {
            Ok(vec![retire(certificates, &which, &author, instance)])
        })
        .await
    });
    ordered.await.map_err(|error| Failure::internal(error.to_string()))?
}

/// The certificate in DER, when it may be revoked.
fn revocable(backend: &Backend, instance: &Instance, force: bool) -> Result<Vec<u8>, Failure> {
    let id = &instance.id.id;
    if instance.record.origin != Origin::Acme {
        let words = format!("{id} was not issued to this server; have it revoked by whoever ordered it");
        return Err(Failure::refused(words));
    }
    let presented = backend.certificates.presented();
    let of_role = presented.roles.get(&instance.id.role);
    let is_presented = of_role.is_some_and(|role| role.identities.iter().any(|(one, _)| one == id));
    if is_presented && !force {
        let words = format!(
            "{id} is presented; renew it first with `sekisho certificate renew {} --new-key`, or force it",
            instance.id.role
        );
        return Err(Failure::refused(words));
    }
    let der = instance
        .chain()
        .and_then(|chain| sekisho_tls::first_certificate(&chain.pem()));
    der.ok_or_else(|| Failure::refused(format!("{id} is a request: there is nothing to revoke")))
}

/// What is revoked is presented no more, where something else can be.
fn retire(certificates: &Certificates, which: &Which, author: &Author, instance: Instance) -> Done {
    match certificates.retire(which, false, author) {
        Ok(done) => Done {
            words: "it is revoked, and retired".to_owned(),
            ..done
        },
        Err(error) => Done {
            instance,
            words: format!("it is revoked, and not retired: {error}"),
            findings: Vec::new(),
        },
    }
}

fn views(backend: &Backend, done: Vec<Done>) -> CertificatesDone {
    let view = |done: Done| CertificateDone {
        certificate: Some(backend.certificates.view(&done.instance)),
        words: done.words,
        findings: done.findings.into_iter().map(finding_view).collect(),
    };
    CertificatesDone {
        done: done.into_iter().map(view).collect(),
    }
}

/// The other end's faults are no fault of the order's.
fn failed(fault: &AcmeFault) -> Failure {
    match fault.kind {
        FaultKind::Unreachable | FaultKind::Malformed | FaultKind::RateLimited | FaultKind::Unfinished => {
            Failure::unavailable(fault.to_string())
        }
        _ => Failure::refused(fault.to_string()),
    }
}
