//! One request and its answer over a connection, within the limits.

use std::{io, net::SocketAddr, time::Duration};

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt as _, Full};
use hyper::{
    Method, Request, Response,
    body::Incoming,
    client::conn::http1,
    header::{ACCEPT, CONNECTION, CONTENT_ENCODING, CONTENT_TYPE, HOST, TRANSFER_ENCODING, USER_AGENT as AGENT},
};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use super::{
    AnswerPart, FetchCause, FetchMethod, FetchRequest, FetchStage, FetchTerms, Fetched, Watch,
    connect::{Connected, Connection},
    meter::{Allowance, Metered},
};
use crate::chance::select;

/// Who we say we are.
pub(super) const USER_AGENT: &str = concat!("sekisho/", env!("CARGO_PKG_VERSION"));
/// The least that the HTTP library reads a head into.
const HEAD_LEN_MIN: usize = 8 * 1024;
/// Octets on the wire beyond a body and as much again: chunk heads and trailers.
const FRAMING_LEN: usize = 64 * 1024;

/// Asks and reads the answer.
pub(super) async fn exchange(
    connected: Connected,
    request: &FetchRequest,
    terms: &FetchTerms,
    watch: Watch,
) -> Result<Fetched, FetchCause> {
    let Connected {
        stream,
        address,
        by_proxy,
    } = connected;
    let asked = written(request, by_proxy)?;
    let over = Over {
        request,
        address,
        terms,
        watch,
    };
    match stream {
        Connection::Plain(stream) => over.stream(stream, asked).await,
        Connection::Tls(stream) => over.stream(*stream, asked).await,
    }
}

fn written(request: &FetchRequest, by_proxy: bool) -> Result<Request<Full<Bytes>>, FetchCause> {
    let url = &request.url;
    let target = if by_proxy {
        url.to_string()
    } else {
        url.path().to_owned()
    };
    let mut builder = Request::builder().uri(target).header(HOST, url.authority());
    builder = builder.header(AGENT, USER_AGENT).header(CONNECTION, "close");
    builder = builder.header(ACCEPT, request.accept.unwrap_or("*/*"));
    let built = match &request.method {
        FetchMethod::Get => builder.body(Full::default()),
        FetchMethod::Head => builder.method(Method::HEAD).body(Full::default()),
        FetchMethod::Post { content_type, body } => builder
            .method(Method::POST)
            .header(CONTENT_TYPE, *content_type)
            .body(Full::new(body.clone())),
    };
    built.map_err(|error| FetchCause::Ours(error.to_string()))
}

/// What an exchange needs to know.
struct Over<'a> {
    request: &'a FetchRequest,
    address: SocketAddr,
    terms: &'a FetchTerms,
    watch: Watch,
}

impl Over<'_> {
    async fn stream<S>(self, stream: S, asked: Request<Full<Bytes>>) -> Result<Fetched, FetchCause>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let limits = self.terms.limits;
        let head_len = limits.head_len.max(HEAD_LEN_MIN);
        // The library reads ahead as much as it may hold: what is behind the head counts for the body.
        let left = Allowance::new(head_len.saturating_mul(2));
        let metered = TokioIo::new(Metered::new(stream, left.clone()));
        let opened = http1::Builder::new().max_buf_size(head_len).handshake(metered).await;
        let (mut sender, connection) = opened.map_err(|error| FetchCause::Ours(error.to_string()))?;
        let asking = async {
            let sent = sender.send_request(asked);
            let answer = self.watch.within(FetchStage::Head, None, sent).await?;
            let answer = answer.map_err(|error| self.broken(&error, AnswerPart::Head, &left))?;
            self.answer(answer, &left).await
        };
        // The connection lives as long as the question and no longer; what ends it shows in the answer.
        let driving = async {
            let _ = connection.await;
            std::future::pending::<()>().await;
        };
        select! {
            answered = asking => answered,
            () = driving => Err(FetchCause::Ours("a connection went on without an answer".to_owned())),
        }
    }

    async fn answer(&self, answer: Response<Incoming>, left: &Allowance) -> Result<Fetched, FetchCause> {
        let (head, mut body) = answer.into_parts();
        let status = head.status.as_u16();
        if status < 200 {
            return Err(FetchCause::Malformed(format!("its status is {status}")));
        }
        let limit = self.terms.limits.body_len;
        let too_large = FetchCause::TooLarge {
            part: AnswerPart::Body,
            limit,
        };
        let announced = hyper::body::Body::size_hint(&body).exact();
        let is_head = self.request.method == FetchMethod::Head;
        if !is_head && announced.is_some_and(|octets| usize::try_from(octets).map_or(true, |octets| octets > limit)) {
            return Err(too_large);
        }
        refuse_codings(&head.headers)?;
        left.raise(limit.saturating_mul(2).saturating_add(FRAMING_LEN));
        let mut whole = BytesMut::new();
        while let Some(frame) = self.watch.within(FetchStage::Body, None, body.frame()).await? {
            let frame = frame.map_err(|error| self.broken(&error, AnswerPart::Body, left))?;
            // Trailers are nobody's business here.
            let Ok(piece) = frame.into_data() else { continue };
            if piece.len() > limit - whole.len() {
                return Err(too_large);
            }
            whole.extend_from_slice(&piece);
        }
        Ok(Fetched {
            url: self.request.url.clone(),
            status,
            fields: head.headers,
            body: whole.freeze(),
            address: self.address,
            took: Duration::ZERO,
        })
    }

    fn broken(&self, error: &hyper::Error, part: AnswerPart, left: &Allowance) -> FetchCause {
        let limits = self.terms.limits;
        if left.is_used_up() || error.is_parse_too_large() {
            let limit = match part {
                AnswerPart::Head => limits.head_len,
                AnswerPart::Body => limits.body_len,
            };
            return FetchCause::TooLarge { part, limit };
        }
        let source = std::error::Error::source(error);
        let words = source.map_or_else(|| error.to_string(), |source| format!("{error}: {source}"));
        // The library's own complaints of chunks are of these two kinds; the system's are not.
        let is_of_the_network = source
            .and_then(|source| source.downcast_ref::<io::Error>())
            .is_some_and(|error| !matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData));
        if is_of_the_network || error.is_incomplete_message() {
            FetchCause::BrokenOff(words)
        } else {
            FetchCause::Malformed(words)
        }
    }
}

/// What is packed was not asked for, and unpacked it could be any size.
fn refuse_codings(fields: &hyper::HeaderMap) -> Result<(), FetchCause> {
    const PACKED: [&str; 7] = ["gzip", "x-gzip", "deflate", "compress", "x-compress", "br", "zstd"];
    for name in [CONTENT_ENCODING, TRANSFER_ENCODING] {
        for value in fields.get_all(&name) {
            let text = String::from_utf8_lossy(value.as_bytes()).to_ascii_lowercase();
            let packed = text.split(',').map(str::trim).find(|coding| PACKED.contains(coding));
            if let Some(coding) = packed {
                return Err(FetchCause::Malformed(format!(
                    "{name} is {coding}, which was not asked for"
                )));
            }
        }
    }
    Ok(())
}
