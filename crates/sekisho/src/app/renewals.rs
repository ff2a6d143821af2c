//! The client of certificate authorities, with its listeners, and who brings roll-overs on, as the server runs them.

use std::{net::SocketAddr, sync::Arc};

use tokio::{sync::watch, task::JoinHandle};

use super::{
    AppError, Phase,
    assembly::{InForce, fetching},
};
use crate::{
    acme::{AcmeKeeper, ORDER_PATIENCE, ProofMeans, Responders, Told, ZONE_PATIENCE, acme_folder},
    admin::{Backend, Renewals},
    clock,
    config::Loaded,
    directory::Live,
    dns::{DnsResolver, DnsSettings},
    rollover::{Names, Network, RolloverKeeper},
};

/// Opens the listeners; nothing is ordered yet.
pub(super) async fn open(
    in_force: &InForce,
    directory: &Arc<Live>,
    phase: &watch::Receiver<Phase>,
) -> Result<Renewals, AppError> {
    let loaded = in_force.loaded.load_full();
    let settings = &loaded.settings;
    let failed = |error: &dyn std::fmt::Display| AppError::Part(error.to_string());
    let responders = Responders::open(settings.acme.http, settings.acme.tls, phase).await;
    // Of its own, and it keeps nothing: where a record belongs is asked when it is put there.
    let dns = DnsResolver::new(&DnsSettings {
        cache_entries: 0,
        ..settings.dns.clone()
    });
    let dns = Arc::new(dns.map_err(|error| failed(&error))?);
    let own: Arc<[SocketAddr]> = fetching(&loaded).own_addresses.into();
    let means = ProofMeans {
        responders: responders.map_err(|error| failed(&error))?,
        dns: Arc::clone(&dns),
        own: Arc::clone(&own),
        zone_patience: ZONE_PATIENCE,
        order_patience: ORDER_PATIENCE,
    };
    let (certificates, fetcher) = (Arc::clone(&in_force.certificates), in_force.fetcher.clone());
    let names = Names {
        dns,
        own,
        directory: Arc::clone(directory),
    };
    let keeper = AcmeKeeper::new(Arc::clone(&certificates), fetcher, means, &settings.data_folder);
    let keeper = Arc::new(keeper.asking(names.clone()));
    let network = Network {
        names: names.clone(),
        vantage: settings.vantage,
        verifier: Arc::clone(&in_force.verifier),
        authorities: Arc::clone(&keeper),
    };
    let rollovers = RolloverKeeper::new(certificates, Arc::new(network), Box::new(clock::now));
    Ok(Renewals {
        keeper: Some(keeper),
        names: Some(names),
        rollovers: Some(Arc::new(rollovers)),
        ..without_keeper(&loaded)
    })
}

/// What a command goes by while no server runs: it shows how far things have come, and orders nothing.
pub(super) fn without_keeper(loaded: &Loaded) -> Renewals {
    Renewals {
        keeper: None,
        names: None,
        rollovers: None,
        folder: acme_folder(&loaded.settings.data_folder),
    }
}

/// Keeps the certificates of authorities until the server stops; changed roles are looked at at once.
pub(super) fn keep(backend: &Backend, phase: &watch::Receiver<Phase>) -> JoinHandle<()> {
    let Some(keeper) = backend.renewals.keeper.clone() else {
        return tokio::spawn(async {});
    };
    let told = Told {
        alerts: Arc::clone(&backend.alerts),
        store: Arc::clone(&backend.store),
    };
    let woken = Arc::clone(&keeper);
    backend.directory.listen(Box::new(move |_| woken.wake()));
    let phase = phase.clone();
    tokio::spawn(async move { keeper.keep(told, phase).await })
}

/// Brings roll-overs on until the server stops.
pub(super) fn keep_rolling(backend: &Backend, phase: &watch::Receiver<Phase>) -> JoinHandle<()> {
    let Some(keeper) = backend.renewals.rollovers.clone() else {
        return tokio::spawn(async {});
    };
    let (alerts, store, phase) = (Arc::clone(&backend.alerts), Arc::clone(&backend.store), phase.clone());
    tokio::spawn(async move { keeper.keep(alerts, store, phase).await })
}
