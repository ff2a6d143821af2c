//! `sekisho.toml` as it is written. The doc comments here are the reference: `docs/config.md`, the annotated example
//! and the JSON schema are generated from them. What the texts mean is worked out in `parsed`; nothing is judged here.
//!
//! Every default stands here as the text that an operator would write, so that `config show` can print it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The whole file. Every section may be left out; without a file at all, every default below holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Raw {
    /// This machine.
    pub node: Node,
    /// Where mail comes in. Without any: one called `default` on `127.0.0.1:2525`.
    pub listener: Vec<Listener>,
    /// Limits of the whole server.
    pub limits: Limits,
    /// Whose mail is kept here.
    pub local: Local,
    /// Ways for mail that leaves; the most specific domain wins. What no route names goes by MX over the best TLS that
    /// the other side can do.
    pub route: Vec<Route>,
    /// Defaults for every route.
    pub delivery: Delivery,
    /// Questions to DNS.
    pub dns: Dns,
    /// Whose certificates are believed.
    pub trust: Trust,
    /// The queue on disk.
    pub store: Store,
    /// What is kept about messages after they have left.
    pub trace: Trace,
    /// Metrics and health.
    pub http: Http,
    /// What is fetched from other web servers.
    pub fetch: Fetch,
    /// What answers authorities that certificates are ordered from.
    pub acme: Acme,
    /// Our own certificates beside their roles.
    pub certificates: Certificates,
    /// Who is written to of what may stop mail.
    pub alerts: Alerts,
    /// The web as strangers see it: the certificate information page.
    pub web: Web,
    /// What is written down while the server runs.
    pub log: Log,
}

/// This machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Node {
    /// The name with which the server greets and introduces itself; it should have an address in DNS. Default: the
    /// machine's own name.
    pub hostname: Option<String>,
    /// The folder that holds everything that lasts: queue, trace, certificates, mailboxes, the management socket. Made
    /// with mode 0700 when it is missing. A relative path is taken from where the server was started.
    pub data_folder: String,
    /// How long deliveries and sessions in flight may take to finish after SIGTERM.
    pub drain_limit: String,
}

impl Default for Node {
    fn default() -> Self {
        Self {
            hostname: None,
            data_folder: "sekisho-data".to_owned(),
            drain_limit: "30s".to_owned(),
        }
    }
}

/// One place where mail comes in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Listener {
    /// Its name in logs, metrics and the trace. A socket that systemd passes under this name is used instead of
    /// `address`.
    pub name: String,
    /// Address and port, `192.0.2.1:25`, `[::]:25`.
    pub address: String,
    /// How the conversation begins.
    #[serde(default)]
    pub mode: Mode,
    /// Who may send mail through this listener to domains that are not local: networks (`192.0.2.0/24`) and keys of
    /// client certificates (`key:sha256:` and 64 hexadecimal digits, the SHA-256 of the public key). Default: nobody,
    /// but on a loopback address outside a container the clients on loopback.
    #[serde(default)]
    pub relay_from: Option<Vec<String>>,
    /// What happens to content with a bare CR or LF, or with a NUL.
    #[serde(default)]
    pub line_ends: LineEnds,
    /// What happens to lines of text longer than 1000 octets.
    #[serde(default)]
    pub long_lines: LongLines,
    /// TLS on this listener.
    #[serde(default)]
    pub tls: ListenerTls,
    /// Limits of this listener.
    #[serde(default)]
    pub limits: ListenerLimits,
}

/// How the conversation on a listener begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// In the clear, with STARTTLS offered (RFC 3207).
    #[default]
    Smtp,
    /// Under TLS from the first octet (RFC 8314).
    ImplicitTls,
}

/// What happens to bare CR and LF.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LineEnds {
    /// The message is refused.
    #[default]
    Refuse,
    /// The end is still found by CRLF.CRLF alone; after that each bare CR or LF becomes CRLF. The trace says so, and
    /// DKIM signatures may break.
    Normalise,
}

