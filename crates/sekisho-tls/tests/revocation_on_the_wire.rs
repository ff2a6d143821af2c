//! Revocation of what came in real handshakes, in both roles; and of certificates, CRLs and OCSP answers that OpenSSL
//! made.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod support;

use std::{
    collections::HashMap,
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, SystemTime},
};

use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use sekisho_mail::{CertificateFault, ChainAnswers, Check, ClientIdentityId, Timestamp, TlsFacts, Verdict};
use sekisho_testkit::{
    authority::{Authority, Endpoints, Pem},
    revocation::{Crl, Ocsp, OcspStatus},
};
use sekisho_tls::{
    AnchorSet, ClientProfile, Identity, IdentityUse, PeerChain, RevocationKind, RevocationNeed, ServerCertificates,
    ServerTlsSettings, StapleObstacle, TlsServer, TlsStream, Verifier,
};
use support::{NOW, TIME_LIMIT, anchors, client, client_with, domain, server, shake, store_pair};
use tokio::io::DuplexStream;
use tokio_rustls::TlsAcceptor;

const URI: &str = "http://crl.example/ca.crl";
const OCSP: &str = "http://ocsp.example/";
const NAME: &str = "mx.bank.example";
const LEAF: u64 = 77;
const HOUR: Duration = Duration::from_secs(3600);

fn verifier(anchor: &str) -> Verifier {
    Verifier::new(HashMap::from([(
        anchors(),
        AnchorSet::parse(anchor, "a test").unwrap(),
    )]))
}

