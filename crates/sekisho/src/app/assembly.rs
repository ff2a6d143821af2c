//! What the configuration file and the directory come to together, and how that is put into force while the server
//! runs: whole, so that nobody ever judges by halves of two.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use arc_swap::ArcSwap;
use sekisho_mail::AnchorSetId;
use sekisho_tls::{AnchorSet, CertificateChain, Identity, ServerCertificates, TlsClient, Verifier};

use super::{server::own_addresses, view::node_view};
use crate::{
    admin::NodeView,
    certificates::{Certificates, Presenting, Surroundings},
    clock,
    config::Loaded,
    directory::{Live, Parsed, parse::identity_of_role},
    endpoints::OwnChain,
    fetch::{FetchSettings, Fetcher},
    forecast::OwnPresented,
    inbound::{Listeners, Reception},
    notify::NotifySettings,
    outbound::{Configured, Dispatcher},
    revocation::RevocationLookup,
    web::{self, WebCertificates},
};

/// Where what changes while the server runs is looked up.
#[derive(Debug)]
pub(super) struct InForce {
    /// The configuration file; changed under the directory's turn alone.
    pub(super) loaded: ArcSwap<Loaded>,
    pub(super) self_signed: Arc<ServerCertificates>,
    pub(super) certificates: Arc<Certificates>,
    pub(super) listeners: Arc<Listeners>,
    pub(super) web: WebCertificates,
    /// The directory that was put into force last; held while it, or what is presented, is put into force.
    parsed: Mutex<Arc<Parsed>>,
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
        (self_signed, certificates): (Arc<ServerCertificates>, Arc<Certificates>),
        parsed: &Arc<Parsed>,
        (verifier, dispatcher, fetcher, revocation): (Arc<Verifier>, Arc<Dispatcher>, Fetcher, RevocationLookup),
        listeners: Arc<Listeners>,
    ) -> Self {
        let configured = configured(&loaded, parsed, &certificates);
        let node = node_view(&loaded, &configured, (&certificates, Some(&self_signed)));
        let web = WebCertificates::new(loaded.settings.web.presented(&certificates, &self_signed));
        Self {
            loaded: ArcSwap::from_pointee(loaded),
            parsed: Mutex::new(Arc::clone(parsed)),
            self_signed,
            certificates,
            listeners,
            web,
            verifier,
            dispatcher,
            fetcher,
            revocation,
            reception: Arc::new(ArcSwap::from_pointee(reception(parsed))),
            node: Arc::new(ArcSwap::from_pointee(node)),
        }
    }

    /// Puts every change of the directory into force, and presents what the certificates come to.
    pub(super) fn listen_to(self: Arc<Self>, live: &Live) {
        let told = Arc::clone(&self);
        self.certificates.listen(Box::new(move || told.present()));
        live.listen(Box::new(move |parsed| self.put(parsed)));
    }

    /// For the next transaction and the next attempt.
    pub(super) fn put(&self, parsed: &Arc<Parsed>) {
        let loaded = self.loaded.load_full();
        // Before the lock: whoever holds the certificates takes it to present them.
        self.certificates.surround(surroundings(&loaded, parsed), clock::now());
        let mut last = self.parsed.lock().unwrap_or_else(PoisonError::into_inner);
        last.clone_from(parsed);
        // First, so that nobody asks for anchors that are not there yet.
        self.verifier.replace_anchors(anchors(&loaded, parsed));
        let configured = self.present_to_clients(&loaded, parsed);
        self.fetcher.replace_settings(fetching(&loaded));
        // Before the reception: what travels with an alias is asked of the dispatcher, and may be too much for a
        // moment, never too little.
        self.dispatcher.reload(configured);
        self.reception.store(Arc::new(reception(parsed)));
    }

    /// Presents what the certificates come to by now. Deliveries are left alone where none of them presents any.
    pub(super) fn present(&self) {
        let last = self.parsed.lock().unwrap_or_else(PoisonError::into_inner);
        let loaded = self.loaded.load_full();
        let configured = self.present_to_clients(&loaded, &last);
        let is_of_route = !loaded.settings.outbound.roles.is_empty();
        let mut connectors = last.directory.outbound();
        if is_of_route || connectors.any(|connector| connector.client_certificate_role.is_some()) {
            self.dispatcher.reload(configured);
        }
    }

    /// Presents what is stapled by now. Deliveries staple nothing.
    pub(super) fn present_staples(&self) {
        let last = self.parsed.lock().unwrap_or_else(PoisonError::into_inner);
        self.present_to_clients(&self.loaded.load_full(), &last);
    }

    /// At the listeners; what deliveries would go by is in the answer.
    fn present_to_clients(&self, loaded: &Loaded, parsed: &Parsed) -> Configured {
        for plan in &loaded.settings.listeners {
            let certificates = plan.presented(&self.certificates, &self.self_signed);
            self.listeners.replace_certificates(&plan.name, &certificates);
        }
        let web = &loaded.settings.web;
        self.web.replace(web.presented(&self.certificates, &self.self_signed));
        let configured = configured(loaded, parsed, &self.certificates);
        let node = node_view(loaded, &configured, (&self.certificates, Some(&self.self_signed)));
        self.node.store(Arc::new(node));
        configured
    }
}

