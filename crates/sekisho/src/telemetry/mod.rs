//! Logs, the mail log and metrics.
