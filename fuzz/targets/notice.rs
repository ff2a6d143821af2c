//! Arbitrary octets as what a notification is about.
#![no_main]

#[path = "../properties/notice.rs"]
mod property;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| property::check(octets));
