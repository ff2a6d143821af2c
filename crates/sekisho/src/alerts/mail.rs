//! Alerts go to the postmaster: when a message is due it is queued like a notification, with a null return path, so
//! that nothing ever answers it; durably, before it is noted that it was told.

use std::{
    sync::{Arc, MutexGuard, PoisonError},
    time::Duration,
};

use arc_swap::ArcSwap;
use sekisho_mail::{
    BodyKind, ChannelSecurity, Domain, Envelope, Mailbox, Notify, OrganizationName, PlaintextCause, Recipient,
    ReversePath, Timestamp,
};
use sekisho_store::{Accepted, Arrival, Store, StoreError};
use tokio::{sync::watch, time};

use super::{
    Alerts,
    alert::Kept,
    book::{Book, Change, Sent},
    message::Digest,
    read,
};
use crate::{
    app::Phase,
    chance::select,
    clock,
    inbound::{Onward, Reception},
    local::LocalFinding,
    telemetry::maillog::{Entry, MailLog},
};

/// It is looked this often at least, whatever the clocks say.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// After a failure of the store.
const AFTER_FAILURE: Duration = Duration::from_secs(30);

/// What messages about alerts are made with.
#[derive(Clone, Debug)]
pub struct AlertMail {
    /// Alerts and queue.
    pub store: Arc<dyn Store>,
    /// In whose name they are written.
    pub hostname: Domain,
    /// Who is local, and whose a recipient's domain is.
    pub reception: Arc<ArcSwap<Reception>>,
    /// What is demanded on the way of an alias travels along; and who is told that something is due.
    pub onward: Arc<dyn Onward>,
    /// Where it is recorded.
    pub mail_log: MailLog,
}

impl Alerts {
    /// Writes to the postmaster when something is to be told, until the server stops.
    pub async fn run_mail(self: Arc<Self>, mail: AlertMail, mut phase: watch::Receiver<Phase>) {
        while *phase.borrow_and_update() == Phase::Running {
            let wait = match self.tell(&mail).await {
                Ok(wait) => wait,
                Err(error) => {
                    tracing::warn!(%error, "nobody can be written to of alerts");
                    AFTER_FAILURE
                }
            };
            select! {
                told = phase.changed() => if told.is_err() { return },
                () = self.changed.notified() => {}
                () = time::sleep(wait) => {}
            }
        }
    }

    /// Writes a message when one is due; answers when to look again.
    async fn tell(&self, mail: &AlertMail) -> Result<Duration, StoreError> {
        let settings = self.settings.load_full();
        let mut place = self.book.lock().await;
        let now = clock::now();
        let book = read(&mut place, &*mail.store).await?;
        self.metrics.show(book);
        let Some(next) = book.next_message(&settings) else {
            return Ok(LOOK_EVERY);
        };
        let next = next.max(self.sent().room(now));
        if next > now {
            return Ok(next.since(now).min(LOOK_EVERY));
        }
        let reception = mail.reception.load_full();
        let to = recipients(settings.to.as_deref(), &reception);
        if to.is_empty() {
            return Ok(LOOK_EVERY);
        }
        let keys = book.to_tell(&settings, now);
        self.send(mail, &reception, book, (&to, &keys), now).await?;
        self.sent().note(now);
        self.metrics.message_sent();
        let change = Change {
            kept: book.told(&keys, now),
            ..Change::default()
        };
        self.keep(&mut place, &*mail.store, change, now).await?;
        Ok(LOOK_EVERY)
    }

    fn sent(&self) -> MutexGuard<'_, Sent> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn send(
        &self,
        mail: &AlertMail,
        reception: &Reception,
        book: &Book,
        (to, keys): (&[Mailbox], &[String]),
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let told = keys
            .iter()
            .filter_map(|key| Some((key.clone(), book.kept.get(key)?.clone())));
        let told: Vec<(String, Kept)> = told.collect();
        let digest = Digest {
            hostname: &mail.hostname,
            to,
            told: &told,
            standing: book.kept.values().filter(|kept| kept.stands()).count(),
            now,
        };
        let mut draft = mail.store.begin(now)?;
        let id = draft.id();
        let written = digest.write(id);
        draft.write(&written.content).await?;
        let size = draft.len();
        let envelope = Envelope {
            reverse_path: ReversePath::Null,
            body: BodyKind::SevenBit,
            ret: None,
            envid: None,
            recipients: to.iter().flat_map(|to| mail.expand(reception, to)).collect(),
        };
        let arrival = Arrival {
            at: now,
            listener: "alerts".to_owned(),
            peer: None,
            helo: mail.hostname.to_string(),
            security: ChannelSecurity::Plaintext(PlaintextCause::NotAsked),
            directory: reception.organizations.version(),
            admitted_by: "own alert".to_owned(),
            message_id_header: Some(written.message_id),
            alterations: Vec::new(),
            shadow: Vec::new(),
        };
        let accepted = Accepted {
            envelope: envelope.clone(),
            arrival: arrival.clone(),
        };
        let committed = mail.store.commit(draft, accepted, false).await?;
        mail.mail_log.record(Entry::Received {
            id,
            envelope: &envelope,
            arrival: &arrival,
            size,
        });
        mail.onward.offer(committed.leases);
        Ok(())
    }
}

impl AlertMail {
    /// The recipients to queue for an address.
    fn expand(&self, reception: &Reception, to: &Mailbox) -> Vec<Recipient> {
        let accepted = to
            .host()
            .domain()
            .and_then(|domain| reception.organizations.domain(domain));
        let organization = accepted.map(|accepted| accepted.organization.clone());
        let organization = organization.unwrap_or(OrganizationName::FIRST);
        let covering = self.onward.covering(to, &organization);
        let recipient = Recipient {
            notify: Some(Notify::Never),
            organization,
            ..Recipient::new(to.clone())
        };
        reception.local.find_mailbox(to).expand(recipient, &covering)
    }
}

/// To whom: those that are named, or the local postmaster where there is one.
fn recipients(named: Option<&[Mailbox]>, reception: &Reception) -> Vec<Mailbox> {
    if let Some(named) = named {
        return named.to_vec();
    }
    let postmaster = reception.local.postmaster();
    let is_here = |finding: LocalFinding| finding.is_here();
    postmaster
        .filter(|postmaster| is_here(reception.local.find_mailbox(postmaster)))
        .into_iter()
        .collect()
}
