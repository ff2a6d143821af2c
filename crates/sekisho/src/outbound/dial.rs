//! A TCP connection to one of a host's addresses, and the filter of policy on every address just before it is dialled
//! (law 12).

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use sekisho_mail::{EnhancedCode, Fault, Side};
use sekisho_policy::{Reason, dial::may_dial, outbound::HostOrigin};

use super::{Unroutable, resolve::fault};
use crate::net::{self, TcpStream};

/// How connections are made.
#[derive(Clone, Debug)]
pub(super) struct Dialling<'a> {
    pub(super) source: Option<IpAddr>,
    pub(super) origin: HostOrigin,
    pub(super) own: &'a [SocketAddr],
    pub(super) time_limit: Duration,
    pub(super) stagger: Duration,
}

/// Why no connection was made.
#[derive(Debug)]
pub(super) enum Undialled {
    /// One of the addresses is our own: the host is this server (RFC 5321 §5.1).
    Ourselves(Box<Fault>),
    /// Anything else.
    Unroutable(Box<Unroutable>),
}

impl Undialled {
    fn of(why: Unroutable) -> Self {
        Self::Unroutable(Box::new(why))
    }
}

/// Connects to the first address that answers.
pub(super) async fn dial(addresses: &[SocketAddr], how: &Dialling<'_>) -> Result<(TcpStream, SocketAddr), Undialled> {
    let allowed = filter(addresses, how)?;
    let limits = (how.time_limit, how.stagger);
    net::connect_first(&allowed, how.source, limits)
        .await
        .map_err(|failed| {
            let last = failed
                .last()
                .map(|(address, error)| format!("{}: {error}", address.ip()));
            Undialled::of(Unroutable::ForNow(unreachable_fault(&last.unwrap_or_default())))
        })
}

fn unreachable_fault(last: &str) -> Fault {
    let text = format!("no connection could be made: {last}");
    fault(EnhancedCode::new(4, 4, 1), text, Side::Network)
}

/// What policy lets through. Where nothing is left, DNS leads to a network that is none of the Internet's; where one
/// address is our own, the host is ourselves, whatever its others are.
fn filter(addresses: &[SocketAddr], how: &Dialling<'_>) -> Result<Vec<SocketAddr>, Undialled> {
    let mut allowed = Vec::with_capacity(addresses.len());
    let mut refused = None;
    for address in addresses {
        match may_dial(*address, how.origin, how.own) {
            Ok(_) => allowed.push(*address),
            Err(reason @ Reason::DialOurselves { .. }) => {
                let status = EnhancedCode::new(5, 4, 6);
                let why = fault(status, reason.to_string(), Side::Us);
                return Err(Undialled::Ourselves(Box::new(why)));
            }
            Err(reason) => refused = Some(reason),
        }
    }
    match refused {
        Some(reason) if allowed.is_empty() => {
            let why = fault(EnhancedCode::new(5, 4, 4), reason.to_string(), Side::Recipient);
            Err(Undialled::of(Unroutable::Permanently(why)))
        }
        _ => Ok(allowed),
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use tokio::net::TcpListener;

    use super::*;

    fn how(origin: HostOrigin) -> Dialling<'static> {
        Dialling {
            source: None,
            origin,
            own: &[],
            time_limit: Duration::from_secs(5),
            stagger: Duration::from_millis(5),
        }
    }

    #[tokio::test]
    async fn loopback_is_dialled_only_when_a_route_names_it() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let refused = dial(&[address], &how(HostOrigin::Dns)).await;
        let Err(Undialled::Unroutable(why)) = refused else {
            panic!("{refused:?}");
        };
        assert!(matches!(&*why, Unroutable::Permanently(fault) if fault.status == EnhancedCode::new(5, 4, 4)));
        assert_eq!(dial(&[address], &how(HostOrigin::Route)).await.unwrap().1, address);
    }

    #[tokio::test]
    async fn the_next_address_is_tried_where_one_refuses() {
        let gone = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let dead = gone.local_addr().unwrap();
        drop(gone);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let live = listener.local_addr().unwrap();
        let how = how(HostOrigin::Route);
        assert_eq!(dial(&[dead, dead, live], &how).await.unwrap().1, live);
        let refused = dial(&[dead], &how).await;
        assert!(matches!(refused, Err(Undialled::Unroutable(why)) if matches!(*why, Unroutable::ForNow(_))));
    }

    #[tokio::test]
    async fn a_host_with_one_address_of_ours_is_ourselves() {
        let own: SocketAddr = "198.51.100.7:25".parse().unwrap();
        let other: SocketAddr = "198.51.100.8:25".parse().unwrap();
        let how = Dialling {
            own: &[own],
            ..how(HostOrigin::Dns)
        };
        let refused = dial(&[other, own], &how).await;
        assert!(matches!(refused, Err(Undialled::Ourselves(fault)) if fault.status == EnhancedCode::new(5, 4, 6)));
    }
}
