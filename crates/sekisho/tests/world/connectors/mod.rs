//! Connectors, from the text of a directory to what happens on the wire: foreign clients and servers, real TLS, and
//! what the trace says of it.

mod attribution;
mod demands;
mod details;
mod domains;
mod explaining;
mod final_refusals;
mod hybrid;
mod lateness;
mod neighbours;
mod partners;
mod recipients;
mod revocation;
mod saving;
mod sizes;
mod trying;
mod validating;
mod ways;

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
};

use rustix::process::Signal;
use sekisho_testkit::{
    authority::{Authority, Pem},
    enclosure::HOSTS,
    foreign::Swaks,
    node::Node,
    wait,
};
use serde_json::Value;

use crate::{node, trace_of};

/// A listener that everyone reaches and that gives nobody a right to relay.
pub(crate) const OPEN: &str = "[[listener]]\nname = \"default\"\naddress = \"0.0.0.0:2525\"\n";
/// Where it is reached.
pub(crate) const SERVER: SocketAddr = SocketAddr::new(HOSTS[0], 2525);
/// Two organizations, each with a domain of its name.
pub(crate) const TWO_ORGANIZATIONS: &str = "\
[[organization]]
name = \"acme\"
[[organization]]
name = \"beta\"
[[domain]]
organization = \"acme\"
name = \"acme.example\"
[[domain]]
organization = \"beta\"
name = \"beta.example\"
";

/// A server with this directory and this configuration, in that order: mailboxes of the file may be in the domains of
/// the directory, and those must be there first.
pub(crate) fn service(configuration: &str, directory: &str) -> Node {
    let node = node(OPEN);
    apply(&node, directory);
    node.configure(&format!("{OPEN}{configuration}"));
    node.signal(Signal::HUP);
    let read = || node.log().contains("read anew").then_some(());
    wait::until_or("the reload", read, || node.log());
    node
}

/// Makes this text the whole directory.
pub(crate) fn apply(node: &Node, directory: &str) {
    let path = node.write("directory.toml", directory);
    let output = node.run(&["apply", &path.to_string_lossy()]);
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{complained}\n{directory}");
}

/// The version of the directory that is in force.
fn version(node: &Node) -> u64 {
    let versions = node.json_lines(&["directory", "history", "--json"]);
    let newest = &versions[0]["version"];
    newest.as_u64().expect("a version is a number")
}

/// A text of several lines as a TOML value.
pub(crate) fn lines(text: &str) -> String {
    format!("'''\n{text}'''")
}

/// Somebody who sends with swaks.
#[derive(Clone, Debug)]
pub(crate) struct Sender {
    address: IpAddr,
    /// Further options: those for TLS.
    options: Vec<String>,
}

/// The address, and whether under TLS.
impl fmt::Display for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.address, self.options.join(" "))
    }
}

impl Sender {
    /// At this address, in the clear.
    pub(crate) const fn at(address: IpAddr) -> Self {
        let options = Vec::new();
        Self { address, options }
    }

    /// Under TLS.
    fn over_tls(mut self) -> Self {
        self.options.push("--tls".to_owned());
        self
    }

    /// Under TLS with a client certificate. swaks sends the leaf alone, whatever stands behind it.
    pub(crate) fn with(self, swaks: &Swaks, name: &str, pem: &Pem) -> Self {
        let mut sender = self.over_tls();
        for (option, kind, text) in [("--tls-cert", "pem", &pem.chain), ("--tls-key", "key", &pem.key)] {
            sender.options.push(option.to_owned());
            sender
                .options
                .push(swaks.file(&format!("{name}.{kind}"), text.as_bytes()));
        }
        sender
    }

    /// What RCPT is answered; nothing is sent.
    pub(crate) fn asks(&self, swaks: &Swaks, from: &str, to: &str) -> String {
        self.run(swaks, from, to, &["--quit-after", "RCPT"])
    }

    /// What RCPT is answered; what is taken is sent.
    pub(crate) fn sends(&self, swaks: &Swaks, from: &str, to: &str) -> String {
        self.run(swaks, from, to, &["--body", "the content"])
    }

    fn run(&self, swaks: &Swaks, from: &str, to: &str, more: &[&str]) -> String {
        let address = self.address.to_string();
        let mut options = vec!["--local-interface", &address];
        options.extend(self.options.iter().map(String::as_str));
        options.extend(more);
        let transcript = swaks.send(SERVER, from, to, &options).transcript;
        reply_to("RCPT", &transcript).unwrap_or_else(|| panic!("no RCPT was answered:\n{transcript}"))
    }
}

/// The last reply to a verb in what swaks shows: ` ~> RCPT …` and below it `<~* 550 …`.
fn reply_to(verb: &str, transcript: &str) -> Option<String> {
    let lines: Vec<&str> = transcript.lines().collect();
    let at = lines.iter().rposition(|line| {
        [" -> ", " ~> "]
            .iter()
            .any(|mark| *line == format!("{mark}{verb}") || line.starts_with(&format!("{mark}{verb} ")))
    })?;
    let reply = lines.get(at + 1)?;
    Some(reply.trim_start_matches(|c: char| !c.is_ascii_digit()).to_owned())
}

/// One line of a table: who, MAIL FROM, RCPT, and how the reply begins.
type Case<'a> = (&'a Sender, &'a str, &'a str, &'a str);

/// Asks all of them, several at a time, and shows every one that is answered otherwise.
fn assert_answers(swaks: &Swaks, cases: &[Case<'_>]) {
    const AT_A_TIME: usize = 4;
    let next = std::sync::atomic::AtomicUsize::new(0);
    let wrong = std::sync::Mutex::new(Vec::new());
    let ask = || {
        while let Some((sender, from, to, wanted)) = cases.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
        {
            let reply = sender.asks(swaks, from, to);
            if !reply.starts_with(wanted) {
                let line = format!("{sender}: {from} to {to}: {reply:?} instead of {wanted:?}");
                wrong.lock().expect("nobody panics with it").push(line);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(ask);
        }
    });
    let wrong = wrong.into_inner().expect("nobody panics with it");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The cells of a line of a table in text.
pub(crate) fn cells<const COUNT: usize>(line: &str) -> [&str; COUNT] {
    let cells: Vec<&str> = line.split('|').map(str::trim).collect();
    let count = cells.len();
    cells.try_into().unwrap_or_else(|_| panic!("{count} cells: {line}"))
}

/// The newest arrival for `recipient` that is not from before.
fn arrival(node: &Node, recipient: &str) -> Value {
    let trace = wait::until_or(
        format_args!("a message to {recipient}"),
        || trace_of(node, recipient),
        || node.log(),
    );
    trace["arrival"].clone()
}

/// The reason of a refusal in the trace: key and sentence.
fn refusal(node: &Node, recipient: &str) -> (String, String) {
    let look = || trace_of(node, recipient).filter(|message| message["arrival"]["admitted_by"] == "refused");
    let trace = wait::until_or(format_args!("a refusal of {recipient}"), look, || node.log());
    let reason = &trace["attempts"][0]["decision"]["reasons"][0];
    let text = |key: &str| reason[key].as_str().unwrap_or_default().to_owned();
    (text("key"), text("text"))
}

/// An authority with one intermediate, which signs everything.
fn authorities() -> (Authority, Authority) {
    let root = Authority::new();
    let intermediate = root.intermediate();
    (root, intermediate)
}
