//! From documents to what policy judges by and how each outbound connector is gone, with every fault at its field.

mod certificate_role;
mod connector;
mod exception;
mod reader;
mod revocation;
mod role_acme;
mod rule;
mod shadow;
mod validation;

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use sekisho_api::{Document as _, Documents, FaultView, OutboundTls};
use sekisho_mail::{AnchorSetId, Domain, Host, Mailbox, OrganizationName, Timestamp};
use sekisho_policy::directory::{
    self, AcceptedDomain, CertificateRoleKey, ConnectorKey, Directory, DomainKind, DomainScope, EXCEPTION_LENGTH_MAX,
    Fault, FinalRefusal, MessageLimits, Origin, OutboundConnector, Parts, RecipientCheck, TlsSettings,
};
use sekisho_store::Document;
use sekisho_tls::{AnchorSet, ClientIdentities};

use self::reader::Reader;
pub use self::shadow::revision;
pub(crate) use self::{certificate_role::identity_of_role, exception::until};
use super::{documents, fault_view, time_for};
use crate::{
    certificates::CertificateRole,
    config::Loaded,
    local::{self, Accepted, LocalSettings},
    outbound::{DomainPattern, RouteSettings},
};

/// What the configuration file contributes: all of it is the first organization's.
#[derive(Clone, Debug)]
pub struct FilePart {
    /// Its local domains, and its relay domains as far as each is one domain.
    pub domains: Vec<FileDomain>,
    /// Relay domains that stand for everything below one, with their key.
    pub relay_below: Vec<(Domain, String)>,
    /// `[delivery]`, on which the ways of connectors are based.
    pub default_route: Arc<RouteSettings>,
    /// `[[route]]`.
    pub routes: Vec<FileRoute>,
    /// Where relative paths start.
    pub folder: PathBuf,
    /// Mailboxes, whose domains the directory adds to.
    pub local: LocalSettings,
    /// Roles of certificates that listeners, the web and routes name.
    pub roles: Vec<FileRole>,
    /// Whether this node answers http-01, and tls-alpn-01.
    pub answers_http_01: bool,
    pub answers_tls_alpn_01: bool,
}

/// A role of certificates that the file names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileRole {
    /// Where: `listener "default" of sekisho.toml`.
    pub place: String,
    /// By which key.
    pub field: &'static str,
    /// Which.
    pub role: CertificateRoleKey,
}

/// An accepted domain of the configuration file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileDomain {
    /// Which.
    pub domain: Domain,
    /// What becomes of its mail.
    pub kind: DomainKind,
    /// Where it stands: `local.domains[0]`.
    pub key: String,
}

/// A route of the configuration file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileRoute {
    /// Its name.
    pub name: String,
    /// Which destinations take it.
    pub domains: Vec<DomainPattern>,
}

impl FilePart {
    /// That of a whole configuration.
    #[must_use]
    pub fn of(loaded: &Loaded) -> Self {
        let local = &loaded.settings.local;
        let outbound = &loaded.settings.outbound.settings;
        let mut domains: Vec<FileDomain> = Vec::new();
        for (place, domain) in local.domains.iter().enumerate() {
            domains.push(FileDomain {
                domain: domain.clone(),
                kind: DomainKind::Authoritative,
                key: format!("local.domains[{place}]"),
            });
        }
        let mut relay_below = Vec::new();
        for (place, pattern) in local.relay_domains.iter().enumerate() {
            let key = format!("local.relay-domains[{place}]");
            match pattern {
                // Listed as local too, it is local.
                DomainPattern::Exact(Host::Domain(domain)) if !domains.iter().any(|one| one.domain == *domain) => {
                    domains.push(FileDomain {
                        domain: domain.clone(),
                        kind: DomainKind::ExternalRelay,
                        key,
                    });
                }
                DomainPattern::Below(domain) => relay_below.push((domain.clone(), key)),
                DomainPattern::Exact(_) | DomainPattern::Everything => {}
            }
        }
        let routes = outbound.routes.iter().map(|route| FileRoute {
            name: route.name.clone(),
            domains: route.domains.clone(),
        });
        let folder = loaded.file.as_deref().and_then(Path::parent);
        Self {
            domains,
            relay_below,
            default_route: Arc::clone(&outbound.default_route),
            routes: routes.collect(),
            folder: folder.map(Path::to_owned).unwrap_or_default(),
            local: local.clone(),
            roles: roles_of_file(loaded),
            answers_http_01: loaded.settings.acme.http.is_some(),
            answers_tls_alpn_01: loaded.settings.acme.tls.is_some(),
        }
    }
}

