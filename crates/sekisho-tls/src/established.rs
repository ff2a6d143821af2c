//! Reads the facts of a finished handshake off the connection and its record.

use std::sync::Arc;

use rustls::{CommonState, HandshakeKind, ProtocolVersion};
use sekisho_mail::{ClientCertificateFate, Domain, KeyProof, TlsFacts, TlsVersion};

use crate::{
    chain::{PeerChain, Presenter},
    code_points,
    record::{HandshakeRecord, MAX_CHAIN_CERTIFICATES},
    signature::is_always_proven_in_tls13,
};

/// Where the facts are.
pub(crate) struct Established<'a> {
    pub connection: &'a CommonState,
    pub sni: Option<Domain>,
    pub presenter: Presenter,
    pub client_certificate: ClientCertificateFate,
    pub record: HandshakeRecord,
}

/// The peer's chain and the facts, verdicts still to be asked for.
pub(crate) fn established(from: Established<'_>) -> (Arc<PeerChain>, TlsFacts) {
    let connection = from.connection;
    let version = match connection.protocol_version() {
        Some(ProtocolVersion::TLSv1_3) => TlsVersion::Tls13,
        _ => TlsVersion::Tls12,
    };
    let resumed = connection.handshake_kind() == Some(HandshakeKind::Resumed);
    let suite = connection.negotiated_cipher_suite().map(|suite| suite.suite().into());
    let group = connection
        .negotiated_key_exchange_group()
        .map(|group| group.name().into());
    let chain = peer_chain(connection, from.presenter, resumed, from.record.chain, from.record.key);
    let chain = Arc::new(chain.with_staple(from.record.stapled_ocsp));
    let facts = TlsFacts {
        version,
        suite: suite.map(code_points::suite).unwrap_or_default(),
        group: group.map(code_points::group).unwrap_or_default(),
        sni: from.sni,
        implicit: false,
        alpn: connection
            .alpn_protocol()
            .map(|protocol| String::from_utf8_lossy(protocol).into_owned()),
        resumed,
        chain: chain.facts().to_vec(),
        key: chain.key().clone(),
        verdicts: Vec::new(),
        revocation_sources: Vec::new(),
        stapled_ocsp_len: from.record.stapled_ocsp_len,
        client_certificate: from.client_certificate,
    };
    (chain, facts)
}

/// In a resumed session no callback saw the chain: the library kept it, and a key of this form was proven in the
/// first handshake, since that would have ended otherwise.
fn peer_chain(
    connection: &CommonState,
    presenter: Presenter,
    resumed: bool,
    seen: Vec<rustls::pki_types::CertificateDer<'static>>,
    proof: Option<KeyProof>,
) -> PeerChain {
    let not_proven = |why: &str| KeyProof::NotProven(why.to_owned());
    if !resumed {
        let key = proof.unwrap_or_else(|| not_proven("nothing was signed"));
        return PeerChain::new(seen, key, presenter);
    }
    let kept: Vec<_> = connection
        .peer_certificates()
        .unwrap_or_default()
        .iter()
        .take(MAX_CHAIN_CERTIFICATES)
        .map(|certificate| certificate.clone().into_owned())
        .collect();
    let key = match kept.first() {
        Some(leaf) if is_always_proven_in_tls13(leaf) => KeyProof::Proven,
        Some(_) => not_proven("the session was resumed, and a key of this form cannot be checked"),
        None => not_proven("nothing was signed"),
    };
    PeerChain::new(kept, key, presenter)
}
