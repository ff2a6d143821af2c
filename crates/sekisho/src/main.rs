//! The binary: arguments, load, build, run.

use std::process::ExitCode;

fn main() -> ExitCode {
    sekisho::cli::main()
}