/// What happens to lines of text longer than 1000 octets (RFC 5321 §4.5.3.1.6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LongLines {
    /// They are taken and go on as they are.
    #[default]
    Accept,
    /// The message is refused.
    Refuse,
}

/// TLS on a listener.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct ListenerTls {
    /// Certificates with their keys; SNI picks among them, the first is for clients that name nobody we know. They are
    /// taken up as the files change. Without any, and without roles: a long-lived self-signed pair that is made in the
    /// data folder.
    pub certificates: Vec<CertificateFiles>,
    /// Roles of certificates in the directory, behind the files above: `mx`, or `acme/mx` of another organization.
    /// Whichever certificate of a role is in force is presented; where a role has none, the self-signed pair.
    pub roles: Vec<String>,
    /// Whether clients are asked for a certificate. It is recorded, and can give the right to relay; it is never
    /// demanded.
    pub ask_client_certificate: bool,
    /// Whether TLS 1.3 sessions may be resumed. Off, because session tickets have broken mail from large senders.
    pub resumption: bool,
    /// The oldest version of TLS that is spoken.
    pub min_version: MinVersion,
    /// Whether these certificates, those of the roles included, are shown to partners on the certificate page (`[web]`,
    /// `sekisho certificate page`): the certificates, what they lead to, and this node's name. Never a key.
    pub published: bool,
}

impl Default for ListenerTls {
    fn default() -> Self {
        Self {
            certificates: Vec::new(),
            roles: Vec::new(),
            ask_client_certificate: true,
            resumption: false,
            min_version: MinVersion::default(),
            published: false,
        }
    }
}

/// A certificate and its key, both PEM. A relative path is taken from the folder of the configuration file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct CertificateFiles {
    /// The chain, leaf first.
    pub certificate: String,
    /// The private key (PKCS #8, PKCS #1 or SEC 1). The server must be able to read it, and others must not.
    pub key: String,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum MinVersion {
    /// TLS 1.2.
    #[default]
    #[serde(rename = "1.2")]
    Tls12,
    /// TLS 1.3.
    #[serde(rename = "1.3")]
    Tls13,
}

/// Limits of one listener.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct ListenerLimits {
    /// Connections at a time.
    pub connections: u32,
    /// Connections at a time from one address; of IPv6 a /64 counts as one. Clients that may relay by their address are
    /// not counted, here and in `connections-per-network`.
    pub connections_per_address: u32,
    /// Connections at a time from one network: a /24 of IPv4, a /48 of IPv6. Default: four times
    /// `connections-per-address`.
    pub connections_per_network: Option<u32>,
    /// Connections that may be in their TLS handshake at a time. Beyond that STARTTLS is answered with 421, not 454,
    /// behind which many clients would go on in the clear. While more than half of them are taken, one address may have
    /// an eighth of them and one network a quarter, unless it may relay.
    pub handshakes: u32,
    /// Messages in one connection.
    pub messages_per_connection: u32,
    /// The largest message, as SIZE announces it.
    pub message_size: String,
    /// Recipients of one message (RFC 5321 §4.5.3.1.8 wants at least 100). Once aliases have been followed it may
    /// have ten times as many.
    pub recipients: u32,
    /// Refused recipients in one session before it is ended: somebody is guessing addresses.
    pub refused_recipients: u32,
    /// Refused commands in one session before it is ended. What a client had pipelined behind a refused sender or
    /// recipient is not counted.
    pub errors: u32,
    /// Commands in one session that bring no message further (EHLO, RSET, NOOP and whatever is refused) before it is
    /// ended.
    pub commands: u32,
    /// How long a client must keep silent before it is greeted; who speaks first is turned away (RFC 5321 §4.3.1).
    /// Clients that may relay by their address are greeted at once.
    pub greeting_delay: String,
    /// How long a client may take for its next command.
    pub command_timeout: String,
    /// How long a client may take for its next piece of content.
    pub data_timeout: String,
    /// How much content must come in a second, on average, once `data-timeout` has passed.
    pub data_rate: String,
    /// How long a TLS handshake may take.
    pub handshake_timeout: String,
    /// How long a session may last in all.
    pub session_timeout: String,
    /// How long a client may take for a command while more than three quarters of the connections are taken: who only
    /// sits there leaves the place to others.
    pub crowded_timeout: String,
}

