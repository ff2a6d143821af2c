//! The proof that a certificate is presented: a handshake with ourselves, over loopback, as any client would make it.
//! It is made after each swap, and again after a while where it failed.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use sekisho_mail::{Digest, Domain, Timestamp};
use sekisho_tls::{CertificateChain, HandshakeQuestion, Identity, KeyFamily, presented_chain};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufStream},
    net::TcpStream,
    sync::watch,
    time::{self, Instant},
};

use super::Certificates;
use crate::{
    app::Phase,
    chance::select,
    clock,
    inbound::{ListenerMode, Listeners},
};

/// For each step of a proof; a listener may wait before it greets.
const STEP_LIMIT: Duration = Duration::from_secs(30);
/// After which one that failed is made again.
const AGAIN_AFTER: Duration = Duration::from_secs(60);
/// Names of one certificate that are asked for.
const NAMES_MAX: usize = 5;
/// Octets of a line of our own server, and lines of a reply.
const LINE_LEN_MAX: u64 = 2048;
const LINES_MAX: usize = 100;

/// What came of the proof of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// When it was made.
    pub at: Timestamp,
    /// On which listener, asking for which name.
    pub place: String,
    /// Why it failed; `None` when it did not.
    pub failure: Option<String>,
}

/// One certificate to be proved.
#[derive(Clone, Debug)]
struct Claim {
    digest: Digest,
    family: KeyFamily,
    name: Domain,
    listener: String,
    address: SocketAddr,
    mode: ListenerMode,
}

/// Proves what is presented after each swap, until the server stops.
pub async fn keep_proving(
    certificates: Arc<Certificates>,
    listeners: Arc<Listeners>,
    mut phase: watch::Receiver<Phase>,
) {
    loop {
        let all_hold = select! {
            all_hold = certificates.prove(&listeners) => all_hold,
            _ = phase.wait_for(|phase| *phase != Phase::Running) => return,
        };
        let again = Instant::now() + AGAIN_AFTER;
        select! {
            () = certificates.swapped.notified() => {}
            () = time::sleep_until(again), if !all_hold => {}
            _ = phase.wait_for(|phase| *phase != Phase::Running) => return,
        }
    }
}

impl Certificates {
    /// Proves all that is presented; whether all of it is.
    async fn prove(&self, listeners: &Listeners) -> bool {
        let mut proofs: HashMap<Digest, Proof> = HashMap::new();
        for claim in self.claims(listeners) {
            // The first failure of a certificate is the one that is told.
            if proofs.get(&claim.digest).is_some_and(|proof| proof.failure.is_some()) {
                continue;
            }
            let failure = claim.prove().await.err();
            self.metrics.proof(failure.is_none());
            let place = format!("listener {:?}, {}", claim.listener, claim.name);
            match &failure {
                None => {
                    tracing::debug!(place, sha256 = %claim.digest, "a certificate is presented, as a handshake shows")
                }
                Some(reason) => {
                    tracing::error!(place, sha256 = %claim.digest, reason, "a handshake does not show the certificate");
                }
            }
            let at = clock::now();
            proofs.insert(claim.digest, Proof { at, place, failure });
        }
        let all_hold = proofs.values().all(|proof| proof.failure.is_none());
        tracing::info!(
            certificates = proofs.len(),
            all_hold,
            "handshakes with ourselves were made"
        );
        if all_hold {
            self.metrics.proved(clock::now());
        }
        self.keep_proofs(proofs);
        all_hold
    }

    fn claims(&self, listeners: &Listeners) -> Vec<Claim> {
        let presented = self.presented();
        let current = listeners.current();
        let mut claims = Vec::new();
        for presenting in self.presenting() {
            let of_mail = current.iter().find(|one| one.name() == presenting.listener);
            let place = match (presenting.web, of_mail) {
                (Some(address), _) => Some((address, ListenerMode::ImplicitTls)),
                (None, Some(listener)) => Some((listener.address(), listener.mode())),
                (None, None) => None,
            };
            let Some((address, mode)) = place else { continue };
            let of_files = presenting.files.iter().filter_map(|files| presented.files.get(files));
            let of_roles = presenting.roles.iter().filter_map(|role| presented.roles.get(role));
            let of_roles = of_roles.flat_map(|role| role.identities.iter().map(|(_, identity)| identity));
            for identity in of_files.chain(of_roles) {
                let Some(leaf) = identity.chain().first() else { continue };
                claims.extend(names(identity).into_iter().map(|name| Claim {
                    digest: leaf.sha256,
                    family: identity.family(),
                    name,
                    listener: presenting.listener.clone(),
                    address: reachable(address),
                    mode,
                }));
            }
        }
        claims
    }
}

