//! One order, from its names to its certificate (RFC 8555 §7.4). It is written down before anything else is done, so
//! that a restart takes it up where it stood; what was put into DNS for it is written down before it is put there, so
//! that it is taken out again whatever happens.

use std::{path::PathBuf, sync::Arc, time::Duration};

use instant_acme::{
    AuthorizationStatus, CertificateIdentifier, ChallengeType, Error, Identifier, NewOrder, Order, OrderStatus,
};
use sekisho_mail::{Digest, Domain, Timestamp};
use sekisho_tls::PeerChain;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

use super::{
    AcmeAccount, ChallengeKind, Responders, disk,
    fault::{AcmeFault, FaultKind, not_before},
    proof::{Proof, Prover, ShownText},
    renewal::CertificateId,
};
use crate::{clock, dns::DnsResolver};

/// How long an authority may take to look at all names, and again to issue, before the order is left for a later try.
pub const ORDER_PATIENCE: Duration = Duration::from_secs(300);
/// How long all name servers of a zone may take to show a record.
pub const ZONE_PATIENCE: Duration = Duration::from_secs(600);
/// Between two questions how it stands: at first, and at most.
const POLL_DELAYS: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(10));
/// An order that was placed so long ago is not taken up: authorities forget them within a week.
const ORDER_AGE_MAX: Duration = Duration::from_secs(6 * 86_400);
/// Names and challenges of an answer that are looked at, whatever it has.
const AUTHORIZATIONS_MAX: usize = super::NAMES_MAX;
/// Other chains of one certificate that are looked at.
const ALTERNATES_MAX: usize = 4;

/// What is ordered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderRequest {
    /// Names, as A-labels in lower case; `*.` before the rest of a wildcard's.
    pub names: Vec<String>,
    /// The signing request in DER, for these names.
    pub csr: Vec<u8>,
    /// The digest of the public key in it.
    pub key: Digest,
    /// The certificate that this one is to replace, where the authority gives renewal hints.
    pub replaces: Option<CertificateId>,
}

/// How our names are proved.
#[derive(Clone, Debug)]
pub struct ProofMeans {
    /// The listeners for http-01 and tls-alpn-01.
    pub responders: Responders,
    /// Who finds zones for dns-01.
    pub dns: Arc<DnsResolver>,
    /// The addresses of our own listeners.
    pub own: Arc<[std::net::SocketAddr]>,
    /// How long all name servers of a zone may take to show a record.
    pub zone_patience: Duration,
    /// How long the authority may take.
    pub order_patience: Duration,
}

/// An order under way, as it is written down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct OrderFile {
    url: String,
    names: Vec<String>,
    /// Of the public key, in hexadecimal.
    key: String,
    placed_at_secs: i64,
    /// What was put into DNS for it and not taken out yet.
    #[serde(default)]
    texts: Vec<ShownText>,
}

/// An order in our hands.
struct Handled<'a> {
    account: &'a AcmeAccount,
    request: &'a OrderRequest,
    path: PathBuf,
    file: OrderFile,
    order: Order,
}

impl AcmeAccount {
    /// Orders a certificate, or takes up the order for it that was left; answers with the chain in PEM, the leaf first.
    /// One order at a time for the same names is the caller's to see to.
    ///
    /// # Errors
    /// What came in between. Unless the order is dead it is taken up by the next call.
    pub async fn issue(&self, request: &OrderRequest, means: &ProofMeans) -> Result<String, AcmeFault> {
        let mut handled = self.handle(request, means).await?;
        let ended = handled.carry_out(means).await;
        let is_dead = match &ended {
            Ok(_) => true,
            Err(fault) => matches!(
                fault.kind,
                FaultKind::Invalid | FaultKind::Challenge | FaultKind::WrongCertificate | FaultKind::NoAccount
            ),
        };
        if is_dead {
            disk::remove(&handled.path)?;
        }
        ended
    }

