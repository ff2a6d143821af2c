//! Whether certificates may be revoked ones, from what organizations, connectors and rules say.

use std::collections::HashMap;

use sekisho_api as api;
use sekisho_mail::RevocationMode;
use sekisho_policy::outbound::Revocation;

/// What holds where a connector or a rule says nothing, by the names of organizations.
#[derive(Debug, Default)]
pub(super) struct Defaults(HashMap<String, Said>);

/// What a document says.
#[derive(Clone, Copy, Debug, Default)]
struct Said {
    revocation: api::Revocation,
    refuse_not_revocable: bool,
}

/// Of all organizations. One without a document says what a new one would.
pub(super) fn of_organizations(documents: &[api::Organization]) -> Defaults {
    let said = documents.iter().map(|document| {
        let said = Said {
            revocation: document.revocation,
            refuse_not_revocable: document.refuse_not_revocable,
        };
        (document.name.clone(), said)
    });
    Defaults(said.collect())
}

impl Defaults {
    /// What holds for a document of an organization that says this, or nothing, itself.
    pub(super) fn setting(
        &self,
        organization: &str,
        revocation: Option<api::Revocation>,
        refuse_not_revocable: Option<bool>,
    ) -> Option<Revocation> {
        let said = self.0.get(organization).copied().unwrap_or_default();
        setting(
            revocation.unwrap_or(said.revocation),
            refuse_not_revocable.unwrap_or(said.refuse_not_revocable),
        )
    }
}

/// As policy has it.
pub(super) fn setting(revocation: api::Revocation, refuse_not_revocable: bool) -> Option<Revocation> {
    let mode = match revocation {
        api::Revocation::Off => return None,
        api::Revocation::SoftFail => RevocationMode::SoftFail,
        api::Revocation::HardFail => RevocationMode::HardFail,
    };
    Some(Revocation {
        mode,
        refuse_not_revocable,
    })
}
