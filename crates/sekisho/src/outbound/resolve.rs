//! From a destination to the hosts that may take its mail, and from a host to its addresses: RFC 5321 §5.1 (MX),
//! RFC 7505 (null MX), RFC 5321 §5.1 on loops, RFC 8305 §4 (order of addresses).
//!
//! What DNS says is other people's text: how many hosts and addresses are looked at is bounded, and whether an address
//! may be dialled is asked of policy where it is dialled.

use std::net::{IpAddr, SocketAddr};

use sekisho_mail::{Domain, EnhancedCode, Fault, Host, Lookup, LookupFault, Side};
use sekisho_policy::outbound::{CandidateHost, HostOrigin};

use super::{AddressFamily, OutboundSettings, RouteSettings, Via};
use crate::dns::{Exchange, MxRecord, Resolver};

/// A host that may take the mail, and where it listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The host and who named it.
    pub host: CandidateHost,
    /// Its port.
    pub port: u16,
    /// That of its MX record; the lower, the sooner. Hosts of a route count from nought in their order.
    pub preference: u16,
}

/// Why there is no host, or no address, to try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unroutable {
    /// For good: no such domain, no mail wanted, nowhere to go.
    Permanently(Fault),
    /// For now: DNS did not answer.
    ForNow(Fault),
}

impl Unroutable {
    fn permanently(status: EnhancedCode, text: String, side: Side) -> Self {
        Self::Permanently(fault(status, text, side))
    }

    /// Of what the operator named, what looks final is a slip of theirs or of their DNS: the mail waits until it is
    /// mended.
    pub(super) fn for_now(self) -> Self {
        match self {
            Self::Permanently(fault) => {
                let status = EnhancedCode {
                    class: 4,
                    ..fault.status
                };
                Self::ForNow(Fault {
                    status,
                    side: Side::Us,
                    ..fault
                })
            }
            Self::ForNow(fault) => Self::ForNow(fault),
        }
    }

    fn of_lookup(lookup: &LookupFault) -> Self {
        let text = format!("DNS gave no answer: {lookup}");
        Self::ForNow(fault(EnhancedCode::new(4, 4, 3), text, Side::Recipient))
    }
}

pub(super) const fn fault(status: EnhancedCode, text: String, side: Side) -> Fault {
    Fault {
        status,
        text,
        side,
        reply: None,
        host: None,
        unmet: None,
    }
}

/// The hosts for a destination, in the order in which they are tried; at least one.
///
/// # Errors
/// When there is none.
pub async fn candidates(
    dns: &dyn Resolver,
    settings: &OutboundSettings,
    route: &RouteSettings,
    destination: &Host,
) -> Result<Vec<Candidate>, Unroutable> {
    let by_dns = |host: Host, port, preference| Candidate {
        host: CandidateHost {
            host,
            origin: HostOrigin::Dns,
        },
        port,
        preference,
    };
    match (&route.via, destination) {
        (Via::Hosts(hosts), _) => Ok((0..)
            .zip(hosts)
            .map(|(preference, hop)| Candidate {
                host: CandidateHost {
                    host: hop.host.clone(),
                    origin: HostOrigin::Route,
                },
                port: hop.port,
                preference,
            })
            .collect()),
        // RFC 5321 §5.1: no lookup for an address literal.
        (Via::Mx { port }, Host::Literal(_)) => Ok(vec![by_dns(destination.clone(), *port, 0)]),
        (Via::Mx { port }, Host::Domain(domain)) | (Via::MxOf { domain, port }, _) => {
            let names = exchangers(dns.mx(domain).await, settings, domain);
            let names = names.map_err(|why| route.weigh(why))?;
            let hosts = names.into_iter().take(settings.limits.mx_hosts);
            Ok(hosts
                .map(|(preference, name)| by_dns(Host::Domain(name), *port, preference))
                .collect())
        }
    }
}

