//! The client machine against scripted servers: every way to strip or spoil STARTTLS, every extension with and
//! without, loss at every byte.

use std::collections::VecDeque;

use sekisho_mail::{
    BodyKind, ChannelId, Domain, Envelope, EnvelopeId, Host, Mailbox, Notify, OriginalRecipient, Recipient, Ret,
    ReversePath,
};

use super::*;
use crate::Permit;

mod pair;

const CHANNEL: ChannelId = ChannelId(7);

struct TestPermit(ChannelId, Envelope);

impl Permit for TestPermit {
    fn channel(&self) -> ChannelId {
        self.0
    }

    fn envelope(&self) -> &Envelope {
        &self.1
    }
}

fn envelope(recipients: &[&str]) -> Envelope {
    Envelope {
        reverse_path: ReversePath::Mailbox(Mailbox::parse("from@example.org").unwrap()),
        body: BodyKind::SevenBit,
        ret: None,
        envid: None,
        recipients: recipients
            .iter()
            .map(|text| Recipient::new(Mailbox::parse(text).unwrap()))
            .collect(),
    }
}

fn session() -> ClientSession {
    ClientSession::new(CHANNEL, Host::Domain(Domain::parse("client.example").unwrap()))
}

fn written(session: &mut ClientSession) -> String {
    let out = String::from_utf8(session.poll_output().to_vec()).unwrap();
    session.handle_written(out.len());
    out
}

fn events(session: &mut ClientSession) -> Vec<Event> {
    std::iter::from_fn(|| session.poll_event()).collect()
}

/// A session that has read this EHLO reply and written nothing since.
fn ready(keywords: &[&str]) -> ClientSession {
    let mut session = session();
    session.handle_input(b"220 mx.example ESMTP\r\n");
    assert_eq!(written(&mut session), "EHLO client.example\r\n");
    session.handle_input(ehlo_reply(keywords).as_bytes());
    assert_eq!(events(&mut session), [Event::Ready]);
    session
}

fn ehlo_reply(keywords: &[&str]) -> String {
    let mut reply = String::new();
    for keyword in keywords {
        reply.insert_str(0, &format!("250-{keyword}\r\n"));
    }
    format!("250-mx.example\r\n{reply}250 HELP\r\n")
}

const SEVEN_BIT: MailFacts = MailFacts {
    size: 5,
    eight_bit: false,
};

fn start(session: &mut ClientSession, recipients: &[&str]) {
    session
        .start_mail(TestPermit(CHANNEL, envelope(recipients)), SEVEN_BIT)
        .unwrap();
}

/// The outcome of each recipient in short: `+`, the refusing code, or `?`; and how the session ended, if it did.
fn outcome(session: &mut ClientSession) -> (Vec<String>, Option<SessionFault>) {
    let mut short = Vec::new();
    let mut fault = None;
    for event in events(session) {
        match event {
            Event::MailDone(result) => short.extend(result.recipients.into_iter().map(|reply| match reply {
                RecipientReply::Accepted(_) => "+".to_owned(),
                RecipientReply::Refused { reply, .. } => reply.code.to_string(),
                RecipientReply::Unanswered => "?".to_owned(),
            })),
            Event::Failed(why) => fault = Some(why),
            Event::Ready | Event::StartHandshake | Event::StartTlsRefused(_) | Event::ContentWanted | Event::Closed => {
            }
        }
    }
    (short, fault)
}

