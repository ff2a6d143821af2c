//! The directory: read, planned, changed, and taken back.

use axum::{
    Extension, Json,
    extract::{Path, Query, State},
};
use sekisho_api::{
    DEFAULT_PAGE, DirectoryChange, DirectoryChanged, DirectoryHistory, DirectoryPlan, DirectoryProposal,
    DirectoryRollback, DirectoryView, HistoryQuery, MAX_PAGE,
};

use super::{Backend, Caller, Failure};

type Answer<T> = Result<Json<T>, Failure>;

pub(super) async fn whole(State(backend): State<Backend>) -> Answer<DirectoryView> {
    Ok(Json(backend.directory.view().await?))
}

pub(super) async fn version(State(backend): State<Backend>, Path(version): Path<u64>) -> Answer<DirectoryView> {
    Ok(Json(backend.directory.at(version).await?))
}

pub(super) async fn versions(
    State(backend): State<Backend>,
    Query(query): Query<HistoryQuery>,
) -> Answer<DirectoryHistory> {
    let limit = query.limit.unwrap_or(DEFAULT_PAGE).min(MAX_PAGE);
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    Ok(Json(backend.directory.history(limit).await?))
}

pub(super) async fn plan(
    State(backend): State<Backend>,
    Json(proposal): Json<DirectoryProposal>,
) -> Answer<DirectoryPlan> {
    Ok(Json(backend.directory.plan(proposal).await?))
}

pub(super) async fn change(
    State(backend): State<Backend>,
    Extension(caller): Extension<Caller>,
    Json(change): Json<DirectoryChange>,
) -> Answer<DirectoryChanged> {
    let changed = backend.directory.change(change, &caller.to_string()).await?;
    Ok(Json(changed))
}

pub(super) async fn roll_back(
    State(backend): State<Backend>,
    Extension(caller): Extension<Caller>,
    Json(request): Json<DirectoryRollback>,
) -> Answer<DirectoryChanged> {
    let changed = backend.directory.roll_back(request, &caller.to_string()).await?;
    Ok(Json(changed))
}
