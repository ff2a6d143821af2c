//! From a planned host to a connection on which a message can be judged: dial, greeting, EHLO, STARTTLS, handshake,
//! EHLO again; and the ladder from the hybrid over the classical groups to plaintext, each rung on a fresh connection.
//!
//! Which rung comes next is policy's to say; here it is only climbed (RFC 3207, RFC 7435).

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use sekisho_api::{StepKind, StepResult};
use sekisho_mail::{
    ChannelFacts, ChannelId, ChannelSecurity, ClientCertificateFate, EnhancedCode, Fault, HandshakeFailure,
    HandshakeFault, HandshakeStage, Host, KeyExchangeGroup, KeyExchangeGroups, PlaintextCause, Side, SpokenLine,
    TlsVersion,
};
use sekisho_policy::outbound::{
    BrokenTls, FailedHandshake, HostPlan, NextStep, Step, after_failure, starttls_unavailable,
};
use sekisho_smtp::client::{ClientSession, Event, MAX_CONVERSATION_LINES, SessionFault};
use sekisho_tls::{ClientProfile, IdentityUse};
use tokio::time::Instant;

use super::{
    Candidate, Configured, Hybrid, Services, Unroutable, Way, addresses,
    dial::{Dialling, Undialled, dial},
    link::{Link, Wire, describe_peer},
    memory::TlsMemory,
    obstacle::Obstacle,
    places::{Place, Places},
    resolve::fault,
    steps::Steps,
};
use crate::{
    clock,
    net::{self, TcpStream},
    telemetry::maillog::{Direction, Entry},
};

/// What happened in an attempt, whatever came of it.
#[derive(Debug)]
pub(super) struct Journal {
    pub(super) began: Instant,
    pub(super) lines: Vec<SpokenLine>,
    pub(super) failed_handshakes: Vec<(String, HandshakeFailure)>,
    /// Kept where somebody wants to see each of them.
    pub(super) steps: Option<Box<Steps>>,
}

impl Journal {
    pub(super) fn new() -> Self {
        Self {
            began: Instant::now(),
            lines: Vec::new(),
            failed_handshakes: Vec::new(),
            steps: None,
        }
    }

    /// One that keeps the steps too.
    pub(super) fn with_steps() -> Self {
        Self {
            steps: Some(Box::default()),
            ..Self::new()
        }
    }

    pub(super) fn begin(&mut self, step: StepKind) {
        if let Some(steps) = &mut self.steps {
            steps.begin(step);
        }
    }

    pub(super) fn end(&mut self, result: StepResult, detail: impl FnOnce() -> String) {
        if let Some(steps) = &mut self.steps {
            steps.end(result, detail());
        }
    }

    pub(super) fn add(&mut self, lines: impl IntoIterator<Item = SpokenLine>) {
        let room = MAX_CONVERSATION_LINES.saturating_sub(self.lines.len());
        self.lines.extend(lines.into_iter().take(room));
    }
}

/// A connection that was just made.
struct Dialled {
    stream: TcpStream,
    peer: SocketAddr,
    place: Place,
}

/// Everything that opening a connection needs.
pub(super) struct Opening<'a> {
    pub(super) services: &'a Services,
    pub(super) configured: &'a Configured,
    pub(super) memory: &'a TlsMemory,
    pub(super) places: &'a Places,
    pub(super) channel_ids: &'a AtomicU64,
    pub(super) way: &'a Way,
    pub(super) candidate: &'a Candidate,
    pub(super) plan: &'a HostPlan,
}

/// What became of STARTTLS on one connection.
enum Secured {
    Done(Box<Link>),
    Unavailable(Box<Link>, PlaintextCause),
    Failed(Box<HandshakeFailure>),
}

