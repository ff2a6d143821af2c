//! What the library lets through although it weakens a verdict: asked of each path that it has found, so that another
//! is still looked for.
//!
//! Refused is what would let somebody be taken for another, as OpenSSL and the browsers do. What is only untidy passes,
//! since hospitals and ministries have such authorities, and nothing is won by refusing them: serial numbers that are
//! zero, negative or too long (RFC 5280 §4.1.2.2 asks to bear with them), key identifiers that are missing, an empty
//! subjectAltName (which names nobody), a leaf whose keyUsage is for encipherment alone, RSA keys of odd sizes.

use sekisho_mail::{CertificateFault, NamePattern, NameReach};
use x509_parser::{
    extensions::{GeneralName, NameConstraints},
    prelude::{FromDer, X509Certificate, X509Version},
};

use crate::{
    anchors::Anchor,
    chain::bounded,
    der::{PublicKeyInfo, in_sequence, key_info, rsa_public_key},
    signature::Key,
};

/// The fewest bits of an RSA modulus that count (CA/Browser Forum, Baseline Requirements §6.1.5).
const MIN_RSA_BITS: usize = 2048;

/// A path as the library found it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate<'a> {
    /// In DER, the leaf first, the anchor's left out.
    pub(crate) certificates: &'a [&'a [u8]],
    pub(crate) anchor: &'a Anchor,
    /// The leaf's common name, where an exception may take it for a name.
    pub(crate) common_name: Option<&'a str>,
}

/// Why this path does not count; `Ok` when it does.
pub(crate) fn lint(candidate: Candidate<'_>) -> Result<(), CertificateFault> {
    let unreadable = |_| not_checkable("one of its certificates cannot be read: it must be issued anew".to_owned());
    let parse = |der| X509Certificate::from_der(der).map(|(_, parsed)| parsed);
    let certificates = candidate.certificates.iter().copied().map(parse);
    let certificates: Vec<_> = certificates.collect::<Result<_, _>>().map_err(unreadable)?;
    let Some((leaf, authorities)) = certificates.split_first() else {
        return Err(CertificateFault::None);
    };
    lint_key(leaf.public_key().raw, || "its".to_owned())?;
    for authority in authorities {
        let whose = || of_authority(&authority.subject().to_string());
        lint_key(authority.public_key().raw, whose)?;
        lint_key_usage(authority, whose)?;
    }
    lint_anchor(candidate.anchor, authorities)?;
    lint_common_name(&candidate, authorities)
}

/// A leaf that is itself the anchor.
pub(crate) fn lint_pin(pin: &Anchor) -> Result<(), CertificateFault> {
    lint_key(pin.spki_der(), || "its".to_owned())
}

fn not_checkable(why: String) -> CertificateFault {
    CertificateFault::NotCheckable(why)
}

fn of_authority(subject: &str) -> String {
    format!("the authority \"{}\": its", bounded(subject.to_owned()))
}

fn lint_key(spki: &[u8], whose: impl Fn() -> String) -> Result<(), CertificateFault> {
    let why = key_info(spki).map_or_else(|| Some("key cannot be read".to_owned()), |info| weakness(&info));
    match why {
        None => Ok(()),
        Some(why) => Err(not_checkable(format!(
            "{} {why}; it must be issued anew on RSA of {MIN_RSA_BITS} bits or more, P-256, P-384 or Ed25519",
            whose()
        ))),
    }
}

/// What is wrong with a key, if anything (Baseline Requirements §6.1.5 and §6.1.6).
pub(crate) fn weakness(info: &PublicKeyInfo<'_>) -> Option<String> {
    match Key::of(info) {
        Key::Rsa { .. } => rsa_weakness(info.key),
        Key::P256 | Key::P384 | Key::P521 | Key::Ed25519 => None,
        Key::Other(what) => Some(format!("key is {what}, which is not checked here")),
    }
}

fn rsa_weakness(key: &[u8]) -> Option<String> {
    let Some(key) = rsa_public_key(key) else {
        return Some("RSA key cannot be read".to_owned());
    };
    if key.bits < MIN_RSA_BITS {
        return Some(format!("RSA key has {} bits, which can be broken", key.bits));
    }
    if !key.is_modulus_odd {
        return Some("RSA key has an even modulus, whose factors anybody can find".to_owned());
    }
    // With 1 nothing is enciphered, and an even exponent is nobody's: such signatures anybody can make.
    (!key.is_exponent_fit).then(|| "RSA key has an exponent that is even or less than 3".to_owned())
}

/// RFC 5280 §4.2.1.3 and §6.1.4 (n): where there is a keyUsage, it must let certificates be signed. One without passes,
/// as there: basicConstraints, which the library demands, says that it is an authority's.
fn lint_key_usage(authority: &X509Certificate<'_>, whose: impl Fn() -> String) -> Result<(), CertificateFault> {
    match authority.key_usage() {
        Ok(Some(usage)) if !usage.value.key_cert_sign() => Err(CertificateFault::NotForThisUse(format!(
            "{} keyUsage does not let it sign certificates (keyCertSign): the authority's own must be issued anew",
            whose()
        ))),
        Ok(_) => Ok(()),
        Err(_) => Err(not_checkable(format!("{} keyUsage cannot be read", whose()))),
    }
}

