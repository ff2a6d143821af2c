//! One message on its way into the store: our header field first, then the content as it streams by.

use std::{net::SocketAddr, sync::Arc};

use sekisho_mail::{ChannelSecurity, Mailbox, MessageId, Recipient, Reply, ReplyCode};
use sekisho_policy::directory::{Directory, HeaderCondition, HeaderField};
use sekisho_smtp::server::Submission;
use sekisho_store::{Accepted, Alteration, Arrival, Draft, Pressure, StoreError};

use super::{
    HeaderScan, InboundLimits, InboundServices, Received, Shortage, alterations::of_copies, families::FamilyScan,
    header_keep::HeaderKeep,
};
use crate::clock;

/// Who sends, and how.
#[derive(Debug)]
pub(super) struct Origin<'a> {
    pub(super) listener: &'a str,
    pub(super) host_name: &'a str,
    pub(super) peer: SocketAddr,
    pub(super) helo: &'a str,
    pub(super) extended: bool,
    pub(super) security: &'a ChannelSecurity,
    /// The version of the directory that all of it is judged by.
    pub(super) directory: u64,
}

/// What is looked for in a message while it is received.
#[derive(Debug)]
pub(super) struct Watch {
    /// What the `Received` fields of this server hold.
    pub(super) mark: Arc<str>,
    /// Where a rule wants to know what the header says.
    pub(super) header: Option<HeaderKeep>,
    /// Where an organization has header families.
    pub(super) families: Option<FamilyScan>,
}

/// A message that is being received.
#[derive(Debug)]
pub(super) struct Receiving {
    draft: Draft,
    scan: HeaderScan,
    /// Where a rule wants to know what the header says.
    header: Option<HeaderKeep>,
    /// Where an organization has header families.
    families: Option<FamilyScan>,
    field_octets: u64,
}

impl Receiving {
    /// Puts our `Received` field at the top.
    pub(super) async fn begin(
        mut draft: Draft,
        origin: &Origin<'_>,
        only_recipient: Option<&Mailbox>,
        watch: Watch,
    ) -> Result<Self, StoreError> {
        let field = Received {
            helo: origin.helo,
            client: origin.peer.ip().to_canonical(),
            hostname: origin.host_name,
            extended: origin.extended,
            security: origin.security,
            id: draft.id(),
            only_recipient,
            at: clock::now(),
        }
        .to_field();
        draft.write(field.as_bytes()).await?;
        Ok(Self {
            draft,
            scan: HeaderScan::watching(watch.mark),
            header: watch.header,
            families: watch.families,
            field_octets: field.len() as u64,
        })
    }

    /// Its queue id.
    pub(super) const fn id(&self) -> MessageId {
        self.draft.id()
    }

    /// Octets so far.
    pub(super) const fn octets(&self) -> u64 {
        self.draft.len()
    }

    /// `Received` fields that it came with.
    pub(super) const fn hops(&self) -> u32 {
        self.scan.hops()
    }

    /// Those of them that this server wrote.
    pub(super) const fn own_hops(&self) -> u32 {
        self.scan.own_hops()
    }

    /// Writes down with each recipient what becomes of fields of its organization's families.
    pub(super) fn settle_families(&self, directory: &Directory, recipients: &mut [Recipient]) {
        if let Some(families) = &self.families {
            families.settle(directory, recipients);
        }
    }

    /// The fields of its header that a condition is about.
    pub(super) fn header_fields(&self, conditions: &[HeaderCondition]) -> Vec<HeaderField> {
        let header = self.header.as_ref();
        header.map(|header| header.fields(conditions)).unwrap_or_default()
    }

    /// Takes content.
    pub(super) async fn write(&mut self, content: &[u8]) -> Result<(), StoreError> {
        self.scan.see(content);
        if let Some(header) = &mut self.header {
            header.see(content);
        }
        if let Some(families) = &mut self.families {
            families.see(content);
        }
        self.draft.write(content).await
    }

