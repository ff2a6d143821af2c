//! Accounts, orders, proofs and hints, without the server around them.

use std::{fs, os::unix::fs::PermissionsExt as _};

use sekisho::acme::{CertificateId, ChallengeKind, FaultKind, RevocationCause, renewal_hint};
use sekisho_testkit::{enclosure::enclosed, foreign::PebbleSettings, request::SigningRequest};
use sekisho_tls::PeerChain;

use super::{World, external_account, order};
use sekisho::clock;

/// The facts of a chain's leaf.
fn leaf(chain: &str) -> sekisho_mail::CertificateFacts {
    let parsed = PeerChain::of_client_in_pem(chain).expect("a chain");
    assert!(parsed.facts().len() >= 2, "a leaf and its issuer: {chain}");
    parsed.facts()[0].clone()
}

#[test]
fn each_of_the_three_challenges_leads_to_a_certificate_and_leaves_nothing_behind() {
    enclosed(|| {
        let world = World::new(&PebbleSettings::default());
        let means = world.means();
        for (challenge, names) in [
            (ChallengeKind::Http01, vec!["mx.us.example", "www.us.example"]),
            (ChallengeKind::TlsAlpn01, vec!["mx.us.example", "www.us.example"]),
            (
                ChallengeKind::Dns01,
                vec!["us.example", "*.us.example", "elsewhere.example"],
            ),
        ] {
            let account = world.open(&world.settings(challenge)).expect("an account");
            let request = SigningRequest::new(&names);
            let chain = world.issue(&account, &means, &order(&names, &request));
            let chain = chain.unwrap_or_else(|fault| panic!("{challenge}: {fault}\n{}", world.pebble.log()));
            let leaf = leaf(&chain);
            assert_eq!(leaf.spki_sha256, request.key_digest(), "{challenge}");
            let mut found = leaf.dns_names.clone();
            found.sort();
            let mut wanted = names.clone();
            wanted.sort_unstable();
            assert_eq!(found, wanted, "{challenge}");
            assert!(world.files("order-").is_empty(), "{challenge}");
        }
        for name in ["_acme-challenge.us.example", "there.us.example"] {
            let answer = world.names.ask(name, "TXT");
            assert!(answer.contains("rcode: NXDOMAIN"), "{answer}");
        }
        // One account for all three, and its key is nobody else's to read.
        let [file] = &world.files("account")[..] else {
            panic!("one account: {:?}", world.files("account"));
        };
        assert_eq!(
            fs::metadata(file).expect("it is there").permissions().mode() & 0o777,
            0o600
        );
    });
}

#[test]
fn keys_of_all_three_algorithms_sign_updates_and_a_wrong_key_is_told_in_words() {
    enclosed(|| {
        for algorithm in ["hmac-sha384", "hmac-sha512"] {
            let world = World::with_algorithm(&PebbleSettings::default(), algorithm);
            let means = world.means();
            let account = world.open(&world.settings(ChallengeKind::Dns01)).expect("an account");
            let names = ["mx.us.example"];
            let request = SigningRequest::new(&names);
            world
                .issue(&account, &means, &order(&names, &request))
                .unwrap_or_else(|fault| panic!("{algorithm}: {fault}"));
            world.phase.send_replace(sekisho::app::Phase::Stopping);
        }
    });
}

#[test]
fn a_name_server_that_refuses_the_key_or_the_zone_is_told_in_words() {
    enclosed(|| {
        let world = World::new(&PebbleSettings::default());
        let means = world.means();
        let mut settings = world.settings(ChallengeKind::Dns01);
        let wrong = world.update_key.replace("secret \"", "secret \"AAAA");
        let server = settings.dns.as_mut().expect("for dns-01");
        server.key_file = world.write("wrong.key", &wrong);
        let names = ["mx.us.example"];
        let request = SigningRequest::new(&names);
        let account = world.open(&settings).expect("an account");
        let fault = world.issue(&account, &means, &order(&names, &request)).unwrap_err();
        assert_eq!(fault.kind, FaultKind::Challenge);
        assert!(fault.words.contains("refused the update of us.example"), "{fault}");
        assert!(fault.words.contains("the same secret"), "{fault}");
        let server = settings.dns.as_mut().expect("for dns-01");
        server.zone = Some(sekisho_mail::Domain::parse("other.example").expect("a domain"));
        let account = world.open(&settings).expect("an account");
        let fault = world.issue(&account, &means, &order(&names, &request)).unwrap_err();
        assert!(fault.words.contains("is not in the zone other.example"), "{fault}");
    });
}