fn check() -> Check {
    Check::Revocation { anchors: anchors() }
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

/// What our client has of a handshake with a server that staples this.
async fn stapled(pem: &Pem, answer: Vec<u8>) -> (TlsStream<DuplexStream>, TlsFacts) {
    let chain = CertificateDer::pem_slice_iter(pem.chain.as_bytes());
    let chain: Vec<_> = chain.map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_slice(pem.key.as_bytes()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert_with_ocsp(chain, key, answer)
        .unwrap();
    let (near, far) = tokio::io::duplex(65_536);
    let (name, client, profile) = (domain(NAME), client(), ClientProfile::default());
    let (served, connected) = tokio::join!(
        TlsAcceptor::from(Arc::new(config)).accept(far),
        client.connect(near, Some(&name), &profile, TIME_LIMIT)
    );
    served.unwrap();
    connected.unwrap()
}

#[tokio::test]
async fn a_stapled_answer_counts_for_the_leaf_and_revoked_by_it_is_revoked() {
    let root = Authority::new();
    let verifier = verifier(root.anchor());
    let pem = root.server_with(&[NAME], LEAF, &Endpoints::crl(URI));
    let good = root.ocsp(&Ocsp::of(LEAF, OcspStatus::Good, NOW));
    let (stream, facts) = stapled(&pem, good.clone()).await;
    assert_eq!(facts.stapled_ocsp_len, Some(good.len()));
    let found = answers(&verifier, stream.peer_chain(), NOW);
    assert_eq!(found.verdicts[0].1, Verdict::Holds);
    assert_eq!(
        found.revocation_sources,
        ["mx.bank.example: stapled OCSP answer of 2027-01-15T08:00:00.000Z, valid until 2027-01-22T08:00:00.000Z"]
    );
    assert!(needs(&verifier, stream.peer_chain(), NOW).is_empty());
    // Another connection, on which nothing is stapled, has it too.
    let without = PeerChain::of_server_in_pem(&pem.chain).unwrap();
    assert_eq!(verdict(&verifier, &without, NOW), Verdict::Holds);

    let later = NOW.plus(HOUR);
    let revoked = root.ocsp(&Ocsp::of(LEAF, OcspStatus::Revoked(NOW), later));
    let (stream, _) = stapled(&pem, revoked).await;
    assert_revoked(
        &verdict(&verifier, stream.peer_chain(), later),
        "says the stapled OCSP answer",
    );
    let (stream, _) = stapled(&pem, good).await;
    let replayed = verdict(&verifier, stream.peer_chain(), later);
    assert_revoked(&replayed, "says the stapled OCSP answer");
}

#[tokio::test]
async fn a_stapled_answer_does_not_hide_what_a_crl_revokes() {
    let root = Authority::new();
    let verifier = verifier(root.anchor());
    let pem = root.server_with(&[NAME], LEAF, &Endpoints::crl(URI));
    let chain = PeerChain::of_server_in_pem(&pem.chain).unwrap();
    let need = needs(&verifier, &chain, NOW).remove(0);
    let crl = root.crl(&Crl::of(NOW).revoking(LEAF));
    verifier.revocations().take(&need, &crl, NOW).unwrap();
    let (stream, _) = stapled(&pem, root.ocsp(&Ocsp::of(LEAF, OcspStatus::Good, NOW))).await;
    assert_revoked(&verdict(&verifier, stream.peer_chain(), NOW), URI);
}

#[tokio::test]
async fn a_stapled_answer_says_nothing_of_the_authorities_above_and_a_bad_one_nothing_at_all() {
    let root = Authority::new();
    let middle = root.intermediate_with(5, &Endpoints::crl(URI));
    let pem = middle.server_with(&[NAME], LEAF, &Endpoints::default());
    let (stream, _) = stapled(&pem, middle.ocsp(&Ocsp::of(LEAF, OcspStatus::Good, NOW))).await;
    let above = verifier(root.anchor());
    assert_unknown(
        &verdict(&above, stream.peer_chain(), NOW),
        "CN=Sekisho test intermediate",
    );
    let pem = middle.server_with(&[NAME], LEAF, &Endpoints::crl(OCSP));
    for (answer, why) in [
        (
            root.ocsp(&Ocsp::of(LEAF, OcspStatus::Good, NOW)),
            "is of no use: the responder's certificate is not there",
        ),
        (
            middle.ocsp(&Ocsp::of(LEAF + 1, OcspStatus::Good, NOW)),
            "is of no use: the answer is about another",
        ),
        (b"rubbish".to_vec(), "is of no use: it is no OCSP answer"),
    ] {
        let (stream, _) = stapled(&pem, answer).await;
        assert_unknown(&verdict(&verifier(root.anchor()), stream.peer_chain(), NOW), why);
    }
    let long = vec![0x30; 40_000];
    let (stream, facts) = stapled(&pem, long.clone()).await;
    assert_eq!(facts.stapled_ocsp_len, Some(long.len()));
    assert_unknown(
        &verdict(&verifier(root.anchor()), stream.peer_chain(), NOW),
        "is of no use",
    );
}

#[tokio::test]
async fn a_client_whose_certificate_is_revoked_is_found_out_by_our_server() {
    let root = Authority::new();
    let folder = tempfile::tempdir().unwrap();
    let file = |stem, pem: &Pem| store_pair(folder.path(), stem, &pem.chain, &pem.key);
    let server = server(&[file("server", &root.server(&[NAME]))]);
    let files = file(
        "client",
        &root.client_with("mail.bank.example", LEAF, &Endpoints::ocsp(OCSP)),
    );
    let client = client_with("bank", &files);
    let profile = ClientProfile {
        identity: IdentityUse::Tls13(ClientIdentityId("bank".to_owned())),
        ..ClientProfile::default()
    };
    let (served, _connected) = shake(&server, &client, None, &profile, 65_536).await;
    let (stream, _) = served.unwrap();
    let verifier = verifier(root.anchor());
    let need = needs(&verifier, stream.peer_chain(), NOW).remove(0);
    let good = root.ocsp(&Ocsp::of(LEAF, OcspStatus::Good, NOW));
    verifier.revocations().take(&need, &good, NOW).unwrap();
    assert_eq!(verdict(&verifier, stream.peer_chain(), NOW), Verdict::Holds);
    let later = NOW.plus(HOUR);
    let revoked = root.ocsp(&Ocsp::of(LEAF, OcspStatus::Revoked(NOW), later));
    verifier.revocations().take(&need, &revoked, later).unwrap();
    assert_revoked(&verdict(&verifier, stream.peer_chain(), later), OCSP);
}

#[tokio::test]
async fn what_our_own_authority_answers_is_stapled_and_nothing_else_is() {
    let root = Authority::new();
    let middle = root.intermediate();
    let folder = tempfile::tempdir().unwrap();
    let load = |stem, pem: &Pem| Identity::load(&store_pair(folder.path(), stem, &pem.chain, &pem.key)).unwrap();
    let pem = middle.server_with(&[NAME], LEAF, &Endpoints::ocsp(OCSP));
    let identity = load("own", &pem);
    let question = identity.staple_question(&[]).unwrap();
    let needs: Vec<_> = question.needs().collect();
    assert_eq!(
        (needs.len(), needs[0].uri(), needs[0].kind()),
        (1, OCSP, RevocationKind::Ocsp)
    );
    let good = middle.ocsp(&Ocsp::of(LEAF, OcspStatus::Good, NOW));
    let answer = question.judge(&good, NOW).unwrap();
    assert_eq!((answer.this_update(), answer.revoked()), (NOW, None));
    let revoked = middle.ocsp(&Ocsp::of(LEAF, OcspStatus::Revoked(NOW), NOW));
    let revoked = question.judge(&revoked, NOW).unwrap();
    assert_eq!(revoked.revoked().map(|(at, _)| at), Some(NOW));
    let ended = Ocsp::of(LEAF, OcspStatus::Good, NOW.minus(HOUR * 24 * 7));
    assert_eq!(
        ended.next_update,
        Some(NOW),
        "clocks may differ, and clients' are not ours"
    );
    for refused in [
        root.ocsp(&Ocsp::of(LEAF, OcspStatus::Good, NOW)),
        middle.ocsp(&Ocsp::of(LEAF + 1, OcspStatus::Good, NOW)),
        middle.ocsp(&Ocsp::of(LEAF, OcspStatus::Unknown, NOW)),
        middle.ocsp(&ended),
    ] {
        assert!(question.judge(&refused, NOW).is_err());
    }
    let other = load("other", &middle.server_with(&[NAME], LEAF, &Endpoints::ocsp(OCSP)));
    let with = identity.stapled(&answer);
    for (identity, len) in [
        (with.clone(), Some(good.len())),
        (identity.stapled(&revoked), None),
        (other.stapled(&answer), None),
        (identity, None),
    ] {
        let certificates = ServerCertificates::new(vec![identity]).unwrap();
        let server = TlsServer::new(ServerTlsSettings::new(Arc::new(certificates)));
        let (_served, connected) = shake(&server, &client(), Some(NAME), &ClientProfile::default(), 65_536).await;
        assert_eq!(connected.unwrap().1.stapled_ocsp_len, len);
    }
    let nowhere = load("nowhere", &middle.server(&[NAME]));
    assert_eq!(nowhere.staple_question(&[]), Err(StapleObstacle::NoResponder));
}

#[test]
fn whom_our_own_authority_is_comes_from_the_chain_or_the_anchors_and_never_by_name_alone() {
    let (root, namesake) = (Authority::new(), Authority::new());
    let middle = root.intermediate();
    let folder = tempfile::tempdir().unwrap();
    let load = |stem, pem: &Pem| Identity::load(&store_pair(folder.path(), stem, &pem.chain, &pem.key)).unwrap();
    let key_of = |set: &AnchorSet| set.anchors().next().unwrap().spki_sha256;
    let (ours, theirs) = (
        AnchorSet::parse(root.anchor(), "ours").unwrap(),
        AnchorSet::parse(namesake.anchor(), "theirs").unwrap(),
    );
    let of_root = root.server_with(&[NAME], LEAF, &Endpoints::ocsp(OCSP));
    let of_root = load("of-root", &of_root.leaf_alone());
    assert_eq!(of_root.staple_question(&[]), Err(StapleObstacle::NoIssuer));
    assert_eq!(
        of_root.staple_question(std::slice::from_ref(&theirs)),
        Err(StapleObstacle::NoIssuer)
    );
    let question = of_root.staple_question(&[theirs, ours.clone()]).unwrap();
    let good = root.ocsp(&Ocsp::of(LEAF, OcspStatus::Good, NOW));
    assert!(question.judge(&good, NOW).is_ok());
    // What is let through to addresses that are not public is said by the root, not by the intermediate.
    let pem = middle.server_with(&[NAME], LEAF, &Endpoints::ocsp(OCSP));
    let of_middle = load("of-middle", &pem);
    let question = of_middle.staple_question(std::slice::from_ref(&ours)).unwrap();
    assert_eq!(question.needs().next().unwrap().anchor(), key_of(&ours));
    let alone = load("alone", &pem.leaf_alone());
    assert_eq!(alone.staple_question(&[ours]), Err(StapleObstacle::NoIssuer));
}

#[test]
fn a_certificate_that_must_be_stapled_says_so_by_the_feature_status_request_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mut place = 0;
    for (features, must) in [
        (Some(&[0x30, 0x03, 0x02, 0x01, 0x05][..]), true),
        (Some(&[0x30, 0x06, 0x02, 0x01, 0x11, 0x02, 0x01, 0x05]), true),
        (Some(&[0x30, 0x03, 0x02, 0x01, 0x11]), false),
        (Some(&[0x30, 0x03, 0x02, 0x01]), false),
        (Some(&[0x05]), false),
        (None, false),
    ] {
        let mut params = rcgen::CertificateParams::new(vec![NAME.to_owned()]).unwrap();
        let feature =
            |value: &[u8]| rcgen::CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 24], value.to_vec());
        params.custom_extensions.extend(features.map(feature));
        let key = rcgen::KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        place += 1;
        let files = store_pair(folder.path(), &place.to_string(), &pem, &key.serialize_pem());
        assert_eq!(Identity::load(&files).unwrap().must_be_stapled(), must, "{features:x?}");
    }
}