    /// The order that was left for these names and this key, or a new one.
    async fn handle<'a>(&'a self, request: &'a OrderRequest, means: &ProofMeans) -> Result<Handled<'a>, AcmeFault> {
        let now = clock::now();
        let path = self.order_path(&request.names);
        if let Some(mut file) = disk::load::<OrderFile>(&path)? {
            let prover = Prover::new(&self.settings, means);
            prover.withdraw(&mut file.texts).await;
            if let Some(order) = self.take_up(&file, request, now).await? {
                return Ok(Handled {
                    account: self,
                    request,
                    path,
                    file,
                    order,
                });
            }
            disk::remove(&path)?;
        }
        let order = self.place(request, now).await?;
        let file = OrderFile {
            url: order.url().to_owned(),
            names: request.names.clone(),
            key: request.key.to_string(),
            placed_at_secs: now.as_secs(),
            texts: Vec::new(),
        };
        disk::store(&path, &file)?;
        Ok(Handled {
            account: self,
            request,
            path,
            file,
            order,
        })
    }

    fn order_path(&self, names: &[String]) -> PathBuf {
        let mut names = names.to_vec();
        names.sort_unstable();
        let mut digest = sekisho_tls::sha256(names.join("\n").as_bytes()).to_string();
        digest.truncate(32);
        self.folder.join(format!("order-{digest}.json"))
    }

    /// `None` when what was left is of no use any more.
    async fn take_up(
        &self,
        file: &OrderFile,
        request: &OrderRequest,
        now: Timestamp,
    ) -> Result<Option<Order>, AcmeFault> {
        let placed = Timestamp::from_secs(file.placed_at_secs);
        let is_other = file.names != request.names || file.key != request.key.to_string();
        if is_other || now.since(placed) > ORDER_AGE_MAX || placed > now {
            return Ok(None);
        }
        match self.account.order(file.url.clone()).await {
            Ok(mut order) => {
                let is_dead = order.state().status == OrderStatus::Invalid;
                Ok((!is_dead).then_some(order))
            }
            // It is forgotten there: an answer with a problem, and not one about us.
            Err(error @ Error::Api(_)) => {
                let fault = self.fault("taking up an order", &error, now);
                match fault.kind {
                    FaultKind::Refused if matches!(self.courier.seen().status, 400..=499) => Ok(None),
                    _ => Err(fault),
                }
            }
            Err(error) => Err(self.fault("taking up an order", &error, now)),
        }
    }

    async fn place(&self, request: &OrderRequest, now: Timestamp) -> Result<Order, AcmeFault> {
        let identifiers: Vec<Identifier> = request.names.iter().cloned().map(Identifier::Dns).collect();
        let new = |replaces: Option<&CertificateId>| {
            let mut order = NewOrder::new(&identifiers);
            if let Some(profile) = &self.settings.profile {
                order = order.profile(profile);
            }
            match replaces.filter(|_| self.facts.renewal_info.is_some()) {
                Some(id) => order.replaces(id.of_library()),
                None => order,
            }
        };
        let placed = self.account.new_order(&new(request.replaces.as_ref())).await;
        let error = match placed {
            Ok(order) => return Ok(order),
            Err(error) => error,
        };
        // RFC 9773 §5: a certificate may be replaced once; an authority may take the hint and not say so; and one may
        // stumble over a certificate that it does not find again. The certificate is what matters, so it is ordered
        // without.
        let is_about_replacing = match &error {
            Error::Api(problem) => {
                let kind = problem.r#type.as_deref().unwrap_or_default();
                [":alreadyReplaced", ":malformed", ":serverInternal"]
                    .iter()
                    .any(|about| kind.ends_with(about))
            }
            Error::Other(_) => self.courier.seen().fault.is_none(),
            _ => false,
        };
        if request.replaces.is_none() || !is_about_replacing {
            return Err(self.fault("ordering", &error, now));
        }
        let again = self.account.new_order(&new(None)).await;
        again.map_err(|error| self.fault("ordering", &error, now))
    }
}

impl CertificateId {
    /// As the library has it.
    fn of_library(&self) -> CertificateIdentifier<'static> {
        CertificateIdentifier {
            authority_key_identifier: self.authority.clone().into(),
            serial: self.serial.clone().into(),
        }
    }
}

