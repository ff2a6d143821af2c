//! Certificate vectors in the format of C2SP x509-limbo, asked of the object that connectors use.

use std::collections::HashMap;

use sekisho_mail::{AnchorSetId, Check, NamePattern, Timestamp, Verdict};
use sekisho_tls::{AnchorSet, PeerChain, Verifier};
use serde::Deserialize;

/// A whole file of vectors; what is not needed here is passed over.
#[derive(Debug, Deserialize)]
pub(crate) struct Vectors {
    testcases: Vec<Case>,
}

#[derive(Debug, Deserialize)]
struct Case {
    id: String,
    #[serde(default)]
    features: Vec<String>,
    validation_kind: Kind,
    #[serde(default)]
    trusted_certs: Vec<String>,
    #[serde(default)]
    untrusted_intermediates: Vec<String>,
    peer_certificate: String,
    #[serde(default)]
    validation_time: Option<String>,
    #[serde(default)]
    extended_key_usage: Vec<String>,
    expected_result: Expected,
    #[serde(default)]
    expected_peer_name: Option<PeerName>,
    #[serde(default)]
    max_chain_depth: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Kind {
    Server,
    Client,
}

/// What becomes of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Expected {
    Success,
    Failure,
}

#[derive(Debug, Deserialize)]
struct PeerName {
    kind: String,
    value: String,
}

/// What was found of one vector.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) id: String,
    pub(crate) expected: Expected,
    pub(crate) standing: Standing,
    /// What the verifier said.
    pub(crate) why: String,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    AsExpected,
    /// Otherwise than expected, and why that is right.
    Explained(String),
    Differs,
    /// Not asked, and why.
    LeftOut(&'static str),
}

/// Differences that are meant: each line has what comes out here, the vector's id (with `*` at its end all that begin
/// so), and the reason.
pub(crate) struct Explanations<'a>(Vec<(Expected, &'a str, &'a str)>);

impl<'a> Explanations<'a> {
    /// # Errors
    /// The first line that is none.
    pub(crate) fn parse(text: &'a str) -> Result<Self, String> {
        let lines = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('#'));
        let parse = |line: &'a str| {
            let mut parts = line.splitn(3, ' ');
            let outcome = match parts.next() {
                Some("success") => Expected::Success,
                Some("failure") => Expected::Failure,
                _ => return Err(format!("{line:?}: write success or failure, the id and the reason")),
            };
            let (Some(id), Some(reason)) = (parts.next(), parts.next()) else {
                return Err(format!("{line:?}: the id or the reason is missing"));
            };
            Ok((outcome, id, reason))
        };
        lines.map(parse).collect::<Result<_, _>>().map(Self)
    }

    fn of(&self, id: &str, found: Expected) -> Option<&'a str> {
        let is_it = |pattern: &str| match pattern.strip_suffix('*') {
            Some(beginning) => id.starts_with(beginning),
            None => id == pattern,
        };
        let mut all = self.0.iter();
        all.find(|(outcome, pattern, _)| *outcome == found && is_it(pattern))
            .map(|(.., reason)| *reason)
    }
}

/// Each vector of a file, held against what it expects; `now` is for those that name no time.
///
/// # Errors
/// When the text is no such file.
pub(crate) fn judge(json: &str, explanations: &Explanations<'_>, now: Timestamp) -> Result<Vec<Row>, String> {
    let vectors: Vectors = serde_json::from_str(json).map_err(|error| format!("no file of vectors: {error}"))?;
    Ok(vectors
        .testcases
        .iter()
        .map(|case| row(case, explanations, now))
        .collect())
}

fn row(case: &Case, explanations: &Explanations<'_>, now: Timestamp) -> Row {
    let (standing, why) = match left_out(case) {
        Some(reason) => (Standing::LeftOut(reason), String::new()),
        None => match find(case, now) {
            Ok(verdicts) => {
                let failed = verdicts.into_iter().find(|verdict| *verdict != Verdict::Holds);
                compare(case, explanations, failed.map(|verdict| format!("{verdict:?}")))
            }
            Err(why) => compare(case, explanations, Some(why)),
        },
    };
    Row {
        id: case.id.clone(),
        expected: case.expected_result,
        standing,
        why,
    }
}

