//! What a TLS policy of Postfix demands, as the fields of a connector.

use std::net::IpAddr;

use sekisho_api::{LookupMode, MinTlsVersion, OutboundConnector, TlsSettings};

use super::{
    Reading,
    hop::Hop,
    policy::{self, Level, Policy},
};
use crate::import::{NoteKind, Place};

/// Where systems keep the authorities that they trust: there it is the same as here.
const SYSTEM_ANCHORS: [&str; 6] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/pki/tls/cert.pem",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
    "/etc/ssl/certs/ca-bundle.crt",
];

/// The attribute of a policy that names the server in the handshake.
const SERVER_NAME: &str = "servername";

/// Sets what the policy demands of `document`'s hosts, and notes what it demands otherwise.
pub(super) fn put(reading: &mut Reading<'_>, document: &mut OutboundConnector, policy: &Policy, hop: Option<&Hop>) {
    match policy.level {
        Level::None => {
            let text =
                "there mail goes in the clear; here TLS is used where the host has it, and cannot be switched off";
            note(reading, policy, NoteKind::Different, true, text);
        }
        Level::May => {}
        Level::Dane => {
            let text = "TLSA records are not looked up by this build yet: TLS is used where the host has it, and whose \
                        certificate it is counts for nothing";
            note(reading, policy, NoteKind::Different, true, text);
        }
        Level::DaneOnly => dane_only(reading, document, policy),
        Level::Encrypt => document.tls_settings = TlsSettings::EncryptionOnly,
        Level::Fingerprint => fingerprint(reading, document, policy),
        Level::Verify | Level::Secure => named(reading, document, policy, hop),
    }
    versions(reading, document, policy);
    server_name(reading, document, policy);
    for (name, value) in policy.others.iter().filter(|(name, _)| name != SERVER_NAME) {
        let (matters, why) = match name.as_str() {
            "ciphers" | "exclude" => (false, "only suites with forward secrecy are ever offered here"),
            "connection_reuse" => (false, "connections are used again anyway"),
            "enable_rpk" => (false, "raw public keys are not asked for here"),
            _ => (true, "this attribute is not known here"),
        };
        note(
            reading,
            policy,
            NoteKind::NoCounterpart,
            matters,
            format!("{name}={value}: {why}"),
        );
    }
}

/// The name in the handshake: the policy's own, or the one for all (postconf(5), `smtp_tls_servername`).
fn server_name(reading: &mut Reading<'_>, document: &mut OutboundConnector, policy: &Policy) {
    let own = policy.others.iter().find(|(name, _)| name == SERVER_NAME);
    let name = own.map_or_else(|| reading.value("smtp_tls_servername"), |(_, name)| name.clone());
    match name.as_str() {
        // The host's is what is sent anyway.
        "" | "hostname" => {}
        "nexthop" => {
            let text = "servername=nexthop: the name in the handshake is the host's here, or one that `sni` names";
            note(reading, policy, NoteKind::NoCounterpart, true, text);
        }
        _ => document.sni = Some(name),
    }
}

/// At the policy's level.
fn note(reading: &mut Reading<'_>, policy: &Policy, kind: NoteKind, matters: bool, text: impl Into<String>) {
    reading.note(kind, matters, at_level(policy), text);
}

fn at_level(policy: &Policy) -> Place {
    let mut place = policy.place.clone();
    if !place.object.is_empty() {
        policy.level.word().clone_into(&mut place.property);
    }
    place
}

fn dane_only(reading: &mut Reading<'_>, document: &mut OutboundConnector, policy: &Policy) {
    document.tls_settings = TlsSettings::EncryptionOnly;
    if reading.wanted.leaves_out(policy.level.word()) {
        let text = "left out as you wished: TLS is demanded, and TLSA records are not looked up";
        note(reading, policy, NoteKind::Different, true, text);
    } else {
        document.smtp_dane_mode = LookupMode::Mandatory;
        let text = "TLSA records are not looked up by this build yet, so the server refuses it; with --leave-out \
                    dane-only TLS alone is demanded";
        note(reading, policy, NoteKind::Different, true, text);
    }
}

