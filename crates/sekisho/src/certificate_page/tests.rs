//! The page over real chains: what stands in it, in which order, and that nothing of a certificate leaves its place.

use std::collections::HashMap;

use sekisho_api::{CertificatePage, PartnerStep, PublishedRootStanding, PublishedStanding};
use sekisho_mail::{AnchorSetId, Timestamp};
use sekisho_testkit::authority::{Authority, Description, Endpoints, Pem, self_signed};
use sekisho_tls::{AnchorSet, Identity, IdentityFiles, Verifier};

use super::*;

const NOW: Timestamp = Timestamp::from_secs(1_795_858_200);
const CHANGE: Timestamp = Timestamp::from_secs(1_796_117_400);

fn identity(pem: &Pem) -> Identity {
    let folder = tempfile::tempdir().unwrap();
    let (chain, key) = (folder.path().join("chain"), folder.path().join("key"));
    std::fs::write(&chain, &pem.chain).unwrap();
    std::fs::write(&key, &pem.key).unwrap();
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    Identity::load(&IdentityFiles { chain, key }).unwrap()
}

fn shown(pem: &Pem, standing: PublishedStanding, since: Option<Timestamp>) -> CertificatePublication {
    CertificatePublication {
        identity: identity(pem),
        standing,
        since,
    }
}

fn trusting(roots: &[&Authority]) -> Verifier {
    let pem: String = roots.iter().map(|root| root.anchor()).collect();
    let set = if pem.is_empty() {
        AnchorSet::joined([])
    } else {
        AnchorSet::parse(&pem, "a test").unwrap()
    };
    Verifier::new(HashMap::from([(AnchorSetId::system(), set)]))
}

fn page_of(certificates: Vec<CertificatePublication>, verifier: &Verifier) -> CertificatePage {
    let publication = Publication {
        service: "mx.example.org".to_owned(),
        roles: vec![RolePublication {
            name: "mx".to_owned(),
            server_names: vec!["mx.example.org".to_owned()],
            client_names: vec!["out.example.org".to_owned()],
            certificates,
        }],
    };
    page(&publication, verifier, NOW)
}

fn described(organization: &str, authority: &str) -> Description {
    Description {
        common_name: "mx.example.org".to_owned(),
        organization: organization.to_owned(),
        unit: "Mail".to_owned(),
        endpoints: Endpoints {
            points: vec![vec![format!("http://crl.{authority}.example/ca.crl")]],
            ocsp: vec![format!("http://ocsp.{authority}.example")],
            issuers: vec![format!("http://cacerts.{authority}.example/ca.cer")],
            ..Endpoints::default()
        },
        on_key_of: None,
    }
}

const NAMES: [&str; 2] = ["mx.example.org", "mx2.example.org"];

/// A move from one root to another, a week ahead.
fn moving() -> CertificatePage {
    let (old_root, new_root) = (
        Authority::called("Old Trust Root R1"),
        Authority::called("New Trust Root G2"),
    );
    let old = old_root
        .intermediate()
        .server_described(&NAMES, &described("Example Corporation", "old"));
    let new = new_root
        .intermediate()
        .server_described(&NAMES, &described("Example Corporation", "new"));
    let certificates = vec![
        // The order does not matter.
        shown(&new, PublishedStanding::Next, Some(CHANGE)),
        shown(&old, PublishedStanding::Current, None),
    ];
    page_of(certificates, &trusting(&[&old_root, &new_root]))
}

fn text(page: &CertificatePage, language: Language) -> String {
    let links = Links {
        downloads: "certificates/",
        json: "certificates.json",
    };
    document(&Sheet::of(page, language), links)
}

#[test]
fn during_a_move_old_and_new_stand_side_by_side_with_the_instant_and_what_to_do() {
    let page = moving();
    let family = &page.roles[0].families[0];
    assert_eq!(
        (family.key_family.as_str(), family.changes_at.as_deref()),
        ("ecdsa", Some("2026-12-01T09:30:00Z"))
    );
    let [old, new] = &family.certificates[..] else {
        panic!("{family:#?}")
    };
    assert_eq!(
        (old.standing, new.standing),
        (PublishedStanding::Current, PublishedStanding::Next)
    );
    assert_eq!(
        (old.root.subject.as_str(), new.root.subject.as_str()),
        ("CN=Old Trust Root R1", "CN=New Trust Root G2")
    );
    assert_eq!(new.root.standing, PublishedRootStanding::Trusted);
    assert_eq!(old.tlsa, format!("3 1 1 {}", old.spki_sha256));
    let steps = &page.roles[0].steps;
    assert!(
        matches!(&steps[..], [
            PartnerStep::TrustRoot { is_next: false, before: None, .. },
            PartnerStep::TrustRoot { is_next: true, before: Some(at), root },
            PartnerStep::ReplacePin { old_spki_sha256, new_spki_sha256, .. },
            PartnerStep::OpenHosts { hosts },
            PartnerStep::AcceptAsClient { server_usage_alone: true, .. },
        ] if at == "2026-12-01T09:30:00Z"
            && root.urls.is_empty()
            && *old_spki_sha256 == old.spki_sha256
            && *new_spki_sha256 == new.spki_sha256
            && hosts.len() == 6 && hosts.iter().all(|host| host.port == 80)),
        "{steps:#?}"
    );
    for (language, words) in [
        (
            Language::English,
            [
                "Next, from 1 December 2026",
                "In force until 1 December 2026",
                "Organizational unit (OU)",
            ],
        ),
        (
            Language::Japanese,
            [
                "次の証明書（2026年12月1日から）",
                "現在の証明書（2026年12月1日まで）",
                "組織単位（OU）",
            ],
        ),
    ] {
        let html = text(&page, language);
        for word in words {
            assert!(html.contains(word), "{word}: {html}");
        }
        assert!(html.contains(&format!("<html lang=\"{}\">", language.tag())));
        assert!(html.contains("Example Corporation") && html.contains("http://crl.new.example/ca.crl"));
    }
}

