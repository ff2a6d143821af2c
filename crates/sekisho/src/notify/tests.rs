//! Who is told what, and whether programs that never saw this code can read it.

use std::{
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
};

use bytes::Bytes;
use sekisho_mail::{
    Decision, EnhancedCode, EnvelopeId, Fault, MessageId, OriginalRecipient, Reply, ReplyCode, Ret, Side,
};
use sekisho_store::{
    Body, Destination,
    sqlite::{SqliteStore, StoreSettings},
};

use super::{returned::Returned, *};
use crate::local::{LocalName, LocalSettings};

const CONTENT: &str = "Subject: the secret plan\r\nMessage-ID: <1@example.com>\r\n\r\nbody text\r\n";

fn settings() -> NotifySettings {
    NotifySettings {
        hostname: "mx.example.org".parse().unwrap(),
    }
}

fn now() -> Timestamp {
    Timestamp::from_secs(1_700_000_600)
}

fn lease(recipients: Vec<Recipient>, content: &[u8]) -> Lease {
    let envelope = Envelope {
        reverse_path: ReversePath::Mailbox("carol@example.com".parse().unwrap()),
        body: BodyKind::SevenBit,
        ret: None,
        envid: Some(EnvelopeId("QQ+2B314".to_owned())),
        recipients: Vec::new(),
    };
    let arrival = Arrival {
        at: Timestamp::from_secs(1_700_000_000),
        listener: "mx".to_owned(),
        peer: None,
        helo: "client.example.com".to_owned(),
        security: ChannelSecurity::Plaintext(PlaintextCause::NotAsked),
        directory: 0,
        admitted_by: "relay: loopback".to_owned(),
        message_id_header: Some("<1@example.com>".to_owned()),
        alterations: Vec::new(),
        shadow: Vec::new(),
    };
    let queued = recipients
        .into_iter()
        .zip(0..)
        .map(|(recipient, index)| QueuedRecipient {
            index,
            recipient,
            attempts: 1,
            delay_notified: false,
            last_fault: None,
            held: false,
        });
    Lease::detached(
        MessageId::new(Timestamp::from_secs(1_700_000_000), 1),
        Destination::new("example.net".parse().unwrap()),
        Arc::new(envelope),
        queued.collect(),
        Arc::new(arrival),
        Body::Memory(Bytes::copy_from_slice(content)),
    )
}

fn recipient(address: &str, notify: Option<Notify>) -> Recipient {
    Recipient {
        notify,
        ..Recipient::new(address.parse().unwrap())
    }
}

/// For success, failure and delay.
const fn when([success, failure, delay]: [bool; 3]) -> Option<Notify> {
    Some(Notify::When {
        success,
        failure,
        delay,
    })
}

fn fault() -> Fault {
    Fault {
        status: EnhancedCode::new(4, 1, 1),
        text: "the server refused the recipient".to_owned(),
        side: Side::Recipient,
        reply: Some(reply("550", "no such user\r\nBcc: x\u{1b}[2J é")),
        host: Some("mx.example.net [192.0.2.1]:25".to_owned()),
        unmet: None,
    }
}

fn reply(code: &str, text: &str) -> Reply {
    Reply {
        code: ReplyCode::new(code.parse().unwrap()).unwrap(),
        enhanced: None,
        lines: vec![text.to_owned()],
    }
}

fn bounced() -> Outcome {
    Outcome::Bounced { why: fault() }
}

fn deferred() -> Outcome {
    Outcome::Deferred {
        until: now(),
        why: fault(),
    }
}

fn delivered(reply: Option<Reply>, relayed_with_dsn: bool) -> Outcome {
    Outcome::Delivered {
        reply,
        relayed_with_dsn,
    }
}

fn result(index: u32, outcome: Outcome) -> RecipientResult {
    RecipientResult {
        index,
        delay_notified: matches!(outcome, Outcome::Deferred { .. }),
        outcome,
        evidence: None,
        hold: false,
    }
}

fn settled<'a>(lease: &'a Lease, results: &'a [RecipientResult], route_demands: &'a [Demand]) -> Settled<'a> {
    Settled {
        lease,
        results,
        route_demands,
        organization: &OrganizationName::FIRST,
        covering: &[],
        expires: now(),
    }
}

