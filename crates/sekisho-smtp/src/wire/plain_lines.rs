//! Lines with which nothing is the matter, many at a time: nearly all content is made of them, and looking for each
//! line's end by itself costs more than everything else that is done with it.

use memchr::memrchr;

use crate::limits::TEXT_LINE_OCTETS;

/// Octets looked at together. With a line end in each, no line is longer than two of them.
const WINDOW: usize = (TEXT_LINE_OCTETS as usize) / 2 - 4;

/// How many octets at the front of `octets`, which begins a line, are whole lines that need no second look: each ended
/// by CRLF, within the limit of RFC 5321 §4.5.3.1.6, without CR, LF or NUL elsewhere, and, where `dots` matter, without
/// one at the front. There may be more than are found.
pub(crate) fn plain_lines(octets: &[u8], dots: bool) -> usize {
    if octets
        .first()
        .is_none_or(|first| *first == b'\n' || dots && *first == b'.')
    {
        return 0;
    }
    let mut plain = 0;
    while let Some(window) = octets.get(plain..=plain + WINDOW)
        && is_plain(window, dots)
    {
        plain += WINDOW;
    }
    memrchr(b'\n', &octets[..plain]).map_or(0, |last| last + 1)
}

/// Looks at all octets but the last, each with the one behind it. No branches within: the compiler makes vectors of it.
fn is_plain(window: &[u8], dots: bool) -> bool {
    let dot = if dots { b'.' } else { 0 };
    let (mut fault, mut ends) = (0u8, 0u8);
    for (octet, next) in window.iter().zip(&window[1..]) {
        let end = u8::from(*octet == b'\n');
        fault |= (u8::from(*octet == b'\r') ^ u8::from(*next == b'\n')) | u8::from(*octet == 0);
        fault |= end & u8::from(*next == dot);
        ends |= end;
    }
    fault == 0 && ends == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said of each line, in the plainest words.
    fn reference(octets: &[u8], dots: bool) -> bool {
        let Some(text) = octets.strip_suffix(b"\r\n") else {
            return false;
        };
        let lines: Vec<&[u8]> = text.split(|octet| *octet == b'\n').collect();
        let last = lines.len() - 1;
        lines.iter().enumerate().all(|(place, line)| {
            let line = if place == last {
                Some(*line)
            } else {
                line.strip_suffix(b"\r")
            };
            line.is_some_and(|line| {
                let wrong = line.len() > 998 || line.iter().any(|octet| b"\r\0".contains(octet));
                !(wrong || dots && line.starts_with(b"."))
            })
        })
    }

    #[test]
    fn what_is_found_is_plain_and_nearly_all_that_is_plain_is_found() {
        let line = [&[b'x'; 76][..], b"\r\n"].concat();
        let long = line.repeat(100);
        assert!(plain_lines(&long, true) > long.len() - WINDOW - line.len());
        assert!(reference(&long[..plain_lines(&long, true)], true));
        for wrong in [&b"\r"[..], b"\n", b"\0", b"\r\r", b"\n.", b"\r\n.", b"\r\n\r"] {
            for place in (0..long.len() - 3).step_by(7) {
                for dots in [true, false] {
                    let mut octets = long.clone();
                    octets[place..place + wrong.len()].copy_from_slice(wrong);
                    let found = plain_lines(&octets, dots);
                    assert!(found == 0 || reference(&octets[..found], dots), "{wrong:?} at {place}");
                }
            }
        }
    }

    #[test]
    fn lines_up_to_the_limit_are_plain_and_longer_ones_never() {
        for len in (0..1200).step_by(3) {
            let line = [&vec![b'x'; len][..], b"\r\n"].concat();
            let octets = line.repeat(4 + 4 * WINDOW / line.len());
            let found = plain_lines(&octets, false);
            assert!(found == 0 || reference(&octets[..found], false), "{len}");
            assert!(found > 0 || len + 2 > WINDOW, "{len}");
        }
    }

    #[test]
    fn too_little_to_judge_is_left_to_others() {
        for octets in [&b""[..], b".", b"\n", b"a\r\n", &[b'x'; 5000]] {
            assert_eq!(plain_lines(octets, true), 0);
        }
    }
}
