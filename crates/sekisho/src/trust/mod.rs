//! Trust, asked about: which anchors are in force, whether a root is among them, and which peers of the last 90 days
//! need it. What is in force is the verifier's; the peers' chains are those that are kept of partners.

mod check;

use std::collections::BTreeMap;

use sekisho_api::TrustAnchorView;
use sekisho_mail::AnchorSetId;
use sekisho_tls::{Anchor, AnchorSearch, AnchorSet};

pub use check::TrustError;
pub(crate) use check::check;

/// What tells anchors apart: the subject, and the certificate's digest.
type AnchorName = (String, [u8; 32]);

/// The anchors of all sets for which `is_wanted` says yes, each once, by subject.
#[must_use]
pub fn list(
    sets: &BTreeMap<AnchorSetId, AnchorSet>,
    is_wanted: impl Fn(&str, &Anchor) -> bool,
) -> Vec<TrustAnchorView> {
    let mut all: BTreeMap<AnchorName, TrustAnchorView> = BTreeMap::new();
    let mut ids: Vec<&AnchorSetId> = sets.keys().collect();
    ids.sort_unstable_by_key(|id| (!id.is_system(), &id.0));
    for id in ids {
        for anchor in sets[id].anchors().filter(|anchor| is_wanted(&id.0, anchor)) {
            let key = (anchor.subject.clone(), anchor.sha256.0);
            let view = all.entry(key).or_insert_with(|| view(anchor));
            view.sets.push(id.0.clone());
            for source in anchor.sources.iter().map(ToString::to_string) {
                if !view.sources.contains(&source) {
                    view.sources.push(source);
                }
            }
        }
    }
    all.into_values().collect()
}

fn view(anchor: &Anchor) -> TrustAnchorView {
    TrustAnchorView {
        subject: anchor.subject.clone(),
        sha256: anchor.sha256,
        sha1: anchor.sha1(),
        spki_sha256: anchor.spki_sha256,
        key: anchor.key.clone(),
        not_before: anchor.not_before,
        not_after: anchor.not_after,
        sets: Vec::new(),
        sources: Vec::new(),
    }
}

/// Those that a text asks for, in the sets of this name, or all.
///
/// # Errors
/// When the text is empty or too long.
pub fn find(
    sets: &BTreeMap<AnchorSetId, AnchorSet>,
    filter: Option<&str>,
    set: Option<&str>,
) -> Result<Vec<TrustAnchorView>, TrustError> {
    let search = filter.map(AnchorSearch::parse).transpose()?;
    let is_in = |id: &str| set.is_none_or(|set| set == id);
    let is_meant = |anchor: &Anchor| search.as_ref().is_none_or(|search| search.is_met_by(anchor));
    Ok(list(sets, |id, anchor| is_in(id) && is_meant(anchor)))
}