impl Default for ListenerLimits {
    fn default() -> Self {
        Self {
            connections: 1000,
            connections_per_address: 50,
            connections_per_network: None,
            handshakes: 200,
            messages_per_connection: 1000,
            message_size: "50 MiB".to_owned(),
            recipients: 1000,
            refused_recipients: 100,
            errors: 20,
            commands: 10_000,
            greeting_delay: "250ms".to_owned(),
            command_timeout: "5m".to_owned(),
            data_timeout: "3m".to_owned(),
            data_rate: "512 B".to_owned(),
            handshake_timeout: "1m".to_owned(),
            session_timeout: "2h".to_owned(),
            crowded_timeout: "20s".to_owned(),
        }
    }
}

/// Limits of the whole server. When one is reached, new mail is put off with 452 or 421 and deliveries go on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Limits {
    /// Connections of clients, over all listeners.
    pub connections: u32,
    /// Connections to other hosts, over all destinations. One is not counted while it lies idle, and while its host
    /// takes more than a second for an answer.
    pub outbound_connections: u32,
    /// `Received` fields of a message that is taken for a loop (RFC 5321 §6.3).
    pub hops: u32,
    /// Messages in the queue.
    pub queue_length: u64,
    /// Free space on the disk of the data folder below which no mail is taken.
    pub free_space: String,
    /// Free inodes, likewise.
    pub free_inodes: u64,
    /// Memory for messages that are being received or delivered, the recipients of open transactions included.
    pub memory: String,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 4000,
            outbound_connections: 500,
            hops: 100,
            queue_length: 10_000_000,
            free_space: "256 MiB".to_owned(),
            free_inodes: 4096,
            memory: "256 MiB".to_owned(),
        }
    }
}

/// Whose mail is kept here, in Maildirs under `mail` in the data folder.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Local {
    /// Domains whose mail ends here. Default: the node's hostname and `localhost`.
    pub domains: Option<Vec<String>>,
    /// Domains whose mail is taken from anyone and passed on by their route, because another server keeps it:
    /// `bank.example`, or `*.bank.example` for everything below it.
    pub relay_domains: Vec<String>,
    /// Mailboxes: a name alone exists in every local domain, `name@domain` in that one. Default: the user who starts
    /// the server.
    pub users: Option<Vec<String>>,
    /// Other names: `alias = ["address", …]`. The alias is a name or `name@domain`; an address without a domain is a
    /// local mailbox. Default: `postmaster` for the first user, since every domain must have one (RFC 5321 §4.5.1).
    pub aliases: BTreeMap<String, Vec<String>>,
    /// The mailbox for names that nobody has, in every local domain. Default: such mail is refused.
    pub catch_all: Option<String>,
}