/// What a peer says of recipients, and no content, whatever it offers; a message may follow on the connection.
#[test]
fn a_probe_ends_with_the_recipients_and_a_message_may_follow() {
    for keywords in [&["PIPELINING", "CHUNKING", "SIZE"][..], &["PIPELINING"], &[]] {
        let mut session = ready(keywords);
        let to = ["a@example.net", "b@example.net"];
        let permit = TestPermit(CHANNEL, envelope(&to));
        session.start_probe(permit, SEVEN_BIT).unwrap();
        let mut said = String::new();
        for reply in ["250 2.1.0 ok\r\n", "250 2.1.5 ok\r\n", "550 5.1.1 who?\r\n"] {
            said += &written(&mut session);
            session.handle_input(reply.as_bytes());
        }
        assert_eq!(outcome(&mut session), (vec!["+".to_owned(), "550".to_owned()], None));
        assert!(session.is_ready() && !session.wants_content(), "{keywords:?}");
        assert!(!said.contains("DATA") && !said.contains("BDAT"), "{said}");
        assert_eq!(said.matches("RCPT").count(), 2, "{said}");
        start(&mut session, &["a@example.net"]);
        assert!(written(&mut session).starts_with("RSET\r\n"), "{keywords:?}");
    }
    let mut session = ready(&[]);
    session
        .start_probe(TestPermit(CHANNEL, envelope(&["a@example.net"])), SEVEN_BIT)
        .unwrap();
    session.handle_input(b"451 4.3.0 later\r\n");
    assert_eq!(outcome(&mut session), (vec!["451".to_owned()], None));
    let other = TestPermit(ChannelId(8), envelope(&["a@example.net"]));
    assert_eq!(session.start_probe(other, SEVEN_BIT), Err(StartRefusal::WrongChannel));
}

/// CVE-2021-38371: extensions that were offered in the clear count under TLS.
#[test]
fn starttls_forgets_what_was_offered_before() {
    let mut session = ready(&["STARTTLS", "CHUNKING", "AUTH PLAIN", "REQUIRETLS", "SIZE 7"]);
    session.start_tls().unwrap();
    assert_eq!(written(&mut session), "STARTTLS\r\n");
    session.handle_input(b"220 go\r\n");
    assert_eq!(events(&mut session), [Event::StartHandshake]);
    session.handle_tls_established().unwrap();
    assert!(session.under_tls() && session.offer().keywords.is_empty());
    assert_eq!(written(&mut session), "EHLO client.example\r\n");
    session.handle_input(ehlo_reply(&["SIZE"]).as_bytes());
    assert!(session.is_ready());
    for word in ["STARTTLS", "CHUNKING", "AUTH", "REQUIRETLS"] {
        assert!(!session.offer().has(word), "{word} was offered in the clear alone");
    }
    assert_eq!(session.start_tls(), Err(Misuse), "no STARTTLS inside TLS");
}

/// CVE-2021-38371: what a man in the middle puts behind the 220 is taken for the first words under TLS, be it a whole
/// reply or the beginning of a line to which the reply to EHLO is then glued.
#[test]
fn under_implicit_tls_the_peer_speaks_first_and_there_is_no_starttls() {
    let name = Host::Domain(Domain::parse("client.example").unwrap());
    let mut session = ClientSession::under_implicit_tls(CHANNEL, name);
    assert_eq!(written(&mut session), "");
    session.handle_input(b"220 mx.example ESMTP\r\n");
    assert_eq!(written(&mut session), "EHLO client.example\r\n");
    session.handle_input(ehlo_reply(&["STARTTLS", "PIPELINING"]).as_bytes());
    assert_eq!(events(&mut session), [Event::Ready]);
    assert!(session.under_tls());
    assert_eq!(session.start_tls(), Err(Misuse));
    assert_eq!(session.handle_tls_established(), Err(Misuse));
    start(&mut session, &["to@example.org"]);
    assert!(written(&mut session).starts_with("MAIL FROM:<from@example.org>"));
}

