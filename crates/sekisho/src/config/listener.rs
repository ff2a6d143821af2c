//! `[[listener]]`: from texts to [`ListenerSettings`].

use std::{collections::HashSet, net::SocketAddr, sync::Arc, time::Duration};

use sekisho_mail::TlsVersion;
use sekisho_policy::{
    Network,
    directory::CertificateRoleKey,
    inbound::{Exposure, RelayFrom},
};
use sekisho_smtp::server::{BareLineEnds, LongLines, SessionLimits, SessionTimeouts};
use sekisho_tls::{
    ClientCertificates, Identity, IdentityFiles, ServerCertificates, ServerResumption, ServerTlsSettings,
};

use super::{
    addresses,
    checker::Checker,
    container::in_container,
    raw::{self, Raw},
};
use crate::{
    certificates::Certificates,
    inbound::{ConnectionLimits, ListenerMode, ListenerSettings},
};

/// Where a listener without configuration is.
const DEFAULT_ADDRESS: &str = "127.0.0.1:2525";

/// A network may have the connections of so many addresses when nothing is written: large senders have many in one.
const ADDRESSES_OF_A_NETWORK: u32 = 4;

/// A listener but for the certificates that it presents at an instant.
#[derive(Clone, Debug)]
pub struct ListenerPlan {
    /// Its name.
    pub name: String,
    /// Where it listens.
    pub address: SocketAddr,
    /// How the conversation begins.
    pub mode: ListenerMode,
    /// How clients reach it.
    pub exposure: Exposure,
    /// Who may relay; `None` leaves it to the listener's place.
    pub relay_from: Option<RelayFrom>,
    /// Certificates that the configuration names, with their files; presented first.
    pub certificates: Vec<(IdentityFiles, Identity)>,
    /// Roles of the directory whose certificates are presented behind them.
    pub roles: Vec<CertificateRoleKey>,
    /// Whether what it presents is shown to partners.
    pub published: bool,
    line_ends: BareLineEnds,
    long_lines: LongLines,
    client_certificates: ClientCertificates,
    resumption: ServerResumption,
    min_version: TlsVersion,
    greeting_delay: Duration,
    connections: ConnectionLimits,
    session: SessionLimits,
    timeouts: SessionTimeouts,
}

impl ListenerPlan {
    /// What it takes in a session.
    #[must_use]
    pub const fn session_limits(&self) -> &SessionLimits {
        &self.session
    }

    /// What it presents just now: its files as they were when they were last good, then its roles; `self_signed` where
    /// that comes to nothing, so that STARTTLS never disappears. Each has the OCSP answer about it, where there is one.
    #[must_use]
    pub fn presented(&self, ours: &Certificates, self_signed: &Arc<ServerCertificates>) -> Arc<ServerCertificates> {
        let together = ours.together(&self.certificates, &self.roles);
        together.map_or_else(|| Arc::clone(self_signed), Arc::new)
    }

    /// Its settings, presenting these.
    #[must_use]
    pub fn settings(&self, certificates: Arc<ServerCertificates>) -> ListenerSettings {
        let mut tls = ServerTlsSettings::new(certificates);
        tls.client_certificates = self.client_certificates;
        tls.resumption = self.resumption;
        tls.min_version = self.min_version;
        ListenerSettings {
            name: self.name.clone(),
            address: self.address,
            mode: self.mode,
            exposure: self.exposure,
            relay_from: self.relay_from.clone(),
            bare_line_ends: self.line_ends,
            long_lines: self.long_lines,
            tls,
            greeting_delay: self.greeting_delay,
            connections: self.connections.clone(),
            session: self.session.clone(),
            timeouts: self.timeouts.clone(),
        }
    }
}

/// All listeners; the default one where there is none. `others` are sockets that must find room beside them.
pub(super) fn build_all(raw: &Raw, others: &[(&str, SocketAddr)], checker: &mut Checker<'_>) -> Vec<ListenerPlan> {
    let default = [default_listener()];
    let listeners = if raw.listener.is_empty() {
        &default[..]
    } else {
        &raw.listener
    };
    let mut names = HashSet::new();
    let mut plans = Vec::new();
    for (place, listener) in listeners.iter().enumerate() {
        let key = format!("listener[{place}]");
        if listener.name.is_empty() || listener.name.chars().any(|c| c.is_control() || c.is_whitespace()) {
            checker.fault(
                &format!("{key}.name"),
                "the name is empty or holds blanks",
                "choose one word",
            );
        }
        if !names.insert(&listener.name) {
            checker.fault(
                &format!("{key}.name"),
                "another listener has this name",
                "choose another",
            );
        }
        let plan = build(listener, &key, checker);
        plans.extend(plan.map(|plan| (key, plan)));
    }
    addresses::check(&plans, others, checker);
    plans.into_iter().map(|(_, plan)| plan).collect()
}

