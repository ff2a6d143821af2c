//! Certificates that somebody names, in whatever order and of whatever authority: what each says of endpoints, and who
//! among known ones issued it. Whether they are any good is not asked here.

use rustls::pki_types::CertificateDer;
use sekisho_mail::CertificateFacts;
use x509_parser::{prelude::FromDer as _, prelude::X509Certificate, x509::SubjectPublicKeyInfo};

use crate::{
    AnchorSet, CertificateEndpoints, PathLink, chain::facts_of, der::certificate_parts, identity::parse_certificates,
};

/// How many certificates one file may hold.
pub const MAX_NAMED: usize = 64;
/// signedData (RFC 5652 §5.1), in DER.
const SIGNED_DATA: [u8; 11] = [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
/// How far from the front that stands: behind the head of one SEQUENCE.
const SIGNED_DATA_REACH: usize = 24;

/// One of them. Cheap to clone but for its texts.
#[derive(Clone, Debug)]
pub struct NamedCertificate {
    der: CertificateDer<'static>,
    facts: CertificateFacts,
    endpoints: Result<CertificateEndpoints, String>,
}

/// What is served in the place of an issuer's certificate.
#[derive(Clone, Debug)]
pub enum NamedContent {
    /// Certificates, at least one.
    Certificates(Vec<NamedCertificate>),
    /// A bundle in PKCS #7 (RFC 5280 §4.2.2.1 allows it), which is not looked into.
    Bundle,
}

impl NamedCertificate {
    /// Reads one certificate in DER.
    ///
    /// # Errors
    /// In words, when it is none.
    pub fn of_der(der: &[u8]) -> Result<Self, String> {
        let is_whole = X509Certificate::from_der(der).is_ok_and(|(rest, _)| rest.is_empty());
        if !is_whole {
            return Err("this is no certificate in DER".to_owned());
        }
        Ok(Self {
            facts: facts_of(der),
            endpoints: CertificateEndpoints::of(der),
            der: CertificateDer::from(der.to_vec()),
        })
    }

    /// What the certificate says of itself.
    #[must_use]
    pub const fn facts(&self) -> &CertificateFacts {
        &self.facts
    }

    /// The endpoints that it names.
    ///
    /// # Errors
    /// In words, when they cannot be read.
    pub fn endpoints(&self) -> Result<&CertificateEndpoints, &str> {
        self.endpoints.as_ref().map_err(String::as_str)
    }

    /// In DER.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Whether `issuer` has the name and the key that this one says it was signed with.
    #[must_use]
    pub fn is_issued_by(&self, issuer: &Self) -> bool {
        certificate_parts(&issuer.der).is_some_and(|parts| self.is_signed(parts.subject, parts.key.whole))
    }

    /// Who issued it, looked for among these certificates and then among these anchors.
    #[must_use]
    pub fn issued_by<'a>(&'a self, others: &'a [Self], anchors: &'a [AnchorSet]) -> Option<PathLink<'a>> {
        let certificates = others.iter().filter_map(|other| {
            let parts = certificate_parts(&other.der)?;
            Some((parts.subject, parts.key.whole, Some(other.der.as_ref())))
        });
        let anchors = anchors.iter().flat_map(AnchorSet::anchors);
        let anchors = anchors.map(|anchor| (anchor.subject_der(), anchor.spki_der(), Some(anchor.certificate())));
        let mut known = certificates.chain(anchors);
        let (subject, spki, issuer) = known.find(|(subject, spki, _)| self.is_signed(subject, spki))?;
        Some(PathLink {
            certificate: &self.der,
            issuer_subject: subject,
            issuer_spki: spki,
            issuer_certificate: issuer,
        })
    }

    fn is_signed(&self, issuer: &[u8], spki: &[u8]) -> bool {
        let named = certificate_parts(&self.der).is_some_and(|parts| parts.issuer == issuer);
        // The dear part comes last.
        named
            && X509Certificate::from_der(&self.der).is_ok_and(|(_, parsed)| {
                let key = SubjectPublicKeyInfo::from_der(spki);
                key.is_ok_and(|(_, key)| parsed.verify_signature(Some(&key)).is_ok())
            })
    }
}

impl NamedContent {
    /// Reads what a file or an endpoint has: PEM with any number of certificates, one certificate in DER, or a bundle.
    ///
    /// # Errors
    /// In words, when it is none of these, or holds more than [`MAX_NAMED`].
    pub fn read(octets: &[u8]) -> Result<Self, String> {
        let is_pem = octets.windows(11).any(|place| place == b"-----BEGIN ");
        let certificates = if is_pem {
            parse_certificates(octets).map_err(|why| format!("there is no certificate in this PEM text ({why})"))?
        } else if octets.first() == Some(&0x30) && has_signed_data(octets) {
            return Ok(Self::Bundle);
        } else {
            vec![CertificateDer::from(octets.to_vec())]
        };
        if certificates.len() > MAX_NAMED {
            return Err(format!("there are more than {MAX_NAMED} certificates in it"));
        }
        let named = certificates
            .iter()
            .map(|certificate| NamedCertificate::of_der(certificate));
        Ok(Self::Certificates(named.collect::<Result<_, _>>()?))
    }
}

fn has_signed_data(octets: &[u8]) -> bool {
    let front = &octets[..octets.len().min(SIGNED_DATA_REACH)];
    front.windows(SIGNED_DATA.len()).any(|place| place == SIGNED_DATA)
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

    use super::*;

    fn read(octets: &[u8]) -> Vec<NamedCertificate> {
        match NamedContent::read(octets).unwrap() {
            NamedContent::Certificates(certificates) => certificates,
            NamedContent::Bundle => panic!("a bundle"),
        }
    }

    #[test]
    fn who_issued_a_certificate_is_found_by_name_and_key_and_never_by_name_alone() {
        let authority = || {
            let mut params = CertificateParams::new(Vec::new()).unwrap();
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            let key = KeyPair::generate().unwrap();
            let certificate = params.self_signed(&key).unwrap();
            (certificate, Issuer::new(params, key))
        };
        let ((root, issuer), (namesake, _)) = (authority(), authority());
        let key = KeyPair::generate().unwrap();
        let leaf = CertificateParams::new(vec!["mx.example".to_owned()]).unwrap();
        let leaf = leaf.signed_by(&key, &issuer).unwrap();
        let certificates = read((leaf.pem() + &namesake.pem() + &root.pem()).as_bytes());
        assert!(!certificates[0].is_issued_by(&certificates[1]));
        assert!(certificates[0].is_issued_by(&certificates[2]));
        let link = certificates[0].issued_by(&certificates, &[]).unwrap();
        assert_eq!(link.issuer_certificate, Some(root.der().as_ref()));
        assert!(certificates[0].issued_by(&certificates[..2], &[]).is_none());
        let anchors = [AnchorSet::parse(&root.pem(), "test").unwrap()];
        assert!(certificates[0].issued_by(&[], &anchors).is_some());
        assert_eq!(read(root.der()).len(), 1);
    }

    #[test]
    fn what_is_no_certificate_is_told_apart() {
        assert!(NamedContent::read(b"<html>").is_err());
        assert!(NamedContent::read(b"").is_err());
        assert!(NamedContent::read(b"-----BEGIN CERTIFICATE-----\n").is_err());
        let bundle = [&[0x30, 0x82, 1, 0][..], &SIGNED_DATA, &[0; 300]].concat();
        assert!(matches!(NamedContent::read(&bundle), Ok(NamedContent::Bundle)));
    }
}
