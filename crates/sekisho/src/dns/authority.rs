//! What only the servers of a zone themselves can say: where a name leads, which zone it is in, which servers speak for
//! that, and what each of them shows.
//!
//! They are asked over TCP, which each of them must speak (RFC 7766 §5) and nobody beside the path can forge. Addresses
//! that DNS names are filtered as everywhere (law 12); those that an operator names may be anywhere.

use std::{
    future::poll_fn,
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    task::Poll,
    time::Duration,
};

use hickory_proto::{
    dnssec::rdata::DNSSECRData,
    op::{Edns, Message, Query, ResponseCode},
    rr::{Name, RData, Record, RecordType},
};
use sekisho_mail::{Domain, Lookup, Timestamp};
use sekisho_policy::{dial::may_dial, outbound::HostOrigin};
use sekisho_tls::TlsaRecord;
use thiserror::Error;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use super::{DnsResolver, MAX_RECORDS, Resolver as _};

/// Aliases that are followed from one name.
const ALIASES_MAX: usize = 8;
/// How long an alias is taken to be remembered by others, whatever the records that it leads to say.
const ALIAS_REMEMBERED: Duration = Duration::from_secs(24 * 3600);
/// Authoritative servers of a zone that are asked, and addresses of each.
const SERVERS_MAX: usize = 16;
const ADDRESSES_MAX: usize = 8;
/// For one question to one server, connection and all.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// Why nobody could be asked.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AuthorityError {
    /// The resolver gave no answer that could be used.
    #[error("DNS could not be asked for {0}")]
    Lookup(String),
    /// One alias too many.
    #[error("{0} is an alias that leads through more than {ALIASES_MAX} others; shorten the chain of CNAMEs")]
    Aliases(Domain),
    /// No SOA at the name and at none above it.
    #[error("no zone has {0} in it, as far as DNS says")]
    NoZone(Domain),
    /// The zone has no servers.
    #[error("DNS names no server of the zone {0}")]
    NoServers(Domain),
    /// The name cannot stand in a message.
    #[error("the name cannot be asked for: {0}")]
    Form(String),
}

/// Asks about zones.
#[derive(Clone, Debug)]
pub struct Authority {
    resolver: Arc<DnsResolver>,
    own: Arc<[SocketAddr]>,
}

/// An authoritative server, or an address that an operator named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorityServer {
    /// Its name, or its address where it has none.
    pub name: String,
    /// Where it may be asked; none where all that DNS says must not be dialled.
    pub addresses: Vec<SocketAddr>,
}

/// What the servers of a zone show at a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsaView {
    /// The name that was asked for.
    pub name: Domain,
    /// Where its aliases lead; the records are there.
    pub owner: Domain,
    /// Each server's answer, or why there is none that counts.
    pub servers: Vec<(String, Result<TlsaAnswer, String>)>,
}

/// What one server shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsaAnswer {
    /// In order; none where the name has none, or does not exist.
    pub records: Vec<TlsaRecord>,
    /// How long others may remember them: the longer of their time to live and what their signatures say that it was.
    pub ttl: Duration,
    /// From when on the youngest of their signatures is valid; `None` where they are not signed.
    pub signed_from: Option<Timestamp>,
}

impl Authority {
    /// `own` are the addresses of our own listeners, which are no name servers.
    #[must_use]
    pub const fn new(resolver: Arc<DnsResolver>, own: Arc<[SocketAddr]>) -> Self {
        Self { resolver, own }
    }

    /// RFC 1034 §3.6.2: where aliases lead.
    ///
    /// # Errors
    /// When DNS does not say, or they lead too far.
    pub async fn follow(&self, name: &Domain) -> Result<Domain, AuthorityError> {
        let mut at = name.clone();
        for _ in 0..=ALIASES_MAX {
            match self.resolver.alias(&at).await {
                Lookup::Found(mut targets, _) => at = targets.swap_remove(0),
                Lookup::NoData(_) | Lookup::NoName(_) => return Ok(at),
                fault @ (Lookup::TempFail(_) | Lookup::Bogus(_)) => return Err(lookup_error(fault)),
            }
        }
        Err(AuthorityError::Aliases(name.clone()))
    }

