//! Whether a certificate is revoked: by CRL, by OCSP and by a stapled answer, told truly or not at all.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod support;

use std::{collections::HashMap, sync::Arc, time::Duration};

use sekisho_mail::{CertificateFault, ChainAnswers, Check, Timestamp, Verdict};
use sekisho_testkit::{
    authority::{Appointment, Authority, Endpoints, Pem},
    der,
    revocation::{Crl, ECDSA_WITH_SHA1, Ocsp, OcspStatus},
};
use sekisho_tls::{
    AnchorSet, CrlError, OcspError, PeerChain, RETRY_AFTER, RevocationError, RevocationKind, RevocationNeed,
    Revocations, SignatureFault, UNUSED_FOR, Verifier,
};
use support::{NOW, anchors, path_check};

const GRACE: Duration = Duration::from_secs(24 * 3600);
const HOUR: Duration = Duration::from_secs(3600);
const WEEK: Duration = Duration::from_secs(7 * 24 * 3600);
const SECOND: Duration = Duration::from_secs(1);
const URI: &str = "http://crl.example/ca.crl";
const OTHER_URI: &str = "http://crl.example/other.crl";
const OCSP: &str = "http://ocsp.example/";
const LEAF: u64 = 77;

fn verifier(root: &Authority) -> Verifier {
    let set = AnchorSet::parse(root.anchor(), "a test").unwrap();
    Verifier::with_revocations(HashMap::from([(anchors(), set)]), Arc::new(Revocations::new(GRACE)))
}

fn check() -> Check {
    Check::Revocation { anchors: anchors() }
}

fn chain(pem: &Pem) -> PeerChain {
    PeerChain::of_server_in_pem(&pem.chain).unwrap()
}

fn leaf(authority: &Authority, endpoints: &Endpoints) -> PeerChain {
    chain(&authority.server_with(&["mx.bank.example"], LEAF, endpoints))
}

fn answers(verifier: &Verifier, chain: &PeerChain, now: Timestamp) -> ChainAnswers {
    verifier.verify(chain, &[check()], now)
}

fn verdict(verifier: &Verifier, chain: &PeerChain, now: Timestamp) -> Verdict {
    answers(verifier, chain, now).verdicts.remove(0).1
}

fn needs(verifier: &Verifier, chain: &PeerChain, now: Timestamp) -> Vec<RevocationNeed> {
    verifier.revocation_needs(chain, &[check()], now)
}

/// The one thing that is needed.
fn need(verifier: &Verifier, chain: &PeerChain, now: Timestamp) -> RevocationNeed {
    let mut needs = needs(verifier, chain, now);
    assert_eq!(needs.len(), 1, "{needs:?}");
    needs.remove(0)
}

fn take(verifier: &Verifier, need: &RevocationNeed, octets: &[u8], now: Timestamp) {
    verifier.revocations().take(need, octets, now).unwrap();
}

fn refused(verifier: &Verifier, need: &RevocationNeed, octets: &[u8]) -> RevocationError {
    verifier.revocations().take(need, octets, NOW).unwrap_err()
}

fn crl_error(verifier: &Verifier, need: &RevocationNeed, octets: &[u8]) -> CrlError {
    match refused(verifier, need, octets) {
        RevocationError::Crl(error) => error,
        RevocationError::Ocsp(error) => panic!("{error}"),
    }
}

fn ocsp_error(verifier: &Verifier, need: &RevocationNeed, octets: &[u8]) -> OcspError {
    match refused(verifier, need, octets) {
        RevocationError::Ocsp(error) => error,
        RevocationError::Crl(error) => panic!("{error}"),
    }
}

#[track_caller]
fn assert_revoked(verdict: &Verdict, by: &str) {
    let Verdict::Fails(CertificateFault::Revoked(why)) = verdict else {
        panic!("{verdict:?}");
    };
    assert!(why.contains(by), "{why}");
}

#[track_caller]
fn assert_unknown(verdict: &Verdict, because: &str) {
    let Verdict::Unknown(why) = verdict else {
        panic!("{verdict:?}");
    };
    assert!(why.contains(because), "{why}");
}

