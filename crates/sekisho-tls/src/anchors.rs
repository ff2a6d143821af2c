//! Trust anchors: those of the operating system, and those that an operator gives in a file.

use std::{
    io,
    path::{Path, PathBuf},
};

/// Why a file gives no trust anchors; each names the file and what mends it.
#[derive(Debug, thiserror::Error)]
pub enum AnchorError {
    /// The file cannot be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
}

/// Certificates at which a path may end. A self-signed leaf among them is taken as a pin.
#[derive(Clone, Debug)]
pub struct AnchorSet {
    load_errors: Vec<String>,
}

impl AnchorSet {
    /// Those of the operating system; blocks on the disk. What could not be loaded is kept in
    /// [`Self::load_errors`]; a set without any anchor answers every check with `Unknown`.
    #[must_use]
    pub fn system() -> Self {
        todo!()
    }

    /// Those in a PEM bundle; blocks on the disk.
    ///
    /// # Errors
    /// When the file cannot be read or holds no usable certificate.
    pub fn load(path: &Path) -> Result<Self, AnchorError> {
        todo!("{path:?}")
    }

    /// How many anchors there are.
    #[must_use]
    pub fn len(&self) -> usize {
        todo!()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What could not be loaded, in words.
    #[must_use]
    pub fn load_errors(&self) -> &[String] {
        &self.load_errors
    }
}
