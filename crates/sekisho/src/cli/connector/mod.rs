//! `sekisho connector`: who brings mail, where it goes, and what must hold there.

mod inbound;
mod outbound;
mod suggest;
mod validate;

use clap::{Args, Subcommand, ValueEnum};
use sekisho_api::{
    DirectoryQuery, DirectoryView, DocumentId, DocumentKind, Documents, InboundConnector, LastValidation, LookupMode,
    Mode, OutboundConnector,
};
use serde::Serialize;
use serde_json::{Value, json};

use self::{
    inbound::InboundFlags,
    outbound::OutboundFlags,
    validate::{ValidateArgs, ValidationsArgs},
};
use super::{
    CliError, Finding,
    changes::{self, ChangeArgs},
    door::Door,
    output::Output,
    shadow::{self, PromoteArgs, ReportArgs},
};
use crate::telemetry::escaped;

#[derive(Debug, Subcommand)]
pub(super) enum ConnectorCommand {
    /// Adds a connector
    #[command(subcommand)]
    Add(SetCommand),
    /// Changes fields of a connector; an empty value unsets a field or empties a list
    #[command(subcommand)]
    Set(SetCommand),
    /// Shows a connector with all its fields
    Show(ShowArgs),
    /// Lists connectors
    List(ListArgs),
    /// Looks at a connector again
    Enable(NamedArgs),
    /// Keeps a connector and never looks at it
    Disable(NamedArgs),
    /// Removes a connector
    Remove(NamedArgs),
    /// Tries an outbound connector: goes through all its hosts step by step, and sends a test message
    Validate(ValidateArgs),
    /// Lists how an outbound connector came out of its validations, newest first
    Validations(ValidationsArgs),
    /// Makes or changes the draft of a connector, which is tried in its place; what is not named stays as it is
    #[command(subcommand)]
    Draft(SetCommand),
    /// Says what a connector that is tried, or the draft of one, would have made of the mail so far
    Shadow(ShadowArgs),
    /// Enforces a connector that is tried, or the draft of one; refused while that would break recent mail
    Promote(PromoteConnectorArgs),
    /// Prints the strictest connectors that all mail seen with a domain would have satisfied, as text
    Suggest(suggest::SuggestArgs),
}

#[derive(Debug, Subcommand)]
pub(super) enum SetCommand {
    /// One for mail that comes in
    Inbound(Box<SetArgs<InboundFlags>>),
    /// One for mail that goes out
    Outbound(Box<SetArgs<OutboundFlags>>),
}

#[derive(Debug, Args)]
pub(super) struct SetArgs<Flags: Args> {
    #[command(flatten)]
    name: NameArgs,
    #[command(flatten)]
    flags: Flags,
    #[command(flatten)]
    change: ChangeArgs,
}

