//! Dialogues: a session of SMTP written down line by line, played against anything that speaks the server's part. The
//! same files are played on the state machine and on the real port.
//!
//! ```text
//! # comment
//! C: EHLO client.example        sent with CRLF behind it
//! C~ EHLO x\x00\n               sent as it is; \r \n \t \\ and \xHH are understood
//! S: 250                        a whole reply whose code begins so
//! S: 250 2.1.0                  and whose text begins so
//! S*                            any reply
//! TLS                           the handshake
//! CLOSE                         the server closes the connection
//! ```

use std::{fmt, io};

use crate::client::{Client, Reply};

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The client sends these octets.
    Send(Vec<u8>),
    /// The server sends a reply; the text that it begins with, code included, or anything.
    Reply(Option<String>),
    /// Both shake hands.
    Tls,
    /// The server closes the connection.
    Close,
}

/// A whole dialogue; every step knows its line in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dialogue {
    /// For failures.
    pub name: String,
    /// Line number from 1, and the step.
    pub steps: Vec<(usize, Step)>,
}

/// Whatever speaks the server's part.
pub trait Partner {
    /// Takes octets of the client.
    ///
    /// # Errors
    /// When the connection is gone.
    fn send(&mut self, octets: &[u8]) -> io::Result<()>;

    /// The next whole reply; `None` when the server has closed the connection.
    ///
    /// # Errors
    /// When none comes, or what comes is no reply.
    fn reply(&mut self) -> io::Result<Option<Reply>>;

    /// The handshake, as it is played here.
    ///
    /// # Errors
    /// When it fails.
    fn start_tls(&mut self) -> io::Result<()>;
}

/// Where a dialogue and its partner parted.
#[derive(Debug)]
pub struct Discord {
    /// Which dialogue.
    pub name: String,
    /// Which line of it.
    pub line: usize,
    /// What was wanted and what came.
    pub text: String,
}

impl fmt::Display for Discord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.name, self.line, self.text)
    }
}

impl Dialogue {
    /// Reads the text form.
    ///
    /// # Errors
    /// The first line that is none of the forms.
    pub fn parse(name: &str, text: &str) -> Result<Self, Discord> {
        let mut steps = Vec::new();
        for (place, line) in text.lines().enumerate() {
            let discord = |text: String| Discord {
                name: name.to_owned(),
                line: place + 1,
                text,
            };
            let step = match line.trim_end() {
                "" => continue,
                comment if comment.starts_with('#') => continue,
                "TLS" => Step::Tls,
                "CLOSE" => Step::Close,
                "S*" => Step::Reply(None),
                "C:" => Step::Send(b"\r\n".to_vec()),
                _ => parse_speech(line).map_err(discord)?,
            };
            steps.push((place + 1, step));
        }
        Ok(Self {
            name: name.to_owned(),
            steps,
        })
    }

    /// Plays it to its end.
    ///
    /// # Errors
    /// The first step that goes otherwise.
    pub fn play(&self, partner: &mut dyn Partner) -> Result<(), Discord> {
        for (line, step) in &self.steps {
            play_step(step, partner).map_err(|text| Discord {
                name: self.name.clone(),
                line: *line,
                text,
            })?;
        }
        Ok(())
    }
}

fn parse_speech(line: &str) -> Result<Step, String> {
    if let Some(said) = line.strip_prefix("C: ") {
        return Ok(Step::Send(format!("{said}\r\n").into_bytes()));
    }
    if let Some(said) = line.strip_prefix("C~ ") {
        return unescape(said).map(Step::Send);
    }
    if let Some(wanted) = line.strip_prefix("S: ") {
        return Ok(Step::Reply(Some(wanted.trim_end().to_owned())));
    }
    Err(format!("{line:?} is no step of a dialogue"))
}

