//! Whether a message with REQUIRETLS might be handed to a host, condition by condition (RFC 8689 §4.2.1), as far as
//! this build can find out. For whoever asks: no message carries REQUIRETLS here yet, and nothing is decided by it.

use sekisho_mail::{
    AnchorSetId, ChannelFacts, ChannelSecurity, Check, Demand, DemandLevel, NamePattern, TlsFacts, Verdict,
};

use super::{CandidateHost, HostOrigin, HostPlan, plan::demanded_checks};

/// The keyword of the EHLO reply (RFC 8689 §2).
const KEYWORD: &str = "REQUIRETLS";

/// One of the conditions, each of which must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequireTlsCondition {
    /// `authenticated-mx`, `verified-certificate`, `keyword`.
    pub key: &'static str,
    /// Whether it holds. What is not known does not.
    pub standing: ConditionStanding,
    /// Why; a sentence without its full stop that may hold the peer's text.
    pub words: String,
}

/// Whether a condition holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConditionStanding {
    /// It does.
    Holds,
    /// It does not.
    Fails,
    /// It could not be found out.
    NotKnown,
}

/// What a message with REQUIRETLS demands of every connection, whatever else it must meet: never plaintext.
#[must_use]
pub fn requiretls_demand() -> Demand {
    Demand {
        level: DemandLevel::Encryption,
        origin: "REQUIRETLS (RFC 8689 §4.2.1)".to_owned(),
    }
}

/// The conditions for one host; `channel` is the connection with it, when one came about.
#[must_use]
pub fn requiretls(
    candidate: &CandidateHost,
    plan: &HostPlan,
    channel: Option<&ChannelFacts>,
) -> [RequireTlsCondition; 3] {
    [
        condition("authenticated-mx", authenticated(candidate)),
        condition("verified-certificate", certificate(plan, channel)),
        condition("keyword", keyword(channel)),
    ]
}

fn condition(key: &'static str, (standing, words): (ConditionStanding, String)) -> RequireTlsCondition {
    RequireTlsCondition { key, standing, words }
}

/// A standing and why.
type Found = (ConditionStanding, String);

fn not_known(words: &str) -> Found {
    (ConditionStanding::NotKnown, words.to_owned())
}

fn fails(words: impl Into<String>) -> Found {
    (ConditionStanding::Fails, words.into())
}

fn authenticated(candidate: &CandidateHost) -> Found {
    match candidate.origin {
        HostOrigin::Route => {
            let words = "the operator named the host, so no MX record is looked up";
            (ConditionStanding::Holds, words.to_owned())
        }
        HostOrigin::Dns => not_known(
            "whether DNSSEC vouches for the MX record, or an MTA-STS policy for the host: this build looks neither up",
        ),
    }
}

/// The conversation never came as far.
const NO_CONNECTION: &str = "no connection under TLS came about";

fn certificate(plan: &HostPlan, channel: Option<&ChannelFacts>) -> Found {
    let Some(channel) = channel else {
        return not_known(NO_CONNECTION);
    };
    let ChannelSecurity::Tls(tls) = &channel.security else {
        return fails("the connection is in the clear, so there is none");
    };
    let Some(host) = plan.host().domain() else {
        return fails("the host is an address, so there is no name that the certificate could be for");
    };
    let name = Check::Name {
        names: vec![NamePattern::exact(host.clone())],
    };
    let path = plan.demands().iter().flat_map(|demand| demanded_checks(&demand.level));
    let path = path.filter(|check| matches!(check, Check::Path { .. }));
    let system = Check::Path {
        anchors: AnchorSetId::system(),
    };
    let paths: Vec<Check> = path.chain([system]).collect();
    let trusted = paths.iter().find(|path| tls.verdict(path) == Some(&Verdict::Holds));
    match (
        trusted.map_or_else(|| answer(tls, &paths[0]), |_| Ok(())),
        answer(tls, &name),
    ) {
        (Ok(()), Ok(())) => (
            ConditionStanding::Holds,
            format!("its chain leads to a trust anchor, and it is for {host}"),
        ),
        (Err(found), _) | (Ok(()), Err(found)) => found,
    }
}

/// Why a check does not hold.
fn answer(tls: &TlsFacts, check: &Check) -> Result<(), Found> {
    match tls.verdict(check) {
        Some(Verdict::Holds) => Ok(()),
        Some(Verdict::Fails(fault)) => Err(fails(format!(
            "{fault}; whether TLSA records (DANE) vouch for it all the same, this build does not look up"
        ))),
        Some(Verdict::Unknown(why)) => Err(not_known(why)),
        None => Err(not_known("it was not checked")),
    }
}

fn keyword(channel: Option<&ChannelFacts>) -> Found {
    let Some(channel) = channel else {
        return not_known(NO_CONNECTION);
    };
    if channel.security.tls().is_none() {
        return fails("the connection is in the clear, and only what is said under TLS counts");
    }
    if channel.keywords.iter().any(|keyword| keyword.name == KEYWORD) {
        let words = "the host offers REQUIRETLS in its EHLO reply under TLS".to_owned();
        return (ConditionStanding::Holds, words);
    }
    fails("the host does not offer REQUIRETLS in its EHLO reply under TLS")
}
