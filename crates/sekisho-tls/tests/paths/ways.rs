//! Ways through what was presented: other paths, circles, the wrong order, too many; and time.

use std::time::{Duration, Instant};

use rcgen::KeyPair;
use sekisho_mail::Timestamp;
use sekisho_tls::{MAX_PRESENTED, PeerChain};

use crate::{
    case::{Case, World, authority_signed, hold, pem_of, verifier_of},
    der::Template,
    support::{NOW, anchors},
};

fn until(day: &'static str) -> impl FnOnce(&mut Template) {
    move |template| template.validity.1 = day
}

fn from(day: &'static str) -> impl FnOnce(&mut Template) {
    move |template| template.validity.0 = day
}

#[tokio::test]
async fn a_path_is_found_past_what_has_ended() {
    let world = World::new();
    let (root, middle, leaf) = (world.root(|_| {}), world.middle(|_| {}), world.leaf(|_| {}));
    let (ended, early) = (until("20250101"), from("20350101"));
    let (ended_root, early_root) = (world.root(ended), world.root(early));
    let ended_middle = world.middle(until("20250101"));
    let other_root = authority_signed(("other", "other"), &world.other, &world.other, |_| {});
    // As the AddTrust root ended in 2020, whose successor was presented cross-signed by it.
    let cross = authority_signed(("other", "root"), &world.root, &world.other, |_| {});
    let by_ended = authority_signed(("other", "other"), &world.other, &world.other, until("20250101"));
    hold(
        &world,
        vec![
            Case::new("a root that has ended", [&leaf, &middle], [&ended_root]).fails("expired", "2025-01-01"),
            Case::new("a root that is not valid yet", [&leaf, &middle], [&early_root])
                .fails("not-yet-valid", "2035-01-01"),
            Case::new("an intermediate that has ended", [&leaf, &ended_middle], [&root]).fails("expired", "2025-01-01"),
            Case::new("its successor beside it", [&leaf, &ended_middle, &middle], [&root]),
            Case::new("a root's successor beside it", [&leaf, &middle], [&ended_root, &root]),
            Case::new(
                "a cross-signed root past one that has ended",
                [&leaf, &middle, &cross],
                [&ended_root, &other_root],
            ),
            Case::new(
                "a cross-signature of one that has ended",
                [&leaf, &middle, &cross],
                [&by_ended, &root],
            ),
            Case::new(
                "nothing but ended ones",
                [&leaf, &middle, &cross],
                [&by_ended, &ended_root],
            )
            .fails("expired", ""),
            Case::new(
                "a leaf that ends before it begins",
                [&world.leaf(until("20190101")), &middle],
                [&root],
            )
            .fails("wrong-use", "before it begins"),
            Case::new(
                "ended, and its successor not begun",
                [&world.leaf(until("20250101")), &world.middle(from("20350101"))],
                [&root],
            )
            .fails("wrong-use", "never valid"),
        ],
    )
    .await;
}

#[tokio::test]
async fn circles_and_disorder_are_gone_through() {
    let world = World::new();
    let (root, middle, leaf) = (world.root(|_| {}), world.middle(|_| {}), world.leaf(|_| {}));
    let back = authority_signed(("middle", "root"), &world.root, &world.middle, |_| {});
    let same_name = world.leaf_by("a server", &world.other, |_| {});
    let same_name_root = authority_signed(("a server", "a server"), &world.other, &world.other, |_| {});
    let stranger = authority_signed(("other", "other"), &world.other, &world.other, |_| {});
    let own = {
        let template = Template::new("own", "own", &world.leaf);
        template.signed(&world.leaf)
    };
    hold(
        &world,
        vec![
            Case::new("a circle", [&leaf, &middle, &back], [&stranger]).fails("untrusted", ""),
            Case::new("a circle with a way out", [&leaf, &back, &middle], [&root]),
            Case::new("a certificate twice", [&leaf, &leaf, &middle, &middle], [&root]),
            Case::new(
                "root and strangers between",
                [&leaf, &root, &stranger, &middle],
                [&root],
            ),
            Case::new(
                "of its authority's name, and not self-signed",
                [&same_name],
                [&same_name_root],
            ),
            Case::new("self-signed", [&own], [&root])
                .fails("self-signed", "")
                .for_another(),
            Case::new("self-signed, and given as an anchor", [&own], [&own]).for_another(),
            Case::new("a leaf as an anchor, which is no pin", [&leaf], [&leaf]).fails("incomplete-chain", ""),
        ],
    )
    .await;
}

/// Authorities below one another, from the root down, and a leaf below the last: the leaf first, then as they lie.
fn descent(world: &World, depth: usize) -> Vec<Vec<u8>> {
    let keys: Vec<KeyPair> = (0..depth).map(|_| KeyPair::generate().unwrap()).collect();
    let names: Vec<String> = (0..depth).map(|place| format!("level {place}")).collect();
    let mut presented = vec![world.leaf_by(&names[depth - 1], &keys[depth - 1], |_| {})];
    for (place, key) in keys.iter().enumerate() {
        let (issuer, issuer_key) = match place.checked_sub(1) {
            Some(above) => (names[above].as_str(), &keys[above]),
            None => ("root", &world.root),
        };
        presented.push(authority_signed((issuer, &names[place]), key, issuer_key, |_| {}));
    }
    presented
}

