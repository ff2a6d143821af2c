//! Controls: the same rounds with a server whose flushes were taken away. A rig that finds nothing wrong with those
//! finds nothing at all.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use crate::{
    disk::{Kind, library},
    round::{Outcome, Round},
};

/// Cuts in each; a few, because a cut may come when nothing is under way.
const CUTS: usize = 2;
/// What is lost never arrives, and what is damaged is not delivered: nobody waits for it long.
const PATIENCE: Duration = Duration::from_secs(2);

/// How the flushes are taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Control {
    /// Debian's libeatmydata: they do nothing.
    NoSync,
    /// They come a while after they have been reported as done, and so after the 250 that they were for.
    LateSync,
}

impl Control {
    /// Both.
    pub(crate) const ALL: [Self; 2] = [Self::NoSync, Self::LateSync];

    /// For people.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::NoSync => "flushes that do nothing (libeatmydata)",
            Self::LateSync => "250 before the flush",
        }
    }

    fn preload(self, work: &Path) -> Result<PathBuf, String> {
        match self {
            Self::NoSync => library("libeatmydata.so").ok_or_else(|| "libeatmydata.so is missing".to_owned()),
            Self::LateSync => compile_late_sync(work),
        }
    }

    /// Runs a round that has to come out badly.
    ///
    /// # Errors
    /// When it cannot be run.
    pub(crate) fn run(self, kind: Kind, seed: u64, binary: &Path, work: &Path) -> Result<Outcome, String> {
        let round = Round {
            kind,
            seed,
            cuts: CUTS,
            kills: 0,
            preload: Some(self.preload(work)?),
            patience: PATIENCE,
        };
        round.run(binary, work)
    }
}

fn compile_late_sync(work: &Path) -> Result<PathBuf, String> {
    let library = work.join("late-sync.so");
    let failed = |fault: std::io::Error| format!("cc: {fault}");
    let mut compiler = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-x", "c", "-", "-o"])
        .arg(&library)
        .args(["-lpthread"])
        .stdin(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    if let Some(mut input) = compiler.stdin.take() {
        input.write_all(include_bytes!("late-sync.c")).map_err(failed)?;
    }
    let status = compiler.wait().map_err(failed)?;
    if status.success() {
        Ok(library)
    } else {
        Err(format!("cc: {status}"))
    }
}
