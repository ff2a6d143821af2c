//! Arbitrary octets as the header of a message.
#![no_main]

#[path = "../properties/header.rs"]
mod property;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| property::check(octets));
