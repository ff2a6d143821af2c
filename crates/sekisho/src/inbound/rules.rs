//! The rules and limits of organizations, on a message that was read whole: what each recipient's organization demands
//! of it, and whether it may go there at all.

use std::{collections::HashMap, sync::Arc};

use sekisho_mail::{
    AddedField, ArrivalShadow, Envelope, FamilyFields, Mailbox, OrganizationName, Recipient, Reply, ReplyCode,
    ReversePath, ShadowVerdict, StatedReason, push_new,
};
use sekisho_policy::{
    directory::{ConnectorKey, Directory, HeaderField, HeaderFindings, RuleFacts, RuleVerdict},
    inbound::{Attribution, TooLarge, limit_size},
};

use crate::copy::name_within;

/// What the envelope does not say of its recipients: which addresses were written for them, through which connectors
/// they came, whose servers brought them, and which other organizations' aliases led to them.
#[derive(Debug, Default)]
pub(super) struct Written(HashMap<(Mailbox, OrganizationName), Ways>);

#[derive(Debug, Default)]
struct Ways {
    addresses: Vec<Mailbox>,
    connectors: Vec<ConnectorKey>,
    /// Whose own servers brought it.
    from: Vec<OrganizationName>,
    /// Whose alias led to a recipient of another, and whether one of that organization's servers brought the message.
    passed_on: Vec<(OrganizationName, bool)>,
}

impl Written {
    /// `address` was written, which the attribution is of, and led to these recipients. Nothing is kept where no rule
    /// or limit could ask for it, nor twice.
    pub(super) fn note(
        &mut self,
        directory: &Directory,
        (address, attribution): (&Mailbox, &Attribution),
        recipients: &[Recipient],
    ) {
        let Attribution {
            organization,
            connector,
            from,
            ..
        } = attribution;
        for recipient in recipients {
            let is_alias = recipient.mailbox != *address;
            let is_passed_on = recipient.organization != *organization;
            let is_known = is_alias || connector.is_some() || from.is_some();
            let is_of_use = is_passed_on || directory.has_rules(&recipient.organization) && is_known;
            if !is_of_use {
                continue;
            }
            let key = (recipient.mailbox.clone(), recipient.organization.clone());
            let ways = self.0.entry(key).or_default();
            if is_alias && !ways.addresses.contains(address) {
                ways.addresses.push(address.clone());
            }
            let (connector, from) = (connector.iter().cloned(), from.iter().cloned());
            connector.for_each(|one| push_new(&mut ways.connectors, one));
            from.for_each(|one| push_new(&mut ways.from, one));
            let passed_on = (organization.clone(), attribution.own_server().is_some());
            if is_passed_on {
                push_new(&mut ways.passed_on, passed_on);
            }
        }
    }

    fn of(&self, recipient: &Recipient) -> Option<&Ways> {
        // Nearly no message has any, and a look-up needs a key of its own.
        if self.0.is_empty() {
            return None;
        }
        self.0.get(&(recipient.mailbox.clone(), recipient.organization.clone()))
    }

    /// Whose rules and limits a recipient's copy is held against beside its own organization's.
    fn passed_on(&self, recipient: &Recipient) -> &[(OrganizationName, bool)] {
        self.of(recipient).map_or(&[], |ways| &ways.passed_on)
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
    let mut rejections = limit(directory, octets, written, envelope);
    let mut shadow = Vec::new();
    let wants_rules = |one: &Recipient| {
        let mut passed_on = written.passed_on(one).iter();
        let has_rules = directory.has_rules(&one.organization)
            || passed_on.any(|(organization, _)| directory.has_rules(organization));
        one.refused.is_none() && has_rules
    };
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
fn limit(directory: &Directory, octets: u64, written: &Written, envelope: &mut Envelope) -> Vec<Rejection> {
    let each = envelope.recipients.iter_mut().enumerate();
    let unrefused = each.filter(|(_, recipient)| recipient.refused.is_none());
    let rejected = unrefused.filter_map(|(place, recipient)| {
        let passed_on = written
            .passed_on(recipient)
            .iter()
            .map(|(organization, _)| organization);
        let mut limiting = std::iter::once(&recipient.organization).chain(passed_on);
        let TooLarge { reply, refusal, reason } =
            limiting.find_map(|organization| limit_size(directory, organization, octets))?;
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
    let views = Views::of(directory, (recipients, written), header());
    let (mut rejections, mut shadow) = (Vec::new(), Vec::new());
    let (mut fields, mut rules) = (Vec::new(), Vec::new());
    let left = recipients.iter_mut().enumerate();
    for (place, recipient) in left.filter(|(_, recipient)| recipient.refused.is_none()) {
        let ways = written.of(recipient);
        let addresses = ways.iter().flat_map(|ways| &ways.addresses);
        let own_address = recipient.mailbox.clone();
        let addresses: Vec<&Mailbox> = addresses.chain([&own_address]).collect();
        let connectors: Vec<&ConnectorKey> = ways.iter().flat_map(|ways| &ways.connectors).collect();
        let from: Vec<&OrganizationName> = ways.iter().flat_map(|ways| &ways.from).collect();
        let is_from_own_server = recipient.handling.as_ref().is_some_and(|one| one.own_server.is_some());
        let own = (recipient.organization.clone(), is_from_own_server);
        for (organization, is_from_own_server) in written.passed_on(recipient).iter().chain([&own]) {
            let facts = RuleFacts {
                organization,
                sender: reverse_path,
                recipients: &addresses,
                connectors: &connectors,
                from: &from,
                is_from_own_server: *is_from_own_server,
                header: views.of_copy(recipient),
            };
            let mut verdict = directory.apply_rules(&facts);
            let (tried, demands) = directory.try_rules(&facts, &verdict);
            if *organization != recipient.organization {
                // The way on from there is for its own organization to choose.
                (verdict.way, verdict.not_sent_back) = (None, None);
            }
            recipient
                .tried
                .extend(demands.into_iter().map(|rule| shared(&mut rules, rule)));
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
            if recipient.refused.is_some() {
                break;
            }
        }
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
        let field = shared(fields, Arc::new(added.clone()));
        recipient.handling_mut().added.push(field);
    }
}

/// The same thing as it was written before, when it was: recipients are many, and most get the same.
fn shared<T: PartialEq>(known: &mut Vec<Arc<T>>, one: Arc<T>) -> Arc<T> {
    if let Some(before) = known.iter().find(|before| **before == one) {
        return Arc::clone(before);
    }
    known.push(Arc::clone(&one));
    one
}

/// What the header says to rules: of fields of an organization's families each copy has what will come of them.
struct Views(Vec<(Option<Arc<FamilyFields>>, HeaderFindings)>);

impl Views {
    fn of(directory: &Directory, (recipients, written): (&[Recipient], &Written), fields: Vec<HeaderField>) -> Self {
        let mut views: Vec<(Option<Arc<FamilyFields>>, HeaderFindings)> = Vec::new();
        for recipient in recipients {
            let families = families(recipient);
            if views.iter().any(|(of, _)| of.as_ref() == families) {
                continue;
            }
            // All that have this view, whoever's rules theirs are.
            let alike = recipients.iter().filter(|one| self::families(one) == families);
            let organizations = alike.flat_map(|one| {
                let passed_on = written.passed_on(one).iter().map(|(organization, _)| organization);
                passed_on.chain([&one.organization])
            });
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
