//! What holds of the replies of a server on any octets, however they are cut, held against the grammar of RFC 5321
//! §4.2 read line by line.

use sekisho_mail::{EnhancedCode, Reply, ReplyCode};
use sekisho_smtp::wire::{
    ehlo_reply::{MAX_KEYWORDS, Offer},
    reply_reader::{MAX_REPLY_LINE, MAX_REPLY_LINES, ReplyReader},
    write_reply::write_reply,
};

/// # Panics
/// When the reader breaks its word on these octets.
pub(crate) fn check(octets: &[u8]) {
    let Some((step, input)) = octets.split_first() else {
        return;
    };
    let whole = read(input, input.len().max(1));
    assert_eq!(
        read(input, usize::from(*step).max(1)),
        whole,
        "by {step}: {}",
        input.escape_ascii()
    );
    let codes: Vec<(u16, usize)> = whole
        .0
        .iter()
        .map(|reply| (reply.code.as_u16(), reply.lines.len()))
        .collect();
    assert_eq!((codes, whole.1), reference(input), "{}", input.escape_ascii());
    for reply in &whole.0 {
        check_reply(reply);
    }
}

/// The replies, and whether a fault ended them.
fn read(input: &[u8], step: usize) -> (Vec<Reply>, bool) {
    let mut reader = ReplyReader::default();
    let mut replies = Vec::new();
    for piece in input.chunks(step) {
        reader.handle_input(piece);
        loop {
            match reader.poll_reply() {
                Ok(Some(reply)) => replies.push(reply),
                Ok(None) => break,
                Err(fault) => {
                    assert!(fault.to_string().len() <= 2048, "a fault has a bound");
                    return (replies, true);
                }
            }
        }
    }
    (replies, false)
}

/// Code and number of lines of each reply; whether something that is no reply comes behind them.
fn reference(input: &[u8]) -> (Vec<(u16, usize)>, bool) {
    let mut replies = Vec::new();
    let mut open: Option<(u16, usize)> = None;
    let mut rest = input;
    while let Some(end) = rest.iter().position(|octet| b"\r\n".contains(octet)) {
        let (line, behind) = rest.split_at(end);
        if end + 2 > MAX_REPLY_LINE || behind != b"\r" && !behind.starts_with(b"\r\n") {
            return (replies, true);
        }
        if behind == b"\r" {
            return (replies, false);
        }
        rest = &behind[2..];
        let code = match line {
            [a @ b'2'..=b'5', b @ b'0'..=b'5', c @ b'0'..=b'9', ..] => [*a, *b, *c]
                .iter()
                .fold(0, |code, digit| code * 10 + u16::from(digit - b'0')),
            _ => return (replies, true),
        };
        let lines = open.map_or(0, |(_, lines)| lines);
        let fits = matches!(line.get(3), None | Some(b' ' | b'-')) && open.is_none_or(|(first, _)| first == code);
        if !fits || lines == MAX_REPLY_LINES {
            return (replies, true);
        }
        open = Some((code, lines + 1));
        if line.get(3) != Some(&b'-') {
            replies.extend(open.take());
        }
    }
    (replies, rest.len() + 2 > MAX_REPLY_LINE)
}

fn check_reply(reply: &Reply) {
    assert!((1..=MAX_REPLY_LINES).contains(&reply.lines.len()));
    if let Some(code) = reply.enhanced {
        assert_eq!(u16::from(code.class), reply.code.as_u16() / 100, "{reply:?}");
        assert_eq!(code.to_string().parse::<EnhancedCode>(), Ok(code));
    }
    assert_eq!(ReplyCode::new(reply.code.as_u16()), Ok(reply.code));
    check_offer(reply);
    // Written by our server and read by our client it is the same, when it holds nothing that must not be written.
    let plain = |line: &String| line.len() <= 400 && line.bytes().all(|octet| (32..127).contains(&octet));
    let mut written = Vec::new();
    write_reply(&mut written, reply);
    assert!(
        written
            .split_inclusive(|octet| *octet == b'\n')
            .all(|line| line.len() <= 512 && line.ends_with(b"\r\n"))
    );
    let (again, faulty) = read(&written, written.len());
    assert!(!faulty && again.len() == 1, "{}", written.escape_ascii());
    let is_text = |line: &String| {
        line.split(' ')
            .next()
            .is_none_or(|word| word.parse::<EnhancedCode>().is_err())
    };
    if reply.lines.iter().all(|line| plain(line) && is_text(line)) {
        assert_eq!(again, std::slice::from_ref(reply));
    }
}

/// RFC 5321 §4.1.1.1, RFC 1870 §4 and RFC 9422 §3: what is offered, and the numbers in it.
fn check_offer(reply: &Reply) {
    let offer = Offer::parse(reply);
    assert!(offer.keywords.len() <= MAX_KEYWORDS.min(reply.lines.len() - 1));
    let is_name = |octet: u8| octet.is_ascii_uppercase() || octet.is_ascii_digit() || octet == b'-';
    for keyword in &offer.keywords {
        assert!(!keyword.name.is_empty() && keyword.name.bytes().all(is_name) && offer.has(&keyword.name));
    }
    let first = |name: &str| offer.keywords.iter().find(|keyword| keyword.name == name);
    let number = |text: &str| match text.bytes().all(|octet| octet.is_ascii_digit()) {
        true => text.parse::<u64>().ok().filter(|number| *number > 0),
        false => None,
    };
    let size = first("SIZE").and_then(|keyword| number(keyword.parameters.first()?));
    assert_eq!(offer.max_size(), size, "{reply:?}");
    let limit = |name: &str| {
        let mut parameters = first("LIMITS")?
            .parameters
            .iter()
            .filter_map(|parameter| parameter.split_once('='));
        number(parameters.find(|(found, _)| found.eq_ignore_ascii_case(name))?.1)
    };
    assert_eq!(
        offer.max_recipients().map(|limit| limit as u64),
        limit("RCPTMAX"),
        "{reply:?}"
    );
    assert_eq!(
        offer.max_messages().map(|limit| limit as u64),
        limit("MAILMAX"),
        "{reply:?}"
    );
}
