//! The one place where the directory of this process is read and changed. Changes take turns; each is judged as a whole
//! before it is kept, so that what is in force never has a fault.

use std::{
    collections::{BTreeMap, HashSet},
    fmt,
    sync::{Arc, Mutex as StdMutex, PoisonError},
};

use arc_swap::ArcSwap;
use sekisho_api::{
    DirectoryChange, DirectoryChanged, DirectoryHistory, DirectoryPlan, DirectoryProposal, DirectoryQuery,
    DirectoryRollback, DirectoryVersion, DirectoryView, DocumentId, DocumentKind, FIRST_ORGANIZATION, FaultView,
    OutboundConnector,
};
use sekisho_policy::directory::Fault;
use sekisho_store::{DirectoryState, Document, DocumentKey, Store, StoreError};
use thiserror::Error;
use tokio::sync::Mutex;

use super::{
    difference,
    documents::{self, Bodies},
    fault_view,
    parse::{self, FilePart, Parsed},
    text::{self, Lines},
};
use crate::clock;

/// Told of every directory that comes into force after the first.
pub type Listener = Box<dyn Fn(&Arc<Parsed>) + Send + Sync>;

/// The directory in force.
pub struct Live {
    store: Arc<dyn Store>,
    file: ArcSwap<FilePart>,
    current: ArcSwap<Parsed>,
    /// Why what the store has is not in force; see [`Live::open_at_fault`].
    faults: ArcSwap<Vec<Fault>>,
    turn: Mutex<()>,
    listeners: StdMutex<Vec<Listener>>,
}

/// Why the directory was not read or changed.
#[derive(Debug, Error)]
pub enum LiveError {
    /// The store; [`StoreError::DirectoryMoved`] when the change is based on another version.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What does not fit; never empty.
    #[error("the directory does not fit together: {}", in_words(.0))]
    Faults(Vec<FaultView>),
    /// Something that was to be removed is not there.
    #[error("there is no {0}")]
    Missing(String),
    /// Documents as a list and as a text.
    #[error("give documents either in `put` or in `text`")]
    PutTwice,
    /// The rest of the configuration file.
    #[error("{0}")]
    NotAdopted(String),
    /// The work broke off.
    #[error("the directory's work broke off: {0}")]
    BrokenOff(String),
}

impl LiveError {
    /// Of what does not fit; at least one.
    #[must_use]
    pub fn of_faults(faults: Vec<Fault>) -> Self {
        Self::Faults(faults.into_iter().map(fault_view).collect())
    }
}

fn in_words(faults: &[FaultView]) -> String {
    let words: Vec<String> = faults.iter().map(ToString::to_string).collect();
    words.join("\n")
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Live")
            .field("version", &self.current.load().directory.version())
            .finish_non_exhaustive()
    }
}

/// What is to become of the directory.
#[derive(Clone, Debug)]
enum Wanted {
    /// Some documents.
    Proposal(DirectoryProposal),
    /// These documents of the store, and no others.
    Stored(Vec<Document>),
}

/// What would come of it.
struct Judged {
    based_on: DirectoryState,
    after: Vec<Document>,
    plan: DirectoryPlan,
    parsed: Option<Parsed>,
}

impl Live {
    /// Reads the store and builds what it has.
    ///
    /// # Errors
    /// [`LiveError::Faults`] when that does not fit together, or not with the configuration file.
    pub async fn open(store: Arc<dyn Store>, file: FilePart) -> Result<Self, LiveError> {
        let live = Self::open_at_fault(store, file).await?;
        let faults = live.faults();
        if faults.is_empty() {
            Ok(live)
        } else {
            Err(LiveError::Faults(faults))
        }
    }

