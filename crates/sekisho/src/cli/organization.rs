//! `sekisho organization`: whose mail is carried.

use clap::{Args, Subcommand};
use sekisho_api::{
    AcceptedDomain, DirectoryQuery, DirectoryView, Document, DocumentId, DocumentKind, Documents, FIRST_ORGANIZATION,
    InboundConnector, Organization, OutboundConnector, OutboundTls, Revocation,
};

use super::{
    CliError, Finding,
    changes::{self, ChangeArgs, TextFile, set, set_list, set_text},
    document,
    door::Door,
    output::Listing,
};
use crate::telemetry::escaped;

#[derive(Debug, Subcommand)]
pub(super) enum OrganizationCommand {
    /// Adds an organization
    Add(SetArgs),
    /// Changes fields of an organization; `default` is always there
    Set(SetArgs),
    /// Shows an organization with all its fields
    Show(ShowArgs),
    /// Lists all organizations
    List(ListArgs),
    /// Removes an organization that has neither domains nor connectors nor rules any more
    Remove(RemoveArgs),
}

#[derive(Debug, Args)]
pub(super) struct SetArgs {
    /// 1 to 63 lower-case letters, digits and hyphens
    name: String,
    #[command(flatten)]
    flags: Flags,
    #[command(flatten)]
    change: ChangeArgs,
}

#[derive(Debug, Args)]
struct Flags {
    /// Words of your own
    #[arg(long, value_name = "TEXT")]
    comment: Option<String>,
    /// Refuses mail from its own domains unless the client is known by a connector or may relay
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    reject_direct_send: Option<bool>,
    /// Takes mail for its domains under TLS alone
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    require_tls_inbound: Option<bool>,
    /// What must hold of every connection on which its mail leaves: opportunistic, encryption, certificate, or domain
    /// [default: opportunistic]
    #[arg(long, value_name = "LEVEL", value_parser = changes::word::<OutboundTls>)]
    require_tls_outbound: Option<OutboundTls>,
    /// A PEM file with certificates that are added to the roots for its connectors without trust anchors of their own,
    /// for its rules and --require-tls-outbound; it is read now and kept; empty to unset
    #[arg(long, value_name = "FILE", value_parser = TextFile::read)]
    trust_anchors: Option<TextFile>,
    /// Whether certificates may be revoked ones where a valid one is demanded: off, soft-fail (passes while that cannot
    /// be found out) or hard-fail (waits) [default: hard-fail]
    #[arg(long, value_name = "MODE", value_parser = changes::word::<Revocation>)]
    revocation: Option<Revocation>,
    /// Refuses certificates that say nowhere how they would be revoked
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    refuse_not_revocable: Option<bool>,
    /// The age at which undelivered mail is given up: 48h, 5d; empty to unset
    #[arg(long, value_name = "AGE")]
    expire_after: Option<String>,
    /// How large a message for its domains, or from it to elsewhere, may be: 25MiB; empty to unset
    #[arg(long, value_name = "SIZE")]
    max_message_size: Option<String>,
    /// How many recipients such a message may have; empty to unset
    #[arg(long, value_name = "NUMBER", value_parser = changes::number)]
    max_recipients: Option<changes::Number>,
    /// Families of header fields that its own servers alone may write: X-MS-Exchange is for
    /// X-MS-Exchange-Organization-* and X-MS-Exchange-CrossPremises-* [default: X-MS-Exchange,X-Sekisho]
    #[arg(long, value_name = "STEM", value_delimiter = ',')]
    header_families: Option<Vec<String>>,
}

impl Flags {
    fn apply(&self, document: &mut Organization) {
        set(&mut document.comment, self.comment.as_ref());
        set(&mut document.reject_direct_send, self.reject_direct_send.as_ref());
        set(&mut document.require_tls_inbound, self.require_tls_inbound.as_ref());
        set(&mut document.require_tls_outbound, self.require_tls_outbound.as_ref());
        if let Some(file) = &self.trust_anchors {
            file.set(&mut document.trust_anchors);
        }
        set(&mut document.revocation, self.revocation.as_ref());
        set(&mut document.refuse_not_revocable, self.refuse_not_revocable.as_ref());
        set_text(&mut document.expire_after, self.expire_after.as_ref());
        set_text(&mut document.max_message_size, self.max_message_size.as_ref());
        if let Some(changes::Number(number)) = self.max_recipients {
            document.max_recipients = number;
        }
        set_list(&mut document.header_families, self.header_families.as_ref());
    }
}

