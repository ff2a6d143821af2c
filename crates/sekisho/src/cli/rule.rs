//! `sekisho rule`: what an organization demands of single messages.

use clap::{Args, Subcommand};
use sekisho_api::{AddedHeader, DocumentKind, HeaderCondition, Mode, Rejection, Rule, RuleTls};

use super::{
    CliError, Finding,
    changes::{self, set, set_list, set_text},
    document::{self, FieldFlags, ListArgs, NamedArgs, SetArgs, ShowArgs},
    door::Door,
    output::Listing,
    shadow::{self, PromoteArgs, ReportArgs},
};
use crate::telemetry::escaped;

#[derive(Debug, Subcommand)]
pub(super) enum RuleCommand {
    /// Adds a rule
    Add(Box<SetArgs<RuleFlags>>),
    /// Changes fields of a rule; an empty value unsets a field or empties a list
    Set(Box<SetArgs<RuleFlags>>),
    /// Shows a rule with all its fields
    Show(ShowArgs),
    /// Lists rules in the order in which they are looked at
    List(ListArgs),
    /// Looks at a rule again
    Enable(NamedArgs),
    /// Keeps a rule and never looks at it
    Disable(NamedArgs),
    /// Removes a rule
    Remove(NamedArgs),
    /// Makes or changes the draft of a rule, which is tried in its place; what is not named stays as it is
    Draft(Box<SetArgs<RuleFlags>>),
    /// Says what a rule that is tried, or the draft of one, would have made of the mail so far
    Shadow(ReportArgs),
    /// Enforces a rule that is tried, or the draft of one; refused while that would break recent mail
    Promote(PromoteArgs),
}

#[derive(Debug, Args)]
pub(super) struct RuleFlags {
    /// Whether it is looked at [default: true]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    enabled: Option<bool>,
    /// Whether it acts or is only tried: enforce or shadow [default: enforce]
    #[arg(long, value_name = "MODE", value_parser = changes::word::<Mode>)]
    mode: Option<Mode>,
    /// The rule in whose place it is tried
    #[arg(long, value_name = "NAME")]
    draft_of: Option<String>,
    /// Words of your own
    #[arg(long, value_name = "TEXT")]
    comment: Option<String>,
    /// Lower ones are looked at first [default: 0]
    #[arg(long, value_name = "NUMBER")]
    priority: Option<u32>,
    /// Only mail from these: alice@bank.example, @bank.example, *.bank.example, *, or <> for the null reverse-path
    #[arg(long, value_name = "ADDRESS", value_delimiter = ',')]
    senders: Option<Vec<String>>,
    /// Only mail to these: alice@bank.example, @bank.example, *.bank.example, or *
    #[arg(long, value_name = "ADDRESS", value_delimiter = ',')]
    recipients: Option<Vec<String>>,
    /// Only mail with this text in a header field, as it is sent and with nothing decoded: "Subject: secret"
    #[arg(long, value_name = "FIELD: TEXT", value_parser = header)]
    header: Option<HeaderFlag>,
    /// Only mail that came through this inbound connector of the organization
    #[arg(long, value_name = "NAME")]
    inbound_connector: Option<String>,
    /// Only mail that a server of one of these organizations brought, as its connector knows it
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    from_organizations: Option<Vec<String>>,
    /// Demands of whatever connection it leaves on: encryption-only, certificate-validation or domain-validation
    #[arg(long, value_name = "LEVEL", value_parser = tls)]
    require_tls: Option<TlsFlag>,
    /// Domain validation: names for one of which the host's certificate must be
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    tls_domains: Option<Vec<String>>,
    /// Sends it through this outbound connector of the organization, whatever the recipient's domain
    #[arg(long, value_name = "NAME")]
    route_to_connector: Option<String>,
    /// Puts this field on top of its header: "X-Class: secret"
    #[arg(long, value_name = "FIELD: TEXT", value_parser = added)]
    add_header: Option<AddedFlag>,
    /// Rejects it with these words
    #[arg(long, value_name = "TEXT")]
    reject: Option<String>,
}

/// A flag that may be empty.
#[derive(Clone, Debug)]
struct HeaderFlag(Option<HeaderCondition>);

#[derive(Clone, Debug)]
struct AddedFlag(Option<AddedHeader>);

#[derive(Clone, Copy, Debug)]
struct TlsFlag(Option<RuleTls>);

fn header(text: &str) -> Result<HeaderFlag, String> {
    if text.is_empty() {
        return Ok(HeaderFlag(None));
    }
    let (name, contains) = text.split_once(':').ok_or("write \"Subject: secret\"")?;
    Ok(HeaderFlag(Some(HeaderCondition {
        name: name.trim().to_owned(),
        contains: contains.trim().to_owned(),
    })))
}

fn added(text: &str) -> Result<AddedFlag, String> {
    if text.is_empty() {
        return Ok(AddedFlag(None));
    }
    let (name, value) = text.split_once(':').ok_or("write \"X-Class: secret\"")?;
    Ok(AddedFlag(Some(AddedHeader {
        name: name.trim().to_owned(),
        value: value.trim().to_owned(),
    })))
}

