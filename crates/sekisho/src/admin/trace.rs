//! Searching the trace.

use axum::{
    Json,
    extract::{Query, State},
};
use sekisho_api::{DEFAULT_PAGE, MAX_PAGE, TracePage, TraceQuery};
use sekisho_store::TraceFilter;

use super::{Backend, Failure, view};

pub(super) async fn trace(
    State(backend): State<Backend>,
    Query(query): Query<TraceQuery>,
) -> Result<Json<TracePage>, Failure> {
    if let Some(outcome) = &query.outcome
        && !["delivered", "deferred", "bounced"].contains(&outcome.as_str())
    {
        return Err(Failure::bad_request(format!(
            "{outcome:?} is none of delivered, deferred, bounced"
        )));
    }
    if let (Some(since), Some(until)) = (query.since, query.until)
        && since > until
    {
        return Err(Failure::bad_request(format!(
            "nothing was after {since} and before {until}"
        )));
    }
    let filter = TraceFilter {
        id: query.id,
        message_id_header: query.message_id,
        sender: query.sender,
        recipient: query.recipient,
        since: query.since,
        until: query.until,
        tls_version: query.tls_version,
        plaintext: query.plaintext,
        outcome: query.outcome,
        before: None,
        limit: query.limit.unwrap_or(DEFAULT_PAGE).clamp(1, MAX_PAGE),
    };
    let found = backend.store.trace(filter).await?;
    Ok(Json(TracePage {
        messages: found.into_iter().map(view::traced).collect(),
    }))
}
