//! Walks through the server's session: whatever comes in whatever order, the replies are the model's, and what is known
//! and kept is exactly what was accepted since the last thing that clears it ([`crate::model`]).
//!
//! A cell is a state, a move and the replies to it. Every cell that the model knows is visited by a path made for it,
//! and at random: `SEKISHO_WALK_STEPS` and `SEKISHO_WALK_SEED` say how far and which way, and `cargo xtask walk` is the
//! long run.

#![expect(clippy::print_stdout, reason = "what repeats a run must be seen")]

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    time::Instant,
};

use sekisho_mail::{Reply, ReplyCode};
use sekisho_smtp::server::{SessionLimits, SessionSettings};

use crate::{
    model::{self, Codes, Model, Move, Phase, State, content},
    partner::{Machine, settings},
};

const MOVES: [Move; 61] = [
    Move::Ehlo,
    Move::Helo,
    Move::EhloMalformed,
    Move::EhloWithMoreBehind,
    Move::StartTls,
    Move::StartTlsRefused,
    Move::StartTlsClosing,
    Move::StartTlsMalformed,
    Move::Mail,
    Move::MailTooLarge,
    Move::MailMalformed,
    Move::MailUnknownParameter,
    Move::MailRefused,
    Move::MailPutOff,
    Move::MailClosing,
    Move::Rcpt,
    Move::RcptRefused,
    Move::RcptPutOff,
    Move::RcptMalformed,
    Move::RcptClosing,
    Move::Data,
    Move::DataEmpty,
    Move::DataMalformed,
    Move::DataRefused,
    Move::DataClosing,
    Move::DataTooLarge,
    Move::DataBareLineEnd,
    Move::DataFails,
    Move::DataStoreFault,
    Move::DataStoreClosing,
    Move::Chunk,
    Move::ChunkEmpty,
    Move::ChunkLast,
    Move::ChunkLastEmpty,
    Move::ChunkMalformed,
    Move::ChunkRefused,
    Move::ChunkClosing,
    Move::ChunkTooLarge,
    Move::ChunkBareLineEnd,
    Move::ChunkFails,
    Move::ChunkStoreFault,
    Move::ChunkStoreClosing,
    Move::Rset,
    Move::RsetMalformed,
    Move::Noop,
    Move::Help,
    Move::Vrfy,
    Move::VrfyMalformed,
    Move::Expn,
    Move::NotOffered,
    Move::Nonsense,
    Move::NotAscii,
    Move::LineTooLong,
    Move::LineWithoutEnd,
    Move::LineWithBareEnd,
    Move::Foreign,
    Move::Quit,
    Move::Drain,
    Move::Timeout,
    Move::Eof,
    Move::RcptElsewhere,
];

/// Which limit is about to be met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Near {
    None,
    Errors,
    Commands,
    Messages,
    Recipients,
    RefusedRecipients,
    Chunks,
}

const NEARS: [Near; 7] = [
    Near::None,
    Near::Errors,
    Near::Commands,
    Near::Messages,
    Near::Recipients,
    Near::RefusedRecipients,
    Near::Chunks,
];

type Cell = (State, Move, Codes);
/// How often each cell was visited.
type Visits = BTreeMap<Cell, u64>;

/// A session that makes its moves beside the model.
struct Walk {
    machine: Machine,
    model: Model,
    moves: Vec<Move>,
}

impl Walk {
    fn new() -> Self {
        let limits = SessionLimits {
            message_octets: model::MESSAGE_OCTETS,
            discarded_octets: 1000,
            errors: model::ERRORS,
            commands: model::COMMANDS,
            messages: model::MESSAGES,
            recipients: model::RECIPIENTS,
            refused_recipients: model::REFUSED_RECIPIENTS,
            chunks: model::CHUNKS,
        };
        Self {
            machine: Machine::after(SessionSettings { limits, ..settings() }, &[]),
            model: Model::default(),
            moves: Vec::new(),
        }
    }

    fn go(&mut self, to: Move, visits: &mut Visits) {
        self.moves.push(to);
        let name = self.moves.len();
        let state = self.model.state();
        let codes = self.model.go(to, name);
        self.make(to, name);
        assert_eq!(self.codes(), codes, "{:?}", self.moves);
        self.compare();
        *visits.entry((state, to, codes)).or_default() += 1;
    }