#[test]
fn a_leaf_that_a_crl_revokes_is_revoked_and_the_others_are_not() {
    let root = Authority::new();
    let verifier = verifier(&root);
    let (revoked, good) = (
        leaf(&root, &Endpoints::crl(URI)),
        chain(&root.server_with(&["other.example"], 78, &Endpoints::crl(URI))),
    );
    assert_unknown(
        &verdict(&verifier, &revoked, NOW),
        "http://crl.example/ca.crl is not held yet",
    );
    let need = need(&verifier, &revoked, NOW);
    assert_eq!(
        (need.uri(), need.kind(), need.ocsp_request()),
        (URI, RevocationKind::Crl, None)
    );
    assert_eq!(need.issuer(), "CN=Sekisho test authority");
    take(&verifier, &need, &root.crl(&Crl::of(NOW).revoking(LEAF)), NOW);
    let expected = "\"CN=Sekisho test leaf\" on 2027-01-15T08:00:00.000Z, its key was compromised, says the CRL \
                    http://crl.example/ca.crl";
    assert_eq!(
        verdict(&verifier, &revoked, NOW),
        Verdict::Fails(CertificateFault::Revoked(expected.to_owned()))
    );
    let answers = answers(&verifier, &good, NOW);
    assert_eq!(answers.verdicts[0].1, Verdict::Holds);
    assert_eq!(
        answers.revocation_sources,
        [
            "other.example: CRL http://crl.example/ca.crl of 2027-01-15T08:00:00.000Z, \
             valid until 2027-01-22T08:00:00.000Z"
        ]
    );
    assert!(needs(&verifier, &revoked, NOW).is_empty());
}

#[test]
fn an_intermediate_that_its_authority_revokes_is_revoked_for_every_leaf_below() {
    let root = Authority::new();
    let middle = root.intermediate_with(5, &Endpoints::crl(URI));
    let verifier = verifier(&root);
    let chain = leaf(&middle, &Endpoints::crl(OTHER_URI));
    let wanted = needs(&verifier, &chain, NOW);
    assert_eq!(
        wanted.iter().map(RevocationNeed::uri).collect::<Vec<_>>(),
        [OTHER_URI, URI]
    );
    take(&verifier, &wanted[0], &middle.crl(&Crl::of(NOW)), NOW);
    assert_unknown(
        &verdict(&verifier, &chain, NOW),
        "CN=Sekisho test intermediate: the CRL",
    );
    take(&verifier, &wanted[1], &root.crl(&Crl::of(NOW)), NOW);
    let good = answers(&verifier, &chain, NOW);
    assert_eq!(good.verdicts[0].1, Verdict::Holds);
    assert!(good.revocation_sources[0].starts_with("mx.bank.example: CRL http://crl.example/other.crl"));
    assert!(good.revocation_sources[1].starts_with("CN=Sekisho test intermediate: CRL http://crl.example/ca.crl"));
    let later = NOW.plus(HOUR);
    take(&verifier, &wanted[1], &root.crl(&Crl::of(later).revoking(5)), later);
    assert_revoked(&verdict(&verifier, &chain, later), "\"CN=Sekisho test intermediate\"");
}

#[test]
fn revoked_wins_over_unknown_and_unknown_over_not_revocable() {
    let root = Authority::new();
    let verifier = verifier(&root);
    let nowhere = root.intermediate();
    let not_revocable = Verdict::Fails(CertificateFault::NotRevocable(
        "CN=Sekisho test intermediate".to_owned(),
    ));
    let chain = leaf(&nowhere, &Endpoints::crl(URI));
    assert_unknown(&verdict(&verifier, &chain, NOW), "mx.bank.example: the CRL");
    let need = need(&verifier, &chain, NOW);
    take(&verifier, &need, &nowhere.crl(&Crl::of(NOW)), NOW);
    assert_eq!(verdict(&verifier, &chain, NOW), not_revocable);
    let later = NOW.plus(HOUR);
    take(&verifier, &need, &nowhere.crl(&Crl::of(later).revoking(LEAF)), later);
    assert_revoked(&verdict(&verifier, &chain, later), "\"CN=Sekisho test leaf\"");
}

/// RUSTSEC-2026-0048, RUSTSEC-2026-0049: only the first was asked.
#[test]
fn every_distribution_point_is_consulted_and_the_second_one_may_revoke() {
    let root = Authority::new();
    let verifier = verifier(&root);
    let chain = leaf(&root, &Endpoints::crl(URI).and_crl(OTHER_URI));
    let wanted = needs(&verifier, &chain, NOW);
    assert_eq!(wanted.len(), 2);
    take(
        &verifier,
        &wanted[0],
        &root.crl(&Crl::of(NOW).scoped(Some(URI), &[])),
        NOW,
    );
    assert_unknown(&verdict(&verifier, &chain, NOW), OTHER_URI);
    let shard = Crl::of(NOW).scoped(Some(OTHER_URI), &[]).revoking(LEAF);
    take(&verifier, &wanted[1], &root.crl(&shard), NOW);
    assert_revoked(&verdict(&verifier, &chain, NOW), OTHER_URI);
}

