//! Vectors in the format of C2SP x509-limbo, as `cargo run -p sekisho-tls --example limbo` reads them.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod support;
#[path = "../examples/limbo/vectors.rs"]
mod vectors;

use std::fs;

use rcgen::date_time_ymd;
use sekisho_mail::Timestamp;
use serde_json::{Value, json};
use support::*;
use vectors::{Explanations, Row, Standing, judge, parse_time};

fn vector(id: &str, kind: &str, authority: &Authority, chain: &str) -> Value {
    json!({
        "id": id,
        "features": [],
        "description": "a vector",
        "validation_kind": kind,
        "trusted_certs": [fs::read_to_string(&authority.pem).unwrap()],
        "untrusted_intermediates": [],
        "peer_certificate": chain,
        "peer_certificate_key": null,
        "validation_time": "2026-06-01T12:00:00Z",
        "signature_algorithms": [],
        "key_usage": [],
        "extended_key_usage": ["serverAuth"],
        "expected_result": "SUCCESS",
        "expected_peer_name": {"kind": "DNS", "value": "mx.example.org"},
        "max_chain_depth": null,
    })
}

fn with(mut vector: Value, key: &str, value: Value) -> Value {
    vector[key] = value;
    vector
}

fn judged(vectors: &[Value], explained: &str) -> Vec<Row> {
    let file = json!({"version": 1, "testcases": vectors}).to_string();
    judge(&file, &Explanations::parse(explained).unwrap(), NOW).unwrap()
}

#[test]
fn vectors_are_held_against_the_verifier_and_every_difference_is_told_unless_it_is_explained() {
    let (own, other) = (Authority::new(), Authority::new());
    let pem = |files: sekisho_tls::IdentityFiles| fs::read_to_string(files.chain).unwrap();
    let good = pem(own.server(&["mx.example.org"]));
    let short = pem(own.issue("short", &["mx.example.org"], Algorithm::P256, |params| {
        params.not_after = date_time_ymd(2026, 7, 1);
    }));
    let server = |id: &str, chain: &str| vector(id, "SERVER", &own, chain);
    let failing = |vector: Value| with(vector, "expected_result", json!("FAILURE"));
    let no_time = |vector: Value| with(vector, "validation_time", Value::Null);
    let rows = judged(
        &[
            server("good", &good),
            vector("client", "CLIENT", &own, &good),
            with(server("no-name", &good), "expected_peer_name", Value::Null),
            failing(with(
                server("name", &good),
                "expected_peer_name",
                json!({"kind": "DNS", "value": "a.example"}),
            )),
            failing(vector("stranger", "SERVER", &other, &good)),
            failing(server("no-certificate", "")),
            failing(with(server("no-anchor", &good), "trusted_certs", json!([]))),
            server("in-time", &short),
            failing(no_time(server("by-now", &short))),
            failing(server("wrong::a", &good)),
            failing(server("meant::a", &good)),
            vector("meant::b", "SERVER", &other, &good),
            with(server("crl", &good), "features", json!(["has-crl"])),
            with(server("depth", &good), "max_chain_depth", json!(1)),
            with(server("usage", &good), "extended_key_usage", json!(["codeSigning"])),
            with(
                server("address", &good),
                "expected_peer_name",
                json!({"kind": "IP", "value": "192.0.2.1"}),
            ),
        ],
        "# meant\nsuccess meant::* it is so\nfailure wrong::a the other way round\n",
    );
    let explained: Vec<_> = rows
        .iter()
        .filter(|row| matches!(row.standing, Standing::Explained(_)))
        .collect();
    assert_eq!(explained.len(), 1);
    assert_eq!(explained[0].id, "meant::a");
    let of = |wanted: fn(&Standing) -> bool| -> Vec<&str> {
        let rows = rows.iter().filter(|row| wanted(&row.standing));
        rows.map(|row| row.id.as_str()).collect()
    };
    assert_eq!(of(|standing| *standing == Standing::Differs), ["wrong::a", "meant::b"]);
    assert_eq!(
        of(|standing| matches!(standing, Standing::LeftOut(_))),
        ["crl", "depth", "usage", "address"]
    );
    assert_eq!(of(|standing| *standing == Standing::AsExpected).len(), 9);
    assert!(judge("{}", &Explanations::parse("").unwrap(), NOW).is_err());
    assert!(Explanations::parse("success only-an-id").is_err() && Explanations::parse("perhaps a b").is_err());
}

#[test]
fn the_reasons_that_are_kept_can_be_read() {
    let kept = include_str!("../examples/limbo/explained.txt");
    assert!(Explanations::parse(kept).is_ok());
}

#[test]
fn times_are_read_as_they_are_written() {
    for (text, secs) in [
        ("1970-01-01T00:00:00Z", Some(0)),
        ("2024-02-29T12:30:45Z", Some(1_709_209_845)),
        ("2000-03-01T00:00:00+00:00", Some(951_868_800)),
        ("1969-12-31T23:59:59Z", Some(-1)),
        ("2024-02-29T12:30:45.5Z", Some(1_709_209_845)),
        ("2024-02-29", None),
        ("soon", None),
    ] {
        assert_eq!(parse_time(text), secs.map(Timestamp::from_secs), "{text}");
    }
}
