//! The pages of a database file as its last commit left them: those of the file, over them what the log holds. Read
//! without SQLite, which gives up at the first page that is none; nothing here is changed but by [`Image::fold`].
//!
//! The format: <https://www.sqlite.org/fileformat2.html>, chapters 1.2, 1.5, 1.8 and 4.

use std::{
    collections::HashMap,
    fs::{File, OpenOptions},
    io,
    os::unix::fs::FileExt as _,
    path::Path,
};

use super::super::schema::PAGE_SIZE;

/// Octets of a page.
pub(super) const PAGE: usize = PAGE_SIZE as usize;
/// Octets of the log's header.
const LOG_HEADER: usize = 32;
/// Octets before each page in the log.
const FRAME_HEADER: usize = 24;
/// The page that holds the octet at 1 GiB is left out of use.
pub(super) const LOCK_PAGE: u32 = 0x4000_0000 / PAGE_SIZE + 1;

/// A database that is read page by page.
#[derive(Debug)]
pub(super) struct Image {
    file: File,
    log: Option<File>,
    /// Where in the log the newest version of a page is.
    frames: HashMap<u32, u64>,
    /// How many pages there are; from 1.
    pub(super) pages: u32,
    /// What is odd about file and log as a whole.
    pub(super) oddities: Vec<String>,
}

impl Image {
    /// Opens a database and its log.
    ///
    /// # Errors
    /// When a file that is there cannot be opened or its length is not told.
    pub(super) fn open(path: &Path, log_path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let len = file.metadata()?.len();
        let mut image = Self {
            file,
            log: None,
            frames: HashMap::new(),
            pages: u32::try_from(len.div_ceil(PAGE as u64)).unwrap_or(u32::MAX),
            oddities: Vec::new(),
        };
        match File::open(log_path) {
            Ok(log) => image.read_log(log),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let first = image.page(1).filter(|page| page.starts_with(b"SQLite format 3\0"));
        let told = first.map_or(0, |page| be32(&page, 28));
        if told > image.pages {
            let missing = told - image.pages;
            let oddity =
                format!("the file ends early: {missing} of {told} pages are missing, if its first page is right");
            image.oddities.push(oddity);
        }
        Ok(image)
    }

    /// Takes in what was committed: all frames up to the last of a commit before the first that its checksum does not
    /// fit, as SQLite does.
    fn read_log(&mut self, log: File) {
        let mut header = [0; LOG_HEADER];
        let is_whole = log.read_exact_at(&mut header, 0).is_ok();
        let magic = be32(&header, 0);
        if !is_whole || magic & !1 != 0x377f_0682 || be32(&header, 8) != PAGE_SIZE {
            if log.metadata().is_ok_and(|facts| facts.len() > 0) {
                self.oddities
                    .push("the log's header is damaged; its content is left out".to_owned());
            }
            return;
        }
        let big_endian = magic & 1 == 1;
        let mut sums = checksum(big_endian, (0, 0), &header[..24]);
        if sums != (be32(&header, 24), be32(&header, 28)) {
            self.oddities
                .push("the log's header is damaged; its content is left out".to_owned());
            return;
        }
        let mut frame = vec![0; FRAME_HEADER + PAGE];
        let mut waiting = Vec::new();
        let mut offset = LOG_HEADER as u64;
        while log.read_exact_at(&mut frame, offset).is_ok() {
            let is_of_this_log = frame[8..16] == header[16..24];
            sums = checksum(big_endian, sums, &frame[..8]);
            sums = checksum(big_endian, sums, &frame[FRAME_HEADER..]);
            if !is_of_this_log || sums != (be32(&frame, 16), be32(&frame, 20)) {
                break;
            }
            waiting.push((be32(&frame, 0), offset + FRAME_HEADER as u64));
            let commit = be32(&frame, 4);
            if commit > 0 {
                self.frames.extend(waiting.drain(..));
                self.pages = commit;
            }
            offset += frame.len() as u64;
        }
        self.log = Some(log);
    }

    /// A page, or nothing when it cannot be read.
    pub(super) fn page(&self, number: u32) -> Option<Vec<u8>> {
        let before = u64::from(number.checked_sub(1)?);
        if number > self.pages {
            return None;
        }
        let mut page = vec![0; PAGE];
        match (self.frames.get(&number), &self.log) {
            (Some(place), Some(log)) => log.read_exact_at(&mut page, *place).ok()?,
            _ => self.file.read_exact_at(&mut page, before * PAGE as u64).ok()?,
        }
        Some(page)
    }

    /// Copies what the log holds into the file at `path`, durably, so that the file is whole without it: what a
    /// checkpoint does, and as often as it is wanted.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn fold(&self, path: &Path) -> io::Result<()> {
        let file = OpenOptions::new().write(true).open(path)?;
        for number in self.frames.keys() {
            if let (Some(page), Some(before)) = (self.page(*number), number.checked_sub(1)) {
                file.write_all_at(&page, u64::from(before) * PAGE as u64)?;
            }
        }
        file.sync_all()
    }
}

/// The log's checksum, over an even number of words.
fn checksum(big_endian: bool, (mut one, mut other): (u32, u32), octets: &[u8]) -> (u32, u32) {
    let word = |octets: &[u8]| {
        let octets = octets.try_into().unwrap_or_default();
        if big_endian {
            u32::from_be_bytes(octets)
        } else {
            u32::from_le_bytes(octets)
        }
    };
    for pair in octets.chunks_exact(8) {
        let (first, second) = pair.split_at(4);
        one = one.wrapping_add(word(first)).wrapping_add(other);
        other = other.wrapping_add(word(second)).wrapping_add(one);
    }
    (one, other)
}

/// A big-endian number of 4 octets, or 0 where there is none.
pub(super) fn be32(octets: &[u8], at: usize) -> u32 {
    let octets = octets
        .get(at..at.saturating_add(4))
        .and_then(|octets| octets.try_into().ok());
    octets.map_or(0, u32::from_be_bytes)
}

/// As [`be32`], of 2 octets.
pub(super) fn be16(octets: &[u8], at: usize) -> usize {
    let octets = octets
        .get(at..at.saturating_add(2))
        .and_then(|octets| octets.try_into().ok());
    octets.map_or(0, |octets| usize::from(u16::from_be_bytes(octets)))
}
