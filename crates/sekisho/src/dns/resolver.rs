//! The resolver that asks real servers. Only it and `update` name the DNS library.

use std::{
    net::{Ipv4Addr, Ipv6Addr},
    time::Duration,
};

use hickory_resolver::{
    Resolver as Hickory, TokioResolver,
    config::{ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig},
    net::{DnsError as HickoryDnsError, NetError, runtime::TokioRuntimeProvider},
    proto::{
        op::ResponseCode,
        rr::{Name, RData, RecordType},
    },
};
use sekisho_mail::{Domain, Lookup, LookupFault, Security};
use thiserror::Error;

use super::{Answer, DnsSettings, Exchange, MAX_RECORDS, MxRecord, Resolver};

/// Why no resolver could be made.
#[derive(Debug, Error)]
pub enum DnsError {
    /// `/etc/resolv.conf` cannot be read or names no server.
    #[error("/etc/resolv.conf: {0}; name the servers in the configuration (dns.servers)")]
    System(String),
    /// The library refused the settings.
    #[error("the resolver cannot be set up: {0}")]
    Setup(String),
}

/// Asks resolvers over UDP and TCP and keeps their answers for a while.
#[derive(Debug)]
pub struct DnsResolver {
    inner: TokioResolver,
    time_limit: Duration,
}

impl DnsResolver {
    /// A resolver as the settings have it.
    ///
    /// # Errors
    /// When the system's settings are asked for and cannot be read.
    pub fn new(settings: &DnsSettings) -> Result<Self, DnsError> {
        let from_system = settings.servers.is_empty();
        let mut builder = if from_system {
            Hickory::builder_tokio().map_err(|error| DnsError::System(error.to_string()))?
        } else {
            let servers = settings.servers.iter().map(|server| {
                let mut udp = ConnectionConfig::udp();
                let mut tcp = ConnectionConfig::tcp();
                (udp.port, tcp.port) = (server.port(), server.port());
                NameServerConfig::new(server.ip(), true, vec![udp, tcp])
            });
            let config = ResolverConfig::from_parts(None, Vec::new(), servers.collect());
            Hickory::builder_with_config(config, TokioRuntimeProvider::default())
        };
        let options = builder.options_mut();
        options.attempts = settings.attempts;
        options.timeout = settings.timeout / u32::try_from(settings.attempts.max(1)).unwrap_or(1);
        options.cache_size = settings.cache_entries;
        options.positive_max_ttl = Some(settings.cache_max_age);
        options.negative_max_ttl = Some(settings.cache_max_age_negative);
        options.edns0 = true;
        options.use_hosts_file = if from_system {
            ResolveHosts::Always
        } else {
            ResolveHosts::Never
        };
        let inner = builder.build().map_err(|error| DnsError::Setup(error.to_string()))?;
        Ok(Self {
            inner,
            time_limit: settings.timeout,
        })
    }

    /// Asks one question; what is no record of the wanted kind is left out.
    async fn ask<T>(&self, name: &Domain, kind: RecordType, pick: fn(&RData) -> Option<T>) -> Lookup<Vec<T>> {
        let fault = |why: String| {
            Lookup::TempFail(LookupFault {
                question: format!("{kind} {name}"),
                why,
            })
        };
        // With its final dot the name is whole: no search list is tried.
        let Ok(whole) = Name::from_ascii(format!("{name}.")) else {
            return fault("the name cannot be asked for".to_owned());
        };
        match tokio::time::timeout(self.time_limit, self.inner.lookup(whole, kind)).await {
            Err(_) => fault(format!("no answer within {} s", self.time_limit.as_secs())),
            Ok(Err(error)) => negative(&error).unwrap_or_else(|| fault(describe(&error))),
            Ok(Ok(lookup)) => {
                let picked = lookup.answers().iter().filter_map(|record| pick(&record.data));
                let found: Vec<T> = picked.take(MAX_RECORDS).collect();
                if found.is_empty() {
                    Lookup::NoData(Security::Insecure)
                } else {
                    Lookup::Found(found, Security::Insecure)
                }
            }
        }
    }
}

