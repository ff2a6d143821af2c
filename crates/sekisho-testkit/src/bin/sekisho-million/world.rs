//! The world around the server: what the destinations are called, what DNS says of them, and which addresses answer.
//! Half of the destinations take mail; the others fail in four ways, a quarter each.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    thread,
};

use sekisho_testkit::enclosure::{self, RESOLVER};

/// Hosts that the live destinations share, as most of the world's domains do.
const LIVE_HOSTS: u64 = 500;
/// Where the live hosts' addresses begin; each block has 250 of them.
const LIVE_BLOCKS: [[u8; 3]; 2] = [[192, 0, 2], [203, 0, 113]];
const HOSTS_IN_BLOCK: u64 = 250;
/// Addresses from which no answer comes to whatever is sent there.
const SILENT_BLOCK: [u8; 3] = [198, 51, 100];
/// The address that greets with 421.
pub(crate) const BUSY: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 254);

/// What a destination is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Takes everything.
    Live,
    /// The address of its host never answers.
    Silent,
    /// Nobody listens at the address of its host.
    Refused,
    /// DNS answers SERVFAIL.
    Servfail,
    /// Its host greets with 421.
    Busy,
}

impl Kind {
    /// The label that names it.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Silent => "silent",
            Self::Refused => "refused",
            Self::Servfail => "servfail",
            Self::Busy => "busy",
        }
    }

    /// The kind of a destination: every other one is live.
    pub(crate) const fn of(destination: u64) -> Self {
        match destination % 8 {
            1 => Self::Silent,
            3 => Self::Refused,
            5 => Self::Servfail,
            7 => Self::Busy,
            _ => Self::Live,
        }
    }

    /// All destinations of this kind, as the commands' filters name them.
    pub(crate) fn pattern(self) -> String {
        format!("*.{}.example", self.label())
    }
}

/// The domain of a destination.
pub(crate) fn domain(destination: u64) -> String {
    format!("d{destination}.{}.example", Kind::of(destination).label())
}

/// Sets addresses and names up; they last as long as the namespaces.
///
/// # Errors
/// When the resolver's port cannot be had.
pub(crate) fn furnish() -> io::Result<()> {
    let block = |[one, two, three]: [u8; 3]| format!("{one}.{two}.{three}.0/24");
    for live in LIVE_BLOCKS {
        enclosure::ip(&["route", "add", "local", &block(live), "dev", "lo"]);
    }
    enclosure::ip(&["-6", "route", "add", "local", "2001:db8:2::/48", "dev", "lo"]);
    // On loopback and not local: what is sent there comes in again, is for nobody, and is dropped without a word.
    enclosure::ip(&["route", "add", &block(SILENT_BLOCK), "dev", "lo"]);
    let socket = UdpSocket::bind(SocketAddr::new(RESOLVER, 53))?;
    thread::spawn(move || {
        let mut buffer = [0; 2048];
        while let Ok((len, client)) = socket.recv_from(&mut buffer) {
            if let Some(reply) = reply(&buffer[..len]) {
                // Who does not hear it asks again.
                let _ = socket.send_to(&reply, client);
            }
        }
    });
    Ok(())
}

const A: u16 = 1;
const MX: u16 = 15;
const AAAA: u16 = 28;
const SERVFAIL: u8 = 2;
const NXDOMAIN: u8 = 3;

/// The answer to a question (RFC 1035 §4.1); `None` to what is none.
fn reply(query: &[u8]) -> Option<Vec<u8>> {
    let name_len = query.get(12..)?.iter().position(|octet| *octet == 0)?;
    let question = query.get(12..12 + name_len + 5)?;
    let kind = u16::from_be_bytes([question[name_len + 1], question[name_len + 2]]);
    let (code, record) = match answer(&labels(question)?, kind) {
        Ok(record) => (0, record),
        Err(code) => (code, None),
    };
    let count = u8::from(record.is_some());
    let mut reply = vec![query[0], query[1], 0x81, 0x80 | code, 0, 1, 0, count, 0, 0, 0, 0];
    reply.extend_from_slice(question);
    if let Some(data) = record {
        // The name as a pointer to the question, class IN, five minutes.
        reply.extend([0xc0, 12, 0, u8::try_from(kind).ok()?, 0, 1, 0, 0, 1, 44]);
        reply.extend(u16::try_from(data.len()).ok()?.to_be_bytes());
        reply.extend(data);
    }
    Some(reply)
}

fn labels(question: &[u8]) -> Option<Vec<String>> {
    let mut labels = Vec::new();
    let mut rest = question;
    loop {
        let (len, behind) = rest.split_first()?;
        if *len == 0 {
            return Some(labels);
        }
        let (label, behind) = behind.split_at_checked(usize::from(*len))?;
        labels.push(String::from_utf8_lossy(label).to_ascii_lowercase());
        rest = behind;
    }
}

