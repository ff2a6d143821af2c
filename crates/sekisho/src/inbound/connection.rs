//! One connection from its first octet to its last: reads, feeds the session machine, does what it says.

use std::{collections::HashMap, io, net::SocketAddr, ops::ControlFlow, sync::Arc, time::Duration};

use sekisho_mail::{
    ChannelSecurity, ForwardPath, Mailbox, MessageId, OrganizationName, PlaintextCause, Reply, ReplyCode, ReversePath,
    ShadowVerdict, StatedReason,
};
use sekisho_policy::inbound::{Admission, InboundFacts, Stage, admit};
use sekisho_smtp::{
    server::{Answer, Cover, Event, Question, ServerSession, Submission, Wait},
    wire::content::Piece,
};
use tokio::{
    sync::watch,
    time::{Instant, timeout, timeout_at},
};

use super::{
    Full, HandshakePass, InboundServices, Listener, ListenerMode, Pass, Reception,
    envelopes::EnvelopeShare,
    families::FamilyScan,
    header_keep::HeaderKeep,
    patience::Patience,
    receive::{Origin, Receiving, Watch, pressure, put_off, store_fault},
    refusals::traced,
    rules::{self, RejectedByRules, Written},
    shadow::TriedRecipients,
    transport::{Input, Transport},
};
use crate::{
    app::Phase,
    chance::select,
    clock,
    directory::time_for,
    net::{self, TcpStream},
    telemetry::maillog::{Direction, Entry},
};

/// How long a client may take to read the reply that turns it away.
const FAREWELL: Duration = Duration::from_secs(5);

/// The room on the disk is looked at after so many octets of content.
const ROOM_CHECK_OCTETS: u64 = 1024 * 1024;

/// So many refusals of a session have a line each in the mail log; of more it has the number. Who sends thousands of
/// commands that are refused shall neither fill it nor the memory before it.
const REFUSALS_TOLD_MAX: u64 = 200;

/// A connection ends here; why it does was said where it happened.
type Flow = ControlFlow<()>;

/// Tells a client for which there is no room, and closes.
pub(super) async fn turn_away(
    listener: &Listener,
    services: &InboundServices,
    (stream, peer): (TcpStream, SocketAddr),
    full: Full,
) {
    services.metrics.turned_away(full);
    let reply = reply_of(full);
    services.metrics.refused(&reply);
    services.maillog.record(Entry::Refused {
        id: None,
        listener: &listener.name,
        peer,
        helo: "",
        security: None,
        sender: None,
        recipient: None,
        reply: &reply,
        rule: None,
    });
    // Under implicit TLS there is no way to say anything without the handshake that there is no room for.
    if listener.mode == ListenerMode::ImplicitTls {
        return;
    }
    let mut session = ServerSession::new(Arc::clone(&listener.session), Cover::Clear);
    session.turn_away(&reply);
    // A client that does not even read this is not waited for.
    let _ = timeout(FAREWELL, Transport::Clear(stream).close(session.replies())).await;
}

fn reply_of(full: Full) -> Reply {
    Reply::new(ReplyCode::NOT_AVAILABLE, 3, 2, full.text())
}

/// Serves a connection to its end.
pub(super) async fn serve(
    listener: Arc<Listener>,
    services: InboundServices,
    phase: watch::Receiver<Phase>,
    (stream, peer, pass): (TcpStream, SocketAddr, Pass),
) {
    services.metrics.connections.inc();
    let open = OpenGauge::count(&services);
    // Replies are whole when they are written, so waiting for more to send with them only costs time.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "the connection was gone at once");
        return;
    }
    let session = ServerSession::new(Arc::clone(&listener.session), Cover::Clear);
    let patience = Patience::new(listener.session.timeouts.clone(), Instant::now());
    let connection = Connection {
        reception: services.reception.load_full(),
        session,
        security: ChannelSecurity::Plaintext(PlaintextCause::NotAsked),
        input: Input::default(),
        receiving: None,
        envelope: services.envelopes.share(),
        written: Written::default(),
        tried: TriedRecipients::default(),
        announced_octets: None,
        counts: HashMap::new(),
        is_own_server: false,
        patience,
        drained: false,
        refusals: 0,
        listener,
        services,
        phase,
        peer,
        pass,
        handshake: None,
    };
    connection.run(Transport::Clear(stream)).await;
    drop(open);
}

