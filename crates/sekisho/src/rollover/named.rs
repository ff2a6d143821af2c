//! Which hosts partners know the certificates of a role by, and whether TLSA records of those would refuse a
//! certificate on another key. That DNS does not say is never «no»: such a certificate waits.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use sekisho_mail::{Domain, OrganizationName};
use sekisho_tls::{CertificateChain, DANE_EE, DANE_TA, any_matches};
use tokio::time::timeout;

use crate::{
    certificates::{CertificateRole, Certificates},
    directory::Live,
    dns::{Authority, DnsResolver, Resolver as _, TlsaView, mail_hosts},
};

/// Domains of an organization whose mail exchangers are looked up.
const DOMAINS_MAX: usize = 50;
/// Names of a role that are looked at.
const HOSTS_MAX: usize = 32;
/// For all questions about one certificate that comes in.
const PATIENCE: Duration = Duration::from_secs(30);
/// The port of mail between hosts.
const SMTP_PORT: u16 = 25;

/// Asks DNS about names of ours.
#[derive(Clone, Debug)]
pub struct Names {
    /// DNS, remembering nothing.
    pub dns: Arc<DnsResolver>,
    /// Our own addresses.
    pub own: Arc<[SocketAddr]>,
    /// Organizations with their domains.
    pub directory: Arc<Live>,
}

impl Names {
    /// The hosts that take the mail of an organization's domains.
    ///
    /// # Errors
    /// When DNS does not say, in words.
    pub async fn exchangers(&self, organization: &OrganizationName) -> Result<Vec<Domain>, String> {
        let current = self.directory.current();
        let domains = current
            .directory
            .domains()
            .filter(|domain| domain.organization == *organization);
        let domains = domains
            .map(|domain| domain.domain.clone())
            .filter(|domain| domain.as_str().contains('.'));
        let mut hosts = Vec::new();
        for domain in domains.take(DOMAINS_MAX).collect::<Vec<_>>() {
            hosts.extend(mail_hosts(self.dns.mx(&domain).await, &domain)?);
        }
        Ok(hosts)
    }

    /// What each authoritative server shows at a name; `named` are asked instead where there are some.
    ///
    /// # Errors
    /// When nobody can be asked, in words.
    pub async fn tlsa(&self, name: &Domain, named: &[SocketAddr]) -> Result<TlsaView, String> {
        let authority = Authority::new(Arc::clone(&self.dns), Arc::clone(&self.own));
        authority.tlsa(name, named).await.map_err(|error| error.to_string())
    }

    /// What stands against presenting a chain on a new key at once, as far as DNS says: TLSA records that name what is
    /// in force and not this chain, and questions without an answer. Nothing is asked where its key is in force
    /// already, or nothing is.
    pub async fn against(
        &self,
        certificates: &Certificates,
        role: &CertificateRole,
        chain: &CertificateChain,
    ) -> Vec<String> {
        let Some(in_force) = certificates.replaced_at_once(&role.key, chain.facts()[0].spki_sha256) else {
            return Vec::new();
        };
        let unknown = |why: &str| vec![format!("a TLSA record, for all that DNS says: {why}")];
        match timeout(PATIENCE, self.looked_up(role, &in_force, chain)).await {
            Ok(Ok(against)) => against,
            Ok(Err(why)) => unknown(&why),
            Err(_) => unknown("not all answers came in time"),
        }
    }

    async fn looked_up(
        &self,
        role: &CertificateRole,
        in_force: &[CertificateChain],
        chain: &CertificateChain,
    ) -> Result<Vec<String>, String> {
        let exchangers = self.exchangers(&role.key.organization);
        let mut against = Vec::new();
        for host in known_hosts(role, in_force, exchangers).await? {
            let Ok(name) = Domain::parse(&format!("_{SMTP_PORT}._tcp.{host}")) else {
                continue;
            };
            for (server, answer) in self.tlsa(&name, &[]).await?.servers {
                let records = answer.map_err(|why| format!("{server} about {name}: {why}"))?.records;
                let mut usable = records
                    .iter()
                    .filter(|record| matches!(record.usage, DANE_EE | DANE_TA))
                    .peekable();
                if usable.peek().is_some() && !usable.any(|record| record.names(chain)) {
                    against.push(format!("the TLSA records of {name}"));
                    break;
                }
            }
        }
        Ok(against)
    }
}

/// Hosts that partners know certificates of a role by: its names and those of what is in force. For a wildcard they are
/// the mail exchangers below it, which are asked for where there is one.
///
/// # Errors
/// When DNS does not say who the exchangers are, in words.
pub(super) async fn known_hosts(
    role: &CertificateRole,
    in_force: &[CertificateChain],
    exchangers: impl Future<Output = Result<Vec<Domain>, String>>,
) -> Result<Vec<Domain>, String> {
    let mut named = role.name_texts();
    named.extend(in_force.iter().flat_map(CertificateChain::leaf_names));
    let mut hosts: Vec<Domain> = named.iter().filter_map(|name| Domain::parse(name).ok()).collect();
    if named.iter().any(|name| name.starts_with('*')) {
        let is_named = |host: &Domain| {
            host.as_str()
                .parse()
                .is_ok_and(|pattern| any_matches(&named, &[pattern]))
        };
        hosts.extend(exchangers.await?.into_iter().filter(is_named));
    }
    hosts.sort_unstable();
    hosts.dedup();
    hosts.truncate(HOSTS_MAX);
    Ok(hosts)
}
