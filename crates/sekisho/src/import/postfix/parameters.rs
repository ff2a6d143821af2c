//! Parameters of `main.cf` that change where mail goes or what it needs, and that are not carried over.

use super::Reading;
use crate::import::NoteKind;

/// The parameter, what it is about, whether mail is treated otherwise without it, and why.
const WITHOUT: [(&str, NoteKind, bool, &str); 18] = [
    (
        "smtp_sasl_password_maps",
        NoteKind::NoCounterpart,
        true,
        "this build does not log in at next hops",
    ),
    (
        "sender_dependent_relayhost_maps",
        NoteKind::NoCounterpart,
        true,
        "mail is not routed by its sender here",
    ),
    (
        "sender_dependent_default_transport_maps",
        NoteKind::NoCounterpart,
        true,
        "mail is not routed by its sender here",
    ),
    (
        "default_transport",
        NoteKind::NoCounterpart,
        true,
        "mail goes by connectors, routes and MX here",
    ),
    (
        "relay_transport",
        NoteKind::NoCounterpart,
        true,
        "mail for relay domains goes by connectors, routes and MX here",
    ),
    (
        "smtp_fallback_relay",
        NoteKind::NoCounterpart,
        true,
        "there is no last resort here; name several smart hosts",
    ),
    (
        "fallback_relay",
        NoteKind::NoCounterpart,
        true,
        "there is no last resort here; name several smart hosts",
    ),
    (
        "smtp_tls_per_site",
        NoteKind::NoCounterpart,
        true,
        "only smtp_tls_policy_maps is read, which took its place",
    ),
    (
        "virtual_alias_domains",
        NoteKind::NoCounterpart,
        true,
        "their domains are not carried over",
    ),
    (
        "virtual_alias_maps",
        NoteKind::NoCounterpart,
        true,
        "aliases are those of [local] in sekisho.toml",
    ),
    (
        "virtual_mailbox_domains",
        NoteKind::NoCounterpart,
        true,
        "their domains are not carried over",
    ),
    (
        "virtual_mailbox_maps",
        NoteKind::NoCounterpart,
        true,
        "mailboxes are those of [local] in sekisho.toml",
    ),
    (
        "smtp_generic_maps",
        NoteKind::NoCounterpart,
        true,
        "addresses go out as they came in",
    ),
    (
        "sender_canonical_maps",
        NoteKind::NoCounterpart,
        true,
        "addresses go out as they came in",
    ),
    (
        "smtp_tls_cert_file",
        NoteKind::Advice,
        true,
        "a client certificate is client_certificate of a connector here",
    ),
    (
        "smtp_tls_chain_files",
        NoteKind::Advice,
        true,
        "a client certificate is client_certificate of a connector here",
    ),
    (
        "smtp_helo_name",
        NoteKind::Advice,
        false,
        "the name in EHLO is ehlo_name of a connector or ehlo-name of [delivery]",
    ),
    (
        "smtp_bind_address",
        NoteKind::Advice,
        false,
        "it is source_address of a connector or source-address of [delivery]",
    ),
];

pub(super) fn note(reading: &mut Reading<'_>) {
    for (parameter, kind, matters, text) in WITHOUT {
        if reading.main_cf.is_set(parameter) && !is_usual(reading, parameter) {
            let place = reading.parameter(parameter);
            reading.note(kind, matters, place, text);
        }
    }
    if !["", "hostname"].contains(&reading.value("smtp_tls_servername").as_str()) {
        let place = reading.parameter("smtp_tls_servername");
        let text = "it is sni of the connectors; to all others the host's own name is sent";
        reading.note(NoteKind::Different, true, place, text);
    }
    if reading.is_yes("smtp_tls_wrappermode") {
        let place = reading.parameter("smtp_tls_wrappermode");
        let text =
            "it is implicit_tls of the connectors with a next hop; to mail exchangers TLS begins with STARTTLS here";
        reading.note(NoteKind::Different, true, place, text);
    }
}

/// Whether it says what holds anyway.
fn is_usual(reading: &mut Reading<'_>, parameter: &str) -> bool {
    let usual = match parameter {
        "default_transport" | "relay_transport" => ["smtp", "relay"],
        _ => return false,
    };
    let value = reading.value(parameter);
    usual.contains(&value.trim_end_matches(':'))
}
