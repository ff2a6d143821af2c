//! Records that are put into a zone and taken out again, by dynamic update (RFC 2136) under a shared key (RFC 8945),
//! and the question to every authoritative server whether it shows them already.
//!
//! What the records say is left to others. Authoritative servers are asked over TCP, which each of them must speak (RFC
//! 7766 §5) and nobody beside the path can forge. Addresses that DNS names are filtered as everywhere (law 12); the
//! server that takes the updates was named by the operator and may be anywhere.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use hickory_proto::{
    op::{Message, OpCode, Query, ResponseCode, update_message},
    rr::{
        DNSClass, Name, RData, Record, RecordSet, RecordType, TSigner,
        rdata::{TXT, tsig::TsigAlgorithm as HickoryAlgorithm},
    },
};
use sekisho_mail::{Domain, Lookup, Timestamp};
use sekisho_policy::{dial::may_dial, outbound::HostOrigin};
use thiserror::Error;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{Instant, sleep, timeout},
};

use super::{DnsResolver, Resolver as _, TsigAlgorithm, TsigKey};

/// How long a record that was put in may be remembered: validators look at it within minutes.
const TTL_SECS: u32 = 30;
/// How far the clocks of both ends may differ (RFC 8945 §10).
const FUDGE_SECS: u16 = 300;
/// Aliases that are followed from one name.
const ALIASES_MAX: usize = 8;
/// Authoritative servers of a zone that are asked.
const SERVERS_MAX: usize = 32;
/// For one question to one server, connection and all.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// Between two rounds of questions: at first, and at most.
const ROUND_DELAYS: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(15));

/// Why a record is not in the zone, or not seen there.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum UpdateError {
    /// The resolver gave no answer that could be used.
    #[error("DNS could not be asked for {0}")]
    Lookup(String),
    /// One alias too many.
    #[error("{0} is an alias that leads through more than {ALIASES_MAX} others; shorten the chain of CNAMEs")]
    Aliases(Domain),
    /// No SOA at the name and at none above it.
    #[error("no zone has {0} in it, as far as DNS says; name the zone in the settings (dns.zone)")]
    NoZone(Domain),
    /// The zone of the settings is not above the name.
    #[error("{name} is not in the zone {zone} of the settings (dns.zone)")]
    OtherZone {
        /// Where the record belongs.
        name: Domain,
        /// What the settings say.
        zone: Domain,
    },
    /// No answer.
    #[error("the name server {server} gave no answer: {why}")]
    NoAnswer {
        /// Which.
        server: SocketAddr,
        /// What happened, in words.
        why: String,
    },
    /// An answer that says no.
    #[error("the name server {server} refused the update of {zone}: {code}; {remedy}")]
    Refused {
        /// Which.
        server: SocketAddr,
        /// Of which zone.
        zone: Domain,
        /// Its code.
        code: String,
        /// What to look at.
        remedy: &'static str,
    },
    /// An answer that anybody could have written.
    #[error("the answer of the name server {0} is not signed with the key, so it is not believed")]
    Unsigned(SocketAddr),
    /// The record cannot be written as a message.
    #[error("the update could not be written: {0}")]
    Form(String),
    /// Not everywhere within the time.
    #[error("after {} s {name} was not shown by {missing}", waited.as_secs())]
    NotSeen {
        /// Which record.
        name: Domain,
        /// By whom, with what came instead.
        missing: String,
        /// For how long it was waited.
        waited: Duration,
    },
}

/// A TXT record that was put into its zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedText {
    /// Its name, aliases followed.
    pub name: Domain,
    /// Its zone.
    pub zone: Domain,
    /// What it says.
    pub text: String,
}

/// Puts records into zones of one name server.
#[derive(Clone, Debug)]
pub struct ZoneUpdater {
    resolver: Arc<DnsResolver>,
    server: SocketAddr,
    zone: Option<Domain>,
    key: TsigKey,
    own: Arc<[SocketAddr]>,
}

impl ZoneUpdater {
    /// For the zones that `server` takes updates for under `key`; `zone` where it cannot be found by its SOA. `own` are
    /// the addresses of our own listeners, which are no name servers.
    #[must_use]
    pub fn new(
        resolver: Arc<DnsResolver>,
        server: SocketAddr,
        zone: Option<Domain>,
        key: TsigKey,
        own: Arc<[SocketAddr]>,
    ) -> Self {
        Self {
            resolver,
            server,
            zone,
            key,
            own,
        }
    }

    /// Where a record for `name` belongs: the name that its aliases lead to, and that one's zone.
    ///
    /// # Errors
    /// When DNS does not say.
    pub async fn find(&self, name: &Domain, text: &str) -> Result<PublishedText, UpdateError> {
        let name = self.follow(name).await?;
        let zone = match &self.zone {
            Some(zone) if *zone == name || name.is_below(zone) => zone.clone(),
            Some(zone) => {
                return Err(UpdateError::OtherZone {
                    name,
                    zone: zone.clone(),
                });
            }
            None => self.find_zone(&name).await?,
        };
        Ok(PublishedText {
            name,
            zone,
            text: text.to_owned(),
        })
    }

