//! The binary: arguments, load, build, run.

fn main() {}
