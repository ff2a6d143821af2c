//! A block of addresses, as operators write it: `192.0.2.0/24`, `2001:db8::/32`, or one address.

use std::{
    collections::HashSet,
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

use thiserror::Error;

/// An address and the number of leading bits that count. Bits behind them are zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

/// Why a text is no network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NetworkError {
    /// What stands before the `/` is no address.
    #[error("a network is an IPv4 or IPv6 address, alone or with '/' and a prefix length")]
    Address,
    /// The number behind the `/` is missing, no number, or too large.
    #[error("the prefix length is 0 to 32 for IPv4 and 0 to 128 for IPv6")]
    Prefix,
    /// Bits are set behind the prefix: most likely a slip, since it names one address and means many.
    #[error("bits are set behind the prefix length; write the network's first address")]
    HostBits,
}

impl Network {
    /// From an address and a prefix length in bits.
    ///
    /// # Errors
    /// When the prefix is too long or bits behind it are set.
    pub fn new(address: IpAddr, prefix: u8) -> Result<Self, NetworkError> {
        if prefix > width(address) {
            return Err(NetworkError::Prefix);
        }
        if bits(address) & !mask(width(address), prefix) & low_bits(width(address)) != 0 {
            return Err(NetworkError::HostBits);
        }
        Ok(Self { address, prefix })
    }

    /// The network with this prefix length that `address` lies in; at most the address itself.
    #[must_use]
    pub fn around(address: IpAddr, prefix: u8) -> Self {
        let prefix = prefix.min(width(address));
        let mask = mask(width(address), prefix);
        let address = match address {
            IpAddr::V4(v4) => Ipv4Addr::from_bits(v4.to_bits() & u32::try_from(mask).unwrap_or(u32::MAX)).into(),
            IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & mask).into(),
        };
        Self { address, prefix }
    }

    /// Leading bits that count.
    #[must_use]
    pub const fn prefix(&self) -> u8 {
        self.prefix
    }

    /// Whether it is a block of IPv4.
    #[must_use]
    pub const fn is_v4(&self) -> bool {
        self.address.is_ipv4()
    }

    /// Bits behind the prefix.
    #[must_use]
    pub const fn host_bits(&self) -> u8 {
        width(self.address) - self.prefix
    }

    /// The addresses that a host may have, in their order. Where there are more than two, the first and the last of
    /// IPv4 are the network's and the broadcast address (RFC 922 §7, RFC 3021), and the first of IPv6 is the routers'
    /// anycast address (RFC 4291 §2.6.1, RFC 6164).
    pub fn hosts(&self) -> impl Iterator<Item = IpAddr> + use<> {
        let is_v4 = self.is_v4();
        let width = width(self.address);
        let mut first = bits(self.address);
        let mut last = first | (low_bits(width) & !mask(width, self.prefix));
        if self.host_bits() > 1 {
            first += 1;
            last -= u128::from(is_v4);
        }
        (first..=last).map(move |bits| match u32::try_from(bits) {
            Ok(bits) if is_v4 => Ipv4Addr::from_bits(bits).into(),
            _ => Ipv6Addr::from_bits(bits).into(),
        })
    }

    /// Whether `address` lies inside. An IPv4 address in its IPv6-mapped form counts as the IPv4 address that it is
    /// (RFC 4291 §2.5.5.2): dual-stack sockets report IPv4 peers so.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        let width = width(self.address);
        width == self::width(address) && (bits(address) ^ bits(self.address)) & mask(width, self.prefix) == 0
    }
}

const fn width(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => u128::from(v4.to_bits()),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

fn low_bits(width: u8) -> u128 {
    u128::MAX >> (128 - u32::from(width))
}

/// The leading `prefix` bits of a number of `width` bits.
fn mask(width: u8, prefix: u8) -> u128 {
    let behind = u32::from(width - prefix);
    low_bits(width)
        .checked_shr(behind)
        .unwrap_or(0)
        .checked_shl(behind)
        .unwrap_or(0)
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| NetworkError::Address)?;
        let prefix = match prefix {
            None => width(address),
            // `parse` alone would take "+8".
            Some(digits) if !digits.is_empty() && digits.bytes().all(|octet| octet.is_ascii_digit()) => {
                digits.parse().map_err(|_| NetworkError::Prefix)?
            }
            Some(_) => return Err(NetworkError::Prefix),
        };
        Self::new(address, prefix)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

/// The lengths of prefixes that occur among networks, the longest first: as many look-ups find those that hold an
/// address, however many the networks are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Prefixes {
    v4: Vec<u8>,
    v6: Vec<u8>,
}

impl Prefixes {
    pub(crate) fn insert(&mut self, network: Network) {
        let lengths = if network.is_v4() { &mut self.v4 } else { &mut self.v6 };
        if let Err(place) = lengths.binary_search_by(|length| network.prefix().cmp(length)) {
            lengths.insert(place, network.prefix());
        }
    }

    /// The network of each length that an address lies in, the smallest first.
    pub(crate) fn around(&self, address: IpAddr) -> impl Iterator<Item = Network> {
        let address = address.to_canonical();
        let lengths = if address.is_ipv4() { &self.v4 } else { &self.v6 };
        lengths.iter().map(move |length| Network::around(address, *length))
    }
}

/// Networks, one of which may hold an address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NetworkSet {
    networks: HashSet<Network>,
    prefixes: Prefixes,
}

impl NetworkSet {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.networks.is_empty()
    }

    /// All of them, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = &Network> {
        self.networks.iter()
    }

    /// The smallest that holds an address.
    #[must_use]
    pub fn holding(&self, address: IpAddr) -> Option<Network> {
        let mut around = self.prefixes.around(address);
        around.find(|network| self.networks.contains(network))
    }
}

