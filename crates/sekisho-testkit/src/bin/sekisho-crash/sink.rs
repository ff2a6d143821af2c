//! Where everything must arrive: three peers on this side of the cut, and the Maildirs on the other. A peer writes down
//! what came before it answers 250.

use std::{
    collections::HashSet,
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use sekisho_testkit::{
    authority::Authority,
    enclosure::HOSTS,
    peer::{Fault, Peer, Received},
    source::identify,
};

use crate::ledger::{Arrival, Ledger, Place, SENDER};

/// Before the number of a life, in the name that the server gives in EHLO.
pub(crate) const LIFE: &str = "life-";

/// The peers.
#[derive(Debug)]
pub(crate) struct Sinks {
    strict: Peer,
    _others: [Peer; 2],
}

impl Sinks {
    /// The peer of `plain.example`, which has no TLS.
    pub(crate) fn plain() -> SocketAddr {
        (HOSTS[0], 25).into()
    }

    /// The peer of `tls.example`, whose route demands nothing.
    pub(crate) fn tls() -> SocketAddr {
        (HOSTS[1], 25).into()
    }

    /// The peer of `strict.example`, whose route requires encryption.
    pub(crate) fn strict() -> SocketAddr {
        (HOSTS[2], 25).into()
    }

    /// Starts them.
    pub(crate) fn start(ledger: &Arc<Ledger>) -> Self {
        let pem = Authority::new().server(&["tls.example", "strict.example"]);
        let observer = || {
            let ledger = Arc::clone(ledger);
            move |received| note(&ledger, &received)
        };
        Self {
            strict: Peer::start_observed(Self::strict(), Some(&pem), observer()),
            _others: [
                Peer::start_observed(Self::plain(), None, observer()),
                Peer::start_observed(Self::tls(), Some(&pem), observer()),
            ],
        }
    }

    /// Whether the peer of `strict.example` offers STARTTLS from now on.
    pub(crate) fn set_strict_offers_tls(&self, offers: bool) {
        let fault = if offers { Fault::None } else { Fault::NotOffered };
        self.strict.set_fault(fault);
    }
}

/// Into the ledger, once for each recipient.
fn note(ledger: &Ledger, received: &Received) {
    let Some((number, whole)) = identify(&received.content) else {
        let content = String::from_utf8_lossy(&received.content);
        let to = &received.to;
        return ledger.stranger(format!(
            "to {to:?}: {}",
            content.escape_debug().take(2000).collect::<String>()
        ));
    };
    let life = received.helo.strip_prefix(LIFE);
    let arrival = Arrival {
        life: life.and_then(|rest| rest.split('.').next()?.parse().ok()),
        at: Instant::now(),
        tls: received.tls,
        whole: whole && path(&received.from) == Some(SENDER),
    };
    for to in &received.to {
        let place = Place::ALL.into_iter().find(|place| path(to) == Some(place.name()));
        match place {
            Some(place) => ledger.arrived(number, place, arrival),
            None => ledger.stranger(format!("{number} to {to:?}")),
        }
    }
}

/// What stands between the angle brackets of a MAIL or RCPT command's argument.
fn path(argument: &str) -> Option<&str> {
    let (_, rest) = argument.split_once('<')?;
    rest.split_once('>').map(|(path, _)| path)
}

/// Reads Maildirs, each file once.
#[derive(Debug)]
pub(crate) struct Mailboxes {
    folder: PathBuf,
    seen: HashSet<PathBuf>,
}

impl Mailboxes {
    /// Those of a data folder.
    pub(crate) fn of(data: &Path) -> Self {
        Self {
            folder: data.join("mail"),
            seen: HashSet::new(),
        }
    }

    /// Notes what is there and was not seen yet.
    pub(crate) fn look(&mut self, ledger: &Ledger) -> io::Result<()> {
        for place in Place::ALL.into_iter().filter(|place| place.is_local()) {
            let folder = self.folder.join(place.name()).join("new");
            // Without mail there is none.
            for entry in fs::read_dir(&folder).into_iter().flatten() {
                let path = entry?.path();
                if self.seen.insert(path.clone()) {
                    note_file(ledger, place, &path)?;
                }
            }
        }
        Ok(())
    }
}

fn note_file(ledger: &Ledger, place: Place, path: &Path) -> io::Result<()> {
    let content = fs::read(path)?;
    // Lines end with LF in a Maildir; no message of the ledger has a bare LF of its own.
    let mut with_crlf = Vec::with_capacity(content.len() + 4096);
    for line in content.split_inclusive(|octet| *octet == b'\n') {
        match line.strip_suffix(b"\n") {
            Some(text) => with_crlf.extend([text, b"\r\n"].concat()),
            None => with_crlf.extend_from_slice(line),
        }
    }
    let Some((number, whole)) = identify(&with_crlf) else {
        let start = String::from_utf8_lossy(&content);
        let start: String = start.escape_debug().take(2000).collect();
        ledger.stranger(format!("{}, {} octets: {start}", path.display(), content.len()));
        return Ok(());
    };
    let sender = format!("Return-Path: <{SENDER}>\r\n");
    let arrival = Arrival {
        life: None,
        at: Instant::now(),
        tls: false,
        whole: whole && with_crlf.starts_with(sender.as_bytes()),
    };
    ledger.arrived(number, place, arrival);
    Ok(())
}