/// About zones rather than about mail.
impl DnsResolver {
    /// The name that this one is an alias of (CNAME); one, and not followed further.
    pub(super) async fn alias(&self, name: &Domain) -> Lookup<Vec<Domain>> {
        self.ask(name, RecordType::CNAME, |data| match data {
            RData::CNAME(target) => Domain::parse(&target.0.to_ascii()).ok(),
            _ => None,
        })
        .await
    }

    /// Whether a zone begins at this name: it has an SOA record.
    pub(super) async fn is_apex(&self, name: &Domain) -> Lookup<Vec<()>> {
        self.ask(name, RecordType::SOA, |data| {
            matches!(data, RData::SOA(_)).then_some(())
        })
        .await
    }

    /// The authoritative servers of a zone.
    pub(super) async fn name_servers(&self, zone: &Domain) -> Lookup<Vec<Domain>> {
        self.ask(zone, RecordType::NS, |data| match data {
            RData::NS(server) => Domain::parse(&server.0.to_ascii()).ok(),
            _ => None,
        })
        .await
    }
}

impl Resolver for DnsResolver {
    fn mx<'a>(&'a self, name: &'a Domain) -> Answer<'a, Vec<MxRecord>> {
        Box::pin(self.ask(name, RecordType::MX, |data| match data {
            RData::MX(mx) => Some(MxRecord {
                preference: mx.preference,
                exchange: exchange(&mx.exchange),
            }),
            _ => None,
        }))
    }

    fn ipv4<'a>(&'a self, name: &'a Domain) -> Answer<'a, Vec<Ipv4Addr>> {
        Box::pin(self.ask(name, RecordType::A, |data| match data {
            RData::A(address) => Some(address.0),
            _ => None,
        }))
    }

    fn ipv6<'a>(&'a self, name: &'a Domain) -> Answer<'a, Vec<Ipv6Addr>> {
        Box::pin(self.ask(name, RecordType::AAAA, |data| match data {
            RData::AAAA(address) => Some(address.0),
            _ => None,
        }))
    }
}

fn exchange(name: &Name) -> Exchange {
    if name.is_root() {
        return Exchange::Root;
    }
    let text = name.to_ascii();
    // An address where a name belongs is a common slip; it parses as a name and leads nowhere.
    let is_address = text.trim_end_matches('.').parse::<Ipv4Addr>().is_ok();
    match Domain::parse(&text) {
        Ok(host) if !is_address => Exchange::Host(host),
        _ => Exchange::Unusable(text),
    }
}

/// RFC 2308 §2: NXDOMAIN and NODATA, each only when the server said exactly that.
fn negative<T>(error: &NetError) -> Option<Lookup<T>> {
    let NetError::Dns(HickoryDnsError::NoRecordsFound(denial)) = error else {
        return None;
    };
    match denial.response_code {
        ResponseCode::NXDomain => Some(Lookup::NoName(Security::Insecure)),
        ResponseCode::NoError => Some(Lookup::NoData(Security::Insecure)),
        _ => None,
    }
}

