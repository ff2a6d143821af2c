//! The command line: one file a subcommand, all through the management API.