#[test]
fn on_the_same_key_pins_hold_and_after_a_move_the_old_pin_can_go() {
    let root = Authority::called("Root");
    let old = root.server_described(&NAMES, &described("O", "a"));
    let renewed = Description {
        on_key_of: Some(old.clone()),
        ..described("O", "a")
    };
    let renewed = root.server_described(&NAMES, &renewed);
    let other = root.server_described(&NAMES, &described("O", "a"));
    let verifier = trusting(&[&root]);
    let steps = |first: (&Pem, PublishedStanding), second: (&Pem, PublishedStanding), since| {
        let certificates = vec![shown(first.0, first.1, since), shown(second.0, second.1, since)];
        page_of(certificates, &verifier).roles.remove(0).steps
    };
    use PublishedStanding::{Current, Next, Previous};
    let kept = steps((&old, Current), (&renewed, Next), None);
    assert!(
        matches!(&kept[1], PartnerStep::KeepPin { key_family, .. } if key_family == "ecdsa"),
        "{kept:#?}"
    );
    let undecided = steps((&old, Current), (&other, Next), None);
    assert!(
        matches!(&undecided[1], PartnerStep::ReplacePin { before: None, .. }),
        "{undecided:#?}"
    );
    let done = steps((&old, Previous), (&other, Current), Some(CHANGE));
    assert!(
        matches!(&done[1], PartnerStep::DropPin { since: Some(_), .. }),
        "{done:#?}"
    );
    // Both lead to the same root: there is nothing new to trust.
    assert!(
        done.iter()
            .filter(|step| matches!(step, PartnerStep::TrustRoot { .. }))
            .count()
            == 1,
        "{done:#?}"
    );
}

#[test]
fn what_a_chain_leads_to_is_told_as_far_as_it_is_known() {
    let root = Authority::called("Root");
    let leaf = root.server_described(&NAMES, &described("O", "a"));
    let told = |pem: &Pem, verifier: &Verifier| {
        let page = page_of(vec![shown(pem, PublishedStanding::Current, None)], verifier);
        page.roles[0].families[0].certificates[0].root.clone()
    };
    let trusted = told(&leaf, &trusting(&[&root]));
    assert_eq!(trusted.standing, PublishedRootStanding::Trusted);
    assert_eq!(trusted.urls, ["http://cacerts.a.example/ca.cer"]);
    assert!(trusted.sha256.is_some() && trusted.sha1.as_ref().is_some_and(|sha1| sha1.len() == 40));
    let nobodys = trusting(&[&Authority::new()]);
    let presented = told(&leaf, &nobodys);
    assert_eq!(
        (presented.standing, presented.sha256),
        (PublishedRootStanding::Presented, trusted.sha256)
    );
    let unknown = told(&leaf.leaf_alone(), &nobodys);
    assert_eq!(
        (unknown.standing, unknown.subject.as_str()),
        (PublishedRootStanding::Unknown, "CN=Root")
    );
    let alone = told(&self_signed(&NAMES), &nobodys);
    assert_eq!(alone.standing, PublishedRootStanding::SelfSigned);
}

#[test]
fn two_kinds_of_keys_have_a_table_each_and_no_more_than_one_of_a_standing() {
    let root = Authority::called("Root");
    let (one, other) = (root.server(&NAMES), root.server_with_rsa(&NAMES));
    let certificates = [&other, &one, &one].map(|pem| shown(pem, PublishedStanding::Current, None));
    let page = page_of(certificates.into(), &trusting(&[&root]));
    let families: Vec<_> = page.roles[0].families.iter().collect();
    let kinds: Vec<_> = families
        .iter()
        .map(|family| (family.key_family.as_str(), family.certificates.len()))
        .collect();
    assert_eq!(kinds, [("ecdsa", 1), ("rsa", 1)]);
    let html = text(&page, Language::English);
    assert!(
        html.contains("RSA, 2048 bits") && html.contains("ECDSA, P-256"),
        "{html}"
    );
}

