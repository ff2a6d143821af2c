//! Arbitrary octets as documents of the store.
#![no_main]

#[path = "../properties/document.rs"]
mod property;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| property::check(octets));
