//! Binds listeners and accepts connections; what is said on one is left to whoever serves it.
//!
//! A shortage of descriptors ends no listener and spins on none: accepting pauses and goes on.

use std::{
    future::Future,
    io,
    net::{IpAddr, SocketAddr, TcpListener as StdListener},
    sync::Arc,
    time::Duration,
};

use socket2::{Domain as Family, Protocol, Socket, Type};
use thiserror::Error;
use tokio::{sync::watch, time::sleep};

use super::{Full, Gate, ListenerSettings, Pass};
use crate::{
    app::Phase,
    chance::select,
    net::{self, Listening, TcpListener, TcpStream},
};

/// Connections that the kernel finishes before they are accepted.
const BACKLOG: i32 = 1024;

/// How long accepting pauses when the system has no descriptor or buffer left.
const SHORTAGE_PAUSE: Duration = Duration::from_millis(100);

/// Why a listener cannot be opened.
#[derive(Debug, Error)]
#[error("listener {name:?} cannot listen on {address}: {source}{}", remedy(source))]
pub struct BindError {
    /// Which listener.
    pub name: String,
    /// Where it was to listen.
    pub address: SocketAddr,
    /// What the system said.
    pub source: io::Error,
}

fn remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => "; another program listens there: stop it, or choose another address",
        io::ErrorKind::PermissionDenied => {
            "; ports below 1024 need CAP_NET_BIND_SERVICE, a socket from systemd, or root"
        }
        io::ErrorKind::AddrNotAvailable => "; the address is not one of this machine's",
        _ => "",
    }
}

/// A socket that is bound and listens already.
#[derive(Debug)]
pub struct Bound {
    listener: Listening,
    address: SocketAddr,
}

impl Bound {
    /// Binds where the settings say, or takes over `inherited`, a socket that systemd passed under the listener's name.
    ///
    /// # Errors
    /// When the system refuses; the error names the listener, the address and the remedy.
    pub fn open(settings: &ListenerSettings, inherited: Option<StdListener>) -> Result<Self, BindError> {
        let opened = match inherited {
            Some(listener) => Ok(net::listening(listener)),
            None => bind(settings.address),
        };
        let finished = opened.and_then(|listener| {
            listener.set_nonblocking(true)?;
            let address = listener.local_addr()?;
            Ok(Self { listener, address })
        });
        finished.map_err(|source| BindError {
            name: settings.name.clone(),
            address: settings.address,
            source,
        })
    }

    /// Where it listens; with the port that the kernel chose when the settings left that to it.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}

fn bind(address: SocketAddr) -> io::Result<Listening> {
    #[cfg(test)]
    if turmoil::in_simulation() {
        return Ok(Listening::Simulated(address));
    }
    let family = if address.is_ipv4() { Family::IPV4 } else { Family::IPV6 };
    let socket = Socket::new(family, Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        // `[::]` and `0.0.0.0` are two listeners; neither takes the other's clients.
        socket.set_only_v6(true)?;
    }
    // A restart must not wait for the old connections' TIME-WAIT.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(net::listening(socket.into()))
}

/// What came to a listener.
#[derive(Debug)]
pub enum Arrived {
    /// A connection with its place inside.
    Admitted(TcpStream, SocketAddr, Pass),
    /// A connection for which there is no room: to be told 421 and closed.
    Turned(TcpStream, SocketAddr, Full),
}

/// Accepts until the server drains; each connection is served as a task of its own, so that a panic ends one connection
/// and never the process.
///
/// # Errors
/// When the socket cannot be given to the runtime.
pub async fn accept_loop<S, F>(
    bound: Bound,
    gate: Arc<Gate>,
    mut phase: watch::Receiver<Phase>,
    serve: S,
) -> io::Result<()>
where
    S: Fn(Arrived) -> F,
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::from_std(bound.listener)?;
    let mut is_short = false;
    loop {
        let accepted = select! {
            accepted = listener.accept() => accepted,
            // An error means that whoever could change the phase is gone: the server is stopping.
            _ = phase.wait_for(|phase| *phase != Phase::Running) => return Ok(()),
        };
        match accepted {
            Ok((stream, peer)) => {
                if std::mem::take(&mut is_short) {
                    tracing::info!("connections are accepted again");
                }
                tokio::spawn(serve(admit(&gate, stream, peer)));
            }
            Err(error) if is_the_connections(&error) => {
                tracing::debug!(%error, "a connection was gone before it was accepted");
            }
            Err(error) => {
                // Once for each shortage, which may last: the log must not be what fills the disk.
                if !std::mem::replace(&mut is_short, true) {
                    tracing::warn!(%error, "cannot accept connections; trying again until it can");
                }
                sleep(SHORTAGE_PAUSE).await;
            }
        }
    }
}

fn admit(gate: &Arc<Gate>, stream: TcpStream, peer: SocketAddr) -> Arrived {
    let client: IpAddr = peer.ip();
    match gate.enter(client) {
        Ok(pass) => Arrived::Admitted(stream, peer, pass),
        Err(full) => Arrived::Turned(stream, peer, full),
    }
}

/// Errors of the one connection that was next, after which accepting goes on at once (accept(2), «Error handling»).
fn is_the_connections(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::Interrupted
    )
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use sekisho_policy::inbound::RelayRights;
    use tokio::sync::mpsc;

    use super::*;
    use crate::inbound::{Building, ConnectionLimits};

    fn open() -> Bound {
        let listener = bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        Bound { listener, address }
    }

    #[tokio::test]
    async fn one_too_many_is_turned_away_and_draining_ends_the_loop() {
        let bound = open();
        let address = bound.address();
        let limits = ConnectionLimits {
            total: 1,
            ..ConnectionLimits::default()
        };
        let gate = Gate::new(Arc::new(Building::new(10)), limits, RelayRights::default());
        let (phase, watching) = watch::channel(Phase::Running);
        let (seen, mut arrivals) = mpsc::unbounded_channel();
        let serve = move |arrived| {
            seen.send(arrived).unwrap();
            async {}
        };
        let accepting = tokio::spawn(accept_loop(bound, gate, watching, serve));
        let _first = TcpStream::connect(address).await.unwrap();
        let first = arrivals.recv().await.unwrap();
        assert!(matches!(first, Arrived::Admitted(..)));
        let _second = TcpStream::connect(address).await.unwrap();
        let second = arrivals.recv().await.unwrap();
        assert!(matches!(second, Arrived::Turned(_, _, Full::Listener)));
        phase.send(Phase::Draining).unwrap();
        accepting.await.unwrap().unwrap();
        assert!(TcpStream::connect(address).await.is_err(), "the socket is closed");
    }

    #[test]
    fn a_taken_address_is_named_with_its_remedy() {
        let bound = open();
        let error = bind(bound.address()).map(|_| ()).unwrap_err();
        let error = BindError {
            name: "public".to_owned(),
            address: bound.address(),
            source: error,
        };
        let text = error.to_string();
        assert!(
            text.contains("\"public\"") && text.contains(&bound.address().to_string()),
            "{text}"
        );
        assert!(text.contains("another program listens there"), "{text}");
    }
}
