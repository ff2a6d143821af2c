//! Exim, as a server that receives and as a client that relays with BDAT.

use std::net::{IpAddr, SocketAddr};

use super::{Cell, Inmate};
use crate::authority::Pem;

const EXIM: u32 = 102;

/// A running Exim that takes all mail for its domain into one Maildir and relays the rest.
#[derive(Debug)]
pub struct Exim {
    cell: Cell,
    address: SocketAddr,
    _daemon: Inmate,
}

/// What distinguishes one instance from another.
#[derive(Clone, Debug)]
pub struct EximSettings<'a> {
    /// Where it listens, port 25.
    pub address: IpAddr,
    /// Whose mail it keeps.
    pub domain: &'a str,
    /// STARTTLS is offered with this certificate.
    pub certificate: &'a Pem,
    /// Everything else goes there.
    pub relay_to: SocketAddr,
    /// More lines for the main part of its configuration.
    pub more: &'a str,
}

impl Exim {
    /// Starts one and waits until it listens.
    ///
    /// # Panics
    /// When it does not come up.
    #[must_use]
    pub fn start(settings: &EximSettings<'_>) -> Self {
        let cell = Cell::new();
        cell.write("etc/exim4/exim4.conf", configuration(settings));
        cell.write("etc/exim4/chain.pem", &settings.certificate.chain);
        cell.write_secret("etc/exim4/key.pem", &settings.certificate.key);
        let owned = std::os::unix::fs::chown(cell.path("etc/exim4/key.pem"), Some(EXIM), Some(EXIM));
        owned.expect("a world has users to give");
        cell.make_folder("var/spool/exim4", EXIM, 0o750);
        cell.make_folder("var/log/exim4", EXIM, 0o750);
        let address = SocketAddr::new(settings.address, 25);
        // In the foreground, and the queue is run as mail comes in.
        let daemon = cell.serve(address, "daemon.log", "/usr/sbin/exim4", &["-bdf", "-q1m"]);
        Self {
            cell,
            address,
            _daemon: daemon,
        }
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
        self.cell.log("log/exim4/mainlog")
    }
}

fn configuration(settings: &EximSettings<'_>) -> String {
    let EximSettings {
        address,
        domain,
        relay_to,
        more,
        ..
    } = settings;
    let (host, port) = (relay_to.ip(), relay_to.port());
    format!(
        "primary_hostname = exim.{domain}\n\
         local_interfaces = <; {address}\n\
         daemon_smtp_ports = 25\n\
         domainlist ours = {domain}\n\
         acl_smtp_rcpt = accept_all\n\
         acl_smtp_data = accept_all\n\
         message_size_limit = 60M\n\
         tls_advertise_hosts = *\n\
         tls_certificate = /etc/exim4/chain.pem\n\
         tls_privatekey = /etc/exim4/key.pem\n\
         chunking_advertise_hosts = *\n\
         log_selector = +tls_cipher +tls_peerdn +received_recipients\n\
         log_file_path = /var/log/exim4/%slog\n\
         {more}\
         begin acl\n\
         accept_all:\n  accept\n\
         begin routers\n\
         ours:\n  driver = accept\n  domains = +ours\n  transport = inbox\n\
         onward:\n  driver = manualroute\n  route_list = * {host}\n  self = send\n  transport = onward\n\
         begin transports\n\
         inbox:\n  driver = appendfile\n  directory = /var/inbox/Maildir\n  maildir_format\n  create_directory\n  \
           user = inbox\n  group = inbox\n  delivery_date_add\n\
         onward:\n  driver = smtp\n  port = {port}\n  hosts_require_tls = *\n  hosts_try_chunking = *\n  \
           tls_verify_certificates =\n  tls_try_verify_hosts =\n"
    )
}