fn roles_of_file(loaded: &Loaded) -> Vec<FileRole> {
    let named = |place: &str, field: &'static str, role: &CertificateRoleKey| FileRole {
        place: format!("{place} of sekisho.toml"),
        field,
        role: role.clone(),
    };
    let settings = &loaded.settings;
    let mut roles = Vec::new();
    for listener in &settings.listeners {
        let place = format!("listener {:?}", listener.name);
        roles.extend(listener.roles.iter().map(|role| named(&place, "tls.roles", role)));
    }
    roles.extend(settings.web.roles.iter().map(|role| named("[web]", "roles", role)));
    for (route, role) in &settings.outbound.roles {
        let place = format!("route {route:?}");
        roles.push(named(&place, "client-certificate-role", role));
    }
    roles
}

/// A directory, ready to be obeyed.
#[derive(Clone, Debug, Default)]
pub struct Parsed {
    /// What policy judges by.
    pub directory: Arc<Directory>,
    /// Who lives here, in the domains of both.
    pub local: Arc<local::Directory>,
    /// What an operator would want to know.
    pub warnings: Vec<Fault>,
    /// Roles that listeners of the configuration file name and that are not there, with what is to be said of each.
    pub missing_roles: Vec<(CertificateRoleKey, Fault)>,
    /// How each enabled outbound connector is gone, those that are tried too; what it demands, policy says.
    pub ways: HashMap<ConnectorKey, Arc<RouteSettings>>,
    /// The trust anchors that connectors bring with them.
    pub anchors: HashMap<AnchorSetId, AnchorSet>,
    /// Those that organizations add to the roots.
    pub added_anchors: HashMap<AnchorSetId, AnchorSet>,
    /// Certificates that enabled connectors present.
    pub identities: ClientIdentities,
    /// Enabled outbound connectors that are tried again by themselves.
    pub revalidations: Arc<Vec<Revalidation>>,
    /// Roles of certificates, by organization and name.
    pub roles: Arc<Vec<CertificateRole>>,
}

/// An outbound connector that is tried again by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revalidation {
    /// Which.
    pub key: ConnectorKey,
    /// The pause from the beginning of one to that of the next.
    pub every: Duration,
    /// With whom; at least one.
    pub recipients: Vec<Mailbox>,
    /// Whether a test message is sent.
    pub with_mail: bool,
    /// What it is: see [`super::digest()`].
    pub digest: String,
}

/// An outbound connector by itself, taken as enabled.
#[derive(Clone, Debug)]
pub struct Alone {
    /// What policy judges by.
    pub connector: Arc<OutboundConnector>,
    /// How it is gone.
    pub route: Arc<RouteSettings>,
    /// The certificate that it presents, where it does.
    pub identities: ClientIdentities,
}

/// Reads an outbound connector as if it were enabled, whatever stands beside it; blocks on the disk where it names a
/// certificate. Where it names no trust anchors it gets `anchors`, which are those of its organization.
///
/// # Errors
/// Every fault of it alone.
pub fn alone(
    document: &sekisho_api::OutboundConnector,
    anchors: &AnchorSetId,
    file: &FilePart,
) -> Result<Alone, Vec<Fault>> {
    let enabled = sekisho_api::OutboundConnector {
        enabled: true,
        ..document.clone()
    };
    let (mut collected, mut faults) = (Collected::default(), Vec::new());
    connector::outbound(&enabled, &[], file, &mut collected, &mut faults);
    let connector = collected.parts.outbound.pop();
    let route = collected.ways.into_values().next();
    match (connector, route) {
        (Some(mut connector), Some(route)) if faults.is_empty() => {
            if connector.anchors.is_system() {
                connector.anchors.clone_from(anchors);
            }
            Ok(Alone {
                connector: Arc::new(connector),
                route,
                identities: collected.identities,
            })
        }
        _ => Err(faults),
    }
}

/// The field whose files may be gone by now.
const CERTIFICATE_FIELD: &str = "client_certificate";

/// What documents come to beside the parts of policy.
#[derive(Debug, Default)]
struct Collected {
    parts: Parts,
    ways: HashMap<ConnectorKey, Arc<RouteSettings>>,
    anchors: HashMap<AnchorSetId, AnchorSet>,
    added_anchors: HashMap<AnchorSetId, AnchorSet>,
    identities: ClientIdentities,
    revalidations: Vec<Revalidation>,
    /// What organizations say of certificates that may have been revoked.
    revocation: revocation::Defaults,
    roles: Vec<CertificateRole>,
    /// With whom outbound connectors are tried, by their places among the parts.
    tried_with: Vec<(usize, Vec<Mailbox>)>,
    /// Faults of files that are borne; `None` where none is.
    borne: Option<Vec<Fault>>,
}

