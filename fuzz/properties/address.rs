//! What holds of mailboxes and paths on any octets, held against the grammar of RFC 5321 §4.1.2 read octet by octet.

use sekisho::local::{AliasTarget, LocalName};
use sekisho_mail::{Domain, ForwardPath, Host, Mailbox, ReversePath};
use sekisho_smtp::wire::path::{parse_forward_path, parse_reverse_path};

/// # Panics
/// When a parser breaks its word on these octets.
pub(crate) fn check(octets: &[u8]) {
    let Ok(text) = str::from_utf8(octets) else { return };
    check_mailbox(text);
    let expected = path(text);
    match parse_reverse_path(text) {
        Ok((ReversePath::Null, rest)) => assert_eq!(text.strip_prefix("<>"), Some(rest)),
        Ok((ReversePath::Mailbox(mailbox), rest)) => assert_eq!(Some((mailbox.to_string(), rest)), expected, "{text}"),
        Err(_) => assert!(expected.is_none(), "{text} is a path"),
    }
    match parse_forward_path(text) {
        Ok((ForwardPath::Postmaster, rest)) => {
            assert!(text[..text.len() - rest.len()].eq_ignore_ascii_case("<postmaster>"));
        }
        Ok((ForwardPath::Mailbox(mailbox), rest)) => assert_eq!(Some((mailbox.to_string(), rest)), expected, "{text}"),
        Err(_) => assert!(expected.is_none(), "{text} is a path"),
    }
    if let Ok(name) = text.parse::<LocalName>() {
        let folder = name.folder_name();
        assert!(
            !folder.is_empty() && !folder.starts_with('.') && !folder.contains('/'),
            "{text}: {folder}"
        );
    }
    if let Ok(AliasTarget::Address(mailbox)) = text.parse::<AliasTarget>() {
        assert_eq!(Mailbox::parse(&mailbox.to_string()).as_ref(), Ok(&mailbox), "{text}");
    }
}

fn check_mailbox(text: &str) {
    let Ok(mailbox) = Mailbox::parse(text) else { return };
    let printed = mailbox.to_string();
    assert!(printed.bytes().all(|octet| (32..127).contains(&octet)), "{printed:?}");
    assert!(mailbox.local_part().len() <= 128 && mailbox.unquoted_local_part().len() <= mailbox.local_part().len());
    assert_eq!(Mailbox::parse(&printed).as_ref(), Ok(&mailbox));
    let as_path = format!("<{printed}>");
    assert_eq!(
        parse_reverse_path(&as_path),
        Ok((ReversePath::Mailbox(mailbox), "")),
        "{as_path}"
    );
}

/// A path in brackets with a mailbox in it: the mailbox without its route, and what follows.
fn path(text: &str) -> Option<(String, &str)> {
    let mut at = text.strip_prefix('<')?;
    if at.starts_with('@') {
        let (route, behind) = at.split_once(':')?;
        if !route
            .split(',')
            .all(|hop| hop.strip_prefix('@').is_some_and(|name| Domain::parse(name).is_ok()))
        {
            return None;
        }
        at = behind;
    }
    let local_len = local_part(at.as_bytes())?;
    let (local, behind) = at.split_at(local_len);
    let (host, rest) = behind.strip_prefix('@')?.split_once('>')?;
    Some((format!("{local}@{}", Host::parse(host).ok()?), rest))
}

/// How long the local part at the front is.
fn local_part(octets: &[u8]) -> Option<usize> {
    let atext = |octet: u8| octet.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&octet);
    let len = if octets.first() == Some(&b'"') {
        let mut place = 1;
        loop {
            place += match octets.get(place)? {
                b'"' => break place + 1,
                b'\\' if (32..127).contains(octets.get(place + 1)?) => 2,
                b'\\' => return None,
                octet if (32..127).contains(octet) => 1,
                _ => return None,
            };
        }
    } else {
        let len = octets
            .iter()
            .take_while(|octet| atext(**octet) || **octet == b'.')
            .count();
        if octets[..len].split(|octet| *octet == b'.').any(<[u8]>::is_empty) {
            return None;
        }
        len
    };
    (1..=128).contains(&len).then_some(len)
}