    /// Puts it into the zone, beside what is there under its name.
    ///
    /// # Errors
    /// When the server does not take it; the record may be there all the same when no answer came.
    pub async fn add(&self, record: &PublishedText, now: Timestamp) -> Result<(), UpdateError> {
        let (set, zone) = self.record_set(record)?;
        let message = update_message::append(set, zone, false, false);
        self.update(message, record, now).await
    }

    /// Takes it out again, and nothing beside it. One that is not there is no error.
    ///
    /// # Errors
    /// When the server does not do it.
    pub async fn remove(&self, record: &PublishedText, now: Timestamp) -> Result<(), UpdateError> {
        let (set, zone) = self.record_set(record)?;
        let message = update_message::delete_by_rdata(set, zone, false);
        self.update(message, record, now).await
    }

    /// Waits until every authoritative server of the zone shows it, for at most `patience`.
    ///
    /// # Errors
    /// Which servers did not, and what they said.
    pub async fn wait_until_shown(&self, record: &PublishedText, patience: Duration) -> Result<(), UpdateError> {
        let begun = Instant::now();
        let mut servers = self.servers(&record.zone).await?;
        let mut delay = ROUND_DELAYS.0;
        loop {
            let mut missing = Vec::new();
            for server in servers {
                match self.shows(server, record).await {
                    Ok(()) => {}
                    Err(why) => missing.push((server, why)),
                }
            }
            if missing.is_empty() {
                return Ok(());
            }
            if begun.elapsed() + delay > patience {
                let missing: Vec<String> = missing
                    .iter()
                    .map(|(server, why)| format!("{server} ({why})"))
                    .collect();
                return Err(UpdateError::NotSeen {
                    name: record.name.clone(),
                    missing: missing.join(", "),
                    waited: begun.elapsed(),
                });
            }
            servers = missing.into_iter().map(|(server, _)| server).collect();
            sleep(delay).await;
            delay = (delay * 2).min(ROUND_DELAYS.1);
        }
    }

    /// RFC 1034 §3.6.2: where aliases lead.
    async fn follow(&self, name: &Domain) -> Result<Domain, UpdateError> {
        let mut at = name.clone();
        for _ in 0..=ALIASES_MAX {
            match self.resolver.alias(&at).await {
                Lookup::Found(mut targets, _) => at = targets.swap_remove(0),
                Lookup::NoData(_) | Lookup::NoName(_) => return Ok(at),
                fault @ (Lookup::TempFail(_) | Lookup::Bogus(_)) => return Err(lookup_error(fault)),
            }
        }
        Err(UpdateError::Aliases(name.clone()))
    }

    /// The nearest name above that has an SOA record.
    async fn find_zone(&self, name: &Domain) -> Result<Domain, UpdateError> {
        let mut at = Some(name.clone());
        while let Some(candidate) = at {
            match self.resolver.is_apex(&candidate).await {
                Lookup::Found(..) => return Ok(candidate),
                Lookup::NoData(_) | Lookup::NoName(_) => {}
                fault @ (Lookup::TempFail(_) | Lookup::Bogus(_)) => return Err(lookup_error(fault)),
            }
            at = candidate.parent();
        }
        Err(UpdateError::NoZone(name.clone()))
    }

    /// The authoritative servers' addresses that may be asked, and the one that takes the updates.
    async fn servers(&self, zone: &Domain) -> Result<Vec<SocketAddr>, UpdateError> {
        let names = match self.resolver.name_servers(zone).await {
            Lookup::Found(names, _) => names,
            Lookup::NoData(_) | Lookup::NoName(_) => Vec::new(),
            fault @ (Lookup::TempFail(_) | Lookup::Bogus(_)) => return Err(lookup_error(fault)),
        };
        let mut found = vec![self.server];
        for name in &names {
            let (ipv4, ipv6) = tokio::join!(self.resolver.ipv4(name), self.resolver.ipv6(name));
            let addresses = found_in(ipv4)?.into_iter().map(IpAddr::V4);
            let addresses = addresses.chain(found_in(ipv6)?.into_iter().map(IpAddr::V6));
            for address in addresses.map(|ip| SocketAddr::new(ip, 53)) {
                let is_listed = found.contains(&address) || address.ip() == self.server.ip();
                if !is_listed && may_dial(address, HostOrigin::Dns, &self.own).is_ok() && found.len() < SERVERS_MAX {
                    found.push(address);
                }
            }
        }
        Ok(found)
    }

