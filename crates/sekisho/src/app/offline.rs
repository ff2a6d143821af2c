//! The handlers of the management API inside a command, when no server runs and the store's lock is free (law 10).

use std::sync::Arc;

use arc_swap::ArcSwap;
use axum::{Extension, Router};
use sekisho_store::{Store, sqlite::SqliteStore};
use tokio::sync::Notify;

use super::{AppError, view::node_view};
use crate::{
    admin::{self, Backend, Caller},
    clock,
    config::Place,
    telemetry::maillog::MailLog,
};

/// A store that is open in this process, and the handlers over it.
#[derive(Debug)]
pub struct Offline {
    /// The handlers.
    pub router: Router,
    /// To be stopped at the end.
    pub store: Arc<dyn Store>,
}

/// Opens the store under its lock.
///
/// # Errors
/// When the configuration has faults or the store cannot be opened, above all because a server holds it.
pub fn open_offline(place: &Place) -> Result<Offline, AppError> {
    let loaded = place.load()?;
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(loaded.settings.store.clone(), clock::now())?);
    let mail_log = MailLog::open(loaded.settings.log.mail_log.clone(), loaded.settings.log.format)
        .map_err(|error| AppError::Part(error.to_string()))?;
    let backend = Backend {
        store: Arc::clone(&store),
        mail_log,
        node: Arc::new(ArcSwap::from_pointee(node_view(&loaded, None)?)),
        phase: None,
        wake: Arc::new(Notify::new()),
    };
    let caller = Caller {
        uid: rustix::process::getuid().as_raw(),
    };
    Ok(Offline {
        router: admin::router(backend).layer(Extension(caller)),
        store,
    })
}