    /// As [`Self::open`], for whoever would mend it: with faults, an empty directory is in force, and
    /// [`Self::faults`] says why.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn open_at_fault(store: Arc<dyn Store>, file: FilePart) -> Result<Self, LiveError> {
        let state = store.directory().await?;
        let file = Arc::new(file);
        let built = build(state, Arc::clone(&file), parse::build_at_start).await?;
        if let Ok(parsed) = &built {
            let of_listeners = parsed.missing_roles.iter().map(|(_, fault)| fault);
            for warning in parsed.warnings.iter().chain(of_listeners) {
                tracing::warn!("the directory: {warning}");
            }
        }
        let (parsed, faults) = match built {
            Ok(parsed) => (parsed, Vec::new()),
            Err(faults) => (Parsed::default(), faults),
        };
        Ok(Self {
            store,
            file: ArcSwap::new(file),
            current: ArcSwap::from_pointee(parsed),
            faults: ArcSwap::from_pointee(faults),
            turn: Mutex::new(()),
            listeners: StdMutex::default(),
        })
    }

    /// Has `listener` told of what comes into force from now on; it is called while the next change waits, so it must
    /// be quick.
    pub fn listen(&self, listener: Listener) {
        self.listeners
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(listener);
    }

    /// What is in force.
    #[must_use]
    pub fn current(&self) -> Arc<Parsed> {
        self.current.load_full()
    }

    /// Why what the store has is not in force; empty but after [`Self::open_at_fault`].
    #[must_use]
    pub fn faults(&self) -> Vec<FaultView> {
        self.faults.load().iter().cloned().map(fault_view).collect()
    }

    /// What is asked for of the version in force, with its warnings.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn view(&self, query: &DirectoryQuery) -> Result<DirectoryView, LiveError> {
        let turn = self.turn.lock().await;
        let mut state = self.store.directory().await?;
        self.catch_up(&state).await?;
        drop(turn);
        let mut warnings = self.current.load().warnings_now();
        if !query.wants_all() {
            let wants = |key: &DocumentKey| query.wants(&key.kind, &key.organization, &key.name);
            state.documents.retain(|document| wants(&document.key));
            let ids = state
                .documents
                .iter()
                .filter_map(|document| documents::id_of(&document.key));
            let places: HashSet<String> = ids.map(|id| id.title()).collect();
            warnings.retain(|warning| places.contains(&warning.place));
        }
        Ok(DirectoryView {
            warnings,
            faults: self.faults(),
            ..view_of(&state)
        })
    }

    /// All outbound connectors that the store has, by organization and name.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn outbound_connectors(&self) -> Result<Vec<OutboundConnector>, LiveError> {
        Ok(view_of(&self.store.directory().await?).documents.outbound_connector)
    }

    /// An outbound connector that the store has, with the version of the directory.
    ///
    /// # Errors
    /// [`LiveError::Missing`] when there is none.
    pub async fn outbound_connector(
        &self,
        organization: &str,
        name: &str,
    ) -> Result<(u64, OutboundConnector), LiveError> {
        let DirectoryState { version, documents } = self.store.directory().await?;
        let id = DocumentId {
            kind: DocumentKind::OutboundConnector,
            organization: organization.to_owned(),
            name: name.to_owned(),
        };
        let key = documents::key_of(&id);
        let mut found: Vec<Document> = documents.into_iter().filter(|document| document.key == key).collect();
        found.truncate(1);
        let (mut found, faults) = documents::read(&found);
        if !faults.is_empty() {
            return Err(LiveError::of_faults(faults));
        }
        let found = found.outbound_connector.pop();
        found
            .map(|found| (version, found))
            .ok_or_else(|| LiveError::Missing(id.title()))
    }

    /// What the configuration file contributes.
    #[must_use]
    pub fn file(&self) -> Arc<FilePart> {
        self.file.load_full()
    }

    /// Everything as it was at a version.
    ///
    /// # Errors
    /// [`StoreError::NoDirectoryVersion`] when it never was.
    pub async fn at(&self, version: u64) -> Result<DirectoryView, LiveError> {
        Ok(view_of(&self.store.directory_at(version).await?))
    }

    /// What the newest `limit` versions changed, newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn history(&self, limit: usize) -> Result<DirectoryHistory, LiveError> {
        let versions = self.store.directory_history(limit).await?;
        let versions = versions.into_iter().map(|version| DirectoryVersion {
            version: version.version,
            at: version.at,
            author: version.author,
            comment: version.comment,
            changes: difference::of_stored(&version.changes),
        });
        Ok(DirectoryHistory {
            versions: versions.collect(),
        })
    }

    /// What a change would do.
    ///
    /// # Errors
    /// When the store cannot be read, or something that would be removed is not there. Faults are part of the plan.
    pub async fn plan(&self, proposal: DirectoryProposal) -> Result<DirectoryPlan, LiveError> {
        Ok(self.propose(proposal).await?.0)
    }

    /// As [`Self::plan`], with what would come into force; nothing when the plan has faults.
    ///
    /// # Errors
    /// As [`Self::plan`].
    pub async fn propose(&self, proposal: DirectoryProposal) -> Result<(DirectoryPlan, Option<Parsed>), LiveError> {
        let state = self.store.directory().await?;
        match judge(state, Wanted::Proposal(proposal), self.file.load_full()).await {
            Ok(judged) => Ok((judged.plan, judged.parsed)),
            // A text that cannot be read says nothing of what it would change.
            Err((based_on, LiveError::Faults(faults))) => {
                let plan = DirectoryPlan {
                    based_on,
                    faults,
                    ..DirectoryPlan::default()
                };
                Ok((plan, None))
            }
            Err((_, error)) => Err(error),
        }
    }

    /// Changes the directory, whole or not at all, and puts it into force; goes on when nobody waits for it any more.
    ///
    /// # Errors
    /// [`StoreError::DirectoryMoved`] when it is based on another version, [`LiveError::Faults`] when the result would
    /// not fit together.
    pub async fn change(
        self: &Arc<Self>,
        change: DirectoryChange,
        author: &str,
    ) -> Result<DirectoryChanged, LiveError> {
        let order = Order {
            wanted: Wanted::Proposal(DirectoryProposal {
                put: change.put,
                text: change.text,
                remove: change.remove,
                whole: change.whole,
            }),
            based_on: change.based_on,
            author: author.to_owned(),
            comment: change.comment,
            dry_run: change.dry_run,
        };
        self.order(order).await
    }

    /// Makes the directory what it was at a version, as a new version.
    ///
    /// # Errors
    /// As [`Self::change`], and [`StoreError::NoDirectoryVersion`].
    pub async fn roll_back(
        self: &Arc<Self>,
        request: DirectoryRollback,
        author: &str,
    ) -> Result<DirectoryChanged, LiveError> {
        let state = self.store.directory_at(request.to).await?;
        let comment = if request.comment.is_empty() {
            format!("back to version {}", request.to)
        } else {
            request.comment
        };
        let order = Order {
            wanted: Wanted::Stored(state.documents),
            based_on: request.based_on,
            author: author.to_owned(),
            comment,
            dry_run: request.dry_run,
        };
        self.order(order).await
    }

    /// Takes another configuration file into account. `adopt` takes over what else is in the file, when the directory
    /// fits together with it and before that comes into force; when it fails, all is left as it was.
    ///
    /// # Errors
    /// [`LiveError::Faults`] when the directory does not fit together with it; all is left as it was then.
    pub async fn reload_file(
        &self,
        file: FilePart,
        adopt: impl FnOnce() -> Result<(), String>,
    ) -> Result<(), LiveError> {
        let _turn = self.turn.lock().await;
        let file = Arc::new(file);
        let state = self.store.directory().await?;
        let parsed = build(state, Arc::clone(&file), parse::build_at_start).await?;
        let parsed = parsed.map_err(|faults| LiveError::Faults(faults.into_iter().map(fault_view).collect()))?;
        adopt().map_err(LiveError::NotAdopted)?;
        self.file.store(file);
        self.put_into_force(parsed);
        Ok(())
    }

    /// What was begun is brought to its end: otherwise the store could have what is not in force.
    async fn order(self: &Arc<Self>, order: Order) -> Result<DirectoryChanged, LiveError> {
        let live = Arc::clone(self);
        match tokio::spawn(async move { live.carry_out(order).await }).await {
            Ok(result) => result,
            Err(error) => Err(LiveError::BrokenOff(error.to_string())),
        }
    }

    async fn carry_out(&self, order: Order) -> Result<DirectoryChanged, LiveError> {
        let _turn = self.turn.lock().await;
        let state = self.store.directory().await?;
        self.catch_up(&state).await?;
        if order.based_on != state.version {
            return Err(LiveError::Store(StoreError::DirectoryMoved {
                based_on: order.based_on,
                current: state.version,
            }));
        }
        let judged = judge(state, order.wanted.clone(), self.file.load_full()).await;
        let judged = judged.map_err(|(_, error)| error)?;
        let Some(parsed) = judged.parsed else {
            return Err(LiveError::Faults(judged.plan.faults));
        };
        let DirectoryPlan { changes, warnings, .. } = judged.plan;
        let mut version = judged.based_on.version;
        if !order.dry_run && judged.after != judged.based_on.documents {
            version = self.keep(&judged.based_on, &judged.after, order).await?;
            self.put_into_force(parsed);
        }
        Ok(DirectoryChanged {
            version,
            changes,
            warnings,
        })
    }

    async fn keep(&self, before: &DirectoryState, after: &[Document], order: Order) -> Result<u64, LiveError> {
        // Only what differs: the store's writer has mail to take meanwhile.
        let known: HashSet<&Document> = before.documents.iter().collect();
        let remaining: HashSet<&DocumentKey> = after.iter().map(|document| &document.key).collect();
        let removed = before.documents.iter().map(|document| &document.key);
        let change = sekisho_store::DirectoryChange {
            based_on: before.version,
            author: order.author,
            comment: order.comment,
            at: clock::now(),
            put: after
                .iter()
                .filter(|document| !known.contains(document))
                .cloned()
                .collect(),
            remove: removed.filter(|key| !remaining.contains(key)).cloned().collect(),
        };
        Ok(self.store.change_directory(change).await?)
    }

    /// Puts into force what the store has. They differ only where the store failed over a change and had kept it all
    /// the same.
    async fn catch_up(&self, state: &DirectoryState) -> Result<(), LiveError> {
        let is_sound = self.faults.load().is_empty();
        if is_sound && self.current.load().directory.version() != state.version {
            let built = build(state.clone(), self.file.load_full(), parse::build_at_start).await?;
            let parsed = built.map_err(|faults| LiveError::Faults(faults.into_iter().map(fault_view).collect()))?;
            self.put_into_force(parsed);
        }
        Ok(())
    }

    fn put_into_force(&self, parsed: Parsed) {
        let parsed = Arc::new(parsed);
        self.current.store(Arc::clone(&parsed));
        self.faults.store(Arc::default());
        let listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        listeners.iter().for_each(|listener| listener(&parsed));
    }
}

