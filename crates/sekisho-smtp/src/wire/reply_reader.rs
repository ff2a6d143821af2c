//! Replies of a peer, read from bytes (RFC 5321 §4.2, RFC 2034 §4), within bounds (law 8).
//!
//! Strict where laxness would let two readers disagree: only CRLF ends a line, and all lines of a reply carry one code.

use std::fmt;

use memchr::memchr2;
use sekisho_mail::{EnhancedCode, Reply, ReplyClass, ReplyCode};

/// Octets of one reply line, CRLF included. RFC 5321 §4.5.3.1.5 says 512; longer ones are met.
pub const MAX_REPLY_LINE: usize = 2048;
/// Lines of one reply.
pub const MAX_REPLY_LINES: usize = 128;

/// What is wrong with a peer's reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReplyFault {
    /// A line longer than [`MAX_REPLY_LINE`].
    LineTooLong,
    /// More than [`MAX_REPLY_LINES`] lines.
    TooManyLines,
    /// CR without LF, or LF without CR.
    BareLineEnd,
    /// The line does not begin with a reply code and a separator; this is how it begins.
    NoCode(String),
    /// Two lines of one reply carry different codes.
    TwoCodes(ReplyCode, ReplyCode),
}

impl fmt::Display for ReplyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LineTooLong => write!(f, "a reply line longer than {MAX_REPLY_LINE} octets"),
            Self::TooManyLines => write!(f, "a reply of more than {MAX_REPLY_LINES} lines"),
            Self::BareLineEnd => f.write_str("a reply with a CR or LF that stands alone"),
            Self::NoCode(text) => write!(f, "a reply without a code: {}", text.escape_debug()),
            Self::TwoCodes(first, second) => write!(f, "a reply with two codes, {first} and {second}"),
        }
    }
}

/// Collects bytes and gives whole replies.
#[derive(Debug, Default)]
pub struct ReplyReader {
    buffer: Vec<u8>,
    lines: Vec<(ReplyCode, String)>,
}

impl ReplyReader {
    /// Takes what was read. At most one line's worth beyond whole replies is ever kept, because the caller asks for
    /// replies until there is none before it reads again.
    pub fn handle_input(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Whether nothing is held: no whole reply and no fragment of one.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.buffer.is_empty() && self.lines.is_empty()
    }

    /// Forgets everything (law 4).
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// The next whole reply; `Ok(None)` until more bytes come.
    ///
    /// # Errors
    /// When what came is no reply. Nothing that follows can be trusted then.
    pub fn poll_reply(&mut self) -> Result<Option<Reply>, ReplyFault> {
        while let Some(end) = self.line_end()? {
            let parsed = parse_line(&self.buffer[..end]);
            self.buffer.drain(..end + 2);
            let (code, last, text) = parsed?;
            if let Some((first, _)) = self.lines.first()
                && *first != code
            {
                return Err(ReplyFault::TwoCodes(*first, code));
            }
            if self.lines.len() == MAX_REPLY_LINES {
                return Err(ReplyFault::TooManyLines);
            }
            self.lines.push((code, text));
            if last {
                let lines = std::mem::take(&mut self.lines);
                return Ok(Some(assemble(code, lines.into_iter().map(|(_, text)| text).collect())));
            }
        }
        Ok(None)
    }

    /// Where the CRLF of the first line stands, once it is there.
    fn line_end(&self) -> Result<Option<usize>, ReplyFault> {
        let Some(end) = memchr2(b'\r', b'\n', &self.buffer) else {
            return self.wait_for_more(self.buffer.len());
        };
        match self.buffer.get(end..end + 2) {
            None if self.buffer[end] == b'\r' => return self.wait_for_more(end),
            Some(b"\r\n") => {}
            _ => return Err(ReplyFault::BareLineEnd),
        }
        if end + 2 > MAX_REPLY_LINE {
            return Err(ReplyFault::LineTooLong);
        }
        Ok(Some(end))
    }

    fn wait_for_more(&self, line_len: usize) -> Result<Option<usize>, ReplyFault> {
        if line_len + 2 > MAX_REPLY_LINE {
            return Err(ReplyFault::LineTooLong);
        }
        Ok(None)
    }
}

fn parse_line(line: &[u8]) -> Result<(ReplyCode, bool, String), ReplyFault> {
    let fault = || {
        let start = &line[..line.len().min(80)];
        ReplyFault::NoCode(String::from_utf8_lossy(start).into_owned())
    };
    let digits = line.get(..3).filter(|digits| digits.iter().all(u8::is_ascii_digit));
    let number = digits
        .ok_or_else(fault)?
        .iter()
        .fold(0u16, |number, digit| number * 10 + u16::from(digit - b'0'));
    let code = ReplyCode::new(number).map_err(|_| fault())?;
    let last = match line.get(3) {
        None | Some(b' ') => true,
        Some(b'-') => false,
        Some(_) => return Err(fault()),
    };
    let text = String::from_utf8_lossy(line.get(4..).unwrap_or_default()).into_owned();
    Ok((code, last, text))
}