#[test]
fn bytes_behind_the_reply_to_starttls_end_the_session() {
    for behind in [
        "250 ok\r\n",
        "2",
        "\r",
        "\r\n",
        "250-mx\r\n250 SIZE\r\n",
        "250-mx\r\n250-REQUIRETLS\r\n250 AUTH PLAIN",
        "250-AUTH PL",
        "\u{16}\u{3}",
    ] {
        let mut session = ready(&["STARTTLS"]);
        session.start_tls().unwrap();
        session.handle_input(format!("220 go\r\n{behind}").as_bytes());
        assert_eq!(
            events(&mut session),
            [Event::Failed(SessionFault::BytesBeforeHandshake)],
            "{behind:?}"
        );
        assert!(session.is_over() && session.handle_tls_established().is_err());
    }
    // In a piece of their own, after the handshake was asked for.
    let mut session = ready(&["STARTTLS"]);
    session.start_tls().unwrap();
    session.handle_input(b"220 go\r\n");
    session.handle_input(b"2");
    assert_eq!(
        events(&mut session),
        [Event::StartHandshake, Event::Failed(SessionFault::BytesBeforeHandshake)]
    );
    // A fragment that was there before the command.
    let mut session = ready(&["STARTTLS"]);
    session.handle_input(b"220 g");
    session.start_tls().unwrap();
    assert_eq!(
        events(&mut session),
        [Event::Failed(SessionFault::BytesBeforeHandshake)]
    );
    assert_eq!(written(&mut session), "");
}

#[test]
fn a_refused_starttls_is_told_and_the_session_stays_in_the_clear() {
    for reply in ["454 not now", "502 what", "530 no", "500 no"] {
        let mut session = ready(&["STARTTLS"]);
        session.start_tls().unwrap();
        session.handle_input(format!("{reply}\r\n").as_bytes());
        assert!(matches!(&events(&mut session)[..], [Event::StartTlsRefused(said)] if said.to_string() == reply));
        assert!(session.is_ready() && !session.under_tls());
    }
    for reply in ["354 go on", "250 fine", "220-go\r\n250 on"] {
        let mut session = ready(&["STARTTLS"]);
        session.start_tls().unwrap();
        session.handle_input(format!("{reply}\r\n").as_bytes());
        assert!(matches!(&events(&mut session)[..], [Event::Failed(_)]), "{reply}");
    }
    let mut session = ready(&["STARTTLS"]);
    session.start_tls().unwrap();
    session.handle_input(b"421 bye\r\n");
    assert!(matches!(
        &events(&mut session)[..],
        [Event::Failed(SessionFault::Closing(_))]
    ));
}

#[test]
fn helo_follows_a_permanent_refusal_of_ehlo_alone() {
    let mut session = session();
    session.handle_input(b"220-mx\r\n220 hello\r\n");
    written(&mut session);
    session.handle_input(b"502 what\r\n");
    assert_eq!(written(&mut session), "HELO client.example\r\n");
    session.handle_input(b"250-mx\r\n250 STARTTLS\r\n");
    assert_eq!(events(&mut session), [Event::Ready]);
    assert!(session.offer().keywords.is_empty(), "HELO offers nothing");
    for (greeting, ehlo) in [
        ("220 hi", "451 later"),
        ("554 no", ""),
        ("421 later", ""),
        ("250 hi", ""),
        ("hi", ""),
    ] {
        let mut session = self::session();
        session.handle_input(format!("{greeting}\r\n").as_bytes());
        if !ehlo.is_empty() {
            session.handle_input(format!("{ehlo}\r\n").as_bytes());
        }
        assert!(
            matches!(&events(&mut session)[..], [Event::Failed(_)]),
            "{greeting} {ehlo}"
        );
    }
}

#[test]
fn without_pipelining_each_command_waits() {
    let mut session = ready(&["CHUNKING"]);
    start(&mut session, &["a@x.example", "b@x.example"]);
    for (command, reply) in [
        ("MAIL FROM:<from@example.org>\r\n", "250 ok\r\n"),
        ("RCPT TO:<a@x.example>\r\n", "550 no\r\n"),
        ("RCPT TO:<b@x.example>\r\n", "250 ok\r\n"),
        ("DATA\r\n", "354 go\r\n"),
    ] {
        assert_eq!(written(&mut session), command);
        session.handle_input(reply.as_bytes());
    }
    assert_eq!(events(&mut session), [Event::ContentWanted]);
    session.write_content(b".x\r\n").unwrap();
    session.finish_content().unwrap();
    assert_eq!(session.waiting_for(), Wait::DataEnd);
    assert_eq!(written(&mut session), "..x\r\n.\r\n");
    session.handle_input(b"250 2.0.0 taken\r\n");
    assert_eq!(outcome(&mut session), (vec!["550".to_owned(), "+".to_owned()], None));
    start(&mut session, &["c@x.example"]);
    assert_eq!(
        written(&mut session),
        "MAIL FROM:<from@example.org>\r\n",
        "no RSET after success"
    );
}

