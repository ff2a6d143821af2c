//! Arbitrary octets as the content of a message.
#![no_main]

#[path = "../properties/content.rs"]
mod property;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| property::check(octets));
