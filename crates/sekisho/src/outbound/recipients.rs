//! What is known of recipients in relay domains: who was asked about is remembered, bounded and for a while, and who is
//! being asked about is asked about once, however many want to know.
//!
//! What was learnt of one way says nothing of another: it is forgotten when the way of the domain changes.

use std::{
    collections::HashMap,
    fmt,
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use sekisho_mail::{Mailbox, Timestamp};
use sekisho_policy::{Network, inbound::NextHopSays};
use sekisho_store::Destination;
use tokio::{sync::watch, time::timeout};

use super::{Configured, Dispatcher, Shared, Way, probe::probe};
use crate::clock;

/// So long one is believed to be known to the next hop.
const KNOWN_FOR: Duration = Duration::from_hours(1);
/// So long it is believed while the next hop cannot be asked.
const KNOWN_FOR_AT_MOST: Duration = Duration::from_hours(24);
/// So long one is believed to be unknown to it: a new mailbox is not to wait for long.
const UNKNOWN_FOR: Duration = Duration::from_mins(5);
/// So long an answer is waited for.
const PROBE_PATIENCE: Duration = Duration::from_secs(30);
/// Probes under way at a time.
const PROBES_MAX: usize = 200;
/// Probes under way at a time for one client; a /64 of IPv6 counts as one.
const PROBES_PER_CLIENT_MAX: usize = 10;

/// Where an answer is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// It was remembered.
    Memory {
        /// For so long.
        age: Duration,
    },
    /// The next hop was asked just now.
    NextHop,
    /// It was remembered for longer than it is believed, and the next hop cannot be asked.
    Fallback {
        /// For so long.
        age: Duration,
        /// Why it cannot.
        why: String,
    },
}

/// A sentence without its full stop.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory { age } => write!(f, "from memory, {} seconds old", age.as_secs()),
            Self::NextHop => f.write_str("asked just now"),
            Self::Fallback { age, why } => write!(
                f,
                "from memory, {} seconds old, since the next hop cannot be asked: {why}",
                age.as_secs()
            ),
        }
    }
}

/// A recipient, and the destination that its message would have: its way depends on who brings it, too.
type Key = (Destination, Mailbox);

/// What was learnt, on which way and when.
#[derive(Clone, Debug)]
struct Learnt {
    says: NextHopSays,
    way: Arc<Way>,
    at: Timestamp,
}

/// What is remembered, in two generations: when the younger is full, it becomes the older, whose end that is. Whatever
/// is asked for is in the younger again, so that what nobody asks for goes first.
#[derive(Debug)]
struct Generations {
    young: HashMap<Key, Learnt>,
    old: HashMap<Key, Learnt>,
    capacity: usize,
}

impl Generations {
    fn new(capacity: usize) -> Self {
        Self {
            young: HashMap::new(),
            old: HashMap::new(),
            capacity,
        }
    }

    fn recall(&mut self, key: &Key) -> Option<&Learnt> {
        if let Some(learnt) = self.old.remove(key) {
            self.insert(key.clone(), learnt);
        }
        self.young.get(key)
    }

    fn insert(&mut self, key: Key, learnt: Learnt) {
        if self.young.len() >= (self.capacity / 2).max(1) && !self.young.contains_key(&key) {
            self.old = std::mem::take(&mut self.young);
        }
        self.old.remove(&key);
        self.young.insert(key, learnt);
    }

    fn remove(&mut self, key: &Key) {
        self.young.remove(key);
        self.old.remove(key);
    }
}

#[derive(Debug)]
struct Memory {
    /// Apart, so that whoever guesses addresses pushes nobody out who is known.
    known: Generations,
    unknown: Generations,
    /// Who is being asked about, and on which way.
    asked: HashMap<Key, (Arc<Way>, watch::Receiver<Option<NextHopSays>>)>,
    clients: HashMap<Network, usize>,
}

/// The memory of the whole process.
#[derive(Debug)]
pub(super) struct Recipients {
    memory: Mutex<Memory>,
    under_way: AtomicUsize,
}

impl Recipients {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            memory: Mutex::new(Memory {
                known: Generations::new(capacity / 2),
                unknown: Generations::new(capacity / 2),
                asked: HashMap::new(),
                clients: HashMap::new(),
            }),
            under_way: AtomicUsize::new(0),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is remembered of a recipient on this way, and for how long it has been.
    fn recall(&self, key: &Key, way: &Way, now: Timestamp) -> Option<(NextHopSays, Duration)> {
        let mut memory = self.lock();
        let Memory { known, unknown, .. } = &mut *memory;
        [known, unknown].into_iter().find_map(|generations| {
            let learnt = generations.recall(key)?;
            let age = now.since(learnt.at);
            // What is from the future is from before the clock was set, and of no known age.
            let is_believed = age < most(&learnt.says) && learnt.at <= now && *learnt.way == *way;
            if !is_believed {
                generations.remove(key);
                return None;
            }
            Some((learnt.says.clone(), age))
        })
    }