impl Parsed {
    /// Takes out of the warnings those of [`build_at_start`] for documents to which `is_new` says yes: there they are
    /// faults.
    #[must_use]
    pub fn unreadable_files(&mut self, is_new: impl Fn(&str) -> bool) -> Vec<Fault> {
        let is_fault = |warning: &mut Fault| warning.field == CERTIFICATE_FIELD && is_new(&warning.place);
        self.warnings.extract_if(.., is_fault).collect()
    }

    /// Roles that listeners name and that are not there, where `is_new` says yes: a change took them away.
    pub fn roles_taken_away(&self, is_new: impl Fn(&str) -> bool) -> impl Iterator<Item = Fault> {
        let missing = self.missing_roles.iter();
        let taken = missing.filter(move |(role, _)| is_new(&format!("certificate role {role}")));
        taken.map(|(_, fault)| fault.clone())
    }

    /// Exceptions for which `is_new` says yes and that would end farther ahead than any may. Those that were kept once
    /// are as they were, whatever the clock says.
    pub fn ends_too_far_ahead(&self, is_new: impl Fn(&str) -> bool, now: Timestamp) -> impl Iterator<Item = Fault> {
        let exceptions = self.directory.exceptions().iter();
        let too_far = exceptions.filter(move |one| one.until.since(now) > EXCEPTION_LENGTH_MAX);
        let faults = too_far.map(|exception| Fault {
            place: format!("exception {}", exception.key),
            field: "until",
            reason: format!("{} is more than 366 days ahead", exception.until),
            remedy: "let it end sooner; what is to hold for longer is set where it is demanded".to_owned(),
        });
        faults.filter(move |fault| is_new(&fault.place))
    }

    /// What an operator would want to know just now.
    #[must_use]
    pub fn warnings_now(&self) -> Vec<FaultView> {
        let of_exceptions = self.directory.exceptions_to_tell(time_for(&self.directory));
        let of_listeners = self.missing_roles.iter().map(|(_, fault)| fault.clone());
        let warnings = self.warnings.iter().cloned().chain(of_listeners).chain(of_exceptions);
        warnings.map(fault_view).collect()
    }
}

/// Puts the directory at a version together; blocks on the disk where connectors name certificates.
///
/// # Errors
/// Every fault of every document, first those of each alone, then those of all together.
pub fn build(version: u64, documents: &[Document], file: &FilePart) -> Result<Parsed, Vec<Fault>> {
    collect(version, documents, file, Collected::default())
}

/// As [`build`], for what was kept without a fault: a client certificate that cannot be read by now is a warning, and
/// mail that wants it waits. A server that did not start for it would keep everybody's mail.
///
/// # Errors
/// As [`build`], but for the files of client certificates.
pub fn build_at_start(version: u64, documents: &[Document], file: &FilePart) -> Result<Parsed, Vec<Fault>> {
    let bearing = Collected {
        borne: Some(Vec::new()),
        ..Collected::default()
    };
    collect(version, documents, file, bearing)
}

fn collect(
    version: u64,
    documents: &[Document],
    file: &FilePart,
    mut collected: Collected,
) -> Result<Parsed, Vec<Fault>> {
    let (documents, mut faults) = documents::read(documents);
    read_documents(&documents, file, &mut collected, &mut faults);
    let missing = certificate_role::missing(&collected.roles, file);
    for connector in &collected.parts.outbound {
        check_routes(connector, file, &mut faults);
    }
    validation::check(&collected, &mut faults);
    let Collected {
        parts,
        ways,
        anchors,
        added_anchors,
        identities,
        revalidations,
        mut roles,
        tried_with: _,
        revocation: _,
        borne,
    } = collected;
    let local = mailboxes(&parts.domains, file);
    roles.sort_by(|one, other| one.key.cmp(&other.key));
    let (directory, warnings) = match Directory::build(version, parts) {
        Ok(built) => built,
        Err(more) => {
            faults.extend(more);
            return Err(faults);
        }
    };
    // What mailboxes are in is worth telling only when the domains are sound.
    let local = local.map_err(|of_mailboxes| {
        if faults.is_empty() {
            faults = of_mailboxes;
        }
    });
    match local {
        Ok(local) if faults.is_empty() => Ok(Parsed {
            directory: Arc::new(directory),
            local: Arc::new(local),
            warnings: borne.into_iter().flatten().chain(warnings).collect(),
            missing_roles: missing,
            ways,
            anchors,
            added_anchors,
            identities,
            revalidations: Arc::new(revalidations),
            roles: Arc::new(roles),
        }),
        _ => Err(faults),
    }
}