/// The text of the notification of one kind.
async fn written(settled: Settled<'_>, kind: Kind) -> String {
    let told: Vec<Told<'_>> = settled
        .told()
        .into_iter()
        .filter(|told| told.action.kind() == kind)
        .collect();
    let report = Report {
        settings: &settings(),
        settled,
        kind,
        told: &told,
        sender: settled.lease.reverse_path().mailbox().unwrap(),
        returned: returned::read(settled.lease, kind, settled.is_covered()).await,
        now: now(),
    };
    let content = report.write(MessageId::new(now(), 2)).content;
    assert!(content.is_ascii() && returned::is_seven_bit(&content));
    String::from_utf8(content).unwrap()
}

#[test]
fn who_asked_is_told_and_nobody_else() {
    use Action::{Delayed, Delivered, Failed, Relayed};
    let outcomes = || {
        [
            bounced(),
            deferred(),
            delivered(None, false),
            delivered(Some(reply("250", "queued")), false),
            delivered(Some(reply("250", "queued")), true),
        ]
    };
    for (notify, told) in [
        (None, [Some(Failed), Some(Delayed), None, None, None]),
        (Some(Notify::Never), [None; 5]),
        (
            when([true, false, false]),
            [None, None, Some(Delivered), Some(Relayed), None],
        ),
        (when([false, true, false]), [Some(Failed), None, None, None, None]),
        (when([false, false, true]), [None, Some(Delayed), None, None, None]),
        (
            when([true, true, true]),
            [Some(Failed), Some(Delayed), Some(Delivered), Some(Relayed), None],
        ),
    ] {
        for (outcome, expected) in outcomes().into_iter().zip(told) {
            assert_eq!(wanted(notify, &result(0, outcome)), expected, "{notify:?}");
        }
    }
    let mut quiet = result(0, deferred());
    quiet.delay_notified = false;
    assert_eq!(wanted(None, &quiet), None);
}

fn demand() -> Demand {
    Demand {
        level: DemandLevel::Encryption,
        origin: "route \"bank\"".to_owned(),
    }
}

fn evidence(lease: &Lease, required: Vec<Demand>) -> Evidence {
    Evidence {
        message: lease.id,
        recipient: lease.recipients[0].recipient.clone(),
        attempt: 1,
        at: now(),
        directory: 0,
        route: "mx".to_owned(),
        required,
        channel: None,
        decision: Decision::NotJudged(Vec::new()),
        failed_handshakes: Vec::new(),
        outcome: bounced(),
        conversation: Vec::new(),
        shadow: Vec::new(),
    }
}

#[tokio::test]
async fn content_never_goes_back_once_any_requirement_covered_the_message() {
    let plain = lease(vec![recipient("bob@example.net", None)], CONTENT.as_bytes());
    let results = [result(0, bounced())];
    let whole = written(settled(&plain, &results, &[]), Kind::Failed).await;
    assert!(whole.contains("body text") && whole.contains("message/rfc822"));

    let mut carrying = recipient("bob@example.net", None);
    carrying.carried = vec![demand()];
    let carried = lease(vec![carrying], CONTENT.as_bytes());
    let mut required = [result(0, bounced())];
    required[0].evidence = Some(evidence(&plain, vec![demand()]));
    let unmet = [result(
        0,
        Outcome::Bounced {
            why: Fault {
                unmet: Some("TLS (route \"bank\")".to_owned()),
                ..fault()
            },
        },
    )];
    let of_route = [demand()];
    for settled in [
        settled(&carried, &results, &[]),
        settled(&plain, &required, &[]),
        settled(&plain, &unmet, &[]),
        settled(&plain, &results, &of_route),
    ] {
        let text = written(settled, Kind::Failed).await;
        assert!(settled.is_covered() && !text.contains("body text"), "{text}");
        assert!(text.contains("text/rfc822-headers") && text.contains("Subject: the secret plan"));
    }
    let text = written(settled(&plain, &unmet, &[]), Kind::Failed).await;
    assert!(
        text.contains("Requirement that was not met: TLS (route \"bank\")"),
        "{text}"
    );
}