#[test]
fn the_addresses_of_one_point_are_one_for_the_other() {
    let root = Authority::new();
    let verifier = verifier(&root);
    let endpoints = Endpoints {
        points: vec![vec!["ldap:///CN=ca".to_owned(), URI.to_owned(), OTHER_URI.to_owned()]],
        ..Endpoints::default()
    };
    let chain = leaf(&root, &endpoints);
    let first = need(&verifier, &chain, NOW);
    assert_eq!(first.uri(), URI);
    verifier.revocations().note_failure(&first, "no route to host", NOW);
    assert_unknown(
        &verdict(&verifier, &chain, NOW),
        "could not be had: no route to host (tried at 2027",
    );
    let second = need(&verifier, &chain, NOW);
    assert_eq!(second.uri(), OTHER_URI);
    verifier.revocations().note_failure(&second, "404", NOW);
    assert!(needs(&verifier, &chain, NOW).is_empty(), "both failed just before");
    assert_eq!(need(&verifier, &chain, NOW.plus(RETRY_AFTER)), first);
    take(&verifier, &second, &root.crl(&Crl::of(NOW)), NOW);
    assert_eq!(verdict(&verifier, &chain, NOW), Verdict::Holds);
}

#[test]
fn a_crl_that_is_not_the_issuers_own_and_whole_is_refused_in_words() {
    let root = Authority::new();
    let verifier = verifier(&root);
    let namesake = Authority::new();
    let stranger = Authority::called("Somebody else");
    let chain = leaf(&root, &Endpoints::crl(URI));
    let need = need(&verifier, &chain, NOW);
    let crl = || Crl::of(NOW);
    let unknown_critical = der::extension(&[0x2a, 0x03], true, &[0x05, 0x00]);
    let freshest = der::extension(&[0x55, 0x1d, 46], false, &[0x30, 0x00]);
    let of_another = der::extension(&[0x55, 0x1d, 29], true, &[0x30, 0x00]);
    let mut indirect_entry = crl();
    indirect_entry.revoked.push((9, vec![of_another]));
    let (mut endless, mut weak) = (crl(), crl());
    endless.next_update = None;
    weak.algorithm = ECDSA_WITH_SHA1;
    for (octets, error) in [
        (namesake.crl(&crl()), "not by its signer's key"),
        (
            stranger.crl(&crl()),
            "the CRL of \"CN=Somebody else\", not of \"CN=Sekisho test authority\"",
        ),
        (root.crl(&weak), "signed by means of SHA-1"),
        (root.crl(&crl().delta(1)), "delta CRL"),
        (root.crl(&crl().revoking_for(9, 8)), "delta CRL"),
        (root.crl(&crl().scoped(None, &[0x84])), "indirect CRL"),
        (root.crl(&indirect_entry), "indirect CRL"),
        (
            root.crl(&crl().scoped(Some(OTHER_URI), &[])),
            "for another distribution point, http://crl.example/other.crl",
        ),
        (root.crl(&crl().scoped(None, &[0x85])), "attribute certificates only"),
        (root.crl(&crl().scoped(None, &[0x83])), "some reasons only"),
        (root.crl(&crl().with(unknown_critical)), "the critical extension 1.2.3"),
        (root.crl(&endless), "does not say until when"),
        (
            root.crl(&Crl::of(NOW.plus(HOUR))),
            "from the future (2027-01-15T09:00:00.000Z)",
        ),
        (
            root.crl(&Crl::of(NOW.minus(WEEK).minus(SECOND))),
            "expired at 2027-01-15T07:59:59.000Z",
        ),
        (b"<html>404 not found</html>".to_vec(), "no CRL, or a broken one"),
        (b"-----BEGIN X509 CRL-----".to_vec(), "in PEM"),
        (vec![0x30; sekisho_tls::MAX_CRL_LEN + 1], "larger than"),
    ] {
        let refused = crl_error(&verifier, &need, &octets).to_string();
        assert!(refused.contains(error), "{error:?} is not in {refused:?}");
        assert_unknown(&verdict(&verifier, &chain, NOW), &refused);
    }
    let skewed = root.crl(&Crl::of(NOW.plus(Duration::from_secs(60))).with(freshest));
    take(&verifier, &need, &skewed, NOW);
    assert_eq!(verdict(&verifier, &chain, NOW), Verdict::Holds);
}

#[test]
fn an_issuer_without_crl_sign_signs_no_crls() {
    let root = Authority::without_crl_sign();
    let verifier = verifier(&root);
    let chain = leaf(&root, &Endpoints::crl(URI));
    let need = need(&verifier, &chain, NOW);
    assert_eq!(
        crl_error(&verifier, &need, &root.crl(&Crl::of(NOW))),
        CrlError::MayNotSign
    );
}

