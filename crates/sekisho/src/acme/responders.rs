//! What is shown to an authority that looks whether a name is ours, and the two listeners that show it. Where the web
//! listens already, it is handed what to show ([`OnWeb`]).
//!
//! The listeners serve nothing else: on http one path below `/.well-known/acme-challenge/` for each challenge under way
//! and 404 for all others, with nothing of the request in the answer; on TLS one handshake (RFC 8555 §8.3, RFC 8737).

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use axum::{
    Router,
    extract::{Path, State},
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::get,
};
use sekisho_mail::Domain;
use sekisho_tls::ChallengeServer;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    time::{sleep, timeout},
};

use crate::{
    admin::{HttpLimits, serve_router},
    app::Phase,
};

/// Challenges under way at a time.
const TOKENS_MAX: usize = 256;
/// Connections to either listener at a time; an authority needs a handful.
const CONNECTIONS_MAX: usize = 64;
/// For one of them.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(10);
/// For the question to ourselves.
const CHECK_TIMEOUT: Duration = Duration::from_secs(5);
/// Octets of our own answer that are read.
const ANSWER_LEN_MAX: u64 = 16 * 1024;

/// Where challenges of a kind are answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponderAddress {
    /// On a listener that is for nothing else.
    Own(SocketAddr),
    /// Where the web listens, which is handed what to answer: a machine has one port 80 and one port 443.
    OfWeb(SocketAddr),
}

/// What is shown to authorities. Cheap to clone; the clones show the same.
#[derive(Clone, Debug, Default)]
pub struct Responders {
    tokens: Tokens,
    handshakes: ChallengeServer,
    http: Option<ResponderAddress>,
    tls: Option<ResponderAddress>,
}

/// Key authorizations by token.
#[derive(Clone, Debug, Default)]
struct Tokens(Arc<RwLock<HashMap<String, String>>>);

impl Responders {
    /// Opens the listeners of our own; they end with the server.
    ///
    /// # Errors
    /// Which cannot be listened on.
    pub async fn open(
        http: Option<ResponderAddress>,
        tls: Option<ResponderAddress>,
        phase: &watch::Receiver<Phase>,
    ) -> Result<Self, ResponderError> {
        let mut responders = Self {
            http,
            tls,
            ..Self::default()
        };
        if let Some(ResponderAddress::Own(address)) = http {
            let (listener, bound) = listen("acme.http", address).await?;
            let limits = HttpLimits {
                connections: CONNECTIONS_MAX,
                head_timeout: CONNECTION_TIMEOUT,
                connection_timeout: CONNECTION_TIMEOUT,
                head_len: 8 * 1024,
            };
            tokio::spawn(serve_router(
                listener,
                router(responders.tokens.clone()),
                limits,
                phase.clone(),
            ));
            responders.http = Some(ResponderAddress::Own(bound));
        }
        if let Some(ResponderAddress::Own(address)) = tls {
            let (listener, bound) = listen("acme.tls", address).await?;
            tokio::spawn(serve_handshakes(listener, responders.handshakes.clone(), phase.clone()));
            responders.tls = Some(ResponderAddress::Own(bound));
        }
        Ok(responders)
    }

    /// Where http-01 is answered.
    #[must_use]
    pub fn http(&self) -> Option<SocketAddr> {
        self.http.map(ResponderAddress::address)
    }

    /// Where tls-alpn-01 is answered.
    #[must_use]
    pub fn tls(&self) -> Option<SocketAddr> {
        self.tls.map(ResponderAddress::address)
    }

    /// What the web is to answer beside its own.
    #[must_use]
    pub fn on_web(&self) -> OnWeb {
        let is_of_web = |address: &Option<ResponderAddress>| matches!(address, Some(ResponderAddress::OfWeb(_)));
        OnWeb {
            routes: is_of_web(&self.http).then(|| challenges(self.tokens.clone())),
            handshakes: is_of_web(&self.tls).then(|| self.handshakes.clone()),
        }
    }

    /// What is shown in handshakes.
    pub(super) const fn handshakes(&self) -> &ChallengeServer {
        &self.handshakes
    }

    /// Shows a key authorization at its token's path.
    ///
    /// # Errors
    /// In words: a token that is none (RFC 8555 §8.3), or too many at a time.
    pub(super) fn show(&self, token: &str, authorization: &str) -> Result<(), String> {
        let is_plain = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_');
        if token.is_empty() || token.len() > 256 || !token.bytes().all(is_plain) {
            return Err("the token holds what no token may hold".to_owned());
        }
        let mut tokens = self.tokens.0.write().unwrap_or_else(PoisonError::into_inner);
        if tokens.len() >= TOKENS_MAX {
            return Err(format!("{TOKENS_MAX} challenges are under way already"));
        }
        tokens.insert(token.to_owned(), authorization.to_owned());
        Ok(())
    }

    pub(super) fn hide(&self, token: &str) {
        let mut tokens = self.tokens.0.write().unwrap_or_else(PoisonError::into_inner);
        tokens.remove(token);
    }

