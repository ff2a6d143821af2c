//! Small files that are there whole or not at all, also after a crash, and that nobody else may read.

use std::{
    fs,
    io::{self, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::Path,
};

use serde::{Serialize, de::DeserializeOwned};
use zeroize::Zeroizing;

use super::fault::{AcmeFault, FaultKind};

/// Longest file that is read: keys, orders and states have a few hundred octets.
const FILE_LEN_MAX: u64 = 256 * 1024;

/// The file's text; `None` when there is none.
pub(super) fn load_text(path: &Path) -> Result<Option<Zeroizing<String>>, AcmeFault> {
    let read = || {
        let file = fs::File::open(path)?;
        let mut text = Zeroizing::new(String::with_capacity(4096));
        file.take(FILE_LEN_MAX).read_to_string(&mut text)?;
        io::Result::Ok(text)
    };
    match read() {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(AcmeFault::file(path, &error)),
    }
}

/// What a file holds; `None` when there is none.
pub(super) fn load<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, AcmeFault> {
    let Some(text) = load_text(path)? else {
        return Ok(None);
    };
    let parsed = serde_json::from_str(&text);
    parsed.map(Some).map_err(|error| {
        let path = path.display();
        AcmeFault::new(
            FaultKind::Ours,
            format!("{path}: cannot be read ({error}); move the file away"),
        )
    })
}

/// Writes it with mode 0600, its folder with 0700; what was there is replaced in one step.
pub(super) fn store<T: Serialize>(path: &Path, value: &T) -> Result<(), AcmeFault> {
    let write = || {
        let octets = Zeroizing::new(serde_json::to_vec_pretty(value)?);
        let folder = path.parent().ok_or_else(|| io::Error::other("it is in no folder"))?;
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let unfinished = path.with_extension("new");
        remove_file(&unfinished)?;
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&unfinished)?;
        file.write_all(&octets)?;
        file.sync_all()?;
        fs::rename(&unfinished, path)?;
        fs::File::open(folder)?.sync_all()
    };
    write().map_err(|error| AcmeFault::file(path, &error))
}

/// Removes it; one that is not there is no fault.
pub(super) fn remove(path: &Path) -> Result<(), AcmeFault> {
    remove_file(path).map_err(|error| AcmeFault::file(path, &error))
}

fn remove_file(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_file_is_private_and_replaced_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("acme/account.json");
        assert_eq!(load::<Vec<u8>>(&path), Ok(None));
        store(&path, &[1, 2]).unwrap();
        fs::write(path.with_extension("new"), "left by a crash").unwrap();
        store(&path, &[3]).unwrap();
        assert_eq!(load(&path), Ok(Some(vec![3])));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let of_folder = fs::metadata(path.parent().unwrap()).unwrap().permissions().mode();
        assert_eq!(of_folder & 0o777, 0o700);
        remove(&path).unwrap();
        remove(&path).unwrap();
        assert_eq!(load::<Vec<u8>>(&path), Ok(None));
    }
}