    /// The nearest name above that has an SOA record.
    ///
    /// # Errors
    /// When DNS does not say, or there is none.
    pub async fn zone_of(&self, name: &Domain) -> Result<Domain, AuthorityError> {
        let mut at = Some(name.clone());
        while let Some(candidate) = at {
            match self.resolver.is_apex(&candidate).await {
                Lookup::Found(..) => return Ok(candidate),
                Lookup::NoData(_) | Lookup::NoName(_) => {}
                fault @ (Lookup::TempFail(_) | Lookup::Bogus(_)) => return Err(lookup_error(fault)),
            }
            at = candidate.parent();
        }
        Err(AuthorityError::NoZone(name.clone()))
    }

    /// The servers that speak for a zone, each with its addresses that may be asked.
    ///
    /// # Errors
    /// When DNS does not say.
    pub async fn servers(&self, zone: &Domain) -> Result<Vec<AuthorityServer>, AuthorityError> {
        let mut names = found_in(self.resolver.name_servers(zone).await)?;
        names.sort_unstable();
        names.truncate(SERVERS_MAX);
        let mut servers = Vec::new();
        for name in names {
            let (ipv4, ipv6) = tokio::join!(self.resolver.ipv4(&name), self.resolver.ipv6(&name));
            let all = found_in(ipv4)?.into_iter().map(IpAddr::V4);
            let all = all.chain(found_in(ipv6)?.into_iter().map(IpAddr::V6));
            let addresses = all.map(|ip| SocketAddr::new(ip, 53));
            let addresses = addresses.filter(|address| may_dial(*address, HostOrigin::Dns, &self.own).is_ok());
            servers.push(AuthorityServer {
                name: name.to_string(),
                addresses: addresses.take(ADDRESSES_MAX).collect(),
            });
        }
        Ok(servers)
    }

    /// What every authoritative server shows at a name; `named` are asked instead where an operator named some.
    ///
    /// # Errors
    /// When nobody can be asked. What one server does not say is in its answer.
    pub async fn tlsa(&self, name: &Domain, named: &[SocketAddr]) -> Result<TlsaView, AuthorityError> {
        let owner = self.follow(name).await?;
        let servers = if named.is_empty() {
            let zone = self.zone_of(&owner).await?;
            let servers = self.servers(&zone).await?;
            if servers.is_empty() {
                return Err(AuthorityError::NoServers(zone));
            }
            servers
        } else {
            named.iter().map(|address| AuthorityServer::at(*address)).collect()
        };
        let asked = together(servers.iter().map(|server| server.tlsa(&owner)).collect()).await;
        let seen = servers.iter().map(|server| server.name.clone()).zip(asked);
        let mut seen: Vec<(String, Result<TlsaAnswer, String>)> = seen.collect();
        if owner != *name {
            // Who publishes by leading the alias elsewhere has it remembered too, for as long as only its own servers
            // say.
            let answers = seen.iter_mut().filter_map(|(_, answer)| answer.as_mut().ok());
            answers.for_each(|answer| answer.ttl = answer.ttl.max(ALIAS_REMEMBERED));
        }
        Ok(TlsaView {
            name: name.clone(),
            owner,
            servers: seen,
        })
    }
}

impl AuthorityServer {
    fn at(address: SocketAddr) -> Self {
        Self {
            name: address.to_string(),
            addresses: vec![address],
        }
    }

    /// All its addresses are asked. One that cannot be reached is passed over where another answers (a host without
    /// IPv6 reaches no IPv6 address); two that answer must agree.
    async fn tlsa(&self, owner: &Domain) -> Result<TlsaAnswer, String> {
        let mut unreached = Vec::new();
        let mut agreed: Option<TlsaAnswer> = None;
        let asked = together(self.addresses.iter().map(|address| ask(*address, owner)).collect()).await;
        for (address, asked) in self.addresses.iter().zip(asked) {
            let octets = match asked.map_err(|error| error.to_string())? {
                Ok(octets) => octets,
                Err(error) => {
                    unreached.push(format!("{address}: {error}"));
                    continue;
                }
            };
            let answer = read(&octets, owner).map_err(|why| format!("{address}: {why}"))?;
            match &mut agreed {
                Some(known) if known.records != answer.records => {
                    return Err(format!(
                        "{address}: it shows other records than another address of the same server"
                    ));
                }
                Some(known) => {
                    known.ttl = known.ttl.max(answer.ttl);
                    known.signed_from = known.signed_from.max(answer.signed_from);
                }
                None => agreed = Some(answer),
            }
        }
        match agreed {
            Some(answer) => Ok(answer),
            None if self.addresses.is_empty() => Err(
                "it has no public address, so it is not asked; name it yourself where it is to be asked all the same"
                    .to_owned(),
            ),
            None => Err(unreached.join("; ")),
        }
    }
}