impl Opening<'_> {
    /// Opens a connection; what was said on the way, and which handshakes failed, goes into the journal.
    pub(super) async fn open(&self, journal: &mut Journal) -> Result<Box<Link>, Box<Obstacle>> {
        let opened = self.open_anywhere(journal).await;
        if let Err(obstacle) = &opened {
            journal.end(StepResult::Failed, || obstacle.why.fault().to_string());
        }
        opened
    }

    /// At whichever of the host's addresses.
    async fn open_anywhere(&self, journal: &mut Journal) -> Result<Box<Link>, Box<Obstacle>> {
        let settings = &self.configured.settings;
        journal.begin(StepKind::Resolve);
        let found = addresses(self.services.dns.as_ref(), settings, &self.way.route, self.candidate).await;
        let mut left = found.map_err(|why| Obstacle::host(why, "no-address"))?;
        journal.end(StepResult::Passed, || listed(&left));
        let mut obstacle = None;
        loop {
            let dialled = match (self.dial(&left, journal).await, obstacle) {
                (Ok(connected), _) => connected,
                // What an address that answered said weighs more than the silence of the others.
                (Err(_), Some(said)) => return Err(said),
                (Err(silence), None) => return Err(silence),
            };
            let peer = dialled.peer;
            let met = match self.open_at(dialled, journal).await {
                Ok(link) => return Ok(link),
                Err(met) => met,
            };
            // RFC 5321 §5.1: each of the host's addresses is tried.
            left.retain(|address| *address != peer);
            if left.is_empty() {
                return Err(met);
            }
            journal.end(StepResult::Failed, || met.why.fault().to_string());
            obstacle = Some(met);
        }
    }

    /// At one address: from the greeting to a connection on which a message can be judged.
    async fn open_at(&self, dialled: Dialled, journal: &mut Journal) -> Result<Box<Link>, Box<Obstacle>> {
        let peer = dialled.peer;
        let memory = self.memory.recall(&self.memory_key(), peer, clock::now());
        let mut step = self.adapt(self.plan.first_step(memory.as_ref()));
        let mut fresh = Some(dialled);
        let mut history: Vec<FailedHandshake> = Vec::new();
        loop {
            let dialled = match fresh.take() {
                Some(dialled) => dialled,
                None => self.dial(&[peer], journal).await?,
            };
            let link = self.link(dialled, journal);
            let groups = match step {
                // Such a way demands TLS by itself.
                Step::Plaintext { .. } if self.way.route.implicit_tls => {
                    return Err(Obstacle::ours("no step is left without TLS".to_owned()));
                }
                Step::Plaintext { cause } => {
                    let link = self.greet(link, journal).await?;
                    journal.begin(StepKind::Starttls);
                    return Ok(self.in_the_clear(link, cause, &history, journal));
                }
                Step::StartTls { groups } => groups,
            };
            match self.secure(link, groups, journal).await? {
                Secured::Done(link) => {
                    self.learn(peer, &history, Some(groups));
                    return Ok(link);
                }
                Secured::Unavailable(link, cause) => return self.without_tls(link, cause, &history, journal).await,
                Secured::Failed(failure) => {
                    self.report(&failure, peer, journal);
                    history.push(FailedHandshake {
                        groups,
                        failure: *failure,
                    });
                }
            }
            step = match after_failure(self.plan, &history) {
                NextStep::Try(next) => self.adapt(next),
                NextStep::GiveUp(refusal) => {
                    self.learn(peer, &history, None);
                    return Err(Obstacle::refused(&refusal, Some(self.describe(peer))));
                }
            };
        }
    }

    async fn dial(&self, addresses: &[SocketAddr], journal: &mut Journal) -> Result<Dialled, Box<Obstacle>> {
        journal.begin(StepKind::Connect);
        let dialled = self.dial_any(addresses).await;
        match &dialled {
            Ok(dialled) => journal.end(StepResult::Passed, || dialled.peer.to_string()),
            Err(silence) => journal.end(StepResult::Failed, || silence.why.fault().to_string()),
        }
        dialled
    }

    async fn dial_any(&self, addresses: &[SocketAddr]) -> Result<Dialled, Box<Obstacle>> {
        let limits = &self.configured.settings.limits;
        let how = Dialling {
            source: self.way.route.source_address,
            origin: self.candidate.host.origin,
            own: &self.configured.own_addresses,
            time_limit: limits.connect_timeout,
            stagger: limits.connection_attempt_delay,
        };
        match self.places.dial(limits.connections, dial(addresses, &how)).await {
            Ok(((stream, peer), place)) => Ok(Dialled { stream, peer, place }),
            Err(Undialled::Ourselves(fault)) => {
                Err(Obstacle::ourselves(self.with_host(Unroutable::Permanently(*fault))))
            }
            Err(Undialled::Unroutable(why)) => {
                let why = self.way.route.weigh(self.with_host(*why));
                Err(Obstacle::host(why, "no-connection"))
            }
        }
    }

    /// A session on a connection on which nothing was said yet.
    fn link(&self, dialled: Dialled, journal: &Journal) -> Box<Link> {
        let Dialled { stream, peer, place } = dialled;
        let settings = &self.configured.settings;
        let id = ChannelId(self.channel_ids.fetch_add(1, Ordering::Relaxed));
        let name = self.way.route.ehlo_name.as_ref().unwrap_or(&settings.hostname);
        let name = Host::Domain(name.clone());
        let mut session = if self.way.route.implicit_tls {
            ClientSession::under_implicit_tls(id, name)
        } else {
            ClientSession::new(id, name)
        };
        session.set_elapsed(super::link::millis_since(journal.began));
        session.note(&format!("connected to {}", self.describe(peer)));
        let facts = ChannelFacts {
            id,
            peer,
            host: Some(self.host_text()),
            security: ChannelSecurity::Plaintext(PlaintextCause::NotAsked),
            keywords: Vec::new(),
        };
        let mut link = Box::new(Link::new(stream, session, facts, settings.timeouts));
        link.place = Some(place);
        link.begin_attempt(journal.began);
        link
    }

    /// Greeting and EHLO.
    async fn greet(&self, mut link: Box<Link>, journal: &mut Journal) -> Result<Box<Link>, Box<Obstacle>> {
        journal.begin(StepKind::Ehlo);
        match link.next_event().await {
            Event::Ready => {
                let facts = Arc::make_mut(&mut link.facts);
                facts.keywords.clone_from(&link.session.offer().keywords);
                journal.end(StepResult::Passed, || offered(&link));
                Ok(link)
            }
            event => Err(self.spoilt(link, event, journal)),
        }
    }

    /// To TLS and the EHLO under it, by STARTTLS or from the first octet on, as the way has it.
    async fn secure(
        &self,
        mut link: Box<Link>,
        groups: KeyExchangeGroups,
        journal: &mut Journal,
    ) -> Result<Secured, Box<Obstacle>> {
        if self.way.route.implicit_tls {
            journal.begin(StepKind::Starttls);
            link.session.note("TLS from the first octet on");
            return self.cover(link, groups, journal).await;
        }
        let link = self.greet(link, journal).await?;
        self.start_tls(link, groups, journal).await
    }

    /// STARTTLS where it is offered.
    async fn start_tls(
        &self,
        mut link: Box<Link>,
        groups: KeyExchangeGroups,
        journal: &mut Journal,
    ) -> Result<Secured, Box<Obstacle>> {
        journal.begin(StepKind::Starttls);
        if !link.session.offer().has("STARTTLS") {
            let cause = if link.session.offer().keywords.is_empty() && link.session.spoke_helo() {
                PlaintextCause::NoExtensions
            } else {
                PlaintextCause::NotOffered
            };
            return Ok(Secured::Unavailable(link, cause));
        }
        if link.session.start_tls().is_err() {
            return Err(Obstacle::ours("STARTTLS was due where it has no place".to_owned()));
        }
        match link.next_event().await {
            Event::StartHandshake => {}
            Event::StartTlsRefused(reply) => {
                return Ok(Secured::Unavailable(link, PlaintextCause::Refused(reply.to_string())));
            }
            event => return Err(self.spoilt(link, event, journal)),
        }
        self.cover(link, groups, journal).await
    }

    /// The handshake, the verdicts, and EHLO under TLS.
    async fn cover(
        &self,
        mut link: Box<Link>,
        groups: KeyExchangeGroups,
        journal: &mut Journal,
    ) -> Result<Secured, Box<Obstacle>> {
        if let Err(failure) = self.shake_hands(&mut link, groups).await {
            link.session.note(&format!("the handshake failed: {failure}"));
            journal.add(link.session.take_conversation());
            return Ok(Secured::Failed(failure));
        }
        journal.end(StepResult::Passed, || negotiated(&link));
        journal.begin(StepKind::EhloAfterTls);
        match link.next_event().await {
            Event::Ready => {
                let facts = Arc::make_mut(&mut link.facts);
                facts.keywords.clone_from(&link.session.offer().keywords);
                journal.end(StepResult::Passed, || offered(&link));
                Ok(Secured::Done(link))
            }
            Event::Failed(SessionFault::Lost(_)) if let Some(failure) = alert_behind_the_handshake(&link) => {
                journal.add(link.session.take_conversation());
                Ok(Secured::Failed(Box::new(failure)))
            }
            event => Err(self.spoilt(link, event, journal)),
        }
    }

    async fn shake_hands(&self, link: &mut Link, groups: KeyExchangeGroups) -> Result<(), Box<HandshakeFailure>> {
        let Wire::Plain(stream) = std::mem::replace(&mut link.wire, Wire::Gone) else {
            return Ok(());
        };
        let profile = ClientProfile {
            groups,
            min_version: self.plan.min_version(),
            identity: match self.plan.client_identity() {
                Some(id) if self.way.route.identity_in_tls12 => IdentityUse::AnyVersion(id.clone()),
                Some(id) => IdentityUse::Tls13(id.clone()),
                None => IdentityUse::None,
            },
        };
        let time_limit = self.configured.settings.limits.handshake_timeout;
        let server_name = self.way.route.sni.as_ref().or_else(|| self.plan.server_name());
        let offered = (server_name, &profile);
        let handshake = net::connect_tls(&self.configured.tls, stream, offered, time_limit);
        let shaken = link.wait_for(handshake).await;
        let (stream, mut facts) = shaken?;
        // Whether the chain is revoked may have to be fetched first; the session idles meanwhile.
        let checks = self.plan.checks();
        let answers = self.services.revocation.verify(stream.peer_chain(), &checks).await;
        facts.set_answers(answers);
        self.services.partners.presented(net::certificates(stream.peer_chain()));
        facts.implicit = self.way.route.implicit_tls;
        link.session
            .note(&format!("{} {} {}", facts.version, facts.suite, facts.group));
        link.chain = Some(stream.peer_chain().clone());
        link.wire = Wire::Tls(Box::new(stream));
        Arc::make_mut(&mut link.facts).security = ChannelSecurity::Tls(Box::new(facts));
        if !self.way.route.implicit_tls {
            // The machine asked for this handshake a line ago.
            let _ = link.session.handle_tls_established();
        }
        Ok(())
    }

    fn in_the_clear(
        &self,
        mut link: Box<Link>,
        cause: PlaintextCause,
        history: &[FailedHandshake],
        journal: &mut Journal,
    ) -> Box<Link> {
        self.learn(link.facts.peer, history, None);
        journal.end(StepResult::Skipped, || {
            format!("{cause}; nothing demands TLS, and mail goes in the clear")
        });
        link.session.note(&format!("in the clear: {cause}"));
        Arc::make_mut(&mut link.facts).security = ChannelSecurity::Plaintext(cause);
        link
    }

    /// STARTTLS was not to be had: policy says whether the connection serves as it is.
    async fn without_tls(
        &self,
        mut link: Box<Link>,
        cause: PlaintextCause,
        history: &[FailedHandshake],
        journal: &mut Journal,
    ) -> Result<Box<Link>, Box<Obstacle>> {
        match starttls_unavailable(self.plan, cause.clone()) {
            Ok(Step::Plaintext { cause }) => Ok(self.in_the_clear(link, cause, history, journal)),
            Ok(Step::StartTls { .. }) => Err(Obstacle::ours("no step is left without TLS".to_owned())),
            Err(refusal) => {
                Arc::make_mut(&mut link.facts).security = ChannelSecurity::Plaintext(cause);
                let obstacle = Obstacle::refused(&refusal, Some(link.describe())).with_channel(Arc::clone(&link.facts));
                link.close().await;
                Err(obstacle)
            }
        }
    }

    /// A session that ended where it should have gone on. In TLS 1.3 the refusal of our certificate shows only here.
    fn spoilt(&self, mut link: Box<Link>, event: Event, journal: &mut Journal) -> Box<Obstacle> {
        let waiting = link.session.waiting_for();
        journal.add(link.session.take_conversation());
        let ended = match event {
            Event::Failed(ended) => ended,
            _ => SessionFault::Lost(waiting),
        };
        let sent = match &mut Arc::make_mut(&mut link.facts).security {
            ChannelSecurity::Tls(tls) if tls.client_certificate == ClientCertificateFate::Sent => Some(tls),
            _ => None,
        };
        if let (Some(tls), SessionFault::Lost(_)) = (sent, &ended) {
            let cause = link.alert.unwrap_or("the connection was closed").to_owned();
            tls.client_certificate = ClientCertificateFate::Refused(cause.clone());
            let text = format!("the host ended the connection over our client certificate: {cause}");
            let why = fault(EnhancedCode::new(4, 7, 8), text, Side::Us);
            let why = self.with_host(Unroutable::ForNow(why));
            return Obstacle::host(why, "client-certificate-refused").with_channel(Arc::clone(&link.facts));
        }
        Obstacle::session(&ended, &link.describe()).with_channel(Arc::clone(&link.facts))
    }

    fn report(&self, failure: &HandshakeFailure, peer: SocketAddr, journal: &mut Journal) {
        let host = self.host_text();
        self.services.maillog.record(Entry::HandshakeFailed {
            id: None,
            direction: Direction::Out,
            by: &self.way.route.describe(),
            peer,
            host: Some(&host),
            failure,
        });
        self.services.metrics.handshake_failed(failure);
        journal.end(StepResult::Failed, || failure.to_string());
        journal.failed_handshakes.push((self.describe(peer), failure.clone()));
    }

    /// Remembers what broke and forgets what works.
    fn learn(&self, peer: SocketAddr, history: &[FailedHandshake], held_with: Option<KeyExchangeGroups>) {
        let host = self.memory_key();
        if let Some(groups) = held_with {
            let hybrid = groups.contains(KeyExchangeGroup::X25519MlKem768);
            self.memory.forget(&host, peer, hybrid);
        }
        if let Some(broken) = BrokenTls::learn(self.plan, history, held_with.is_some()) {
            self.memory.remember(&host, peer, broken, clock::now());
        }
    }

    /// A route that never offers the hybrid begins one rung lower, unless the hybrid alone is demanded.
    fn adapt(&self, step: Step) -> Step {
        match step {
            Step::StartTls { groups } if self.way.route.hybrid == Hybrid::Never => Step::StartTls {
                groups: groups.without_hybrid().unwrap_or(groups),
            },
            other => other,
        }
    }

    fn with_host(&self, why: Unroutable) -> Unroutable {
        let host = Some(format!("{}:{}", self.host_text(), self.candidate.port));
        match why {
            Unroutable::Permanently(fault) => Unroutable::Permanently(Fault { host, ..fault }),
            Unroutable::ForNow(fault) => Unroutable::ForNow(Fault { host, ..fault }),
        }
    }

    fn host_text(&self) -> String {
        self.plan.host().to_string()
    }

    /// By another name a host may answer otherwise.
    fn memory_key(&self) -> String {
        match &self.way.route.sni {
            Some(name) => format!("{} as {name}", self.plan.host()),
            None => self.host_text(),
        }
    }

    fn describe(&self, peer: SocketAddr) -> String {
        describe_peer(&self.host_text(), peer)
    }
}

