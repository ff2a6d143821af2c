//! What was sent, what was acknowledged and what arrived, known outside of the server and on another file system than
//! its. A message and its recipients follow from its number and the seed, so that a number is all that has to be kept,
//! and every octet can be compared.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Write as _},
    path::Path,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use crate::schedule::Dice;

/// Who sends everything.
pub(crate) const SENDER: &str = "source@client.example";

/// A place where a message is seen to arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    /// A peer without STARTTLS.
    Plain,
    /// The same peer, another recipient of the same transaction.
    Second,
    /// A peer with STARTTLS, on a route that demands nothing.
    Tls,
    /// A route that requires encryption.
    Strict,
    /// The same route, behind an alias.
    StrictByAlias,
    /// A Maildir on the disk that is cut.
    Maildir,
    /// Another, behind the same alias.
    MaildirByAlias,
}

impl Place {
    /// All of them.
    pub(crate) const ALL: [Self; 7] = [
        Self::Plain,
        Self::Second,
        Self::Tls,
        Self::Strict,
        Self::StrictByAlias,
        Self::Maildir,
        Self::MaildirByAlias,
    ];

    /// The recipient that the peer is told, or the name of the mailbox.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Plain => "one@plain.example",
            Self::Second => "two@plain.example",
            Self::Tls => "one@tls.example",
            Self::Strict => "one@strict.example",
            Self::StrictByAlias => "alias@strict.example",
            Self::Maildir => "box",
            Self::MaildirByAlias => "aliased",
        }
    }

    /// Whether nothing may come here in the clear.
    pub(crate) const fn wants_tls(self) -> bool {
        matches!(self, Self::Strict | Self::StrictByAlias)
    }

    /// Whether it is a Maildir.
    pub(crate) const fn is_local(self) -> bool {
        matches!(self, Self::Maildir | Self::MaildirByAlias)
    }
}

/// Addresses to send to, and where each leads.
const TARGETS: [(&str, &[Place]); 6] = [
    ("one@plain.example", &[Place::Plain]),
    ("two@plain.example", &[Place::Second]),
    ("one@tls.example", &[Place::Tls]),
    ("one@strict.example", &[Place::Strict]),
    ("box@here.example", &[Place::Maildir]),
    ("both@here.example", &[Place::StrictByAlias, Place::MaildirByAlias]),
];

/// What is done with one number.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Who it is for; at least one.
    pub(crate) recipients: Vec<&'static str>,
    /// Where it must arrive then.
    pub(crate) places: Vec<Place>,
    /// Sent with BDAT instead of DATA.
    pub(crate) chunked: bool,
    /// Broken off in the middle of the content: it must never arrive anywhere.
    pub(crate) broken_off: bool,
}

impl Plan {
    /// That of a number.
    pub(crate) fn of(seed: u64, number: u64) -> Self {
        let mut dice = Dice::new(seed ^ number.wrapping_mul(0xd1b5_4a32_d192_ed03));
        let chosen = 1 + dice.below((1 << TARGETS.len()) - 1);
        let targets = (0..TARGETS.len()).filter(|place| chosen >> place & 1 == 1);
        let (mut recipients, mut places) = (Vec::new(), Vec::new());
        for (address, ends) in targets.map(|place| TARGETS[place]) {
            // Half of them, so that most messages have one recipient to three.
            if recipients.is_empty() || dice.percent(50) {
                recipients.push(address);
                places.extend(ends);
            }
        }
        Self {
            recipients,
            places,
            chunked: dice.percent(40),
            broken_off: dice.percent(4),
        }
    }
}

/// What became of a number on our side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sent {
    /// When all of it may have left us.
    pub(crate) offered: Option<Instant>,
    /// When a 250 came for it.
    pub(crate) acknowledged: Option<Instant>,
    /// A refusal came for it.
    pub(crate) refused: bool,
}

/// A message that was seen somewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Arrival {
    /// Of which life of the server, as it introduced itself. Nothing for a Maildir.
    pub(crate) life: Option<usize>,
    /// When.
    pub(crate) at: Instant,
    /// Whether it came under TLS.
    pub(crate) tls: bool,
    /// Whether every octet and the sender are as they were sent.
    pub(crate) whole: bool,
}

/// All that is known.
#[derive(Clone, Debug, Default)]
pub(crate) struct Entries {
    /// By number.
    pub(crate) sent: BTreeMap<u64, Sent>,
    /// By number and place, in their order.
    pub(crate) arrivals: BTreeMap<(u64, Place), Vec<Arrival>>,
    /// What arrived and is none of ours, or at a wrong place.
    pub(crate) strangers: Vec<String>,
    /// When each life ended by force.
    pub(crate) ends: Vec<Instant>,
    /// Between when and when the disk was cut off under a server that went on.
    pub(crate) doubts: Vec<(Instant, Instant)>,
}