#[test]
fn an_authority_that_rejects_nonces_and_reuses_authorizations_is_borne() {
    enclosed(|| {
        let world = World::new(&PebbleSettings {
            environment: &[("PEBBLE_WFE_NONCEREJECT", "20"), ("PEBBLE_AUTHZREUSE", "100")],
            ..PebbleSettings::default()
        });
        let means = world.means();
        let names = ["mx.us.example"];
        let mut issued = 0;
        // Three rejections in a row are one fault, with the order kept; then it is taken up.
        for _ in 0..20 {
            let Ok(account) = world.open(&world.settings(ChallengeKind::Http01)) else {
                continue;
            };
            let request = SigningRequest::new(&names);
            let wanted = order(&names, &request);
            for _ in 0..5 {
                match world.issue(&account, &means, &wanted) {
                    Ok(chain) => {
                        assert_eq!(leaf(&chain).spki_sha256, request.key_digest());
                        issued += 1;
                        break;
                    }
                    Err(fault) => assert!(fault.words.contains("badNonce"), "{fault}"),
                }
            }
            if issued == 3 {
                return;
            }
        }
        panic!("{issued} of 3 certificates\n{}", world.pebble.log());
    });
}

#[test]
fn a_name_that_leads_elsewhere_fails_with_the_authoritys_words_and_the_next_order_is_a_new_one() {
    enclosed(|| {
        let world = World::new(&PebbleSettings::default());
        let means = world.means();
        let account = world.open(&world.settings(ChallengeKind::Http01)).expect("an account");
        let names = ["elsewhere.us.example"];
        let request = SigningRequest::new(&names);
        let fault = world.issue(&account, &means, &order(&names, &request)).unwrap_err();
        assert_eq!(fault.kind, FaultKind::Challenge, "{fault}");
        assert!(fault.words.starts_with("elsewhere.us.example: http-01: "), "{fault}");
        assert!(world.files("order-").is_empty());
        let names = ["mx.us.example"];
        let request = SigningRequest::new(&names);
        world
            .issue(&account, &means, &order(&names, &request))
            .expect("a certificate");
    });
}

