//! Values in every form that PowerShell has for them, and texts that are cut off or no texts at all.

use std::{fs, path::Path};

use proptest::prelude::*;
use sekisho_api::{ConnectorType, FaultView, InboundConnector};
use serde_json::{Value, json};

use super::*;

fn exchange(value: &Value) -> Import {
    exchange::read(
        &[("x.json".to_owned(), value.to_string().into_bytes())],
        &Wanted::default(),
    )
}

fn one_inbound(value: &Value) -> InboundConnector {
    let import = exchange(value);
    assert!(!import.has_faults(), "{:?}", import.notes);
    import
        .documents
        .inbound_connector
        .into_iter()
        .next()
        .expect("there is one")
}

fn faults(import: &Import) -> Vec<String> {
    let faults = import.notes.iter().filter(|note| note.kind == NoteKind::Fault);
    faults.map(ToString::to_string).collect()
}

#[test]
fn a_list_is_an_array_a_wrapped_array_or_a_text() {
    for domains in [
        json!(["smtp:a.example;1", "smtp:b.example;1"]),
        json!({"value": ["smtp:a.example;1", "b.example"], "Count": 2}),
        json!("smtp:a.example;1 smtp:b.example;1"),
        json!("a.example,b.example"),
        json!([{"Address": "a.example", "Cost": 1}, {"value": "smtp:b.example;1"}]),
    ] {
        let connector = one_inbound(&json!({"Name": "A", "SenderDomains": domains}));
        assert_eq!(connector.sender_domains, ["a.example", "b.example"], "{domains}");
    }
    for nothing in [json!(null), json!([]), json!(""), json!({"value": [], "Count": 0})] {
        let connector = one_inbound(&json!({"Name": "A", "SenderDomains": nothing}));
        assert!(connector.sender_domains.is_empty(), "{nothing}");
    }
    for cut_off in [
        json!("System.Object[]"),
        json!("@{Domain=a.example}"),
        json!([["a"]]),
        json!(7),
    ] {
        let import = exchange(&json!({"Name": "A", "SenderDomains": cut_off}));
        let faults = faults(&import);
        assert!(
            faults
                .iter()
                .all(|fault| fault.contains("\"A\", SenderDomains") && fault.contains("Depth"))
        );
        assert_eq!(faults.len(), 1, "{cut_off}");
    }
}

/// A number alone would have to be guessed, and a wrong guess gives the right to relay.
#[test]
fn a_word_is_a_word_or_stands_beside_its_number_and_is_never_guessed() {
    let of = |word: Value| exchange(&json!({"Name": "A", "SenderDomains": "*", "ConnectorType": word}));
    for word in [
        json!("OnPremises"),
        json!("onpremises"),
        json!({"value": 1, "Value": "OnPremises"}),
    ] {
        let import = of(word);
        assert!(!import.has_faults(), "{:?}", import.notes);
        assert_eq!(
            import.documents.inbound_connector[0].connector_type,
            ConnectorType::OnPremises
        );
    }
    for word in [json!(1), json!("Other"), json!(true), json!([])] {
        let faults = faults(&of(word.clone()));
        assert!(
            faults.len() == 1 && faults[0].contains("\"A\", ConnectorType"),
            "{word}: {faults:?}"
        );
    }
}

#[test]
fn flags_are_true_or_false_in_both_forms() {
    for (flag, expected) in [
        (json!(true), true),
        (json!("True"), true),
        (json!(false), false),
        (json!("False"), false),
    ] {
        let connector = one_inbound(&json!({"Name": "A", "SenderDomains": "*", "RequireTls": flag}));
        assert_eq!(connector.require_tls, Some(expected), "{flag}");
    }
    assert!(exchange(&json!({"Name": "A", "SenderDomains": "*", "RequireTls": 1})).has_faults());
}

