//! The cases of the queue: leases, settlements, back-offs, orders, and what is said of what waits.

use std::{collections::HashSet, time::Duration};

use bytes::Bytes;
use sekisho_mail::{Demand, DemandLevel, MessageId, Outcome};

use super::{
    NOW, Place, accepted, commit, content, deferred, delivered, destination, draft, due, fault, lease, mailbox, secs,
    settle_all, settlement, stop,
};
use crate::{Body, Directive, Lease, Notice, QueueFilter, Selection, StoreError};

pub(super) fn lease_is_exclusive(place: &dyn Place) {
    let store = place.open();
    let id = commit(&*store, b"x", &["a@one.example"], NOW, false).id;
    let first = lease(&*store, "one.example", NOW);
    assert_eq!(first.iter().map(|lease| lease.id).collect::<Vec<_>>(), [id]);
    assert!(lease(&*store, "one.example", NOW).is_empty());
    assert!(due(&*store, NOW).is_empty());
    assert!(store.show(id).wait().expect("a detail").rows[0].in_flight);
    drop(first);
    assert_eq!(due(&*store, NOW), ["one.example"]);
    assert_eq!(lease(&*store, "one.example", NOW).len(), 1);
}

pub(super) fn beside_leases(place: &dyn Place) {
    let store = place.open();
    let ids = |leases: &[Lease]| leases.iter().map(|lease| lease.id).collect::<Vec<_>>();
    let mut out = commit(&*store, b"x", &["a@one.example"], NOW, true);
    assert!(lease(&*store, "one.example", NOW).is_empty());
    let beside = commit(&*store, b"y", &["b@one.example"], NOW, false).id;
    assert_eq!(due(&*store, NOW), ["one.example"]);
    let leases = lease(&*store, "one.example", NOW);
    assert_eq!(ids(&leases), [beside]);
    assert!(lease(&*store, "one.example", NOW).is_empty() && due(&*store, NOW).is_empty());
    // What comes back is found, whether the other is still out or not.
    settle_all(&*store, std::mem::take(&mut out.leases), &deferred(secs(60)), NOW);
    assert!(lease(&*store, "one.example", NOW).is_empty());
    let again = lease(&*store, "one.example", secs(60));
    assert_eq!(ids(&again), [out.id]);
    drop(leases);
    assert_eq!(ids(&lease(&*store, "one.example", secs(60))), [beside]);
    settle_all(&*store, again, &delivered(), secs(60));
    assert_eq!(due(&*store, secs(60)), ["one.example"]);
}

pub(super) fn commit_leases(place: &dyn Place) {
    let store = place.open();
    let committed = commit(
        &*store,
        b"content",
        &["a@one.example", "b@two.example", "c@one.example"],
        NOW,
        true,
    );
    assert_eq!(committed.leases.len(), 2);
    let one = &committed.leases[0];
    assert_eq!(one.destination, destination("one.example"));
    assert_eq!(
        one.recipients.iter().map(|queued| queued.index).collect::<Vec<_>>(),
        [0, 2]
    );
    assert!(matches!(&one.body, Body::Memory(bytes) if *bytes == Bytes::from_static(b"content")));
    assert!(due(&*store, NOW).is_empty());
    settle_all(&*store, committed.leases, &delivered(), NOW);
    assert!(matches!(store.show(committed.id).wait(), Err(StoreError::NoMessage(_))));
    assert_eq!(store.pressure().queued, 0);
}

pub(super) fn deferral(place: &dyn Place) {
    let store = place.open();
    commit(&*store, b"x", &["a@one.example"], NOW, false);
    settle_all(&*store, lease(&*store, "one.example", NOW), &deferred(secs(60)), NOW);
    stop(store);
    let store = place.open();
    assert!(due(&*store, secs(59)).is_empty());
    assert!(lease(&*store, "one.example", secs(59)).is_empty());
    assert_eq!(due(&*store, secs(60)), ["one.example"]);
    let leases = lease(&*store, "one.example", secs(60));
    assert_eq!(leases[0].recipients[0].attempts, 1);
    assert_eq!(leases[0].recipients[0].last_fault.as_deref(), Some("greylisted"));
}

