//! `sekisho domain`: the domains whose mail is accepted, and whose they are.

use clap::{Args, Subcommand};
use sekisho_api::{
    AcceptedDomain, DirectoryQuery, DirectoryView, Document, DocumentId, DocumentKind, Documents, DomainType,
    FIRST_ORGANIZATION, FinalRefusal, RecipientCheck,
};
use sekisho_mail::Domain;

use super::{
    CliError, Finding,
    changes::{self, ChangeArgs, TextFile, set, set_list},
    document::{self, ListArgs},
    door::Door,
    output::Listing,
};
use crate::telemetry::escaped;

#[derive(Debug, Subcommand)]
pub(super) enum DomainCommand {
    /// Accepts mail for a domain
    Add(SetArgs),
    /// Changes an accepted domain, also to whom it belongs
    Set(SetArgs),
    /// Shows an accepted domain with all its fields
    Show(ShowArgs),
    /// Lists the accepted domains of the directory; those of sekisho.toml stand there
    List(ListArgs),
    /// Accepts mail for a domain no longer
    Remove(RemoveArgs),
}

#[derive(Debug, Args)]
pub(super) struct SetArgs {
    /// The domain; it alone, and none below it
    name: String,
    /// Whose it is [default: default]
    #[arg(long, value_name = "NAME")]
    organization: Option<String>,
    /// What becomes of its mail: authoritative (all recipients are here), internal-relay (some are), external-relay
    /// (none is)
    #[arg(long = "type", value_name = "TYPE", value_parser = changes::word::<DomainType>)]
    kind: Option<DomainType>,
    /// A relay domain's: how a recipient without a mailbox here is looked for before mail for it is taken: none, list
    /// (--recipients), or probe (the next hop is asked)
    #[arg(long, value_name = "CHECK", value_parser = changes::word::<RecipientCheck>)]
    recipient_check: Option<RecipientCheck>,
    /// List: who there is beside the mailboxes here: bob, or bob@example.org
    #[arg(long, value_name = "RECIPIENT", value_delimiter = ',')]
    recipients: Option<Vec<String>>,
    /// List: a file with all of them, one a line; - for standard input
    #[arg(long, value_name = "FILE", conflicts_with = "recipients", value_parser = TextFile::read)]
    recipients_from: Option<TextFile>,
    /// A relay domain's: what becomes of a stranger's mail that the next hop refuses for good: hold, or bounce (whoever
    /// MAIL FROM names is told) [default: hold]
    #[arg(long, value_name = "WHAT", value_parser = changes::word::<FinalRefusal>)]
    final_refusal: Option<FinalRefusal>,
    /// Words of your own
    #[arg(long, value_name = "TEXT")]
    comment: Option<String>,
    #[command(flatten)]
    change: ChangeArgs,
}

#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    /// The domain
    name: String,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct RemoveArgs {
    /// The domain
    name: String,
    #[command(flatten)]
    change: ChangeArgs,
}

pub(super) async fn run(command: DomainCommand, door: &Door) -> Result<Finding, CliError> {
    match command {
        DomainCommand::Add(args) => add(&args, door).await,
        DomainCommand::Set(args) => set_fields(&args, door).await,
        DomainCommand::Show(args) => {
            let view = fetch(&args.name, door).await?;
            changes::show(sought(&view, &args.name)?, args.json, |_| "")
        }
        DomainCommand::List(args) => list(&args, door).await,
        DomainCommand::Remove(args) => {
            let view = fetch(&args.name, door).await?;
            let remove = vec![sought(&view, &args.name)?.id()];
            args.change.make(door, view.version, Documents::default(), remove).await
        }
    }
}

async fn add(args: &SetArgs, door: &Door) -> Result<Finding, CliError> {
    let view = fetch(&args.name, door).await?;
    if find(&view, &args.name).is_some() {
        return Err(changes::there_already(&id(&args.name)));
    }
    let mut document = AcceptedDomain::named(FIRST_ORGANIZATION, &args.name);
    args.apply(&mut document)?;
    document::put(document, &args.change, view.version, door).await
}

async fn set_fields(args: &SetArgs, door: &Door) -> Result<Finding, CliError> {
    let view = fetch(&args.name, door).await?;
    let mut document = sought(&view, &args.name)?.clone();
    let before = document.id();
    args.apply(&mut document)?;
    // Under another organization it is another document.
    let moves = document.organization != before.organization;
    let remove = if moves { vec![before] } else { Vec::new() };
    args.change.make(door, view.version, document.into(), remove).await
}

impl SetArgs {
    fn apply(&self, document: &mut AcceptedDomain) -> Result<(), CliError> {
        set(&mut document.organization, self.organization.as_ref());
        set(&mut document.kind, self.kind.as_ref());
        set(&mut document.recipient_check, self.recipient_check.as_ref());
        set_list(&mut document.recipients, self.recipients.as_ref());
        if let Some(file) = &self.recipients_from {
            set_list(&mut document.recipients, Some(&file.lines()?));
        }
        set(&mut document.final_refusal, self.final_refusal.as_ref());
        set(&mut document.comment, self.comment.as_ref());
        Ok(())
    }
}

async fn list(args: &ListArgs, door: &Door) -> Result<Finding, CliError> {
    let mut list = Listing::open(args.json, &["domain", "organization", "type", "comment"]);
    for domain in args.fetch::<AcceptedDomain>(door).await? {
        list.item(&domain, || row(&domain))?;
    }
    list.end()
}

fn row(domain: &AcceptedDomain) -> [String; 4] {
    [
        escaped(&domain.name).to_string(),
        escaped(&domain.organization).to_string(),
        changes::value_in_words(domain.kind),
        escaped(&domain.comment).to_string(),
    ]
}

/// This domain alone at the version in force, whosever it is.
async fn fetch(name: &str, door: &Door) -> Result<DirectoryView, CliError> {
    let query = DirectoryQuery {
        kind: Some(DocumentKind::Domain),
        organization: None,
        name: Some(normal(name)),
    };
    changes::found(door, &query).await
}

fn sought<'v>(view: &'v DirectoryView, name: &str) -> Result<&'v AcceptedDomain, CliError> {
    find(view, name).ok_or_else(|| changes::not_there(&id(name)))
}

fn find<'v>(view: &'v DirectoryView, name: &str) -> Option<&'v AcceptedDomain> {
    let name = normal(name);
    view.documents.domain.iter().find(|one| one.name == name)
}

/// As the directory has it.
fn normal(name: &str) -> String {
    Domain::parse(name).map_or_else(|_| name.to_owned(), |domain| domain.to_string())
}

fn id(name: &str) -> DocumentId {
    DocumentId {
        kind: DocumentKind::Domain,
        organization: FIRST_ORGANIZATION.to_owned(),
        name: name.to_owned(),
    }
}
