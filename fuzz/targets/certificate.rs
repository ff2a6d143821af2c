//! Arbitrary octets as certificates, keys and trust anchors.
#![no_main]

#[path = "../properties/certificate.rs"]
mod property;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| property::check(octets));
