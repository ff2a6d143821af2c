//! OCSP answers stapled to our own certificates: asked for at OpenSSL's responder by the shipped binary, and looked at
//! by OpenSSL's client.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    process::{Child, ChildStdout, Command, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use sekisho::clock;
use sekisho_mail::Timestamp;
use sekisho_testkit::{
    authority::{Authority, Endpoints},
    enclosure::{HOSTS, enclosed},
    node::{self, Node},
    revocation::{Ocsp, OcspStatus},
    wait,
    web::{WebAnswer, WebServer},
};
use serde_json::Value;

const ROLE: &str = "\
[[listener]]
name = \"default\"
address = \"127.0.0.1:2525\"
tls.roles = [\"mx\"]
";
/// Its leaf stands alone, and who issued it is an anchor.
const FILES: &str = "\
[[listener]]
name = \"files\"
address = \"127.0.0.1:2526\"
tls.certificates = [{ certificate = \"alone.pem\", key = \"alone.key\" }]
[trust]
files = [\"ca.pem\"]
";

/// An authority that OpenSSL runs, with two certificates of which the second must be stapled.
const AUTHORITY: &str = "
set -e
cat > ca.cnf <<END
[req]
distinguished_name = name
[name]
[of_ca]
basicConstraints = critical, CA:TRUE
keyUsage = keyCertSign, cRLSign
[ca]
default_ca = own
[own]
dir = .
database = index.txt
new_certs_dir = .
certificate = ca.pem
private_key = ca.key
serial = serial
default_md = sha256
default_days = 30
policy = any
unique_subject = no
[any]
commonName = supplied
[mx]
subjectAltName = DNS:mx.example.org
extendedKeyUsage = serverAuth
authorityInfoAccess = OCSP;URI:http://ADDRESS:8888/
[alone]
subjectAltName = DNS:alone.example.org
extendedKeyUsage = serverAuth
authorityInfoAccess = OCSP;URI:http://ADDRESS:8888/
tlsfeature = status_request
END
: > index.txt
echo 8001 > serial
ec='-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -config ca.cnf'
openssl req -x509 $ec -subj '/CN=Stapling authority' -extensions of_ca -days 300 -keyout ca.key -out ca.pem
for one in mx alone; do
    openssl req -new $ec -subj /CN=$one -keyout $one.key -out $one.csr
    openssl ca -batch -notext -config ca.cnf -extensions $one -in $one.csr -out $one.pem
done
cat ca.pem >> mx.pem
chmod 600 mx.key alone.key
";

/// A shell line in the folder of a node, which must go well.
fn sh(node: &Node, line: &str) {
    let output = Command::new("sh")
        .current_dir(node.folder())
        .args(["-c", line])
        .output();
    let output = output.expect("a shell");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{line}: {said}");
}

/// OpenSSL's responder; it ends with this value.
struct Responder {
    child: Child,
    /// Whoever writes into it must not be cut off.
    _output: BufReader<ChildStdout>,
}

impl Responder {
    fn start(node: &Node) -> Self {
        let line =
            "exec openssl ocsp -port 8888 -index index.txt -CA ca.pem -rsigner ca.pem -rkey ca.key -nmin 60 2>&1";
        let mut child = Command::new("sh")
            .args(["-c", line])
            .current_dir(node.folder())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell");
        let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
        // A connection on which nothing is asked would hold it up for good.
        let mut said = String::new();
        while !said.contains("ACCEPT") {
            let len = output.read_line(&mut said).expect("it says something");
            assert!(len > 0, "{said}");
        }
        Self { child, _output: output }
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What OpenSSL's client says of the OCSP answer that comes with the handshake.
fn shown(port: u16) -> String {
    let line = format!("openssl s_client -connect 127.0.0.1:{port} -starttls smtp -status </dev/null 2>&1");
    let output = Command::new("sh").args(["-c", &line]).output().expect("openssl starts");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("BEGIN CERTIFICATE"), "{said}");
    said
}

fn is_stapled(port: u16) -> bool {
    let said = shown(port);
    let good = said.contains("OCSP Response Status: successful") && said.contains("Cert Status: good");
    assert_ne!(good, said.contains("OCSP response: no response sent"), "{said}");
    good
}

#[track_caller]
fn stapled_before_long(node: &Node, port: u16) {
    wait::until_or("a stapled answer", || is_stapled(port).then_some(()), || node.log());
}

fn alerts(node: &Node, kind: &str) -> Vec<Value> {
    let mut all = node.json_lines(&["alert", "list", "--json"]);
    all.retain(|alert| alert["kind"] == kind);
    all
}

fn alert(node: &Node, kind: &str) -> Value {
    wait::until_or(kind, || alerts(node, kind).pop(), || node.log())
}

/// What is said of the certificate of role `mx`.
fn staple(node: &Node) -> Value {
    let role = node.json_lines(&["certificate", "show", "mx", "--json"]).remove(0);
    role["certificates"][0]["staple"].clone()
}

fn said(node: &Node, arguments: &[&str]) -> String {
    let output = node.run(arguments);
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Puts a certificate into role `mx`.
fn import(node: &Node) {
    let role = ["role", "add", "mx", "--names", "mx.example.org"];
    said(node, &[&["certificate"], &role[..]].concat());
    let path = |name: &str| node.folder().join(name).display().to_string();
    let pair = ["--certificate", &path("mx.pem"), "--key", &path("mx.key")];
    said(node, &[&["certificate", "import", "--role", "mx"], &pair[..]].concat());
}

/// For how long all still holds that is stapled.
fn seconds_left() -> Vec<u64> {
    let metrics = node::metrics();
    let samples = metrics.lines();
    let samples = samples.filter(|line| line.starts_with("sekisho_certificate_staple_seconds_left{"));
    samples
        .filter_map(|line| line.rsplit(' ').next()?.parse().ok())
        .collect()
}

/// As if nothing had ever been answered.
fn forget(node: &Node) {
    fs::remove_dir_all(node.folder().join("sekisho-data/stapled")).expect("it was made");
}

#[track_caller]
fn assert_says(alert: &Value, field: &str, words: &[&str]) {
    let text = alert[field].as_str().expect("words");
    assert!(words.iter().all(|word| text.contains(word)), "{alert}");
}

fn assert_told_that_it_is_stapled(node: &Node) {
    let view = staple(node);
    assert!(view["until"].is_i64() && view["reason"].is_null(), "{view}");
    assert!(view["next_fetch"].as_i64() < view["until"].as_i64(), "{view}");
    assert!(said(node, &["certificate", "show", "mx"]).contains("  stapled       until "));
    assert!(said(node, &["tls", "list"]).contains(", stapled until "));
    let left = seconds_left();
    assert!(
        left.len() == 2 && left.iter().all(|left| (3000..=3600).contains(left)),
        "{left:?}"
    );
    let proofs = node.log().matches("handshakes with ourselves were made").count();
    assert!(
        proofs <= 2,
        "what is stapled makes no other certificate: {}",
        node.log()
    );
}

#[test]
fn what_openssl_s_responder_says_of_our_certificates_is_stapled_and_outlives_a_restart_and_revoked_is_told() {
    enclosed(|| {
        let mut node = Node::new(env!("CARGO_BIN_EXE_sekisho"), "");
        sh(&node, &AUTHORITY.replace("ADDRESS", &HOSTS[5].to_string()));
        let responder = Responder::start(&node);
        node.configure(&format!("{ROLE}{FILES}"));
        node.resume();
        import(&node);
        stapled_before_long(&node, 2525);
        stapled_before_long(&node, 2526);
        assert_told_that_it_is_stapled(&node);

        // Nobody answers any more, and the first client after a restart gets what was kept.
        drop(responder);
        node.terminate();
        node.resume();
        assert!(is_stapled(2525) && is_stapled(2526), "{}", node.log());
        assert!(alerts(&node, "staple-missing").is_empty());

        // It was revoked meanwhile, and nothing else is kept.
        node.terminate();
        let revoke = "openssl ca -config ca.cnf -revoke 8001.pem -crl_reason superseded";
        sh(&node, revoke);
        forget(&node);
        let responder = Responder::start(&node);
        node.resume();
        let revoked = alert(&node, "own-certificate-revoked");
        assert_says(&revoked, "text", &["it was revoked on ", "superseded"]);
        assert_says(&revoked, "subject", &["default/mx/"]);
        assert!(!is_stapled(2525));
        stapled_before_long(&node, 2526);
        assert!(staple(&node)["revoked_at"].is_i64(), "{}", staple(&node));
        assert!(said(&node, &["certificate", "show", "mx"]).contains("  not stapled   it was revoked on "));

        // Nobody answers, and nothing is kept of one that must not be presented without.
        drop(responder);
        node.terminate();
        forget(&node);
        node.resume();
        let missing = alert(&node, "staple-missing");
        assert_says(&missing, "severity", &["error"]);
        assert_says(&missing, "text", &["must-staple"]);
        assert!(!is_stapled(2526));
    });
}

#[test]
fn an_answer_stays_while_its_authority_is_silent_and_goes_when_it_ends() {
    const SERIAL: u64 = 9;
    enclosed(|| {
        let authority = Authority::new();
        let at = format!("http://{}:8888/", HOSTS[5]);
        let ours = authority.server_with(&["mx.example.org"], SERIAL, &Endpoints::ocsp(at));
        let ends: Arc<Mutex<Option<Timestamp>>> = Arc::default();
        let (told, signer) = (Arc::clone(&ends), authority);
        let server = WebServer::start((HOSTS[5], 8888).into(), None, move |_| {
            // In whole seconds, as answers have it.
            let now = Timestamp::from_secs(clock::now().as_secs());
            let next_update = Some(now.plus(Duration::from_secs(8)));
            *told.lock().expect("nobody panics with it") = next_update;
            let answer = Ocsp::of(SERIAL, OcspStatus::Good, now);
            WebAnswer::ok(signer.ocsp(&Ocsp { next_update, ..answer }))
        });
        let mut node = Node::new(env!("CARGO_BIN_EXE_sekisho"), "");
        node.write("chain.pem", &ours.chain);
        node.write("key.pem", &ours.key);
        node.configure(
            "[[listener]]\nname = \"default\"\naddress = \"127.0.0.1:2525\"\ntls.certificates = [{ certificate = \
             \"chain.pem\", key = \"key.pem\" }]\n",
        );
        node.resume();
        stapled_before_long(&node, 2525);
        drop(server);
        let ends = ends.lock().expect("nobody panics with it").expect("it was asked");
        assert!(is_stapled(2525) || clock::now() >= ends, "{}", node.log());
        wait::until_or(
            "the end of the answer",
            || (!is_stapled(2525)).then_some(()),
            || node.log(),
        );
        assert!(clock::now() >= ends, "{}", node.log());
        assert_eq!(seconds_left(), [0]);
        // What has ended is not taken from disk either.
        node.terminate();
        node.resume();
        assert!(!is_stapled(2525), "{}", node.log());
    });
}