#[test]
fn pipelined_commands_go_together_and_every_reply_finds_its_recipient() {
    let mut session = ready(&["PIPELINING"]);
    start(&mut session, &["a@x.example", "b@x.example", "c@x.example"]);
    let group = "MAIL FROM:<from@example.org>\r\nRCPT TO:<a@x.example>\r\nRCPT TO:<b@x.example>\r\n\
                 RCPT TO:<c@x.example>\r\nDATA\r\n";
    assert_eq!(written(&mut session), group);
    session.handle_input(b"250 ok\r\n250 ok\r\n451 later\r\n552 full\r\n354 go\r\n");
    session.write_content(b"x\r\n").unwrap();
    session.finish_content().unwrap();
    session.handle_input(b"250 ok\r\n");
    assert_eq!(outcome(&mut session).0, ["+", "451", "552"]);
}

#[test]
fn a_refused_mail_is_the_answer_to_everybody() {
    let mut session = ready(&["PIPELINING"]);
    start(&mut session, &["a@x.example", "b@x.example"]);
    session.handle_input(b"550 not you\r\n503 no mail\r\n503 no mail\r\n503 no\r\n");
    assert_eq!(outcome(&mut session).0, ["550", "550"]);
    written(&mut session);
    start(&mut session, &["c@x.example"]);
    assert!(
        written(&mut session).starts_with("RSET\r\nMAIL"),
        "after a failure the slate is wiped"
    );
    // Not pipelined, nothing more is sent.
    let mut session = ready(&[]);
    start(&mut session, &["a@x.example"]);
    written(&mut session);
    session.handle_input(b"451 later\r\n");
    assert_eq!(
        (written(&mut session), outcome(&mut session).0),
        (String::new(), vec!["451".to_owned()])
    );
}

#[test]
fn a_lone_dot_answers_a_354_that_nobody_is_left_for() {
    let mut session = ready(&["PIPELINING"]);
    start(&mut session, &["a@x.example"]);
    written(&mut session);
    session.handle_input(b"250 ok\r\n550 no\r\n354 go\r\n");
    assert_eq!(written(&mut session), ".\r\n");
    session.handle_input(b"250 took nothing\r\n");
    assert_eq!(outcome(&mut session).0, ["550"]);
    assert!(session.is_ready());
}

#[test]
fn chunks_carry_the_content_unstuffed_and_the_last_says_so() {
    let mut session = ready(&["PIPELINING", "CHUNKING"]);
    start(&mut session, &["a@x.example"]);
    assert!(!written(&mut session).contains("DATA"));
    session.handle_input(b"250 ok\r\n250 ok\r\n");
    assert_eq!(events(&mut session), [Event::ContentWanted]);
    session.write_content(b".a\r").unwrap();
    assert_eq!(
        written(&mut session),
        "",
        "a chunk is held back, because it may be the last"
    );
    session.write_content(b"\n.\r\nb").unwrap();
    session.finish_content().unwrap();
    assert_eq!(written(&mut session), "BDAT 10 LAST\r\n.a\r\n.\r\nb\r\n");
    session.handle_input(b"250 all\r\n");
    assert_eq!(outcome(&mut session).0, ["+"]);
}

/// Lines that fill the largest chunk.
fn whole_chunk() -> Vec<u8> {
    b"sixteen octets\r\n".repeat(16 * 1024)
}

