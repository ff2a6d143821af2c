//! What documents that are tried would have done, and their promotion.

use axum::{
    Extension, Json,
    extract::{Query, State},
};
use sekisho_api::{
    DirectoryQuery, DocumentId, DocumentKind, Promoted, Promotion, SHADOW_DAYS, SHADOW_DAYS_MAX, ShadowQuery,
    ShadowReport,
};

use super::{Backend, Caller, Failure};
use crate::{
    clock,
    shadow::{self, Asked},
};

pub(super) async fn report(
    State(backend): State<Backend>,
    Query(query): Query<ShadowQuery>,
) -> Result<Json<ShadowReport>, Failure> {
    let days = query.days.unwrap_or(SHADOW_DAYS).clamp(1, SHADOW_DAYS_MAX);
    let view = backend.directory.view(&DirectoryQuery::default()).await?;
    let asked = shadow::find(&view.documents, &id(query.kind, query.organization, query.name))?;
    Ok(Json(counted(&backend, &asked, days).await?))
}

pub(super) async fn promote(
    State(backend): State<Backend>,
    Extension(caller): Extension<Caller>,
    Json(promotion): Json<Promotion>,
) -> Result<Json<Promoted>, Failure> {
    let view = backend.directory.view(&DirectoryQuery::default()).await?;
    let id = id(promotion.kind, promotion.organization.clone(), promotion.name.clone());
    let asked = shadow::find(&view.documents, &id)?;
    let report = counted(&backend, &asked, SHADOW_DAYS).await?;
    let planned = shadow::promote(&view.documents, &asked, &report, promotion)?;
    let mut changed = backend.directory.change(planned.change, &caller.to_string()).await?;
    changed.warnings.splice(0..0, planned.warnings);
    Ok(Json(Promoted { changed, report }))
}

fn id(kind: DocumentKind, organization: String, name: String) -> DocumentId {
    DocumentId {
        kind,
        organization,
        name,
    }
}

/// With what was counted a moment ago.
async fn counted(backend: &Backend, asked: &Asked, days: u32) -> Result<ShadowReport, Failure> {
    backend.tally.write(&*backend.store).await?;
    Ok(shadow::report(&*backend.store, asked, days, clock::now()).await?)
}
