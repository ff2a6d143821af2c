//! What a server offers: the keywords of its EHLO reply (RFC 5321 §4.1.1.1) and what we make of them.

use sekisho_mail::{Keyword, Reply};

/// Keywords kept of one reply.
pub const MAX_KEYWORDS: usize = 100;

/// What the last EHLO reply offered. Empty after HELO.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offer {
    /// All keywords, in order; lines that are none are left out.
    pub keywords: Vec<Keyword>,
}

impl Offer {
    /// Reads the lines after the first.
    #[must_use]
    pub fn parse(reply: &Reply) -> Self {
        let keywords = reply.lines.iter().skip(1).filter_map(|line| parse_keyword(line));
        Self {
            keywords: keywords.take(MAX_KEYWORDS).collect(),
        }
    }

    /// Whether the keyword was there; `name` in upper case.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// The octets that a message may have: `None` when SIZE is not offered or names no limit (RFC 1870 §4: 0 or no
    /// number means none).
    #[must_use]
    pub fn max_size(&self) -> Option<u64> {
        number(self.find("SIZE")?.parameters.first()?)
    }

    /// RCPTMAX of RFC 9422.
    #[must_use]
    pub fn max_recipients(&self) -> Option<usize> {
        self.limit("RCPTMAX=")
    }

    /// MAILMAX of RFC 9422.
    #[must_use]
    pub fn max_messages(&self) -> Option<usize> {
        self.limit("MAILMAX=")
    }

    fn limit(&self, prefix: &str) -> Option<usize> {
        let parameters = &self.find("LIMITS")?.parameters;
        let value = parameters.iter().find_map(|parameter| {
            let head = parameter.get(..prefix.len())?;
            head.eq_ignore_ascii_case(prefix).then(|| &parameter[prefix.len()..])
        })?;
        number(value).and_then(|limit| usize::try_from(limit).ok())
    }

    fn find(&self, name: &str) -> Option<&Keyword> {
        self.keywords.iter().find(|keyword| keyword.name == name)
    }
}

/// A number of at least 1; `parse` alone would take `+5`.
fn number(text: &str) -> Option<u64> {
    let is_number = text.bytes().all(|octet| octet.is_ascii_digit());
    is_number.then(|| text.parse().ok())?.filter(|number| *number > 0)
}

/// `ehlo-keyword = (ALPHA / DIGIT) *(ALPHA / DIGIT / "-")`
fn parse_keyword(line: &str) -> Option<Keyword> {
    let mut words = line.split(' ').filter(|word| !word.is_empty());
    let name = words.next()?;
    let well_formed =
        name.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'-') && !name.starts_with('-');
    well_formed.then(|| Keyword {
        name: name.to_ascii_uppercase(),
        parameters: words.map(str::to_owned).collect(),
    })
}

#[cfg(test)]
mod tests {
    use sekisho_mail::ReplyCode;

    use super::*;

    fn offer(lines: &[&str]) -> Offer {
        Offer::parse(&Reply {
            code: ReplyCode::new(250).unwrap(),
            enhanced: None,
            lines: lines.iter().map(|line| (*line).to_owned()).collect(),
        })
    }

    #[test]
    fn the_first_line_is_a_name_and_offers_nothing() {
        assert!(!offer(&["STARTTLS"]).has("STARTTLS"));
        assert!(offer(&["mx.example.org", "starttls"]).has("STARTTLS"));
    }

    #[test]
    fn numbers_that_are_no_limits_are_none() {
        assert_eq!(offer(&["x", "SIZE 1000"]).max_size(), Some(1000));
        for line in [
            "SIZE",
            "SIZE 0",
            "SIZE big",
            "SIZE +1000",
            "SIZE 99999999999999999999999",
            "AUTH=LOGIN",
        ] {
            assert_eq!(offer(&["x", line]).max_size(), None, "{line}");
        }
        let limits = offer(&["x", "LIMITS rcptmax=5 MAILMAX=0"]);
        assert_eq!((limits.max_recipients(), limits.max_messages()), (Some(5), None));
    }

    #[test]
    fn text_that_is_no_keyword_is_left_out() {
        assert_eq!(
            offer(&["x", "AUTH=LOGIN PLAIN", "", "-x", "DSN", "héllo"])
                .keywords
                .len(),
            1
        );
    }
}
