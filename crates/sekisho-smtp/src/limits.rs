//! Limits that the protocol itself sets; those that an operator chooses are settings of the session.

/// RFC 5321 §4.5.3.1.4: a command line with its CRLF.
pub const COMMAND_LINE_OCTETS: usize = 512;
