//! TLS policies: a level and its attributes, as `smtp_tls_policy_maps` has them.

use crate::import::Place;

/// What must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    /// No TLS.
    None,
    /// TLS where the host has it.
    May,
    /// TLS.
    Encrypt,
    /// By TLSA records where there are any.
    Dane,
    /// By TLSA records, which must be there.
    DaneOnly,
    /// A certificate or key with one of these fingerprints.
    Fingerprint,
    /// A certificate for a name, which may come from DNS.
    Verify,
    /// A certificate for a name that does not come from DNS.
    Secure,
}

impl Level {
    pub(super) const ALL: [(&'static str, Self); 8] = [
        ("none", Self::None),
        ("may", Self::May),
        ("encrypt", Self::Encrypt),
        ("dane", Self::Dane),
        ("dane-only", Self::DaneOnly),
        ("fingerprint", Self::Fingerprint),
        ("verify", Self::Verify),
        ("secure", Self::Secure),
    ];

    pub(super) fn parse(text: &str) -> Option<Self> {
        let found = Self::ALL.iter().find(|(word, _)| word.eq_ignore_ascii_case(text));
        found.map(|(_, level)| *level)
    }

    pub(super) fn word(self) -> &'static str {
        let found = Self::ALL.iter().find(|(_, level)| *level == self);
        found.map_or("", |(word, _)| word)
    }
}

/// One policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Policy {
    pub level: Level,
    /// Names, strategies or fingerprints; none where the parameter of main.cf has them.
    pub matches: Vec<String>,
    /// As it is written.
    pub protocols: Option<String>,
    /// A file with trust anchors.
    pub tafile: Option<String>,
    /// Attributes with values that have no counterpart.
    pub others: Vec<(String, String)>,
    /// Where it stands.
    pub place: Place,
}

/// `secure match=.example.org:mail.example.net protocols=>=TLSv1.2`.
///
/// # Errors
/// Why it is no policy.
pub(super) fn parse(text: &str, place: Place) -> Result<Policy, String> {
    let mut words = super::main_cf::split(text);
    let word = words.next().unwrap_or_default();
    let level = Level::parse(word).ok_or_else(|| {
        let known: Vec<&str> = Level::ALL.iter().map(|(word, _)| *word).collect();
        format!("{word:?} is no level; there are {}", known.join(", "))
    })?;
    let mut policy = Policy {
        level,
        matches: Vec::new(),
        protocols: None,
        tafile: None,
        others: Vec::new(),
        place,
    };
    for word in words {
        let (name, value) = word
            .split_once('=')
            .ok_or_else(|| format!("{word:?} is no attribute=value"))?;
        match name.to_ascii_lowercase().as_str() {
            // Fingerprints have colons of their own.
            "match" if level == Level::Fingerprint => policy.matches.extend(value.split('|').map(str::to_owned)),
            "match" => policy.matches.extend(value.split(':').map(str::to_ascii_lowercase)),
            "protocols" => policy.protocols = Some(value.to_owned()),
            "tafile" => policy.tafile = Some(value.to_owned()),
            other => policy.others.push((other.to_owned(), value.to_owned())),
        }
    }
    policy.matches.retain(|one| !one.is_empty());
    Ok(policy)
}

/// Which versions are allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Versions {
    /// Any before TLS 1.2.
    pub older: bool,
    pub tls12: bool,
    pub tls13: bool,
}

/// Which versions a list of protocols allows.
///
/// # Errors
/// Which part of it is no protocol.
pub(super) fn versions(text: &str) -> Result<Versions, String> {
    const KNOWN: [&str; 6] = ["SSLv2", "SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"];
    let place = |name: &str| {
        let found = KNOWN.iter().position(|known| known.eq_ignore_ascii_case(name));
        found.ok_or_else(|| format!("{name:?} is no protocol"))
    };
    let mut allowed = [true; KNOWN.len()];
    let words = || text.split([':', ',', ' ']).filter(|word| !word.is_empty());
    let names_some = words().any(|word| !word.starts_with(['!', '<', '>']));
    if names_some {
        allowed = [false; KNOWN.len()];
    }
    for word in words() {
        if let Some(name) = word.strip_prefix('!') {
            allowed[place(name)?] = false;
        } else if let Some(name) = word.strip_prefix(">=") {
            allowed[..place(name)?].fill(false);
        } else if let Some(name) = word.strip_prefix("<=") {
            allowed[place(name)? + 1..].fill(false);
        } else {
            allowed[place(word)?] = true;
        }
    }
    Ok(Versions {
        older: allowed[..4].contains(&true),
        tls12: allowed[4],
        tls13: allowed[5],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_a_level_and_attributes() {
        let policy = parse(
            "secure match=.A.example:b.example protocols=>=TLSv1.2 ciphers=high",
            Place::default(),
        );
        let policy = policy.unwrap();
        assert_eq!(policy.level, Level::Secure);
        assert_eq!(policy.matches, [".a.example", "b.example"]);
        assert_eq!(policy.protocols.as_deref(), Some(">=TLSv1.2"));
        assert_eq!(policy.others, [("ciphers".to_owned(), "high".to_owned())]);
        let policy = parse("fingerprint match=AA:BB|CC:DD", Place::default()).unwrap();
        assert_eq!(policy.matches, ["AA:BB", "CC:DD"]);
        for text in ["", "always", "encrypt protocols"] {
            assert!(parse(text, Place::default()).is_err(), "{text}");
        }
    }

    #[test]
    fn protocols_are_listed_excluded_or_bounded() {
        for (text, expected) in [
            ("", (true, true, true)),
            ("!SSLv2:!SSLv3", (true, true, true)),
            (">=TLSv1.2", (false, true, true)),
            (">=TLSv1.3", (false, false, true)),
            ("TLSv1.3", (false, false, true)),
            ("!SSLv2 !SSLv3 !TLSv1 !TLSv1.1 !TLSv1.2", (false, false, true)),
            (">=TLSv1, <=TLSv1.2", (true, true, false)),
            ("TLSv1", (true, false, false)),
        ] {
            let found = versions(text).map(|found| (found.older, found.tls12, found.tls13));
            assert_eq!(found, Ok(expected), "{text}");
        }
        assert!(versions("TLSv9").is_err());
    }
}
