//! What is done to the store while its disk is recorded: messages from several threads, each with a short life of
//! orders and attempts that the dice choose. Whoever gets no answer to a step leaves that message as it is.

use std::{collections::HashSet, path::Path, sync::Arc, thread, time::Duration};

use sekisho_mail::{ChannelFacts, EnhancedCode, Fault, Mailbox, MessageId, Outcome, Side, Timestamp};
use sekisho_store::{
    Lease, Notice, Selection, Store, StoreError, Ticket,
    conformance::{NOW, accepted, channel, deferred, delivered, destination, settlement},
    sqlite::{SqliteStore, StoreSettings},
};
use sekisho_testkit::vfs::CrashDisk;
use tempfile::TempDir;

use super::ledger::{Fact, Ledger, Step};

/// The day before the trace's retention begins, as seen from [`NOW`].
pub(crate) const OLD: Timestamp = Timestamp::from_secs(NOW.as_secs() - 200 * 86_400);

/// SplitMix64: the same choices for the same seed.
#[derive(Clone, Debug)]
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.roll() % limit.max(1) as u64).unwrap_or(0)
    }

    pub(crate) fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }
}

/// Longer content lives in files.
pub(crate) const BODY_THRESHOLD: usize = 4096;

pub(crate) fn settings(folder: &Path) -> StoreSettings {
    StoreSettings {
        body_threshold: BODY_THRESHOLD,
        log_limit: 160 * 1024,
        settle_delay: Duration::ZERO,
        min_free_octets: 0,
        ..StoreSettings::new(folder)
    }
}

pub(crate) fn folder() -> TempDir {
    // In memory where there is such a place: thousands of small folders are made.
    let shm = Path::new("/dev/shm");
    if shm.is_dir() {
        TempDir::new_in(shm)
    } else {
        TempDir::new()
    }
    .unwrap()
}

fn open(folder: &Path, disk: &Arc<CrashDisk>, now: Timestamp) -> Result<Arc<SqliteStore>, StoreError> {
    let settings = StoreSettings {
        disk: disk.clone(),
        ..settings(folder)
    };
    SqliteStore::open(settings, now).map(Arc::new)
}

/// More starts than operations fail in a row, each of which meets one of them at least.
pub(crate) fn insist<T>(start: impl Fn() -> Result<T, StoreError>) -> Option<T> {
    (0..16).find_map(|_| start().ok())
}

/// Connections that the messages share.
pub(crate) const CHANNELS: usize = 3;

/// A store over a disk that is recorded, with its ledger.
pub(crate) struct World {
    pub(crate) store: Arc<SqliteStore>,
    pub(crate) disk: Arc<CrashDisk>,
    pub(crate) ledger: Arc<Ledger>,
    /// Numbered by their places.
    pub(crate) channels: [Arc<ChannelFacts>; CHANNELS],
}

impl World {
    pub(crate) fn open(folder: &Path, disk: Arc<CrashDisk>, now: Timestamp) -> Result<Self, StoreError> {
        let store = open(folder, &disk, now)?;
        Ok(Self {
            store,
            disk,
            ledger: Arc::default(),
            channels: std::array::from_fn(|number| Arc::new(channel(number as u64))),
        })
    }

    /// The process is killed and another one comes, again and again until one gets the folder open.
    pub(crate) fn restart(self, folder: &Path, now: Timestamp) -> Option<Self> {
        let Self { store, disk, .. } = self;
        drop(store);
        let store = insist(|| open(folder, &disk, now))?;
        Some(Self { store, disk, ..self })
    }

    /// So many messages from so many threads: some on a day that the trace has forgotten by the next, the others then.
    pub(crate) fn work(&self, messages: usize, threads: usize, seed: u64) {
        let old = messages / 4;
        self.shift(0..old, threads, seed, OLD);
        self.ledger.note(&self.disk, Fact::NewDay);
        self.shift(old..messages, threads, seed, NOW);
    }

    /// Messages with these serial numbers, at this instant.
    pub(crate) fn shift(&self, serials: std::ops::Range<usize>, threads: usize, seed: u64, now: Timestamp) {
        thread::scope(|scope| {
            for worker in 0..threads {
                let serials = serials.clone();
                scope.spawn(move || {
                    for serial in serials.skip(worker).step_by(threads) {
                        let dice = Dice(seed ^ (serial as u64) << 20);
                        // A life that ends early is no fault: its last step got no answer.
                        let _ = Life::begin(self, serial, dice, now).and_then(Life::live);
                    }
                });
            }
        });
    }

    fn noted<T>(&self, id: MessageId, step: Step, act: impl FnOnce() -> Ticket<T>) -> Option<T> {
        self.ledger.note(&self.disk, Fact::Begun(id, step));
        let answer = act().wait().ok()?;
        self.ledger.note(&self.disk, Fact::Done(id));
        Some(answer)
    }
}

/// A message and whoever works on it.
struct Life<'a> {
    world: &'a World,
    serial: usize,
    dice: Dice,
    now: Timestamp,
    id: MessageId,
    leases: Vec<Lease>,
    /// How it is lived.
    kind: usize,
}

/// Kinds of lives.
const KINDS: usize = 12;

impl<'a> Life<'a> {
    /// Commits the message; some have one recipient at a destination of their own, some another at a common one.
    fn begin(world: &'a World, serial: usize, mut dice: Dice, now: Timestamp) -> Option<Self> {
        let kind = dice.below(KINDS);
        let mut to = vec![format!("b{serial}@{}", own_domain(serial))];
        if dice.below(3) == 0 {
            to.push("a@one.example".to_owned());
        }
        let draft = write(world, &mut dice, now, None)?;
        let id = draft.id();
        // Kinds below 6 begin with an attempt.
        let addresses: Vec<&str> = to.iter().map(String::as_str).collect();
        let accepted = accepted(&addresses, now);
        let step = Step::Commit { to: to.clone() };
        let commit = world.noted(id, step, || world.store.commit(draft, accepted, kind < 6))?;
        Some(Self {
            world,
            serial,
            dice,
            now,
            id,
            leases: commit.leases,
            kind,
        })
    }

