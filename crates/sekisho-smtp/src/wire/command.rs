//! Commands of a client: from a line to a value (RFC 5321 §4.1.1, RFC 3030 §2, RFC 3207 §4).
//!
//! Whether a command may come now is for the session to say.

use sekisho_mail::{ForwardPath, ReversePath};

use super::{
    params::{MailParameters, ParameterFault, RcptParameters, parse_mail_parameters, parse_rcpt_parameters},
    path::{PathFault, parse_forward_path, parse_reverse_path},
};
use crate::limits::{COMMAND_LINE_OCTETS, HELLO_NAME_OCTETS, MAIL_LINE_OCTETS, RCPT_LINE_OCTETS};

/// What a command begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verb {
    /// RFC 5321 §4.1.1.1
    Ehlo,
    /// RFC 5321 §4.1.1.1
    Helo,
    /// RFC 5321 §4.1.1.2
    Mail,
    /// RFC 5321 §4.1.1.3
    Rcpt,
    /// RFC 5321 §4.1.1.4
    Data,
    /// RFC 3030 §2
    Bdat,
    /// RFC 5321 §4.1.1.5
    Rset,
    /// RFC 5321 §4.1.1.9
    Noop,
    /// RFC 5321 §4.1.1.10
    Quit,
    /// RFC 3207 §4
    StartTls,
    /// RFC 5321 §4.1.1.6
    Vrfy,
    /// RFC 5321 §4.1.1.7
    Expn,
    /// RFC 5321 §4.1.1.8
    Help,
    /// A command of SMTP that is not offered here: AUTH, ETRN, TURN, SEND, SOML, SAML.
    NotOffered,
    /// What begins a request of another protocol: somebody's browser was made to talk to us.
    Foreign,
    /// Anything else.
    Unknown,
}

impl Verb {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::Ehlo,
        Self::Helo,
        Self::Mail,
        Self::Rcpt,
        Self::Data,
        Self::Bdat,
        Self::Rset,
        Self::Noop,
        Self::Quit,
        Self::StartTls,
        Self::Vrfy,
        Self::Expn,
        Self::Help,
        Self::NotOffered,
        Self::Foreign,
        Self::Unknown,
    ];

    fn parse(word: &[u8]) -> Self {
        match word.to_ascii_uppercase().as_slice() {
            b"EHLO" => Self::Ehlo,
            b"HELO" => Self::Helo,
            b"MAIL" => Self::Mail,
            b"RCPT" => Self::Rcpt,
            b"DATA" => Self::Data,
            b"BDAT" => Self::Bdat,
            b"RSET" => Self::Rset,
            b"NOOP" => Self::Noop,
            b"QUIT" => Self::Quit,
            b"STARTTLS" => Self::StartTls,
            b"VRFY" => Self::Vrfy,
            b"EXPN" => Self::Expn,
            b"HELP" => Self::Help,
            b"AUTH" | b"ETRN" | b"TURN" | b"ATRN" | b"SEND" | b"SOML" | b"SAML" => Self::NotOffered,
            b"GET" | b"POST" | b"PUT" | b"HEAD" | b"OPTIONS" | b"CONNECT" | b"PATCH" | b"DELETE" | b"HOST:"
            | b"USER-AGENT:" => Self::Foreign,
            _ => Self::Unknown,
        }
    }

    /// The longest line that this command may have, CRLF included.
    #[must_use]
    pub const fn line_octets(self) -> usize {
        match self {
            Self::Mail => MAIL_LINE_OCTETS,
            Self::Rcpt => RCPT_LINE_OCTETS,
            Self::Ehlo
            | Self::Helo
            | Self::Data
            | Self::Bdat
            | Self::Rset
            | Self::Noop
            | Self::Quit
            | Self::StartTls
            | Self::Vrfy
            | Self::Expn
            | Self::Help
            | Self::NotOffered
            | Self::Foreign
            | Self::Unknown => COMMAND_LINE_OCTETS,
        }
    }
}

/// A line cut into its verb and the rest.
#[derive(Clone, Copy, Debug)]
pub struct CommandLine<'a> {
    /// Which command.
    pub verb: Verb,
    /// What follows the space behind the verb.
    rest: &'a [u8],
}