#[test]
fn pieces_make_one_chunk_up_to_its_length_wherever_they_are_cut() {
    let content = [whole_chunk(), b".\r\nb".to_vec()].concat();
    for cut in [1, 15, 16, 64 * 1024, 100_000] {
        let mut session = ready(&["PIPELINING", "CHUNKING"]);
        start(&mut session, &["a@x.example"]);
        written(&mut session);
        session.handle_input(b"250 ok\r\n250 ok\r\n");
        let mut out = String::new();
        let (head, tail) = content.split_at(cut);
        for piece in [head].into_iter().chain(tail.chunks(64 * 1024)) {
            session.write_content(piece).unwrap();
            out += &written(&mut session);
        }
        session.finish_content().unwrap();
        out += &written(&mut session);
        let (mut chunks, mut lens, mut rest) = (String::new(), Vec::new(), out.as_str());
        while let Some((command, behind)) = rest.split_once("\r\n") {
            let len = command.split(' ').nth(1).and_then(|len| len.parse::<usize>().ok());
            let (chunk, next) = behind.split_at(len.unwrap());
            chunks += chunk;
            lens.push(chunk.len());
            rest = next;
        }
        assert_eq!(chunks.as_bytes(), [&content[..], b"\r\n"].concat(), "cut at {cut}");
        assert!(lens.len() <= 3 && lens.iter().all(|len| *len <= 256 * 1024), "{lens:?}");
    }
}

#[test]
fn a_refused_chunk_ends_the_content() {
    let mut session = ready(&["PIPELINING", "CHUNKING"]);
    start(&mut session, &["a@x.example"]);
    session.handle_input(b"250 ok\r\n250 ok\r\n");
    session.write_content(&whole_chunk()).unwrap();
    session.write_content(b"b\r\n").unwrap();
    session.handle_input(b"552 too much\r\n");
    assert!(!session.wants_content());
    assert_eq!(outcome(&mut session).0, ["552"]);
    written(&mut session);
    start(&mut session, &["b@x.example"]);
    assert!(written(&mut session).starts_with("RSET\r\n"));
}

#[test]
fn a_bare_line_end_cuts_the_connection_and_no_end_is_ever_written() {
    for keywords in [&["PIPELINING"][..], &["PIPELINING", "CHUNKING"]] {
        for content in ["a\n.\r\n", "a\r.\r\n", "a\r\n.\n", "a\r"] {
            let mut session = ready(keywords);
            start(&mut session, &["a@x.example"]);
            session.handle_input(b"250 ok\r\n250 ok\r\n");
            session.handle_input(if keywords.len() == 1 { b"354 go\r\n" } else { b"" });
            written(&mut session);
            session.write_content(content.as_bytes()).unwrap();
            let _ = session.finish_content();
            assert_eq!(written(&mut session), "", "{content:?}");
            let end = outcome(&mut session);
            assert_eq!(
                end,
                (vec!["?".to_owned()], Some(SessionFault::BareLineEndInContent)),
                "{content:?}"
            );
        }
    }
}

#[test]
fn dsn_parameters_go_on_byte_for_byte_when_dsn_is_offered() {
    let mut envelope = envelope(&["a@x.example"]);
    envelope.ret = Some(Ret::Headers);
    envelope.envid = Some(EnvelopeId("QQ+2B314".to_owned()));
    envelope.body = BodyKind::EightBitMime;
    envelope.recipients[0].notify = Some(Notify::When {
        success: true,
        failure: false,
        delay: true,
    });
    envelope.recipients[0].orcpt = Some(OriginalRecipient("rfc822;Bob+3D@Example.COM".to_owned()));
    let facts = MailFacts {
        size: 4711,
        eight_bit: true,
    };
    let mut session = ready(&["PIPELINING", "DSN", "SIZE 10000", "8BITMIME"]);
    session
        .start_mail(TestPermit(CHANNEL, envelope.clone()), facts)
        .unwrap();
    let said = written(&mut session);
    let mail = "MAIL FROM:<from@example.org> SIZE=4711 BODY=8BITMIME RET=HDRS ENVID=QQ+2B314\r\n";
    let rcpt = "RCPT TO:<a@x.example> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;Bob+3D@Example.COM\r\n";
    assert_eq!(said, format!("{mail}{rcpt}DATA\r\n"));
    let mut session = ready(&["8BITMIME"]);
    session.start_mail(TestPermit(CHANNEL, envelope), facts).unwrap();
    assert_eq!(written(&mut session), "MAIL FROM:<from@example.org> BODY=8BITMIME\r\n");
}

