//! An order to try a connector: whom it may be tried with, and how it is carried out.

use std::sync::Arc;

use sekisho_api::{OutboundConnector, TestMail, Validation, ValidationOrder};
use sekisho_mail::{AnchorSetId, Domain, Mailbox, OrganizationName, ReversePath};
use sekisho_policy::directory::{ConnectorKey, Directory, Origin};
use sekisho_tls::TlsClient;
use tokio::time::Instant;

use super::{RECIPIENTS_MAX, ValidationError, Validations};
use crate::{
    clock,
    directory::{Alone, LiveError, digest, parse},
    local::LocalFinding,
    outbound::{Configured, Dispatcher, Subject, Trial},
};

/// Everything that one validation needs, once it was found to be allowed.
pub(super) struct Prepared {
    pub(super) subject: Subject,
    pub(super) digest: String,
    pub(super) recipients: Vec<Mailbox>,
    pub(super) reverse_path: ReversePath,
    pub(super) mail: TestMail,
    pub(super) by: String,
}

impl Validations {
    /// Tries a connector and keeps what came of it; goes on when nobody waits for it any more.
    ///
    /// # Errors
    /// When it may not be tried so; what hosts say is part of the answer and never an error.
    pub async fn carry_out(
        self: &Arc<Self>,
        order: ValidationOrder,
        by: String,
    ) -> Result<Validation, ValidationError> {
        let Some(dispatcher) = self.dispatcher.clone() else {
            let words = "no server runs; only a running server can ask the hosts";
            return Err(ValidationError::NotNow(words.to_owned()));
        };
        let prepared = self.prepare(&dispatcher, order, by).await?;
        let Ok(permit) = Arc::clone(&self.orders).try_acquire_owned() else {
            let words = "as many validations as may be are under way; try again when one has ended";
            return Err(ValidationError::NotNow(words.to_owned()));
        };
        let validations = Arc::clone(self);
        let running = tokio::spawn(async move {
            let _permit = permit;
            validations.run_and_keep(&dispatcher, prepared).await
        });
        running
            .await
            .map_err(|error| ValidationError::BrokenOff(error.to_string()))?
    }

    pub(super) async fn run_and_keep(
        &self,
        dispatcher: &Dispatcher,
        prepared: Prepared,
    ) -> Result<Validation, ValidationError> {
        let key = prepared.subject.connector.key.clone();
        let validation = run(dispatcher, prepared).await;
        self.keep(&key, &validation).await?;
        Ok(validation)
    }

    async fn prepare(
        &self,
        dispatcher: &Dispatcher,
        order: ValidationOrder,
        by: String,
    ) -> Result<Prepared, ValidationError> {
        let (version, document) = self
            .directory
            .outbound_connector(&order.organization, &order.connector)
            .await?;
        let in_force = dispatcher.configured();
        if in_force.organizations.version() != version {
            let words = "the directory is just being changed; try again";
            return Err(ValidationError::NotNow(words.to_owned()));
        }
        let subject = self.subject(in_force, &document).await?;
        let texts = if order.to.is_empty() {
            &document.validation_recipients
        } else {
            &order.to
        };
        let recipients = recipients(texts)?;
        for recipient in &recipients {
            check_recipient(&subject, recipient)?;
        }
        let sender = order.from.as_deref().map(reverse_path).transpose()?;
        let organizations = &subject.in_force.organizations;
        let organization = &subject.connector.key.organization;
        Ok(Prepared {
            reverse_path: sender.unwrap_or_else(|| default_sender(organizations, organization)),
            digest: digest(&document),
            recipients,
            mail: order.mail,
            by,
            subject,
        })
    }

    /// The connector as it is in force, or as it would be if it were enabled.
    async fn subject(
        &self,
        in_force: Arc<Configured>,
        document: &OutboundConnector,
    ) -> Result<Subject, ValidationError> {
        if let Some(subject) = in_force_by_name(&in_force, &document.organization, &document.name) {
            return Ok(subject);
        }
        let (document, file) = (document.clone(), self.directory.file());
        let organization = document.organization.parse().ok();
        let organization = organization.and_then(|name| in_force.organizations.organization(&name));
        let anchors = organization.map_or_else(AnchorSetId::system, |organization| organization.anchors.clone());
        let read = tokio::task::spawn_blocking(move || parse::alone(&document, &anchors, &file)).await;
        let read = read.map_err(|error| ValidationError::BrokenOff(error.to_string()))?;
        let Alone {
            connector,
            route,
            identities,
        } = read.map_err(LiveError::of_faults)?;
        Ok(Subject {
            connector,
            route,
            in_force,
            tls: Some(Arc::new(TlsClient::new(identities))),
        })
    }
}

