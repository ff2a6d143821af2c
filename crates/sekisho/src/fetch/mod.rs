//! Outgoing HTTP: the one way in which this server fetches something from other web servers (CRLs, OCSP answers,
//! certificates, policies, ACME). HTTP/1.1 over `http` and `https`, GET, HEAD and POST (RFC 9110, RFC 9112).
//!
//! URLs stand in other people's certificates, and answers are other people's octets. So every fetch has limits of time
//! and size; every address is judged when it is connected to, and the connection goes to the very address that was
//! judged; a redirect is followed only where the caller says so, and each hop is judged anew; nothing is ever sent in
//! the clear to an `https` URL; no cookie, no password, no compression, and no connection that two fetches share.
//!
//! What is fetched, when, and what it means is the caller's. No other module names an HTTP client, the commands' door
//! to the management API aside.

mod connect;
mod exchange;
mod failure;
mod meter;
mod places;
#[cfg(test)]
mod tests;
mod url;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use bytes::Bytes;
use hyper::{HeaderMap, StatusCode, header::LOCATION};
use sekisho_mail::{AnchorSetId, Domain};
use sekisho_policy::Network;
use sekisho_tls::{AnchorSet, TlsClient, Verifier};
use tokio::time::{Instant, timeout_at};

pub use failure::{AnswerPart, FetchCause, FetchError, FetchStage, RedirectFault};
pub use places::{FETCHES_MAX, FETCHES_PENDING_MAX, FETCHES_PER_HOST_MAX};
pub use url::{FetchUrl, Scheme, URL_LEN_MAX, UrlError, UrlHost};

use self::places::Places;
use crate::dns::Resolver;

/// Redirects that are followed at most, whoever asks for more.
pub const REDIRECTS_MAX: u8 = 3;

/// How much time and how many octets a fetch may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FetchLimits {
    /// For a connection to one address, and for a handshake.
    pub connect: Duration,
    /// For everything, waiting and redirects included.
    pub total: Duration,
    /// Octets of the answer's head, interim answers before it included.
    pub head_len: usize,
    /// Octets of the answer's body.
    pub body_len: usize,
}

impl Default for FetchLimits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            total: Duration::from_secs(10),
            head_len: 16 * 1024,
            body_len: 10 * 1024 * 1024,
        }
    }
}

/// What may be connected to although the address filter says no: named by an operator, for one use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FetchExceptions {
    /// Addresses in these networks.
    pub networks: Vec<Network>,
    /// Whatever these names lead to.
    pub hosts: Vec<Domain>,
}

/// Who is trusted with an `https` URL.
#[derive(Clone, Debug)]
pub enum FetchTrust {
    /// A set of the server's own verifier.
    Named(AnchorSetId),
    /// These, for this use alone.
    Given(AnchorSet),
}

impl Default for FetchTrust {
    /// The system's.
    fn default() -> Self {
        Self::Named(AnchorSetId::system())
    }
}

/// On what terms something is fetched.
#[derive(Clone, Debug, Default)]
pub struct FetchTerms {
    /// Time and octets.
    pub limits: FetchLimits,
    /// What the address filter lets through.
    pub exceptions: FetchExceptions,
    /// Who is trusted.
    pub trust: FetchTrust,
    /// Redirects that are followed, at most [`REDIRECTS_MAX`]; of GET and HEAD alone.
    pub redirects: u8,
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchRequest {
    /// Where.
    pub url: FetchUrl,
    /// How.
    pub method: FetchMethod,
    /// The media type that is wanted; any where there is none.
    pub accept: Option<&'static str>,
}

/// How something is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FetchMethod {
    /// All of it.
    Get,
    /// Its head.
    Head,
    /// With something sent along.
    Post {
        /// The media type of the body.
        content_type: &'static str,
        /// What is sent.
        body: Bytes,
    },
}

impl FetchRequest {
    /// GET.
    #[must_use]
    pub const fn get(url: FetchUrl) -> Self {
        Self::new(url, FetchMethod::Get)
    }

