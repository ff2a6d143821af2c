//! The cases of several organizations in one queue.

use sekisho_mail::{
    ChosenWay, Demand, DemandLevel, OrganizationName, OwnServer, Recipient, RefusedBy, RuleRefusal, Timestamp,
};

use super::{NOW, Place, accepted, deferred, delivered, draft, due, mailbox, secs, settle_all, settlement};
use crate::{Destination, Lane, Lease, QueueFilter, Selection, Store};

fn acme() -> OrganizationName {
    "acme".parse().expect("invariant: the suite's names are well formed")
}

/// Commits a message of acme's and, of the first organization, another to the same domain.
fn commit_both(store: &dyn Store) {
    for organization in [acme(), OrganizationName::FIRST] {
        let mut accepted = accepted(&["a@one.example"], NOW);
        accepted.envelope.recipients[0].organization = organization;
        let draft = draft(store, b"x", NOW);
        store.commit(draft, accepted, false).wait().expect("a commit");
    }
}

fn rows_for(store: &dyn Store, wanted: &str) -> usize {
    let filter = QueueFilter {
        destination: Some(wanted.to_owned()),
        ..QueueFilter::default()
    };
    store.list(filter, NOW, None, 10).wait().expect("a list").len()
}

fn lease_of(store: &dyn Store, destination: &str, now: Timestamp) -> Vec<Lease> {
    let destination: Destination = destination.parse().expect("a destination");
    store.lease(&destination, now, 10).wait().expect("leases")
}

pub(super) fn destinations_are_apart(place: &dyn Place) {
    let store = place.open();
    commit_both(&*store);
    let mut both = due(&*store, NOW);
    both.sort();
    assert_eq!(both, ["acme/one.example", "one.example"]);
    let theirs: Destination = "acme/one.example".parse().expect("a destination");
    store.back_off(&theirs, secs(60), "down").wait().expect("a back-off");
    assert_eq!(due(&*store, NOW), ["one.example"]);
    let backed_off = |now, after| store.backed_off(now, after, 10).wait().expect("destinations");
    assert_eq!(backed_off(NOW, None), std::slice::from_ref(&theirs));
    assert!(backed_off(NOW, Some(theirs)).is_empty() && backed_off(secs(60), None).is_empty());
    assert_eq!(lease_of(&*store, "acme/one.example", NOW).len(), 0);
    let ours = lease_of(&*store, "one.example", NOW);
    assert_eq!(ours.len(), 1);
    assert!(ours[0].recipients[0].recipient.organization.is_first());
    settle_all(&*store, ours, &deferred(secs(30)), NOW);
    let later = lease_of(&*store, "acme/one.example", secs(60));
    assert_eq!(later[0].recipients[0].recipient.organization, acme());
    drop(later);
    for (wanted, count) in [
        ("one.example", 1),
        ("ACME/One.example", 1),
        ("*one.example", 2),
        ("b/one.example", 0),
    ] {
        let filter = QueueFilter {
            destination: Some(wanted.to_owned()),
            ..QueueFilter::default()
        };
        assert_eq!(store.count(filter, NOW).wait().expect("a count"), count, "{wanted}");
    }
}

pub(super) fn refused_recipients_are_apart(place: &dyn Place) {
    let store = place.open();
    let mut accepted = accepted(&["a@one.example", "b@one.example"], NOW);
    for (recipient, is_refused) in accepted.envelope.recipients.iter_mut().zip([true, false]) {
        recipient.organization = acme();
        recipient.refused = is_refused.then(|| {
            Box::new(RuleRefusal {
                by: RefusedBy::Rule,
                rule: "acme/secret".to_owned(),
                text: "no".to_owned(),
            })
        });
    }
    let message = draft(&*store, b"x", NOW);
    let id = store.commit(message, accepted, false).wait().expect("a commit").id;
    // The way to the domain is nothing to what goes nowhere.
    let way: Destination = "acme/one.example".parse().expect("a destination");
    store.back_off(&way, secs(60), "down").wait().expect("a back-off");
    assert_eq!(due(&*store, NOW), ["!acme/one.example"]);
    let refused = lease_of(&*store, "!acme/one.example", NOW);
    assert!(refused[0].destination.is_refused());
    let [queued] = &refused[0].recipients[..] else {
        panic!("one recipient")
    };
    assert_eq!(queued.recipient.mailbox, mailbox("a@one.example"));
    drop(refused);
    // Another address is none that the rule lets the message go to.
    let report = store.redirect(id, mailbox("c@two.example"), Vec::new(), NOW).wait();
    assert_eq!(report.expect("a redirect").changed, 1);
    let mut all = due(&*store, NOW);
    all.sort();
    assert_eq!(all, ["!acme/two.example", "acme/two.example"]);
}