#[test]
fn every_encoding_of_powershell_says_the_same() {
    let text = json!([{"Name": "Bänk", "SenderDomains": "*"}]).to_string();
    let units = |unit: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(unit).collect::<Vec<u8>>();
    let marked = |mark: &[u8], octets: &[u8]| [mark, octets].concat();
    for octets in [
        text.clone().into_bytes(),
        marked(&[0xef, 0xbb, 0xbf], text.as_bytes()),
        marked(&[0xff, 0xfe], &units(u16::to_le_bytes)),
        marked(&[0xfe, 0xff], &units(u16::to_be_bytes)),
        units(u16::to_le_bytes),
        units(u16::to_be_bytes),
    ] {
        let import = exchange::read(&[("x.json".to_owned(), octets)], &Wanted::default());
        assert_eq!(import.documents.inbound_connector[0].name, "Bänk");
    }
}

#[test]
fn what_is_left_out_is_gone_and_said() {
    let wanted = Wanted {
        organization: "acme".to_owned(),
        leave_out: vec!["cloudservicesmailenabled".to_owned()],
    };
    let text = json!({"Name": "A", "SenderDomains": "*", "CloudServicesMailEnabled": true}).to_string();
    let import = exchange::read(&[("x.json".to_owned(), text.into_bytes())], &wanted);
    let connector = &import.documents.inbound_connector[0];
    assert!(!connector.cloud_services_mail_enabled);
    assert_eq!(connector.organization, "acme");
    assert_eq!(import.documents.organization[0].name, "acme");
    let said = import
        .notes
        .iter()
        .any(|note| note.matters && note.places[0].property == "CloudServicesMailEnabled");
    assert!(said, "{:?}", import.notes);
}

#[test]
fn a_fault_of_the_server_is_shown_where_it_was_read() {
    let text = json!({"Name": "A", "SenderDomains": "*", "CloudServicesMailEnabled": true});
    let import = exchange(&text);
    let fault = |field: &str| FaultView {
        place: "inbound connector default/A".to_owned(),
        field: field.to_owned(),
        reason: "no".to_owned(),
        ..FaultView::default()
    };
    let shown = |field: &str| import.locate(&fault(field)).to_string();
    let expected = "x.json: inbound connector \"A\", CloudServicesMailEnabled: no";
    assert_eq!(shown("cloud_services_mail_enabled"), expected);
    assert_eq!(shown("elsewhere"), "x.json: inbound connector \"A\", elsewhere: no");
    let elsewhere = FaultView {
        place: "domain there.example".to_owned(),
        ..fault("name")
    };
    assert!(
        import
            .locate(&elsewhere)
            .to_string()
            .contains("domain there.example, name: no")
    );
}

/// Wider connectors add to what narrower ones demand, whichever system they come from.
#[test]
fn what_adds_up_is_said_of_the_narrower_one() {
    let connector = |name: &str, domain: &str, tls: Value, tls_domain: Value| {
        let mut object = json!({"Name": name, "RecipientDomains": [domain]});
        object["TlsSettings"] = tls;
        object["TlsDomain"] = tls_domain;
        object
    };
    let import = exchange(&json!([
        connector("wide", "*", json!("DomainValidation"), json!("wide.example")),
        connector("same", "*.a.example", json!("DomainValidation"), json!("wide.example")),
        connector(
            "other",
            "b.a.example",
            json!("DomainValidation"),
            json!("other.example")
        ),
        connector("none", "c.example", json!(null), json!(null)),
    ]));
    let sums = import.notes.iter().filter(|note| note.text.contains("adds up"));
    let objects: Vec<&str> = sums
        .flat_map(|note| &note.places)
        .map(|place| place.object.as_str())
        .collect();
    assert!(
        objects
            .iter()
            .all(|object| !object.contains("\"wide\"") && !object.contains("\"same\"")),
        "{objects:?}"
    );
    assert!(objects.iter().any(|object| object.contains("\"none\"")), "{objects:?}");
    assert_eq!(
        objects.iter().filter(|object| object.contains("\"other\"")).count(),
        2,
        "{objects:?}"
    );
}

fn postfix(main_cf: &str, table: &str) -> Import {
    let open = |path: &str| (path.to_owned(), Ok(table.to_owned()));
    postfix::read("main.cf", main_cf, &open, &Wanted::default())
}