#[test]
fn a_crl_for_one_kind_of_certificates_says_nothing_of_the_other() {
    let root = Authority::new();
    let middle = root.intermediate_with(5, &Endpoints::crl(URI));
    let verifier = verifier(&root);
    let user = leaf(&root, &Endpoints::crl(URI));
    let authority = leaf(&middle, &Endpoints::ocsp(OCSP));
    let need = need(&verifier, &user, NOW);
    take(&verifier, &need, &root.crl(&Crl::of(NOW).scoped(None, &[0x81])), NOW);
    assert_eq!(verdict(&verifier, &user, NOW), Verdict::Holds);
    let wanted = needs(&verifier, &authority, NOW);
    assert_eq!(wanted.iter().map(RevocationNeed::uri).collect::<Vec<_>>(), [OCSP]);
    take(
        &verifier,
        &wanted[0],
        &middle.ocsp(&Ocsp::of(LEAF, OcspStatus::Good, NOW)),
        NOW,
    );
    assert_unknown(
        &verdict(&verifier, &authority, NOW),
        "for the certificates of users only",
    );
    let later = NOW.plus(HOUR);
    take(
        &verifier,
        &need,
        &root.crl(&Crl::of(later).scoped(None, &[0x82])),
        later,
    );
    assert_unknown(
        &verdict(&verifier, &user, later),
        "for the certificates of authorities only",
    );
    assert_eq!(verdict(&verifier, &authority, later), Verdict::Holds);
}

#[test]
fn an_older_crl_never_takes_the_place_of_a_newer_one() {
    let root = Authority::new();
    let verifier = verifier(&root);
    let chain = leaf(&root, &Endpoints::crl(URI));
    let need = need(&verifier, &chain, NOW);
    let (older, newer) = (Crl::of(NOW.minus(HOUR)), Crl::of(NOW).revoking(LEAF));
    take(&verifier, &need, &root.crl(&newer), NOW);
    let mut lower = Crl::of(NOW.plus(SECOND));
    lower.number = Some(1);
    for refused in [older, lower] {
        assert_eq!(crl_error(&verifier, &need, &root.crl(&refused)), CrlError::Older(NOW));
    }
    assert_revoked(&verdict(&verifier, &chain, NOW), URI);
    take(&verifier, &need, &root.crl(&newer), NOW);
}

#[test]
fn an_expired_crl_answers_within_its_grace_and_not_a_moment_longer() {
    let root = Authority::new();
    let verifier = verifier(&root);
    let chain = leaf(&root, &Endpoints::crl(URI));
    let need = need(&verifier, &chain, NOW);
    take(&verifier, &need, &root.crl(&Crl::of(NOW)), NOW);
    let ends = NOW.plus(WEEK);
    let source = |now| answers(&verifier, &chain, now).revocation_sources.concat();
    assert!(
        source(ends).contains("valid until 2027-01-22T08:00:00.000Z"),
        "{}",
        source(ends)
    );
    let expired = ends.plus(SECOND);
    let expected = "expired at 2027-01-22T08:00:00.000Z, within the grace until 2027-01-23T08:00:00.000Z";
    assert!(source(expired).contains(expected), "{}", source(expired));
    assert!(needs(&verifier, &chain, expired).is_empty(), "it answers");
    assert_eq!(verdict(&verifier, &chain, ends.plus(GRACE)), Verdict::Holds);
    let over = ends.plus(GRACE).plus(SECOND);
    assert_unknown(
        &verdict(&verifier, &chain, over),
        "its grace ended at 2027-01-23T08:00:00.000Z",
    );
    assert_eq!(self::need(&verifier, &chain, over), need);
    verifier.revocations().set_grace(WEEK);
    assert_eq!(
        verdict(&verifier, &chain, over),
        Verdict::Holds,
        "another grace counts at once"
    );
    let held = verifier.revocations().held().remove(0);
    assert_eq!(held.grace_end, Some(ends.plus(WEEK)));
}

#[test]
fn what_was_revoked_stays_so_while_nobody_knows_better() {
    let root = Authority::new();
    let verifier = verifier(&root);
    let chain = leaf(&root, &Endpoints::crl(URI).and_ocsp(OCSP));
    let need = need(&verifier, &chain, NOW);
    take(&verifier, &need, &root.crl(&Crl::of(NOW).revoking_for(LEAF, 6)), NOW);
    let over = NOW.plus(WEEK).plus(GRACE).plus(HOUR);
    assert_revoked(&verdict(&verifier, &chain, over), "it is on hold");
    assert_eq!(self::need(&verifier, &chain, over), need, "it may have been lifted");
    take(&verifier, &need, &root.crl(&Crl::of(over)), over);
    assert_eq!(verdict(&verifier, &chain, over), Verdict::Holds);
}

#[test]
fn kept_answers_end_when_what_they_stand_on_does_or_is_replaced() {
    let root = Authority::new();
    let verifier = verifier(&root);
    let chain = leaf(&root, &Endpoints::crl(URI));
    let need = need(&verifier, &chain, NOW);
    let mut short = Crl::of(NOW);
    short.next_update = Some(NOW.plus(Duration::from_secs(60)));
    verifier.revocations().set_grace(Duration::ZERO);
    take(&verifier, &need, &root.crl(&short), NOW);
    let generation = verifier.revocations().generation();
    let last = NOW.plus(Duration::from_secs(60));
    assert_eq!(verdict(&verifier, &chain, NOW), Verdict::Holds);
    assert_eq!(verdict(&verifier, &chain, last), Verdict::Holds);
    assert_unknown(&verdict(&verifier, &chain, last.plus(SECOND)), "expired");
    assert_eq!(verdict(&verifier, &chain, last), Verdict::Holds, "a clock set back");
    assert_unknown(&verdict(&verifier, &chain, NOW.minus(HOUR)), "from the future");
    assert_eq!(
        verifier.revocations().generation(),
        generation,
        "asking changes nothing"
    );
    take(
        &verifier,
        &need,
        &root.crl(&Crl::of(NOW.plus(SECOND)).revoking(LEAF)),
        NOW,
    );
    assert_ne!(verifier.revocations().generation(), generation);
    assert_revoked(&verdict(&verifier, &chain, NOW), URI);
}

