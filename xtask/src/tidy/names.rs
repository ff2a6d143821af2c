//! Who may name what: the walls inside the workspace that crate edges alone do not draw.

use super::{
    Finding,
    source::{Source, names_identifier},
};

/// A library that only one place may name.
struct Wall {
    /// The identifiers as they stand in code.
    identifiers: &'static [&'static str],
    /// Path prefixes that may.
    allowed: &'static [&'static str],
    /// Why.
    reason: &'static str,
}

const WALLS: &[Wall] = &[
    Wall {
        identifiers: &[
            "rustls",
            "tokio_rustls",
            "rustls_pki_types",
            "rustls_native_certs",
            "webpki",
            "aws_lc_rs",
        ],
        allowed: &["crates/sekisho-tls/"],
        reason: "one TLS provider, one crate: the rest sees plain facts",
    },
    Wall {
        identifiers: &["hickory_resolver", "hickory_proto"],
        allowed: &["crates/sekisho/src/dns/"],
        reason: "only dns/ knows the DNS library, so that everybody else gets a Lookup",
    },
    Wall {
        identifiers: &["rusqlite", "libsqlite3_sys"],
        allowed: &["crates/sekisho-store/", "crates/sekisho-testkit/src/vfs"],
        reason: "how the store keeps things is the store's own affair",
    },
];

/// The state machines of `sekisho-smtp`, one for each role.
const ROLES: &[&str] = &["crates/sekisho-smtp/src/server/", "crates/sekisho-smtp/src/client/"];

pub(super) fn findings(sources: &[Source]) -> Vec<Finding> {
    let mut findings = walls(sources);
    findings.extend(one_permit(sources));
    for role in ROLES {
        findings.extend(one_phase_changer(sources, role));
    }
    findings
}

fn walls(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources {
        for wall in WALLS {
            if wall.allowed.iter().any(|prefix| source.file.starts_with(prefix)) {
                continue;
            }
            for (place, line) in source.code.lines().enumerate() {
                if let Some(name) = wall.identifiers.iter().find(|name| names_identifier(line, name)) {
                    findings.push(Finding {
                        file: source.file.clone(),
                        line: place + 1,
                        text: format!(
                            "`{name}` is named outside {}: {}",
                            wall.allowed.join(" and "),
                            wall.reason
                        ),
                    });
                }
            }
        }
    }
    findings
}

/// Law 6: whoever sends needs a `Permit`, and there is exactly one way to come by one.
fn one_permit(sources: &[Source]) -> Vec<Finding> {
    let places: Vec<(String, usize)> = sources
        .iter()
        .flat_map(|source| {
            let lines = source.product_lines().into_iter();
            lines
                .filter(|(_, line)| is_implementation_of(line, "Permit"))
                .map(|(number, _)| (source.file.clone(), number))
        })
        .collect();
    if places.len() == 1 {
        return Vec::new();
    }
    let text = format!(
        "{} implementations of `Permit` outside tests; there is exactly one (law 6)",
        places.len()
    );
    let or_nowhere = if places.is_empty() {
        vec![("crates".to_owned(), 0)]
    } else {
        places
    };
    or_nowhere
        .into_iter()
        .map(|(file, line)| Finding {
            file,
            line,
            text: text.clone(),
        })
        .collect()
}

fn is_implementation_of(line: &str, name: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("impl")
        && line
            .split_once(" for ")
            .is_some_and(|(before, _)| names_identifier(before, name))
}

/// Law 7: only one file per role changes a session's phase.
fn one_phase_changer(sources: &[Source], role: &str) -> Vec<Finding> {
    let mut changes: Vec<(&Source, usize)> = Vec::new();
    for source in sources.iter().filter(|source| source.file.starts_with(role)) {
        let lines = source.product_lines().into_iter();
        changes.extend(
            lines
                .filter(|(_, line)| changes_phase(line))
                .map(|(number, _)| (source, number)),
        );
    }
    let first = changes.first().map(|(source, _)| source.file.clone());
    changes
        .into_iter()
        .filter(|(source, _)| Some(&source.file) != first.as_ref())
        .map(|(source, line)| Finding {
            file: source.file.clone(),
            line,
            text: format!(
                "the phase of a session is changed here and in {} (law 7)",
                first.clone().unwrap_or_default()
            ),
        })
        .collect()
}

fn changes_phase(line: &str) -> bool {
    line.match_indices(".phase").any(|(start, found)| {
        let rest = line[start + found.len()..].trim_start();
        rest.starts_with('=') && !rest.starts_with("==") && !rest.starts_with("=>")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(file: &str, text: &str) -> Source {
        Source::new(file.to_owned(), text.to_owned())
    }

    #[test]
    fn a_wall_keeps_a_library_in_its_place() {
        let inside = source("crates/sekisho-tls/src/lib.rs", "use rustls::X;");
        let outside = source(
            "crates/sekisho/src/dns/mod.rs",
            "// rustls is fine here\nuse rustls::X;\nuse hickory_resolver::Y;",
        );
        let found = walls(&[inside, outside]);
        assert_eq!(found.iter().map(|finding| finding.line).collect::<Vec<_>>(), [2]);
    }

    #[test]
    fn there_is_one_permit() {
        let one = source(
            "a.rs",
            "impl Permit for Clearance {\n}\n#[cfg(test)]\nmod tests {\nimpl Permit for Any {}\n}",
        );
        assert_eq!(one_permit(&[one]), []);
        let another = source(
            "b.rs",
            "impl<'a> sekisho_smtp::Permit for Free<'a> {}\nimpl Permit for Clearance {}",
        );
        assert_eq!(one_permit(&[another]).len(), 2);
        assert_eq!(one_permit(&[]).len(), 1);
    }

    #[test]
    fn one_file_per_role_changes_the_phase() {
        let role = "crates/sekisho-smtp/src/server/";
        let first = source("crates/sekisho-smtp/src/server/a.rs", "self.phase = Phase::Mail;");
        let second = source(
            "crates/sekisho-smtp/src/server/b.rs",
            "if self.phase == x {}\nself.phase= Phase::Rcpt;",
        );
        let found = one_phase_changer(&[first, second], role);
        assert_eq!(found.iter().map(|finding| finding.line).collect::<Vec<_>>(), [2]);
    }
}