/// Counts a connection as open until it is dropped, in whatever way that comes.
struct OpenGauge(super::InboundMetrics);

impl OpenGauge {
    fn count(services: &InboundServices) -> Self {
        services.metrics.connections_open.inc();
        Self(services.metrics.clone())
    }
}

impl Drop for OpenGauge {
    fn drop(&mut self) {
        self.0.connections_open.dec();
    }
}

pub(super) struct Connection {
    pub(super) listener: Arc<Listener>,
    pub(super) services: InboundServices,
    pub(super) phase: watch::Receiver<Phase>,
    pub(super) peer: SocketAddr,
    pass: Pass,
    /// The place for the handshake that 220 has promised.
    handshake: Option<HandshakePass>,
    pub(super) session: ServerSession,
    security: ChannelSecurity,
    /// By which the transaction is judged.
    pub(super) reception: Arc<Reception>,
    input: Input,
    receiving: Option<Receiving>,
    pub(super) envelope: EnvelopeShare,
    /// For the rules; the session has let go of the transaction by the time at which they are applied.
    pub(super) written: Written,
    /// What documents that are tried would have made of the recipients.
    pub(super) tried: TriedRecipients,
    /// SIZE of MAIL.
    pub(super) announced_octets: Option<u64>,
    /// RCPT commands that were admitted, for organizations that count them.
    pub(super) counts: HashMap<OrganizationName, u32>,
    /// Whether the transaction is that of an organization's own server, which teaches nothing of the sender's.
    pub(super) is_own_server: bool,
    patience: Patience,
    drained: bool,
    /// Refusals of the session.
    refusals: u64,
}

impl Connection {
    async fn run(mut self, transport: Transport) {
        self.converse(transport).await;
        let untold = self.refusals.saturating_sub(REFUSALS_TOLD_MAX);
        if untold > 0 {
            self.services.maillog.record(Entry::RefusedMore {
                listener: &self.listener.name,
                peer: self.peer,
                count: untold,
            });
        }
    }

    async fn converse(&mut self, mut transport: Transport) {
        if self.listener.mode == ListenerMode::ImplicitTls {
            let Some(covered) = self.shake_hands(transport).await else {
                return;
            };
            transport = covered;
            self.session = ServerSession::new(Arc::clone(&self.listener.session), Cover::Tls);
        }
        if self.greet(&mut transport).await.is_break() {
            return;
        }
        loop {
            match self.step(&mut transport).await {
                Next::Goes => {}
                Next::StartTls => {
                    let Some(covered) = self.shake_hands(transport).await else {
                        return;
                    };
                    transport = covered;
                    self.session.handle_tls_established();
                }
                Next::Closes => {
                    let patience = self.listener.session.timeouts.command;
                    let _ = timeout(patience, transport.close(self.session.replies())).await;
                    return;
                }
                Next::Lost => return,
            }
        }
    }

    /// Listens for a moment, because a client must keep silent until it is greeted (RFC 5321 §4.3.1), then greets. Who
    /// may relay is known here, and need not wait to show manners.
    async fn greet(&mut self, transport: &mut Transport) -> Flow {
        let is_known = self.listener.rights.serves_address(self.peer.ip().to_canonical());
        if is_known || self.listener.greeting_delay.is_zero() {
            self.session.greet();
            self.patience.begin_anew(Instant::now());
            return Flow::Continue(());
        }
        match timeout(self.listener.greeting_delay, self.input.read_from(transport)).await {
            // The machine, which has not greeted, refuses what it gets.
            Ok(Ok(octets)) if octets > 0 => {}
            Ok(_) => return Flow::Break(()),
            Err(_) => self.session.greet(),
        }
        self.patience.begin_anew(Instant::now());
        Flow::Continue(())
    }