fn listed(addresses: &[SocketAddr]) -> String {
    let texts: Vec<String> = addresses.iter().map(|address| address.ip().to_string()).collect();
    texts.join(", ")
}

/// The keywords of the last EHLO reply.
fn offered(link: &Link) -> String {
    let keywords = link.facts.keywords.iter();
    let names: Vec<&str> = keywords.map(|keyword| keyword.name.as_str()).collect();
    names.join(" ")
}

fn negotiated(link: &Link) -> String {
    let tls = link.facts.security.tls();
    tls.map_or_else(String::new, |tls| {
        format!("{} {} {}", tls.version, tls.suite, tls.group)
    })
}

/// In TLS 1.3 the client is done before the server has judged what it sent, so that the server's refusal shows only in
/// place of the EHLO reply (RFC 8446 §4.4.4). What TLS 1.2 would have had inside the handshake counts as inside it;
/// only a refusal of our client certificate is another matter.
fn alert_behind_the_handshake(link: &Link) -> Option<HandshakeFailure> {
    let ChannelSecurity::Tls(tls) = &link.facts.security else {
        return None;
    };
    let alert = link.alert?;
    let is_late = tls.version == TlsVersion::Tls13 && tls.client_certificate != ClientCertificateFate::Sent;
    is_late.then(|| HandshakeFailure {
        stage: HandshakeStage::AfterPeerHello,
        fault: HandshakeFault::Alert(alert.to_owned()),
        words: format!("the server gave up with the alert {alert} when the handshake had ended"),
        hello: None,
        chain: tls.chain.clone(),
    })
}