    /// What is known and what was kept.
    fn compare(&self) {
        let (machine, model) = (&self.machine, &self.model);
        let moves = &self.moves;
        assert_eq!(machine.closed, model.closed, "{moves:?}");
        assert_eq!(machine.abandoned, model.abandoned, "content given up: {moves:?}");
        assert_eq!(machine.kept.len(), model.kept.len(), "{moves:?}");
        if let (Some((submission, content)), Some(kept)) = (machine.kept.last(), model.kept.last()) {
            let envelope = &submission.envelope;
            let recipients = envelope.recipients.iter().map(|one| one.mailbox.to_string());
            assert_eq!(envelope.reverse_path.to_string(), kept.sender, "{moves:?}");
            assert_eq!(recipients.collect::<Vec<_>>(), kept.recipients, "{moves:?}");
            assert_eq!(content, &kept.content, "{moves:?}");
        }
        if !model.closed {
            let session = &machine.session;
            assert_eq!(session.hello().is_some(), model.greeted, "{moves:?}");
            assert_eq!(session.sender().map(ToString::to_string), model.sender, "{moves:?}");
        }
    }

    /// The codes of the replies since the last move.
    fn codes(&mut self) -> Codes {
        let replies = self.machine.new_replies();
        let last_lines = replies.lines().filter(|line| line.as_bytes()[3] == b' ');
        last_lines.map(|line| line[..3].parse().unwrap()).collect()
    }

    fn make(&mut self, to: Move, name: usize) {
        self.prepare(to);
        let machine = &mut self.machine;
        match to {
            Move::Drain => machine.session.drain(),
            Move::Timeout => machine.session.handle_timeout(),
            Move::Eof => machine.session.handle_eof(),
            _ => machine.feed(&line(to, name)),
        }
        machine.feed(b"");
        if to.is_data() && machine.awaits_content() {
            machine.feed(&[content(to), end_of(to)].concat());
        }
        if machine.in_handshake() {
            machine.session.handle_tls_established();
            machine.feed(b"");
        }
    }

    /// What the world has in store for this move alone.
    fn prepare(&mut self, to: Move) {
        let reply = |code: u16| Some(Reply::new(ReplyCode::new(code).unwrap(), 7, 0, "no"));
        let machine = &mut self.machine;
        machine.tls_fault = None;
        machine.mail_fault = None;
        machine.content_fault = None;
        machine.content_failure = None;
        machine.store_fault = None;
        match to {
            Move::StartTlsRefused => machine.tls_fault = reply(454),
            Move::StartTlsClosing => machine.tls_fault = reply(421),
            Move::MailRefused => machine.mail_fault = reply(550),
            Move::MailPutOff => machine.mail_fault = reply(451),
            Move::MailClosing => machine.mail_fault = reply(421),
            Move::DataRefused | Move::ChunkRefused => machine.content_fault = reply(452),
            Move::DataClosing | Move::ChunkClosing => machine.content_fault = reply(421),
            Move::DataFails | Move::ChunkFails => machine.content_failure = reply(451),
            Move::DataStoreFault | Move::ChunkStoreFault => machine.store_fault = reply(451),
            Move::DataStoreClosing | Move::ChunkStoreClosing => machine.store_fault = reply(421),
            _ => {}
        }
    }
}

/// What ends content after DATA.
fn end_of(to: Move) -> &'static [u8] {
    if content(to).is_empty() || content(to).ends_with(b"\n") {
        b".\r\n"
    } else {
        b"\r\n.\r\n"
    }
}

/// The octets of a command, and of the chunk behind it.
fn line(to: Move, name: usize) -> Vec<u8> {
    let text = match to {
        Move::Ehlo => "EHLO c.example".to_owned(),
        Move::Helo => "HELO c.example".to_owned(),
        Move::EhloMalformed => "EHLO".to_owned(),
        Move::EhloWithMoreBehind => "EHLO c.example\r\nNOOP".to_owned(),
        Move::StartTls | Move::StartTlsRefused | Move::StartTlsClosing => "STARTTLS".to_owned(),
        Move::StartTlsMalformed => "STARTTLS now".to_owned(),
        Move::Mail | Move::MailRefused | Move::MailPutOff | Move::MailClosing => {
            format!("MAIL FROM:{}", model::sender(name))
        }
        Move::MailTooLarge => "MAIL FROM:<> SIZE=101".to_owned(),
        Move::MailMalformed => "MAIL FROM:a@b.example".to_owned(),
        Move::MailUnknownParameter => "MAIL FROM:<a@b.example> SMTPUTF8".to_owned(),
        Move::Rcpt => format!("RCPT TO:<{}>", model::recipient(name)),
        Move::RcptRefused => "RCPT TO:<u@elsewhere.example>".to_owned(),
        Move::RcptElsewhere => "RCPT TO:<\"u@local.example\"@elsewhere.example>".to_owned(),
        Move::RcptPutOff => "RCPT TO:<busy@elsewhere.example>".to_owned(),
        Move::RcptClosing => "RCPT TO:<closing@elsewhere.example>".to_owned(),
        Move::RcptMalformed => "RCPT TO:u@local.example".to_owned(),
        Move::DataMalformed => "DATA now".to_owned(),
        _ if to.is_data() => "DATA".to_owned(),
        Move::ChunkMalformed => "BDAT x".to_owned(),
        Move::Rset => "RSET".to_owned(),
        Move::RsetMalformed => "RSET x".to_owned(),
        Move::Noop => "NOOP".to_owned(),
        Move::Help => "HELP".to_owned(),
        Move::Vrfy => "VRFY root".to_owned(),
        Move::VrfyMalformed => "VRFY".to_owned(),
        Move::Expn => "EXPN list".to_owned(),
        Move::NotOffered => "AUTH PLAIN".to_owned(),
        Move::Nonsense => "XYZZY".to_owned(),
        Move::NotAscii => "NOOP é".to_owned(),
        Move::LineTooLong => format!("NOOP {}", "x".repeat(600)),
        Move::LineWithoutEnd => return vec![b'x'; 2000],
        Move::LineWithBareEnd => return b"NOOP\n".to_vec(),
        Move::Foreign => "GET / HTTP/1.1".to_owned(),
        Move::Quit => "QUIT".to_owned(),
        _ => {
            let is_last = [
                Move::ChunkLast,
                Move::ChunkLastEmpty,
                Move::ChunkStoreFault,
                Move::ChunkStoreClosing,
            ];
            let last = if is_last.contains(&to) { " LAST" } else { "" };
            let command = format!("BDAT {}{last}\r\n", content(to).len());
            return [command.as_bytes(), content(to)].concat();
        }
    };
    format!("{text}\r\n").into_bytes()
}

