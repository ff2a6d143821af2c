//! What an ACME authority is told about one of its certificates: the certificate itself (RFC 8555 §7.6), and how it
//! knows it when it is asked about its renewal (RFC 9773 §4.1).

use crate::identity::parse_certificates;
use x509_parser::prelude::{FromDer as _, ParsedExtension, X509Certificate};

/// The first certificate of a PEM text, in DER; `None` when there is none in it.
#[must_use]
pub fn first_certificate(pem: &str) -> Option<Vec<u8>> {
    let certificates = parse_certificates(pem.as_bytes()).ok()?;
    certificates.first().map(|leaf| leaf.to_vec())
}

/// The key identifier of a certificate's authority and its serial number, the content octets of both as they stand in
/// it; `None` when it is no certificate or names no authority's key.
#[must_use]
pub fn certificate_id(der: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let authority = certificate.extensions().iter().find_map(|extension| {
        let ParsedExtension::AuthorityKeyIdentifier(identifier) = extension.parsed_extension() else {
            return None;
        };
        Some(identifier.key_identifier.as_ref()?.0.to_vec())
    })?;
    Some((authority, certificate.raw_serial().to_vec()))
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyIdMethod, KeyPair, SerialNumber};

    use super::*;

    #[test]
    fn a_certificate_is_known_by_its_authoritys_key_and_its_serial_number_with_the_sign_octet() {
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_identifier_method = KeyIdMethod::PreSpecified(vec![0xc0, 0xff, 0xee]);
        let issuer = Issuer::new(authority, KeyPair::generate().unwrap());
        let mut leaf = CertificateParams::new(["mx.example.org".to_owned()]).unwrap();
        leaf.serial_number = Some(SerialNumber::from_slice(&[0xca, 0xfe]));
        leaf.use_authority_key_identifier_extension = true;
        let leaf = leaf.signed_by(&KeyPair::generate().unwrap(), &issuer).unwrap();
        let expected = (vec![0xc0, 0xff, 0xee], vec![0x00, 0xca, 0xfe]);
        assert_eq!(certificate_id(leaf.der()), Some(expected));
        let alone = CertificateParams::new(["mx.example.org".to_owned()]).unwrap();
        let alone = alone.self_signed(&KeyPair::generate().unwrap()).unwrap();
        assert_eq!(certificate_id(alone.der()), None);
        assert_eq!(certificate_id(b"no certificate"), None);
    }
}
