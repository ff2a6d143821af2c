//! What a chain is worth, asked after the handshake.

use std::collections::HashMap;

use sekisho_mail::{AnchorSetId, Check, Timestamp, Verdict};

use crate::{AnchorSet, PeerChain};

/// Answers checks about chains; one for the whole process. Its answers are kept until the first instant at
/// which they could change.
#[derive(Debug)]
pub struct Verifier {
    sets: HashMap<AnchorSetId, AnchorSet>,
}

impl Verifier {
    /// A verifier that knows these anchor sets.
    #[must_use]
    pub fn new(sets: HashMap<AnchorSetId, AnchorSet>) -> Self {
        Self { sets }
    }

    /// Other anchor sets from now on; every kept answer is forgotten.
    pub fn replace_anchors(&self, sets: HashMap<AnchorSetId, AnchorSet>) {
        todo!("{sets:?} {:?}", self.sets)
    }

    /// One answer per check, in their order. A chain that is not kept yet costs some signature checks on the
    /// calling thread (well under a millisecond), one that is kept a look-up.
    #[must_use]
    pub fn verify(&self, chain: &PeerChain, checks: &[Check], now: Timestamp) -> Vec<(Check, Verdict)> {
        todo!("{chain:?} {checks:?} {now}")
    }
}