#[test]
fn ocsp_is_asked_where_there_is_no_crl_or_none_can_be_had() {
    let root = Authority::new();
    let verifier = verifier(&root);
    let chain = leaf(&root, &Endpoints::crl(URI).and_ocsp(OCSP));
    let crl = need(&verifier, &chain, NOW);
    assert_eq!(crl.kind(), RevocationKind::Crl);
    verifier.revocations().note_failure(&crl, "timed out", NOW);
    let ocsp = need(&verifier, &chain, NOW);
    assert_eq!((ocsp.kind(), ocsp.uri()), (RevocationKind::Ocsp, OCSP));
    // Whoever found that it answers need not wait.
    let generation = verifier.revocations().generation();
    verifier.revocations().try_anew("http://elsewhere.example/");
    assert_eq!(verifier.revocations().generation(), generation);
    verifier.revocations().try_anew(URI);
    assert_eq!(need(&verifier, &chain, NOW).uri(), URI);
    verifier.revocations().note_failure(&crl, "timed out", NOW);
    take(
        &verifier,
        &ocsp,
        &root.ocsp(&Ocsp::of(LEAF, OcspStatus::Good, NOW)),
        NOW,
    );
    let good = answers(&verifier, &chain, NOW);
    assert_eq!(good.verdicts[0].1, Verdict::Holds);
    assert_eq!(
        good.revocation_sources,
        [
            "mx.bank.example: OCSP http://ocsp.example/ of 2027-01-15T08:00:00.000Z, \
             valid until 2027-01-22T08:00:00.000Z"
        ]
    );
    take(&verifier, &crl, &root.crl(&Crl::of(NOW).revoking(LEAF)), NOW);
    assert_revoked(&verdict(&verifier, &chain, NOW), URI);
}

#[test]
fn a_responder_revokes_and_one_that_does_not_know_leaves_it_unknown() {
    let root = Authority::new();
    let verifier = verifier(&root);
    let chain = leaf(&root, &Endpoints::ocsp(OCSP));
    let need = need(&verifier, &chain, NOW);
    take(
        &verifier,
        &need,
        &root.ocsp(&Ocsp::of(LEAF, OcspStatus::Unknown, NOW)),
        NOW,
    );
    assert_unknown(&verdict(&verifier, &chain, NOW), "says that it does not know it");
    assert!(needs(&verifier, &chain, NOW).is_empty());
    assert_eq!(self::need(&verifier, &chain, NOW.plus(RETRY_AFTER)), need);
    let revoked = Ocsp::of(LEAF, OcspStatus::Revoked(NOW.minus(HOUR)), NOW);
    take(
        &verifier,
        &need,
        &root.ocsp_by(&root.delegate(Appointment::Good), &revoked),
        NOW,
    );
    assert_revoked(
        &verdict(&verifier, &chain, NOW),
        "on 2027-01-15T07:00:00.000Z, its key was compromised, says the OCSP responder http://ocsp.example/",
    );
}

/// CVE-2022-1343: an answer by a signer who was none was good.
#[test]
fn an_ocsp_answer_that_is_not_about_it_now_by_somebody_appointed_is_refused_in_words() {
    let (root, other) = (Authority::new(), Authority::called("Another"));
    let verifier = verifier(&root);
    let chain = leaf(&root, &Endpoints::ocsp(OCSP));
    let need = need(&verifier, &chain, NOW);
    let good = |at| Ocsp::of(LEAF, OcspStatus::Good, at);
    let mut weak = good(NOW);
    weak.algorithm = ECDSA_WITH_SHA1;
    let by = |appointment| root.ocsp_by(&root.delegate(appointment), &good(NOW));
    let renamed = Authority::new();
    for (octets, error) in [
        (
            root.ocsp(&Ocsp::of(78, OcspStatus::Good, NOW)),
            "about another certificate",
        ),
        (other.ocsp(&good(NOW)), "the responder's certificate is not there"),
        (renamed.ocsp(&good(NOW)), "not by its signer's key"),
        (root.ocsp(&weak), "signed by means of SHA-1"),
        (by(Appointment::Expired), "valid only from 2019-01-01"),
        (by(Appointment::WithoutUsage), "no OCSPSigning"),
        (
            root.ocsp_by(&other.delegate(Appointment::Good), &good(NOW)),
            "issued by another",
        ),
        (
            root.ocsp_by(&renamed.delegate(Appointment::Good), &good(NOW)),
            "not signed by the issuer's key",
        ),
        (Ocsp::refusal(1), "malformedRequest"),
        (Ocsp::refusal(2), "internalError"),
        (Ocsp::refusal(3), "tryLater"),
        (Ocsp::refusal(5), "sigRequired"),
        (Ocsp::refusal(6), "unauthorized"),
        (Ocsp::refusal(4), "a broken one (its status)"),
        (root.ocsp(&good(NOW.plus(HOUR))), "from the future"),
        (root.ocsp(&good(NOW.minus(WEEK).minus(HOUR))), "expired at"),
        (b"no answer".to_vec(), "no OCSP answer"),
        (vec![0x30; sekisho_tls::MAX_OCSP_LEN + 1], "larger than"),
    ] {
        let refused = ocsp_error(&verifier, &need, &octets).to_string();
        assert!(refused.contains(error), "{error:?} is not in {refused:?}");
        assert_unknown(&verdict(&verifier, &chain, NOW), &refused);
    }
    assert_eq!(
        ocsp_error(&verifier, &need, &root.ocsp(&weak)),
        OcspError::Signature(SignatureFault::Weak("SHA-1"))
    );
}

