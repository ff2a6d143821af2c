//! The running server: its parts in the order in which they need each other, the reload, and the end.

use std::{
    io::{self, Write as _},
    net::{IpAddr, SocketAddr, UdpSocket},
    sync::Arc,
    time::Duration,
};

use prometheus_client::registry::Registry;
use sd_notify::NotifyState;
use sekisho_store::{Store, sqlite::SqliteStore};
use sekisho_tls::{AnchorSet, IdentityFiles, ServerCertificates, Verifier, ensure_self_signed_pair};
use tokio::{
    sync::{Notify, watch},
    task::JoinHandle,
    time,
};

use super::{
    AppError, Phase, SOCKET_NAME,
    assembly::{InForce, anchors, configured, fetching, own_chains, own_presented, surroundings},
    banner::banner,
    descriptors, renewals,
    signals::{Asked, Signals},
};
use crate::{
    admin::{self, Backend, HttpLimits, Renewals, StoreMetrics},
    alerts::{AlertMail, Alerts},
    certificates::{CertificateMetrics, Certificates, Keeper, StapleFolder, Tended, keep_proving, tend},
    chance::select,
    clock,
    config::{Loaded, Place},
    directory::{FilePart, Live, Parsed},
    dns::{DnsResolver, Resolver},
    endpoints::{EndpointMetrics, EndpointServices, Endpoints},
    fetch::Fetcher,
    forecast::{ForecastMetrics, Forecasts, TlsaHosts, TlsaServices},
    inbound::{EnvelopeMemory, InboundMetrics, InboundServices, ListenerSettings, Listeners, RefusalBudget, Sockets},
    outbound::{Dispatcher, OutboundMetrics, Services},
    partners::Partners,
    revocation::{Disk, RevocationLookup, RevocationMetrics},
    shadow::{Tally, keep_tally},
    telemetry::{
        logs::{self, LogLevel},
        maillog::MailLog,
        metrics::Metrics,
    },
    validation::Validations,
    web::{self, WebListener, WebMetrics},
};

/// How often the trace is looked over for what need not be kept any longer.
const TRIM_EVERY: Duration = Duration::from_secs(3600);
/// What the parts get beyond the drain limit to notice that it is over.
const STOP_GRACE: Duration = Duration::from_secs(5);
/// The folder of the self-signed pair inside the data folder.
const TLS_FOLDER: &str = "tls";
/// The folder of what is fetched about revocation, likewise.
const REVOCATION_FOLDER: &str = "revocation";
/// The folder of OCSP answers about our own certificates, likewise.
const STAPLES_FOLDER: &str = "stapled";

/// Runs the server until it is told to stop.
///
/// # Errors
/// When it cannot start.
pub fn serve(place: &Place) -> Result<(), AppError> {
    let mut loaded = place.load()?;
    let level = logs::start(&loaded.settings.log.level, loaded.settings.log.format)
        .map_err(|error| AppError::Part(error.to_string()))?;
    descriptors::raise_limit();
    descriptors::fit(&mut loaded.settings);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("sekisho")
        .build()
        .map_err(|error| AppError::Part(format!("the runtime cannot be started: {error}")))?;
    runtime.block_on(async {
        let signals = Signals::listen().map_err(|error| AppError::Part(format!("signals: {error}")))?;
        let server = Server::start(place.clone(), loaded, level).await?;
        server.run(signals).await
    })
}

/// Everything that lives as long as the process.
struct Server {
    place: Place,
    level: LogLevel,
    store: Arc<dyn Store>,
    mail_log: MailLog,
    listeners: Arc<Listeners>,
    in_force: Arc<InForce>,
    directory: Arc<Live>,
    alerts: Arc<Alerts>,
    endpoints: Arc<Endpoints>,
    phase: watch::Sender<Phase>,
    parts: Vec<JoinHandle<()>>,
}

