//! Which addresses may be dialled. DNS answers are other people's text: an MX that points at loopback, at a private
//! network or at ourselves would turn this server against its own surroundings (law 12). Judged on the address at
//! connect time, after all names are resolved.
//!
//! Address blocks are those of RFC 6890 and its registries that are not globally reachable. The documentation blocks
//! (RFC 5737, RFC 3849) reach nobody and are not listed.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::{Reason, outbound::HostOrigin};

/// Whether `address` may be dialled. `origin` says who named the host; `own` are the addresses and ports of our
/// listeners, those bound to the unspecified address written out for each address of this machine.
///
/// # Errors
/// The rule that forbids it.
pub fn may_dial(address: SocketAddr, origin: HostOrigin, own: &[SocketAddr]) -> Result<Reason, Reason> {
    if origin == HostOrigin::Route {
        return Ok(Reason::DialNamedByRoute);
    }
    let effective = embedded(address.ip());
    if let Some(kind) = special_kind(effective) {
        return Err(Reason::DialSpecial {
            address: address.ip(),
            kind,
        });
    }
    let is_ours = |ours: &&SocketAddr| ours.port() == address.port() && embedded(ours.ip()) == effective;
    match own.iter().find(is_ours) {
        Some(_) => Err(Reason::DialOurselves { address: address.ip() }),
        None => Ok(Reason::DialPublic),
    }
}

/// The IPv4 address that an IPv6 address stands for, when it does; otherwise the address itself.
fn embedded(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else {
        return address;
    };
    let octets = v6.octets();
    let inner = |from: usize| {
        IpAddr::V4(Ipv4Addr::new(
            octets[from],
            octets[from + 1],
            octets[from + 2],
            octets[from + 3],
        ))
    };
    match v6.segments() {
        // `::` and `::1` are addresses of their own; the rest of the block is RFC 4291 §2.5.5.1.
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 || low > 1 => inner(12),
        // IPv4-mapped, RFC 4291 §2.5.5.2; and its translated sister, RFC 2765 §2.1.
        [0, 0, 0, 0, 0, 0xffff, _, _] | [0, 0, 0, 0, 0xffff, 0, _, _] => inner(12),
        // NAT64, RFC 6052 §2.1.
        [0x64, 0xff9b, 0, 0, 0, 0, _, _] => inner(12),
        // 6to4, RFC 3056 §2.
        [0x2002, ..] => inner(2),
        // Teredo, RFC 4380 §4: the client's address, every bit turned over.
        [0x2001, 0, ..] => IpAddr::V4(Ipv4Addr::from_bits(!u32::from_be_bytes([
            octets[12], octets[13], octets[14], octets[15],
        ]))),
        _ => address,
    }
}

/// What kind of address it is, when only a route may name it.
fn special_kind(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(v4) => special_v4(v4),
        IpAddr::V6(v6) => special_v6(v6),
    }
}

fn special_v4(address: Ipv4Addr) -> Option<&'static str> {
    let kind = match address.octets() {
        [0, ..] => "unspecified",
        [127, ..] => "loopback",
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => "private",
        [100, 64..=127, ..] => "shared (carrier-grade NAT)",
        [169, 254, ..] => "link-local",
        [192, 0, 0, _] | [198, 18..=19, ..] => "special-purpose",
        [224..=239, ..] => "multicast",
        [240..=255, ..] => "reserved",
        _ => return None,
    };
    Some(kind)
}

fn special_v6(address: Ipv6Addr) -> Option<&'static str> {
    let kind = match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => "unspecified",
        [0, 0, 0, 0, 0, 0, 0, 1] => "loopback",
        [0xfe80..=0xfebf, ..] => "link-local",
        [0xfec0..=0xfeff, ..] => "site-local",
        [0xfc00..=0xfdff, ..] => "private",
        [0xff00..=0xffff, ..] => "multicast",
        // NAT64 of a network of one's own, RFC 8215; discard-only, RFC 6666.
        [0x64, 0xff9b, 1, ..] | [0x100, 0, 0, 0, ..] => "special-purpose",
        _ => return None,
    };
    Some(kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dial(address: &str, origin: HostOrigin) -> Result<Reason, Reason> {
        let own = ["198.51.100.7:25", "[2001:db8::7]:25"].map(|own| own.parse().unwrap());
        may_dial(SocketAddr::new(address.parse().unwrap(), 25), origin, &own)
    }

    const SPECIAL: &[&str] = &[
        // Each block at both of its ends.
        "0.0.0.0",
        "0.255.255.255",
        "10.0.0.0",
        "10.255.255.255",
        "100.64.0.0",
        "100.127.255.255",
        "127.0.0.1",
        "127.255.255.255",
        "169.254.0.0",
        "169.254.169.254",
        "172.16.0.0",
        "172.31.255.255",
        "192.0.0.1",
        "192.168.0.0",
        "192.168.255.255",
        "198.18.0.0",
        "198.19.255.255",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.0",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1",
        "febf::1",
        "fec0::1",
        "fc00::1",
        "fdff::1",
        "ff02::1",
        "64:ff9b:1::a00:1",
        "100::1",
        // IPv4 in disguise: compatible, mapped, translated, NAT64, 6to4, Teredo.
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:0:192.168.0.1",
        "64:ff9b::127.0.0.1",
        "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::1",
        "2002:c0a8:1::",
        "2001:0:1234::80ff:fffe",
    ];

    const PUBLIC: &[&str] = &[
        "1.1.1.1",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "128.0.0.1",
        "172.15.255.255",
        "172.32.0.0",
        "192.0.2.1",
        "192.167.255.255",
        "198.17.255.255",
        "198.20.0.0",
        "198.51.100.8",
        "223.255.255.255",
        "2606:4700::1",
        "::ffff:1.1.1.1",
        "64:ff9b::1.1.1.1",
        "2002:101:101::1",
    ];

    const OURS: &[&str] = &[
        "198.51.100.7",
        "::ffff:198.51.100.7",
        "64:ff9b::198.51.100.7",
        "2001:db8::7",
    ];

    #[test]
    fn only_public_addresses_are_dialled_when_dns_named_them() {
        for address in SPECIAL {
            let refused = dial(address, HostOrigin::Dns);
            assert!(
                matches!(refused, Err(Reason::DialSpecial { .. })),
                "{address}: {refused:?}"
            );
        }
        for address in PUBLIC {
            assert_eq!(dial(address, HostOrigin::Dns), Ok(Reason::DialPublic), "{address}");
        }
        for address in OURS {
            let refused = dial(address, HostOrigin::Dns);
            assert!(
                matches!(refused, Err(Reason::DialOurselves { .. })),
                "{address}: {refused:?}"
            );
        }
    }

    #[test]
    fn a_route_may_name_any_address() {
        for address in [SPECIAL, PUBLIC, OURS].concat() {
            assert_eq!(
                dial(address, HostOrigin::Route),
                Ok(Reason::DialNamedByRoute),
                "{address}"
            );
        }
    }

    #[test]
    fn another_port_of_ours_is_no_listener_of_ours() {
        let own = ["198.51.100.7:2525".parse().unwrap()];
        let address = "198.51.100.7:25".parse().unwrap();
        assert_eq!(may_dial(address, HostOrigin::Dns, &own), Ok(Reason::DialPublic));
    }
}