/// Every document by itself.
fn read_documents(documents: &Documents, file: &FilePart, collected: &mut Collected, faults: &mut Vec<Fault>) {
    for document in &documents.organization {
        let organization = organization(document, &mut collected.added_anchors, faults);
        collected.parts.organizations.extend(organization);
    }
    collected.revocation = revocation::of_organizations(&documents.organization);
    let organizations = &mut collected.parts.organizations;
    if !organizations.iter().any(|one| one.name.is_first()) {
        organizations.push(directory::Organization::new(OrganizationName::FIRST));
    }
    collected.parts.domains.extend(file.domains.iter().map(of_file));
    for document in &documents.domain {
        let domain = domain(document, file, faults);
        collected.parts.domains.extend(domain);
    }
    for document in &documents.inbound_connector {
        connector::inbound(document, collected, faults);
    }
    for document in &documents.outbound_connector {
        let all = &documents.outbound_connector;
        connector::outbound(document, all, file, collected, faults);
    }
    for document in &documents.rule {
        let rule = rule::rule(document, &collected.revocation, faults);
        collected.parts.rules.extend(rule);
    }
    for document in &documents.exception {
        let exception = exception::exception(document, faults);
        collected.parts.exceptions.extend(exception);
    }
    for document in &documents.certificate_role {
        certificate_role::role(document, file, collected, faults);
    }
}

/// The mailboxes of the file in the domains of both.
fn mailboxes(domains: &[AcceptedDomain], file: &FilePart) -> Result<local::Directory, Vec<Fault>> {
    let of_the_directory = domains.iter().filter(|domain| domain.origin == Origin::Directory);
    let settings = LocalSettings {
        accepted: of_the_directory
            .map(|domain| Accepted {
                domain: domain.domain.clone(),
                kind: domain.kind,
                has_everyone: domain.organization.is_first(),
            })
            .collect(),
        ..file.local.clone()
    };
    local::Directory::build(&settings).map_err(|found| {
        let fault = |fault: local::LocalFault| Fault {
            place: "[local] of sekisho.toml with the domains of the directory".to_owned(),
            field: "",
            reason: fault.to_string(),
            remedy: String::new(),
        };
        found.into_iter().map(fault).collect()
    })
}

/// Even one with a fault, as long as it has a name: what belongs to it would be at fault otherwise.
fn organization(
    document: &sekisho_api::Organization,
    added_anchors: &mut HashMap<AnchorSetId, AnchorSet>,
    faults: &mut Vec<Fault>,
) -> Option<directory::Organization> {
    let mut reader = Reader::at(document.id().title(), faults);
    let name: OrganizationName = reader.parse("name", &document.name, "")?;
    let anchors = match reader.anchors(document.trust_anchors.as_deref()) {
        Some(set) => {
            let id = AnchorSetId::of_organization(&name);
            added_anchors.insert(id.clone(), set);
            id
        }
        None => AnchorSetId::system(),
    };
    Some(directory::Organization {
        name,
        comment: document.comment.clone(),
        reject_direct_send: document.reject_direct_send,
        require_tls_inbound: document.require_tls_inbound,
        require_tls_outbound: match document.require_tls_outbound {
            OutboundTls::Opportunistic => TlsSettings::Opportunistic,
            OutboundTls::Encryption => TlsSettings::EncryptionOnly,
            OutboundTls::Certificate => TlsSettings::CertificateValidation,
            OutboundTls::Domain => TlsSettings::DomainValidation,
        },
        anchors,
        revocation: revocation::setting(document.revocation, document.refuse_not_revocable),
        expire_after: reader.duration("expire_after", document.expire_after.as_deref()),
        limits: MessageLimits {
            octets: reader.size("max_message_size", document.max_message_size.as_deref()),
            recipients: document.max_recipients,
        },
        header_families: reader.list("header_families", &document.header_families, "write X-MS-Exchange"),
    })
}

