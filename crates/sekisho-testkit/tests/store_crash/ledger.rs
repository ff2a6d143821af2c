//! The ledger outside the store: what each message must look like after every step that was answered, and what it may
//! look like while a step is under way. The steps are the store's orders in miniature; whoever adds an order adds it
//! here, from its documentation and not from its code.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use sekisho_mail::MessageId;
use sekisho_testkit::vfs::CrashDisk;

/// A message to one destination, as the queue's list shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) recipients: BTreeSet<String>,
    pub(crate) attempts: u32,
    pub(crate) held: bool,
    /// Whether the operator ordered a bounce.
    pub(crate) directive: bool,
    /// Where it goes once the attempt that is under way has ended.
    pub(crate) redirect: Option<String>,
}

/// One attempt in the trace: recipient, its number, what it came to.
pub(crate) type Attempt = (String, u32, &'static str);

/// A message and the notices that it led to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Family {
    pub(crate) rows: BTreeMap<(MessageId, String), Row>,
    /// What the trace must hold, with whether it was written down on the old day.
    pub(crate) evidence: BTreeMap<Attempt, bool>,
}

/// What is done to a message.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Commit {
        to: Vec<String>,
    },
    /// The end of an attempt at one destination.
    End {
        destination: String,
        word: &'static str,
        notice: Option<MessageId>,
    },
    Hold,
    Release,
    Bounce,
    /// With whether the message is in flight.
    Redirect {
        to: String,
        in_flight: bool,
    },
}

/// One entry, which a mark in the disk's record points at.
#[derive(Clone, Debug)]
pub(crate) enum Fact {
    /// A message's content, and whose notice it is.
    Offered(MessageId, Arc<[u8]>, Option<MessageId>),
    Begun(MessageId, Step),
    /// The last step begun was answered.
    Done(MessageId),
    /// What was written down before may be trimmed from here on.
    NewDay,
    /// The store was opened again, and this was found to be certain.
    Found(Known),
}

/// What is known of a message.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    /// After all that was answered.
    pub(crate) certain: Family,
    /// After the step that is under way, when one is.
    pub(crate) possible: Option<Family>,
}

/// What is known of all of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    pub(crate) messages: BTreeMap<MessageId, History>,
    pub(crate) contents: BTreeMap<MessageId, Arc<[u8]>>,
    /// Whose a notice is.
    pub(crate) roots: BTreeMap<MessageId, MessageId>,
    pub(crate) new_day: bool,
}

impl Known {
    pub(crate) fn learn(&mut self, fact: &Fact) {
        match fact {
            Fact::Offered(id, content, root) => {
                self.contents.insert(*id, Arc::clone(content));
                self.roots.insert(*id, root.unwrap_or(*id));
            }
            Fact::Begun(id, step) => {
                let history = self.messages.entry(*id).or_default();
                let mut after = history.certain.clone();
                after.apply(*id, step, !self.new_day);
                history.possible = Some(after);
            }
            Fact::Done(id) => {
                if let Some(history) = self.messages.get_mut(id)
                    && let Some(after) = history.possible.take()
                {
                    history.certain = after;
                }
            }
            Fact::NewDay => self.new_day = true,
            Fact::Found(known) => *self = known.clone(),
        }
    }
}

impl Family {
    fn apply(&mut self, id: MessageId, step: &Step, old_day: bool) {
        match step {
            Step::Commit { to } => {
                for address in to {
                    self.row(id, destination_of(address)).recipients.insert(address.clone());
                }
            }
            Step::End {
                destination,
                word,
                notice,
            } => self.end(id, destination, word, *notice, old_day),
            Step::Hold => self.own_rows(id).for_each(|row| row.held = true),
            Step::Release => self.own_rows(id).for_each(|row| row.held = false),
            Step::Bounce => self
                .own_rows(id)
                .for_each(|row| (row.directive, row.held) = (true, false)),
            Step::Redirect { to, in_flight } => {
                self.own_rows(id).for_each(|row| row.redirect = Some(to.clone()));
                if !in_flight {
                    *self = self.recovered();
                }
            }
        }
    }

    fn end(&mut self, id: MessageId, destination: &str, word: &'static str, notice: Option<MessageId>, old_day: bool) {
        let key = (id, destination.to_owned());
        let Some(mut row) = self.rows.remove(&key) else { return };
        row.attempts += 1;
        let attempts = row
            .recipients
            .iter()
            .map(|to| ((to.clone(), row.attempts, word), old_day));
        self.evidence.extend(attempts);
        if let Some(notice) = notice {
            self.row(notice, "example.org")
                .recipients
                .insert("sender@example.org".to_owned());
        }
        if word == "deferred" {
            let moved = row.redirect.is_some();
            self.rows.insert(key.clone(), row);
            if moved {
                self.redirect(&key);
            }
        }
    }

    fn row(&mut self, id: MessageId, destination: &str) -> &mut Row {
        self.rows.entry((id, destination.to_owned())).or_default()
    }

    fn own_rows(&mut self, id: MessageId) -> impl Iterator<Item = &mut Row> {
        self.rows
            .iter_mut()
            .filter(move |((of, _), _)| *of == id)
            .map(|(_, row)| row)
    }

    /// Does what a row waits for.
    fn redirect(&mut self, key: &(MessageId, String)) {
        let Some(mut row) = self.rows.remove(key) else { return };
        let Some(to) = row.redirect.take() else { return };
        let at = self.row(key.0, destination_of(&to));
        at.attempts = at.attempts.max(row.attempts);
        at.held |= row.held;
        at.recipients.insert(to);
    }

    /// As it is once nobody is at it any more: what waited for the end of an attempt is done.
    #[must_use]
    pub(crate) fn recovered(&self) -> Self {
        let mut after = self.clone();
        let waiting = self.rows.iter().filter(|(_, row)| row.redirect.is_some());
        waiting.for_each(|(key, _)| after.redirect(key));
        after
    }
}

pub(crate) fn destination_of(address: &str) -> &str {
    address.rsplit('@').next().unwrap_or(address)
}

/// All that was noted, in order.
#[derive(Debug, Default)]
pub(crate) struct Ledger(Mutex<Vec<Fact>>);

impl Ledger {
    /// Notes it here, and where in the disk's record it belongs.
    pub(crate) fn note(&self, disk: &CrashDisk, fact: Fact) {
        let mut facts = self.0.lock().unwrap();
        facts.push(fact);
        disk.mark(facts.len() as u64 - 1);
    }

    /// Whether a message of this id was ever offered.
    pub(crate) fn knows(&self, id: MessageId) -> bool {
        self.0.lock().unwrap().iter().any(|fact| match fact {
            Fact::Offered(offered, ..) => *offered == id,
            Fact::Found(known) => known.contents.contains_key(&id),
            Fact::Begun(..) | Fact::Done(_) | Fact::NewDay => false,
        })
    }

    pub(crate) fn facts(&self) -> Vec<Fact> {
        self.0.lock().unwrap().clone()
    }
}
