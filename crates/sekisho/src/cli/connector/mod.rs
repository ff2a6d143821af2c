//! `sekisho connector`: who brings mail, where it goes, and what must hold there.

mod inbound;
mod outbound;
mod suggest;
mod validate;

use clap::{Args, Subcommand, ValueEnum};
use sekisho_api::{
    ConnectorType, DocumentKind, InboundConnector, LastValidation, LookupMode, OutboundConnector, Tried,
};
use serde::Serialize;
use serde_json::json;

use self::{
    inbound::InboundFlags,
    outbound::OutboundFlags,
    validate::{ValidateArgs, ValidationsArgs},
};
use super::{
    CliError, Finding, changes,
    document::{self, ListArgs, NamedArgs, SetArgs, ShowArgs},
    door::Door,
    output::{Listing, Output},
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
    Show(Directed<ShowArgs>),
    /// Lists connectors
    List(ListConnectorsArgs),
    /// Looks at a connector again
    Enable(Directed<NamedArgs>),
    /// Keeps a connector and never looks at it
    Disable(Directed<NamedArgs>),
    /// Removes a connector
    Remove(Directed<NamedArgs>),
    /// Tries an outbound connector: goes through all its hosts step by step, and sends a test message
    Validate(ValidateArgs),
    /// Lists how an outbound connector came out of its validations, newest first
    Validations(ValidationsArgs),
    /// Makes or changes the draft of a connector, which is tried in its place; what is not named stays as it is
    #[command(subcommand)]
    Draft(SetCommand),
    /// Says what a connector that is tried, or the draft of one, would have made of the mail so far
    Shadow(Directed<ReportArgs>),
    /// Enforces a connector that is tried, or the draft of one; refused while that would break recent mail
    Promote(Directed<PromoteArgs>),
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

/// What there is to say of any document, and which way the connector is for.
#[derive(Debug, Args)]
pub(super) struct Directed<Rest: Args> {
    /// Which way
    direction: Direction,
    #[command(flatten)]
    rest: Rest,
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
pub(super) struct ListConnectorsArgs {
    /// Only those of one way
    direction: Option<Direction>,
    #[command(flatten)]
    rest: ListArgs,
}

pub(super) async fn run(command: ConnectorCommand, door: &Door) -> Result<Finding, CliError> {
    match command {
        ConnectorCommand::Add(SetCommand::Inbound(args)) => document::add(&args, door).await,
        ConnectorCommand::Add(SetCommand::Outbound(args)) => document::add(&args, door).await,
        ConnectorCommand::Set(SetCommand::Inbound(args)) => document::set(&args, door).await,
        ConnectorCommand::Set(SetCommand::Outbound(args)) => document::set(&args, door).await,
        ConnectorCommand::Draft(SetCommand::Inbound(args)) => document::draft(&args, door).await,
        ConnectorCommand::Draft(SetCommand::Outbound(args)) => document::draft(&args, door).await,
        ConnectorCommand::Show(args) => match args.direction {
            Direction::Inbound => show_inbound(&args.rest, door).await,
            Direction::Outbound => show_outbound(&args.rest, door).await,
        },
        ConnectorCommand::List(args) => list(&args, door).await,
        ConnectorCommand::Enable(args) => enable(&args, true, door).await,
        ConnectorCommand::Disable(args) => enable(&args, false, door).await,
        ConnectorCommand::Remove(args) => document::remove(&args.rest, args.direction.kind(), door).await,
        ConnectorCommand::Validate(args) => validate::validate(args, door).await,
        ConnectorCommand::Validations(args) => validate::list(args, door).await,
        ConnectorCommand::Shadow(args) => shadow::report(&args.rest, args.direction.kind(), door).await,
        ConnectorCommand::Promote(args) => shadow::promote(&args.rest, args.direction.kind(), door).await,
        ConnectorCommand::Suggest(args) => suggest::run(&args, door).await,
    }
}

async fn enable(args: &Directed<NamedArgs>, enabled: bool, door: &Door) -> Result<Finding, CliError> {
    match args.direction {
        Direction::Inbound => document::enable::<InboundConnector>(&args.rest, enabled, door).await,
        Direction::Outbound => document::enable::<OutboundConnector>(&args.rest, enabled, door).await,
    }
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

async fn show_inbound(args: &ShowArgs, door: &Door) -> Result<Finding, CliError> {
    let document: InboundConnector = args.name.current(door).await?;
    let by_type = if document.require_tls.is_none() {
        ": as connector_type has it"
    } else {
        ""
    };
    let note = |field: &str| if field == "require_tls" { by_type } else { "" };
    changes::show(&document, args.json, note)
}

async fn show_outbound(args: &ShowArgs, door: &Door) -> Result<Finding, CliError> {
    let document: OutboundConnector = args.name.current(door).await?;
    let lasts = validate::lasts(Some(&document.organization), Some(&document.name), door).await?;
    let (last, not_looked_up) = (lasts.first(), not_looked_up(&document));
    if args.json {
        Output::open().json(&WithLast {
            document: &document,
            last_validation: last,
            not_looked_up: &not_looked_up,
        })?;
        return Ok(Finding::Done);
    }
    changes::show(&document, false, |field| match not_looked_up.contains(&field) {
        true => " (not looked up yet by this version)",
        false => "",
    })?;
    let mut out = Output::open();
    out.line(format_args!("  {:<36}{}", "last validation", validate::in_words(last)))?;
    if let Some(why) = last.and_then(|last| last.why.as_ref()) {
        out.line(format_args!("  {:<36}{}", "", escaped(why)))?;
    }
    Ok(Finding::Done)
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

async fn list(args: &ListConnectorsArgs, door: &Door) -> Result<Finding, CliError> {
    let inbound: Vec<InboundConnector> = match args.direction {
        Some(Direction::Outbound) => Vec::new(),
        _ => args.rest.fetch(door).await?,
    };
    let outbound: Vec<OutboundConnector> = match args.direction {
        Some(Direction::Inbound) => Vec::new(),
        _ => args.rest.fetch(door).await?,
    };
    let lasts = validate::lasts(args.rest.organization.as_deref(), None, door).await?;
    let last_of = |connector: &OutboundConnector| {
        let is_its_own =
            |last: &&LastValidation| last.organization == connector.organization && last.connector == connector.name;
        lasts.iter().find(is_its_own)
    };
    let header = ["way", "connector", "state", "type", "domains", "TLS", "last validation"];
    let mut list = Listing::open(args.rest.json, &header);
    for connector in &inbound {
        list.item(&json!({"inbound_connector": connector}), || inbound_row(connector))?;
    }
    for connector in &outbound {
        let last = last_of(connector);
        let value = json!({"outbound_connector": connector, "last_validation": last});
        list.item(&value, || outbound_row(connector, last))?;
    }
    list.end()
}

fn inbound_row(connector: &InboundConnector) -> [String; 7] {
    let is_partner = connector.connector_type == ConnectorType::Partner;
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
        connector,
        connector.connector_type,
        &connector.sender_domains,
        (demanded.join(", "), String::new()),
    )
}

fn outbound_row(connector: &OutboundConnector, last: Option<&LastValidation>) -> [String; 7] {
    row(
        "outbound",
        connector,
        connector.connector_type,
        &connector.recipient_domains,
        (
            changes::value_in_words(connector.tls_settings),
            validate::in_words(last),
        ),
    )
}

fn row(
    way: &str,
    connector: &impl Tried,
    kind: ConnectorType,
    domains: &[String],
    (tls, validated): (String, String),
) -> [String; 7] {
    let key = format!("{}/{}", connector.organization(), connector.name());
    [
        way.to_owned(),
        escaped(&key).to_string(),
        changes::state(connector),
        changes::value_in_words(kind),
        escaped(&domains.join(", ")).to_string(),
        tls,
        validated,
    ]
}
