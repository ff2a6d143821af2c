//! Files with certificates and keys that are handed over on the command line: read whole, within a limit, and wiped.

use std::{
    fs::File,
    io::{self, Read as _},
    path::Path,
};

use zeroize::Zeroizing;

/// Octets of a file that is handed over.
const FILE_LEN_MAX: u64 = 1024 * 1024;

/// All octets of a file.
///
/// # Errors
/// When it cannot be read, or is longer than any chain, key or PKCS#12 file.
pub fn load_handed_over(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    // Room from the start, so that growing leaves no copy of a key behind.
    let mut octets = Zeroizing::new(Vec::with_capacity(64 * 1024));
    File::open(path)?.take(FILE_LEN_MAX + 1).read_to_end(&mut octets)?;
    if octets.len() as u64 > FILE_LEN_MAX {
        return Err(io::Error::other(format!("it is longer than {FILE_LEN_MAX} octets")));
    }
    Ok(octets)
}
