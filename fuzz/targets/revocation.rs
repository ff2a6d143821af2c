//! Arbitrary octets as CRLs, OCSP answers, entries of their cache, and certificates that name where they are.
#![no_main]

#[path = "../properties/revocation.rs"]
mod property;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| property::check(octets));
