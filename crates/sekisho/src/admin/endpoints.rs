//! Endpoints on which certificates hang: tried.

use axum::{Json, extract::State};
use sekisho_api::{EndpointQuestion, EndpointReport};

use super::{Backend, Failure};

pub(super) async fn check(
    State(backend): State<Backend>,
    Json(question): Json<EndpointQuestion>,
) -> Result<Json<EndpointReport>, Failure> {
    Ok(Json(backend.endpoints.answer(question).await?))
}
