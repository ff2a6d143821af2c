//! Arbitrary octets as the replies of a server.
#![no_main]

#[path = "../properties/reply.rs"]
mod property;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| property::check(octets));
