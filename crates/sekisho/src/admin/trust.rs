//! Trust anchors: listed and looked for.

use axum::{
    Json,
    extract::{Query, State},
};
use sekisho_api::{TrustAnswer, TrustList, TrustQuery, TrustQuestion};

use super::{Backend, Failure};
use crate::{clock, forecast::Sources, trust};

pub(super) async fn list(
    State(backend): State<Backend>,
    Query(query): Query<TrustQuery>,
) -> Result<Json<TrustList>, Failure> {
    let sets = backend.verifier.anchor_sets();
    let anchors = trust::find(&sets, query.filter.as_deref(), query.set.as_deref())?;
    let mut faults: Vec<String> = sets.values().flat_map(|set| set.load_errors().to_vec()).collect();
    faults.sort_unstable();
    faults.dedup();
    Ok(Json(TrustList { anchors, faults }))
}

pub(super) async fn check(
    State(backend): State<Backend>,
    Json(question): Json<TrustQuestion>,
) -> Result<Json<TrustAnswer>, Failure> {
    backend.partners.write(&*backend.store).await?;
    let node = backend.node.load_full();
    let sets = backend.verifier.anchor_sets();
    let sources = Sources {
        store: &*backend.store,
        configured: node.rules.configured(),
        sets: &sets,
        now: clock::now(),
    };
    Ok(Json(trust::check(&sources, &question).await?))
}
