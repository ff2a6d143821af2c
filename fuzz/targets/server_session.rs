//! Arbitrary octets as what a client sends.
#![no_main]

#[path = "../properties/server_session.rs"]
mod property;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| property::check(octets));