#[test]
fn an_answer_that_was_kept_for_later_is_not_taken_and_one_without_an_end_has_a_short_life() {
    let root = Authority::new();
    let verifier = verifier(&root);
    let chain = leaf(&root, &Endpoints::ocsp(OCSP));
    let need = need(&verifier, &chain, NOW);
    let mut endless = Ocsp::of(LEAF, OcspStatus::Good, NOW.minus(HOUR).minus(HOUR));
    endless.next_update = None;
    assert!(
        ocsp_error(&verifier, &need, &root.ocsp(&endless))
            .to_string()
            .contains("expired")
    );
    endless.this_update = NOW;
    take(&verifier, &need, &root.ocsp(&endless), NOW);
    assert_eq!(verdict(&verifier, &chain, NOW.plus(HOUR)), Verdict::Holds);
    assert_unknown(
        &verdict(&verifier, &chain, NOW.plus(HOUR + HOUR)),
        "ended at 2027-01-15T09:00:00.000Z",
    );
    let revoked = Ocsp::of(LEAF, OcspStatus::Revoked(NOW), NOW);
    take(&verifier, &need, &root.ocsp(&revoked), NOW);
    let before = Ocsp::of(LEAF, OcspStatus::Good, NOW.minus(HOUR));
    assert_eq!(ocsp_error(&verifier, &need, &root.ocsp(&before)), OcspError::Older(NOW));
    assert_revoked(&verdict(&verifier, &chain, NOW), OCSP);
}

#[test]
fn a_pin_is_revoked_by_nobody_and_where_no_path_leads_its_fault_is_told() {
    let root = Authority::new();
    let own = sekisho_testkit::authority::self_signed(&["mx.bank.example"]);
    let pinned = Verifier::new(HashMap::from([(
        anchors(),
        AnchorSet::parse(&own.chain, "a test").unwrap(),
    )]));
    let chain = chain(&own);
    let holds = answers(&pinned, &chain, NOW);
    assert_eq!(holds.verdicts[0].1, Verdict::Holds);
    assert_eq!(holds.revocation_sources, ["a pin, which nobody revokes"]);
    let stranger = verifier(&root);
    assert_eq!(
        verdict(&stranger, &chain, NOW),
        Verdict::Fails(CertificateFault::SelfSigned)
    );
    assert!(
        needs(&stranger, &chain, NOW).is_empty(),
        "nothing is fetched for a stranger's chain"
    );
    let unknown = leaf(&Authority::called("Nobody"), &Endpoints::crl("http://127.0.0.1:1/"));
    assert_eq!(verdict(&stranger, &unknown, NOW).word(), "untrusted");
    assert!(
        needs(&stranger, &unknown, NOW).is_empty(),
        "nothing is fetched for a stranger's chain"
    );
}

#[test]
fn an_expired_certificate_is_looked_up_on_the_path_that_it_had() {
    let root = Authority::new();
    let verifier = verifier(&root);
    let chain = chain(&root.expired_with(&["mx.bank.example"], LEAF, &Endpoints::crl(URI)));
    let verdicts = verifier.verify(&chain, &[path_check(), check()], NOW).verdicts;
    assert_eq!(verdicts[0].1.word(), "expired");
    let need = need(&verifier, &chain, NOW);
    take(&verifier, &need, &root.crl(&Crl::of(NOW).revoking(LEAF)), NOW);
    assert_revoked(&verdict(&verifier, &chain, NOW), URI);
}