/// A connector that is enabled.
pub(super) fn in_force_by_name(in_force: &Arc<Configured>, organization: &str, name: &str) -> Option<Subject> {
    let key = ConnectorKey {
        organization: organization.parse().ok()?,
        name: name.into(),
    };
    let connector = in_force.organizations.outbound_connector(&key)?;
    let route = in_force.ways.get(&key).filter(|_| connector.enabled)?;
    Some(Subject {
        connector: Arc::clone(connector),
        route: Arc::clone(route),
        in_force: Arc::clone(in_force),
        tls: None,
    })
}

async fn run(dispatcher: &Dispatcher, prepared: Prepared) -> Validation {
    let (at, began) = (clock::now(), Instant::now());
    let subject = &prepared.subject;
    let mut recipients = Vec::with_capacity(prepared.recipients.len());
    for recipient in prepared.recipients {
        let trial = Trial {
            recipient,
            reverse_path: prepared.reverse_path.clone(),
            mail: prepared.mail,
            by: prepared.by.clone(),
        };
        recipients.push(dispatcher.validate(subject, trial).await);
    }
    Validation {
        connector: subject.connector.key.to_string(),
        at,
        by: prepared.by,
        directory: subject.in_force.organizations.version(),
        digest: prepared.digest,
        from: prepared.reverse_path.to_string(),
        mail: prepared.mail,
        passed: recipients.iter().all(|recipient| recipient.passed),
        millis: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        recipients,
    }
}

fn recipients(texts: &[String]) -> Result<Vec<Mailbox>, ValidationError> {
    if texts.is_empty() {
        let words = "whom should it be tried with? Name an address in a domain of the connector (--to), or set its \
                     validation_recipients";
        return Err(ValidationError::BadOrder(words.to_owned()));
    }
    if texts.len() > RECIPIENTS_MAX {
        let words = format!("a validation is for at most {RECIPIENTS_MAX} recipients");
        return Err(ValidationError::BadOrder(words));
    }
    texts.iter().map(|text| address(text)).collect()
}

fn address(text: &str) -> Result<Mailbox, ValidationError> {
    Mailbox::parse(text).map_err(|error| ValidationError::BadOrder(format!("{text:?} is no address: {error}")))
}

fn reverse_path(text: &str) -> Result<ReversePath, ValidationError> {
    match text {
        "" | "<>" => Ok(ReversePath::Null),
        from => address(from).map(ReversePath::Mailbox),
    }
}

/// Mail to the address must be such as the connector carries.
fn check_recipient(subject: &Subject, recipient: &Mailbox) -> Result<(), ValidationError> {
    let Subject {
        connector, in_force, ..
    } = subject;
    let key = &connector.key;
    let host = recipient.host();
    let accepted = host.domain().and_then(|domain| in_force.organizations.domain(domain));
    if let Some(other) = accepted.filter(|accepted| accepted.organization != key.organization) {
        return Err(ValidationError::Refused(format!(
            "{recipient}: {host} is an accepted domain of organization {}, whose connectors carry its mail; name an \
             address in a domain of connector {key}",
            other.organization
        )));
    }
    if !connector.may_carry(host, accepted.is_some()) {
        let scopes: Vec<String> = connector.recipient_domains.iter().map(ToString::to_string).collect();
        let scopes = if scopes.is_empty() {
            "none".to_owned()
        } else {
            scopes.join(", ")
        };
        return Err(ValidationError::Refused(format!(
            "{recipient}: its domain is none of those of connector {key} ({scopes}); name an address in one of them, \
             or add the domain to the connector"
        )));
    }
    match in_force.directory.find_mailbox(recipient) {
        LocalFinding::NotLocal | LocalFinding::RelayDomain => Ok(()),
        LocalFinding::User(_) | LocalFinding::Alias(_) | LocalFinding::UnknownUser => Err(ValidationError::Refused(
            format!("{recipient}: mail to it ends here and goes by no connector; name an address that is elsewhere"),
        )),
    }
}

/// The postmaster of the organization's first domain: in the order of the configuration file, then of the alphabet.
pub(super) fn default_sender(directory: &Directory, organization: &OrganizationName) -> ReversePath {
    let own = directory
        .domains()
        .filter(|accepted| accepted.organization == *organization);
    let first = own.min_by_key(|accepted| match &accepted.origin {
        Origin::File(place) => (false, place.clone(), accepted.domain.to_string()),
        Origin::Directory => (true, String::new(), accepted.domain.to_string()),
    });
    let postmaster = |domain: &Domain| Mailbox::parse(&format!("postmaster@{domain}")).ok();
    first
        .and_then(|accepted| postmaster(&accepted.domain))
        .map_or(ReversePath::Null, ReversePath::Mailbox)
}
