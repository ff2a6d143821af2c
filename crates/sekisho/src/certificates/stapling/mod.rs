//! OCSP answers about our own certificates, stapled to them: asked for before anybody needs them, by the way that
//! revocation takes, kept on disk, asked for anew half-way to their end, and taken off when they end.
//!
//! Whether an answer is good is `sekisho-tls`' to say. Nothing happens here within a handshake: what is stapled lies
//! ready, and is put in its place at once at all listeners. As clients we staple nothing: the library does not, and
//! hardly a server asks for it (RFC 8446 §4.4.2.1). RFC 6066 §8, RFC 6960, RFC 7633.

mod book;
mod keeper;
mod metrics;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use arc_swap::ArcSwap;
use sekisho_api::CertificateStaple;
use sekisho_mail::{Digest, Timestamp};
use sekisho_tls::{AnchorSet, Identity, StapleAnswer, StapleQuestion};
use tokio::sync::Notify;

use self::book::{Book, Shown};
pub use self::keeper::{Keeper, StapleFolder};
pub(super) use self::metrics::StapleMetrics;
use super::{
    live::{Certificates, Holdings, Presented, Presenting},
    record::Stage,
};
use crate::alerts::Alert;

/// What is held, and what of it is stapled.
#[derive(Debug, Default)]
pub(super) struct Stapling {
    book: Mutex<Book>,
    /// By leaf: good, and of this time.
    stapled: ArcSwap<HashMap<Digest, StapleAnswer>>,
    /// Told when other certificates are presented.
    pub(super) wanted: Notify,
}

impl Stapling {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Staples what is good now; whether that is something else than before.
    fn publish(&self, now: Timestamp) -> bool {
        let good = self.book().good(now);
        let is_other = **self.stapled.load() != good;
        if is_other {
            self.stapled.store(Arc::new(good));
        }
        is_other
    }
}

impl Certificates {
    /// A certificate with the OCSP answer about it, where there is one.
    #[must_use]
    pub fn stapled(&self, identity: &Identity) -> Identity {
        let stapled = self.stapling.stapled.load();
        let leaf = identity.chain().first();
        let answer = leaf.and_then(|leaf| stapled.get(&leaf.sha256));
        answer.map_or_else(|| identity.clone(), |answer| identity.stapled(answer))
    }

    /// How each stands that listeners present, or will; by the SHA-256 of its leaf.
    pub(super) fn staple_views(&self, now: Timestamp) -> HashMap<String, CertificateStaple> {
        self.stapling.book().views(now)
    }

    /// What an operator must see to.
    pub(super) fn staple_alerts(&self, now: Timestamp) -> Vec<Alert> {
        self.stapling.book().alerts(now)
    }

    /// Looks which certificates there are. Those that are new are in the answer.
    fn plan_staples(&self, anchors: &[AnchorSet], now: Timestamp) -> Vec<StapleQuestion> {
        let (presenting, presented) = (self.presenting(), self.presented());
        let mut shown = presented_at(&presenting, &presented);
        shown.extend(self.holdings().to_come(&presenting, now));
        self.stapling.book().plan(shown, anchors, now)
    }
}

/// What listeners present.
fn presented_at(presenting: &[Presenting], presented: &Presented) -> Vec<Shown> {
    let mut shown = Vec::new();
    for listener in presenting {
        let mut add = |identity: &Identity, name: String| {
            shown.push(Shown {
                identity: identity.clone(),
                name,
                listeners: BTreeSet::from([listener.listener.clone()]),
            });
        };
        for files in &listener.files {
            if let Some(identity) = presented.files.get(files) {
                add(identity, files.chain.display().to_string());
            }
        }
        for role in &listener.roles {
            for (id, identity) in presented.roles.get(role).into_iter().flat_map(|one| &one.identities) {
                add(identity, format!("{role}/{id}"));
            }
        }
    }
    shown
}

impl Holdings {
    /// What listeners may present any moment: it is not to begin without its answer.
    fn to_come(&self, presenting: &[Presenting], now: Timestamp) -> Vec<Shown> {
        let is_of_listener = |key| presenting.iter().any(|one| one.roles.contains(key));
        let roles = self.around.roles.iter().filter(|role| is_of_listener(&role.key));
        let of_roles = roles.flat_map(|role| self.of_role(role));
        let to_come = of_roles.filter(|one| matches!(one.record.stage, Stage::Active | Stage::Staged));
        let shown = to_come.filter_map(|one| {
            let identity = one.identity?;
            let ends = identity.chain().first()?.not_after;
            (now <= ends).then(|| Shown {
                identity,
                name: one.id.to_string(),
                listeners: BTreeSet::new(),
            })
        });
        shown.collect()
    }
}
