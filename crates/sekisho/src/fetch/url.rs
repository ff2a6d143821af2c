//! What may be fetched: `http` and `https` URLs with a host, without a user, in ASCII (RFC 9110 §4.2, RFC 3986).
//!
//! URLs stand in other people's certificates and answers. Whatever two programs might read differently (a user before
//! the host, a backslash, a number that some take for an address) is refused here, once.

use std::{fmt, net::IpAddr, str::FromStr};

use hyper::Uri;
use sekisho_mail::Domain;
use thiserror::Error;

/// Octets of a URL.
pub const URL_LEN_MAX: usize = 2048;

/// Which of the two schemes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// In the clear.
    Http,
    /// Under TLS, and never otherwise.
    Https,
}

impl Scheme {
    /// As it stands in a URL.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    const fn port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// The host of a URL.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum UrlHost {
    /// A name, for DNS.
    Name(Domain),
    /// An address.
    Address(IpAddr),
}

impl fmt::Display for UrlHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => name.fmt(f),
            Self::Address(IpAddr::V4(address)) => address.fmt(f),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

/// A URL that may be fetched. Shown, it is plain ASCII without blanks.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FetchUrl {
    scheme: Scheme,
    host: UrlHost,
    port: u16,
    /// With the query, from its slash on.
    path: String,
}

/// Why a text is no URL that may be fetched.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum UrlError {
    /// It cannot be read.
    #[error("this is no URL ({0})")]
    Malformed(String),
    /// More than [`URL_LEN_MAX`] octets.
    #[error("the URL is longer than {URL_LEN_MAX} octets")]
    TooLong,
    /// Another scheme than the two.
    #[error("only http and https are fetched, not {0:?}")]
    Scheme(String),
    /// `user@` or `user:password@`.
    #[error("a URL with a user or password in it is not fetched")]
    Credentials,
    /// No name and no address, or a number that only some would take for one.
    #[error("its host {0:?} is neither a name nor an address")]
    Host(String),
    /// A relative reference, where nothing is there that it could be relative to.
    #[error("a URL begins with http:// or https://")]
    Relative,
}

impl FetchUrl {
    /// Which scheme.
    #[must_use]
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Whose.
    #[must_use]
    pub const fn host(&self) -> &UrlHost {
        &self.host
    }

    /// The port, that of the scheme where none is written.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Path and query, from the slash on.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Host and port as a firewall needs them: `crl.example:80`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// Host and, where it is not the scheme's, port: what the `Host` field holds (RFC 9110 §7.2).
    pub(super) fn authority(&self) -> String {
        if self.port == self.scheme.port() {
            self.host.to_string()
        } else {
            self.endpoint()
        }
    }

    /// Another path at the same host, from its slash on.
    ///
    /// # Errors
    /// When it is no path.
    pub fn with_path(&self, path: &str) -> Result<Self, UrlError> {
        format!("{}://{}{path}", self.scheme.word(), self.endpoint()).parse()
    }

    /// Where a `Location` leads from here (RFC 9110 §10.2.2): a URL, or a reference that begins with a slash; other
    /// relative ones are replaced behind the last slash of the path.
    pub(super) fn join(&self, location: &str) -> Result<Self, UrlError> {
        let location = location.split('#').next().unwrap_or_default();
        if has_scheme(location) {
            return location.parse();
        }
        let base = format!("{}://{}", self.scheme.word(), self.endpoint());
        let path = self.path.split('?').next().unwrap_or("/");
        let folder = path.rfind('/').map_or("/", |slash| &path[..=slash]);
        match location.as_bytes() {
            [] => Err(UrlError::Malformed("it is empty".to_owned())),
            [b'/', b'/', ..] => format!("{}:{location}", self.scheme.word()).parse(),
            [b'/', ..] => format!("{base}{location}").parse(),
            [b'?', ..] => format!("{base}{path}{location}").parse(),
            _ => format!("{base}{folder}{location}").parse(),
        }
    }
}

/// `scheme:` at the front (RFC 3986 §3.1).
fn has_scheme(text: &str) -> bool {
    let Some((scheme, _)) = text.split_once(':') else {
        return false;
    };
    scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'+' | b'-' | b'.'))
}

