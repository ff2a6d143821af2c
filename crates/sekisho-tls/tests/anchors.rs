//! Sets of trust anchors: where each comes from, joined, listed and searched.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod support;

use std::{collections::HashMap, fs, path::Path};

use sekisho_mail::{AnchorSetId, Verdict};
use sekisho_tls::{AnchorSearch, AnchorSet, AnchorSource, PeerChain, Verifier};
use support::*;

#[test]
fn what_is_built_in_is_known_with_certificate_and_date_each_of_it() {
    let bundled = AnchorSet::bundled();
    assert!(bundled.len() > 100, "{}", bundled.len());
    for anchor in bundled.anchors() {
        assert_eq!(anchor.sources, [AnchorSource::Bundled]);
        assert!(!anchor.certificate().is_empty() && !anchor.is_pin, "{anchor:?}");
        assert!(!anchor.subject.is_empty() && !anchor.key.is_empty());
        assert!(anchor.not_before < anchor.not_after);
    }
}

#[test]
fn a_root_is_found_by_fingerprint_by_certificate_and_by_a_part_of_its_subject() {
    let (own, other) = (Authority::new(), Authority::new());
    let set = AnchorSet::joined([&AnchorSet::bundled(), &AnchorSet::load(&own.pem).unwrap()]);
    let anchor = set.anchors().last().unwrap();
    assert_eq!(anchor.sources, [AnchorSource::File(own.pem.clone())]);
    assert!(anchor.is_pin, "self-signed, and the operator's");
    let plain = anchor.sha256.to_string();
    let with_colons = plain
        .to_uppercase()
        .as_bytes()
        .chunks(2)
        .map(|pair| str::from_utf8(pair).unwrap())
        .collect::<Vec<_>>()
        .join(":");
    for wanted in [plain.as_str(), &with_colons, "TEST Authority", "  authority "] {
        let wanted = AnchorSearch::parse(wanted).unwrap();
        assert_eq!(
            set.anchors()
                .filter(|found| wanted.is_met_by(found) && *found == anchor)
                .count(),
            1,
            "{wanted:?}"
        );
    }
    let found = |wanted: &AnchorSearch| set.anchors().filter(|anchor| wanted.is_met_by(anchor)).count();
    let of = |file: &Path| AnchorSearch::of(AnchorSet::load(file).unwrap().anchors().next().unwrap());
    assert_eq!(found(&of(&own.pem)), 1);
    assert_eq!(found(&of(&other.pem)), 0, "the same subject with another key");
    assert_eq!(found(&AnchorSearch::parse("no such root").unwrap()), 0);
    assert_eq!(found(&AnchorSearch::parse(&"0".repeat(64)).unwrap()), 0);
    for nothing in [String::new(), "  ".to_owned(), "a".repeat(2000)] {
        assert!(AnchorSearch::parse(&nothing).is_err());
    }
}

#[tokio::test]
async fn a_joined_set_trusts_what_each_of_its_parts_does_and_says_who_gave_it() {
    let authorities: [Authority; 2] = std::array::from_fn(|_| Authority::new());
    let pem = |place: usize| fs::read_to_string(&authorities[place].pem).unwrap();
    let file = AnchorSet::load(&authorities[0].pem).unwrap();
    let document = AnchorSet::parse(&(pem(0) + &pem(1)), "organization acme").unwrap();
    let joined = AnchorSet::joined([&file, &document]);
    assert_eq!(joined.len(), 2, "what two give is there once");
    let sources: Vec<_> = joined.anchors().map(|anchor| anchor.sources.clone()).collect();
    let by_document = AnchorSource::Document("organization acme".to_owned());
    let by_file = AnchorSource::File(authorities[0].pem.clone());
    assert_eq!(sources, [vec![by_file, by_document.clone()], vec![by_document]]);
    let verifier = Verifier::new(HashMap::from([
        (anchors(), joined),
        (AnchorSetId("file".to_owned()), file),
    ]));
    for (place, by_file_alone) in [(0, Verdict::Holds.word()), (1, "incomplete-chain")] {
        let files = authorities[place].server(&["mx.example.org"]);
        let chain = PeerChain::of_server_in_pem(&fs::read_to_string(&files.chain).unwrap()).unwrap();
        assert_eq!(verifier.path(&chain, &anchors(), NOW).verdict, Verdict::Holds);
        let alone = verifier.path(&chain, &AnchorSetId("file".to_owned()), NOW).verdict;
        assert!(
            alone.word() == by_file_alone || alone.word() == "bad-signature",
            "{alone:?}"
        );
    }
}

#[test]
fn a_certificate_of_the_systems_is_a_pin_only_when_the_operator_gives_it_too() {
    let bundled = AnchorSet::bundled();
    let root = bundled.anchors().next().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("root.pem");
    fs::write(&file, in_pem(root.certificate())).unwrap();
    let joined = AnchorSet::joined([&bundled, &AnchorSet::load(&file).unwrap()]);
    assert_eq!(joined.len(), bundled.len());
    let pins: Vec<_> = joined.anchors().filter(|anchor| anchor.is_pin).collect();
    assert_eq!(pins.len(), 1);
    assert_eq!(pins[0].sources, [AnchorSource::Bundled, AnchorSource::File(file)]);
}