/// A command with its parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// EHLO with the client's name.
    Ehlo(String),
    /// HELO with the client's name.
    Helo(String),
    /// MAIL
    Mail(ReversePath, MailParameters),
    /// RCPT
    Rcpt(ForwardPath, RcptParameters),
    /// DATA
    Data,
    /// BDAT
    Bdat(Chunk),
    /// RSET
    Rset,
    /// NOOP
    Noop,
    /// QUIT
    Quit,
    /// STARTTLS
    StartTls,
    /// VRFY
    Vrfy,
    /// EXPN
    Expn,
    /// HELP
    Help,
}

/// What BDAT announces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// Octets that follow the command line.
    pub octets: u64,
    /// Whether the message ends with them.
    pub last: bool,
}

/// What is wrong with a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandFault {
    /// Unknown verb.
    Unknown,
    /// Known, not offered.
    NotOffered,
    /// Another protocol.
    Foreign,
    /// A parameter where none may be.
    NoParameterAllowed,
    /// A parameter is missing or not well formed; the text says how it ought to look.
    Usage(&'static str),
    /// Octets beyond ASCII: SMTPUTF8 is not offered.
    NotAscii,
    /// A path is wrong.
    Path(PathFault),
    /// A parameter of MAIL or RCPT is wrong.
    Parameter(ParameterFault),
    /// Nobody can say how many octets follow.
    BadChunk,
}

impl<'a> CommandLine<'a> {
    /// Finds the verb.
    #[must_use]
    pub fn parse(line: &'a [u8]) -> Self {
        let end = memchr::memchr(b' ', line).unwrap_or(line.len());
        let (word, rest) = line.split_at(end);
        Self {
            verb: Verb::parse(word),
            rest: rest.strip_prefix(b" ").unwrap_or(rest),
        }
    }

    /// Reads the parameters.
    ///
    /// # Errors
    /// When they are missing or wrong; the fault says what.
    pub fn command(&self) -> Result<Command, CommandFault> {
        match self.verb {
            Verb::Unknown => return Err(CommandFault::Unknown),
            Verb::NotOffered => return Err(CommandFault::NotOffered),
            Verb::Foreign => return Err(CommandFault::Foreign),
            Verb::Ehlo
            | Verb::Helo
            | Verb::Mail
            | Verb::Rcpt
            | Verb::Data
            | Verb::Bdat
            | Verb::Rset
            | Verb::Noop
            | Verb::Quit
            | Verb::StartTls
            | Verb::Vrfy
            | Verb::Expn
            | Verb::Help => {}
        }
        if !self.rest.is_ascii() {
            return Err(CommandFault::NotAscii);
        }
        let rest = str::from_utf8(self.rest)
            .map_err(|_| CommandFault::NotAscii)?
            .trim_end_matches([' ', '\t']);
        match self.verb {
            Verb::Ehlo => parse_hello(rest, "EHLO name").map(Command::Ehlo),
            Verb::Helo => parse_hello(rest, "HELO name").map(Command::Helo),
            Verb::Mail => parse_mail(rest),
            Verb::Rcpt => parse_rcpt(rest),
            Verb::Bdat => parse_chunk(rest).map(Command::Bdat).ok_or(CommandFault::BadChunk),
            Verb::Data => without_parameter(rest, Command::Data),
            Verb::Rset => without_parameter(rest, Command::Rset),
            Verb::Quit => without_parameter(rest, Command::Quit),
            Verb::StartTls => without_parameter(rest, Command::StartTls),
            // RFC 5321 §4.1.1.9: what follows NOOP is ignored.
            Verb::Noop => Ok(Command::Noop),
            Verb::Help => Ok(Command::Help),
            Verb::Vrfy if rest.is_empty() => Err(CommandFault::Usage("VRFY address")),
            Verb::Vrfy => Ok(Command::Vrfy),
            Verb::Expn => Ok(Command::Expn),
            Verb::Unknown | Verb::NotOffered | Verb::Foreign => Err(CommandFault::Unknown),
        }
    }
}

fn without_parameter(rest: &str, command: Command) -> Result<Command, CommandFault> {
    if rest.is_empty() {
        Ok(command)
    } else {
        Err(CommandFault::NoParameterAllowed)
    }
}

/// The name is not required to be a domain: clients in the wild give much else, and nothing is decided by it.
fn parse_hello(rest: &str, usage: &'static str) -> Result<String, CommandFault> {
    let name = rest.trim_matches(' ');
    let well_formed =
        (1..=HELLO_NAME_OCTETS).contains(&name.len()) && name.bytes().all(|octet| octet.is_ascii_graphic());
    well_formed.then(|| name.to_owned()).ok_or(CommandFault::Usage(usage))
}

