//! Local mail from the settings to the file.

use std::{fs, path::Path, sync::Arc};

use bytes::Bytes;
use sekisho_mail::{
    BodyKind, ChannelSecurity, Demand, DemandLevel, Domain, Envelope, ForwardPath, Mailbox, MessageId,
    OrganizationName, Outcome, PlaintextCause, Recipient, ReversePath, Timestamp,
};
use sekisho_store::{Arrival, Body, Destination, Lease, QueuedRecipient};

use super::*;

fn domain(text: &str) -> Domain {
    text.parse().unwrap()
}

fn mailbox(text: &str) -> Mailbox {
    text.parse().unwrap()
}

fn settings(mail: &Path, users: &[&str], aliases: &[(&str, &[&str])]) -> LocalSettings {
    let alias = |(name, targets): &(&str, &[&str])| Alias {
        name: name.parse().unwrap(),
        targets: targets.iter().map(|target| target.parse().unwrap()).collect(),
    };
    LocalSettings {
        domains: vec![domain("example.org"), domain("localhost")],
        users: users
            .iter()
            .map(|name| name.parse::<LocalName>().unwrap().with_maildir_in(mail))
            .collect(),
        aliases: aliases.iter().map(alias).collect(),
        ..LocalSettings::default()
    }
}

fn directory(users: &[&str], aliases: &[(&str, &[&str])]) -> Directory {
    Directory::build(&settings(Path::new("/mail"), users, aliases)).unwrap()
}

fn faults(users: &[&str], aliases: &[(&str, &[&str])]) -> Vec<LocalFault> {
    Directory::build(&settings(Path::new("/mail"), users, aliases)).unwrap_err()
}

/// What an address is to us, in a word: whose mailbox, or the ends of the alias.
fn found(directory: &Directory, address: &str) -> String {
    match directory.find_mailbox(&mailbox(address)) {
        LocalFinding::NotLocal => "not local".to_owned(),
        LocalFinding::RelayDomain => "relay domain".to_owned(),
        LocalFinding::UnknownUser => "unknown".to_owned(),
        LocalFinding::User(resident) => resident.user.name.to_string(),
        LocalFinding::Alias(ends) => ends.iter().map(Mailbox::to_string).collect::<Vec<_>>().join(" "),
    }
}

#[test]
fn addresses_are_found_whatever_their_case_and_quotes() {
    let directory = directory(
        &["alice", "info@example.org"],
        &[
            ("both", &["alice", "bob@example.net"]),
            ("chain", &["both", "Both"]),
            ("info@localhost", &["alice"]),
        ],
    );
    for (address, expected) in [
        ("alice@example.org", "alice"),
        ("ALICE@LocalHost", "alice"),
        ("\"alice\"@example.org", "alice"),
        ("info@example.org", "info@example.org"),
        ("info@localhost", "alice@localhost"),
        ("both@example.org", "alice@example.org bob@example.net"),
        ("chain@localhost", "alice@localhost bob@example.net"),
        ("postmaster@example.org", "alice@example.org"),
        ("nobody@example.org", "unknown"),
        ("alice@example.net", "not local"),
        ("alice@[127.0.0.1]", "not local"),
        // None of the old ways to name another host gets past us.
        ("alice%example.net@example.org", "unknown"),
        ("example.net!alice@example.org", "unknown"),
        ("\"alice@example.net\"@example.org", "unknown"),
        ("\"@example.net:alice\"@example.org", "unknown"),
    ] {
        assert_eq!(found(&directory, address), expected, "{address}");
    }
    let LocalFinding::Alias(ends) = directory.find(&ForwardPath::Postmaster) else {
        panic!("no postmaster");
    };
    assert_eq!(*ends, [mailbox("alice@example.org")]);
}

#[test]
fn a_catch_all_takes_names_that_nobody_has_in_its_domain() {
    let mut settings = settings(Path::new("/mail"), &["alice", "bob"], &[]);
    settings.catch_all.push(CatchAll {
        domain: Some(domain("localhost")),
        user: "bob".parse().unwrap(),
    });
    let directory = Directory::build(&settings).unwrap();
    assert_eq!(found(&directory, "nobody@localhost"), "bob");
    assert_eq!(found(&directory, "alice@localhost"), "alice");
    assert_eq!(found(&directory, "nobody@example.org"), "unknown");
}

#[test]
fn settings_that_do_not_fit_together_are_refused_with_every_fault() {
    let many: Vec<String> = (0..=MAX_ALIAS_ENDS)
        .map(|number| format!("u{number}@example.net"))
        .collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for (users, aliases, words) in [
        (vec!["alice", "Alice"], vec![], "alice is listed more than once"),
        (
            vec!["alice"],
            vec![("a", &["b"] as &[&str]), ("b", &["a"])],
            "a@example.org leads back to itself",
        ),
        (vec!["alice"], vec![("a", &["a@localhost"])], "leads back to itself"),
        (
            vec!["alice"],
            vec![("a", &["nobody"])],
            "leads to nobody@example.org, who has no mailbox here",
        ),
        (vec!["alice"], vec![("a", &[])], "the alias a has no target"),
        (vec!["alice"], vec![("a", &many)], "more than 100 addresses"),
        (
            vec!["alice@example.net"],
            vec![],
            "its domain is neither among the local domains",
        ),
        (vec![], vec![], "example.org has no postmaster"),
    ] {
        let faults = faults(&users, &aliases);
        let told: Vec<String> = faults.iter().map(ToString::to_string).collect();
        assert!(told.iter().any(|fault| fault.contains(words)), "{words}: {told:?}");
    }
}

