//! Reads what a client offered off the first octets of a connection, for the log of a failed handshake.
//!
//! The TLS library tells nothing about a ClientHello that it refuses, so the octets are read once more, here.
//! The parser is total: any octets give an answer, lists and texts are bounded, and what was read before
//! the octets end or turn to nonsense is kept. It decides nothing. RFC 8446 §4.1.2 and §5.1, RFC 6066 §3.

use sekisho_mail::HelloSummary;

use crate::{
    code_points::{group, is_grease, signature_scheme, suite, version},
    octets::Octets,
};

/// How many octets of the first flight are looked at.
pub const MAX_FIRST_FLIGHT_LEN: usize = 16 * 1024;
/// How many entries of each list are kept; the longest honest lists have about half of this.
pub const MAX_LIST_ENTRIES: usize = 128;
/// How many octets of a server name are kept (RFC 1035 §2.3.4 allows 253).
pub const MAX_SERVER_NAME_LEN: usize = 255;

const RECORD_HANDSHAKE: u8 = 22;
const MESSAGE_CLIENT_HELLO: u8 = 1;

/// What the first octets of a client are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FirstFlight {
    /// Nothing came.
    Empty,
    /// A ClientHello, whole.
    Hello(HelloSummary),
    /// The beginning of a ClientHello, or one that breaks the rules: what could be read of it.
    Partial(HelloSummary),
    /// A ClientHello in the form of SSL 2 (RFC 5246 appendix E.2).
    Sslv2,
    /// Something else.
    NotTls,
}

impl FirstFlight {
    /// What was offered, as far as it could be read.
    #[must_use]
    pub fn summary(self) -> Option<HelloSummary> {
        match self {
            Self::Hello(summary) | Self::Partial(summary) => Some(summary),
            Self::Empty | Self::Sslv2 | Self::NotTls => None,
        }
    }
}

/// Reads the first octets that a client sent, TLS records and all.
#[must_use]
pub fn parse(octets: &[u8]) -> FirstFlight {
    let octets = &octets[..octets.len().min(MAX_FIRST_FLIGHT_LEN)];
    match octets {
        [] => return FirstFlight::Empty,
        [RECORD_HANDSHAKE] | [RECORD_HANDSHAKE, 3, ..] => {}
        [length, _, MESSAGE_CLIENT_HELLO, ..] if length & 0x80 != 0 => return FirstFlight::Sslv2,
        _ => return FirstFlight::NotTls,
    }
    let message = handshake_octets(octets);
    let mut message = Octets(&message);
    match message.u8() {
        None => return FirstFlight::Partial(HelloSummary::default()),
        Some(MESSAGE_CLIENT_HELLO) => {}
        Some(_) => return FirstFlight::NotTls,
    }
    let mut summary = HelloSummary::default();
    let Some(len) = message.u24() else {
        return FirstFlight::Partial(summary);
    };
    let is_whole = message.0.len() >= len;
    let body = Octets(message.take_up_to(len));
    match read_body(body, &mut summary) {
        Some(()) if is_whole => FirstFlight::Hello(summary),
        _ => FirstFlight::Partial(summary),
    }
}

/// The handshake messages at the beginning of `octets`, freed of the records they come in, of which there
/// may be one an octet.
pub(crate) fn handshake_octets(octets: &[u8]) -> Vec<u8> {
    let mut messages = Vec::new();
    let mut rest = Octets(octets);
    while rest.u8() == Some(RECORD_HANDSHAKE) {
        let (Some(_version), Some(len)) = (rest.u16(), rest.u16()) else {
            break;
        };
        messages.extend_from_slice(rest.take_up_to(usize::from(len)));
    }
    messages
}

fn read_body(mut body: Octets<'_>, summary: &mut HelloSummary) -> Option<()> {
    let legacy_version = body.u16()?;
    // Before TLS 1.3 this is the highest version that the client speaks; an extension overrides it below.
    summary.versions.push(version(legacy_version));
    body.take(32)?;
    let session_id_len = body.u8()?;
    body.take(usize::from(session_id_len))?;
    let suites_len = body.u16()?;
    summary.suites = names(Octets(body.take_up_to(usize::from(suites_len))), suite);
    let compressions_len = body.u8()?;
    body.take(usize::from(compressions_len))?;
    if body.is_empty() {
        return Some(());
    }
    let extensions_len = body.u16()?;
    let is_whole = body.0.len() == usize::from(extensions_len);
    let mut extensions = Octets(body.take_up_to(usize::from(extensions_len)));
    while !extensions.is_empty() {
        let (kind, len) = (extensions.u16()?, extensions.u16()?);
        let content = extensions.take(usize::from(len))?;
        read_extension(kind, Octets(content), summary)?;
    }
    is_whole.then_some(())
}

fn read_extension(kind: u16, mut content: Octets<'_>, summary: &mut HelloSummary) -> Option<()> {
    match kind {
        0 => summary.server_name = Some(server_name(content)?),
        10 => {
            let len = content.u16()?;
            summary.groups = names(Octets(content.take(usize::from(len))?), group);
        }
        13 => {
            let len = content.u16()?;
            summary.signature_schemes = names(Octets(content.take(usize::from(len))?), signature_scheme);
        }
        43 => {
            let len = content.u8()?;
            summary.versions = names(Octets(content.take(usize::from(len))?), version);
        }
        _ => {}
    }
    Some(())
}

fn server_name(mut content: Octets<'_>) -> Option<String> {
    let list_len = content.u16()?;
    let mut list = Octets(content.take(usize::from(list_len))?);
    let _name_type = list.u8()?;
    let len = list.u16()?;
    let name = list.take(usize::from(len))?;
    Some(String::from_utf8_lossy(&name[..name.len().min(MAX_SERVER_NAME_LEN)]).into_owned())
}

fn names(list: Octets<'_>, name: fn(u16) -> String) -> Vec<String> {
    list.all_u16()
        .filter(|number| !is_grease(*number))
        .take(MAX_LIST_ENTRIES)
        .map(name)
        .collect()
}