/// All rules on MX records, on the answer alone.
fn exchangers(
    answer: Lookup<Vec<MxRecord>>,
    settings: &OutboundSettings,
    domain: &Domain,
) -> Result<Vec<(u16, Domain)>, Unroutable> {
    let is_own = |name: &Domain| *name == settings.hostname || settings.own_names.contains(name);
    let looping = || {
        let text = format!("mail for {domain} would come back to this host");
        Unroutable::permanently(EnhancedCode::new(5, 4, 6), text, Side::Us)
    };
    let records = match answer {
        Lookup::Found(records, _) => records,
        // The implicit MX: the domain is its own mail exchanger, only where it exists and has no MX record.
        Lookup::NoData(_) if is_own(domain) => return Err(looping()),
        Lookup::NoData(_) => return Ok(vec![(0, domain.clone())]),
        Lookup::NoName(_) => {
            let text = format!("the domain {domain} does not exist");
            return Err(Unroutable::permanently(EnhancedCode::new(5, 1, 2), text, Side::Sender));
        }
        Lookup::TempFail(lookup) | Lookup::Bogus(lookup) => return Err(Unroutable::of_lookup(&lookup)),
    };
    // RFC 7505 §3: the root alone is a null MX; beside other records it means nothing.
    if records.iter().all(|record| record.exchange == Exchange::Root) {
        let text = format!("the domain {domain} takes no mail (null MX)");
        return Err(Unroutable::permanently(EnhancedCode::new(5, 1, 10), text, Side::Sender));
    }
    let mut hosts: Vec<(u16, Domain)> = records
        .into_iter()
        .filter_map(|record| match record.exchange {
            Exchange::Host(host) => Some((record.preference, host)),
            Exchange::Root | Exchange::Unusable(_) => None,
        })
        .collect();
    if hosts.is_empty() {
        let text = format!("no MX record of {domain} names a host");
        return Err(Unroutable::permanently(
            EnhancedCode::new(5, 4, 4),
            text,
            Side::Recipient,
        ));
    }
    // RFC 5321 §5.1: where we are a mail exchanger ourselves, only better ones may get it, or mail would circle.
    if let Some(own) = hosts
        .iter()
        .filter(|(_, host)| is_own(host))
        .map(|(preference, _)| *preference)
        .min()
    {
        hosts.retain(|(preference, _)| *preference < own);
        if hosts.is_empty() {
            return Err(looping());
        }
    }
    // RFC 5321 §5.1: equals are shuffled to spread the load; the sort that follows is stable.
    fastrand::shuffle(&mut hosts);
    hosts.sort_by_key(|(preference, _)| *preference);
    let mut once: Vec<(u16, Domain)> = Vec::with_capacity(hosts.len());
    for (preference, host) in hosts {
        if !once.iter().any(|(_, known)| *known == host) {
            once.push((preference, host));
        }
    }
    Ok(once)
}

/// The addresses of a candidate in the order in which they are tried (RFC 8305 §4: families take turns, IPv6 first).
///
/// # Errors
/// When it has none of a family that may be used.
pub async fn addresses(
    dns: &dyn Resolver,
    settings: &OutboundSettings,
    route: &RouteSettings,
    candidate: &Candidate,
) -> Result<Vec<SocketAddr>, Unroutable> {
    let family = match route.source_address {
        Some(IpAddr::V4(_)) => AddressFamily::Ipv4,
        Some(IpAddr::V6(_)) => AddressFamily::Ipv6,
        None => route.address_family,
    };
    let found = match &candidate.host.host {
        Host::Literal(address) => vec![*address],
        Host::Domain(name) => addresses_of_name(dns, name, family).await?,
    };
    let usable = found.into_iter().filter(|address| family.admits(*address));
    let addresses: Vec<SocketAddr> = usable
        .take(settings.limits.addresses_per_host)
        .map(|address| SocketAddr::new(address, candidate.port))
        .collect();
    if addresses.is_empty() {
        return Err(match family {
            AddressFamily::Any => route.weigh(no_address(&candidate.host)),
            AddressFamily::Ipv4 => not_of_family(&candidate.host, route, "IPv4"),
            AddressFamily::Ipv6 => not_of_family(&candidate.host, route, "IPv6"),
        });
    }
    Ok(addresses)
}

/// The route leaves out one family, and there is nothing in the other: whether the host has an address at all was not
/// asked, and what the operator may mend never bounces mail.
fn not_of_family(candidate: &CandidateHost, route: &RouteSettings, family: &str) -> Unroutable {
    let setting = match route.source_address {
        Some(address) => format!("source-address = \"{address}\""),
        None => format!("address-family = \"{}\"", family.to_lowercase()),
    };
    let text = format!(
        "the host {} has no {family} address, and {} has {setting}",
        candidate.host,
        route.describe()
    );
    Unroutable::ForNow(fault(EnhancedCode::new(4, 4, 4), text, Side::Us))
}

/// A host that a route names and that has no address is the operator's slip: the mail waits until it is mended.
fn no_address(candidate: &CandidateHost) -> Unroutable {
    let text = format!("the host {} has no address that can be used", candidate.host);
    if candidate.origin == HostOrigin::Route {
        return Unroutable::ForNow(fault(EnhancedCode::new(4, 4, 4), text, Side::Us));
    }
    Unroutable::permanently(EnhancedCode::new(5, 4, 4), text, Side::Recipient)
}