    fn remember(&self, key: &Key, says: &NextHopSays, way: &Arc<Way>, now: Timestamp) {
        let mut memory = self.lock();
        let learnt = Learnt {
            says: says.clone(),
            way: Arc::clone(way),
            at: now,
        };
        match says {
            NextHopSays::Known => {
                memory.unknown.remove(key);
                memory.known.insert(key.clone(), learnt);
            }
            NextHopSays::Unknown(_) => {
                memory.known.remove(key);
                memory.unknown.insert(key.clone(), learnt);
            }
            NextHopSays::Nothing(_) => {}
        }
    }
}

/// How long an answer may be used at all.
const fn most(says: &NextHopSays) -> Duration {
    match says {
        NextHopSays::Known => KNOWN_FOR_AT_MOST,
        NextHopSays::Unknown(_) => UNKNOWN_FOR,
        NextHopSays::Nothing(_) => Duration::ZERO,
    }
}

/// How long it is used without another question.
const fn fresh(says: &NextHopSays) -> Duration {
    match says {
        NextHopSays::Known => KNOWN_FOR,
        NextHopSays::Unknown(_) | NextHopSays::Nothing(_) => most(says),
    }
}

/// Leave for one probe; what it took is given back when it is dropped, and nobody waits for it any more.
struct Leave {
    shared: Arc<Shared>,
    key: Key,
    way: Arc<Way>,
    client: Option<Network>,
    answer: watch::Sender<Option<NextHopSays>>,
}

impl Drop for Leave {
    fn drop(&mut self) {
        let recipients = &self.shared.recipients;
        let mut memory = recipients.lock();
        // Another may be under way by now, on another way.
        if memory
            .asked
            .get(&self.key)
            .is_some_and(|(way, _)| Arc::ptr_eq(way, &self.way))
        {
            memory.asked.remove(&self.key);
        }
        if let Some(client) = self.client
            && let Some(count) = memory.clients.get_mut(&client)
        {
            *count -= 1;
            if *count == 0 {
                memory.clients.remove(&client);
            }
        }
        recipients.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Dispatcher {
    /// What is remembered of a recipient and still believed.
    #[must_use]
    pub fn recall_recipient(&self, recipient: &Mailbox, destination: &Destination) -> Option<NextHopSays> {
        let shared = self.shared();
        let key = (destination.clone(), recipient.clone());
        let way = shared.configured.load().way(destination);
        let (says, age) = shared.recipients.recall(&key, &way, clock::now())?;
        if age >= fresh(&says) {
            return None;
        }
        shared.services.metrics.recipient_checked(&says, true);
        Some(says)
    }

    /// What its next hop says of a recipient, whose message has this destination; remembered or asked now, by us or by
    /// whoever asks already. `client` is who wants to know; nobody in particular counts against no client.
    pub async fn ask_about(
        &self,
        recipient: &Mailbox,
        destination: &Destination,
        client: Option<IpAddr>,
    ) -> (NextHopSays, Source) {
        let shared = self.shared();
        let key = (destination.clone(), recipient.clone());
        let configured = shared.configured.load_full();
        let way = Arc::new(configured.way(destination));
        let remembered = shared.recipients.recall(&key, &way, clock::now());
        if let Some((says, age)) = &remembered
            && *age < fresh(says)
        {
            shared.services.metrics.recipient_checked(says, true);
            return (says.clone(), Source::Memory { age: *age });
        }
        let says = match begin(shared, &configured, &way, (key, client)) {
            Ok(mut answer) => match answer.wait_for(Option::is_some).await {
                Ok(says) => says.clone().unwrap_or_else(broken_off),
                Err(_) => broken_off(),
            },
            Err(why) => NextHopSays::Nothing(why.to_owned()),
        };
        shared.services.metrics.recipient_checked(&says, false);
        match (says, remembered) {
            (NextHopSays::Nothing(why), Some((says, age))) => (says, Source::Fallback { age, why }),
            (says, _) => (says, Source::NextHop),
        }
    }
}

fn broken_off() -> NextHopSays {
    NextHopSays::Nothing("the probe broke off".to_owned())
}

/// Begins a probe, or joins the one that is under way.
///
/// # Errors
/// When too many are.
fn begin(
    shared: &Arc<Shared>,
    configured: &Arc<Configured>,
    way: &Arc<Way>,
    (key, client): (Key, Option<IpAddr>),
) -> Result<watch::Receiver<Option<NextHopSays>>, &'static str> {
    let client = client.map(|client| {
        let client = client.to_canonical();
        Network::around(client, if client.is_ipv4() { 32 } else { 64 })
    });
    let mut memory = shared.recipients.lock();
    // What an old way's next hop will say is of no use any more.
    if let Some((asked, answer)) = memory.asked.get(&key)
        && **asked == **way
    {
        return Ok(answer.clone());
    }
    if shared.recipients.under_way.load(Ordering::Relaxed) >= PROBES_MAX {
        return Err("too many recipients are being asked about");
    }
    if let Some(client) = client {
        let count = memory.clients.entry(client).or_default();
        if *count >= PROBES_PER_CLIENT_MAX {
            return Err("this client has too many recipients asked about");
        }
        *count += 1;
    }
    shared.recipients.under_way.fetch_add(1, Ordering::Relaxed);
    let (answer, answered) = watch::channel(None);
    memory.asked.insert(key.clone(), (Arc::clone(way), answered.clone()));
    let leave = Leave {
        shared: Arc::clone(shared),
        key,
        way: Arc::clone(way),
        client,
        answer,
    };
    drop(memory);
    // Whoever waits may go; the answer is worth having all the same.
    tokio::spawn(ask(leave, Arc::clone(configured)));
    Ok(answered)
}

async fn ask(leave: Leave, configured: Arc<Configured>) {
    let Leave { shared, key, way, .. } = &leave;
    let probing = timeout(PROBE_PATIENCE, probe(shared, &configured, way, &key.1));
    let says = probing.await.unwrap_or_else(|_| {
        let secs = PROBE_PATIENCE.as_secs();
        NextHopSays::Nothing(format!("the next hop did not answer within {secs} seconds"))
    });
    tracing::debug!(recipient = %key.1, ?says, "the next hop was asked about a recipient");
    shared.recipients.remember(key, &says, way, clock::now());
    leave.answer.send_replace(Some(says));
}

#[cfg(test)]
mod tests {
    use sekisho_mail::{Domain, OrganizationName, Reply, ReplyCode};

