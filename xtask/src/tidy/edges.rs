//! The allowed edges between the crates, each with its reason. A crate exists because it must not know something; this
//! list is where that is kept. An edge that is not listed fails, and so does a listed one that is gone.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Finding;
use crate::command::{cargo, output};

/// Edges inside the workspace: who, on whom, why.
const EDGES: &[(&str, &str, &str)] = &[
    (
        "sekisho-smtp",
        "sekisho-mail",
        "speaks of mailboxes, envelopes and replies",
    ),
    (
        "sekisho-policy",
        "sekisho-mail",
        "facts in, decisions out, in the common words",
    ),
    ("sekisho-tls", "sekisho-mail", "hands out what it found as plain facts"),
    (
        "sekisho-store",
        "sekisho-mail",
        "keeps envelopes, outcomes and evidence",
    ),
    ("sekisho-api", "sekisho-mail", "shows the same nouns to the operator"),
    ("sekisho", "sekisho-mail", "the one crate that sees all"),
    ("sekisho", "sekisho-smtp", "the one crate that sees all"),
    ("sekisho", "sekisho-policy", "the one crate that sees all"),
    ("sekisho", "sekisho-tls", "the one crate that sees all"),
    ("sekisho", "sekisho-store", "the one crate that sees all"),
    ("sekisho", "sekisho-api", "the one crate that sees all"),
    (
        "sekisho-testkit",
        "sekisho-mail",
        "peers and ledgers use the same nouns",
    ),
    (
        "sekisho-testkit",
        "sekisho-tls",
        "its peers speak TLS, and only that crate knows how",
    ),
    ("sekisho-testkit", "sekisho-store", "puts a disk that crashes under it"),
];

/// What a pure crate may depend on outside the workspace: nothing that knows a clock, a socket or a file.
pub(super) const PURE: &[(&str, &[&str])] = &[
    ("sekisho-mail", &["idna", "serde", "thiserror"]),
    ("sekisho-smtp", &["memchr", "thiserror"]),
    ("sekisho-policy", &["serde", "thiserror"]),
];

/// Libraries that only these crates may depend on.
const KEPT: &[(&str, &[&str])] = &[
    ("rustls", &["sekisho-tls"]),
    ("tokio-rustls", &["sekisho-tls"]),
    ("rustls-webpki", &["sekisho-tls"]),
    ("rustls-native-certs", &["sekisho-tls"]),
    ("aws-lc-rs", &["sekisho-tls"]),
    ("hickory-resolver", &["sekisho"]),
    ("rusqlite", &["sekisho-store", "sekisho-testkit"]),
];

/// One dependency in a manifest.
#[derive(Debug)]
struct Dependency {
    from: String,
    to: String,
    /// Whether it is for tests alone.
    dev: bool,
    /// Whether it is a crate of this workspace.
    ours: bool,
}

/// Reads the manifests through Cargo and compares.
///
/// # Errors
/// When Cargo cannot read them.
pub(super) fn findings() -> Result<Vec<Finding>, String> {
    let text = output(cargo().args(["metadata", "--no-deps", "--format-version", "1"]))?;
    let metadata: Value = serde_json::from_str(&text).map_err(|fault| format!("cargo metadata: {fault}"))?;
    Ok(judge(&dependencies(&metadata)))
}

fn dependencies(metadata: &Value) -> Vec<Dependency> {
    let list = |value: &Value, key: &str| value[key].as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut found = Vec::new();
    for package in list(metadata, "packages") {
        for dependency in list(&package, "dependencies") {
            found.push(Dependency {
                from: text(&package["name"]),
                to: text(&dependency["name"]),
                dev: dependency["kind"] == "dev",
                ours: dependency["path"].is_string(),
            });
        }
    }
    found
}

fn judge(dependencies: &[Dependency]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut find = |from: &str, text: String| {
        findings.push(Finding {
            file: format!("crates/{from}/Cargo.toml"),
            line: 0,
            text,
        });
    };
    let listed: BTreeSet<(&str, &str)> = EDGES.iter().map(|(from, to, _)| (*from, *to)).collect();
    let mut seen = BTreeSet::new();
    for dependency in dependencies {
        let (from, to) = (dependency.from.as_str(), dependency.to.as_str());
        // Whatever a test needs, the testkit may give it: nothing of it is in the product.
        if dependency.ours && !(dependency.dev && to == "sekisho-testkit") {
            seen.insert((from, to));
            if !listed.contains(&(from, to)) {
                find(
                    from,
                    format!("the edge to {to} is not in the list of xtask/src/tidy/edges.rs"),
                );
            }
        }
        if let Some((_, allowed)) = PURE.iter().find(|(name, _)| *name == from)
            && !dependency.ours
            && !dependency.dev
            && !allowed.contains(&to)
        {
            find(from, format!("{from} is pure and may not depend on {to}"));
        }
        if let Some((_, keepers)) = KEPT.iter().find(|(name, _)| *name == to)
            && !keepers.contains(&from)
        {
            find(from, format!("only {} may depend on {to}", keepers.join(" and ")));
        }
    }
    for (from, to) in listed.difference(&seen) {
        find(
            from,
            format!("the edge to {to} is listed in xtask/src/tidy/edges.rs, but is gone"),
        );
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed() -> Vec<Dependency> {
        let edge = |(from, to, _): &(&str, &str, &str)| dependency(from, to, true);
        EDGES.iter().map(edge).collect()
    }

    fn dependency(from: &str, to: &str, ours: bool) -> Dependency {
        Dependency {
            from: from.to_owned(),
            to: to.to_owned(),
            dev: false,
            ours,
        }
    }

    #[test]
    fn the_listed_edges_pass_and_each_other_one_fails() {
        assert_eq!(judge(&listed()), []);
        for (from, to, ours) in [
            ("sekisho-policy", "sekisho-tls", true),
            ("sekisho-smtp", "tokio", false),
            ("sekisho", "rustls", false),
        ] {
            let mut edges = listed();
            edges.push(dependency(from, to, ours));
            assert_eq!(judge(&edges).len(), 1, "{from} to {to}");
        }
    }

    #[test]
    fn a_vanished_edge_fails() {
        let mut edges = listed();
        edges.pop();
        assert_eq!(judge(&edges).len(), 1);
    }
}
