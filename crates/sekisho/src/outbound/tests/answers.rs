//! What a host says of one message, and to whom the message goes then: too many recipients, an answer that never came,
//! a host that takes nothing just now, and a reload in the middle.

use sekisho_testkit::wait::until;

use super::*;

/// Peers in the clear, tried in this order.
struct Hops {
    runtime: Runtime,
    peers: Vec<Peer>,
    store: Arc<FakeStore>,
    dispatcher: Arc<Dispatcher>,
}

impl Hops {
    fn new(faults: &[Fault]) -> Self {
        let peers: Vec<Peer> = faults.iter().map(|fault| Peer::start(LOOPBACK, None, *fault)).collect();
        let addresses: Vec<SocketAddr> = peers.iter().map(Peer::address).collect();
        let store = Arc::new(FakeStore::default());
        let services = services(&store, loopback_dns(), None);
        Self {
            runtime: Runtime::new().unwrap(),
            dispatcher: Dispatcher::new(services, configured(&addresses, |_| {})),
            peers,
            store,
        }
    }

    /// Begins to deliver these in one batch.
    fn begin(&self, queued: &[Queued]) -> tokio::task::JoinHandle<super::super::batch::Report> {
        let shared = self.dispatcher.shared().clone();
        let configured = shared.configured.load_full();
        let leases = queued.iter().map(Queued::lease).collect();
        let destination = queued[0].destination.clone();
        self.runtime
            .spawn(run_batch(shared, configured, destination, leases, 0))
    }

    fn deliver(&self, queued: &Queued) -> Vec<Outcome> {
        self.runtime.block_on(self.begin(std::slice::from_ref(queued))).unwrap();
        self.outcomes()
    }

    fn outcomes(&self) -> Vec<Outcome> {
        let books = self.store.books();
        books
            .settled
            .iter()
            .flat_map(|(_, outcomes)| outcomes.clone())
            .collect()
    }

    fn counts(&self) -> Vec<usize> {
        self.peers.iter().map(Peer::count).collect()
    }
}