/// Names to ask for, with a label in the place of a star.
fn names(identity: &Identity) -> Vec<Domain> {
    let names = identity.certificates().leaf_names().into_iter();
    let names = names.filter_map(|name| Domain::parse(&name.replacen('*', "proof", 1)).ok());
    names.take(NAMES_MAX).collect()
}

/// From this machine.
fn reachable(bound: SocketAddr) -> SocketAddr {
    let address = match bound.ip() {
        IpAddr::V4(address) if address.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(address) if address.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        address => address,
    };
    SocketAddr::new(address, bound.port())
}

impl Claim {
    async fn prove(&self) -> Result<(), String> {
        let connected = limited("connecting", TcpStream::connect(self.address)).await?;
        let mut stream = BufStream::new(connected.map_err(|error| format!("connecting failed: {error}"))?);
        if self.mode == ListenerMode::Smtp {
            start_tls(&mut stream).await?;
        }
        let question = HandshakeQuestion {
            name: &self.name,
            family: self.family,
            probe: None,
        };
        let chain = presented_chain(stream, question, STEP_LIMIT).await?;
        let leaf = &chain.facts()[0];
        if leaf.sha256 == self.digest {
            return Ok(());
        }
        Err(format!(
            "another certificate is presented: {}, of {}",
            leaf.subject, leaf.issuer
        ))
    }
}

/// The chain that a host shows under STARTTLS to a client that knows the secret name of what is not in force yet.
///
/// # Errors
/// Why there was no handshake, in words.
pub async fn shake_hands<S: AsyncRead + AsyncWrite + Unpin>(
    connecting: impl Future<Output = Result<S, String>>,
    question: HandshakeQuestion<'_>,
) -> Result<CertificateChain, String> {
    let connected = limited("connecting", connecting).await??;
    let mut stream = BufStream::new(connected);
    start_tls(&mut stream).await?;
    presented_chain(stream, question, STEP_LIMIT).await
}

/// RFC 3207 §4.
async fn start_tls<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut BufStream<S>) -> Result<(), String> {
    expect(stream, "220").await?;
    say(stream, "EHLO localhost\r\n").await?;
    expect(stream, "250").await?;
    say(stream, "STARTTLS\r\n").await?;
    expect(stream, "220").await
}

async fn say<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut BufStream<S>, line: &str) -> Result<(), String> {
    let said = async {
        stream.write_all(line.as_bytes()).await?;
        stream.flush().await
    };
    limited("writing", said)
        .await?
        .map_err(|error| format!("writing failed: {error}"))
}

/// Reads a reply, which must have this code.
async fn expect<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut BufStream<S>, code: &str) -> Result<(), String> {
    for _ in 0..LINES_MAX {
        let mut line = String::new();
        let read = async { (&mut *stream).take(LINE_LEN_MAX).read_line(&mut line).await };
        limited("reading", read)
            .await?
            .map_err(|error| format!("reading failed: {error}"))?;
        if line.is_empty() {
            return Err("the connection was closed".to_owned());
        }
        if !line.starts_with(code) {
            return Err(format!("the listener answered {:?}", line.trim_end()));
        }
        if !line[code.len()..].starts_with('-') {
            return Ok(());
        }
    }
    Err("a reply has no end".to_owned())
}

async fn limited<T>(what: &str, future: impl Future<Output = T>) -> Result<T, String> {
    let ended = time::timeout(STEP_LIMIT, future).await;
    ended.map_err(|_| format!("{what} took longer than {} s", STEP_LIMIT.as_secs()))
}
