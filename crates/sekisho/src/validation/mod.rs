//! Connectors that are tried, by order or by schedule, and what is remembered of it.
//!
//! How a host is gone through is the deliveries' (`outbound/validate`); here is who may be written to, what the
//! history keeps, and when it is time again.

mod history;
mod metrics;
mod order;
mod schedule;

use std::{fmt, sync::Arc};

use sekisho_api::{AlertKind, FaultView, LastValidation, Severity, Validation};
use sekisho_policy::directory::ConnectorKey;
use sekisho_store::{Store, StoreError};
use thiserror::Error;
use tokio::sync::{Mutex, OnceCell, Semaphore};

pub use metrics::ValidationMetrics;

use self::history::{Last, Lasts};
use crate::{
    alerts::{Alert, Alerts, Watcher},
    directory::{Live, LiveError, digest},
    outbound::Dispatcher,
};

/// Orders under way at a time; more of them are told to come again.
const ORDERS_AT_ONCE: usize = 8;
/// Recipients of one validation.
pub const RECIPIENTS_MAX: usize = 10;

/// Validations of this process.
pub struct Validations {
    store: Arc<dyn Store>,
    directory: Arc<Live>,
    /// `None` inside a command.
    dispatcher: Option<Arc<Dispatcher>>,
    metrics: ValidationMetrics,
    alerts: Arc<Alerts>,
    /// The last of each connector, read when first asked for.
    lasts: OnceCell<Mutex<Lasts>>,
    orders: Arc<Semaphore>,
}

impl fmt::Debug for Validations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Validations").finish_non_exhaustive()
    }
}

/// Why a connector was not tried, or its history not read.
#[derive(Debug, Error)]
pub enum ValidationError {
    /// The order makes no sense.
    #[error("{0}")]
    BadOrder(String),
    /// What is wanted is not allowed; in words that say what to do.
    #[error("{0}")]
    Refused(String),
    /// Not now.
    #[error("{0}")]
    NotNow(String),
    /// The directory: there is no such connector, or it has faults.
    #[error(transparent)]
    Directory(#[from] LiveError),
    /// The history.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The work broke off.
    #[error("the validation broke off: {0}")]
    BrokenOff(String),
}

impl Validations {
    /// Nothing is read or tried yet.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        directory: Arc<Live>,
        dispatcher: Option<Arc<Dispatcher>>,
        (metrics, alerts): (ValidationMetrics, Arc<Alerts>),
    ) -> Arc<Self> {
        Arc::new(Self {
            store,
            directory,
            dispatcher,
            metrics,
            alerts,
            lasts: OnceCell::new(),
            orders: Arc::new(Semaphore::new(ORDERS_AT_ONCE)),
        })
    }

    /// The validations of a connector that are kept, newest first, at most `limit`.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn history(&self, key: &ConnectorKey, limit: usize) -> Result<Vec<Validation>, StoreError> {
        let mut found = history::read(self.store.as_ref(), key).await?;
        found.truncate(limit);
        Ok(found)
    }

    /// The last validation of each connector of the directory for which `is_wanted` says yes, by their keys.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn last(&self, is_wanted: impl Fn(&str, &str) -> bool) -> Result<Vec<LastValidation>, ValidationError> {
        let lasts = self.lasts().await?.lock().await.clone();
        let wanted: Vec<Last> = lasts
            .into_values()
            .filter(|last| is_wanted(&last.organization, &last.connector))
            .collect();
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let documents = self.directory.outbound_connectors().await?;
        let mut found = Vec::with_capacity(wanted.len());
        for last in wanted {
            let document = documents
                .iter()
                .find(|one| one.organization == last.organization && one.name == last.connector);
            found.extend(document.map(|document| last.view(&digest(document))));
        }
        Ok(found)
    }

    /// What an operator would want to know: connectors that are tried by schedule and did not pass the last time.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn warnings(&self) -> Result<Vec<FaultView>, StoreError> {
        let parsed = self.directory.current();
        if parsed.revalidations.is_empty() {
            return Ok(Vec::new());
        }
        let lasts = self.lasts().await?.lock().await;
        let failed = parsed.revalidations.iter().filter_map(|plan| {
            let last = lasts.get(&plan.key).filter(|last| !last.passed)?;
            Some(last.warning(&plan.key))
        });
        Ok(failed.collect())
    }

    async fn lasts(&self) -> Result<&Mutex<Lasts>, StoreError> {
        let read = async || Ok(Mutex::new(history::read_lasts(self.store.as_ref()).await?));
        self.lasts.get_or_try_init(read).await
    }

    /// Keeps a validation, and says so where it came out otherwise than the one before.
    async fn keep(&self, key: &ConnectorKey, validation: &Validation) -> Result<(), StoreError> {
        let mut lasts = self.lasts().await?.lock().await;
        let before = lasts.get(key);
        let next = Last::after(before, key, validation);
        let has_changed = before.map_or(!next.passed, |before| before.passed != next.passed);
        self.store
            .observe(history::observations(key, validation, &next))
            .await?;
        self.metrics.ended(next.passed);
        if has_changed {
            self.metrics.changed(next.passed);
            match &next.why {
                Some(why) => tracing::warn!(connector = %key, by = validation.by, why, "the validation failed"),
                None => tracing::warn!(connector = %key, by = validation.by, "the validation passes again"),
            }
        }
        lasts.insert(key.clone(), next);
        drop(lasts);
        self.alert().await
    }

    /// Says which connectors that are tried by schedule do not pass.
    async fn alert(&self) -> Result<(), StoreError> {
        let alerts = self.warnings().await?.into_iter().map(|warning| Alert {
            kind: AlertKind::ValidationFails,
            subject: warning.place,
            severity: Severity::Warning,
            text: warning.reason,
            remedy: warning.remedy,
            until: None,
        });
        let alerts = alerts.collect();
        self.alerts.state(&*self.store, Watcher::Validation, alerts).await
    }
}
