//! `sekisho.toml`: read, checked as a whole, turned into the settings of those who obey them.
