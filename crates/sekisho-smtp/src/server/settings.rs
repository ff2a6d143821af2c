//! What the operator chooses for the sessions of a listener, as far as the protocol knows it.

use std::time::Duration;

use sekisho_mail::Domain;

/// What to do with a bare CR or a bare LF in content. Never does one of them end content (law 5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BareLineEnds {
    /// Read to the real end, refuse the message and close, so that nothing behind it is taken for commands.
    #[default]
    Refuse,
    /// Find the end by CRLF.CRLF alone, then turn each of them into CRLF.
    Normalise,
}

/// What to do with lines of content longer than [`crate::limits::TEXT_LINE_OCTETS`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LongLines {
    /// Take them as they are.
    #[default]
    Accept,
    /// Refuse the message.
    Refuse,
}

/// How a session behaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionSettings {
    /// Our name in greeting and replies.
    pub host_name: Domain,
    /// Whether STARTTLS is offered on a connection that is in the clear.
    pub starttls: bool,
    /// What to do with a bare CR or LF in content.
    pub bare_line_ends: BareLineEnds,
    /// What to do with long lines.
    pub long_lines: LongLines,
    /// How much one session may ask for.
    pub limits: SessionLimits,
    /// How long a session waits.
    pub timeouts: SessionTimeouts,
}

impl SessionSettings {
    /// The defaults under this name, STARTTLS offered.
    #[must_use]
    pub fn new(host_name: Domain) -> Self {
        Self {
            host_name,
            starttls: true,
            bare_line_ends: BareLineEnds::default(),
            long_lines: LongLines::default(),
            limits: SessionLimits::default(),
            timeouts: SessionTimeouts::default(),
        }
    }
}

/// How much one session may ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionLimits {
    /// Octets of one message's content; SIZE announces it (RFC 1870).
    pub message_octets: u64,
    /// Octets of refused content that are read before the connection is cut instead.
    pub discarded_octets: u64,
    /// RCPT commands accepted for one message (RFC 5321 §4.5.3.1.8 asks for at least 100); RCPTMAX of RFC 9422.
    pub recipients: u32,
    /// RCPT commands refused in a session before it is ended: someone is guessing addresses.
    pub refused_recipients: u32,
    /// MAIL commands accepted in a session; MAILMAX of RFC 9422.
    pub messages: u32,
    /// Commands refused for their form or order before the session is ended; not those that a client had sent before it
    /// could know that its transaction had been refused (RFC 2920).
    pub errors: u32,
    /// Commands that bring no message further before the session is ended: all but an accepted MAIL, RCPT, DATA or
    /// BDAT, which have limits of their own, so that what LIMITS announces can be used to the full (RFC 9422).
    pub commands: u32,
    /// BDAT commands for one message (RFC 3030).
    pub chunks: u32,
}

impl Default for SessionLimits {
    fn default() -> Self {
        Self {
            message_octets: 50 * 1024 * 1024,
            discarded_octets: 64 * 1024 * 1024,
            recipients: 1000,
            refused_recipients: 100,
            messages: 1000,
            errors: 20,
            commands: 10_000,
            chunks: 100_000,
        }
    }
}

/// How long a session waits (RFC 5321 §4.5.3.2). The machine has no clock: whoever drives it keeps the time of the
/// [`super::Wait`] that the phase names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionTimeouts {
    /// For a whole command, from the end of the one before (RFC 5321 §4.5.3.2.7: at least 5 minutes).
    pub command: Duration,
    /// Likewise while the places for connections are running out, as RFC 5321 §4.5.3.2 allows in an emergency.
    pub crowded: Duration,
    /// For the next octets of content (RFC 5321 §4.5.3.2.5).
    pub content: Duration,
    /// For a whole TLS handshake.
    pub handshake: Duration,
    /// For the whole session.
    pub session: Duration,
    /// Content that comes slower than this on average ends the session; the first [`Self::content`] is not counted.
    pub content_octets_per_sec: u32,
}

impl Default for SessionTimeouts {
    fn default() -> Self {
        Self {
            command: Duration::from_mins(5),
            crowded: Duration::from_secs(20),
            content: Duration::from_mins(3),
            handshake: Duration::from_secs(60),
            session: Duration::from_hours(2),
            content_octets_per_sec: 512,
        }
    }
}