fn unescape(text: &str) -> Result<Vec<u8>, String> {
    let mut octets = Vec::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            let mut buffer = [0; 4];
            octets.extend_from_slice(character.encode_utf8(&mut buffer).as_bytes());
            continue;
        }
        octets.push(match characters.next() {
            Some('r') => b'\r',
            Some('n') => b'\n',
            Some('t') => b'\t',
            Some('\\') => b'\\',
            Some('x') => {
                let digits: String = characters.by_ref().take(2).collect();
                u8::from_str_radix(&digits, 16).map_err(|_| format!("\\x{digits} is no octet"))?
            }
            other => {
                return Err(format!(
                    "\\{} means nothing here",
                    other.map_or(String::new(), String::from)
                ));
            }
        });
    }
    Ok(octets)
}

fn play_step(step: &Step, partner: &mut dyn Partner) -> Result<(), String> {
    match step {
        Step::Send(octets) => partner.send(octets).map_err(|fault| format!("cannot send: {fault}")),
        Step::Tls => partner
            .start_tls()
            .map_err(|fault| format!("the handshake failed: {fault}")),
        Step::Close => match partner.reply() {
            Ok(None) => Ok(()),
            Ok(Some(reply)) => Err(format!("wanted the end of the connection, and {} came", shown(&reply))),
            Err(fault) => Err(format!("wanted the end of the connection: {fault}")),
        },
        Step::Reply(wanted) => {
            let wanted = wanted.as_deref().unwrap_or_default();
            match partner.reply() {
                Ok(Some(reply)) if shown(&reply).starts_with(wanted) => Ok(()),
                Ok(Some(reply)) => Err(format!("wanted {wanted:?}, and {:?} came", shown(&reply))),
                Ok(None) => Err(format!("wanted {wanted:?}, and the connection ended")),
                Err(fault) => Err(format!("wanted {wanted:?}: {fault}")),
            }
        }
    }
}

fn shown(reply: &Reply) -> String {
    format!("{} {}", reply.code, reply.lines.join(" / "))
}

/// A server on a real port as the partner of a dialogue. Lives on a thread without a runtime.
#[derive(Debug)]
pub struct RealPort {
    runtime: tokio::runtime::Runtime,
    client: Client,
}

impl RealPort {
    /// Connects.
    ///
    /// # Errors
    /// When nobody listens.
    pub fn connect(server: std::net::SocketAddr) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let client = runtime.block_on(Client::connect(server))?;
        Ok(Self { runtime, client })
    }
}

impl Partner for RealPort {
    fn send(&mut self, octets: &[u8]) -> io::Result<()> {
        self.runtime.block_on(self.client.send(octets))
    }

    fn reply(&mut self) -> io::Result<Option<Reply>> {
        self.runtime.block_on(self.client.reply())
    }

    fn start_tls(&mut self) -> io::Result<()> {
        self.runtime.block_on(self.client.start_tls(None))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers every line with the same reply, then ends.
    struct Parrot(Vec<Reply>);

    impl Partner for Parrot {
        fn send(&mut self, octets: &[u8]) -> io::Result<()> {
            self.0.push(Reply {
                code: 250,
                lines: vec![format!("2.0.0 {}", octets.len())],
            });
            Ok(())
        }

        fn reply(&mut self) -> io::Result<Option<Reply>> {
            Ok(self.0.pop())
        }

        fn start_tls(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn plays_what_is_written() {
        let text = "# greeting\nC: NOOP\nS: 250 2.0.0 6\nC~ a\\x00\\r\\n\\\\\nS: 250 2.0.0 5\nTLS\nC:\nS*\nCLOSE\n";
        let dialogue = Dialogue::parse("all", text).unwrap();
        dialogue.play(&mut Parrot(Vec::new())).unwrap();
    }

    #[test]
    fn names_the_line_that_goes_otherwise() {
        let play = |text: &str| Dialogue::parse("some", text).unwrap().play(&mut Parrot(Vec::new()));
        assert_eq!(play("C: NOOP\n\nS: 354\n").unwrap_err().line, 3);
        assert_eq!(play("S: 250\n").unwrap_err().line, 1);
        assert_eq!(play("C: NOOP\nCLOSE\n").unwrap_err().line, 2);
        assert_eq!(Dialogue::parse("bad", "C: a\nX: b\n").unwrap_err().line, 2);
        assert!(Dialogue::parse("bad", "C~ \\q\n").is_err());
    }
}
