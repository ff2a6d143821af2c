//! Which of the presented certificates can lie on a path at all.
//!
//! The library tries all ways through what it is given, up to 200,000 of them, which takes seconds; whoever presents
//! many authorities that could each stand above each other could keep us busy so (RUSTSEC-2023-0053). Names alone tell
//! which certificates lead from the leaf to an anchor, and few certificates of the same subject are enough for anybody.

use rustls::pki_types::CertificateDer;

use crate::{
    anchors::AnchorSet,
    der::{CertificateParts, certificate_parts},
};

/// How many of the certificates that were presented are looked at.
pub const MAX_PRESENTED: usize = 64;
/// How many certificates of one subject paths are built along: an authority's own, the one before, and what other
/// authorities have issued to it.
const MAX_PER_SUBJECT: usize = 4;
/// How many authorities may stand between the leaf and the anchor: as many as the library allows.
const MAX_LEVELS: usize = 6;

struct Authority<'a> {
    /// Where it stands among those that were presented.
    place: usize,
    parts: CertificateParts<'a>,
    /// How many certificates there are from the leaf up to this one, and from this one up to the anchor, at least.
    from_leaf: Option<usize>,
    to_anchor: Option<usize>,
}

/// Which of those above the leaf may lie on a path, in the order in which they were presented.
pub(super) fn candidates(presented: &[CertificateDer<'static>], anchors: &AnchorSet) -> Vec<usize> {
    let Some(leaf) = presented.first().and_then(|leaf| certificate_parts(leaf)) else {
        return Vec::new();
    };
    let mut authorities: Vec<Authority<'_>> = Vec::new();
    for (place, der) in presented.iter().enumerate().take(MAX_PRESENTED).skip(1) {
        let Some(parts) = certificate_parts(der) else { continue };
        let of_subject = authorities.iter().filter(|other| other.parts.subject == parts.subject);
        let is_there = of_subject.clone().any(|other| presented[other.place] == *der);
        if !is_there && of_subject.count() < MAX_PER_SUBJECT {
            authorities.push(Authority {
                place,
                parts,
                from_leaf: (parts.subject == leaf.issuer).then_some(1),
                to_anchor: is_known(parts.issuer, anchors).then_some(1),
            });
        }
    }
    for level in 1..MAX_LEVELS {
        climb(&mut authorities, level);
    }
    let lies_between = |one: &&Authority<'_>| {
        let len = one.from_leaf.zip(one.to_anchor).map(|(below, above)| below + above - 1);
        len.is_some_and(|len| len <= MAX_LEVELS)
    };
    let between = authorities.iter().filter(lies_between);
    between.map(|one| one.place).collect()
}

/// Whether an anchor has this subject, a Name in DER.
fn is_known(subject: &[u8], anchors: &AnchorSet) -> bool {
    anchors.of_subject(subject).next().is_some()
}

/// From those that are `level` steps away to those that are one more.
fn climb(authorities: &mut [Authority<'_>], level: usize) {
    let at = |steps: Option<usize>| steps == Some(level);
    let reached: Vec<&[u8]> = authorities
        .iter()
        .filter(|one| at(one.from_leaf))
        .map(|one| one.parts.issuer)
        .collect();
    let leading: Vec<&[u8]> = authorities
        .iter()
        .filter(|one| at(one.to_anchor))
        .map(|one| one.parts.subject)
        .collect();
    for one in authorities {
        if one.from_leaf.is_none() && reached.contains(&one.parts.subject) {
            one.from_leaf = Some(level + 1);
        }
        if one.to_anchor.is_none() && leading.contains(&one.parts.issuer) {
            one.to_anchor = Some(level + 1);
        }
    }
}
