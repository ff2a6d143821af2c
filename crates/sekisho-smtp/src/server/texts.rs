//! Every text that a peer may read from this machine, in one place, with its codes (RFC 5321 §4.2, RFC 3463).

use sekisho_mail::{Domain, MailboxError, MessageId, Reply, ReplyCode};

use crate::wire::{command::CommandFault, content::ContentFault, params::ParameterFault, path::PathFault};

use super::settings::SessionLimits;

pub(super) fn greeting(host: &Domain) -> Reply {
    Reply::plain(ReplyCode::READY, vec![format!("{host} ESMTP Sekisho")])
}

pub(super) fn helo(host: &Domain) -> Reply {
    Reply::plain(ReplyCode::DONE, vec![host.to_string()])
}

/// The keywords of RFC 5321 §4.1.1.1 in lines of their own. LIMITS is RFC 9422; BINARYMIME is not offered, because
/// content that is no text could not be handed on by DATA.
pub(super) fn ehlo(host: &Domain, offers_starttls: bool, limits: &SessionLimits) -> Reply {
    let mut lines = vec![
        host.to_string(),
        "PIPELINING".to_owned(),
        format!("SIZE {}", limits.message_octets),
        "8BITMIME".to_owned(),
        "CHUNKING".to_owned(),
        "ENHANCEDSTATUSCODES".to_owned(),
        "DSN".to_owned(),
        format!("LIMITS MAILMAX={} RCPTMAX={}", limits.messages, limits.recipients),
    ];
    if offers_starttls {
        lines.push("STARTTLS".to_owned());
    }
    lines.push("HELP".to_owned());
    Reply::plain(ReplyCode::DONE, lines)
}

pub(super) fn help() -> Reply {
    let mut reply = Reply::new(ReplyCode::HELP, 0, 0, "EHLO HELO STARTTLS MAIL RCPT DATA BDAT");
    reply.lines.push("RSET NOOP VRFY HELP QUIT".to_owned());
    reply
}

pub(super) fn done() -> Reply {
    Reply::new(ReplyCode::DONE, 0, 0, "OK")
}

pub(super) fn sender_ok() -> Reply {
    Reply::new(ReplyCode::DONE, 1, 0, "sender OK")
}

pub(super) fn recipient_ok() -> Reply {
    Reply::new(ReplyCode::DONE, 1, 5, "recipient OK")
}

pub(super) fn chunk_ok(octets: u64) -> Reply {
    Reply::new(ReplyCode::DONE, 0, 0, format!("{octets} octets received"))
}

pub(super) fn queued(id: MessageId) -> Reply {
    Reply::new(ReplyCode::DONE, 0, 0, format!("queued as {id}"))
}

pub(super) fn send_content() -> Reply {
    Reply::new(
        ReplyCode::SEND_CONTENT,
        0,
        0,
        "send the content, end with <CRLF>.<CRLF>",
    )
}

pub(super) fn start_tls() -> Reply {
    Reply::new(ReplyCode::READY, 0, 0, "ready to start TLS")
}

pub(super) fn goodbye() -> Reply {
    Reply::new(ReplyCode::CLOSING, 0, 0, "goodbye")
}

pub(super) fn not_verified() -> Reply {
    Reply::new(ReplyCode::NOT_VERIFIED, 0, 0, "cannot verify, but will try to deliver")
}

pub(super) fn not_implemented() -> Reply {
    Reply::new(ReplyCode::NOT_IMPLEMENTED, 5, 1, "command not implemented")
}

pub(super) fn hello_first() -> Reply {
    Reply::new(ReplyCode::OUT_OF_ORDER, 5, 1, "say EHLO or HELO first")
}

pub(super) fn mail_first() -> Reply {
    Reply::new(ReplyCode::OUT_OF_ORDER, 5, 1, "MAIL has to come first")
}

pub(super) fn no_recipients() -> Reply {
    Reply::new(ReplyCode::FAILED, 5, 1, "no valid recipients")
}

pub(super) fn nested_mail() -> Reply {
    Reply::new(ReplyCode::OUT_OF_ORDER, 5, 1, "a transaction is open already")
}

pub(super) fn within_chunks() -> Reply {
    Reply::new(
        ReplyCode::OUT_OF_ORDER,
        5,
        1,
        "BDAT has begun; only BDAT, RSET, NOOP or QUIT may follow",
    )
}

pub(super) fn already_tls() -> Reply {
    Reply::new(ReplyCode::OUT_OF_ORDER, 5, 1, "TLS is active already")
}

pub(super) fn tls_within_transaction() -> Reply {
    Reply::new(
        ReplyCode::OUT_OF_ORDER,
        5,
        1,
        "STARTTLS is not allowed inside a transaction",
    )
}

pub(super) fn spoke_before_greeting() -> Reply {
    Reply::new(ReplyCode::FAILED, 5, 0, "you spoke before the greeting")
}

