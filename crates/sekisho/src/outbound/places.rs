//! How many connections may be at work at a time, over all destinations.
//!
//! A dial that takes long gives its place up until it has come through, and so does a connection while its host is slow
//! to answer: destinations that do not answer, however many, never keep those waiting that do.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::sleep,
};

/// A round trip to most places on Earth; whoever takes longer waits for a place again once it has come through.
const SLOW_DIAL: Duration = Duration::from_millis(250);

/// Leave for one connection at work.
#[derive(Debug)]
pub(super) struct Place {
    /// None while others have it.
    permit: Option<OwnedSemaphorePermit>,
    from: Arc<Semaphore>,
}

impl Place {
    /// Whether nobody else has it.
    pub(super) const fn is_ours(&self) -> bool {
        self.permit.is_some()
    }

    /// Leaves it to others.
    pub(super) fn lend(&mut self) {
        self.permit = None;
    }

    /// Waits until it, or another, is free again.
    pub(super) async fn take_back(&mut self) {
        if self.permit.is_none() {
            // The semaphore is never closed.
            self.permit = Arc::clone(&self.from).acquire_owned().await.ok();
        }
    }
}

/// All of them.
#[derive(Debug)]
pub(super) struct Places {
    /// The limit that the places were made for. After a reload has changed it, those that are taken go back to where
    /// they came from.
    current: Mutex<(usize, Arc<Semaphore>)>,
    /// How long a dial keeps its place.
    patience: Duration,
}

impl Places {
    pub(super) fn new(most: usize) -> Self {
        Self {
            current: Mutex::new((most, with_permits(most))),
            patience: SLOW_DIAL,
        }
    }

    /// A place among `most`; waits until one is free, in the order of asking. Whoever has one never waits for anything
    /// that another holder may have.
    pub(super) async fn take(&self, most: usize) -> Place {
        let mut place = Place {
            permit: None,
            from: self.of(most),
        };
        place.take_back().await;
        place
    }

    /// Whether one is free.
    pub(super) fn has_free(&self, most: usize) -> bool {
        self.of(most).available_permits() > 0
    }

    /// Runs a dial in a place, and gives back what it came to with the place. While it is slow it has none.
    pub(super) async fn dial<T, E>(
        &self,
        most: usize,
        dialling: impl Future<Output = Result<T, E>>,
    ) -> Result<(T, Place), E> {
        let place = self.take(most).await;
        tokio::pin!(dialling);
        let in_time = tokio::select! {
            biased;
            dialled = &mut dialling => Some(dialled),
            () = sleep(self.patience) => None,
        };
        if let Some(dialled) = in_time {
            return Ok((dialled?, place));
        }
        drop(place);
        let dialled = dialling.await?;
        Ok((dialled, self.take(most).await))
    }

    fn of(&self, most: usize) -> Arc<Semaphore> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.0 != most {
            *current = (most, with_permits(most));
        }
        current.1.clone()
    }
}

fn with_permits(most: usize) -> Arc<Semaphore> {
    Arc::new(Semaphore::new(most.clamp(1, Semaphore::MAX_PERMITS)))
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    #[tokio::test]
    async fn a_dial_that_takes_long_leaves_its_place_to_others() {
        let places = Arc::new(Places {
            patience: Duration::ZERO,
            ..Places::new(1)
        });
        let (answer, answered) = tokio::sync::oneshot::channel::<()>();
        let (began, begun) = tokio::sync::oneshot::channel::<()>();
        let slow = {
            let places = places.clone();
            tokio::spawn(async move {
                let dialling = async {
                    began.send(()).ok();
                    answered.await.ok();
                    Ok::<_, Infallible>(())
                };
                places.dial(1, dialling).await.map(|((), place)| place)
            })
        };
        begun.await.unwrap();
        let place = places.take(1).await;
        assert!(place.is_ours(), "the slow one has given it up");
        answer.send(()).unwrap();
        tokio::task::yield_now().await;
        assert!(!slow.is_finished(), "what came through late waits for a place");
        drop(place);
        assert!(slow.await.unwrap().unwrap().is_ours());
        assert!(places.has_free(1));
    }
}
