//! What an organization demands of its partners' mail.

use sekisho_testkit::{
    authority::{Authority, Pem, self_signed},
    enclosure::{HOSTS, enclosed},
    foreign::Swaks,
    node::Node,
};

use super::{Sender, TWO_ORGANIZATIONS, assert_answers, authorities, lines, refusal, service};
use crate::{delivered_to, trace_of};

/// Bob at acme, in the directory's domain.
const USERS: &str = "[local]\nusers = [\"inbox\", \"bob@acme.example\"]\n";
const BOB: &str = "bob@acme.example";

/// What organizations demand of TLS alone.
const TLS_DEMANDS: &str = r#"
[[organization]]
name = "strict"
require_tls_inbound = true
[[domain]]
organization = "strict"
name = "strict.example"
[[domain]]
organization = "acme"
name = "other.acme.example"
[[inbound_connector]]
organization = "acme"
name = "tls"
sender_domains = ["*.tls.example"]
[[inbound_connector]]
organization = "acme"
name = "refusing"
sender_domains = ["refusing.example"]
plaintext_reply = "refuse"
[[inbound_connector]]
organization = "acme"
name = "new"
sender_domains = ["new.example"]
min_tls_version = "1.3"
[[inbound_connector]]
organization = "acme"
name = "hybrid"
sender_domains = ["hybrid.example"]
key_exchange_groups = ["X25519MLKEM768"]
[[inbound_connector]]
organization = "acme"
name = "curve"
sender_domains = ["curve.example"]
key_exchange_groups = ["X25519MLKEM768", "X25519"]
[[inbound_connector]]
organization = "acme"
name = "limited"
sender_domains = ["limited.example"]
associated_accepted_domains = ["other.acme.example"]
[[inbound_connector]]
organization = "acme"
name = "off"
enabled = false
sender_domains = ["*"]
[[inbound_connector]]
organization = "beta"
name = "everyone"
sender_domains = ["*"]
"#;

/// Over what, MAIL FROM, RCPT and how the reply begins. The client's OpenSSL has no hybrid.
const TLS_CASES: &str = "\
    plaintext | a@tls.example            | bob@acme.example       | 451 4.7.0 Must issue a STARTTLS command first
    plaintext | a@deep.below.tls.example | bob@acme.example       | 451 4.7.0 Must issue a STARTTLS command first
    TLS       | a@tls.example            | bob@acme.example       | 250
    TLS 1.2   | a@deep.below.tls.example | bob@acme.example       | 250
    plaintext | a@refusing.example       | bob@acme.example       | 530 5.7.0 Must issue a STARTTLS command first
    TLS       | a@refusing.example       | bob@acme.example       | 250
    plaintext | a@new.example            | bob@acme.example       | 451 4.7.0
    TLS 1.2   | a@new.example            | bob@acme.example       | 550 5.7.5
    TLS       | a@new.example            | bob@acme.example       | 250
    TLS       | a@hybrid.example         | bob@acme.example       | 550 5.7.5
    TLS       | a@curve.example          | bob@acme.example       | 250
    plaintext | a@limited.example        | bob@acme.example       | 250
    plaintext | a@limited.example        | bob@other.acme.example | 451 4.7.0
    TLS       | a@limited.example        | bob@other.acme.example | 250
    plaintext | a@other.example          | bob@acme.example       | 250
    plaintext | a@nottls.example         | bob@acme.example       | 250
    plaintext | <>                       | bob@acme.example       | 250
    plaintext | <>                       | eve@beta.example       | 451 4.7.0
    TLS       | <>                       | eve@beta.example       | 250
    plaintext | <>                       | sam@strict.example     | 451 4.7.0 Must issue a STARTTLS command first
    TLS       | <>                       | sam@strict.example     | 250";

#[test]
fn a_partner_that_must_use_tls_comes_in_under_tls_alone() {
    enclosed(|| {
        let users = "[local]\nusers = [\"bob@acme.example\", \"bob@other.acme.example\", \"eve@beta.example\", \
                     \"sam@strict.example\"]\n";
        let node = service(users, &format!("{TWO_ORGANIZATIONS}{TLS_DEMANDS}"));
        let swaks = Swaks::new();
        let plain = Sender::at(HOSTS[2]);
        let tls = plain.clone().over_tls();
        let mut old = tls.clone();
        old.options.extend(["--tls-protocol".to_owned(), "tlsv1_2".to_owned()]);
        let case = |line| {
            let [over, from, to, wanted] = super::cells(line);
            let sender = match over {
                "plaintext" => &plain,
                "TLS" => &tls,
                _ => &old,
            };
            (sender, from, to, wanted)
        };
        assert_answers(&swaks, &TLS_CASES.lines().map(case).collect::<Vec<_>>());
        // The very message that was put off comes in once it comes under TLS.
        assert!(plain.sends(&swaks, "b@tls.example", BOB).starts_with("451 4.7.0"));
        assert_eq!(node.mailbox(BOB), Vec::<Vec<u8>>::new());
        assert!(tls.sends(&swaks, "b@tls.example", BOB).starts_with("250"));
        assert!(delivered_to(&node, BOB).contains("the content"));
    });
}

