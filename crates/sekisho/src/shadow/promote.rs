//! A document that is tried becomes one that acts: refused while it would break recent mail, unless that is wanted.

use sekisho_api::{
    DirectoryChange, DocumentId, DocumentKind, Documents, FaultView, InboundConnector, OutboundConnector, Promotion,
    Rule, ShadowReport, Tried,
};
use sekisho_mail::ShadowOutcome;
use thiserror::Error;

use super::{Asked, UnknownDocument};

/// Peers and reasons that a refusal names.
const NAMED_MAX: usize = 20;

/// Why a document is not enforced.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PromotionError {
    /// There is nothing to enforce.
    #[error(transparent)]
    Unknown(#[from] UnknownDocument),
    /// It would break mail.
    #[error("{message}")]
    Breaks {
        /// How much of it.
        message: String,
        /// Whose, and why.
        peers: Vec<FaultView>,
    },
}

/// What a promotion comes to.
#[derive(Clone, Debug)]
pub struct PlannedPromotion {
    /// The change of the directory that makes it.
    pub change: DirectoryChange,
    /// What the operator would want to know before.
    pub warnings: Vec<FaultView>,
}

/// The change by which a document that is tried acts from then on: a draft goes, and what it says is what the document
/// says whose draft it was.
///
/// # Errors
/// When it would break mail that `report` tells of, and that is not forced.
pub fn promote(
    documents: &Documents,
    asked: &Asked,
    report: &ShadowReport,
    promotion: Promotion,
) -> Result<PlannedPromotion, PromotionError> {
    let title = asked.id.title();
    if !asked.is_enabled {
        return Err(UnknownDocument::Disabled(title).into());
    }
    if report.fails > 0 && !promotion.force {
        return Err(PromotionError::Breaks {
            message: format!(
                "{} of {} in the last {} days would have failed by {title}: it is not enforced unless that is forced",
                report.fails,
                report.seen(),
                report.days
            ),
            peers: peers(&title, report),
        });
    }
    let live = asked.draft_of.clone();
    let name = live.as_ref().unwrap_or(&asked.id.name);
    let put = enforced(documents, &asked.id, name)?;
    let comment = if promotion.comment.is_empty() {
        format!("promoted {title}")
    } else {
        promotion.comment
    };
    Ok(PlannedPromotion {
        warnings: warnings(&title, report),
        change: DirectoryChange {
            based_on: promotion.based_on,
            put,
            remove: live.map(|_| asked.id.clone()).into_iter().collect::<Vec<DocumentId>>(),
            comment,
            dry_run: promotion.dry_run,
            ..DirectoryChange::default()
        },
    })
}

/// What a document says, as one of this name that acts.
fn enforced(documents: &Documents, id: &DocumentId, name: &str) -> Result<Documents, UnknownDocument> {
    match id.kind {
        DocumentKind::InboundConnector => acting::<InboundConnector>(documents, id, name),
        DocumentKind::OutboundConnector => acting::<OutboundConnector>(documents, id, name),
        DocumentKind::Rule => acting::<Rule>(documents, id, name),
        _ => Err(UnknownDocument::Untriable(id.title())),
    }
}

fn acting<D: Tried>(documents: &Documents, id: &DocumentId, name: &str) -> Result<Documents, UnknownDocument> {
    let tried = D::find(documents, &id.organization, &id.name);
    let tried = tried.ok_or_else(|| UnknownDocument::Missing(id.title()))?;
    Ok(tried.acting(name.to_owned()).into())
}

/// What is known of it is not all that there is to know.
fn warnings(title: &str, report: &ShadowReport) -> Vec<FaultView> {
    let warning = |reason: String| FaultView {
        place: title.to_owned(),
        reason,
        ..FaultView::default()
    };
    let days = report.days;
    if report.seen() == 0 {
        let reason = format!("nothing that it concerns was seen in the last {days} days: what it breaks is not known");
        return vec![warning(reason)];
    }
    let mut warnings = Vec::new();
    if report.fails > 0 {
        let (fails, seen) = (report.fails, report.seen());
        warnings.push(warning(format!(
            "{fails} of {seen} in the last {days} days would have failed"
        )));
    }
    if report.not_known > 0 {
        let (unknown, seen) = (report.not_known, report.seen());
        let reason = format!("what would have become of {unknown} of {seen} in the last {days} days is not known");
        warnings.push(warning(reason));
    }
    warnings
}

/// Whose mail would break, most of it first.
fn peers(title: &str, report: &ShadowReport) -> Vec<FaultView> {
    let rows = report.rows.iter().filter(|row| row.outcome == ShadowOutcome::Fails);
    let fault = |row: &sekisho_api::ShadowRow| FaultView {
        place: title.to_owned(),
        reason: match (&row.peer, &row.reason) {
            (Some(peer), Some(reason)) => format!("{} with {peer}: {reason}", row.count),
            (Some(peer), None) => format!("{} with {peer}", row.count),
            (None, _) => format!("{} with others", row.count),
        },
        ..FaultView::default()
    };
    rows.map(fault).take(NAMED_MAX).collect()
}
