//! What a role says about its authority: where it is, who we are to it, and how our names are proved.

use std::{fmt, net::SocketAddr, path::PathBuf, str::FromStr, time::Duration};

use sekisho_mail::Domain;
use sekisho_tls::AnchorSet;

use crate::{dns::TsigAlgorithm, fetch::FetchUrl};

/// Addresses that an authority may write to.
pub const CONTACTS_MAX: usize = 8;
/// For one exchange with an authority, connection and all. Some are slow to finalize.
pub const EXCHANGE_TIMEOUT: Duration = Duration::from_secs(30);
/// Names in one certificate: as many as public authorities put in.
pub const NAMES_MAX: usize = 100;

/// How a name is proved to be ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChallengeKind {
    /// A file on port 80 (RFC 8555 §8.3).
    Http01,
    /// A handshake on port 443 (RFC 8737).
    TlsAlpn01,
    /// A TXT record (RFC 8555 §8.4), put into the zone by dynamic update.
    Dns01,
}

impl ChallengeKind {
    /// As the standards write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http01 => "http-01",
            Self::TlsAlpn01 => "tls-alpn-01",
            Self::Dns01 => "dns-01",
        }
    }
}

impl fmt::Display for ChallengeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ChallengeKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::Http01, Self::TlsAlpn01, Self::Dns01]
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| format!("{text:?} is no challenge that is met here; use http-01, tls-alpn-01 or dns-01"))
    }
}

/// What binds our account to one that the operator has with the authority (RFC 8555 §7.3.4).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ExternalAccount {
    /// The key's name, as the authority gave it.
    pub key_id: String,
    /// The file with the key, in base64 as the authority gave it.
    pub key_file: PathBuf,
}

/// Who takes the records of dns-01.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UpdateServer {
    /// The name server that takes updates.
    pub server: SocketAddr,
    /// The zone, where DNS does not show it.
    pub zone: Option<Domain>,
    /// The key's name, where its file does not say.
    pub key_name: Option<Domain>,
    /// Likewise its algorithm.
    pub algorithm: Option<TsigAlgorithm>,
    /// The file with the key: as `tsig-keygen` writes it, or the secret in base64.
    pub key_file: PathBuf,
}

/// An authority and our account with it.
#[derive(Clone, Debug)]
pub struct AcmeSettings {
    /// Its directory.
    pub directory: FetchUrl,
    /// Mail addresses that it may write to.
    pub contact: Vec<String>,
    /// Whether the operator agrees to its terms of service.
    pub terms_accepted: bool,
    /// How names are proved.
    pub challenge: ChallengeKind,
    /// What kind of certificate, as the authority calls it.
    pub profile: Option<String>,
    /// Of several chains the one whose last issuer's name has this in it.
    pub preferred_issuer: Option<String>,
    /// The operator's account with the authority.
    pub external_account: Option<ExternalAccount>,
    /// For dns-01.
    pub dns: Option<UpdateServer>,
    /// Who is trusted with the directory's certificate; the system's roots otherwise.
    pub trust: Option<AnchorSet>,
    /// For one exchange with it.
    pub exchange_timeout: Duration,
}

impl AcmeSettings {
    /// The folder of the account's files: another directory, contact or external account is another account.
    #[must_use]
    pub fn account_folder(&self) -> String {
        let mut contact = self.contact.clone();
        contact.sort_unstable();
        let external = self.external_account.as_ref().map(|account| account.key_id.as_str());
        let text = format!(
            "{}\n{}\n{}",
            self.directory,
            contact.join(" "),
            external.unwrap_or_default()
        );
        let mut digest = sekisho_tls::sha256(text.as_bytes()).to_string();
        digest.truncate(32);
        digest
    }
}
