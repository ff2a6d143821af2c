//! What a server's session ought to do, as a model of plain values: for each command and each thing that can go wrong,
//! the replies, what is forgotten by it (MAIL, RCPT and content; the greeting; nothing; everything) and what is counted
//! against the client. Nothing of the machine is used here.

/// The limits of the sessions that are walked through; each small, so that each is met.
pub(crate) const MESSAGE_OCTETS: u64 = 100;
pub(crate) const ERRORS: u32 = 3;
pub(crate) const COMMANDS: u32 = 14;
pub(crate) const MESSAGES: u32 = 3;
pub(crate) const RECIPIENTS: u32 = 2;
pub(crate) const REFUSED_RECIPIENTS: u32 = 2;
pub(crate) const CHUNKS: u32 = 3;

/// What a client, the operator or the world may do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Move {
    Ehlo,
    Helo,
    EhloMalformed,
    EhloWithMoreBehind,
    StartTls,
    StartTlsRefused,
    StartTlsClosing,
    StartTlsMalformed,
    Mail,
    MailTooLarge,
    MailMalformed,
    MailUnknownParameter,
    MailRefused,
    MailPutOff,
    MailClosing,
    Rcpt,
    RcptRefused,
    RcptElsewhere,
    RcptPutOff,
    RcptMalformed,
    RcptClosing,
    Data,
    DataEmpty,
    DataMalformed,
    DataRefused,
    DataClosing,
    DataTooLarge,
    DataBareLineEnd,
    DataFails,
    DataStoreFault,
    DataStoreClosing,
    Chunk,
    ChunkEmpty,
    ChunkLast,
    ChunkLastEmpty,
    ChunkMalformed,
    ChunkRefused,
    ChunkClosing,
    ChunkTooLarge,
    ChunkBareLineEnd,
    ChunkFails,
    ChunkStoreFault,
    ChunkStoreClosing,
    Rset,
    RsetMalformed,
    Noop,
    Help,
    Vrfy,
    VrfyMalformed,
    Expn,
    NotOffered,
    Nonsense,
    NotAscii,
    LineTooLong,
    LineWithoutEnd,
    LineWithBareEnd,
    Foreign,
    Quit,
    Drain,
    Timeout,
    Eof,
}

/// What a client can know of where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// Nothing was said, or nothing since the handshake.
    Fresh,
    /// Hello was said.
    Ready,
    /// MAIL was accepted.
    Mail,
    /// A RCPT too.
    Rcpt,
    /// A BDAT too, which was not the last.
    Chunks,
}

/// Where a session is, as far as cells are told apart by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct State {
    pub(crate) phase: Phase,
    pub(crate) under_tls: bool,
    /// The server is about to stop.
    pub(crate) draining: bool,
    /// Something of the transaction was refused, so that what is out of order now may be no mistake (RFC 2920).
    pub(crate) aftermath: bool,
}

/// A session as it ought to be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Model {
    pub(crate) under_tls: bool,
    pub(crate) greeted: bool,
    pub(crate) draining: bool,
    pub(crate) aftermath: bool,
    pub(crate) closed: bool,
    pub(crate) sender: Option<String>,
    pub(crate) recipients: Vec<String>,
    pub(crate) content: Vec<u8>,
    pub(crate) chunks: u32,
    pub(crate) errors: u32,
    pub(crate) refused_recipients: u32,
    pub(crate) messages: u32,
    pub(crate) commands: u32,
    /// Messages that were handed over and kept.
    pub(crate) kept: Vec<Kept>,
    /// How often content was given up.
    pub(crate) abandoned: u32,
}

/// A message that was kept.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Kept {
    pub(crate) sender: String,
    pub(crate) recipients: Vec<String>,
    pub(crate) content: Vec<u8>,
}

/// The codes of all replies to one move.
pub(crate) type Codes = Vec<u16>;

impl Model {
    pub(crate) fn phase(&self) -> Phase {
        match &self.sender {
            _ if !self.greeted => Phase::Fresh,
            None => Phase::Ready,
            Some(_) if self.chunks > 0 => Phase::Chunks,
            Some(_) if self.recipients.is_empty() => Phase::Mail,
            Some(_) => Phase::Rcpt,
        }
    }

    pub(crate) fn state(&self) -> State {
        State {
            phase: self.phase(),
            under_tls: self.under_tls,
            draining: self.draining,
            aftermath: self.aftermath,
        }
    }

