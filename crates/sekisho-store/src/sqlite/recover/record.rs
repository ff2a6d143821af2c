//! Cells and records: a row as it stands in a page (<https://www.sqlite.org/fileformat2.html>, chapters 1.6 and 2.1).
//! Whatever the octets are, reading ends, and within the octets that there are.

use std::collections::HashSet;

use super::image::{Image, PAGE, be16, be32};

/// We write no row of so many octets: content of any length is in files.
const PAYLOAD_MAX: usize = 64 * 1024 * 1024;

/// A value of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Null,
    Int(i64),
    /// Text or a blob; a number with a fraction, of which we write none, too.
    Octets(Vec<u8>),
}

impl Value {
    pub(super) const fn int(&self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(*number),
            Self::Null | Self::Octets(_) => None,
        }
    }

    pub(super) fn octets(&self) -> Option<&[u8]> {
        match self {
            Self::Octets(octets) => Some(octets),
            Self::Null | Self::Int(_) => None,
        }
    }
}

/// What a page is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    TableInterior,
    TableLeaf,
    IndexInterior,
    IndexLeaf,
}

impl Kind {
    const fn is_interior(self) -> bool {
        matches!(self, Self::TableInterior | Self::IndexInterior)
    }
}

/// A page of a tree.
pub(super) struct Node<'a> {
    pub(super) kind: Kind,
    page: &'a [u8],
    header: usize,
    cells: usize,
}

/// A row: its number, where rows have one, and its values.
pub(super) type Row = (Option<i64>, Vec<Value>);

impl<'a> Node<'a> {
    /// `None` when the page is none of a tree.
    pub(super) fn parse(number: u32, page: &'a [u8]) -> Option<Self> {
        // The first page begins with the file's header.
        let header = if number == 1 { 100 } else { 0 };
        let kind = match page.get(header)? {
            0x02 => Kind::IndexInterior,
            0x05 => Kind::TableInterior,
            0x0a => Kind::IndexLeaf,
            0x0d => Kind::TableLeaf,
            _ => return None,
        };
        let cells = be16(page, header + 3);
        let node = Self {
            kind,
            page,
            header,
            cells,
        };
        (node.pointers() + 2 * cells <= PAGE).then_some(node)
    }

    const fn pointers(&self) -> usize {
        self.header + if self.kind.is_interior() { 12 } else { 8 }
    }

    /// Where each cell begins.
    fn places(&self) -> impl Iterator<Item = usize> {
        (0..self.cells).map(|cell| be16(self.page, self.pointers() + 2 * cell))
    }

    /// The pages below.
    pub(super) fn children(&self) -> Vec<u32> {
        if !self.kind.is_interior() {
            return Vec::new();
        }
        let mut children: Vec<u32> = self.places().map(|place| be32(self.page, place)).collect();
        children.push(be32(self.page, self.header + 8));
        children
    }

    /// The rows on this page; `None` for each that cannot be read.
    pub(super) fn rows(&self, image: &Image) -> Vec<Option<Row>> {
        if self.kind == Kind::TableInterior {
            return Vec::new();
        }
        self.places().map(|place| self.row(image, place)).collect()
    }

    /// Whether the header tells the truth: cells and free blocks fill the content area, to the octet, and none lies in
    /// another. A count, a start or a pointer that is wrong makes cells of what is gone, which can be whole, or hides
    /// some that are not.
    pub(super) fn adds_up(&self) -> bool {
        if self.kind == Kind::TableInterior {
            return true;
        }
        let start = match be16(self.page, self.header + 5) {
            0 => 65_536,
            start => start,
        };
        let cells = self.places().map(|place| Some((place, self.cell(place)?.size)));
        let Some(mut parts) = cells.collect::<Option<Vec<(usize, usize)>>>() else {
            return false;
        };
        let Some(free) = self.free_blocks(start) else {
            return false;
        };
        parts.extend(free);
        parts.sort_unstable();
        let mut end = start;
        for (place, size) in &parts {
            if *place < end {
                return false;
            }
            end = place + size;
        }
        let filled: usize = parts.iter().map(|(_, size)| size).sum();
        let fragments = usize::from(self.page[self.header + 7]);
        self.pointers() + 2 * self.cells <= start && start + filled + fragments == PAGE
    }

    /// Where each free block begins and its size; the list goes upwards within the content area.
    fn free_blocks(&self, start: usize) -> Option<Vec<(usize, usize)>> {
        let (mut free, mut end) = (Vec::new(), start);
        let mut block = be16(self.page, self.header + 1);
        while block != 0 {
            let size = be16(self.page, block + 2);
            if block < end || size < 4 || block + size > PAGE {
                return None;
            }
            free.push((block, size));
            end = block + size;
            block = be16(self.page, block);
        }
        Some(free)
    }

