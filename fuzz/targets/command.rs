//! Arbitrary octets as a command of a client.
#![no_main]

#[path = "../properties/command.rs"]
mod property;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| property::check(octets));
