//! An answer that comes later: the writer and reader threads of a store answer through it, so that the trait
//! stays usable behind a pointer and no caller ever blocks on the disk.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::sync::oneshot;

use crate::StoreError;

/// A future for the result of one request. Dropping it does not undo the request.
#[derive(Debug)]
#[must_use = "the request is under way, but its result is unknown until awaited"]
pub struct Ticket<T>(oneshot::Receiver<Result<T, StoreError>>);

/// The other end, for the store's threads.
pub type Answer<T> = oneshot::Sender<Result<T, StoreError>>;

impl<T> Ticket<T> {
    /// A ticket and where its answer goes.
    pub fn pair() -> (Answer<T>, Self) {
        let (answer, receiver) = oneshot::channel();
        (answer, Self(receiver))
    }

    /// A ticket that is answered already.
    pub fn ready(result: Result<T, StoreError>) -> Self {
        let (answer, ticket) = Self::pair();
        // The receiver is in our hand, so the send cannot fail.
        let _ = answer.send(result);
        ticket
    }

    /// Waits on this thread: for the command line and for tests, never inside async code.
    ///
    /// # Errors
    /// What the store answered, or that it has stopped.
    pub fn wait(self) -> Result<T, StoreError> {
        self.0.blocking_recv().unwrap_or(Err(StoreError::Stopped))
    }

    /// The answer of a thread that has ended, without waiting: allowed anywhere.
    pub(crate) fn of_ended_thread(mut self) -> Result<T, StoreError> {
        self.0.try_recv().unwrap_or(Err(StoreError::Stopped))
    }
}

impl<T> Future for Ticket<T> {
    type Output = Result<T, StoreError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0)
            .poll(context)
            .map(|answer| answer.unwrap_or(Err(StoreError::Stopped)))
    }
}
