//! What holds of domains, hosts and name patterns on any text: the form that is kept is the one that DNS takes, and it
//! is its own normal form.

use sekisho_mail::{Domain, Host, NamePattern};

/// # Panics
/// When a parser breaks its word on these octets.
pub(crate) fn check(octets: &[u8]) {
    let Ok(text) = str::from_utf8(octets) else { return };
    if let Ok(domain) = Domain::parse(text) {
        let name = domain.as_str();
        assert!((1..=253).contains(&name.len()), "{text:?}: {name}");
        for label in name.split('.') {
            let plain = |octet: u8| octet.is_ascii_lowercase() || octet.is_ascii_digit() || b"-_".contains(&octet);
            assert!(
                (1..=63).contains(&label.len()) && label.bytes().all(plain),
                "{text:?}: {name}"
            );
        }
        assert_eq!(Domain::parse(name).as_ref(), Ok(&domain), "{text:?}");
        assert_eq!(Domain::parse(&format!("{name}.")).as_ref(), Ok(&domain), "{text:?}");
        // What people are shown leads back to the name that is meant.
        let shown = domain.to_unicode();
        assert_eq!(
            Domain::parse(&shown).as_ref(),
            Ok(&domain),
            "{text:?} is shown as {shown:?}"
        );
        if let Some(parent) = domain.parent() {
            assert!(domain.is_below(&parent) && !parent.is_below(&domain));
        }
    }
    if let Ok(host) = Host::parse(text) {
        assert_eq!(Host::parse(&host.to_string()).as_ref(), Ok(&host), "{text:?}");
    }
    if let Ok(pattern) = text.parse::<NamePattern>() {
        assert_eq!(pattern.to_string().parse().as_ref(), Ok(&pattern), "{text:?}");
    }
}
