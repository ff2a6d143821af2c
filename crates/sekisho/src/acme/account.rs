//! Our account with an authority: made once for each directory, contact and external account, its key kept in the data
//! folder (RFC 8555 §7.3).
//!
//! An authority that no longer knows the account (`accountDoesNotExist`) gets a new one; the old key is set aside and
//! not thrown away. The library makes key and account in one step, so a crash between the two leaves an account behind
//! that nobody uses.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use instant_acme::{Account, AccountCredentials, ExternalAccountKey, NewAccount, RevocationReason, RevocationRequest};
use sekisho_mail::Timestamp;
use zeroize::Zeroizing;

use super::{
    AcmeSettings, disk,
    fault::{AcmeFault, FaultKind},
    settings::ExternalAccount,
    transport::{Courier, DirectoryFacts},
};
use crate::fetch::Fetcher;

/// The account's file in its folder.
const ACCOUNT_FILE: &str = "account.json";

/// An account that can be used.
pub struct AcmeAccount {
    pub(super) settings: Arc<AcmeSettings>,
    pub(super) courier: Courier,
    pub(super) facts: DirectoryFacts,
    pub(super) account: Account,
    /// Where its files are.
    pub(super) folder: PathBuf,
}

impl fmt::Debug for AcmeAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AcmeAccount")
            .field("directory", &self.settings.directory)
            .field("id", &self.account.id())
            .finish_non_exhaustive()
    }
}

impl AcmeAccount {
    /// Takes up the account whose files are below `folder`, or makes one there.
    ///
    /// # Errors
    /// When the authority cannot be asked or says no, when its terms are not accepted, or a file cannot be used.
    pub async fn open(
        settings: Arc<AcmeSettings>,
        fetcher: Fetcher,
        folder: &Path,
        now: Timestamp,
    ) -> Result<Self, AcmeFault> {
        let courier = Courier::new(fetcher, &settings);
        let facts = directory(&courier, &settings).await?;
        let folder = folder.join(settings.account_folder());
        let path = folder.join(ACCOUNT_FILE);
        let builder = Account::builder_with_http(Box::new(courier.clone()));
        let fault = |what: &str, error| AcmeFault::of(what, &error, &courier.seen(), now);
        let account = match disk::load::<AccountCredentials>(&path)? {
            Some(credentials) => {
                let taken_up = builder.from_credentials(credentials).await;
                taken_up.map_err(|error| fault("taking up the account", error))?
            }
            None => {
                let external = settings.external_account.as_ref().map(external_key).transpose()?;
                permit(&settings, &facts)?;
                let contact: Vec<String> = settings.contact.iter().map(|to| format!("mailto:{to}")).collect();
                let contact: Vec<&str> = contact.iter().map(String::as_str).collect();
                let new = NewAccount {
                    contact: &contact,
                    terms_of_service_agreed: settings.terms_accepted,
                    only_return_existing: false,
                };
                let made = builder.create(&new, settings.directory.to_string(), external.as_ref());
                let (account, credentials) = made.await.map_err(|error| fault("making an account", error))?;
                disk::store(&path, &credentials)?;
                account
            }
        };
        Ok(Self {
            settings,
            courier,
            facts,
            account,
            folder,
        })
    }

    /// What the library said while we did `what`. An account that the authority does not know is set aside.
    pub(super) fn fault(&self, what: &str, error: &instant_acme::Error, now: Timestamp) -> AcmeFault {
        let fault = AcmeFault::of(what, error, &self.courier.seen(), now);
        if fault.kind == FaultKind::NoAccount {
            let path = self.folder.join(ACCOUNT_FILE);
            let aside = path.with_extension(format!("unknown-{}", now.as_secs()));
            // A failure here shows as the same fault at the next try.
            if let Err(error) = std::fs::rename(&path, &aside) {
                tracing::warn!(path = %path.display(), %error, "the file of an unknown account cannot be set aside");
            }
        }
        fault
    }