fn compare(case: &Case, explanations: &Explanations<'_>, failure: Option<String>) -> (Standing, String) {
    let found = if failure.is_some() {
        Expected::Failure
    } else {
        Expected::Success
    };
    let standing = if found == case.expected_result {
        Standing::AsExpected
    } else {
        let reason = explanations.of(&case.id, found);
        reason.map_or(Standing::Differs, |reason| Standing::Explained(reason.to_owned()))
    };
    (standing, failure.unwrap_or_else(|| "holds".to_owned()))
}

/// What is not this verifier's to answer.
fn left_out(case: &Case) -> Option<&'static str> {
    if case.features.iter().any(|feature| feature == "has-crl") {
        return Some("revocation is asked apart from the path");
    }
    if case.max_chain_depth.is_some() {
        return Some("no setting limits the length of a path further");
    }
    let known = ["serverAuth", "clientAuth"];
    if case
        .extended_key_usage
        .iter()
        .any(|usage| !known.contains(&usage.as_str()))
    {
        return Some("only certificates for TLS are asked for");
    }
    match &case.expected_peer_name {
        Some(name) if name.kind != "DNS" => Some("only names of hosts are asked for"),
        _ => None,
    }
}

/// The verdicts on path and name; the error says what of the vector could not even be read, which is a failure too.
fn find(case: &Case, now: Timestamp) -> Result<Vec<Verdict>, String> {
    let now = match &case.validation_time {
        Some(text) => parse_time(text).ok_or_else(|| format!("{text:?} is no time"))?,
        None => now,
    };
    let id = AnchorSetId("vectors".to_owned());
    let anchors = match case.trusted_certs.as_slice() {
        [] => return Err("nothing is trusted".to_owned()),
        trusted => AnchorSet::parse(&trusted.concat(), "the vector").map_err(|error| error.to_string())?,
    };
    let verifier = Verifier::new(HashMap::from([(id.clone(), anchors)]));
    let presented = case.peer_certificate.clone() + &case.untrusted_intermediates.concat();
    let chain = match case.validation_kind {
        Kind::Server => PeerChain::of_server_in_pem(&presented)?,
        Kind::Client => PeerChain::of_client_in_pem(&presented)?,
    };
    let mut checks = vec![Check::Path { anchors: id }];
    if let Some(name) = &case.expected_peer_name {
        let name: NamePattern = name
            .value
            .parse()
            .map_err(|error| format!("{:?}: {error}", name.value))?;
        checks.push(Check::Name { names: vec![name] });
    }
    let answers = verifier.verify(&chain, &checks, now);
    Ok(answers.verdicts.into_iter().map(|(_, verdict)| verdict).collect())
}

/// `2024-01-31T12:00:00Z`, as RFC 3339 has it; other offsets than none are not read.
pub(crate) fn parse_time(text: &str) -> Option<Timestamp> {
    let text = text.strip_suffix('Z').or_else(|| text.strip_suffix("+00:00"))?;
    let (date, time) = text.split_once(['T', ' '])?;
    let number = |part: Option<&str>| part?.split('.').next()?.parse::<i64>().ok();
    let (mut date, mut time) = (date.split('-'), time.split(':'));
    let (year, month, day) = (number(date.next())?, number(date.next())?, number(date.next())?);
    let (hour, minute, second) = (number(time.next())?, number(time.next())?, number(time.next())?);
    // Days since 1970, years begun in March (Howard Hinnant's days_from_civil).
    let year = if month <= 2 { year - 1 } else { year };
    let of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = year.div_euclid(400) * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + day_of_year - 719_468;
    Some(Timestamp::from_secs(((days * 24 + hour) * 60 + minute) * 60 + second))
}
