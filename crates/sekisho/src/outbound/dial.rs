//! A TCP connection to one of a host's addresses: RFC 8305 §5 in short (the next address is tried beside the one that
//! takes too long), and the filter of policy on every address just before it is dialled (law 12).

use std::{
    io,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use sekisho_mail::{EnhancedCode, Fault, Side};
use sekisho_policy::{Reason, dial::may_dial, outbound::HostOrigin};
use tokio::{
    net::{TcpSocket, TcpStream},
    task::JoinSet,
    time::{sleep, timeout},
};

use super::{Unroutable, resolve::fault};

/// How connections are made.
#[derive(Clone, Debug)]
pub(super) struct Dialling<'a> {
    pub(super) source: Option<IpAddr>,
    pub(super) origin: HostOrigin,
    pub(super) own: &'a [SocketAddr],
    pub(super) time_limit: Duration,
    pub(super) stagger: Duration,
}

/// Connects to the first address that answers.
pub(super) async fn dial(addresses: &[SocketAddr], how: &Dialling<'_>) -> Result<(TcpStream, SocketAddr), Unroutable> {
    let allowed = filter(addresses, how)?;
    let mut waiting = allowed.iter().copied();
    let mut running = JoinSet::new();
    let mut last = String::new();
    loop {
        if let Some(address) = waiting.next() {
            running.spawn(connect(address, how.source, how.time_limit));
        }
        let joined = tokio::select! {
            joined = running.join_next() => joined,
            () = sleep(how.stagger), if waiting.len() > 0 => continue,
        };
        match joined {
            Some(Ok((address, Ok(stream)))) => return Ok((stream, address)),
            Some(Ok((address, Err(error)))) => last = format!("{}: {error}", address.ip()),
            Some(Err(_)) => {}
            None if waiting.len() == 0 => return Err(Unroutable::ForNow(unreachable_fault(&last))),
            None => {}
        }
    }
}

fn unreachable_fault(last: &str) -> Fault {
    let text = format!("no connection could be made: {last}");
    fault(EnhancedCode::new(4, 4, 1), text, Side::Network)
}

/// What policy lets through. Where nothing is left, DNS leads nowhere that mail may go: to ourselves, or to a network
/// that is none of the Internet's.
fn filter(addresses: &[SocketAddr], how: &Dialling<'_>) -> Result<Vec<SocketAddr>, Unroutable> {
    let mut allowed = Vec::with_capacity(addresses.len());
    let mut refused = None;
    for address in addresses {
        match may_dial(*address, how.origin, how.own) {
            Ok(_) => allowed.push(*address),
            Err(reason) => refused = Some(reason),
        }
    }
    match refused {
        Some(reason) if allowed.is_empty() => {
            let (status, side) = match reason {
                Reason::DialOurselves { .. } => (EnhancedCode::new(5, 4, 6), Side::Us),
                _ => (EnhancedCode::new(5, 4, 4), Side::Recipient),
            };
            Err(Unroutable::Permanently(fault(status, reason.to_string(), side)))
        }
        _ => Ok(allowed),
    }
}

/// One attempt at one address.
pub(super) async fn connect(
    address: SocketAddr,
    source: Option<IpAddr>,
    time_limit: Duration,
) -> (SocketAddr, io::Result<TcpStream>) {
    let connecting = async {
        let socket = if address.is_ipv4() {
            TcpSocket::new_v4()?
        } else {
            TcpSocket::new_v6()?
        };
        if let Some(source) = source {
            socket.bind(SocketAddr::new(source, 0))?;
        }
        let stream = socket.connect(address).await?;
        // Commands and replies are short and wait for each other.
        stream.set_nodelay(true)?;
        Ok(stream)
    };
    let connected = timeout(time_limit, connecting).await;
    (
        address,
        connected.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())),
    )
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
        assert!(matches!(refused, Err(Unroutable::Permanently(fault)) if fault.status == EnhancedCode::new(5, 4, 4)));
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
        assert!(matches!(dial(&[dead], &how).await, Err(Unroutable::ForNow(_))));
    }
}
