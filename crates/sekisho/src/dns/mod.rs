//! Questions to DNS, answered as [`Lookup`]: MX, A and AAAA, aliases (CNAME) followed. And records of our own that are
//! put into zones (RFC 2136).
//!
//! Nothing validates DNSSEC yet, so every answer is [`Security::Insecure`](sekisho_mail::Security::Insecure) and none
//! is ever `Bogus`: a signed zone that a validating resolver refuses shows as a temporary fault. What the answers mean
//! for mail is left to `outbound/`. RFC 1034 §4.3, RFC 2308 (which negative answer is which).

mod authority;
#[cfg(test)]
pub(crate) mod fake;
mod none;
mod resolver;
mod tsig;
mod update;

use std::{
    fmt,
    future::Future,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    pin::Pin,
    time::Duration,
};

use sekisho_mail::{Domain, Lookup};

pub(crate) use authority::together;
pub use authority::{Authority, AuthorityError, AuthorityServer, TlsaAnswer, TlsaView};
pub use none::NoResolver;
pub use resolver::{DnsError, DnsResolver};
pub use tsig::{TsigAlgorithm, TsigKey, TsigKeyError};
pub use update::{PublishedText, UpdateError, ZoneUpdater};

/// Records of one answer that are looked at; what a hostile zone has beyond that is left out.
pub const MAX_RECORDS: usize = 200;

/// An answer that comes later.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Lookup<T>> + Send + 'a>>;

/// Who answers questions to DNS. Every answer that is `Found` holds at least one record.
pub trait Resolver: Send + Sync + fmt::Debug + 'static {
    /// The mail exchangers of a domain, in no order.
    fn mx<'a>(&'a self, name: &'a Domain) -> Answer<'a, Vec<MxRecord>>;

    /// The IPv4 addresses of a host.
    fn ipv4<'a>(&'a self, name: &'a Domain) -> Answer<'a, Vec<Ipv4Addr>>;

    /// The IPv6 addresses of a host.
    fn ipv6<'a>(&'a self, name: &'a Domain) -> Answer<'a, Vec<Ipv6Addr>>;
}

/// One MX record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MxRecord {
    /// The lower, the sooner.
    pub preference: u16,
    /// Who takes the mail.
    pub exchange: Exchange,
}

/// The right side of an MX record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exchange {
    /// A host.
    Host(Domain),
    /// The root: alone, it says that the domain takes no mail (RFC 7505 §3).
    Root,
    /// No host name, in the zone's words: an address, a name with odd characters.
    Unusable(String),
}

/// Who takes a domain's mail, in the order in which they are tried; the domain itself where it has no MX record (RFC
/// 5321 §5.1).
///
/// # Errors
/// Why DNS did not say.
pub fn mail_hosts(found: Lookup<Vec<MxRecord>>, domain: &Domain) -> Result<Vec<Domain>, String> {
    match found {
        Lookup::Found(mut records, _) => {
            records.sort_unstable();
            let hosts = records.into_iter().filter_map(|record| match record.exchange {
                Exchange::Host(host) => Some(host),
                Exchange::Root | Exchange::Unusable(_) => None,
            });
            Ok(hosts.collect())
        }
        Lookup::NoData(_) => Ok(vec![domain.clone()]),
        Lookup::NoName(_) => Ok(Vec::new()),
        Lookup::TempFail(fault) | Lookup::Bogus(fault) => Err(fault.to_string()),
    }
}

/// How DNS is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsSettings {
    /// The resolvers to ask; empty means those of `/etc/resolv.conf`, and `/etc/hosts` before them.
    pub servers: Vec<SocketAddr>,
    /// How long one question may take, all tries together.
    pub timeout: Duration,
    /// How often one question is sent.
    pub attempts: usize,
    /// Answers kept.
    pub cache_entries: u64,
    /// The longest that an answer is kept, whatever its TTL says.
    pub cache_max_age: Duration,
    /// The longest that a denial is kept.
    pub cache_max_age_negative: Duration,
}

impl Default for DnsSettings {
    fn default() -> Self {
        Self {
            servers: Vec::new(),
            timeout: Duration::from_secs(15),
            attempts: 2,
            cache_entries: 32_768,
            cache_max_age: Duration::from_secs(24 * 3600),
            cache_max_age_negative: Duration::from_secs(900),
        }
    }
}
