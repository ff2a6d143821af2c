//! The command line: one file a subcommand, all through the management API (law 10).

mod alert;
mod apply;
mod certificate;
mod changes;
mod completions;
mod config;
mod connector;
mod directory;
mod document;
mod domain;
mod door;
mod endpoints;
mod exception;
mod explain;
mod forecast;
mod impact;
mod import;
mod organization;
mod output;
mod partner;
mod queue;
mod rule;
mod send;
mod serve;
mod shadow;
mod status;
mod store;
mod text;
mod tls;
mod trace;
mod trust;

use std::{io, path::PathBuf, process::ExitCode};

use clap::{Args, CommandFactory as _, Parser, Subcommand};
use sekisho_api::{ApiError, ErrorKind};
use thiserror::Error;

use crate::{
    config::{LoadError, Place},
    telemetry::escaped,
};

/// A mail transport that encrypts as well as both sides can, and can prove it afterwards
#[derive(Debug, Parser)]
#[command(name = "sekisho", version, propagate_version = true, after_help = EXIT_CODES)]
struct Cli {
    #[command(flatten)]
    place: PlaceArgs,
    #[command(subcommand)]
    command: Command,
}

/// What scripts may rely on.
const EXIT_CODES: &str = "\
Exit codes: 0 done; 1 something failed; 2 the command line is wrong; 3 nothing was found, or some ids were not; \
4 refused: the configuration or a change of the directory has faults, a message was judged and refused, or a connector \
did not pass its validation, or an endpoint does not work; 5 not now: \
the server or its store cannot be reached, or has no room; 6 somebody else has changed the directory meanwhile.";

#[derive(Debug, Args)]
struct PlaceArgs {
    /// The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]
    #[arg(long, global = true, value_name = "FILE", env = "SEKISHO_CONFIG")]
    config: Option<PathBuf>,
    /// The data folder, whatever the configuration says
    #[arg(long, global = true, value_name = "FOLDER", env = "SEKISHO_DATA_FOLDER")]
    data_folder: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the server
    Serve,
    /// Shows what the server is and how full it is
    Status(status::StatusArgs),
    /// Looks at the queue and gives orders for what is in it
    #[command(subcommand)]
    Queue(queue::QueueCommand),
    /// Finds messages and shows how they came in and went out, with the evidence on TLS
    Trace(trace::TraceArgs),
    /// Says which way mail to a recipient would take, and asks every host; no mail is sent
    Explain(explain::ExplainArgs),
    /// Says what a recipient would be answered, and what each inbound connector has to do with it
    ExplainInbound(explain::ExplainInboundArgs),
    /// Checks and shows the configuration
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Shows TLS as it is in force
    #[command(subcommand)]
    Tls(tls::TlsCommand),
    /// Checks and recovers the data folder of a server that does not run
    #[command(subcommand)]
    Store(store::StoreCommand),
    /// Adds, changes and lists organizations: whose mail is carried
    #[command(subcommand)]
    Organization(organization::OrganizationCommand),
    /// Adds, changes and lists accepted domains: whose mail is taken from anyone
    #[command(subcommand)]
    Domain(domain::DomainCommand),
    /// Adds, changes and lists connectors: what is demanded of those who bring mail and where mail goes
    #[command(subcommand)]
    Connector(connector::ConnectorCommand),
    /// Adds, changes and lists rules: what is demanded of single messages
    #[command(subcommand)]
    Rule(rule::RuleCommand),
    /// Adds, changes and lists dated exceptions: what is let pass although more is demanded, until when
    #[command(subcommand)]
    Exception(exception::ExceptionCommand),
    /// Looks at our own certificates, imports, requests and activates them
    #[command(subcommand)]
    Certificate(Box<certificate::CertificateCommand>),
    /// What own traffic has taught of those with whom mail is exchanged
    #[command(subcommand)]
    Partner(partner::PartnerCommand),
    /// Says which trust anchors are in force, whether a root is among them, and whether what they hang on works
    #[command(subcommand)]
    Trust(trust::TrustCommand),
    /// Lists what the operator should know of before it stops mail, and says that it is known
    #[command(subcommand)]
    Alert(alert::AlertCommand),
    /// Looks at the directory of all these and its versions
    #[command(subcommand)]
    Directory(directory::DirectoryCommand),
    /// Prints the whole directory as text
    #[command(disable_version_flag = true)]
    Export(apply::ExportArgs),
    /// Says what a text would change in the directory, and whether it would be taken
    Plan(apply::PlanArgs),
    /// Makes the directory what a text says; what the text does not name is removed
    Apply(apply::ApplyArgs),
    /// Says what connectors and domains of another mail system come to here, and adds them if told so
    #[command(subcommand)]
    Import(import::ImportCommand),
    /// Sends a test message
    Send(send::SendArgs),
    /// Prints completions for a shell
    Completions(completions::CompletionsArgs),
}

/// What a command came to when nothing failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Finding {
    /// All of it.
    Done,
    /// Nothing was found, or some ids were not.
    Missing,
    /// What was judged has faults; they were said.
    Refused,
}

