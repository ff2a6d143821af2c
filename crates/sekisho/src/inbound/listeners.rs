//! All listeners together: opened before anything is promised, run until the server drains, reloaded in place.

use std::{collections::HashMap, env, net::TcpListener as StdListener, sync::Arc};

use arc_swap::ArcSwap;
use listenfd::ListenFd;
use sekisho_mail::Domain;
use sekisho_tls::ServerCertificates;
use thiserror::Error;
use tokio::{sync::watch, task::JoinSet};

use super::{BindError, Bound, Building, InboundServices, Listener, ListenerSettings, accept_loop, service};
use crate::{app::Phase, chance::select};

/// Why the listeners cannot be opened or changed.
#[derive(Debug, Error)]
pub enum OpenError {
    /// One of them cannot listen.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// A reload would open, close or move a socket.
    #[error("listener {0:?} was added, removed or moved: that takes effect with a restart only")]
    Moved(String),
    /// Systemd passed more than one socket under a name.
    #[error(
        "two sockets were passed under the name {0:?}, and a listener has one: put each `ListenStream=` into a socket \
             unit of its own, with its own `FileDescriptorName=`, and write a listener for each"
    )]
    Twice(String),
}

/// The listeners of the process.
#[derive(Debug)]
pub struct Listeners {
    all: Vec<Arc<ArcSwap<Listener>>>,
    asked_for: HashMap<String, std::net::SocketAddr>,
    building: Arc<Building>,
}

/// Sockets that are open and on which nobody accepts yet.
#[derive(Debug)]
pub struct Sockets(Vec<Bound>);

impl Listeners {
    /// Binds all of them, or takes over sockets that systemd passed under their names (`FileDescriptorName=`).
    ///
    /// # Errors
    /// When one cannot listen; then none does.
    pub fn open(
        settings: Vec<ListenerSettings>,
        host_name: &Domain,
        connections: u32,
    ) -> Result<(Self, Sockets), OpenError> {
        let building = Arc::new(Building::new(connections));
        let mut inherited = inherited()?;
        let mut sockets = Vec::with_capacity(settings.len());
        let mut all = Vec::with_capacity(settings.len());
        let mut asked_for = HashMap::new();
        for settings in settings {
            let bound = Bound::open(&settings, inherited.remove(&settings.name))?;
            let address = bound.address();
            asked_for.insert(settings.name.clone(), settings.address);
            let listener = Listener::new(settings, host_name.clone(), address, Arc::clone(&building));
            all.push(Arc::new(ArcSwap::new(listener)));
            sockets.push(bound);
        }
        for name in inherited.keys() {
            tracing::warn!(name, "a socket was passed for which there is no listener; it is closed");
        }
        let listeners = Self {
            all,
            asked_for,
            building,
        };
        Ok((listeners, Sockets(sockets)))
    }

    /// As they are now, in the order of the settings.
    #[must_use]
    pub fn current(&self) -> Vec<Arc<Listener>> {
        self.all.iter().map(|listener| listener.load_full()).collect()
    }

    /// Connections inside at this moment, over all of them.
    #[must_use]
    pub fn connections(&self) -> u32 {
        self.building.inside()
    }

    /// Other settings from the next connection on, certificates included. All or nothing.
    ///
    /// # Errors
    /// When a socket would have to be opened, closed or moved.
    pub fn reload(&self, settings: Vec<ListenerSettings>, host_name: &Domain) -> Result<(), OpenError> {
        if let Some(moved) = self.moved(&settings) {
            return Err(OpenError::Moved(moved));
        }
        for settings in settings {
            let slot = self.all.iter().find(|slot| slot.load().name() == settings.name);
            if let Some(slot) = slot {
                slot.store(slot.load().reconfigured(settings, host_name.clone()));
            }
        }
        Ok(())
    }

    /// Has a listener present other certificates from the next handshake on; no session notices.
    pub fn replace_certificates(&self, name: &str, certificates: &Arc<ServerCertificates>) {
        let slot = self.all.iter().find(|slot| slot.load().name() == name);
        if let Some(slot) = slot {
            slot.load().tls.replace_certificates(Arc::clone(certificates));
        }
    }

    /// The first listener that is not where it was.
    fn moved(&self, settings: &[ListenerSettings]) -> Option<String> {
        let stays = |listener: &&ListenerSettings| self.asked_for.get(&listener.name) != Some(&listener.address);
        if let Some(moved) = settings.iter().find(stays) {
            return Some(moved.name.clone());
        }
        let gone = self
            .asked_for
            .keys()
            .find(|name| settings.iter().all(|listener| &listener.name != *name));
        gone.cloned()
    }

    /// Accepts and serves until the server drains, then waits until nobody is inside or the server stops.
    pub async fn run(self: Arc<Self>, sockets: Sockets, services: InboundServices, mut phase: watch::Receiver<Phase>) {
        let mut accepting = JoinSet::new();
        for (slot, bound) in self.all.iter().zip(sockets.0) {
            let (slot, services, watching) = (Arc::clone(slot), services.clone(), phase.clone());
            let gate = Arc::clone(slot.load().gate());
            let name = slot.load().name().to_owned();
            let serve = move |arrived| service::serve(slot.load_full(), services.clone(), watching.clone(), arrived);
            let accept = accept_loop(bound, gate, phase.clone(), serve);
            accepting.spawn(async move {
                if let Err(error) = accept.await {
                    tracing::error!(listener = name, %error, "the listener ended");
                }
            });
        }
        while accepting.join_next().await.is_some() {}
        select! {
            () = self.building.empty() => {}
            _ = phase.wait_for(|phase| *phase == Phase::Stopping) => {}
        }
    }
}

/// Sockets that systemd passed, by name (sd_listen_fds(3)).
fn inherited() -> Result<HashMap<String, StdListener>, OpenError> {
    let names = env::var("LISTEN_FDNAMES").unwrap_or_default();
    let mut passed = ListenFd::from_env();
    let mut found = HashMap::new();
    for (place, name) in names.split(':').enumerate().take(passed.len()) {
        match passed.take_tcp_listener(place) {
            Ok(Some(listener)) => {
                if found.insert(name.to_owned(), listener).is_some() {
                    return Err(OpenError::Twice(name.to_owned()));
                }
            }
            Ok(None) => {}
            Err(error) => tracing::warn!(name, %error, "a passed socket cannot be used"),
        }
    }
    Ok(found)
}
