//! Content that has outgrown memory, on its way into a file: in segments of one length, which begin where a disk can
//! take them as they are, and whose room is kept for the next message.

use std::{
    mem,
    ops::Deref,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::disk::BLOCK_LEN;

/// Octets of a segment that is full.
pub(crate) const SEGMENT_LEN: usize = 64 * 1024;
/// So many segments are kept for the next messages (8 MiB): memory that is given back is cleared by the system, page by
/// page, before it comes again.
const SPARE_SEGMENTS: usize = 128;
/// So many octets that are in files already stay in memory for a delivery at once.
const KEPT_LEN: u64 = 32 * 1024 * 1024;

/// At most [`SEGMENT_LEN`] octets.
#[derive(Debug)]
pub(crate) struct Segment {
    octets: Vec<u8>,
    /// The first multiple of the block in memory: here it begins.
    begin: usize,
}

impl Segment {
    fn new() -> Self {
        let mut octets: Vec<u8> = Vec::with_capacity(SEGMENT_LEN + BLOCK_LEN);
        let begin = octets.as_ptr().align_offset(BLOCK_LEN).min(BLOCK_LEN);
        octets.resize(begin, 0);
        Self { octets, begin }
    }

    /// Whether nothing more goes into it.
    pub(crate) fn is_full(&self) -> bool {
        self.len() >= SEGMENT_LEN
    }

    /// Takes as much as there is room for; gives back the rest.
    pub(crate) fn fill<'a>(&mut self, octets: &'a [u8]) -> &'a [u8] {
        let (now, later) = octets.split_at(octets.len().min(SEGMENT_LEN - self.len()));
        self.octets.extend_from_slice(now);
        later
    }
}

impl Deref for Segment {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.octets[self.begin..]
    }
}

/// Empty segments, and how much is in those that are kept.
#[derive(Debug, Default)]
pub(crate) struct Spare {
    empty: Mutex<Vec<Segment>>,
    kept: AtomicU64,
}

impl Spare {
    fn empty(&self) -> std::sync::MutexGuard<'_, Vec<Segment>> {
        self.empty.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One of them, or a new one.
    pub(crate) fn segment(&self) -> Segment {
        let spare = self.empty().pop();
        spare.unwrap_or_else(Segment::new)
    }
}

/// Content in memory, in segments of which the last may be shorter. Their room is kept for others on drop.
#[derive(Debug)]
pub(crate) struct Segments {
    all: Vec<Segment>,
    /// Octets that count as kept.
    kept: u64,
    spare: Arc<Spare>,
}

impl Segments {
    pub(crate) fn none(spare: &Arc<Spare>) -> Self {
        Self {
            all: Vec::new(),
            kept: 0,
            spare: Arc::clone(spare),
        }
    }

    /// What is in a file already stays in memory too, where enough is left of the room for that.
    pub(crate) fn keep(mut self) -> Option<Self> {
        self.kept = self.len();
        let before = self.spare.kept.fetch_add(self.kept, Ordering::Relaxed);
        (before + self.kept <= KEPT_LEN).then_some(self)
    }

    pub(crate) fn push(&mut self, segment: Segment) {
        self.all.push(segment);
    }

    /// How many there are.
    pub(crate) const fn count(&self) -> usize {
        self.all.len()
    }

    /// Octets in all of them.
    pub(crate) fn len(&self) -> u64 {
        self.all.iter().map(|segment| segment.len() as u64).sum()
    }

    pub(crate) fn get(&self, place: usize) -> Option<&[u8]> {
        self.all.get(place).map(|segment| &**segment)
    }

    pub(crate) fn pieces(&self) -> Vec<&[u8]> {
        self.all.iter().map(|segment| &**segment).collect()
    }
}

impl Drop for Segments {
    fn drop(&mut self) {
        self.spare.kept.fetch_sub(self.kept, Ordering::Relaxed);
        let mut all = mem::take(&mut self.all);
        for segment in &mut all {
            segment.octets.truncate(segment.begin);
        }
        let mut empty = self.spare.empty();
        all.truncate(SPARE_SEGMENTS.saturating_sub(empty.len()));
        empty.append(&mut all);
    }
}
