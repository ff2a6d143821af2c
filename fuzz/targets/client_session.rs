//! Arbitrary octets as what a server sends.
#![no_main]

#[path = "../properties/client_session.rs"]
mod property;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| property::check(octets));
