//! The `Received` field that this server puts above a message.
//!
//! RFC 5321 §4.4 (trace information), RFC 3848 and RFC 8314 §4.3 (transmission types and the `tls` clause). Version and
//! group have no registered clause, so they stand in a comment, where every reader of headers looks for them.

use std::{
    fmt::{self, Write as _},
    net::IpAddr,
};

use sekisho_mail::{ChannelSecurity, KeyProof, Mailbox, MessageId, Timestamp, TlsFacts};

use crate::clock;

/// Most fields fit without growing.
const FIELD_ROOM: usize = 384;

/// What the field says.
#[derive(Debug)]
pub struct Received<'a> {
    /// The name in the client's EHLO or HELO, already parsed as RFC 5321 has it; its text otherwise.
    pub helo: &'a str,
    /// The client's address.
    pub client: IpAddr,
    /// Our own name.
    pub hostname: &'a str,
    /// Whether the client said EHLO.
    pub extended: bool,
    /// Plaintext or TLS.
    pub security: &'a ChannelSecurity,
    /// The queue id.
    pub id: MessageId,
    /// The recipient, when there is only one: two would tell each about the other.
    pub only_recipient: Option<&'a Mailbox>,
    /// When the message began to arrive.
    pub at: Timestamp,
}

/// What every field of this server holds, and no other's: by which it is known when it comes back. In lower case.
pub(super) fn mark(hostname: &str) -> String {
    format!("by {hostname} (sekisho) with ").to_ascii_lowercase()
}

impl Received<'_> {
    /// The whole field with its CRLF, folded, 7-bit and free of anything that the client could use to break out.
    #[must_use]
    pub fn to_field(&self) -> String {
        let mut field = String::with_capacity(FIELD_ROOM);
        let kind = if self.client.is_ipv6() { "IPv6:" } else { "" };
        push(
            &mut field,
            format_args!("Received: from {} ([{kind}{}])\r\n", harmless(self.helo), self.client),
        );
        if let Some(tls) = self.security.tls() {
            push_tls_comment(&mut field, tls);
        }
        let with = match (self.extended, self.security.tls().is_some()) {
            (true, true) => "ESMTPS",
            (true, false) => "ESMTP",
            (false, _) => "SMTP",
        };
        push(
            &mut field,
            format_args!("\tby {} (Sekisho) with {with} id {}", self.hostname, self.id),
        );
        if let Some(tls) = self.security.tls() {
            push(&mut field, format_args!("\r\n\ttls {}", tls.suite));
        }
        if let Some(recipient) = self.only_recipient {
            push(&mut field, format_args!("\r\n\tfor <{recipient}>"));
        }
        push(&mut field, format_args!(";\r\n\t{}\r\n", clock::header_date(self.at)));
        field
    }
}

fn push(field: &mut String, text: fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = field.write_fmt(text);
}

/// Version, suite, group and the client's certificate, as far as it proved to hold its key.
fn push_tls_comment(field: &mut String, tls: &TlsFacts) {
    push(
        field,
        format_args!("\t(using {} with {}, group {}", tls.version, tls.suite, tls.group),
    );
    match (tls.chain.first(), &tls.key) {
        (None, _) => field.push_str(", no client certificate"),
        (Some(_), KeyProof::NotProven(_)) => field.push_str(", client certificate not proven"),
        (Some(leaf), KeyProof::Proven) => {
            push(field, format_args!(",\r\n\t client certificate sha256:{}", leaf.sha256))
        }
    }
    field.push_str(")\r\n");
}

/// What a client calls itself may hold anything; outside letters, digits and what names and literals need, it is taken
/// out, so that it can neither end the field nor open a comment.
fn harmless(text: &str) -> String {
    let kept: String = text
        .chars()
        .filter(|character| character.is_ascii_alphanumeric() || "-._:[]".contains(*character))
        .take(255)
        .collect();
    if kept.is_empty() { "unknown".to_owned() } else { kept }
}

