//! What would become of a message: asked of the deliveries themselves.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Query, State},
};
use sekisho_api::{
    ConditionStanding, ConnectorVerdict, ExceptionVerdict, ExplainQuery, Explanation, HostVerdict, RequireTlsCondition,
    RequireTlsVerdict, RuleStanding, RuleVerdict, TlsEvidence,
};
use sekisho_mail::{Mailbox, OrganizationName, ReversePath};
use sekisho_policy::{
    directory::{self, Exception, RuleAccount},
    outbound as policy,
};

use super::{Backend, Failure};
use crate::{
    local::LocalFinding,
    outbound::{self, HostExplanation, Hypothesis},
};

pub(super) async fn explain(
    State(backend): State<Backend>,
    Query(query): Query<ExplainQuery>,
) -> Result<Json<Explanation>, Failure> {
    let hypothesis = hypothesis(&query)?;
    let Some(dispatcher) = &backend.dispatcher else {
        return Err(Failure::unavailable(
            "no server runs; only a running server can ask the hosts",
        ));
    };
    Ok(Json(view(dispatcher.explain(hypothesis).await)))
}

/// Fields of a header, as lines; each must be one, since a rule would never see what is none.
pub(super) fn header(lines: Option<&str>) -> Result<String, Failure> {
    let lines = lines.unwrap_or_default();
    let is_field = |line: &str| {
        let name = line.split_once(':').map_or("", |(name, _)| name);
        !name.is_empty() && name.bytes().all(|octet| octet.is_ascii_graphic())
    };
    match lines.lines().find(|line| !is_field(line)) {
        Some(line) => Err(Failure::bad_request(format!(
            "{line:?} is no field of a header; write \"Subject: secret\""
        ))),
        None => Ok(lines.to_owned()),
    }
}

pub(super) fn rule(account: RuleAccount) -> RuleVerdict {
    RuleVerdict {
        rule: account.rule.to_string(),
        standing: match account.standing {
            directory::RuleStanding::Applies => RuleStanding::Applies,
            directory::RuleStanding::DoesNot => RuleStanding::DoesNot,
            directory::RuleStanding::Depends => RuleStanding::Depends,
        },
        verdict: account.words,
    }
}

fn exception((exception, in_force): (Arc<Exception>, bool)) -> ExceptionVerdict {
    ExceptionVerdict {
        exception: exception.key.to_string(),
        in_force,
        owner: exception.owner.clone(),
        reason: exception.reason.clone(),
        until: exception.until,
        allows: exception.allows.key().to_owned(),
    }
}

fn requiretls(conditions: [policy::RequireTlsCondition; 3]) -> RequireTlsVerdict {
    let holds = |one: &policy::RequireTlsCondition| one.standing == policy::ConditionStanding::Holds;
    RequireTlsVerdict {
        holds: conditions.iter().all(holds),
        conditions: conditions
            .map(|one| RequireTlsCondition {
                condition: one.key.to_owned(),
                standing: match one.standing {
                    policy::ConditionStanding::Holds => ConditionStanding::Holds,
                    policy::ConditionStanding::Fails => ConditionStanding::Fails,
                    policy::ConditionStanding::NotKnown => ConditionStanding::NotKnown,
                },
                verdict: one.words,
            })
            .into(),
    }
}

pub(super) fn address(text: &str) -> Result<Mailbox, Failure> {
    Mailbox::parse(text).map_err(|error| Failure::bad_request(format!("{text:?} is no address: {error}")))
}

pub(super) fn reverse_path(text: Option<&str>) -> Result<ReversePath, Failure> {
    match text {
        None | Some("" | "<>") => Ok(ReversePath::Null),
        Some(from) => address(from).map(ReversePath::Mailbox),
    }
}

fn hypothesis(query: &ExplainQuery) -> Result<Hypothesis, Failure> {
    let organization = query.organization.as_deref().map(str::parse::<OrganizationName>);
    Ok(Hypothesis {
        recipient: address(&query.recipient)?,
        reverse_path: reverse_path(query.from.as_deref())?,
        organization: organization
            .transpose()
            .map_err(|error| Failure::bad_request(error.to_string()))?
            .unwrap_or_default(),
        header: header(query.header.as_deref())?,
        requiretls: query.requiretls,
    })
}

/// An end of an alias has no ends of its own, so this goes no deeper than that.
fn view(explained: outbound::Explanation) -> Explanation {
    let connectors = explained.connectors.into_iter();
    Explanation {
        recipient: explained.recipient.to_string(),
        directory: explained.directory,
        organization: explained.organization.to_string(),
        not_looked_up: match explained.local {
            Some(_) => Vec::new(),
            None => ["DANE", "MTA-STS"].map(str::to_owned).into(),
        },
        local: explained.local.map(|finding| say_local(&finding)),
        route: explained.route,
        because: explained.because,
        connectors: connectors
            .map(|(connector, verdict)| ConnectorVerdict { connector, verdict })
            .collect(),
        rules: explained.rules.into_iter().map(rule).collect(),
        exceptions: explained.exceptions.into_iter().map(exception).collect(),
        required: explained.demands,
        unroutable: explained.unroutable.map(|why| why.fault().to_string()),
        hosts: explained.hosts.into_iter().map(host).collect(),
        ends: explained.ends.into_iter().map(view).collect(),
    }
}

fn say_local(finding: &LocalFinding) -> String {
    match finding {
        LocalFinding::User(resident) => format!("the mailbox of {}", resident.user.name),
        LocalFinding::Alias(ends) => {
            let ends: Vec<String> = ends.iter().map(Mailbox::to_string).collect();
            format!("an alias for {}", ends.join(", "))
        }
        LocalFinding::UnknownUser => "there is no such mailbox here".to_owned(),
        LocalFinding::NotLocal | LocalFinding::RelayDomain => "it goes on".to_owned(),
    }
}

fn host(explained: HostExplanation) -> HostVerdict {
    HostVerdict {
        host: explained.host,
        preference: explained.preference,
        required: explained.required,
        channel: explained.channel.map(Arc::unwrap_or_clone).map(TlsEvidence::from),
        failed_handshakes: explained.failed_handshakes,
        decision: explained.decision,
        fault: explained.fault.map(|fault| fault.to_string()),
        requiretls: explained.requiretls.map(requiretls),
        conversation: explained.conversation,
        millis: u64::try_from(explained.took.as_millis()).unwrap_or(u64::MAX),
        shadow: explained.shadow,
    }
}
