//! What a session has to write, and how much of it is written already. What is left is never moved to the front: a
//! chunk of content leaves in several writes.

/// Room that is kept once all is written; a chunk's is given back.
const KEPT_OCTETS: usize = 16 * 1024;

/// Octets on their way out.
#[derive(Debug, Default)]
pub(super) struct Output {
    octets: Vec<u8>,
    written: usize,
}

impl Output {
    /// What is to be written.
    pub(super) fn rest(&self) -> &[u8] {
        &self.octets[self.written..]
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.written == self.octets.len()
    }

    /// The first `count` octets of [`Self::rest`] were written.
    pub(super) fn advance(&mut self, count: usize) {
        self.written += count.min(self.octets.len() - self.written);
        if self.is_empty() {
            self.clear();
        }
    }

    pub(super) fn clear(&mut self) {
        self.written = 0;
        if self.octets.capacity() > KEPT_OCTETS {
            self.octets = Vec::new();
        } else {
            self.octets.clear();
        }
    }

    pub(super) fn push(&mut self, octets: &[u8]) {
        self.end().extend_from_slice(octets);
    }

    /// Takes `octets` from `from` on, without copying them when nothing else waits.
    pub(super) fn take(&mut self, octets: Vec<u8>, from: usize) {
        if self.is_empty() {
            (self.octets, self.written) = (octets, from);
        } else {
            self.push(&octets[from..]);
        }
    }

    /// Where more is appended.
    pub(super) fn end(&mut self) -> &mut Vec<u8> {
        // Whoever appends without end before all is written must not find the beginning still here.
        if self.written > KEPT_OCTETS {
            self.octets.drain(..self.written);
            self.written = 0;
        }
        &mut self.octets
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_gone_and_the_rest_stays_in_order() {
        let mut output = Output::default();
        output.push(b"abc");
        output.advance(2);
        output.push(b"def");
        assert_eq!(output.rest(), b"cdef");
        output.take(b"##ghi".to_vec(), 2);
        assert_eq!(output.rest(), b"cdefghi");
        output.advance(100);
        assert!(output.is_empty());
        output.take(b"##jkl".to_vec(), 2);
        assert_eq!(output.rest(), b"jkl");
    }

    #[test]
    fn no_more_room_is_kept_than_a_line_needs() {
        let mut output = Output::default();
        let chunk = vec![b'x'; 4 * KEPT_OCTETS];
        for _ in 0..100 {
            output.push(&chunk);
            output.advance(chunk.len() - 1);
            assert!(output.octets.len() <= 3 * chunk.len());
            output.advance(1);
        }
        assert!(output.octets.capacity() <= KEPT_OCTETS);
    }
}