/// An authority that OpenSSL runs in a folder.
struct OpenSslAuthority {
    folder: tempfile::TempDir,
}

const CONFIGURATION: &str = "
[ca]
default_ca = own
[own]
dir = .
database = index.txt
new_certs_dir = .
certificate = ca.pem
private_key = ca.key
serial = serial
crlnumber = crlnumber
default_md = sha256
default_days = 30
default_crl_days = 7
policy = any
unique_subject = no
crl_extensions = of_crl
[any]
commonName = supplied
[of_crl]
authorityKeyIdentifier = keyid:always
[of_leaf]
subjectAltName = DNS:mx.bank.example
extendedKeyUsage = serverAuth
crlDistributionPoints = URI:http://crl.example/ca.crl
authorityInfoAccess = OCSP;URI:http://ocsp.example/
[of_responder]
extendedKeyUsage = OCSPSigning
noCheck = ignored
[of_ca]
basicConstraints = critical, CA:TRUE
keyUsage = keyCertSign, cRLSign
subjectKeyIdentifier = hash
[req]
distinguished_name = name
[name]
";

impl OpenSslAuthority {
    fn new(new_key: &[&str]) -> Self {
        let authority = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        let path = authority.folder.path();
        fs::write(path.join("openssl.cnf"), CONFIGURATION).unwrap();
        fs::write(path.join("index.txt"), "").unwrap();
        fs::write(path.join("serial"), "8001").unwrap();
        fs::write(path.join("crlnumber"), "01").unwrap();
        let make = [
            "req",
            "-x509",
            "-nodes",
            "-config",
            "openssl.cnf",
            "-extensions",
            "of_ca",
            "-days",
            "300",
        ];
        let files = ["-subj", "/CN=OpenSSL authority", "-keyout", "ca.key", "-out", "ca.pem"];
        authority.run(&[&make[..], new_key, &files].concat());
        authority.issue("leaf", "of_leaf");
        authority.issue("responder", "of_responder");
        authority
    }

