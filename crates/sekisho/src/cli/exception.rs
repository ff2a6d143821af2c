//! `sekisho exception`: what is let pass although a document demands more, who answers for it, and until when.

use clap::{Args, Subcommand};
use sekisho_api::{DirectoryQuery, DirectoryView, DocumentId, DocumentKind, Documents, Exception, Relaxation};
use sekisho_mail::Timestamp;

use super::{
    CliError, Finding,
    changes::{self, ChangeArgs, set, set_list, set_text},
    door::Door,
    output::Output,
    text,
};
use crate::{clock, directory::parse::until, telemetry::escaped};

#[derive(Debug, Subcommand)]
pub(super) enum ExceptionCommand {
    /// Adds an exception
    Add(Box<SetArgs>),
    /// Changes fields of an exception; an empty value unsets a field or empties a list
    Set(Box<SetArgs>),
    /// Shows an exception with all its fields
    Show(ShowArgs),
    /// Lists exceptions, those that have ended too
    List(ListArgs),
    /// Removes an exception
    Remove(RemoveArgs),
}

#[derive(Debug, Args)]
pub(super) struct SetArgs {
    #[command(flatten)]
    name: NameArgs,
    #[command(flatten)]
    flags: Flags,
    #[command(flatten)]
    change: ChangeArgs,
}

#[derive(Debug, Args)]
struct NameArgs {
    /// Its name, unique among the exceptions of the organization
    name: String,
    /// Whose it is
    #[arg(long, default_value = "default", value_name = "NAME")]
    organization: String,
}

#[derive(Debug, Args)]
struct Flags {
    /// Who answers for it
    #[arg(long, value_name = "TEXT")]
    owner: Option<String>,
    /// Why it is there
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// When it ends, at most 366 days ahead: 2026-12-01 (that day included, in UTC) or 2026-12-01T18:00:00Z
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// About this outbound connector; an exception is about one thing
    #[arg(long, value_name = "NAME")]
    outbound_connector: Option<String>,
    /// About this inbound connector
    #[arg(long, value_name = "NAME")]
    inbound_connector: Option<String>,
    /// About this rule
    #[arg(long, value_name = "NAME")]
    rule: Option<String>,
    /// About require-tls-outbound of the organization, for recipients in this domain: old.example, or *.old.example
    #[arg(long, value_name = "DOMAIN")]
    recipient_domain: Option<String>,
    /// What is let pass: plaintext, any-certificate, any-name, expired-certificate, any-address or common-name
    #[arg(long, value_name = "WHAT", value_parser = changes::word::<Relaxation>)]
    allows: Option<Relaxation>,
    /// Only mail to these domains, or for an inbound connector from these: bank.example, or *.bank.example
    #[arg(long, value_name = "DOMAIN", value_delimiter = ',')]
    domains: Option<Vec<String>>,
}

impl Flags {
    fn apply(&self, document: &mut Exception) {
        set(&mut document.owner, self.owner.as_ref());
        set(&mut document.reason, self.reason.as_ref());
        set(&mut document.until, self.until.as_ref());
        set_text(&mut document.outbound_connector, self.outbound_connector.as_ref());
        set_text(&mut document.inbound_connector, self.inbound_connector.as_ref());
        set_text(&mut document.rule, self.rule.as_ref());
        set_text(&mut document.recipient_domain, self.recipient_domain.as_ref());
        if self.allows.is_some() {
            document.allows = self.allows;
        }
        set_list(&mut document.domains, self.domains.as_ref());
    }
}

#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    #[command(flatten)]
    name: NameArgs,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// Only those of this organization
    #[arg(long, value_name = "NAME")]
    organization: Option<String>,
    /// Prints JSON, one exception a line
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct RemoveArgs {
    #[command(flatten)]
    name: NameArgs,
    #[command(flatten)]
    change: ChangeArgs,
}

impl ExceptionCommand {
    /// What has to be known of the directory.
    fn query(&self) -> DirectoryQuery {
        match self {
            Self::Add(args) | Self::Set(args) => DirectoryQuery::of(&args.name.id()),
            Self::Show(args) => DirectoryQuery::of(&args.name.id()),
            Self::Remove(args) => DirectoryQuery::of(&args.name.id()),
            Self::List(args) => DirectoryQuery {
                kind: Some(DocumentKind::Exception),
                organization: args.organization.clone(),
                name: None,
            },
        }
    }
}