/// The ledger, shared by senders, sinks and the judge.
#[derive(Debug)]
pub(crate) struct Ledger {
    seed: u64,
    begun: Instant,
    next: AtomicU64,
    /// Places away from the server's disk where something acknowledged has not arrived yet.
    outstanding: AtomicUsize,
    entries: Mutex<Entries>,
    file: Mutex<File>,
}

impl Ledger {
    /// An empty one that is written to a file in `folder` too, to be read when something was found.
    pub(crate) fn begin(seed: u64, folder: &Path) -> io::Result<Self> {
        Ok(Self {
            seed,
            begun: Instant::now(),
            next: AtomicU64::new(0),
            outstanding: AtomicUsize::new(0),
            entries: Mutex::default(),
            file: Mutex::new(File::create(folder.join("ledger"))?),
        })
    }

    /// The next number and what is to be done with it.
    pub(crate) fn next(&self) -> (u64, Plan) {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        (number, Plan::of(self.seed, number))
    }

    /// The plan of a number.
    pub(crate) fn plan(&self, number: u64) -> Plan {
        Plan::of(self.seed, number)
    }

    /// To be called before the last octet leaves.
    pub(crate) fn offered(&self, number: u64) {
        self.entries().sent.entry(number).or_default().offered = Some(Instant::now());
        self.write(&format!("{number} offered"));
    }

    /// The reply to the end of the content.
    pub(crate) fn answered(&self, number: u64, code: u16) {
        let success = code / 100 == 2;
        let mut entries = self.entries();
        let sent = entries.sent.entry(number).or_default();
        sent.acknowledged = success.then(Instant::now);
        sent.refused |= !success;
        if success {
            let missing = self.plan(number).places.into_iter();
            let missing =
                missing.filter(|place| !place.is_local() && !entries.arrivals.contains_key(&(number, *place)));
            self.outstanding.fetch_add(missing.count(), Ordering::Relaxed);
        }
        drop(entries);
        self.write(&format!("{number} answered {code}"));
    }

    /// A message was seen at a place.
    pub(crate) fn arrived(&self, number: u64, place: Place, arrival: Arrival) {
        let mut entries = self.entries();
        let acknowledged = entries
            .sent
            .get(&number)
            .is_some_and(|sent| sent.acknowledged.is_some());
        let before = entries.arrivals.entry((number, place)).or_default();
        before.push(arrival);
        if before.len() == 1 && acknowledged && !place.is_local() {
            self.outstanding.fetch_sub(1, Ordering::Relaxed);
        }
        drop(entries);
        let Arrival { life, tls, whole, .. } = arrival;
        self.write(&format!(
            "{number} arrived at {} of life {life:?} tls {tls} whole {whole}",
            place.name()
        ));
    }

    /// Something was seen that cannot be placed.
    pub(crate) fn stranger(&self, what: String) {
        self.write(&format!("stranger: {what}"));
        self.entries().strangers.push(what);
    }

    /// A life ended by force.
    pub(crate) fn life_ended(&self, how: &str) {
        let mut entries = self.entries();
        entries.ends.push(Instant::now());
        let life = entries.ends.len() - 1;
        drop(entries);
        self.write(&format!("life {life} ended: {how}"));
    }

    /// The disk was cut off under a server that goes on: what is flushed between these moments may be told to be on the
    /// disk when it is not.
    pub(crate) fn doubtful(&self, begin: Instant, end: Instant) {
        self.entries().doubts.push((begin, end));
    }

    /// How much of what was acknowledged has not arrived, Maildirs aside.
    pub(crate) fn outstanding(&self) -> usize {
        self.outstanding.load(Ordering::Relaxed)
    }

    /// How many arrivals there were.
    pub(crate) fn arrivals(&self) -> usize {
        self.entries().arrivals.values().map(Vec::len).sum()
    }

    /// All that is known at this moment.
    pub(crate) fn snapshot(&self) -> Entries {
        self.entries().clone()
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The file is for people; what judges is in memory, where no power cut of the rig can reach it.
    fn write(&self, line: &str) {
        let millis = Duration::as_millis(&self.begun.elapsed());
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = writeln!(file, "{millis} {line}");
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_place_and_every_way_is_tried() {
        let plans: Vec<Plan> = (0..1000).map(|number| Plan::of(3, number)).collect();
        let places: BTreeSet<Place> = plans.iter().flat_map(|plan| plan.places.clone()).collect();
        assert_eq!(places, Place::ALL.into());
        assert!(plans.iter().all(|plan| !plan.recipients.is_empty()));
        for way in [|plan: &&Plan| plan.chunked, |plan: &&Plan| plan.broken_off] {
            let count = plans.iter().filter(way).count();
            assert!((10..990).contains(&count), "{count}");
        }
        let several = plans.iter().filter(|plan| plan.recipients.len() > 1).count();
        assert!(several > 300, "{several}");
    }
}
