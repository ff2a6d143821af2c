//! What holds of the requests of the management API on any octets: a query or a body that is understood is the same
//! when it is written and read again, so that the command line and a page mean one thing by it.

use std::fmt::Debug;

use sekisho_api::{Bounce, Hold, QueueQuery, Redirect, Release, Retry, ShapeQuery, Submission, TraceQuery};
use serde::{Serialize, de::DeserializeOwned};

/// # Panics
/// When a request changes by being written and read.
pub(crate) fn check(octets: &[u8]) {
    if let Ok(text) = str::from_utf8(octets) {
        query::<QueueQuery>(text);
        query::<ShapeQuery>(text);
        query::<TraceQuery>(text);
    }
    body::<Hold>(octets);
    body::<Release>(octets);
    body::<Retry>(octets);
    body::<Bounce>(octets);
    body::<Redirect>(octets);
    body::<Submission>(octets);
}

fn query<T: Serialize + DeserializeOwned + PartialEq + Debug>(text: &str) {
    let Ok(value) = serde_urlencoded::from_str::<T>(text) else {
        return;
    };
    let written = serde_urlencoded::to_string(&value).expect("what was read can be written");
    let again = serde_urlencoded::from_str::<T>(&written);
    assert_eq!(again.as_ref(), Ok(&value), "{text:?} is written {written:?}");
}

fn body<T: Serialize + DeserializeOwned + Debug>(octets: &[u8]) {
    let Ok(value) = serde_json::from_slice::<T>(octets) else {
        return;
    };
    let written = serde_json::to_vec(&value).expect("what was read can be written");
    let again: T = serde_json::from_slice(&written).unwrap_or_else(|error| panic!("{error}: {value:?}"));
    assert_eq!(serde_json::to_vec(&again).ok(), Some(written), "{value:?}");
}
