//! What holds of a notification whatever stands in the envelope, in the message and in a server's reply: seven bits and
//! short lines, the header fields that it has to have and no other, and parts that programs can take apart (RFC 3461 to
//! 3464, law 11).

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use sekisho::{
    local::{Directory, LocalSettings},
    notify::{NotifySettings, Settled, notices},
};
use sekisho_mail::{
    OrganizationName,
    BodyKind, ChannelSecurity, EnhancedCode, Envelope, EnvelopeId, Fault, MessageId, OriginalRecipient, Outcome,
    PlaintextCause, Recipient, Reply, ReplyCode, Ret, ReversePath, Side, Timestamp,
};
use sekisho_store::{
    Arrival, Body, Destination, Lease, QueuedRecipient, RecipientResult, Store, StoreError,
    sqlite::{SqliteStore, StoreSettings},
};

/// What separates the texts that go into one notification.
const BETWEEN: u8 = 0xff;
const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

/// # Panics
/// When the notification is not what it has to be.
pub(crate) fn check(octets: &[u8]) {
    let Some((choice, rest)) = octets.split_first() else {
        return;
    };
    let content = write(*choice, rest);
    let text = str::from_utf8(&content).expect("seven bits");
    assert!(text.is_ascii() && !text.contains('\0'), "{}", content.escape_ascii());
    let lines: Vec<&str> = text.split("\r\n").collect();
    let clean = |line: &&str| line.len() <= 998 && !line.contains(['\r', '\n']);
    assert!(lines.iter().all(clean), "{}", content.escape_ascii());
    let (header, _) = text.split_once("\r\n\r\n").expect("a header");
    let mut names = names(header);
    names.retain(|name| *name != "In-Reply-To" && *name != "References");
    let expected = [
        "Date",
        "From",
        "To",
        "Subject",
        "Message-ID",
        "Auto-Submitted",
        "MIME-Version",
        "Content-Type",
    ];
    assert_eq!(names, expected, "{header}");
    check_parts(text, header);
}

fn check_parts(text: &str, header: &str) {
    let boundary = header
        .split_once("boundary=\"")
        .and_then(|(_, rest)| rest.split_once('"'))
        .expect("a boundary")
        .0;
    let closing = format!("\r\n--{boundary}--\r\n");
    assert!(
        text.ends_with(&closing) && text.matches(&closing).count() == 1,
        "{text}"
    );
    let parts: Vec<&str> = text.split(&format!("\r\n--{boundary}")).collect();
    assert!(
        (4..=5).contains(&parts.len()),
        "before, two or three parts, and behind: {text}"
    );
    let status = parts[2].split_once("\r\n\r\n").expect("a part has a header").1;
    let groups: Vec<&str> = status.split("\r\n\r\n").collect();
    assert_eq!(groups.len(), 2, "the message and its one recipient: {status}");
    let of_message = [
        "Original-Envelope-Id",
        "Reporting-MTA",
        "Received-From-MTA",
        "Arrival-Date",
        "X-Queue-Id",
    ];
    let of_recipient = [
        "Original-Recipient",
        "Final-Recipient",
        "Action",
        "Status",
        "Remote-MTA",
        "Diagnostic-Code",
        "Will-Retry-Until",
    ];
    for (group, allowed) in groups.iter().zip([of_message.as_slice(), &of_recipient]) {
        let mut rest = allowed.iter();
        let in_order = names(group).iter().all(|name| rest.any(|allowed| allowed == name));
        assert!(in_order, "each at most once and in order: {group}");
    }
}

/// The names of the fields in a header.
fn names(header: &str) -> Vec<&str> {
    let lines = header
        .split("\r\n")
        .filter(|line| !line.is_empty() && !line.starts_with([' ', '\t']));
    lines
        .map(|line| line.split_once(':').unwrap_or_else(|| panic!("no field: {header:?}")).0)
        .collect()
}

/// A store and where it lies, for as many notifications as fit into it.
struct World {
    runtime: tokio::runtime::Runtime,
    directory: Directory,
    store: SqliteStore,
    _folder: tempfile::TempDir,
}

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| {
        let memory = std::path::Path::new("/dev/shm");
        let folder = tempfile::tempdir_in(if memory.is_dir() {
            memory
        } else {
            std::path::Path::new("/tmp")
        });
        let folder = folder.expect("a folder");
        let settings = StoreSettings {
            min_free_octets: 0,
            ..StoreSettings::new(folder.path())
        };
        World {
            runtime: tokio::runtime::Builder::new_current_thread()
                .build()
                .expect("a runtime"),
            directory: Directory::build(&LocalSettings::default()).expect("nobody is local"),
            store: SqliteStore::open(settings, NOW).expect("a store"),
            _folder: folder,
        }
    })
}