#[test]
fn endpoints_that_cannot_be_used_are_told_from_none() {
    let root = Authority::new();
    let verifier = verifier(&root);
    let none = leaf(&root, &Endpoints::default());
    let fault = CertificateFault::NotRevocable("CN=Sekisho test leaf".to_owned());
    assert_eq!(verdict(&verifier, &none, NOW), Verdict::Fails(fault));
    let by_ldap = leaf(&root, &Endpoints::crl("ldap:///CN=ca"));
    assert_unknown(&verdict(&verifier, &by_ldap, NOW), "only to be had from ldap:///CN=ca");
    assert!(needs(&verifier, &by_ldap, NOW).is_empty());
    let beside_it = leaf(&root, &Endpoints::crl("ldap:///CN=ca").and_ocsp(OCSP));
    let need = need(&verifier, &beside_it, NOW);
    take(
        &verifier,
        &need,
        &root.ocsp(&Ocsp::of(LEAF, OcspStatus::Good, NOW)),
        NOW,
    );
    assert_eq!(verdict(&verifier, &beside_it, NOW), Verdict::Holds);
}

#[test]
fn what_is_held_is_fetched_ahead_while_it_is_asked_for_and_dropped_when_it_is_not() {
    let root = Authority::new();
    let verifier = verifier(&root);
    let chain = leaf(&root, &Endpoints::crl(URI));
    let need = need(&verifier, &chain, NOW);
    let mut short = Crl::of(NOW);
    short.next_update = Some(NOW.plus(HOUR));
    take(&verifier, &need, &root.crl(&short), NOW);
    let revocations = verifier.revocations();
    assert_eq!(verdict(&verifier, &chain, NOW), Verdict::Holds);
    let half = NOW.plus(HOUR / 2);
    assert!(revocations.due(half.minus(SECOND)).is_empty());
    assert_eq!(revocations.due(half), std::slice::from_ref(&need));
    revocations.note_failure(&need, "timed out", half);
    assert!(revocations.due(half).is_empty(), "it failed just before");
    assert_eq!(revocations.due(half.plus(RETRY_AFTER)), std::slice::from_ref(&need));
    revocations.note_failure(&need, "timed out", half.plus(RETRY_AFTER));
    assert!(
        revocations.due(half.plus(RETRY_AFTER * 2)).is_empty(),
        "the second time it waits longer"
    );
    let held = revocations.held().remove(0);
    assert_eq!(held.failure, Some((half.plus(RETRY_AFTER), "timed out".to_owned())));
    assert_eq!((held.entries, held.uri.as_str()), (Some(0), URI));
    assert!(revocations.due(NOW.plus(UNUSED_FOR).plus(HOUR)).is_empty());
    assert!(revocations.held().is_empty());
}

#[test]
fn what_was_kept_on_disk_is_verified_anew_when_it_is_read() {
    let root = Authority::new();
    let before = verifier(&root);
    let chain = leaf(&root, &Endpoints::crl(URI));
    let crl_need = need(&before, &chain, NOW);
    let octets = root.crl(&Crl::of(NOW).revoking(LEAF));
    take(&before, &crl_need, &octets, NOW);
    let entry = crl_need.cache_entry(&octets, NOW);
    assert_eq!(crl_need.cache_name().len(), 64);

    let after = verifier(&root);
    let revocations = after.revocations();
    let late = NOW.plus(WEEK).plus(GRACE);
    revocations.restore(&entry, late).unwrap();
    assert!(revocations.due(late).is_empty(), "no path has led to it yet");
    assert_revoked(&verdict(&after, &chain, late), URI);
    assert!(!revocations.due(late).is_empty());
    assert!(
        verifier(&root)
            .revocations()
            .restore(&entry, late.plus(SECOND))
            .is_err(),
        "the grace is over"
    );
    let forged = crl_need.cache_entry(&Authority::new().crl(&Crl::of(NOW)), NOW);
    assert!(verifier(&root).revocations().restore(&forged, NOW).is_err());
    for len in 0..entry.len() {
        assert!(revocations.restore(&entry[..len], NOW).is_err(), "{len}");
    }

    let by_ocsp = leaf(&root, &Endpoints::ocsp(OCSP));
    let ocsp_need = need(&after, &by_ocsp, NOW);
    let octets = root.ocsp(&Ocsp::of(LEAF, OcspStatus::Good, NOW));
    let entry = ocsp_need.cache_entry(&octets, NOW);
    assert_ne!(ocsp_need.cache_name(), crl_need.cache_name());
    revocations.restore(&entry, NOW).unwrap();
    assert_eq!(verdict(&after, &by_ocsp, NOW), Verdict::Holds);
}

#[test]
fn an_entry_of_the_cache_for_a_namesake_answers_nothing() {
    let (root, namesake) = (Authority::new(), Authority::new());
    let (verifier, other) = (verifier(&root), verifier(&namesake));
    let need = need(&other, &leaf(&namesake, &Endpoints::crl(URI)), NOW);
    let entry = need.cache_entry(&namesake.crl(&Crl::of(NOW)), NOW);
    verifier.revocations().restore(&entry, NOW).unwrap();
    let chain = leaf(&root, &Endpoints::crl(URI));
    assert_unknown(&verdict(&verifier, &chain, NOW), "is not held yet");
}

