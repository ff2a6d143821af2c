//! What an authority says of certificates that it takes back: CRLs and OCSP answers, right ones and ones that are wrong
//! in every way that matters. RFC 5280 §5, RFC 6960 §4.2.

use rcgen::{KeyPair, PublicKeyData as _, SigningKey as _};
use sekisho_mail::Timestamp;

use crate::{
    authority::{Authority, Delegate},
    der::{
        BIT_STRING, ENUMERATED, NULL, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, element, extension, integer, sequence,
        time,
    },
};

/// An AlgorithmIdentifier: ECDSA with SHA-256, which all keys here sign by.
pub const ECDSA_WITH_SHA256: &[u8] = &[0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
/// The same with SHA-1, by which nothing here is signed, whatever it says.
pub const ECDSA_WITH_SHA1: &[u8] = &[0x30, 0x09, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01];

const WEEK: std::time::Duration = std::time::Duration::from_secs(7 * 24 * 3600);

/// What is to stand in a CRL.
#[derive(Clone, Debug)]
pub struct Crl {
    /// None before version 2.
    pub number: Option<u64>,
    /// When it is issued.
    pub this_update: Timestamp,
    /// Until when it holds.
    pub next_update: Option<Timestamp>,
    /// Serial number, and DER of the extensions of the entry.
    pub revoked: Vec<(u64, Vec<Vec<u8>>)>,
    /// Its extensions beside the number, in DER.
    pub extensions: Vec<Vec<u8>>,
    /// By what it says that it is signed.
    pub algorithm: &'static [u8],
}

impl Crl {
    /// Issued then, for a week, revoking nothing.
    #[must_use]
    pub fn of(this_update: Timestamp) -> Self {
        Self {
            number: Some(u64::try_from(this_update.as_secs()).unwrap_or(0)),
            this_update,
            next_update: Some(this_update.plus(WEEK)),
            revoked: Vec::new(),
            extensions: Vec::new(),
            algorithm: ECDSA_WITH_SHA256,
        }
    }

    /// That revokes this one as well, because its key was compromised.
    #[must_use]
    pub fn revoking(self, serial: u64) -> Self {
        self.revoking_for(serial, 1)
    }

    /// That revokes this one as well, with this reason code (RFC 5280 §5.3.1).
    #[must_use]
    pub fn revoking_for(mut self, serial: u64, reason: u8) -> Self {
        let reason = extension(&[0x55, 0x1d, 21], false, &element(ENUMERATED, &[reason]));
        self.revoked.push((serial, vec![reason]));
        self
    }

    /// With one extension more.
    #[must_use]
    pub fn with(mut self, extension: Vec<u8>) -> Self {
        self.extensions.push(extension);
        self
    }

    /// A delta to the CRL with this number.
    #[must_use]
    pub fn delta(self, base: u64) -> Self {
        self.with(extension(&[0x55, 0x1d, 27], true, &integer(base)))
    }

    /// For the distribution point with this address, if any, and with these fields of an issuingDistributionPoint
    /// behind it: `&[0x81]` for those of users only, 0x82 authorities, 0x84 indirect, 0x85 attributes.
    #[must_use]
    pub fn scoped(self, uri: Option<&str>, fields: &[u8]) -> Self {
        let mut scope = Vec::new();
        if let Some(uri) = uri {
            let full_name = element(0xa0, &element(0x86, uri.as_bytes()));
            scope.extend(element(0xa0, &full_name));
        }
        for field in fields {
            scope.extend(element(*field, &[0xff]));
        }
        self.with(extension(&[0x55, 0x1d, 28], true, &element(SEQUENCE, &scope)))
    }

    fn content(&self, issuer: &[u8]) -> Vec<u8> {
        let entries = self.revoked.iter().map(|(serial, extensions)| {
            let listed = if extensions.is_empty() {
                Vec::new()
            } else {
                element(SEQUENCE, &extensions.concat())
            };
            sequence(&[&integer(*serial), &time(self.this_update), &listed])
        });
        let entries = entries.collect::<Vec<_>>().concat();
        let revoked = if entries.is_empty() {
            Vec::new()
        } else {
            element(SEQUENCE, &entries)
        };
        let number = self
            .number
            .map(|number| extension(&[0x55, 0x1d, 20], false, &integer(number)));
        let listed = [number.clone().unwrap_or_default(), self.extensions.concat()].concat();
        let (version, listed) = if listed.is_empty() {
            (Vec::new(), Vec::new())
        } else {
            (integer(1), element(0xa0, &element(SEQUENCE, &listed)))
        };
        sequence(&[
            &version,
            self.algorithm,
            issuer,
            &time(self.this_update),
            &self.next_update.map(time).unwrap_or_default(),
            &revoked,
            &listed,
        ])
    }
}

/// What a responder says of a certificate.
#[derive(Clone, Copy, Debug)]
pub enum OcspStatus {
    /// It is not revoked.
    Good,
    /// It was revoked then, because its key was compromised.
    Revoked(Timestamp),
    /// Nothing is known of it.
    Unknown,
}

/// What is to stand in an OCSP answer.
#[derive(Clone, Debug)]
pub struct Ocsp {
    /// Which certificate it is about.
    pub serial: u64,
    /// What is said of it.
    pub status: OcspStatus,
    /// When it is issued.
    pub this_update: Timestamp,
    /// Until when it holds, if it says that.
    pub next_update: Option<Timestamp>,
    /// By what it says that it is signed.
    pub algorithm: &'static [u8],
}

impl Ocsp {
    /// Issued then, for a week.
    #[must_use]
    pub fn of(serial: u64, status: OcspStatus, this_update: Timestamp) -> Self {
        Self {
            serial,
            status,
            this_update,
            next_update: Some(this_update.plus(WEEK)),
            algorithm: ECDSA_WITH_SHA256,
        }
    }

    /// A responder's refusal: 1 malformedRequest, 2 internalError, 3 tryLater, 5 sigRequired, 6 unauthorized.
    #[must_use]
    pub fn refusal(status: u8) -> Vec<u8> {
        element(SEQUENCE, &element(ENUMERATED, &[status]))
    }

    fn content(&self, about: &[u8], responder: &[u8]) -> Vec<u8> {
        let responder = element(0xa1, responder);
        let status = match self.status {
            OcspStatus::Good => element(0x80, &[]),
            OcspStatus::Unknown => element(0x82, &[]),
            OcspStatus::Revoked(at) => {
                let reason = element(0xa0, &element(ENUMERATED, &[1]));
                element(0xa1, &[time(at), reason].concat())
            }
        };
        let next_update = self.next_update.map(|at| element(0xa0, &time(at))).unwrap_or_default();
        let single = sequence(&[about, &status, &time(self.this_update), &next_update]);
        sequence(&[&responder, &time(self.this_update), &element(SEQUENCE, &single)])
    }
}

impl Authority {
    /// A CRL of it, in DER.
    ///
    /// # Panics
    /// When the machine has no randomness.
    #[must_use]
    pub fn crl(&self, crl: &Crl) -> Vec<u8> {
        signed(&crl.content(self.subject()), crl.algorithm, self.key(), &[])
    }

    /// An OCSP answer that it signs itself, in DER.
    ///
    /// # Panics
    /// When the machine has no randomness.
    #[must_use]
    pub fn ocsp(&self, ocsp: &Ocsp) -> Vec<u8> {
        let content = ocsp.content(&self.cert_id(ocsp.serial), self.subject());
        answer(&signed(&content, ocsp.algorithm, self.key(), &[]))
    }

    /// An OCSP answer about one of its certificates that a delegate signs, whose certificate comes along.
    ///
    /// # Panics
    /// When the machine has no randomness.
    #[must_use]
    pub fn ocsp_by(&self, delegate: &Delegate, ocsp: &Ocsp) -> Vec<u8> {
        let content = ocsp.content(&self.cert_id(ocsp.serial), delegate.subject());
        let certificates = element(0xa0, &element(SEQUENCE, &delegate.certificate));
        answer(&signed(&content, ocsp.algorithm, &delegate.key, &certificates))
    }

    /// How an answer names a certificate: by SHA-256 of its issuer's name and key.
    fn cert_id(&self, serial: u64) -> Vec<u8> {
        let sha256 = [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];
        let digest = |octets| element(OCTET_STRING, &sekisho_tls::sha256(octets).0);
        sequence(&[
            &sequence(&[&element(OBJECT_IDENTIFIER, &sha256), &element(NULL, &[])]),
            &digest(self.subject()),
            &digest(self.key().der_bytes()),
            &integer(serial),
        ])
    }
}

fn signed(content: &[u8], algorithm: &[u8], key: &KeyPair, behind: &[u8]) -> Vec<u8> {
    let signature = key.sign(content).expect("a key signs");
    let bits = element(BIT_STRING, &[&[0][..], &signature].concat());
    sequence(&[content, algorithm, &bits, behind])
}

/// A BasicOCSPResponse as a successful OCSPResponse.
fn answer(basic: &[u8]) -> Vec<u8> {
    let id_basic = [0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x01];
    let typed = sequence(&[&element(OBJECT_IDENTIFIER, &id_basic), &element(OCTET_STRING, basic)]);
    sequence(&[&element(ENUMERATED, &[0]), &element(0xa0, &typed)])
}
