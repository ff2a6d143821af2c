//! Where a certificate says that more is known of it: its authority's CRLs, who answers by OCSP, its issuer's
//! certificate. RFC 5280 §4.2.1.13 and §4.2.2.1.
//!
//! The addresses are the issuer's words and nothing has been fetched from them; of a certificate that nobody trusts
//! they are a stranger's.

use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::asn1::{Elements, Malformed, OBJECT_IDENTIFIER, SEQUENCE, constructed, primitive, whole};

/// How many distribution points of one certificate are looked at, and how many addresses of each kind.
pub const MAX_ENDPOINTS: usize = 16;
/// How many octets an address may have.
pub const MAX_URI_LEN: usize = 2048;

/// What one certificate says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CertificateEndpoints {
    /// Where CRLs are; each of them may revoke it.
    pub points: Vec<DistributionPoint>,
    /// Who answers by OCSP, by `http` or `https`; any of them will do.
    pub ocsp: Vec<String>,
    /// Where the certificate of its issuer is, by `http` or `https`.
    pub issuers: Vec<String>,
}

/// One of its distribution points.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DistributionPoint {
    /// Where the same CRL can be had, by `http` or `https`; any of them will do.
    pub uris: Vec<String>,
    /// Its other addresses, which are not looked at: `ldap:///CN=…`.
    pub other_uris: Vec<String>,
    /// Whether somebody other than the certificate's issuer signs it.
    pub is_indirect: bool,
    /// For which reasons of a revocation it tells.
    pub reasons: ReasonSet,
}

/// Reasons of a revocation, as the bits of ReasonFlags (RFC 5280 §4.2.1.13). By default all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReasonSet(u16);

impl Default for ReasonSet {
    fn default() -> Self {
        Self::ALL
    }
}

impl ReasonSet {
    /// Every reason that there is: a CRL that tells of fewer does not say that a certificate is good (§6.3.3).
    pub const ALL: Self = Self(0b1_1111_1110);
    /// None.
    pub const NONE: Self = Self(0);

    /// Those of both.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// From the content of a BIT STRING, whose first octet says how many bits of the last are none.
    fn read(content: &[u8]) -> Option<Self> {
        let (unused, octets) = content.split_first()?;
        if *unused > 7 {
            return None;
        }
        let is_set = |bit: usize| {
            octets
                .get(bit / 8)
                .is_some_and(|octet| octet & (0x80 >> (bit % 8)) != 0)
        };
        let bits = (1..=8).filter(|bit| is_set(*bit)).map(|bit| 1 << bit);
        Some(Self(bits.sum()))
    }
}

const DISTRIBUTION_POINTS: &[u8] = &[0x55, 0x1d, 0x1f];
const AUTHORITY_INFORMATION: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x01, 0x01];
const OCSP: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01];
const ISSUERS: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x02];
const URI: u8 = primitive(6);

impl CertificateEndpoints {
    /// Reads them off a certificate in DER.
    ///
    /// # Errors
    /// In words, when the certificate cannot be read, says it in a form that is not known, or names too many: then
    /// nobody can say that it names none.
    pub fn of(certificate: &[u8]) -> Result<Self, String> {
        let (_, parsed) =
            X509Certificate::from_der(certificate).map_err(|_| "the certificate cannot be read".to_owned())?;
        let mut endpoints = Self::default();
        for extension in parsed.extensions() {
            let id = extension.oid.as_bytes();
            let read = if id == DISTRIBUTION_POINTS {
                points(extension.value).map(|points| endpoints.points.extend(points))
            } else if id == AUTHORITY_INFORMATION {
                endpoints.add_information(extension.value)
            } else {
                Ok(())
            };
            read.map_err(|malformed| malformed.to_string())?;
        }
        let lists = [endpoints.points.len(), endpoints.ocsp.len(), endpoints.issuers.len()];
        if lists.into_iter().any(|len| len > MAX_ENDPOINTS) {
            return Err(format!("the certificate names more than {MAX_ENDPOINTS} of one kind"));
        }
        Ok(endpoints)
    }

    /// Whether it says neither where its authority's CRL is nor who answers by OCSP.
    #[must_use]
    pub fn is_not_revocable(&self) -> bool {
        self.points.is_empty() && self.ocsp.is_empty()
    }

    fn add_information(&mut self, value: &[u8]) -> Result<(), Malformed> {
        const WHAT: &str = "its authorityInfoAccess";
        let mut descriptions = whole(value, SEQUENCE, WHAT)?;
        while !descriptions.is_empty() {
            let mut description = descriptions.inside(SEQUENCE, WHAT)?;
            let method = description.content(OBJECT_IDENTIFIER, WHAT)?;
            let place = description.any(WHAT)?;
            description.end(WHAT)?;
            let places = match method {
                OCSP => &mut self.ocsp,
                ISSUERS => &mut self.issuers,
                _ => continue,
            };
            if place.tag == URI
                && let Some(uri) = web_address(place.content)
                && places.len() <= MAX_ENDPOINTS
            {
                places.push(uri);
            }
        }
        Ok(())
    }
}

fn points(value: &[u8]) -> Result<Vec<DistributionPoint>, Malformed> {
    const WHAT: &str = "its cRLDistributionPoints";
    const NAME: u8 = constructed(0);
    const REASONS: u8 = primitive(1);
    const CRL_ISSUER: u8 = constructed(2);
    let mut listed = whole(value, SEQUENCE, WHAT)?;
    let mut points = Vec::new();
    while !listed.is_empty() && points.len() <= MAX_ENDPOINTS {
        let mut fields = listed.inside(SEQUENCE, WHAT)?;
        let mut point = DistributionPoint::default();
        if let Some(name) = fields.optional(NAME, WHAT)? {
            point.add_names(name)?;
        }
        if let Some(reasons) = fields.optional(REASONS, WHAT)? {
            point.reasons = ReasonSet::read(reasons).ok_or(Malformed(WHAT))?;
        }
        point.is_indirect = fields.optional(CRL_ISSUER, WHAT)?.is_some();
        fields.end(WHAT)?;
        points.push(point);
    }
    Ok(points)
}

