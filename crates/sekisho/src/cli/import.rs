//! `sekisho import`: what other mail systems say, as a change of the directory that removes nothing.

use std::{
    io,
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};
use sekisho_api::{
    DirectoryChange, DirectoryChanged, DirectoryPlan, DirectoryProposal, DirectoryQuery, DocumentKind,
    FIRST_ORGANIZATION, path,
};
use serde::Serialize;

use super::{
    CliError, Finding, changes,
    door::Door,
    output::{Output, Tone},
};
use crate::{
    directory::text,
    import::{Import, Note, NoteKind, Wanted, exchange, files, postfix},
    telemetry::escaped,
};

#[derive(Debug, Subcommand)]
pub(super) enum ImportCommand {
    /// Reads what Get-InboundConnector, Get-OutboundConnector and Get-AcceptedDomain say through ConvertTo-Json
    Exchange(ExchangeArgs),
    /// Reads main.cf of Postfix and the tables that it names
    Postfix(PostfixArgs),
}

#[derive(Debug, Args)]
pub(super) struct ExchangeArgs {
    /// JSON as PowerShell writes it, each file with any of the three
    #[arg(required = true, value_name = "FILE")]
    files: Vec<String>,
    #[command(flatten)]
    how: HowArgs,
}

#[derive(Debug, Args)]
pub(super) struct PostfixArgs {
    /// The folder with main.cf: /etc/postfix, or a copy of it
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
    #[command(flatten)]
    how: HowArgs,
}

#[derive(Debug, Args)]
struct HowArgs {
    /// Whose they become; it is added when it is not there
    #[arg(long, value_name = "NAME", default_value = FIRST_ORGANIZATION)]
    organization: String,
    /// What is taken out although it acts there: a property of Exchange, or fingerprint or dane-only of Postfix
    #[arg(long, value_name = "PROPERTY", value_delimiter = ',')]
    leave_out: Vec<String>,
    /// Makes the change
    #[arg(long)]
    apply: bool,
    /// Why, for the history
    #[arg(
        long,
        default_value = "",
        hide_default_value = true,
        value_name = "TEXT",
        requires = "apply"
    )]
    why: String,
    /// Prints the documents as text, as `sekisho export` does; what is said of them stands above as comments
    #[arg(long, conflicts_with_all = ["apply", "json"])]
    text: bool,
    /// Prints JSON
    #[arg(long)]
    json: bool,
    /// What was read.
    #[arg(skip)]
    import: Import,
}

/// All of it as JSON.
#[derive(Debug, Serialize)]
struct Report<'r> {
    notes: &'r [Note],
    /// Those of the plan, at the place that was read.
    faults: &'r [Note],
    plan: &'r DirectoryPlan,
    changed: Option<&'r DirectoryChanged>,
}

impl HowArgs {
    fn wanted(&self) -> Wanted {
        Wanted {
            organization: self.organization.clone(),
            leave_out: self.leave_out.clone(),
        }
    }
}

impl ImportCommand {
    /// Reads the files.
    pub(super) fn read(&mut self) -> Result<(), CliError> {
        match self {
            Self::Exchange(args) => {
                let mut files = Vec::with_capacity(args.files.len());
                for name in &args.files {
                    let octets = files::octets(Path::new(name)).map_err(|reason| unreadable(name, &reason))?;
                    files.push((name.clone(), octets));
                }
                args.how.import = exchange::read(&files, &args.how.wanted());
            }
            Self::Postfix(args) => {
                let main_cf = args.folder.join("main.cf");
                let name = main_cf.display().to_string();
                let text = files::text(&main_cf).map_err(|reason| unreadable(&name, &reason))?;
                let open = |path: &str| {
                    let path = postfix::path_in(&args.folder, path);
                    (path.display().to_string(), files::text(&path))
                };
                args.how.import = postfix::read(&name, &text, &open, &args.how.wanted());
            }
        }
        Ok(())
    }

    const fn how(&self) -> &HowArgs {
        match self {
            Self::Exchange(args) => &args.how,
            Self::Postfix(args) => &args.how,
        }
    }

    /// Whether it asks nobody.
    pub(super) const fn is_text(&self) -> bool {
        self.how().text
    }

