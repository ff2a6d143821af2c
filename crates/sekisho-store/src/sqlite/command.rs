//! What the writer is asked, and how it says no.

use std::collections::HashSet;

use sekisho_mail::{MessageId, Timestamp};

use super::{
    action::ActionJob, codec, directory::DirectoryJob, insert::CommitJob, lease::Wanted, redirect::Redirect,
    settle::SettleJob, writer::Aftermath,
};
use crate::{ActionReport, Answer, Destination, DueDestination, Lease, StoreError};

/// What the writer is asked.
pub(super) enum Command {
    Commit(Box<CommitJob>),
    Settle(Vec<SettleJob>),
    GiveBack(i64, i64),
    SetAside(i64, String),
    BackOff {
        destination: Box<Destination>,
        until: Timestamp,
        why: String,
        answer: Answer<()>,
    },
    Act(Box<ActionJob>),
    Redirect {
        id: MessageId,
        order: Redirect,
        answer: Answer<ActionReport>,
    },
    ChangeDirectory(Box<DirectoryJob>),
    Due {
        now: Timestamp,
        limit: usize,
        passed_over: HashSet<Destination>,
        answer: Answer<Vec<DueDestination>>,
    },
    NextDue {
        now: Timestamp,
        answer: Answer<Option<Timestamp>>,
    },
    Lease {
        destination: Box<Destination>,
        wanted: Wanted,
        answer: Answer<Vec<Lease>>,
    },
    /// Ends the thread: cleanly, or as a crash would.
    Stop {
        clean: bool,
        answer: Option<Answer<()>>,
    },
}

impl Command {
    pub(super) const fn writes(&self) -> bool {
        !matches!(
            self,
            Self::Due { .. } | Self::NextDue { .. } | Self::Lease { .. } | Self::Act(_) | Self::Stop { .. }
        )
    }

    pub(super) fn weight(&self) -> u64 {
        match self {
            Self::Commit(job) => job.message.weight(),
            Self::Settle(jobs) => 4096 * jobs.len() as u64,
            _ => 1024,
        }
    }

    /// Answers with an error; gives back what must not be lost.
    pub(super) fn refuse(self, error: StoreError, aftermath: &mut Aftermath) {
        match self {
            Self::Commit(job) => drop(job.answer.send(Err(error))),
            Self::Settle(jobs) => jobs.into_iter().for_each(|job| aftermath.retry(job)),
            Self::GiveBack(key, destination) => aftermath.given_back.push((key, destination)),
            Self::SetAside(key, why) => tracing::error!(message = %codec::id(key), why, "damaged, not set aside yet"),
            Self::BackOff { answer, .. } => drop(answer.send(Err(error))),
            Self::Act(job) => drop(job.answer.send(Err(error))),
            Self::Redirect { answer, .. } => drop(answer.send(Err(error))),
            Self::ChangeDirectory(job) => drop(job.answer.send(Err(error))),
            Self::Due { answer, .. } => drop(answer.send(Err(error))),
            Self::NextDue { answer, .. } => drop(answer.send(Err(error))),
            Self::Lease { answer, .. } => drop(answer.send(Err(error))),
            Self::Stop { answer, .. } => drop(answer.map(|answer| answer.send(Err(error)))),
        }
    }
}
