//! Every text that is no value is a fault at its place and field, and what fits comes out as it was meant.

use std::{os::unix::fs::PermissionsExt as _, time::Duration};

use sekisho_api::{
    AddedHeader, CertificateFiles, CertificateRole, DocumentKind, Documents, Exception, InboundConnector, LookupMode,
    Organization, OutboundConnector, Relaxation, Rule, RuleTls,
};
use sekisho_mail::{AnchorSetId, Host};
use sekisho_policy::directory::ConnectorKey;
use sekisho_store::{Document, DocumentKey};
use sekisho_testkit::authority::Authority;

use super::{acme, acme_domain, file_part, outbound, sample, stored, text, texts};
use crate::{
    directory::{Parsed, parse},
    outbound::{Via, WaySource},
};

/// Place and field of everything that is wrong.
fn faults(documents: &Documents, configuration: &str) -> Vec<(String, &'static str)> {
    let built = parse::build(1, &stored(documents), &file_part(configuration));
    let faults = built.err().unwrap_or_default();
    faults.into_iter().map(|fault| (fault.place, fault.field)).collect()
}

fn parsed(documents: &Documents, configuration: &str) -> Parsed {
    parse::build(7, &stored(documents), &file_part(configuration)).unwrap()
}

fn with_inbound(change: impl FnOnce(&mut InboundConnector)) -> Vec<(String, &'static str)> {
    let mut documents = sample();
    change(&mut documents.inbound_connector[0]);
    faults(&documents, "")
}

fn with_outbound(change: impl FnOnce(&mut OutboundConnector)) -> Vec<(String, &'static str)> {
    let mut documents = sample();
    change(&mut documents.outbound_connector[0]);
    faults(&documents, "")
}

#[test]
fn a_sound_directory_has_no_fault() {
    assert_eq!(faults(&sample(), ""), Vec::new());
    assert_eq!(faults(&Documents::default(), ""), Vec::new());
}

#[test]
fn each_field_of_an_inbound_connector_is_read() {
    let bad = || texts(&["a.*.example"]);
    let at = |field| vec![(text("inbound connector acme/bank"), field)];
    assert_eq!(with_inbound(|one| one.sender_domains = bad()), at("sender_domains"));
    assert_eq!(
        with_inbound(|one| one.sender_ip_addresses = texts(&["192.0.2.1/24"])),
        at("sender_ip_addresses")
    );
    let name = Some(text("*"));
    assert_eq!(
        with_inbound(|one| one.tls_sender_certificate_name = name),
        at("tls_sender_certificate_name")
    );
    assert_eq!(
        with_inbound(|one| one.associated_accepted_domains = bad()),
        at("associated_accepted_domains")
    );
    assert_eq!(
        with_inbound(|one| one.trusted_organizations = texts(&["A"])),
        at("trusted_organizations")
    );
    assert_eq!(
        with_inbound(|one| one.trust_anchors = Some(text("pem"))),
        at("trust_anchors")
    );
    assert_eq!(with_inbound(|one| one.pins = texts(&["00"])), at("pins"));
    for name in ["", "P-256"] {
        let groups = texts(&["x25519", name]);
        assert_eq!(
            with_inbound(|one| one.key_exchange_groups = groups),
            at("key_exchange_groups")
        );
    }
    // Of policy's rules, to see that they are asked.
    assert_eq!(
        with_inbound(|one| one.cloud_services_mail_enabled = true),
        at("cloud_services_mail_enabled")
    );
    assert_eq!(with_inbound(|one| one.require_tls = Some(false)), at("require_tls"));
}

#[test]
fn a_type_of_key_that_stands_twice_in_a_role_is_a_fault_wherever_it_stands() {
    let with = |types: &[&str]| {
        let role = CertificateRole {
            organization: text("acme"),
            name: text("mx"),
            key_types: texts(types),
            ..CertificateRole::default()
        };
        let documents = Documents {
            certificate_role: vec![role],
            ..sample()
        };
        faults(&documents, "")
    };
    let twice = vec![(text("certificate role acme/mx"), "key_types")];
    assert_eq!(with(&["ecdsa-p256", "rsa-3072"]), Vec::new());
    assert_eq!(with(&["rsa-3072", "rsa-3072"]), twice);
    assert_eq!(with(&["rsa-3072", "ecdsa-p256", "rsa-3072"]), twice);
}

