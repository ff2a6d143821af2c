//! What each rule has to do with a message, in words: for whoever wants to know which apply and why the others do not.
//! What is not known of the message is said to be open. Nothing is decided here; [`Directory::apply_rules`] decides.

use std::sync::Arc;

use sekisho_mail::{Mailbox, OrganizationName, ReversePath};

use super::{ConnectorKey, Directory, HeaderField, Rule, RuleKey, RuleVerdict};

/// A message and one of its recipients, as far as they are known.
#[derive(Clone, Copy, Debug)]
pub struct RuleQuestion<'a> {
    /// As in [`super::RuleFacts`].
    pub organization: &'a OrganizationName,
    /// As in [`super::RuleFacts`].
    pub sender: &'a ReversePath,
    /// As in [`super::RuleFacts`].
    pub recipients: &'a [&'a Mailbox],
    /// The connectors through which it comes; `None` where that is not known.
    pub connectors: Option<&'a [&'a ConnectorKey]>,
    /// As in [`super::RuleFacts`]; `None` where that is not known.
    pub from: Option<&'a [&'a OrganizationName]>,
    /// As in [`super::RuleFacts`].
    pub is_from_own_server: bool,
    /// Fields of the header. Of a name that is among them all are; of any other nothing is known.
    pub header: &'a [HeaderField],
}

/// Whether a rule applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleStanding {
    /// It does.
    Applies,
    /// It does not.
    DoesNot,
    /// That hangs on what is not known of the message.
    Depends,
}

/// One rule's part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleAccount {
    /// Which.
    pub rule: RuleKey,
    /// Whether it applies.
    pub standing: RuleStanding,
    /// Why, and what it does; a sentence without its full stop.
    pub words: String,
}

impl Directory {
    /// Accounts of all rules of the organization, disabled ones too, in the order in which they are looked at; and what
    /// those say of the message that apply whatever else may be true of it. Walks through all rules.
    #[must_use]
    pub fn account_rules(&self, question: &RuleQuestion<'_>) -> (Vec<RuleAccount>, RuleVerdict) {
        let (mut accounts, mut verdict) = (Vec::new(), RuleVerdict::default());
        let of_it = |rule: &&Arc<Rule>| rule.key.organization == *question.organization;
        for rule in self.rules.iter().filter(of_it) {
            let (standing, why) = match &verdict.rejection {
                Some(refusal) => (
                    RuleStanding::DoesNot,
                    format!("rule {} has rejected it already", refusal.rule),
                ),
                None => rule.standing(question),
            };
            if standing == RuleStanding::Applies {
                self.add_to(&mut verdict, rule, question.is_from_own_server);
            }
            let words = match standing {
                RuleStanding::DoesNot => why,
                RuleStanding::Applies | RuleStanding::Depends => format!("{why}: {}", rule.in_words()),
            };
            accounts.push(RuleAccount {
                rule: rule.key.clone(),
                standing,
                words,
            });
        }
        (accounts, verdict)
    }
}

impl Rule {
    fn standing(&self, question: &RuleQuestion<'_>) -> (RuleStanding, String) {
        let does_not = |why: &str| (RuleStanding::DoesNot, why.to_owned());
        if !self.enabled {
            return does_not("disabled");
        }
        if let Some(shadow) = &self.shadow {
            return match &shadow.draft_of {
                Some(live) => does_not(&format!("is only tried, in the place of {live}")),
                None => does_not("is only tried"),
            };
        }
        if !self.is_from(question.sender) {
            return does_not("the sender is none of its senders");
        }
        if !self.is_for(question.recipients) {
            return does_not("the recipient is none of its recipients");
        }
        let mut open: Vec<String> = Vec::new();
        if let Some(name) = &self.inbound_connector {
            match question.connectors {
                None => open.push(format!("the inbound connector through which it comes ({name})")),
                Some(connectors) if self.came_through(connectors) => {}
                Some(_) => return does_not(&format!("it does not come through inbound connector {name}")),
            }
        }
        if !self.from_organizations.is_empty() {
            let names: Vec<&str> = self.from_organizations.iter().map(OrganizationName::as_str).collect();
            let names = names.join(" or ");
            match question.from {
                None => open.push(format!("whether a server of organization {names} brings it")),
                Some(from) if self.came_from(from) => {}
                Some(_) => return does_not(&format!("no server of organization {names} brings it")),
            }
        }
        if let Some(condition) = &self.header {
            let mut named = question.header.iter().filter(|field| field.name == condition.name);
            let wanted = match &*condition.contains {
                "" => condition.name.to_string(),
                text => format!("{}: {text:?}", condition.name),
            };
            match named.clone().next() {
                None => open.push(format!("the header ({wanted})")),
                Some(_) if named.any(|field| condition.holds(field)) => {}
                Some(_) => return does_not(&format!("the header does not have what it looks for ({wanted})")),
            }
        }
        if open.is_empty() {
            (RuleStanding::Applies, "applies".to_owned())
        } else {
            (RuleStanding::Depends, format!("depends on {}", open.join(" and on ")))
        }
    }

    fn in_words(&self) -> String {
        if let Some(text) = &self.reject {
            return format!("it rejects the message with {text:?}");
        }
        let demands = self.demands().map(|demand| format!("demands {}", demand.level));
        let field = self.add_header.as_ref().map(|field| format!("adds {}", field.name));
        let way = self.route_to_connector.as_ref();
        let way = way.map(|name| format!("sends it through connector {name}"));
        let all: Vec<String> = demands.chain(field).chain(way).collect();
        if all.is_empty() {
            return "it does nothing".to_owned();
        }
        format!("it {}", all.join(" and "))
    }
}