#[test]
fn a_level_becomes_what_demands_the_same_or_it_is_said() {
    let all = "transport_maps = hash:/t\nsmtp_tls_CAfile = /etc/ssl/certs/ca-certificates.crt\n";
    for (policy, settings, name) in [
        ("encrypt", "encryption_only", None),
        ("may", "opportunistic", None),
        ("none", "opportunistic", None),
        ("dane", "opportunistic", None),
        ("secure", "domain_validation", Some("*.mx.example")),
        ("secure match=nexthop", "domain_validation", Some("mx.example")),
        ("secure match=other.example", "domain_validation", Some("other.example")),
        (
            "secure match=.other.example",
            "domain_validation",
            Some("*.other.example"),
        ),
        ("verify", "domain_validation", Some("mx.example")),
    ] {
        let main_cf = format!("mydestination =\nrelayhost = [mx.example]:587\nsmtp_tls_policy_maps = hash:/p\n{all}");
        let open = |path: &str| {
            let text = if path == "/p" {
                format!("[mx.example]:587 {policy}")
            } else {
                String::new()
            };
            (path.to_owned(), Ok(text))
        };
        let import = postfix::read("main.cf", &main_cf, &open, &Wanted::default());
        assert!(!import.has_faults(), "{policy}: {:?}", import.notes);
        let connector = serde_json::to_value(&import.documents.outbound_connector[0]).unwrap();
        assert_eq!(connector["tls_settings"], settings, "{policy}");
        assert_eq!(connector["tls_domain"].as_str(), name, "{policy}");
        assert_eq!(connector["smart_hosts"], json!(["mx.example:587"]));
        assert_eq!(connector["pins"], json!([]));
        let is_said = import
            .notes
            .iter()
            .any(|note| note.places[0].property == policy && note.matters);
        assert_eq!(
            is_said,
            ["none", "dane"].contains(&policy),
            "{policy}: {:?}",
            import.notes
        );
    }
}

/// A fingerprint never becomes a pin, and never silently nothing.
#[test]
fn a_fingerprint_stops_the_import_until_it_is_left_out() {
    let main_cf = "mydestination =\nsmtp_tls_security_level = may\nsmtp_tls_policy_maps = hash:/p\n";
    let digest = "AB:".repeat(31) + "AB";
    let table = format!("a.example fingerprint match={digest}");
    let import = postfix(main_cf, &table);
    assert!(
        faults(&import)[0].starts_with("/p:1: a.example, fingerprint: "),
        "{:?}",
        import.notes
    );
    let open = |path: &str| (path.to_owned(), Ok(table.clone()));
    let wanted = Wanted {
        leave_out: vec!["fingerprint".to_owned()],
        ..Wanted::default()
    };
    let import = postfix::read("main.cf", main_cf, &open, &wanted);
    assert!(!import.has_faults(), "{:?}", import.notes);
    assert!(import.documents.outbound_connector[0].pins.is_empty());
}

#[test]
fn files_of_the_system_lie_in_a_copied_folder() {
    let folder = Path::new("copy");
    assert_eq!(
        postfix::path_in(folder, "/etc/postfix/maps/t"),
        Path::new("copy/maps/t")
    );
    assert_eq!(
        postfix::path_in(folder, "/etc/ssl/ca.pem"),
        Path::new("/etc/ssl/ca.pem")
    );
    assert_eq!(
        postfix::path_in(folder, "/etc/postfixed/t"),
        Path::new("/etc/postfixed/t")
    );
}

/// Every note has a place in a file.
fn judge(import: &Import) {
    for note in &import.notes {
        assert!(!note.places.is_empty() && !note.text.is_empty(), "{note:?}");
        assert!(note.places.iter().all(|place| !place.file.is_empty()), "{note:?}");
    }
}

fn fixtures(extension: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/import");
    let cases = fs::read_dir(folder).unwrap().flatten();
    let files = cases.flat_map(|case| fs::read_dir(case.path()).unwrap().flatten());
    let files = files.map(|file| file.path());
    let wanted = files.filter(|file| file.extension().is_some_and(|one| one == extension));
    let read = |file: std::path::PathBuf| (file.display().to_string(), fs::read(&file).unwrap());
    wanted.map(read).collect()
}