    /// Revokes one of this account's certificates (RFC 8555 §7.6). One that is revoked already is no fault.
    ///
    /// # Errors
    /// When the authority cannot be asked or says no.
    pub async fn revoke(&self, certificate: &[u8], reason: RevocationCause, now: Timestamp) -> Result<(), AcmeFault> {
        let request = RevocationRequest {
            certificate: &certificate.into(),
            reason: Some(reason.code()),
        };
        match self.account.revoke(&request).await {
            Ok(()) => Ok(()),
            Err(instant_acme::Error::Api(problem)) if is_already_revoked(problem.r#type.as_deref()) => Ok(()),
            Err(error) => Err(self.fault("revoking", &error, now)),
        }
    }
}

/// The reasons that an ACME authority takes (RFC 5280 §5.3.1; those that its subscribers may give).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RevocationCause {
    /// None is given.
    #[default]
    Unspecified,
    /// Somebody else may have the key.
    KeyCompromise,
    /// The name is another organization's now.
    AffiliationChanged,
    /// Another certificate has taken its place.
    Superseded,
    /// The service has ended.
    CessationOfOperation,
}

impl RevocationCause {
    const fn code(self) -> RevocationReason {
        match self {
            Self::Unspecified => RevocationReason::Unspecified,
            Self::KeyCompromise => RevocationReason::KeyCompromise,
            Self::AffiliationChanged => RevocationReason::AffiliationChanged,
            Self::Superseded => RevocationReason::Superseded,
            Self::CessationOfOperation => RevocationReason::CessationOfOperation,
        }
    }
}

impl std::str::FromStr for RevocationCause {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "unspecified" => Self::Unspecified,
            "key-compromise" => Self::KeyCompromise,
            "affiliation-changed" => Self::AffiliationChanged,
            "superseded" => Self::Superseded,
            "cessation-of-operation" => Self::CessationOfOperation,
            _ => {
                return Err(format!(
                    "{text:?} is no reason; use unspecified, key-compromise, affiliation-changed, superseded or \
                     cessation-of-operation"
                ));
            }
        })
    }
}

fn is_already_revoked(kind: Option<&str>) -> bool {
    kind.is_some_and(|kind| kind.ends_with(":alreadyRevoked"))
}

/// The directory, asked before the library asks for it: it does not say what it got instead.
pub(super) async fn directory(courier: &Courier, settings: &AcmeSettings) -> Result<DirectoryFacts, AcmeFault> {
    let url = settings.directory.to_string();
    let fetched = courier.get(&url).await;
    let fetched = fetched.map_err(|why| AcmeFault::new(FaultKind::Unreachable, why))?;
    let status = fetched.status;
    if status != 200 {
        let words = format!("{url}: HTTP status {status} instead of an ACME directory; check the URL");
        return Err(AcmeFault::new(FaultKind::Malformed, words));
    }
    serde_json::from_slice(&fetched.body).map_err(|error| {
        let words = format!("{url}: this is no ACME directory ({error}); check the URL");
        AcmeFault::new(FaultKind::Malformed, words)
    })
}

/// What must be so before an account is made.
fn permit(settings: &AcmeSettings, facts: &DirectoryFacts) -> Result<(), AcmeFault> {
    let refuse = |words: String| Err(AcmeFault::new(FaultKind::Ours, words));
    if let (false, Some(terms)) = (settings.terms_accepted, &facts.meta.terms_of_service) {
        let terms = super::fault::bounded(terms);
        return refuse(format!(
            "the authority has terms of service ({terms}); read them and say that you accept them (terms_accepted)"
        ));
    }
    if facts.meta.external_account_required && settings.external_account.is_none() {
        return refuse(
            "the authority makes accounts for its customers alone; give the key that it handed out (eab)".to_owned(),
        );
    }
    Ok(())
}

/// The key in its file, in either alphabet of base64.
fn external_key(external: &ExternalAccount) -> Result<ExternalAccountKey, AcmeFault> {
    let path = &external.key_file;
    let Some(text) = disk::load_text(path)? else {
        let words = format!("{}: there is no such file (eab.key_file)", path.display());
        return Err(AcmeFault::new(FaultKind::Ours, words));
    };
    let text = text.trim();
    let decoded = BASE64_URL_SAFE_NO_PAD
        .decode(text.trim_end_matches('='))
        .or_else(|_| BASE64_STANDARD.decode(text));
    let secret = Zeroizing::new(decoded.map_err(|_| {
        let words = format!("{}: holds no key in base64 (eab.key_file)", path.display());
        AcmeFault::new(FaultKind::Ours, words)
    })?);
    Ok(ExternalAccountKey::new(external.key_id.clone(), &secret))
}
