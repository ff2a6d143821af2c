//! The suite that every store passes, whatever is behind the trait: run it with a factory that opens an empty store
//! and can open the same one again.
//!
//! What only one of them has (files, schema, crash recovery of its own making) is tested beside it.
//!
//! It is one suite: a backend passes all of it or none, and the cases share their helpers.

mod directory;
mod observations;
mod organization;
mod queue;
mod trace;

use std::{collections::HashSet, net::SocketAddr, sync::Arc, time::Duration};

use sekisho_mail::{
    AnchorSetId, BodyKind, CertificateFault, ChannelFacts, ChannelId, ChannelSecurity, Check, ClientCertificateFate,
    Decision, EnhancedCode, Envelope, Evidence, Fault, KeyProof, Mailbox, MessageId, Outcome, PlaintextCause,
    Recipient, ReversePath, Side, StatedReason, Timestamp, TlsFacts, TlsVersion, Verdict,
};

use crate::{
    Accepted, Arrival, Body, Commit, Destination, Draft, Lease, QueueFilter, RecipientResult, Settlement, Store,
    StoreError,
};

/// The instant at which every case begins.
pub const NOW: Timestamp = Timestamp::from_secs(1_795_000_000);

/// One store under test: a place that can be opened, and opened again after a stop.
pub trait Place {
    /// Opens what is there.
    fn open(&self) -> Arc<dyn Store>;
}