#[test]
fn each_field_of_an_outbound_connector_is_read() {
    let at = |field| vec![(text("outbound connector acme/bank"), field)];
    assert_eq!(
        with_outbound(|one| one.recipient_domains = texts(&["a b"])),
        at("recipient_domains")
    );
    assert_eq!(
        with_outbound(|one| one.smart_hosts = texts(&["mail.bank.example:0"])),
        at("smart_hosts")
    );
    let mixed = texts(&["mx:bank.example", "mail.bank.example"]);
    assert_eq!(with_outbound(|one| one.smart_hosts = mixed), at("smart_hosts"));
    assert_eq!(with_outbound(|one| one.tls_domain = Some(text("*"))), at("tls_domain"));
    assert_eq!(with_outbound(|one| one.tls_domains = texts(&["*"])), at("tls_domains"));
    assert_eq!(
        with_outbound(|one| one.trust_anchors = Some(text("pem"))),
        at("trust_anchors")
    );
    assert_eq!(with_outbound(|one| one.pins = texts(&["sha256:zz"])), at("pins"));
    assert_eq!(
        with_outbound(|one| one.key_exchange_groups = texts(&["secp521r1"])),
        at("key_exchange_groups")
    );
    let files = CertificateFiles {
        certificate: text("/nowhere/client.pem"),
        key: text("/nowhere/client.key"),
    };
    assert_eq!(
        with_outbound(|one| one.client_certificate = Some(files.clone())),
        at("client_certificate")
    );
    assert_eq!(
        with_outbound(|one| one.client_certificate_in_tls12 = true),
        at("client_certificate_in_tls12")
    );
    assert_eq!(with_outbound(|one| one.ehlo_name = Some(text("a b"))), at("ehlo_name"));
    for name in ["a b", "192.0.2.1", "[2001:db8::1]", ""] {
        assert_eq!(with_outbound(|one| one.sni = Some(text(name))), at("sni"), "{name:?}");
    }
    assert_eq!(
        with_outbound(|one| one.source_address = Some(text("a"))),
        at("source_address")
    );
    assert_eq!(with_outbound(|one| one.retry = Some(Vec::new())), at("retry"));
    assert_eq!(with_outbound(|one| one.retry = Some(texts(&["1m", "1"]))), at("retry"));
    assert_eq!(
        with_outbound(|one| one.expire_after = Some(text("0s"))),
        at("expire_after")
    );
    assert_eq!(with_outbound(|one| one.is_transport_rule_scoped = true), Vec::new());
    let set = |one: &mut OutboundConnector| one.route_all_messages_via_on_premises = true;
    let expected = ["route_all_messages_via_on_premises", "smart_hosts"].map(|field| at(field)[0].clone());
    assert_eq!(with_outbound(set), expected);
    assert_eq!(
        with_outbound(|one| one.cloud_services_mail_enabled = true),
        at("cloud_services_mail_enabled")
    );
    // A disabled one presents nothing.
    let disabled = with_outbound(|one| (one.enabled, one.client_certificate) = (false, Some(files)));
    assert_eq!(disabled, Vec::new());
}

