//! Demands on a connection: what must hold, and who says so.
//!
//! Demands are a set, and each must hold; they are not one scale, and none replaces another. Whether they
//! hold is judged by `sekisho-policy`.

use std::{borrow::Borrow, fmt, str::FromStr};

use serde::{Deserialize, Serialize, de};
use thiserror::Error;

use crate::{AnchorSetId, Digest, Domain, DomainError, KeyExchangeGroups, TlsVersion, domain::serde_as_text};

/// One thing that must hold before a message leaves, and where the demand comes from.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Demand {
    /// What must hold.
    pub level: DemandLevel,
    /// Who demands it, in the operator's words: `route "bank"`, `connector "acme/bank"`, `organization acme`.
    pub origin: String,
}

impl fmt::Display for Demand {
    /// `TLS by connector "acme/bank"`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} by {}", self.level, self.origin)
    }
}

impl From<&Self> for Demand {
    fn from(demand: &Self) -> Self {
        demand.clone()
    }
}

/// Adds what is not there yet, be it given or lent: demands are a set. Lists of them hold a handful of entries, so a
/// search is cheaper than a set and keeps the order.
pub fn push_new<T, I>(list: &mut Vec<T>, item: I)
where
    T: PartialEq + From<I>,
    I: Borrow<T>,
{
    if !list.contains(item.borrow()) {
        list.push(item.into());
    }
}

/// What must hold.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "level")]
pub enum DemandLevel {
    /// TLS, whoever the peer is.
    Encryption,
    /// TLS and a certificate that chains to one of the anchors and is valid today.
    Certificate {
        /// Where the chain must end.
        anchors: AnchorSetId,
    },
    /// As `Certificate`, and one of its SAN dNSNames matches one of the names.
    Domain {
        /// Where the chain must end.
        anchors: AnchorSetId,
        /// At least one; any of them will do.
        names: Vec<NamePattern>,
    },
    /// TLS and a certificate with one of these keys, whoever issued it.
    Pin {
        /// SHA-256 of the SubjectPublicKeyInfo; at least one, any of them will do.
        spki: Vec<Digest>,
    },
    /// TLS of this version or a later one.
    Version {
        /// The oldest that will do.
        at_least: TlsVersion,
    },
    /// TLS with a key exchange by one of these groups.
    KeyExchange {
        /// Any of them will do.
        groups: KeyExchangeGroups,
    },
    /// TLS and a certificate that was not revoked, nor any other on its path to one of the anchors. Always beside
    /// `Certificate` or `Domain` of the same origin, which say that there is such a path.
    Revocation {
        /// Where the path must end.
        anchors: AnchorSetId,
        /// What holds while nobody can say.
        mode: RevocationMode,
        /// Whether a certificate that says nowhere how it would be revoked is refused.
        #[serde(default, skip_serializing_if = "crate::is_false")]
        refuse_not_revocable: bool,
    },
}

/// What holds while it cannot be found out whether a certificate is revoked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RevocationMode {
    /// It passes, and that is written down.
    SoftFail,
    /// The message waits.
    #[default]
    HardFail,
}

impl fmt::Display for DemandLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Encryption => f.write_str("TLS"),
            Self::Certificate { anchors } => {
                write!(f, "TLS with a valid certificate (trust anchors: {})", anchors.0)
            }
            Self::Domain { anchors, names } => {
                write!(f, "TLS with a valid certificate (trust anchors: {}) for ", anchors.0)?;
                write_alternatives(f, names)
            }
            Self::Pin { spki } => {
                f.write_str("TLS with a certificate that has the key ")?;
                write_alternatives(f, spki)
            }
            Self::Version { at_least } => write!(f, "{at_least} or later"),
            Self::KeyExchange { groups } => write!(f, "TLS with the key exchange {groups}"),
            Self::Revocation {
                anchors,
                mode,
                refuse_not_revocable,
            } => write!(
                f,
                "TLS with a certificate that is not revoked{} (trust anchors: {}{})",
                match mode {
                    RevocationMode::SoftFail => ", as far as that is known",
                    RevocationMode::HardFail => "",
                },
                anchors.0,
                if *refuse_not_revocable {
                    "; one that names no endpoint is refused"
                } else {
                    ""
                }
            ),
        }
    }
}

fn write_alternatives(f: &mut fmt::Formatter<'_>, all: &[impl fmt::Display]) -> fmt::Result {
    for (place, one) in all.iter().enumerate() {
        write!(f, "{}{one}", if place == 0 { "" } else { " or " })?;
    }
    Ok(())
}

/// A name to be matched against SAN dNSNames: `example.org`, `*.example.org` or `**.example.org`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NamePattern {
    /// Which names beside the domain itself.
    pub reach: NameReach,
    /// The name, or what follows `*.` or `**.`.
    pub domain: Domain,
}

impl NamePattern {
    /// This name alone.
    #[must_use]
    pub const fn exact(domain: Domain) -> Self {
        Self {
            reach: NameReach::Exact,
            domain,
        }
    }

    /// A name as a certificate presents it: ASCII (the type is IA5String, so U-labels and absolute names have no place
    /// in it), with at most one `*.`. `None` for anything else, which matches nothing.
    #[must_use]
    pub fn parse_presented(name: &str) -> Option<Self> {
        if !name.is_ascii() || name.ends_with('.') {
            return None;
        }
        let parsed: Option<Self> = name.parse().ok();
        // `**.` is ours: no certificate's.
        parsed.filter(|pattern| pattern.reach != NameReach::Within)
    }
}