#[test]
fn a_hundred_thousand_entries_take_three_megabytes_and_are_searched_at_once() {
    let root = Authority::new();
    let verifier = verifier(&root);
    let chain = leaf(&root, &Endpoints::crl(URI));
    let need = need(&verifier, &chain, NOW);
    let mut crl = Crl::of(NOW);
    crl.revoked = (100..100_100).map(|serial| (serial, Vec::new())).collect();
    take(&verifier, &need, &root.crl(&crl), NOW);
    let held = verifier.revocations().held().remove(0);
    assert_eq!(held.entries, Some(100_000));
    assert!(held.memory < 3_000_000, "{}", held.memory);
    assert_eq!(verdict(&verifier, &chain, NOW), Verdict::Holds);
    let revoked = self::chain(&root.server_with(&["mx.example"], 77_777, &Endpoints::crl(URI)));
    assert_revoked(&verdict(&verifier, &revoked, NOW), URI);
}

/// RUSTSEC-2026-0104: a malformed CRL was a panic.
#[test]
fn what_is_cut_off_or_altered_anywhere_is_never_taken() {
    let root = Authority::new();
    let verifier = verifier(&root);
    let by_crl = need(&verifier, &leaf(&root, &Endpoints::crl(URI)), NOW);
    let by_ocsp = need(&verifier, &leaf(&root, &Endpoints::ocsp(OCSP)), NOW);
    let crl = root.crl(&Crl::of(NOW).scoped(Some(URI), &[0x81]).revoking(9));
    let ocsp = root.ocsp_by(
        &root.delegate(Appointment::Good),
        &Ocsp::of(LEAF, OcspStatus::Good, NOW),
    );
    for (need, octets) in [(&by_crl, &crl), (&by_ocsp, &ocsp)] {
        let refuse = |octets: &[u8]| drop(verifier.revocations().take(need, octets, NOW).unwrap_err());
        for len in 0..octets.len() {
            refuse(&octets[..len]);
        }
        refuse(&[octets, &[0][..]].concat());
        let mut altered = octets.clone();
        for place in 0..altered.len() {
            altered[place] ^= 0x21;
            // What is not signed is the form in which lengths are written, and the certificates that come along.
            let _ = verifier.revocations().take(need, &altered, NOW);
            altered[place] ^= 0x21;
        }
    }
    take(&verifier, &by_crl, &crl, NOW);
}

#[test]
fn points_for_some_reasons_may_revoke_and_only_such_as_cover_every_reason_together_say_good() {
    const KEY_COMPROMISE: &[u8] = &[0x40];
    const THE_OTHERS: &[u8] = &[0x3f, 0x80];
    let root = Authority::new();
    let crl = root.crl(&Crl::of(NOW));
    let fill = |verifier: &Verifier, chain: &PeerChain, octets: &[u8]| {
        let mut wanted = needs(verifier, chain, NOW);
        wanted.retain(|need| need.kind() == RevocationKind::Crl);
        wanted.iter().for_each(|need| take(verifier, need, octets, NOW));
    };
    let some = leaf(&root, &Endpoints::default().and_limited_crl(URI, KEY_COMPROMISE));
    let of_some = verifier(&root);
    fill(&of_some, &some, &crl);
    assert_unknown(&verdict(&of_some, &some, NOW), "some reasons of a revocation only");
    assert!(needs(&of_some, &some, NOW).is_empty());
    let revoking = verifier(&root);
    fill(&revoking, &some, &root.crl(&Crl::of(NOW).revoking(LEAF)));
    assert_revoked(&verdict(&revoking, &some, NOW), URI);

    for endpoints in [
        Endpoints::default()
            .and_limited_crl(URI, KEY_COMPROMISE)
            .and_limited_crl(OTHER_URI, THE_OTHERS),
        Endpoints::crl(OTHER_URI).and_limited_crl(URI, KEY_COMPROMISE),
    ] {
        let (both, verifier) = (leaf(&root, &endpoints), verifier(&root));
        fill(&verifier, &both, &crl);
        assert_eq!(verdict(&verifier, &both, NOW), Verdict::Holds, "{endpoints:?}");
    }
    // OCSP knows of every reason.
    let responder = Endpoints::ocsp(OCSP).and_limited_crl(URI, KEY_COMPROMISE);
    let (asked, verifier) = (leaf(&root, &responder), verifier(&root));
    fill(&verifier, &asked, &crl);
    let good = root.ocsp(&Ocsp::of(LEAF, OcspStatus::Good, NOW));
    take(&verifier, &need(&verifier, &asked, NOW), &good, NOW);
    assert_eq!(verdict(&verifier, &asked, NOW), Verdict::Holds);
}