    fn issue(&self, stem: &str, extensions: &str) {
        let (key, request, certificate) = (format!("{stem}.key"), format!("{stem}.csr"), format!("{stem}.pem"));
        let curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];
        let make = [
            "req",
            "-new",
            "-nodes",
            "-config",
            "openssl.cnf",
            "-subj",
            &format!("/CN={stem}"),
        ];
        self.run(&[&make[..], &curve, &["-keyout", &key, "-out", &request]].concat());
        let sign = [
            "ca",
            "-batch",
            "-notext",
            "-config",
            "openssl.cnf",
            "-extensions",
            extensions,
        ];
        self.run(&[&sign[..], &["-in", &request, "-out", &certificate]].concat());
    }

    fn run(&self, arguments: &[&str]) {
        let output = self.command(arguments).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {said}");
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("openssl");
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .stdin(Stdio::null());
        command
    }

    fn revoke_leaf(&self) {
        let revoke = [
            "ca",
            "-config",
            "openssl.cnf",
            "-revoke",
            "leaf.pem",
            "-crl_reason",
            "superseded",
        ];
        self.run(&revoke);
    }

    fn crl(&self, more: &[&str]) -> Vec<u8> {
        let make = ["ca", "-config", "openssl.cnf", "-gencrl", "-out", "crl.pem"];
        self.run(&[&make[..], more].concat());
        self.run(&["crl", "-in", "crl.pem", "-outform", "DER", "-out", "crl.der"]);
        self.read("crl.der")
    }

    fn answer(&self, request: &[u8], by: &[&str]) -> Vec<u8> {
        fs::write(self.folder.path().join("request.der"), request).unwrap();
        let respond = ["ocsp", "-index", "index.txt", "-CA", "ca.pem", "-ndays", "1"];
        let files = ["-reqin", "request.der", "-respout", "answer.der"];
        self.run(&[&respond[..], &files, by].concat());
        self.read("answer.der")
    }

    fn read(&self, file: &str) -> Vec<u8> {
        fs::read(self.folder.path().join(file)).unwrap()
    }

    fn verifier(&self) -> Verifier {
        verifier(&String::from_utf8(self.read("ca.pem")).unwrap())
    }

    fn chain(&self) -> PeerChain {
        PeerChain::of_server_in_pem(&String::from_utf8(self.read("leaf.pem")).unwrap()).unwrap()
    }
}