fn to(recipients: usize) -> Queued {
    let names: Vec<String> = (0..recipients).map(|n| format!("r{n}@dest.example")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    Queued::new(1, &names)
}

#[test]
fn recipients_for_whom_there_was_no_room_go_at_once_in_further_transactions() {
    for reply in [
        "452 4.5.3 too many",
        "452 too many",
        "552 5.5.3 too many",
        "552 too many",
    ] {
        let hops = Hops::new(&[Fault::Room(2, reply)]);
        assert_eq!(words(&hops.deliver(&to(5))), ["delivered"; 5], "{reply}");
        let shares: Vec<usize> = hops.peers[0].received().iter().map(|one| one.to.len()).collect();
        assert_eq!(shares, [2, 2, 1], "{reply}");
        assert_eq!(hops.peers[0].wire().len(), 1, "{reply}: over one connection");
    }
}

#[test]
fn an_announced_limit_on_recipients_is_kept() {
    let hops = Hops::new(&[Fault::AnnouncedRoom(2)]);
    assert_eq!(words(&hops.deliver(&to(5))), ["delivered"; 5]);
    let shares: Vec<usize> = hops.peers[0].received().iter().map(|one| one.to.len()).collect();
    assert_eq!(shares, [2, 2, 1]);
}

#[test]
fn a_host_without_room_for_anybody_is_not_asked_again_and_again() {
    for reply in ["452 4.5.3 too many", "552 too many"] {
        let hops = Hops::new(&[Fault::Room(0, reply)]);
        let outcomes = hops.deliver(&to(3));
        assert_eq!(words(&outcomes), ["deferred"; 3], "{reply}");
        let Outcome::Deferred { why, .. } = &outcomes[0] else {
            panic!("{outcomes:?}")
        };
        assert_eq!(why.status.class, 4, "{reply}: {why}");
        let said = String::from_utf8_lossy(&hops.peers[0].wire()[0]).into_owned();
        assert_eq!(said.matches("MAIL FROM").count(), 1, "{reply}");
    }
}

#[test]
fn a_full_mailbox_is_no_want_of_room_for_recipients() {
    let cases = [
        ("452 4.2.2 over quota", "deferred"),
        ("552 5.2.2 over quota", "bounced"),
        ("552 5.3.4 too big", "bounced"),
    ];
    for (reply, expected) in cases {
        let hops = Hops::new(&[Fault::Say("RCPT TO:<r1@dest.example>", reply)]);
        let mut queued = to(3);
        for recipient in &mut Arc::make_mut(&mut queued.envelope).recipients {
            recipient.notify = Some(sekisho_mail::Notify::Never);
        }
        let outcomes = hops.deliver(&queued);
        assert_eq!(words(&outcomes), ["delivered", expected, "delivered"], "{reply}");
        assert_eq!(hops.counts(), [1], "{reply}: one transaction");
    }
}

#[test]
fn what_may_have_been_taken_goes_to_no_other_host() {
    for fault in [Fault::TakenAndCut, Fault::TakenAndGarbled] {
        let hops = Hops::new(&[fault, Fault::None]);
        assert_eq!(words(&hops.deliver(&to(2))), ["deferred", "deferred"], "{fault:?}");
        assert_eq!(hops.counts(), [1, 0], "{fault:?}");
    }
    for fault in [Fault::Answer("MAIL", 421), Fault::CutAt("RCPT")] {
        let hops = Hops::new(&[fault, Fault::None]);
        assert_eq!(words(&hops.deliver(&to(2))), ["delivered", "delivered"], "{fault:?}");
        assert_eq!(hops.counts(), [0, 1], "{fault:?}: what never left goes to the backup");
    }
}

#[test]
fn a_host_that_takes_nothing_just_now_leaves_it_to_the_backup() {
    let hops = Hops::new(&[Fault::Answer("MAIL", 451), Fault::None]);
    assert_eq!(words(&hops.deliver(&to(1))), ["delivered"]);
    let both = Hops::new(&[Fault::Answer("MAIL", 451), Fault::Answer("MAIL", 452)]);
    let outcomes = both.deliver(&to(1));
    let Outcome::Deferred { why, .. } = &outcomes[0] else {
        panic!("{outcomes:?}")
    };
    assert!(why.reply.is_some(), "{why}");
    let greylisted = Hops::new(&[Fault::Answer("RCPT", 450), Fault::None]);
    assert_eq!(words(&greylisted.deliver(&to(1))), ["deferred"]);
    assert_eq!(
        greylisted.counts(),
        [0, 0],
        "who was asked to wait does not go next door"
    );
}

#[test]
fn a_host_that_never_takes_mail_says_so_with_521_and_any_other_greeting_waits() {
    for (greeting, expected) in [("521 5.3.2 no mail here", "bounced"), ("554 5.3.2 not you", "deferred")] {
        let hops = Hops::new(&[Fault::Greets(greeting)]);
        let mut queued = to(1);
        Arc::make_mut(&mut queued.envelope).recipients[0].notify = Some(sekisho_mail::Notify::Never);
        assert_eq!(words(&hops.deliver(&queued)), [expected], "{greeting}");
        let hops = Hops::new(&[Fault::Greets(greeting), Fault::None]);
        assert_eq!(
            words(&hops.deliver(&queued)),
            ["delivered"],
            "{greeting}: by the other host"
        );
    }
}

#[test]
fn our_own_address_ends_the_list_of_hosts_wherever_its_name_leads() {
    let own = std::net::Ipv4Addr::new(198, 51, 100, 7);
    let dns = crate::dns::fake::FakeDns::default()
        .with_mx("dest.example", &[(10, "alias.example"), (20, "backup.example")])
        .with_ipv4("alias.example", &[own])
        .with_ipv4("backup.example", &[std::net::Ipv4Addr::LOCALHOST]);
    let hops = Hops::new(&[Fault::None]);
    let mut configured = configured(&[], |route| route.via = super::super::Via::Mx { port: 25 });
    configured.own_addresses = vec![SocketAddr::new(own.into(), 25)];
    let dispatcher = Dispatcher::new(services(&hops.store, dns, None), configured);
    let hops = Hops { dispatcher, ..hops };
    let mut queued = to(1);
    Arc::make_mut(&mut queued.envelope).recipients[0].notify = Some(sekisho_mail::Notify::Never);
    let outcomes = hops.deliver(&queued);
    let Outcome::Bounced { why } = &outcomes[0] else {
        panic!("{outcomes:?}")
    };
    assert_eq!(why.status, EnhancedCode::new(5, 4, 6), "{why}");
    let evidence = hops.store.books().evidence[0].clone();
    assert!(
        evidence.route.contains("alias.example"),
        "{}: the backup was not asked",
        evidence.route
    );
}

#[test]
fn a_host_that_puts_everything_off_gets_no_more_connections_for_it() {
    let hops = Hops::new(&[Fault::Answer("RCPT", 450)]);
    let queued: Vec<Queued> = (0..3).map(message).collect();
    let report = hops.runtime.block_on(hops.begin(&queued)).unwrap();
    assert_eq!(report.verdict, Verdict::Neutral);
    let hops = Hops::new(&[Fault::None]);
    let report = hops.runtime.block_on(hops.begin(&queued)).unwrap();
    assert_eq!(report.verdict, Verdict::Alive);
}

#[test]
fn a_requirement_that_a_reload_brings_holds_for_what_a_batch_has_not_sent_yet() {
    let hops = Hops::new(&[Fault::TakenAndSilent]);
    let mut before = Configured::clone(&hops.dispatcher.shared().configured.load());
    before.settings.limits.recipients_per_transaction = 1;
    hops.dispatcher.shared().configured.store(Arc::new(before.clone()));
    let mut first = to(2);
    first.id = sekisho_mail::MessageId::new(first.arrived, 7);
    let batch = hops.begin(&[first, message(8)]);
    until("the first content", || (hops.peers[0].count() == 1).then_some(()));
    let mut after = before;
    let mut route = RouteSettings::clone(&after.settings.routes[0]);
    route.demands = vec![Requirement::Encryption];
    after.settings.routes[0] = Arc::new(route);
    hops.dispatcher.reload(after);
    hops.peers[0].set_fault(Fault::None);
    let report = hops.runtime.block_on(batch).unwrap();
    let outcomes = hops.outcomes();
    assert_eq!(
        words(&outcomes),
        ["delivered", "deferred"],
        "the second message stays as it was"
    );
    let Outcome::Deferred { until, .. } = &outcomes[1] else {
        panic!("{outcomes:?}")
    };
    assert!(*until <= crate::clock::now(), "it is planned for anew at once");
    assert!(report.due.is_some_and(|due| due <= crate::clock::now()));
    assert_eq!(hops.counts(), [1]);
    let said = String::from_utf8_lossy(&hops.peers[0].wire()[0]).into_owned();
    assert_eq!(said.matches("MAIL FROM").count(), 1, "{said}");
    // Nor does the connection wait for messages that are judged by another configuration.
    assert!(hops.dispatcher.shared().pool.take_expired(true).is_empty());
}