    use super::*;
    use crate::outbound::{DomainPattern, RouteSettings, Via};

    fn key(text: &str) -> Key {
        let recipient = Mailbox::parse(text).unwrap();
        (Destination::new(recipient.host().clone()), recipient)
    }

    fn to(name: &str) -> Arc<Way> {
        let domain = Domain::parse("relay.example").unwrap();
        let via = Via::MxOf { domain, port: 25 };
        Arc::new(Way {
            route: Arc::new(RouteSettings::new(name, vec![DomainPattern::Everything], via)),
            organization: OrganizationName::FIRST,
            demands: Vec::new(),
            tried: Vec::new(),
            missing: None,
            not_sent_back: None,
            course: sekisho_policy::directory::FamilyCourse::Away,
        })
    }

    fn unknown() -> NextHopSays {
        NextHopSays::Unknown(Reply::new(ReplyCode::REFUSED, 1, 1, "who?"))
    }

    #[test]
    fn what_is_known_and_what_is_not_are_believed_for_a_time_of_their_own_and_on_their_way_alone() {
        let recipients = Recipients::new(100);
        let begin = Timestamp::from_secs(1_795_000_000);
        let way = to("one");
        recipients.remember(&key("a@x.example"), &NextHopSays::Known, &way, begin);
        recipients.remember(&key("b@x.example"), &unknown(), &way, begin);
        recipients.remember(
            &key("c@x.example"),
            &NextHopSays::Nothing("down".to_owned()),
            &way,
            begin,
        );
        let recalled = |text: &str, after: Duration| {
            let found = recipients.recall(&key(text), &way, begin.plus(after));
            found.map(|(says, age)| {
                assert_eq!(age, after);
                says
            })
        };
        let second = Duration::from_secs(1);
        assert_eq!(recalled("c@x.example", Duration::ZERO), None);
        assert_eq!(recalled("b@x.example", UNKNOWN_FOR - second), Some(unknown()));
        assert_eq!(recalled("b@x.example", UNKNOWN_FOR), None);
        assert_eq!(
            recalled("a@x.example", KNOWN_FOR_AT_MOST - second),
            Some(NextHopSays::Known)
        );
        assert!(recipients.recall(&key("a@x.example"), &way, Timestamp::EPOCH).is_none());
        recipients.remember(&key("a@x.example"), &NextHopSays::Known, &way, begin);
        assert!(recipients.recall(&key("a@x.example"), &to("two"), begin).is_none());
        assert_eq!(recalled("a@x.example", Duration::ZERO), None, "forgotten with the way");
        // The later answer is the one that counts.
        recipients.remember(&key("a@x.example"), &NextHopSays::Known, &way, begin);
        recipients.remember(&key("a@x.example"), &unknown(), &way, begin);
        assert_eq!(recalled("a@x.example", Duration::ZERO), Some(unknown()));
    }

    #[test]
    fn guesses_fill_a_bounded_memory_and_push_nobody_out_who_is_known() {
        let recipients = Recipients::new(100);
        let (way, now) = (to("one"), Timestamp::from_secs(1_795_000_000));
        recipients.remember(&key("known@x.example"), &NextHopSays::Known, &way, now);
        for number in 0..10_000 {
            recipients.remember(&key(&format!("guess{number}@x.example")), &unknown(), &way, now);
        }
        let memory = recipients.lock();
        assert!(memory.unknown.young.len() + memory.unknown.old.len() <= 50);
        drop(memory);
        assert!(recipients.recall(&key("known@x.example"), &way, now).is_some());
        for number in 0..10_000 {
            recipients.remember(&key(&format!("user{number}@x.example")), &NextHopSays::Known, &way, now);
            // Who is asked for again and again stays.
            assert!(recipients.recall(&key("known@x.example"), &way, now).is_some());
        }
        let memory = recipients.lock();
        assert!(memory.known.young.len() + memory.known.old.len() <= 51);
    }
}
