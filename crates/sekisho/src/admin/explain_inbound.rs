//! What would become of a recipient that a client names: asked of the judgement itself.

use axum::{Json, extract::State};
use sekisho_api::{
    HeaderFamiliesVerdict, InboundConnectorVerdict, InboundExplanation, InboundQuestion, RecipientLimit,
    RecipientLimits, RuleVerdict,
};
use sekisho_mail::{
    ChannelSecurity, ClientCertificateFate, KeyProof, Mailbox, PlaintextCause, Reply, ReversePath, StatedReason,
    TlsFacts, TlsVersion,
};
use sekisho_policy::{
    directory::{AcceptedDomain, Directory, RuleQuestion},
    inbound::{Account, Admission, Attribution, InboundFacts, NextHopSays, Stage, account, admit, heed, try_shadows},
};
use sekisho_tls::{PeerChain, key_exchange_groups};

use super::{
    Backend, Failure, ListenerRules,
    explain::{address, header, reverse_path, rule},
};
use crate::{
    directory::time_for,
    inbound::{Reception, answers_for_all, destination_of, foreign_ends, header_fields},
    local::LocalFinding,
    net,
};

pub(super) async fn explain(
    State(backend): State<Backend>,
    Json(question): Json<InboundQuestion>,
) -> Result<Json<InboundExplanation>, Failure> {
    let client = question.client.parse();
    let client: std::net::IpAddr =
        client.map_err(|_| Failure::bad_request(format!("{:?} is no address of a client", question.client)))?;
    let recipient = address(&question.recipient)?;
    let reverse_path = reverse_path(question.mail_from.as_deref())?;
    let node = backend.node.load_full();
    let listener = node
        .rules
        .listener(question.listener.as_deref())
        .map_err(Failure::bad_request)?;
    let reception = backend.reception.load_full();
    let organizations = &*reception.organizations;
    let security = security(&backend, organizations, &question).await?;
    let facts = InboundFacts {
        client: client.to_canonical(),
        security: &security,
        rights: &listener.rights,
        directory: organizations,
        now: time_for(organizations),
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
    let admission = admit_ends(&facts, (&reception, &recipient), admission);
    let (admission, next_hop) = ask_next_hop(&backend, &recipient, admission).await;
    let reasons: Vec<StatedReason> = admission.stated();
    let header = header(question.header.as_deref())?;
    let explanation = InboundExplanation {
        directory: organizations.version(),
        admitted: false,
        reply: String::new(),
        organization: None,
        reasons,
        next_hop,
        verdicts: security.tls().map(|tls| tls.verdicts.clone()).unwrap_or_default(),
        connectors: connectors.into_iter().map(connector).collect(),
        shadow,
        rules: Vec::new(),
        limits: None,
        header_families: None,
    };
    Ok(Json(match admission {
        Admission::Admitted { attribution, .. } => InboundExplanation {
            admitted: true,
            reply: "250 2.1.5 recipient OK".to_owned(),
            organization: Some(attribution.organization.to_string()),
            rules: rules(organizations, &attribution, (&reverse_path, &recipient), &header),
            limits: Some(limits(organizations, &attribution, &listener)),
            header_families: header_families(organizations, &attribution),
            ..explanation
        },
        Admission::Refused {
            reply, organization, ..
        } => InboundExplanation {
            reply: reply.to_string(),
            organization: organization.map(|name| name.to_string()),
            ..explanation
        },
    }))
}

/// Where an alias leads into another organization, that one has a say too.
fn admit_ends(
    facts: &InboundFacts<'_>,
    (reception, written): (&Reception, &Mailbox),
    admission: Admission,
) -> Admission {
    let Admission::Admitted { attribution, .. } = &admission else {
        return admission;
    };
    let finding = reception.local.find_mailbox(written);
    let ends = foreign_ends(reception, &finding, &attribution.organization);
    let judged = ends.into_iter().map(|(end, standing)| {
        admit(&InboundFacts {
            stage: Stage::Rcpt {
                standing,
                local_part: end.local_part(),
                recipient: end.host(),
            },
            ..*facts
        })
    });
    let mut judged: Vec<Admission> = judged.collect();
    let refusals: Vec<Option<&Reply>> = judged
        .iter()
        .map(|one| match one {
            Admission::Refused { reply, .. } => Some(reply),
            Admission::Admitted { .. } => None,
        })
        .collect();
    match answers_for_all(&refusals, &finding) {
        Some(place) => judged.swap_remove(place),
        None => admission,
    }
}

fn connector(account: Account) -> InboundConnectorVerdict {
    InboundConnectorVerdict {
        connector: account.connector.to_string(),
        matches: account.matches,
        verdict: account.words,
    }
}

fn rules(
    organizations: &Directory,
    attribution: &Attribution,
    (sender, recipient): (&ReversePath, &Mailbox),
    header: &str,
) -> Vec<RuleVerdict> {
    let through: Vec<_> = attribution.connector.iter().collect();
    let from: Vec<_> = attribution.from.iter().collect();
    let (rules, _) = organizations.account_rules(&RuleQuestion {
        organization: &attribution.organization,
        sender,
        recipients: &[recipient],
        connectors: Some(&through),
        from: Some(&from),
        is_from_own_server: attribution.own_server().is_some(),
        header: &header_fields(header.as_bytes(), organizations.header_conditions()),
    });
    rules.into_iter().map(rule).collect()
}

/// The smaller ones of what the listener and the organization take.
fn limits(organizations: &Directory, attribution: &Attribution, listener: &ListenerRules) -> RecipientLimits {
    let organization = &attribution.organization;
    let own = organizations.message_limits(organization).unwrap_or_default();
    let smaller = |of_listener: u64, of_organization: Option<u64>| match of_organization {
        Some(at_most) if at_most < of_listener => RecipientLimit {
            at_most,
            set_by: format!("organization {organization}"),
        },
        Some(_) | None => RecipientLimit {
            at_most: of_listener,
            set_by: format!("listener {}", listener.name),
        },
    };
    RecipientLimits {
        size: smaller(listener.limits.message_octets, own.octets),
        recipients: smaller(listener.limits.recipients.into(), own.recipients.map(u64::from)),
    }
}

/// What would become of fields of the organization's families, if the message had any.
fn header_families(organizations: &Directory, attribution: &Attribution) -> Option<HeaderFamiliesVerdict> {
    let organization = &attribution.organization;
    let families = &organizations.organization(organization)?.header_families;
    if families.is_empty() {
        return None;
    }
    let verdict = match attribution.own_server() {
        Some(connector) if attribution.is_believed => format!(
            "connector {connector} believes its servers (cloud_services_mail_enabled): cross-premises fields become \
             the organization's"
        ),
        Some(connector) => format!("connector {connector} does not believe its servers (cloud_services_mail_enabled)"),
        None => format!("the client is no server of organization {organization}"),
    };
    Some(HeaderFamiliesVerdict {
        families: families.iter().map(ToString::to_string).collect(),
        are_believed: attribution.own_server().is_some() && attribution.is_believed,
        verdict,
    })
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
    let destination = destination_of(recipient, attribution);
    let (says, source) = dispatcher.ask_about(recipient, &destination, None).await;
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
async fn security(
    backend: &Backend,
    organizations: &Directory,
    question: &InboundQuestion,
) -> Result<ChannelSecurity, Failure> {
    let InboundQuestion {
        tls,
        tls_version,
        key_exchange,
        certificate,
        ..
    } = question;
    if !tls && tls_version.is_none() && key_exchange.is_none() && certificate.is_none() {
        return Ok(ChannelSecurity::Plaintext(PlaintextCause::NotAsked));
    }
    let version = tls_version.unwrap_or(TlsVersion::Tls13);
    let suite = match version {
        TlsVersion::Tls12 => "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        TlsVersion::Tls13 => "TLS_AES_256_GCM_SHA384",
    };
    let chain = certificate.as_deref().map(PeerChain::of_client_in_pem);
    let chain = chain.transpose().map_err(Failure::bad_request)?;
    let of_chain = chain.as_ref().map(|chain| chain.facts().to_vec());
    let mut facts = TlsFacts {
        version,
        suite: suite.to_owned(),
        group: group(version, key_exchange.as_deref())?,
        sni: None,
        implicit: false,
        alpn: None,
        resumed: false,
        chain: of_chain.unwrap_or_default(),
        key: KeyProof::Proven,
        verdicts: Vec::new(),
        revocation_sources: Vec::new(),
        stapled_ocsp_len: None,
        client_certificate: ClientCertificateFate::NotAsked,
    };
    if let Some(chain) = chain.map(net::given) {
        let checks = organizations.client_checks(&facts);
        facts.set_answers(backend.revocation.verify(&chain, &checks).await);
    }
    Ok(ChannelSecurity::Tls(Box::new(facts)))
}

/// The key exchange that is asked for, or else the best of the version. One that no handshake comes to is a slip.
fn group(version: TlsVersion, wanted: Option<&str>) -> Result<String, Failure> {
    let groups = key_exchange_groups(version);
    let Some(wanted) = wanted else {
        return Ok(groups.into_iter().next().unwrap_or_default());
    };
    let found = groups.iter().find(|group| group.eq_ignore_ascii_case(wanted));
    found.cloned().ok_or_else(|| {
        let groups = groups.join(", ");
        Failure::bad_request(format!(
            "{version} has no key exchange {wanted:?} here; it has {groups}"
        ))
    })
}