/// What is settled about the way when a message comes in.
fn settled(recipient: &mut Recipient, connector: Option<&str>) {
    let handling = recipient.handling_mut();
    handling.own_server = Some(OwnServer {
        connector: "acme/hub".to_owned(),
        is_believed: false,
    });
    handling.way = connector.map(|connector| ChosenWay {
        rule: "acme/secret".into(),
        connector: connector.into(),
    });
}

pub(super) fn lanes_are_apart(place: &dyn Place) {
    let store = place.open();
    let mut accepted = accepted(&["a@one.example", "b@one.example", "c@one.example"], NOW);
    for recipient in &mut accepted.envelope.recipients {
        recipient.organization = acme();
    }
    let name = "odd) (name/of it";
    settled(&mut accepted.envelope.recipients[1], None);
    settled(&mut accepted.envelope.recipients[2], Some(name));
    let message = draft(&*store, b"x", NOW);
    let id = store.commit(message, accepted, false).wait().expect("a commit").id;
    let by_rule = format!("({name}) acme/one.example");
    let mut all = due(&*store, NOW);
    all.sort();
    let mut expected = [by_rule.as_str(), "^acme/one.example", "acme/one.example"];
    expected.sort_unstable();
    assert_eq!(all, expected);
    for (wanted, count) in [
        ("acme/one.example", 3),
        ("^acme/one.example", 1),
        (by_rule.as_str(), 1),
        ("one.example", 0),
    ] {
        assert_eq!(rows_for(&*store, wanted), count, "{wanted}");
    }
    // A way that is dead is nothing to the others.
    let dead: Destination = by_rule.parse().expect("a destination");
    assert_eq!(dead.lane(), &Lane::Connector(name.into()));
    store.back_off(&dead, secs(60), "down").wait().expect("a back-off");
    assert_eq!(due(&*store, NOW).len(), 2);
    // Nor does a redirect lead out of its lane.
    let report = store.redirect(id, mailbox("d@two.example"), Vec::new(), NOW).wait();
    assert_eq!(report.expect("a redirect").changed, 1);
    let mut all = due(&*store, NOW);
    all.sort();
    let elsewhere = format!("({name}) acme/two.example");
    let mut expected = [elsewhere.as_str(), "^acme/two.example", "acme/two.example"];
    expected.sort_unstable();
    assert_eq!(all, expected);
    let leased = lease_of(&*store, &elsewhere, NOW);
    let way = leased[0].recipients[0]
        .recipient
        .handling
        .as_ref()
        .and_then(|one| one.way.as_ref());
    assert_eq!(way.map(|way| &*way.rule), Some("acme/secret"));
}

pub(super) fn redirect_stays(place: &dyn Place) {
    let store = place.open();
    commit_both(&*store);
    let queued = lease_of(&*store, "acme/one.example", NOW);
    let id = queued[0].id;
    drop(queued);
    let report = store.redirect(id, mailbox("b@two.example"), Vec::new(), NOW).wait();
    assert_eq!(report.expect("a redirect").changed, 1);
    let redirected = lease_of(&*store, "acme/two.example", NOW);
    assert_eq!(redirected.len(), 1);
    assert_eq!(redirected[0].recipients[0].recipient.organization, acme());
    assert_eq!(due(&*store, NOW), ["one.example"]);
}

/// The message is on its way to the address as another organization's: no second copy of it joins it.
pub(super) fn redirect_leaves_one_copy(place: &dyn Place) {
    let store = place.open();
    let demand = |origin: &str| Demand {
        level: DemandLevel::Encryption,
        origin: origin.to_owned(),
    };
    let mut accepted = accepted(&["a@one.example", "b@two.example"], NOW);
    accepted.envelope.recipients[0].organization = acme();
    accepted.envelope.recipients[1].carried.push(demand("theirs"));
    let message = draft(&*store, b"x", NOW);
    let id = store.commit(message, accepted, false).wait().expect("a commit").id;
    let under_way = lease_of(&*store, "acme/one.example", NOW);
    let to = mailbox("c@three.example");
    let report = store.redirect(id, to.clone(), vec![demand("redirect")], NOW).wait();
    assert_eq!(report.expect("a redirect").in_flight, 1);
    assert_eq!(due(&*store, NOW), ["three.example"]);
    // What was in flight follows when its attempt has ended, and finds the other there.
    settle_all(&*store, under_way, &deferred(secs(30)), NOW);
    assert_eq!(due(&*store, NOW), ["three.example"]);
    let [left] = &lease_of(&*store, "three.example", NOW)[..] else {
        panic!("one message")
    };
    let [queued] = &left.recipients[..] else {
        panic!("one recipient: {:?}", left.recipients)
    };
    assert_eq!(
        (&queued.recipient.mailbox, queued.recipient.organization.is_first()),
        (&to, true)
    );
    assert_eq!(queued.recipient.carried, [demand("theirs"), demand("redirect")]);
}

