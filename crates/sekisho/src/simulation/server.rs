//! The server under test: everything that carries mail, over the model's disk. What is left out is the process around
//! it: arguments, configuration, signals, the management API.

use std::{
    collections::HashMap,
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, OnceLock},
    time::Duration,
};

use arc_swap::ArcSwap;
use sekisho_mail::{AnchorSetId, Domain, Host};
use sekisho_policy::{
    Network,
    inbound::{Exposure, RelayFrom},
    outbound::{Requirement, TlsNames},
};
use sekisho_smtp::{
    client::ClientTimeouts,
    server::{BareLineEnds, LongLines, SessionLimits, SessionTimeouts},
};
use sekisho_store::{Store as _, model::ModelStore};
use sekisho_tls::{ServerCertificates, ServerTlsSettings, TlsClient, Verifier, ensure_self_signed_pair};
use tokio::{runtime::Handle, sync::watch, time::sleep};

use super::{Control, World, book::Sample, driver::SERVER, names::Names};
use crate::{
    app::{Phase, carry_mail, look_after_store},
    clock,
    inbound::{
        ConnectionLimits, EnvelopeMemory, InboundLimits, InboundMetrics, InboundServices, ListenerMode,
        ListenerSettings, Listeners, Reception, RefusalBudget,
    },
    local::{Directory, LocalName, LocalSettings, LocalUser},
    notify::NotifySettings,
    outbound::{
        Configured, Dispatcher, DomainPattern, NextHopHost, OutboundLimits, OutboundMetrics, OutboundSettings,
        RetrySchedule, RouteSettings, Services, Via,
    },
    revocation::RevocationLookup,
    shadow::Tally,
    telemetry::maillog::MailLog,
};

/// How long what is in flight may take once the server is told to stop.
pub(super) const DRAIN: Duration = Duration::from_secs(5);
/// How often what the server holds is written down.
const SAMPLE_EVERY: Duration = Duration::from_mins(10);

fn host_name() -> Domain {
    Domain::parse("mx.us.example").unwrap()
}

/// One pair for all simulations of the process; no handshake uses it.
fn certificates() -> Arc<ServerCertificates> {
    static MADE: OnceLock<Arc<ServerCertificates>> = OnceLock::new();
    let made = MADE.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let files = ensure_self_signed_pair(folder.path(), &host_name(), clock::SIMULATION_BEGINS).unwrap();
        Arc::new(ServerCertificates::load(&files).unwrap())
    });
    Arc::clone(made)
}

/// Makes what takes time, before anything is measured.
pub(super) fn prepare() {
    certificates();
}

fn directory() -> Directory {
    Directory::build(&LocalSettings {
        domains: vec![Domain::parse("l.example").unwrap()],
        users: vec![LocalUser {
            name: "local".parse::<LocalName>().unwrap(),
            maildir: PathBuf::from("/mail/local"),
        }],
        ..LocalSettings::default()
    })
    .unwrap()
}

fn configured(world: &World) -> Configured {
    let mut settings = OutboundSettings::new(host_name());
    let mut default_route = RouteSettings::clone(&settings.default_route);
    hasten(world, &mut default_route);
    settings.default_route = Arc::new(default_route);
    let demands = world.plan.control != Control::NoDemands;
    let by_mx = Via::Mx { port: 25 };
    let named = Via::Hosts(vec![NextHopHost {
        host: Host::parse("mx.d.example").unwrap(),
        port: 25,
    }]);
    let certificate = Requirement::Domain {
        anchors: AnchorSetId::system(),
        names: TlsNames::RouteHost,
    };
    for (domain, via, demand) in [
        ("c.example", by_mx, Requirement::Encryption),
        ("d.example", named, certificate),
    ] {
        let pattern = DomainPattern::Exact(Host::parse(domain).unwrap());
        let mut route = RouteSettings::new(domain, vec![pattern], via);
        hasten(world, &mut route);
        route.demands.extend(demands.then_some(demand));
        settings.routes.push(Arc::new(route));
    }
    let patience = world.plan.patience;
    settings.timeouts = ClientTimeouts {
        greeting: patience,
        mail: patience,
        rcpt: patience,
        data_start: patience,
        data_block: patience,
        data_end: patience,
        ..ClientTimeouts::default()
    };
    settings.limits = OutboundLimits {
        connect_timeout: patience / 4,
        handshake_timeout: patience,
        broken_tls_memory: Duration::from_secs(30),
        drain: DRAIN,
        ..OutboundLimits::default()
    };
    Configured {
        settings,
        directory: Arc::new(directory()),
        organizations: Arc::default(),
        ways: HashMap::new(),
        notify: NotifySettings { hostname: host_name() },
        tls: Arc::new(TlsClient::new(HashMap::new())),
        own_addresses: vec![SocketAddr::from((SERVER, 25))],
    }
}