#[test]
fn terms_and_a_customers_key_are_asked_for_before_an_account_is_made() {
    enclosed(|| {
        let key = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W";
        let world = World::new(&PebbleSettings {
            customers: &[("kid-1", key)],
            ..PebbleSettings::default()
        });
        let mut settings = world.settings(ChallengeKind::Http01);
        settings.terms_accepted = false;
        let fault = world.open(&settings).unwrap_err();
        assert!(fault.words.contains("terms_accepted"), "{fault}");
        settings.terms_accepted = true;
        let fault = world.open(&settings).unwrap_err();
        assert!(fault.words.contains("eab"), "{fault}");
        settings.external_account = Some(external_account(
            "kid-1",
            world.write("wrong", "AAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
        ));
        let fault = world.open(&settings).unwrap_err();
        assert_eq!(fault.kind, FaultKind::Refused, "{fault}");
        assert!(world.files("account").is_empty());
        settings.external_account = Some(external_account("kid-1", world.write("right", key)));
        let first = world.open(&settings).expect("an account");
        let again = world.open(&settings).expect("the same account");
        assert_eq!(format!("{first:?}"), format!("{again:?}"));
    });
}

#[test]
fn an_order_is_taken_up_after_a_restart_and_an_account_that_is_forgotten_is_made_anew() {
    enclosed(|| {
        let world = World::new(&PebbleSettings::default());
        let means = world.means();
        let account = world.open(&world.settings(ChallengeKind::Http01)).expect("an account");
        let names = ["mx.us.example"];
        let request = SigningRequest::new(&names);
        let wanted = order(&names, &request);
        // Dropped as soon as the order is written down: what a crash leaves.
        world.runtime.block_on(async {
            let mut issuing = Box::pin(account.issue(&wanted, &means));
            std::future::poll_fn(|context| {
                let ended = issuing.as_mut().poll(context).is_ready();
                if ended || !world.files("order-").is_empty() {
                    return std::task::Poll::Ready(());
                }
                std::task::Poll::Pending
            })
            .await;
        });
        let [file] = &world.files("order-")[..] else {
            panic!("an order is left: {:?}", world.files(""));
        };
        let left = fs::read_to_string(file).expect("it can be read");
        let left: serde_json::Value = serde_json::from_str(&left).expect("JSON");
        let account = world.open(&world.settings(ChallengeKind::Http01)).expect("an account");
        let chain = world.issue(&account, &means, &wanted).expect("a certificate");
        assert_eq!(leaf(&chain).spki_sha256, request.key_digest());
        let log = world.pebble.log();
        assert_eq!(log.matches("Added order").count(), 1, "{left}\n{log}");
        // Another key is another order.
        let other = SigningRequest::new(&names);
        let chain = world
            .issue(&account, &means, &order(&names, &other))
            .expect("a certificate");
        assert_eq!(leaf(&chain).spki_sha256, other.key_digest());
        // Pebble forgets everything when it ends.
        let World {
            names: zones,
            pebble,
            https,
            folder,
            update_key,
            phase,
            runtime,
        } = world;
        drop(pebble);
        let pebble = sekisho_testkit::foreign::Pebble::serve(super::AUTHORITY, &https, &PebbleSettings::default());
        let world = World {
            names: zones,
            pebble,
            https,
            folder,
            update_key,
            phase,
            runtime,
        };
        let account = world
            .open(&world.settings(ChallengeKind::Http01))
            .expect("the old account");
        let fault = world.issue(&account, &means, &wanted).unwrap_err();
        assert_eq!(fault.kind, FaultKind::NoAccount, "{fault}");
        assert_eq!(world.files("account.unknown").len(), 1);
        let account = world
            .open(&world.settings(ChallengeKind::Http01))
            .expect("a new account");
        world.issue(&account, &means, &wanted).expect("a certificate");
    });
}

#[test]
fn a_certificate_is_revoked_once_and_for_all() {
    enclosed(|| {
        let world = World::new(&PebbleSettings::default());
        let means = world.means();
        let account = world
            .open(&world.settings(ChallengeKind::TlsAlpn01))
            .expect("an account");
        let names = ["mx.us.example"];
        let request = SigningRequest::new(&names);
        let chain = world
            .issue(&account, &means, &order(&names, &request))
            .expect("a certificate");
        let der = sekisho_tls::first_certificate(&chain).expect("a leaf");
        world.runtime.block_on(async {
            let revoked = account.revoke(&der, RevocationCause::Superseded, clock::now()).await;
            revoked.expect("it is revoked");
            let again = account.revoke(&der, RevocationCause::Superseded, clock::now()).await;
            again.expect("it is revoked already, which is what was wanted");
        });
    });
}

#[test]
fn hints_for_the_renewal_come_from_the_authority_and_the_next_order_says_what_it_replaces() {
    enclosed(|| {
        let world = World::new(&PebbleSettings::default());
        let means = world.means();
        let settings = world.settings(ChallengeKind::Http01);
        let account = world.open(&settings).expect("an account");
        let names = ["mx.us.example"];
        let request = SigningRequest::new(&names);
        let chain = world
            .issue(&account, &means, &order(&names, &request))
            .expect("a certificate");
        let der = sekisho_tls::first_certificate(&chain).expect("a leaf");
        let id = CertificateId::of(&der).expect("its authority's key is named");
        let hint = world
            .runtime
            .block_on(renewal_hint(&settings, world.fetcher(), &id, clock::now()))
            .expect("an answer");
        let hint = hint.expect("this authority gives hints");
        let facts = leaf(&chain);
        assert!(hint.start > facts.not_before && hint.end < facts.not_after, "{hint:?}");
        let renewing = sekisho::acme::OrderRequest {
            replaces: Some(id.clone()),
            ..order(&names, &request)
        };
        let renewed = world.issue(&account, &means, &renewing).expect("a certificate");
        assert_eq!(leaf(&renewed).spki_sha256, facts.spki_sha256);
        assert_ne!(leaf(&renewed).sha256, facts.sha256);
        // It is replaced already: ordered all the same, without saying so.
        world.issue(&account, &means, &renewing).expect("a certificate");
        assert!(world.pebble.log().contains("ARI: order"), "{}", world.pebble.log());
    });
}

#[test]
fn of_several_chains_the_preferred_one_is_taken() {
    enclosed(|| {
        let world = World::new(&PebbleSettings {
            environment: &[("PEBBLE_ALTERNATE_ROOTS", "2")],
            ..PebbleSettings::default()
        });
        let means = world.means();
        let names = ["mx.us.example"];
        let last_issuer = |preferred: Option<&str>| {
            let mut settings = world.settings(ChallengeKind::Http01);
            settings.preferred_issuer = preferred.map(str::to_owned);
            let account = world.open(&settings).expect("an account");
            let request = SigningRequest::new(&names);
            let chain = world
                .issue(&account, &means, &order(&names, &request))
                .expect("a certificate");
            let parsed = PeerChain::of_client_in_pem(&chain).expect("a chain");
            parsed.facts().last().expect("it has certificates").issuer.clone()
        };
        let usual = last_issuer(None);
        // The roots differ in the end of their names; try what none has, then each of what others have.
        assert_eq!(last_issuer(Some("no such root")), usual);
        let log = world.pebble.log();
        let other = log
            .lines()
            .filter_map(|line| {
                line.split("root issuer ")
                    .nth(1)
                    .or_else(|| line.split("Pebble Root CA ").nth(1))
            })
            .filter_map(|rest| rest.split(|octet: char| !octet.is_ascii_hexdigit()).next())
            .find(|name| name.len() == 6 && !usual.contains(name))
            .unwrap_or_else(|| panic!("another root is told of\n{log}"))
            .to_owned();
        assert!(last_issuer(Some(&other)).contains(&other));
    });
}
