//! Limits that the protocol itself sets; those that an operator chooses are settings of the session.

/// RFC 5321 §4.5.3.1.4: a command line with its CRLF.
pub const COMMAND_LINE_OCTETS: usize = 512;

/// What the offered extensions add to MAIL: SIZE 26 (RFC 1870 §3), BODY 17 (RFC 6152 §2), RET and ENVID of RFC 3461
/// 10 and 107.
pub const MAIL_LINE_OCTETS: usize = COMMAND_LINE_OCTETS + 26 + 17 + 10 + 107;

/// What DSN adds to RCPT: NOTIFY 30 and ORCPT 507 (RFC 3461 §4).
pub const RCPT_LINE_OCTETS: usize = COMMAND_LINE_OCTETS + 30 + 507;

/// No command line is longer.
pub const ANY_LINE_OCTETS: usize = RCPT_LINE_OCTETS;

/// Recipients of one message once aliases have been followed, for each RCPT command that it may have: a few aliases
/// with many ends must not make an envelope that holds memory by the megabyte.
pub const EXPANDED_PER_RECIPIENT: u32 = 10;

/// RFC 5321 §4.5.3.1.6: a line of text with its CRLF, a stuffed dot not counted.
pub const TEXT_LINE_OCTETS: u64 = 1000;

/// RFC 5321 §4.5.3.1.5: a reply line with its CRLF.
pub const REPLY_LINE_OCTETS: usize = 512;

/// Replies that have collected are written out when there are more octets of them than this.
pub const REPLIES_HELD_OCTETS: usize = 16 * 1024;

/// RFC 3461 §4.4: ENVID in xtext.
pub const ENVID_OCTETS: usize = 100;

/// RFC 3461 §4.2: ORCPT in xtext.
pub const ORCPT_OCTETS: usize = 500;

/// RFC 1035 §2.3.4 and some room: what EHLO may give as a name.
pub const HELLO_NAME_OCTETS: usize = 255;