/// Takes the enhanced code off the lines, when it is of the reply's class (RFC 2034 §4 has it on each of them).
fn assemble(code: ReplyCode, mut lines: Vec<String>) -> Reply {
    let class = match code.class() {
        ReplyClass::Success => 2,
        ReplyClass::Transient => 4,
        ReplyClass::Permanent => 5,
        ReplyClass::Intermediate => 0,
    };
    let enhanced = lines
        .first()
        .and_then(|line| leading_enhanced(line))
        .filter(|enhanced| enhanced.class == class);
    if enhanced.is_some() {
        for line in &mut lines {
            if leading_enhanced(line) == enhanced {
                *line = line
                    .split_once(' ')
                    .map_or_else(String::new, |(_, rest)| rest.to_owned());
            }
        }
    }
    Reply { code, enhanced, lines }
}

fn leading_enhanced(line: &str) -> Option<EnhancedCode> {
    line.split(' ').next().and_then(|word| word.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<Option<Reply>, ReplyFault> {
        let mut reader = ReplyReader::default();
        reader.handle_input(bytes);
        reader.poll_reply()
    }

    #[test]
    fn reads_replies_however_they_are_cut() {
        let bytes = b"250-2.1.5 first\r\n250 2.1.5 second\r\n354\r\n421 4.3.2 bye\r\n";
        for cut in 0..=bytes.len() {
            let mut reader = ReplyReader::default();
            let mut replies = Vec::new();
            for part in [&bytes[..cut], &bytes[cut..]] {
                reader.handle_input(part);
                while let Some(reply) = reader.poll_reply().unwrap() {
                    replies.push(reply.to_string());
                }
            }
            assert_eq!(
                replies,
                ["250 2.1.5 first / second", "354 ", "421 4.3.2 bye"],
                "cut at {cut}"
            );
            assert!(reader.is_empty());
        }
    }

    /// CVE-2026-43964: an enhanced code with no text behind it; a code that belongs to an earlier reply.
    #[test]
    fn an_enhanced_code_of_another_class_is_text() {
        let reply = read(b"550 4.1.1 odd\r\n").unwrap().unwrap();
        assert_eq!((reply.enhanced, reply.lines[0].as_str()), (None, "4.1.1 odd"));
        let reply = read(b"250 2.0.0\r\n").unwrap().unwrap();
        assert_eq!(reply.enhanced, Some(EnhancedCode::new(2, 0, 0)));
        assert_eq!(reply.lines, [""]);
        for (bytes, enhanced, lines) in [
            (&b"550 5.7.2\r\n"[..], Some(EnhancedCode::new(5, 7, 2)), &[""][..]),
            (b"550 5.7.2 \r\n", Some(EnhancedCode::new(5, 7, 2)), &[""]),
            (
                b"550-5.7.2\r\n550 5.7.2\r\n",
                Some(EnhancedCode::new(5, 7, 2)),
                &["", ""],
            ),
            (
                b"550-5.7.2\r\n550 4.0.0\r\n",
                Some(EnhancedCode::new(5, 7, 2)),
                &["", "4.0.0"],
            ),
            (b"550-first\r\n550 5.7.2\r\n", None, &["first", "5.7.2"]),
            (b"550 5.7.\r\n", None, &["5.7."]),
            (b"550 5.7.2.1\r\n", None, &["5.7.2.1"]),
            (b"550 5.9999.2 x\r\n", None, &["5.9999.2 x"]),
            (
                b"550 5.7.99999999999999999999 x\r\n",
                None,
                &["5.7.99999999999999999999 x"],
            ),
            (b"550\r\n", None, &[""]),
        ] {
            let reply = read(bytes).unwrap().unwrap();
            let shown = bytes.escape_ascii();
            assert_eq!(
                (reply.enhanced, reply.lines.as_slice()),
                (
                    enhanced,
                    &lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>()[..]
                ),
                "{shown}"
            );
        }
        // Nothing of one reply is in the next.
        let mut reader = ReplyReader::default();
        reader.handle_input(b"550 5.7.2 no\r\n550 no\r\n");
        let codes: Vec<_> = std::iter::from_fn(|| reader.poll_reply().unwrap())
            .map(|reply| reply.enhanced)
            .collect();
        assert_eq!(codes, [Some(EnhancedCode::new(5, 7, 2)), None]);
    }

    #[test]
    fn what_is_no_reply_is_a_fault() {
        for bytes in [
            &b"hello\r\n"[..],
            b"25\r\n",
            b"2500 x\r\n",
            b"199 x\r\n",
            b"299 x\r\n",
            b"250_x\r\n",
            b"\r\n",
        ] {
            assert!(matches!(read(bytes), Err(ReplyFault::NoCode(_))), "{bytes:?}");
        }
        for bytes in [&b"250 a\n"[..], b"250 a\rb\r\n", b"250 a\n\r\n"] {
            assert_eq!(read(bytes), Err(ReplyFault::BareLineEnd), "{bytes:?}");
        }
        assert!(matches!(read(b"250-a\r\n550 b\r\n"), Err(ReplyFault::TwoCodes(..))));
    }

    /// A reply that never ends: lettre before 0.11.22 kept all of it.
    #[test]
    fn a_reply_is_bounded() {
        assert_eq!(read(&[b'2'; MAX_REPLY_LINE]), Err(ReplyFault::LineTooLong));
        let long = [b"250 ".as_slice(), &[b'a'; MAX_REPLY_LINE], b"\r\n"].concat();
        assert_eq!(read(&long), Err(ReplyFault::LineTooLong));
        assert_eq!(
            read(&b"250-a\r\n".repeat(MAX_REPLY_LINES + 1)),
            Err(ReplyFault::TooManyLines)
        );
        assert_eq!(read(&b"250-a\r\n".repeat(MAX_REPLY_LINES)), Ok(None));
    }
}
