//! Postfix, as a server that receives and as a client that relays.

use std::net::SocketAddr;

use super::{Cell, INBOX, Inmate};
use crate::authority::Pem;

/// A running Postfix that takes all mail for its domain into one Maildir and may relay the rest.
#[derive(Debug)]
pub struct Postfix {
    cell: Cell,
    address: SocketAddr,
    master: Inmate,
}

/// What distinguishes one instance from another.
#[derive(Clone, Debug)]
pub struct PostfixSettings<'a> {
    /// Where it listens.
    pub address: SocketAddr,
    /// Whose mail it keeps.
    pub domain: &'a str,
    /// STARTTLS is offered with this certificate.
    pub certificate: Option<&'a Pem>,
    /// Everything else goes there, as clients on loopback ask it to: `[127.0.0.1]:2525`.
    pub relayhost: &'a str,
    /// Further lines of `main.cf`.
    pub more: &'a str,
}

/// One more listener of an instance.
#[derive(Clone, Debug)]
pub struct PostfixListener {
    /// Where it listens.
    pub address: SocketAddr,
    /// Its certificate.
    pub certificate: Pem,
    /// Options of `main.cf` that hold for it alone, `name=value` without blanks.
    pub options: Vec<String>,
}

impl PostfixListener {
    /// Writes its certificate; answers with its entry of `master.cf`.
    fn furnish(&self, cell: &Cell) -> String {
        let Self { address, .. } = self;
        let name = format!("listener-{}-{}", address.ip(), address.port());
        cell.write_secret(
            &format!("etc/postfix/{name}.pem"),
            format!("{}{}", self.certificate.key, self.certificate.chain),
        );
        let mut entry = format!("{address} inet n - n - - smtpd\n");
        let own = [
            "smtpd_tls_security_level=may".to_owned(),
            format!("smtpd_tls_chain_files=/etc/postfix/{name}.pem"),
        ];
        for option in own.iter().chain(&self.options) {
            entry += &format!("  -o {option}\n");
        }
        entry
    }
}

impl Postfix {
    /// Starts one and waits until it listens.
    ///
    /// # Panics
    /// When it does not come up.
    #[must_use]
    pub fn start(settings: &PostfixSettings<'_>) -> Self {
        Self::start_with(settings, &[])
    }

    /// As [`Self::start`], with more listeners, each with a certificate and options of its own.
    ///
    /// # Panics
    /// As there.
    #[must_use]
    pub fn start_with(settings: &PostfixSettings<'_>, listeners: &[PostfixListener]) -> Self {
        let cell = Cell::new();
        cell.write("etc/postfix/main.cf", main_cf(settings));
        let address = settings.address;
        let mut services = format!("{address} inet n - n - - smtpd\n{SERVICES}");
        for listener in listeners {
            services += &listener.furnish(&cell);
        }
        cell.write("etc/postfix/master.cf", services);
        if let Some(pem) = settings.certificate {
            cell.write("etc/postfix/chain.pem", &pem.chain);
            cell.write_secret("etc/postfix/key.pem", &pem.key);
        }
        prepare_spool(&cell);
        let master = cell.serve(address, "master.log", "/usr/lib/postfix/sbin/master", &["-d"]);
        Self { cell, address, master }
    }

    /// The process from which all of its processes descend.
    #[must_use]
    pub fn process_id(&self) -> u32 {
        self.master.process_id()
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What came in for its domain.
    #[must_use]
    pub fn inbox(&self) -> Vec<Vec<u8>> {
        self.cell.inbox()
    }

    /// Its log.
    #[must_use]
    pub fn log(&self) -> String {
        self.cell.log("postfix.log")
    }

    /// Runs Postfix's own load generator to its end: `smtp-source` of its `smtpstone`. It speaks no TLS.
    ///
    /// # Panics
    /// When it fails.
    pub fn smtp_source(&self, arguments: &[&str]) {
        let output = self.cell.run("/usr/sbin/smtp-source", arguments);
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "smtp-source {arguments:?}: {complaint}");
    }
}

/// The folders that the package's scripts would have made.
fn prepare_spool(cell: &Cell) {
    const POSTFIX: u32 = 101;
    const POSTDROP: u32 = 107;
    cell.make_folder("var/spool/postfix", 0, 0o755);
    for queue in [
        "active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private", "saved", "trace",
    ] {
        cell.make_folder(&format!("var/spool/postfix/{queue}"), POSTFIX, 0o700);
    }
    cell.make_folder("var/spool/postfix/pid", 0, 0o755);
    cell.make_folder("var/lib/postfix", POSTFIX, 0o755);
    for (queue, mode) in [("maildrop", 0o1730), ("public", 0o2710)] {
        let inside = format!("var/spool/postfix/{queue}");
        cell.make_folder(&inside, POSTFIX, mode);
        std::os::unix::fs::chown(cell.path(&inside), None, Some(POSTDROP)).expect("a world has groups to give");
    }
}

fn main_cf(settings: &PostfixSettings<'_>) -> String {
    let PostfixSettings {
        domain,
        relayhost,
        more,
        ..
    } = settings;
    let address = settings.address.ip();
    let tls = match settings.certificate {
        Some(_) => {
            "smtpd_tls_security_level = may\n\
             smtpd_tls_cert_file = /etc/postfix/chain.pem\n\
             smtpd_tls_key_file = /etc/postfix/key.pem\n\
             smtpd_tls_received_header = yes\n"
        }
        None => "",
    };
    format!(
        "compatibility_level = 3.6\n\
         maillog_file = /var/postfix.log\n\
         maillog_file_prefixes = /var\n\
         myhostname = postfix.{domain}\n\
         mydestination =\n\
         inet_interfaces = {address}\n\
         inet_protocols = ipv4\n\
         mynetworks = 127.0.0.0/8 192.0.2.0/24\n\
         relayhost = {relayhost}\n\
         message_size_limit = 60000000\n\
         mailbox_size_limit = 0\n\
         virtual_mailbox_limit = 0\n\
         virtual_mailbox_domains = {domain}\n\
         virtual_mailbox_base = /var\n\
         virtual_mailbox_maps = static:inbox/Maildir/\n\
         virtual_uid_maps = static:{INBOX}\n\
         virtual_gid_maps = static:{INBOX}\n\
         alias_maps =\n\
         alias_database =\n\
         {tls}{more}\n"
    )
}

/// Debian's services but the listener, without chroots, which the cell makes needless.
const SERVICES: &str = "\
pickup    unix  n       -       n       60      1       pickup
cleanup   unix  n       -       n       -       0       cleanup
qmgr      unix  n       -       n       300     1       qmgr
tlsmgr    unix  -       -       n       1000?   1       tlsmgr
rewrite   unix  -       -       n       -       -       trivial-rewrite
bounce    unix  -       -       n       -       0       bounce
defer     unix  -       -       n       -       0       bounce
trace     unix  -       -       n       -       0       bounce
verify    unix  -       -       n       -       1       verify
flush     unix  n       -       n       1000?   0       flush
proxymap  unix  -       -       n       -       -       proxymap
smtp      unix  -       -       n       -       -       smtp
relay     unix  -       -       n       -       -       smtp
showq     unix  n       -       n       -       -       showq
error     unix  -       -       n       -       -       error
retry     unix  -       -       n       -       -       error
discard   unix  -       -       n       -       -       discard
local     unix  -       n       n       -       -       local
virtual   unix  -       n       n       -       -       virtual
anvil     unix  -       -       n       -       1       anvil
scache    unix  -       -       n       -       1       scache
postlog   unix-dgram n  -       n       -       1       postlogd
";