/// What is cut off anywhere is a fault at its file, or at least not more than the whole.
#[test]
fn json_that_is_cut_off_is_named_and_never_read_as_more() {
    let files = fixtures("json");
    assert!(files.len() >= 6);
    for (name, octets) in files {
        let whole = exchange::read(&[(name.clone(), octets.clone())], &Wanted::default());
        for length in (0..octets.len()).step_by(13) {
            let cut = vec![(name.clone(), octets[..length].to_vec())];
            let import = exchange::read(&cut, &Wanted::default());
            judge(&import);
            let is_less = import.documents.len() < whole.documents.len();
            assert!(
                import.has_faults() || is_less || import.documents == whole.documents,
                "{name} at {length}"
            );
        }
    }
}

#[test]
fn main_cf_and_tables_that_are_cut_off_never_stop_the_reading() {
    for (name, octets) in fixtures("cf") {
        let folder = Path::new(&name).parent().unwrap().to_owned();
        let text = String::from_utf8(octets).unwrap();
        for length in 0..text.len() {
            let open = |path: &str| {
                let path = postfix::path_in(&folder, path);
                let text = fs::read_to_string(&path).map_err(|error| error.to_string());
                let text = text.map(|text| text.chars().take(length).collect());
                (path.display().to_string(), text)
            };
            if text.is_char_boundary(length) {
                judge(&postfix::read(&name, &text[..length], &open, &Wanted::default()));
            }
        }
    }
}

/// Words that mean something, so that chance comes further than the first line.
fn words() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "relayhost",
        "transport_maps",
        "smtp_tls_policy_maps",
        "mydestination",
        "mynetworks",
        "smtp_tls_CAfile",
        "relay_clientcerts",
        "relay_domains",
        "smtp_tls_security_level",
        "=",
        "=",
        "hash:/x",
        "pcre:/x",
        "$",
        "${",
        "}",
        "{",
        "?",
        ":",
        "$relayhost",
        "${mydestination?{a}:{b}}",
        "\n",
        "\n",
        " ",
        ",",
        "[",
        "]",
        "[a.example]:25",
        "a.example",
        ".a.example",
        "*",
        "secure",
        "fingerprint",
        "match=",
        ".b.example",
        "protocols=",
        ">=TLSv1.3",
        "#",
        "\"",
        "ü",
        "dane",
        "smtp:",
        "relay:[x]:y",
        "verify",
        "|",
    ]);
    prop::collection::vec(words, 0..60).prop_map(|words| words.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn octets_of_chance_are_named_and_never_stop_the_reading(octets in prop::collection::vec(any::<u8>(), 0..200)) {
        judge(&exchange::read(&[("x.json".to_owned(), octets.clone())], &Wanted::default()));
        let text = String::from_utf8_lossy(&octets);
        judge(&postfix(&text, &text));
    }

    #[test]
    fn words_of_chance_are_named_and_never_stop_the_reading(main_cf in words(), table in words()) {
        judge(&postfix(&main_cf, &table));
    }

    /// One property of an otherwise good connector is anything.
    #[test]
    fn values_of_chance_are_named_and_never_stop_the_reading(
        property in prop::sample::select(vec![
            "Name", "SenderDomains", "SenderIPAddresses", "TlsSenderCertificateName", "ConnectorType", "RequireTls",
            "TrustedOrganizations", "EFSkipIPs", "RecipientDomains", "SmartHosts", "TlsSettings", "DomainName",
            "DomainType",
        ]),
        text in ".{0,30}",
        number in any::<i64>(),
        form in 0..7,
    ) {
        let value = match form {
            0 => json!(text),
            1 => json!(number),
            2 => json!([text, number]),
            3 => json!({"value": [text], "Count": number}),
            4 => json!({"value": number, "Value": text}),
            5 => json!([[{"Address": text}], null, {"x": {}}]),
            _ => json!(format!("<I>{text}<S>CN={text},smtp:{text};{number}")),
        };
        for mut object in [
            json!({"Name": "A", "SenderDomains": "*"}),
            json!({"Name": "A", "RecipientDomains": "*"}),
            json!({"DomainName": "a.example", "DomainType": "Authoritative"}),
        ] {
            object[property] = value.clone();
            judge(&exchange(&object));
        }
    }
}