    /// HEAD.
    #[must_use]
    pub const fn head(url: FetchUrl) -> Self {
        Self::new(url, FetchMethod::Head)
    }

    /// POST.
    #[must_use]
    pub fn post(url: FetchUrl, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        let body = body.into();
        Self::new(url, FetchMethod::Post { content_type, body })
    }

    /// The same, and this media type is wanted.
    #[must_use]
    pub const fn accepting(mut self, media_type: &'static str) -> Self {
        self.accept = Some(media_type);
        self
    }

    const fn new(url: FetchUrl, method: FetchMethod) -> Self {
        Self {
            url,
            method,
            accept: None,
        }
    }
}

/// What came.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// Where it came from: behind redirects not where it was asked for.
    pub url: FetchUrl,
    /// The status, whichever it is but a redirect's.
    pub status: u16,
    /// The answer's fields, as they came.
    pub fields: HeaderMap,
    /// The body, whole.
    pub body: Bytes,
    /// From where.
    pub address: SocketAddr,
    /// How long it took in all.
    pub took: Duration,
}

impl Fetched {
    /// A field's first value, when it is plain ASCII.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name)?.to_str().ok()
    }

    /// Itself, when the status is one of success (2xx).
    ///
    /// # Errors
    /// [`FetchCause::Status`] otherwise.
    pub fn successful(self) -> Result<Self, FetchError> {
        if (200..300).contains(&self.status) {
            return Ok(self);
        }
        Err(FetchError {
            cause: FetchCause::Status(self.status),
            url: Box::new(self.url),
        })
    }
}

/// How everything is fetched, as the configuration has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FetchSettings {
    /// Through whom.
    pub proxy: Option<Proxy>,
    /// The addresses and ports of our own listeners, which are never connected to.
    pub own_addresses: Vec<SocketAddr>,
}

/// A proxy, named by the operator: its own address may be any. Names are resolved by it, and what it connects to is its
/// to judge; here, addresses that stand in a URL are judged as they are without one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    /// A name or an address.
    pub host: UrlHost,
    /// Its port.
    pub port: u16,
}

impl std::fmt::Display for Proxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "http://{}:{}", self.host, self.port)
    }
}

impl std::str::FromStr for Proxy {
    type Err = String;

    /// `http://proxy.example:3128`.
    fn from_str(text: &str) -> Result<Self, String> {
        let url: FetchUrl = text.parse().map_err(|error: UrlError| error.to_string())?;
        if url.scheme() != Scheme::Http {
            return Err("a proxy is spoken to over http".to_owned());
        }
        if url.path() != "/" {
            return Err("a proxy has no path".to_owned());
        }
        Ok(Self {
            host: url.host().clone(),
            port: url.port(),
        })
    }
}

/// Fetches; one for the whole process, cheap to clone.
#[derive(Clone, Debug)]
pub struct Fetcher(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    dns: Arc<dyn Resolver>,
    tls: TlsClient,
    verifier: Arc<Verifier>,
    places: Places,
    settings: ArcSwap<FetchSettings>,
}

impl Fetcher {
    /// With the server's own resolver and verifier.
    #[must_use]
    pub fn new(dns: Arc<dyn Resolver>, verifier: Arc<Verifier>, settings: FetchSettings) -> Self {
        Self(Arc::new(Shared {
            dns,
            tls: TlsClient::new(sekisho_tls::ClientIdentities::new()),
            verifier,
            places: Places::default(),
            settings: ArcSwap::from_pointee(settings),
        }))
    }

    /// Others from the next fetch on.
    pub fn replace_settings(&self, settings: FetchSettings) {
        self.0.settings.store(Arc::new(settings));
    }

    /// Through whom it goes, when not straight.
    #[must_use]
    pub fn proxy(&self) -> Option<String> {
        self.0.settings.load().proxy.as_ref().map(ToString::to_string)
    }

