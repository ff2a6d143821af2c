//! Replies of SMTP: three digits, an enhanced code whose class is the reply's, and text.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize, de};
use thiserror::Error;

use crate::domain::serde_as_text;

/// What the first digit of a reply means (RFC 5321 §4.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReplyClass {
    /// 2yz: done.
    Success,
    /// 3yz: go on.
    Intermediate,
    /// 4yz: not now.
    Transient,
    /// 5yz: not ever.
    Permanent,
}

/// The three digits of a reply, 200 to 559.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct ReplyCode(u16);

/// Why a number or text is no reply code or enhanced code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ReplyCodeError {
    /// RFC 5321 §4.2: the first digit is 2 to 5, the second 0 to 5.
    #[error("a reply code has three digits, the first 2 to 5, the second 0 to 5")]
    Code,
    /// RFC 3463 §2.
    #[error("an enhanced code is class.subject.detail with class 2, 4 or 5")]
    Enhanced,
}

/// The codes that this server sends, by what they say (RFC 5321 §4.2.3, RFC 3207 §4).
impl ReplyCode {
    /// 214: help.
    pub const HELP: Self = Self(214);
    /// 220: ready.
    pub const READY: Self = Self(220);
    /// 221: closing.
    pub const CLOSING: Self = Self(221);
    /// 250: done.
    pub const DONE: Self = Self(250);
    /// 252: cannot verify, will take it.
    pub const NOT_VERIFIED: Self = Self(252);
    /// 354: send the content.
    pub const SEND_CONTENT: Self = Self(354);
    /// 421: not available, closing.
    pub const NOT_AVAILABLE: Self = Self(421);
    /// 450: the mailbox cannot be had just now.
    pub const MAILBOX_BUSY: Self = Self(450);
    /// 451: a fault of ours.
    pub const LOCAL_FAULT: Self = Self(451);
    /// 452: no room.
    pub const NO_ROOM: Self = Self(452);
    /// 500: not understood.
    pub const NOT_UNDERSTOOD: Self = Self(500);
    /// 501: bad parameter.
    pub const BAD_PARAMETER: Self = Self(501);
    /// 502: understood and not implemented.
    pub const NOT_IMPLEMENTED: Self = Self(502);
    /// 503: out of order.
    pub const OUT_OF_ORDER: Self = Self(503);
    /// 550: no such mailbox, or not for this client.
    pub const REFUSED: Self = Self(550);
    /// 552: too large.
    pub const TOO_LARGE: Self = Self(552);
    /// 553: no mailbox can have such a name.
    pub const BAD_MAILBOX: Self = Self(553);
    /// 554: failed.
    pub const FAILED: Self = Self(554);
    /// 555: parameters of MAIL or RCPT not known.
    pub const UNKNOWN_PARAMETER: Self = Self(555);

    /// From the number.
    ///
    /// # Errors
    /// When the first digit is not 2 to 5 or the second not 0 to 5 (RFC 5321 §4.2).
    pub const fn new(code: u16) -> Result<Self, ReplyCodeError> {
        if code >= 200 && code < 600 && code / 10 % 10 <= 5 {
            Ok(Self(code))
        } else {
            Err(ReplyCodeError::Code)
        }
    }

    /// The number.
    #[must_use]
    pub const fn as_u16(self) -> u16 {
        self.0
    }

    /// What its first digit means.
    #[must_use]
    pub const fn class(self) -> ReplyClass {
        match self.0 / 100 {
            2 => ReplyClass::Success,
            3 => ReplyClass::Intermediate,
            4 => ReplyClass::Transient,
            _ => ReplyClass::Permanent,
        }
    }
}

impl TryFrom<u16> for ReplyCode {
    type Error = ReplyCodeError;

    fn try_from(code: u16) -> Result<Self, Self::Error> {
        Self::new(code)
    }
}

impl From<ReplyCode> for u16 {
    fn from(code: ReplyCode) -> Self {
        code.0
    }
}

impl fmt::Display for ReplyCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for ReplyCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// `class.subject.detail` of RFC 3463.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EnhancedCode {
    /// 2, 4 or 5.
    pub class: u8,
    /// 0 to 999.
    pub subject: u16,
    /// 0 to 999.
    pub detail: u16,
}

impl EnhancedCode {
    /// Builds one from its three numbers.
    #[must_use]
    pub const fn new(class: u8, subject: u16, detail: u16) -> Self {
        Self { class, subject, detail }
    }
}

impl fmt::Display for EnhancedCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

impl fmt::Debug for EnhancedCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for EnhancedCode {
    type Err = ReplyCodeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.split('.');
        let mut number = || {
            let part = parts.next().ok_or(ReplyCodeError::Enhanced)?;
            if part.is_empty() || part.len() > 3 || !part.bytes().all(|b| b.is_ascii_digit()) {
                return Err(ReplyCodeError::Enhanced);
            }
            part.parse::<u16>().map_err(|_| ReplyCodeError::Enhanced)
        };
        let (class, subject, detail) = (number()?, number()?, number()?);
        match (class, parts.next()) {
            (2 | 4 | 5, None) => Ok(Self {
                class: class.to_le_bytes()[0],
                subject,
                detail,
            }),
            _ => Err(ReplyCodeError::Enhanced),
        }
    }
}

serde_as_text!(EnhancedCode);

/// A whole reply, ours or a peer's. A peer's text may hold anything but line ends: escape it when shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// The three digits.
    pub code: ReplyCode,
    /// The enhanced code, taken off the text when the peer sent one of the same class.
    pub enhanced: Option<EnhancedCode>,
    /// The text of each line, without code, enhanced code and line end. Never empty; a line may be.
    pub lines: Vec<String>,
}

impl Reply {
    /// A reply of our own on one line. The enhanced code is `class.subject.detail` with the class of `code`, so that
    /// the two can never contradict each other; a 3yz has none (RFC 2034 §3).
    #[must_use]
    pub fn new(code: ReplyCode, subject: u16, detail: u16, text: impl Into<String>) -> Self {
        let class = match code.class() {
            ReplyClass::Success => Some(2),
            ReplyClass::Intermediate => None,
            ReplyClass::Transient => Some(4),
            ReplyClass::Permanent => Some(5),
        };
        Self {
            code,
            enhanced: class.map(|class| EnhancedCode::new(class, subject, detail)),
            lines: vec![text.into()],
        }
    }

    /// A reply of our own without an enhanced code: the greeting and the replies to HELO and EHLO (RFC 2034 §4).
    #[must_use]
    pub const fn plain(code: ReplyCode, lines: Vec<String>) -> Self {
        Self {
            code,
            enhanced: None,
            lines,
        }
    }
}

/// On one line, as a log or a trace shows it: `550 5.1.1 no such user`; lines are joined by ` / `.
impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        if let Some(enhanced) = self.enhanced {
            write!(f, " {enhanced}")?;
        }
        for (place, line) in self.lines.iter().enumerate() {
            write!(f, "{}{line}", if place == 0 { " " } else { " / " })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_their_digits() {
        assert!(ReplyCode::new(250).is_ok() && ReplyCode::new(554).is_ok());
        for code in [0, 99, 100, 199, 260, 590, 600, 999] {
            assert!(ReplyCode::new(code).is_err(), "{code}");
        }
        assert_eq!("5.7.1".parse(), Ok(EnhancedCode::new(5, 7, 1)));
        for text in ["", "5.7", "5.7.1.1", "3.0.0", "5.x.1", "5.7.1000", "+5.7.1"] {
            assert!(text.parse::<EnhancedCode>().is_err(), "{text}");
        }
    }
}
