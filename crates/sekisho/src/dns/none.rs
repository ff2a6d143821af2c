//! Stands where no resolver could be made: whatever it is asked is a temporary fault, with the reason.

use std::net::{Ipv4Addr, Ipv6Addr};

use sekisho_mail::{Domain, Lookup, LookupFault};

use super::{Answer, DnsError, MxRecord, Resolver};

/// Answers nothing.
#[derive(Debug)]
pub struct NoResolver(String);

impl NoResolver {
    /// Because there is none.
    #[must_use]
    pub fn because(error: DnsError) -> Self {
        Self(error.to_string())
    }

    fn fault<T>(&self, kind: &str, name: &Domain) -> Lookup<T> {
        Lookup::TempFail(LookupFault {
            question: format!("{kind} {name}"),
            why: self.0.clone(),
        })
    }
}

impl Resolver for NoResolver {
    fn mx<'a>(&'a self, name: &'a Domain) -> Answer<'a, Vec<MxRecord>> {
        Box::pin(async move { self.fault("MX", name) })
    }

    fn ipv4<'a>(&'a self, name: &'a Domain) -> Answer<'a, Vec<Ipv4Addr>> {
        Box::pin(async move { self.fault("A", name) })
    }

    fn ipv6<'a>(&'a self, name: &'a Domain) -> Answer<'a, Vec<Ipv6Addr>> {
        Box::pin(async move { self.fault("AAAA", name) })
    }
}