/// The data of the one record that answers; `None` where there is none of this kind.
fn answer(labels: &[String], kind: u16) -> Result<Option<Vec<u8>>, u8> {
    let words: Vec<&str> = labels.iter().map(String::as_str).collect();
    match words[..] {
        [_, "servfail", "example"] => Err(SERVFAIL),
        [name, label, "example"] => {
            let number = number(name).ok_or(NXDOMAIN)?;
            let host = if label == Kind::Live.label() {
                number % LIVE_HOSTS
            } else {
                number
            };
            Ok((kind == MX).then(|| exchange(&[&format!("m{host}"), label, "hosts", "example"])))
        }
        [name, label, "hosts", "example"] => match (address(label, number(name).ok_or(NXDOMAIN)?), kind) {
            (Some(IpAddr::V4(address)), A) => Ok(Some(address.octets().to_vec())),
            (Some(IpAddr::V6(address)), AAAA) => Ok(Some(address.octets().to_vec())),
            (Some(_), _) => Ok(None),
            (None, _) => Err(NXDOMAIN),
        },
        _ => Err(NXDOMAIN),
    }
}

fn number(name: &str) -> Option<u64> {
    name.get(1..)?.parse().ok()
}

/// Preference 10 and the exchange's name.
fn exchange(labels: &[&str]) -> Vec<u8> {
    let mut data = vec![0, 10];
    for label in labels {
        data.extend(u8::try_from(label.len()));
        data.extend_from_slice(label.as_bytes());
    }
    data.push(0);
    data
}

fn address(label: &str, host: u64) -> Option<IpAddr> {
    let low = |modulus: u64| u8::try_from(host % modulus).unwrap_or(0) + 1;
    let v4 = |[one, two, three]: [u8; 3], four| IpAddr::V4(Ipv4Addr::new(one, two, three, four));
    match label {
        "live" => {
            let block = LIVE_BLOCKS[usize::from(host % LIVE_HOSTS >= HOSTS_IN_BLOCK)];
            Some(v4(block, low(HOSTS_IN_BLOCK)))
        }
        "silent" => Some(v4(SILENT_BLOCK, low(254))),
        "refused" => {
            let [.., high, low] =
                [0, (host >> 16) & 0xffff, host & 0xffff].map(|part| u16::try_from(part).unwrap_or(0));
            Some(IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 2, 0, 0, 0, high, low)))
        }
        "busy" => Some(IpAddr::V4(BUSY)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A question for a name.
    fn query(name: &str, kind: u16) -> Vec<u8> {
        let mut query = vec![7, 9, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        for label in name.split('.') {
            query.extend(u8::try_from(label.len()));
            query.extend_from_slice(label.as_bytes());
        }
        query.push(0);
        query.extend([&kind.to_be_bytes()[..], &[0, 1]].concat());
        query
    }

    /// Code, number of records, and the end of the reply to a question.
    fn asked(name: &str, kind: u16) -> (u8, u8, Vec<u8>) {
        let query = query(name, kind);
        let reply = reply(&query).unwrap();
        assert_eq!(reply[..2], [7, 9]);
        (reply[3] & 15, reply[7], reply[query.len()..].to_vec())
    }

    #[test]
    fn half_of_the_destinations_are_dead_in_four_ways() {
        let kinds: Vec<Kind> = (0..16).map(Kind::of).collect();
        assert_eq!(kinds.iter().filter(|kind| **kind == Kind::Live).count(), 8);
        for dead in [Kind::Silent, Kind::Refused, Kind::Servfail, Kind::Busy] {
            assert_eq!(kinds.iter().filter(|kind| **kind == dead).count(), 2, "{dead:?}");
        }
    }

    #[test]
    fn names_lead_where_their_kind_says() {
        assert_eq!(asked("d5.servfail.example", MX).0, SERVFAIL);
        assert_eq!(asked("d5.other.example.org", MX).0, NXDOMAIN);
        let (code, records, data) = asked("d502.LIVE.example", MX);
        assert_eq!((code, records), (0, 1));
        assert!(
            data.ends_with(b"\0\x0a\x02m2\x04live\x05hosts\x07example\0"),
            "{data:?}"
        );
        assert_eq!(asked("m2.live.hosts.example", AAAA).1, 0);
        assert!(asked("m2.live.hosts.example", A).2.ends_with(&[192, 0, 2, 3]));
        assert!(asked("m499.live.hosts.example", A).2.ends_with(&[203, 0, 113, 250]));
        assert!(asked("m1.silent.hosts.example", A).2.ends_with(&[198, 51, 100, 2]));
        assert!(
            asked("m70003.refused.hosts.example", AAAA)
                .2
                .ends_with(&[0, 1, 0x11, 0x73])
        );
        assert_eq!(asked("m3.refused.hosts.example", A).1, 0);
        assert!(asked("m7.busy.hosts.example", A).2.ends_with(&BUSY.octets()));
    }
}