#[test]
fn thirty_two_certificates_in_any_order_are_enough_and_seven_levels_too_many() {
    let world = World::new();
    let verifier = verifier_of(&[world.root(|_| {})]);
    let verdict = |presented: &[Vec<u8>]| {
        let chain = PeerChain::of_server_in_pem(&pem_of(presented)).unwrap();
        verifier.path(&chain, &anchors(), NOW).verdict
    };
    let mut presented = descent(&world, 6);
    for number in 0..25 {
        let (name, key) = (format!("stranger {number}"), KeyPair::generate().unwrap());
        let stranger = authority_signed((&name, &name), &key, &key, |_| {});
        presented.insert(1 + number % presented.len(), stranger);
    }
    presented[1..].reverse();
    assert_eq!(presented.len(), 32);
    assert_eq!(verdict(&presented).word(), "valid");
    let too_deep = verdict(&descent(&world, 7));
    assert_eq!(too_deep.word(), "wrong-use", "{too_deep:?}");
    // What stands behind more than anybody presents is not looked at.
    let [leaf, middle] = [world.leaf(|_| {}), world.middle(|_| {})];
    let mut crowd = vec![leaf];
    crowd.resize(MAX_PRESENTED, world.root(|_| {}));
    crowd.push(middle);
    assert_eq!(verdict(&crowd), too_deep);
}

/// RUSTSEC-2023-0053, CVE-2018-16875: many authorities of the same name, each of which may be above each.
#[test]
fn no_crowd_of_authorities_keeps_the_verifier_busy() {
    let world = World::new();
    let other_root = authority_signed(("root", "root"), &world.other, &world.other, |_| {});
    let mut presented = vec![world.leaf_by("same", &world.other, |_| {})];
    for _ in 0..100 {
        let key = KeyPair::generate().unwrap();
        presented.push(authority_signed(("same", "same"), &key, &key, |_| {}));
        presented.push(authority_signed(("root", "same"), &key, &world.root, |_| {}));
    }
    let pem = pem_of(&presented);
    for trusted in [world.root(|_| {}), other_root] {
        let verifier = verifier_of(&[trusted]);
        for chain in [PeerChain::of_server_in_pem(&pem), PeerChain::of_client_in_pem(&pem)] {
            let begun = Instant::now();
            let verdict = verifier.path(&chain.unwrap(), &anchors(), NOW).verdict;
            assert!(
                matches!(verdict.word(), "not-checkable" | "bad-signature"),
                "{verdict:?}"
            );
            assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
        }
    }
}

/// Levels of authorities of which each may be below each of the next, and the last below the root.
fn maze(world: &World, levels: usize, width: usize) -> Vec<Vec<u8>> {
    let mut presented = vec![world.leaf_by("level 0", &world.other, until("20250101"))];
    for level in 0..levels {
        let (name, next) = (format!("level {level}"), format!("level {}", level + 1));
        let next = if level + 1 == levels { "root" } else { &next };
        for day in ["20250102", "20250103", "20250104", "20250105"]
            .into_iter()
            .cycle()
            .take(width)
        {
            let key = KeyPair::generate().unwrap();
            presented.push(authority_signed((next, &name), &key, &key, until(day)));
        }
    }
    presented
}

#[test]
fn no_maze_of_authorities_does_either() {
    let world = World::new();
    let verifier = verifier_of(&[world.root(|_| {})]);
    for (levels, width) in [(7, 9), (6, 10), (6, 4), (5, 4), (2, 30), (1, 63)] {
        let pem = pem_of(&maze(&world, levels, width));
        for chain in [PeerChain::of_server_in_pem(&pem), PeerChain::of_client_in_pem(&pem)] {
            let begun = Instant::now();
            let verdict = verifier.path(&chain.unwrap(), &anchors(), NOW).verdict;
            assert!(
                matches!(verdict.word(), "bad-signature" | "wrong-use" | "not-checkable"),
                "{verdict:?}"
            );
            assert!(
                begun.elapsed() < Duration::from_secs(5),
                "{levels} {width}: {:?}",
                begun.elapsed()
            );
        }
    }
}

#[test]
fn a_kept_answer_ends_when_the_root_does() {
    let world = World::new();
    let verifier = verifier_of(&[world.root(until("20270301"))]);
    let chain = PeerChain::of_server_in_pem(&pem_of(&[world.leaf(|_| {}), world.middle(|_| {})])).unwrap();
    let end = Timestamp::from_secs(20_878 * 86_400);
    let second = Duration::from_secs(1);
    for (at, word) in [
        (end.minus(second), "valid"),
        (end, "valid"),
        (end.plus(second), "expired"),
        (end, "valid"),
    ] {
        let answer = verifier.path(&chain, &anchors(), at);
        assert_eq!(answer.verdict.word(), word, "{at}");
        let built_at = answer.path.unwrap().built_at();
        assert!(built_at <= end, "{built_at}");
    }
}