#[test]
fn a_requirement_travels_into_an_alias_and_to_each_of_its_ends() {
    let directory = directory(&["alice"], &[("both", &["alice", "bob@example.net"])]);
    let demand = |origin: &str| Demand {
        level: DemandLevel::Encryption,
        origin: origin.to_owned(),
    };
    let mut recipient = Recipient::new(mailbox("both@example.org"));
    recipient.carried = vec![demand("sender")];
    let covering = [demand("route \"own\""), demand("sender")];
    let ends = directory.find_mailbox(&recipient.mailbox).expand(recipient, &covering);
    assert_eq!(ends.len(), 2);
    for end in ends {
        assert_eq!(end.carried, [demand("sender"), demand("route \"own\"")]);
        assert_eq!(end.orcpt.unwrap().0, "rfc822;both@example.org");
    }
}

fn lease(recipients: &[&str], content: &'static str) -> Lease {
    let envelope = Envelope {
        reverse_path: ReversePath::Mailbox(mailbox("carol@example.com")),
        body: BodyKind::SevenBit,
        ret: None,
        envid: None,
        recipients: Vec::new(),
    };
    let arrival = Arrival {
        at: Timestamp::from_secs(1_700_000_000),
        listener: "test".to_owned(),
        peer: None,
        helo: "client.example.com".to_owned(),
        security: ChannelSecurity::Plaintext(PlaintextCause::NotAsked),
        directory: 0,
        admitted_by: "local recipient".to_owned(),
        message_id_header: None,
        alterations: Vec::new(),
        shadow: Vec::new(),
    };
    let queued = recipients.iter().zip(0..).map(|(address, index)| QueuedRecipient {
        index,
        recipient: Recipient::new(mailbox(address)),
        attempts: 0,
        delay_notified: false,
        last_fault: None,
        held: false,
    });
    Lease::detached(
        MessageId::new(Timestamp::from_secs(1_700_000_000), 1),
        Destination::new(domain("example.org").into()),
        Arc::new(envelope),
        queued.collect(),
        Arc::new(arrival),
        Body::Memory(Bytes::from_static(content.as_bytes())),
    )
}

async fn run(directory: &Directory, lease: &Lease) -> Vec<LocalResult> {
    let hostname = domain("mx.example.org");
    let hop = Hop {
        directory,
        hostname: &hostname,
        organization: &OrganizationName::FIRST,
    };
    let everyone: Vec<&QueuedRecipient> = lease.recipients.iter().collect();
    deliver(hop, lease, &everyone, |_| Timestamp::FAR_FUTURE).await
}

fn files(maildir: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(maildir.join("new")) else {
        return Vec::new();
    };
    entries
        .map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect()
}

#[tokio::test]
async fn each_recipient_has_a_result_of_its_own_and_a_repeat_changes_nothing() {
    let home = tempfile::tempdir().unwrap();
    let settings = settings(
        home.path(),
        &["alice", "bob"],
        &[("both", &["alice", "bob"]), ("out", &["x@example.net"])],
    );
    let directory = Directory::build(&settings).unwrap();
    let lease = lease(
        &[
            "alice@example.org",
            "gone@example.org",
            "both@example.org",
            "out@example.org",
        ],
        "Subject: x\r\n\r\nbody\r\n",
    );
    for _ in 0..2 {
        let results = run(&directory, &lease).await;
        let words: Vec<&str> = results.iter().map(|result| result.outcome.word()).collect();
        assert_eq!(words, ["delivered", "bounced", "delivered", "deferred"]);
        assert!(results.iter().all(|result| !result.decision.reasons().is_empty()));
        assert_eq!(
            (
                files(&home.path().join("alice")).len(),
                files(&home.path().join("bob")).len()
            ),
            (2, 1)
        );
    }
    let expected = "Return-Path: <carol@example.com>\nDelivered-To: both@example.org\nX-Original-To: both@example.org\n\
                    Subject: x\n\nbody\n";
    assert_eq!(files(&home.path().join("bob")), [expected]);
}

#[tokio::test]
async fn a_mailbox_that_cannot_be_written_defers_and_never_bounces() {
    let home = tempfile::tempdir().unwrap();
    // A file where the folder should be: refused to root too.
    fs::write(home.path().join("alice"), "").unwrap();
    let directory = Directory::build(&settings(home.path(), &["alice"], &[])).unwrap();
    let results = run(&directory, &lease(&["alice@example.org"], "x\r\n")).await;
    let Outcome::Deferred { until, why } = &results[0].outcome else {
        panic!("{results:?}");
    };
    assert_eq!(
        (*until, why.status.to_string().as_str()),
        (Timestamp::FAR_FUTURE, "4.3.0")
    );
    assert_eq!(why.side, sekisho_mail::Side::Us);
}