    /// Makes the move; gives the replies that are due. `name` makes senders and recipients different ones.
    pub(crate) fn go(&mut self, to: Move, name: usize) -> Codes {
        match to {
            Move::Eof => return self.close(vec![]),
            Move::Timeout => return self.close(vec![421]),
            Move::Drain => return self.drain(),
            // Nobody knows what these octets are, so they are not even counted.
            Move::LineWithoutEnd | Move::LineWithBareEnd => return self.close(vec![500]),
            _ => {}
        }
        self.commands += 1;
        if self.commands > COMMANDS {
            return self.close(vec![421]);
        }
        match to {
            Move::EhloWithMoreBehind => self.close(vec![554]),
            Move::Foreign => self.close(vec![421]),
            Move::ChunkMalformed => self.close(vec![501]),
            Move::Quit => self.close(vec![221]),
            Move::LineTooLong | Move::Nonsense => self.mistake(500),
            Move::EhloMalformed | Move::StartTlsMalformed | Move::RcptMalformed | Move::DataMalformed => {
                self.mistake(501)
            }
            Move::RsetMalformed | Move::VrfyMalformed | Move::NotAscii => self.mistake(501),
            Move::Expn | Move::NotOffered => self.mistake(502),
            // The client may have sent RCPT and DATA behind it already.
            Move::MailMalformed | Move::MailUnknownParameter => {
                self.aftermath = true;
                self.mistake(if to == Move::MailMalformed { 501 } else { 555 })
            }
            Move::Noop => vec![250],
            Move::Help => vec![214],
            Move::Vrfy => vec![252],
            Move::Ehlo | Move::Helo => {
                self.greeted = true;
                self.reset()
            }
            Move::Rset => self.reset(),
            Move::StartTls | Move::StartTlsRefused | Move::StartTlsClosing => self.start_tls(to),
            Move::Mail | Move::MailTooLarge | Move::MailRefused | Move::MailPutOff | Move::MailClosing => {
                self.mail(to, name)
            }
            Move::Rcpt | Move::RcptRefused | Move::RcptElsewhere | Move::RcptPutOff | Move::RcptClosing => {
                self.rcpt(to, name)
            }
            _ if to.is_data() => self.data(to),
            _ => self.chunk(to),
        }
    }

    /// RFC 5321 §4.1.1.5 and §4.1.4: the transaction is forgotten, the greeting stays.
    fn reset(&mut self) -> Codes {
        self.aftermath = false;
        self.forget_transaction();
        self.rest(vec![250])
    }

    /// RFC 3207 §4.2: nothing that was said in the clear is known any more; what was counted stays counted.
    fn start_tls(&mut self, to: Move) -> Codes {
        match to {
            _ if self.under_tls || self.phase() != Phase::Ready => self.mistake(503),
            Move::StartTlsRefused => vec![454],
            Move::StartTlsClosing => self.close(vec![421]),
            _ => {
                (self.under_tls, self.greeted, self.aftermath) = (true, false, false);
                vec![220]
            }
        }
    }

    fn mail(&mut self, to: Move, name: usize) -> Codes {
        match to {
            _ if self.phase() != Phase::Ready => return self.mistake(503),
            _ if self.messages >= MESSAGES => return self.close(vec![421]),
            Move::MailClosing => return self.close(vec![421]),
            _ => {}
        }
        self.aftermath = to != Move::Mail;
        match to {
            Move::MailTooLarge => vec![552],
            Move::MailRefused => vec![550],
            Move::MailPutOff => vec![451],
            _ => {
                self.progress();
                self.messages += 1;
                self.sender = Some(sender(name));
                vec![250]
            }
        }
    }

    /// A recipient that is refused takes nothing along: MAIL and the other recipients stand.
    fn rcpt(&mut self, to: Move, name: usize) -> Codes {
        if !matches!(self.phase(), Phase::Mail | Phase::Rcpt) {
            return self.mistake_unless_in_aftermath(503);
        }
        if self.recipients.len() as u32 >= RECIPIENTS {
            self.aftermath = true;
            return vec![452];
        }
        match to {
            Move::Rcpt => {
                self.progress();
                self.recipients.push(recipient(name));
                vec![250]
            }
            Move::RcptClosing => self.close(vec![421]),
            Move::RcptPutOff => {
                self.aftermath = true;
                vec![450]
            }
            _ => {
                self.aftermath = true;
                self.refused_recipients += 1;
                if self.refused_recipients > REFUSED_RECIPIENTS {
                    return self.close(vec![550, 421]);
                }
                vec![550]
            }
        }
    }

    /// Whatever becomes of the content, the transaction is over with it.
    fn data(&mut self, to: Move) -> Codes {
        match self.phase() {
            Phase::Rcpt => {}
            Phase::Mail => return self.mistake_unless_in_aftermath(554),
            _ => return self.mistake_unless_in_aftermath(503),
        }
        match to {
            Move::DataRefused => return self.refuse_message(vec![452]),
            Move::DataClosing => return self.close(vec![421]),
            _ => self.progress(),
        }
        match to {
            Move::DataTooLarge => {
                self.abandoned += 1;
                self.refuse_message(vec![354, 552])
            }
            Move::DataBareLineEnd => {
                self.abandoned += 1;
                self.close(vec![354, 550])
            }
            Move::DataFails | Move::DataStoreFault => self.refuse_message(vec![354, 451]),
            Move::DataStoreClosing => self.close(vec![354, 421]),
            _ => {
                self.content.extend_from_slice(content(to));
                self.keep(vec![354, 250])
            }
        }
    }

