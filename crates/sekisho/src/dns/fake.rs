//! DNS for tests: plain maps.

use std::{
    collections::HashMap,
    net::{Ipv4Addr, Ipv6Addr},
};

use sekisho_mail::{Domain, Lookup, LookupFault, Security};

use super::{Answer, Exchange, MxRecord, Resolver};

/// What it has no answer for does not exist, unless the name exists for another question: then it is NODATA.
#[derive(Debug, Default)]
pub(crate) struct FakeDns {
    pub(crate) mx: HashMap<String, Lookup<Vec<MxRecord>>>,
    pub(crate) ipv4: HashMap<String, Lookup<Vec<Ipv4Addr>>>,
    pub(crate) ipv6: HashMap<String, Lookup<Vec<Ipv6Addr>>>,
}

impl FakeDns {
    /// `.` is the root.
    pub(crate) fn with_mx(mut self, name: &str, records: &[(u16, &str)]) -> Self {
        let records = records.iter().map(|(preference, host)| MxRecord {
            preference: *preference,
            exchange: match *host {
                "." => Exchange::Root,
                host => Domain::parse(host).map_or_else(|_| Exchange::Unusable(host.to_owned()), Exchange::Host),
            },
        });
        let found = Lookup::Found(records.collect(), Security::Insecure);
        self.mx.insert(name.to_owned(), found);
        self
    }

    pub(crate) fn with_ipv4(mut self, name: &str, addresses: &[Ipv4Addr]) -> Self {
        let found = Lookup::Found(addresses.to_vec(), Security::Insecure);
        self.ipv4.insert(name.to_owned(), found);
        self
    }

    pub(crate) fn with_ipv6(mut self, name: &str, addresses: &[Ipv6Addr]) -> Self {
        let found = Lookup::Found(addresses.to_vec(), Security::Insecure);
        self.ipv6.insert(name.to_owned(), found);
        self
    }

    pub(crate) fn fault<T>(question: &str) -> Lookup<T> {
        Lookup::TempFail(LookupFault {
            question: question.to_owned(),
            why: "SERVFAIL".to_owned(),
        })
    }

    fn absent<T>(&self, name: &str) -> Lookup<T> {
        let known = self.mx.contains_key(name) || self.ipv4.contains_key(name) || self.ipv6.contains_key(name);
        if known {
            Lookup::NoData(Security::Insecure)
        } else {
            Lookup::NoName(Security::Insecure)
        }
    }
}

impl Resolver for FakeDns {
    fn mx<'a>(&'a self, name: &'a Domain) -> Answer<'a, Vec<MxRecord>> {
        let found = self.mx.get(name.as_str()).cloned();
        Box::pin(async move { found.unwrap_or_else(|| self.absent(name.as_str())) })
    }

    fn ipv4<'a>(&'a self, name: &'a Domain) -> Answer<'a, Vec<Ipv4Addr>> {
        let found = self.ipv4.get(name.as_str()).cloned();
        Box::pin(async move { found.unwrap_or_else(|| self.absent(name.as_str())) })
    }

    fn ipv6<'a>(&'a self, name: &'a Domain) -> Answer<'a, Vec<Ipv6Addr>> {
        let found = self.ipv6.get(name.as_str()).cloned();
        Box::pin(async move { found.unwrap_or_else(|| self.absent(name.as_str())) })
    }
}