impl Handled<'_> {
    /// Goes on from wherever the order stands.
    async fn carry_out(&mut self, means: &ProofMeans) -> Result<String, AcmeFault> {
        if self.order.state().status == OrderStatus::Pending {
            let prover = Prover::new(&self.account.settings, means);
            let mut shown = Vec::new();
            let proved = self.prove(&prover, &mut shown).await;
            let proved = match proved {
                Ok(()) => {
                    self.wait(means, &[OrderStatus::Pending], "the names to be looked at")
                        .await
                }
                Err(fault) => Err(fault),
            };
            // Also after a failure: nothing is left shown, and nothing in anybody's zone.
            for proof in shown {
                prover.hide(&proof);
            }
            prover.withdraw(&mut self.file.texts).await;
            self.write_down()?;
            proved?;
        }
        if self.order.state().status == OrderStatus::Ready {
            let finalized = self.order.finalize_csr(&self.request.csr).await;
            finalized.map_err(|error| self.fault("finalizing", &error))?;
            // Some authorities still say `ready` while they issue.
            self.wait(means, &[OrderStatus::Ready, OrderStatus::Processing], "the certificate")
                .await?;
        }
        if self.order.state().status == OrderStatus::Processing {
            self.wait(means, &[OrderStatus::Processing], "the certificate").await?;
        }
        self.download().await
    }

    /// Meets one challenge for each name that needs it, one after the other, and tells the authority of each.
    async fn prove(&mut self, prover: &Prover<'_>, shown: &mut Vec<Proof>) -> Result<(), AcmeFault> {
        let kind = self.account.settings.challenge;
        let wanted = match kind {
            ChallengeKind::Http01 => ChallengeType::Http01,
            ChallengeKind::TlsAlpn01 => ChallengeType::TlsAlpn01,
            ChallengeKind::Dns01 => ChallengeType::Dns01,
        };
        let now = clock::now();
        let mut authorizations = self.order.authorizations();
        let mut number = 0;
        while let Some(next) = authorizations.next().await {
            let mut authorization = next.map_err(|error| self.account.fault("asking what to prove", &error, now))?;
            number += 1;
            if number > AUTHORIZATIONS_MAX {
                let words = format!("the authority wants more than {AUTHORIZATIONS_MAX} names proved");
                return Err(AcmeFault::new(FaultKind::Invalid, words));
            }
            match authorization.status {
                AuthorizationStatus::Pending => {}
                AuthorizationStatus::Valid => continue,
                _ => {
                    let words = "a name of the order cannot be proved any more";
                    return Err(AcmeFault::new(FaultKind::Invalid, words));
                }
            }
            let (name, is_wildcard) = authorized_name(&authorization.identifier())?;
            let Some(mut challenge) = authorization.challenge(wanted.clone()) else {
                let for_all = if is_wildcard { "*." } else { "" };
                let words = format!("{for_all}{name}: the authority does not offer {kind}; choose another challenge");
                return Err(AcmeFault::new(FaultKind::Challenge, words));
            };
            let proof = Proof::of(kind, &name, &challenge.token, &challenge.key_authorization());
            let text = prover.prepare(&proof, &mut self.file.texts).await?;
            if text {
                disk::store(&self.path, &self.file)?;
            }
            shown.push(proof.clone());
            prover.show(&proof, &self.file.texts).await?;
            let told = challenge.set_ready().await;
            told.map_err(|error| self.account.fault(&format!("{name}: {kind}"), &error, now))?;
        }
        Ok(())
    }

    /// Asks how the order stands until it is none of `under_way`.
    async fn wait(&mut self, means: &ProofMeans, under_way: &[OrderStatus], what: &str) -> Result<(), AcmeFault> {
        let begun = Instant::now();
        let mut delay = POLL_DELAYS.0;
        loop {
            if self.order.state().status == OrderStatus::Invalid {
                return Err(self.why_invalid().await);
            }
            if !under_way.contains(&self.order.state().status) {
                return Ok(());
            }
            let now = clock::now();
            let retry_after = self.account.courier.seen().retry_after;
            let asked_for = retry_after.and_then(|text| not_before(&text, now));
            let pause = asked_for.map_or(delay, |at| at.since(now).max(delay));
            if begun.elapsed() + pause > means.order_patience {
                return Err(AcmeFault {
                    not_before: asked_for,
                    ..AcmeFault::new(
                        FaultKind::Unfinished,
                        format!(
                            "waiting for {what}: the authority wants more than {} s; the order is taken up again later",
                            means.order_patience.as_secs()
                        ),
                    )
                });
            }
            sleep(pause).await;
            delay = (delay * 2).min(POLL_DELAYS.1);
            let refreshed = self.order.refresh().await.map(|_| ());
            refreshed.map_err(|error| self.fault(&format!("waiting for {what}"), &error))?;
        }
    }

    /// The problem of the challenge that failed; that of the order where none has one.
    async fn why_invalid(&self) -> AcmeFault {
        let now = clock::now();
        // Asked for anew: the order at hand remembers what its authorizations were.
        let Ok(mut order) = self.account.account.order(self.order.url().to_owned()).await else {
            return AcmeFault::new(
                FaultKind::Invalid,
                "the order became invalid, and the authority does not say why",
            );
        };
        let mut authorizations = order.authorizations();
        for _ in 0..AUTHORIZATIONS_MAX {
            let Some(next) = authorizations.next().await else { break };
            let authorization = match next {
                Ok(authorization) => authorization,
                Err(error) => return self.account.fault("asking what failed", &error, now),
            };
            let name = authorization.identifier().to_string();
            let failed = authorization
                .challenges
                .iter()
                .find_map(|challenge| challenge.error.as_ref());
            if let Some(problem) = failed {
                let what = format!("{name}: {}", self.account.settings.challenge);
                return AcmeFault::problem(FaultKind::Challenge, &what, problem);
            }
        }
        match &order.state().error {
            Some(problem) => AcmeFault::problem(FaultKind::Invalid, "the order became invalid", problem),
            None => AcmeFault::new(
                FaultKind::Invalid,
                "the order became invalid, and the authority does not say why",
            ),
        }
    }

    /// The chain; of several the one that the settings prefer.
    async fn download(&mut self) -> Result<String, AcmeFault> {
        let downloaded = self.order.certificate().await;
        let downloaded = downloaded.map_err(|error| self.fault("fetching the certificate", &error))?;
        let Some(chain) = downloaded else {
            let words = "the certificate is announced and not there yet";
            return Err(AcmeFault::new(FaultKind::Unfinished, words));
        };
        let alternates = self.account.courier.seen().alternates;
        self.check(&chain)?;
        let Some(preferred) = &self.account.settings.preferred_issuer else {
            return Ok(chain);
        };
        if ends_at(&chain, preferred) {
            return Ok(chain);
        }
        for url in alternates.into_iter().take(ALTERNATES_MAX) {
            // The library asks for orders alone. What it asks for with our signature (RFC 8555 §6.3) is the same for a
            // chain; that it cannot read the answer does not matter, which is kept beside it.
            let _ = self.account.account.order(url).await;
            let seen = self.account.courier.seen();
            let other = String::from_utf8_lossy(&seen.body).into_owned();
            if seen.status == 200 && ends_at(&other, preferred) && self.check(&other).is_ok() {
                return Ok(other);
            }
        }
        tracing::warn!(
            preferred,
            "the authority offers no chain of the preferred issuer; its first one is taken"
        );
        Ok(chain)
    }

    /// Whether it is a chain, and for the key that was ordered.
    fn check(&self, chain: &str) -> Result<(), AcmeFault> {
        let wrong = |words: String| AcmeFault::new(FaultKind::WrongCertificate, words);
        let parsed = PeerChain::of_client_in_pem(chain);
        let parsed = parsed.map_err(|why| wrong(format!("what was issued is no chain of certificates: {why}")))?;
        match parsed.facts().first() {
            Some(leaf) if leaf.spki_sha256 == self.request.key => Ok(()),
            _ => Err(wrong(
                "the certificate that was issued is for another key than was ordered".to_owned(),
            )),
        }
    }

    fn write_down(&self) -> Result<(), AcmeFault> {
        disk::store(&self.path, &self.file)
    }

    fn fault(&self, what: &str, error: &Error) -> AcmeFault {
        self.account.fault(what, error, clock::now())
    }
}

/// Whether the last certificate of a chain was issued by the one of this name, or by one whose name has it in it.
fn ends_at(chain: &str, preferred: &str) -> bool {
    let Ok(parsed) = PeerChain::of_client_in_pem(chain) else {
        return false;
    };
    let issuer = parsed.facts().last().map(|last| last.issuer.to_lowercase());
    issuer.is_some_and(|issuer| issuer.contains(&preferred.to_lowercase()))
}

fn authorized_name(identifier: &instant_acme::AuthorizedIdentifier<'_>) -> Result<(Domain, bool), AcmeFault> {
    let parsed = match identifier.identifier {
        Identifier::Dns(name) => Domain::parse(name).ok(),
        _ => None,
    };
    let Some(name) = parsed else {
        let words = "the authority wants something proved that is no DNS name";
        return Err(AcmeFault::new(FaultKind::Invalid, words));
    };
    Ok((name, identifier.wildcard))
}