    /// Prints the documents.
    pub(super) fn print(&self) -> Result<Finding, CliError> {
        let import = &self.how().import;
        let mut out = Output::open();
        for (_, line) in lines(&import.notes) {
            out.line(format_args!("# {line}"))?;
        }
        if !import.notes.is_empty() {
            out.line("")?;
        }
        out.octets(text::write(&import.documents).as_bytes())?;
        Ok(finding(import.has_faults()))
    }
}

pub(super) async fn run(command: ImportCommand, door: &Door) -> Result<Finding, CliError> {
    let (ImportCommand::Exchange(ExchangeArgs { how, .. }) | ImportCommand::Postfix(PostfixArgs { how, .. })) = command;
    let HowArgs {
        mut import,
        apply,
        why,
        json,
        ..
    } = how;
    // One that is there keeps what it has.
    let query = DirectoryQuery {
        kind: Some(DocumentKind::Organization),
        ..DirectoryQuery::default()
    };
    let there = changes::found(door, &query).await?.documents.organization;
    import
        .documents
        .organization
        .retain(|one| there.iter().all(|other| other.name != one.name));
    let proposal = DirectoryProposal {
        put: import.documents.clone(),
        ..DirectoryProposal::default()
    };
    let plan: DirectoryPlan = door.order(path::DIRECTORY_PLAN, &proposal).await?;
    let faults: Vec<Note> = plan.faults.iter().map(|fault| import.locate(fault)).collect();
    let mut out = Output::open();
    if !json {
        show(&mut out, &import, &plan, &faults)?;
    }
    let is_refused = import.has_faults() || !faults.is_empty();
    let mut changed = None;
    if apply && !is_refused {
        let change = DirectoryChange {
            based_on: plan.based_on,
            put: proposal.put,
            comment: why,
            ..DirectoryChange::default()
        };
        let answer: DirectoryChanged = door.order(path::DIRECTORY_CHANGES, &change).await?;
        changed = Some(answer);
    }
    if json {
        out.json(&Report {
            notes: &import.notes,
            faults: &faults,
            plan: &plan,
            changed: changed.as_ref(),
        })?;
    } else if is_refused {
        out.line(format_args!(
            "nothing was changed; the directory is at version {}",
            plan.based_on
        ))?;
    } else if let Some(changed) = &changed {
        changes::conclude(&mut out, changed, false)?;
    } else {
        let would_be = DirectoryChanged {
            version: plan.based_on,
            changes: plan.changes,
            warnings: plan.warnings,
        };
        changes::conclude(&mut out, &would_be, true)?;
    }
    Ok(finding(is_refused))
}

fn show(out: &mut Output, import: &Import, plan: &DirectoryPlan, faults: &[Note]) -> io::Result<()> {
    for (tone, line) in lines(&import.notes) {
        let line = tone.map_or_else(|| line.clone(), |tone| out.paint(tone, &line));
        out.line(line)?;
    }
    if !import.notes.is_empty() {
        out.line("")?;
    }
    changes::differences(out, &plan.changes)?;
    changes::warnings(out, &plan.warnings)?;
    for fault in faults {
        let words = fault.to_string();
        let line = out.paint(Tone::Bad, escaped(&words));
        out.line(line)?;
    }
    Ok(())
}

/// Notes by their kind, each kind under its title.
fn lines(notes: &[Note]) -> Vec<(Option<Tone>, String)> {
    let mut lines = Vec::new();
    for kind in NoteKind::ALL {
        let mut of_kind = notes.iter().filter(|note| note.kind == kind).peekable();
        if of_kind.peek().is_some() {
            lines.push((Some(Tone::Strong), kind.title().to_owned()));
        }
        for note in of_kind {
            let words = note.to_string();
            let words = escaped(&words);
            lines.push(match (kind, note.matters) {
                (NoteKind::Fault, _) => (Some(Tone::Bad), format!("  {words}")),
                (_, true) => (None, format!("  matters: {words}")),
                (_, false) => (Some(Tone::Faint), format!("  does not matter: {words}")),
            });
        }
    }
    lines
}

const fn finding(is_refused: bool) -> Finding {
    if is_refused { Finding::Refused } else { Finding::Done }
}

fn unreadable(name: &str, reason: &str) -> CliError {
    CliError::Failed(format!("{}: cannot be read: {reason}", escaped(name)))
}