pub(super) fn held_recipients_wait_for_those_beside_them(place: &dyn Place) {
    let store = place.open();
    let message = draft(&*store, b"x", NOW);
    let to = ["a@one.example", "b@one.example"];
    let id = store
        .commit(message, accepted(&to, NOW), false)
        .wait()
        .expect("a commit")
        .id;
    let held = |store: &dyn Store, now: Timestamp| {
        let filter = QueueFilter {
            held: Some(true),
            ..QueueFilter::default()
        };
        store.list(filter, now, None, 10).wait().expect("a list")
    };
    // One is refused for good and held, the other put off: that one is tried again.
    let lease = lease_of(&*store, "one.example", NOW).swap_remove(0);
    let mut ends = settlement(&lease, &deferred(secs(30)), NOW);
    ends.results[0].hold = true;
    store.settle(lease, ends).wait().expect("a settlement");
    assert!(held(&*store, NOW).is_empty());
    let lease = lease_of(&*store, "one.example", secs(30)).swap_remove(0);
    let waiting: Vec<bool> = lease.recipients.iter().map(|queued| queued.held).collect();
    assert_eq!(waiting, [true, false]);
    // It is left as it was while that one ends.
    let mut ends = settlement(&lease, &deferred(secs(60)), secs(30));
    ends.results[0].hold = true;
    ends.results[0].evidence = None;
    ends.results[1].outcome = delivered();
    store.settle(lease, ends).wait().expect("a settlement");
    let rows = held(&*store, secs(30));
    assert_eq!((rows.len(), rows[0].id, rows[0].held), (1, id, true));
    assert_eq!(rows[0].recipients, ["a@one.example"]);
    assert!(rows[0].last_fault.is_some());
    store.stop().wait().expect("a stop");
    drop(store);

    let store = place.open();
    assert_eq!(due(&*store, secs(1000)), Vec::<String>::new());
    let which = || Selection::Ids(vec![id]);
    let released = store.release(which(), secs(1000)).wait().expect("a release");
    assert_eq!(released.changed, 1);
    // Released, it is given out until something comes of it, and held again when nothing has changed.
    drop(lease_of(&*store, "one.example", secs(1000)).swap_remove(0));
    assert!(held(&*store, secs(1000)).is_empty());
    let lease = lease_of(&*store, "one.example", secs(1000)).swap_remove(0);
    assert!(lease.recipients[0].held && lease.recipients[0].attempts == 1);
    let mut ends = settlement(&lease, &deferred(secs(1001)), secs(1000));
    ends.results[0].hold = true;
    // What is ordered meanwhile is done.
    store.retry(which(), secs(1000)).wait().expect("a retry");
    store.settle(lease, ends).wait().expect("a settlement");
    let lease = lease_of(&*store, "one.example", secs(1000)).swap_remove(0);
    let ends = settlement(&lease, &deferred(secs(1001)), secs(1000));
    store.settle(lease, ends).wait().expect("a settlement");
    let lease = lease_of(&*store, "one.example", secs(1001)).swap_remove(0);
    assert!(!lease.recipients[0].held, "it is only put off now");
    drop(lease);
    // Elsewhere nobody has refused it.
    let lease = lease_of(&*store, "one.example", secs(1001)).swap_remove(0);
    let mut ends = settlement(&lease, &deferred(secs(1002)), secs(1001));
    ends.results[0].hold = true;
    store.settle(lease, ends).wait().expect("a settlement");
    store
        .redirect(id, mailbox("c@two.example"), Vec::new(), secs(1002))
        .wait()
        .expect("a redirect");
    store.release(which(), secs(1002)).wait().expect("a release");
    let lease = lease_of(&*store, "two.example", secs(1002)).swap_remove(0);
    assert!(!lease.recipients[0].held);
}
