//! What the library says of a chain that leads nowhere, in words that name the cause and the remedy.

use sekisho_mail::{CertificateFacts, CertificateFault};
use webpki::Error;

use crate::{
    anchors::AnchorSet,
    chain::PeerChain,
    der::{key_info, public_key_info},
    lint::weakness,
};

/// Signature algorithms by which nobody can be believed any more (Baseline Requirements §7.1.3.2), as content of their
/// object identifiers.
const BROKEN_SIGNATURES: &[(&[u8], &str)] = &[
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x02], "MD2"),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x03], "MD4"),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x04], "MD5"),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x05], "SHA-1"),
    (&[0x2b, 0x0e, 0x03, 0x02, 0x1d], "SHA-1"),
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01], "SHA-1"),
    (&[0x2a, 0x86, 0x48, 0xce, 0x38, 0x04, 0x03], "SHA-1"),
];
const OBJECT_IDENTIFIER: u8 = 0x06;
const TOO_LONG: &str = "more authorities stand between it and the trust anchor, or were presented, than are looked at";

pub(super) fn fault_of(error: &Error, chain: &PeerChain, anchors: &AnchorSet) -> CertificateFault {
    let not_for_this = |why: &str| CertificateFault::NotForThisUse(why.to_owned());
    let not_checkable = |why: &str| CertificateFault::NotCheckable(why.to_owned());
    match error {
        Error::UnknownIssuer => match where_it_ends(chain.facts()) {
            // It leads to one, along certificates that were not looked at.
            CertificateFault::UntrustedIssuer(issuer) if anchors.anchors().any(|anchor| anchor.subject == issuer) => {
                not_for_this(TOO_LONG)
            }
            fault => fault,
        },
        // The library says the same of keys that it does not take.
        Error::InvalidSignatureForPublicKey => {
            weak_authority(chain, anchors).map_or(CertificateFault::BadSignature, CertificateFault::NotCheckable)
        }
        Error::SignatureAlgorithmMismatch => CertificateFault::BadSignature,
        Error::CaUsedAsEndEntity => not_for_this("it is an authority's certificate, not a server's"),
        Error::EndEntityUsedAsCa => not_for_this("it was issued by a certificate that is no authority's"),
        Error::RequiredEkuNotFoundContext(_) | Error::EmptyEkuExtension => {
            not_for_this("its extended key usage, or that of an authority above it, does not allow TLS")
        }
        Error::NameConstraintViolation => not_for_this("its authority may not issue for this name"),
        Error::PathLenConstraintViolated => not_for_this("its authority may not issue through so many others"),
        Error::MaximumPathDepthExceeded => not_for_this(TOO_LONG),
        Error::InvalidCertValidity => not_for_this("a certificate in the chain ends before it begins"),
        Error::CertDistrusted => not_for_this("a key in the chain is known to be in wrong hands"),
        Error::UnsupportedCertVersion => not_checkable("X.509 before version 3"),
        Error::UnsupportedSignatureAlgorithmContext(context) => {
            CertificateFault::NotCheckable(signature_words(&context.signature_algorithm_id))
        }
        Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => CertificateFault::NotCheckable(
            weak_authority(chain, anchors)
                .unwrap_or_else(|| "a signature in the chain is of another kind than its issuer's key".to_owned()),
        ),
        Error::UnsupportedCriticalExtension => not_checkable("a critical extension is not known"),
        Error::MalformedNameConstraint
        | Error::InvalidNetworkMaskConstraint
        | Error::MalformedDnsIdentifier
        | Error::UnsupportedNameType => not_checkable("its names or its authority's name constraints cannot be read"),
        Error::MaximumSignatureChecksExceeded
        | Error::MaximumPathBuildCallsExceeded
        | Error::MaximumNameConstraintComparisonsExceeded => {
            not_checkable("there are more ways through what was presented than are tried: present the chain alone")
        }
        Error::BadDer
        | Error::BadDerTime
        | Error::TrailingData(_)
        | Error::ExtensionValueInvalid
        | Error::MalformedExtensions
        | Error::InvalidSerialNumber => {
            not_checkable("a certificate in the chain is malformed: it must be issued anew")
        }
        other => CertificateFault::NotCheckable(format!("{other:?}")),
    }
}

/// `algorithm` is the content of an AlgorithmIdentifier.
fn signature_words(algorithm: &[u8]) -> String {
    let oid = match algorithm {
        [OBJECT_IDENTIFIER, len, rest @ ..] => rest.get(..usize::from(*len)).unwrap_or_default(),
        _ => &[],
    };
    match BROKEN_SIGNATURES.iter().find(|(broken, _)| *broken == oid) {
        Some((_, hash)) => format!(
            "a certificate in the chain is signed with {hash}, which can be forged; it must be issued anew with SHA-256"
        ),
        None => "a signature in the chain is of a form that is not checked".to_owned(),
    }
}

/// The key of an authority in the chain, or of an anchor that it may lead to, that is too weak to be believed.
fn weak_authority(chain: &PeerChain, anchors: &AnchorSet) -> Option<String> {
    let facts = chain.facts();
    let is_issuer = |subject: &str| !subject.is_empty() && facts.iter().any(|one| one.issuer == subject);
    let presented = facts.iter().zip(chain.certificates()).skip(1);
    let presented = presented.filter_map(|(facts, der)| Some((facts.subject.as_str(), public_key_info(der)?)));
    let known = anchors.anchors();
    let known = known.filter_map(|anchor| Some((anchor.subject.as_str(), key_info(anchor.spki_der())?)));
    let mut weak = presented.chain(known).filter(|(subject, _)| is_issuer(subject));
    weak.find_map(|(subject, key)| {
        let why = weakness(&key)?;
        Some(format!(
            "the authority \"{subject}\": its {why}; it must be issued anew on a key that is fit"
        ))
    })
}

/// What to say of a chain that leads to no anchor: which certificate is missing, or whose leads elsewhere. What was
/// presented may stand in any order and have more in it than the way; it is gone along by names.
fn where_it_ends(presented: &[CertificateFacts]) -> CertificateFault {
    let issuer_of = |one: &CertificateFacts| {
        let mut presented = presented.iter();
        presented.find(|other| !one.issuer.is_empty() && other.subject == one.issuer)
    };
    let Some(leaf) = presented.first() else {
        return CertificateFault::None;
    };
    let Some(mut end) = issuer_of(leaf) else {
        return match leaf.issuer.clone() {
            unknown if unknown.is_empty() => CertificateFault::UntrustedIssuer(unknown),
            issuer => CertificateFault::IncompleteChain(issuer),
        };
    };
    // No further than there are certificates, should they name each other in a circle.
    for _ in presented {
        match issuer_of(end) {
            Some(next) => end = next,
            None => break,
        }
    }
    CertificateFault::UntrustedIssuer(end.issuer.clone())
}
