//! `sekisho completions`: what a shell needs to complete our command line.

use std::io::Write as _;

use clap::Args;
use clap_complete::Shell;

use super::{CliError, Finding};

#[derive(Debug, Args)]
pub(super) struct CompletionsArgs {
    /// For which shell
    shell: Shell,
}

pub(super) fn run(args: CompletionsArgs) -> Result<Finding, CliError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut super::command(), "sekisho", &mut script);
    std::io::stdout().write_all(&script)?;
    Ok(Finding::Done)
}