/// What names roles, keys and hosts around the store of certificates.
pub(super) fn surroundings(loaded: &Loaded, parsed: &Parsed) -> Surroundings {
    let settings = &loaded.settings;
    let mut around = Surroundings {
        roles: Arc::clone(&parsed.roles),
        host_name: Some(settings.hostname.clone()),
        roots: settings.trust.anchors(),
        ..Surroundings::default()
    };
    for plan in &settings.listeners {
        around.presenting.push(Presenting {
            listener: plan.name.clone(),
            web: None,
            files: plan.certificates.iter().map(|(files, _)| files.clone()).collect(),
            roles: plan.roles.clone(),
        });
        for role in &plan.roles {
            let of_role = around.listeners.entry(role.clone()).or_default();
            of_role.push(format!("listener {:?}", plan.name));
        }
    }
    let web = &settings.web;
    if web.https.is_some() {
        around.presenting.push(Presenting {
            listener: web::HTTPS.to_owned(),
            web: web.https,
            files: web.certificates.iter().map(|(files, _)| files.clone()).collect(),
            roles: web.roles.clone(),
        });
        around.web.clone_from(&web.roles);
    }
    for (route, role) in &settings.outbound.roles {
        let of_role = around.connectors.entry(role.clone()).or_default();
        of_role.push(format!("route {route:?}"));
    }
    for connector in parsed.directory.outbound() {
        let title = format!("outbound connector {}", connector.key);
        if let Some(role) = &connector.client_certificate_role {
            around.connectors.entry(role.clone()).or_default().push(title.clone());
        }
        for pin in &connector.pins {
            around.pins.entry(*pin).or_default().push(title.clone());
        }
    }
    for connector in parsed.directory.inbound() {
        for pin in &connector.pins {
            let title = format!("inbound connector {}", connector.key);
            around.pins.entry(*pin).or_default().push(title);
        }
    }
    around
}

/// By which mail is taken.
pub(super) fn reception(parsed: &Parsed) -> Reception {
    Reception {
        local: Arc::clone(&parsed.local),
        organizations: Arc::clone(&parsed.directory),
    }
}