/// A way for mail that leaves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Route {
    /// Its name in logs and the trace.
    pub name: String,
    /// Recipients' domains: `bank.example`, `*.bank.example` (everything below it), or `*` (everything).
    pub domains: Vec<String>,
    /// `"mx"` (with another port than 25, or 465 with `implicit-tls`: `"mx:2525"`), or a list of hosts with ports that
    /// are tried in this order: `["mx.bank.example:25", "192.0.2.1:25"]`. An IPv6 address stands in brackets. Hosts
    /// that are named here may be loopback or private.
    pub via: Via,
    /// What must hold before a message leaves.
    #[serde(default)]
    pub require: Require,
    /// For `require = "domain"`: names of which the server's certificate must hold one; `*.` stands for one label.
    /// Default: the host as it is written in `via`. A route to MX must say them.
    #[serde(default)]
    pub tls_names: Vec<String>,
    /// Key exchange groups of which the connection must have used one, and which alone are offered: `X25519MLKEM768`,
    /// `x25519`, `secp256r1`, `secp384r1`. Without TLS nothing leaves on such a route, whatever `require` says.
    /// Default: all are offered, and none is demanded.
    #[serde(default)]
    pub key_exchange_groups: Vec<String>,
    /// A PEM file with the authorities that are trusted on this route. Default: those of the operating system. A
    /// relative path is taken from the folder of the configuration file.
    #[serde(default)]
    pub trust_anchors: Option<String>,
    /// With `require = "certificate"` or `"domain"`: whether the certificate may be a revoked one. Default:
    /// `"hard-fail"`.
    #[serde(default)]
    pub revocation: Option<Revocation>,
    /// A certificate that is shown to the next host if it asks. It is offered in TLS 1.3 only.
    #[serde(default)]
    pub client_certificate: Option<CertificateFiles>,
    /// In its place a role of certificates in the directory, `mx`, or `acme/mx` of another organization: whichever of
    /// its certificates is in force is shown. While it has none, mail on this route waits.
    #[serde(default)]
    pub client_certificate_role: Option<String>,
    /// Whether TLS begins with the first octet, without STARTTLS, as servers on port 465 want it. Without TLS nothing
    /// leaves on such a route, whatever `require` says.
    #[serde(default)]
    pub implicit_tls: bool,
    /// The server name in the TLS handshake, for a server that answers by it. Which names the certificate must have is
    /// `tls-names`' to say. Default: the host as it is written in `via`, or the name of the mail exchanger.
    #[serde(default)]
    pub sni: Option<String>,
    /// As in `[delivery]`, for this route.
    #[serde(default)]
    pub ehlo_name: Option<String>,
    /// As in `[delivery]`, for this route.
    #[serde(default)]
    pub source_address: Option<String>,
    /// As in `[delivery]`, for this route.
    #[serde(default)]
    pub address_family: Option<AddressFamily>,
    /// As in `[delivery]`, for this route.
    #[serde(default)]
    pub hybrid: Option<Hybrid>,
    /// As in `[delivery]`, for this route.
    #[serde(default)]
    pub connections: Option<u32>,
    /// As in `[delivery]`, for this route.
    #[serde(default)]
    pub messages_per_connection: Option<u32>,
    /// As in `[delivery]`, for this route.
    #[serde(default)]
    pub retry: Option<Vec<String>>,
    /// As in `[delivery]`, for this route.
    #[serde(default)]
    pub delay_notice_after: Option<String>,
    /// As in `[delivery]`, for this route.
    #[serde(default)]
    pub expire_after: Option<String>,
}

/// `"mx"` or a list of hosts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Via {
    /// `mx`: by the domain's MX records.
    Word(String),
    /// Hosts with ports.
    Hosts(Vec<String>),
}

/// What must hold before a message leaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Require {
    /// Nothing: the best TLS that both sides can do, in the clear if there is none.
    #[default]
    None,
    /// TLS, whoever the other side is.
    Encryption,
    /// TLS and a certificate that is valid today and leads to a trusted authority.
    Certificate,
    /// As `certificate`, and the certificate is for one of `tls-names`.
    Domain,
}

/// What holds of a certificate that may have been revoked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Revocation {
    /// Nobody asks.
    Off,
    /// One that is known to be revoked is refused; while it cannot be found out, it passes.
    SoftFail,
    /// As `soft-fail`, but while it cannot be found out, mail waits.
    #[default]
    HardFail,
}

/// Which addresses of a host are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AddressFamily {
    /// Both, whichever connects first.
    #[default]
    Any,
    /// IPv4 alone.
    Ipv4,
    /// IPv6 alone.
    Ipv6,
}

/// What is done about the post-quantum group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Hybrid {
    /// Offered first, and left out where a host breaks on it.
    #[default]
    Preferred,
    /// Never offered: for hosts that are known to break on a large ClientHello.
    Never,
}

