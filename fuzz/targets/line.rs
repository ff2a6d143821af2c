//! Arbitrary octets as command lines.
#![no_main]

#[path = "../properties/line.rs"]
mod property;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| property::check(octets));
