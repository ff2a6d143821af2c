//! Replies of a server as octets (RFC 5321 §4.2, RFC 2034 §3).

use sekisho_mail::Reply;

use crate::limits::REPLY_LINE_OCTETS;

/// Appends a reply: code, enhanced code and text on each line, cut at 512 octets; whatever is not printable ASCII
/// becomes `?`, so that no text, wherever it came from, can end a line.
pub fn write_reply(out: &mut Vec<u8>, reply: &Reply) {
    let last = reply.lines.len().saturating_sub(1);
    for (place, text) in reply.lines.iter().enumerate() {
        let begin = out.len();
        let between = if place == last { ' ' } else { '-' };
        out.extend_from_slice(format!("{}{between}", reply.code).as_bytes());
        if let Some(enhanced) = reply.enhanced {
            out.extend_from_slice(format!("{enhanced} ").as_bytes());
        }
        let shown = |octet: u8| {
            if octet == b' ' || octet.is_ascii_graphic() {
                octet
            } else {
                b'?'
            }
        };
        out.extend(text.bytes().map(shown));
        out.truncate(begin + REPLY_LINE_OCTETS - 2);
        out.extend_from_slice(b"\r\n");
    }
}

#[cfg(test)]
mod tests {
    use sekisho_mail::ReplyCode;

    use super::*;

    fn written(reply: &Reply) -> String {
        let mut out = Vec::new();
        write_reply(&mut out, reply);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_line_has_both_codes_and_no_text_ends_one() {
        let mut reply = Reply::new(ReplyCode::REFUSED, 1, 1, "no\r\n250 such");
        reply.lines.push("user".to_owned());
        assert_eq!(written(&reply), "550-5.1.1 no??250 such\r\n550 5.1.1 user\r\n");
        assert_eq!(written(&Reply::new(ReplyCode::SEND_CONTENT, 0, 0, "go")), "354 go\r\n");
    }

    #[test]
    fn a_reply_line_is_never_longer_than_512_octets() {
        let long = written(&Reply::new(ReplyCode::DONE, 0, 0, "x".repeat(2000)));
        assert_eq!((long.len(), long.ends_with("x\r\n")), (512, true));
    }
}