pub(super) fn partial_settlement(place: &dyn Place) {
    let store = place.open();
    let id = commit(
        &*store,
        b"x",
        &["a@one.example", "b@one.example", "c@one.example"],
        NOW,
        false,
    )
    .id;
    let taken = lease(&*store, "one.example", NOW).pop().expect("a lease");
    let mut ends = settlement(&taken, &delivered(), NOW);
    ends.results[1].outcome = deferred(secs(300));
    ends.results[2].outcome = Outcome::Bounced {
        why: fault("no such user"),
    };
    store.settle(taken, ends).wait().expect("a settlement");
    let detail = store.show(id).wait().expect("a detail");
    assert_eq!(detail.rows[0].recipients, ["b@one.example"]);
    assert_eq!(detail.rows[0].next_attempt, secs(300));
    assert_eq!(detail.recipients[0].index, 1);
    assert_eq!(detail.envelope.recipients.len(), 3);
}

pub(super) fn back_off(place: &dyn Place) {
    let store = place.open();
    commit(&*store, b"x", &["a@one.example", "b@two.example"], NOW, false);
    store
        .back_off(&destination("one.example"), secs(600), "unreachable")
        .wait()
        .expect("a back-off");
    assert_eq!(due(&*store, NOW), ["two.example"]);
    assert!(lease(&*store, "one.example", NOW).is_empty());
    let later = commit(&*store, b"x", &["c@one.example"], secs(1), true);
    assert!(later.leases.is_empty(), "a back-off holds for new messages too");
    stop(store);
    let store = place.open();
    assert_eq!(due(&*store, secs(599)), ["two.example"]);
    assert_eq!(due(&*store, secs(600)), ["two.example", "one.example"]);
    let ids = Selection::Ids(vec![later.id]);
    assert_eq!(store.retry(ids, secs(2)).wait().expect("a retry").changed, 1);
    assert_eq!(due(&*store, secs(2)), ["one.example", "two.example"]);
}

pub(super) fn aged_messages_in_spite_of_a_back_off(place: &dyn Place) {
    let store = place.open();
    let old = commit(&*store, b"x", &["a@one.example"], NOW, false).id;
    let young = commit(&*store, b"x", &["b@one.example"], secs(100), false).id;
    let one = destination("one.example");
    let ticket = store.back_off(&one, secs(1000), "unreachable");
    ticket.wait().expect("a back-off");
    let aged = |arrived_before, now| {
        let leases = store.lease_aged(&one, arrived_before, now, 10).wait().expect("leases");
        leases.iter().map(|lease| lease.id).collect::<Vec<_>>()
    };
    assert_eq!(aged(secs(0), secs(200)), []);
    assert_eq!(aged(secs(50), secs(200)), [old]);
    assert_eq!(aged(secs(150), secs(200)), [old, young]);
    let leases = store.lease_aged(&one, secs(50), secs(200), 10).wait().expect("leases");
    settle_all(&*store, leases, &deferred(secs(500)), secs(200));
    assert_eq!(aged(secs(50), secs(499)), [], "it waits for its own time again");
    assert_eq!(aged(secs(50), secs(500)), [old]);
    let rows = store
        .list(QueueFilter::default(), secs(200), None, 10)
        .wait()
        .expect("a list");
    for row in rows {
        assert_eq!(row.next_attempt, secs(1000), "the back-off is the later");
        assert_eq!(row.last_fault.as_deref(), Some("unreachable"));
    }
}

pub(super) fn known_destinations_are_passed_over(place: &dyn Place) {
    let store = place.open();
    for domain in ["one.example", "two.example", "three.example"] {
        commit(&*store, b"x", &[&format!("a@{domain}")], NOW, false);
    }
    let mut known = HashSet::new();
    for count in 1..=4 {
        let due = store.due(NOW, 1, known.clone()).wait().expect("due");
        known.extend(due.into_iter().map(|due| due.destination));
        assert_eq!(
            known.len(),
            count.min(3),
            "each look finds another, until there is none"
        );
    }
}