    fn chunk(&mut self, to: Move) -> Codes {
        let phase = self.phase();
        if !matches!(phase, Phase::Rcpt | Phase::Chunks) {
            return self.chunk_out_of_order(if phase == Phase::Mail { 554 } else { 503 });
        }
        if to == Move::ChunkTooLarge || self.chunks >= CHUNKS {
            return self.refuse_message(vec![552]);
        }
        match to {
            // Only before the first chunk is anybody asked.
            Move::ChunkRefused if phase == Phase::Rcpt => return self.refuse_message(vec![452]),
            Move::ChunkClosing if phase == Phase::Rcpt => return self.close(vec![421]),
            _ => self.progress(),
        }
        self.chunks += 1;
        match to {
            Move::ChunkBareLineEnd => self.close(vec![550]),
            Move::ChunkFails | Move::ChunkStoreFault => {
                self.chunks = 0;
                self.refuse_message(vec![451])
            }
            Move::ChunkStoreClosing => {
                self.chunks = 0;
                self.close(vec![421])
            }
            Move::ChunkLast | Move::ChunkLastEmpty => {
                self.content.extend_from_slice(content(to));
                self.keep(vec![250])
            }
            _ => {
                self.content.extend_from_slice(content(to));
                vec![250]
            }
        }
    }

    /// RFC 3030 §2: the octets come all the same. The transaction is over, since nobody can say what of it the client
    /// takes for done.
    fn chunk_out_of_order(&mut self, code: u16) -> Codes {
        self.errors += u32::from(!self.aftermath);
        self.forget_transaction();
        if self.errors >= ERRORS {
            return self.close(vec![code, 421]);
        }
        self.rest(vec![code])
    }

    fn keep(&mut self, codes: Codes) -> Codes {
        self.kept.push(Kept {
            sender: self.sender.take().unwrap_or_default(),
            recipients: std::mem::take(&mut self.recipients),
            content: std::mem::take(&mut self.content),
        });
        self.chunks = 0;
        self.rest(codes)
    }

    fn refuse_message(&mut self, codes: Codes) -> Codes {
        self.aftermath = true;
        self.forget_transaction();
        self.rest(codes)
    }

    fn forget_transaction(&mut self) {
        self.abandoned += u32::from(self.chunks > 0);
        (self.sender, self.chunks) = (None, 0);
        self.recipients.clear();
        self.content.clear();
    }

    /// A server that is about to stop lets a transaction come to its end and no other begin.
    fn rest(&mut self, mut codes: Codes) -> Codes {
        if self.draining {
            codes.push(421);
            return self.close(codes);
        }
        codes
    }

    fn drain(&mut self) -> Codes {
        self.draining = true;
        match self.phase() {
            Phase::Fresh | Phase::Ready => self.close(vec![421]),
            Phase::Mail | Phase::Rcpt | Phase::Chunks => vec![],
        }
    }

    /// A mistake takes nothing along, but there must not be many.
    fn mistake(&mut self, code: u16) -> Codes {
        self.errors += 1;
        if self.errors >= ERRORS {
            return self.close(vec![code, 421]);
        }
        vec![code]
    }

    fn mistake_unless_in_aftermath(&mut self, code: u16) -> Codes {
        if self.aftermath { vec![code] } else { self.mistake(code) }
    }

    /// What brings a message further has a limit of its own.
    const fn progress(&mut self) {
        self.commands -= 1;
    }

    fn close(&mut self, codes: Codes) -> Codes {
        self.forget_transaction();
        self.closed = true;
        codes
    }
}

impl Move {
    pub(crate) const fn is_data(self) -> bool {
        matches!(
            self,
            Self::Data
                | Self::DataEmpty
                | Self::DataRefused
                | Self::DataClosing
                | Self::DataTooLarge
                | Self::DataBareLineEnd
                | Self::DataFails
                | Self::DataStoreFault
                | Self::DataStoreClosing
        )
    }
}

pub(crate) fn sender(name: usize) -> String {
    format!("<s{name}@b.example>")
}

pub(crate) fn recipient(name: usize) -> String {
    format!("u{name}@local.example")
}

/// The content that comes with a move.
pub(crate) fn content(to: Move) -> &'static [u8] {
    match to {
        Move::DataEmpty | Move::ChunkEmpty | Move::ChunkLastEmpty => b"",
        Move::DataTooLarge | Move::ChunkTooLarge => &[b'x'; 200],
        Move::DataBareLineEnd | Move::ChunkBareLineEnd => b"a\n.\r\nb\r\n",
        _ if to.is_data() => b"by data\r\n",
        _ => b"chunk\r\n",
    }
}
