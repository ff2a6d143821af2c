//! What only the TLS library's callbacks and the raw octets tell about one handshake.
//!
//! Verifier and resolver are shared by all connections and hold no connection's state; they write here, into
//! a task-local that lives as long as the handshake.

use std::cell::RefCell;

use rustls::pki_types::CertificateDer;
use sekisho_mail::{ClientCertificateFate, KeyProof};

use crate::{client_hello::MAX_FIRST_FLIGHT_LEN, revocation::MAX_OCSP_LEN};

/// How many certificates of a chain are looked at; the rest is dropped. Honest chains have up to five.
pub(crate) const MAX_CHAIN_CERTIFICATES: usize = 32;

tokio::task_local! {
    static RECORD: RefCell<HandshakeRecord>;
}

/// Filled while a handshake runs.
#[derive(Debug, Default)]
pub(crate) struct HandshakeRecord {
    /// The first octets that the peer sent, at most [`MAX_FIRST_FLIGHT_LEN`].
    pub first_flight: Vec<u8>,
    /// The peer's chain, leaf first.
    pub chain: Vec<CertificateDer<'static>>,
    /// How long the stapled OCSP answer is.
    pub stapled_ocsp_len: Option<usize>,
    /// The answer itself; `None` when it is longer than any that is looked at.
    pub stapled_ocsp: Option<Vec<u8>>,
    /// What the handshake's signature came to.
    pub key: Option<KeyProof>,
    /// What became of our client certificate; `None` when none was asked for.
    pub client_certificate: Option<ClientCertificateFate>,
}

impl HandshakeRecord {
    /// Keeps what the peer sent, up to the limit.
    pub(crate) fn keep_octets(&mut self, octets: &[u8]) {
        let room = MAX_FIRST_FLIGHT_LEN.saturating_sub(self.first_flight.len());
        self.first_flight.extend_from_slice(&octets[..octets.len().min(room)]);
    }

    /// Keeps an OCSP answer that was stapled, up to the limit; an empty one is none.
    pub(crate) fn keep_staple(&mut self, answer: &[u8]) {
        self.stapled_ocsp_len = (!answer.is_empty()).then_some(answer.len());
        self.stapled_ocsp = (1..=MAX_OCSP_LEN).contains(&answer.len()).then(|| answer.to_vec());
    }

    pub(crate) fn keep_chain(&mut self, leaf: &CertificateDer<'_>, others: &[CertificateDer<'_>]) {
        self.chain = std::iter::once(leaf)
            .chain(others)
            .take(MAX_CHAIN_CERTIFICATES)
            .map(|certificate| certificate.clone().into_owned())
            .collect();
    }
}

/// Runs `handshake` with a fresh record and gives back both.
pub(crate) async fn recorded<F: Future>(handshake: F) -> (F::Output, HandshakeRecord) {
    let inside = async {
        let output = handshake.await;
        (output, RECORD.with(RefCell::take))
    };
    RECORD.scope(RefCell::default(), inside).await
}

/// Writes into the record of the handshake that this task is in; does nothing outside of one.
pub(crate) fn note<T: Default>(write: impl FnOnce(&mut HandshakeRecord) -> T) -> T {
    RECORD
        .try_with(|record| write(&mut record.borrow_mut()))
        .unwrap_or_default()
}
