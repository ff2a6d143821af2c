//! What holds of the client's session whatever a server says in whatever pieces: what it says is well formed commands
//! and whole content, each recipient gets one answer, nobody counts as served before the content has left, nothing is
//! said in the clear once a handshake is due, and cutting the replies elsewhere changes nothing.

use sekisho_mail::{BodyKind, ChannelId, Envelope, EnvelopeId, Host, Mailbox, Recipient, ReversePath};
use sekisho_smtp::{
    Permit,
    client::{ClientSession, Event, MAX_CONVERSATION_LINES, MAX_SPOKEN_OCTETS, MailFacts, RecipientReply},
};

const CHANNEL: ChannelId = ChannelId(7);
/// What separates what a server says before the client speaks from what it says after.
const TURN: u8 = 0xff;

/// # Panics
/// When the session breaks its word on these octets.
pub(crate) fn check(octets: &[u8]) {
    let Some(([choice, step], said)) = octets.split_first_chunk() else {
        return;
    };
    let whole = play(*choice, said, usize::MAX);
    assert_eq!(play(*choice, said, 1), whole, "{}", said.escape_ascii());
    assert_eq!(
        play(*choice, said, usize::from(*step).max(1)),
        whole,
        "by {step}: {}",
        said.escape_ascii()
    );
}

struct AnyPermit(Envelope);

impl Permit for AnyPermit {
    fn channel(&self) -> ChannelId {
        CHANNEL
    }

    fn envelope(&self) -> &Envelope {
        &self.0
    }
}

struct Shell {
    session: ClientSession,
    choice: u8,
    /// Everything that was said to the server, and every event, in order.
    out: Vec<u8>,
    events: Vec<String>,
    recipients: usize,
    begun: usize,
    done: usize,
    content: Content,
}

/// How far the content of the newest message is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Content {
    Unasked,
    Sound,
    Faulty,
}

fn play(choice: u8, said: &[u8], step: usize) -> (Vec<u8>, Vec<String>) {
    let mut shell = Shell {
        session: ClientSession::new(CHANNEL, Host::parse("client.example").expect("a name")),
        choice,
        out: Vec::new(),
        events: Vec::new(),
        recipients: 1 + usize::from(choice >> 6),
        begun: 0,
        done: 0,
        content: Content::Unasked,
    };
    for turn in said.split(|octet| *octet == TURN) {
        for piece in turn.chunks(step.min(turn.len().max(1))) {
            shell.session.handle_input(piece);
        }
        shell.obey();
    }
    shell.session.handle_end_of_input();
    shell.obey();
    assert!(
        shell.session.is_over() && shell.begun == shell.done,
        "each message comes to its end"
    );
    let conversation = shell.session.take_conversation();
    assert!(conversation.len() <= MAX_CONVERSATION_LINES);
    assert!(conversation.iter().all(|line| line.text.len() <= MAX_SPOKEN_OCTETS));
    well_formed(&shell.out);
    let ends = shell
        .events
        .iter()
        .filter(|event| event.starts_with("Failed") || *event == "Closed");
    assert_eq!(ends.count(), 1, "a session ends once: {:?}", shell.events);
    // Octets behind the reply to STARTTLS end the session, whether or not the handshake had been asked for by then.
    if shell.events.iter().any(|event| event.contains("BytesBeforeHandshake")) {
        shell.events.retain(|event| event != "StartHandshake");
    }
    (shell.out, shell.events)
}

impl Shell {
    fn obey(&mut self) {
        self.write();
        while let Some(event) = self.session.poll_event() {
            self.events.push(format!("{event:?}"));
            match event {
                Event::Ready if self.session.offer().has("STARTTLS") && !self.session.under_tls() => {
                    // Not any more, when the server has spoken on unasked.
                    let begun = self.session.start_tls().is_ok();
                    assert!(begun || self.session.is_over());
                }
                Event::Ready | Event::StartTlsRefused(_) => self.start_mail(),
                Event::StartHandshake => {
                    assert!(
                        self.session.poll_output().is_empty(),
                        "nothing is said before the handshake"
                    );
                    // What came behind the reply to STARTTLS has ended the session.
                    if self.session.handle_tls_established().is_ok() {
                        assert!(self.session.offer().keywords.is_empty() && !self.session.spoke_helo());
                    }
                }
                Event::ContentWanted => self.send_content(),
                Event::MailDone(result) => {
                    self.done += 1;
                    assert_eq!(result.recipients.len(), self.recipients);
                    let served = result
                        .recipients
                        .iter()
                        .any(|reply| matches!(reply, RecipientReply::Accepted(_)));
                    let sent = result.end_sent && self.content == Content::Sound;
                    assert!(sent || !served, "nobody is served without the content");
                    if self.session.is_ready() && self.begun < 3 {
                        self.start_mail();
                    } else {
                        self.session.quit();
                    }
                }
                Event::Failed(fault) => {
                    assert!(self.session.is_over() && fault.to_string().len() <= 1 << 19);
                }
                Event::Closed => assert!(self.session.is_over()),
            }
            self.write();
        }
    }

    fn write(&mut self) {
        let count = self.session.poll_output().len();
        self.out.extend_from_slice(self.session.poll_output());
        self.session.handle_written(count);
    }

    fn start_mail(&mut self) {
        let recipient = |number: usize| {
            let mailbox = Mailbox::parse(&format!("u{number}@example.net")).expect("an address");
            Recipient::new(mailbox)
        };
        let envelope = Envelope {
            reverse_path: ReversePath::Null,
            body: BodyKind::SevenBit,
            ret: None,
            envid: (self.choice & 1 != 0).then(|| EnvelopeId("id".to_owned())),
            recipients: (0..self.recipients).map(recipient).collect(),
        };
        let facts = MailFacts {
            size: 40,
            eight_bit: self.choice & 2 != 0,
        };
        if self.session.start_mail(AnyPermit(envelope), facts).is_ok() {
            self.begun += 1;
            self.content = Content::Unasked;
        } else {
            self.session.quit();
        }
    }

    /// Content in one piece or in several, of which one may be what must not leave.
    fn send_content(&mut self) {
        let faulty = self.choice & 4 != 0 && self.begun == 2;
        self.content = if faulty { Content::Faulty } else { Content::Sound };
        let text: &[u8] = if faulty {
            b"a\r\n.b\nc\r\n"
        } else {
            b"a\r\n.\r\n..b\r\n\r\nno end"
        };
        let step = if self.choice & 8 == 0 { text.len() } else { 3 };
        for piece in text.chunks(step) {
            if self.session.write_content(piece).is_err() {
                return;
            }
        }
        let _ = self.session.finish_content();
    }
}

/// Lines that end with CRLF alone, commands that are known, and no content but what is framed.
fn well_formed(out: &[u8]) {
    let mut rest = out;
    while let Some(end) = rest.windows(2).position(|pair| pair == b"\r\n") {
        let (line, behind) = (&rest[..end], &rest[end + 2..]);
        let clean = line.len() <= 510 && line.iter().all(|octet| *octet == b' ' || octet.is_ascii_graphic());
        assert!(clean, "{}", out.escape_ascii());
        rest = behind;
        if let Some(octets) = line.strip_prefix(b"BDAT ") {
            let digits: String = octets
                .iter()
                .map(|octet| char::from(*octet))
                .take_while(char::is_ascii_digit)
                .collect();
            // The session may have ended in the middle of a chunk, never behind more than it.
            rest = rest.get(digits.parse().expect("a length")..).expect("a whole chunk");
        }
    }
    assert!(rest.is_empty(), "{}", out.escape_ascii());
}
