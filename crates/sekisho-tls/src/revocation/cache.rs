//! What is written to disk of what was fetched, so that a restart need not fetch it again.
//!
//! An entry holds what came and for whom, and is verified anew when it is read: that it lies on our disk proves
//! nothing. One whose issuer is made up answers no question, since no path leads to that issuer; and what was read from
//! disk is not fetched anew before a path has led to its address.

use std::sync::Arc;

use sekisho_mail::{Digest, Timestamp};

use super::{
    crl::{Serial, Subject},
    need::{Asked, RevocationNeed},
    signed::Issuer,
};
use crate::octets::Octets;

/// The first octets of an entry: what it is, and in which form.
const MAGIC: &[u8] = b"sekisho revocation 1\n";
/// How many addresses a distribution point may have in an entry.
const MAX_URIS: u8 = 16;

/// What an entry holds.
pub(super) struct Entry<'a> {
    pub(super) need: RevocationNeed,
    pub(super) fetched_at: Timestamp,
    pub(super) octets: &'a [u8],
}

impl RevocationNeed {
    /// What is to be kept on disk once [`super::Revocations::take`] has taken `octets`, which came at `fetched_at`. It
    /// goes back in by [`super::Revocations::restore`].
    #[must_use]
    pub fn cache_entry(&self, octets: &[u8], fetched_at: Timestamp) -> Vec<u8> {
        let mut entry = MAGIC.to_vec();
        entry.extend_from_slice(&fetched_at.as_millis().to_be_bytes());
        entry.extend_from_slice(&self.anchor.0);
        entry.push(u8::from(self.issuer.may_sign_crls));
        push(&mut entry, &self.issuer.name);
        push(&mut entry, &self.issuer.spki);
        push(&mut entry, self.uri.as_bytes());
        match &self.asked {
            Asked::Crl { point, subject } => {
                entry.push(match subject {
                    Subject::User => 0,
                    Subject::Authority => 1,
                });
                let uris = point.iter().take(usize::from(MAX_URIS));
                entry.push(u8::try_from(uris.len()).unwrap_or(MAX_URIS));
                uris.for_each(|uri| push(&mut entry, uri.as_bytes()));
            }
            Asked::Ocsp(serial) => {
                entry.push(2);
                push(&mut entry, serial.shortest());
            }
        }
        entry.extend_from_slice(octets);
        entry
    }
}

/// With its length before it, in three octets: names, keys and addresses are far shorter.
fn push(entry: &mut Vec<u8>, piece: &[u8]) {
    let len = u32::try_from(piece.len()).unwrap_or(u32::MAX).to_be_bytes();
    entry.extend_from_slice(&len[1..]);
    entry.extend_from_slice(piece);
}

/// Takes an entry apart; `None` when it is none of ours.
pub(super) fn read(entry: &[u8]) -> Option<Entry<'_>> {
    let mut rest = Octets(entry);
    if rest.take(MAGIC.len())? != MAGIC {
        return None;
    }
    let fetched_at = i64::from_be_bytes(rest.take(8)?.try_into().ok()?);
    let anchor = Digest(rest.take(32)?.try_into().ok()?);
    let may_sign_crls = rest.u8()? == 1;
    let name = pull(&mut rest)?;
    let spki = pull(&mut rest)?;
    let uri = str::from_utf8(pull(&mut rest)?).ok()?;
    let asked = match rest.u8()? {
        kind @ (0 | 1) => Asked::Crl {
            subject: if kind == 0 { Subject::User } else { Subject::Authority },
            point: uris(&mut rest)?,
        },
        2 => Asked::Ocsp(Serial::of(pull(&mut rest)?)?),
        _ => return None,
    };
    Some(Entry {
        need: RevocationNeed {
            uri: uri.into(),
            issuer: Arc::new(Issuer::new(name, spki, may_sign_crls)),
            asked,
            anchor,
        },
        fetched_at: Timestamp::from_millis(fetched_at),
        octets: rest.0,
    })
}

fn uris(rest: &mut Octets<'_>) -> Option<Arc<[String]>> {
    let count = rest.u8().filter(|count| *count <= MAX_URIS)?;
    let uri = |_| pull(rest).and_then(|uri| String::from_utf8(uri.to_vec()).ok());
    (0..count).map(uri).collect()
}

fn pull<'a>(rest: &mut Octets<'a>) -> Option<&'a [u8]> {
    let len = rest.u24()?;
    rest.take(len)
}