/// By which mail goes out.
pub(super) fn configured(loaded: &Loaded, parsed: &Parsed, certificates: &Certificates) -> Configured {
    let settings = &loaded.settings;
    let mut identities = settings.outbound.identities.clone();
    identities.extend(
        parsed
            .identities
            .iter()
            .map(|(id, identity)| (id.clone(), identity.clone())),
    );
    for role in parsed.roles.iter() {
        // As a client one is presented, whatever the other end could check: of several, ECDSA.
        let first = certificates.of_role(&role.key).into_iter().next();
        identities.extend(first.map(|identity| (identity_of_role(&role.key), identity)));
    }
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

/// The chains that we present: listeners', those of roles, and those of routes and connectors. What is made here itself
/// names nothing.
pub(super) fn own_chains(loaded: &Loaded, parsed: &Parsed, certificates: &Certificates) -> Vec<OwnChain> {
    let chain = |place: String, identity: &Identity| OwnChain {
        place,
        certificates: identity.der().map(<[u8]>::to_vec).collect(),
    };
    let presented = certificates.presented();
    let mut chains = Vec::new();
    for listener in &loaded.settings.listeners {
        let files = listener.certificates.iter();
        let identities = files.map(|(files, at_start)| presented.files.get(files).unwrap_or(at_start));
        chains.extend(identities.map(|identity| chain(format!("listener {}", listener.name), identity)));
    }
    for (files, at_start) in &loaded.settings.web.certificates {
        let identity = presented.files.get(files).unwrap_or(at_start);
        chains.push(chain(web::HTTPS.to_owned(), identity));
    }
    for (role, of_role) in &presented.roles {
        let identities = of_role.identities.iter();
        chains.extend(identities.map(|(_, identity)| chain(format!("certificate role {role}"), identity)));
    }
    let identities = loaded
        .settings
        .outbound
        .identities
        .iter()
        .chain(parsed.identities.iter());
    chains.extend(identities.map(|(id, identity)| chain(format!("client certificate {}", id.0), identity)));
    chains
}

/// What listeners present, as files or roles name it; what is made here itself is left out, since nobody publishes it.
pub(super) fn own_presented(loaded: &Loaded, certificates: &Certificates) -> Vec<OwnPresented> {
    let presented = certificates.presented();
    let mut all = Vec::new();
    for listener in &loaded.settings.listeners {
        let files = listener.certificates.iter();
        let files = files.map(|(files, at_start)| presented.files.get(files).unwrap_or(at_start).clone());
        let roles = listener.roles.iter().flat_map(|role| certificates.of_role(role));
        for identity in files.chain(roles) {
            let Ok(chain) = CertificateChain::from_der(identity.der().map(<[u8]>::to_vec)) else {
                continue;
            };
            all.push(OwnPresented {
                place: format!("listener {}", listener.name),
                names: identity.names(),
                chain,
            });
        }
    }
    all
}

/// Where mail comes in.
fn listening(loaded: &Loaded) -> Vec<SocketAddr> {
    let listeners = loaded.settings.listeners.iter();
    listeners.flat_map(|listener| own_addresses(listener.address)).collect()
}

/// By which something is fetched.
pub(super) fn fetching(loaded: &Loaded) -> FetchSettings {
    let mut own = listening(loaded);
    own.extend(loaded.settings.sockets_beside_mail().flat_map(own_addresses));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Machine, Place};

    #[test]
    fn nothing_is_fetched_from_where_this_server_itself_listens() {
        let scratch = tempfile::tempdir().unwrap();
        let file = scratch.path().join("sekisho.toml");
        let text = r#"
            [http]
            address = "192.0.2.1:9100"
            [web]
            http = "192.0.2.2:80"
            [acme]
            http = "192.0.2.3:80"
            tls = "192.0.2.4:443"
            [[listener]]
            name = "mx"
            address = "192.0.2.5:25"
        "#;
        std::fs::write(&file, text).unwrap();
        let place = Place {
            file: Some(file),
            data_folder: None,
        };
        let machine = Machine {
            hostname: "mx.example.org".to_owned(),
            user: "alice".to_owned(),
        };
        let own = fetching(&place.load_on(&machine).unwrap()).own_addresses;
        for address in [
            "192.0.2.1:9100",
            "192.0.2.2:80",
            "192.0.2.3:80",
            "192.0.2.4:443",
            "192.0.2.5:25",
        ] {
            assert!(own.contains(&address.parse().unwrap()), "{address}: {own:?}");
        }
    }
}