    /// The cell that begins here; `None` when there cannot be one.
    fn cell(&self, place: usize) -> Option<Cell<'a>> {
        let octets = self.page.get(place..)?;
        let mut rest = Reader(octets);
        if self.kind == Kind::IndexInterior {
            rest.take(4)?;
        }
        let len = usize::try_from(rest.varint()?).ok()?;
        let number = match self.kind {
            Kind::TableLeaf => Some(rest.varint()?.cast_signed()),
            _ => None,
        };
        let local = local_len(self.kind, len);
        let payload = rest.take(local)?;
        let further = if local < len {
            Some(be32(rest.take(4)?, 0))
        } else {
            None
        };
        Some(Cell {
            number,
            len,
            payload,
            further,
            // What is freed has to hold the head of a free block.
            size: (octets.len() - rest.0.len()).max(4),
        })
    }

    fn row(&self, image: &Image, place: usize) -> Option<Row> {
        let cell = self.cell(place)?;
        let mut payload = cell.payload.to_vec();
        if let Some(page) = cell.further {
            overflow(image, page, cell.len, &mut payload)?;
        }
        Some((cell.number, record(&payload)?))
    }
}

/// A cell as it stands in its page.
struct Cell<'a> {
    number: Option<i64>,
    /// Octets of the whole payload.
    len: usize,
    /// What of it stands here.
    payload: &'a [u8],
    /// Where the rest begins.
    further: Option<u32>,
    /// Octets of the page.
    size: usize,
}

/// So many octets of a payload stand in the page itself.
const fn local_len(kind: Kind, len: usize) -> usize {
    let most = match kind {
        Kind::TableLeaf | Kind::TableInterior => PAGE - 35,
        Kind::IndexLeaf | Kind::IndexInterior => (PAGE - 12) * 64 / 255 - 23,
    };
    if len <= most {
        return len;
    }
    let least = (PAGE - 12) * 32 / 255 - 23;
    let fitting = least + (len - least) % (PAGE - 4);
    if fitting <= most { fitting } else { least }
}

/// Adds what stands on further pages.
fn overflow(image: &Image, mut next: u32, len: usize, payload: &mut Vec<u8>) -> Option<()> {
    if len > PAYLOAD_MAX {
        return None;
    }
    let mut seen = HashSet::new();
    while payload.len() < len {
        if !seen.insert(next) {
            return None;
        }
        let page = image.page(next)?;
        let wanted = (len - payload.len()).min(PAGE - 4);
        payload.extend_from_slice(page.get(4..4 + wanted)?);
        next = be32(&page, 0);
    }
    Some(())
}

/// The values of a record.
fn record(payload: &[u8]) -> Option<Vec<Value>> {
    let mut whole = Reader(payload);
    let header_len = usize::try_from(whole.varint()?).ok()?;
    let used = payload.len() - whole.0.len();
    let mut types = Reader(whole.take(header_len.checked_sub(used)?)?);
    let mut values = Vec::new();
    while !types.0.is_empty() {
        let value = match types.varint()? {
            0 => Value::Null,
            size @ 1..=6 => {
                let len = [1, 2, 3, 4, 6, 8][usize::try_from(size).ok()? - 1];
                let octets = whole.take(len)?;
                let sign = if octets[0] & 0x80 == 0 { 0 } else { -1 };
                Value::Int(
                    octets
                        .iter()
                        .fold(sign, |number, octet| number << 8 | i64::from(*octet)),
                )
            }
            7 => Value::Octets(whole.take(8)?.to_vec()),
            8 => Value::Int(0),
            9 => Value::Int(1),
            10 | 11 => return None,
            len => Value::Octets(whole.take(usize::try_from((len - 12) / 2).ok()?)?.to_vec()),
        };
        values.push(value);
    }
    Some(values)
}

/// Octets that are read from the front.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    /// Up to eight octets of seven bits, and a ninth of eight.
    fn varint(&mut self) -> Option<u64> {
        let mut number = 0;
        for place in 0..9 {
            let octet = u64::from(*self.take(1)?.first()?);
            if place == 8 {
                return Some(number << 8 | octet);
            }
            number = number << 7 | octet & 0x7f;
            if octet & 0x80 == 0 {
                break;
            }
        }
        Some(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_length_are_read() {
        let read = |octets: &[u8]| Reader(octets).varint();
        assert_eq!(read(&[0x7f]), Some(127));
        assert_eq!(read(&[0x81, 0x00]), Some(128));
        assert_eq!(read(&[0xff; 9]), Some(u64::MAX));
        assert_eq!(read(&[0x80; 3]), None);
        // -1 in one octet, 2^40 in six, 0 and 1 in none; a text and a blob.
        let octets = [7, 1, 5, 8, 9, 15, 14, 0xff, 1, 0, 0, 0, 0, 0, b'x', b'y'];
        let values = record(&octets).unwrap();
        assert_eq!(values[..4], [-1, 1 << 40, 0, 1].map(Value::Int));
        assert_eq!(values[4..], [b"x", b"y"].map(|octets| Value::Octets(octets.to_vec())));
        assert_eq!(record(&octets[..octets.len() - 1]), None);
    }

    #[test]
    fn what_does_not_fit_a_page_is_parted_as_sqlite_does() {
        assert_eq!(local_len(Kind::TableLeaf, PAGE - 35), PAGE - 35);
        // The least that stays is 1003 of a page of 8192.
        assert_eq!(local_len(Kind::TableLeaf, PAGE - 34), 1003);
        assert_eq!(local_len(Kind::IndexLeaf, 2029), 2029);
        assert_eq!(
            local_len(Kind::IndexLeaf, 2031),
            2031.min(1003 + (2031 - 1003) % (PAGE - 4)).min(1003)
        );
    }
}