/// Every state in which a move can be made. A server that is about to stop is in none without a transaction: it has
/// closed by then.
fn states() -> Vec<State> {
    let mut states = Vec::new();
    for phase in [Phase::Fresh, Phase::Ready, Phase::Mail, Phase::Rcpt, Phase::Chunks] {
        for bits in 0..8 {
            let state = State {
                phase,
                under_tls: bits & 1 != 0,
                draining: bits & 2 != 0,
                aftermath: bits & 4 != 0,
            };
            if !state.draining || !matches!(phase, Phase::Fresh | Phase::Ready) {
                states.push(state);
            }
        }
    }
    states
}

/// A session in this state, by its values alone.
fn session_in(state: State, near: Near) -> Model {
    let at = |limit: Near, value: u32| if near == limit { value } else { 0 };
    let phase = state.phase;
    let recipients = match phase {
        Phase::Fresh | Phase::Ready | Phase::Mail => 0,
        Phase::Rcpt | Phase::Chunks => at(Near::Recipients, model::RECIPIENTS).max(1),
    };
    Model {
        under_tls: state.under_tls,
        greeted: phase != Phase::Fresh,
        draining: state.draining,
        aftermath: state.aftermath,
        sender: (phase > Phase::Ready).then(|| model::sender(0)),
        recipients: vec![model::recipient(0); recipients as usize],
        chunks: if phase == Phase::Chunks {
            at(Near::Chunks, model::CHUNKS).max(1)
        } else {
            0
        },
        errors: at(Near::Errors, model::ERRORS - 1),
        refused_recipients: at(Near::RefusedRecipients, model::REFUSED_RECIPIENTS),
        messages: at(Near::Messages, model::MESSAGES),
        commands: at(Near::Commands, model::COMMANDS),
        ..Model::default()
    }
}

/// Every cell that the model knows.
fn all_cells() -> BTreeSet<Cell> {
    let mut cells = BTreeSet::new();
    for state in states() {
        for near in NEARS {
            for to in MOVES {
                cells.insert((state, to, session_in(state, near).go(to, 0)));
            }
        }
    }
    cells
}

/// Moves that lead into a state close to a limit; `None` when the limit cannot be met there.
fn path(state: State, near: Near) -> Option<Vec<Move>> {
    let mut path = Vec::new();
    if near == Near::RefusedRecipients {
        path.extend([Move::Ehlo, Move::Mail]);
        path.extend([Move::RcptRefused; model::REFUSED_RECIPIENTS as usize]);
        path.push(Move::Rset);
    }
    if near == Near::Messages {
        path.push(Move::Ehlo);
        path.extend([[Move::Mail, Move::Rset]; model::MESSAGES as usize].concat());
    }
    if state.under_tls {
        path.extend([Move::Ehlo, Move::StartTls]);
    }
    if state.phase > Phase::Fresh {
        path.push(Move::Ehlo);
    }
    if state.phase > Phase::Ready {
        path.push(Move::Mail);
    }
    if state.aftermath {
        path.push(match state.phase {
            Phase::Fresh => Move::MailMalformed,
            Phase::Ready => Move::MailTooLarge,
            Phase::Mail | Phase::Rcpt | Phase::Chunks => Move::RcptPutOff,
        });
    }
    if state.phase > Phase::Mail {
        path.extend(vec![
            Move::Rcpt;
            if near == Near::Recipients {
                model::RECIPIENTS as usize
            } else {
                1
            }
        ]);
    }
    if state.phase > Phase::Rcpt {
        path.extend(vec![
            Move::Chunk;
            if near == Near::Chunks {
                model::CHUNKS as usize
            } else {
                1
            }
        ]);
    }
    if state.draining {
        path.push(Move::Drain);
    }
    // Behind all that brings a message further, which would not come through any more.
    let filler = if near == Near::Errors {
        Move::Nonsense
    } else {
        Move::Noop
    };
    (0..=model::COMMANDS as usize).find_map(|count| {
        let path = [path.clone(), vec![filler; count]].concat();
        leads_to(&path, state, near).then_some(path)
    })
}

