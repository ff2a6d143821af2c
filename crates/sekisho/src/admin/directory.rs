//! The directory: read, planned, changed, and taken back.

use std::sync::Arc;

use axum::{
    Extension, Json,
    extract::{Path, Query, State},
};
use sekisho_api::{
    DEFAULT_PAGE, DirectoryChange, DirectoryChanged, DirectoryHistory, DirectoryImpact, DirectoryPlan,
    DirectoryProposal, DirectoryQuery, DirectoryRollback, DirectoryView, ErrorKind, HistoryQuery, IMPACT_DAYS_MAX,
    ImpactQuestion, MAX_PAGE,
};

use super::{Backend, Caller, Failure};
use crate::{clock, directory::LiveError, impact};

type Answer<T> = Result<Json<T>, Failure>;

pub(super) async fn found(
    State(backend): State<Backend>,
    Query(query): Query<DirectoryQuery>,
) -> Answer<DirectoryView> {
    let mut view = backend.directory.view(&query).await?;
    if query.wants_all() {
        view.warnings.extend(backend.validations.warnings().await?);
    }
    Ok(Json(view))
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

/// Apart from the plan, which is quick.
pub(super) async fn impact(
    State(backend): State<Backend>,
    Json(question): Json<ImpactQuestion>,
) -> Answer<DirectoryImpact> {
    if !(1..=IMPACT_DAYS_MAX).contains(&question.days) {
        let message = format!("{} days: 1 to {IMPACT_DAYS_MAX} can be looked back on", question.days);
        return Err(Failure::bad_request(message));
    }
    // Before the question is read: it is held against what is in force when its turn comes.
    let _alone = backend.looking_back.lock().await;
    let before = backend.directory.current();
    let (plan, proposed) = backend.directory.propose(question.proposal).await?;
    let Some(proposed) = proposed else {
        return Err(LiveError::Faults(plan.faults).into());
    };
    let node = backend.node.load_full();
    let configured = node.rules.configured().clone();
    if before.directory.version() != plan.based_on {
        let message = "the directory was changed meanwhile; ask again";
        return Err(Failure::new(ErrorKind::Conflict, message));
    }
    let question = impact::Question {
        based_on: plan.based_on,
        days: question.days,
        now: clock::now(),
        configured,
        before,
        after: Arc::new(proposed),
        rights: Box::new(move |name| Some(node.rules.listener(Some(name)).ok()?.rights)),
    };
    Ok(Json(impact::measure(&*backend.store, question).await?))
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