#[derive(Debug, Args)]
struct NameArgs {
    /// Its name, unique among those of its direction in the organization
    name: String,
    /// Whose it is
    #[arg(long, default_value = "default", value_name = "NAME")]
    organization: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Direction {
    /// For mail that comes in
    Inbound,
    /// For mail that goes out
    Outbound,
}

impl Direction {
    const fn kind(self) -> DocumentKind {
        match self {
            Self::Inbound => DocumentKind::InboundConnector,
            Self::Outbound => DocumentKind::OutboundConnector,
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    /// Which way
    direction: Direction,
    #[command(flatten)]
    name: NameArgs,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// Only those of one way
    direction: Option<Direction>,
    /// Only those of this organization
    #[arg(long, value_name = "NAME")]
    organization: Option<String>,
    /// Prints JSON, one connector a line
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct NamedArgs {
    /// Which way
    direction: Direction,
    #[command(flatten)]
    name: NameArgs,
    #[command(flatten)]
    change: ChangeArgs,
}

impl ConnectorCommand {
    /// What has to be known of the directory; of a list of both directions more than one question has for an answer.
    fn query(&self) -> Option<DirectoryQuery> {
        let id = match self {
            Self::Add(SetCommand::Inbound(args)) | Self::Set(SetCommand::Inbound(args)) => {
                args.name.id(Direction::Inbound)
            }
            Self::Add(SetCommand::Outbound(args)) | Self::Set(SetCommand::Outbound(args)) => {
                args.name.id(Direction::Outbound)
            }
            Self::Show(args) => args.name.id(args.direction),
            Self::Enable(args) | Self::Disable(args) | Self::Remove(args) => args.name.id(args.direction),
            Self::List(args) => return args.direction.map(|direction| args.query(direction)),
            _ => return None,
        };
        Some(DirectoryQuery::of(&id))
    }
}

impl ListArgs {
    fn query(&self, direction: Direction) -> DirectoryQuery {
        DirectoryQuery {
            kind: Some(direction.kind()),
            organization: self.organization.clone(),
            name: None,
        }
    }
}

/// Connectors of both directions.
async fn both_directions(command: &ConnectorCommand, door: &Door) -> Result<DirectoryView, CliError> {
    let ConnectorCommand::List(args) = command else {
        return changes::current(door).await;
    };
    let inbound = changes::found(door, &args.query(Direction::Inbound)).await?;
    let mut view = changes::found(door, &args.query(Direction::Outbound)).await?;
    view.documents.inbound_connector = inbound.documents.inbound_connector;
    Ok(view)
}

#[derive(Debug, Args)]
pub(super) struct ShadowArgs {
    /// Which way
    direction: Direction,
    #[command(flatten)]
    name: NameArgs,
    #[command(flatten)]
    report: ReportArgs,
}

#[derive(Debug, Args)]
pub(super) struct PromoteConnectorArgs {
    /// Which way
    direction: Direction,
    #[command(flatten)]
    name: NameArgs,
    #[command(flatten)]
    promotion: PromoteArgs,
}

pub(super) async fn run(command: ConnectorCommand, door: &Door) -> Result<Finding, CliError> {
    let command = match command {
        ConnectorCommand::Validate(args) => return validate::validate(args, door).await,
        ConnectorCommand::Validations(args) => return validate::list(args, door).await,
        ConnectorCommand::Suggest(args) => return suggest::run(&args, door).await,
        other => other,
    };
    let view = match command.query() {
        Some(query) => changes::found(door, &query).await?,
        None => both_directions(&command, door).await?,
    };
    match command {
        ConnectorCommand::Add(command) => add(command, &view, door).await,
        ConnectorCommand::Set(command) => set(command, &view, door).await,
        ConnectorCommand::Show(args) => show(&args, &view, door).await,
        ConnectorCommand::List(args) => list(&args, &view, door).await,
        ConnectorCommand::Enable(args) => enable(&args, true, &view, door).await,
        ConnectorCommand::Disable(args) => enable(&args, false, &view, door).await,
        ConnectorCommand::Remove(args) => {
            let remove = vec![args.name.id(args.direction)];
            args.change.make(door, view.version, Documents::default(), remove).await
        }
        ConnectorCommand::Validate(_) | ConnectorCommand::Validations(_) | ConnectorCommand::Suggest(_) => {
            Ok(Finding::Done)
        }
        ConnectorCommand::Draft(command) => draft(command, &view, door).await,
        ConnectorCommand::Shadow(args) => shadow::report(args.name.id(args.direction), &args.report, door).await,
        ConnectorCommand::Promote(args) => {
            let id = args.name.id(args.direction);
            shadow::promote(id, &args.promotion, view.version, door).await
        }
    }
}

impl NameArgs {
    fn id(&self, direction: Direction) -> DocumentId {
        DocumentId {
            kind: direction.kind(),
            organization: self.organization.clone(),
            name: self.name.clone(),
        }
    }

    fn inbound<'v>(&self, view: &'v DirectoryView) -> Option<&'v InboundConnector> {
        let mut connectors = view.documents.inbound_connector.iter();
        connectors.find(|one| one.name == self.name && one.organization == self.organization)
    }

    fn outbound<'v>(&self, view: &'v DirectoryView) -> Option<&'v OutboundConnector> {
        let mut connectors = view.documents.outbound_connector.iter();
        connectors.find(|one| one.name == self.name && one.organization == self.organization)
    }
}

async fn add(command: SetCommand, view: &DirectoryView, door: &Door) -> Result<Finding, CliError> {
    let mut put = Documents::default();
    let change = match command {
        SetCommand::Inbound(args) => {
            if let Some(one) = args.name.inbound(view) {
                return Err(changes::there_already(&one.id()));
            }
            let mut document = InboundConnector {
                organization: args.name.organization,
                name: args.name.name,
                ..InboundConnector::default()
            };
            args.flags.apply(&mut document)?;
            put.inbound_connector.push(document);
            args.change
        }
        SetCommand::Outbound(args) => {
            if let Some(one) = args.name.outbound(view) {
                return Err(changes::there_already(&one.id()));
            }
            let mut document = OutboundConnector {
                organization: args.name.organization,
                name: args.name.name,
                ..OutboundConnector::default()
            };
            args.flags.apply(&mut document)?;
            put.outbound_connector.push(document);
            args.change
        }
    };
    change.make(door, view.version, put, Vec::new()).await
}