async fn addresses_of_name(
    dns: &dyn Resolver,
    name: &Domain,
    family: AddressFamily,
) -> Result<Vec<IpAddr>, Unroutable> {
    let v6 = async {
        match family {
            AddressFamily::Ipv4 => Ok(Vec::new()),
            AddressFamily::Any | AddressFamily::Ipv6 => found(dns.ipv6(name).await),
        }
    };
    let v4 = async {
        match family {
            AddressFamily::Ipv6 => Ok(Vec::new()),
            AddressFamily::Any | AddressFamily::Ipv4 => found(dns.ipv4(name).await),
        }
    };
    let (v6, v4) = tokio::join!(v6, v4);
    match (v6, v4) {
        // A fault of one family does not matter as long as the other has an address.
        (Err(lookup), Ok(other)) if other.is_empty() => Err(Unroutable::of_lookup(&lookup)),
        (Ok(other), Err(lookup)) if other.is_empty() => Err(Unroutable::of_lookup(&lookup)),
        (Err(lookup), Err(_)) => Err(Unroutable::of_lookup(&lookup)),
        (v6, v4) => {
            let v6: Vec<IpAddr> = v6.unwrap_or_default().into_iter().map(IpAddr::V6).collect();
            let v4: Vec<IpAddr> = v4.unwrap_or_default().into_iter().map(IpAddr::V4).collect();
            Ok(take_turns(v6, v4))
        }
    }
}

/// No address is an empty list here: whether that is NODATA or NXDOMAIN makes no difference to a host.
fn found<T>(lookup: Lookup<Vec<T>>) -> Result<Vec<T>, LookupFault> {
    match lookup {
        Lookup::Found(mut addresses, _) => {
            fastrand::shuffle(&mut addresses);
            Ok(addresses)
        }
        Lookup::NoData(_) | Lookup::NoName(_) => Ok(Vec::new()),
        Lookup::TempFail(lookup) | Lookup::Bogus(lookup) => Err(lookup),
    }
}

