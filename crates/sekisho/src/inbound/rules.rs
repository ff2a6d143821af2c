//! The rules of organizations, on a message that was read whole: what each recipient's organization demands of it, and
//! whether it may go there at all.

use std::collections::HashMap;

use sekisho_mail::{
    ArrivalShadow, Envelope, Mailbox, OrganizationName, Recipient, Reply, ReplyCode, ReversePath, ShadowVerdict,
    StatedReason,
};
use sekisho_policy::directory::{ConnectorKey, Directory, HeaderField, RuleFacts};

/// What the envelope does not say of its recipients: which addresses were written for them, and through which
/// connectors they came.
#[derive(Debug, Default)]
pub(super) struct Written(HashMap<(Mailbox, OrganizationName), Ways>);

#[derive(Debug, Default)]
struct Ways {
    addresses: Vec<Mailbox>,
    connectors: Vec<ConnectorKey>,
}

impl Written {
    /// `address` was written, and led to these recipients. Nothing is kept where no rule could ask for it, nor twice.
    pub(super) fn note(
        &mut self,
        directory: &Directory,
        address: &Mailbox,
        connector: Option<&ConnectorKey>,
        recipients: &[Recipient],
    ) {
        for recipient in recipients {
            let is_alias = recipient.mailbox != *address;
            if !directory.has_rules(&recipient.organization) || (!is_alias && connector.is_none()) {
                continue;
            }
            let key = (recipient.mailbox.clone(), recipient.organization.clone());
            let ways = self.0.entry(key).or_default();
            if is_alias && !ways.addresses.contains(address) {
                ways.addresses.push(address.clone());
            }
            ways.connectors
                .extend(connector.filter(|one| !ways.connectors.contains(one)).cloned());
        }
    }

    /// Another transaction begins.
    pub(super) fn clear(&mut self) {
        if !self.0.is_empty() {
            self.0 = HashMap::new();
        }
    }
}

/// A message that rules keep from every one of its recipients.
#[derive(Debug)]
pub(crate) struct RejectedByRules {
    /// What its sender is told; it names no rule.
    pub(crate) reply: Reply,
    /// MAIL FROM.
    pub(crate) sender: ReversePath,
    /// Each recipient with the reasons, that of the rejection first, and what rules that are tried say of it.
    pub(crate) recipients: Vec<(Recipient, Vec<StatedReason>, Vec<ShadowVerdict>)>,
}

/// Applies the rules: adds what they demand to what the recipients carry, and marks those that they keep it from. The
/// answer is what rules that are tried would have kept from whom, or would not.
///
/// # Errors
/// When nobody may get it.
pub(super) fn apply(
    directory: &Directory,
    header: impl FnOnce() -> Vec<HeaderField>,
    written: &Written,
    envelope: &mut Envelope,
) -> Result<Vec<ArrivalShadow>, Box<RejectedByRules>> {
    let Envelope {
        reverse_path,
        recipients,
        ..
    } = envelope;
    if !recipients.iter().any(|one| directory.has_rules(&one.organization)) {
        return Ok(Vec::new());
    }
    let organizations = recipients.iter().map(|one| &one.organization);
    let findings = directory.look_at_header(organizations, &header());
    let (mut refused, mut shadow) = (Vec::new(), Vec::new());
    for recipient in recipients.iter_mut() {
        let ways = written
            .0
            .get(&(recipient.mailbox.clone(), recipient.organization.clone()));
        let addresses = ways.iter().flat_map(|ways| &ways.addresses);
        let addresses: Vec<&Mailbox> = addresses.chain([&recipient.mailbox]).collect();
        let connectors: Vec<&ConnectorKey> = ways.iter().flat_map(|ways| &ways.connectors).collect();
        let facts = RuleFacts {
            organization: &recipient.organization,
            sender: reverse_path,
            recipients: &addresses,
            connectors: &connectors,
            header: &findings,
        };
        let verdict = directory.apply_rules(&facts);
        let (tried, demands) = directory.try_rules(&facts, &verdict);
        recipient.tried = demands;
        for demand in verdict.demands {
            if !recipient.carried.contains(&demand) {
                recipient.carried.push(demand);
            }
        }
        if let Some(refusal) = verdict.rejection {
            recipient.refused = Some(Box::new(refusal));
            let reasons: Vec<StatedReason> = verdict.reasons.iter().rev().map(StatedReason::from).collect();
            refused.push((recipient.clone(), reasons, tried.clone()));
        }
        shadow.extend(tried.into_iter().map(|verdict| ArrivalShadow {
            recipient: recipient.mailbox.to_string(),
            verdict,
        }));
    }
    if refused.len() < recipients.len() {
        return Ok(shadow);
    }
    let first = refused.first().and_then(|(recipient, ..)| recipient.refused.as_deref());
    let Some(text) = first.map(|refusal| refusal.text.clone()) else {
        return Ok(shadow);
    };
    Err(Box::new(RejectedByRules {
        reply: Reply::new(ReplyCode::REFUSED, 7, 1, &text),
        sender: reverse_path.clone(),
        recipients: refused,
    }))
}

/// As [`apply`], of a message that this server was given as a whole, content and all.
///
/// # Errors
/// When nobody may get it.
pub(crate) fn apply_to_whole(
    directory: &Directory,
    content: &[u8],
    envelope: &mut Envelope,
) -> Result<Vec<ArrivalShadow>, Box<RejectedByRules>> {
    let fields = || super::header_keep::fields(content, directory.header_conditions());
    apply(directory, fields, &Written::default(), envelope)
}