async fn set(command: SetCommand, view: &DirectoryView, door: &Door) -> Result<Finding, CliError> {
    let mut put = Documents::default();
    let change = match command {
        SetCommand::Inbound(args) => {
            let found = args.name.inbound(view).cloned();
            let mut document = found.ok_or_else(|| changes::not_there(&args.name.id(Direction::Inbound)))?;
            args.flags.apply(&mut document)?;
            put.inbound_connector.push(document);
            args.change
        }
        SetCommand::Outbound(args) => {
            let found = args.name.outbound(view).cloned();
            let mut document = found.ok_or_else(|| changes::not_there(&args.name.id(Direction::Outbound)))?;
            args.flags.apply(&mut document)?;
            put.outbound_connector.push(document);
            args.change
        }
    };
    change.make(door, view.version, put, Vec::new()).await
}

/// The draft of a connector as it is, or a new one that says what the connector says, with what is named changed.
async fn draft(command: SetCommand, view: &DirectoryView, door: &Door) -> Result<Finding, CliError> {
    let mut put = Documents::default();
    let change = match command {
        SetCommand::Inbound(args) => {
            let live = args.name.inbound(view);
            let live = live.ok_or_else(|| changes::not_there(&args.name.id(Direction::Inbound)))?;
            let all = &view.documents.inbound_connector;
            let own = || all.iter().filter(|one| one.organization == live.organization);
            let draft = own().find(|one| one.draft_of.as_ref() == Some(&live.name)).cloned();
            let mut document = draft.unwrap_or_else(|| InboundConnector {
                name: shadow::draft_name(&live.name, |name| own().any(|one| one.name == name)),
                mode: Mode::Shadow,
                draft_of: Some(live.name.clone()),
                ..live.clone()
            });
            args.flags.apply(&mut document)?;
            put.inbound_connector.push(document);
            args.change
        }
        SetCommand::Outbound(args) => {
            let live = args.name.outbound(view);
            let live = live.ok_or_else(|| changes::not_there(&args.name.id(Direction::Outbound)))?;
            let all = &view.documents.outbound_connector;
            let own = || all.iter().filter(|one| one.organization == live.organization);
            let draft = own().find(|one| one.draft_of.as_ref() == Some(&live.name)).cloned();
            let mut document = draft.unwrap_or_else(|| OutboundConnector {
                name: shadow::draft_name(&live.name, |name| own().any(|one| one.name == name)),
                mode: Mode::Shadow,
                draft_of: Some(live.name.clone()),
                ..live.clone()
            });
            args.flags.apply(&mut document)?;
            put.outbound_connector.push(document);
            args.change
        }
    };
    change.make(door, view.version, put, Vec::new()).await
}

async fn enable(args: &NamedArgs, enabled: bool, view: &DirectoryView, door: &Door) -> Result<Finding, CliError> {
    let not_there = || changes::not_there(&args.name.id(args.direction));
    let mut put = Documents::default();
    match args.direction {
        Direction::Inbound => put.inbound_connector.push(InboundConnector {
            enabled,
            ..args.name.inbound(view).cloned().ok_or_else(not_there)?
        }),
        Direction::Outbound => put.outbound_connector.push(OutboundConnector {
            enabled,
            ..args.name.outbound(view).cloned().ok_or_else(not_there)?
        }),
    }
    args.change.make(door, view.version, put, Vec::new()).await
}

/// An outbound connector as `--json` has it.
#[derive(Serialize)]
struct WithLast<'a> {
    #[serde(flatten)]
    document: &'a OutboundConnector,
    last_validation: Option<&'a LastValidation>,
    /// Fields whose look-ups this version does not make.
    not_looked_up: &'a [&'static str],
}

async fn show(args: &ShowArgs, view: &DirectoryView, door: &Door) -> Result<Finding, CliError> {
    let not_there = || changes::not_there(&args.name.id(args.direction));
    match args.direction {
        Direction::Inbound => {
            let document = args.name.inbound(view).ok_or_else(not_there)?;
            let by_type = if document.require_tls.is_none() {
                ": as connector_type has it"
            } else {
                ""
            };
            let note = |field: &str| if field == "require_tls" { by_type } else { "" };
            changes::show(&document.id(), document, args.json, note)
        }
        Direction::Outbound => {
            let document = args.name.outbound(view).ok_or_else(not_there)?;
            let lasts = validate::lasts(Some(&document.organization), Some(&document.name), door).await?;
            let (last, not_looked_up) = (lasts.first(), not_looked_up(document));
            if args.json {
                Output::open().json(&WithLast {
                    document,
                    last_validation: last,
                    not_looked_up: &not_looked_up,
                })?;
                return Ok(Finding::Done);
            }
            changes::show(&document.id(), document, false, |field| {
                match not_looked_up.contains(&field) {
                    true => " (not looked up yet by this version)",
                    false => "",
                }
            })?;
            let mut out = Output::open();
            out.line(format_args!("  {:<36}{}", "last validation", validate::in_words(last)))?;
            if let Some(why) = last.and_then(|last| last.why.as_ref()) {
                out.line(format_args!("  {:<36}{}", "", escaped(why)))?;
            }
            Ok(Finding::Done)
        }
    }
}

