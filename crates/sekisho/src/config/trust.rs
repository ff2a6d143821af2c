//! The trust anchors of everybody who names no others.

use sekisho_tls::AnchorSet;

use super::{
    checker::Checker,
    raw::{Raw, Roots},
};

/// Where the roots come from.
#[derive(Clone, Debug)]
pub struct TrustSettings {
    roots: Roots,
    files: Vec<AnchorSet>,
}

impl TrustSettings {
    /// The roots with the operator's own; blocks on the disk. What could not be loaded is in
    /// [`AnchorSet::load_errors`].
    #[must_use]
    pub fn anchors(&self) -> AnchorSet {
        let roots = match self.roots {
            Roots::System => AnchorSet::system(),
            Roots::Bundled => AnchorSet::bundled(),
        };
        AnchorSet::joined(std::iter::once(&roots).chain(&self.files))
    }
}

pub(super) fn build(raw: &Raw, checker: &mut Checker<'_>) -> TrustSettings {
    let mut files = Vec::new();
    for (place, file) in raw.trust.files.iter().enumerate() {
        match AnchorSet::load(&checker.path(file)) {
            Ok(set) => files.push(set),
            Err(error) => checker.fault(&format!("trust.files[{place}]"), error, ""),
        }
    }
    TrustSettings {
        roots: raw.trust.roots,
        files,
    }
}
