//! The handlers of the management API inside a command, when no server runs and the store's lock is free (law 10).

use std::sync::Arc;

use arc_swap::ArcSwap;
use axum::{Extension, Router};
use sekisho_store::{Store, sqlite::SqliteStore};
use sekisho_tls::Verifier;
use tokio::sync::Notify;

use super::{
    AppError,
    assembly::{anchors, configured, fetching, own_chains, reception, surroundings},
    renewals,
    server::open_certificates,
    view::node_view,
};
use crate::{
    admin::{self, Backend, Caller, NodeView},
    alerts::{AlertMetrics, Alerts},
    certificates::{CertificateMetrics, Certificates},
    clock,
    config::{Loaded, Place},
    directory::{FilePart, Live},
    dns::{DnsResolver, NoResolver, Resolver},
    endpoints::{EndpointMetrics, EndpointServices, Endpoints},
    fetch::Fetcher,
    forecast::{ForecastMetrics, Forecasts},
    inbound::EnvelopeMemory,
    partners::Partners,
    revocation::{RevocationLookup, RevocationMetrics},
    shadow::Tally,
    telemetry::maillog::{MailLog, MailLogTarget},
    validation::{ValidationMetrics, Validations},
};

/// A store that is open in this process, and the handlers over it.
#[derive(Debug)]
pub struct Offline {
    /// The handlers.
    pub router: Router,
    /// What they work on.
    pub store: Arc<dyn Store>,
    mail_log: MailLog,
}

impl Offline {
    /// Opens the store under its lock.
    ///
    /// # Errors
    /// When the configuration has faults, or the mail log or the store cannot be opened, above all because a server
    /// holds it.
    pub async fn open(place: &Place) -> Result<Self, AppError> {
        let loaded = place.load()?;
        let target = match loaded.settings.log.mail_log.clone() {
            // A server's standard output is a log; a command's is its answer.
            MailLogTarget::Stdout => MailLogTarget::Stderr,
            other => other,
        };
        // Before the store: what fails behind an open store leaves it unclean.
        let mail_log =
            MailLog::open(target, loaded.settings.log.format).map_err(|error| AppError::Part(error.to_string()))?;
        let (store, directory, certificates) = open_data(&loaded).await?;
        let parsed = directory.current();
        let alerts = Arc::new(Alerts::new(loaded.settings.alerts.clone(), AlertMetrics::default()));
        let configured = configured(&loaded, &parsed, &certificates);
        let node = node_view(&loaded, &configured, (&certificates, None));
        let directory = Arc::new(directory);
        let (kept, around) = (Arc::clone(&certificates), loaded.clone());
        directory.listen(Box::new(move |parsed| {
            kept.surround(surroundings(&around, parsed), clock::now())
        }));
        let metrics = ValidationMetrics::default();
        let verifier = Arc::new(Verifier::new(anchors(&loaded, &parsed)));
        let dns = resolver(&loaded);
        let node = Arc::new(ArcSwap::from_pointee(node));
        let partners: Arc<Partners> = Arc::default();
        let forecasts = forecasts((&store, &verifier), &node, (&partners, &certificates));
        let fetcher = Fetcher::new(Arc::clone(&dns), Arc::clone(&verifier), fetching(&loaded));
        let revocation = revocation(&loaded, &verifier, &fetcher);
        let telling = (&store, &alerts, &certificates);
        let backend = Backend {
            renewals: renewals::without_keeper(&loaded),
            endpoints: endpoints(loaded, &directory, telling, (&fetcher, &verifier), (&node, &partners)),
            dns,
            fetcher,
            forecasts,
            validations: Validations::new(
                Arc::clone(&store),
                Arc::clone(&directory),
                None,
                (metrics, Arc::clone(&alerts)),
            ),
            reception: Arc::new(ArcSwap::from_pointee(reception(&parsed))),
            verifier,
            revocation,
            store: Arc::clone(&store),
            mail_log: mail_log.clone(),
            node,
            phase: None,
            dispatcher: None,
            wake: Arc::new(Notify::new()),
            partners,
            looking_back: Arc::default(),
            envelopes: EnvelopeMemory::default(),
            certificates,
            directory,
            tally: Tally::default(),
            alerts,
        };
        let caller = Caller {
            uid: rustix::process::getuid().as_raw(),
        };
        Ok(Self {
            router: admin::router(backend).layer(Extension(caller)),
            store,
            mail_log,
        })
    }

    /// Lets the store finish what it has begun, and the mail log write what it was told.
    pub async fn close(self) {
        // What cannot be finished now is recovered at the next start.
        let _ = self.store.stop().await;
        self.mail_log.flush();
    }
}

