//! Why something could not be fetched: causes that an operator mends in different places are told apart.

use std::{
    fmt, io,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use sekisho_mail::LookupFault;
use sekisho_policy::Reason;
use thiserror::Error;

use super::url::{FetchUrl, UrlError, UrlHost};

/// A fetch that failed, with the URL at which it did: behind a redirect not the one that was asked for.
#[derive(Debug, Error)]
#[error("{url}: {cause}")]
pub struct FetchError {
    /// Where.
    pub url: Box<FetchUrl>,
    /// Why.
    pub cause: FetchCause,
}

/// Why.
#[derive(Debug, Error)]
pub enum FetchCause {
    /// DNS says that there is no such name (NXDOMAIN), or that it has no address (NODATA).
    #[error("DNS has no address for {0}")]
    NoName(UrlHost),
    /// DNS gave no answer that could be used.
    #[error("DNS could not be asked: {0}")]
    Dns(LookupFault),
    /// An address that must not be connected to.
    #[error("{host} leads to {address}, which is not connected to: {why}")]
    Filtered {
        /// Whose address.
        host: UrlHost,
        /// Which.
        address: IpAddr,
        /// The rule.
        why: Box<Reason>,
    },
    /// Nobody listens there, or a firewall says no.
    #[error("{0} refused the connection")]
    Refused(SocketAddr),
    /// The network has no way there, or the connection broke.
    #[error("{address}: {source}")]
    Unreachable {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// It took too long.
    #[error("{stage} took longer than {} s", limit.as_secs_f32())]
    TimedOut {
        /// Where it stood.
        stage: FetchStage,
        /// The limit.
        limit: Duration,
    },
    /// The handshake failed, or the certificate is not one that would do.
    #[error("TLS: {0}")]
    Tls(String),
    /// The proxy does not let us through.
    #[error("the proxy {proxy}: {why}")]
    Proxy {
        /// Which.
        proxy: String,
        /// In words.
        why: String,
    },
    /// Another status than one of success.
    #[error("HTTP status {0}")]
    Status(u16),
    /// A redirect that is not followed.
    #[error("HTTP status {status} leads to {location:?}: {why}")]
    Redirect {
        /// The status.
        status: u16,
        /// Where it leads, as it came.
        location: String,
        /// Why it is not followed.
        why: RedirectFault,
    },
    /// More octets than this is allowed.
    #[error("the {part} is longer than {limit} octets")]
    TooLarge {
        /// Of what.
        part: AnswerPart,
        /// The limit.
        limit: usize,
    },
    /// The connection ended before the answer did.
    #[error("the connection broke off: {0}")]
    BrokenOff(String),
    /// What came is no HTTP answer.
    #[error("this is no HTTP answer: {0}")]
    Malformed(String),
    /// Something of our own: no trust anchors, no memory of the sort.
    #[error("a fault of our own: {0}")]
    Ours(String),
    /// Too many wait already.
    #[error("too many fetches wait already")]
    Busy,
}

/// Why a redirect is not followed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RedirectFault {
    /// None is followed here.
    #[error("redirects are not followed here")]
    NotFollowed,
    /// One too many.
    #[error("it is one redirect too many")]
    TooMany,
    /// From TLS into the clear.
    #[error("it leads from https to http")]
    IntoTheClear,
    /// No URL that may be fetched.
    #[error("{0}")]
    Url(#[from] UrlError),
    /// Only what is read may be asked for again elsewhere.
    #[error("what was sent is not sent elsewhere")]
    Sent,
}

/// A part of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerPart {
    /// Status and fields.
    Head,
    /// What comes behind them.
    Body,
}

impl fmt::Display for AnswerPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Head => "head of the answer",
            Self::Body => "body of the answer",
        })
    }
}

/// How far a fetch had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FetchStage {
    /// It waited for others to the same host, or for all.
    Waiting,
    /// The question to DNS.
    Lookup,
    /// The TCP connection.
    Connect,
    /// The proxy's answer to CONNECT.
    Proxy,
    /// The TLS handshake.
    Handshake,
    /// The request, and the head of its answer.
    Head,
    /// The body.
    Body,
}

impl fmt::Display for FetchStage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Waiting => "waiting for other fetches",
            Self::Lookup => "the question to DNS",
            Self::Connect => "connecting",
            Self::Proxy => "the proxy",
            Self::Handshake => "the TLS handshake",
            Self::Head => "the answer",
            Self::Body => "the body of the answer",
        })
    }
}

impl FetchCause {
    /// One word for metrics and tables; what has the same word is mended in the same place.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::NoName(_) => "no-such-name",
            Self::Dns(_)
            | Self::TimedOut {
                stage: FetchStage::Lookup,
                ..
            } => "dns",
            Self::Filtered { .. } => "filtered",
            Self::Refused(_) => "refused",
            Self::Unreachable { .. } => "unreachable",
            Self::TimedOut { .. } => "timed-out",
            Self::Tls(_) => "tls",
            Self::Proxy { .. } => "proxy",
            Self::Status(_) => "http-status",
            Self::Redirect { .. } => "redirect",
            Self::TooLarge { .. } => "too-large",
            Self::BrokenOff(_) => "broken-off",
            Self::Malformed(_) => "malformed",
            Self::Ours(_) | Self::Busy => "ours",
        }
    }
}
