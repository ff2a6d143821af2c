//! The cases of the trace.

use std::sync::Arc;

use sekisho_mail::{
    Decision, Evidence, Mailbox, MessageId, OrganizationName, OriginalRecipient, Outcome, Revision, ShadowDocument,
    ShadowKind, ShadowOutcome, ShadowVerdict, StatedReason,
};

use super::{NOW, Place, accepted, commit, deferred, delivered, draft, fault, lease, secs, settle_all};
use crate::{QueueFilter, RefusedRecipient, TraceFilter};

pub(super) fn evidence_is_traced(place: &dyn Place) {
    let store = place.open();
    let id = commit(&*store, b"x", &["a@one.example"], NOW, false).id;
    let find = |filter: TraceFilter| store.trace(filter).wait().expect("a search");
    let by_recipient = |recipient: &str| TraceFilter {
        recipient: Some(recipient.to_owned()),
        ..TraceFilter::default()
    };
    assert_eq!(
        find(by_recipient("a@one.example"))[0].attempts,
        [],
        "queued and not attempted"
    );
    settle_all(&*store, lease(&*store, "one.example", NOW), &deferred(secs(60)), NOW);
    let next_day = secs(86_400);
    settle_all(&*store, lease(&*store, "one.example", next_day), &delivered(), next_day);
    let by_id = TraceFilter {
        id: Some(id),
        ..TraceFilter::default()
    };
    let items = find(by_id);
    assert_eq!(items.len(), 1);
    let numbers: Vec<u32> = items[0]
        .attempts
        .iter()
        .map(|attempt| attempt.evidence.attempt)
        .collect();
    assert_eq!(numbers, [1, 2]);
    assert!(!items[0].queued);
    assert_eq!(items[0].arrival, accepted(&[], NOW).arrival);
    for (filter, found) in [
        ("A@one.example", 1),
        ("@ONE.example", 1),
        ("b@one.example", 0),
        ("@two.example", 0),
    ] {
        assert_eq!(find(by_recipient(filter)).len(), found, "{filter}");
    }
    for (word, found) in [("delivered", 1), ("deferred", 1), ("bounced", 0), ("odd", 0)] {
        let filter = TraceFilter {
            outcome: Some(word.to_owned()),
            sender: Some("@example.org".to_owned()),
            message_id_header: Some("<1@example.org>".to_owned()),
            ..TraceFilter::default()
        };
        assert_eq!(find(filter).len(), found, "{word}");
    }
}

pub(super) fn a_search_goes_on_where_another_ended(place: &dyn Place) {
    let store = place.open();
    let ids: Vec<MessageId> = (0..5)
        .map(|_| commit(&*store, b"x", &["a@one.example"], NOW, false).id)
        .collect();
    let pages = |when: &str| {
        let (mut found, mut before) = (Vec::new(), None);
        loop {
            let filter = TraceFilter {
                before,
                limit: 2,
                ..TraceFilter::default()
            };
            let page = store.trace(filter).wait().expect("a search");
            let Some(last) = page.last() else { break };
            before = Some(last.id);
            found.extend(page.iter().map(|item| item.id));
        }
        found.reverse();
        assert_eq!(found, ids, "{when}");
    };
    pages("queued");
    for lease in lease(&*store, "one.example", NOW).into_iter().take(3) {
        settle_all(&*store, vec![lease], &delivered(), NOW);
    }
    pages("some of them settled");
}

pub(super) fn the_address_that_the_sender_wrote_is_found(place: &dyn Place) {
    let store = place.open();
    let mut accepted = accepted(&["a@one.example"], NOW);
    let alias = Mailbox::parse("Post+master@one.example").expect("an address");
    accepted.envelope.recipients[0].orcpt = Some(OriginalRecipient::of(&alias));
    let draft = draft(&*store, b"x", NOW);
    store.commit(draft, accepted, false).wait().expect("a commit");
    let found = |recipient: &str| {
        let filter = TraceFilter {
            recipient: Some(recipient.to_owned()),
            ..TraceFilter::default()
        };
        store.trace(filter).wait().expect("a search").len()
    };
    let look = |when: &str| {
        for (recipient, count) in [
            ("post+master@one.example", 1),
            ("a@one.example", 1),
            ("x@one.example", 0),
        ] {
            assert_eq!(found(recipient), count, "{recipient}, {when}");
        }
    };
    look("queued");
    settle_all(&*store, lease(&*store, "one.example", NOW), &delivered(), NOW);
    look("settled");
}

/// What a rule that is tried would have made of it.
fn shadow_verdict() -> ShadowVerdict {
    ShadowVerdict {
        document: Arc::new(ShadowDocument {
            kind: ShadowKind::Rule,
            organization: OrganizationName::FIRST,
            name: "secret".into(),
            revision: Revision(7),
        }),
        outcome: ShadowOutcome::WouldGo,
        why: StatedReason {
            key: "rule-rejects".to_owned(),
            text: "because".to_owned(),
        },
    }
}

pub(super) fn refusal_is_traced(place: &dyn Place) {
    let store = place.open();
    let accepted = accepted(&["a@one.example"], NOW);
    let decision = Decision::Refused(vec![StatedReason {
        key: "a-rule".to_owned(),
        text: "because of it".to_owned(),
    }]);
    let evidence = Evidence {
        message: MessageId::from_u64(0),
        recipient: accepted.envelope.recipients[0].clone(),
        attempt: 1,
        at: NOW,
        directory: 7,
        route: "listener \"mx\"".to_owned(),
        required: Vec::new(),
        channel: None,
        failed_handshakes: Vec::new(),
        decision,
        outcome: Outcome::Bounced { why: fault("no") },
        conversation: Vec::new(),
        shadow: vec![shadow_verdict()],
    };
    let refused = RefusedRecipient {
        envelope: accepted.envelope,
        arrival: accepted.arrival,
        size: 7,
        evidence,
    };
    let first = store.trace_refusal(refused.clone());
    let second = store.trace_refusal(refused.clone());
    assert_ne!(first, second);
    // Of what has an id already, as a message that was sent and never queued.
    let third = store.begin(NOW).expect("a draft").id();
    let mut sent = refused.clone();
    sent.evidence.message = third;
    assert_eq!(store.trace_refusal(sent), third);
    // Written with what comes next at the latest.
    commit(&*store, b"x", &["b@one.example"], NOW, false);
    settle_all(&*store, lease(&*store, "one.example", NOW), &delivered(), NOW);
    let filter = TraceFilter {
        recipient: Some("a@one.example".to_owned()),
        ..TraceFilter::default()
    };
    let found = store.trace(filter).wait().expect("a search");
    let mut ids: Vec<MessageId> = found.iter().map(|item| item.id).collect();
    ids.sort();
    assert_eq!(ids, [first, second, third]);
    for item in found {
        let expected = Evidence {
            message: item.id,
            ..refused.evidence.clone()
        };
        assert_eq!(item.attempts.len(), 1);
        assert_eq!(item.attempts[0].evidence, expected);
        assert_eq!((item.queued, item.size, &item.arrival), (false, 7, &refused.arrival));
    }
    assert_eq!(store.count(QueueFilter::default(), NOW).wait().expect("a count"), 0);
}
