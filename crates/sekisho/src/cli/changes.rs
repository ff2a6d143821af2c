//! What the commands that look at the directory or change it have in common: how a change is made and what is said of
//! it, field by field.

use std::io;

use clap::Args;
use sekisho_api::{
    ApiError, ChangeKind, DirectoryChange, DirectoryChanged, DirectoryProposal, DirectoryQuery, DirectoryView,
    Document, DocumentDifference, DocumentId, DocumentKind, Documents, ErrorKind, FIRST_ORGANIZATION, FaultView, Mode,
    Tried, path,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{
    CliError, Finding,
    door::Door,
    impact::{self, ImpactArgs, WithImpact},
    output::{Output, Tone},
};
use crate::{
    directory::text::{self, Source},
    telemetry::escaped,
};

/// How everything is ordered that makes a new version of the directory.
#[derive(Debug, Args)]
pub(super) struct OrderArgs {
    /// Why, for the history
    #[arg(long, default_value = "", hide_default_value = true, value_name = "TEXT")]
    pub(super) why: String,
    /// Says what would be changed, and changes nothing
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Prints JSON
    #[arg(long)]
    pub(super) json: bool,
}

/// How a change is ordered of which it can be said which mail it would have concerned.
#[derive(Debug, Args)]
#[command(mut_arg("dry_run", |flag| flag.help(WITH_IMPACT_HELP)))]
pub(super) struct ChangeArgs {
    #[command(flatten)]
    pub(super) order: OrderArgs,
    #[command(flatten)]
    pub(super) impact: ImpactArgs,
}

const WITH_IMPACT_HELP: &str = "Says what would be changed and which mail it would have concerned, and changes nothing";

/// The whole directory at the version in force.
pub(super) async fn current(door: &Door) -> Result<DirectoryView, CliError> {
    found(door, &DirectoryQuery::default()).await
}

/// The version in force, with as little else as can be.
pub(super) async fn version(door: &Door) -> Result<u64, CliError> {
    let query = DirectoryQuery {
        kind: Some(DocumentKind::Organization),
        name: Some(FIRST_ORGANIZATION.to_owned()),
        ..DirectoryQuery::default()
    };
    Ok(found(door, &query).await?.version)
}

/// Some documents of the directory at the version in force.
pub(super) async fn found(door: &Door, query: &DirectoryQuery) -> Result<DirectoryView, CliError> {
    door.fetch(path::DIRECTORY, query).await
}

impl ChangeArgs {
    /// Puts and removes documents, on the version that was looked at, and says what became of it.
    pub(super) async fn make(
        &self,
        door: &Door,
        based_on: u64,
        put: Documents,
        remove: Vec<DocumentId>,
    ) -> Result<Finding, CliError> {
        let change = DirectoryChange {
            based_on,
            put,
            remove,
            comment: self.order.why.clone(),
            dry_run: self.order.dry_run,
            ..DirectoryChange::default()
        };
        let changed: DirectoryChanged = door.order(path::DIRECTORY_CHANGES, &change).await?;
        let proposal = DirectoryProposal {
            put: change.put,
            remove: change.remove,
            ..DirectoryProposal::default()
        };
        self.report(door, &changed, proposal).await
    }

    /// Says what was changed; of what was only tried by a proposal, also which mail it would have concerned.
    pub(super) async fn report(
        &self,
        door: &Door,
        changed: &DirectoryChanged,
        proposal: DirectoryProposal,
    ) -> Result<Finding, CliError> {
        let is_tried = self.order.dry_run && !changed.changes.is_empty();
        let impact = if is_tried {
            self.impact.ask_beside(door, proposal).await
        } else {
            None
        };
        let mut out = Output::open();
        if self.order.json {
            let impact = impact.as_ref();
            out.json(&WithImpact {
                answer: changed,
                impact,
            })?;
            return Ok(Finding::Done);
        }
        differences(&mut out, &changed.changes)?;
        warnings(&mut out, &changed.warnings)?;
        if let Some(impact) = &impact {
            impact::show(&mut out, impact)?;
        }
        conclude(&mut out, changed, self.order.dry_run)?;
        Ok(Finding::Done)
    }
}

/// The last line: which version is in force.
pub(super) fn conclude(out: &mut Output, changed: &DirectoryChanged, dry_run: bool) -> io::Result<()> {
    let version = changed.version;
    if changed.changes.is_empty() {
        out.line(format_args!("nothing to change; the directory is at version {version}"))
    } else if dry_run {
        out.line(format_args!(
            "nothing was changed; the directory is at version {version}"
        ))
    } else {
        out.line(format_args!("the directory is at version {version}"))
    }
}

/// What was added, changed and removed, each field with what it was and what it is.
pub(super) fn differences(out: &mut Output, changes: &[DocumentDifference]) -> io::Result<()> {
    for change in changes {
        let (sign, tone) = match change.change {
            ChangeKind::Added => ('+', Tone::Good),
            ChangeKind::Changed => ('~', Tone::Warning),
            ChangeKind::Removed => ('-', Tone::Bad),
        };
        let title = change.id.title();
        let title = out.paint(tone, format_args!("{sign} {}", escaped(&title)));
        out.line(title)?;
        for field in &change.fields {
            let (before, after) = (in_words(&field.before), in_words(&field.after));
            let became = match change.change {
                ChangeKind::Added => after,
                ChangeKind::Changed => format!("{before} → {after}"),
                ChangeKind::Removed => before,
            };
            out.line(format_args!("    {} = {became}", escaped(&field.field)))?;
        }
    }
    Ok(())
}

/// Warnings go where the answer goes: they are part of it.
pub(super) fn warnings(out: &mut Output, warnings: &[FaultView]) -> io::Result<()> {
    for warning in warnings {
        let words = warning.to_string();
        let line = out.paint(Tone::Warning, format_args!("warning: {}", escaped(&words)));
        out.line(line)?;
    }
    Ok(())
}

/// A value as a person reads it: texts as they are, lists with commas; of a long text only its length.
pub(super) fn in_words(value: &Value) -> String {
    match value {
        Value::Null => "not set".to_owned(),
        Value::String(text) if text.is_empty() => "\"\"".to_owned(),
        Value::String(text) if text.contains('\n') => format!("({} lines)", text.lines().count()),
        Value::String(text) => escaped(text).to_string(),
        Value::Array(items) if items.is_empty() => "none".to_owned(),
        Value::Array(items) => items.iter().map(in_words).collect::<Vec<_>>().join(", "),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| format!("{name} {}", in_words(value)))
            .collect::<Vec<_>>()
            .join(", "),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

/// As [`in_words`], of a word of a fixed list.
pub(super) fn value_in_words(value: impl Serialize) -> String {
    in_words(&serde_json::to_value(value).unwrap_or_default())
}

/// A document: as JSON, or all its fields with a note behind each; those at their default stand back.
pub(super) fn show<D: Document>(
    document: &D,
    json: bool,
    note: impl Fn(&str) -> &'static str,
) -> Result<Finding, CliError> {
    let mut out = Output::open();
    if json {
        out.json(document)?;
        return Ok(Finding::Done);
    }
    let title = document.id().title();
    let title = out.paint(Tone::Strong, escaped(&title));
    out.line(title)?;
    let default = serde_json::to_value(D::default()).map_err(io::Error::from)?;
    let body = serde_json::to_value(document).map_err(io::Error::from)?;
    let fields = body.as_object().into_iter().flatten();
    for (field, value) in fields.filter(|(field, _)| field.as_str() != "name") {
        let line = format!("  {field:<36}{}{}", in_words(value), note(field));
        let is_default = default.get(field) == Some(value);
        let line = if is_default { out.paint(Tone::Faint, line) } else { line };
        out.line(line)?;
    }
    Ok(Finding::Done)
}

/// Whether a document is looked at and acts, in words.
pub(super) fn state(document: &impl Tried) -> String {
    match (document.enabled(), document.mode(), document.draft_of()) {
        (false, ..) => "disabled".to_owned(),
        (true, _, Some(live)) => format!("draft of {}", escaped(live)),
        (true, Mode::Shadow, None) => "shadow".to_owned(),
        (true, Mode::Enforce, None) => "enabled".to_owned(),
    }
}

/// There is one already.
pub(super) fn there_already(id: &DocumentId) -> CliError {
    failed(
        ErrorKind::Refused,
        format!("there is {} already; change it with `set`", id.title()),
    )
}

/// There is none.
pub(super) fn not_there(id: &DocumentId) -> CliError {
    failed(ErrorKind::NotFound, format!("there is no {}", id.title()))
}

fn failed(error: ErrorKind, message: String) -> CliError {
    CliError::Api(ApiError {
        error,
        message,
        faults: Vec::new(),
    })
}

/// A word of a fixed list, written with `-` or `_`.
pub(super) fn word<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_value(Value::String(text.replace('-', "_"))).map_err(|error| error.to_string())
}

/// A word of a fixed list, or nothing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Word<T>(pub(super) Option<T>);

/// As [`word`]; an empty text unsets.
pub(super) fn word_or_none<T: DeserializeOwned>(text: &str) -> Result<Word<T>, String> {
    if text.is_empty() {
        return Ok(Word(None));
    }
    word(text).map(|word| Word(Some(word)))
}

/// A number, or nothing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Number(pub(super) Option<u32>);

/// A number that an empty text unsets.
pub(super) fn number(text: &str) -> Result<Number, String> {
    if text.is_empty() {
        return Ok(Number(None));
    }
    let number = text
        .parse()
        .map_err(|_| format!("{text:?} is no number from 0 to {}", u32::MAX))?;
    Ok(Number(Some(number)))
}

/// Sets a field where the flag was given.
pub(super) fn set<T: Clone>(field: &mut T, flag: Option<&T>) {
    if let Some(value) = flag {
        field.clone_from(value);
    }
}

/// As [`set`]; an empty text unsets.
pub(super) fn set_text(field: &mut Option<String>, flag: Option<&String>) {
    if let Some(text) = flag {
        *field = Some(text.clone()).filter(|text| !text.is_empty());
    }
}

/// As [`set`]; an empty text empties the list.
pub(super) fn set_list(field: &mut Vec<String>, flag: Option<&Vec<String>>) {
    if let Some(items) = flag {
        let items = items.iter().map(|item| item.trim().to_owned());
        *field = items.filter(|item| !item.is_empty()).collect();
    }
}

/// A file's text, read while the command line is: whoever writes it to standard input may have the store open until it
/// has ended.
#[derive(Clone, Debug)]
pub(super) struct TextFile {
    name: String,
    pub(super) text: String,
}

impl TextFile {
    /// For clap; an empty name stands for nothing.
    pub(super) fn read(name: &str) -> Result<Self, String> {
        let text = match name {
            "" => String::new(),
            name => load(&name.into()).map_err(|error| error.to_string())?,
        };
        let name = name.to_owned();
        Ok(Self { name, text })
    }

    /// Its lines that say something; at least one.
    pub(super) fn lines(&self) -> Result<Vec<String>, CliError> {
        let lines = self.text.lines().map(str::trim).filter(|line| !line.is_empty());
        let lines: Vec<String> = lines.map(str::to_owned).collect();
        if lines.is_empty() {
            let name = &self.name;
            return Err(CliError::Usage(format!(
                "{name}: nothing is in it, so nothing is changed"
            )));
        }
        Ok(lines)
    }

    /// Sets a field that keeps the text itself; an empty name unsets it.
    pub(super) fn set(&self, field: &mut Option<String>) {
        *field = (!self.name.is_empty()).then(|| self.text.clone());
    }
}

/// The whole text of a file or of standard input.
pub(super) fn load(source: &Source) -> Result<String, CliError> {
    text::load(source).map_err(|error| CliError::Failed(format!("{source}: cannot be read: {error}")))
}