    /// What is to be committed.
    pub(super) fn finish(self, submission: Submission, origin: &Origin<'_>) -> (Draft, Accepted) {
        let arrival = Arrival {
            at: clock::now(),
            listener: origin.listener.to_owned(),
            peer: Some(origin.peer),
            helo: origin.helo.to_owned(),
            security: origin.security.clone(),
            directory: origin.directory,
            admitted_by: submission.admitted_by.join(", "),
            message_id_header: self.scan.message_id(),
            alterations: alterations(&submission, self.field_octets),
            shadow: Vec::new(),
        };
        let accepted = Accepted {
            envelope: submission.envelope,
            arrival,
        };
        (self.draft, accepted)
    }
}

/// Everything that differs between what the client sent and what is kept.
fn alterations(submission: &Submission, field_octets: u64) -> Vec<Alteration> {
    let facts = &submission.facts;
    let normalised = facts.normalised_line_ends;
    let all = [
        (
            true,
            "received-added",
            format!("a Received field of {field_octets} octets was put on top"),
        ),
        (
            normalised > 0,
            "line-ends-normalised",
            format!("{normalised} bare CR or LF became CRLF"),
        ),
        (
            facts.line_end_added,
            "line-end-added",
            "the last line had no CRLF and was given one".to_owned(),
        ),
        (
            submission.eight_bit_undeclared,
            "8bitmime-assumed",
            "the content has octets beyond ASCII, which MAIL did not declare; it is handled as BODY=8BITMIME"
                .to_owned(),
        ),
    ];
    let applied = all.into_iter().filter(|(applies, ..)| *applies);
    let applied = applied.map(|(_, kind, text)| Alteration {
        kind: kind.to_owned(),
        text,
    });
    applied.chain(of_copies(&submission.envelope.recipients)).collect()
}

/// How hard pressed the store and the sessions are together.
pub(super) fn pressure(services: &InboundServices) -> Pressure {
    services.envelopes.on_top_of(services.store.pressure())
}

/// Whether new mail has to wait, and what is said then. Delivery goes on all the while, which makes room.
pub(super) fn put_off(pressure: Pressure, announced_octets: u64, limits: &InboundLimits) -> Option<Reply> {
    Some(match limits.shortage(pressure, announced_octets)? {
        Shortage::Failed | Shortage::Check | Shortage::Recovery => store_failed(),
        Shortage::Disk | Shortage::Inodes => {
            Reply::new(ReplyCode::NO_ROOM, 3, 1, "not enough disk space, try again later")
        }
        Shortage::Memory | Shortage::QueueLength => Reply::new(ReplyCode::NO_ROOM, 3, 1, "too busy, try again later"),
    })
}

/// Every fault of the store is ours and passing: 4xx, never 5xx (law 3).
pub(super) fn store_fault(error: &StoreError) -> Reply {
    match error {
        StoreError::Full(_) => Reply::new(ReplyCode::NO_ROOM, 3, 1, "not enough room, try again later"),
        _ => store_failed(),
    }
}

fn store_failed() -> Reply {
    Reply::new(
        ReplyCode::LOCAL_FAULT,
        3,
        0,
        "the queue cannot be written just now, try again later",
    )
}

#[cfg(test)]
mod tests {
    use sekisho_store::Soundness;

    use super::*;

    #[test]
    fn every_pressure_puts_new_mail_off_for_a_while_and_never_for_good() {
        let limits = InboundLimits::default();
        let easy = Pressure {
            free_octets: u64::MAX,
            free_inodes: u64::MAX,
            ..Pressure::default()
        };
        assert_eq!(put_off(easy, 1 << 30, &limits), None);
        let hard = [
            Pressure { failed: true, ..easy },
            Pressure {
                soundness: Soundness::Unchecked,
                ..easy
            },
            Pressure {
                soundness: Soundness::Damaged,
                ..easy
            },
            Pressure {
                free_octets: limits.free_octets_min,
                ..easy
            },
            Pressure { free_inodes: 1, ..easy },
            Pressure {
                memory_octets: limits.memory_octets_max + 1,
                ..easy
            },
            Pressure {
                queued: limits.queued_max,
                ..easy
            },
        ];
        for pressure in hard {
            let reply = put_off(pressure, 1, &limits).unwrap();
            assert_eq!(reply.code.as_u16() / 100, 4, "{pressure:?}");
        }
    }
}