/// The listener that is there without any configuration.
pub(super) fn default_listener() -> raw::Listener {
    raw::Listener {
        name: "default".to_owned(),
        address: DEFAULT_ADDRESS.to_owned(),
        mode: raw::Mode::default(),
        relay_from: None,
        line_ends: raw::LineEnds::default(),
        long_lines: raw::LongLines::default(),
        tls: raw::ListenerTls::default(),
        limits: raw::ListenerLimits::default(),
    }
}

fn build(listener: &raw::Listener, key: &str, checker: &mut Checker<'_>) -> Option<ListenerPlan> {
    let address = checker.parse(
        &format!("{key}.address"),
        &listener.address,
        "write address:port, as in 0.0.0.0:25",
    );
    let relay_from = listener
        .relay_from
        .as_ref()
        .map(|texts| relay_from(texts, key, checker));
    let certificates = certificates(&listener.tls.certificates, &format!("{key}.tls.certificates"), checker);
    let roles = roles(&listener.tls.roles, &format!("{key}.tls.roles"), checker);
    let limits = &listener.limits;
    let (session, timeouts) = (session_limits(limits, key, checker), timeouts(limits, key, checker));
    let connections = connection_limits(limits, key, checker);
    let wants_keys = relay_from.as_ref().is_some_and(|from| !from.keys.is_empty());
    if wants_keys && !listener.tls.ask_client_certificate {
        let remedy = "set ask-client-certificate = true, or take the keys out";
        checker.fault(
            &format!("{key}.relay-from"),
            "keys of client certificates need one to be asked for",
            remedy,
        );
    }
    Some(ListenerPlan {
        name: listener.name.clone(),
        address: address?,
        mode: match listener.mode {
            raw::Mode::Smtp => ListenerMode::Smtp,
            raw::Mode::ImplicitTls => ListenerMode::ImplicitTls,
        },
        exposure: if in_container() {
            Exposure::Container
        } else {
            Exposure::Direct
        },
        relay_from,
        certificates,
        published: listener.tls.published,
        roles,
        line_ends: match listener.line_ends {
            raw::LineEnds::Refuse => BareLineEnds::Refuse,
            raw::LineEnds::Normalise => BareLineEnds::Normalise,
        },
        long_lines: match listener.long_lines {
            raw::LongLines::Accept => LongLines::Accept,
            raw::LongLines::Refuse => LongLines::Refuse,
        },
        client_certificates: if listener.tls.ask_client_certificate {
            ClientCertificates::Requested
        } else {
            ClientCertificates::NotRequested
        },
        resumption: if listener.tls.resumption {
            ServerResumption::Tls13
        } else {
            ServerResumption::Off
        },
        min_version: match listener.tls.min_version {
            raw::MinVersion::Tls12 => TlsVersion::Tls12,
            raw::MinVersion::Tls13 => TlsVersion::Tls13,
        },
        greeting_delay: checker.duration(&format!("{key}.limits.greeting-delay"), &limits.greeting_delay),
        connections,
        session,
        timeouts,
    })
}

fn connection_limits(limits: &raw::ListenerLimits, key: &str, checker: &mut Checker<'_>) -> ConnectionLimits {
    let mut count = |name: &str, number| checker.at_least(&format!("{key}.limits.{name}"), number, 1);
    let (total, per_address, handshakes) = (
        count("connections", limits.connections),
        count("connections-per-address", limits.connections_per_address),
        count("handshakes", limits.handshakes),
    );
    let per_network = limits
        .connections_per_network
        .unwrap_or_else(|| per_address.saturating_mul(ADDRESSES_OF_A_NETWORK));
    if per_network < per_address {
        checker.fault(
            &format!("{key}.limits.connections-per-network"),
            "one address may have more connections than its whole network",
            "write at least as many as connections-per-address",
        );
    }
    ConnectionLimits {
        total,
        per_address,
        per_network,
        handshakes,
    }
}

