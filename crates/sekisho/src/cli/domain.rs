//! `sekisho domain`: the domains whose mail is accepted, and whose they are.

use clap::{Args, Subcommand};
use sekisho_api::{
    AcceptedDomain, DirectoryQuery, DirectoryView, DocumentId, DocumentKind, Documents, DomainType, FIRST_ORGANIZATION,
    FinalRefusal, RecipientCheck,
};
use sekisho_mail::Domain;

use super::{
    CliError, Finding,
    changes::{self, ChangeArgs, TextFile, set, set_list},
    door::Door,
    output::Output,
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
pub(super) struct ListArgs {
    /// Only those of this organization
    #[arg(long, value_name = "NAME")]
    organization: Option<String>,
    /// Prints JSON, one domain a line
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

impl DomainCommand {
    /// What has to be known of the directory.
    fn query(&self) -> DirectoryQuery {
        let (name, organization) = match self {
            Self::Add(args) | Self::Set(args) => (Some(&args.name), None),
            Self::Show(args) => (Some(&args.name), None),
            Self::Remove(args) => (Some(&args.name), None),
            Self::List(args) => (None, args.organization.clone()),
        };
        DirectoryQuery {
            kind: Some(DocumentKind::Domain),
            organization,
            name: name.map(|name| normal(name)),
        }
    }
}

pub(super) async fn run(command: DomainCommand, door: &Door) -> Result<Finding, CliError> {
    let view = changes::found(door, &command.query()).await?;
    match command {
        DomainCommand::Add(args) => {
            if find(&view, &args.name).is_some() {
                return Err(changes::there_already(&id(&args.name)));
            }
            let document = AcceptedDomain {
                name: args.name.clone(),
                ..AcceptedDomain::default()
            };
            put(door, view.version, document, Vec::new(), &args).await
        }
        DomainCommand::Set(args) => {
            let document = sought(&view, &args.name)?.clone();
            let before = document.id();
            // Under another organization it is another document.
            let moves = args.organization.as_ref().is_some_and(|to| *to != before.organization);
            let remove = if moves { vec![before] } else { Vec::new() };
            put(door, view.version, document, remove, &args).await
        }
        DomainCommand::Show(args) => {
            let document = sought(&view, &args.name)?;
            changes::show(&document.id(), document, args.json, |_| "")
        }
        DomainCommand::List(args) => list(&view, &args),
        DomainCommand::Remove(args) => {
            let remove = vec![sought(&view, &args.name)?.id()];
            args.change.make(door, view.version, Documents::default(), remove).await
        }
    }
}

async fn put(
    door: &Door,
    based_on: u64,
    mut document: AcceptedDomain,
    remove: Vec<DocumentId>,
    args: &SetArgs,
) -> Result<Finding, CliError> {
    set(&mut document.organization, args.organization.as_ref());
    set(&mut document.kind, args.kind.as_ref());
    set(&mut document.recipient_check, args.recipient_check.as_ref());
    set_list(&mut document.recipients, args.recipients.as_ref());
    if let Some(file) = &args.recipients_from {
        set_list(&mut document.recipients, Some(&file.lines()?));
    }
    set(&mut document.final_refusal, args.final_refusal.as_ref());
    set(&mut document.comment, args.comment.as_ref());
    let put = Documents {
        domain: vec![document],
        ..Documents::default()
    };
    args.change.make(door, based_on, put, remove).await
}

fn list(view: &DirectoryView, args: &ListArgs) -> Result<Finding, CliError> {
    let mut out = Output::open();
    let mut table = changes::table(&["domain", "organization", "type", "comment"]);
    let of = |domain: &&AcceptedDomain| args.organization.as_ref().is_none_or(|of| domain.organization == *of);
    let mut finding = Finding::Missing;
    for domain in view.documents.domain.iter().filter(of) {
        finding = Finding::Done;
        if args.json {
            out.json(domain)?;
            continue;
        }
        let kind = serde_json::to_value(domain.kind).map_err(std::io::Error::from)?;
        table.add_row([
            escaped(&domain.name).to_string(),
            escaped(&domain.organization).to_string(),
            changes::in_words(&kind),
            escaped(&domain.comment).to_string(),
        ]);
    }
    if !args.json && finding == Finding::Done {
        out.line(table)?;
    }
    Ok(finding)
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
