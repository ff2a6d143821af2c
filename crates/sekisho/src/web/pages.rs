//! What the web answers: the certificate information page in the reader's language, the same as JSON, chains and
//! certificates to download, by GET and HEAD alone. Whatever else is asked for is not there, and nothing of a request
//! comes back.
//!
//! RFC 9110 §8.8 (validators), §13.1 (conditional requests), RFC 9111 §5.2.2; RFC 8615 (well-known places).

use std::sync::Arc;

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{RawQuery, State},
    http::{
        HeaderMap, HeaderValue, StatusCode, Uri,
        header::{
            ACCEPT_LANGUAGE, ALLOW, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LANGUAGE, CONTENT_SECURITY_POLICY,
            CONTENT_TYPE, ETAG, HeaderName, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED, REFERRER_POLICY, VARY,
            X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
        },
    },
    middleware::map_response,
    response::Response,
    routing::get,
};
use sekisho_mail::Timestamp;
use tokio::{
    sync::Mutex,
    time::{Duration, Instant},
};

use super::{
    PAGE,
    rendered::{Rendered, Resource},
};
use crate::{
    admin::Backend,
    certificate_page::{CONTENT_SECURITY_POLICY as POLICY, Language},
    clock,
};

/// For how long what was made is given to whoever asks: it costs a path for each certificate.
const KEPT_FOR: Duration = Duration::from_secs(5);
/// For how long others may keep it.
const CACHE: &str = "public, max-age=300";

/// What is given out.
#[derive(Clone)]
struct Pages {
    backend: Backend,
    kept: Arc<Mutex<Option<Kept>>>,
}

struct Kept {
    rendered: Arc<Rendered>,
    since: Instant,
}

impl Pages {
    async fn rendered(&self) -> Arc<Rendered> {
        let mut kept = self.kept.lock().await;
        if let Some(kept) = kept.as_ref().filter(|kept| kept.since.elapsed() < KEPT_FOR) {
            return Arc::clone(&kept.rendered);
        }
        let page = self.backend.certificate_page();
        let before = kept.as_ref().map(|kept| kept.rendered.as_ref());
        let rendered = Arc::new(Rendered::of(&page, clock::now(), before));
        *kept = Some(Kept {
            rendered: Arc::clone(&rendered),
            since: Instant::now(),
        });
        rendered
    }
}

/// All that is served, with what is answered for authorities.
pub fn router(backend: Backend, challenges: Option<Router>) -> Router {
    let pages = Pages {
        backend,
        kept: Arc::default(),
    };
    Router::new()
        .route(PAGE, get(page).fallback(not_allowed))
        .route(&format!("{PAGE}.json"), get(other).fallback(not_allowed))
        .route(&format!("{PAGE}/{{file}}"), get(other).fallback(not_allowed))
        .with_state(pages)
        .merge(challenges.unwrap_or_default())
        .fallback(not_found)
        .layer(map_response(harden))
}

async fn page(State(pages): State<Pages>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    let asked = query.as_deref().unwrap_or_default().split('&');
    let asked = asked
        .filter_map(|pair| pair.strip_prefix("lang="))
        .find_map(Language::of_tag);
    let language = asked.unwrap_or_else(|| {
        let accepted = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        Language::of_header(accepted.unwrap_or_default())
    });
    answer(pages.rendered().await.page(language), &headers)
}

async fn other(State(pages): State<Pages>, uri: Uri, headers: HeaderMap) -> Response {
    answer(pages.rendered().await.other(uri.path()), &headers)
}

async fn not_found() -> Response {
    plain(StatusCode::NOT_FOUND, "not found\n")
}

async fn not_allowed() -> Response {
    let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n");
    response
        .headers_mut()
        .insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    response
}

fn plain(status: StatusCode, text: &'static str) -> Response {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

fn answer(resource: Option<&Resource>, headers: &HeaderMap) -> Response {
    let Some(resource) = resource else {
        return plain(StatusCode::NOT_FOUND, "not found\n");
    };
    let is_known = is_known(resource, headers);
    let body = if is_known { Bytes::new() } else { resource.body.clone() };
    let mut response = Response::new(Body::from(body));
    let mut add = |name: HeaderName, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().insert(name, value);
        }
    };
    add(ETAG, &resource.etag);
    add(CACHE_CONTROL, CACHE);
    if let Some(modified) = http_date(resource.modified) {
        add(LAST_MODIFIED, &modified);
    }
    if let Some(language) = resource.language {
        add(CONTENT_LANGUAGE, language.tag());
        add(VARY, "accept-language");
    }
    if is_known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return response;
    }
    add(CONTENT_TYPE, resource.kind);
    if let Some(file) = &resource.file {
        add(CONTENT_DISPOSITION, &format!("attachment; filename=\"{file}\""));
    }
    response
}

/// Whether the client has it already (RFC 9110 §13.2.2: the date counts only where no tag is given).
fn is_known(resource: &Resource, headers: &HeaderMap) -> bool {
    let mut tags = headers.get_all(IF_NONE_MATCH).iter().peekable();
    if tags.peek().is_some() {
        let mut tags = tags
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','));
        return tags.any(|tag| {
            let tag = tag.trim();
            tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == resource.etag
        });
    }
    let since = headers.get(IF_MODIFIED_SINCE).and_then(|value| value.to_str().ok());
    let since = since.and_then(|text| jiff::fmt::rfc2822::parse(text).ok());
    since.is_some_and(|since| resource.modified.as_secs() <= since.timestamp().as_second())
}

/// As headers have it: `Sat, 28 Nov 2026 09:30:00 GMT`.
fn http_date(at: Timestamp) -> Option<String> {
    let at = jiff::Timestamp::from_second(at.as_secs()).ok()?;
    jiff::fmt::rfc2822::DateTimePrinter::new()
        .timestamp_to_rfc9110_string(&at)
        .ok()
}

/// What holds for whatever is answered: a browser shows it as what it is, in no frame, and tells nobody.
async fn harden(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
        (CONTENT_SECURITY_POLICY, POLICY.as_str()),
    ] {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    }
    response
}
