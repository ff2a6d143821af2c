//! The rules and limits of organizations, on a message that was read whole: what each recipient's organization demands
//! of it, and whether it may go there at all.

use std::{collections::HashMap, sync::Arc};

use sekisho_mail::{
    AddedField, ArrivalShadow, Envelope, FamilyFields, Mailbox, OrganizationName, Recipient, Reply, ReplyCode,
    ReversePath, ShadowVerdict, StatedReason, push_new,
};
use sekisho_policy::{
    directory::{ConnectorKey, Directory, HeaderField, HeaderFindings, RuleFacts, RuleVerdict},
    inbound::{TooLarge, limit_size},
};

use crate::copy::name_within;

/// What the envelope does not say of its recipients: which addresses were written for them, through which connectors
/// they came, and whose servers brought them.
#[derive(Debug, Default)]
pub(super) struct Written(HashMap<(Mailbox, OrganizationName), Ways>);

#[derive(Debug, Default)]
struct Ways {
    addresses: Vec<Mailbox>,
    connectors: Vec<ConnectorKey>,
    from: Vec<OrganizationName>,
}

impl Written {
    /// `address` was written, and led to these recipients. Nothing is kept where no rule could ask for it, nor twice.
    pub(super) fn note(
        &mut self,
        directory: &Directory,
        address: &Mailbox,
        (connector, from): (Option<&ConnectorKey>, Option<&OrganizationName>),
        recipients: &[Recipient],
    ) {
        for recipient in recipients {
            let is_alias = recipient.mailbox != *address;
            if !directory.has_rules(&recipient.organization) || (!is_alias && connector.is_none() && from.is_none()) {
                continue;
            }
            let key = (recipient.mailbox.clone(), recipient.organization.clone());
            let ways = self.0.entry(key).or_default();
            if is_alias && !ways.addresses.contains(address) {
                ways.addresses.push(address.clone());
            }
            connector
                .into_iter()
                .for_each(|one| push_new(&mut ways.connectors, one.clone()));
            from.into_iter().for_each(|one| push_new(&mut ways.from, one.clone()));
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
    /// What its sender is told; it names no rule, and no organization.
    pub(crate) reply: Reply,
    /// MAIL FROM.
    pub(crate) sender: ReversePath,
    /// Each recipient with the reasons, that of the rejection first, and what rules that are tried say of it.
    pub(crate) recipients: Vec<(Recipient, Vec<StatedReason>, Vec<ShadowVerdict>)>,
}

/// Applies the limits on the size of messages and the rules: adds what rules demand to what the recipients carry,
/// writes down what they settle about each copy, and marks those from whom either keeps it. `content` is what the
/// header says, and the octets of the whole. The answer is what rules that are tried would have made of it.
///
/// # Errors
/// When nobody may get it.
pub(super) fn apply(
    directory: &Directory,
    content: (impl FnOnce() -> Vec<HeaderField>, u64),
    written: &Written,
    envelope: &mut Envelope,
) -> Result<Vec<ArrivalShadow>, Box<RejectedByRules>> {
    let (header, octets) = content;
    let mut rejections = limit(directory, octets, envelope);
    let mut shadow = Vec::new();
    let wants_rules = |one: &Recipient| one.refused.is_none() && directory.has_rules(&one.organization);
    if envelope.recipients.iter().any(wants_rules) {
        let (more, tried) = apply_rules(directory, header, written, envelope);
        rejections.extend(more);
        shadow = tried;
    }
    if rejections.len() < envelope.recipients.len() {
        return Ok(shadow);
    }
    let Some(first) = rejections.first() else {
        return Ok(shadow);
    };
    let reply = first.reply.clone();
    let recipients = rejections.into_iter().map(|rejection| {
        let recipient = envelope.recipients[rejection.place].clone();
        (recipient, rejection.reasons, rejection.tried)
    });
    Err(Box::new(RejectedByRules {
        reply,
        recipients: recipients.collect(),
        sender: envelope.reverse_path.clone(),
    }))
}

/// One recipient from whom a message is kept.
struct Rejection {
    /// Its place in the envelope.
    place: usize,
    reply: Reply,
    /// That of the rejection is the first.
    reasons: Vec<StatedReason>,
    /// What rules that are tried say of it.
    tried: Vec<ShadowVerdict>,
}

/// Marks those whose organization takes nothing so large.
fn limit(directory: &Directory, octets: u64, envelope: &mut Envelope) -> Vec<Rejection> {
    let each = envelope.recipients.iter_mut().enumerate();
    let rejected = each.filter_map(|(place, recipient)| {
        let TooLarge { reply, refusal, reason } = limit_size(directory, &recipient.organization, octets)?;
        recipient.refused = Some(Box::new(refusal));
        Some(Rejection {
            place,
            reply,
            reasons: vec![StatedReason::from(reason)],
            tried: Vec::new(),
        })
    });
    rejected.collect()
}

fn apply_rules(
    directory: &Directory,
    header: impl FnOnce() -> Vec<HeaderField>,
    written: &Written,
    envelope: &mut Envelope,
) -> (Vec<Rejection>, Vec<ArrivalShadow>) {
    let Envelope {
        reverse_path,
        recipients,
        ..
    } = envelope;
    let views = Views::of(directory, recipients, header());
    let (mut rejections, mut shadow, mut fields) = (Vec::new(), Vec::new(), Vec::new());
    let left = recipients.iter_mut().enumerate();
    for (place, recipient) in left.filter(|(_, recipient)| recipient.refused.is_none()) {
        let ways = written
            .0
            .get(&(recipient.mailbox.clone(), recipient.organization.clone()));
        let addresses = ways.iter().flat_map(|ways| &ways.addresses);
        let addresses: Vec<&Mailbox> = addresses.chain([&recipient.mailbox]).collect();
        let connectors: Vec<&ConnectorKey> = ways.iter().flat_map(|ways| &ways.connectors).collect();
        let from: Vec<&OrganizationName> = ways.iter().flat_map(|ways| &ways.from).collect();
        let facts = RuleFacts {
            organization: &recipient.organization,
            sender: reverse_path,
            recipients: &addresses,
            connectors: &connectors,
            from: &from,
            is_from_own_server: recipient.handling.as_ref().is_some_and(|one| one.own_server.is_some()),
            header: views.of_copy(recipient),
        };
        let verdict = directory.apply_rules(&facts);
        let (tried, demands) = directory.try_rules(&facts, &verdict);
        recipient.tried = demands;
        settle(recipient, &verdict, &mut fields);
        if let Some(refusal) = verdict.rejection {
            rejections.push(Rejection {
                place,
                reply: Reply::new(ReplyCode::REFUSED, 7, 1, &refusal.text),
                reasons: verdict.reasons.iter().rev().map(StatedReason::from).collect(),
                tried: tried.clone(),
            });
            recipient.refused = Some(Box::new(refusal));
        }
        shadow.extend(tried.into_iter().map(|verdict| ArrivalShadow {
            recipient: recipient.mailbox.to_string(),
            verdict,
        }));
    }
    (rejections, shadow)
}

/// Writes a verdict down with the recipient. What many recipients get they share: `fields` has what was written before.
fn settle(recipient: &mut Recipient, verdict: &RuleVerdict, fields: &mut Vec<Arc<AddedField>>) {
    for demand in &verdict.demands {
        push_new(&mut recipient.carried, demand);
    }
    if verdict.rejection.is_some() {
        return;
    }
    if verdict.way.is_some() || verdict.not_sent_back.is_some() {
        let handling = recipient.handling_mut();
        handling.way.clone_from(&verdict.way);
        handling.not_sent_back.clone_from(&verdict.not_sent_back);
    }
    for added in &verdict.added {
        let shared = fields.iter().find(|one| ***one == *added).cloned();
        let shared = shared.unwrap_or_else(|| {
            fields.push(Arc::new(added.clone()));
            Arc::clone(&fields[fields.len() - 1])
        });
        recipient.handling_mut().added.push(shared);
    }
}

/// What the header says to rules: of fields of an organization's families each copy has what will come of them.
struct Views(Vec<(Option<Arc<FamilyFields>>, HeaderFindings)>);

impl Views {
    fn of(directory: &Directory, recipients: &[Recipient], fields: Vec<HeaderField>) -> Self {
        let mut views: Vec<(Option<Arc<FamilyFields>>, HeaderFindings)> = Vec::new();
        for recipient in recipients {
            let families = families(recipient);
            if views.iter().any(|(of, _)| of.as_ref() == families) {
                continue;
            }
            // All that have this view, whoever's rules theirs are.
            let alike = recipients.iter().filter(|one| self::families(one) == families);
            let organizations = alike.map(|one| &one.organization);
            let findings = match families {
                None => directory.look_at_header(organizations, &fields),
                Some(families) => directory.look_at_header(organizations, &within(&fields, families)),
            };
            views.push((families.cloned(), findings));
        }
        Self(views)
    }

    fn of_copy(&self, recipient: &Recipient) -> &HeaderFindings {
        const NONE: &HeaderFindings = &HeaderFindings::NONE;
        let mut views = self.0.iter();
        let view = views.find(|(of, _)| of.as_ref() == families(recipient));
        view.map_or(NONE, |(_, findings)| findings)
    }
}

fn families(recipient: &Recipient) -> Option<&Arc<FamilyFields>> {
    recipient.handling.as_ref()?.families.as_ref()
}

fn within(fields: &[HeaderField], families: &FamilyFields) -> Vec<HeaderField> {
    let within = |field: &HeaderField| {
        Some(HeaderField {
            name: name_within(&field.name, families)?,
            body: field.body.clone(),
        })
    };
    fields.iter().filter_map(within).collect()
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
    apply(directory, (fields, content.len() as u64), &Written::default(), envelope)
}