/// Markup, ends of attributes, marks that reorder, line ends; and addresses that lead elsewhere than to the web.
#[test]
fn markup_in_a_certificate_is_text_on_the_page() {
    let root = Authority::called("Root <b>\"'&");
    let hostile = Description {
        common_name: "<script>alert(1)</script>".to_owned(),
        organization: "</td></table><img src=x onerror=alert(1)>\u{202e}gpj.exe".to_owned(),
        unit: "a\r\nb\u{1b}[31m { $x } &lt;".to_owned(),
        endpoints: Endpoints {
            points: vec![
                vec!["javascript:alert(1)".to_owned()],
                vec!["http://crl.example/\"onmouseover=\"alert(1)".to_owned()],
                vec!["http://crl.example/;touch${IFS}x".to_owned()],
            ],
            ocsp: vec!["http://ocsp.example/'><script>".to_owned()],
            issuers: Vec::new(),
            ..Endpoints::default()
        },
        on_key_of: None,
    };
    let pem = root.server_described(&NAMES, &hostile);
    let page = page_of(vec![shown(&pem, PublishedStanding::Current, None)], &trusting(&[&root]));
    for language in Language::ALL {
        let html = text(&page, language);
        let (_, body) = html.split_once("</style>").unwrap();
        for markup in [
            "<script",
            "<img",
            "<b>",
            "\u{202e}",
            "\u{1b}",
            "\r",
            "href=\"javascript",
            "\"onmouseover",
        ] {
            assert!(!body.contains(markup), "{markup}: {body}");
        }
        assert!(
            body.contains("&lt;script&gt;alert(1)&lt;/script&gt;") && body.contains("\\u{202e}gpj.exe"),
            "{body}"
        );
        assert!(body.contains("{ $x } &amp;lt;"), "{body}");
        // Nothing that a shell would obey stands in a command.
        assert!(!body.contains("certutil -URL http://crl.example/;"), "{body}");
        // As many tables and rows as with harmless names.
        let count = |what: &str| body.matches(what).count();
        assert_eq!(
            (count("<table>"), count("</table>"), count("<tr")),
            (2, 2, 1 + 17 + 1 + 4),
            "{body}"
        );
    }
}

#[test]
fn what_is_not_published_is_not_there() {
    let page = page_of(Vec::new(), &trusting(&[]));
    assert!(page.roles.is_empty());
    assert!(text(&page, Language::English).contains("Nothing is published here."));
}

/// Whether a value is what a schema of the OpenAPI description says, and has nothing that it does not name.
fn fits(value: &serde_json::Value, schema: &serde_json::Value, all: &serde_json::Value) -> Result<(), String> {
    use serde_json::Value;
    let fault = |why: &str| Err(format!("{why}: {value} is not {schema}"));
    if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
        return fits(value, &all["components"]["schemas"][name], all);
    }
    for choice in ["oneOf", "anyOf"] {
        if let Some(schemas) = schema[choice].as_array() {
            let fits_one = schemas.iter().any(|one| fits(value, one, all).is_ok());
            return if fits_one { Ok(()) } else { fault(choice) };
        }
    }
    if let Some(words) = schema["enum"].as_array().filter(|words| !words.contains(value)) {
        return fault(&format!("{words:?}"));
    }
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let is_kind = match &schema["type"] {
        Value::String(one) => one == kind,
        Value::Array(several) => several.iter().any(|one| one == kind),
        _ => false,
    };
    if !is_kind {
        return fault("kind");
    }
    for item in value.as_array().into_iter().flatten() {
        fits(item, &schema["items"], all)?;
    }
    for (key, field) in value.as_object().into_iter().flatten() {
        match &schema["properties"][key] {
            Value::Null => return fault(key),
            described => fits(field, described, all)?,
        }
    }
    let required = schema["required"].as_array().into_iter().flatten();
    match required.filter_map(Value::as_str).find(|key| value.get(*key).is_none()) {
        Some(missing) if value.is_object() => fault(missing),
        _ => Ok(()),
    }
}

#[test]
fn what_programs_get_is_what_the_description_of_the_api_says() {
    let all: serde_json::Value = serde_json::from_str(&sekisho_api::description()).unwrap();
    let schema = &all["components"]["schemas"]["CertificatePage"];
    let root = Authority::called("Root");
    let alone = shown(&self_signed(&NAMES), PublishedStanding::Current, None);
    let rsa = shown(&root.server_with_rsa(&NAMES), PublishedStanding::Previous, Some(CHANGE));
    for page in [
        moving(),
        page_of(vec![alone, rsa], &trusting(&[&root])),
        page_of(Vec::new(), &trusting(&[])),
    ] {
        let mut value = serde_json::to_value(&page).unwrap();
        assert_eq!(fits(&value, schema, &all), Ok(()));
        value["colour"] = 1.into();
        assert!(fits(&value, schema, &all).is_err(), "what is not described is found");
    }
}