/// A change and who wants it.
struct Order {
    wanted: Wanted,
    based_on: u64,
    author: String,
    comment: String,
    dry_run: bool,
}

/// [`parse::build`], or another as strict as it has to be.
type Build = fn(u64, &[Document], &FilePart) -> Result<Parsed, Vec<Fault>>;

async fn build(
    state: DirectoryState,
    file: Arc<FilePart>,
    build: Build,
) -> Result<Result<Parsed, Vec<Fault>>, LiveError> {
    let built = tokio::task::spawn_blocking(move || build(state.version, &state.documents, &file)).await;
    built.map_err(|error| LiveError::BrokenOff(error.to_string()))
}

/// Apart from the threads that serve: a large directory takes a while.
async fn judge(state: DirectoryState, wanted: Wanted, file: Arc<FilePart>) -> Result<Judged, (u64, LiveError)> {
    let version = state.version;
    let judged = tokio::task::spawn_blocking(move || judge_now(state, wanted, &file)).await;
    let judged = judged.unwrap_or_else(|error| Err(LiveError::BrokenOff(error.to_string())));
    judged.map_err(|error| (version, error))
}

fn judge_now(state: DirectoryState, wanted: Wanted, file: &FilePart) -> Result<Judged, LiveError> {
    let before = readable(&state.documents);
    let (after, lines) = match wanted {
        Wanted::Stored(documents) => (documents, Lines::default()),
        Wanted::Proposal(proposal) => propose(&state, &before, proposal)?,
    };
    let changes = difference::between(&before, &readable(&after));
    // A file that is gone refuses whoever names it now, and nobody else's change.
    let touched: HashSet<String> = changes.iter().map(|change| change.id.title()).collect();
    let built = parse::build_at_start(state.version.saturating_add(1), &after, file).and_then(|mut parsed| {
        let is_new = |place: &str| touched.contains(place);
        let mut faults = parsed.unreadable_files(is_new);
        faults.extend(parsed.roles_taken_away(is_new));
        faults.extend(parsed.ends_too_far_ahead(is_new, clock::never_back()));
        if faults.is_empty() { Ok(parsed) } else { Err(faults) }
    });
    let (parsed, mut faults, warnings) = match built {
        Ok(parsed) => {
            let warnings = parsed.warnings_now();
            (Some(parsed), Vec::new(), warnings)
        }
        Err(faults) => (None, faults.into_iter().map(fault_view).collect(), Vec::new()),
    };
    lines.add_to(&mut faults);
    let plan = DirectoryPlan {
        based_on: state.version,
        changes,
        faults,
        warnings,
    };
    Ok(Judged {
        based_on: state,
        after,
        plan,
        parsed,
    })
}

