//! What holds of the commands of a client on any octets: what was understood can be written down and is understood
//! again in the same way, and nothing beyond ASCII is understood at all.

use sekisho_mail::{BodyKind, xtext};
use sekisho_smtp::{
    limits::{ENVID_OCTETS, HELLO_NAME_OCTETS, ORCPT_OCTETS},
    wire::{
        command::{Chunk, Command, CommandFault, CommandLine},
        params::{MailParameters, RcptParameters},
    },
};

/// # Panics
/// When the parser breaks its word on these octets.
pub(crate) fn check(octets: &[u8]) {
    let line = CommandLine::parse(octets);
    let command = line.command();
    if octets.get(..5).is_some_and(|verb| verb.eq_ignore_ascii_case(b"BDAT ")) {
        let chunk = chunk(&octets[5..]);
        match (&command, chunk) {
            (Ok(Command::Bdat(found)), Some(chunk)) => assert_eq!(*found, chunk),
            (Err(CommandFault::BadChunk | CommandFault::NotAscii), None) => {}
            other => panic!("{}: {other:?}", octets.escape_ascii()),
        }
    }
    let Ok(command) = command else { return };
    assert!(octets.is_ascii(), "nothing beyond ASCII is understood");
    bounded(&command);
    let printed = print(&command);
    let again = CommandLine::parse(printed.as_bytes()).command();
    assert_eq!(again, Ok(command), "{printed}");
}

fn bounded(command: &Command) {
    let printable = |text: &str| xtext::decode(text).is_some_and(|plain| plain.bytes().all(|o| (32..127).contains(&o)));
    match command {
        Command::Ehlo(name) | Command::Helo(name) => assert!((1..=HELLO_NAME_OCTETS).contains(&name.len())),
        Command::Mail(_, MailParameters { envid: Some(envid), .. }) => {
            assert!(
                (1..=ENVID_OCTETS).contains(&envid.0.len()) && printable(&envid.0),
                "{envid:?}"
            );
        }
        Command::Rcpt(_, RcptParameters { orcpt: Some(orcpt), .. }) => {
            let (kind, address) = orcpt.0.split_once(';').expect("a type and an address");
            assert!(
                orcpt.0.len() <= ORCPT_OCTETS && !kind.is_empty() && printable(address),
                "{orcpt:?}"
            );
        }
        _ => {}
    }
}

/// RFC 3030 §2, word by word.
fn chunk(rest: &[u8]) -> Option<Chunk> {
    let text = str::from_utf8(rest).ok()?.trim_end_matches(['\t', ' ']);
    let words: Vec<&str> = text.split(' ').filter(|word| !word.is_empty()).collect();
    let (digits, last) = match words.as_slice() {
        [digits] => (digits, false),
        [digits, last] if last.eq_ignore_ascii_case("LAST") => (digits, true),
        _ => return None,
    };
    let octets = digits.bytes().try_fold(0u64, |number, digit| {
        let digit = u64::from(digit.wrapping_sub(b'0'));
        (digit < 10).then(|| number.checked_mul(10)?.checked_add(digit))?
    })?;
    Some(Chunk { octets, last })
}

/// A command as a client would write it.
fn print(command: &Command) -> String {
    match command {
        Command::Ehlo(name) => format!("EHLO {name}"),
        Command::Helo(name) => format!("HELO {name}"),
        Command::Mail(path, parameters) => format!("MAIL FROM:{path}{}", print_mail(parameters)),
        Command::Rcpt(path, parameters) => format!("RCPT TO:{path}{}", print_rcpt(parameters)),
        Command::Data => "DATA".to_owned(),
        Command::Bdat(chunk) => format!("BDAT {}{}", chunk.octets, if chunk.last { " LAST" } else { "" }),
        Command::Rset => "RSET".to_owned(),
        Command::Noop => "NOOP".to_owned(),
        Command::Quit => "QUIT".to_owned(),
        Command::StartTls => "STARTTLS".to_owned(),
        Command::Vrfy => "VRFY x".to_owned(),
        Command::Expn => "EXPN".to_owned(),
        Command::Help => "HELP".to_owned(),
    }
}

fn print_mail(parameters: &MailParameters) -> String {
    let mut text = String::new();
    if let Some(size) = parameters.size {
        text += &format!(" SIZE={size}");
    }
    if parameters.body == BodyKind::EightBitMime {
        text += " BODY=8BITMIME";
    }
    if let Some(ret) = parameters.ret {
        text += &format!(" RET={ret}");
    }
    if let Some(envid) = &parameters.envid {
        text += &format!(" ENVID={}", envid.0);
    }
    text
}

fn print_rcpt(parameters: &RcptParameters) -> String {
    let notify = parameters.notify.map(|notify| format!(" NOTIFY={notify}"));
    let orcpt = parameters.orcpt.as_ref().map(|orcpt| format!(" ORCPT={}", orcpt.0));
    [notify, orcpt].into_iter().flatten().collect()
}
