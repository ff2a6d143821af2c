//! What the configuration file and the directory come to together, and how that is put into force while the server
//! runs: whole, so that nobody ever judges by halves of two.

use std::{collections::HashMap, net::SocketAddr, sync::Arc};

use arc_swap::ArcSwap;
use sekisho_mail::AnchorSetId;
use sekisho_tls::{AnchorSet, ServerCertificates, TlsClient, Verifier};

use super::{server::own_addresses, view::node_view};
use crate::{
    admin::NodeView,
    config::Loaded,
    directory::{Live, Parsed},
    fetch::{FetchSettings, Fetcher},
    inbound::Reception,
    notify::NotifySettings,
    outbound::{Configured, Dispatcher},
    revocation::RevocationLookup,
};

/// Where what changes while the server runs is looked up.
#[derive(Debug)]
pub(super) struct InForce {
    /// The configuration file; changed under the directory's turn alone.
    pub(super) loaded: ArcSwap<Loaded>,
    pub(super) self_signed: Arc<ServerCertificates>,
    pub(super) verifier: Arc<Verifier>,
    pub(super) dispatcher: Arc<Dispatcher>,
    pub(super) fetcher: Fetcher,
    pub(super) revocation: RevocationLookup,
    pub(super) reception: Arc<ArcSwap<Reception>>,
    pub(super) node: Arc<ArcSwap<NodeView>>,
}

impl InForce {
    /// What a start finds.
    pub(super) fn new(
        loaded: Loaded,
        self_signed: Arc<ServerCertificates>,
        parsed: &Parsed,
        (verifier, dispatcher, fetcher, revocation): (Arc<Verifier>, Arc<Dispatcher>, Fetcher, RevocationLookup),
    ) -> Self {
        let node = node_view(&loaded, &configured(&loaded, parsed), Some(&self_signed));
        Self {
            loaded: ArcSwap::from_pointee(loaded),
            self_signed,
            verifier,
            dispatcher,
            fetcher,
            revocation,
            reception: Arc::new(ArcSwap::from_pointee(reception(parsed))),
            node: Arc::new(ArcSwap::from_pointee(node)),
        }
    }

    /// Puts every change of the directory into force.
    pub(super) fn listen_to(self: Arc<Self>, live: &Live) {
        live.listen(Box::new(move |parsed| self.put(parsed)));
    }

    /// For the next transaction and the next attempt.
    pub(super) fn put(&self, parsed: &Parsed) {
        let loaded = self.loaded.load_full();
        // First, so that nobody asks for anchors that are not there yet.
        self.verifier.replace_anchors(anchors(&loaded, parsed));
        let configured = configured(&loaded, parsed);
        self.node
            .store(Arc::new(node_view(&loaded, &configured, Some(&self.self_signed))));
        self.fetcher.replace_settings(fetching(&loaded));
        // Before the reception: what travels with an alias is asked of the dispatcher, and may be too much for a
        // moment, never too little.
        self.dispatcher.reload(configured);
        self.reception.store(Arc::new(reception(parsed)));
    }
}

/// By which mail is taken.
pub(super) fn reception(parsed: &Parsed) -> Reception {
    Reception {
        local: Arc::clone(&parsed.local),
        organizations: Arc::clone(&parsed.directory),
    }
}

/// By which mail goes out.
pub(super) fn configured(loaded: &Loaded, parsed: &Parsed) -> Configured {
    let settings = &loaded.settings;
    let mut identities = settings.outbound.identities.clone();
    identities.extend(
        parsed
            .identities
            .iter()
            .map(|(id, identity)| (id.clone(), identity.clone())),
    );
    Configured {
        settings: settings.outbound.settings.clone(),
        directory: Arc::clone(&parsed.local),
        organizations: Arc::clone(&parsed.directory),
        ways: parsed.ways.clone(),
        notify: NotifySettings {
            hostname: settings.hostname.clone(),
        },
        tls: Arc::new(TlsClient::new(identities)),
        own_addresses: listening(loaded),
    }
}

/// Where mail comes in.
fn listening(loaded: &Loaded) -> Vec<SocketAddr> {
    let listeners = loaded.settings.listeners.iter();
    listeners.flat_map(|listener| own_addresses(listener.address)).collect()
}

/// By which something is fetched.
pub(super) fn fetching(loaded: &Loaded) -> FetchSettings {
    let mut own = listening(loaded);
    own.extend(loaded.settings.http.into_iter().flat_map(own_addresses));
    FetchSettings {
        proxy: loaded.settings.proxy.clone(),
        own_addresses: own,
    }
}

/// The roots, those of routes, those that connectors bring with them, and what organizations add to the roots.
pub(super) fn anchors(loaded: &Loaded, parsed: &Parsed) -> HashMap<AnchorSetId, AnchorSet> {
    let mut sets = loaded.settings.outbound.anchors.clone();
    sets.extend(parsed.anchors.iter().map(|(id, set)| (id.clone(), set.clone())));
    let roots = loaded.settings.trust.anchors();
    for error in roots.load_errors() {
        tracing::warn!(error, "a trust anchor cannot be used");
    }
    if roots.is_empty() {
        tracing::warn!("there are no trust anchors: install ca-certificates, or set [trust] roots = \"bundled\"");
    }
    let joined = |(id, added): (&AnchorSetId, &AnchorSet)| (id.clone(), AnchorSet::joined([&roots, added]));
    sets.extend(parsed.added_anchors.iter().map(joined));
    // What a message carries along from when its organization had anchors of its own is held against what it has now.
    for organization in parsed.directory.organizations() {
        let id = AnchorSetId::of_organization(&organization.name);
        sets.entry(id).or_insert_with(|| roots.clone());
    }
    sets.insert(AnchorSetId::system(), roots);
    sets
}