pub(super) fn wrongly_pipelined() -> Reply {
    Reply::new(
        ReplyCode::FAILED,
        5,
        0,
        "this command must be the last of a group (RFC 2920)",
    )
}

pub(super) fn line_too_long() -> Reply {
    Reply::new(ReplyCode::NOT_UNDERSTOOD, 5, 2, "command line too long")
}

pub(super) fn malformed_line() -> Reply {
    Reply::new(
        ReplyCode::NOT_UNDERSTOOD,
        5,
        2,
        "a command line must end with CRLF and hold no bare CR, LF or NUL",
    )
}

pub(super) fn too_many_errors() -> Reply {
    Reply::new(ReplyCode::NOT_AVAILABLE, 7, 0, "too many errors")
}

pub(super) fn too_many_commands() -> Reply {
    Reply::new(ReplyCode::NOT_AVAILABLE, 7, 0, "too many commands")
}

pub(super) fn too_many_refused_recipients() -> Reply {
    Reply::new(ReplyCode::NOT_AVAILABLE, 7, 0, "too many refused recipients")
}

pub(super) fn too_many_messages() -> Reply {
    Reply::new(
        ReplyCode::NOT_AVAILABLE,
        5,
        3,
        "too many messages in one session, connect again",
    )
}

pub(super) fn too_many_recipients() -> Reply {
    Reply::new(ReplyCode::NO_ROOM, 5, 3, "too many recipients")
}

pub(super) fn too_many_chunks() -> Reply {
    Reply::new(ReplyCode::TOO_LARGE, 5, 3, "too many chunks")
}

pub(super) fn too_large() -> Reply {
    Reply::new(ReplyCode::TOO_LARGE, 3, 4, "message too large")
}

pub(super) fn shutting_down() -> Reply {
    Reply::new(ReplyCode::NOT_AVAILABLE, 3, 2, "server is shutting down")
}

pub(super) fn timed_out() -> Reply {
    Reply::new(ReplyCode::NOT_AVAILABLE, 4, 2, "waited too long")
}

pub(super) fn local_fault() -> Reply {
    Reply::new(ReplyCode::LOCAL_FAULT, 3, 0, "local fault, try again later")
}

pub(super) fn content_fault(fault: ContentFault) -> Reply {
    match fault {
        ContentFault::BareLineEnd => Reply::new(ReplyCode::REFUSED, 6, 11, "content holds a bare CR or LF"),
        ContentFault::Nul => Reply::new(ReplyCode::REFUSED, 6, 11, "content holds a NUL"),
        ContentFault::LongLine => Reply::new(
            ReplyCode::REFUSED,
            6,
            0,
            "content holds a line of more than 1000 octets",
        ),
        ContentFault::TooLarge => too_large(),
    }
}

pub(super) fn command_fault(fault: CommandFault) -> Reply {
    let bad = |text: &str| Reply::new(ReplyCode::BAD_PARAMETER, 5, 4, text);
    match fault {
        CommandFault::Unknown => Reply::new(ReplyCode::NOT_UNDERSTOOD, 5, 2, "command not recognised"),
        CommandFault::NotOffered => not_implemented(),
        CommandFault::Foreign => Reply::new(ReplyCode::NOT_AVAILABLE, 7, 0, "this is a mail server"),
        CommandFault::NoParameterAllowed => bad("no parameter allowed"),
        CommandFault::Usage(usage) => bad(&format!("syntax: {usage}")),
        CommandFault::NotAscii => Reply::new(
            ReplyCode::BAD_PARAMETER,
            5,
            2,
            "octets beyond ASCII; SMTPUTF8 is not offered",
        ),
        CommandFault::Path(fault) => path_fault(fault),
        CommandFault::Parameter(ParameterFault::Unknown) => {
            Reply::new(ReplyCode::UNKNOWN_PARAMETER, 5, 4, "parameter not recognised")
        }
        CommandFault::Parameter(ParameterFault::Bad(name)) => bad(&format!("bad value for {name}")),
        CommandFault::BadChunk => bad("syntax: BDAT octets [LAST]"),
    }
}

fn path_fault(fault: PathFault) -> Reply {
    match fault {
        PathFault::NoBrackets => Reply::new(ReplyCode::BAD_PARAMETER, 5, 2, "the address belongs in <>"),
        PathFault::BadRoute => Reply::new(ReplyCode::BAD_PARAMETER, 5, 2, "the source route is not well formed"),
        PathFault::Mailbox(MailboxError::NoAt | MailboxError::Host(_)) => {
            Reply::new(ReplyCode::BAD_MAILBOX, 1, 3, "the address has no valid domain")
        }
        PathFault::Mailbox(MailboxError::BadLocalPart) => Reply::new(
            ReplyCode::BAD_MAILBOX,
            1,
            3,
            "the local part of the address is not valid",
        ),
    }
}
