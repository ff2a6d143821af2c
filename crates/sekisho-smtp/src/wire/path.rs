//! The paths of MAIL and RCPT in their angle brackets (RFC 5321 §4.1.2).
//!
//! A source route is read and ignored, as RFC 5321 §3.6.1 and §4.1.1.3 tell servers to: the right to relay is judged on
//! the mailbox alone, so a route gains nobody anything. Percent signs and bangs are plain octets of a local part.

use sekisho_mail::{Domain, ForwardPath, Mailbox, MailboxError, ReversePath};

/// Cuts `<…>` off the front; gives what stands inside and what follows.
fn cut_brackets(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_prefix('<')?;
    let mut quoted = false;
    let mut escaped = false;
    for (place, octet) in inner.bytes().enumerate() {
        match octet {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'>' if !quoted => return Some((&inner[..place], &inner[place + 1..])),
            _ => {}
        }
    }
    None
}

/// Takes `@a,@b:` off the front of a path.
fn skip_route(path: &str) -> Option<&str> {
    if !path.starts_with('@') {
        return Some(path);
    }
    let (route, mailbox) = path.split_once(':')?;
    route
        .split(',')
        .all(|hop| hop.strip_prefix('@').is_some_and(|name| Domain::parse(name).is_ok()))
        .then_some(mailbox)
}

/// What is wrong with a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathFault {
    /// No angle brackets around it.
    NoBrackets,
    /// A source route that is none.
    BadRoute,
    /// What stands in the brackets is no mailbox.
    Mailbox(MailboxError),
}

/// Parses the path of MAIL; gives what follows it.
///
/// # Errors
/// When there is none; the fault says why.
pub fn parse_reverse_path(text: &str) -> Result<(ReversePath, &str), PathFault> {
    let (inner, rest) = cut_brackets(text).ok_or(PathFault::NoBrackets)?;
    if inner.is_empty() {
        return Ok((ReversePath::Null, rest));
    }
    let mailbox = skip_route(inner).ok_or(PathFault::BadRoute)?;
    let mailbox = Mailbox::parse(mailbox).map_err(PathFault::Mailbox)?;
    Ok((ReversePath::Mailbox(mailbox), rest))
}

/// Parses the path of RCPT; gives what follows it.
///
/// # Errors
/// When there is none; the fault says why.
pub fn parse_forward_path(text: &str) -> Result<(ForwardPath, &str), PathFault> {
    let (inner, rest) = cut_brackets(text).ok_or(PathFault::NoBrackets)?;
    if inner.eq_ignore_ascii_case("postmaster") {
        return Ok((ForwardPath::Postmaster, rest));
    }
    let mailbox = skip_route(inner).ok_or(PathFault::BadRoute)?;
    let mailbox = Mailbox::parse(mailbox).map_err(PathFault::Mailbox)?;
    Ok((ForwardPath::Mailbox(mailbox), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_are_ignored_and_local_parts_are_left_alone() {
        let cases = [
            ("<a@example.org>", "<a@example.org>", ""),
            ("<@relay.example,@b.example:a@example.org>", "<a@example.org>", ""),
            ("<a%b@example.org> X=1", "<a%b@example.org>", " X=1"),
            ("<a!b@example.org>", "<a!b@example.org>", ""),
            ("<\"a>b\"@example.org>", "<\"a>b\"@example.org>", ""),
            ("<\"a\\\">b\"@example.org>", "<\"a\\\">b\"@example.org>", ""),
            ("<postMASTER>", "<Postmaster>", ""),
            ("<a@[192.0.2.1]>", "<a@[192.0.2.1]>", ""),
        ];
        for (text, path, rest) in cases {
            let (parsed, left) = parse_forward_path(text).unwrap();
            assert_eq!((parsed.to_string().as_str(), left), (path, rest), "{text}");
        }
        assert_eq!(parse_reverse_path("<> SIZE=1"), Ok((ReversePath::Null, " SIZE=1")));
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for text in [
            "",
            "a@b.example",
            "<",
            "<a@b.example",
            "<>",
            "<a>",
            "<@b.example>",
            "<@:a@b.example>",
            "<@a b:c@d.example>",
            "< a@b.example>",
            "<a@b.example >",
            "<a@b@c.example>",
            "<\"a@b.example>",
            "<a@>",
        ] {
            assert!(parse_forward_path(text).is_err(), "{text}");
        }
    }
}