#[test]
fn what_cannot_go_is_refused_before_a_word_is_said() {
    let eight_bit = MailFacts {
        size: 5,
        eight_bit: true,
    };
    let large = MailFacts {
        size: 1001,
        eight_bit: false,
    };
    let mut session = ready(&["SIZE 1000"]);
    let permit = || TestPermit(CHANNEL, envelope(&["a@x.example"]));
    assert_eq!(
        session.start_mail(permit(), eight_bit),
        Err(StartRefusal::EightBitNotOffered)
    );
    let too_large = StartRefusal::TooLarge {
        size: 1001,
        limit: 1000,
    };
    assert_eq!(session.start_mail(permit(), large), Err(too_large));
    let other = TestPermit(ChannelId(8), envelope(&["a@x.example"]));
    assert_eq!(session.start_mail(other, SEVEN_BIT), Err(StartRefusal::WrongChannel));
    let mut injecting = envelope(&["a@x.example"]);
    injecting.envid = Some(EnvelopeId("x\r\nRCPT TO:<evil@x.example>".to_owned()));
    let mut with_dsn = ready(&["DSN"]);
    assert_eq!(
        with_dsn.start_mail(TestPermit(CHANNEL, injecting), SEVEN_BIT),
        Err(StartRefusal::BadEnvelope)
    );
    assert_eq!(
        (written(&mut session), written(&mut with_dsn)),
        (String::new(), String::new())
    );
    assert!(session.is_ready(), "the session goes on");
}

#[test]
fn a_421_ends_the_session_anywhere_and_given_answers_stand() {
    let replies = ["250 ok\r\n", "550 no\r\n", "250 ok\r\n", "354 go\r\n"];
    for place in 0..=replies.len() {
        let mut session = ready(&["PIPELINING"]);
        start(&mut session, &["a@x.example", "b@x.example"]);
        session.handle_input(replies[..place].concat().as_bytes());
        session.handle_input(b"421 4.3.2 going down\r\n");
        let (recipients, fault) = outcome(&mut session);
        let expected = if place < 2 { ["?", "?"] } else { ["550", "?"] };
        assert_eq!(recipients, expected, "after {place} replies");
        assert!(matches!(fault, Some(SessionFault::Closing(_))));
        assert_eq!(written(&mut session), "", "nothing more is said");
    }
}

#[test]
fn an_early_refusal_of_the_content_counts_and_ends_the_session() {
    let mut session = ready(&["PIPELINING"]);
    start(&mut session, &["a@x.example"]);
    session.handle_input(b"250 ok\r\n250 ok\r\n354 go\r\n");
    session.write_content(b"x\r\n").unwrap();
    session.handle_input(b"552 too much\r\n");
    let (recipients, fault) = outcome(&mut session);
    assert_eq!(
        recipients,
        ["552"],
        "a refusal in the middle of the content is one of the content"
    );
    assert!(matches!(fault, Some(SessionFault::Unexpected { .. })));
}