/// The documents after a proposal. What is so already keeps the very body that it has.
fn propose(
    state: &DirectoryState,
    before: &Bodies,
    mut proposal: DirectoryProposal,
) -> Result<(Vec<Document>, Lines), LiveError> {
    let mut lines = Lines::default();
    if let Some(text) = &proposal.text {
        if !proposal.put.is_empty() {
            return Err(LiveError::PutTwice);
        }
        (proposal.put, lines) = text::read(text).map_err(LiveError::Faults)?;
    }
    documents::normalise(&mut proposal.put);
    let put = documents::bodies(&proposal.put).map_err(|faults| {
        let mut faults: Vec<FaultView> = faults.into_iter().map(fault_view).collect();
        lines.add_to(&mut faults);
        LiveError::Faults(faults)
    })?;
    let stored: BTreeMap<&DocumentKey, &Document> = state.documents.iter().map(|one| (&one.key, one)).collect();
    let mut after = if proposal.whole {
        BTreeMap::new()
    } else {
        stored.clone()
    };
    for id in &proposal.remove {
        let key = key_to_remove(id)?;
        if after.remove(&key).is_none() {
            return Err(LiveError::Missing(id.title()));
        }
    }
    let mut after: BTreeMap<DocumentKey, Document> =
        after.into_iter().map(|(key, one)| (key.clone(), one.clone())).collect();
    for (id, body) in &put {
        let key = documents::key_of(id);
        let kept = stored.get(&key).filter(|_| before.get(id) == Some(body));
        let document = kept.map_or_else(|| documents::stored(id, body), |kept| (*kept).clone());
        after.insert(key, document);
    }
    Ok((after.into_values().collect(), lines))
}

fn key_to_remove(id: &DocumentId) -> Result<DocumentKey, LiveError> {
    let mut key = documents::key_of(id);
    if id.kind == DocumentKind::Organization {
        if id.name == FIRST_ORGANIZATION {
            return Err(LiveError::Faults(vec![FaultView {
                place: id.title(),
                reason: "it is always there: what sekisho.toml sets is its".to_owned(),
                remedy: "set its fields to their defaults instead".to_owned(),
                ..FaultView::default()
            }]));
        }
        key.organization.clone_from(&id.name);
    }
    Ok(key)
}

/// Documents by what they are known by. One that cannot be read has its text for a body, which no other equals.
fn readable(stored: &[Document]) -> Bodies {
    let read = |document: &Document| {
        let id = documents::id_of(&document.key)?;
        let body = documents::body(id.kind, &document.body).unwrap_or_else(|_| document.body.clone().into());
        Some((id, body))
    };
    stored.iter().filter_map(read).collect()
}

fn view_of(state: &DirectoryState) -> DirectoryView {
    let (documents, faults) = documents::read(&state.documents);
    DirectoryView {
        version: state.version,
        documents,
        faults: faults.into_iter().map(fault_view).collect(),
        warnings: Vec::new(),
    }
}