/// RFC 5280 §6.1.1 (d) asks of an anchor name and key alone. What else its certificate says of it are its owner's own
/// bounds, and OpenSSL and the browsers keep to them: RFC 5937 §3.
fn lint_anchor(anchor: &Anchor, authorities: &[X509Certificate<'_>]) -> Result<(), CertificateFault> {
    let whose = || of_authority(&anchor.subject);
    lint_key(anchor.spki_der(), whose)?;
    let Ok((_, certificate)) = X509Certificate::from_der(anchor.certificate()) else {
        return Err(not_checkable(format!("{} certificate cannot be read", whose())));
    };
    // Before version 3 nothing could be said; whoever makes such a root an anchor means it.
    if certificate.version() != X509Version::V3 {
        return Ok(());
    }
    lint_key_usage(&certificate, whose)?;
    let constraints = match certificate.basic_constraints() {
        Ok(constraints) => constraints.map(|extension| extension.value),
        Err(_) => return Err(not_checkable(format!("{} basicConstraints cannot be read", whose()))),
    };
    // A server's own certificate that is given as an anchor is a pin, not a right to issue certificates for everybody.
    let may_sign = certificate.key_usage().is_ok_and(|usage| usage.is_some());
    if !constraints.map_or(may_sign, |constraints| constraints.ca) {
        return Err(CertificateFault::NotForThisUse(format!(
            "{} certificate is no authority's (basicConstraints): give the authority's as trust anchor",
            whose()
        )));
    }
    let others = authorities
        .iter()
        .filter(|one| one.subject().as_raw() != one.issuer().as_raw());
    let bound = constraints.and_then(|constraints| constraints.path_len_constraint);
    if bound.is_some_and(|bound| u32::try_from(others.count()).is_ok_and(|others| others > bound)) {
        return Err(CertificateFault::NotForThisUse(format!(
            "{} pathLenConstraint does not let it issue through so many others",
            whose()
        )));
    }
    match certificate.extended_key_usage() {
        Ok(Some(usage)) if !(usage.value.any || usage.value.server_auth || usage.value.client_auth) => {
            Err(CertificateFault::NotForThisUse(format!(
                "{} extended key usage allows neither servers nor clients of TLS",
                whose()
            )))
        }
        Ok(_) => Ok(()),
        Err(_) => Err(not_checkable(format!("{} extended key usage cannot be read", whose()))),
    }
}

/// The library holds the names in subjectAltName to the constraints. A common name that an exception takes for a name
/// must not lead past them (RUSTSEC-2026-0044; RFC 5280 §4.2.1.10).
fn lint_common_name(candidate: &Candidate<'_>, authorities: &[X509Certificate<'_>]) -> Result<(), CertificateFault> {
    let Some(name) = candidate.common_name.and_then(NamePattern::parse_presented) else {
        return Ok(());
    };
    let unreadable = || not_checkable("the name constraints of its authority cannot be read".to_owned());
    for authority in authorities {
        match authority.name_constraints() {
            Ok(Some(constraints)) => hold_to(constraints.value, &name)?,
            Ok(None) => {}
            Err(_) => return Err(unreadable()),
        }
    }
    let trusted = candidate.anchor.trusted();
    let Some(of_anchor) = trusted
        .and_then(|trusted| trusted.name_constraints.as_deref())
        .map(in_sequence)
    else {
        return Ok(());
    };
    let (_, constraints) = NameConstraints::from_der(&of_anchor).map_err(|_| unreadable())?;
    hold_to(&constraints, &name)
}

fn hold_to(constraints: &NameConstraints<'_>, name: &NamePattern) -> Result<(), CertificateFault> {
    let permitted = constraints.permitted_subtrees.iter().flatten();
    let mut permitted = permitted.filter_map(|subtree| dns_base(&subtree.base)).peekable();
    let excluded = constraints.excluded_subtrees.iter().flatten();
    let mut excluded = excluded.filter_map(|subtree| dns_base(&subtree.base));
    let is_permitted = permitted.peek().is_none() || permitted.any(|base| lies_within(name, base));
    if is_permitted && !excluded.any(|base| lies_within(name, base) || reaches(name, base)) {
        return Ok(());
    }
    Err(CertificateFault::NotForThisUse(format!(
        "its authority may not issue for its common name {name}"
    )))
}

fn dns_base<'a>(base: &GeneralName<'a>) -> Option<&'a str> {
    match base {
        GeneralName::DNSName(name) => Some(name),
        _ => None,
    }
}

/// Whether every name that it stands for lies within the subtree: the base itself or what is below it, with a dot at
/// the beginning only the latter.
fn lies_within(name: &NamePattern, base: &str) -> bool {
    let (domain, base) = (name.domain.as_str(), base.to_ascii_lowercase());
    let is_below = |below: &str| domain.strip_suffix(below).is_some_and(|rest| rest.ends_with('.'));
    match base.strip_prefix('.') {
        None => base.is_empty() || domain == base || is_below(&base),
        Some(base) => (domain == base && name.reach != NameReach::Exact) || is_below(base),
    }
}

/// Whether some name that a wildcard stands for lies within the subtree.
fn reaches(name: &NamePattern, base: &str) -> bool {
    let base = base.to_ascii_lowercase();
    let covered = base.trim_start_matches('.').split_once('.').map(|(_, rest)| rest);
    name.reach != NameReach::Exact && covered == Some(name.domain.as_str())
}