    fn live(mut self) -> Option<()> {
        match self.kind {
            0 | 1 => self.end_all("delivered"),
            2 => {
                self.end_all("deferred")?;
                self.lease_again()?;
                self.end_all("delivered")
            }
            3 => self.end_all("bounced"),
            4 => {
                self.redirect(true)?;
                let word = self.dice.pick(&["delivered", "deferred"]);
                self.end_all(word)
            }
            // Comes back unsettled.
            5 => {
                drop(self.leases);
                Some(())
            }
            6 => {
                self.order(Step::Hold)?;
                if self.dice.below(2) == 0 {
                    return Some(());
                }
                self.order(Step::Release)?;
                self.lease_again()?;
                self.end_all("delivered")
            }
            7 => {
                self.order(Step::Bounce)?;
                self.lease_again()?;
                self.end_all("bounced")
            }
            8 => {
                self.order(Step::Hold)?;
                self.redirect(false)
            }
            9 => {
                self.redirect(false)?;
                self.leases = self.lease(&format!("to{}.example", self.serial))?;
                self.end_all("delivered")
            }
            10 => self.look_after(),
            _ => Some(()),
        }
    }

    /// Ends every attempt that is under way, one destination after the other.
    fn end_all(&mut self, word: &'static str) -> Option<()> {
        for lease in std::mem::take(&mut self.leases) {
            self.end(lease, word)?;
        }
        Some(())
    }

    fn end(&mut self, lease: Lease, word: &'static str) -> Option<()> {
        let outcome = match word {
            "deferred" => deferred(self.now.plus(Duration::from_secs(60))),
            "bounced" => Outcome::Bounced { why: gone() },
            _ => delivered(),
        };
        let mut settlement = settlement(&lease, &outcome, self.now);
        for evidence in settlement
            .results
            .iter_mut()
            .filter_map(|result| result.evidence.as_mut())
        {
            evidence.channel = Some(Arc::clone(&self.world.channels[self.serial % CHANNELS]));
        }
        let mut notice = None;
        if word == "bounced" {
            let draft = write(self.world, &mut self.dice, self.now, Some(self.id))?;
            notice = Some(draft.id());
            let accepted = accepted(&["sender@example.org"], self.now);
            settlement.notices.push(Notice { draft, accepted });
        }
        let step = Step::End {
            destination: lease.destination.to_string(),
            word,
            notice,
        };
        self.world
            .noted(self.id, step, || self.world.store.settle(lease, settlement))
    }

    fn order(&self, step: Step) -> Option<()> {
        let store = &self.world.store;
        let this = Selection::Ids(vec![self.id]);
        self.world.noted(self.id, step.clone(), || match step {
            Step::Hold => store.hold(this, self.now),
            Step::Release => store.release(this, self.now),
            _ => store.bounce(this, "by order", self.now),
        })?;
        Some(())
    }

    fn redirect(&self, in_flight: bool) -> Option<()> {
        let to = format!("r@to{}.example", self.serial);
        let mailbox = Mailbox::parse(&to).unwrap();
        let in_flight = in_flight && !self.leases.is_empty();
        let step = Step::Redirect { to, in_flight };
        let redirect = || self.world.store.redirect(self.id, mailbox, Vec::new(), self.now);
        self.world.noted(self.id, step, redirect).map(drop)
    }

    fn lease_again(&mut self) -> Option<()> {
        self.leases = self.lease(&own_domain(self.serial))?;
        Some(())
    }

    fn lease(&self, domain: &str) -> Option<Vec<Lease>> {
        let later = self.now.plus(Duration::from_secs(90));
        self.world.store.lease(&destination(domain), later, 10).wait().ok()
    }

    /// What changes no message: destinations backed off, content without an owner, the trace's oldest files.
    fn look_after(&self) -> Option<()> {
        let store = &self.world.store;
        store
            .back_off(&destination("one.example"), self.now, "silence")
            .wait()
            .ok()?;
        store.trim_trace(self.now).wait().ok()?;
        store.due(self.now, 10, HashSet::new()).wait().ok()?;
        store.remove_orphans().wait().ok().map(drop)
    }
}

fn own_domain(serial: usize) -> String {
    format!("m{serial}.example")
}

/// A draft, some of them longer than what the database takes.
fn write(world: &World, dice: &mut Dice, now: Timestamp, notice_of: Option<MessageId>) -> Option<sekisho_store::Draft> {
    let len = if dice.below(7) == 0 {
        9000
    } else {
        100 + dice.below(2500)
    };
    let first = dice.roll();
    let content: Arc<[u8]> = (0..len as u64)
        .map(|place| b'a' + ((place * 7 + first % 1000) % 26) as u8)
        .collect();
    // Time stands still here, so that an id of an earlier life may come once more; in the field the very millisecond
    // would have to.
    let mut draft = loop {
        let draft = world.store.begin(now).ok()?;
        if !world.ledger.knows(draft.id()) {
            break draft;
        }
    };
    let fact = Fact::Offered(draft.id(), Arc::clone(&content), notice_of);
    world.ledger.note(&world.disk, fact);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(draft.write(&content)).ok()?;
    Some(draft)
}

fn gone() -> Fault {
    Fault {
        status: EnhancedCode::new(5, 1, 1),
        text: "no such mailbox".to_owned(),
        side: Side::Recipient,
        reply: None,
        host: None,
        unmet: None,
    }
}
