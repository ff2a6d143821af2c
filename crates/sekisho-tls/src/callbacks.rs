//! What the TLS library asks during a handshake, and how it is answered: any certificate will do, but its key must
//! be the signer's.
//!
//! One verifier serves all connections; what it learns goes into the handshake's record. Judging a chain comes
//! after the handshake (`verify`).

use std::sync::Arc;

use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, PeerMisbehaved, SignatureScheme,
    client::{
        ResolvesClientCert,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::danger::{ClientCertVerified, ClientCertVerifier},
    sign::CertifiedKey,
};
use sekisho_mail::ClientCertificateFate;

use crate::{
    client_hello::handshake_octets,
    octets::Octets,
    record::note,
    signature::{Rejection, Rules, SCHEMES, verify},
};

/// Verifies handshake signatures and records chains, in either role.
#[derive(Debug)]
pub(crate) struct AnyCertificate;

fn check_signature(
    rules: Rules,
    message: &[u8],
    certificate: &CertificateDer<'_>,
    signed: &DigitallySignedStruct,
) -> Result<HandshakeSignatureValid, Error> {
    match verify(rules, signed.scheme, certificate, message, signed.signature()) {
        Ok(proof) => {
            note(|record| record.key = Some(proof));
            Ok(HandshakeSignatureValid::assertion())
        }
        Err(Rejection::Wrong) => Err(CertificateError::BadSignature.into()),
        Err(Rejection::SchemeNotOffered) => Err(PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme.into()),
    }
}

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        note(|record| {
            record.keep_chain(end_entity, intermediates);
            record.keep_staple(ocsp_response);
        });
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        check_signature(Rules::Tls12, message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        check_signature(Rules::Tls13, message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        SCHEMES.to_vec()
    }
}

impl ClientCertVerifier for AnyCertificate {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    /// Empty: a list would tell whom we trust, and long ones break old clients.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        note(|record| record.keep_chain(end_entity, intermediates));
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        check_signature(Rules::Tls12, message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        check_signature(Rules::Tls13, message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        SCHEMES.to_vec()
    }
}

/// Which of our certificates a client configuration may show.
#[derive(Debug)]
pub(crate) enum Offered {
    Nothing,
    InTls13(Arc<CertifiedKey>),
    Always(Arc<CertifiedKey>),
}

impl ResolvesClientCert for Offered {
    fn resolve(&self, _authorities: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let offered = match self {
            Self::Nothing => None,
            Self::InTls13(key) => note(|record| is_tls13(&record.first_flight)).then_some(key),
            Self::Always(key) => Some(key),
        };
        let usable = offered.filter(|key| key.key.choose_scheme(schemes).is_some());
        note(|record| {
            record.client_certificate = Some(match usable {
                Some(_) => ClientCertificateFate::Sent,
                None => ClientCertificateFate::NoneToSend,
            });
        });
        usable.cloned()
    }

    fn has_certs(&self) -> bool {
        !matches!(self, Self::Nothing)
    }
}

/// Whether the server chose TLS 1.3 in its ServerHello. The library does not tell a resolver, so the ServerHello,
/// which it has accepted by then, is read off the tap; what cannot be read is not TLS 1.3.
fn is_tls13(first_flight: &[u8]) -> bool {
    const SUPPORTED_VERSIONS: u16 = 43;
    let messages = handshake_octets(first_flight);
    let mut messages = Octets(&messages);
    let mut chosen = || {
        let (kind, len) = (messages.u8()?, messages.u24()?);
        let mut hello = Octets(messages.take(len)?);
        if kind != 2 {
            return None;
        }
        hello.take(2 + 32)?;
        let session_id_len = hello.u8()?;
        hello.take(usize::from(session_id_len) + 2 + 1)?;
        let extensions_len = hello.u16()?;
        let mut extensions = Octets(hello.take(usize::from(extensions_len))?);
        loop {
            let (extension, len) = (extensions.u16()?, extensions.u16()?);
            let content = extensions.take(usize::from(len))?;
            if extension == SUPPORTED_VERSIONS {
                return Some(content == [3, 4]);
            }
        }
    };
    chosen().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octets_that_are_no_server_hello_are_not_tls_1_3() {
        for octets in [
            &b""[..],
            b"220 hello",
            &[22, 3, 3, 0, 4, 2, 0, 0, 0],
            &[22, 3, 3, 255, 255, 2, 255, 255],
        ] {
            assert!(!is_tls13(octets), "{octets:?}");
        }
    }
}