impl DistributionPoint {
    /// From the content of a DistributionPointName; one that is relative to its issuer's name is no address.
    fn add_names(&mut self, content: &[u8]) -> Result<(), Malformed> {
        const WHAT: &str = "the name of a distribution point";
        const FULL_NAME: u8 = constructed(0);
        let mut outer = Elements::new(content);
        let name = outer.any(WHAT)?;
        outer.end(WHAT)?;
        if name.tag != FULL_NAME {
            return Ok(());
        }
        let mut names = Elements::new(name.content);
        while !names.is_empty() {
            let name = names.any(WHAT)?;
            if name.tag != URI || self.uris.len() + self.other_uris.len() >= MAX_ENDPOINTS {
                continue;
            }
            match web_address(name.content) {
                Some(uri) => self.uris.push(uri),
                None => {
                    let other = &name.content[..name.content.len().min(MAX_URI_LEN)];
                    self.other_uris.push(String::from_utf8_lossy(other).into_owned());
                }
            }
        }
        Ok(())
    }
}

/// An address that can be fetched from: `http` or `https`, of printable ASCII.
fn web_address(content: &[u8]) -> Option<String> {
    let uri = str::from_utf8(content).ok()?;
    let is_web = ["http://", "https://"].iter().any(|scheme| {
        let found = uri.get(..scheme.len());
        found.is_some_and(|found| found.eq_ignore_ascii_case(scheme)) && uri.len() > scheme.len()
    });
    let is_plain = uri.len() <= MAX_URI_LEN && uri.bytes().all(|octet| octet.is_ascii_graphic());
    (is_web && is_plain).then(|| uri.to_owned())
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, CrlDistributionPoint, CustomExtension, KeyPair};

    use super::*;
    use crate::asn1::{element, spoilt};

    fn certificate(change: impl FnOnce(&mut CertificateParams)) -> Vec<u8> {
        let mut params = CertificateParams::new(vec!["mx.example".to_owned()]).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        params.self_signed(&key).unwrap().der().to_vec()
    }

    fn information(entries: &[(&[u8], &str)]) -> CustomExtension {
        let entries = entries.iter().map(|(method, uri)| {
            let fields = [element(OBJECT_IDENTIFIER, method), element(URI, uri.as_bytes())];
            element(SEQUENCE, &fields.concat())
        });
        let value = element(SEQUENCE, &entries.collect::<Vec<_>>().concat());
        CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 1], value)
    }

    fn point(uris: &[&str]) -> CrlDistributionPoint {
        CrlDistributionPoint {
            uris: uris.iter().map(ToString::to_string).collect(),
        }
    }

    #[test]
    fn every_point_is_found_and_its_addresses_are_told_apart() {
        let der = certificate(|params| {
            params.crl_distribution_points = vec![
                point(&["ldap:///CN=ca", "http://one.example/a.crl", "HTTPS://two.example/a.crl"]),
                point(&["http://one.example/b.crl"]),
                point(&["http://", "http://one.example/with space"]),
            ];
            let entries = [
                (OCSP, "http://ocsp.example"),
                (ISSUERS, "http://ca.example/ca.cer"),
                (ISSUERS, "ldap:///CN=ca"),
            ];
            params.custom_extensions = vec![information(&entries)];
        });
        let found = CertificateEndpoints::of(&der).unwrap();
        assert_eq!(found.points.len(), 3);
        assert_eq!(
            found.points[0].uris,
            ["http://one.example/a.crl", "HTTPS://two.example/a.crl"]
        );
        assert_eq!(found.points[0].other_uris, ["ldap:///CN=ca"]);
        assert_eq!(found.points[1].uris, ["http://one.example/b.crl"]);
        assert!(found.points[2].uris.is_empty());
        assert_eq!(found.ocsp, ["http://ocsp.example"]);
        assert_eq!(found.issuers, ["http://ca.example/ca.cer"]);
        assert!(!found.is_not_revocable());
        spoilt(&der, |octets| {
            let _ = CertificateEndpoints::of(octets);
        });
    }

    #[test]
    fn one_that_names_none_is_told_from_one_that_cannot_be_read() {
        let none = certificate(|_| {});
        assert!(CertificateEndpoints::of(&none).unwrap().is_not_revocable());
        let malformed = certificate(|params| {
            let value = element(SEQUENCE, &[0x30, 0x02, 0xa0]);
            params.custom_extensions = vec![CustomExtension::from_oid_content(&[2, 5, 29, 31], value)];
        });
        assert!(CertificateEndpoints::of(&malformed).is_err());
        assert!(CertificateEndpoints::of(b"no certificate").is_err());
    }

    #[test]
    fn more_than_anybody_needs_are_refused_and_not_cut_off() {
        let crowd = |count| (0..count).map(|_| point(&["http://one.example/a.crl"])).collect();
        let at_most = certificate(|params| params.crl_distribution_points = crowd(MAX_ENDPOINTS));
        assert_eq!(CertificateEndpoints::of(&at_most).unwrap().points.len(), MAX_ENDPOINTS);
        let more = certificate(|params| params.crl_distribution_points = crowd(MAX_ENDPOINTS + 1));
        assert!(CertificateEndpoints::of(&more).is_err());
    }
}
