//! What holds of CRLs, OCSP answers, entries of the cache and certificates' endpoints on any octets: refused in words,
//! or within bounds that follow from their length. The first octet says which of them the rest is.

use sekisho_mail::Timestamp;
use sekisho_tls::{CertificateEndpoints, CrlSummary, MAX_ENDPOINTS, Revocations, read_ocsp};

/// In the time of the seeds.
const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);
/// No entry of a CRL is shorter: a serial number of one octet and a UTCTime of seconds.
const SHORTEST_ENTRY: usize = 3 + 13 + 2;

/// # Panics
/// When what was read is not within its bounds.
pub(crate) fn check(octets: &[u8]) {
    let Some((choice, rest)) = octets.split_first() else {
        return;
    };
    match choice % 4 {
        0 => match CrlSummary::read(rest) {
            Ok(crl) => {
                assert!(crl.entries * SHORTEST_ENTRY <= rest.len(), "{} entries", crl.entries);
                assert!(crl.issuer.len() <= 1024);
            }
            Err(refused) => assert!(!refused.to_string().is_empty()),
        },
        1 => {
            if let Err(refused) = read_ocsp(rest) {
                assert!(!refused.to_string().is_empty());
            }
        }
        2 => restore(rest),
        _ => {
            if let Ok(found) = CertificateEndpoints::of(rest) {
                for len in [found.points.len(), found.ocsp.len(), found.issuers.len()] {
                    assert!(len <= MAX_ENDPOINTS);
                }
            }
        }
    }
}

/// What is restored is held, is held again, and takes no more memory than it has octets for.
fn restore(entry: &[u8]) {
    let revocations = Revocations::default();
    let taken = revocations.restore(entry, NOW);
    let held = revocations.held();
    match taken {
        Err(refused) => assert!(held.is_empty() && !refused.to_string().is_empty()),
        Ok(taken) => {
            assert_eq!(held.len(), 1);
            assert_eq!(held[0].entries, taken.entries);
            assert!(held[0].memory <= 2 * entry.len() + 2048, "{}", held[0].memory);
            assert_eq!(revocations.restore(entry, NOW), Ok(taken));
            assert!(revocations.due(NOW).is_empty());
        }
    }
}