impl FromIterator<Network> for NetworkSet {
    fn from_iter<I: IntoIterator<Item = Network>>(networks: I) -> Self {
        let mut set = Self::default();
        for network in networks {
            set.prefixes.insert(network);
            set.networks.insert(network);
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_lies_in_the_network_around_it() {
        for (address, prefix, around) in [
            ("192.0.2.77", 24, "192.0.2.0/24"),
            ("192.0.2.77", 32, "192.0.2.77"),
            ("192.0.2.77", 99, "192.0.2.77"),
            ("192.0.2.77", 0, "0.0.0.0/0"),
            ("2001:db8:1:2:3::4", 64, "2001:db8:1:2::/64"),
            ("2001:db8:1:2:3::4", 0, "::/0"),
        ] {
            let address = address.parse().unwrap();
            let network = Network::around(address, prefix);
            assert_eq!(network, around.parse().unwrap());
            assert!(network.contains(address));
        }
    }

    fn network(text: &str) -> Network {
        text.parse().unwrap()
    }

    #[test]
    fn a_network_holds_what_shares_its_leading_bits() {
        for (inside, block, address) in [
            (true, "192.0.2.0/24", "192.0.2.255"),
            (false, "192.0.2.0/24", "192.0.3.0"),
            (true, "192.0.2.7", "192.0.2.7"),
            (false, "192.0.2.7", "192.0.2.6"),
            (true, "0.0.0.0/0", "203.0.113.9"),
            (true, "2001:db8::/32", "2001:db8:ffff::1"),
            (false, "2001:db8::/32", "2001:db9::1"),
            (true, "::/0", "2001:db8::1"),
            (true, "::1", "::1"),
            (true, "172.16.0.0/12", "172.31.255.255"),
            (false, "172.16.0.0/12", "172.32.0.0"),
        ] {
            assert_eq!(
                network(block).contains(address.parse().unwrap()),
                inside,
                "{address} in {block}"
            );
        }
    }

    #[test]
    fn hosts_are_all_addresses_but_those_that_are_nobodys() {
        let ends = |text: &str| {
            let hosts: Vec<IpAddr> = network(text).hosts().collect();
            (hosts.len(), hosts[0].to_string(), hosts[hosts.len() - 1].to_string())
        };
        for (block, count, first, last) in [
            ("192.0.2.0/24", 254, "192.0.2.1", "192.0.2.254"),
            ("192.0.2.16/30", 2, "192.0.2.17", "192.0.2.18"),
            ("192.0.2.16/31", 2, "192.0.2.16", "192.0.2.17"),
            ("192.0.2.16/32", 1, "192.0.2.16", "192.0.2.16"),
            ("2001:db8::/120", 255, "2001:db8::1", "2001:db8::ff"),
            ("::/126", 3, "::1", "::3"),
            ("2001:db8::2/127", 2, "2001:db8::2", "2001:db8::3"),
            ("2001:db8::2/128", 1, "2001:db8::2", "2001:db8::2"),
        ] {
            assert_eq!(ends(block), (count, first.to_owned(), last.to_owned()), "{block}");
        }
        let widest = network("255.255.255.0/24");
        assert_eq!(widest.hosts().last().unwrap().to_string(), "255.255.255.254");
    }

    #[test]
    fn a_mapped_address_is_the_ipv4_address_and_never_in_an_ipv6_block() {
        let mapped: IpAddr = "::ffff:192.0.2.1".parse().unwrap();
        assert!(network("192.0.2.0/24").contains(mapped));
        assert!(!network("::/0").contains(mapped));
    }

    #[test]
    fn refuses_what_is_no_network() {
        for (text, fault) in [
            ("", NetworkError::Address),
            ("example.org/8", NetworkError::Address),
            ("192.0.2.0/", NetworkError::Prefix),
            ("192.0.2.0/+8", NetworkError::Prefix),
            ("192.0.2.0/33", NetworkError::Prefix),
            ("2001:db8::/129", NetworkError::Prefix),
            ("192.0.2.0/999", NetworkError::Prefix),
            ("192.0.2.1/24", NetworkError::HostBits),
            ("2001:db8::1/64", NetworkError::HostBits),
            ("128.0.0.0/0", NetworkError::HostBits),
        ] {
            assert_eq!(text.parse::<Network>(), Err(fault), "{text}");
        }
    }

    #[test]
    fn of_a_set_the_smallest_network_that_holds_an_address_is_found() {
        let networks = [
            "192.0.2.0/24",
            "192.0.2.8/32",
            "10.0.0.0/8",
            "2001:db8::/32",
            "192.0.2.0/24",
        ];
        let set: NetworkSet = networks.iter().map(|text| text.parse::<Network>().unwrap()).collect();
        for (address, expected) in [
            ("192.0.2.8", Some("192.0.2.8/32")),
            ("::ffff:192.0.2.8", Some("192.0.2.8/32")),
            ("192.0.2.9", Some("192.0.2.0/24")),
            ("10.200.0.1", Some("10.0.0.0/8")),
            ("2001:db8:1::1", Some("2001:db8::/32")),
            ("192.0.3.8", None),
            ("2001:db9::1", None),
        ] {
            let expected = expected.map(|text| text.parse().unwrap());
            assert_eq!(set.holding(address.parse().unwrap()), expected, "{address}");
        }
        assert_eq!(set.iter().count(), 4);
        assert!(!set.is_empty() && NetworkSet::default().is_empty());
    }
}
