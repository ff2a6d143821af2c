//! The embedded store: SQLite in WAL mode with one writer that commits in groups.
