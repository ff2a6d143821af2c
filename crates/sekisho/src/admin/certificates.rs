//! Our own certificates: listed, imported, requested, and moved from stage to stage.

use std::sync::Arc;

use axum::{
    Extension, Json,
    extract::{Query, State},
};
use sekisho_api::{
    CertificateDone, CertificateImport, CertificateList, CertificateOrder, CertificateQuery, CertificateRequestOrder,
    CertificatesDone, FIRST_ORGANIZATION, Secret,
};
use sekisho_mail::hexadecimal;
use sekisho_policy::directory::CertificateRoleKey;
use sekisho_tls::{CertificateChain, PrivateKey, read_pkcs12};
use tokio::task;
use zeroize::Zeroizing;

use super::{
    Backend, Caller, Failure,
    certificate_lookups::{compare_with_exchangers, fetch_issuers},
};
use crate::{
    certificates::{
        Author, Certificates, Done, Import, Material, OrderError, Origin, RequestOrder, Which, finding_view,
    },
    clock,
};

pub(super) type Answer<T> = Result<Json<T>, Failure>;

/// Characters of the words about why something is done.
const WHY_CHARS_MAX: usize = 1024;

pub(super) async fn list(
    State(backend): State<Backend>,
    Query(query): Query<CertificateQuery>,
) -> Answer<CertificateList> {
    let now = clock::now();
    let (certificates, renewals) = (Arc::clone(&backend.certificates), backend.renewals.clone());
    // Whoever gives an order may wait for the disk meanwhile, and holds the certificates.
    let listing = task::spawn_blocking(move || {
        let mut roles = match query.which {
            None => certificates.list(query.organization.as_deref(), now),
            Some(name) => {
                let which = Which {
                    organization: query.organization,
                    name,
                };
                certificates.show(&which, now)?
            }
        };
        renewals.add_to(&mut roles, &certificates);
        Ok::<_, OrderError>(roles)
    });
    let roles = listing.await.map_err(broken_off)??;
    Ok(Json(CertificateList { roles }))
}

pub(super) async fn import(
    State(backend): State<Backend>,
    Extension(caller): Extension<Caller>,
    Json(order): Json<CertificateImport>,
) -> Answer<CertificatesDone> {
    let author = author(&caller, &order.why)?;
    if order.stage && order.activate_at.is_some() {
        let message = "a certificate is either staged or activated at an instant; order one of them";
        return Err(Failure::bad_request(message));
    }
    let mut material = material(&order)?;
    let mut fetched = Vec::new();
    if order.fetch_issuers {
        let roots = backend.certificates.roots();
        (material, fetched) = fetch_issuers(&backend.fetcher, &roots, material).await?;
    }
    let key = role(&order.organization, &order.role)?;
    let is_decided = order.stage || order.activate_at.is_some();
    let named_by = if is_decided {
        Vec::new()
    } else {
        named_by(&backend, &key, &material).await?
    };
    carry_out(&backend, true, move |certificates| {
        let import = Import {
            role: key,
            material,
            named_by,
            stage: order.stage,
            activate_at: order.activate_at,
            dry_run: order.dry_run,
        };
        let mut done = certificates.import(import, &author)?;
        done.findings.extend(fetched);
        Ok(vec![done])
    })
    .await
}

/// What DNS says against presenting a certificate on a new key at once.
async fn named_by(backend: &Backend, key: &CertificateRoleKey, material: &Material) -> Result<Vec<String>, Failure> {
    let of_role = backend.certificates.role(key)?;
    let given = material.key.as_ref().map(PrivateKey::spki_sha256);
    let Ok((chain, _)) = material.chain.in_order(given) else {
        // It is refused in a moment, and says why.
        return Ok(Vec::new());
    };
    if let Some(names) = &backend.renewals.names {
        return Ok(names.against(&backend.certificates, &of_role, &chain).await);
    }
    let replaced = backend.certificates.replaced_at_once(key, chain.facts()[0].spki_sha256);
    let unknown = || "a TLSA record, for all that is known: no server runs, which would ask DNS".to_owned();
    Ok(replaced.map(|_| unknown()).into_iter().collect())
}

pub(super) async fn request(
    State(backend): State<Backend>,
    Extension(caller): Extension<Caller>,
    Json(order): Json<CertificateRequestOrder>,
) -> Answer<CertificatesDone> {
    let author = author(&caller, &order.why)?;
    carry_out(&backend, false, move |certificates| {
        let key_type = order.key_type.as_deref().map(str::parse).transpose();
        let order = RequestOrder {
            role: role(&order.organization, &order.role)?,
            key_type: key_type.map_err(|error: sekisho_tls::KeyTypeError| OrderError::BadOrder(error.to_string()))?,
            new_key: order.new_key,
        };
        certificates.request(&order, &author)
    })
    .await
}

pub(super) async fn activate(
    State(backend): State<Backend>,
    Extension(caller): Extension<Caller>,
    Json(order): Json<CertificateOrder>,
) -> Answer<CertificatesDone> {
    let author = author(&caller, &order.why)?;
    carry_out(&backend, true, move |certificates| {
        Ok(vec![certificates.activate(&which(&order), order.at, &author)?])
    })
    .await
}

