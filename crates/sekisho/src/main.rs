//! The binary: arguments, load, build, run.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// Messages come and go between threads, for which the system's allocator needs a tenth of the processor and keeps what
/// was freed.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    sekisho::cli::main()
}