#[tokio::test]
async fn the_whole_message_goes_back_only_when_that_is_safe_and_asked_for() {
    let results = [result(0, bounced())];
    let long = [CONTENT.as_bytes(), &b"x\r\n".repeat(50_000)].concat();
    let eight_bit = [CONTENT.as_bytes(), "é\r\n".as_bytes()].concat();
    for content in [long, eight_bit] {
        let lease = lease(vec![recipient("bob@example.net", None)], &content);
        assert!(matches!(
            returned::read(&lease, Kind::Failed, false).await,
            Returned::Headers(_)
        ));
    }
    let mut asked = lease(vec![recipient("bob@example.net", None)], CONTENT.as_bytes());
    assert!(matches!(
        returned::read(&asked, Kind::Delayed, false).await,
        Returned::Headers(_)
    ));
    Arc::make_mut(&mut asked.envelope).ret = Some(Ret::Headers);
    assert!(matches!(
        returned::read(&asked, Kind::Failed, false).await,
        Returned::Headers(_)
    ));
    asked.body = Body::File(sekisho_store::SpoolBody::new("/nonexistent".into(), 10, 0));
    assert!(matches!(
        returned::read(&asked, Kind::Failed, false).await,
        Returned::Nothing
    ));
    let text = written(settled(&asked, &results, &[]), Kind::Failed).await;
    assert!(text.contains("It could not be read"));
}

#[tokio::test]
async fn the_boundary_stands_nowhere_in_what_is_returned() {
    let id = MessageId::new(now(), 2);
    let content = format!("Subject: x\r\n\r\n--=_{id}_0\r\n--=_{id}_1--\r\n");
    let lease = lease(vec![recipient("bob@example.net", None)], content.as_bytes());
    let text = written(settled(&lease, &[result(0, bounced())], &[]), Kind::Failed).await;
    assert!(text.contains(&format!("boundary=\"=_{id}_2\"")), "{text}");
}

/// Reads a notification from standard input, fails on any defect, and prints what it understood.
const READER: &str = r#"
import sys, email, email.policy
m = email.message_from_bytes(sys.stdin.buffer.read(), policy=email.policy.SMTP)
defects = [(p.get_content_type(), p.defects) for p in m.walk() if p.defects]
defects += [(n, v.defects) for n, v in m.items() if v.defects]
assert not defects, defects
assert m.get_content_type() == 'multipart/report' and m.get_param('report-type') == 'delivery-status'
names = 'From', 'To', 'Subject', 'Date', 'Auto-Submitted', 'In-Reply-To', 'References', 'MIME-Version'
print(*(m[n] for n in names), sep='\n')
parts = list(m.iter_parts())
print(*(p.get_content_type() for p in parts))
for group in parts[1].get_payload():
    print(*(f'{n}: {v}' for n, v in group.items()), sep='\n')
third = parts[2]
if third.get_content_type() == 'message/rfc822':
    print(third.get_content()['Subject'], third.get_content().get_content())
else:
    print(third.get_payload(decode=True).decode())
"#;

