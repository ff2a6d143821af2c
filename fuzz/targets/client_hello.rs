//! Arbitrary octets as a client's first flight.
#![no_main]

#[path = "../properties/client_hello.rs"]
mod property;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| property::check(octets));
