//! The name servers of the simulation: a fixed zone, answers that take their time, and at times none.

use std::{
    net::{Ipv4Addr, Ipv6Addr},
    sync::Arc,
};

use sekisho_mail::{Domain, Lookup, LookupFault, Security};
use tokio::time::sleep;

use super::World;
use crate::dns::{Answer, Exchange, MxRecord, Resolver};

/// Domains with their mail exchangers, by preference.
const ZONE: &[(&str, &[&str])] = &[
    ("a.example", &["mx1.a.example", "mx2.a.example"]),
    ("b.example", &["mx.b.example"]),
    ("c.example", &["mx.c.example"]),
    ("d.example", &["mx.d.example"]),
    ("s.example", &["mx.s.example"]),
];

/// Their addresses.
pub(super) const HOSTS: &[(&str, Ipv4Addr)] = &[
    ("mx1.a.example", Ipv4Addr::new(45, 3, 0, 1)),
    ("mx2.a.example", Ipv4Addr::new(45, 3, 0, 2)),
    ("mx.b.example", Ipv4Addr::new(45, 3, 0, 3)),
    ("mx.c.example", Ipv4Addr::new(45, 3, 0, 4)),
    ("mx.d.example", Ipv4Addr::new(45, 3, 0, 5)),
    ("mx.s.example", Ipv4Addr::new(45, 3, 0, 6)),
];

/// Asked by the server.
#[derive(Debug)]
pub(super) struct Names(pub(super) Arc<World>);

impl Names {
    /// Waits as long as the dice say; a fault instead of an answer, when they say so.
    async fn fault<T>(&self, question: String) -> Option<Lookup<T>> {
        if self.0.is_calm() {
            return None;
        }
        let pause = self.0.millis(1500);
        sleep(pause).await;
        let fault = LookupFault {
            question,
            why: "SERVFAIL".to_owned(),
        };
        self.0.one_in(8).then(|| Lookup::TempFail(fault))
    }
}

fn absent<T>(name: &Domain) -> Lookup<T> {
    let known = HOSTS.iter().any(|(host, _)| *host == name.as_str());
    if known || ZONE.iter().any(|(domain, _)| *domain == name.as_str()) {
        Lookup::NoData(Security::Insecure)
    } else {
        Lookup::NoName(Security::Insecure)
    }
}

impl Resolver for Names {
    fn mx<'a>(&'a self, name: &'a Domain) -> Answer<'a, Vec<MxRecord>> {
        Box::pin(async move {
            if let Some(fault) = self.fault(format!("MX {name}")).await {
                return fault;
            }
            let Some((_, exchangers)) = ZONE.iter().find(|(domain, _)| *domain == name.as_str()) else {
                return absent(name);
            };
            let records = (1..).zip(exchangers.iter()).map(|(place, host)| MxRecord {
                preference: 10 * place,
                exchange: Domain::parse(host).map_or_else(|_| Exchange::Unusable((*host).to_owned()), Exchange::Host),
            });
            Lookup::Found(records.collect(), Security::Insecure)
        })
    }

    fn ipv4<'a>(&'a self, name: &'a Domain) -> Answer<'a, Vec<Ipv4Addr>> {
        Box::pin(async move {
            if let Some(fault) = self.fault(format!("A {name}")).await {
                return fault;
            }
            match HOSTS.iter().find(|(host, _)| *host == name.as_str()) {
                Some((_, address)) => Lookup::Found(vec![*address], Security::Insecure),
                None => absent(name),
            }
        })
    }

    fn ipv6<'a>(&'a self, name: &'a Domain) -> Answer<'a, Vec<Ipv6Addr>> {
        Box::pin(async move { absent(name) })
    }
}
