//! The authority of a role, from its texts: what cannot work together is refused where it is set.

use std::net::{IpAddr, SocketAddr};

use sekisho_api as api;
use sekisho_mail::{Domain, Mailbox, NamePattern};

use super::{FilePart, reader::Reader};
use crate::{
    acme::{AcmeSettings, CONTACTS_MAX, ChallengeKind, EXCHANGE_TIMEOUT, ExternalAccount, UpdateServer},
    dns::TsigAlgorithm,
    fetch::{FetchUrl, Scheme, UrlHost},
};

/// Where name servers listen.
const DNS_PORT: u16 = 53;
/// Characters of a profile's or an issuer's name, and of a key's.
const NAME_CHARS_MAX: usize = 200;

/// The authority; `None` when there is none or something is wrong with it.
pub(super) fn acme(
    document: &api::CertificateRole,
    names: &[NamePattern],
    file: &FilePart,
    reader: &mut Reader<'_>,
) -> Option<AcmeSettings> {
    let acme = document.acme.as_ref()?;
    let directory = directory(&acme.directory, reader);
    let challenge: Option<ChallengeKind> = reader.parse("acme.challenge", &acme.challenge, "");
    let contact: Vec<Mailbox> = reader.list("acme.contact", &acme.contact, "write postmaster@example.org");
    if contact.len() > CONTACTS_MAX {
        let reason = format!("there are {} addresses, and {CONTACTS_MAX} at most", contact.len());
        reader.fault("acme.contact", reason, "take some of them out");
    }
    check_names(document, names, challenge, reader);
    check_listener(challenge, file, reader);
    for (field, text) in [
        ("acme.profile", &acme.profile),
        ("acme.preferred_issuer", &acme.preferred_issuer),
    ] {
        let is_odd = |text: &String| text.trim().is_empty() || text.chars().count() > NAME_CHARS_MAX;
        if text.as_ref().is_some_and(is_odd) {
            reader.fault(field, format_args!("it has 1 to {NAME_CHARS_MAX} characters"), "");
        }
    }
    let trust = match acme.trust_anchors.as_deref() {
        None => None,
        Some(pem) => reader.anchors_of("acme.trust_anchors", pem),
    };
    let external_account = acme.eab.as_ref().map(|eab| external_account(eab, file, reader));
    let dns = dns(acme.dns.as_ref(), challenge, file, reader);
    Some(AcmeSettings {
        directory: directory?,
        contact: contact.iter().map(ToString::to_string).collect(),
        terms_accepted: acme.terms_accepted,
        challenge: challenge?,
        profile: acme.profile.clone(),
        preferred_issuer: acme.preferred_issuer.clone(),
        external_account,
        dns,
        trust,
        exchange_timeout: EXCHANGE_TIMEOUT,
    })
}

/// RFC 8555 §6.1: under TLS alone, and a certificate is for a name.
fn directory(text: &str, reader: &mut Reader<'_>) -> Option<FetchUrl> {
    let remedy = "write the URL that the authority names, https://ca.example.org/directory";
    let url: FetchUrl = reader.parse("acme.directory", text, remedy)?;
    let why = match (url.scheme(), url.host()) {
        (Scheme::Http, _) => "it is not under TLS",
        (Scheme::Https, UrlHost::Address(_)) => "it has an address where a name belongs",
        (Scheme::Https, UrlHost::Name(_)) => return Some(url),
    };
    reader.fault("acme.directory", format_args!("{text:?}: {why}"), remedy);
    None
}