fn leads_to(path: &[Move], state: State, near: Near) -> bool {
    let mut model = Model::default();
    for to in path {
        model.go(*to, 0);
        if model.closed {
            return false;
        }
    }
    model.state() == state
        && match near {
            Near::None => true,
            Near::Errors => model.errors == model::ERRORS - 1,
            Near::Commands => model.commands == model::COMMANDS,
            Near::Messages => model.messages == model::MESSAGES,
            Near::Recipients => model.recipients.len() == model::RECIPIENTS as usize,
            Near::RefusedRecipients => model.refused_recipients == model::REFUSED_RECIPIENTS,
            Near::Chunks => model.chunks == model::CHUNKS,
        }
}

fn all_paths() -> Vec<(Near, Vec<Move>)> {
    let pairs = states().into_iter().flat_map(|state| NEARS.map(|near| (state, near)));
    pairs
        .filter_map(|(state, near)| Some((near, path(state, near)?)))
        .collect()
}

impl Near {
    /// Whether the limit has a say in this move.
    fn minds(self, to: Move) -> bool {
        let text = format!("{to:?}");
        match self {
            Self::None | Self::Errors | Self::Commands => true,
            Self::Messages => text.starts_with("Mail"),
            Self::Recipients | Self::RefusedRecipients => text.starts_with("Rcpt"),
            Self::Chunks => text.starts_with("Chunk"),
        }
    }
}

/// No cell that the model knows was left out, and none was met that it does not know.
fn assert_all_visited(visits: &Visits) {
    let (met, known) = (visits.keys().cloned().collect::<BTreeSet<_>>(), all_cells());
    let missed: Vec<&Cell> = known.difference(&met).collect();
    let unknown: Vec<&Cell> = met.difference(&known).collect();
    assert!(
        missed.is_empty() && unknown.is_empty(),
        "missed: {missed:?}, unknown: {unknown:?}"
    );
}

#[test]
fn every_cell_of_the_model_is_visited() {
    let mut visits = Visits::new();
    for (near, path) in all_paths() {
        for to in MOVES.into_iter().filter(|to| near.minds(*to)) {
            let mut walk = Walk::new();
            for before in &path {
                walk.go(*before, &mut visits);
            }
            walk.go(to, &mut visits);
        }
    }
    assert_all_visited(&visits);
}

/// Numbers that the seed decides (xorshift64*).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32;
        usize::try_from(high).unwrap() % limit
    }
}

fn from_environment(name: &str) -> Option<u64> {
    env::var(name).ok().and_then(|value| value.parse().ok())
}

#[test]
fn a_random_walk_finds_no_step_that_the_model_does_not_know() {
    let steps = from_environment("SEKISHO_WALK_STEPS").unwrap_or(100_000);
    let seed = from_environment("SEKISHO_WALK_SEED").unwrap_or_else(|| u64::from(std::process::id()) * 7919);
    println!("SEKISHO_WALK_SEED={seed}");
    let began = Instant::now();
    let mut dice = Dice(seed.max(1));
    let (mut visits, mut made, mut sessions) = (Visits::new(), 0, 0);
    let paths = all_paths();
    while made < steps {
        sessions += 1;
        let mut walk = Walk::new();
        // From anywhere, so that what is rarely met is met.
        for before in &paths[dice.below(paths.len())].1 {
            walk.go(*before, &mut visits);
        }
        while !walk.machine.closed && walk.moves.len() < 60 {
            walk.go(MOVES[dice.below(MOVES.len())], &mut visits);
        }
        made += walk.moves.len() as u64;
    }
    let (known, met) = (all_cells(), visits.len());
    assert!(visits.keys().all(|cell| known.contains(cell)));
    println!(
        "{made} steps in {sessions} sessions met {met} of {} cells in {} s",
        known.len(),
        began.elapsed().as_secs()
    );
    if steps >= 1_000_000 {
        assert_all_visited(&visits);
    }
}
