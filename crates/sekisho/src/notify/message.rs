//! Puts the parts of a notification together: `multipart/report` (RFC 6522), from top to bottom seven-bit ASCII with
//! lines of at most 998 octets.
//!
//! The text is written here and not by a MIME library: the form is fixed, everything in it is bounded and escaped
//! already, and a library would decide encodings anew that have to stay as they are.

use sekisho_mail::{Mailbox, MessageId, Timestamp};

use super::{
    Kind, NotifySettings, Settled, Told,
    ascii::field,
    returned::{Returned, is_seven_bit},
    status, words,
};
use crate::clock::header_date;

/// Everything that one notification says.
#[derive(Clone, Debug)]
pub(super) struct Report<'a> {
    pub(super) settings: &'a NotifySettings,
    pub(super) settled: Settled<'a>,
    pub(super) kind: Kind,
    /// At least one.
    pub(super) told: &'a [Told<'a>],
    /// To whom it goes.
    pub(super) sender: &'a Mailbox,
    pub(super) returned: Returned,
    pub(super) now: Timestamp,
}

/// A notification, ready to be queued.
pub(super) struct Written {
    pub(super) content: Vec<u8>,
    /// With its angle brackets.
    pub(super) message_id: String,
}

/// One part: its header fields and its octets.
struct Part {
    fields: &'static str,
    content: Vec<u8>,
}

impl Report<'_> {
    /// The whole message; `id` is its own queue id.
    pub(super) fn write(&self, id: MessageId) -> Written {
        let mut parts = vec![
            Part {
                fields: "Content-Type: text/plain; charset=us-ascii\r\nContent-Description: Notification\r\n",
                content: words::text(self).into_bytes(),
            },
            Part {
                fields: "Content-Type: message/delivery-status\r\nContent-Description: Delivery report\r\n",
                content: status::delivery_status(self).into_bytes(),
            },
        ];
        parts.extend(self.returned_part());
        let boundary = boundary(id, &parts);
        let message_id = format!("<{id}.dsn@{}>", self.settings.hostname);
        let mut content = self.header(&message_id, &boundary).into_bytes();
        content.extend_from_slice(b"\r\nThis is a notification in MIME format (RFC 6522).\r\n");
        for part in parts {
            content.extend_from_slice(format!("\r\n--{boundary}\r\n{}\r\n", part.fields).as_bytes());
            content.extend_from_slice(&part.content);
        }
        content.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
        Written { content, message_id }
    }

    fn header(&self, message_id: &str, boundary: &str) -> String {
        let hostname = &self.settings.hostname;
        let mut header = String::new();
        header.push_str(&field("Date", &header_date(self.now)));
        header.push_str(&field(
            "From",
            &format!("Mail Delivery System <MAILER-DAEMON@{hostname}>"),
        ));
        // Not through `field`, which would double a backslash in a quoted local part; a mailbox is printable ASCII.
        header.push_str(&format!("To: <{}>\r\n", self.sender));
        header.push_str(&field("Subject", words::subject(self.kind)));
        header.push_str(&field("Message-ID", message_id));
        if let Some(original) = self
            .settled
            .lease
            .arrival
            .message_id_header
            .as_deref()
            .and_then(message_id_of)
        {
            header.push_str(&format!("In-Reply-To: {original}\r\nReferences: {original}\r\n"));
        }
        // RFC 3834 §5.
        header.push_str("Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n");
        header.push_str(&format!(
            "Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary=\"{boundary}\"\r\n"
        ));
        header
    }

    fn returned_part(&self) -> Option<Part> {
        match &self.returned {
            Returned::Nothing => None,
            Returned::Whole(content) => Some(Part {
                fields: "Content-Type: message/rfc822\r\nContent-Description: Undelivered message\r\n",
                content: content.clone(),
            }),
            Returned::Headers(headers) if is_seven_bit(headers) => Some(Part {
                fields: "Content-Type: text/rfc822-headers\r\nContent-Description: Headers of the message\r\n",
                content: headers.clone(),
            }),
            Returned::Headers(headers) => Some(Part {
                fields: "Content-Type: text/rfc822-headers\r\nContent-Description: Headers of the message\r\n\
                         Content-Transfer-Encoding: quoted-printable\r\n",
                content: quoted_printable(headers).into_bytes(),
            }),
        }
    }
}

/// A boundary that stands nowhere in the parts (RFC 2046 §5.1.1). The message that is returned might hold any guess,
/// so it is looked for.
fn boundary(id: MessageId, parts: &[Part]) -> String {
    let mut number = 0u64;
    loop {
        let boundary = format!("=_{id}_{number}");
        let occurs = |part: &Part| {
            part.content
                .windows(boundary.len())
                .any(|place| place == boundary.as_bytes())
        };
        if !parts.iter().any(occurs) {
            return boundary;
        }
        number += 1;
    }
}

/// The value of a Message-ID field when it is one that can be repeated as it is: one pair of angle brackets, printable
/// ASCII without spaces in between, short enough for a line.
fn message_id_of(text: &str) -> Option<&str> {
    let text = text.trim_matches([' ', '\t']);
    let inner = text.strip_prefix('<')?.strip_suffix('>')?;
    let good = |octet: u8| (33..=126).contains(&octet) && octet != b'<' && octet != b'>';
    (!inner.is_empty() && inner.len() <= 900 && inner.contains('@') && inner.bytes().all(good)).then_some(text)
}

/// RFC 2045 §6.7, for text whose line ends are CRLF; any other CR or LF is encoded.
fn quoted_printable(text: &[u8]) -> String {
    const MAX_LEN: usize = 73;
    let mut coded = String::with_capacity(text.len() * 2);
    let mut line_len = 0;
    let mut rest = text;
    while let Some((octet, behind)) = rest.split_first() {
        if rest.starts_with(b"\r\n") {
            coded.push_str("\r\n");
            (line_len, rest) = (0, &rest[2..]);
            continue;
        }
        if line_len >= MAX_LEN - 3 {
            coded.push_str("=\r\n");
            line_len = 0;
        }
        let before_end = behind.is_empty() || behind.starts_with(b"\r\n");
        let plain = (33..=126).contains(octet) && *octet != b'=' || *octet == b' ' && !before_end;
        if plain {
            coded.push(char::from(*octet));
            line_len += 1;
        } else {
            coded.push_str(&format!("={octet:02X}"));
            line_len += 3;
        }
        rest = behind;
    }
    coded
}