/// The name that a partner's certificate must be for.
const RIGHT: &str = "mail.cert.example";

/// Acme's connectors, each for the domain of its name unless another is said; only `anyone` restricts nothing.
fn restricting(anchors: &str, pin: &str) -> String {
    let connector = |name: &str, domain: &str, more: &str| {
        format!(
            "[[inbound_connector]]\norganization = \"acme\"\nname = \"{name}\"\nsender_domains = [\"{domain}\"]\n{more}"
        )
    };
    let of_name = |name: &str| {
        let anchors = lines(anchors);
        format!(
            "restrict_domains_to_certificate = true\ntls_sender_certificate_name = \"{name}\"\n\
             trust_anchors = {anchors}\n"
        )
    };
    let certificate = of_name(RIGHT);
    let address = "restrict_domains_to_ip_addresses = true\nsender_ip_addresses = [\"192.0.2.3\"]\n";
    let without_tls = format!("{address}require_tls = false\n");
    [
        TWO_ORGANIZATIONS,
        &connector("cert", "cert.example", &certificate),
        &connector("address", "address.example", &without_tls),
        &connector("both", "both.example", &format!("{certificate}{address}")),
        // A restriction beats the connector that takes the domain from anyone, and two restrictions are two ways in.
        &connector("anyone", "ruled.example", ""),
        &connector("ruled", "ruled.example", &certificate),
        &connector("ruled2", "ruled.example", &without_tls),
        &connector(
            "pinned",
            "pinned.example",
            &format!("{}pins = [\"{pin}\"]\n", of_name("*.pinned.example")),
        ),
    ]
    .concat()
}

