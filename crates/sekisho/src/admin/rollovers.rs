//! Roll-overs of our own keys: shown, begun, and brought on or back. Each order looks at once, so that its answer says
//! where things stand then.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Extension, Json,
    extract::{Query, State},
};
use sekisho_api::{
    FIRST_ORGANIZATION, RolloverDone, RolloverLetter, RolloverLetterQuery, RolloverList, RolloverOrder, RolloverQuery,
    RolloverStart,
};
use sekisho_policy::directory::CertificateRoleKey;
use sekisho_tls::KeyTypeError;
use tokio::task;

use super::{
    Backend, Caller, Failure,
    certificates::{Answer, author, role},
};
use crate::{
    certificate_page::Language,
    certificates::{Author, Certificates, OrderError, RolloverStart as Start, StepError},
    rollover::{GoOn, LetterFrom, go_back, go_on, letter, rollover_view},
};

/// The port of mail between hosts.
const SMTP_PORT: u16 = 25;
/// Ports and name servers that may be named.
const NAMED_MAX: usize = 16;

pub(super) async fn list(State(backend): State<Backend>, Query(query): Query<RolloverQuery>) -> Answer<RolloverList> {
    let wanted = match &query.role {
        Some(name) => Some(role(query.organization.as_deref().unwrap_or_default(), name)?),
        None => None,
    };
    let is_wanted = |key: &CertificateRoleKey| match &wanted {
        Some(wanted) => wanted == key,
        None => query
            .organization
            .as_deref()
            .is_none_or(|one| one == key.organization.as_str()),
    };
    let all = backend
        .certificates
        .rollovers()
        .into_iter()
        .filter(|(key, _)| is_wanted(key));
    let rollovers: Vec<_> = all
        .map(|(key, one)| rollover_view(&backend.certificates, &key, &one))
        .collect();
    match wanted {
        Some(key) if rollovers.is_empty() => {
            backend.certificates.role(&key)?;
            Err(Failure::from(OrderError::Missing(format!(
                "role {key} has had no roll-over; begin one with `sekisho certificate rollover start {key}`"
            ))))
        }
        _ => Ok(Json(RolloverList { rollovers })),
    }
}

pub(super) async fn start(
    State(backend): State<Backend>,
    Extension(caller): Extension<Caller>,
    Json(order): Json<RolloverStart>,
) -> Answer<RolloverDone> {
    let author = author(&caller, &order.why)?;
    let key = role(&order.organization, &order.role)?;
    let key_type = order.key_type.as_deref().map(str::parse).transpose();
    let start = Start {
        role: key.clone(),
        key_type: key_type.map_err(|error: KeyTypeError| Failure::bad_request(error.to_string()))?,
        switch_at: order.at,
        ports: ports(&order.ports)?,
        name_servers: name_servers(&order.name_servers)?,
    };
    carry_out(backend, key, move |certificates, _| {
        certificates.begin_rollover(&start, &author)?;
        Ok("it is begun, and the next key is made".to_owned())
    })
    .await
}

pub(super) async fn next(
    State(backend): State<Backend>,
    Extension(caller): Extension<Caller>,
    Json(order): Json<RolloverOrder>,
) -> Answer<RolloverDone> {
    let (author, key) = whose(&caller, &order)?;
    let accept = order.accept.as_deref().map(str::parse).transpose();
    let how = GoOn {
        accept: accept.map_err(|error: StepError| Failure::bad_request(error.to_string()))?,
        told: order.told,
        at: order.at,
        name_servers: name_servers(&order.name_servers)?,
    };
    carry_out(backend, key, move |certificates, key| {
        go_on(certificates, key, &how, &author)
    })
    .await
}

pub(super) async fn back(
    State(backend): State<Backend>,
    Extension(caller): Extension<Caller>,
    Json(order): Json<RolloverOrder>,
) -> Answer<RolloverDone> {
    let (author, key) = whose(&caller, &order)?;
    carry_out(backend, key, move |certificates, key| {
        go_back(certificates, key, &author)
    })
    .await
}

