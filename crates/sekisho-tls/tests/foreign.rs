//! Against OpenSSL's command-line client and server: old peers, odd certificates, what is really on the wire.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod support;

use std::{
    collections::HashMap,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Output, Stdio},
    sync::Arc,
};

use sekisho_mail::{
    CertificateFault, ClientCertificateFate, ClientIdentityId, HandshakeFailure, HandshakeFault, HandshakeStage,
    KeyExchangeGroups, KeyProof, TlsFacts, TlsVersion, Verdict,
};
use sekisho_tls::{
    ClientIdentities, ClientProfile, Identity, IdentityFiles, IdentityUse, ServerResumption, TlsClient, TlsServer,
    TlsStream, alert_in,
};
use support::*;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

fn openssl(folder: &Path, arguments: &[&str]) -> Output {
    let output = Command::new("openssl")
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

/// `openssl s_server`, ended with the value.
struct ForeignServer {
    child: Child,
    address: SocketAddr,
}

impl ForeignServer {
    fn start(files: &IdentityFiles, arguments: &[&str]) -> Self {
        let mut child = Command::new("openssl")
            .args(["s_server", "-accept", "127.0.0.1:0", "-cert"])
            .arg(&files.chain)
            .arg("-key")
            .arg(&files.key)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = lines
            .find_map(|line| line.unwrap().strip_prefix("ACCEPT ").map(|text| text.parse().unwrap()))
            .unwrap();
        // What it prints later is not read; the pipe is far larger than that.
        child.stdout = None;
        std::mem::forget(lines);
        Self { child, address }
    }

    async fn connect_with(
        &self,
        client: &TlsClient,
        profile: &ClientProfile,
    ) -> Result<(TlsStream<TcpStream>, TlsFacts), Box<HandshakeFailure>> {
        let stream = TcpStream::connect(self.address).await.unwrap();
        client
            .connect(stream, Some(&domain("mx.example.org")), profile, TIME_LIMIT)
            .await
    }

    async fn connect(&self) -> Result<(TlsStream<TcpStream>, TlsFacts), Box<HandshakeFailure>> {
        self.connect_with(&client(), &ClientProfile::default()).await
    }
}

impl Drop for ForeignServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const OLD: &str = "ALL:@SECLEVEL=0";

#[tokio::test]
async fn a_server_that_knows_only_tls_1_1_is_too_old() {
    let authority = Authority::new();
    let files = authority.issue("mx", &["mx.example.org"], Algorithm::Rsa, |_| {});
    let server = ForeignServer::start(&files, &["-tls1_1", "-cipher", OLD]);
    let failure = server.connect().await.unwrap_err();
    assert_eq!(
        failure.fault,
        HandshakeFault::Alert("protocol_version".to_owned()),
        "{failure}"
    );
    assert_eq!(failure.stage, HandshakeStage::BeforePeerHello);
    assert!(failure.words.contains("too old"), "{failure}");
}

#[tokio::test]
async fn a_server_that_knows_only_rsa_key_exchange_is_too_old() {
    let authority = Authority::new();
    let files = authority.issue("mx", &["mx.example.org"], Algorithm::Rsa, |_| {});
    let server = ForeignServer::start(&files, &["-tls1_2", "-cipher", "kRSA:@SECLEVEL=0"]);
    let failure = server.connect().await.unwrap_err();
    assert_eq!(
        failure.fault,
        HandshakeFault::Alert("handshake_failure".to_owned()),
        "{failure}"
    );
    assert_eq!(failure.stage, HandshakeStage::BeforePeerHello);
    assert!(
        failure.words.contains("RSA") && failure.words.contains("too old"),
        "{failure}"
    );
}

/// A certificate of X.509 version 1 with an RSA key of so many bits.
fn version_1(folder: &Path, bits: &str) -> IdentityFiles {
    openssl(folder, &["genrsa", "-out", "v1.key", bits]);
    openssl(
        folder,
        &["req", "-new", "-key", "v1.key", "-subj", "/CN=old", "-out", "v1.csr"],
    );
    openssl(
        folder,
        &[
            "x509", "-req", "-in", "v1.csr", "-signkey", "v1.key", "-days", "3650", "-out", "v1.crt",
        ],
    );
    IdentityFiles {
        chain: folder.join("v1.crt"),
        key: folder.join("v1.key"),
    }
}

#[tokio::test]
async fn a_version_1_certificate_is_good_enough_and_its_key_is_proven() {
    let folder = tempfile::tempdir().unwrap();
    let files = version_1(folder.path(), "2048");
    for version in ["-tls1_2", "-tls1_3"] {
        let server = ForeignServer::start(&files, &[version]);
        let (stream, facts) = server.connect().await.unwrap();
        assert_eq!(facts.key, KeyProof::Proven);
        assert_eq!(facts.chain[0].subject, "CN=old");
        assert_eq!(facts.chain[0].key, "RSA 2048");
        let verdicts = Authority::new()
            .verifier()
            .verify(stream.peer_chain(), &[path_check()], NOW)
            .verdicts;
        assert_eq!(verdicts[0].1, Verdict::Fails(CertificateFault::SelfSigned));
        let pinned = verifier(&files.chain);
        let today = facts.chain[0].not_before;
        assert_eq!(
            pinned.verify(stream.peer_chain(), &[path_check()], today).verdicts[0].1,
            Verdict::Holds
        );
    }
}

#[tokio::test]
async fn an_rsa_key_of_1024_bits_is_good_enough_for_opportunistic_tls_1_2() {
    let folder = tempfile::tempdir().unwrap();
    let files = version_1(folder.path(), "1024");
    let pkcs1 = ["-tls1_2", "-cipher", OLD, "-sigalgs", "RSA+SHA256"];
    let (_, facts) = ForeignServer::start(&files, &pkcs1).connect().await.unwrap();
    assert_eq!((facts.version, facts.key), (TlsVersion::Tls12, KeyProof::Proven));
    let pss = ["-tls1_2", "-cipher", OLD, "-sigalgs", "rsa_pss_rsae_sha256"];
    let (stream, facts) = ForeignServer::start(&files, &pss).connect().await.unwrap();
    assert!(
        matches!(&facts.key, KeyProof::NotProven(why) if why.contains("1024 bits")),
        "{:?}",
        facts.key
    );
    let verdicts = verifier(&files.chain)
        .verify(stream.peer_chain(), &[path_check()], NOW)
        .verdicts;
    assert_eq!(verdicts[0].1.word(), "key-not-proven", "not even as a pin");
}

#[tokio::test]
async fn every_kind_of_key_is_proven_in_both_versions() {
    let folder = tempfile::tempdir().unwrap();
    for (name, new) in [
        ("p256", ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"].as_slice()),
        ("p384", &["ec", "-pkeyopt", "ec_paramgen_curve:P-384"]),
        ("p521", &["ec", "-pkeyopt", "ec_paramgen_curve:P-521"]),
        ("ed25519", &["ed25519"]),
        ("rsa", &["rsa:3072"]),
    ] {
        let (key, chain) = (format!("{name}.key"), format!("{name}.crt"));
        let mut arguments = vec!["req", "-x509", "-nodes", "-subj", "/CN=mx", "-newkey"];
        arguments.extend(new);
        arguments.extend(["-keyout", &key, "-out", &chain]);
        openssl(folder.path(), &arguments);
        let files = IdentityFiles {
            chain: folder.path().join(&chain),
            key: folder.path().join(&key),
        };
        // OpenSSL holds a TLS 1.2 certificate's curve against the groups offered (RFC 8422 §5.1): P-521 is none.
        let versions: &[&str] = if name == "p521" {
            &["-tls1_3"]
        } else {
            &["-tls1_2", "-tls1_3"]
        };
        for version in versions {
            let (_, facts) = ForeignServer::start(&files, &[version]).connect().await.unwrap();
            assert_eq!(facts.key, KeyProof::Proven, "{name} {version}");
        }
    }
}

fn using(authority: &Authority, id: &str) -> TlsClient {
    let files = authority.server(&["out.example.com"]);
    let identities: ClientIdentities =
        HashMap::from([(ClientIdentityId(id.to_owned()), Identity::load(&files).unwrap())]);
    TlsClient::new(identities)
}

#[tokio::test]
async fn our_certificate_goes_out_in_tls_1_3_and_in_1_2_only_when_allowed() {
    let authority = Authority::new();
    let files = authority.server(&["mx.example.org"]);
    let id = ClientIdentityId("bank".to_owned());
    let client = using(&authority, "bank");
    for (version, identity, fate) in [
        ("-tls1_3", IdentityUse::Tls13(id.clone()), ClientCertificateFate::Sent),
        (
            "-tls1_3",
            IdentityUse::AnyVersion(id.clone()),
            ClientCertificateFate::Sent,
        ),
        ("-tls1_3", IdentityUse::None, ClientCertificateFate::NoneToSend),
        (
            "-tls1_2",
            IdentityUse::Tls13(id.clone()),
            ClientCertificateFate::NoneToSend,
        ),
        (
            "-tls1_2",
            IdentityUse::AnyVersion(id.clone()),
            ClientCertificateFate::Sent,
        ),
    ] {
        let server = ForeignServer::start(&files, &[version, "-verify", "2"]);
        let profile = ClientProfile {
            identity: identity.clone(),
            ..ClientProfile::default()
        };
        let (_, facts) = server.connect_with(&client, &profile).await.unwrap();
        assert_eq!(facts.client_certificate, fate, "{version} {identity:?}");
    }
}

#[tokio::test]
async fn a_refused_or_missing_client_certificate_is_seen() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let files = authority.server(&["mx.example.org"]);
    let client = using(&stranger, "bank");
    let anchors = authority.pem.to_str().unwrap();
    let demand = ["-Verify", "2", "-verify_return_error", "-CAfile", anchors];
    let id = ClientIdentityId("bank".to_owned());
    // TLS 1.3: the handshake is over for us before the refusal comes with the next read.
    let server = ForeignServer::start(&files, &[&["-tls1_3"][..], &demand].concat());
    for identity in [IdentityUse::Tls13(id.clone()), IdentityUse::None] {
        let profile = ClientProfile {
            identity,
            ..ClientProfile::default()
        };
        let (mut stream, _) = server.connect_with(&client, &profile).await.unwrap();
        let error = stream.read(&mut [0; 16]).await.unwrap_err();
        assert!(alert_in(&error).is_some(), "{error}");
    }
    // TLS 1.2: inside the handshake.
    let server = ForeignServer::start(&files, &[&["-tls1_2"][..], &demand].concat());
    let profile = ClientProfile {
        identity: IdentityUse::AnyVersion(id),
        ..ClientProfile::default()
    };
    let failure = server.connect_with(&client, &profile).await.unwrap_err();
    assert_eq!(failure.stage, HandshakeStage::AfterPeerHello);
    assert!(failure.words.contains("after our client certificate"), "{failure}");
    assert_eq!(
        failure.chain[0].dns_names,
        ["mx.example.org"],
        "the chain of a failed handshake"
    );
    let failure = server.connect().await.unwrap_err();
    assert!(failure.words.contains("may demand a client certificate"), "{failure}");
}

#[tokio::test]
async fn every_group_of_ours_is_spoken_by_a_foreign_server() {
    let authority = Authority::new();
    let files = authority.server(&["mx.example.org"]);
    for group in ["X25519", "P-256", "P-384"] {
        let server = ForeignServer::start(&files, &["-groups", group]);
        for groups in [KeyExchangeGroups::ALL, KeyExchangeGroups::CLASSICAL] {
            let profile = ClientProfile {
                groups,
                ..ClientProfile::default()
            };
            let (_, facts) = server.connect_with(&client(), &profile).await.unwrap();
            assert_eq!(facts.version, TlsVersion::Tls13);
            let expected = group.to_ascii_lowercase().replace("p-", "secp");
            assert!(facts.group.starts_with(&expected), "{group}: {}", facts.group);
        }
    }
}

#[tokio::test]
async fn a_server_without_the_hybrid_gets_no_handshake_where_it_alone_is_offered() {
    let authority = Authority::new();
    let files = authority.server(&["mx.example.org"]);
    let profile = ClientProfile {
        groups: KeyExchangeGroups::HYBRID,
        ..ClientProfile::default()
    };
    for arguments in [&["-groups", "X25519"][..], &["-tls1_2"]] {
        let server = ForeignServer::start(&files, arguments);
        let failure = server.connect_with(&client(), &profile).await.unwrap_err();
        assert!(
            matches!(failure.fault, HandshakeFault::Alert(_)),
            "{arguments:?}: {failure:?}"
        );
    }
}

/// Lets `openssl s_client` talk to our server: what our side came to, and what it printed.
async fn serve_foreign(server: &TlsServer, arguments: &[&str]) -> (Result<TlsFacts, Box<HandshakeFailure>>, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
    let client = tokio::task::spawn_blocking(move || {
        Command::new("openssl")
            .args(["s_client", "-ign_eof", "-connect", &address])
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .unwrap()
    });
    let (stream, _) = listener.accept().await.unwrap();
    let outcome = match server.accept(stream, TIME_LIMIT).await {
        Ok((mut stream, facts)) => {
            stream.write_all(b"220 hello\r\n").await.unwrap();
            stream.flush().await.unwrap();
            let _ = stream.close(b"").await;
            Ok(facts)
        }
        Err(failure) => Err(failure),
    };
    let output = client.await.unwrap();
    let printed = [output.stdout, output.stderr].concat();
    (outcome, String::from_utf8_lossy(&printed).into_owned())
}

fn pair(authority: &Authority) -> [IdentityFiles; 2] {
    [Algorithm::P256, Algorithm::Rsa].map(|algorithm| {
        let stem = match algorithm {
            Algorithm::P256 => "ecdsa",
            Algorithm::Rsa => "rsa",
        };
        authority.issue(stem, &["mx.example.org"], algorithm, |_| {})
    })
}

#[tokio::test]
async fn every_suite_that_is_described_is_spoken_and_no_other() {
    let authority = Authority::new();
    let server = server(&pair(&authority));
    for suite in server.describe().suites {
        let described = suite.clone();
        let (outcome, printed) = if let Some((_, rest)) = suite.split_once("_WITH_") {
            // OpenSSL has its own names for the suites of TLS 1.2.
            let signer = if suite.contains("ECDSA") { "ECDSA" } else { "RSA" };
            let cipher = match rest {
                "AES_256_GCM_SHA384" => format!("ECDHE-{signer}-AES256-GCM-SHA384"),
                "AES_128_GCM_SHA256" => format!("ECDHE-{signer}-AES128-GCM-SHA256"),
                _ => format!("ECDHE-{signer}-CHACHA20-POLY1305"),
            };
            serve_foreign(&server, &["-tls1_2", "-cipher", &cipher]).await
        } else {
            serve_foreign(&server, &["-tls1_3", "-ciphersuites", &suite]).await
        };
        let facts = outcome.unwrap();
        assert_eq!(facts.suite, described);
        assert!(printed.contains("220 hello"), "{printed}");
    }
    for (arguments, words) in [
        (["-tls1_2", "-cipher", "kRSA"], "cipher suites"),
        (["-tls1_2", "-cipher", "ECDHE-RSA-AES256-SHA384"], "cipher suites"),
        (["-tls1_1", "-cipher", OLD], "speaks only TLSv1.1; it is too old"),
    ] {
        let failure = serve_foreign(&server, &arguments).await.0.unwrap_err();
        assert_eq!(failure.fault, HandshakeFault::Incompatible, "{failure}");
        assert!(failure.words.contains(words), "{failure}");
        assert!(!failure.hello.unwrap().suites.is_empty());
    }
}

#[tokio::test]
async fn the_servers_order_wins() {
    let authority = Authority::new();
    let server = server(&pair(&authority));
    let backwards = "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384";
    let facts = serve_foreign(&server, &["-ciphersuites", backwards]).await.0.unwrap();
    assert_eq!(facts.suite, server.describe().suites[0]);
}

#[tokio::test]
async fn the_certificate_fits_the_peers_signature_schemes() {
    let authority = Authority::new();
    let server = server(&pair(&authority));
    for (schemes, printed) in [
        ("RSA+SHA256:rsa_pss_rsae_sha256", "rsaEncryption"),
        ("ECDSA+SHA256", "id-ecPublicKey"),
        ("ECDSA+SHA256:rsa_pss_rsae_sha256", "id-ecPublicKey"),
    ] {
        for version in ["-tls1_2", "-tls1_3"] {
            let (outcome, text) = serve_foreign(&server, &[version, "-sigalgs", schemes]).await;
            outcome.unwrap();
            assert!(text.contains(printed), "{version} {schemes}: {text}");
        }
    }
    let failure = serve_foreign(&server, &["-tls1_3", "-sigalgs", "ed25519"])
        .await
        .0
        .unwrap_err();
    assert_eq!(failure.fault, HandshakeFault::Incompatible, "{failure}");
    assert!(
        failure.words.contains("signature schemes") && failure.words.contains("ed25519"),
        "{failure}"
    );
}

#[tokio::test]
async fn a_client_certificate_is_asked_for_with_no_authorities_and_the_schemes_described() {
    let authority = Authority::new();
    let files = pair(&authority);
    let server = server(&files);
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    for version in ["-tls1_2", "-tls1_3"] {
        let (chain, key) = (text(&files[1].chain), text(&files[1].key));
        let (outcome, printed) = serve_foreign(&server, &[version, "-cert", &chain, "-key", &key]).await;
        let facts = outcome.unwrap();
        assert_eq!((facts.chain.len(), facts.key), (1, KeyProof::Proven));
        assert!(printed.contains("No client certificate CA names sent"), "{printed}");
        let asked = printed
            .lines()
            .find_map(|line| line.strip_prefix("Requested Signature Algorithms: "))
            .unwrap();
        let count = server.describe().signature_schemes.len();
        assert_eq!(asked.split(':').count(), count, "{asked}");
    }
}

#[tokio::test]
async fn a_client_certificate_that_cannot_be_checked_is_never_an_alert() {
    let authority = Authority::new();
    let server = server(&pair(&authority));
    let folder = tempfile::tempdir().unwrap();
    for (place, new) in [
        ["rsa:1024"].as_slice(),
        &["rsa-pss", "-pkeyopt", "rsa_keygen_bits:2048"],
        &["ec", "-pkeyopt", "ec_paramgen_curve:secp256k1"],
        &["ec", "-pkeyopt", "ec_paramgen_curve:brainpoolP384r1"],
        &["ed448"],
    ]
    .into_iter()
    .enumerate()
    {
        let (chain, key) = (format!("{place}.crt"), format!("{place}.key"));
        let mut arguments = vec!["req", "-x509", "-nodes", "-subj", "/CN=odd", "-newkey"];
        arguments.extend(new);
        arguments.extend(["-keyout", &key, "-out", &chain]);
        openssl(folder.path(), &arguments);
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        for version in ["-tls1_2", "-tls1_3"] {
            let (chain, key) = (path(&chain), path(&key));
            let arguments = [version, "-cipher", OLD, "-cert", &chain, "-key", &key];
            let (outcome, printed) = serve_foreign(&server, &arguments).await;
            assert!(outcome.is_ok(), "{new:?} {version}: {outcome:?}");
            assert!(printed.contains("220 hello"), "{new:?} {version}: {printed}");
        }
    }
}

/// CVE-2025-23419, CVE-2025-23048, CVE-2020-13777: where nothing is resumed, no ticket is taken at another place, and
/// no ticket key can be weak.
#[tokio::test]
async fn there_are_no_tickets_and_no_session_ids_by_default() {
    let authority = Authority::new();
    let server = server(&pair(&authority));
    let (outcome, printed) = serve_foreign(&server, &["-tls1_3", "-msg"]).await;
    outcome.unwrap();
    assert!(!printed.contains("NewSessionTicket"), "{printed}");
    let (outcome, printed) = serve_foreign(&server, &["-tls1_2", "-msg"]).await;
    outcome.unwrap();
    assert!(!printed.contains("NewSessionTicket"), "{printed}");
    assert!(printed.contains("Session-ID: \n"), "{printed}");
}

#[tokio::test]
async fn resumption_is_of_tls_1_3_alone_and_keeps_the_client_certificate() {
    let authority = Authority::new();
    let files = pair(&authority);
    let mut settings = settings(&files);
    settings.resumption = ServerResumption::Tls13;
    let server = TlsServer::new(settings);
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let (chain, key) = (text(&files[1].chain), text(&files[1].key));
    let session = text(&authority.folder.path().join("session.pem"));
    let arguments = ["-tls1_3", "-cert", &chain, "-key", &key];
    let first = serve_foreign(&server, &[&arguments[..], &["-sess_out", &session]].concat()).await;
    assert!(!first.0.unwrap().resumed);
    let second = serve_foreign(&server, &[&arguments[..], &["-sess_in", &session]].concat()).await;
    let facts = second.0.unwrap();
    assert!(facts.resumed && second.1.contains("Reused"), "{}", second.1);
    assert_eq!((facts.chain.len(), facts.key), (1, KeyProof::Proven));
    let old = text(&authority.folder.path().join("old.pem"));
    let (outcome, printed) = serve_foreign(&server, &["-tls1_2", "-sess_out", &old]).await;
    outcome.unwrap();
    assert!(
        printed.contains("Session-ID: \n") && !printed.contains("TLS session ticket:"),
        "{printed}"
    );
    // OpenSSL writes no file for a session that nobody can resume.
    assert!(!Path::new(&old).exists());
}

/// CVE-2025-23419: a ticket of one listener is nothing to another, nor to the same one with other settings, even with
/// the same certificates; and no ticket invites data before the handshake is over (RFC 8446 §8).
#[tokio::test]
async fn a_ticket_of_one_listener_is_nothing_to_another() {
    let authority = Authority::new();
    let files = pair(&authority);
    let listener = || {
        let mut settings = settings(&files);
        settings.resumption = ServerResumption::Tls13;
        TlsServer::new(settings)
    };
    let (first, second, without) = (listener(), listener(), server(&files));
    let session = authority.folder.path().join("session.pem");
    let session = session.to_str().unwrap();
    let (outcome, printed) = serve_foreign(&first, &["-tls1_3", "-sess_out", session]).await;
    assert!(!outcome.unwrap().resumed);
    assert!(printed.contains("Max Early Data: 0"), "{printed}");
    for other in [&second, &without] {
        let (outcome, printed) = serve_foreign(other, &["-tls1_3", "-sess_in", session]).await;
        assert!(!outcome.unwrap().resumed && !printed.contains("Reused"), "{printed}");
    }
    // A ticket is good for one handshake: whoever saw it on the way cannot use it again.
    for resumed in [true, false] {
        let (outcome, _) = serve_foreign(&first, &["-tls1_3", "-sess_in", session]).await;
        assert_eq!(outcome.unwrap().resumed, resumed);
    }
    let shown = |printed: String| {
        let line = printed
            .lines()
            .find(|line| line.trim_start().starts_with("0000 - "))
            .map(str::to_owned);
        line.unwrap_or_else(|| panic!("no ticket in {printed}"))
    };
    let one = shown(serve_foreign(&first, &["-tls1_3"]).await.1);
    assert_ne!(
        one,
        shown(serve_foreign(&first, &["-tls1_3"]).await.1),
        "tickets begin differently"
    );
}

/// CVE-2009-3555, CVE-2011-1473: a client that asks for a second handshake gets none, and none again costs it the
/// connection. With neither that nor resumption in TLS 1.2 there is no third handshake for a triple one.
#[tokio::test]
async fn a_client_that_wants_to_renegotiate_is_refused() {
    let authority = Authority::new();
    let server = server(&pair(&authority));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let mut client = Command::new("openssl")
        .args(["s_client", "-tls1_2", "-connect", &address])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (stream, _) = listener.accept().await.unwrap();
    let (mut stream, _) = server.accept(stream, TIME_LIMIT).await.unwrap();
    // A line `R` makes it ask for another handshake, with the next thing that it writes: once it has said that it has
    // read that line. Anything from us meanwhile could come into the middle of its handshake, and it would give up for
    // that.
    let (mut stdin, stderr) = (client.stdin.take().unwrap(), client.stderr.take().unwrap());
    std::io::Write::write_all(&mut stdin, b"R\n").unwrap();
    let said = tokio::task::spawn_blocking(move || {
        let (mut lines, mut said) = (BufReader::new(stderr), String::new());
        while !said.contains("RENEGOTIATING") && lines.read_line(&mut said).unwrap() > 0 {}
        // It may have asked already and be gone.
        let _ = std::io::Write::write_all(&mut stdin, b"hello\n");
        std::io::Read::read_to_string(&mut lines, &mut said).unwrap();
        said
    });
    let mut pause = tokio::time::interval(std::time::Duration::from_millis(20));
    let mut octets = [0; 64];
    let ended = loop {
        tokio::select! {
            ended = stream.read(&mut octets) => break ended,
            // The refusal leaves with the next flush, and no data with it.
            _ = pause.tick() => if stream.flush().await.is_err() { break Ok(0) },
        }
    };
    assert!(!matches!(ended, Ok(len) if len > 0), "nothing of it is data");
    drop(stream);
    let printed = said.await.unwrap();
    client.wait().unwrap();
    assert!(printed.contains("RENEGOTIATING"), "{printed}");
    assert!(printed.contains("no renegotiation"), "{ended:?}: {printed}");
}

#[tokio::test]
async fn the_server_name_is_seen_from_a_foreign_client_too() {
    let authority = Authority::new();
    let server = Arc::new(server(&[
        authority.server(&["mx.example.org"]),
        authority.server(&["mx.example.net"]),
    ]));
    for (arguments, sni, common_name) in [
        (
            ["-servername", "mx.example.net"].as_slice(),
            Some("mx.example.net"),
            "mx.example.net",
        ),
        (
            &["-servername", "unknown.example"],
            Some("unknown.example"),
            "mx.example.org",
        ),
        (&["-servername", "192.0.2.1"], None, "mx.example.org"),
        (&["-noservername"], None, "mx.example.org"),
    ] {
        let (outcome, printed) = serve_foreign(&server, arguments).await;
        assert_eq!(
            outcome.unwrap().sni.map(|name| name.to_string()).as_deref(),
            sni,
            "{arguments:?}"
        );
        assert!(
            printed.contains(&format!("subject=CN = {common_name}")),
            "{arguments:?}: {printed}"
        );
    }
}