pub(super) fn next_due(place: &dyn Place) {
    let store = place.open();
    let next = |now| store.next_due(now).wait().expect("next due");
    assert_eq!(next(NOW), None);
    commit(&*store, b"x", &["a@one.example"], secs(10), false);
    commit(&*store, b"y", &["b@one.example"], secs(20), false);
    assert_eq!(next(NOW), Some(secs(10)));
    let first = lease(&*store, "one.example", secs(10));
    assert_eq!(first.len(), 1);
    assert!(due(&*store, secs(10)).is_empty());
    assert_eq!(
        next(secs(10)),
        Some(secs(20)),
        "what is leased does not hide what comes later"
    );
    assert_eq!(due(&*store, secs(20)), ["one.example"]);
    store
        .back_off(&destination("one.example"), secs(30), "down")
        .wait()
        .expect("a back-off");
    assert_eq!(next(secs(20)), Some(secs(30)));
}

pub(super) fn hold_and_release(place: &dyn Place) {
    let store = place.open();
    let id = commit(&*store, b"x", &["a@one.example"], NOW, false).id;
    let missing = MessageId::from_u64(7);
    let report = store
        .hold(Selection::Ids(vec![id, missing]), NOW)
        .wait()
        .expect("a hold");
    assert_eq!((report.changed, report.missing), (1, vec![missing]));
    assert!(due(&*store, NOW).is_empty());
    stop(store);
    let store = place.open();
    assert!(lease(&*store, "one.example", secs(9999)).is_empty());
    let filter = QueueFilter {
        held: Some(true),
        ..QueueFilter::default()
    };
    assert_eq!(
        store
            .release(Selection::Matching(vec![id, missing], filter), secs(5))
            .wait()
            .expect("a release")
            .changed,
        1
    );
    assert_eq!(lease(&*store, "one.example", secs(5)).len(), 1);
}

pub(super) fn only_what_matches(place: &dyn Place) {
    let store = place.open();
    let to: &[&str] = &["a@one.example", "b@two.example"];
    let [first, second] = [1, 2].map(|_| commit(&*store, b"x", to, NOW, false).id);
    let filter = QueueFilter {
        destination: Some("two.example".to_owned()),
        ..QueueFilter::default()
    };
    let gone = MessageId::from_u64(7);
    let which = Selection::Matching(vec![first, gone], filter);
    let report = store.hold(which, NOW).wait().expect("a hold");
    assert_eq!((report.changed, report.missing), (1, Vec::new()));
    let mut left: Vec<_> = ["one.example", "two.example"]
        .into_iter()
        .flat_map(|domain| lease(&*store, domain, NOW))
        .map(|lease| (lease.destination.to_string(), lease.id))
        .collect();
    left.sort();
    let one = |id| ("one.example".to_owned(), id);
    assert_eq!(left, [one(first), one(second), ("two.example".to_owned(), second)]);
}

pub(super) fn actions_in_flight(place: &dyn Place) {
    let store = place.open();
    let id = commit(&*store, b"x", &["a@one.example"], NOW, false).id;
    let held = lease(&*store, "one.example", NOW);
    assert_eq!(
        store
            .hold(Selection::Ids(vec![id]), NOW)
            .wait()
            .expect("a hold")
            .in_flight,
        1
    );
    settle_all(&*store, held, &deferred(secs(60)), NOW);
    assert!(lease(&*store, "one.example", secs(60)).is_empty());
    store
        .release(Selection::Ids(vec![id]), secs(60))
        .wait()
        .expect("a release");
    let retried = lease(&*store, "one.example", secs(60));
    assert_eq!(
        store
            .retry(Selection::Ids(vec![id]), secs(61))
            .wait()
            .expect("a retry")
            .in_flight,
        1
    );
    settle_all(&*store, retried, &deferred(secs(9999)), NOW);
    let moved = lease(&*store, "one.example", secs(61));
    assert_eq!(moved.len(), 1, "the retry that was ordered meanwhile holds");
    let to = mailbox("new@two.example");
    assert_eq!(
        store
            .redirect(id, to, Vec::new(), secs(62))
            .wait()
            .expect("a redirect")
            .in_flight,
        1
    );
    assert_eq!(
        store.show(id).wait().expect("a detail").rows[0].recipients,
        ["a@one.example"]
    );
    drop(moved);
    assert_eq!(due(&*store, secs(62)), ["two.example"]);
    assert_eq!(
        store.show(id).wait().expect("a detail").rows[0].recipients,
        ["new@two.example"]
    );
}

