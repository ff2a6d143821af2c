//! The test message: seven-bit ASCII, and plain about what it is (RFC 5322; RFC 3834 §5, so that nobody's vacation
//! answers it).

use sekisho_mail::{Domain, Mailbox, MessageId, ReversePath, Timestamp};
use sekisho_policy::directory::ConnectorKey;

use crate::{
    clock::header_date,
    notify::ascii::{ascii, field, wrapped},
};

/// What one test message says.
pub(super) struct Letter<'a> {
    pub(super) id: MessageId,
    pub(super) connector: &'a ConnectorKey,
    pub(super) reverse_path: &'a ReversePath,
    pub(super) recipient: &'a Mailbox,
    pub(super) hostname: &'a Domain,
    /// The host that gets it, with its port.
    pub(super) host: &'a str,
    pub(super) at: Timestamp,
    pub(super) by: &'a str,
}

impl Letter<'_> {
    /// With its angle brackets.
    pub(super) fn message_id(&self) -> String {
        format!("<{}.validation@{}>", self.id, self.hostname)
    }

    pub(super) fn write(&self) -> Vec<u8> {
        let hostname = self.hostname;
        let author = match self.reverse_path {
            ReversePath::Mailbox(sender) => sender.to_string(),
            ReversePath::Null => format!("postmaster@{hostname}"),
        };
        let mut text = field("Date", &header_date(self.at));
        // Not through `field`, which would double a backslash in a quoted local part; a mailbox is printable ASCII.
        text.push_str(&format!("From: <{author}>\r\nTo: <{}>\r\n", self.recipient));
        let subject = format!("Test message for connector {}", self.connector);
        text.push_str(&field("Subject", &subject));
        text.push_str(&field("Message-ID", &self.message_id()));
        text.push_str("Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n");
        text.push_str("Content-Type: text/plain; charset=us-ascii\r\n\r\n");
        let connector = self.connector.to_string();
        let words = format!(
            "This message was sent by {hostname} to see whether mail goes the way that connector {} says. It was \
             handed to {}. Nothing has to be done about it, and nobody waits for an answer.",
            ascii(&connector),
            ascii(self.host)
        );
        text.push_str(&wrapped(&words, "", ""));
        text.push_str(&wrapped(&format!("Wanted by: {}", ascii(self.by)), "\r\n", ""));
        text.into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use sekisho_mail::OrganizationName;

    use super::*;

    #[test]
    fn it_is_plain_automatic_and_seven_bit_whatever_the_connector_is_called() {
        let connector = ConnectorKey {
            organization: OrganizationName::FIRST,
            name: "bank é\u{202e} two".into(),
        };
        let letter = Letter {
            id: MessageId::new(Timestamp::from_secs(1_795_000_000), 7),
            connector: &connector,
            reverse_path: &ReversePath::Null,
            recipient: &Mailbox::parse("bob@bank.example").unwrap(),
            hostname: &Domain::parse("mx.acme.example").unwrap(),
            host: "mx.bank.example:25",
            at: Timestamp::from_secs(1_795_000_000),
            by: "uid 0",
        };
        let text = String::from_utf8(letter.write()).unwrap();
        assert!(text.is_ascii() && text.ends_with("\r\n"), "{text}");
        assert!(!text.replace("\r\n", "").contains(['\r', '\n']), "{text:?}");
        let (header, body) = text.split_once("\r\n\r\n").unwrap();
        for line in [
            "From: <postmaster@mx.acme.example>",
            "To: <bob@bank.example>",
            "Auto-Submitted: auto-generated",
            &format!("Message-ID: {}", letter.message_id()),
        ] {
            assert!(header.lines().any(|one| one == line), "{line}: {header}");
        }
        assert!(header.contains("Date: ") && header.contains("Subject: Test message for connector default/bank"));
        assert!(body.contains("mx.bank.example:25") && body.contains("uid 0"), "{body}");
    }
}
