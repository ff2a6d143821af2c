//! What `sekisho.toml` means: the settings of everybody who obeys them, built from the texts of [`super::raw`].

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::fs::Access;
use sekisho_mail::Domain;
use sekisho_store::sqlite::StoreSettings;

use super::{
    alerts,
    checker::Checker,
    endpoints,
    listener::{self, ListenerPlan},
    local,
    raw::{LogFormat, Raw},
    route::{self, Outbound},
    trust::{self, TrustSettings},
    web,
};
use crate::{
    acme::ResponderAddress,
    alerts::AlertSettings,
    dns::DnsSettings,
    endpoints::EndpointSettings,
    fetch::Proxy,
    inbound::InboundLimits,
    local::LocalSettings,
    telemetry::maillog::{LineFormat, MailLogTarget},
    web::WebSettings,
};

/// Where authorities see that names are ours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AcmeListeners {
    /// For http-01.
    pub http: Option<ResponderAddress>,
    /// For tls-alpn-01.
    pub tls: Option<ResponderAddress>,
}

/// Everything, ready to be obeyed.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The name with which the server greets and introduces itself.
    pub hostname: Domain,
    /// Where everything lasts.
    pub data_folder: PathBuf,
    /// How long what is in flight may take to finish.
    pub drain_limit: Duration,
    /// Where mail comes in.
    pub listeners: Vec<ListenerPlan>,
    /// Limits of all listeners together.
    pub inbound: InboundLimits,
    /// Who is local.
    pub local: LocalSettings,
    /// Ways out, with the certificates and anchors that they name.
    pub outbound: Outbound,
    /// Questions to DNS.
    pub dns: DnsSettings,
    /// Whose certificates are believed.
    pub trust: TrustSettings,
    /// Queue and trace.
    pub store: StoreSettings,
    /// Where metrics and health are served.
    pub http: Option<SocketAddr>,
    /// Where authorities see that names are ours.
    pub acme: AcmeListeners,
    /// Through whom certificates are proved once more.
    pub vantage: Option<SocketAddr>,
    /// Through whom something is fetched.
    pub proxy: Option<Proxy>,
    /// How the endpoints that certificates hang on are watched.
    pub endpoints: EndpointSettings,
    /// Who is written to of alerts.
    pub alerts: AlertSettings,
    /// What strangers see.
    pub web: WebSettings,
    /// Logs.
    pub log: LogSettings,
}

/// What is written down, how and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogSettings {
    /// Of both logs.
    pub format: LineFormat,
    /// Directives of `tracing_subscriber::EnvFilter`.
    pub level: String,
    /// Where the mail log goes.
    pub mail_log: MailLogTarget,
}

/// What the machine itself says, where the configuration says nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    /// Its name.
    pub hostname: String,
    /// The user who starts the server.
    pub user: String,
}

impl Settings {
    /// Where this server listens for anything but mail.
    pub fn sockets_beside_mail(&self) -> impl Iterator<Item = SocketAddr> {
        let all = sockets(self.http, &self.web, &self.acme);
        all.into_iter().map(|(_, address)| address)
    }
}

/// The sockets that must find room beside the listeners, each with its key.
fn sockets(http: Option<SocketAddr>, web: &WebSettings, acme: &AcmeListeners) -> Vec<(&'static str, SocketAddr)> {
    // What the web answers has no socket of its own.
    let own = |address: Option<ResponderAddress>| match address {
        Some(ResponderAddress::Own(address)) => Some(address),
        Some(ResponderAddress::OfWeb(_)) | None => None,
    };
    let named = [
        ("http.address", http),
        ("web.http", web.http),
        ("web.https", web.https),
        ("acme.http", own(acme.http)),
        ("acme.tls", own(acme.tls)),
    ];
    let used = named.map(|(key, address)| Some((key, address?)));
    used.into_iter().flatten().collect()
}

/// Builds everything; what is faulty is in the checker.
pub(super) fn build(raw: &Raw, machine: &Machine, data_folder: PathBuf, checker: &mut Checker<'_>) -> Option<Settings> {
    let hostname = match &raw.node.hostname {
        Some(name) => checker.parse("node.hostname", name, "write the full name of this machine"),
        None => Domain::parse(&machine.hostname).ok(),
    };
    let drain_limit = checker.duration("node.drain-limit", &raw.node.drain_limit);
    // After a fault any name will do: the rest is still looked through.
    let hostname = hostname.or_else(|| Domain::parse("localhost").ok())?;
    let http = http(raw, checker);
    let web = web::build(raw, checker);
    let acme = acme(raw, &web, checker);
    let listeners = listener::build_all(raw, &sockets(http, &web, &acme), checker);
    let inbound = InboundLimits {
        connections: checker.at_least("limits.connections", raw.limits.connections, 1),
        hops: checker.at_least("limits.hops", raw.limits.hops, 10),
        free_octets_min: checker.size("limits.free-space", &raw.limits.free_space),
        memory_octets_max: checker.size("limits.memory", &raw.limits.memory),
        free_inodes_min: raw.limits.free_inodes,
        queued_max: raw.limits.queue_length,
        drain: drain_limit,
    };
    let local = local::build(raw, machine, &hostname, &data_folder, checker);
    let outbound = route::build_all(raw, &hostname, &local, drain_limit, checker);
    let store = store(raw, &data_folder, &inbound, checker);
    let trust = trust::build(raw, checker);
    Some(Settings {
        dns: dns(raw, checker),
        http,
        acme,
        vantage: vantage(raw, checker),
        proxy: proxy(raw, checker),
        endpoints: endpoints::build(raw, &trust, checker),
        trust,
        alerts: alerts::build(raw, &local, checker),
        web,
        log: log(raw, &data_folder, checker),
        hostname,
        data_folder,
        drain_limit,
        listeners,
        inbound,
        local,
        outbound,
        store,
    })
}

