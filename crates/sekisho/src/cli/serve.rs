//! `sekisho serve`: runs the server until it is told to stop.

use super::{CliError, Finding};
use crate::{app, config::Place};

pub(super) fn run(place: &Place) -> Result<Finding, CliError> {
    app::serve(place).map_err(|error| match error {
        app::AppError::Load(error) => CliError::Load(error),
        other => CliError::Failed(other.to_string()),
    })?;
    Ok(Finding::Done)
}
