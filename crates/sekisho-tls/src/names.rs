//! Does one of a certificate's names match one that was asked for?
//!
//! Only SAN dNSNames count, as A-labels; `*` counts only as the whole first label and stands for exactly one. The
//! common name never counts, and neither does a wildcard over a single label. RFC 9525 §6.3. Beyond it,
//! `**.example.org` asks for any name that lies within the domain.

use sekisho_mail::{Domain, NamePattern, NameReach};

/// Whether any of `presented`, the SAN dNSNames of a certificate, matches any of `wanted`.
#[must_use]
pub fn any_matches(presented: &[String], wanted: &[NamePattern]) -> bool {
    presented
        .iter()
        .filter_map(|name| NamePattern::parse_presented(name))
        .filter(|name| !is_over_one_label(name))
        .any(|name| wanted.iter().any(|pattern| matches(&name, pattern)))
}

/// `*.com`: whoever has it would be half of the world. OpenSSL and the library refuse the same; of suffixes with more
/// labels under which anybody may register (`*.co.uk`) no list is kept: it would be old soon after it is built in, and
/// such a wildcard stands only for hosts that bear a registered name itself.
fn is_over_one_label(name: &NamePattern) -> bool {
    name.reach == NameReach::OneLabel && !name.domain.as_str().contains('.')
}

fn matches(presented: &NamePattern, wanted: &NamePattern) -> bool {
    match (presented.reach, wanted.reach) {
        (NameReach::Exact, NameReach::Exact) | (NameReach::OneLabel, NameReach::OneLabel) => {
            presented.domain == wanted.domain
        }
        (NameReach::OneLabel, NameReach::Exact) => covers(&presented.domain, &wanted.domain),
        (NameReach::Exact, NameReach::OneLabel) => covers(&wanted.domain, &presented.domain),
        (NameReach::Exact | NameReach::OneLabel, NameReach::Within) => {
            presented.domain == wanted.domain || presented.domain.is_below(&wanted.domain)
        }
        (NameReach::Within, _) => false,
    }
}

/// Whether `name` is `domain` with one label before it.
fn covers(domain: &Domain, name: &Domain) -> bool {
    name.as_str()
        .split_once('.')
        .is_some_and(|(_, rest)| rest == domain.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_match(presented: &str, wanted: &str) -> bool {
        any_matches(&[presented.to_owned()], &[wanted.parse().unwrap()])
    }

    /// CVE-2009-2408, and wildcards that stand for more than one label (RFC 9525 §6.3).
    #[test]
    fn a_wildcard_stands_for_exactly_one_whole_label() {
        for (presented, wanted) in [
            ("mx.example.org", "mx.example.org"),
            ("MX.Example.ORG", "mx.example.org"),
            ("*.example.org", "mx.example.org"),
            ("mx.example.org", "*.example.org"),
            ("*.example.org", "*.example.org"),
            ("xn--bcher-kva.example", "bücher.example"),
            ("*.xn--bcher-kva.example", "mx.bücher.example"),
        ] {
            assert!(is_match(presented, wanted), "{presented} {wanted}");
        }
        for (presented, wanted) in [
            ("*.example.org", "example.org"),
            ("*.example.org", "a.mx.example.org"),
            ("a.mx.example.org", "*.example.org"),
            ("m*.example.org", "mx.example.org"),
            ("*x.example.org", "mx.example.org"),
            ("mx.*.org", "mx.example.org"),
            ("*", "org"),
            ("*.org", "example.org"),
            ("*.org", "*.org"),
            ("mx.example.org.", "mx.example.org"),
            ("mx.example.com", "mx.example.org"),
            ("bücher.example", "bücher.example"),
            ("*.mx.example.org", "*.example.org"),
            ("mx.example.org\0.evil", "mx.example.org"),
            ("", "mx.example.org"),
        ] {
            assert!(!is_match(presented, wanted), "{presented} {wanted}");
        }
    }
    #[test]
    fn two_stars_ask_for_any_name_within_the_domain_and_no_certificate_has_them() {
        for presented in [
            "example.org",
            "Mail.Example.org",
            "a.b.example.org",
            "*.example.org",
            "*.b.example.org",
        ] {
            assert!(is_match(presented, "**.example.org"), "{presented}");
        }
        for presented in [
            "badexample.org",
            "org",
            "*.org",
            "example.org.evil",
            "**.example.org",
            "**.b.example.org",
            "b*.example.org",
            "",
        ] {
            assert!(!is_match(presented, "**.example.org"), "{presented}");
        }
        for wanted in ["mx.example.org", "*.example.org", "example.org"] {
            assert!(!is_match("**.example.org", wanted), "{wanted}");
        }
    }
}