fn read_by_python(text: &str) -> String {
    let mut python = Command::new("python3")
        .args(["-c", READER])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("python3 is installed where the tests run");
    python.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(
        output.status.success(),
        "{}\n{text}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn another_programs_parser_reads_every_kind_without_a_defect() {
    let mut first = recipient("bob@example.net", when([true, true, true]));
    first.orcpt = Some(OriginalRecipient("rfc822;b+2Bo@example.net".to_owned()));
    let lease = lease(
        vec![first, recipient("dave@example.net", when([true, true, true]))],
        CONTENT.as_bytes(),
    );
    let failed = [
        result(0, bounced()),
        result(1, delivered(Some(reply("250", "queued")), false)),
    ];
    let text = written(settled(&lease, &failed, &[]), Kind::Failed).await;
    let read = read_by_python(&text);
    let expected = "Mail Delivery System <MAILER-DAEMON@mx.example.org>\n\
                    carol@example.com\n\
                    Your message could not be delivered\n\
                    Tue, 14 Nov 2023 22:23:20 +0000\n\
                    auto-replied\n\
                    <1@example.com>\n\
                    <1@example.com>\n\
                    1.0\n\
                    text/plain message/delivery-status message/rfc822\n\
                    Original-Envelope-Id: QQ+314\n\
                    Reporting-MTA: dns; mx.example.org\n\
                    Received-From-MTA: dns; client.example.com\n\
                    Arrival-Date: Tue, 14 Nov 2023 22:13:20 +0000\n";
    let addressed = read.replacen("<carol@example.com>", "carol@example.com", 1);
    assert!(addressed.starts_with(expected), "{read}");
    for field in [
        "Original-Recipient: rfc822; b+o@example.net",
        "Final-Recipient: rfc822; bob@example.net",
        "Action: failed",
        "Status: 5.1.1",
        "Remote-MTA: dns; mx.example.net",
        "Diagnostic-Code: smtp; 550 no such user\\r\\nBcc: x\\u{1b}[2J \\u{e9}",
        "the secret plan body text",
    ] {
        assert!(read.contains(field), "{field}\n{read}");
    }
    assert!(
        !read.contains("dave@example.net"),
        "another kind has its own notification"
    );

    let read = read_by_python(&written(settled(&lease, &failed, &[]), Kind::Succeeded).await);
    assert!(
        read.contains("Action: relayed\nStatus: 2.0.0") && !read.contains("body text"),
        "{read}"
    );
    let late = [result(0, deferred())];
    let read = read_by_python(&written(settled(&lease, &late, &[]), Kind::Delayed).await);
    assert!(
        read.contains("Action: delayed\nStatus: 4.1.1") && read.contains("Will-Retry-Until: Tue, 14"),
        "{read}"
    );
}

#[tokio::test]
async fn headers_of_any_octets_come_back_as_they_were() {
    let headers = format!("Subject: naïve = {}\r\nX: trailing \r\n", "long ".repeat(300));
    let lease = lease(
        vec![recipient("bob@example.net", None)],
        format!("{headers}\r\nbody\r\n").as_bytes(),
    );
    let text = written(settled(&lease, &[result(0, bounced())], &[]), Kind::Failed).await;
    let read = read_by_python(&text);
    assert!(
        read.replace("\r\n", "\n")
            .ends_with(&format!("{}\n", headers.replace("\r\n", "\n"))),
        "{read}"
    );
}

fn directory(folder: &Path) -> Directory {
    let alice: LocalName = "alice".parse().unwrap();
    let settings = LocalSettings {
        domains: vec!["example.org".parse().unwrap()],
        users: vec![alice.with_maildir_in(folder)],
        ..LocalSettings::default()
    };
    Directory::build(&settings).unwrap()
}

#[tokio::test]
async fn notices_have_no_return_path_and_keep_the_requirement() {
    let home = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(StoreSettings::new(home.path().join("data")), now()).unwrap();
    let directory = directory(home.path());
    let mut lease = lease(vec![recipient("bob@example.net", None)], CONTENT.as_bytes());
    Arc::make_mut(&mut lease.envelope).reverse_path = ReversePath::Mailbox("postmaster@example.org".parse().unwrap());
    let results = [result(0, bounced())];
    let route = [demand()];
    let covered = settled(&lease, &results, &route);
    let written = notices(&settings(), &directory, covered, now(), &store).await.unwrap();
    let [notice] = written.as_slice() else {
        panic!("{written:?}");
    };
    let envelope = &notice.accepted.envelope;
    assert_eq!(envelope.reverse_path, ReversePath::Null);
    assert_eq!(
        envelope.recipients[0].mailbox.to_string(),
        "alice@example.org",
        "the alias is resolved"
    );
    assert_eq!(envelope.recipients[0].carried[0].level, DemandLevel::Encryption);
    assert!(!notice.draft.is_empty());

    Arc::make_mut(&mut lease.envelope).reverse_path = ReversePath::Null;
    let unanswered = notices(
        &settings(),
        &directory,
        settled(&lease, &results, &route),
        now(),
        &store,
    )
    .await;
    assert!(unanswered.unwrap().is_empty());
    drop(written);
    store.stop().await.unwrap();
}