impl Server {
    async fn start(place: Place, loaded: Loaded, level: LogLevel) -> Result<Self, AppError> {
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open(loaded.settings.store.clone(), clock::now())?);
        let started = Self::start_over(Arc::clone(&store), place, loaded, level).await;
        if started.is_err() {
            // A start that fails is no crash of the store.
            store.stop().await?;
        }
        started
    }

    /// Everything but the store.
    async fn start_over(
        store: Arc<dyn Store>,
        place: Place,
        loaded: Loaded,
        level: LogLevel,
    ) -> Result<Self, AppError> {
        let (phase, watched) = watch::channel(Phase::Running);
        let (self_signed, mail_log) = (self_signed(&loaded)?, open_mail_log(&loaded)?);
        let live = Arc::new(Live::open(Arc::clone(&store), FilePart::of(&loaded)).await?);
        let (parsed, mut registry) = (live.current(), Registry::default());
        let verifier = Arc::new(Verifier::new(anchors(&loaded, &parsed)));
        let metrics = Metrics::register(&mut registry);
        let (certificates, staples) = open_stapled(&loaded, (&parsed, &verifier), metrics.certificates)?;
        let (listeners, sockets) = open_listeners(&loaded, &certificates, &self_signed)?;
        let (partners, tally, envelopes) = (Arc::default(), Tally::default(), EnvelopeMemory::default());
        let learning = (&partners, &tally);
        let (dns, fetcher) = asking(&loaded, &verifier)?;
        let revocation = revocation(&loaded, &verifier, &fetcher, metrics.revocation)?;
        let services = outbound_services(&dns, (&store, &revocation, &mail_log), learning, metrics.outbound);
        let alerts = Arc::new(Alerts::new(loaded.settings.alerts.clone(), metrics.alerts));
        let dispatcher = Dispatcher::new(services, configured(&loaded, &parsed, &certificates));
        let (tried, delivering) = ((metrics.validation, Arc::clone(&alerts)), Some(Arc::clone(&dispatcher)));
        let validations = Validations::new(Arc::clone(&store), Arc::clone(&live), delivering, tried);
        let ours = (self_signed, Arc::clone(&certificates));
        let moving = (verifier, dispatcher, fetcher, revocation);
        let in_force = Arc::new(InForce::new(loaded, ours, &parsed, moving, Arc::clone(&listeners)));
        let inbound = inbound_services(&in_force, (&store, &mail_log, &envelopes), learning, metrics.inbound);
        let renewals = renewals::open(&in_force, &live, &watched).await?;
        let backend = Backend {
            forecasts: forecasts(&in_force, (&store, &partners, &alerts), (&renewals, metrics.forecast)),
            tally,
            dns,
            certificates: Arc::clone(&certificates),
            renewals,
            directory: Arc::clone(&live),
            store: Arc::clone(&store),
            mail_log: mail_log.clone(),
            node: Arc::clone(&in_force.node),
            phase: Some(watched.clone()),
            reception: Arc::clone(&in_force.reception),
            verifier: Arc::clone(&in_force.verifier),
            revocation: in_force.revocation.clone(),
            dispatcher: Some(Arc::clone(&in_force.dispatcher)),
            wake: Arc::new(Notify::new()),
            partners: Arc::clone(&partners),
            looking_back: Arc::default(),
            envelopes,
            validations,
            alerts: Arc::clone(&alerts),
            endpoints: endpoints(&in_force, &live, (&store, &partners, &alerts), metrics.endpoints),
            fetcher: in_force.fetcher.clone(),
        };
        // Before the socket is open: nothing is changed that nobody is told of.
        Arc::clone(&in_force).listen_to(&live);
        let loaded = in_force.loaded.load_full();
        let doors = open_doors(&in_force, (registry, metrics.store, metrics.web), &backend, &watched).await?;
        let coming_in = Arc::clone(&listeners).run(sockets, inbound, watched.clone());
        let mut parts = set_going(&backend, &in_force.dispatcher, coming_in, &watched);
        let stapling = tokio::spawn(stapling(&in_force, staples).run(watched.clone()));
        let proving = tokio::spawn(keep_proving(certificates, Arc::clone(&listeners), watched));
        parts.extend(doors.parts.into_iter().chain([proving, stapling]));
        say(&banner(&loaded, doors.health));
        Ok(Self {
            place,
            level,
            store,
            mail_log,
            listeners,
            in_force,
            directory: live,
            alerts,
            endpoints: backend.endpoints,
            phase,
            parts,
        })
    }

    async fn run(mut self, mut signals: Signals) -> Result<(), AppError> {
        tell(&[NotifyState::Ready]);
        while signals.next().await == Asked::Reload {
            self.reload().await;
        }
        tell(&[NotifyState::Stopping]);
        tracing::info!("no new mail; what is in flight finishes");
        self.phase.send_replace(Phase::Draining);
        let limit = self.in_force.loaded.load().settings.drain_limit;
        let carried = self.parts.swap_remove(0);
        tokio::select! {
            _ = time::timeout(limit + STOP_GRACE, carried) => {}
            () = told_again(&mut signals) => tracing::warn!("told again: stopping at once"),
        }
        self.phase.send_replace(Phase::Stopping);
        for part in self.parts {
            if time::timeout(STOP_GRACE, part).await.is_err() {
                tracing::warn!("a part of the server did not end in time");
            }
        }
        self.store.stop().await?;
        self.mail_log.flush();
        Ok(())
    }

    /// Everything that can change without losing a session. A configuration with any fault changes nothing (law 9).
    async fn reload(&self) {
        let mut state = vec![NotifyState::Reloading];
        state.extend(NotifyState::monotonic_usec_now());
        tell(&state);
        match self.try_reload().await {
            Ok(()) => tracing::info!("the configuration was read anew"),
            Err(error) => tracing::error!("the configuration stays as it was:\n{error}"),
        }
        tell(&[NotifyState::Ready]);
    }

    async fn try_reload(&self) -> Result<(), AppError> {
        let mut loaded = tokio::task::block_in_place(|| self.place.load())?;
        descriptors::fit(&mut loaded.settings);
        refuse_what_needs_a_restart(&self.in_force.loaded.load(), &loaded)?;
        let file = FilePart::of(&loaded);
        let adopt = || {
            let listeners = listener_settings(&loaded, &self.in_force.certificates, &self.in_force.self_signed);
            self.listeners
                .reload(listeners, &loaded.settings.hostname)
                .map_err(|error| error.to_string())?;
            self.level
                .change(&loaded.settings.log.level)
                .map_err(|error| error.to_string())?;
            self.alerts.obey(loaded.settings.alerts.clone());
            self.in_force.revocation.obey(&loaded.settings.trust);
            self.endpoints.obey(loaded.settings.endpoints.clone());
            self.in_force.loaded.store(Arc::new(loaded));
            Ok(())
        };
        // The directory's turn: nobody changes it between what is judged here and what comes into force.
        self.directory.reload_file(file, adopt).await?;
        self.mail_log.reopen();
        Ok(())
    }
}