/// Defaults for every route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Delivery {
    /// The name that EHLO gives. Default: the node's hostname.
    pub ehlo_name: Option<String>,
    /// The local address to connect from; it fixes the address family too. Default: the system chooses.
    pub source_address: Option<String>,
    /// Which addresses of a host are used.
    pub address_family: AddressFamily,
    /// Whether the post-quantum group X25519MLKEM768 is offered.
    pub hybrid: Hybrid,
    /// Connections at a time to one destination.
    pub connections: u32,
    /// Messages over one connection before it is closed.
    pub messages_per_connection: u32,
    /// Pauses between attempts: those after the first attempts one by one, then one as `pause until age`, which goes on
    /// while the message is younger than that, then one that goes on until the message expires.
    pub retry: Vec<String>,
    /// The age at which the sender is told that the message is late.
    pub delay_notice_after: String,
    /// The age at which an undelivered message is given up and its sender told.
    pub expire_after: String,
}

impl Default for Delivery {
    fn default() -> Self {
        Self {
            ehlo_name: None,
            source_address: None,
            address_family: AddressFamily::default(),
            hybrid: Hybrid::default(),
            connections: 10,
            messages_per_connection: 100,
            retry: ["1m", "5m", "15m", "15m until 4h", "1h"].map(str::to_owned).to_vec(),
            delay_notice_after: "4h".to_owned(),
            expire_after: "5d".to_owned(),
        }
    }
}

/// Questions to DNS.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Dns {
    /// Resolvers to ask, `127.0.0.1` or `192.0.2.53:5353`. Default: those of `/etc/resolv.conf`.
    pub servers: Vec<String>,
}

/// Whose certificates are believed, wherever nobody names other trust anchors: docs/trust.md.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Trust {
    /// Where the roots come from.
    pub roots: Roots,
    /// PEM files with authorities that are added to them; a relative path begins at this file's folder. Self-signed
    /// certificates in them are taken as pins too.
    pub files: Vec<String>,
    /// For how long a CRL answers after its end while no newer one can be had: from its `nextUpdate` on. One that was
    /// never had answers nothing.
    pub revocation_grace: String,
    /// Where CRLs and OCSP responders may be that are not on public addresses.
    pub internal_endpoints: Vec<InternalEndpoints>,
    /// How often the endpoints are tried that certificates hang on (CRLs, OCSP responders, issuers' certificates), so
    /// that one that cannot be reached is known before it stops mail; or `never`. What fails is tried again within ten
    /// minutes.
    pub check_endpoints: String,
}

impl Default for Trust {
    fn default() -> Self {
        Self {
            roots: Roots::default(),
            files: Vec::new(),
            revocation_grace: "24h".to_owned(),
            internal_endpoints: Vec::new(),
            check_endpoints: "6h".to_owned(),
        }
    }
}

/// Where the roots come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Roots {
    /// From the operating system (`ca-certificates`), read at the start and at each reload.
    #[default]
    System,
    /// From this program: Mozilla's at the time of its build, for containers that have none. They get no newer than the
    /// program.
    Bundled,
}

/// The queue on disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Store {
    /// Messages larger than this have their content in a file of their own, written as it comes in.
    pub spool_above: String,
}

impl Default for Store {
    fn default() -> Self {
        Self {
            spool_above: "64 KiB".to_owned(),
        }
    }
}

/// What is kept about messages after they have left. Whichever limit comes first drops the oldest files, each a day or
/// a part of one; the queue is never dropped to make room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Trace {
    /// For how many days.
    pub retention_days: u32,
    /// On how much disk.
    pub size_cap: String,
}

impl Default for Trace {
    fn default() -> Self {
        Self {
            retention_days: 90,
            size_cap: "4 GiB".to_owned(),
        }
    }
}

/// Metrics (`/metrics`) and health (`/healthz/live`, `/healthz/ready`), for programs on this machine or its network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Http {
    /// Address and port, or `off`. Nothing here asks for a password: keep it off public addresses.
    pub address: String,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            address: "127.0.0.1:2580".to_owned(),
        }
    }
}

/// What is fetched from other web servers: CRLs, OCSP answers, certificates. Only `http` and `https` are, and only from
/// public addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Fetch {
    /// A proxy, `http://proxy.example:3128`; it may be loopback or private. `http` URLs are asked of it whole, `https`
    /// URLs by CONNECT, and names are resolved by it. Default: none, whatever the environment says.
    pub proxy: Option<String>,
}

