//! What was counted of one document that is tried, and which document is meant.

use std::{collections::BTreeMap, sync::Arc};

use sekisho_api::{
    DocumentId, DocumentKind, Documents, InboundConnector, OutboundConnector, Rule, ShadowReport, ShadowRow, Tried,
};
use sekisho_mail::{OrganizationName, ShadowDocument, ShadowKind, ShadowOutcome, Timestamp};
use sekisho_store::{OBSERVATIONS_AT_ONCE, ObservationKind, Store, StoreError};
use thiserror::Error;

use super::{
    counts::{From, Row},
    tally::{date, prefix, read},
};
use crate::directory::parse;

/// A document that is tried.
#[derive(Clone, Debug)]
pub struct Asked {
    /// What it is known by.
    pub id: DocumentId,
    /// The one in whose place it would stand.
    pub draft_of: Option<String>,
    /// Whether it is looked at.
    pub is_enabled: bool,
    /// With the state of its content.
    pub document: Arc<ShadowDocument>,
}

/// Why no document that is tried is meant.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum UnknownDocument {
    /// There is none of that name.
    #[error("there is no {0}")]
    Missing(String),
    /// It acts, and nothing is tried in its place.
    #[error("{0} is enforced and has no draft")]
    Enforced(String),
    /// It is looked at by nobody, so that enforcing it would switch off what acts.
    #[error("{0} is disabled: enable it and see what it would have done, or remove it")]
    Disabled(String),
    /// Such documents are never tried.
    #[error("{0}: only connectors and rules are tried")]
    Untriable(String),
}

/// The document of this name when it is tried itself, otherwise its draft.
///
/// # Errors
/// When it is not there, or acts and has no draft.
pub fn find(documents: &Documents, id: &DocumentId) -> Result<Asked, UnknownDocument> {
    match id.kind {
        DocumentKind::InboundConnector => asked::<InboundConnector>(documents, id, ShadowKind::InboundConnector),
        DocumentKind::OutboundConnector => asked::<OutboundConnector>(documents, id, ShadowKind::OutboundConnector),
        DocumentKind::Rule => asked::<Rule>(documents, id, ShadowKind::Rule),
        _ => Err(UnknownDocument::Untriable(id.title())),
    }
}

fn asked<D: Tried>(documents: &Documents, id: &DocumentId, kind: ShadowKind) -> Result<Asked, UnknownDocument> {
    let named = D::find(documents, &id.organization, &id.name);
    let named = named.ok_or_else(|| UnknownDocument::Missing(id.title()))?;
    let tried = if named.is_tried() {
        named
    } else {
        let draft = D::find_draft(documents, &id.organization, &id.name);
        draft.ok_or_else(|| UnknownDocument::Enforced(id.title()))?
    };
    let id = tried.id();
    let organization: OrganizationName = id.organization.parse().unwrap_or_default();
    Ok(Asked {
        draft_of: tried.draft_of().map(str::to_owned),
        is_enabled: tried.enabled(),
        document: Arc::new(ShadowDocument {
            kind,
            organization,
            name: id.name.as_str().into(),
            revision: parse::revision(&id, tried),
        }),
        id,
    })
}

/// What was counted of a document in this many days, today among them, since its content is what it is.
///
/// # Errors
/// When the store cannot be read.
pub async fn report(store: &dyn Store, asked: &Asked, days: u32, now: Timestamp) -> Result<ShadowReport, StoreError> {
    let prefix = prefix(&asked.document);
    let first = now.day() - i64::from(days.max(1)) + 1;
    let after = format!("{prefix}{}", date(first - 1));
    let found = store
        .observations(ObservationKind::Shadow, &prefix, Some(after), OBSERVATIONS_AT_ONCE)
        .await?;
    let mut rows: BTreeMap<(ShadowOutcome, Option<From>), ShadowRow> = BTreeMap::new();
    for observation in &found {
        let day = observation.key.strip_prefix(&prefix).unwrap_or_default();
        for Row { outcome, from, count } in read(observation).rows {
            let row = rows.entry((outcome, from.clone())).or_insert_with(|| ShadowRow {
                outcome,
                peer: from.as_ref().map(|from| from.peer.clone()),
                reason: from.map(|from| from.reason).filter(|reason| !reason.is_empty()),
                count: 0,
                first: day.to_owned(),
                last: String::new(),
            });
            row.count = row.count.saturating_add(count);
            day.clone_into(&mut row.last);
        }
    }
    let mut rows: Vec<ShadowRow> = rows.into_values().collect();
    // Behind what breaks most; what is counted together stands last.
    rows.sort_by_key(|row| {
        (
            row.outcome != ShadowOutcome::Fails,
            row.peer.is_none(),
            u64::MAX - row.count,
        )
    });
    let count = |outcome| {
        rows.iter()
            .filter(|row| row.outcome == outcome)
            .map(|row| row.count)
            .sum()
    };
    Ok(ShadowReport {
        document: asked.id.clone(),
        draft_of: asked.draft_of.clone(),
        days,
        passes: count(ShadowOutcome::Passes),
        fails: count(ShadowOutcome::Fails),
        fails_anyway: count(ShadowOutcome::FailsAnyway),
        would_go: count(ShadowOutcome::WouldGo),
        not_known: count(ShadowOutcome::NotKnown),
        rows,
    })
}
