//! Arbitrary octets as domains, hosts and name patterns.
#![no_main]

#[path = "../properties/domain.rs"]
mod property;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| property::check(octets));