    /// Gives the machine its input and does what it says.
    async fn step(&mut self, transport: &mut Transport) -> Next {
        let step = self.session.handle_bytes(self.input.rest());
        if self.session.sender().is_none() {
            self.envelope.clear();
        }
        if step.consumed > 0 {
            self.patience.begin_anew(Instant::now());
        }
        let done = match step.event {
            Event::NeedInput => {
                self.input.consume(step.consumed);
                return self.read_more(transport).await;
            }
            Event::Content(piece) => {
                self.keep(&piece).await;
                true
            }
            Event::Flush => self.flush(transport).await,
            Event::Refused(reply) => {
                self.note_refusal(None, &reply, None, None);
                true
            }
            Event::Ask(question) => self.answer(question, transport).await,
            Event::Abandon => {
                self.receiving = None;
                true
            }
            Event::StartTls => {
                let flushed = self.flush(transport).await;
                self.input.forget();
                return if flushed { Next::StartTls } else { Next::Lost };
            }
            Event::Close => {
                self.receiving = None;
                return Next::Closes;
            }
        };
        self.input.consume(step.consumed);
        if done { Next::Goes } else { Next::Lost }
    }

    /// Writes the replies that have collected; false when the client is gone or does not read.
    pub(super) async fn flush(&mut self, transport: &mut Transport) -> bool {
        if self.session.replies().is_empty() {
            return true;
        }
        let patience = self.listener.session.timeouts.command;
        let written = timeout(patience, transport.write(self.session.replies())).await;
        self.session.clear_replies();
        match written {
            Ok(Ok(())) => true,
            Ok(Err(error)) => self.lose(&error),
            Err(_) => self.lose(&io::ErrorKind::TimedOut.into()),
        }
    }

    fn lose(&mut self, error: &io::Error) -> bool {
        tracing::debug!(%error, "the connection was lost");
        self.session.handle_eof();
        self.receiving = None;
        false
    }

    async fn read_more(&mut self, transport: &mut Transport) -> Next {
        if !self.flush(transport).await {
            return Next::Lost;
        }
        let (wait, now) = (self.session.wait(), Instant::now());
        // What has come already is read even when its time is over, since we may have been slow; not without end.
        if self.patience.is_over(now) {
            self.session.handle_timeout();
            return Next::Goes;
        }
        let deadline = self.patience.deadline(wait, now, self.pass.is_crowded());
        let read = select! {
            read = timeout_at(deadline, self.input.read_from(transport)) => read,
            now = changed(&mut self.phase, self.drained) => return self.heed(now),
        };
        match read {
            Ok(Ok(0)) => {
                self.lose(&io::ErrorKind::UnexpectedEof.into());
                Next::Lost
            }
            Ok(Ok(octets)) => {
                if wait == Wait::Content {
                    self.patience.note_octets(octets);
                    self.input.expect_content();
                }
                Next::Goes
            }
            Ok(Err(error)) => {
                self.lose(&error);
                Next::Lost
            }
            Err(_) => {
                self.session.handle_timeout();
                Next::Goes
            }
        }
    }

    /// What the server's phase asks for.
    fn heed(&mut self, now: Phase) -> Next {
        match now {
            Phase::Running => Next::Goes,
            Phase::Draining => {
                self.drained = true;
                self.session.drain();
                Next::Goes
            }
            Phase::Stopping => {
                self.receiving = None;
                Next::Lost
            }
        }
    }

    /// The server's part in a handshake; without one there is no connection any more.
    async fn shake_hands(&mut self, transport: Transport) -> Option<Transport> {
        let Transport::Clear(stream) = transport else {
            return None;
        };
        let promised = self.handshake.take().map(Ok);
        let place = match promised.unwrap_or_else(|| self.pass.begin_handshake()) {
            Ok(place) => place,
            Err(full) => {
                // Written down only: without the handshake there is no way to say it.
                self.services.metrics.turned_away(full);
                self.note_refusal(None, &reply_of(full), None, None);
                return None;
            }
        };
        let limit = self.listener.session.timeouts.handshake;
        let accepted = net::accept_tls(&self.listener.tls, stream, limit).await;
        drop(place);
        match accepted {
            Ok((stream, mut facts)) => {
                tracing::debug!(version = %facts.version, suite = %facts.suite, group = %facts.group, "under TLS");
                facts.implicit = self.listener.mode == ListenerMode::ImplicitTls;
                let chain = net::certificates(stream.peer_chain());
                self.services.partners.presented(chain);
                self.security = ChannelSecurity::Tls(Box::new(facts));
                self.patience.begin_anew(Instant::now());
                Some(Transport::Tls(Box::new(stream)))
            }
            Err(failure) => {
                self.services.metrics.handshake_failed(&failure);
                self.services.maillog.record(Entry::HandshakeFailed {
                    id: None,
                    direction: Direction::In,
                    by: &self.listener.name,
                    peer: self.peer,
                    host: None,
                    failure: &failure,
                });
                None
            }
        }
    }

