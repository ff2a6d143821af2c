//! Which hosts partners know the certificates of a role by, and whether TLSA records of those would refuse a
//! certificate on another key. That DNS does not say is never «no»: such a certificate waits.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use sekisho_mail::{Domain, OrganizationName};
use sekisho_tls::{CertificateChain, DANE_EE, DANE_TA, TlsaRecord, any_matches};
use tokio::time::timeout;

use crate::{
    certificates::{CertificateRole, Certificates},
    directory::Live,
    dns::{Authority, DnsResolver, Resolver as _, TlsaView, mail_hosts, together},
};

/// Domains of an organization whose mail exchangers are looked up.
const DOMAINS_MAX: usize = 50;
/// Names of a role that are looked at.
const HOSTS_MAX: usize = 200;
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
        let exchangers = self.exchangers(&role.key.organization).await?;
        let asked = known_hosts(role, in_force, exchangers)?.into_iter().filter_map(|host| {
            let name = Domain::parse(&format!("_{SMTP_PORT}._tcp.{}", host.name)).ok()?;
            Some(async move {
                let view = self.tlsa(&name, &[]).await;
                (host, name, view)
            })
        });
        let mut against = Vec::new();
        for (host, name, view) in together(asked.collect()).await {
            if !host.is_ours(&view, in_force) {
                continue;
            }
            for (server, answer) in view?.servers {
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

/// A host that partners may know certificates of a role by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct KnownHost {
    /// Its name.
    pub(super) name: Domain,
    /// Whether it is a name of the role or of its certificates, or below a wildcard of theirs.
    is_named: bool,
}

impl KnownHost {
    /// Whether what its records say is about us: a mail exchanger of an organization may be somebody else's, and is
    /// ours without a name in the certificate where its records name what is in force (usage 3 asks for no name, RFC
    /// 7672 §3.1.1). One that gives no answer may be ours.
    pub(super) fn is_ours(&self, view: &Result<TlsaView, String>, in_force: &[CertificateChain]) -> bool {
        let names_us = |records: &[TlsaRecord]| {
            let mut pairs = records
                .iter()
                .flat_map(|record| in_force.iter().map(move |chain| (record, chain)));
            pairs.any(|(record, chain)| record.names(chain))
        };
        self.is_named
            || view.as_ref().map_or(true, |view| {
                let mut servers = view.servers.iter();
                servers.any(|(_, answer)| answer.as_ref().map_or(true, |answer| names_us(&answer.records)))
            })
    }
}

/// Hosts that partners may know certificates of a role by: its names, those of what is in force, and the mail
/// exchangers of its organization.
///
/// # Errors
/// When there are more than are looked at.
pub(super) fn known_hosts(
    role: &CertificateRole,
    in_force: &[CertificateChain],
    exchangers: Vec<Domain>,
) -> Result<Vec<KnownHost>, String> {
    let mut named = role.name_texts();
    named.extend(in_force.iter().flat_map(CertificateChain::leaf_names));
    let is_named = |host: &Domain| {
        host.as_str()
            .parse()
            .is_ok_and(|pattern| any_matches(&named, &[pattern]))
    };
    let mut names: Vec<Domain> = named.iter().filter_map(|name| Domain::parse(name).ok()).collect();
    names.extend(exchangers);
    names.sort_unstable();
    names.dedup();
    if names.len() > HOSTS_MAX {
        return Err(format!(
            "{} hosts are known, and {HOSTS_MAX} at most are looked at",
            names.len()
        ));
    }
    let hosts = names.into_iter().map(|name| KnownHost {
        is_named: is_named(&name),
        name,
    });
    Ok(hosts.collect())
}