/// A case: what it shows, and the test.
pub type Case = (&'static str, fn(&dyn Place));

/// All cases. Each wants a place of its own.
pub const CASES: &[Case] = &[
    (
        "a committed message survives a restart octet for octet",
        commit_survives,
    ),
    ("a dropped draft leaves nothing", dropped_draft),
    ("a large message comes back as it was", large_message),
    ("a lease is exclusive until it is dropped", queue::lease_is_exclusive),
    ("what waits beside leases is found", queue::beside_leases),
    ("a commit can give the leases with it", queue::commit_leases),
    (
        "a deferred recipient is due at its time with its attempts counted",
        queue::deferral,
    ),
    ("each recipient is settled by itself", queue::partial_settlement),
    (
        "evidence and arrival are in the trace once settled",
        trace::evidence_is_traced,
    ),
    (
        "the trace is searched by the address that the sender wrote, too",
        trace::the_address_that_the_sender_wrote_is_found,
    ),
    (
        "a search of the trace goes on where another one ended",
        trace::a_search_goes_on_where_another_ended,
    ),
    ("a refusal is in the trace and nowhere else", trace::refusal_is_traced),
    (
        "one organization's back-off puts no other's mail to the same domain off",
        organization::destinations_are_apart,
    ),
    (
        "what a rule refuses is apart from the way to its domain",
        organization::refused_recipients_are_apart,
    ),
    (
        "what is settled about the way is apart from what is not",
        organization::lanes_are_apart,
    ),
    (
        "what waits for the operator waits for those beside it first",
        organization::held_recipients_wait_for_those_beside_them,
    ),
    ("a redirect stays with its organization", organization::redirect_stays),
    (
        "a redirect leaves one copy for an address, whoever answers for it",
        organization::redirect_leaves_one_copy,
    ),
    ("a destination that is backed off is not due", queue::back_off),
    (
        "destinations that are known already are passed over",
        queue::known_destinations_are_passed_over,
    ),
    (
        "what has waited too long is leased in spite of a back-off",
        queue::aged_messages_in_spite_of_a_back_off,
    ),
    ("next_due is the next instant at which due finds more", queue::next_due),
    ("held messages wait for their release", queue::hold_and_release),
    (
        "an order by a filter is for that part of a message that matches",
        queue::only_what_matches,
    ),
    (
        "actions on what is in flight take effect after the attempt",
        queue::actions_in_flight,
    ),
    ("a bounce is handed to the next owner", queue::bounce_directive),
    ("orders come before what waits longer, and alone", queue::orders_first),
    (
        "a redirect keeps demands and the original recipient",
        queue::redirect_keeps_demands,
    ),
    (
        "what a redirect brings to a destination in flight outlasts that attempt",
        queue::redirect_joins_in_flight,
    ),
    ("notices enter the queue with the settlement", queue::notices),
    ("lists are filtered and continued", queue::listing),
    ("the shape counts by age", queue::shape),
    ("pressure follows the queue", pressure),
    ("requests that cannot be served are refused", refusals),
    ("the directory and its history survive a restart", directory::survives),
    (
        "a change of the directory is made whole, or refused when it moved",
        directory::is_whole_or_refused,
    ),
    (
        "every version of the directory can be had again",
        directory::every_version,
    ),
    (
        "observations replace each other, are read by prefix and outlast a stop",
        observations::are_kept_by_key,
    ),
    (
        "observations are forgotten by kind and age, and refused beyond their limits",
        observations::are_forgotten_and_bounded,
    ),
];

fn mailbox(text: &str) -> Mailbox {
    Mailbox::parse(text).expect("invariant: the suite's addresses are well formed")
}

/// The destination of a domain.
#[must_use]
pub fn destination(domain: &str) -> Destination {
    Destination::new(domain.parse().expect("invariant: the suite's domains are well formed"))
}

/// An envelope from `sender@example.org` to these, with what arrived with it.
#[must_use]
pub fn accepted(to: &[&str], at: Timestamp) -> Accepted {
    Accepted {
        envelope: Envelope {
            reverse_path: ReversePath::Mailbox(mailbox("sender@example.org")),
            body: BodyKind::SevenBit,
            ret: None,
            envid: None,
            recipients: to.iter().map(|to| Recipient::new(mailbox(to))).collect(),
        },
        arrival: Arrival {
            at,
            listener: "suite".to_owned(),
            peer: None,
            helo: "client.example".to_owned(),
            security: ChannelSecurity::Plaintext(PlaintextCause::NotAsked),
            directory: 0,
            admitted_by: "test".to_owned(),
            message_id_header: Some("<1@example.org>".to_owned()),
            alterations: Vec::new(),
            shadow: Vec::new(),
        },
    }
}

/// A draft with this content.
///
/// # Panics
/// When the store refuses one.
pub fn draft(store: &dyn Store, content: &[u8], now: Timestamp) -> Draft {
    let mut draft = store.begin(now).expect("a draft");
    draft.write_in_memory(content);
    draft
}

/// Commits a message.
///
/// # Panics
/// When the store does not take it.
pub fn commit(store: &dyn Store, content: &[u8], to: &[&str], at: Timestamp, lease: bool) -> Commit {
    let draft = draft(store, content, at);
    store.commit(draft, accepted(to, at), lease).wait().expect("a commit")
}

/// Leases what is due for a domain.
///
/// # Panics
/// When the store fails.
pub fn lease(store: &dyn Store, domain: &str, now: Timestamp) -> Vec<Lease> {
    store.lease(&destination(domain), now, 100).wait().expect("leases")
}

/// The content of a body.
///
/// # Panics
/// When it cannot be read.
#[must_use]
pub fn content(body: &Body) -> Vec<u8> {
    let mut reader = body.reader().expect("a reader");
    let mut content = Vec::new();
    while let Some(piece) = reader.next_blocking().expect("a piece") {
        content.extend_from_slice(&piece);
    }
    content
}

/// A deferral until then.
#[must_use]
pub fn deferred(until: Timestamp) -> Outcome {
    Outcome::Deferred {
        until,
        why: fault("greylisted"),
    }
}

/// A delivery.
#[must_use]
pub const fn delivered() -> Outcome {
    Outcome::Delivered {
        reply: None,
        relayed_with_dsn: false,
    }
}

fn fault(text: &str) -> Fault {
    Fault {
        status: EnhancedCode::new(4, 0, 0),
        text: text.to_owned(),
        side: Side::Recipient,
        reply: None,
        host: None,
        unmet: None,
    }
}

/// A connection under TLS, told from others by its number.
#[must_use]
pub fn channel(id: u64) -> ChannelFacts {
    let check = Check::Path {
        anchors: AnchorSetId("system".to_owned()),
    };
    ChannelFacts {
        id: ChannelId(id),
        peer: SocketAddr::from(([192, 0, 2, 1], 25)),
        host: Some("mx.one.example".to_owned()),
        security: ChannelSecurity::Tls(Box::new(TlsFacts {
            version: TlsVersion::Tls13,
            suite: "TLS_AES_256_GCM_SHA384".to_owned(),
            group: "X25519MLKEM768".to_owned(),
            sni: None,
            implicit: false,
            alpn: None,
            resumed: false,
            chain: Vec::new(),
            key: KeyProof::Proven,
            verdicts: vec![(check, Verdict::Fails(CertificateFault::None))],
            revocation_sources: Vec::new(),
            stapled_ocsp_len: None,
            client_certificate: ClientCertificateFate::NotAsked,
        })),
        keywords: Vec::new(),
    }
}

/// A settlement of the whole lease with one outcome, with evidence.
#[must_use]
pub fn settlement(lease: &Lease, outcome: &Outcome, at: Timestamp) -> Settlement {
    let results = lease.recipients.iter().map(|queued| RecipientResult {
        index: queued.index,
        outcome: outcome.clone(),
        evidence: Some(Evidence {
            message: lease.id,
            recipient: queued.recipient.clone(),
            attempt: queued.attempts + 1,
            at,
            directory: 0,
            route: "mx".to_owned(),
            required: Vec::new(),
            channel: None,
            failed_handshakes: Vec::new(),
            decision: Decision::NotJudged(vec![StatedReason {
                key: "suite".to_owned(),
                text: "nobody judged".to_owned(),
            }]),
            outcome: outcome.clone(),
            conversation: Vec::new(),
            shadow: Vec::new(),
        }),
        delay_notified: false,
        hold: false,
    });
    Settlement {
        results: results.collect(),
        notices: Vec::new(),
    }
}

fn settle_all(store: &dyn Store, leases: Vec<Lease>, outcome: &Outcome, at: Timestamp) {
    for lease in leases {
        let settlement = settlement(&lease, outcome, at);
        store.settle(lease, settlement).wait().expect("a settlement");
    }
}

fn secs(secs: u64) -> Timestamp {
    NOW.plus(Duration::from_secs(secs))
}

fn due(store: &dyn Store, now: Timestamp) -> Vec<String> {
    let due = store.due(now, 100, HashSet::new()).wait().expect("due");
    due.iter().map(|due| due.destination.to_string()).collect()
}

fn stop(store: Arc<dyn Store>) {
    store.stop().wait().expect("a stop");
}

fn commit_survives(place: &dyn Place) {
    let store = place.open();
    let text = b"Subject: x\r\n\r\n.\0\xff\r\n";
    let id = commit(&*store, text, &["a@one.example", "b@two.example"], NOW, false).id;
    stop(store);
    let store = place.open();
    assert_eq!(content(&store.body(id).wait().expect("a body")), text);
    let detail = store.show(id).wait().expect("a detail");
    assert_eq!(
        detail.envelope,
        accepted(&["a@one.example", "b@two.example"], NOW).envelope
    );
    assert_eq!(detail.arrival, accepted(&[], NOW).arrival);
    assert_eq!(detail.rows.len(), 2);
    assert_eq!(due(&*store, NOW), ["one.example", "two.example"]);
}

fn dropped_draft(place: &dyn Place) {
    let store = place.open();
    drop(draft(&*store, b"x", NOW));
    assert_eq!(
        store
            .list(QueueFilter::default(), NOW, None, 10)
            .wait()
            .expect("a list"),
        []
    );
    assert_eq!(store.pressure().memory_octets, 0);
}

fn large_message(place: &dyn Place) {
    let store = place.open();
    let text: Vec<u8> = (0..6_000_000_u32)
        .map(|place| b"0123456789abcdef\r\n"[place as usize % 18])
        .collect();
    let mut draft = store.begin(NOW).expect("a draft");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        for piece in text.chunks(10_007) {
            draft.write(piece).await.expect("a write");
        }
    });
    assert_eq!(draft.len(), text.len() as u64);
    // What is with a spool thread, and as much that fills meanwhile.
    assert!(
        store.pressure().memory_octets < 2_500_000,
        "a large message must not be held in memory"
    );
    let committed = store
        .commit(draft, accepted(&["a@one.example"], NOW), true)
        .wait()
        .expect("a commit");
    assert_eq!(content(&committed.leases[0].body), text);
    drop(committed.leases);
    stop(store);
    let store = place.open();
    assert_eq!(store.remove_orphans().wait().expect("orphans"), 0);
    assert_eq!(content(&store.body(committed.id).wait().expect("a body")), text);
}

fn pressure(place: &dyn Place) {
    let store = place.open();
    let committed = commit(&*store, &[b'x'; 1000], &["a@one.example"], NOW, true);
    let pressure = store.pressure();
    assert_eq!(
        (pressure.queued, pressure.memory_octets, pressure.failed),
        (1, 1000, false)
    );
    drop(committed);
    stop(store);
    assert_eq!(place.open().pressure().queued, 1);
}

fn refusals(place: &dyn Place) {
    let store = place.open();
    let nobody = store
        .commit(draft(&*store, b"x", NOW), accepted(&[], NOW), false)
        .wait();
    assert!(matches!(nobody, Err(StoreError::Unfit(_))));
    let id = MessageId::from_u64(5);
    assert!(matches!(store.body(id).wait(), Err(StoreError::NoMessage(_))));
    store.stop().wait().expect("a stop");
    assert!(matches!(store.begin(NOW), Err(StoreError::Stopped)));
    assert!(matches!(
        store.due(NOW, 1, HashSet::new()).wait(),
        Err(StoreError::Stopped)
    ));
    store.stop().wait().expect("a second stop");
}
