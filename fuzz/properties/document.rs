//! What holds of the documents in the store on any octets that have the right checksum: what can be read can be written
//! and is the same when it is read again.

use std::fmt::Debug;

use sekisho_mail::{Envelope, Evidence, MessageId, Outcome, Reply};
use sekisho_store::{Arrival, Directive, QueueFilter, QueuedRecipient, Selection};
use serde::{Serialize, de::DeserializeOwned};

/// # Panics
/// When a document changes by being read and written.
pub(crate) fn check(octets: &[u8]) {
    check_one::<Envelope>(octets);
    check_one::<Arrival>(octets);
    check_one::<Evidence>(octets);
    check_one::<Vec<QueuedRecipient>>(octets);
    check_one::<Directive>(octets);
    check_one::<Selection>(octets);
    check_one::<QueueFilter>(octets);
    check_one::<Outcome>(octets);
    check_one::<Reply>(octets);
    if let Ok(text) = str::from_utf8(octets)
        && let Ok(id) = text.parse::<MessageId>()
    {
        assert!(id.to_string().eq_ignore_ascii_case(text));
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(MessageId::from_u64(id.as_u64()), id);
    }
}

fn check_one<T: Serialize + DeserializeOwned + PartialEq + Debug>(octets: &[u8]) {
    let Ok(value) = serde_json::from_slice::<T>(octets) else {
        return;
    };
    let written = serde_json::to_vec(&value).expect("what was read can be written");
    let again: T = serde_json::from_slice(&written).unwrap_or_else(|error| panic!("{error}: {value:?}"));
    assert_eq!(again, value, "{}", octets.escape_ascii());
}
