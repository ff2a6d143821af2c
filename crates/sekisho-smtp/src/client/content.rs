//! Content on its way out: dots stuffed for DATA (RFC 5321 §4.5.2), cut into chunks for BDAT (RFC 3030 §2), and in
//! both cases held to law 5: a CR or LF that stands alone never leaves, and a final CRLF is added only where it is
//! missing.

use memchr::memchr2;

use crate::wire::plain_lines::plain_lines;

/// The content holds a CR without LF or an LF without CR. It cannot be sent by SMTP as it is, and is not altered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BareLineEnd;

/// Copies content out, piece by piece.
#[derive(Debug)]
pub(super) struct ContentWriter {
    stuffs_dots: bool,
    at_line_start: bool,
    /// A CR that waits for its LF; it leaves only together with it.
    held_cr: bool,
}

impl ContentWriter {
    pub(super) const fn new(stuffs_dots: bool) -> Self {
        Self {
            stuffs_dots,
            at_line_start: true,
            held_cr: false,
        }
    }

    /// Appends a piece to `out`.
    pub(super) fn push(&mut self, piece: &[u8], out: &mut Vec<u8>) -> Result<(), BareLineEnd> {
        let mut rest = piece;
        while let Some(first) = rest.first() {
            if self.held_cr {
                if *first != b'\n' {
                    return Err(BareLineEnd);
                }
                out.extend_from_slice(b"\r\n");
                rest = &rest[1..];
                (self.held_cr, self.at_line_start) = (false, true);
                continue;
            }
            if self.at_line_start {
                let plain = plain_lines(rest, self.stuffs_dots);
                if plain > 0 {
                    out.extend_from_slice(&rest[..plain]);
                    rest = &rest[plain..];
                    continue;
                }
                if self.stuffs_dots && *first == b'.' {
                    out.push(b'.');
                }
            }
            let Some(end) = memchr2(b'\r', b'\n', rest) else {
                out.extend_from_slice(rest);
                self.at_line_start = false;
                break;
            };
            if rest[end] == b'\n' {
                return Err(BareLineEnd);
            }
            out.extend_from_slice(&rest[..end]);
            (self.held_cr, self.at_line_start) = (true, self.at_line_start && end == 0);
            rest = &rest[end + 1..];
        }
        Ok(())
    }

    /// Appends what is missing at the end, without the final dot.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), BareLineEnd> {
        if self.held_cr {
            return Err(BareLineEnd);
        }
        if !self.at_line_start {
            out.extend_from_slice(b"\r\n");
            self.at_line_start = true;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(stuffs_dots: bool, pieces: &[&[u8]]) -> Result<Vec<u8>, BareLineEnd> {
        let mut writer = ContentWriter::new(stuffs_dots);
        let mut out = Vec::new();
        for piece in pieces {
            writer.push(piece, &mut out)?;
        }
        writer.finish(&mut out)?;
        Ok(out)
    }

    #[test]
    fn dots_are_stuffed_at_line_starts_alone_however_the_content_is_cut() {
        let content: &[u8] = b".a\r\n..b\r\nc.d\r\n.\r\n\r\n.";
        let expected: &[u8] = b"..a\r\n...b\r\nc.d\r\n..\r\n\r\n..\r\n";
        assert_eq!(written(true, &[content]).unwrap(), expected);
        for cut in 0..=content.len() {
            let (head, tail) = content.split_at(cut);
            assert_eq!(written(true, &[head, tail]).unwrap(), expected, "cut at {cut}");
        }
        let single: Vec<&[u8]> = content.chunks(1).collect();
        assert_eq!(written(true, &single).unwrap(), expected);
    }

    #[test]
    fn a_final_line_end_is_added_only_when_it_is_missing() {
        assert_eq!(written(true, &[b"a\r\n"]).unwrap(), b"a\r\n");
        assert_eq!(written(true, &[b"a"]).unwrap(), b"a\r\n");
        assert_eq!(written(true, &[]).unwrap(), b"");
        assert_eq!(written(false, &[b"\r\n.\r\n"]).unwrap(), b"\r\n.\r\n");
        assert_eq!(written(false, &[b"."]).unwrap(), b".\r\n");
    }

    /// CVE-2023-51764 and its like: readers that take other sequences for the end, ten of the twelve (two look past a
    /// NUL, which no content holds). All content of eight octets that could matter is tried: what leaves has one end
    /// for each of them, the last.
    #[test]
    fn every_lax_reader_sees_one_end_in_what_leaves() {
        const ENDS: [&[u8]; 11] = [
            b"\r\n.\r\n",
            b"\n.\n",
            b"\n.\r\n",
            b"\r\n.\n",
            b"\r.\r",
            b"\r.\n",
            b"\n.\r",
            b"\r.\r\n",
            b"\r\n.\r",
            b"\r\n.\r\r\n",
            b"\r\r\n.\r\r\n",
        ];
        let mut sent = 0;
        for number in 0..4usize.pow(8) {
            let digits = (0..8).map(|place| number >> (2 * place) & 3);
            let content: Vec<u8> = digits.map(|digit| b"\r\n.a"[digit]).collect();
            let Ok(out) = written(true, &[&content]) else { continue };
            sent += 1;
            // As it is on the wire, between the CRLF of DATA and the end.
            let wire = [b"\r\n", out.as_slice(), b".\r\n"].concat();
            let last_dot = wire.len() - 3;
            for end in ENDS {
                let dot = end.iter().position(|octet| *octet == b'.').unwrap();
                let mut found = wire.windows(end.len()).enumerate().filter(|(_, window)| *window == end);
                assert!(
                    found.all(|(at, _)| at + dot == last_dot),
                    "{} ends at {}",
                    wire.escape_ascii(),
                    end.escape_ascii()
                );
            }
        }
        assert!(sent > 500, "{sent} contents left");
    }

    #[test]
    fn a_bare_cr_or_lf_never_leaves() {
        let wrong: [&[u8]; 13] = [
            b"a\n.\nb",
            b"a\n.\r\n",
            b"a\r\n.\n",
            b"a\r.\r",
            b"a\r.\n",
            b"a\n.\r",
            b"a\r.\r\n",
            b"a\r\n.\r",
            b"a\r\n.\r\r\n",
            b"a\r\r\n.\r\r\n",
            b"\r",
            b"\n",
            b"a\r",
        ];
        for content in wrong {
            for stuffs in [true, false] {
                assert_eq!(written(stuffs, &[content]), Err(BareLineEnd), "{content:?}");
                let single: Vec<&[u8]> = content.chunks(1).collect();
                assert_eq!(written(stuffs, &single), Err(BareLineEnd), "{content:?}");
            }
        }
        let mut writer = ContentWriter::new(true);
        let mut out = Vec::new();
        assert_eq!(writer.push(b"x\ry", &mut out), Err(BareLineEnd));
        assert!(!out.contains(&b'\r'));
    }
}