const P256: &[&str] = &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];
const RSA: &[&str] = &["-newkey", "rsa:2048"];
const BY_ISSUER: &[&str] = &["-rsigner", "ca.pem", "-rkey", "ca.key"];
const BY_DELEGATE: &[&str] = &["-rsigner", "responder.pem", "-rkey", "responder.key"];

/// OpenSSL reads the clock of this machine; what it made some moments ago is not from the future.
fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    Timestamp::EPOCH.plus(since)
}

#[test]
fn crls_that_openssl_makes_are_taken_and_what_they_revoke_is_revoked() {
    for key in [P256, RSA, &["-newkey", "ed25519"]] {
        let authority = OpenSslAuthority::new(key);
        let (verifier, chain, now) = (authority.verifier(), authority.chain(), now());
        let need = needs(&verifier, &chain, now).remove(0);
        assert_eq!((need.kind(), need.uri()), (RevocationKind::Crl, URI));
        verifier.revocations().take(&need, &authority.crl(&[]), now).unwrap();
        assert_eq!(verdict(&verifier, &chain, now), Verdict::Holds);
        authority.revoke_leaf();
        verifier.revocations().take(&need, &authority.crl(&[]), now).unwrap();
        assert_revoked(
            &verdict(&verifier, &chain, now),
            "it was superseded, says the CRL http://crl.example/ca.crl",
        );
    }
    let weak = OpenSslAuthority::new(RSA);
    let (verifier, chain) = (weak.verifier(), weak.chain());
    let need = needs(&verifier, &chain, now()).remove(0);
    let refused = verifier.revocations().take(&need, &weak.crl(&["-md", "sha1"]), now());
    assert!(refused.unwrap_err().to_string().contains("SHA-1"));
}

