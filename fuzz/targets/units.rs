//! Arbitrary octets as networks, durations and sizes.
#![no_main]

#[path = "../properties/units.rs"]
mod property;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| property::check(octets));