/// Endpoints of authorities of one's own. What certificates name is connected to only on public addresses, and on these
/// where the certificate leads to such an anchor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct InternalEndpoints {
    /// A PEM file with the anchors. A relative path is taken from the folder of the configuration file.
    pub anchor: String,
    /// Networks in which they may be: `10.20.0.0/16`.
    #[serde(default)]
    pub networks: Vec<String>,
    /// Names that may lead anywhere: `pki.hospital.example`.
    #[serde(default)]
    pub hosts: Vec<String>,
}

/// Listeners on which an authority sees that a name is ours, for certificate roles with `acme`. They serve challenges
/// and nothing else, and are open as long as the server runs. `dns-01` needs none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Acme {
    /// For `http-01`: address and port, `0.0.0.0:80`. Authorities come to port 80 of the name, over IPv6 where it has
    /// an address there: `[::]:80` takes both. It may be what `http` of `[web]` is. Default: none.
    pub http: Option<String>,
    /// For `tls-alpn-01`: address and port, `0.0.0.0:443`. Authorities come to port 443 of the name. It may be what
    /// `https` of `[web]` is. Default: none.
    pub tls: Option<String>,
}

/// Our own certificates beside their roles, which are in the directory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Certificates {
    /// A SOCKS5 proxy in another network, address and port, through which the handshakes that prove the next
    /// certificate of a roll-over are made once more: `127.0.0.1:1080` where `ssh -D 1080 host.example` opens one.
    /// Default: none.
    pub vantage: Option<String>,
}

/// Who is written to of what may stop mail. Every alert is in the log and the metrics too, and `sekisho alert list`
/// shows those that stand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Alerts {
    /// Addresses; `[]` for nobody. Default: the postmaster of the first local domain, where there is one.
    pub mail_to: Option<Vec<String>>,
    /// How long an alert stands before it is written of: what arises together goes in one message. There are at most
    /// four messages an hour.
    pub mail_after: String,
    /// After how long what still stands, and was not acknowledged, is written of once more.
    pub mail_again_after: String,
}

impl Default for Alerts {
    fn default() -> Self {
        Self {
            mail_to: None,
            mail_after: "1m".to_owned(),
            mail_again_after: "1d".to_owned(),
        }
    }
}

/// The web as strangers see it. There is nothing on it but what is published: the certificate information page at
/// `/.well-known/sekisho/certificates`, the same as JSON, and the chains that it shows. Without anything published
/// every address is answered with 404.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Web {
    /// Address and port for HTTP in the clear, as in `[::]:80`, or `off`.
    pub http: String,
    /// Address and port for HTTPS, as in `[::]:443`, or `off`.
    pub https: String,
    /// Certificates with their keys, for HTTPS; SNI picks among them.
    pub certificates: Vec<CertificateFiles>,
    /// Roles of certificates in the directory, behind the files above, for HTTPS: `mx`, or `acme/mx` of another
    /// organization. While they have no certificate at all, one is presented that is made at the first start.
    pub roles: Vec<String>,
    /// Connections at a time.
    pub connections: u32,
    /// Connections at a time from one address; of IPv6 a /64 counts as one. Behind a proxy all come from one.
    pub connections_per_address: u32,
}

impl Default for Web {
    fn default() -> Self {
        Self {
            http: "off".to_owned(),
            https: "off".to_owned(),
            certificates: Vec::new(),
            roles: Vec::new(),
            connections: 200,
            connections_per_address: 20,
        }
    }
}

/// What is written down while the server runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Log {
    /// How the log and the mail log are written.
    pub format: LogFormat,
    /// What the log shows: `error`, `warn`, `info`, `debug`, `trace`, or directives such as
    /// `info,sekisho::outbound=debug`. It goes to standard error.
    pub level: String,
    /// Where the mail log goes, one line for each thing that happens to a message: `stdout`, `stderr`, `off`, or a
    /// file. A relative path is taken from the data folder. SIGHUP opens the file again.
    pub mail_log: String,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            format: LogFormat::default(),
            level: "info".to_owned(),
            mail_log: "mail.log".to_owned(),
        }
    }
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}
