//! Alerts: listed and acknowledged.

use axum::{
    Extension, Json,
    extract::{Query, State},
};
use sekisho_api::{Acknowledged, Acknowledgement, AlertList, AlertQuery, MAX_IDS};

use super::{Backend, Caller, Failure};

pub(super) async fn list(
    State(backend): State<Backend>,
    Query(query): Query<AlertQuery>,
) -> Result<Json<AlertList>, Failure> {
    let mut alerts = backend.alerts.standing(&*backend.store).await?;
    alerts.retain(|alert| query.kind.is_none_or(|kind| alert.kind == kind));
    Ok(Json(AlertList { alerts }))
}

pub(super) async fn acknowledge(
    State(backend): State<Backend>,
    Extension(caller): Extension<Caller>,
    Json(order): Json<Acknowledgement>,
) -> Result<Json<Acknowledged>, Failure> {
    if order.ids.as_ref().is_some_and(|ids| ids.len() > MAX_IDS) {
        return Err(Failure::bad_request(format!("at most {MAX_IDS} ids at a time")));
    }
    let ids = order.ids.as_deref();
    let by = caller.to_string();
    Ok(Json(backend.alerts.acknowledge(&*backend.store, ids, &by).await?))
}