/// The octets of the one notification.
fn write(choice: u8, rest: &[u8]) -> Vec<u8> {
    let mut pieces = rest.split(|octet| *octet == BETWEEN);
    let mut text = || String::from_utf8_lossy(pieces.next().unwrap_or_default()).into_owned();
    let (reply, host, why, unmet) = (text(), text(), text(), text());
    let (envid, orcpt, message_id, helo, recipient) = (text(), text(), text(), text(), text());
    let content = pieces.next().unwrap_or_default();
    let fault = Fault {
        status: EnhancedCode::new(5, 1, 1),
        text: why,
        side: Side::Recipient,
        reply: (choice & 1 == 0).then(|| Reply {
            code: ReplyCode::FAILED,
            enhanced: None,
            lines: reply.split('\u{1}').map(str::to_owned).collect(),
        }),
        host: (choice & 2 == 0).then_some(host),
        unmet: (choice & 4 != 0).then_some(unmet),
    };
    let outcome = if choice & 8 == 0 {
        Outcome::Bounced { why: fault }
    } else {
        Outcome::Deferred { until: NOW, why: fault }
    };
    let mailbox = recipient
        .parse()
        .unwrap_or_else(|_| "u@example.net".parse().expect("an address"));
    let recipient = Recipient {
        orcpt: (choice & 16 == 0).then_some(OriginalRecipient(orcpt)),
        ..Recipient::new(mailbox)
    };
    let lease = lease(
        recipient,
        envid,
        message_id,
        helo,
        content,
        (choice & 32 != 0).then_some(Ret::Headers),
    );
    let results = [RecipientResult {
        index: 0,
        delay_notified: true,
        outcome,
        evidence: None,
        hold: false,
    }];
    let settled = Settled {
        lease: &lease,
        results: &results,
        route_demands: &[],
        organization: &OrganizationName::FIRST,
        covering: &[],
        expires: NOW,
    };
    enqueue_and_read(settled).expect("the store works")
}

/// Has the notification written and queued, and reads it out of the queue.
fn enqueue_and_read(settled: Settled<'_>) -> Result<Vec<u8>, StoreError> {
    let settings = NotifySettings {
        hostname: "mx.example.org".parse().expect("a name"),
    };
    let world = world();
    world.runtime.block_on(async {
        let mut notices = notices(&settings, &world.directory, settled, NOW, &world.store).await?;
        let notice = notices.pop().expect("the sender is told");
        let commit = world.store.commit(notice.draft, notice.accepted, true).await?;
        let [lease] = commit.leases.try_into().expect("one recipient");
        let mut reader = lease.body.reader().expect("the content is there");
        let mut content = Vec::new();
        while let Some(piece) = reader.next().await.expect("the content can be read") {
            content.extend_from_slice(piece);
        }
        // So that the queue does not grow.
        let gone = RecipientResult {
            index: 0,
            delay_notified: false,
            outcome: Outcome::Delivered {
                reply: None,
                relayed_with_dsn: false,
            },
            evidence: None,
            hold: false,
        };
        let settlement = sekisho_store::Settlement {
            results: vec![gone],
            ..Default::default()
        };
        drop(world.store.settle(lease, settlement));
        Ok(content)
    })
}

fn lease(
    recipient: Recipient,
    envid: String,
    message_id: String,
    helo: String,
    content: &[u8],
    ret: Option<Ret>,
) -> Lease {
    let envelope = Envelope {
        reverse_path: ReversePath::Mailbox("carol@example.com".parse().expect("an address")),
        body: BodyKind::SevenBit,
        ret,
        envid: Some(EnvelopeId(envid)),
        recipients: Vec::new(),
    };
    let arrival = Arrival {
        at: NOW,
        listener: "mx".to_owned(),
        peer: None,
        helo,
        security: ChannelSecurity::Plaintext(PlaintextCause::NotAsked),
        directory: 0,
        admitted_by: "relay: loopback".to_owned(),
        message_id_header: Some(message_id),
        alterations: Vec::new(),
        shadow: Vec::new(),
    };
    Lease::detached(
        MessageId::new(NOW, 1),
        Destination::new("example.net".parse().expect("a name")),
        Arc::new(envelope),
        vec![QueuedRecipient {
            index: 0,
            recipient,
            attempts: 1,
            delay_notified: false,
            last_fault: None,
            held: false,
        }],
        Arc::new(arrival),
        Body::Memory(Bytes::copy_from_slice(content)),
    )
}