fn domain(document: &sekisho_api::AcceptedDomain, file: &FilePart, faults: &mut Vec<Fault>) -> Option<AcceptedDomain> {
    let mut reader = Reader::at(document.id().title(), faults);
    let organization = reader.parse("organization", &document.organization, "");
    let domain: Domain = reader.parse("name", &document.name, "write a domain, without *.")?;
    if let Some((above, key)) = file.relay_below.iter().find(|(above, _)| domain.is_below(above)) {
        let reason = format!("sekisho.toml takes mail for everything below {above} already ({key})");
        let remedy = "a domain belongs to one organization: take one of them out";
        reader.fault("name", reason, remedy);
    }
    let check = recipient_check(document, &domain, &mut reader);
    Some(AcceptedDomain {
        domain,
        organization: organization?,
        check,
        final_refusal: match document.final_refusal {
            sekisho_api::FinalRefusal::Hold => FinalRefusal::Hold,
            sekisho_api::FinalRefusal::Bounce => FinalRefusal::Bounce,
        },
        kind: match document.kind {
            sekisho_api::DomainType::Authoritative => DomainKind::Authoritative,
            sekisho_api::DomainType::InternalRelay => DomainKind::InternalRelay,
            sekisho_api::DomainType::ExternalRelay => DomainKind::ExternalRelay,
        },
        origin: Origin::Directory,
    })
}

/// One of the configuration file: nobody is looked for in it.
fn of_file(domain: &FileDomain) -> AcceptedDomain {
    AcceptedDomain {
        domain: domain.domain.clone(),
        organization: OrganizationName::FIRST,
        kind: domain.kind,
        check: RecipientCheck::None,
        final_refusal: FinalRefusal::Hold,
        origin: Origin::File(domain.key.clone()),
    }
}

fn recipient_check(document: &sekisho_api::AcceptedDomain, domain: &Domain, reader: &mut Reader<'_>) -> RecipientCheck {
    if !document.recipients.is_empty() && document.recipient_check != sekisho_api::RecipientCheck::List {
        let reason = "they are looked at with recipient_check list alone";
        reader.fault("recipients", reason, "set recipient_check to list, or take them out");
    }
    let parse = |text: &str| recipient(text, domain);
    let remedy = "write bob, or bob@ and this domain";
    match document.recipient_check {
        sekisho_api::RecipientCheck::None => RecipientCheck::None,
        sekisho_api::RecipientCheck::Probe => RecipientCheck::Probe,
        sekisho_api::RecipientCheck::List => {
            let listed = reader.list_by(parse, "recipients", &document.recipients, remedy);
            RecipientCheck::List(Arc::new(listed.iter().map(RecipientCheck::plain).collect()))
        }
    }
}

/// A local part or a whole address, in this domain.
fn recipient(text: &str, domain: &Domain) -> Result<Mailbox, String> {
    let parsed = match text.rsplit_once('@') {
        Some(_) if !text.ends_with('"') => Mailbox::parse(text),
        _ => Mailbox::at_domain(text, domain),
    };
    let mailbox = parsed.map_err(|error| error.to_string())?;
    if mailbox.host().domain() == Some(domain) {
        Ok(mailbox)
    } else {
        Err(format!("it is not in {domain}"))
    }
}

/// Of a route and a connector for the same domains neither could be said to be the one.
fn check_routes(connector: &OutboundConnector, file: &FilePart, faults: &mut Vec<Fault>) {
    if !connector.enabled || !connector.key.organization.is_first() {
        return;
    }
    for route in &file.routes {
        let patterns = route.domains.iter();
        for scope in patterns.filter_map(|pattern| connector.recipient_domains.iter().find(|one| is(one, pattern))) {
            let mut reader = Reader::at(format!("outbound connector {}", connector.key), faults);
            reader.fault(
                "recipient_domains",
                format!(
                    "{scope}: route {:?} of sekisho.toml is for the same domains",
                    route.name
                ),
                "take the domains out of one of them, or disable the connector",
            );
        }
    }
}

fn is(scope: &DomainScope, pattern: &DomainPattern) -> bool {
    match (scope, pattern) {
        (DomainScope::Exact(domain), DomainPattern::Exact(Host::Domain(other)))
        | (DomainScope::Within(domain), DomainPattern::Below(other)) => domain == other,
        (DomainScope::Everything, DomainPattern::Everything) => true,
        (
            DomainScope::Exact(_) | DomainScope::Within(_) | DomainScope::Everything,
            DomainPattern::Exact(_) | DomainPattern::Below(_) | DomainPattern::Everything,
        ) => false,
    }
}
