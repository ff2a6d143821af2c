//! swaks, the SMTP test client in Perl: a foreign sender with OpenSSL's TLS.

use std::net::SocketAddr;

use super::Cell;

/// Where swaks runs.
#[derive(Debug, Default)]
pub struct Swaks {
    cell: Cell,
}

/// What came of one run.
#[derive(Clone, Debug)]
pub struct SwaksOutput {
    /// Its exit code: 0 when the message was accepted.
    pub code: Option<i32>,
    /// The whole conversation as swaks shows it.
    pub transcript: String,
}

impl Swaks {
    /// A place to run it.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sends one message. `more` are further options: `--tls`, `--data`, `--body` …
    pub fn send(&self, server: SocketAddr, from: &str, to: &str, more: &[&str]) -> SwaksOutput {
        let server = server.to_string();
        let mut arguments = vec!["--server", &server, "--from", from, "--to", to, "--timeout", "30"];
        arguments.extend_from_slice(more);
        let output = self.cell.run("/usr/bin/swaks", &arguments);
        SwaksOutput {
            code: output.status.code(),
            transcript: String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr),
        }
    }

    /// Puts a file where swaks can read it; answers with its path inside, for `--data @path`.
    pub fn file(&self, name: &str, content: &[u8]) -> String {
        self.cell.write(&format!("tmp/{name}"), content);
        format!("/tmp/{name}")
    }
}

impl SwaksOutput {
    /// Fails unless the message was accepted.
    ///
    /// # Panics
    /// When it was not; shows the conversation.
    pub fn assert_accepted(&self) {
        assert_eq!(self.code, Some(0), "swaks:\n{}", self.transcript);
    }
}