/// The question about TLSA records, with signatures (RFC 3225). The outer error is the name's.
async fn ask(server: SocketAddr, owner: &Domain) -> Result<io::Result<Vec<u8>>, AuthorityError> {
    let mut query = Message::query();
    query.metadata.recursion_desired = false;
    query.add_query(Query::query(whole(owner)?, RecordType::TLSA));
    let mut edns = Edns::new();
    edns.set_dnssec_ok(true);
    query.edns = Some(edns);
    let id = query.id;
    let octets = exchange(server, &query).await;
    Ok(octets.and_then(|octets| match octets.first_chunk::<2>() {
        Some(answered) if u16::from_be_bytes(*answered) == id => Ok(octets),
        _ => Err(io::Error::other("an answer to another question")),
    }))
}

/// What an authoritative answer says; in words why it is none.
fn read(octets: &[u8], owner: &Domain) -> Result<TlsaAnswer, String> {
    let answer = Message::from_vec(octets).map_err(|error| format!("no DNS message: {error}"))?;
    match answer.response_code {
        ResponseCode::NoError | ResponseCode::NXDomain if answer.authoritative => {}
        ResponseCode::NoError | ResponseCode::NXDomain => {
            return Err("it does not speak for the zone (its answer is not authoritative)".to_owned());
        }
        code => return Err(code.to_string()),
    }
    let name = whole(owner).map_err(|error| error.to_string())?;
    let is_led_on = |record: &&Record| matches!(record.record_type(), RecordType::CNAME | RecordType::DNAME);
    if let Some(alias) = answer.answers.iter().find(is_led_on) {
        // The resolver does not know of it yet: what it leads to is asked for at the next look.
        return Err(format!("it leads on to another name, {} is an alias", alias.name));
    }
    if answer.answers.len() > MAX_RECORDS {
        return Err(format!("{} records, more than are looked at", answer.answers.len()));
    }
    let mut seen = TlsaAnswer::default();
    for record in answer
        .answers
        .iter()
        .filter(|record| record.name == name)
        .take(MAX_RECORDS)
    {
        seen.note(record);
    }
    seen.records.sort_unstable();
    seen.records.dedup();
    Ok(seen)
}

impl TlsaAnswer {
    fn note(&mut self, record: &Record) {
        match &record.data {
            RData::TLSA(tlsa) => {
                self.records.push(TlsaRecord {
                    usage: tlsa.cert_usage.into(),
                    selector: tlsa.selector.into(),
                    matching: tlsa.matching.into(),
                    data: tlsa.cert_data.clone(),
                });
                self.ttl = self.ttl.max(Duration::from_secs(record.ttl.into()));
            }
            RData::DNSSEC(DNSSECRData::RRSIG(signature)) => {
                let input = signature.input();
                if input.type_covered != RecordType::TLSA {
                    return;
                }
                // RFC 4035 §5.3.3: whoever validated may keep them for as long as the signature says.
                self.ttl = self.ttl.max(Duration::from_secs(input.original_ttl.into()));
                let from = Timestamp::from_secs(i64::from(input.sig_inception.get()));
                self.signed_from = self.signed_from.max(Some(from));
            }
            _ => {}
        }
    }
}