/// What goes on as long as the server runs; the first of them is what drains.
fn set_going(
    backend: &Backend,
    dispatcher: &Arc<Dispatcher>,
    coming_in: impl Future<Output = ()> + Send + 'static,
    watched: &watch::Receiver<Phase>,
) -> Vec<JoinHandle<()>> {
    let going_out = Arc::clone(dispatcher).run(watched.clone());
    let alert_mail = AlertMail {
        store: Arc::clone(&backend.store),
        hostname: dispatcher.configured().notify.hostname.clone(),
        reception: Arc::clone(&backend.reception),
        onward: Arc::clone(dispatcher) as Arc<_>,
        mail_log: backend.mail_log.clone(),
    };
    let (wake, dispatcher) = (Arc::clone(&backend.wake), Arc::clone(dispatcher));
    let certificates = Tended {
        certificates: Arc::clone(&backend.certificates),
        alerts: Arc::clone(&backend.alerts),
        store: Arc::clone(&backend.store),
    };
    vec![
        tokio::spawn(carry_mail(going_out, coming_in)),
        tokio::spawn(forward_wake(wake, dispatcher, watched.clone())),
        tokio::spawn(look_after_store(Arc::clone(&backend.store), watched.clone())),
        tokio::spawn(tend(certificates, watched.clone())),
        renewals::keep(backend, watched),
        renewals::keep_rolling(backend, watched),
        tokio::spawn(Arc::clone(&backend.validations).run_schedule(watched.clone())),
        tokio::spawn(keep_tally(
            backend.tally.clone(),
            Arc::clone(&backend.store),
            watched.clone(),
        )),
        tokio::spawn(Arc::clone(&backend.endpoints).run(watched.clone())),
        tokio::spawn(Arc::clone(&backend.alerts).run_mail(alert_mail, watched.clone())),
        tokio::spawn(Arc::clone(&backend.forecasts).run(watched.clone())),
        tokio::spawn(backend.revocation.clone().run(watched.clone())),
        tokio::spawn(Arc::clone(&backend.partners).run(Arc::clone(&backend.store), watched.clone())),
    ]
}