/// The fields by which something would be looked up that this version does not look up yet.
fn not_looked_up(document: &OutboundConnector) -> Vec<&'static str> {
    let modes = [
        ("smtp_dane_mode", document.smtp_dane_mode),
        ("mta_sts_mode", document.mta_sts_mode),
    ];
    let wanted = modes.into_iter().filter(|(_, mode)| *mode != LookupMode::None);
    wanted.map(|(field, _)| field).collect()
}

async fn list(args: &ListArgs, view: &DirectoryView, door: &Door) -> Result<Finding, CliError> {
    let lasts = validate::lasts(args.organization.as_deref(), None, door).await?;
    let last_of = |connector: &OutboundConnector| {
        let is_its_own =
            |last: &&LastValidation| last.organization == connector.organization && last.connector == connector.name;
        lasts.iter().find(is_its_own)
    };
    let of = |organization: &str| args.organization.as_ref().is_none_or(|of| organization == of);
    let wanted = |direction| args.direction.is_none_or(|only| only == direction);
    let inbound = view.documents.inbound_connector.iter();
    let inbound = inbound.filter(|one| wanted(Direction::Inbound) && of(&one.organization));
    let outbound = view.documents.outbound_connector.iter();
    let outbound = outbound.filter(|one| wanted(Direction::Outbound) && of(&one.organization));
    let mut out = Output::open();
    let (mut table, mut found) = (
        changes::table(&["way", "connector", "state", "type", "domains", "TLS", "last validation"]),
        false,
    );
    for connector in inbound {
        found = true;
        if args.json {
            out.json(&json!({"inbound_connector": connector}))?;
        } else {
            table.add_row(inbound_row(connector));
        }
    }
    for connector in outbound {
        found = true;
        if args.json {
            out.json(&json!({"outbound_connector": connector, "last_validation": last_of(connector)}))?;
        } else {
            table.add_row(outbound_row(connector, last_of(connector)));
        }
    }
    if found && !args.json {
        out.line(table)?;
    }
    Ok(if found { Finding::Done } else { Finding::Missing })
}

fn inbound_row(connector: &InboundConnector) -> [String; 7] {
    let is_partner = connector.connector_type == sekisho_api::ConnectorType::Partner;
    let mut demanded = Vec::new();
    if connector
        .require_tls
        .unwrap_or(is_partner && connector.trusted_organizations.is_empty())
    {
        demanded.push("required".to_owned());
    }
    if let Some(name) = &connector.tls_sender_certificate_name {
        demanded.push(format!("certificate {}", escaped(name)));
    }
    row(
        "inbound",
        (&connector.organization, &connector.name),
        changes::state(connector.enabled, connector.mode, connector.draft_of.as_deref()),
        &serde_json::to_value(connector.connector_type).unwrap_or_default(),
        &connector.sender_domains,
        (demanded.join(", "), String::new()),
    )
}

fn outbound_row(connector: &OutboundConnector, last: Option<&LastValidation>) -> [String; 7] {
    row(
        "outbound",
        (&connector.organization, &connector.name),
        changes::state(connector.enabled, connector.mode, connector.draft_of.as_deref()),
        &serde_json::to_value(connector.connector_type).unwrap_or_default(),
        &connector.recipient_domains,
        (
            changes::in_words(&serde_json::to_value(connector.tls_settings).unwrap_or_default()),
            validate::in_words(last),
        ),
    )
}

fn row(
    way: &str,
    (organization, name): (&str, &str),
    state: String,
    kind: &Value,
    domains: &[String],
    (tls, validated): (String, String),
) -> [String; 7] {
    let key = format!("{organization}/{name}");
    [
        way.to_owned(),
        escaped(&key).to_string(),
        state,
        changes::in_words(kind),
        escaped(&domains.join(", ")).to_string(),
        tls,
        validated,
    ]
}
