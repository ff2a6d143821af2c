//! What a server presents to a client that can check keys of one kind alone: by it a server looks at itself.

use std::{sync::Arc, time::Duration};

use rustls::{
    ClientConfig, DigitallySignedStruct, Error, SignatureScheme,
    client::{
        Resumption,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    pki_types::{CertificateDer, DnsName, ServerName, UnixTime},
};
use sekisho_mail::{CertificateFacts, Domain, KeyExchangeGroups, TlsVersion};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::timeout,
};
use tokio_rustls::TlsConnector;

use super::KeyFamily;
use crate::{
    callbacks::AnyCertificate,
    chain::facts_of,
    provider::{provider_for, versions_from},
    signature::SCHEMES,
};

/// Any certificate, as long as its key is of this kind and signs the handshake.
#[derive(Debug)]
struct OfFamily(KeyFamily);

impl ServerCertVerifier for OfFamily {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        ServerCertVerifier::verify_tls12_signature(&AnyCertificate, message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        ServerCertVerifier::verify_tls13_signature(&AnyCertificate, message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        SCHEMES
            .iter()
            .copied()
            .filter(|scheme| family_of(*scheme) == self.0)
            .collect()
    }
}

fn family_of(scheme: SignatureScheme) -> KeyFamily {
    match scheme {
        SignatureScheme::ECDSA_NISTP256_SHA256
        | SignatureScheme::ECDSA_NISTP384_SHA384
        | SignatureScheme::ECDSA_NISTP521_SHA512
        | SignatureScheme::ECDSA_SHA1_Legacy => KeyFamily::Ecdsa,
        SignatureScheme::ED25519 | SignatureScheme::ED448 => KeyFamily::Other,
        _ => KeyFamily::Rsa,
    }
}

/// Shakes hands as a client that asks for `name` and can check keys of `family` alone; the leaf that it is shown, whose
/// key the server has proved.
///
/// # Errors
/// Why there was no handshake, in words.
pub async fn presented_leaf<S>(
    stream: S,
    name: &Domain,
    family: KeyFamily,
    time_limit: Duration,
) -> Result<CertificateFacts, String>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let server_name = DnsName::try_from(name.as_str()).map_err(|_| format!("{name} can be no server name"))?;
    let min_version = TlsVersion::Tls12;
    let mut config = ClientConfig::builder_with_provider(Arc::clone(provider_for(KeyExchangeGroups::ALL, min_version)))
        .with_protocol_versions(versions_from(min_version))
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(OfFamily(family)))
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    let connector = TlsConnector::from(Arc::new(config));
    let handshake = connector.connect(ServerName::DnsName(server_name.to_owned()), stream);
    let stream = match timeout(time_limit, handshake).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return Err(format!("the handshake failed: {error}")),
        Err(_) => return Err(format!("the handshake took longer than {} s", time_limit.as_secs())),
    };
    let leaf = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
    leaf.map(|leaf| facts_of(leaf))
        .ok_or_else(|| "no certificate was presented".to_owned())
}
