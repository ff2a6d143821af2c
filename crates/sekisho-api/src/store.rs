//! What the commands for a data folder answer when no server runs: what a look at it found, what a recovery brought
//! back.

use serde::{Deserialize, Serialize};

/// What a look at everything in a data folder found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreCheck {
    /// Whether nothing is damaged.
    pub sound: bool,
    /// Messages that were looked at.
    pub messages: u64,
    /// What is wrong with the database itself, in words.
    pub faults: Vec<String>,
    /// Messages with something wrong.
    pub damaged: Vec<DamagedMessage>,
    /// Messages of which content alone is there; a crash leaves such, and the next start removes it.
    pub strays: Vec<String>,
}

/// A message with something wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DamagedMessage {
    /// Its queue id.
    pub id: String,
    /// What is wrong, in words.
    pub why: String,
}

/// What a recovery brought back, and what not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreRecovery {
    /// The folder in which the damaged database is kept, with content that belongs to no message any more.
    pub kept: String,
    /// Messages in the queue now.
    pub messages: u64,
    /// What was wrong with the database, in words.
    pub faults: Vec<String>,
    /// Messages that are not simply back.
    pub casualties: Vec<Casualty>,
    /// Messages of which content alone was left; it is in `kept`, in a file under the queue id.
    pub strays: Vec<String>,
}

/// A message that is not simply back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Casualty {
    /// Its queue id.
    pub id: String,
    /// `held`: in the queue for the operator to look at, since how far it had come is not certain; `set-aside`: in the
    /// queue without its content; `lost`: not in the queue.
    pub fate: String,
    /// What is wrong, in words.
    pub why: Vec<String>,
    /// Its recipients, as far as they are known; some may have it already.
    pub recipients: Vec<String>,
}
