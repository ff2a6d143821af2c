//! What a partner must do, and how to check that it is done, in words.

use std::collections::BTreeMap;

use sekisho_api::{
    PartnerStep, PublishedEndpointKind, PublishedHost, PublishedRole, PublishedRoot, PublishedRootStanding,
};

use super::{
    sheet::{CheckSheet, Piece, address, key, list, say_two, shown},
    words::Words,
};

/// One step.
#[derive(Clone, Debug)]
pub struct StepSheet {
    /// What is to be done.
    pub text: String,
    /// What there is to know about it.
    pub note: Option<String>,
    /// What it is done with, each behind what it is called.
    pub facts: Vec<(String, Vec<Piece>)>,
}

impl StepSheet {
    const fn plain(text: String) -> Self {
        Self {
            text,
            note: None,
            facts: Vec::new(),
        }
    }
}

/// All steps; one that says so where there is nothing to do.
pub(super) fn steps(role: &PublishedRole, words: &Words) -> Vec<StepSheet> {
    if role.steps.is_empty() {
        return vec![StepSheet::plain(words.say("no-steps"))];
    }
    role.steps.iter().map(|one| step(one, words)).collect()
}

fn step(step: &PartnerStep, words: &Words) -> StepSheet {
    let code = |label: &str, text: String| (words.say(label), vec![Piece::Code(text)]);
    // Keywords, which no language translates.
    let family = |key_family: &str| {
        let kind = shown(&key_family.to_uppercase());
        (words.say("fact-family"), vec![Piece::Text(kind)])
    };
    match step {
        PartnerStep::TrustRoot { root, is_next, before } => trust_root(root, (*is_next, before.as_deref()), words),
        PartnerStep::ReplacePin {
            key_family,
            old_spki_sha256,
            new_spki_sha256,
            before,
        } => StepSheet {
            text: match before {
                Some(at) => words.say_with("step-replace-pin", "instant", &words.instant(at)),
                None => words.say("step-replace-pin-undecided"),
            },
            note: None,
            facts: vec![
                family(key_family),
                code("fact-new-pin", new_spki_sha256.to_string()),
                code("fact-old-pin", old_spki_sha256.to_string()),
                code("fact-new-tlsa", format!("3 1 1 {new_spki_sha256}")),
            ],
        },
        PartnerStep::DropPin {
            key_family,
            old_spki_sha256: _,
            new_spki_sha256,
            since,
        } => StepSheet {
            text: match since {
                Some(at) => words.say_with("step-drop-pin", "instant", &words.instant(at)),
                None => words.say("step-drop-pin-undated"),
            },
            note: None,
            facts: vec![family(key_family), code("fact-new-pin", new_spki_sha256.to_string())],
        },
        PartnerStep::KeepPin {
            key_family,
            spki_sha256,
        } => StepSheet {
            text: words.say("step-keep-pin"),
            note: None,
            facts: vec![family(key_family), code("fact-pin", spki_sha256.to_string())],
        },
        PartnerStep::PinSelfSigned { spki_sha256, sha256 } => StepSheet {
            text: words.say("step-pin-self-signed"),
            note: None,
            facts: vec![
                code("fact-pin", spki_sha256.to_string()),
                code("fact-sha256", sha256.to_string()),
            ],
        },
        PartnerStep::OpenHosts { hosts } => StepSheet {
            text: words.say("step-open-hosts"),
            note: None,
            facts: hosts_by_port(hosts, words),
        },
        PartnerStep::AcceptAsClient {
            client_names,
            server_usage_alone,
        } => StepSheet {
            text: words.say_with("step-accept-client", "names", &list(client_names)),
            note: server_usage_alone.then(|| words.say("step-accept-client-usage")),
            facts: Vec::new(),
        },
    }
}

