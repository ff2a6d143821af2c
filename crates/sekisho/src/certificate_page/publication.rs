//! What is published, before it is put into words: which certificates, as what they are presented, and by whom. Nothing
//! is here that the operator did not say is public.

use sekisho_api::PublishedStanding;
use sekisho_mail::Timestamp;
use sekisho_tls::Identity;

/// All that is published.
#[derive(Clone, Debug, Default)]
pub struct Publication {
    /// The name of the service.
    pub service: String,
    /// What certificates are presented as.
    pub roles: Vec<RolePublication>,
}

/// Certificates that follow each other in one use.
#[derive(Clone, Debug)]
pub struct RolePublication {
    /// What the operator calls it.
    pub name: String,
    /// Hosts that present it as servers, as they greet.
    pub server_names: Vec<String>,
    /// Names in EHLO of those who present it as clients.
    pub client_names: Vec<String>,
    /// Those that are published. Of each kind of key the first of each standing counts, and no other is shown.
    pub certificates: Vec<CertificatePublication>,
}

/// One certificate in a use.
#[derive(Clone, Debug)]
pub struct CertificatePublication {
    /// Chain and key; of the key nothing is told but what stands in the certificate.
    pub identity: Identity,
    /// Where it stands.
    pub standing: PublishedStanding,
    /// From when on it is presented, or of a previous one since when another is in its place; where that is known.
    pub since: Option<Timestamp>,
}
