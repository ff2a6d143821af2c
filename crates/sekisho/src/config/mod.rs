//! `sekisho.toml`: read, checked as a whole, turned into the settings of those who obey them.
//!
//! [`raw`] is the text, [`Settings`] what it means. A text with any fault is refused whole (law 9), and so is a value
//! that this build cannot enforce (law 13).

mod document;
mod fault;
pub mod human;
pub mod raw;
pub mod reference;

use std::path::Path;

pub use fault::{ConfigFault, ConfigFaults};
use raw::Raw;

/// Reads the text of a file into its raw form.
///
/// # Errors
/// Everything that is wrong with it.
pub fn parse_raw(file: &Path, text: &str) -> Result<Raw, ConfigFaults> {
    let faults = |mut faults: Vec<ConfigFault>| {
        faults.sort_by_key(|fault| fault.line);
        ConfigFaults {
            file: file.to_owned(),
            faults,
        }
    };
    let document = document::Document::parse(text).map_err(faults)?;
    document.check(&reference::schema()).map_err(faults)?;
    toml::from_str(text).map_err(|error| {
        let line = error
            .span()
            .map_or(0, |span| text[..span.start].matches('\n').count() + 1);
        faults(vec![ConfigFault {
            line,
            key: String::new(),
            problem: error.message().to_owned(),
            remedy: String::new(),
        }])
    })
}