#[test]
fn openssl_answers_our_requests_and_its_answers_are_taken() {
    let authority = OpenSslAuthority::new(RSA);
    let chain = authority.chain();
    let asked = |verifier: &Verifier| {
        let crl = needs(verifier, &chain, now()).remove(0);
        verifier.revocations().note_failure(&crl, "timed out", now());
        let need = needs(verifier, &chain, now()).remove(0);
        assert_eq!((need.kind(), need.uri()), (RevocationKind::Ocsp, OCSP));
        need
    };
    let ways = |status: &str| {
        for by in [BY_ISSUER, BY_DELEGATE] {
            for more in [&[][..], &["-resp_key_id"]] {
                let verifier = authority.verifier();
                let need = asked(&verifier);
                let answer = authority.answer(&need.ocsp_request().unwrap(), &[by, more].concat());
                verifier.revocations().take(&need, &answer, now()).unwrap();
                let verdict = verdict(&verifier, &chain, now());
                match status {
                    "good" => assert_eq!(verdict, Verdict::Holds, "{by:?} {more:?}"),
                    _ => assert_revoked(
                        &verdict,
                        "it was superseded, says the OCSP responder http://ocsp.example/",
                    ),
                }
            }
        }
    };
    ways("good");
    authority.revoke_leaf();
    ways("revoked");
    let verifier = authority.verifier();
    let need = asked(&verifier);
    let request = need.ocsp_request().unwrap();
    for (by, why) in [
        (
            ["-rsigner", "leaf.pem", "-rkey", "leaf.key"].as_slice(),
            "no OCSPSigning",
        ),
        (&["-rsigner", "ca.pem", "-rkey", "ca.key", "-rmd", "sha1"], "SHA-1"),
        (
            &["-rsigner", "responder.pem", "-rkey", "responder.key", "-resp_no_certs"],
            "certificate is not there",
        ),
    ] {
        let answer = authority.answer(&request, by);
        let refused = verifier
            .revocations()
            .take(&need, &answer, now())
            .unwrap_err()
            .to_string();
        assert!(refused.contains(why), "{refused}");
    }
}

/// `openssl ocsp -port`, ended with the value.
struct Responder(Child);

impl Drop for Responder {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_responder_of_openssl_answers_over_http() {
    let authority = OpenSslAuthority::new(P256);
    let serve = [
        "ocsp",
        "-index",
        "index.txt",
        "-CA",
        "ca.pem",
        "-port",
        "0",
        "-nrequest",
        "1",
    ];
    let mut command = authority.command(&[&serve[..], BY_DELEGATE].concat());
    let child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut responder = Responder(child);
    let mut lines = BufReader::new(responder.0.stdout.take().unwrap()).lines();
    let port = lines
        .find_map(|line| line.unwrap().strip_prefix("ACCEPT ").map(port_of))
        .unwrap();
    let (verifier, chain) = (authority.verifier(), authority.chain());
    let crl = needs(&verifier, &chain, now()).remove(0);
    verifier.revocations().note_failure(&crl, "timed out", now());
    let need = needs(&verifier, &chain, now()).remove(0);
    let answer = posted(port, &need.ocsp_request().unwrap());
    // It does not say until when: it answers anew each time.
    verifier.revocations().take(&need, &answer, now()).unwrap();
    assert_eq!(verdict(&verifier, &chain, now()), Verdict::Holds);
}

fn port_of(address: &str) -> u16 {
    let digits = address.split_whitespace().next().unwrap().rsplit(':').next().unwrap();
    digits.parse().unwrap()
}

fn posted(port: u16, request: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(TIME_LIMIT)).unwrap();
    let len = request.len();
    let head = format!("POST / HTTP/1.0\r\nContent-Type: application/ocsp-request\r\nContent-Length: {len}\r\n\r\n");
    stream.write_all(&[head.as_bytes(), request].concat()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let body = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
    answer.split_off(body)
}