pub(super) async fn run(command: ExceptionCommand, door: &Door) -> Result<Finding, CliError> {
    let view = changes::found(door, &command.query()).await?;
    match command {
        ExceptionCommand::Add(args) => {
            if let Some(one) = args.name.find(&view) {
                return Err(changes::there_already(&one.id()));
            }
            let mut document = Exception {
                organization: args.name.organization,
                name: args.name.name,
                ..Exception::default()
            };
            args.flags.apply(&mut document);
            put(door, view.version, document, &args.change).await
        }
        ExceptionCommand::Set(args) => {
            let mut document = args.name.sought(&view)?.clone();
            args.flags.apply(&mut document);
            put(door, view.version, document, &args.change).await
        }
        ExceptionCommand::Show(args) => {
            let document = args.name.sought(&view)?;
            let note = match state(document, clock::now()) {
                "ended" => " (it has ended)",
                _ => "",
            };
            changes::show(&document.id(), document, args.json, |field| match field {
                "until" => note,
                _ => "",
            })
        }
        ExceptionCommand::List(args) => list(&args, &view),
        ExceptionCommand::Remove(args) => {
            let remove = vec![args.name.id()];
            args.change.make(door, view.version, Documents::default(), remove).await
        }
    }
}

impl NameArgs {
    fn id(&self) -> DocumentId {
        DocumentId {
            kind: DocumentKind::Exception,
            organization: self.organization.clone(),
            name: self.name.clone(),
        }
    }

    fn find<'v>(&self, view: &'v DirectoryView) -> Option<&'v Exception> {
        let mut exceptions = view.documents.exception.iter();
        exceptions.find(|one| one.name == self.name && one.organization == self.organization)
    }

    fn sought<'v>(&self, view: &'v DirectoryView) -> Result<&'v Exception, CliError> {
        self.find(view).ok_or_else(|| changes::not_there(&self.id()))
    }
}

async fn put(door: &Door, based_on: u64, document: Exception, change: &ChangeArgs) -> Result<Finding, CliError> {
    let put = Documents {
        exception: vec![document],
        ..Documents::default()
    };
    change.make(door, based_on, put, Vec::new()).await
}

/// As far as this machine's clock says; what is judged by is the server's.
fn state(exception: &Exception, now: Timestamp) -> &'static str {
    match until(&exception.until) {
        Ok(until) if now >= until => "ended",
        Ok(_) => "in force",
        Err(_) => "not in force",
    }
}

fn list(args: &ListArgs, view: &DirectoryView) -> Result<Finding, CliError> {
    let of = |one: &&Exception| args.organization.as_ref().is_none_or(|of| one.organization == *of);
    let mut exceptions: Vec<&Exception> = view.documents.exception.iter().filter(of).collect();
    exceptions.sort_by_key(|one| (&one.organization, &one.name));
    let now = clock::now();
    let mut out = Output::open();
    let mut table = changes::table(&["exception", "state", "until", "owner", "about", "allows"]);
    for exception in &exceptions {
        if args.json {
            out.json(exception)?;
            continue;
        }
        let title = format!("{}/{}", exception.organization, exception.name);
        let ends = until(&exception.until).map_or_else(|_| exception.until.clone(), text::local);
        table.add_row([
            escaped(&title).to_string(),
            state(exception, now).to_owned(),
            escaped(&ends).to_string(),
            escaped(&exception.owner).to_string(),
            escaped(&about(exception)).to_string(),
            exception.allows.map(word).unwrap_or_default().to_owned(),
        ]);
    }
    if !args.json && !exceptions.is_empty() {
        out.line(table)?;
    }
    Ok(if exceptions.is_empty() {
        Finding::Missing
    } else {
        Finding::Done
    })
}

fn about(exception: &Exception) -> String {
    let set = [
        ("outbound connector", &exception.outbound_connector),
        ("inbound connector", &exception.inbound_connector),
        ("rule", &exception.rule),
        ("mail to", &exception.recipient_domain),
    ];
    let set = set
        .into_iter()
        .filter_map(|(what, name)| Some(format!("{what} {}", name.as_ref()?)));
    let mut words: Vec<String> = set.collect();
    if !exception.domains.is_empty() {
        words.push(format!("only {}", exception.domains.join(" or ")));
    }
    words.join(", ")
}

const fn word(allows: Relaxation) -> &'static str {
    match allows {
        Relaxation::Plaintext => "plaintext",
        Relaxation::AnyCertificate => "any certificate",
        Relaxation::AnyName => "any name",
        Relaxation::ExpiredCertificate => "an expired certificate",
        Relaxation::AnyAddress => "any address",
        Relaxation::CommonName => "the common name",
    }
}
