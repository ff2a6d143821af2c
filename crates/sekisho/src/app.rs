//! Wiring only: builds the parts of the server out of the settings and runs them until it is told to stop.

mod assembly;
mod banner;
mod descriptors;
mod offline;
mod publication;
mod renewals;
mod repair;
mod server;
mod signals;
mod view;

pub use offline::Offline;
pub use repair::{check, recover};
pub use server::serve;
#[cfg(test)]
pub(crate) use server::{carry_mail, look_after_store};

use thiserror::Error;

use crate::{admin::HttpError, config::LoadError};

/// The management socket inside the data folder.
pub const SOCKET_NAME: &str = "control.sock";

/// Where the server is in its life. Every part holds a `tokio::sync::watch::Receiver<Phase>`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Mail comes in and goes out.
    #[default]
    Running,
    /// No new mail and no new deliveries; sessions and deliveries in flight finish within the drain limit.
    Draining,
    /// The drain limit is over: drop what is left, nothing acknowledged is lost by it.
    Stopping,
}

/// Why the server cannot start, or ended badly.
#[derive(Debug, Error)]
pub enum AppError {
    /// The configuration.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The store.
    #[error(transparent)]
    Store(#[from] sekisho_store::StoreError),
    /// Metrics, health or the management socket.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// What the store has of the directory.
    #[error(transparent)]
    Directory(#[from] crate::directory::LiveError),
    /// Another part; in words that say what to do.
    #[error("{0}")]
    Part(String),
}