/// Certificates that are wrong in one way each.
fn wrong_certificates(root: &Authority, intermediate: &Authority) -> [(&'static str, Pem); 11] {
    [
        ("wrong-name", root.client("mail.other.example")),
        ("another", self_signed(&["unused.example"])),
        ("below", root.client("deep.mail.cert.example")),
        ("untrusted-root", Authority::called("stranger").client(RIGHT)),
        ("untrusted-namesake", Authority::new().client(RIGHT)),
        ("self-signed", self_signed(&[RIGHT])),
        ("expired", root.expired(&[RIGHT])),
        ("not-yet-valid", root.not_yet_valid(&[RIGHT])),
        ("common-name-alone", root.server_called(RIGHT, &[])),
        ("common-name-beside", root.server_called(RIGHT, &["mail.other.example"])),
        ("missing-intermediate", intermediate.client(RIGHT)),
    ]
}

#[test]
fn who_is_restricted_to_a_certificate_or_an_address_comes_in_no_other_way() {
    enclosed(|| {
        let (root, intermediate) = authorities();
        let pinned = root.client("mail.pinned.example");
        let node = service(USERS, &restricting(root.anchor(), &pinned.pin()));
        let swaks = Swaks::new();
        let (here, elsewhere) = (Sender::at(HOSTS[2]), Sender::at(HOSTS[3]));
        let shows = |what: &str, pem: &Pem| elsewhere.clone().with(&swaks, what, pem);
        let bad = wrong_certificates(&root, &intermediate).map(|(what, pem)| shows(what, &pem));
        let good = [
            shows("client", &root.client(RIGHT)),
            // Public authorities issue no others any more.
            shows("server-auth-alone", &root.server(&[RIGHT])),
            shows("wildcard", &root.client("*.cert.example")),
            shows("one-of-many", &root.server(&["mail.other.example", RIGHT])),
        ];
        let (from, restriction) = (
            "a@cert.example",
            "550 5.7.51 TenantInboundAttribution; Rejecting message; ",
        );
        let none = elsewhere.clone().over_tls();
        let mut cases = vec![(&elsewhere, from, BOB, "451 4.7.0 "), (&none, from, BOB, restriction)];
        cases.extend(bad.iter().map(|sender| (sender, from, BOB, restriction)));
        cases.extend(good.iter().map(|sender| (sender, from, BOB, "250")));
        let (bad, good) = (&bad[0], &good[0]);
        let good_here = here.clone().with(&swaks, "here", &root.client(RIGHT));
        let key = shows("pinned", &pinned);
        let other_key = shows("other-key", &root.client("mail.pinned.example"));
        cases.extend([
            (&here, "a@address.example", BOB, "250"),
            (&elsewhere, "a@address.example", BOB, restriction),
            (good, "a@address.example", BOB, restriction),
            (&here, "a@both.example", BOB, "451 4.7.0 "),
            (good, "a@both.example", BOB, restriction),
            (&good_here, "a@both.example", BOB, "250"),
            (bad, "a@ruled.example", BOB, restriction),
            (good, "a@ruled.example", BOB, "250"),
            // The address is enough for one of them, and the third wants TLS of all.
            (&here, "a@ruled.example", BOB, "451 4.7.0 "),
            (&key, "a@pinned.example", BOB, "250"),
            (&other_key, "a@pinned.example", BOB, restriction),
            // Whoever it is, other senders are nobody's affair.
            (bad, "a@free.example", BOB, "250"),
            // The restriction comes before whether there is such a mailbox.
            (bad, from, "nobody@acme.example", restriction),
            (good, from, "nobody@acme.example", "550 5.1.1 "),
        ]);
        assert_answers(&swaks, &cases);

        let told = bad.asks(&swaks, from, "bob+x@acme.example");
        let words = ["acme/cert", "RestrictDomainsToCertificate", "mail.other.example"];
        assert_told(&node, &told, "bob+x@acme.example", words);
        let told = elsewhere.asks(&swaks, "a@address.example", "inbox@acme.example");
        let words = ["acme/address", "RestrictDomainsToIPAddresses", "192.0.2.4"];
        assert_told(&node, &told, "inbox@acme.example", words);
    });
}

/// The client is told which restriction and no names; who looks into the trace is told all.
fn assert_told(node: &Node, reply: &str, recipient: &str, words: [&str; 3]) {
    let [connector, rule, _] = words;
    assert!(reply.contains(rule) && !reply.contains(connector), "{reply}");
    let (key, text) = refusal(node, recipient);
    assert_eq!(key, "partner-restriction");
    for word in words {
        assert!(text.contains(word), "no {word:?} in {text}");
    }
}

#[test]
fn direct_send_is_refused_of_those_whom_no_connector_knows_and_of_nobody_else() {
    enclosed(|| {
        let root = Authority::new();
        let directory = |reject: bool| {
            format!(
                "{}\
                 [[inbound_connector]]\norganization = \"acme\"\nname = \"scanner\"\nconnector_type = \"on_premises\"\n\
                 sender_ip_addresses = [\"192.0.2.3\"]\n\
                 [[inbound_connector]]\norganization = \"acme\"\nname = \"service\"\n\
                 sender_domains = [\"*.service.example\"]\n\
                 restrict_domains_to_certificate = true\ntls_sender_certificate_name = \"out.service.example\"\n\
                 trust_anchors = {}\n",
                TWO_ORGANIZATIONS.replace(
                    "name = \"acme\"\n",
                    &format!("name = \"acme\"\nreject_direct_send = {reject}\n")
                ),
                lines(root.anchor())
            )
        };
        let node = service(USERS, &directory(true));
        let swaks = Swaks::new();
        let (scanner, stranger) = (Sender::at(HOSTS[2]), Sender::at(HOSTS[3]));
        let known = stranger
            .clone()
            .with(&swaks, "service", &root.client("out.service.example"));
        let unknown = stranger
            .clone()
            .with(&swaks, "unknown", &self_signed(&["out.service.example"]));
        let refused = "550 5.7.68 TenantInboundAttribution; Direct Send not allowed";
        let own = "ceo@acme.example";
        assert_answers(
            &swaks,
            &[
                (&stranger, own, BOB, refused),
                (&unknown, own, BOB, refused),
                (&scanner, own, BOB, "250"),
                (&known, own, BOB, "250"),
                (&stranger, "a@there.example", BOB, "250"),
                (&stranger, "a@beta.example", BOB, "250"),
                (&stranger, "<>", BOB, "250"),
            ],
        );
        let (key, text) = refusal(&node, BOB);
        assert_eq!(key, "direct-send");
        assert!(text.contains("acme.example") && text.contains("acme"), "{text}");
        let trace = trace_of(&node, BOB).expect("it was found before");
        assert_eq!(trace["attempts"][0]["outcome"]["why"]["status"], "5.7.68", "{trace:#}");
        super::apply(&node, &directory(false));
        assert_answers(&swaks, &[(&stranger, own, BOB, "250")]);
    });
}
