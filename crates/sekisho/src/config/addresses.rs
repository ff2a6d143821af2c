//! Whether everything that listens can listen at the same time. The system would refuse the second of two sockets at
//! the start, when the configuration has long been taken for good.

use std::net::{IpAddr, SocketAddr};

use super::{checker::Checker, listener::ListenerPlan};

/// Something that listens, by what the operator calls it.
struct Socket {
    key: String,
    name: String,
    address: SocketAddr,
    /// Whether `[::]` takes IPv4 as well.
    both_families: bool,
}

/// Names every socket that one before it leaves no room for. `listeners` come with the keys of their tables, `others`
/// with their own.
pub(super) fn check(listeners: &[(String, ListenerPlan)], others: &[(&str, SocketAddr)], checker: &mut Checker<'_>) {
    let listeners = listeners.iter().map(|(key, plan)| Socket {
        key: format!("{key}.address"),
        name: format!("listener {:?}", plan.name),
        address: plan.address,
        both_families: false,
    });
    let others = others.iter().map(|(key, address)| Socket {
        key: (*key).to_owned(),
        name: key.strip_suffix(".address").unwrap_or(key).to_owned(),
        address: *address,
        both_families: true,
    });
    let mut taken: Vec<Socket> = Vec::new();
    for socket in listeners.chain(others) {
        if let Some(other) = taken.iter().find(|other| other.takes(&socket) || socket.takes(other)) {
            checker.fault(
                &socket.key,
                format_args!(
                    "{} at {} leaves no room for {}",
                    other.name, other.address, socket.address
                ),
                "choose another port, or addresses that do not hold each other",
            );
        }
        taken.push(socket);
    }
}

impl Socket {
    /// Whether whoever has this one cannot have the other.
    fn takes(&self, other: &Self) -> bool {
        // The system chooses a free port for each that asks for none.
        if self.address.port() == 0 || self.address.port() != other.address.port() {
            return false;
        }
        let (ours, theirs) = (self.address.ip(), other.address.ip());
        let same_family = ours.is_ipv4() == theirs.is_ipv4();
        ours == theirs || (ours.is_unspecified() && (same_family || (self.both_families && is_v6(ours))))
    }
}

const fn is_v6(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(_))
}