    /// Fetches something; any status but a redirect's is an answer. Dropped, the connection is.
    ///
    /// # Errors
    /// Where and why it failed.
    pub async fn fetch(&self, request: FetchRequest, terms: &FetchTerms) -> Result<Fetched, FetchError> {
        let begun = Instant::now();
        let watch = Watch {
            deadline: begun + terms.limits.total,
            total: terms.limits.total,
        };
        let mut request = request;
        let mut redirects = terms.redirects.min(REDIRECTS_MAX);
        let Some(_pending) = self.0.places.queue_up() else {
            return Err(at(&request.url, FetchCause::Busy));
        };
        loop {
            let fetched = self.0.hop(&request, terms, watch).await;
            let mut fetched = fetched.map_err(|cause| at(&request.url, cause))?;
            match redirect(&request, &fetched, terms, &mut redirects) {
                Ok(None) => {
                    fetched.took = begun.elapsed();
                    return Ok(fetched);
                }
                Ok(Some(next)) => request.url = next,
                Err(cause) => return Err(at(&request.url, cause)),
            }
        }
    }
}

impl Shared {
    /// One question to one host.
    async fn hop(&self, request: &FetchRequest, terms: &FetchTerms, watch: Watch) -> Result<Fetched, FetchCause> {
        let endpoint = request.url.endpoint();
        let waiting = watch.within(FetchStage::Waiting, None, self.places.take(&endpoint));
        let Some(_place) = waiting.await? else {
            return Err(FetchCause::Ours("the fetches have ended".to_owned()));
        };
        let settings = self.settings.load_full();
        let connected = connect::connect(self, &request.url, terms, &settings, watch).await?;
        exchange::exchange(connected, request, terms, watch).await
    }
}

fn at(url: &FetchUrl, cause: FetchCause) -> FetchError {
    FetchError {
        url: Box::new(url.clone()),
        cause,
    }
}

/// Where an answer leads (RFC 9110 §15.4): nowhere, or to what is asked next.
fn redirect(
    request: &FetchRequest,
    answer: &Fetched,
    terms: &FetchTerms,
    left: &mut u8,
) -> Result<Option<FetchUrl>, FetchCause> {
    let is_redirect = matches!(
        StatusCode::from_u16(answer.status),
        Ok(StatusCode::MOVED_PERMANENTLY
            | StatusCode::FOUND
            | StatusCode::SEE_OTHER
            | StatusCode::TEMPORARY_REDIRECT
            | StatusCode::PERMANENT_REDIRECT)
    );
    if !is_redirect {
        return Ok(None);
    }
    let location = answer
        .fields
        .get(LOCATION)
        .map(|value| value.as_bytes().escape_ascii().to_string());
    let location = location.unwrap_or_default();
    let judge = || {
        if terms.redirects == 0 {
            return Err(RedirectFault::NotFollowed);
        }
        if *left == 0 {
            return Err(RedirectFault::TooMany);
        }
        if matches!(request.method, FetchMethod::Post { .. }) {
            return Err(RedirectFault::Sent);
        }
        let next = answer.url.join(&location)?;
        if answer.url.scheme() == Scheme::Https && next.scheme() == Scheme::Http {
            return Err(RedirectFault::IntoTheClear);
        }
        Ok(next)
    };
    match judge() {
        Ok(next) => {
            *left -= 1;
            Ok(Some(next))
        }
        Err(why) => Err(FetchCause::Redirect {
            status: answer.status,
            location,
            why,
        }),
    }
}

/// When it is over, whatever it is at.
#[derive(Clone, Copy, Debug)]
struct Watch {
    deadline: Instant,
    total: Duration,
}

impl Watch {
    /// Waits for it, no longer than `limit` and never beyond the end of everything.
    async fn within<T>(
        &self,
        stage: FetchStage,
        limit: Option<Duration>,
        work: impl Future<Output = T>,
    ) -> Result<T, FetchCause> {
        let own = limit
            .map(|limit| Instant::now() + limit)
            .filter(|own| *own < self.deadline);
        let until = own.unwrap_or(self.deadline);
        let limit = limit.filter(|_| own.is_some()).unwrap_or(self.total);
        timeout_at(until, work)
            .await
            .map_err(|_| FetchCause::TimedOut { stage, limit })
    }

    /// What is left.
    fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }
}