    /// Answers what the machine asks; false when the client is gone meanwhile.
    async fn answer(&mut self, question: Question, transport: &mut Transport) -> bool {
        let (answer, recipient) = match question {
            Question::Mail { reverse_path, size } => {
                self.take_stock(transport, size).await;
                (self.answer_mail(&reverse_path, size.unwrap_or(0)), None)
            }
            Question::Recipient { path, parameters } => {
                match self.answer_recipient(&path, parameters, transport).await {
                    Ok(Some(answer)) => (answer, Some(path)),
                    Ok(None) => return false,
                    Err(refused) => {
                        self.refuse_recipient(&path, *refused);
                        self.patience.begin_anew(Instant::now());
                        return true;
                    }
                }
            }
            Question::StartTls => (self.answer_starttls(), None),
            Question::Content { only_recipient } => (self.answer_content(only_recipient.as_ref()).await, None),
            Question::Message(submission) => {
                // The disk takes a while; what was said to pipelined commands need not wait for it.
                if !self.flush(transport).await {
                    return false;
                }
                match self.answer_message(*submission).await {
                    Ok(answer) => (answer, None),
                    Err(rejected) => {
                        self.reject(*rejected);
                        self.patience.begin_anew(Instant::now());
                        return true;
                    }
                }
            }
        };
        if let Answer::Refuse(reply) = &answer {
            self.note_refusal(None, reply, recipient.as_ref(), None);
        }
        self.session.handle_answer(answer);
        // The time that the answer took us is none of the client's.
        self.patience.begin_anew(Instant::now());
        true
    }

    /// What the transaction that begins is judged by: the directory as it is now, and what it wants to know of the
    /// client's certificate.
    async fn take_stock(&mut self, transport: &Transport, announced_octets: Option<u64>) {
        self.reception = self.services.reception.load_full();
        self.written.clear();
        self.tried.clear();
        self.announced_octets = announced_octets;
        self.counts.clear();
        self.is_own_server = false;
        let (ChannelSecurity::Tls(tls), Transport::Tls(stream)) = (&mut self.security, transport) else {
            return;
        };
        let checks = self.reception.organizations.client_checks(tls);
        // Whether it is revoked may have to be fetched first; the client waits for the reply to MAIL meanwhile.
        let answers = self.services.revocation.verify(stream.peer_chain(), &checks).await;
        if !tls.has_answers(&answers) {
            tls.set_answers(answers);
        }
    }

    fn judge(&self, reverse_path: &ReversePath, stage: Stage<'_>) -> Admission {
        admit(&self.facts(reverse_path, stage))
    }

    /// Counts what documents that are tried would have made of a recipient of this client's.
    pub(super) fn tally(&self, shadow: &[ShadowVerdict]) {
        if !shadow.is_empty() {
            let client = self.peer.ip().to_canonical().to_string();
            self.services.tally.note(shadow, &client, clock::now());
        }
    }