#[cfg(test)]
mod tests {
    use sekisho_mail::{CertificateFacts, ClientCertificateFate, Digest, PlaintextCause, TlsVersion};

    use super::*;

    fn tls(chain: Vec<CertificateFacts>, key: KeyProof) -> ChannelSecurity {
        ChannelSecurity::Tls(Box::new(TlsFacts {
            version: TlsVersion::Tls13,
            suite: "TLS_AES_256_GCM_SHA384".to_owned(),
            group: "X25519MLKEM768".to_owned(),
            sni: None,
            implicit: false,
            alpn: None,
            resumed: false,
            chain,
            key,
            verdicts: Vec::new(),
            revocation_sources: Vec::new(),
            stapled_ocsp_len: None,
            client_certificate: ClientCertificateFate::NotAsked,
        }))
    }

    fn field(helo: &str, security: &ChannelSecurity, recipient: Option<&str>) -> String {
        let mailbox = recipient.map(|text| Mailbox::parse(text).unwrap());
        Received {
            helo,
            client: "2001:db8::1".parse().unwrap(),
            hostname: "mx.example.org",
            extended: true,
            security,
            id: MessageId::from_u64(7),
            only_recipient: mailbox.as_ref(),
            at: Timestamp::from_secs(1_000_000_000),
        }
        .to_field()
    }

    #[test]
    fn says_who_how_and_when() {
        let field = field(
            "client.example",
            &tls(Vec::new(), KeyProof::Proven),
            Some("a@example.org"),
        );
        assert_eq!(
            field,
            "Received: from client.example ([IPv6:2001:db8::1])\r\n\
             \t(using TLSv1.3 with TLS_AES_256_GCM_SHA384, group X25519MLKEM768, no client certificate)\r\n\
             \tby mx.example.org (Sekisho) with ESMTPS id 0000000000007\r\n\
             \ttls TLS_AES_256_GCM_SHA384\r\n\
             \tfor <a@example.org>;\r\n\
             \tSun, 9 Sep 2001 01:46:40 +0000\r\n"
        );
    }

    #[test]
    fn in_the_clear_there_is_no_tls_clause() {
        let field = field(
            "client.example",
            &ChannelSecurity::Plaintext(PlaintextCause::NotAsked),
            None,
        );
        assert!(field.to_ascii_lowercase().contains(&mark("MX.example.org")), "{field}");
        assert!(
            field.contains(" with ESMTP id ") && !field.contains("tls") && !field.contains("for <"),
            "{field}"
        );
    }

    #[test]
    fn a_client_certificate_is_named_only_when_its_key_is_proven() {
        let leaf = CertificateFacts {
            sha256: Digest([0xab; 32]),
            spki_sha256: Digest([1; 32]),
            subject: String::new(),
            issuer: String::new(),
            dns_names: Vec::new(),
            common_name: None,
            not_before: Timestamp::EPOCH,
            not_after: Timestamp::EPOCH,
            key: "P-256".to_owned(),
            not_for_clients: false,
        };
        let proven = field("c", &tls(vec![leaf.clone()], KeyProof::Proven), None);
        assert!(proven.contains(&format!("sha256:{}", "ab".repeat(32))), "{proven}");
        let unproven = field("c", &tls(vec![leaf], KeyProof::NotProven("odd".to_owned())), None);
        assert!(
            unproven.contains("not proven") && !unproven.contains("abab"),
            "{unproven}"
        );
    }

    #[test]
    fn a_hostile_name_cannot_leave_its_place() {
        let field = field(
            "a\r\nBcc: x) (",
            &ChannelSecurity::Plaintext(PlaintextCause::NotAsked),
            None,
        );
        assert!(field.starts_with("Received: from aBcc:x ([IPv6:"), "{field}");
        assert!(field.lines().skip(1).all(|line| line.starts_with('\t')), "{field}");
    }
}
