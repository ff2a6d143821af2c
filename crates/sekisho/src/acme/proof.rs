//! How one name is proved: what is shown, where, whether it can be seen, and that it goes again.
//!
//! Each is looked at by ourselves before the authority is told to look: at our own listeners, and at every
//! authoritative server of the zone.

use instant_acme::KeyAuthorization;
use sekisho_mail::Domain;
use serde::{Deserialize, Serialize};

use super::{
    AcmeSettings, ChallengeKind, ProofMeans, disk,
    fault::{AcmeFault, FaultKind},
    settings::UpdateServer,
};
use crate::{
    clock,
    dns::{PublishedText, TsigKey, ZoneUpdater},
};

/// The label below which dns-01 looks (RFC 8555 §8.4).
const DNS_LABEL: &str = "_acme-challenge";

/// What proves one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    /// At a path.
    Http {
        name: Domain,
        token: String,
        authorization: String,
    },
    /// In a handshake.
    Tls { name: Domain, digest: [u8; 32] },
    /// In a TXT record.
    Dns { name: Domain, text: String },
}

/// A TXT record in somebody's zone, as it is written down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ShownText {
    name: Domain,
    zone: Domain,
    text: String,
}

impl Proof {
    /// RFC 8555 §8.3 and §8.4, RFC 8737 §3.
    pub(super) fn of(kind: ChallengeKind, name: &Domain, token: &str, authorization: &KeyAuthorization) -> Self {
        match kind {
            ChallengeKind::Http01 => Self::Http {
                name: name.clone(),
                token: token.to_owned(),
                authorization: authorization.as_str().to_owned(),
            },
            ChallengeKind::TlsAlpn01 => Self::Tls {
                name: name.clone(),
                digest: sekisho_tls::sha256(authorization.as_str().as_bytes()).0,
            },
            ChallengeKind::Dns01 => Self::Dns {
                name: name.clone(),
                text: authorization.dns_value(),
            },
        }
    }

    const fn name(&self) -> &Domain {
        match self {
            Self::Http { name, .. } | Self::Tls { name, .. } | Self::Dns { name, .. } => name,
        }
    }

    const fn kind(&self) -> ChallengeKind {
        match self {
            Self::Http { .. } => ChallengeKind::Http01,
            Self::Tls { .. } => ChallengeKind::TlsAlpn01,
            Self::Dns { .. } => ChallengeKind::Dns01,
        }
    }
}

/// Shows proofs with the means of this server.
pub(super) struct Prover<'a> {
    settings: &'a AcmeSettings,
    means: &'a ProofMeans,
}

impl<'a> Prover<'a> {
    pub(super) const fn new(settings: &'a AcmeSettings, means: &'a ProofMeans) -> Self {
        Self { settings, means }
    }

    /// Finds out where a text will be put and adds it to what is to be written down; whether there is one.
    pub(super) async fn prepare(&self, proof: &Proof, texts: &mut Vec<ShownText>) -> Result<bool, AcmeFault> {
        let Proof::Dns { name, text } = proof else {
            return Ok(false);
        };
        let owner = Domain::parse(&format!("{DNS_LABEL}.{name}"));
        let owner = owner.map_err(|error| failed(proof, error.to_string()))?;
        let found = self.updater()?.find(&owner, text).await;
        let found = found.map_err(|error| failed(proof, error.to_string()))?;
        texts.push(ShownText {
            name: found.name,
            zone: found.zone,
            text: found.text,
        });
        Ok(true)
    }

    /// Shows it, and looks whether it can be seen. Of texts the last that was prepared.
    pub(super) async fn show(&self, proof: &Proof, texts: &[ShownText]) -> Result<(), AcmeFault> {
        let responders = &self.means.responders;
        let shown = match proof {
            Proof::Http {
                name,
                token,
                authorization,
            } => match responders.show(token, authorization) {
                Ok(()) => responders.check_http(name, token, authorization).await,
                Err(why) => Err(why),
            },
            Proof::Tls { name, digest } => {
                let presented = responders.handshakes().present(name, *digest, clock::now());
                match presented {
                    Ok(()) => responders.check_tls(name).await,
                    Err(error) => Err(error.to_string()),
                }
            }
            Proof::Dns { .. } => match texts.last() {
                Some(text) => self.put(text).await?,
                None => Err("the record was not prepared".to_owned()),
            },
        };
        shown.map_err(|why| failed(proof, format!("it cannot be seen by ourselves: {why}")))
    }

    async fn put(&self, text: &ShownText) -> Result<Result<(), String>, AcmeFault> {
        let updater = self.updater()?;
        let record = text.published();
        if let Err(error) = updater.add(&record, clock::now()).await {
            return Ok(Err(error.to_string()));
        }
        let shown = updater.wait_until_shown(&record, self.means.zone_patience).await;
        Ok(shown.map_err(|error| error.to_string()))
    }

    /// Shows it no longer, where that takes no time.
    pub(super) fn hide(&self, proof: &Proof) {
        match proof {
            Proof::Http { token, .. } => self.means.responders.hide(token),
            Proof::Tls { name, .. } => self.means.responders.handshakes().withdraw(name),
            Proof::Dns { .. } => {}
        }
    }

    /// Takes these texts out of their zones. One that cannot be taken out stays in the list for the next time.
    pub(super) async fn withdraw(&self, texts: &mut Vec<ShownText>) {
        if texts.is_empty() {
            return;
        }
        let updater = match self.updater() {
            Ok(updater) => updater,
            Err(fault) => {
                tracing::warn!(%fault, "a record cannot be taken out of its zone");
                return;
            }
        };
        let mut left = Vec::new();
        for text in texts.drain(..) {
            if let Err(error) = updater.remove(&text.published(), clock::now()).await {
                tracing::warn!(name = %text.name, %error, "a record cannot be taken out of its zone");
                left.push(text);
            }
        }
        *texts = left;
    }

    fn updater(&self) -> Result<ZoneUpdater, AcmeFault> {
        let ours = |words: String| AcmeFault::new(FaultKind::Ours, words);
        let Some(server) = &self.settings.dns else {
            return Err(ours("dns-01 needs the name server that takes updates (dns)".to_owned()));
        };
        let key = load_key(server)?;
        Ok(ZoneUpdater::new(
            self.means.dns.clone(),
            server.server,
            server.zone.clone(),
            key,
            self.means.own.clone(),
        ))
    }
}

impl ShownText {
    fn published(&self) -> PublishedText {
        PublishedText {
            name: self.name.clone(),
            zone: self.zone.clone(),
            text: self.text.clone(),
        }
    }
}

/// The key in its file, read each time: it is replaced where it is.
pub(super) fn load_key(server: &UpdateServer) -> Result<TsigKey, AcmeFault> {
    let path = &server.key_file;
    let ours = |words: &str| AcmeFault::new(FaultKind::Ours, format!("{}: {words} (dns.key_file)", path.display()));
    let text = disk::load_text(path)?.ok_or_else(|| ours("there is no such file"))?;
    TsigKey::parse(&text, server.key_name.as_ref(), server.algorithm).map_err(|error| ours(&error.to_string()))
}

fn failed(proof: &Proof, why: String) -> AcmeFault {
    AcmeFault::new(
        FaultKind::Challenge,
        format!("{}: {}: {why}", proof.name(), proof.kind()),
    )
}
