//! The lowest versions of libraries whose older ones have a published hole in what this workspace uses of them.

use super::{Finding, read};

type Version = (u64, u64, u64);

/// The crate, the first version that is mended, and what was wrong before it.
const FLOORS: &[(&str, Version, &str)] = &[
    (
        "rustls",
        (0, 23, 45),
        "RUSTSEC-2026-0285: handshake messages in the clear are taken across the change of keys",
    ),
    (
        "rustls-webpki",
        (0, 103, 13),
        "RUSTSEC-2026-0098, -0099, -0104: names outside an authority's constraints are believed; a list panics",
    ),
    (
        "aws-lc-sys",
        (0, 39, 0),
        "RUSTSEC-2026-0044, -0048: constraints on common names and distribution points are passed by",
    ),
    (
        "tokio-rustls",
        (0, 23, 0),
        "RUSTSEC-2020-0019: a peer fills the memory of a stream that nobody reads",
    ),
    (
        "hickory-proto",
        (0, 26, 1),
        "RUSTSEC-2026-0118, -0119, -0120: one answer keeps the processor busy",
    ),
    (
        "hickory-resolver",
        (0, 26, 1),
        "RUSTSEC-2026-0118, -0119, -0120: one answer keeps the processor busy",
    ),
    (
        "hickory-net",
        (0, 26, 1),
        "RUSTSEC-2026-0118, -0119, -0120: one answer keeps the processor busy",
    ),
    (
        "idna",
        (1, 0, 3),
        "RUSTSEC-2024-0421: two names become one where Punycode holds no letter beyond ASCII",
    ),
];

/// Reads each lock file.
///
/// # Errors
/// When one cannot be read.
pub(super) fn findings(files: &[String]) -> Result<Vec<Finding>, String> {
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| file.ends_with("Cargo.lock")) {
        findings.extend(judge(file, &read(file)?));
    }
    Ok(findings)
}

fn judge(file: &str, lock: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut find = |line: usize, text: String| {
        findings.push(Finding {
            file: file.to_owned(),
            line,
            text,
        });
    };
    let mut name = "";
    for (place, line) in lock.lines().enumerate() {
        if let Some(found) = value(line, "name") {
            name = found;
        }
        let Some(found) = value(line, "version") else { continue };
        let Some((_, floor, why)) = FLOORS.iter().find(|(floored, ..)| *floored == name) else {
            continue;
        };
        match version(found) {
            Some(version) if version >= *floor => {}
            Some(_) => find(
                place + 1,
                format!(
                    "{name} {found} is older than {}.{}.{}; {why}",
                    floor.0, floor.1, floor.2
                ),
            ),
            None => find(place + 1, format!("{name}: {found} is no version")),
        }
    }
    findings
}

fn value<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    line.strip_prefix(key)?.strip_prefix(" = \"")?.strip_suffix('"')
}

/// A version before a release is older than the release.
fn version(text: &str) -> Option<Version> {
    let (release, early) = match text.split_once('-') {
        Some((release, _)) => (release, true),
        None => (text.split('+').next().unwrap_or_default(), false),
    };
    let mut numbers = release.split('.').map(|number| number.parse::<u64>().ok());
    let (major, minor, patch) = (numbers.next()??, numbers.next()??, numbers.next()??);
    Some((major, minor, if early { patch.checked_sub(1)? } else { patch }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RUSTSEC-2026-0285, GO-2026-4340, RUSTSEC-2026-0098, RUSTSEC-2026-0099, RUSTSEC-2026-0104, RUSTSEC-2026-0044,
    /// RUSTSEC-2026-0048, RUSTSEC-2026-0049, RUSTSEC-2020-0019, RUSTSEC-2026-0118, RUSTSEC-2026-0119,
    /// RUSTSEC-2026-0120, RUSTSEC-2024-0421: what has the hole is not built.
    #[test]
    fn a_library_with_a_published_hole_is_found() {
        let lock = |name: &str, version: &str| format!("[[package]]\nname = \"{name}\"\nversion = \"{version}\"\n");
        for (name, (major, minor, patch), _) in FLOORS {
            let floor = format!("{major}.{minor}.{patch}");
            assert_eq!(judge("a", &lock(name, &floor)), [], "{name}");
            let below = if *major > 0 {
                "0.99.0".to_owned()
            } else {
                format!("0.{}.99", minor - 1)
            };
            for below in [below, format!("{major}.{minor}.{patch}-rc.1")] {
                let found = judge("a", &lock(name, &below));
                let lines: Vec<usize> = found.iter().map(|finding| finding.line).collect();
                assert_eq!(lines, [3], "{name} {below}");
            }
        }
        assert_eq!(judge("a", &lock("rustls-pki-types", "0.1.0")), []);
        assert_eq!(
            judge("a", &(lock("rustls", "0.24.0") + &lock("rustls", "0.23.44"))).len(),
            1
        );
    }
}