impl FromStr for FetchUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        if text.len() > URL_LEN_MAX {
            return Err(UrlError::TooLong);
        }
        if !has_scheme(text) {
            return Err(UrlError::Relative);
        }
        let scheme = match text.split_once(':') {
            Some((scheme, _)) if scheme.eq_ignore_ascii_case("http") => Scheme::Http,
            Some((scheme, _)) if scheme.eq_ignore_ascii_case("https") => Scheme::Https,
            other => return Err(UrlError::Scheme(other.map_or("", |(scheme, _)| scheme).to_owned())),
        };
        if !text.bytes().all(|octet| octet.is_ascii_graphic() && octet != b'\\') {
            let why = "blanks, backslashes and what is not ASCII are written as %20 and the like";
            return Err(UrlError::Malformed(why.to_owned()));
        }
        let uri: Uri = text.parse().map_err(|error| UrlError::Malformed(format!("{error}")))?;
        let authority = uri.authority().ok_or(UrlError::Relative)?;
        if authority.as_str().contains('@') {
            return Err(UrlError::Credentials);
        }
        // The library passes over a port that is no number.
        let port = match authority.as_str()[authority.host().len()..].strip_prefix(':') {
            None | Some("") => scheme.port(),
            Some(digits) => match digits.parse() {
                Ok(0) | Err(_) => return Err(UrlError::Malformed(format!("there is no port {digits:?}"))),
                Ok(port) => port,
            },
        };
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        Ok(Self {
            scheme,
            host: host(authority.host())?,
            port,
            path: if path.starts_with('/') {
                path.to_owned()
            } else {
                format!("/{path}")
            },
        })
    }
}

fn host(text: &str) -> Result<UrlHost, UrlError> {
    let unusable = || UrlError::Host(text.to_owned());
    if let Some(inner) = text.strip_prefix('[') {
        let address = inner.strip_suffix(']').and_then(|inner| inner.parse().ok());
        return address
            .map(|address| UrlHost::Address(IpAddr::V6(address)))
            .ok_or_else(unusable);
    }
    if let Ok(address) = text.parse() {
        return Ok(UrlHost::Address(IpAddr::V4(address)));
    }
    let name = Domain::parse(text).map_err(|_| unusable())?;
    // `127.1`, `0x7f000001` and the like are addresses to some, among them proxies.
    let last = name.as_str().rsplit('.').next().unwrap_or_default();
    let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|octet| octet.is_ascii_digit());
    if is_number(last)
        || last
            .strip_prefix("0x")
            .is_some_and(|hex| hex.bytes().all(|octet| octet.is_ascii_hexdigit()))
    {
        return Err(unusable());
    }
    Ok(UrlHost::Name(name))
}

impl fmt::Display for FetchUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme.word(), self.authority(), self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        text.parse::<FetchUrl>()
            .map_or_else(|error| format!("{error:?}"), |url| url.to_string())
    }

    #[test]
    fn a_url_is_read_in_one_way_or_refused() {
        for (text, wanted) in [
            ("http://crl.example/a.crl", "http://crl.example/a.crl"),
            ("HTTP://CRL.Example:80", "http://crl.example/"),
            ("https://ca.example:443/dir?x=1", "https://ca.example/dir?x=1"),
            ("http://ca.example:8080/", "http://ca.example:8080/"),
            ("http://ca.example?x", "http://ca.example/?x"),
            ("http://192.0.2.1/a", "http://192.0.2.1/a"),
            ("http://[2001:db8::1]:81/a", "http://[2001:db8::1]:81/a"),
            ("http://ca.example./a", "http://ca.example/a"),
        ] {
            assert_eq!(shown(text), wanted, "{text}");
        }
        for text in [
            "ldap:///CN=ca?certificateRevocationList",
            "file:///etc/passwd",
            "gopher://127.0.0.1:25/_HELO",
            "http:/ca.example",
            "http://",
            "http:///a",
            "http://user@ca.example/",
            "http://user:secret@ca.example/",
            "http://127.1/",
            "http://2130706433/",
            "http://0x7f000001/",
            "http://0x7f.0.0.0x1/",
            "http://ca.example:0/",
            "http://ca.example:99999/",
            "http://ca.example\\@127.0.0.1/",
            "http://ca.example/a b",
            "http://ca.example/\r\nHost: x",
            "http://[::1/",
            "http://[::1%25lo]/",
            "http://caf\u{e9}.example/",
            "//ca.example/",
            "/a",
            "",
        ] {
            assert!(text.parse::<FetchUrl>().is_err(), "{text}: {}", shown(text));
        }
        let long = format!("http://ca.example/{}", "a".repeat(URL_LEN_MAX));
        assert_eq!(long.parse::<FetchUrl>(), Err(UrlError::TooLong));
    }

    #[test]
    fn a_location_leads_from_where_it_was_said() {
        let base: FetchUrl = "http://ca.example:8080/a/b.crl?x=1".parse().unwrap();
        for (location, wanted) in [
            ("http://other.example/c", "http://other.example/c"),
            ("//other.example/c", "http://other.example/c"),
            ("/c", "http://ca.example:8080/c"),
            ("c", "http://ca.example:8080/a/c"),
            ("?y", "http://ca.example:8080/a/b.crl?y"),
            ("/c#there", "http://ca.example:8080/c"),
        ] {
            assert_eq!(base.join(location).unwrap().to_string(), wanted, "{location}");
        }
        for location in [
            "",
            "file:///etc/passwd",
            "javascript:x",
            "http://u@ca.example/",
            "\\\\ca.example",
        ] {
            assert!(base.join(location).is_err(), "{location}");
        }
    }
}