/// The endpoints that certificates hang on.
fn endpoints(
    in_force: &Arc<InForce>,
    directory: &Arc<Live>,
    (store, partners, alerts): (&Arc<dyn Store>, &Arc<Partners>, &Arc<Alerts>),
    metrics: EndpointMetrics,
) -> Arc<Endpoints> {
    let (known, live) = (Arc::clone(in_force), Arc::clone(directory));
    let (rooted, demanding) = (Arc::clone(in_force), Arc::clone(in_force));
    let services = EndpointServices {
        fetcher: in_force.fetcher.clone(),
        store: Arc::clone(store),
        verifier: Arc::clone(&in_force.verifier),
        alerts: Arc::clone(alerts),
        roots: Arc::new(move || rooted.loaded.load().settings.trust.anchors()),
        own: Box::new(move || own_chains(&known.loaded.load(), &live.current(), &known.certificates)),
        demands: Box::new(move || demanding.node.load().rules.configured().clone()),
        partners: Arc::clone(partners),
        metrics,
    };
    Endpoints::new(services, in_force.loaded.load().settings.endpoints.clone())
}

/// Whom DNS is asked, and by whom something is fetched.
fn asking(loaded: &Loaded, verifier: &Arc<Verifier>) -> Result<(Arc<dyn Resolver>, Fetcher), AppError> {
    let dns = DnsResolver::new(&loaded.settings.dns).map_err(|error| AppError::Part(error.to_string()))?;
    let dns: Arc<dyn Resolver> = Arc::new(dns);
    let fetcher = Fetcher::new(Arc::clone(&dns), Arc::clone(verifier), fetching(loaded));
    Ok((dns, fetcher))
}

fn forecasts(
    in_force: &Arc<InForce>,
    (store, partners, alerts): (&Arc<dyn Store>, &Arc<Partners>, &Arc<Alerts>),
    (renewals, metrics): (&Renewals, ForecastMetrics),
) -> Arc<Forecasts> {
    let known = Arc::clone(in_force);
    let tlsa = renewals.names.clone().map(|names| TlsaServices {
        hosts: TlsaHosts::new(Arc::new(names)),
        own: Box::new(move || own_presented(&known.loaded.load(), &known.certificates)),
    });
    Arc::new(Forecasts {
        store: Arc::clone(store),
        verifier: Arc::clone(&in_force.verifier),
        node: Arc::clone(&in_force.node),
        partners: Arc::clone(partners),
        alerts: Some(Arc::clone(alerts)),
        certificates: Arc::clone(&in_force.certificates),
        tlsa,
        metrics,
    })
}

