//! The first of a host's addresses that answers: RFC 8305 §5 in short. The next address is tried beside the one that
//! takes too long. Which addresses may be dialled at all is the caller's to say.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};

use super::{TcpStream, connect};
use crate::chance::select;

/// Connects to the first address that answers, each tried no longer than `time_limit` and `stagger` behind the one
/// before.
///
/// # Errors
/// What became of each that was tried, in the order in which they failed.
pub async fn connect_first(
    addresses: &[SocketAddr],
    source: Option<IpAddr>,
    (time_limit, stagger): (Duration, Duration),
) -> Result<(TcpStream, SocketAddr), Vec<(SocketAddr, io::Error)>> {
    let mut waiting = addresses.iter().copied();
    let mut running = JoinSet::new();
    let mut failed = Vec::new();
    loop {
        if let Some(address) = waiting.next() {
            running.spawn(connect_within(address, source, time_limit));
        }
        let joined = select! {
            joined = running.join_next() => joined,
            () = sleep(stagger), if waiting.len() > 0 => continue,
        };
        match joined {
            Some(Ok((address, Ok(stream)))) => return Ok((stream, address)),
            Some(Ok((address, Err(error)))) => failed.push((address, error)),
            Some(Err(_)) => {}
            None if waiting.len() == 0 => return Err(failed),
            None => {}
        }
    }
}

/// One attempt at one address.
async fn connect_within(
    address: SocketAddr,
    source: Option<IpAddr>,
    time_limit: Duration,
) -> (SocketAddr, io::Result<TcpStream>) {
    let connecting = async {
        let stream = connect(address, source).await?;
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