/// With whom it is tried must be such as it carries mail for, and somebody where it is tried by itself.
#[test]
fn whom_a_connector_is_tried_with_and_how_often_is_read() {
    let at = |field| vec![(text("outbound connector acme/bank"), field)];
    let tried = |recipients: &[&str], every: Option<&str>| {
        let (recipients, every) = (texts(recipients), every.map(text));
        with_outbound(|one| (one.validation_recipients, one.revalidate_every) = (recipients, every))
    };
    assert_eq!(tried(&["postmaster@bank.example"], Some("1d")), []);
    assert_eq!(tried(&["postmaster@bank.example"], None), []);
    let many: Vec<String> = (0..11).map(|number| format!("p{number}@bank.example")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for (recipients, every) in [
        (&["postmaster"][..], None),
        (&["p@elsewhere.example"], None),
        (&["p@sub.bank.example"], None),
        (&many, None),
        (&[], Some("1d")),
    ] {
        assert_eq!(
            tried(recipients, every),
            at("validation_recipients"),
            "{recipients:?} {every:?}"
        );
    }
    for every in ["often", "0s", "100ms"] {
        let found = tried(&["postmaster@bank.example"], Some(every));
        assert_eq!(found, at("revalidate_every"), "{every}");
    }
    assert_eq!(
        with_outbound(|one| one.revalidate_with_mail = true),
        at("revalidate_with_mail")
    );

    // A domain of another organization is carried by none of this one's connectors.
    let mut documents = sample();
    documents.outbound_connector[0].recipient_domains = texts(&["*"]);
    documents.outbound_connector[0].validation_recipients = texts(&["p@here.example"]);
    assert_eq!(faults(&documents, ""), []);
    let file = "[local]\ndomains = [\"here.example\"]\n";
    assert_eq!(faults(&documents, file), at("validation_recipients"));

    documents = sample();
    documents.outbound_connector[0].validation_recipients = texts(&["p@bank.example"]);
    documents.outbound_connector[0].revalidate_every = Some(text("1h"));
    let planned = parsed(&documents, "").revalidations;
    assert_eq!((planned.len(), planned[0].every), (1, Duration::from_secs(3600)));
    documents.outbound_connector[0].enabled = false;
    assert_eq!(parsed(&documents, "").revalidations.len(), 0, "none that is disabled");
}

#[test]
fn what_this_build_does_not_do_cannot_be_set() {
    let at = |field| vec![(text("outbound connector acme/bank"), field)];
    assert_eq!(
        with_outbound(|one| one.delay_notice_after = Some(text("soon"))),
        at("delay_notice_after")
    );
    assert_eq!(
        with_outbound(|one| one.sender_rewriting_enabled = true),
        at("sender_rewriting_enabled")
    );
    assert_eq!(with_outbound(|one| one.test_mode = true), at("test_mode"));
    assert_eq!(
        with_outbound(|one| one.smtp_dane_mode = LookupMode::Mandatory),
        at("smtp_dane_mode")
    );
    assert_eq!(
        with_outbound(|one| one.mta_sts_mode = LookupMode::Mandatory),
        at("mta_sts_mode")
    );
    assert_eq!(with_outbound(|one| one.smtp_dane_mode = LookupMode::None), Vec::new());
}

#[test]
fn each_field_of_an_organization_and_a_domain_is_read() {
    let mut documents = Documents {
        organization: vec![Organization {
            name: text("Acme"),
            ..acme()
        }],
        ..Documents::default()
    };
    assert_eq!(faults(&documents, ""), [(text("organization Acme"), "name")]);
    documents.organization[0] = Organization {
        expire_after: Some(text("long")),
        ..acme()
    };
    documents.domain.push(acme_domain());
    // The organization is known all the same: what belongs to it is not at fault.
    assert_eq!(faults(&documents, ""), [(text("organization acme"), "expire_after")]);
    documents.organization[0].expire_after = None;
    documents.organization[0].header_families = texts(&["Received"]);
    assert_eq!(faults(&documents, ""), [(text("organization acme"), "header_families")]);
    documents.organization[0].header_families = Vec::new();
    documents.domain[0].name = text("*.acme.example");
    assert_eq!(faults(&documents, ""), [(text("domain *.acme.example"), "name")]);
    documents.domain[0] = sekisho_api::AcceptedDomain {
        organization: text("A"),
        ..acme_domain()
    };
    assert_eq!(faults(&documents, ""), [(text("domain acme.example"), "organization")]);
}

#[test]
fn limits_and_checks_of_recipients_are_read_and_what_would_never_be_looked_at_is_refused() {
    use sekisho_api::{AcceptedDomain, DomainType, Organization, RecipientCheck};
    let with_organization = |change: &dyn Fn(&mut Organization)| {
        let mut documents = sample();
        change(&mut documents.organization[0]);
        faults(&documents, "")
    };
    let at = |field| vec![(text("organization acme"), field)];
    for size in ["", "x", "10 parsecs", "0"] {
        let found = with_organization(&|one| one.max_message_size = Some(text(size)));
        assert_eq!(found, at("max_message_size"), "{size:?}");
    }
    assert_eq!(
        with_organization(&|one| one.max_recipients = Some(0)),
        at("max_recipients")
    );
    let with_domain = |change: &dyn Fn(&mut AcceptedDomain)| {
        let mut documents = sample();
        documents.domain[0].kind = DomainType::InternalRelay;
        change(&mut documents.domain[0]);
        faults(&documents, "")
    };
    let at = |field| vec![(text("domain acme.example"), field)];
    let list = |one: &mut AcceptedDomain, recipients: &[&str]| {
        one.recipient_check = RecipientCheck::List;
        one.recipients = texts(recipients);
    };
    let good = with_domain(&|one| list(one, &["bob", "Ann@ACME.example", "\"a@b\""]));
    assert_eq!(good, Vec::new());
    for wrong in ["", "a b", "bob@elsewhere.example", "@acme.example", "bob@"] {
        assert_eq!(with_domain(&|one| list(one, &[wrong])), at("recipients"), "{wrong:?}");
    }
    let unused = with_domain(&|one| one.recipients = texts(&["bob"]));
    assert_eq!(unused, at("recipients"));
    let authoritative = with_domain(&|one| {
        one.kind = DomainType::Authoritative;
        one.recipient_check = RecipientCheck::Probe;
    });
    assert_eq!(authoritative, at("recipient_check"));
    let authoritative = with_domain(&|one| {
        one.kind = DomainType::Authoritative;
        one.final_refusal = sekisho_api::FinalRefusal::Bounce;
    });
    assert_eq!(authoritative, at("final_refusal"));
}

#[test]
fn several_faults_are_named_at_once() {
    let mut documents = sample();
    documents.organization[0].expire_after = Some(text("x"));
    documents.inbound_connector[0].pins = texts(&["x", "y"]);
    documents.outbound_connector[0].smart_hosts = texts(&[""]);
    documents.outbound_connector[0].ehlo_name = Some(text("a b"));
    let fields: Vec<_> = faults(&documents, "").into_iter().map(|(_, field)| field).collect();
    assert_eq!(fields, ["expire_after", "pins", "pins", "smart_hosts", "ehlo_name"]);
}

#[test]
fn what_sekisho_toml_has_is_the_first_organizations_and_nobody_elses() {
    let at_domain = [(text("domain acme.example"), "name")];
    for local in [
        "[local]\ndomains = [\"acme.example\"]\n",
        "[local]\nrelay-domains = [\"acme.example\"]\n",
        "[local]\nrelay-domains = [\"*.example\"]\n",
    ] {
        assert_eq!(faults(&sample(), local), at_domain, "{local}");
    }
    let parsed = parsed(&sample(), "[local]\ndomains = [\"here.example\"]\n");
    let domain = parsed.directory.domain(&"here.example".parse().unwrap()).unwrap();
    assert!(domain.organization.is_first());
    assert_eq!(domain.origin.to_string(), "sekisho.toml, local.domains[0]");
}

#[test]
fn each_field_of_a_rule_is_read_and_what_cannot_be_is_refused() {
    let with_rule = |change: &dyn Fn(&mut Rule)| {
        let mut documents = sample();
        documents.rule.push(Rule {
            organization: text("acme"),
            name: text("secret"),
            require_tls: Some(RuleTls::EncryptionOnly),
            ..Rule::default()
        });
        change(&mut documents.rule[0]);
        faults(&documents, "")
    };
    let at = |field| vec![(text("rule acme/secret"), field)];
    assert_eq!(with_rule(&|_| {}), Vec::new());
    let bad = || texts(&["a@"]);
    assert_eq!(with_rule(&|one| one.senders = bad()), at("senders"));
    assert_eq!(with_rule(&|one| one.recipients = bad()), at("recipients"));
    assert_eq!(with_rule(&|one| one.tls_domains = texts(&["*"])), at("tls_domains"));
    assert_eq!(with_rule(&|one| one.inbound_connector = Some(text("bank"))), Vec::new());
    assert_eq!(
        with_rule(&|one| one.inbound_connector = Some(text("x"))),
        at("inbound_connector")
    );
    let from = |name| with_rule(&|one| one.from_organizations = texts(&[name]));
    assert_eq!(from("default"), Vec::new());
    for name in ["nobody", "No Name", ""] {
        assert_eq!(from(name), at("from_organizations"), "{name:?}");
    }
    let route = |name| with_rule(&|one| one.route_to_connector = Some(text(name)));
    assert_eq!((route("bank"), route("x")), (Vec::new(), at("route_to_connector")));
    let add = |name, value| {
        let (name, value) = (text(name), text(value));
        with_rule(&|one| {
            one.add_header = Some(AddedHeader {
                name: name.clone(),
                value: value.clone(),
            });
        })
    };
    assert_eq!(
        (add("X-Class", "a"), add("Received", "a")),
        (Vec::new(), at("add_header"))
    );
}

#[test]
fn a_route_and_a_connector_for_the_same_domains_are_never_both_there() {
    let at = [(text("outbound connector default/bank"), "recipient_domains")];
    let mut documents = Documents {
        outbound_connector: vec![OutboundConnector {
            organization: text("default"),
            ..outbound()
        }],
        ..Documents::default()
    };
    let route = |domains| format!("[[route]]\nname = \"r\"\ndomains = [\"{domains}\"]\nvia = \"mx\"\n");
    for (scope, same, others) in [
        ("bank.example", "bank.example", ["*.bank.example", "*"]),
        ("*.bank.example", "*.bank.example", ["bank.example", "*"]),
        ("*", "*", ["bank.example", "*.bank.example"]),
    ] {
        documents.outbound_connector[0].recipient_domains = texts(&[scope]);
        assert_eq!(faults(&documents, &route(same)), at, "{scope}");
        for other in others {
            assert_eq!(faults(&documents, &route(other)), Vec::new(), "{scope} {other}");
        }
    }
    documents.outbound_connector[0].enabled = false;
    assert_eq!(faults(&documents, &route("*")), Vec::new());
    // The routes are the first organization's: another's connector is not in their way.
    assert_eq!(faults(&sample(), &route("bank.example")), Vec::new());
}

#[test]
fn an_outbound_connector_is_gone_as_delivery_says_but_for_what_it_sets() {
    let mut documents = sample();
    let connector = &mut documents.outbound_connector[0];
    connector.smart_hosts = texts(&["[192.0.2.1]:26"]);
    connector.expire_after = Some(text("2h"));
    connector.retry = Some(texts(&["7m"]));
    let mut another = outbound();
    another.name = text("mx");
    another.recipient_domains = texts(&["two.example"]);
    another.smart_hosts = texts(&["mx:hub.example:2525"]);
    documents.outbound_connector.push(another);
    let parsed = parsed(
        &documents,
        "[delivery]\nehlo-name = \"out.example.org\"\nconnections = 3\n",
    );
    let way = |name: &str| {
        let key = ConnectorKey {
            organization: "acme".parse().unwrap(),
            name: name.into(),
        };
        &parsed.ways[&key]
    };
    let bank = way("bank");
    assert_eq!((bank.name.as_str(), bank.source), ("acme/bank", WaySource::Connector));
    assert_eq!(bank.ehlo_name.as_ref().unwrap().as_str(), "out.example.org");
    assert_eq!((bank.connections, bank.retry.old_every), (3, Duration::from_secs(420)));
    assert_eq!(
        (bank.expire_after, bank.expires_by_itself),
        (Duration::from_secs(7200), true)
    );
    let Via::Hosts(hosts) = &bank.via else {
        panic!("{bank:?}")
    };
    let address = Host::parse("[192.0.2.1]").unwrap();
    assert_eq!(
        hosts.iter().map(|hop| (&hop.host, hop.port)).collect::<Vec<_>>(),
        [(&address, 26)]
    );
    let mx = way("mx");
    assert!(!mx.expires_by_itself);
    assert!(matches!(&mx.via, Via::MxOf { domain, port: 2525 } if domain.as_str() == "hub.example"));
    assert_eq!(parsed.directory.version(), 7);
}

#[test]
fn anchors_and_certificates_of_connectors_are_loaded_under_their_names() {
    let authority = Authority::new();
    let folder = tempfile::tempdir().unwrap();
    let pair = authority.client("client.acme.example");
    let (chain, key) = (folder.path().join("client.pem"), folder.path().join("client.key"));
    std::fs::write(&chain, &pair.chain).unwrap();
    std::fs::write(&key, &pair.key).unwrap();
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    let mut documents = sample();
    documents.inbound_connector[0].trust_anchors = Some(authority.anchor().to_owned());
    documents.inbound_connector[0].tls_sender_certificate_name = Some(text("bank.example"));
    documents.outbound_connector[0].client_certificate = Some(CertificateFiles {
        certificate: chain.display().to_string(),
        key: key.display().to_string(),
    });
    let parsed = parsed(&documents, "");
    let anchors = &parsed.anchors[&AnchorSetId(text("inbound connector acme/bank"))];
    assert_eq!(anchors.len(), 1);
    let way = parsed.ways.values().next().unwrap();
    assert!(parsed.identities.contains_key(way.client_identity.as_ref().unwrap()));
}

#[test]
fn an_organizations_anchors_stand_where_its_documents_name_none() {
    let authority = Authority::new();
    let mut documents = sample();
    documents.organization[0].trust_anchors = Some(authority.anchor().to_owned());
    documents.outbound_connector[0].tls_settings = sekisho_api::TlsSettings::CertificateValidation;
    let parsed = parsed(&documents, "");
    let of_acme = AnchorSetId(text("organization acme"));
    let sources: Vec<_> = parsed.added_anchors[&of_acme]
        .anchors()
        .flat_map(|anchor| anchor.sources.clone())
        .collect();
    assert_eq!(
        sources,
        [sekisho_tls::AnchorSource::Document(text("organization acme"))]
    );
    let directory = &parsed.directory;
    assert!(directory.inbound().all(|one| one.anchors == of_acme));
    assert!(directory.outbound().all(|one| one.anchors == of_acme));
    documents.organization[0].trust_anchors = Some(text("pem"));
    assert_eq!(faults(&documents, ""), [(text("organization acme"), "trust_anchors")]);
}

#[test]
fn a_document_of_another_version_is_a_fault_and_never_passed_over() {
    let document = |kind: &str, name: &str, body: &str| Document {
        key: DocumentKey {
            kind: kind.to_owned(),
            organization: text("acme"),
            name: name.to_owned(),
        },
        body: body.to_owned(),
    };
    let organization = DocumentKind::Organization.key();
    for unknown in [
        document(organization, "acme", "{\"name\":\"acme\",\"colour\":1}"),
        document(organization, "acme", "{\"name\":\"other\"}"),
        document("mail_flow_rule", "r", "{}"),
        document(organization, "acme", "not json"),
    ] {
        let faults = parse::build(1, std::slice::from_ref(&unknown), &file_part("")).unwrap_err();
        assert_eq!(faults.len(), 1, "{unknown:?}");
        assert!(faults[0].reason.starts_with("it cannot be read"), "{faults:?}");
    }
}

fn exception(until: &str) -> Exception {
    Exception {
        organization: text("acme"),
        name: text("moving"),
        owner: text("Alice Example"),
        reason: text("the server is replaced"),
        until: text(until),
        outbound_connector: Some(text("bank")),
        allows: Some(Relaxation::Plaintext),
        ..Exception::default()
    }
}

fn with_exception(change: impl FnOnce(&mut Exception)) -> Vec<(String, &'static str)> {
    let mut exception = exception("2026-12-01");
    change(&mut exception);
    let mut documents = sample();
    documents.exception = vec![exception];
    faults(&documents, "")
}

#[test]
fn each_field_of_an_exception_is_read() {
    let at = |field| vec![(text("exception acme/moving"), field)];
    assert_eq!(with_exception(|_| {}), Vec::new());
    assert_eq!(with_exception(|one| one.organization = text("A")).len(), 1);
    assert_eq!(with_exception(|one| one.allows = None), at("allows"));
    assert_eq!(with_exception(|one| one.outbound_connector = None), at(""));
    assert_eq!(with_exception(|one| one.rule = Some(text("secret"))), at("rule"));
    assert_eq!(with_exception(|one| one.domains = texts(&["a b"])), at("domains"));
    let not_a_domain = |one: &mut Exception| {
        one.outbound_connector = None;
        one.recipient_domain = Some(text("a b"));
    };
    assert_eq!(with_exception(not_a_domain), at("recipient_domain"));
    for until in [
        "",
        "tomorrow",
        "2026-13-01",
        "2026-12-01T18:00:00",
        "18:00:00Z",
        "2026-12-01 25:00:00Z",
    ] {
        assert_eq!(with_exception(|one| one.until = text(until)), at("until"), "{until}");
    }
    // Of policy's rules, to see that they are asked.
    assert_eq!(with_exception(|one| one.owner = text("")), at("owner"));
    assert_eq!(with_exception(|one| one.reason = text("")), at("reason"));
    assert_eq!(
        with_exception(|one| one.outbound_connector = Some(text("nobody"))),
        at("outbound_connector")
    );
}

#[test]
fn a_date_includes_its_day_and_a_time_is_an_instant() {
    for (until, instant) in [
        ("2026-12-01", "2026-12-02T00:00:00.000Z"),
        ("2028-02-29", "2028-03-01T00:00:00.000Z"),
        ("2026-12-01T18:00:00Z", "2026-12-01T18:00:00.000Z"),
        ("2026-12-01T18:00:00.5+09:00", "2026-12-01T09:00:00.500Z"),
    ] {
        let mut documents = sample();
        documents.exception = vec![exception(until)];
        let parsed = parsed(&documents, "");
        assert_eq!(parsed.directory.exceptions()[0].until.to_string(), instant, "{until}");
    }
}