fn check_names(
    document: &api::CertificateRole,
    names: &[NamePattern],
    challenge: Option<ChallengeKind>,
    reader: &mut Reader<'_>,
) {
    if document.names.is_empty() {
        let remedy = "name what the certificate is to be for";
        reader.fault("names", "there is none to order a certificate for", remedy);
    }
    let wildcard = names
        .iter()
        .map(ToString::to_string)
        .find(|name| name.starts_with("*."));
    if let (Some(wildcard), Some(other)) = (wildcard, challenge.filter(|kind| *kind != ChallengeKind::Dns01)) {
        let reason = format!("{wildcard} cannot be proved by {other}");
        reader.fault("acme.challenge", reason, "use dns-01, or write the names one by one");
    }
    if !document.files.is_empty() {
        let remedy = "take the files out, or make a role of their own for them";
        reader.fault("files", "a role's certificates come from files or by ACME", remedy);
    }
}

/// What answers the challenge is set up in the node's own file.
fn check_listener(challenge: Option<ChallengeKind>, file: &FilePart, reader: &mut Reader<'_>) {
    let (is_there, setting) = match challenge {
        Some(ChallengeKind::Http01) => (file.answers_http_01, "http = \"0.0.0.0:80\""),
        Some(ChallengeKind::TlsAlpn01) => (file.answers_tls_alpn_01, "tls = \"0.0.0.0:443\""),
        Some(ChallengeKind::Dns01) | None => return,
    };
    if !is_there {
        let remedy = format!("set {setting} under [acme] in sekisho.toml and restart, or use dns-01");
        reader.fault("acme.challenge", "nothing on this node would answer it", &remedy);
    }
}

fn external_account(eab: &api::RoleAcmeExternalAccount, file: &FilePart, reader: &mut Reader<'_>) -> ExternalAccount {
    if eab.key_id.trim().is_empty() || eab.key_id.chars().count() > NAME_CHARS_MAX {
        let reason = format!("it has 1 to {NAME_CHARS_MAX} characters");
        reader.fault("acme.eab.key_id", reason, "write what the authority handed out");
    }
    if eab.key_file.is_empty() {
        reader.fault("acme.eab.key_file", "there is none", "name the file with the key");
    }
    ExternalAccount {
        key_id: eab.key_id.clone(),
        key_file: file.folder.join(&eab.key_file),
    }
}

fn dns(
    dns: Option<&api::RoleAcmeDns>,
    challenge: Option<ChallengeKind>,
    file: &FilePart,
    reader: &mut Reader<'_>,
) -> Option<UpdateServer> {
    let dns = match (dns, challenge) {
        (Some(dns), Some(ChallengeKind::Dns01) | None) => dns,
        (None, Some(ChallengeKind::Dns01)) => {
            let remedy = "name the name server and the key under which it takes updates";
            reader.fault("acme.dns", "dns-01 has no name server to put records into", remedy);
            return None;
        }
        (Some(_), Some(other)) => {
            let reason = format!("nothing is put into DNS for {other}");
            reader.fault("acme.dns", reason, "take it out, or use dns-01");
            return None;
        }
        (None, _) => return None,
    };
    let server = reader.parse_as("acme.dns.server", &dns.server, name_server);
    let zone: Option<Domain> = reader.text("acme.dns.zone", dns.zone.as_deref());
    let key_name: Option<Domain> = reader.text("acme.dns.key_name", dns.key_name.as_deref());
    let algorithm: Option<TsigAlgorithm> = reader.text("acme.dns.algorithm", dns.algorithm.as_deref());
    if dns.key_file.is_empty() {
        let remedy = "name a file as tsig-keygen writes it; updates are always signed";
        reader.fault("acme.dns.key_file", "there is none", remedy);
    }
    Some(UpdateServer {
        server: server?,
        zone,
        key_name,
        algorithm,
        key_file: file.folder.join(&dns.key_file),
    })
}

fn name_server(text: &str) -> Result<SocketAddr, &'static str> {
    let alone = text.parse().map(|ip: IpAddr| SocketAddr::new(ip, DNS_PORT));
    alone
        .or_else(|_| text.parse())
        .map_err(|_| "write an address, with a port where it is not 53: 192.0.2.53, [2001:db8::53]:5353")
}