pub(super) fn bounce_directive(place: &dyn Place) {
    let store = place.open();
    let id = commit(&*store, b"x", &["a@one.example"], NOW, false).id;
    settle_all(&*store, lease(&*store, "one.example", NOW), &deferred(secs(600)), NOW);
    store
        .back_off(&destination("one.example"), secs(600), "down")
        .wait()
        .expect("a back-off");
    store
        .bounce(Selection::Ids(vec![id]), "wrong address", secs(5))
        .wait()
        .expect("a bounce");
    let leases = lease(&*store, "one.example", secs(5));
    assert_eq!(leases[0].directive, Some(Directive::Bounce("wrong address".to_owned())));
}

pub(super) fn orders_first(place: &dyn Place) {
    let store = place.open();
    let to = &["a@one.example"];
    let ids: Vec<MessageId> = (0..5)
        .map(|second| commit(&*store, b"x", to, secs(second), false).id)
        .collect();
    let bounce = |ids: &[MessageId]| {
        let bounced = store
            .bounce(Selection::Ids(ids.to_vec()), "wrong address", secs(9))
            .wait();
        assert_eq!(bounced.expect("a bounce").changed, ids.len() as u64);
    };
    let lease_one = || {
        let leases = store.lease(&destination("one.example"), secs(10), 1).wait();
        leases.expect("leases")
    };
    bounce(&ids[3..]);
    let mut ordered = lease_one();
    let mut leased: Vec<MessageId> = ordered.iter().map(|lease| lease.id).collect();
    leased.sort();
    assert_eq!(leased, ids[3..]);
    assert!(ordered.iter().all(|lease| lease.directive.is_some()));
    // They are out: the others have their turn, one at a time.
    let first = lease_one();
    assert_eq!(first.iter().map(|lease| lease.id).collect::<Vec<_>>(), ids[..1]);
    assert!(first[0].directive.is_none());
    ordered.truncate(1);
    assert_eq!(lease_one().len(), 1);
    drop(first);
    bounce(&ids[..1]);
    let aged = store
        .lease_aged(&destination("one.example"), secs(60), secs(10), 10)
        .wait();
    assert_eq!(aged.expect("leases").len(), 4, "by age all of them, ordered or not");
}

pub(super) fn redirect_keeps_demands(place: &dyn Place) {
    let store = place.open();
    let demand = |origin: &str| Demand {
        level: DemandLevel::Encryption,
        origin: origin.to_owned(),
    };
    let mut old = accepted(&["a+b@one.example", "c@three.example"], NOW);
    old.envelope.recipients[0].carried.push(demand("alias"));
    let id = store
        .commit(draft(&*store, b"x", NOW), old, false)
        .wait()
        .expect("a commit")
        .id;
    let to = mailbox("new@two.example");
    let report = store
        .redirect(id, to.clone(), vec![demand("redirect")], NOW)
        .wait()
        .expect("a redirect");
    assert_eq!((report.changed, report.in_flight), (1, 0));
    let leases = lease(&*store, "two.example", NOW);
    let [queued] = &leases[0].recipients[..] else {
        panic!("one recipient")
    };
    assert_eq!(queued.recipient.mailbox, to);
    assert_eq!(queued.recipient.carried, [demand("alias"), demand("redirect")]);
    let orcpt = queued.recipient.orcpt.as_ref().map(|original| original.0.as_str());
    assert_eq!(orcpt, Some("rfc822;a+2Bb@one.example"));
    assert!(due(&*store, NOW).is_empty(), "nothing is left at the old destinations");
}

