//! Arbitrary octets as mailboxes, paths and local names.
#![no_main]

#[path = "../properties/address.rs"]
mod property;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| property::check(octets));
