//! Reading the files that an operator names, or that such a file names.

use std::{fs, io::Read as _, path::Path};

/// A file of connectors is never longer.
const FILE_LEN_MAX: u64 = 64 * 1024 * 1024;

/// The octets of a file.
///
/// # Errors
/// Why there are none, or that it is longer than 64 MiB.
pub fn octets(path: &Path) -> Result<Vec<u8>, String> {
    let file = fs::File::open(path).map_err(|error| error.to_string())?;
    let mut octets = Vec::new();
    let read = file.take(FILE_LEN_MAX + 1).read_to_end(&mut octets);
    let length = read.map_err(|error| error.to_string())?;
    if u64::try_from(length).is_ok_and(|length| length <= FILE_LEN_MAX) {
        Ok(octets)
    } else {
        Err(format!("it is longer than {FILE_LEN_MAX} octets"))
    }
}

/// The text of a file.
///
/// # Errors
/// As [`octets`], or where it is no UTF-8.
pub fn text(path: &Path) -> Result<String, String> {
    String::from_utf8(octets(path)?).map_err(|error| {
        let place = error.utf8_error().valid_up_to() + 1;
        format!("octet {place} is no UTF-8")
    })
}
