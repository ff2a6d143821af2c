//! Somebody on the way to a server: passes everything on, keeps what clients send, and, where told so, takes STARTTLS
//! out of what the server offers, as some firewalls did.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    runtime::Runtime,
};

/// What a firewall that fears STARTTLS leaves of it: a keyword that nobody knows.
const OFFERED: &[u8] = b"STARTTLS";
const STRIPPED: &[u8] = b"XXXXXXXA";
const BUFFER_OCTETS: usize = 16 * 1024;

/// What clients sent, one entry a connection.
type Wire = Arc<Mutex<Vec<Vec<u8>>>>;

/// A running one; it ends with this value.
#[derive(Debug)]
pub struct Tap {
    wire: Wire,
    _runtime: Runtime,
}

/// What it does with the server's offer of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passing {
    /// Everything is left as it is.
    All,
    /// STARTTLS is taken out of whatever the server says in the clear.
    NoStartTls,
}

impl Tap {
    /// Listens at `address` for those who want to reach `server`.
    ///
    /// # Panics
    /// When the address is taken.
    #[must_use]
    pub fn start(address: SocketAddr, server: SocketAddr, passing: Passing) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime can be made");
        let listener = runtime
            .block_on(TcpListener::bind(address))
            .expect("the address is free");
        let wire = Wire::default();
        let kept = Arc::clone(&wire);
        runtime.spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let kept = Arc::clone(&kept);
                // A connection that ends badly is the test's affair.
                tokio::spawn(async move { drop(pass(client, server, passing, &kept).await) });
            }
        });
        Self {
            wire,
            _runtime: runtime,
        }
    }

    /// Connections so far.
    #[must_use]
    pub fn connections(&self) -> usize {
        locked(&self.wire).len()
    }

    /// Whether a client ever sent `secret` in the clear.
    #[must_use]
    pub fn saw_in_the_clear(&self, secret: &str) -> bool {
        let secret = secret.as_bytes();
        let wire = locked(&self.wire);
        wire.iter()
            .any(|octets| octets.windows(secret.len()).any(|window| window == secret))
    }
}

fn locked(wire: &Wire) -> MutexGuard<'_, Vec<Vec<u8>>> {
    wire.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn pass(client: TcpStream, server: SocketAddr, passing: Passing, wire: &Wire) -> io::Result<()> {
    client.set_nodelay(true)?;
    let server = TcpStream::connect(server).await?;
    server.set_nodelay(true)?;
    let place = {
        let mut wire = locked(wire);
        wire.push(Vec::new());
        wire.len() - 1
    };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let keep = |octets: &mut [u8]| locked(wire)[place].extend_from_slice(octets);
    let strip = |octets: &mut [u8]| {
        if passing == Passing::NoStartTls {
            strip(octets);
        }
    };
    let (up, down) = tokio::join!(copy(from_client, to_server, keep), copy(from_server, to_client, strip));
    up.and(down)
}

/// Replies are small and come whole; an offer in two segments would get through, and the test would see it.
fn strip(octets: &mut [u8]) {
    let offer = octets.windows(OFFERED.len()).position(|window| window == OFFERED);
    if let Some(at) = offer {
        octets[at..at + STRIPPED.len()].copy_from_slice(STRIPPED);
    }
}

async fn copy(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut through: impl FnMut(&mut [u8]),
) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER_OCTETS];
    loop {
        let length = from.read(&mut buffer).await?;
        if length == 0 {
            return to.shutdown().await;
        }
        through(&mut buffer[..length]);
        to.write_all(&buffer[..length]).await?;
    }
}
