//! How many fetches run at a time: overall, and at one host, so that no endpoint that stalls holds up all the others.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Fetches that run at a time.
pub const FETCHES_MAX: usize = 32;
/// Those among them to one host.
pub const FETCHES_PER_HOST_MAX: usize = 4;
/// Those that run or wait; more of them fail at once.
pub const FETCHES_PENDING_MAX: usize = 1024;

/// The places.
#[derive(Debug)]
pub(super) struct Places {
    pending: Arc<Semaphore>,
    overall: Arc<Semaphore>,
    hosts: Mutex<HashMap<String, Weak<Semaphore>>>,
}

/// What gives its place free when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    _overall: OwnedSemaphorePermit,
    _host: OwnedSemaphorePermit,
}

impl Default for Places {
    fn default() -> Self {
        Self {
            pending: Arc::new(Semaphore::new(FETCHES_PENDING_MAX)),
            overall: Arc::new(Semaphore::new(FETCHES_MAX)),
            hosts: Mutex::default(),
        }
    }
}

impl Places {
    /// The right to wait; `None` when too many do already.
    pub(super) fn queue_up(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.pending).try_acquire_owned().ok()
    }

    /// Waits for a place at the host first, so that who waits for a slow host takes none of the others' places.
    /// `None` never comes: nobody closes them.
    pub(super) async fn take(&self, host: &str) -> Option<Place> {
        let at_host = self.at_host(host).acquire_owned().await.ok()?;
        let overall = Arc::clone(&self.overall).acquire_owned().await.ok()?;
        Some(Place {
            _overall: overall,
            _host: at_host,
        })
    }

    fn at_host(&self, host: &str) -> Arc<Semaphore> {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = hosts.get(host).and_then(Weak::upgrade) {
            return known;
        }
        // Those that nobody uses any more go: as many stay as there are fetches that run or wait.
        hosts.retain(|_, places| places.strong_count() > 0);
        let made = Arc::new(Semaphore::new(FETCHES_PER_HOST_MAX));
        hosts.insert(host.to_owned(), Arc::downgrade(&made));
        made
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::Future,
        pin::pin,
        task::{Context, Waker},
    };

    use super::*;

    #[test]
    fn a_host_that_stalls_takes_its_own_places_and_no_others() {
        let places = Places::default();
        let mut context = Context::from_waker(Waker::noop());
        let mut take = |host: &'static str| {
            let taking = pin!(places.take(host)).poll(&mut context);
            match taking {
                std::task::Poll::Ready(place) => place,
                std::task::Poll::Pending => None,
            }
        };
        let slow: Vec<_> = (0..FETCHES_PER_HOST_MAX)
            .map(|_| take("slow.example").unwrap())
            .collect();
        assert!(take("slow.example").is_none());
        assert!(take("other.example").is_some());
        drop(slow);
        assert!(take("slow.example").is_some());
        assert!(take("third.example").is_some());
        assert_eq!(places.hosts.lock().unwrap().len(), 1, "what is not used is forgotten");
    }
}
