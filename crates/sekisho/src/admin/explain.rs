//! What would become of a message: asked of the deliveries themselves.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Query, State},
};
use sekisho_api::{
    ConditionStanding, ConnectorVerdict, ExceptionVerdict, ExplainQuery, Explanation, HostVerdict,
    InboundConnectorVerdict, InboundExplanation, InboundQuestion, RequireTlsCondition, RequireTlsVerdict, RuleStanding,
    RuleVerdict,
};
use sekisho_mail::{
    ChannelSecurity, ClientCertificateFate, KeyProof, Mailbox, OrganizationName, PlaintextCause, ReversePath,
    StatedReason, TlsFacts, TlsVersion,
};
use sekisho_policy::{
    directory::{self, AcceptedDomain, Exception, RuleAccount, RuleQuestion},
    inbound::{Account, Admission, InboundFacts, NextHopSays, Stage, account, admit, heed, try_shadows},
    outbound as policy,
};
use sekisho_tls::PeerChain;

use super::{Backend, Failure, view::tls_evidence};
use crate::{
    clock,
    directory::time_for,
    inbound::header_fields,
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
    let explained = dispatcher.explain(&hypothesis).await;
    Ok(Json(view(&query.recipient, explained)))
}

pub(super) async fn inbound(
    State(backend): State<Backend>,
    Json(question): Json<InboundQuestion>,
) -> Result<Json<InboundExplanation>, Failure> {
    let client = question.client.parse();
    let client: std::net::IpAddr =
        client.map_err(|_| Failure::bad_request(format!("{:?} is no address of a client", question.client)))?;
    let recipient = address(&question.recipient)?;
    let reverse_path = reverse_path(question.mail_from.as_deref())?;
    let node = backend.node.load_full();
    let rights = node
        .rules
        .rights(question.listener.as_deref())
        .map_err(Failure::bad_request)?;
    let reception = backend.reception.load_full();
    let security = security(&backend, &reception.organizations, &question)?;
    let facts = InboundFacts {
        client: client.to_canonical(),
        security: &security,
        rights: &rights,
        directory: &reception.organizations,
        now: time_for(&reception.organizations),
        reverse_path: &reverse_path,
        stage: Stage::Rcpt {
            standing: reception.local.find_mailbox(&recipient).standing(),
            local_part: recipient.local_part(),
            recipient: recipient.host(),
        },
        trial: None,
    };
    let connectors = account(&facts);
    let admission = admit(&facts);
    let shadow = try_shadows(&facts, &admission);
    let (admission, next_hop) = ask_next_hop(&backend, &recipient, admission).await;
    let reasons: Vec<StatedReason> = admission.stated();
    let header = header(question.header.as_deref())?;
    let (admitted, reply, organization, rules) = match admission {
        Admission::Admitted { attribution, .. } => {
            let conditions = reception.organizations.header_conditions();
            let through: Vec<_> = attribution.connector.iter().collect();
            let (rules, _) = reception.organizations.account_rules(&RuleQuestion {
                organization: &attribution.organization,
                sender: &reverse_path,
                recipients: &[&recipient],
                connectors: Some(&through),
                is_from_own_server: attribution.own_server().is_some(),
                header: &header_fields(header.as_bytes(), conditions),
            });
            let reply = "250 2.1.5 recipient OK".to_owned();
            (true, reply, Some(attribution.organization), rules)
        }
        Admission::Refused {
            reply, organization, ..
        } => (false, reply.to_string(), organization, Vec::new()),
    };
    Ok(Json(InboundExplanation {
        directory: reception.organizations.version(),
        admitted,
        reply,
        organization: organization.map(|name| name.to_string()),
        reasons,
        next_hop,
        verdicts: security.tls().map(|tls| tls.verdicts.clone()).unwrap_or_default(),
        connectors: connectors.into_iter().map(connector).collect(),
        shadow,
        rules: rules.into_iter().map(rule).collect(),
    }))
}

fn connector(account: Account) -> InboundConnectorVerdict {
    InboundConnectorVerdict {
        connector: account.connector.to_string(),
        matches: account.matches,
        verdict: account.words,
    }
}