/// Minutes become seconds, unless the run has days.
fn hasten(world: &World, route: &mut RouteSettings) {
    [route.delay_notice_after, route.expire_after, _] = world.plan.ages;
    if !world.plan.retries_as_shipped {
        route.retry = RetrySchedule {
            first: vec![Duration::from_secs(2), Duration::from_secs(5)],
            young_every: Duration::from_secs(10),
            young_until: Duration::from_secs(60),
            old_every: Duration::from_secs(20),
        };
    }
}

fn listener() -> ListenerSettings {
    let sources: Network = "45.2.0.0/24".parse().unwrap();
    ListenerSettings {
        name: "public".to_owned(),
        address: SocketAddr::from((SERVER, 25)),
        mode: ListenerMode::Smtp,
        exposure: Exposure::Direct,
        relay_from: Some(RelayFrom {
            networks: vec![sources],
            keys: Vec::new(),
        }),
        bare_line_ends: BareLineEnds::default(),
        long_lines: LongLines::default(),
        tls: ServerTlsSettings::new(certificates()),
        greeting_delay: Duration::ZERO,
        connections: ConnectionLimits::default(),
        session: SessionLimits::default(),
        timeouts: SessionTimeouts::default(),
    }
}

/// Runs the server until it is told to drain; a crash ends it anywhere.
pub(super) async fn run(world: Arc<World>) -> turmoil::Result {
    let store = world.disk.open(clock::now())?;
    let (phase, watched) = watch::channel(Phase::Running);
    {
        let mut running = world.running();
        running.store = Some(Arc::clone(&store));
        running.phase = Some(phase);
    }
    world.note("server", "started");
    let services = Services {
        tally: Tally::default(),
        store: Arc::clone(&store) as _,
        dns: Arc::new(Names(Arc::clone(&world))),
        revocation: RevocationLookup::offline(Arc::new(Verifier::new(HashMap::new()))),
        maillog: MailLog::off(),
        partners: Arc::default(),
        metrics: OutboundMetrics::default(),
    };
    let configured = configured(&world);
    let reception = Reception {
        local: Arc::clone(&configured.directory),
        organizations: Arc::clone(&configured.organizations),
    };
    let revocation = services.revocation.clone();
    let dispatcher = Dispatcher::new(services, configured);
    let inbound = InboundServices {
        tally: Tally::default(),
        store: Arc::clone(&store) as _,
        reception: Arc::new(ArcSwap::from_pointee(reception)),
        revocation,
        refusals: RefusalBudget::default(),
        envelopes: EnvelopeMemory::default(),
        onward: Arc::clone(&dispatcher) as _,
        maillog: MailLog::off(),
        partners: Arc::default(),
        metrics: InboundMetrics::default(),
        limits: InboundLimits::default(),
    };
    let (listeners, sockets) = Listeners::open(vec![listener()], &host_name(), 1000)?;
    let flushing = tokio::spawn(flush(Arc::clone(&world), Arc::clone(&store)));
    let sampling = tokio::spawn(sample(Arc::clone(&world), Arc::clone(&store)));
    let looking = tokio::spawn(look_after_store(Arc::clone(&store) as _, watched.clone()));
    carry_mail(
        dispatcher.run(watched.clone()),
        Arc::new(listeners).run(sockets, inbound, watched),
    )
    .await;
    if let Some(phase) = world.running().phase.take() {
        phase.send_replace(Phase::Stopping);
    }
    looking.await?;
    store.stop().await?;
    flushing.abort();
    sampling.abort();
    world.running().store = None;
    world.note("server", "stopped");
    Ok(())
}

/// Writes down from time to time what the server holds.
async fn sample(world: Arc<World>, store: Arc<ModelStore>) {
    loop {
        let sample = Sample {
            tasks: Handle::current().metrics().num_alive_tasks(),
            memory_octets: store.pressure().memory_octets,
            queued: world.disk.queued(),
            traced: world.disk.traced(),
        };
        world.book().samples.push(sample);
        sleep(SAMPLE_EVERY).await;
    }
}

/// The disk of the model: what waits becomes durable a while later.
async fn flush(world: Arc<World>, store: Arc<ModelStore>) {
    loop {
        store.asked().await;
        sleep(world.millis(250)).await;
        store.flush();
    }
}
