//! Arbitrary octets as text that is shown and logged.
#![no_main]

#[path = "../properties/shown.rs"]
mod property;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| property::check(octets));