fn session_limits(limits: &raw::ListenerLimits, key: &str, checker: &mut Checker<'_>) -> SessionLimits {
    let mut count = |name: &str, number, least| checker.at_least(&format!("{key}.limits.{name}"), number, least);
    let (recipients, messages) = (
        // RFC 5321 §4.5.3.1.8: a server that takes fewer than 100 loses mail of clients that rely on it.
        count("recipients", limits.recipients, 100),
        count("messages-per-connection", limits.messages_per_connection, 1),
    );
    let refused_recipients = count("refused-recipients", limits.refused_recipients, 1);
    let (errors, commands) = (
        count("errors", limits.errors, 1),
        count("commands", limits.commands, 10),
    );
    let size_key = format!("{key}.limits.message-size");
    let message_octets = checker.size(&size_key, &limits.message_size);
    if message_octets < 64 * 1024 {
        // RFC 5321 §4.5.3.1.7
        checker.fault(
            &size_key,
            "every server must take messages of 64 KiB",
            "write 64 KiB or more",
        );
    }
    SessionLimits {
        message_octets,
        discarded_octets: message_octets.saturating_add(message_octets / 4),
        recipients,
        refused_recipients,
        messages,
        errors,
        commands,
        ..SessionLimits::default()
    }
}

fn timeouts(limits: &raw::ListenerLimits, key: &str, checker: &mut Checker<'_>) -> SessionTimeouts {
    let rate = checker.size(&format!("{key}.limits.data-rate"), &limits.data_rate);
    let mut time = |name: &str, text| checker.some_duration(&format!("{key}.limits.{name}"), text);
    SessionTimeouts {
        command: time("command-timeout", &limits.command_timeout),
        crowded: time("crowded-timeout", &limits.crowded_timeout),
        content: time("data-timeout", &limits.data_timeout),
        handshake: time("handshake-timeout", &limits.handshake_timeout),
        session: time("session-timeout", &limits.session_timeout),
        // At least one: the deadline is found by dividing by it.
        content_octets_per_sec: u32::try_from(rate).unwrap_or(u32::MAX).max(1),
    }
}

fn relay_from(texts: &[String], key: &str, checker: &mut Checker<'_>) -> RelayFrom {
    let mut from = RelayFrom::default();
    for (place, text) in texts.iter().enumerate() {
        let key = format!("{key}.relay-from[{place}]");
        match text.strip_prefix("key:sha256:") {
            Some(digits) => match digits.parse() {
                Ok(digest) => from.keys.push(digest),
                Err(_) => checker.fault(
                    &key,
                    "this is no SHA-256 digest",
                    "write key:sha256: and 64 hexadecimal digits",
                ),
            },
            None => {
                let remedy = "write a network as in 192.0.2.0/24, or key:sha256: and 64 hexadecimal digits";
                from.networks.extend(checker.parse::<Network>(&key, text, remedy));
            }
        }
    }
    from
}

/// The certificates that the configuration names; every pair that cannot be loaded is a fault.
pub(super) fn certificates(
    files: &[raw::CertificateFiles],
    key: &str,
    checker: &mut Checker<'_>,
) -> Vec<(IdentityFiles, Identity)> {
    let mut identities = Vec::new();
    for (place, pair) in files.iter().enumerate() {
        let key = format!("{key}[{place}]");
        let identity = load_identity(pair, &key, checker);
        identities.extend(identity.map(|identity| (identity_files(pair, checker), identity)));
    }
    identities
}

/// Roles that it names; whether there are such is the directory's to say.
pub(super) fn roles(names: &[String], key: &str, checker: &mut Checker<'_>) -> Vec<CertificateRoleKey> {
    let mut roles: Vec<CertificateRoleKey> = Vec::new();
    for (place, name) in names.iter().enumerate() {
        let key = format!("{key}[{place}]");
        let Some(role) = checker.parse(&key, name, "write mx, or acme/mx of another organization") else {
            continue;
        };
        if roles.contains(&role) {
            checker.fault(&key, format_args!("role {role} is there twice"), "take one of them out");
        }
        roles.push(role);
    }
    roles
}

fn identity_files(pair: &raw::CertificateFiles, checker: &Checker<'_>) -> IdentityFiles {
    IdentityFiles {
        chain: checker.path(&pair.certificate),
        key: checker.path(&pair.key),
    }
}

/// A certificate with its key, or a fault.
pub(super) fn load_identity(pair: &raw::CertificateFiles, key: &str, checker: &mut Checker<'_>) -> Option<Identity> {
    let files = identity_files(pair, checker);
    match Identity::load(&files) {
        Ok(identity) => Some(identity),
        Err(error) => {
            checker.fault(key, error, "");
            None
        }
    }
}
