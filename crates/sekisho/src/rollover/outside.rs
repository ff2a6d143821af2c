//! What a roll-over looks at outside: the mail exchangers and TLSA records of its names, the handshake that partners
//! will make, and the authority that its certificates come from. A trait, so that what follows from an answer can be
//! tried with answers and instants of a test's own.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
};

use sekisho_mail::{AnchorSetId, Domain, Lookup, OrganizationName, Timestamp, Verdict};
use sekisho_policy::{dial::may_dial, directory::CertificateRoleKey, outbound::HostOrigin};
use sekisho_tls::{CertificateChain, HandshakeQuestion, KeyFamily, KeyType, PeerChain, ProbeName, Verifier};
use tokio::net::TcpStream;
use tokio_socks::tcp::Socks5Stream;

use super::named::Names;
use crate::{
    acme::AcmeKeeper,
    certificates::{Author, shake_hands},
    dns::{Resolver as _, TlsaView},
};

/// Addresses of one host that are tried.
const ADDRESSES_MAX: usize = 8;

/// An answer that comes later; the error says in words why there is none.
pub type Seen<'a, T> = Pin<Box<dyn Future<Output = Result<T, String>> + Send + 'a>>;

/// A handshake to be made.
#[derive(Clone, Debug)]
pub struct Claim {
    /// With which host, and for which name.
    pub host: Domain,
    /// At which port, where STARTTLS is offered.
    pub port: u16,
    /// With a key of which kind.
    pub family: KeyFamily,
    /// The secret name of what is not in force yet.
    pub probe: ProbeName,
}

/// One that was made.
#[derive(Clone, Debug)]
pub struct Handshake {
    /// With which address, from where: `192.0.2.1:25, from here`.
    pub place: String,
    /// What was shown, or why nothing was.
    pub shown: Result<CertificateChain, String>,
}

/// Why an authority has not issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotIssued {
    /// In words, the authority's among them.
    pub words: String,
    /// Not before this it is asked again, where it said so.
    pub not_before: Option<Timestamp>,
}

/// What becomes of an order.
pub type Ordered<'a> = Pin<Box<dyn Future<Output = Result<(), NotIssued>> + Send + 'a>>;

/// Whom a roll-over asks.
pub trait Outside: fmt::Debug + Send + Sync {
    /// The hosts that take the mail of an organization's domains.
    fn exchangers<'a>(&'a self, organization: &'a OrganizationName) -> Seen<'a, Vec<Domain>>;

    /// What each authoritative server shows at a name; `named` are asked instead where there are some.
    fn tlsa<'a>(&'a self, name: &'a Domain, named: &'a [SocketAddr]) -> Seen<'a, TlsaView>;

    /// Handshakes with each address of a host, from everywhere that they can be made from. None where the host has no
    /// address; an error where DNS does not say.
    fn prove(&self, claim: Claim) -> Seen<'_, Vec<Handshake>>;

    /// Where a chain leads, in words; the error says why it leads nowhere.
    fn anchored(&self, chain: &CertificateChain, now: Timestamp) -> Result<String, String>;

    /// Has the role's authority issue the certificate of this request, which waits then.
    fn order<'a>(
        &'a self,
        role: &'a CertificateRoleKey,
        key_type: KeyType,
        request: &'a str,
        author: &'a Author,
    ) -> Ordered<'a>;
}

/// The network, as this machine sees it.
#[derive(Debug)]
pub struct Network {
    /// DNS.
    pub names: Names,
    /// A SOCKS5 proxy elsewhere, through which handshakes are made once more.
    pub vantage: Option<SocketAddr>,
    /// Knows the trust anchors.
    pub verifier: Arc<Verifier>,
    /// Orders certificates.
    pub authorities: Arc<AcmeKeeper>,
}

impl Network {
    /// Where DNS says that a host is. The handshake is with ourselves, so our own listeners' addresses are allowed,
    /// private ones too; nobody else's private addresses are dialled (law 12).
    async fn addresses(&self, host: &Domain, port: u16) -> Result<Vec<SocketAddr>, String> {
        let (ipv4, ipv6) = tokio::join!(self.names.dns.ipv4(host), self.names.dns.ipv6(host));
        let found = found_in(ipv4)?.into_iter().map(IpAddr::V4);
        let found = found.chain(found_in(ipv6)?.into_iter().map(IpAddr::V6));
        let addresses = found.map(|ip| SocketAddr::new(ip, port));
        let allowed = addresses
            .filter(|address| self.names.own.contains(address) || may_dial(*address, HostOrigin::Dns, &[]).is_ok());
        Ok(allowed.take(ADDRESSES_MAX).collect())
    }

    async fn handshakes(&self, claim: Claim) -> Result<Vec<Handshake>, String> {
        let question = HandshakeQuestion {
            name: &claim.host,
            family: claim.family,
            probe: Some(&claim.probe),
        };
        let mut made = Vec::new();
        for address in self.addresses(&claim.host, claim.port).await? {
            let connecting = async { TcpStream::connect(address).await.map_err(|error| error.to_string()) };
            made.push(Handshake {
                place: format!("{address}, from here"),
                shown: shake_hands(connecting, question).await,
            });
            let Some(vantage) = self.vantage else { continue };
            let connecting = async {
                let stream = Socks5Stream::connect(vantage, address).await;
                stream.map_err(|error| format!("the proxy {vantage}: {error}"))
            };
            made.push(Handshake {
                place: format!("{address}, through {vantage}"),
                shown: shake_hands(connecting, question).await,
            });
        }
        Ok(made)
    }
}

impl Outside for Network {
    fn exchangers<'a>(&'a self, organization: &'a OrganizationName) -> Seen<'a, Vec<Domain>> {
        Box::pin(self.names.exchangers(organization))
    }

    fn tlsa<'a>(&'a self, name: &'a Domain, named: &'a [SocketAddr]) -> Seen<'a, TlsaView> {
        Box::pin(self.names.tlsa(name, named))
    }

    fn prove(&self, claim: Claim) -> Seen<'_, Vec<Handshake>> {
        Box::pin(self.handshakes(claim))
    }

    fn anchored(&self, chain: &CertificateChain, now: Timestamp) -> Result<String, String> {
        let presented = PeerChain::kept(chain.der().map(<[u8]>::to_vec).collect(), false);
        let answer = self.verifier.path(&presented, &AnchorSetId::system(), now);
        match (answer.verdict, answer.path) {
            (Verdict::Holds, Some(path)) => Ok(path.anchor().subject.clone()),
            (Verdict::Fails(fault), _) => Err(fault.to_string()),
            (Verdict::Unknown(why), _) => Err(why),
            (Verdict::Holds, None) => Err("its path is not told".to_owned()),
        }
    }

    fn order<'a>(
        &'a self,
        role: &'a CertificateRoleKey,
        key_type: KeyType,
        request: &'a str,
        author: &'a Author,
    ) -> Ordered<'a> {
        Box::pin(async move {
            let ordered = self.authorities.order_next(role, key_type, request, author).await;
            ordered.map(drop).map_err(|fault| NotIssued {
                not_before: fault.not_before,
                words: fault.words,
            })
        })
    }
}

fn found_in<T>(answer: Lookup<Vec<T>>) -> Result<Vec<T>, String> {
    match answer {
        Lookup::Found(found, _) => Ok(found),
        Lookup::NoData(_) | Lookup::NoName(_) => Ok(Vec::new()),
        Lookup::TempFail(fault) | Lookup::Bogus(fault) => Err(fault.to_string()),
    }
}
