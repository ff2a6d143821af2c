//! What the commands on documents of every kind have in common: which one is meant, and how one is added, changed,
//! shown and removed.

use clap::Args;
use sekisho_api::{DirectoryQuery, DirectoryView, Document, DocumentId, DocumentKind, Documents, Tried};

use super::{
    CliError, Finding,
    changes::{self, ChangeArgs},
    door::Door,
    shadow,
};

/// Which document of an organization.
#[derive(Debug, Args)]
pub(super) struct NameArgs {
    /// Its name, unique among its kind in the organization
    pub(super) name: String,
    /// Whose it is
    #[arg(long, default_value = "default", value_name = "NAME")]
    pub(super) organization: String,
}

/// The flags that set the fields of a document.
pub(super) trait FieldFlags: Args {
    /// Whose fields.
    type Document: Document;

    /// Sets the fields whose flags were given.
    fn apply(&self, document: &mut Self::Document) -> Result<(), CliError>;
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
pub(super) struct NamedArgs {
    #[command(flatten)]
    name: NameArgs,
    #[command(flatten)]
    change: ChangeArgs,
}

#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    #[command(flatten)]
    pub(super) name: NameArgs,
    /// Prints JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// Only those of this organization
    #[arg(long, value_name = "NAME")]
    pub(super) organization: Option<String>,
    /// Prints JSON, one document a line
    #[arg(long)]
    pub(super) json: bool,
}

impl NameArgs {
    pub(super) fn id(&self, kind: DocumentKind) -> DocumentId {
        DocumentId {
            kind,
            organization: self.organization.clone(),
            name: self.name.clone(),
        }
    }

    /// This document alone at the version in force, if it is there.
    async fn fetch<D: Document>(&self, door: &Door) -> Result<DirectoryView, CliError> {
        changes::found(door, &DirectoryQuery::of(&self.id(D::KIND))).await
    }

    fn find<'v, D: Document>(&self, view: &'v DirectoryView) -> Option<&'v D> {
        D::find(&view.documents, &self.organization, &self.name)
    }

    /// As [`Self::find`], of a document that must be there.
    fn sought<'v, D: Document>(&self, view: &'v DirectoryView) -> Result<&'v D, CliError> {
        self.find(view).ok_or_else(|| changes::not_there(&self.id(D::KIND)))
    }

    /// The document at the version in force, which must be there.
    pub(super) async fn current<D: Document>(&self, door: &Door) -> Result<D, CliError> {
        let view = self.fetch::<D>(door).await?;
        self.sought(&view).cloned()
    }
}

impl ListArgs {
    /// The documents of a kind that are wanted, by organization and name.
    pub(super) async fn fetch<D: Document>(&self, door: &Door) -> Result<Vec<D>, CliError> {
        let query = DirectoryQuery {
            kind: Some(D::KIND),
            organization: self.organization.clone(),
            name: None,
        };
        let mut view = changes::found(door, &query).await?;
        Ok(std::mem::take(D::of_mut(&mut view.documents)))
    }
}

pub(super) async fn add<F: FieldFlags>(args: &SetArgs<F>, door: &Door) -> Result<Finding, CliError> {
    let view = args.name.fetch::<F::Document>(door).await?;
    if let Some(one) = args.name.find::<F::Document>(&view) {
        return Err(changes::there_already(&one.id()));
    }
    let mut document = F::Document::named(&args.name.organization, &args.name.name);
    args.flags.apply(&mut document)?;
    put(document, &args.change, view.version, door).await
}

pub(super) async fn set<F: FieldFlags>(args: &SetArgs<F>, door: &Door) -> Result<Finding, CliError> {
    let view = args.name.fetch::<F::Document>(door).await?;
    let mut document = args.name.sought::<F::Document>(&view)?.clone();
    args.flags.apply(&mut document)?;
    put(document, &args.change, view.version, door).await
}

/// The draft of a document as it is, or a new one that says what the document says, with what is named changed.
pub(super) async fn draft<F>(args: &SetArgs<F>, door: &Door) -> Result<Finding, CliError>
where
    F: FieldFlags<Document: Tried>,
{
    // A draft of it may be there already, under another name.
    let query = DirectoryQuery {
        name: None,
        ..DirectoryQuery::of(&args.name.id(F::Document::KIND))
    };
    let view = changes::found(door, &query).await?;
    let NameArgs { organization, name } = &args.name;
    let live = args.name.sought::<F::Document>(&view)?;
    let mut document = match F::Document::find_draft(&view.documents, organization, name) {
        Some(draft) => draft.clone(),
        None => {
            let is_taken = |name: &str| F::Document::find(&view.documents, organization, name).is_some();
            live.draft(shadow::draft_name(name, is_taken))
        }
    };
    args.flags.apply(&mut document)?;
    put(document, &args.change, view.version, door).await
}

/// Has a document looked at, or not.
pub(super) async fn enable<D: Tried>(args: &NamedArgs, enabled: bool, door: &Door) -> Result<Finding, CliError> {
    let view = args.name.fetch::<D>(door).await?;
    let mut document = args.name.sought::<D>(&view)?.clone();
    document.set_enabled(enabled);
    put(document, &args.change, view.version, door).await
}

pub(super) async fn show<D: Document>(args: &ShowArgs, door: &Door) -> Result<Finding, CliError> {
    changes::show(&args.name.current::<D>(door).await?, args.json, |_| "")
}

pub(super) async fn remove(args: &NamedArgs, kind: DocumentKind, door: &Door) -> Result<Finding, CliError> {
    let based_on = changes::version(door).await?;
    let remove = vec![args.name.id(kind)];
    args.change.make(door, based_on, Documents::default(), remove).await
}

/// Adds or replaces a document, on the version that was looked at.
pub(super) async fn put(
    document: impl Document,
    change: &ChangeArgs,
    based_on: u64,
    door: &Door,
) -> Result<Finding, CliError> {
    change.make(door, based_on, document.into(), Vec::new()).await
}