fn store(raw: &Raw, folder: &Path, inbound: &InboundLimits, checker: &mut Checker<'_>) -> StoreSettings {
    let threshold = checker.size("store.spool-above", &raw.store.spool_above);
    let days = checker.at_least("trace.retention-days", raw.trace.retention_days, 1);
    let defaults = StoreSettings::new(folder);
    if threshold > defaults.memory_budget / 16 {
        checker.fault(
            "store.spool-above",
            "this size is too large for messages in memory",
            "write 16 MiB or less",
        );
    }
    StoreSettings {
        body_threshold: usize::try_from(threshold).unwrap_or(usize::MAX),
        memory_budget: inbound.memory_octets_max,
        trace_retention: Duration::from_secs(u64::from(days) * 86_400),
        trace_cap_octets: checker.size("trace.size-cap", &raw.trace.size_cap),
        ..defaults
    }
}

fn dns(raw: &Raw, checker: &mut Checker<'_>) -> DnsSettings {
    let mut servers = Vec::new();
    for (place, text) in raw.dns.servers.iter().enumerate() {
        let key = format!("dns.servers[{place}]");
        match text.parse().map(|address| SocketAddr::new(address, 53)) {
            Ok(server) => servers.push(server),
            Err(_) => servers.extend(checker.parse::<SocketAddr>(&key, text, "write an address, or address:port")),
        }
    }
    DnsSettings {
        servers,
        ..DnsSettings::default()
    }
}

fn http(raw: &Raw, checker: &mut Checker<'_>) -> Option<SocketAddr> {
    if raw.http.address == "off" {
        return None;
    }
    checker.parse("http.address", &raw.http.address, "write address:port, or off")
}

fn acme(raw: &Raw, web: &WebSettings, checker: &mut Checker<'_>) -> AcmeListeners {
    let mut responder = |key: &str, text: Option<&String>, of_web: Option<SocketAddr>| {
        let remedy = "write address:port, 0.0.0.0:80 for http and 0.0.0.0:443 for tls";
        let address = checker.parse::<SocketAddr>(key, text?, remedy)?;
        // The system chooses a free port for each that asks for none.
        let is_of_web = of_web == Some(address) && address.port() != 0;
        Some(if is_of_web {
            ResponderAddress::OfWeb(address)
        } else {
            ResponderAddress::Own(address)
        })
    };
    AcmeListeners {
        http: responder("acme.http", raw.acme.http.as_ref(), web.http),
        tls: responder("acme.tls", raw.acme.tls.as_ref(), web.https),
    }
}

fn vantage(raw: &Raw, checker: &mut Checker<'_>) -> Option<SocketAddr> {
    let remedy = "write address:port of a SOCKS5 proxy, as 127.0.0.1:1080";
    checker.parse("certificates.vantage", raw.certificates.vantage.as_ref()?, remedy)
}

fn proxy(raw: &Raw, checker: &mut Checker<'_>) -> Option<Proxy> {
    let remedy = "write http:// with host and port, without a user: \"http://proxy.example:3128\"";
    let key = "fetch.proxy";
    let text = raw.fetch.proxy.as_ref()?;
    if text.contains('@') {
        // Not quoted: what stands there is a password.
        checker.fault(
            key,
            "there is a user or a password in it, which this build does not use",
            remedy,
        );
        return None;
    }
    checker.parse(key, text, remedy)
}

fn log(raw: &Raw, folder: &Path, checker: &mut Checker<'_>) -> LogSettings {
    if let Err(error) = tracing_subscriber::EnvFilter::try_new(&raw.log.level) {
        checker.fault("log.level", error, "write error, warn, info, debug or trace");
    }
    LogSettings {
        format: match raw.log.format {
            LogFormat::Text => LineFormat::Text,
            LogFormat::Json => LineFormat::Json,
        },
        level: raw.log.level.clone(),
        mail_log: match raw.log.mail_log.as_str() {
            "off" => MailLogTarget::Off,
            "stdout" => MailLogTarget::Stdout,
            "stderr" => MailLogTarget::Stderr,
            path => MailLogTarget::File(mail_log_file(&folder.join(path), folder, checker)),
        },
    }
}

/// The file, looked at as far as that can be done without making it: the data folder is made at the start.
fn mail_log_file(path: &Path, data_folder: &Path, checker: &mut Checker<'_>) -> PathBuf {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let fault = if path.is_dir() {
        Some(format!("{}: this is a folder", path.display()))
    } else if path.exists() {
        unwritable(path, Access::WRITE_OK)
    } else if folder == data_folder && !folder.exists() {
        None
    } else if folder.is_dir() {
        unwritable(folder, Access::WRITE_OK | Access::EXEC_OK)
    } else {
        Some(format!("{}: there is no such folder", folder.display()))
    };
    if let Some(fault) = fault {
        let remedy = "name a file in a folder that the user of sekisho may write, or off, stdout, stderr";
        checker.fault("log.mail-log", fault, remedy);
    }
    path.to_owned()
}

fn unwritable(path: &Path, wanted: Access) -> Option<String> {
    let error = rustix::fs::access(path, wanted).err()?;
    Some(format!(
        "{}: cannot be written ({})",
        path.display(),
        std::io::Error::from(error)
    ))
}
