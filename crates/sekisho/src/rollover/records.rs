//! What the TLSA records of a role's names come to for a roll-over: whether there are any, whether the next key is
//! named everywhere, and for how long others may remember the records without it. RFC 7671 §8.1, RFC 7672 §3.

use std::time::Duration;

use sekisho_mail::{Domain, Timestamp};
use sekisho_tls::{CertificateChain, DANE_EE, TlsaRecord};

use crate::{
    certificates::{RecordSet, Rollover, Sight},
    dns::{TlsaAnswer, TlsaView},
};

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
        self.sights.push(Sight { is_well, text });
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

/// A name with what its servers show, or why nobody could be asked.
pub(super) type Asked = (Domain, Result<TlsaView, String>);

/// The SubjectPublicKeyInfo of each key that comes.
pub(super) fn next_keys(rollover: &Rollover) -> Vec<Vec<u8>> {
    let keys = rollover.keys.iter().map(|key| {
        let digits = key.spki.as_bytes().chunks(2);
        let octets = digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap_or_default(), 16));
        octets.collect::<Result<Vec<u8>, _>>().unwrap_or_default()
    });
    keys.collect()
}

/// Whether every server shows, beside what it has, the records of these keys. Names without records are left alone: who
/// has none today needs none tomorrow.
pub(super) fn beside(asked: &[Asked], keys: &[Vec<u8>]) -> Records {
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
pub(super) fn without(asked: &[Asked], old: &[CertificateChain], new: &[CertificateChain]) -> Records {
    judged(asked, |answer| {
        let lasting = answer.records.iter().filter(|record| is_of_old(record, old, new));
        let lasting: Vec<String> = lasting.map(ToString::to_string).collect();
        if lasting.is_empty() {
            return Ok("names the old key no more".to_owned());
        }
        Err(format!("still shows {}", lasting.join(" and ")))
    })
}

/// Whether a record is one that is to be withdrawn.
pub(super) fn is_of_old(record: &TlsaRecord, old: &[CertificateChain], new: &[CertificateChain]) -> bool {
    old.iter().any(|chain| record.names(chain)) && !new.iter().any(|chain| record.names(chain))
}

fn judged(asked: &[Asked], judge: impl Fn(&TlsaAnswer) -> Result<String, String>) -> Records {
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
