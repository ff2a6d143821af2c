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
use sekisho_mail::{Domain, KeyExchangeGroups, TlsVersion};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::timeout,
};
use tokio_rustls::TlsConnector;

use super::{CertificateChain, KeyFamily};
use crate::{
    ProbeName,
    callbacks::AnyCertificate,
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

/// What a client asks a server to present.
#[derive(Clone, Copy, Debug)]
pub struct HandshakeQuestion<'q> {
    /// For which name (SNI).
    pub name: &'q Domain,
    /// With a key of which kind; the client can check no other.
    pub family: KeyFamily,
    /// The secret name of certificates that are not in force yet.
    pub probe: Option<&'q ProbeName>,
}

/// Shakes hands as a client that asks for this; the chain that it is shown, whose key the server has proved.
///
/// # Errors
/// Why there was no handshake, in words.
pub async fn presented_chain<S>(
    stream: S,
    question: HandshakeQuestion<'_>,
    time_limit: Duration,
) -> Result<CertificateChain, String>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let name = question.name;
    let server_name = DnsName::try_from(name.as_str()).map_err(|_| format!("{name} can be no server name"))?;
    let min_version = TlsVersion::Tls12;
    let mut config = ClientConfig::builder_with_provider(Arc::clone(provider_for(KeyExchangeGroups::ALL, min_version)))
        .with_protocol_versions(versions_from(min_version))
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(OfFamily(question.family)))
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    if let Some(probe) = question.probe {
        // With one that the server speaks: it must find one to agree on (RFC 7301 §3.2).
        config.alpn_protocols = vec![probe.alpn(), b"smtp".to_vec()];
    }
    let connector = TlsConnector::from(Arc::new(config));
    let handshake = connector.connect(ServerName::DnsName(server_name.to_owned()), stream);
    let stream = match timeout(time_limit, handshake).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return Err(format!("the handshake failed: {error}")),
        Err(_) => return Err(format!("the handshake took longer than {} s", time_limit.as_secs())),
    };
    let certificates = stream.get_ref().1.peer_certificates().unwrap_or_default();
    CertificateChain::from_der(certificates.iter().map(|one| one.to_vec())).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};
    use sekisho_mail::Digest;

    use super::*;
    use crate::{Identity, PrivateKey, ServerCertificates, ServerTlsSettings, TlsServer};

    const LIMIT: Duration = Duration::from_secs(10);

    fn identity() -> Identity {
        let pair = KeyPair::generate().unwrap();
        let parameters = CertificateParams::new(["mx.example.org".to_owned()]).unwrap();
        let certificate = parameters.self_signed(&pair).unwrap();
        let chain = CertificateChain::from_der([certificate.der().to_vec()]).unwrap();
        Identity::of(&chain, &PrivateKey::parse(pair.serialize_pem().into()).unwrap()).unwrap()
    }

    fn leaf(identity: &Identity) -> Digest {
        identity.chain()[0].sha256
    }

    #[tokio::test]
    async fn what_is_not_in_force_yet_is_shown_to_who_knows_the_secret_name_and_to_nobody_else() {
        let (current, next) = (identity(), identity());
        let secret = ProbeName::random().unwrap();
        let certificates = ServerCertificates::new(vec![current.clone()]).unwrap();
        let certificates = certificates.with_probed(vec![(secret.clone(), vec![next.clone()])]);
        let server = TlsServer::new(ServerTlsSettings::new(Arc::new(certificates)));
        let name = Domain::parse("mx.example.org").unwrap();
        let other = ProbeName::random().unwrap();
        let asked = async |family, probe| {
            let (ours, theirs) = tokio::io::duplex(64 * 1024);
            let question = HandshakeQuestion {
                name: &name,
                family,
                probe,
            };
            let asked = presented_chain(theirs, question, LIMIT);
            let (_, chain) = tokio::join!(server.accept(ours, LIMIT), asked);
            chain.map(|chain| chain.facts()[0].sha256)
        };
        assert_eq!(asked(KeyFamily::Ecdsa, Some(&secret)).await, Ok(leaf(&next)));
        assert_eq!(asked(KeyFamily::Ecdsa, None).await, Ok(leaf(&current)));
        assert_eq!(asked(KeyFamily::Ecdsa, Some(&other)).await, Ok(leaf(&current)));
        // It knows the name, and cannot check the key: it is a client like any other.
        assert!(asked(KeyFamily::Rsa, Some(&secret)).await.is_err());
    }
}
