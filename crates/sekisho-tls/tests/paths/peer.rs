//! Peers that present whatever they are told to, in both roles, to our own two ends.

use std::sync::Arc;

use rcgen::KeyPair;
use rustls::{
    ClientConfig, DigitallySignedStruct, Error, ServerConfig, SignatureScheme,
    client::{
        ResolvesClientCert,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use sekisho_tls::{ClientProfile, PeerChain};
use tokio::io::AsyncWriteExt;

use crate::support::{Authority, TIME_LIMIT, client, server};

/// Presents one chain in either role and believes everything.
#[derive(Debug)]
struct Shameless(Arc<CertifiedKey>);

impl ResolvesServerCert for Shameless {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

impl ResolvesClientCert for Shameless {
    fn resolve(&self, _issuers: &[&[u8]], _schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

impl ServerCertVerifier for Shameless {
    fn verify_server_cert(
        &self,
        _leaf: &CertificateDer<'_>,
        _above: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _staple: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ECDSA_NISTP256_SHA256]
    }
}

fn shameless(chain: &[Vec<u8>], key: &KeyPair) -> Arc<Shameless> {
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let key = aws_lc_rs::sign::any_supported_type(&key).unwrap();
    let chain = chain.iter().cloned().map(CertificateDer::from).collect();
    Arc::new(Shameless(Arc::new(CertifiedKey::new(chain, key))))
}

/// What our client takes from a server that presents `chain`.
pub(crate) async fn presented_by_server(chain: &[Vec<u8>], key: &KeyPair) -> PeerChain {
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(shameless(chain, key));
    let (near, far) = tokio::io::duplex(65536);
    let (client, profile) = (client(), ClientProfile::default());
    let (_served, connected) = tokio::join!(
        tokio_rustls::TlsAcceptor::from(Arc::new(config)).accept(far),
        client.connect(near, None, &profile, TIME_LIMIT)
    );
    connected.unwrap().0.peer_chain().as_ref().clone()
}

/// What our server takes from a client that presents `chain`.
pub(crate) async fn presented_by_client(authority: &Authority, chain: &[Vec<u8>], key: &KeyPair) -> PeerChain {
    let peer = shameless(chain, key);
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::<Shameless>::clone(&peer))
        .with_client_cert_resolver(peer);
    let server = server(&[authority.server(&["mx.example.org"])]);
    let (near, far) = tokio::io::duplex(65536);
    let name = ServerName::try_from("mx.example.org").unwrap();
    let connect = async {
        let mut stream = tokio_rustls::TlsConnector::from(Arc::new(config))
            .connect(name, near)
            .await
            .unwrap();
        stream.flush().await.unwrap();
        stream
    };
    let (served, _connected) = tokio::join!(server.accept(far, TIME_LIMIT), connect);
    served.unwrap().0.peer_chain().as_ref().clone()
}
