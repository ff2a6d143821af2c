//! OpenSMTPD, as a server that receives. Debian 12's (6.8) fails every inbound handshake, and is here for that; Debian
//! 13's (7.6) does not.

use std::net::{IpAddr, SocketAddr};

use super::{Cell, Inmate};
use crate::{authority::Pem, enclosure::Release};

/// A running OpenSMTPD that takes all mail for its domain into one Maildir.
#[derive(Debug)]
pub struct OpenSmtpd {
    cell: Cell,
    address: SocketAddr,
    _daemon: Inmate,
}

impl OpenSmtpd {
    /// Starts the one of `release` at port 25 of `address`, offering STARTTLS with `certificate`, and waits until it
    /// listens.
    ///
    /// # Panics
    /// When it does not come up.
    #[must_use]
    pub fn start(release: Release, address: IpAddr, domain: &str, certificate: &Pem) -> Self {
        let cell = Cell::of(release);
        let configuration = format!(
            "pki here cert \"/etc/smtpd-chain.pem\"\n\
             pki here key \"/etc/smtpd-key.pem\"\n\
             listen on {address} port 25 tls pki here hostname opensmtpd.{domain}\n\
             action \"in\" maildir \"/var/inbox/Maildir\" user inbox virtual {{ \"@\" = inbox }}\n\
             match from any for domain \"{domain}\" action \"in\"\n"
        );
        cell.write("etc/smtpd.conf", configuration);
        cell.write("etc/smtpd-chain.pem", &certificate.chain);
        cell.write_secret("etc/smtpd-key.pem", &certificate.key);
        // It does not start without authorities, though it checks nobody.
        cell.write("etc/ssl/certs/ca-certificates.crt", &certificate.chain);
        cell.write("etc/mailname", format!("opensmtpd.{domain}\n"));
        cell.make_folder("var/lib/opensmtpd/empty", 0, 0o755);
        cell.make_folder("var/spool/smtpd", 0, 0o711);
        let address = SocketAddr::new(address, 25);
        let daemon = cell.serve(address, "smtpd.log", "/usr/sbin/smtpd", &["-dv"]);
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
        self.cell.log("smtpd.log")
    }
}