fn tls(text: &str) -> Result<TlsFlag, String> {
    if text.is_empty() {
        return Ok(TlsFlag(None));
    }
    Ok(TlsFlag(Some(changes::word(text)?)))
}

impl FieldFlags for RuleFlags {
    type Document = Rule;

    fn apply(&self, document: &mut Rule) -> Result<(), CliError> {
        set(&mut document.enabled, self.enabled.as_ref());
        set(&mut document.mode, self.mode.as_ref());
        set_text(&mut document.draft_of, self.draft_of.as_ref());
        set(&mut document.comment, self.comment.as_ref());
        set(&mut document.priority, self.priority.as_ref());
        set_list(&mut document.senders, self.senders.as_ref());
        set_list(&mut document.recipients, self.recipients.as_ref());
        set(&mut document.header, self.header.as_ref().map(|flag| &flag.0));
        set_text(&mut document.inbound_connector, self.inbound_connector.as_ref());
        set_list(&mut document.from_organizations, self.from_organizations.as_ref());
        set(&mut document.require_tls, self.require_tls.as_ref().map(|flag| &flag.0));
        set_list(&mut document.tls_domains, self.tls_domains.as_ref());
        set_text(&mut document.route_to_connector, self.route_to_connector.as_ref());
        set(&mut document.add_header, self.add_header.as_ref().map(|flag| &flag.0));
        if let Some(text) = &self.reject {
            let text = Some(text.clone()).filter(|text| !text.is_empty());
            document.reject = text.map(|text| Rejection { text });
        }
        Ok(())
    }
}

pub(super) async fn run(command: RuleCommand, door: &Door) -> Result<Finding, CliError> {
    match command {
        RuleCommand::Add(args) => document::add(&args, door).await,
        RuleCommand::Set(args) => document::set(&args, door).await,
        RuleCommand::Show(args) => document::show::<Rule>(&args, door).await,
        RuleCommand::List(args) => list(&args, door).await,
        RuleCommand::Enable(args) => document::enable::<Rule>(&args, true, door).await,
        RuleCommand::Disable(args) => document::enable::<Rule>(&args, false, door).await,
        RuleCommand::Remove(args) => document::remove(&args, DocumentKind::Rule, door).await,
        RuleCommand::Draft(args) => document::draft(&args, door).await,
        RuleCommand::Shadow(args) => shadow::report(&args, DocumentKind::Rule, door).await,
        RuleCommand::Promote(args) => shadow::promote(&args, DocumentKind::Rule, door).await,
    }
}

async fn list(args: &ListArgs, door: &Door) -> Result<Finding, CliError> {
    let mut rules: Vec<Rule> = args.fetch(door).await?;
    rules.sort_by(|a, b| (&a.organization, a.priority, &a.name).cmp(&(&b.organization, b.priority, &b.name)));
    let mut list = Listing::open(args.json, &["rule", "state", "priority", "for", "does"]);
    for rule in &rules {
        list.item(rule, || row(rule))?;
    }
    list.end()
}

fn row(rule: &Rule) -> [String; 5] {
    let title = format!("{}/{}", rule.organization, rule.name);
    [
        escaped(&title).to_string(),
        changes::state(rule),
        rule.priority.to_string(),
        escaped(&conditions(rule)).to_string(),
        escaped(&actions(rule)).to_string(),
    ]
}

fn conditions(rule: &Rule) -> String {
    let mut all = Vec::new();
    if !rule.senders.is_empty() {
        all.push(format!("from {}", rule.senders.join(" or ")));
    }
    if !rule.recipients.is_empty() {
        all.push(format!("to {}", rule.recipients.join(" or ")));
    }
    if let Some(header) = &rule.header {
        all.push(format!("{}: {}", header.name, header.contains));
    }
    if let Some(connector) = &rule.inbound_connector {
        all.push(format!("through {connector}"));
    }
    if !rule.from_organizations.is_empty() {
        all.push(format!(
            "brought by a server of {}",
            rule.from_organizations.join(" or ")
        ));
    }
    if all.is_empty() {
        all.push("all mail".to_owned());
    }
    all.join(", ")
}

fn actions(rule: &Rule) -> String {
    let mut all = Vec::new();
    if let Some(reject) = &rule.reject {
        all.push(format!("reject: {}", reject.text));
    }
    all.extend(rule.require_tls.map(|level| match level {
        RuleTls::EncryptionOnly => "TLS".to_owned(),
        RuleTls::CertificateValidation => "TLS, certificate".to_owned(),
        RuleTls::DomainValidation => format!("TLS, certificate for {}", rule.tls_domains.join(" or ")),
    }));
    if let Some(connector) = &rule.route_to_connector {
        all.push(format!("through {connector}"));
    }
    if let Some(field) = &rule.add_header {
        all.push(format!("add {}: {}", field.name, field.value));
    }
    all.join("; ")
}
