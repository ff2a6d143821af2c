//! What can go wrong in a store, by what the caller must do about it.

use std::{io, path::PathBuf};

use sekisho_mail::MessageId;
use thiserror::Error;

/// Every one of them is ours and temporary for the peer: 4xx, never 5xx, and never a bounce (law 3).
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// An I/O error: nothing is acknowledged until a reopen has recovered.
    #[error("the store failed and is being reopened: {0}")]
    Failed(String),
    /// No room: disk, quota or a configured limit.
    #[error("the store has no room: {0}")]
    Full(String),
    /// A checksum or a structure is wrong; the message was set aside.
    #[error("message {0} is damaged and was set aside")]
    Damaged(MessageId),
    /// A page of the queue's database is damaged.
    #[error("the queue's database is damaged ({0}); stop the server and run `sekisho store recover`")]
    DamagedPages(String),
    /// No such message.
    #[error("there is no message {0} in the queue")]
    NoMessage(MessageId),
    /// The directory has changed since the change's author looked at it.
    #[error("the directory is at version {current} by now, and the change was based on {based_on}; look again")]
    DirectoryMoved {
        /// What the change was based on.
        based_on: u64,
        /// What is current.
        current: u64,
    },
    /// The directory was never at this version, or what led from there is lost.
    #[error("there is no version {0} of the directory")]
    NoDirectoryVersion(u64),
    /// Another process holds the folder.
    #[error("{path}: another sekisho process uses this data folder; stop it or name another folder")]
    Locked {
        /// The lock file.
        path: PathBuf,
    },
    /// The folder was written by a newer version.
    #[error("{path}: schema {found} is newer than this version knows ({known}); install the newer sekisho again")]
    NewerSchema {
        /// The database.
        path: PathBuf,
        /// What stands in the file.
        found: i64,
        /// The newest that we know.
        known: i64,
    },
    /// The folder could not be opened or made.
    #[error("{path}: {source}")]
    Open {
        /// Which file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The request itself cannot be served: a fault of the caller's.
    #[error("the store cannot do this: {0}")]
    Unfit(&'static str),
    /// The store has been shut down.
    #[error("the store has stopped")]
    Stopped,
}
