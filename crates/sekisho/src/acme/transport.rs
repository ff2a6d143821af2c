//! How requests to an ACME authority travel: through the one way out for HTTP, with its limits and its address filter.
//!
//! The ACME library keeps of an answer only what it needs itself. What else we go by is kept here beside it: the
//! status, `Retry-After`, links to other chains, what the directory says of renewal hints and accounts, and why an
//! exchange failed (RFC 8555 §6, RFC 9773 §4).

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{Method, Request, Response};
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use serde::Deserialize;

use super::AcmeSettings;
use crate::fetch::{
    FetchExceptions, FetchLimits, FetchMethod, FetchRequest, FetchTerms, FetchTrust, FetchUrl, Fetched, Fetcher,
    UrlHost,
};

/// The media type of every request that carries something (RFC 8555 §6.2).
const JOSE_JSON: &str = "application/jose+json";
/// A chain of RSA certificates has 10 KiB; a directory, an order or a problem less.
const ANSWER_LEN_MAX: usize = 256 * 1024;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Links to other chains that are kept of one answer.
const LINKS_MAX: usize = 8;

/// What of an answer is not the library's to keep.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// The HTTP status of the last answer; 0 when none came.
    pub(super) status: u16,
    /// Its media type.
    pub(super) content_type: Option<String>,
    /// Its `Retry-After`, as it came.
    pub(super) retry_after: Option<String>,
    /// Its links to other chains of the same certificate (RFC 8555 §7.4.2).
    pub(super) alternates: Vec<String>,
    /// Its body.
    pub(super) body: Bytes,
    /// Why no answer came.
    pub(super) fault: Option<String>,
}

/// The part of a directory that the library does not show (RFC 8555 §7.1.1, RFC 9773 §4.1).
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct DirectoryFacts {
    pub(super) renewal_info: Option<String>,
    pub(super) meta: DirectoryMeta,
}

/// Likewise.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct DirectoryMeta {
    pub(super) terms_of_service: Option<String>,
    pub(super) external_account_required: bool,
}

/// The way to one authority. Its clones see the same.
#[derive(Clone, Debug)]
pub(super) struct Courier {
    fetcher: Fetcher,
    terms: Arc<FetchTerms>,
    seen: Arc<Mutex<Seen>>,
}

impl Courier {
    /// To the authority of these settings: the operator named that host, so it may have any address;
    /// what the directory names beside it may not.
    pub(super) fn new(fetcher: Fetcher, settings: &AcmeSettings) -> Self {
        let trust = settings
            .trust
            .clone()
            .map_or_else(FetchTrust::default, FetchTrust::Given);
        let hosts = match settings.directory.host() {
            UrlHost::Name(name) => vec![name.clone()],
            UrlHost::Address(_) => Vec::new(),
        };
        let terms = FetchTerms {
            limits: FetchLimits {
                connect: CONNECT_TIMEOUT,
                total: settings.exchange_timeout,
                body_len: ANSWER_LEN_MAX,
                ..FetchLimits::default()
            },
            exceptions: FetchExceptions {
                hosts,
                ..FetchExceptions::default()
            },
            trust,
            redirects: 0,
        };
        Self {
            fetcher,
            terms: Arc::new(terms),
            seen: Arc::default(),
        }
    }

    /// What was last seen.
    pub(super) fn seen(&self) -> Seen {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Asks for something that needs no account: a directory, a renewal hint.
    ///
    /// # Errors
    /// Why nothing came, in words.
    pub(super) async fn get(&self, url: &str) -> Result<Fetched, String> {
        let url: FetchUrl = url.parse().map_err(|error| format!("{url:?}: {error}"))?;
        let fetched = self.fetcher.fetch(FetchRequest::get(url), &self.terms).await;
        fetched.map_err(|error| error.to_string())
    }

    async fn exchange(self, request: Request<BodyWrapper<Bytes>>) -> Result<BytesResponse, Error> {
        let fetched = self.fetch(request).await;
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        match fetched {
            Ok(fetched) => {
                *seen = Seen::of(&fetched);
                drop(seen);
                let mut response = Response::new(Full::new(fetched.body));
                *response.status_mut() =
                    hyper::StatusCode::from_u16(fetched.status).map_err(|error| Error::Other(error.into()))?;
                *response.headers_mut() = fetched.fields;
                Ok(BytesResponse::from(response))
            }
            Err(why) => {
                *seen = Seen {
                    fault: Some(why.clone()),
                    ..Seen::default()
                };
                Err(Error::Other(why.into()))
            }
        }
    }

    async fn fetch(&self, request: Request<BodyWrapper<Bytes>>) -> Result<Fetched, String> {
        let (parts, body) = request.into_parts();
        let text = parts.uri.to_string();
        let url: FetchUrl = text.parse().map_err(|error| format!("{text:?}: {error}"))?;
        let method = match parts.method {
            Method::GET => FetchMethod::Get,
            Method::HEAD => FetchMethod::Head,
            Method::POST => FetchMethod::Post {
                content_type: JOSE_JSON,
                body: match body.collect().await {
                    Ok(body) => body.to_bytes(),
                    Err(never) => match never {},
                },
            },
            other => return Err(format!("{other} is not spoken")),
        };
        let request = FetchRequest {
            url,
            method,
            accept: None,
        };
        let fetched = self.fetcher.fetch(request, &self.terms).await;
        fetched.map_err(|error| error.to_string())
    }
}

impl HttpClient for Courier {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        Box::pin(self.clone().exchange(request))
    }
}

impl Seen {
    fn of(fetched: &Fetched) -> Self {
        let links = fetched.fields.get_all("link").iter();
        let alternates = links.filter_map(|link| alternate(link.to_str().ok()?));
        Self {
            status: fetched.status,
            content_type: fetched.field("content-type").map(str::to_owned),
            retry_after: fetched.field("retry-after").map(str::to_owned),
            alternates: alternates.take(LINKS_MAX).collect(),
            body: fetched.body.clone(),
            fault: None,
        }
    }
}

/// The target of a link to an alternate (RFC 8288 §3); each field is taken to hold one link, as authorities write it.
fn alternate(link: &str) -> Option<String> {
    let (target, parameters) = link.trim().strip_prefix('<')?.split_once('>')?;
    let is_alternate = parameters.split(';').any(|parameter| {
        let parameter = parameter.trim();
        let value = parameter.strip_prefix("rel=").unwrap_or_default();
        value.trim_matches('"').eq_ignore_ascii_case("alternate")
    });
    is_alternate.then(|| target.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_links_to_alternates_are_kept() {
        assert_eq!(
            alternate("<https://ca.example/chain/1>;rel=\"alternate\"").as_deref(),
            Some("https://ca.example/chain/1")
        );
        assert_eq!(
            alternate("<https://ca.example/chain/1>; rel=alternate").as_deref(),
            Some("https://ca.example/chain/1")
        );
        assert_eq!(alternate("<https://ca.example/dir>;rel=\"index\""), None);
        assert_eq!(alternate("https://ca.example/chain/1; rel=alternate"), None);
    }
}