/// Why a command failed.
#[derive(Debug, Error)]
enum CliError {
    /// The API said no.
    #[error("{}", escaped(&.0.message))]
    Api(ApiError),
    /// The configuration.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// Nobody answers, and the store cannot be opened either.
    #[error("{0}")]
    Unreachable(String),
    /// What was typed makes no sense.
    #[error("{0}")]
    Usage(String),
    /// The user broke it off between two parts.
    #[error("interrupted: nothing but what was counted is changed")]
    Interrupted,
    /// An order in parts failed on the way.
    #[error("{why}; {changed} messages were changed before that, and up to {unsure} more may have been")]
    BrokenOff {
        why: Box<Self>,
        changed: u64,
        unsure: usize,
    },
    /// The server ended with a failure.
    #[error("{0}")]
    Failed(String),
    /// Reading or writing.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl CliError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Api(failure) => match failure.error {
                ErrorKind::BadRequest => 2,
                ErrorKind::NotFound => 3,
                ErrorKind::Refused => 4,
                ErrorKind::Unavailable => 5,
                ErrorKind::Conflict => 6,
                ErrorKind::Internal => 1,
            },
            Self::Load(_) => 4,
            Self::Unreachable(_) => 5,
            Self::Usage(_) => 2,
            Self::Failed(_) | Self::Io(_) => 1,
            // As a shell has it for whom SIGINT ends.
            Self::Interrupted => 130,
            Self::BrokenOff { why, .. } => why.exit_code(),
        }
    }
}

/// Runs the command that the arguments name; the answer is documented in the help.
#[expect(clippy::print_stderr, reason = "the command line speaks to its user")]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let place = Place {
        file: cli.place.config,
        data_folder: cli.place.data_folder,
    };
    match run(cli.command, &place) {
        Ok(Finding::Done) => ExitCode::SUCCESS,
        Ok(Finding::Missing) => ExitCode::from(3),
        Ok(Finding::Refused) => ExitCode::from(4),
        // Whoever read our output has gone: `sekisho queue list | head`.
        Err(CliError::Io(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            match &error {
                // One line a fault, in the form that editors jump to.
                CliError::Load(LoadError::Faults(faults)) => eprintln!("{faults}"),
                other => eprintln!("sekisho: {other}"),
            }
            if let CliError::Api(failure) = &error {
                for fault in &failure.faults {
                    eprintln!("  {}", escaped(&fault.to_string()));
                }
            }
            ExitCode::from(error.exit_code())
        }
    }
}

fn run(mut command: Command, place: &Place) -> Result<Finding, CliError> {
    // Whoever writes what is read here may have the store open until it has ended.
    match &mut command {
        Command::Queue(command) => command.read_ids()?,
        Command::Plan(args) => args.read()?,
        Command::Apply(args) => args.read()?,
        Command::Import(command) => command.read()?,
        _ => {}
    }
    match command {
        Command::Serve => return serve::run(place),
        Command::Completions(args) => return completions::run(args),
        Command::Store(command) => return store::run(command, place),
        Command::Config(config::ConfigCommand::Check) => return config::check(place),
        Command::Import(command) if command.is_text() => return command.print(),
        Command::Status(_)
        | Command::Queue(_)
        | Command::Trace(_)
        | Command::Explain(_)
        | Command::ExplainInbound(_)
        | Command::Tls(_)
        | Command::Send(_)
        | Command::Config(_)
        | Command::Organization(_)
        | Command::Domain(_)
        | Command::Connector(_)
        | Command::Rule(_)
        | Command::Exception(_)
        | Command::Certificate(_)
        | Command::Partner(_)
        | Command::Trust(_)
        | Command::Alert(_)
        | Command::Directory(_)
        | Command::Export(_)
        | Command::Plan(_)
        | Command::Apply(_)
        | Command::Import(_) => {}
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        // What is in force is the server's to say; without one, what would be is in the file.
        if let Command::Config(config::ConfigCommand::Show(args)) = &command {
            return config::show(args, place).await;
        }
        let door = door::Door::open(place).await?;
        let finding = match command {
            Command::Status(args) => status::run(args, &door).await,
            Command::Queue(command) => queue::run(command, &door).await,
            Command::Trace(args) => trace::run(args, &door).await,
            Command::Explain(args) => explain::run(args, &door).await,
            Command::ExplainInbound(args) => explain::run_inbound(args, &door).await,
            Command::Tls(command) => tls::run(command, &door).await,
            Command::Send(args) => send::run(args, &door).await,
            Command::Organization(command) => organization::run(command, &door).await,
            Command::Domain(command) => domain::run(command, &door).await,
            Command::Connector(command) => connector::run(command, &door).await,
            Command::Rule(command) => rule::run(command, &door).await,
            Command::Exception(command) => exception::run(command, &door).await,
            Command::Certificate(command) => certificate::run(*command, &door).await,
            Command::Partner(command) => partner::run(command, &door).await,
            Command::Trust(command) => trust::run(command, &door).await,
            Command::Alert(command) => alert::run(command, &door).await,
            Command::Directory(command) => directory::run(command, &door).await,
            Command::Export(args) => apply::export(&args, &door).await,
            Command::Plan(args) => apply::plan(&args, &door).await,
            Command::Apply(args) => apply::apply(&args, &door).await,
            Command::Import(command) => import::run(command, &door).await,
            Command::Serve | Command::Completions(_) | Command::Config(_) | Command::Store(_) => Ok(Finding::Done),
        };
        door.close().await;
        finding
    })
}

/// The whole command line, for man pages, completions and tests.
#[must_use]
pub fn command() -> clap::Command {
    Cli::command()
}
