//! Looking at a data folder and recovering it, under its lock: for what no server can open any more.

use std::path::Path;

use sekisho_api::{Casualty, DamagedMessage, StoreCheck, StoreRecovery};
use sekisho_mail::MessageId;
use sekisho_store::{
    StoreError,
    sqlite::{self, Fate},
};

use crate::clock;

/// Looks at everything that the data folder holds; changes nothing.
///
/// # Errors
/// While a server runs, or when the system says no.
pub fn check(folder: &Path) -> Result<StoreCheck, StoreError> {
    let check = sqlite::check(folder)?;
    Ok(StoreCheck {
        sound: check.is_sound(),
        messages: check.messages,
        faults: check.faults,
        damaged: check
            .damaged
            .into_iter()
            .map(|(id, why)| DamagedMessage {
                id: id.to_string(),
                why,
            })
            .collect(),
        strays: texts(&check.strays),
    })
}

/// Brings every row that can be believed into a new database; the old one is kept.
///
/// # Errors
/// While a server runs, or when the system says no.
pub fn recover(folder: &Path) -> Result<StoreRecovery, StoreError> {
    let recovery = sqlite::recover(folder, clock::now())?;
    Ok(StoreRecovery {
        kept: recovery.kept.display().to_string(),
        messages: recovery.messages,
        faults: recovery.faults,
        casualties: recovery
            .casualties
            .into_iter()
            .map(|casualty| Casualty {
                id: casualty.id.to_string(),
                fate: fate_word(casualty.fate).to_owned(),
                why: casualty.why,
                recipients: casualty.recipients,
            })
            .collect(),
        strays: texts(&recovery.strays),
    })
}

const fn fate_word(fate: Fate) -> &'static str {
    match fate {
        Fate::Held => "held",
        Fate::SetAside => "set-aside",
        Fate::Lost => "lost",
    }
}

fn texts(ids: &[MessageId]) -> Vec<String> {
    ids.iter().map(ToString::to_string).collect()
}
