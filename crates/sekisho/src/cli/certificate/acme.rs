//! The authority of a role as flags: without one that is set, the role has none.

use clap::Args;
use sekisho_api::{CertificateRole, RoleAcme, RoleAcmeDns, RoleAcmeExternalAccount};

use crate::cli::changes::{TextFile, set, set_list, set_text};

#[derive(Debug, Args)]
pub(super) struct AcmeFlags {
    /// The directory of the authority that its certificates are ordered from; an empty value takes the authority away
    #[arg(long, value_name = "URL")]
    acme_directory: Option<String>,
    /// Mail addresses that the authority may write to
    #[arg(long, value_name = "ADDRESS", value_delimiter = ',')]
    acme_contact: Option<Vec<String>>,
    /// Whether you agree to the authority's terms of service
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    acme_terms_accepted: Option<bool>,
    /// How names are proved: http-01, tls-alpn-01 or dns-01
    #[arg(long, value_name = "CHALLENGE")]
    acme_challenge: Option<String>,
    /// What kind of certificate, as the authority calls it: tlsserver, shortlived
    #[arg(long, value_name = "NAME")]
    acme_profile: Option<String>,
    /// Of several chains, the one whose last issuer has this in its name
    #[arg(long, value_name = "NAME")]
    acme_preferred_issuer: Option<String>,
    /// A file here with certificates that are trusted with the authority's HTTPS [default: the system's]
    #[arg(long, value_name = "FILE", value_parser = TextFile::read)]
    acme_trust_anchors: Option<TextFile>,
    /// The name of the key that the authority handed out to its customer; an empty value takes it away
    #[arg(long, value_name = "ID")]
    acme_eab_key_id: Option<String>,
    /// A file on the node with that key
    #[arg(long, value_name = "PATH")]
    acme_eab_key_file: Option<String>,
    /// For dns-01: the name server that takes updates; an empty value takes it away
    #[arg(long, value_name = "ADDRESS")]
    acme_dns_server: Option<String>,
    /// For dns-01: the zone, where it is not the one that DNS shows
    #[arg(long, value_name = "NAME")]
    acme_dns_zone: Option<String>,
    /// For dns-01: what the key of the updates is called, where its file does not say
    #[arg(long, value_name = "NAME")]
    acme_dns_key_name: Option<String>,
    /// For dns-01: its algorithm, where its file does not say: hmac-sha256, hmac-sha384 or hmac-sha512
    #[arg(long, value_name = "NAME")]
    acme_dns_algorithm: Option<String>,
    /// For dns-01: a file on the node with the key, as tsig-keygen writes it, or the secret in base64
    #[arg(long, value_name = "PATH")]
    acme_dns_key_file: Option<String>,
}

impl AcmeFlags {
    pub(super) fn apply(&self, document: &mut CertificateRole) {
        if self.acme_directory.as_deref() == Some("") {
            document.acme = None;
            return;
        }
        let before = document.acme.clone().unwrap_or_default();
        let mut acme = before.clone();
        set(&mut acme.directory, self.acme_directory.as_ref());
        set_list(&mut acme.contact, self.acme_contact.as_ref());
        set(&mut acme.terms_accepted, self.acme_terms_accepted.as_ref());
        set(&mut acme.challenge, self.acme_challenge.as_ref());
        set_text(&mut acme.profile, self.acme_profile.as_ref());
        set_text(&mut acme.preferred_issuer, self.acme_preferred_issuer.as_ref());
        if let Some(file) = &self.acme_trust_anchors {
            file.set(&mut acme.trust_anchors);
        }
        self.apply_eab(&mut acme);
        self.apply_dns(&mut acme);
        // A role without an authority, of which no flag says a word, stays without.
        if document.acme.is_some() || acme != before {
            document.acme = Some(acme);
        }
    }

    fn apply_eab(&self, acme: &mut RoleAcme) {
        if self.acme_eab_key_id.as_deref() == Some("") {
            acme.eab = None;
            return;
        }
        let mut eab = acme.eab.clone().unwrap_or_default();
        set(&mut eab.key_id, self.acme_eab_key_id.as_ref());
        set(&mut eab.key_file, self.acme_eab_key_file.as_ref());
        acme.eab = Some(eab).filter(|eab| *eab != RoleAcmeExternalAccount::default());
    }

    fn apply_dns(&self, acme: &mut RoleAcme) {
        if self.acme_dns_server.as_deref() == Some("") {
            acme.dns = None;
            return;
        }
        let mut dns = acme.dns.clone().unwrap_or_default();
        set(&mut dns.server, self.acme_dns_server.as_ref());
        set_text(&mut dns.zone, self.acme_dns_zone.as_ref());
        set_text(&mut dns.key_name, self.acme_dns_key_name.as_ref());
        set_text(&mut dns.algorithm, self.acme_dns_algorithm.as_ref());
        set(&mut dns.key_file, self.acme_dns_key_file.as_ref());
        acme.dns = Some(dns).filter(|dns| *dns != RoleAcmeDns::default());
    }
}
