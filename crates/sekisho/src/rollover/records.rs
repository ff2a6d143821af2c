//! What the TLSA records of a role's names come to for a roll-over: whether there are any, whether the next key is
//! named everywhere, and for how long others may remember the records without it. RFC 7671 §8.1, RFC 7672 §3.

use std::time::Duration;

use sekisho_mail::{Digest, Domain, Timestamp, hexadecimal};
use sekisho_tls::{CertificateChain, DANE_EE, TlsaRecord};

use crate::{
    certificates::{RecordSet, Rollover, Sight},
    dns::{TlsaAnswer, TlsaView},
};

/// Sights that are kept of one look.
const SIGHTS_MAX: usize = 200;

/// What was seen at all names of a role.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Records {
    /// Record sets that are there, as any server shows them.
    pub(super) sets: Vec<RecordSet>,
    /// What was seen, server by server.
    pub(super) sights: Vec<Sight>,
    /// Records that a server which answered does not show.
    pub(super) missing: bool,
    /// Somebody gave no answer that counts.
    pub(super) unknown: bool,
    /// The longest that others may remember any of it.
    pub(super) remembered: Duration,
    /// From when on the youngest signature is valid.
    pub(super) signed_from: Option<Timestamp>,
}

impl Records {
    /// Whether every server has answered, and none shows a record at any of the names.
    pub(super) const fn are_absent(&self) -> bool {
        !self.unknown && self.sets.is_empty()
    }

    fn note(&mut self, is_well: bool, text: String) {
        // What is wrong is told before what is well, of very much of either.
        if self.sights.len() < SIGHTS_MAX {
            self.sights.push(Sight { is_well, text });
        } else if !is_well && let Some(well) = self.sights.iter_mut().find(|sight| sight.is_well) {
            *well = Sight { is_well, text };
        }
    }

    fn add(&mut self, name: &Domain, answer: &TlsaAnswer) {
        if answer.records.is_empty() {
            return;
        }
        self.remembered = self.remembered.max(answer.ttl);
        self.signed_from = self.signed_from.max(answer.signed_from);
        let set = match self.sets.iter_mut().find(|set| set.name == name.as_str()) {
            Some(set) => set,
            None => {
                self.sets.push(RecordSet {
                    name: name.to_string(),
                    records: Vec::new(),
                    ttl_secs: 0,
                });
                let last = self.sets.len() - 1;
                &mut self.sets[last]
            }
        };
        set.ttl_secs = set.ttl_secs.max(answer.ttl.as_secs());
        for record in answer.records.iter().map(ToString::to_string) {
            if !set.records.contains(&record) {
                set.records.push(record);
            }
        }
    }
}

/// What the servers of a name show, or why nobody could be asked.
pub(super) type TlsaSeen = Result<TlsaView, String>;
/// Names with what was seen there.
pub(super) type Asked = Vec<(Domain, TlsaSeen)>;

/// What was in force before: its chains, as far as they are kept, and its keys.
#[derive(Clone, Debug, Default)]
pub(super) struct Old {
    /// Chains.
    pub(super) chains: Vec<CertificateChain>,
    /// The SHA-256 of each SubjectPublicKeyInfo.
    pub(super) keys: Vec<Digest>,
}

/// The SubjectPublicKeyInfo of each key that comes.
pub(super) fn next_keys(rollover: &Rollover) -> Vec<Vec<u8>> {
    let keys = rollover.keys.iter();
    keys.map(|key| hexadecimal::decode(&key.spki).unwrap_or_default())
        .collect()
}

/// Whether every server shows, beside what it has, the records of these keys. Names without records are left alone: who
/// has none today needs none tomorrow.
pub(super) fn beside(asked: &Asked, keys: &[Vec<u8>]) -> Records {
    judged(asked, |answer| {
        if answer.records.is_empty() {
            return Err("shows no TLSA record, where others show some".to_owned());
        }
        let names_leaves = answer.records.iter().any(|record| record.usage == DANE_EE);
        if !names_leaves {
            return Ok("names an authority and no key, so that there is nothing to add".to_owned());
        }
        let lacking = keys
            .iter()
            .filter(|key| !answer.records.iter().any(|record| record.names_key(key)));
        let lacking: Vec<String> = lacking.map(|key| TlsaRecord::of_key(key).to_string()).collect();
        if lacking.is_empty() {
            return Ok("shows the next key beside the current one".to_owned());
        }
        Err(format!("does not show {}", lacking.join(" and ")))
    })
}

/// Whether no server shows a record that names one of the old chains and none of the new ones.
pub(super) fn without(asked: &Asked, old: &Old, new: &[CertificateChain]) -> Records {
    judged(asked, |answer| {
        let lasting = answer.records.iter().filter(|record| is_of_old(record, old, new));
        let lasting: Vec<String> = lasting.map(ToString::to_string).collect();
        let names_new = |record: &TlsaRecord| new.iter().any(|chain| record.names(chain));
        if !answer.records.is_empty() && !answer.records.iter().any(names_new) {
            return Err("shows no record that names what is presented".to_owned());
        }
        if lasting.is_empty() {
            return Ok("names the old key no more".to_owned());
        }
        Err(format!("still shows {}", lasting.join(" and ")))
    })
}

/// Whether a record is one that is to be withdrawn.
pub(super) fn is_of_old(record: &TlsaRecord, old: &Old, new: &[CertificateChain]) -> bool {
    // The chains may have been removed from the store; the usual form of a record is known by the key alone.
    let is_key = |key: &Digest| record.usage == DANE_EE && record.selector == 1 && record.data == key.0;
    let is_old = old.chains.iter().any(|chain| record.names(chain)) || old.keys.iter().any(is_key);
    is_old && !new.iter().any(|chain| record.names(chain))
}

fn judged(asked: &Asked, judge: impl Fn(&TlsaAnswer) -> Result<String, String>) -> Records {
    let mut records = Records::default();
    for (name, view) in asked {
        let view = match view {
            Ok(view) => view,
            Err(why) => {
                records.unknown = true;
                records.note(false, format!("{name}: {why}"));
                continue;
            }
        };
        let shows_any = view
            .servers
            .iter()
            .any(|(_, answer)| answer.as_ref().is_ok_and(|one| !one.records.is_empty()));
        for (server, answer) in &view.servers {
            match answer {
                Err(why) => {
                    records.unknown = true;
                    records.note(false, format!("{name}: {server} gives no answer that counts: {why}"));
                }
                Ok(answer) if !shows_any => {
                    debug_assert!(answer.records.is_empty());
                    records.note(true, format!("{name}: {server} has no TLSA record"));
                }
                Ok(answer) => {
                    records.add(&view.owner, answer);
                    let judged = judge(answer);
                    records.missing |= judged.is_err();
                    let (is_well, words) = match judged {
                        Ok(words) => (true, words),
                        Err(words) => (false, words),
                    };
                    records.note(is_well, format!("{name}: {server} {words}"));
                }
            }
        }
    }
    records
}