/// All of these, each as it comes, in their order.
pub(crate) async fn together<F: Future>(all: Vec<F>) -> Vec<F::Output> {
    let mut waiting: Vec<_> = all.into_iter().map(|one| (Some(Box::pin(one)), None)).collect();
    poll_fn(|context| {
        let mut are_done = true;
        for (future, output) in &mut waiting {
            let Some(one) = future else { continue };
            match one.as_mut().poll(context) {
                Poll::Ready(found) => (*future, *output) = (None, Some(found)),
                Poll::Pending => are_done = false,
            }
        }
        if are_done { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    waiting.into_iter().filter_map(|(_, output)| output).collect()
}

/// What was found; nothing is nothing, and a fault is an error.
pub(super) fn found_in<T>(answer: Lookup<Vec<T>>) -> Result<Vec<T>, AuthorityError> {
    match answer {
        Lookup::Found(found, _) => Ok(found),
        Lookup::NoData(_) | Lookup::NoName(_) => Ok(Vec::new()),
        fault @ (Lookup::TempFail(_) | Lookup::Bogus(_)) => Err(lookup_error(fault)),
    }
}

fn lookup_error<T>(fault: Lookup<T>) -> AuthorityError {
    match fault {
        Lookup::TempFail(fault) | Lookup::Bogus(fault) => {
            AuthorityError::Lookup(format!("{}: {}", fault.question, fault.why))
        }
        Lookup::Found(..) | Lookup::NoData(_) | Lookup::NoName(_) => AuthorityError::Lookup("a name".to_owned()),
    }
}

pub(super) fn whole(name: &Domain) -> Result<Name, AuthorityError> {
    Name::from_ascii(format!("{name}.")).map_err(|error| AuthorityError::Form(error.to_string()))
}

/// One message there, one back, over TCP (RFC 1035 §4.2.2). The length field bounds what is read.
pub(super) async fn exchange(server: SocketAddr, message: &Message) -> io::Result<Vec<u8>> {
    let octets = message.to_vec().map_err(io::Error::other)?;
    let length = u16::try_from(octets.len()).map_err(io::Error::other)?;
    let talk = async {
        let mut stream = TcpStream::connect(server).await?;
        stream.write_all(&[&length.to_be_bytes()[..], &octets].concat()).await?;
        let length = stream.read_u16().await?;
        let mut answer = vec![0; usize::from(length)];
        stream.read_exact(&mut answer).await?;
        Ok(answer)
    };
    match timeout(ANSWER_TIMEOUT, talk).await {
        Ok(ended) => ended,
        Err(_) => Err(io::Error::new(
            io::ErrorKind::TimedOut,
            format!("none within {} s", ANSWER_TIMEOUT.as_secs()),
        )),
    }
}

#[cfg(test)]
mod tests {
    use hickory_proto::{
        op::MessageType,
        rr::rdata::{
            CNAME, TLSA,
            tlsa::{CertUsage, Matching, Selector},
        },
    };

    use super::*;

    fn owner() -> Domain {
        Domain::parse("_25._tcp.mx.example.org").unwrap()
    }

    /// An authoritative answer with these records, changed as a test likes.
    fn answer(records: Vec<Record>, change: impl FnOnce(&mut Message)) -> Vec<u8> {
        let mut message = Message::query();
        message.metadata.message_type = MessageType::Response;
        message.metadata.authoritative = true;
        message.add_answers(records);
        change(&mut message);
        message.to_vec().unwrap()
    }

    fn tlsa(ttl: u32, data: u8) -> Record {
        let data = TLSA::new(CertUsage::DaneEe, Selector::Spki, Matching::Sha256, vec![data; 32]);
        Record::from_rdata(whole(&owner()).unwrap(), ttl, RData::TLSA(data))
    }

    #[test]
    fn what_an_authoritative_server_shows_is_taken_and_nothing_is_nothing() {
        let octets = answer(vec![tlsa(60, 2), tlsa(300, 1)], |_| {});
        let seen = read(&octets, &owner()).unwrap();
        let records: Vec<String> = seen.records.iter().map(ToString::to_string).collect();
        assert_eq!(
            records,
            [
                "3 1 1 ".to_owned() + &"01".repeat(32),
                "3 1 1 ".to_owned() + &"02".repeat(32)
            ]
        );
        assert_eq!((seen.ttl, seen.signed_from), (Duration::from_secs(300), None));
        for code in [ResponseCode::NoError, ResponseCode::NXDomain] {
            let octets = answer(Vec::new(), |message| message.metadata.response_code = code);
            assert_eq!(read(&octets, &owner()), Ok(TlsaAnswer::default()), "{code}");
        }
    }

    #[test]
    fn what_nobody_can_rely_on_is_never_taken_for_no_records() {
        let of_cache = answer(Vec::new(), |message| message.metadata.authoritative = false);
        assert!(read(&of_cache, &owner()).unwrap_err().contains("not authoritative"));
        for code in [ResponseCode::ServFail, ResponseCode::Refused, ResponseCode::NotImp] {
            let octets = answer(Vec::new(), |message| message.metadata.response_code = code);
            assert!(read(&octets, &owner()).is_err(), "{code}");
        }
        let target = Name::from_ascii("tlsa.example.org.").unwrap();
        let alias = Record::from_rdata(whole(&owner()).unwrap(), 60, RData::CNAME(CNAME(target)));
        let led_on = answer(vec![alias], |_| {});
        assert!(read(&led_on, &owner()).unwrap_err().contains("is an alias"));
        let crowd = (0..=MAX_RECORDS).map(|number| tlsa(60, u8::try_from(number % 251).unwrap()));
        assert!(read(&answer(crowd.collect(), |_| {}), &owner()).is_err());
        assert!(read(b"no message", &owner()).is_err());
    }
}