    /// Asks our own listener for a token, as the authority will: what stands between it and us is not seen.
    ///
    /// # Errors
    /// What came instead, in words.
    pub(super) async fn check_http(&self, name: &Domain, token: &str, authorization: &str) -> Result<(), String> {
        let address = self.http().ok_or("acme.http is not listened on")?;
        let ask = async {
            let mut stream = TcpStream::connect(reachable(address)).await?;
            let request = format!(
                "GET /.well-known/acme-challenge/{token} HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n"
            );
            stream.write_all(request.as_bytes()).await?;
            let mut answer = Vec::new();
            stream.take(ANSWER_LEN_MAX).read_to_end(&mut answer).await?;
            io::Result::Ok(answer)
        };
        let answer = match timeout(CHECK_TIMEOUT, ask).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return Err(error.to_string()),
            Err(_) => return Err(format!("no answer within {} s", CHECK_TIMEOUT.as_secs())),
        };
        if answer.starts_with(b"HTTP/1.1 200 ") && answer.ends_with(authorization.as_bytes()) {
            Ok(())
        } else {
            Err("something else answers there".to_owned())
        }
    }

    /// Likewise for a handshake.
    ///
    /// # Errors
    /// What came instead, in words.
    pub(super) async fn check_tls(&self, name: &Domain) -> Result<(), String> {
        let address = self.tls().ok_or("acme.tls is not listened on")?;
        let connecting = timeout(CHECK_TIMEOUT, TcpStream::connect(reachable(address)));
        match connecting.await {
            Ok(Ok(stream)) => self.handshakes.check(stream, name, CHECK_TIMEOUT).await,
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!("no connection within {} s", CHECK_TIMEOUT.as_secs())),
        }
    }
}

impl ResponderAddress {
    const fn address(self) -> SocketAddr {
        match self {
            Self::Own(address) | Self::OfWeb(address) => address,
        }
    }
}

/// What the web answers for an authority.
#[derive(Clone, Debug, Default)]
pub struct OnWeb {
    /// For http-01.
    pub routes: Option<Router>,
    /// For tls-alpn-01.
    pub handshakes: Option<ChallengeServer>,
}

/// Why a listener cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("{setting}: {address} cannot be listened on: {source}; choose another address, or leave the setting out")]
pub struct ResponderError {
    setting: &'static str,
    address: SocketAddr,
    source: io::Error,
}

async fn listen(setting: &'static str, address: SocketAddr) -> Result<(TcpListener, SocketAddr), ResponderError> {
    let fault = |source| ResponderError {
        setting,
        address,
        source,
    };
    let listener = TcpListener::bind(address).await.map_err(fault)?;
    let bound = listener.local_addr().map_err(fault)?;
    Ok((listener, bound))
}

/// Under which address we reach our own listener.
const fn reachable(bound: SocketAddr) -> SocketAddr {
    let ip = match bound.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        other => other,
    };
    SocketAddr::new(ip, bound.port())
}

fn router(tokens: Tokens) -> Router {
    challenges(tokens).fallback(|| async { StatusCode::NOT_FOUND })
}

fn challenges(tokens: Tokens) -> Router {
    Router::new()
        .route("/.well-known/acme-challenge/{token}", get(answer))
        .with_state(tokens)
}

async fn answer(State(tokens): State<Tokens>, Path(token): Path<String>) -> Response {
    let tokens = tokens.0.read().unwrap_or_else(PoisonError::into_inner);
    match tokens.get(&token) {
        // RFC 8555 §8.3: some authorities want this type.
        Some(authorization) => ([(CONTENT_TYPE, "application/octet-stream")], authorization.clone()).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn serve_handshakes(listener: TcpListener, server: ChallengeServer, mut phase: watch::Receiver<Phase>) {
    let slots = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(slot) = Arc::clone(&slots).acquire_owned().await else {
            return;
        };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = phase.wait_for(|phase| *phase == Phase::Stopping) => return,
        };
        match accepted {
            Ok((stream, peer)) => {
                let server = server.clone();
                tokio::spawn(async move {
                    if let Err(error) = server.answer(stream, CONNECTION_TIMEOUT).await {
                        tracing::debug!(%peer, %error, "a handshake that was for no challenge");
                    }
                    drop(slot);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn ask(address: SocketAddr, request: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn only_the_tokens_under_way_are_served_and_nothing_of_a_request_comes_back() {
        let (_phase, watching) = watch::channel(Phase::Running);
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let responders = Responders::open(Some(ResponderAddress::Own(any)), None, &watching)
            .await
            .unwrap();
        let address = responders.http().unwrap();
        let name = Domain::parse("mx.example.org").unwrap();
        responders.show("abc-_1", "abc-_1.thumb").unwrap();
        responders.check_http(&name, "abc-_1", "abc-_1.thumb").await.unwrap();
        assert!(responders.check_http(&name, "other", "other.thumb").await.is_err());
        for path in [
            "/",
            "/.well-known/acme-challenge/",
            "/.well-known/acme-challenge/%3Cscript%3E",
            "/secret?q=secret",
        ] {
            let answer = ask(
                address,
                &format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
            )
            .await;
            assert!(answer.starts_with("HTTP/1.1 404 "), "{path}: {answer}");
            assert!(
                !answer.contains("script") && !answer.contains("secret"),
                "{path}: {answer}"
            );
        }
        let posted = "POST /.well-known/acme-challenge/abc-_1 HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\
                      Connection: close\r\n\r\n";
        assert!(ask(address, posted).await.starts_with("HTTP/1.1 405 "));
        responders.hide("abc-_1");
        assert!(responders.check_http(&name, "abc-_1", "abc-_1.thumb").await.is_err());
        assert!(responders.show("../etc", "x").is_err());
    }

    #[tokio::test]
    async fn a_handshake_is_answered_on_the_listener_for_the_name_of_the_challenge() {
        let (_phase, watching) = watch::channel(Phase::Running);
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let responders = Responders::open(None, Some(ResponderAddress::Own(any)), &watching)
            .await
            .unwrap();
        let name = Domain::parse("mx.example.org").unwrap();
        let now = sekisho_mail::Timestamp::from_secs(1_795_000_000);
        responders.handshakes().present(&name, [1; 32], now).unwrap();
        responders.check_tls(&name).await.unwrap();
        let other = Domain::parse("www.example.org").unwrap();
        assert!(responders.check_tls(&other).await.is_err());
    }
}
