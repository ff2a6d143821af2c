//! What holds of networks, durations and sizes as operators write them, held against arithmetic in wider numbers and a
//! comparison bit by bit.

use std::net::IpAddr;

use sekisho::config::human::{duration, parse_duration, parse_size, size};
use sekisho_policy::Network;

/// # Panics
/// When a value is not what was written.
pub(crate) fn check(octets: &[u8]) {
    let Ok(text) = str::from_utf8(octets) else { return };
    let millis = parse_duration(text).ok().map(|found| found.as_millis());
    assert_eq!(millis, reference_millis(text), "{text:?}");
    if let Ok(found) = parse_duration(text) {
        let shown = parse_duration(&duration(found)).expect("what is shown is a duration");
        assert!(
            shown <= found && (found.as_secs() == 0 || found.as_secs() - shown.as_secs() < 3600),
            "{text:?}"
        );
    }
    if let Ok(octets) = parse_size(text) {
        assert!(!size(octets).is_empty());
    }
    check_network(text);
}

/// Numbers and units by turns, with blanks between.
fn reference_millis(text: &str) -> Option<u128> {
    let (mut total, mut rest, mut any) = (0u128, text.trim(), false);
    while !rest.is_empty() {
        let number: String = rest.chars().take_while(char::is_ascii_digit).collect();
        rest = rest[number.len()..].trim_start();
        let unit: String = rest.chars().take_while(char::is_ascii_alphabetic).collect();
        rest = rest[unit.len()..].trim_start();
        let units = [
            ("ms", 1),
            ("s", 1000),
            ("m", 60_000),
            ("min", 60_000),
            ("h", 3_600_000),
            ("d", 86_400_000),
        ];
        let millis: u128 = units.iter().find(|(name, _)| *name == unit)?.1;
        // Each part fits into 64 bits of milliseconds, and so does the number.
        let number = u128::from(number.parse::<u64>().ok()?);
        total += u128::from(u64::try_from(number * millis).ok()?);
        any = true;
    }
    any.then_some(total)
}

fn check_network(text: &str) {
    let Ok(network) = text.parse::<Network>() else { return };
    let printed = network.to_string();
    assert_eq!(printed.parse(), Ok(network), "{text}");
    let (address, prefix) = printed.split_once('/').expect("a prefix");
    let (address, prefix): (IpAddr, usize) = (address.parse().expect("an address"), prefix.parse().expect("a number"));
    let bits = |address: IpAddr| -> Vec<bool> {
        let octets = match address {
            IpAddr::V4(address) => address.octets().to_vec(),
            IpAddr::V6(address) => address.octets().to_vec(),
        };
        octets
            .iter()
            .flat_map(|octet| (0..8).rev().map(move |place| octet >> place & 1 == 1))
            .collect()
    };
    let own = bits(address);
    assert!(own[prefix..].iter().all(|bit| !bit), "{text}");
    // The address itself with one bit turned over after the other.
    for turned in 0..=own.len() {
        let mut other = own.clone();
        if let Some(bit) = other.get_mut(turned) {
            *bit = !*bit;
        }
        let number = other.iter().fold(0u128, |number, bit| number << 1 | u128::from(*bit));
        let candidate = match address {
            IpAddr::V4(_) => IpAddr::from(u32::try_from(number).expect("32 bits").to_be_bytes()),
            IpAddr::V6(_) => IpAddr::from(number.to_be_bytes()),
        };
        let is_mapped = address.is_ipv6() && candidate.to_canonical().is_ipv4();
        assert_eq!(
            network.contains(candidate),
            turned >= prefix && !is_mapped,
            "{candidate} in {text}"
        );
    }
}