    pub(super) fn facts<'a>(&'a self, reverse_path: &'a ReversePath, stage: Stage<'a>) -> InboundFacts<'a> {
        InboundFacts {
            client: self.peer.ip().to_canonical(),
            security: &self.security,
            rights: &self.listener.rights,
            directory: &self.reception.organizations,
            now: time_for(&self.reception.organizations),
            reverse_path,
            stage,
            trial: None,
        }
    }

    fn answer_mail(&self, reverse_path: &ReversePath, announced_octets: u64) -> Answer {
        if let Some(reply) = put_off(pressure(&self.services), announced_octets, &self.services.limits) {
            return Answer::Refuse(reply);
        }
        match self.judge(reverse_path, Stage::Mail) {
            Admission::Admitted { .. } => Answer::Accept,
            Admission::Refused { reply, .. } => Answer::Refuse(reply),
        }
    }

    /// Where there is no room for a handshake the client is sent away: after 454 many would go on in the clear, and
    /// whoever fills the places would strip TLS off everybody's mail.
    fn answer_starttls(&mut self) -> Answer {
        match self.pass.begin_handshake() {
            Ok(place) => {
                self.handshake = Some(place);
                Answer::Accept
            }
            Err(full) => {
                self.services.metrics.turned_away(full);
                Answer::Refuse(reply_of(full))
            }
        }
    }

    /// What is looked for in a message, whoever's it is.
    fn watch(&self) -> Watch {
        let organizations = &self.reception.organizations;
        let has_conditions = !organizations.header_conditions().is_empty();
        Watch {
            mark: Arc::clone(&self.listener.mark),
            header: has_conditions.then(|| HeaderKeep::new(self.services.envelopes.share())),
            families: FamilyScan::begin(organizations.header_stems()),
        }
    }

    /// Looks at the pressure once more: a transaction may have been open for long, and many were begun at once.
    async fn answer_content(&mut self, only_recipient: Option<&Mailbox>) -> Answer {
        if let Some(reply) = put_off(pressure(&self.services), 0, &self.services.limits) {
            return Answer::Refuse(reply);
        }
        let began = match self.services.store.begin(clock::now()) {
            Ok(draft) => Receiving::begin(draft, &self.origin(), only_recipient, self.watch()).await,
            Err(error) => Err(error),
        };
        match began {
            Ok(receiving) => {
                self.receiving = Some(receiving);
                Answer::Accept
            }
            Err(error) => {
                tracing::warn!(%error, "no message can be taken");
                Answer::Refuse(store_fault(&error))
            }
        }
    }

    /// Writes a piece of content. A store that cannot take it ends the message, not the session.
    async fn keep(&mut self, piece: &Piece) {
        let Some(receiving) = &mut self.receiving else {
            return;
        };
        let octets = match piece {
            Piece::Input(range) => &self.input.rest()[range.clone()],
            Piece::LineEnd => b"\r\n",
        };
        let before = receiving.octets();
        let written = receiving.write(octets).await;
        // A client need not announce a size, and many come at once: the room that is left is watched on the way.
        if written.is_ok()
            && before / ROOM_CHECK_OCTETS != receiving.octets() / ROOM_CHECK_OCTETS
            && let Some(reply) = put_off(pressure(&self.services), 0, &self.services.limits)
        {
            self.receiving = None;
            self.session.handle_content_failure(reply);
            return;
        }
        if let Err(error) = written {
            tracing::warn!(id = %receiving.id(), %error, "a message was lost on its way in; its sender keeps it");
            self.receiving = None;
            self.session.handle_content_failure(store_fault(&error));
        }
    }

    /// The 250 is said only when the message is on stable storage (law 1).
    ///
    /// # Errors
    /// When rules keep it from every recipient.
    async fn answer_message(&mut self, mut submission: Submission) -> Result<Answer, Box<RejectedByRules>> {
        let Some(receiving) = self.receiving.take() else {
            let reply = Reply::new(ReplyCode::LOCAL_FAULT, 3, 0, "local fault, try again later");
            return Ok(Answer::Refuse(reply));
        };
        let content = Stage::Content {
            hops: receiving.hops(),
            max_hops: self.services.limits.hops,
            own_hops: receiving.own_hops(),
        };
        let reverse_path = &submission.envelope.reverse_path;
        if let Admission::Refused { reply, .. } = self.judge(reverse_path, content) {
            return Ok(Answer::Refuse(reply));
        }
        let directory = &self.reception.organizations;
        let fields = || receiving.header_fields(directory.header_conditions());
        let written = std::mem::take(&mut self.written);
        receiving.settle_families(directory, &mut submission.envelope.recipients);
        let octets = submission.facts.octets;
        let shadow = rules::apply(directory, (fields, octets), &written, &mut submission.envelope)?;
        shadow
            .iter()
            .for_each(|one| self.tally(std::slice::from_ref(&one.verdict)));
        self.tried.extend(shadow);
        let (draft, mut accepted) = receiving.finish(submission, &self.origin());
        accepted.arrival.shadow = std::mem::take(&mut self.tried).into_verdicts();
        let size = draft.len();
        let (envelope, arrival) = (accepted.envelope.clone(), accepted.arrival.clone());
        Ok(match self.services.store.commit(draft, accepted, true).await {
            Ok(commit) => {
                self.services.metrics.accepted(&self.security, size);
                self.services.maillog.record(Entry::Received {
                    id: commit.id,
                    envelope: &envelope,
                    arrival: &arrival,
                    size,
                });
                if !self.is_own_server {
                    let directory = &self.reception.organizations;
                    self.services.partners.arrived(directory, &envelope, &arrival);
                }
                self.services.onward.offer(commit.leases);
                Answer::Stored(commit.id)
            }
            Err(error) => {
                tracing::warn!(%error, "a message could not be kept; its sender keeps it");
                Answer::Refuse(store_fault(&error))
            }
        })
    }

    /// Says no to a message that rules keep from everybody; logs and trace have it for each recipient.
    fn reject(&mut self, rejected: RejectedByRules) {
        let RejectedByRules {
            reply,
            sender,
            recipients,
        } = rejected;
        let now = clock::now();
        self.services.metrics.refused(&reply);
        for (recipient, reasons, shadow) in recipients {
            self.tally(&shadow);
            let path = ForwardPath::Mailbox(recipient.mailbox.clone());
            let rule = reasons.first().cloned();
            let id = self.services.refusals.take(now).then(|| {
                let mut refused = traced(
                    &self.origin(),
                    (sender.clone(), recipient),
                    (reply.clone(), reasons),
                    now,
                );
                refused.evidence.shadow = shadow;
                self.services.store.trace_refusal(refused)
            });
            self.log_refusal(id, &reply, Some(&path), rule.as_ref());
        }
        self.session.handle_answer(Answer::Refuse(reply));
    }

    pub(super) fn origin(&self) -> Origin<'_> {
        let hello = self.session.hello();
        Origin {
            listener: &self.listener.name,
            host_name: self.listener.host_name.as_str(),
            peer: self.peer,
            helo: hello.map_or("", |hello| hello.name.as_str()),
            extended: hello.is_some_and(|hello| hello.extended),
            security: &self.security,
            directory: self.reception.organizations.version(),
        }
    }

    pub(super) fn note_refusal(
        &mut self,
        id: Option<MessageId>,
        reply: &Reply,
        recipient: Option<&ForwardPath>,
        rule: Option<&StatedReason>,
    ) {
        self.services.metrics.refused(reply);
        self.log_refusal(id, reply, recipient, rule);
    }

    fn log_refusal(
        &mut self,
        id: Option<MessageId>,
        reply: &Reply,
        recipient: Option<&ForwardPath>,
        rule: Option<&StatedReason>,
    ) {
        self.refusals += 1;
        if self.refusals > REFUSALS_TOLD_MAX {
            return;
        }
        let recipient = recipient.map(ToString::to_string);
        self.services.maillog.record(Entry::Refused {
            id: id.or_else(|| self.receiving.as_ref().map(Receiving::id)),
            listener: &self.listener.name,
            peer: self.peer,
            helo: self.session.hello().map_or("", |hello| hello.name.as_str()),
            security: Some(&self.security),
            sender: self.session.sender(),
            recipient: recipient.as_deref(),
            reply,
            rule,
        });
    }
}

/// What becomes of a connection after a step.
enum Next {
    /// It goes on.
    Goes,
    /// Both shake hands.
    StartTls,
    /// It is closed in order, behind the replies that have collected.
    Closes,
    /// It is gone, or is dropped.
    Lost,
}

/// The server's next phase that a connection has to heed; whoever has heeded the draining waits for the stop alone.
pub(super) async fn changed(phase: &mut watch::Receiver<Phase>, drained: bool) -> Phase {
    let heeded = if drained { Phase::Draining } else { Phase::Running };
    // An error means that whoever could change the phase is gone: the server is stopping.
    phase
        .wait_for(|phase| *phase > heeded)
        .await
        .map_or(Phase::Stopping, |phase| *phase)
}