/// Which names a [`NamePattern`] stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NameReach {
    /// The domain alone.
    Exact,
    /// `*.`: the domain with exactly one label more before it (RFC 9525 §6.3), and not the domain itself.
    OneLabel,
    /// `**.`: the domain, and every name below it however deep; no RFC's, but what `*.` means in a connector.
    Within,
}

impl NameReach {
    /// What stands before the domain.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Exact => "",
            Self::OneLabel => "*.",
            Self::Within => "**.",
        }
    }
}

/// Why a text is no name pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NamePatternError {
    /// `*` anywhere but as the whole first label.
    #[error("'*' may stand only as the whole first label: *.example.org, or **.example.org for any depth")]
    BadWildcard,
    /// The rest of it.
    #[error(transparent)]
    Domain(#[from] DomainError),
}

impl FromStr for NamePattern {
    type Err = NamePatternError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let starred = [NameReach::Within, NameReach::OneLabel];
        let found = starred
            .into_iter()
            .find_map(|reach| Some((reach, text.strip_prefix(reach.prefix())?)));
        let (reach, rest) = found.unwrap_or((NameReach::Exact, text));
        if rest.contains('*') {
            return Err(NamePatternError::BadWildcard);
        }
        Ok(Self {
            reach,
            domain: Domain::parse(rest)?,
        })
    }
}

impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.reach.prefix(), self.domain)
    }
}

serde_as_text!(NamePattern);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_is_the_whole_first_label() {
        for (text, reach) in [
            ("example.org", NameReach::Exact),
            ("*.example.org", NameReach::OneLabel),
            ("**.example.org", NameReach::Within),
        ] {
            let pattern: NamePattern = text.parse().unwrap();
            assert_eq!((pattern.reach, pattern.to_string().as_str()), (reach, text));
        }
        for text in [
            "*",
            "**",
            "a*.example.org",
            "a.*.org",
            "*.*.org",
            "**.*.org",
            "*.**.org",
            "***.org",
            "",
        ] {
            assert!(text.parse::<NamePattern>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_certificate_presents_ascii_names_with_one_star_at_the_most() {
        for name in ["MX.example.org", "*.example.org", "xn--bcher-kva.example"] {
            assert!(NamePattern::parse_presented(name).is_some(), "{name}");
        }
        for name in [
            "bücher.example",
            "mx.example.org.",
            "**.example.org",
            "m*.example.org",
            "*",
            "",
        ] {
            assert_eq!(NamePattern::parse_presented(name), None, "{name}");
        }
    }

    #[test]
    fn what_is_demanded_twice_is_demanded_once() {
        let demand = |origin: &str| Demand {
            level: DemandLevel::Encryption,
            origin: origin.to_owned(),
        };
        let (one, two) = (demand("one"), demand("two"));
        let mut demands = vec![one.clone()];
        push_new(&mut demands, &two);
        push_new(&mut demands, &one);
        push_new(&mut demands, two.clone());
        assert_eq!(demands, [one, two]);
    }

    #[test]
    fn a_demand_says_what_must_hold_and_by_whom() {
        let demand = Demand {
            level: DemandLevel::Encryption,
            origin: "route \"bank\"".to_owned(),
        };
        assert_eq!(demand.to_string(), "TLS by route \"bank\"");
    }

    #[test]
    fn a_demand_keeps_the_form_in_which_it_was_stored() {
        let anchors = AnchorSetId::system;
        let names = vec!["mx.example.org".parse().unwrap(), "*.example.org".parse().unwrap()];
        for (level, json) in [
            (DemandLevel::Encryption, r#"{"level":"encryption"}"#.to_owned()),
            (
                DemandLevel::Certificate { anchors: anchors() },
                r#"{"level":"certificate","anchors":"system"}"#.to_owned(),
            ),
            (
                DemandLevel::Domain {
                    anchors: anchors(),
                    names,
                },
                r#"{"level":"domain","anchors":"system","names":["mx.example.org","*.example.org"]}"#.to_owned(),
            ),
            (
                DemandLevel::Pin {
                    spki: vec![Digest([7; 32])],
                },
                format!(r#"{{"level":"pin","spki":["{}"]}}"#, "07".repeat(32)),
            ),
            (
                DemandLevel::Version {
                    at_least: TlsVersion::Tls13,
                },
                r#"{"level":"version","at_least":"TLSv1.3"}"#.to_owned(),
            ),
            (
                DemandLevel::KeyExchange {
                    groups: KeyExchangeGroups::ALL,
                },
                r#"{"level":"key-exchange","groups":["X25519MLKEM768","x25519","secp256r1","secp384r1"]}"#.to_owned(),
            ),
            (
                DemandLevel::Revocation {
                    anchors: anchors(),
                    mode: RevocationMode::HardFail,
                    refuse_not_revocable: false,
                },
                r#"{"level":"revocation","anchors":"system","mode":"hard-fail"}"#.to_owned(),
            ),
        ] {
            assert_eq!(serde_json::to_string(&level).unwrap(), json);
            assert_eq!(serde_json::from_str::<DemandLevel>(&json).unwrap(), level);
        }
    }
}