/// What deliveries work with.
fn outbound_services(
    dns: &Arc<dyn Resolver>,
    (store, revocation, mail_log): (&Arc<dyn Store>, &RevocationLookup, &MailLog),
    (partners, tally): (&Arc<Partners>, &Tally),
    metrics: OutboundMetrics,
) -> Services {
    Services {
        store: Arc::clone(store),
        dns: Arc::clone(dns),
        revocation: revocation.clone(),
        maillog: mail_log.clone(),
        partners: Arc::clone(partners),
        tally: tally.clone(),
        metrics,
    }
}

/// What is looked up about revocation, kept in the data folder.
fn revocation(
    loaded: &Loaded,
    verifier: &Arc<Verifier>,
    fetcher: &Fetcher,
    metrics: RevocationMetrics,
) -> Result<RevocationLookup, AppError> {
    let folder = loaded.settings.data_folder.join(REVOCATION_FOLDER);
    let disk = Disk::open(folder.clone())
        .map_err(|error| AppError::Part(format!("{}: cannot be made ({error})", folder.display())))?;
    let lookup = RevocationLookup::new(Arc::clone(verifier), fetcher.clone(), Some(disk), metrics);
    lookup.obey(&loaded.settings.trust);
    Ok(lookup)
}

/// The store of certificates, and where OCSP answers are kept that are stapled to them: those that are there are from
/// the first handshake on.
fn open_stapled(
    loaded: &Loaded,
    (parsed, verifier): (&Parsed, &Verifier),
    metrics: CertificateMetrics,
) -> Result<(Arc<Certificates>, StapleFolder), AppError> {
    let certificates = open_certificates(loaded, parsed, metrics)?;
    let path = loaded.settings.data_folder.join(STAPLES_FOLDER);
    let folder = StapleFolder::open(path.clone())
        .map_err(|error| AppError::Part(format!("{}: cannot be made ({error})", path.display())))?;
    let anchors: Vec<AnchorSet> = verifier.anchor_sets().into_values().collect();
    certificates.restore_staples(Some(&folder), &anchors, clock::now());
    Ok((certificates, folder))
}

/// Who asks for OCSP answers about our own certificates.
fn stapling(in_force: &Arc<InForce>, folder: StapleFolder) -> Keeper {
    let (verifier, presenting) = (Arc::clone(&in_force.verifier), Arc::clone(in_force));
    Keeper {
        certificates: Arc::clone(&in_force.certificates),
        lookup: in_force.revocation.clone(),
        folder: Some(folder),
        anchors: Arc::new(move || verifier.anchor_sets().into_values().collect()),
        present: Box::new(move || presenting.present_staples()),
        clock: clock::now,
    }
}

/// What connections work with.
fn inbound_services(
    in_force: &InForce,
    (store, mail_log, envelopes): (&Arc<dyn Store>, &MailLog, &EnvelopeMemory),
    (partners, tally): (&Arc<Partners>, &Tally),
    metrics: InboundMetrics,
) -> InboundServices {
    InboundServices {
        tally: tally.clone(),
        store: Arc::clone(store),
        reception: Arc::clone(&in_force.reception),
        revocation: in_force.revocation.clone(),
        refusals: RefusalBudget::default(),
        envelopes: envelopes.clone(),
        onward: Arc::clone(&in_force.dispatcher) as Arc<_>,
        maillog: mail_log.clone(),
        partners: Arc::clone(partners),
        metrics,
        limits: in_force.loaded.load().settings.inbound.clone(),
    }
}

/// Waits until the server is told to stop once more. A reload is too late, and must not cut what is in flight.
async fn told_again(signals: &mut Signals) {
    while signals.next().await == Asked::Reload {
        tracing::warn!("the configuration is not read anew while the server stops");
    }
}

