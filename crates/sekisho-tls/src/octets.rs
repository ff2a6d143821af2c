//! A cursor over octets that never reads past their end: what every parser in this crate stands on.

/// Reads big-endian numbers and length-prefixed pieces; `None` when the octets run out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Octets<'a>(pub &'a [u8]);

impl<'a> Octets<'a> {
    pub(crate) fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (piece, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(piece)
    }

    /// As many as there are, up to `len`.
    pub(crate) fn take_up_to(&mut self, len: usize) -> &'a [u8] {
        let (piece, rest) = self.0.split_at(len.min(self.0.len()));
        self.0 = rest;
        piece
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.take(1).map(|octets| octets[0])
    }

    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.take(2).map(|octets| u16::from_be_bytes([octets[0], octets[1]]))
    }

    pub(crate) fn u24(&mut self) -> Option<usize> {
        self.take(3)
            .map(|octets| usize::from(octets[0]) << 16 | usize::from(octets[1]) << 8 | usize::from(octets[2]))
    }

    /// The numbers of a list of 16-bit values; an odd last octet is left out.
    pub(crate) fn all_u16(self) -> impl Iterator<Item = u16> + 'a {
        self.0
            .chunks_exact(2)
            .map(|pair| u16::from_be_bytes([pair[0], pair[1]]))
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
