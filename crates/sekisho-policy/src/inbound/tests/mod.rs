//! Rights to relay, whose server a client is, and what partners must show.

mod accounts;
mod attribution;
mod exceptions;
mod isolation;
mod limits;
mod partner;
mod recipients;
mod revocation;
mod rights;
mod shadow;

use sekisho_mail::{
    AnchorSetId, CertificateFacts, CertificateFault, ChannelSecurity, Check, ClientCertificateFate, Digest, Host,
    KeyProof, Mailbox, PlaintextCause, ReversePath, Timestamp, TlsFacts, TlsVersion, Verdict,
};

use super::*;
use crate::directory::{samples::*, *};

/// One session at RCPT. To begin with: a stranger at 203.0.113.9, in the clear, from a stranger's domain.
#[derive(Clone, Debug)]
struct Session {
    client: IpAddr,
    security: ChannelSecurity,
    rights: RelayRights,
    from: ReversePath,
    standing: RecipientStanding,
    now: Timestamp,
}

fn stranger() -> Session {
    Session {
        client: "203.0.113.9".parse().unwrap(),
        security: plain(),
        rights: RelayRights::default(),
        from: ReversePath::Mailbox(Mailbox::parse("someone@elsewhere.example").unwrap()),
        standing: RecipientStanding::User,
        now: before_the_end(),
    }
}

fn plain() -> ChannelSecurity {
    ChannelSecurity::Plaintext(PlaintextCause::NotAsked)
}

/// TLS with a certificate for these names, or without any when there are none; every check is answered so.
fn tls(names: &[&str], verdict: &Verdict) -> TlsFacts {
    let leaf = CertificateFacts {
        sha256: Digest([1; 32]),
        spki_sha256: KEY,
        subject: "CN=mail.acme.example".to_owned(),
        issuer: "C=CH, O=Example Trust, Inc., CN=Issuing CA 1".to_owned(),
        dns_names: names.iter().map(|name| (*name).to_owned()).collect(),
        common_name: None,
        not_before: Timestamp::EPOCH,
        not_after: Timestamp::FAR_FUTURE,
        key: "P-256".to_owned(),
        not_for_clients: false,
    };
    let sets = [AnchorSetId::system(), anchors("acme"), anchors("bank")];
    TlsFacts {
        version: TlsVersion::Tls13,
        suite: "TLS_AES_256_GCM_SHA384".to_owned(),
        group: "X25519MLKEM768".to_owned(),
        sni: None,
        implicit: false,
        alpn: None,
        resumed: false,
        chain: if names.is_empty() { Vec::new() } else { vec![leaf] },
        key: KeyProof::Proven,
        verdicts: sets.map(|anchors| (Check::Path { anchors }, verdict.clone())).into(),
        revocation_sources: Vec::new(),
        stapled_ocsp_len: None,
        client_certificate: ClientCertificateFate::NotAsked,
    }
}

fn unknown() -> Verdict {
    Verdict::Unknown("the anchors cannot be read".to_owned())
}

fn self_signed() -> Verdict {
    Verdict::Fails(CertificateFault::SelfSigned)
}

impl Session {
    fn at(mut self, client: &str) -> Self {
        self.client = client.parse().unwrap();
        self
    }

    /// Under TLS with a certificate that holds.
    fn with_certificate(self, names: &[&str]) -> Self {
        self.under(tls(names, &Verdict::Holds))
    }

    fn under_tls(self) -> Self {
        self.with_certificate(&[])
    }

    fn under(mut self, facts: TlsFacts) -> Self {
        self.security = ChannelSecurity::Tls(Box::new(facts));
        self
    }

    /// `<>` for the null reverse-path, else a domain.
    fn from(mut self, sender: &str) -> Self {
        self.from = match sender {
            "<>" => ReversePath::Null,
            host => ReversePath::Mailbox(Mailbox::parse(&format!("someone@{host}")).unwrap()),
        };
        self
    }

    fn then(mut self, now: Timestamp) -> Self {
        self.now = now;
        self
    }

    fn standing(mut self, standing: RecipientStanding) -> Self {
        self.standing = standing;
        self
    }

    /// What becomes of a recipient in a domain; one that the directory does not know is elsewhere.
    /// Whatever that is, the accounts of the connectors agree with it.
    fn to(&self, directory: &Directory, recipient: &str) -> Admission {
        self.asked(directory, recipient, |facts| {
            let admission = admit(facts);
            accounts::assert_agree(facts, &admission);
            admission
        })
    }

    /// What is answered of the facts of a recipient.
    fn asked<T>(&self, directory: &Directory, recipient: &str, ask: impl FnOnce(&InboundFacts<'_>) -> T) -> T {
        let recipient = Host::parse(recipient).unwrap();
        let is_here = recipient
            .domain()
            .is_some_and(|domain| directory.domain(domain).is_some());
        let stage = Stage::Rcpt {
            standing: if is_here {
                self.standing
            } else {
                RecipientStanding::Elsewhere
            },
            local_part: "user",
            recipient: &recipient,
        };
        ask(&InboundFacts {
            trial: None,
            client: self.client,
            security: &self.security,
            rights: &self.rights,
            directory,
            now: self.now,
            reverse_path: &self.from,
            stage,
        })
    }
}

/// `connector acme/relay (…) for acme`, or the reply; no reply names what is configured.
fn told(admission: &Admission) -> String {
    match admission {
        Admission::Admitted { reasons, attribution } => {
            format!("{} for {}", reasons[0].admission_right(), attribution.organization)
        }
        Admission::Refused { reply, .. } => {
            let text = reply.to_string();
            for word in ["acme", "beta", "bank", "relay ", "192.0.2"] {
                assert!(!text.contains(word), "{text:?} tells of {word:?}");
            }
            text
        }
    }
}

fn is_admitted(admission: &Admission) -> bool {
    matches!(admission, Admission::Admitted { .. })
}

fn attribution(admission: Admission) -> Attribution {
    match admission {
        Admission::Admitted { attribution, .. } => attribution,
        Admission::Refused { reply, .. } => panic!("refused: {reply}"),
    }
}

const RELAY_DENIED: &str = "550 5.7.1 relaying denied";
const NOT_ATTRIBUTED: &str = "550 5.7.64 TenantAttribution; Relay Access Denied";
const STARTTLS: &str = "451 4.7.0 Must issue a STARTTLS command first";
const COME_AGAIN: &str = "451 4.7.0 the certificate cannot be checked at present, try again later";
const BY_CERTIFICATE: &str = "550 5.7.51 TenantInboundAttribution; Rejecting message; the sender's domain is \
                              restricted, \
                              and this connection does not satisfy RestrictDomainsToCertificate";
const BY_ADDRESS: &str = "550 5.7.51 TenantInboundAttribution; Rejecting message; the sender's domain is restricted, \
                          and this connection does not satisfy RestrictDomainsToIPAddresses";
const DIRECT_SEND: &str = "550 5.7.68 TenantInboundAttribution; Direct Send not allowed for this organization from \
                           unauthorized sources";
