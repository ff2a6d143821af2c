//! Certificates from a real ACME authority (Pebble), with names proved over HTTP, in a handshake, and in a zone of a
//! real name server (BIND).

mod engine;
mod keeping;
mod server;
mod shared;

use std::{collections::HashMap, fs, path::PathBuf, sync::Arc, time::Duration};

use sekisho::{
    acme::{
        AcmeAccount, AcmeFault, AcmeSettings, ChallengeKind, EXCHANGE_TIMEOUT, ExternalAccount, OrderRequest,
        ProofMeans, ResponderAddress, Responders, UpdateServer,
    },
    app::Phase,
    clock,
    dns::{DnsResolver, DnsSettings},
    fetch::{FetchSettings, Fetcher},
};
use sekisho_testkit::{
    authority::Authority,
    enclosure::{HOSTS, NAME_SERVER},
    foreign::{Names, Pebble, PebbleSettings, Zone},
    request::SigningRequest,
};
use sekisho_tls::{AnchorSet, Verifier};
use tempfile::TempDir;
use tokio::{runtime::Runtime, sync::watch};

/// Where Pebble is.
const AUTHORITY: std::net::IpAddr = HOSTS[1];

/// An authority, names that lead to us, and the files of our account.
struct World {
    names: Names,
    pebble: Pebble,
    https: Authority,
    folder: TempDir,
    update_key: String,
    phase: watch::Sender<Phase>,
    runtime: Runtime,
}

impl World {
    fn new(settings: &PebbleSettings<'_>) -> Self {
        Self::with_algorithm(settings, "hmac-sha256")
    }

    fn with_algorithm(settings: &PebbleSettings<'_>, algorithm: &str) -> Self {
        let zones = [
            Zone::new("acme.example", &Pebble::record(AUTHORITY)),
            Zone::new("us.example", "mx A 192.0.2.1\nwww A 192.0.2.1\nelsewhere A 192.0.2.3"),
            Zone::new("sekisho.example", "node A 192.0.2.1"),
            Zone::new(
                "elsewhere.example",
                "@ A 192.0.2.1\n_acme-challenge CNAME there.us.example.",
            ),
        ];
        let (names, update_key) = Names::serve_updatable(&zones, algorithm);
        let https = Authority::new();
        let pebble = Pebble::serve(AUTHORITY, &https, settings);
        Self {
            names,
            pebble,
            https,
            folder: tempfile::tempdir().expect("a temporary folder can be made"),
            update_key,
            phase: watch::channel(Phase::Running).0,
            runtime: Runtime::new().expect("a runtime can be made"),
        }
    }

    fn settings(&self, challenge: ChallengeKind) -> AcmeSettings {
        AcmeSettings {
            directory: self.pebble.directory().parse().expect("a URL"),
            contact: vec!["postmaster@us.example".to_owned()],
            terms_accepted: true,
            challenge,
            profile: None,
            preferred_issuer: None,
            external_account: None,
            dns: (challenge == ChallengeKind::Dns01).then(|| UpdateServer {
                server: (NAME_SERVER, 53).into(),
                zone: None,
                key_name: None,
                algorithm: None,
                key_file: self.write("tsig.key", &self.update_key),
            }),
            trust: Some(AnchorSet::parse(self.https.anchor(), "a test").expect("a certificate")),
            exchange_timeout: EXCHANGE_TIMEOUT,
        }
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, text).expect("a file can be written");
        path
    }

    fn fetcher(&self) -> Fetcher {
        Fetcher::new(
            Arc::new(resolver()),
            Arc::new(Verifier::new(HashMap::new())),
            FetchSettings::default(),
        )
    }

    fn open(&self, settings: &AcmeSettings) -> Result<AcmeAccount, AcmeFault> {
        let _context = self.runtime.enter();
        let opening = AcmeAccount::open(
            Arc::new(settings.clone()),
            self.fetcher(),
            self.folder.path(),
            clock::now(),
        );
        self.runtime.block_on(opening)
    }

    /// Listeners on the usual ports of the address that the names lead to.
    fn means(&self) -> ProofMeans {
        let at = |port| Some(ResponderAddress::Own((HOSTS[0], port).into()));
        let watching = self.phase.subscribe();
        let responders = self.runtime.block_on(Responders::open(at(80), at(443), &watching));
        ProofMeans {
            responders: responders.expect("the ports are free"),
            dns: Arc::new(resolver()),
            own: Arc::from([]),
            zone_patience: Duration::from_secs(20),
            order_patience: Duration::from_secs(20),
        }
    }

    fn issue(&self, account: &AcmeAccount, means: &ProofMeans, order: &OrderRequest) -> Result<String, AcmeFault> {
        self.runtime.block_on(account.issue(order, means))
    }

    /// Records of our account's files, by their beginning.
    fn files(&self, beginning: &str) -> Vec<PathBuf> {
        let folders = fs::read_dir(self.folder.path()).into_iter().flatten().flatten();
        let files = folders
            .filter_map(|folder| fs::read_dir(folder.path()).ok())
            .flatten()
            .flatten();
        files
            .map(|file| file.path())
            .filter(|path| {
                path.file_name()
                    .is_some_and(|name| name.to_string_lossy().starts_with(beginning))
            })
            .collect()
    }
}

fn resolver() -> DnsResolver {
    DnsResolver::new(&DnsSettings::default()).expect("the world has a resolver")
}

fn order(names: &[&str], request: &SigningRequest) -> OrderRequest {
    OrderRequest {
        names: names.iter().map(|name| (*name).to_owned()).collect(),
        csr: request.der.clone(),
        key: request.key_digest(),
        replaces: None,
    }
}

fn external_account(key_id: &str, key_file: PathBuf) -> ExternalAccount {
    ExternalAccount {
        key_id: key_id.to_owned(),
        key_file,
    }
}