#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    /// Its name
    name: String,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// Prints JSON, one organization a line
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct RemoveArgs {
    /// Its name
    name: String,
    #[command(flatten)]
    change: ChangeArgs,
}

pub(super) async fn run(command: OrganizationCommand, door: &Door) -> Result<Finding, CliError> {
    match command {
        OrganizationCommand::Add(args) => {
            let view = fetch(&args.name, door).await?;
            if find(&view, &args.name).is_some() {
                return Err(changes::there_already(&id(&args.name)));
            }
            let mut document = Organization::named(&args.name, &args.name);
            args.flags.apply(&mut document);
            document::put(document, &args.change, view.version, door).await
        }
        OrganizationCommand::Set(args) => {
            let view = fetch(&args.name, door).await?;
            let mut document = sought(&view, &args.name)?;
            args.flags.apply(&mut document);
            document::put(document, &args.change, view.version, door).await
        }
        OrganizationCommand::Show(args) => {
            let view = fetch(&args.name, door).await?;
            changes::show(&sought(&view, &args.name)?, args.json, |_| "")
        }
        OrganizationCommand::List(args) => list(args.json, door).await,
        OrganizationCommand::Remove(args) => {
            let based_on = changes::version(door).await?;
            let remove = vec![id(&args.name)];
            args.change.make(door, based_on, Documents::default(), remove).await
        }
    }
}

/// This organization alone at the version in force.
async fn fetch(name: &str, door: &Door) -> Result<DirectoryView, CliError> {
    let query = DirectoryQuery {
        kind: Some(DocumentKind::Organization),
        organization: None,
        name: Some(name.to_owned()),
    };
    changes::found(door, &query).await
}

async fn list(json: bool, door: &Door) -> Result<Finding, CliError> {
    // The whole directory: of each organization is said how much it has.
    let view = changes::current(door).await?;
    let documents = &view.documents;
    let mut names: Vec<&str> = documents.organization.iter().map(|one| one.name.as_str()).collect();
    if !names.contains(&FIRST_ORGANIZATION) {
        names.push(FIRST_ORGANIZATION);
        names.sort_unstable();
    }
    let mut list = Listing::open(json, &["organization", "domains", "connectors", "comment"]);
    for organization in names.into_iter().filter_map(|name| find(&view, name)) {
        list.item(&organization, || row(&organization, documents))?;
    }
    list.end()
}

fn row(organization: &Organization, documents: &Documents) -> [String; 4] {
    let connectors =
        count::<InboundConnector>(documents, organization) + count::<OutboundConnector>(documents, organization);
    [
        escaped(&organization.name).to_string(),
        count::<AcceptedDomain>(documents, organization).to_string(),
        connectors.to_string(),
        escaped(&organization.comment).to_string(),
    ]
}

fn count<D: Document>(documents: &Documents, of: &Organization) -> usize {
    D::of(documents)
        .iter()
        .filter(|one| one.organization() == of.name)
        .count()
}

fn sought(view: &DirectoryView, name: &str) -> Result<Organization, CliError> {
    find(view, name).ok_or_else(|| changes::not_there(&id(name)))
}

/// The first one is there even if nothing is set about it.
fn find(view: &DirectoryView, name: &str) -> Option<Organization> {
    let found = view.documents.organization.iter().find(|one| one.name == name);
    let first = || (name == FIRST_ORGANIZATION).then(|| Organization::named(name, name));
    found.cloned().or_else(first)
}

fn id(name: &str) -> DocumentId {
    DocumentId {
        kind: DocumentKind::Organization,
        organization: name.to_owned(),
        name: name.to_owned(),
    }
}