    /// Whether this server shows the record; the error says what it did instead.
    async fn shows(&self, server: SocketAddr, record: &PublishedText) -> Result<(), String> {
        let name = whole(&record.name).map_err(|error| error.to_string())?;
        let mut query = Message::query();
        query.metadata.recursion_desired = false;
        query.add_query(Query::query(name, RecordType::TXT));
        let answer = exchange(server, &query).await.map_err(|error| error.to_string())?;
        let answer = Message::from_vec(&answer).map_err(|error| format!("no DNS message: {error}"))?;
        if answer.id != query.id {
            return Err("an answer to another question".to_owned());
        }
        let says = |data: &RData| matches!(data, RData::TXT(text) if joined(text) == record.text.as_bytes());
        if answer.answers.iter().any(|found| says(&found.data)) {
            return Ok(());
        }
        match answer.response_code {
            ResponseCode::NoError | ResponseCode::NXDomain => Err("not there".to_owned()),
            code => Err(code.to_string()),
        }
    }

    fn record_set(&self, record: &PublishedText) -> Result<(RecordSet, Name), UpdateError> {
        let (name, zone) = (whole(&record.name)?, whole(&record.zone)?);
        let text = RData::TXT(TXT::new(vec![record.text.clone()]));
        let mut set = RecordSet::with_ttl(name.clone(), RecordType::TXT, TTL_SECS);
        let mut one = Record::from_rdata(name, TTL_SECS, text);
        one.dns_class = DNSClass::IN;
        set.insert(one, 0);
        Ok((set, zone))
    }

    async fn update(&self, mut message: Message, record: &PublishedText, now: Timestamp) -> Result<(), UpdateError> {
        debug_assert_eq!(message.op_code, OpCode::Update);
        let form = |error: &dyn std::fmt::Display| UpdateError::Form(error.to_string());
        let algorithm = match self.key.algorithm {
            TsigAlgorithm::HmacSha256 => HickoryAlgorithm::HmacSha256,
            TsigAlgorithm::HmacSha384 => HickoryAlgorithm::HmacSha384,
            TsigAlgorithm::HmacSha512 => HickoryAlgorithm::HmacSha512,
        };
        let signer = TSigner::new(self.key.secret.to_vec(), algorithm, whole(&self.key.name)?, FUDGE_SECS)
            .map_err(|error| form(&error))?;
        let now = u64::try_from(now.as_secs()).unwrap_or(0);
        let verifier = message.finalize(&signer, now).map_err(|error| form(&error))?;
        let no_answer = |why: String| UpdateError::NoAnswer {
            server: self.server,
            why,
        };
        let octets = exchange(self.server, &message)
            .await
            .map_err(|error| no_answer(error.to_string()))?;
        let answer = Message::from_vec(&octets).map_err(|error| no_answer(format!("no DNS message: {error}")))?;
        if answer.id != message.id {
            return Err(no_answer("an answer to another question".to_owned()));
        }
        let signed = verifier.is_some_and(|mut verifier| verifier.verify(&octets).is_ok());
        match answer.response_code {
            ResponseCode::NoError if signed => Ok(()),
            ResponseCode::NoError => Err(UpdateError::Unsigned(self.server)),
            code => Err(UpdateError::Refused {
                server: self.server,
                zone: record.zone.clone(),
                code: code.to_string(),
                remedy: remedy(code),
            }),
        }
    }
}

/// RFC 2136 §2.2, RFC 8945 §5.2: where the mistake mostly is.
const fn remedy(code: ResponseCode) -> &'static str {
    match code {
        ResponseCode::NotAuth | ResponseCode::BADSIG | ResponseCode::BADKEY => {
            "check that it has the zone and the key by these names, the same secret and algorithm, and the right time"
        }
        ResponseCode::BADTIME => "the clocks differ by more than five minutes; set them",
        ResponseCode::Refused => "allow the key to update TXT records in it (allow-update, update-policy)",
        ResponseCode::NotZone => "name the zone in the settings (dns.zone)",
        _ => "its own log says more",
    }
}

fn found_in<T>(answer: Lookup<Vec<T>>) -> Result<Vec<T>, UpdateError> {
    match answer {
        Lookup::Found(found, _) => Ok(found),
        Lookup::NoData(_) | Lookup::NoName(_) => Ok(Vec::new()),
        fault @ (Lookup::TempFail(_) | Lookup::Bogus(_)) => Err(lookup_error(fault)),
    }
}

fn lookup_error<T>(fault: Lookup<T>) -> UpdateError {
    match fault {
        Lookup::TempFail(fault) | Lookup::Bogus(fault) => {
            UpdateError::Lookup(format!("{}: {}", fault.question, fault.why))
        }
        Lookup::Found(..) | Lookup::NoData(_) | Lookup::NoName(_) => UpdateError::Lookup("a name".to_owned()),
    }
}

fn whole(name: &Domain) -> Result<Name, UpdateError> {
    Name::from_ascii(format!("{name}.")).map_err(|error| UpdateError::Form(error.to_string()))
}

fn joined(text: &TXT) -> Vec<u8> {
    text.txt_data.iter().flat_map(|piece| piece.iter().copied()).collect()
}

/// One message there, one back, over TCP (RFC 1035 §4.2.2). The length field bounds what is read.
async fn exchange(server: SocketAddr, message: &Message) -> io::Result<Vec<u8>> {
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
