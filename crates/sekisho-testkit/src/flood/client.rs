//! Floods of a client: one session each, until the server ends it or enough has come.

use std::{
    io::{self, BufRead as _, BufReader, Read, Write as _},
    net::{Shutdown, TcpStream},
    thread,
    time::Duration,
};

use super::{Flood, Poured};
use crate::{client::is_end, node::SMTP};

/// Longer than anything takes that is not stuck.
const STUCK: Duration = Duration::from_secs(60);
/// A peer that takes nothing for so long takes nothing more.
const FULL: Duration = Duration::from_millis(200);
/// Octets, or so, that are written at a time.
const PIECE_OCTETS: usize = 64 * 1024;
/// A record that announces a ClientHello of 16 MiB, of which it is the first fragment (RFC 8446 §5.1).
const FRAGMENT_HEAD: [u8; 9] = [22, 3, 3, 0x40, 0, 1, 0xff, 0xff, 0xff];
const FRAGMENT_OCTETS: usize = 5 + 0x4000;

/// One session.
///
/// # Errors
/// When it does not come as far as the flood, or is stuck.
pub(super) fn pour(flood: Flood, wanted: u64) -> io::Result<Poured> {
    let mut stream = TcpStream::connect(SMTP)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(STUCK))?;
    stream.set_write_timeout(Some(STUCK))?;
    let mut replies = BufReader::new(stream.try_clone()?);
    reply(&mut replies)?;
    for line in lead(flood) {
        stream.write_all(format!("{line}\r\n").as_bytes())?;
        reply(&mut replies)?;
    }
    if flood == Flood::Handshakes {
        stream.write_all(&FRAGMENT_HEAD)?;
        return Ok(Poured {
            count: 1,
            sessions: 1,
            session_octets: FRAGMENT_HEAD.len() as u64,
        });
    }
    // A server that waits until its replies are read would read nothing more.
    let reader = (flood != Flood::Unread).then(|| thread::spawn(move || io::copy(&mut replies, &mut io::sink())));
    if reader.is_none() {
        stream.set_write_timeout(Some(FULL))?;
    }
    let poured = push(flood, wanted, &mut stream);
    if let Some(reader) = reader {
        // Where the server has not ended it when enough has come, it has yet to take what is on its way.
        drop(stream.shutdown(Shutdown::Write));
        // What it read is of no interest, and how it ended was the server's affair.
        drop(reader.join());
    }
    poured
}

/// The commands that come before it.
fn lead(flood: Flood) -> &'static [&'static str] {
    const MAIL: &str = "MAIL FROM:<a@there.example>";
    const RCPT: &str = "RCPT TO:<inbox@here.example>";
    match flood {
        Flood::Content => &["EHLO client.example", MAIL, RCPT, "DATA"],
        Flood::Chunks => &["EHLO client.example", MAIL, RCPT],
        Flood::Recipients => &["EHLO client.example", MAIL],
        Flood::Fragments | Flood::Handshakes => &["EHLO client.example", "STARTTLS"],
        _ => &["EHLO client.example"],
    }
}

/// What is written at a time, and how many units that is.
fn piece(flood: Flood) -> (Vec<u8>, u64) {
    let unit: &[u8] = match flood {
        Flood::Chunks => b"BDAT 1\r\nx",
        Flood::Noop | Flood::Unread => b"NOOP\r\n",
        Flood::Reset => b"RSET\r\n",
        Flood::Recipients => b"RCPT TO:<inbox@here.example>\r\n",
        _ => b"x",
    };
    let units = PIECE_OCTETS / unit.len();
    (unit.repeat(units), units as u64)
}

/// Of what the server counts it takes so many in a session and answers each. More would only lie in the kernel, and
/// would not be part of the flood.
const fn session_max(flood: Flood) -> u64 {
    match flood {
        // `chunks`, and `commands` behind them.
        Flood::Chunks => 110_000,
        // `recipients`, and `commands` behind them.
        Flood::Recipients => 11_000,
        Flood::Noop | Flood::Reset => 10_000,
        _ => u64::MAX,
    }
}

fn push(flood: Flood, wanted: u64, stream: &mut TcpStream) -> io::Result<Poured> {
    let (mut piece, mut units) = piece(flood);
    if flood == Flood::Fragments {
        piece = [&FRAGMENT_HEAD[..], &[0; FRAGMENT_OCTETS - FRAGMENT_HEAD.len()]].concat();
        units = piece.len() as u64;
    }
    let mut poured = Poured {
        sessions: 1,
        ..Poured::default()
    };
    let wanted = wanted.min(session_max(flood));
    while poured.count < wanted {
        match stream.write_all(&piece) {
            Ok(()) => {}
            Err(fault) if is_end(&fault) => break,
            Err(fault) if flood == Flood::Unread && fault.kind() == io::ErrorKind::WouldBlock => break,
            Err(fault) => return Err(fault),
        }
        poured.count = (poured.count + units).min(session_max(flood));
        poured.session_octets += piece.len() as u64;
        if flood == Flood::Fragments {
            // The message has begun: what follows are further fragments of it.
            piece[5..9].fill(0);
        }
    }
    Ok(poured)
}

/// Reads one whole reply.
fn reply(replies: &mut impl io::BufRead) -> io::Result<()> {
    loop {
        let mut line = String::new();
        if replies.by_ref().take(1024).read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if line.as_bytes().get(3) != Some(&b'-') {
            return match line.as_bytes().first() {
                Some(b'2' | b'3') => Ok(()),
                _ => Err(io::Error::other(format!("refused: {}", line.trim_end()))),
            };
        }
    }
}