/// A fingerprint of a certificate says nothing of its key, and which of both it is cannot be seen.
fn fingerprint(reading: &mut Reading<'_>, document: &mut OutboundConnector, policy: &Policy) {
    document.tls_settings = TlsSettings::EncryptionOnly;
    let text = "a fingerprint is that of a certificate or of a key, and a pin here is the SHA-256 of a key: no pin can \
                be made of it";
    if reading.wanted.leaves_out(policy.level.word()) {
        let text =
            format!("{text}. Left out as you wished: TLS is demanded, and whose certificate it is counts for nothing");
        note(reading, policy, NoteKind::Different, true, text);
    } else {
        let text = format!(
            "{text}; with --leave-out fingerprint TLS alone is demanded, until you set `pins` of the connector from \
             the host's certificate"
        );
        note(reading, policy, NoteKind::Fault, true, text);
    }
}

/// `verify` and `secure`: a chain, and a name.
fn named(reading: &mut Reading<'_>, document: &mut OutboundConnector, policy: &Policy, hop: Option<&Hop>) {
    document.tls_settings = TlsSettings::DomainValidation;
    document.trust_anchors = anchors(reading, policy);
    let matches = if policy.matches.is_empty() {
        let parameter = match policy.level {
            Level::Verify => "smtp_tls_verify_cert_match",
            _ => "smtp_tls_secure_cert_match",
        };
        let items = reading.items(parameter);
        items
            .iter()
            .flat_map(|item| item.split(':').map(str::to_ascii_lowercase))
            .collect()
    } else {
        policy.matches.clone()
    };
    let scope = document.recipient_domains.first().cloned().unwrap_or_default();
    let mut names = Names::new(&scope, hop);
    for one in &matches {
        names.add(one);
    }
    let Names {
        found,
        by_hostname,
        only_below,
        by_recipient,
        by_domain_below,
        ..
    } = names;
    for name in only_below {
        let text = format!("*.{name} here is met by {name} too");
        note(reading, policy, NoteKind::Different, false, text);
    }
    if by_domain_below {
        let text = "there the name belongs to the recipient's domain; here any name in the domain above will do";
        note(reading, policy, NoteKind::Different, true, text);
    }
    if by_recipient {
        let text = "the name is the recipient's domain itself; there, names below it count too";
        note(reading, policy, NoteKind::Different, true, text);
        if !found.is_empty() {
            let text = format!(
                "{}: beside the recipient's domain no other name can stand; left out",
                found.join(", ")
            );
            note(reading, policy, NoteKind::NoCounterpart, true, text);
        }
        return;
    }
    if found.is_empty() && by_hostname {
        document.tls_settings = TlsSettings::CertificateValidation;
        let text = "there the name is that of the MX record, which whoever answers DNS chooses; here the chain is \
                    demanded and any name counts. Set domain_validation with a name to demand more";
        return note(reading, policy, NoteKind::Different, true, text);
    }
    if by_hostname {
        let text = "names of MX records (hostname) do not count here beside the other names";
        note(reading, policy, NoteKind::Different, true, text);
    }
    if found.iter().any(|name| name.parse::<IpAddr>().is_ok()) || found.is_empty() {
        let text = "there is no name that the host's certificate could be for; write match=NAME";
        return note(reading, policy, NoteKind::Fault, true, text);
    }
    let mut found = found.into_iter();
    document.tls_domain = found.next();
    document.tls_domains = found.collect();
}

/// The names of a policy while they are collected.
#[derive(Default)]
struct Names {
    /// What `nexthop` stands for; nothing where it is another one for each recipient.
    next: Option<Vec<String>>,
    /// What `hostname` stands for, where that does not come from DNS.
    hosts: Vec<String>,
    /// As connectors have them.
    found: Vec<String>,
    by_hostname: bool,
    /// The recipient's domain, whichever it is.
    by_recipient: bool,
    /// Likewise, below one domain.
    by_domain_below: bool,
    only_below: Vec<String>,
}

impl Names {
    fn new(scope: &str, hop: Option<&Hop>) -> Self {
        let hosts = hop.filter(|hop| hop.is_host).map(|hop| hop.names.clone());
        Self {
            next: match hop {
                Some(hop) => Some(hop.names.clone()),
                None => Some(vec![scope.to_owned()]).filter(|_| scope != "*"),
            },
            hosts: hosts.unwrap_or_default(),
            ..Self::default()
        }
    }