pub(super) async fn stage(
    State(backend): State<Backend>,
    Extension(caller): Extension<Caller>,
    Json(order): Json<CertificateOrder>,
) -> Answer<CertificatesDone> {
    let author = author(&caller, &order.why)?;
    carry_out(&backend, false, move |certificates| {
        Ok(vec![certificates.stage(&which(&order), order.force, &author)?])
    })
    .await
}

pub(super) async fn retire(
    State(backend): State<Backend>,
    Extension(caller): Extension<Caller>,
    Json(order): Json<CertificateOrder>,
) -> Answer<CertificatesDone> {
    let author = author(&caller, &order.why)?;
    carry_out(&backend, false, move |certificates| {
        Ok(vec![certificates.retire(&which(&order), order.force, &author)?])
    })
    .await
}

pub(super) async fn remove(
    State(backend): State<Backend>,
    Extension(caller): Extension<Caller>,
    Json(order): Json<CertificateOrder>,
) -> Answer<CertificatesDone> {
    let author = author(&caller, &order.why)?;
    let certificates = Arc::clone(&backend.certificates);
    let removing = move || certificates.remove(&which(&order), order.force, &author);
    let words = task::spawn_blocking(removing).await.map_err(broken_off)??;
    let done = CertificateDone {
        words,
        ..CertificateDone::default()
    };
    Ok(Json(CertificatesDone { done: vec![done] }))
}

pub(super) async fn check(
    State(backend): State<Backend>,
    Json(order): Json<CertificateOrder>,
) -> Answer<CertificatesDone> {
    carry_out(&backend, true, move |certificates| {
        certificates.check(&which(&order), clock::now())
    })
    .await
}

/// Does it where the disk may be waited for, to its end, whoever still listens; where certificates are judged, mail
/// exchangers are looked up too.
pub(super) async fn carry_out(
    backend: &Backend,
    is_judged: bool,
    order: impl FnOnce(&Certificates) -> Result<Vec<Done>, OrderError> + Send + 'static,
) -> Answer<CertificatesDone> {
    let certificates = Arc::clone(&backend.certificates);
    let ordered = task::spawn_blocking(move || order(&certificates)).await;
    let mut done = ordered.map_err(broken_off)??;
    if is_judged {
        compare_with_exchangers(backend, &mut done).await;
    }
    let views = done.into_iter().map(|done| CertificateDone {
        certificate: Some(backend.certificates.view(&done.instance)),
        words: done.words,
        findings: done.findings.into_iter().map(finding_view).collect(),
    });
    Ok(Json(CertificatesDone { done: views.collect() }))
}

fn broken_off(error: task::JoinError) -> Failure {
    Failure::internal(format!("the order broke off: {error}"))
}

pub(super) fn author(caller: &Caller, why: &str) -> Result<Author, Failure> {
    if why.chars().count() > WHY_CHARS_MAX {
        return Err(Failure::bad_request(format!("why: at most {WHY_CHARS_MAX} characters")));
    }
    Ok(Author {
        by: caller.to_string(),
        why: why.to_owned(),
        at: clock::now(),
    })
}

pub(super) fn which(order: &CertificateOrder) -> Which {
    Which {
        organization: order.organization.clone(),
        name: order.which.clone(),
    }
}

pub(super) fn role(organization: &str, name: &str) -> Result<CertificateRoleKey, OrderError> {
    let organization = if organization.is_empty() {
        FIRST_ORGANIZATION
    } else {
        organization
    };
    let text = if name.contains('/') {
        name.to_owned()
    } else {
        format!("{organization}/{name}")
    };
    text.parse()
        .map_err(|error| OrderError::BadOrder(format!("{name:?} is no role: {error}")))
}

/// What came over the socket.
fn material(order: &CertificateImport) -> Result<Material, OrderError> {
    let refused = |error: &dyn std::fmt::Display| OrderError::BadOrder(error.to_string());
    match (&order.certificate, &order.pkcs12) {
        (Some(certificate), None) => {
            let key = order
                .key
                .as_ref()
                .map(|key| PrivateKey::parse(Zeroizing::new(key.0.clone())));
            Ok(Material {
                chain: CertificateChain::parse(certificate).map_err(|error| refused(&error))?,
                key: key.transpose().map_err(|error| refused(&error))?,
                origin: Origin::Import,
            })
        }
        (None, Some(file)) => {
            let octets = octets(file).ok_or_else(|| refused(&"pkcs12: these are no hexadecimal digits"))?;
            let passphrase = order.passphrase.as_ref().map(|one| one.0.clone()).unwrap_or_default();
            let content = read_pkcs12(&octets, &Zeroizing::new(passphrase)).map_err(|error| refused(&error))?;
            Ok(Material {
                chain: content.chain,
                key: Some(content.key),
                origin: Origin::Pkcs12,
            })
        }
        _ => Err(refused(&"give either a certificate or a PKCS#12 file")),
    }
}

/// In one place, which is wiped: it has room from the start.
fn octets(digits: &Secret) -> Option<Zeroizing<Vec<u8>>> {
    let mut octets = Zeroizing::new(Vec::with_capacity(digits.0.len() / 2));
    hexadecimal::decode_into(&digits.0, &mut octets)?;
    Some(octets)
}