pub(super) fn redirect_joins_in_flight(place: &dyn Place) {
    let store = place.open();
    let id = commit(&*store, b"x", &["a@one.example", "b@two.example"], NOW, false).id;
    let under_way = lease(&*store, "one.example", NOW);
    let report = store.redirect(id, mailbox("c@one.example"), Vec::new(), NOW).wait();
    assert_eq!(report.expect("a redirect").in_flight, 1);
    settle_all(&*store, under_way, &delivered(), NOW);
    let [left] = &lease(&*store, "one.example", NOW)[..] else {
        panic!("what was b's is still to be delivered")
    };
    let [queued] = &left.recipients[..] else {
        panic!("one recipient")
    };
    assert_eq!((left.id, &queued.recipient.mailbox), (id, &mailbox("c@one.example")));
}

pub(super) fn notices(place: &dyn Place) {
    let store = place.open();
    commit(&*store, b"x", &["a@one.example"], NOW, false);
    let taken = lease(&*store, "one.example", NOW).pop().expect("a lease");
    let mut ends = settlement(&taken, &Outcome::Bounced { why: fault("no") }, NOW);
    ends.notices.push(Notice {
        draft: draft(&*store, b"sorry", NOW),
        accepted: accepted(&["sender@example.org"], NOW),
    });
    store.settle(taken, ends).wait().expect("a settlement");
    let notices = lease(&*store, "example.org", NOW);
    assert_eq!(content(&notices[0].body), b"sorry");
    assert_eq!(store.pressure().queued, 1);
}

pub(super) fn listing(place: &dyn Place) {
    let store = place.open();
    let ids: Vec<MessageId> = (0..5)
        .map(|age| {
            commit(
                &*store,
                b"x",
                &["a@one.example", "b@sub.two.example"],
                secs(age * 60),
                false,
            )
            .id
        })
        .collect();
    let count = |filter: QueueFilter| store.list(filter, secs(300), None, 100).wait().expect("a list").len();
    let to = |destination: &str| QueueFilter {
        destination: Some(destination.to_owned()),
        ..QueueFilter::default()
    };
    let from = |sender: &str| QueueFilter {
        sender: Some(sender.to_owned()),
        ..QueueFilter::default()
    };
    assert_eq!(count(QueueFilter::default()), 10);
    let all = store.count(QueueFilter::default(), secs(300)).wait().expect("a number");
    assert_eq!(all, 5, "messages and not lines");
    for (filter, found) in [
        ("ONE.example", 5),
        ("two.example", 0),
        ("*.two.example", 5),
        ("*.wo.example", 0),
    ] {
        assert_eq!(count(to(filter)), found, "{filter}");
        let messages = store.count(to(filter), secs(300)).wait().expect("a number");
        assert_eq!(messages, found as u64, "{filter}");
    }
    for (filter, found) in [
        ("sender@example.org", 10),
        ("@example.org", 10),
        ("<>", 0),
        ("@ample.org", 0),
    ] {
        assert_eq!(count(from(filter)), found, "{filter}");
    }
    let old = QueueFilter {
        older_than: Some(Duration::from_secs(240)),
        ..QueueFilter::default()
    };
    assert_eq!(count(old), 4);
    let page = store
        .list(QueueFilter::default(), NOW, Some(ids[1]), 3)
        .wait()
        .expect("a page");
    let listed: Vec<MessageId> = page.iter().map(|row| row.id).collect();
    assert_eq!(
        listed,
        [ids[2], ids[2], ids[3], ids[3]],
        "a message's rows are not parted"
    );
}

pub(super) fn shape(place: &dyn Place) {
    let store = place.open();
    commit(&*store, b"x", &["a@one.example"], NOW, false);
    commit(&*store, b"x", &["a@one.example", "b@two.example"], secs(3600), false);
    let shape = store.shape(secs(3601), 10).wait().expect("a shape");
    assert_eq!(shape[0].destination, destination("one.example"));
    assert_eq!((shape[0].total, shape[0].by_age), (2, [1, 0, 0, 0, 1, 0, 0, 0, 0, 0]));
    assert_eq!(shape[1].total, 1);
}