/// A value that would be stored to be ignored is refused (law 13): these are read at the start alone.
fn refuse_what_needs_a_restart(old: &Loaded, new: &Loaded) -> Result<(), AppError> {
    let sections = |loaded: &Loaded| {
        let raw = &loaded.raw;
        [
            ("node", serde_json::to_value(&raw.node)),
            ("limits", serde_json::to_value(&raw.limits)),
            ("dns", serde_json::to_value(&raw.dns)),
            ("store", serde_json::to_value(&raw.store)),
            ("trace", serde_json::to_value(&raw.trace)),
            ("http", serde_json::to_value(&raw.http)),
            ("web", serde_json::to_value(&raw.web)),
            ("acme", serde_json::to_value(&raw.acme)),
            ("certificates", serde_json::to_value(&raw.certificates)),
            ("log.format", serde_json::to_value(raw.log.format)),
            ("log.mail-log", serde_json::to_value(&raw.log.mail_log)),
        ]
        .map(|(name, value)| (name, value.unwrap_or_default()))
    };
    let changed: Vec<&str> = sections(old)
        .into_iter()
        .zip(sections(new))
        .filter(|(old, new)| old.1 != new.1)
        .map(|(old, _)| old.0)
        .collect();
    if changed.is_empty() {
        return Ok(());
    }
    Err(AppError::Part(format!(
        "[{}] changed: that takes effect with a restart only",
        changed.join("], [")
    )))
}

fn open_mail_log(loaded: &Loaded) -> Result<MailLog, AppError> {
    let log = &loaded.settings.log;
    MailLog::open(log.mail_log.clone(), log.format).map_err(|error| AppError::Part(error.to_string()))
}

/// The pair for listeners that name no certificate, made when it is not there yet.
fn self_signed(loaded: &Loaded) -> Result<Arc<ServerCertificates>, AppError> {
    let settings = &loaded.settings;
    let folder = settings.data_folder.join(TLS_FOLDER);
    let files: Vec<IdentityFiles> = ensure_self_signed_pair(&folder, &settings.hostname, clock::now())
        .map_err(|error| AppError::Part(error.to_string()))?;
    let certificates = ServerCertificates::load(&files).map_err(|faults| {
        let words: Vec<String> = faults.iter().map(ToString::to_string).collect();
        AppError::Part(words.join("; "))
    })?;
    Ok(Arc::new(certificates))
}

/// Where HTTP is spoken.
struct Doors {
    parts: [JoinHandle<()>; 2],
    health: Option<SocketAddr>,
}

/// The management API, metrics and health, and the web.
async fn open_doors(
    in_force: &InForce,
    (registry, store, web_metrics): (Registry, StoreMetrics, WebMetrics),
    backend: &Backend,
    phase: &watch::Receiver<Phase>,
) -> Result<Doors, AppError> {
    let loaded = in_force.loaded.load_full();
    let socket = loaded.settings.data_folder.join(SOCKET_NAME);
    let router = admin::router(backend.clone());
    let api = admin::serve_api(socket, router, HttpLimits::default(), phase.clone())?;
    let health = serve_health(&loaded, (registry, store), backend, phase).await?;
    let web = WebListener::open(&loaded.settings.web, &in_force.web).await;
    let web = web.map_err(|error| AppError::Part(error.to_string()))?;
    let keeper = backend.renewals.keeper.as_ref();
    let on_web = keeper.map(|keeper| keeper.on_web()).unwrap_or_default();
    let router = web::router(backend.clone(), on_web.routes);
    let serving = web.run((router, on_web.handshakes), web_metrics, phase.clone());
    Ok(Doors {
        parts: [api, tokio::spawn(serving)],
        health,
    })
}

async fn serve_health(
    loaded: &Loaded,
    (registry, store): (Registry, StoreMetrics),
    backend: &Backend,
    phase: &watch::Receiver<Phase>,
) -> Result<Option<SocketAddr>, AppError> {
    let Some(address) = loaded.settings.http else {
        return Ok(None);
    };
    let router = admin::health_router(Arc::new(registry), store, backend.clone());
    let bound = admin::serve_health(address, router, HttpLimits::default(), phase.clone()).await?;
    Ok(Some(bound))
}

