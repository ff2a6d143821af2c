//! Records that are put into a zone and taken out again, by dynamic update (RFC 2136) under a shared key (RFC 8945),
//! and the question to every authoritative server whether it shows them already.
//!
//! What the records say is left to others, and how authoritative servers are found and asked to `authority`. The server
//! that takes the updates was named by the operator and may be anywhere.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use hickory_proto::{
    op::{Message, OpCode, Query, ResponseCode, update_message},
    rr::{
        DNSClass, Name, RData, Record, RecordSet, RecordType, TSigner,
        rdata::{TXT, tsig::TsigAlgorithm as HickoryAlgorithm},
    },
};
use sekisho_mail::{Domain, Timestamp};
use thiserror::Error;
use tokio::time::{Instant, sleep};

use super::{
    DnsResolver, TsigAlgorithm, TsigKey,
    authority::{Authority, AuthorityError, exchange, whole},
};

/// How long a record that was put in may be remembered: validators look at it within minutes.
const TTL_SECS: u32 = 30;
/// How far the clocks of both ends may differ (RFC 8945 §10).
const FUDGE_SECS: u16 = 300;
/// Between two rounds of questions: at first, and at most.
const ROUND_DELAYS: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(15));

/// Why a record is not in the zone, or not seen there.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum UpdateError {
    /// Where the record belongs, or who shows it, could not be found out.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
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
    authority: Authority,
    server: SocketAddr,
    zone: Option<Domain>,
    key: TsigKey,
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
            authority: Authority::new(resolver, own),
            server,
            zone,
            key,
        }
    }

    /// Where a record for `name` belongs: the name that its aliases lead to, and that one's zone.
    ///
    /// # Errors
    /// When DNS does not say.
    pub async fn find(&self, name: &Domain, text: &str) -> Result<PublishedText, UpdateError> {
        let name = self.authority.follow(name).await?;
        let zone = match &self.zone {
            Some(zone) if *zone == name || name.is_below(zone) => zone.clone(),
            Some(zone) => {
                return Err(UpdateError::OtherZone {
                    name,
                    zone: zone.clone(),
                });
            }
            None => match self.authority.zone_of(&name).await {
                Err(AuthorityError::NoZone(name)) => return Err(UpdateError::NoZone(name)),
                zone => zone?,
            },
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

    /// The authoritative servers' addresses that may be asked, and the one that takes the updates.
    async fn servers(&self, zone: &Domain) -> Result<Vec<SocketAddr>, UpdateError> {
        let mut found = vec![self.server];
        let servers = self.authority.servers(zone).await?;
        for address in servers.into_iter().flat_map(|server| server.addresses) {
            if !found.contains(&address) && address.ip() != self.server.ip() {
                found.push(address);
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

fn joined(text: &TXT) -> Vec<u8> {
    text.txt_data.iter().flat_map(|piece| piece.iter().copied()).collect()
}