fn trust_root(root: &PublishedRoot, (is_next, before): (bool, Option<&str>), words: &Words) -> StepSheet {
    let subject = shown(&root.subject);
    let is_known = root.standing != PublishedRootStanding::Unknown;
    let text = match before {
        Some(at) => {
            let at = words.instant(at);
            say_two(words, "step-trust-root-before", ("instant", &at), ("root", &subject))
        }
        None if is_next => words.say_with("step-trust-root-next", "root", &subject),
        None if is_known => words.say_with("step-trust-root", "root", &subject),
        None => words.say_with("step-issuer-unknown", "root", &subject),
    };
    let code = |label: &str, text: String| (words.say(label), vec![Piece::Code(text)]);
    let mut facts = Vec::new();
    facts.extend(root.sha256.map(|digest| code("fact-sha256", digest.to_string())));
    facts.extend(root.sha1.as_ref().map(|digest| code("fact-sha1", shown(digest))));
    let of_key = root.key.as_ref();
    facts.extend(of_key.map(|of| (words.say("fact-root-key"), vec![Piece::Text(key(of, words))])));
    let until = root.not_after.as_ref();
    facts.extend(until.map(|at| {
        let piece = Piece::Instant(at.clone(), words.instant(at));
        (words.say("fact-until"), vec![piece])
    }));
    if !root.urls.is_empty() {
        let urls = root.urls.iter().map(|url| address(url)).collect();
        facts.push((words.say("fact-published-at"), urls));
    }
    StepSheet {
        text,
        note: None,
        facts,
    }
}

fn hosts_by_port(hosts: &[PublishedHost], words: &Words) -> Vec<(String, Vec<Piece>)> {
    let mut by_port: BTreeMap<u16, Vec<Piece>> = BTreeMap::new();
    for host in hosts {
        let pieces = by_port.entry(host.port).or_default();
        pieces.push(Piece::Code(shown(&host.host)));
    }
    let named = |(port, pieces): (u16, Vec<Piece>)| (words.say_with("fact-host", "port", &port.to_string()), pieces);
    by_port.into_iter().map(named).collect()
}

/// Commands for the newest certificate; for its root where a digest of it is known.
pub(super) fn checks(role: &PublishedRole, words: &Words) -> Vec<CheckSheet> {
    let certificates = role.families.iter().flat_map(|family| &family.certificates);
    let Some(newest) = certificates.max_by_key(|one| one.standing) else {
        return Vec::new();
    };
    let (file, mut checks) = (format!("{}.pem", newest.sha256), Vec::new());
    let mut add = |what: &str, command: String| {
        checks.push(CheckSheet {
            what: words.say(what),
            command,
        });
    };
    if newest.root.standing != PublishedRootStanding::SelfSigned {
        if let Some(sha1) = newest.root.sha1.as_ref().filter(|sha1| is_plain(sha1)) {
            add("check-root-windows", format!("certutil -store Root {sha1}"));
        }
        add(
            "check-root-unix",
            format!("openssl verify -show_chain -untrusted {file} {file}"),
        );
    }
    // OCSP answers to questions alone.
    let mut urls = newest
        .endpoints
        .iter()
        .filter(|one| one.kind != PublishedEndpointKind::Ocsp);
    if let Some(endpoint) = urls.find(|one| is_plain(&one.url)) {
        add("check-url-windows", format!("certutil -URL {}", endpoint.url));
        let answer = "-w '%{http_code}\\n'";
        add(
            "check-url-unix",
            format!("curl -fsS -o /dev/null {answer} {}", endpoint.url),
        );
    }
    add(
        "check-file",
        format!("openssl x509 -in {file} -noout -fingerprint -sha256"),
    );
    checks
}

/// Whether text of a certificate may stand in a command that people copy into their shells: nothing in it means
/// anything there.
fn is_plain(text: &str) -> bool {
    let fits = |octet: u8| octet.is_ascii_alphanumeric() || b":/._-".contains(&octet);
    !text.is_empty() && !text.starts_with('-') && text.bytes().all(fits)
}