fn take_turns(first: Vec<IpAddr>, second: Vec<IpAddr>) -> Vec<IpAddr> {
    let mut turns = Vec::with_capacity(first.len() + second.len());
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    loop {
        let pair = (first.next(), second.next());
        if pair == (None, None) {
            return turns;
        }
        turns.extend(pair.0.into_iter().chain(pair.1));
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use sekisho_mail::Security;

    use super::*;
    use crate::dns::fake::FakeDns;

    fn settings() -> OutboundSettings {
        OutboundSettings::new(Domain::parse("us.example").unwrap())
    }

    async fn hosts(dns: &FakeDns, destination: &str) -> Result<Vec<String>, String> {
        let settings = settings();
        let destination = Host::parse(destination).unwrap();
        match candidates(dns, &settings, &settings.default_route, &destination).await {
            Ok(found) => Ok(found
                .into_iter()
                .map(|candidate| candidate.host.host.to_string())
                .collect()),
            Err(Unroutable::Permanently(fault)) => Err(format!("bounce {}", fault.status)),
            Err(Unroutable::ForNow(fault)) => Err(format!("defer {}", fault.status)),
        }
    }

    #[tokio::test]
    async fn every_rule_on_mx_records() {
        type Rule = (
            &'static str,
            &'static [(u16, &'static str)],
            Result<&'static [&'static str], &'static str>,
        );
        let rules: [Rule; 10] = [
            (
                "preference",
                &[(20, "b.x"), (10, "a.x"), (30, "c.x")],
                Ok(&["a.x", "b.x", "c.x"]),
            ),
            ("a host once", &[(20, "a.x"), (10, "a.x")], Ok(&["a.x"])),
            ("null MX", &[(0, ".")], Err("bounce 5.1.10")),
            ("a root beside others", &[(0, "."), (10, "a.x")], Ok(&["a.x"])),
            (
                "own name and worse dropped",
                &[(10, "a.x"), (20, "us.example"), (30, "b.x")],
                Ok(&["a.x"]),
            ),
            (
                "own name and equals dropped",
                &[(10, "a.x"), (20, "b.x"), (20, "us.example")],
                Ok(&["a.x"]),
            ),
            ("own name best", &[(10, "US.example"), (20, "b.x")], Err("bounce 5.4.6")),
            (
                "own name with an equal",
                &[(10, "us.example"), (10, "b.x")],
                Err("bounce 5.4.6"),
            ),
            ("names that are none", &[(10, "a b"), (20, "c.x")], Ok(&["c.x"])),
            ("no name at all", &[(10, "a b")], Err("bounce 5.4.4")),
        ];
        for (rule, records, expected) in rules {
            let dns = FakeDns::default().with_mx("dest.example", records);
            let expected = expected
                .map(|names| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
                .map_err(str::to_owned);
            assert_eq!(hosts(&dns, "dest.example").await, expected, "{rule}");
        }
    }

    #[tokio::test]
    async fn denials_and_faults_are_told_apart() {
        let mut dns = FakeDns::default().with_ipv4("implicit.example", &[Ipv4Addr::new(192, 0, 2, 1)]);
        dns.mx
            .insert("broken.example".to_owned(), FakeDns::fault("MX broken.example"));
        dns.mx
            .insert("us.example".to_owned(), Lookup::NoData(Security::Insecure));
        assert_eq!(
            hosts(&dns, "implicit.example").await,
            Ok(vec!["implicit.example".to_owned()])
        );
        assert_eq!(hosts(&dns, "absent.example").await, Err("bounce 5.1.2".to_owned()));
        assert_eq!(hosts(&dns, "broken.example").await, Err("defer 4.4.3".to_owned()));
        assert_eq!(hosts(&dns, "us.example").await, Err("bounce 5.4.6".to_owned()));
        assert_eq!(hosts(&dns, "[192.0.2.7]").await, Ok(vec!["[192.0.2.7]".to_owned()]));
    }

    #[tokio::test]
    async fn equals_are_shuffled_and_the_list_is_bounded() {
        let records: Vec<(u16, String)> = (0..100).map(|n| (10, format!("m{n}.x"))).collect();
        let records: Vec<(u16, &str)> = records.iter().map(|(p, name)| (*p, name.as_str())).collect();
        let dns = FakeDns::default().with_mx("dest.example", &records);
        let first = hosts(&dns, "dest.example").await.unwrap();
        assert_eq!(first.len(), settings().limits.mx_hosts);
        // One of 100!/92! orders twice in a row would be a marvel.
        assert_ne!(first, hosts(&dns, "dest.example").await.unwrap());
    }

    async fn dialled(dns: &FakeDns, family: AddressFamily) -> Result<Vec<String>, Unroutable> {
        let mut route = RouteSettings::new("t", Vec::new(), Via::Mx { port: 2525 });
        route.address_family = family;
        let candidate = Candidate {
            host: CandidateHost {
                host: Host::parse("mx.example").unwrap(),
                origin: HostOrigin::Dns,
            },
            port: 2525,
            preference: 0,
        };
        let found = addresses(dns, &settings(), &route, &candidate).await?;
        Ok(found.into_iter().map(|address| address.to_string()).collect())
    }

    #[tokio::test]
    async fn families_take_turns_and_a_fault_of_one_does_not_matter() {
        let v4 = Ipv4Addr::new(192, 0, 2, 1);
        let v6 = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
        let mut dns = FakeDns::default()
            .with_ipv4("mx.example", &[v4, v4])
            .with_ipv6("mx.example", &[v6]);
        let both = ["[2001:db8::1]:2525", "192.0.2.1:2525", "192.0.2.1:2525"];
        assert_eq!(dialled(&dns, AddressFamily::Any).await.unwrap(), both);
        assert_eq!(dialled(&dns, AddressFamily::Ipv6).await.unwrap(), both[..1]);
        assert_eq!(dialled(&dns, AddressFamily::Ipv4).await.unwrap(), both[1..]);
        dns.ipv6
            .insert("mx.example".to_owned(), FakeDns::fault("AAAA mx.example"));
        assert_eq!(dialled(&dns, AddressFamily::Any).await.unwrap(), both[1..]);
        assert!(matches!(
            dialled(&dns, AddressFamily::Ipv6).await,
            Err(Unroutable::ForNow(_))
        ));
        dns.ipv4
            .insert("mx.example".to_owned(), Lookup::NoData(Security::Insecure));
        assert!(matches!(
            dialled(&dns, AddressFamily::Any).await,
            Err(Unroutable::ForNow(_))
        ));
        dns.ipv6
            .insert("mx.example".to_owned(), Lookup::NoName(Security::Insecure));
        assert!(matches!(
            dialled(&dns, AddressFamily::Any).await,
            Err(Unroutable::Permanently(_))
        ));
        // What was not looked for because of a setting of ours bounces nothing.
        let Err(Unroutable::ForNow(fault)) = dialled(&dns, AddressFamily::Ipv4).await else {
            panic!("not put off");
        };
        assert_eq!((fault.status, fault.side), (EnhancedCode::new(4, 4, 4), Side::Us));
        assert!(fault.text.contains("address-family = \"ipv4\""), "{fault}");
    }
}