/// All that lies in the data folder: the store under its lock, the directory in it, and the certificates.
async fn open_data(loaded: &Loaded) -> Result<(Arc<dyn Store>, Live, Arc<Certificates>), AppError> {
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(loaded.settings.store.clone(), clock::now())?);
    // Whoever would mend a directory that does not fit together must be let in.
    let opened = match Live::open_at_fault(Arc::clone(&store), FilePart::of(loaded)).await {
        Ok(directory) => open_certificates(loaded, &directory.current(), CertificateMetrics::default())
            .map(|certificates| (directory, certificates)),
        Err(error) => Err(error.into()),
    };
    match opened {
        Ok((directory, certificates)) => Ok((store, directory, certificates)),
        Err(error) => {
            // What cannot be finished now is recovered at the next start.
            let _ = store.stop().await;
            Err(error)
        }
    }
}

fn revocation(loaded: &Loaded, verifier: &Arc<Verifier>, fetcher: &Fetcher) -> RevocationLookup {
    let metrics = RevocationMetrics::default();
    let revocation = RevocationLookup::new(Arc::clone(verifier), fetcher.clone(), None, metrics);
    revocation.obey(&loaded.settings.trust);
    revocation
}

/// The endpoints that certificates hang on.
fn endpoints(
    loaded: Loaded,
    directory: &Arc<Live>,
    (store, alerts, certificates): (&Arc<dyn Store>, &Arc<Alerts>, &Arc<Certificates>),
    (fetcher, verifier): (&Fetcher, &Arc<Verifier>),
    (node, partners): (&Arc<ArcSwap<NodeView>>, &Arc<Partners>),
) -> Arc<Endpoints> {
    let settings = loaded.settings.endpoints.clone();
    let (live, kept) = (Arc::clone(directory), Arc::clone(certificates));
    let (trust, node) = (loaded.settings.trust.clone(), Arc::clone(node));
    let services = EndpointServices {
        fetcher: fetcher.clone(),
        store: Arc::clone(store),
        verifier: Arc::clone(verifier),
        alerts: Arc::clone(alerts),
        roots: Arc::new(move || trust.anchors()),
        own: Box::new(move || own_chains(&loaded, &live.current(), &kept)),
        demands: Box::new(move || node.load().rules.configured().clone()),
        partners: Arc::clone(partners),
        metrics: EndpointMetrics::default(),
    };
    Endpoints::new(services, settings)
}

fn forecasts(
    (store, verifier): (&Arc<dyn Store>, &Arc<Verifier>),
    node: &Arc<ArcSwap<NodeView>>,
    (partners, certificates): (&Arc<Partners>, &Arc<Certificates>),
) -> Arc<Forecasts> {
    Arc::new(Forecasts {
        store: Arc::clone(store),
        verifier: Arc::clone(verifier),
        node: Arc::clone(node),
        partners: Arc::clone(partners),
        alerts: None,
        certificates: Arc::clone(certificates),
        tlsa: None,
        metrics: ForecastMetrics::default(),
    })
}

fn resolver(loaded: &Loaded) -> Arc<dyn Resolver> {
    match DnsResolver::new(&loaded.settings.dns) {
        Ok(resolver) => Arc::new(resolver),
        // Most commands ask nothing.
        Err(error) => Arc::new(NoResolver::because(error)),
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fs::File,
        io::{self, Write},
        path::PathBuf,
        sync::{Mutex, PoisonError},
    };

    use sekisho_mail::MessageId;

    use super::*;
    use crate::telemetry::maillog::{Entry, LineFormat, Order, Scope};

    const LINES: u64 = 2000;

    /// A slow disk: writes only when nobody holds the store any more.
    struct AfterTheStore {
        lock: PathBuf,
        written: Arc<Mutex<Vec<u8>>>,
    }

    impl Write for AfterTheStore {
        fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
            File::open(&self.lock)?.lock()?;
            let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
            written.extend_from_slice(octets);
            Ok(octets.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn what_was_ordered_is_in_the_mail_log_when_the_command_ends() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        std::fs::create_dir(&data).unwrap();
        let file = folder.path().join("sekisho.toml");
        std::fs::write(&file, "[log]\nmail-log = \"off\"\n").unwrap();
        let place = Place {
            file: Some(file),
            data_folder: Some(data.clone()),
        };
        let mut offline = Offline::open(&place).await.unwrap();
        let written: Arc<Mutex<Vec<u8>>> = Arc::default();
        let sink = AfterTheStore {
            lock: data.join("lock"),
            written: Arc::clone(&written),
        };
        offline.mail_log = MailLog::to_writer(Box::new(sink), LineFormat::Text);
        for id in 0..LINES {
            offline.mail_log.record(Entry::Ordered {
                scope: Scope::Message(MessageId::from_u64(id)),
                order: Order::Hold,
                by: "uid 0",
            });
        }
        offline.close().await;
        let written = String::from_utf8(written.lock().unwrap().clone()).unwrap();
        assert_eq!(written.lines().count() as u64, LINES);
    }
}
