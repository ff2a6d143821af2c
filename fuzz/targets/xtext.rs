//! Arbitrary octets as xtext.
#![no_main]

#[path = "../properties/xtext.rs"]
mod property;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| property::check(octets));