fn describe(error: &NetError) -> String {
    match error {
        NetError::Dns(HickoryDnsError::ResponseCode(code)) => format!("the resolver answered {code}"),
        NetError::Timeout => "the resolver did not answer in time".to_owned(),
        NetError::NoConnections => "no resolver could be reached".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::net::{SocketAddr, UdpSocket};

    use super::*;

    /// A name server on loopback that answers every question with what `answer` makes of it; its thread ends with the
    /// process.
    fn server(answer: impl Fn(&[u8]) -> Option<Vec<u8>> + Send + 'static) -> SocketAddr {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        std::thread::spawn(move || {
            let mut buffer = [0u8; 2048];
            while let Ok((len, client)) = socket.recv_from(&mut buffer) {
                if let Some(reply) = answer(&buffer[..len]) {
                    let _ = socket.send_to(&reply, client);
                }
            }
        });
        address
    }

    /// The question's own header and question section, made an answer with this code and these records.
    fn answer(query: &[u8], code: u8, records: &[&[u8]]) -> Option<Vec<u8>> {
        let name_len = query[12..].iter().position(|octet| *octet == 0)?;
        let question = &query[12..12 + name_len + 5];
        let count = u8::try_from(records.len()).ok()?;
        let mut reply = vec![query[0], query[1], 0x81, 0x80 | code, 0, 1, 0, count, 0, 0, 0, 0];
        reply.extend_from_slice(question);
        for record in records {
            reply.extend_from_slice(record);
        }
        Some(reply)
    }

    /// A record of the name asked for.
    fn record(kind: u8, data: &[u8]) -> Vec<u8> {
        let len = u8::try_from(data.len()).unwrap();
        [&[0xc0, 12, 0, kind, 0, 1, 0, 0, 0, 60, 0, len], data].concat()
    }

    async fn ask(address: SocketAddr) -> (Lookup<Vec<MxRecord>>, Lookup<Vec<Ipv4Addr>>) {
        let settings = DnsSettings {
            servers: vec![address],
            timeout: Duration::from_millis(300),
            attempts: 1,
            ..DnsSettings::default()
        };
        let resolver = DnsResolver::new(&settings).unwrap();
        let name = Domain::parse("example.org").unwrap();
        (resolver.mx(&name).await, resolver.ipv4(&name).await)
    }

    #[tokio::test]
    async fn nxdomain_nodata_servfail_and_silence_are_four_things() {
        let (mx, a) = ask(server(|query| answer(query, 3, &[]))).await;
        assert_eq!(mx, Lookup::NoName(Security::Insecure));
        assert_eq!(a, Lookup::NoName(Security::Insecure));
        let (mx, a) = ask(server(|query| answer(query, 0, &[]))).await;
        assert_eq!(mx, Lookup::NoData(Security::Insecure));
        assert_eq!(a, Lookup::NoData(Security::Insecure));
        for code in [2, 5] {
            let (mx, a) = ask(server(move |query| answer(query, code, &[]))).await;
            assert!(matches!(mx, Lookup::TempFail(_)), "{code}: {mx:?}");
            assert!(matches!(a, Lookup::TempFail(_)), "{code}: {a:?}");
        }
        let (mx, a) = ask(server(|_| None)).await;
        assert!(matches!(mx, Lookup::TempFail(_)), "{mx:?}");
        assert!(matches!(a, Lookup::TempFail(_)), "{a:?}");
    }

    #[tokio::test]
    async fn records_are_read_and_the_root_is_told_apart() {
        let address = server(|query| {
            let kind = query[query.len().min(12 + 13 + 1)];
            match kind {
                15 => answer(query, 0, &[&record(15, &[0, 10, 0xc0, 12]), &record(15, &[0, 0, 0])]),
                _ => answer(query, 0, &[&record(1, &[192, 0, 2, 1])]),
            }
        });
        let (mx, a) = ask(address).await;
        let host = Exchange::Host(Domain::parse("example.org").unwrap());
        let Lookup::Found(mut records, Security::Insecure) = mx else {
            panic!("{mx:?}")
        };
        records.sort();
        let parts: Vec<_> = records
            .into_iter()
            .map(|record| (record.preference, record.exchange))
            .collect();
        assert_eq!(parts, [(0, Exchange::Root), (10, host)]);
        assert_eq!(a, Lookup::Found(vec![Ipv4Addr::new(192, 0, 2, 1)], Security::Insecure));
    }

    /// Only what is whole and of the kind that was asked for is found; and nobody has said that there is no such name.
    async fn judge_odd_record(resolver: &DnsResolver, kind: u16, length: usize, filling: u8) {
        let name = Domain::parse(&format!("{kind}-{length}-{filling}.example")).unwrap();
        let (mx, a) = (resolver.mx(&name).await, resolver.ipv4(&name).await);
        let what = format!("{kind}-{length}: {mx:?} {a:?}");
        assert!(
            !matches!(mx, Lookup::Found(..)) || (kind == 15 && length >= 3),
            "{what}"
        );
        assert!(!matches!(a, Lookup::Found(..)) || (kind == 1 && length == 4), "{what}");
        assert!(!matches!(mx, Lookup::NoName(_) | Lookup::Bogus(_)), "{what}");
        assert!(!matches!(a, Lookup::NoName(_) | Lookup::Bogus(_)), "{what}");
    }

    /// Postfix of May and June 2026: TLSA, MX and SRV records shorter than they must be were read beyond their end.
    /// Every type of record at each short length, in the place of the answer that was asked for.
    #[tokio::test]
    async fn a_record_of_any_type_and_any_short_length_is_answered_and_never_read_beyond() {
        let asked = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let count = std::sync::Arc::clone(&asked);
        let address = server(move |query| {
            // The first label says what to answer: type, length and filling.
            let label = std::str::from_utf8(query.get(13..13 + usize::from(query[12]))?).ok()?;
            let mut parts = label.split('-').map(|part| part.parse::<u16>().ok());
            let (kind, length, filling) = (parts.next()??, parts.next()??, parts.next()??);
            count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            let data = vec![u8::try_from(filling).ok()?; usize::from(length)];
            let mut record = vec![0xc0, 12];
            record.extend_from_slice(&kind.to_be_bytes());
            record.extend_from_slice(&[0, 1, 0, 0, 0, 60]);
            record.extend_from_slice(&length.to_be_bytes());
            record.extend_from_slice(&data);
            answer(query, 0, &[&record])
        });
        let settings = DnsSettings {
            servers: vec![address],
            timeout: Duration::from_millis(500),
            attempts: 1,
            ..DnsSettings::default()
        };
        let resolver = std::sync::Arc::new(DnsResolver::new(&settings).unwrap());
        let places = std::sync::Arc::new(tokio::sync::Semaphore::new(64));
        let mut running = tokio::task::JoinSet::new();
        let known = (0..=65).chain([99, 108, 109, 249, 250, 251, 255, 256, 257, 32768, 32769, 65280, 65535]);
        for kind in known {
            for length in [0usize, 1, 2, 3, 4, 5, 7, 11, 15, 16, 17, 19, 20] {
                // Zeros, ones, and pointers: to the question's name and to themselves.
                let filling = [0, 255, 192][length % 3];
                let (resolver, places) = (std::sync::Arc::clone(&resolver), std::sync::Arc::clone(&places));
                running.spawn(async move {
                    let _place = places.acquire_owned().await.unwrap();
                    judge_odd_record(&resolver, kind, length, filling).await;
                });
            }
        }
        while let Some(done) = running.join_next().await {
            done.unwrap();
        }
        assert!(
            asked.load(std::sync::atomic::Ordering::SeqCst) > 1900,
            "the questions came"
        );
    }

    /// RUSTSEC-2025-0006 and its like: who says that an answer was validated. The AD bit of a resolver elsewhere is not
    /// believed.
    #[tokio::test]
    async fn an_answer_that_calls_itself_authentic_is_no_more_secure() {
        const AUTHENTIC: u8 = 0x20;
        let (mx, a) = ask(server(|query| answer(query, AUTHENTIC, &[&record(1, &[192, 0, 2, 1])]))).await;
        assert_eq!(a, Lookup::Found(vec![Ipv4Addr::new(192, 0, 2, 1)], Security::Insecure));
        assert_eq!(mx, Lookup::NoData(Security::Insecure));
    }

    #[test]
    fn an_address_is_no_exchange() {
        assert_eq!(
            exchange(&Name::from_ascii("192.0.2.1.").unwrap()),
            Exchange::Unusable("192.0.2.1.".to_owned())
        );
        assert_eq!(exchange(&Name::root()), Exchange::Root);
    }
}