    fn add(&mut self, one: &str) {
        match one {
            "nexthop" | "dot-nexthop" => self.add_next(one == "nexthop"),
            "hostname" if self.hosts.is_empty() => self.by_hostname = true,
            "hostname" => self.hosts.clone().iter().for_each(|name| self.name(name)),
            name => match name.strip_prefix('.') {
                Some(below) => self.below(below),
                None => self.name(name),
            },
        }
    }

    fn add_next(&mut self, itself: bool) {
        let Some(next) = self.next.clone() else {
            self.by_recipient = true;
            return;
        };
        for name in &next {
            self.by_domain_below |= name.starts_with("*.");
            if itself {
                self.name(name);
            } else {
                self.below(name);
            }
        }
    }

    /// `*.x` is met by x too, so x need not be named beside it.
    fn name(&mut self, name: &str) {
        self.only_below.retain(|below| below != name);
        let wide = format!("*.{name}");
        if !self.found.iter().any(|one| one == name || *one == wide) {
            self.found.push(name.to_owned());
        }
    }

    fn below(&mut self, name: &str) {
        let name = name.strip_prefix("*.").unwrap_or(name);
        let wide = format!("*.{name}");
        if self.found.contains(&wide) {
            return;
        }
        match self.found.iter().position(|one| one == name) {
            Some(at) => self.found[at] = wide,
            None => {
                self.found.push(wide);
                self.only_below.push(name.to_owned());
            }
        }
    }
}

/// Where the chain must end; none for the system's anchors.
fn anchors(reading: &mut Reading<'_>, policy: &Policy) -> Option<String> {
    let (parameter, path) = match &policy.tafile {
        Some(path) => ("tafile", path.clone()),
        None => ("smtp_tls_CAfile", reading.value("smtp_tls_CAfile")),
    };
    let place = match &policy.tafile {
        Some(_) => at_level(policy),
        None => reading.parameter(parameter),
    };
    if SYSTEM_ANCHORS.contains(&path.as_str()) {
        return None;
    }
    if path.is_empty() {
        let text = if reading.main_cf.is_set("smtp_tls_CApath") {
            "a folder of certificates is not read: the system's authorities are trusted in their place"
        } else if reading.is_yes("tls_append_default_CA") {
            return None;
        } else {
            "no authority is trusted there (smtp_tls_CAfile is empty), so no mail passes; here the system's are"
        };
        let place = if reading.main_cf.is_set("smtp_tls_CApath") {
            reading.parameter("smtp_tls_CApath")
        } else {
            place
        };
        reading.note(NoteKind::Different, true, place, text);
        return None;
    }
    if policy.tafile.is_none() && reading.is_yes("tls_append_default_CA") {
        let text = "there the system's authorities are trusted beside this file; here those of the file alone";
        reading.note(NoteKind::Different, true, place.clone(), text);
    }
    let (name, text) = (reading.open)(&path);
    match text {
        Ok(text) => Some(text),
        Err(reason) => {
            reading.import.fault(place, format!("{name}: cannot be read: {reason}"));
            None
        }
    }
}

fn versions(reading: &mut Reading<'_>, document: &mut OutboundConnector, policy: &Policy) {
    if document.tls_settings == TlsSettings::Opportunistic {
        if let Some(protocols) = &policy.protocols {
            let text = format!("protocols={protocols}: of TLS that is not demanded, versions are not limited here");
            note(reading, policy, NoteKind::NoCounterpart, true, text);
        }
        return;
    }
    const PARAMETER: &str = "smtp_tls_mandatory_protocols";
    let of_the_file = reading.value(PARAMETER);
    let (text, place) = match &policy.protocols {
        Some(protocols) => (protocols.as_str(), at_level(policy)),
        None if of_the_file.is_empty() => (">=TLSv1", reading.parameter(PARAMETER)),
        None => (of_the_file.as_str(), reading.parameter(PARAMETER)),
    };
    let versions = match policy::versions(text) {
        Ok(versions) => versions,
        Err(reason) => return reading.import.fault(place, reason),
    };
    if versions.older {
        let text = "TLS before 1.2 and key exchanges without forward secrecy are not taken here: mail waits where the \
                    host has nothing better";
        reading.note(NoteKind::Different, true, place.clone(), text);
    }
    if !versions.tls13 {
        let text = "TLS 1.3 is taken here wherever the host has it";
        reading.note(NoteKind::Different, false, place, text);
    } else if !versions.tls12 {
        document.min_tls_version = MinTlsVersion::Tls13;
    }
}