pub(super) async fn cancel(
    State(backend): State<Backend>,
    Extension(caller): Extension<Caller>,
    Json(order): Json<RolloverOrder>,
) -> Answer<RolloverDone> {
    let (author, key) = whose(&caller, &order)?;
    carry_out(backend, key, move |certificates, key| {
        let done = certificates.cancel_rollover(key, &author)?;
        Ok(format!(
            "it is cancelled: {done}; withdraw TLSA records of the next key where you have published some"
        ))
    })
    .await
}

pub(super) async fn letter_of(
    State(backend): State<Backend>,
    Query(query): Query<RolloverLetterQuery>,
) -> Answer<RolloverLetter> {
    let language = match query.language.as_deref() {
        None => Language::default(),
        Some(tag) => Language::of_tag(tag)
            .ok_or_else(|| Failure::bad_request(format!("{tag:?} is no language here; there are en and ja")))?,
    };
    let key = role(query.organization.as_deref().unwrap_or(FIRST_ORGANIZATION), &query.role)?;
    let certificates = &backend.certificates;
    let of_role = certificates.role(&key)?;
    let rollover = certificates
        .rollover(&key)
        .ok_or_else(|| OrderError::Missing(format!("role {key} has had no roll-over")))?;
    let names = of_role.name_texts();
    let instances = certificates.of_rollover(&key, &rollover);
    let partners = certificates.pinned_in(&key, &rollover);
    let service = backend.node.load().hostname.clone();
    let from = LetterFrom {
        service: &service,
        names: &names,
        instances: &instances,
        partners: &partners,
    };
    Ok(Json(letter(&rollover, from, language)))
}

fn whose(caller: &Caller, order: &RolloverOrder) -> Result<(Author, CertificateRoleKey), Failure> {
    Ok((author(caller, &order.why)?, role(&order.organization, &order.role)?))
}

fn ports(ports: &[u16]) -> Result<Vec<u16>, Failure> {
    if ports.len() > NAMED_MAX || ports.contains(&0) {
        return Err(Failure::bad_request(format!(
            "ports: at most {NAMED_MAX}, and none of them 0"
        )));
    }
    let mut ports = ports.to_vec();
    ports.dedup();
    Ok(if ports.is_empty() { vec![SMTP_PORT] } else { ports })
}

/// Each an address, with a port where it is another than 53.
fn name_servers(named: &[String]) -> Result<Vec<SocketAddr>, Failure> {
    if named.len() > NAMED_MAX {
        return Err(Failure::bad_request(format!("name servers: at most {NAMED_MAX}")));
    }
    let parsed = named.iter().map(|text| {
        let bare = text.parse().map(|ip| SocketAddr::new(ip, 53));
        bare.or_else(|_| text.parse()).map_err(|_| {
            Failure::bad_request(format!(
                "{text:?} is no address of a name server, as in 192.0.2.53 or [2001:db8::53]:53"
            ))
        })
    });
    parsed.collect()
}

/// Carries an order out to its end, whoever still listens, and looks at once.
async fn carry_out(
    backend: Backend,
    key: CertificateRoleKey,
    order: impl FnOnce(&Certificates, &CertificateRoleKey) -> Result<String, OrderError> + Send + 'static,
) -> Answer<RolloverDone> {
    let carried = tokio::spawn(async move {
        let (certificates, of) = (Arc::clone(&backend.certificates), key.clone());
        let ordered = task::spawn_blocking(move || order(&certificates, &of)).await;
        let mut words = ordered.map_err(|error| Failure::internal(format!("the order broke off: {error}")))??;
        match &backend.renewals.rollovers {
            Some(keeper) => {
                keeper.advance(&key, true).await;
                keeper.wake();
            }
            None => words.push_str("; no server runs, which would bring it on"),
        }
        let rollover = backend.certificates.rollover(&key);
        let rollover = rollover.map(|one| rollover_view(&backend.certificates, &key, &one));
        Ok::<_, Failure>(RolloverDone { words, rollover })
    });
    let ended = carried
        .await
        .map_err(|error| Failure::internal(format!("the order broke off: {error}")))?;
    ended.map(Json)
}
