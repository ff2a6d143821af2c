//! The program's own log, on standard error: what the server does and what it stumbles over. What happens to messages
//! is in the mail log.

use std::io::{self, IsTerminal as _};

use thiserror::Error;
use tracing_subscriber::{
    EnvFilter, Registry, fmt, layer::SubscriberExt as _, registry::LookupSpan, reload, util::SubscriberInitExt as _,
};

use super::maillog::LineFormat;

/// Changes what the log shows while it runs.
#[derive(Clone, Debug)]
pub struct LogLevel(reload::Handle<EnvFilter, Registry>);

/// Why the log cannot be started or changed.
#[derive(Debug, Error)]
#[error("the log cannot be set to {level:?}: {why}")]
pub struct LogError {
    level: String,
    why: String,
}

impl LogLevel {
    /// Shows what these directives say from now on.
    ///
    /// # Errors
    /// When they are no directives.
    pub fn change(&self, level: &str) -> Result<(), LogError> {
        self.0.reload(filter(level)?).map_err(|error| LogError {
            level: level.to_owned(),
            why: error.to_string(),
        })
    }
}

/// Starts the log; once in the life of the process.
///
/// # Errors
/// When `level` is no directive or a log runs already.
pub fn start(level: &str, format: LineFormat) -> Result<LogLevel, LogError> {
    let (filter, handle) = reload::Layer::new(filter(level)?);
    let started = match format {
        LineFormat::Text => tracing_subscriber::registry().with(filter).with(text()).try_init(),
        LineFormat::Json => {
            let lines = fmt::layer().json().with_writer(io::stderr);
            tracing_subscriber::registry().with(filter).with(lines).try_init()
        }
    };
    started.map_err(|error| LogError {
        level: level.to_owned(),
        why: error.to_string(),
    })?;
    Ok(LogLevel(handle))
}

fn text<S>() -> impl tracing_subscriber::Layer<S>
where
    S: tracing::Subscriber + for<'span> LookupSpan<'span>,
{
    let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    fmt::layer()
        .with_ansi(wanted && io::stderr().is_terminal())
        .with_target(false)
        .with_writer(io::stderr)
}

fn filter(level: &str) -> Result<EnvFilter, LogError> {
    EnvFilter::try_new(level).map_err(|error| LogError {
        level: level.to_owned(),
        why: error.to_string(),
    })
}