/// Where the next hop of a relay domain has a word in it: what it says, and what comes of that.
async fn ask_next_hop(backend: &Backend, recipient: &Mailbox, admission: Admission) -> (Admission, Option<String>) {
    let reception = backend.reception.load_full();
    let Admission::Admitted { reasons, attribution } = &admission else {
        return (admission, None);
    };
    let accepted = recipient
        .host()
        .domain()
        .and_then(|domain| reception.organizations.domain(domain));
    let is_asked = accepted.is_some_and(AcceptedDomain::asks_next_hop)
        && reception.local.find_mailbox(recipient) == LocalFinding::RelayDomain;
    if !is_asked {
        return (admission, None);
    }
    let Some(dispatcher) = &backend.dispatcher else {
        let words = "it would be asked, which a running server alone can do";
        return (admission, Some(words.to_owned()));
    };
    let organization = &attribution.organization;
    let (says, source) = dispatcher.ask_about(recipient, organization, None).await;
    let said = match &says {
        NextHopSays::Known => "it takes mail for the recipient".to_owned(),
        NextHopSays::Unknown(reply) => format!("it takes no mail for the recipient: {reply}"),
        NextHopSays::Nothing(why) => format!("it cannot be asked: {why}"),
    };
    let admission = match heed(&says, organization) {
        Ok(reason) => Admission::Admitted {
            reasons: reasons.iter().cloned().chain([reason]).collect(),
            attribution: attribution.clone(),
        },
        Err(refused) => refused,
    };
    (admission, Some(format!("{said} ({source})")))
}

/// A connection as the question has it.
fn security(
    backend: &Backend,
    organizations: &directory::Directory,
    question: &InboundQuestion,
) -> Result<ChannelSecurity, Failure> {
    if !question.tls && question.certificate.is_none() {
        return Ok(ChannelSecurity::Plaintext(PlaintextCause::NotAsked));
    }
    let chain = question.certificate.as_deref().map(PeerChain::of_client_in_pem);
    let chain = chain.transpose().map_err(Failure::bad_request)?;
    let mut facts = TlsFacts {
        version: TlsVersion::Tls13,
        suite: "TLS_AES_256_GCM_SHA384".to_owned(),
        group: TlsVersion::HYBRID_GROUP.to_owned(),
        sni: None,
        implicit: false,
        alpn: None,
        resumed: false,
        chain: chain.as_ref().map(|chain| chain.facts().to_vec()).unwrap_or_default(),
        key: KeyProof::Proven,
        verdicts: Vec::new(),
        stapled_ocsp_len: None,
        client_certificate: ClientCertificateFate::NotAsked,
    };
    if let Some(chain) = &chain {
        let checks = organizations.client_checks(&facts);
        facts.verdicts = backend.verifier.verify(chain, &checks, clock::now());
    }
    Ok(ChannelSecurity::Tls(Box::new(facts)))
}

/// Fields of a header, as lines; each must be one, since a rule would never see what is none.
fn header(lines: Option<&str>) -> Result<String, Failure> {
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

fn rule(account: RuleAccount) -> RuleVerdict {
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

fn address(text: &str) -> Result<Mailbox, Failure> {
    Mailbox::parse(text).map_err(|error| Failure::bad_request(format!("{text:?} is no address: {error}")))
}

fn reverse_path(text: Option<&str>) -> Result<ReversePath, Failure> {
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

fn view(recipient: &str, explained: outbound::Explanation) -> Explanation {
    let connectors = explained.connectors.into_iter();
    Explanation {
        recipient: recipient.to_owned(),
        directory: explained.directory,
        organization: explained.organization.to_string(),
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
        channel: explained.channel.map(Arc::unwrap_or_clone).map(tls_evidence),
        failed_handshakes: explained.failed_handshakes,
        decision: explained.decision,
        fault: explained.fault.map(|fault| fault.to_string()),
        requiretls: explained.requiretls.map(requiretls),
        conversation: explained.conversation,
        millis: u64::try_from(explained.took.as_millis()).unwrap_or(u64::MAX),
        shadow: explained.shadow,
    }
}
