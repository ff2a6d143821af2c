//! The secret name by which a handshake asks for certificates that are not in force yet, so that they can be proved on
//! the way that partners take before anybody else is shown them.
//!
//! It travels as one more protocol in ALPN (RFC 7301), beside the one that is spoken. Whoever can guess 128 random bits
//! sees a certificate that will be public anyway; whoever cannot is served as ever.

use std::{fmt, str::FromStr};

use aws_lc_rs::{constant_time::verify_slices_are_equal, rand};
use sekisho_mail::hexadecimal;

/// What stands before the digits in ALPN.
const PREFIX: &[u8] = b"sekisho-probe-";

/// 128 random bits.
#[derive(Clone, PartialEq, Eq)]
pub struct ProbeName([u8; 16]);

/// It is a secret as long as the certificate is one.
impl fmt::Debug for ProbeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProbeName(not shown)")
    }
}

/// A text that is no name of a probe, or no chance to make one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProbeNameError {
    /// Not 32 hexadecimal digits.
    #[error("the name of a probe has 32 hexadecimal digits")]
    Form,
    /// The system gave no random octets.
    #[error("the system gave no random octets for the name of a probe")]
    NoChance,
}

impl ProbeName {
    /// A new one.
    ///
    /// # Errors
    /// When the system has no random octets.
    pub fn random() -> Result<Self, ProbeNameError> {
        let mut octets = [0; 16];
        rand::fill(&mut octets).map_err(|_| ProbeNameError::NoChance)?;
        Ok(Self(octets))
    }

    /// As files keep it; to be shown nowhere.
    #[must_use]
    pub fn to_hexadecimal(&self) -> String {
        hexadecimal::encode(&self.0)
    }

    pub(crate) fn alpn(&self) -> Vec<u8> {
        [PREFIX, self.to_hexadecimal().as_bytes()].concat()
    }

    pub(crate) fn is_asked_by(&self, protocol: &[u8]) -> bool {
        verify_slices_are_equal(protocol, &self.alpn()).is_ok()
    }
}

impl FromStr for ProbeName {
    type Err = ProbeNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let octets = hexadecimal::decode(text).and_then(|octets| octets.try_into().ok());
        octets.map(Self).ok_or(ProbeNameError::Form)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_kept_as_digits_and_shown_nowhere() {
        let name = ProbeName::random().unwrap();
        let text = name.to_hexadecimal();
        assert_eq!(text.parse(), Ok(name.clone()));
        assert_ne!(name, ProbeName::random().unwrap());
        assert!(!format!("{name:?}").contains(&text));
        assert!(name.is_asked_by(&name.alpn()));
        assert!(!name.is_asked_by(text.as_bytes()));
        for text in ["", "00", &"0".repeat(33), &"+1".repeat(16)] {
            assert_eq!(text.parse::<ProbeName>(), Err(ProbeNameError::Form), "{text}");
        }
    }
}
