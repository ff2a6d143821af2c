//! Who may relay through a listener, whatever the directory says.

use std::net::IpAddr;

use sekisho_mail::{ChannelSecurity, Digest, KeyProof};

use crate::{Network, Reason};

/// Who may relay through a listener.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RelayRights {
    loopback: bool,
    networks: Vec<Network>,
    keys: Vec<Digest>,
}

/// How clients reach a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exposure {
    /// Directly: the address of the socket's other end is the client's.
    Direct,
    /// Through a proxy that tells the client's address: the other end of the socket is the proxy.
    Proxied,
    /// This process runs in a container: a mapped port makes the whole world come from a neighbouring address.
    Container,
}

/// `relay-from` of a listener.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RelayFrom {
    /// Clients with these addresses.
    pub networks: Vec<Network>,
    /// Clients that prove to hold one of these keys: SHA-256 of the SubjectPublicKeyInfo.
    pub keys: Vec<Digest>,
}

impl RelayRights {
    /// The rights at a listener that is bound to `bound`. What the operator wrote holds alone. Where nothing is
    /// written, loopback relays, and only where nobody else can come from loopback: bound to loopback, reached
    /// directly, outside a container.
    #[must_use]
    pub fn of_listener(bound: IpAddr, exposure: Exposure, from: Option<RelayFrom>) -> Self {
        match from {
            Some(RelayFrom { networks, keys }) => Self {
                loopback: false,
                networks,
                keys,
            },
            None => Self {
                loopback: bound.to_canonical().is_loopback() && exposure == Exposure::Direct,
                networks: Vec::new(),
                keys: Vec::new(),
            },
        }
    }

    /// Whether everyone is refused.
    #[must_use]
    pub const fn is_nobody(&self) -> bool {
        !self.loopback && self.networks.is_empty() && self.keys.is_empty()
    }

    /// Whether clients on this machine may relay.
    #[must_use]
    pub const fn serves_loopback(&self) -> bool {
        self.loopback
    }

    /// Whether clients with this address may relay, whatever else is known of them.
    #[must_use]
    pub fn serves_address(&self, client: IpAddr) -> bool {
        self.find_by_address(client).is_some()
    }

    fn find_by_address(&self, client: IpAddr) -> Option<Reason> {
        if self.loopback && client.to_canonical().is_loopback() {
            return Some(Reason::RelayForLoopback);
        }
        let network = self.networks.iter().find(|network| network.contains(client))?;
        Some(Reason::RelayForNetwork { network: *network })
    }

    /// The right of this client, when it has one. A key counts only when the handshake proved it.
    pub(super) fn find(&self, client: IpAddr, security: &ChannelSecurity) -> Option<Reason> {
        if let Some(right) = self.find_by_address(client) {
            return Some(right);
        }
        let tls = security.tls().filter(|tls| tls.key == KeyProof::Proven)?;
        let leaf = tls.chain.first()?;
        // All zero stands for a key that could not be parsed; nobody holds it.
        if leaf.spki_sha256 == Digest([0; 32]) || !self.keys.contains(&leaf.spki_sha256) {
            return None;
        }
        Some(Reason::RelayForKey {
            spki_sha256: leaf.spki_sha256,
        })
    }
}