#[test]
fn loss_at_every_byte_of_the_replies_never_makes_a_delivery() {
    let script = b"250 ok\r\n250 ok\r\n354 go\r\n250 taken\r\n";
    for cut in 0..=script.len() {
        let mut session = ready(&["PIPELINING"]);
        start(&mut session, &["a@x.example"]);
        let mut rest: VecDeque<u8> = script[..cut].iter().copied().collect();
        while let Some(octet) = rest.pop_front() {
            session.handle_input(&[octet]);
            if session.wants_content() {
                session.write_content(b"x").unwrap();
                session.finish_content().unwrap();
            }
        }
        session.handle_end_of_input();
        let (recipients, fault) = outcome(&mut session);
        let whole = cut == script.len();
        assert_eq!(recipients, [if whole { "+" } else { "?" }], "cut at {cut}");
        assert!(matches!(fault, Some(SessionFault::Lost(_))), "cut at {cut}");
    }
}

/// One message over chunks whose replies come late: what is told when the peer answers with `replies` and then goes.
fn end_sent(written_out: bool, replies: &[u8]) -> (bool, Vec<RecipientReply>) {
    let mut session = ready(&["PIPELINING", "CHUNKING"]);
    start(&mut session, &["a@x.example"]);
    written(&mut session);
    session.handle_input(b"250 ok\r\n250 ok\r\n");
    session.write_content(&whole_chunk()).unwrap();
    session.write_content(b"two\r\n").unwrap();
    session.finish_content().unwrap();
    if written_out {
        written(&mut session);
    }
    session.handle_input(replies);
    session.handle_end_of_input();
    let mut told = None;
    for event in events(&mut session) {
        if let Event::MailDone(result) = event {
            told = Some((result.end_sent, result.recipients));
        }
    }
    told.expect("a transaction was under way")
}

#[test]
fn a_message_whose_end_has_left_may_have_been_taken_whatever_comes_instead_of_its_answer() {
    let unanswered = [RecipientReply::Unanswered];
    for replies in [
        &b""[..],
        b"250 one\r\n",
        b"250 one\r\n\xff\xff\r\n",
        b"250 one\r\n354 what\r\n",
    ] {
        let (sent, recipients) = end_sent(true, replies);
        assert!(sent, "{replies:?}");
        assert_eq!(recipients, unanswered, "{replies:?}");
    }
    let (sent, recipients) = end_sent(false, b"");
    assert!(!sent, "what was never written cannot have been taken");
    assert_eq!(recipients, unanswered);
}

#[test]
fn quit_ends_quietly_whatever_comes() {
    for end in [Some("221 bye\r\n"), Some("421 bye\r\n"), Some("500 what\r\n"), None] {
        let mut session = ready(&[]);
        session.quit();
        assert_eq!(
            (written(&mut session).as_str(), session.waiting_for()),
            ("QUIT\r\n", Wait::Quit)
        );
        match end {
            Some(reply) => session.handle_input(reply.as_bytes()),
            None => session.handle_timeout(),
        }
        assert_eq!(events(&mut session), [Event::Closed]);
    }
}

#[test]
fn a_word_out_of_turn_is_a_fault() {
    let mut session = ready(&[]);
    session.handle_input(b"250 and another thing\r\n");
    assert!(matches!(
        &events(&mut session)[..],
        [Event::Failed(SessionFault::Unasked(_))]
    ));
    assert_eq!(ready(&[]).write_content(b"x"), Err(Misuse));
}

#[test]
fn the_conversation_holds_commands_and_replies_and_no_content() {
    let mut session = ready(&["PIPELINING"]);
    start(&mut session, &["a@x.example"]);
    session.handle_input(b"250 ok\r\n250 ok\r\n354 go\r\n");
    session.write_content(b"secret\r\n").unwrap();
    session.finish_content().unwrap();
    session.handle_input(b"250 2.0.0 taken\r\n");
    let lines: Vec<String> = session.take_conversation().into_iter().map(|line| line.text).collect();
    assert_eq!(lines[0], "220 mx.example ESMTP");
    assert_eq!(lines[lines.len() - 2..], [".", "250 2.0.0 taken"]);
    assert!(!lines.iter().any(|line| line.contains("secret")));
}