/// Takes `FROM:` or `TO:` off; spaces behind the colon are not allowed by RFC 5321 §4.1.1.2 and often met.
fn after_prefix<'a>(rest: &'a str, prefix: &str) -> Option<&'a str> {
    let head = rest.get(..prefix.len())?;
    head.eq_ignore_ascii_case(prefix)
        .then(|| rest[prefix.len()..].trim_start_matches(' '))
}

fn parse_mail(rest: &str) -> Result<Command, CommandFault> {
    let path = after_prefix(rest, "FROM:").ok_or(CommandFault::Usage("MAIL FROM:<address>"))?;
    let (path, parameters) = parse_reverse_path(path).map_err(CommandFault::Path)?;
    let parameters = parse_mail_parameters(parameters).map_err(CommandFault::Parameter)?;
    Ok(Command::Mail(path, parameters))
}

fn parse_rcpt(rest: &str) -> Result<Command, CommandFault> {
    let path = after_prefix(rest, "TO:").ok_or(CommandFault::Usage("RCPT TO:<address>"))?;
    let (path, parameters) = parse_forward_path(path).map_err(CommandFault::Path)?;
    let parameters = parse_rcpt_parameters(parameters).map_err(CommandFault::Parameter)?;
    Ok(Command::Rcpt(path, parameters))
}

/// RFC 3030 §2: digits, then perhaps LAST.
fn parse_chunk(rest: &str) -> Option<Chunk> {
    let mut words = rest.split(' ').filter(|word| !word.is_empty());
    let digits = words
        .next()
        .filter(|word| word.bytes().all(|octet| octet.is_ascii_digit()))?;
    let octets = digits.parse().ok()?;
    let last = match words.next() {
        None => false,
        Some(word) if word.eq_ignore_ascii_case("LAST") => true,
        Some(_) => return None,
    };
    words.next().is_none().then_some(Chunk { octets, last })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Command, CommandFault> {
        CommandLine::parse(line.as_bytes()).command()
    }

    #[test]
    fn commands_are_read_in_any_case() {
        assert_eq!(
            parse("ehlo client.example "),
            Ok(Command::Ehlo("client.example".to_owned()))
        );
        assert_eq!(
            parse("bdat 10 last"),
            Ok(Command::Bdat(Chunk { octets: 10, last: true }))
        );
        assert_eq!(parse("BDAT 0"), Ok(Command::Bdat(Chunk { octets: 0, last: false })));
        assert_eq!(parse("Noop whatever"), Ok(Command::Noop));
        assert!(matches!(
            parse("mail from: <a@b.example> SIZE=1"),
            Ok(Command::Mail(_, parameters)) if parameters.size == Some(1)
        ));
        assert!(matches!(
            parse("RCPT TO:<Postmaster>"),
            Ok(Command::Rcpt(ForwardPath::Postmaster, _))
        ));
    }

    #[test]
    fn what_is_wrong_with_a_command_is_said() {
        let cases = [
            ("", CommandFault::Unknown),
            ("XYZZY", CommandFault::Unknown),
            ("NOOPS", CommandFault::Unknown),
            ("NOOP\tx", CommandFault::Unknown),
            ("AUTH PLAIN", CommandFault::NotOffered),
            ("GET / HTTP/1.1", CommandFault::Foreign),
            ("DATA now", CommandFault::NoParameterAllowed),
            ("STARTTLS now", CommandFault::NoParameterAllowed),
            ("EHLO", CommandFault::Usage("EHLO name")),
            ("EHLO a b", CommandFault::Usage("EHLO name")),
            ("MAIL TO:<a@b.example>", CommandFault::Usage("MAIL FROM:<address>")),
            ("MAIL FROM:a@b.example", CommandFault::Path(PathFault::NoBrackets)),
            ("MAIL FROM:<é@b.example>", CommandFault::NotAscii),
            (
                "RCPT TO:<a@b.example> SIZE=1",
                CommandFault::Parameter(ParameterFault::Unknown),
            ),
            ("BDAT", CommandFault::BadChunk),
            ("BDAT x", CommandFault::BadChunk),
            ("BDAT -1", CommandFault::BadChunk),
            ("BDAT +1", CommandFault::BadChunk),
            ("BDAT 1 FIRST", CommandFault::BadChunk),
            ("BDAT 1 LAST x", CommandFault::BadChunk),
            ("BDAT 99999999999999999999 LAST", CommandFault::BadChunk),
        ];
        for (line, fault) in cases {
            assert_eq!(parse(line), Err(fault), "{line}");
        }
    }
}
