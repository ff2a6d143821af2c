//! `sekisho rule`: what an organization demands of single messages.

use clap::{Args, Subcommand};
use sekisho_api::{
    AddedHeader, DirectoryQuery, DirectoryView, DocumentId, DocumentKind, Documents, HeaderCondition, Mode, Rejection,
    Rule, RuleTls,
};

use super::{
    CliError, Finding,
    changes::{self, ChangeArgs, set, set_list, set_text},
    door::Door,
    output::Output,
    shadow::{self, PromoteArgs, ReportArgs},
};
use crate::telemetry::escaped;

#[derive(Debug, Subcommand)]
pub(super) enum RuleCommand {
    /// Adds a rule
    Add(Box<SetArgs>),
    /// Changes fields of a rule; an empty value unsets a field or empties a list
    Set(Box<SetArgs>),
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
    Draft(Box<SetArgs>),
    /// Says what a rule that is tried, or the draft of one, would have made of the mail so far
    Shadow(ShadowArgs),
    /// Enforces a rule that is tried, or the draft of one; refused while that would break recent mail
    Promote(PromoteRuleArgs),
}

#[derive(Debug, Args)]
pub(super) struct SetArgs {
    #[command(flatten)]
    name: NameArgs,
    #[command(flatten)]
    flags: Flags,
    #[command(flatten)]
    change: ChangeArgs,
}

#[derive(Debug, Args)]
struct NameArgs {
    /// Its name, unique among the rules of the organization
    name: String,
    /// Whose it is
    #[arg(long, default_value = "default", value_name = "NAME")]
    organization: String,
}

#[derive(Debug, Args)]
struct Flags {
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

impl Flags {
    fn apply(&self, document: &mut Rule) {
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
    }
}

#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    #[command(flatten)]
    name: NameArgs,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// Only those of this organization
    #[arg(long, value_name = "NAME")]
    organization: Option<String>,
    /// Prints JSON, one rule a line
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct NamedArgs {
    #[command(flatten)]
    name: NameArgs,
    #[command(flatten)]
    change: ChangeArgs,
}

impl RuleCommand {
    /// What has to be known of the directory.
    fn query(&self) -> DirectoryQuery {
        match self {
            Self::Add(args) | Self::Set(args) => DirectoryQuery::of(&args.name.id()),
            Self::Show(args) => DirectoryQuery::of(&args.name.id()),
            Self::Enable(args) | Self::Disable(args) | Self::Remove(args) => DirectoryQuery::of(&args.name.id()),
            Self::Shadow(args) => DirectoryQuery::of(&args.name.id()),
            Self::Promote(args) => DirectoryQuery::of(&args.name.id()),
            // A draft of it may be there already, under another name.
            Self::Draft(args) => DirectoryQuery {
                name: None,
                ..DirectoryQuery::of(&args.name.id())
            },
            Self::List(args) => DirectoryQuery {
                kind: Some(DocumentKind::Rule),
                organization: args.organization.clone(),
                name: None,
            },
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct ShadowArgs {
    #[command(flatten)]
    name: NameArgs,
    #[command(flatten)]
    report: ReportArgs,
}

#[derive(Debug, Args)]
pub(super) struct PromoteRuleArgs {
    #[command(flatten)]
    name: NameArgs,
    #[command(flatten)]
    promotion: PromoteArgs,
}

pub(super) async fn run(command: RuleCommand, door: &Door) -> Result<Finding, CliError> {
    let view = changes::found(door, &command.query()).await?;
    match command {
        RuleCommand::Add(args) => {
            if let Some(one) = args.name.find(&view) {
                return Err(changes::there_already(&one.id()));
            }
            let mut document = Rule {
                organization: args.name.organization,
                name: args.name.name,
                ..Rule::default()
            };
            args.flags.apply(&mut document);
            put(door, view.version, document, &args.change).await
        }
        RuleCommand::Set(args) => {
            let mut document = args.name.sought(&view)?.clone();
            args.flags.apply(&mut document);
            put(door, view.version, document, &args.change).await
        }
        RuleCommand::Show(args) => {
            let document = args.name.sought(&view)?;
            changes::show(&document.id(), document, args.json, |_| "")
        }
        RuleCommand::List(args) => list(&args, &view),
        RuleCommand::Enable(args) => enable(&args, true, &view, door).await,
        RuleCommand::Disable(args) => enable(&args, false, &view, door).await,
        RuleCommand::Remove(args) => {
            let remove = vec![args.name.id()];
            args.change.make(door, view.version, Documents::default(), remove).await
        }
        RuleCommand::Draft(args) => {
            let live = args.name.sought(&view)?;
            let own = || {
                let all = view.documents.rule.iter();
                all.filter(|one| one.organization == live.organization)
            };
            let draft = own().find(|one| one.draft_of.as_ref() == Some(&live.name)).cloned();
            let mut document = draft.unwrap_or_else(|| Rule {
                name: shadow::draft_name(&live.name, |name| own().any(|one| one.name == name)),
                mode: Mode::Shadow,
                draft_of: Some(live.name.clone()),
                ..live.clone()
            });
            args.flags.apply(&mut document);
            put(door, view.version, document, &args.change).await
        }
        RuleCommand::Shadow(args) => shadow::report(args.name.id(), &args.report, door).await,
        RuleCommand::Promote(args) => shadow::promote(args.name.id(), &args.promotion, view.version, door).await,
    }
}

impl NameArgs {
    fn id(&self) -> DocumentId {
        DocumentId {
            kind: DocumentKind::Rule,
            organization: self.organization.clone(),
            name: self.name.clone(),
        }
    }

    fn find<'v>(&self, view: &'v DirectoryView) -> Option<&'v Rule> {
        let mut rules = view.documents.rule.iter();
        rules.find(|one| one.name == self.name && one.organization == self.organization)
    }

    fn sought<'v>(&self, view: &'v DirectoryView) -> Result<&'v Rule, CliError> {
        self.find(view).ok_or_else(|| changes::not_there(&self.id()))
    }
}

async fn put(door: &Door, based_on: u64, document: Rule, change: &ChangeArgs) -> Result<Finding, CliError> {
    let put = Documents {
        rule: vec![document],
        ..Documents::default()
    };
    change.make(door, based_on, put, Vec::new()).await
}

async fn enable(args: &NamedArgs, enabled: bool, view: &DirectoryView, door: &Door) -> Result<Finding, CliError> {
    let document = Rule {
        enabled,
        ..args.name.sought(view)?.clone()
    };
    put(door, view.version, document, &args.change).await
}

fn list(args: &ListArgs, view: &DirectoryView) -> Result<Finding, CliError> {
    let of = |rule: &&Rule| args.organization.as_ref().is_none_or(|of| rule.organization == *of);
    let mut rules: Vec<&Rule> = view.documents.rule.iter().filter(of).collect();
    rules.sort_by_key(|rule| (&rule.organization, rule.priority, &rule.name));
    let mut out = Output::open();
    let mut table = changes::table(&["rule", "state", "priority", "for", "does"]);
    for rule in &rules {
        if args.json {
            out.json(rule)?;
            continue;
        }
        let title = format!("{}/{}", rule.organization, rule.name);
        table.add_row([
            escaped(&title).to_string(),
            changes::state(rule.enabled, rule.mode, rule.draft_of.as_deref()),
            rule.priority.to_string(),
            escaped(&conditions(rule)).to_string(),
            escaped(&actions(rule)).to_string(),
        ]);
    }
    if !args.json && !rules.is_empty() {
        out.line(table)?;
    }
    Ok(if rules.is_empty() {
        Finding::Missing
    } else {
        Finding::Done
    })
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