fn open_listeners(
    loaded: &Loaded,
    certificates: &Certificates,
    self_signed: &Arc<ServerCertificates>,
) -> Result<(Arc<Listeners>, Sockets), AppError> {
    let settings = &loaded.settings;
    let plans = listener_settings(loaded, certificates, self_signed);
    let (listeners, sockets) = Listeners::open(plans, &settings.hostname, settings.inbound.connections)
        .map_err(|error| AppError::Part(error.to_string()))?;
    Ok((Arc::new(listeners), sockets))
}

fn listener_settings(
    loaded: &Loaded,
    certificates: &Certificates,
    self_signed: &Arc<ServerCertificates>,
) -> Vec<ListenerSettings> {
    let plans = loaded.settings.listeners.iter();
    plans
        .map(|plan| plan.settings(plan.presented(certificates, self_signed)))
        .collect()
}

/// The store of certificates, with what the directory makes of it.
pub(super) fn open_certificates(
    loaded: &Loaded,
    parsed: &Parsed,
    metrics: CertificateMetrics,
) -> Result<Arc<Certificates>, AppError> {
    let certificates =
        Certificates::open(&loaded.settings.data_folder, metrics).map_err(|error| AppError::Part(error.to_string()))?;
    certificates.surround(surroundings(loaded, parsed), clock::now());
    Ok(Arc::new(certificates))
}

/// The addresses under which a listener is reached: an unspecified one stands for those of this machine, which are
/// found by asking the system from which of them it would speak.
pub(super) fn own_addresses(bound: SocketAddr) -> Vec<SocketAddr> {
    if !bound.ip().is_unspecified() {
        return vec![bound];
    }
    let mut found = vec![bound];
    for (local, remote) in [("0.0.0.0:0", "192.0.2.1:9"), ("[::]:0", "[2001:db8::1]:9")] {
        // Nothing is sent: connecting a datagram socket only chooses a route.
        let address =
            UdpSocket::bind(local).and_then(|socket| socket.connect(remote).and_then(|()| socket.local_addr()));
        found.extend(address.map(|address| SocketAddr::new(address.ip(), bound.port())));
    }
    found.retain(|address| !matches!(address.ip(), IpAddr::V6(_)) || bound.is_ipv6());
    found
}

/// Mail out and mail in: both finish what is in flight when the server drains.
pub(crate) async fn carry_mail(out: impl Future<Output = ()>, inbound: impl Future<Output = ()>) {
    tokio::join!(out, inbound);
}

/// What operators ordered is looked at without waiting.
async fn forward_wake(wake: Arc<Notify>, dispatcher: Arc<Dispatcher>, mut phase: watch::Receiver<Phase>) {
    loop {
        tokio::select! {
            () = wake.notified() => dispatcher.wake(),
            _ = phase.wait_for(|phase| *phase == Phase::Stopping) => return,
        }
    }
}

/// Removes what a crash left behind, then trims the trace from time to time.
pub(crate) async fn look_after_store(store: Arc<dyn Store>, mut phase: watch::Receiver<Phase>) {
    match store.remove_orphans().await {
        Ok(0) => {}
        Ok(files) => tracing::info!(files, "content that was never acknowledged was removed"),
        Err(error) => tracing::warn!(%error, "the spool could not be looked through"),
    }
    loop {
        if let Err(error) = store.trim_trace(clock::now()).await {
            tracing::warn!(%error, "the trace could not be trimmed");
        }
        select! {
            () = time::sleep(TRIM_EVERY) => {}
            _ = phase.wait_for(|phase| *phase == Phase::Stopping) => return,
        }
    }
}

/// Tells the service manager, when there is one.
fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::warn!(%error, "the service manager cannot be told");
    }
}

fn say(text: &str) {
    // Whoever started us may have closed our output.
    let _ = io::stdout().write_all(text.as_bytes());
}
