//! Law 7: only one file per role changes a session's phase. Each role's file is named here and must show its changes,
//! so that a rule that has gone blind fails instead of passing.

use super::{Finding, source::Source};

/// A state machine of `sekisho-smtp`.
struct Role {
    folder: &'static str,
    /// The one file that changes the phase.
    file: &'static str,
}

const ROLES: &[Role] = &[
    Role {
        folder: "crates/sekisho-smtp/src/server/",
        file: "crates/sekisho-smtp/src/server/phase.rs",
    },
    Role {
        folder: "crates/sekisho-smtp/src/client/",
        file: "crates/sekisho-smtp/src/client/session.rs",
    },
];

/// Where a phase lies: in a field of that name, or alone in a type that keeps it to itself.
const PLACES: &[&str] = &[".phase", ".0"];

pub(super) fn findings(sources: &[Source]) -> Vec<Finding> {
    ROLES.iter().flat_map(|role| in_role(sources, role)).collect()
}

fn in_role(sources: &[Source], role: &Role) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut find = |file: &str, line: usize, text: String| {
        findings.push(Finding {
            file: file.to_owned(),
            line,
            text,
        });
    };
    let mut seen = false;
    for source in sources.iter().filter(|source| source.file.starts_with(role.folder)) {
        for (line, code) in source.product_lines() {
            if hands_out_phase(code) {
                find(
                    &source.file,
                    line,
                    "a phase is handed out to be changed (law 7)".to_owned(),
                );
            }
            if !changes_phase(code) {
                continue;
            }
            seen |= source.file == role.file;
            if source.file != role.file {
                let text = format!("the phase of a session is changed here, not in {} (law 7)", role.file);
                find(&source.file, line, text);
            }
        }
    }
    if !seen {
        let text = "no change of a session's phase is seen here: mend the rule in xtask/src/tidy/phases.rs";
        find(role.file, 0, text.to_owned());
    }
    findings
}

/// Whether a line assigns to a phase, alone or among others, or borrows one for somebody who will (`mem::replace`,
/// `mem::swap`, `mem::take`).
fn changes_phase(line: &str) -> bool {
    assigned(line).any(names_place) || borrowed(line).any(names_place)
}

/// Whether a function gives a phase away so that it can be changed elsewhere.
fn hands_out_phase(line: &str) -> bool {
    let result = line.split_once("->").map_or("", |(_, result)| result);
    result.contains("&mut Phase") || result.contains("&mut Self::Phase")
}

/// Whether the place is a phase: `.phase` or `.0` as the last step, or among several in brackets.
fn names_place(place: &str) -> bool {
    let part_of_word = |character: char| character.is_alphanumeric() || character == '_';
    PLACES.iter().any(|name| {
        place.match_indices(name).any(|(start, found)| {
            let rest = &place[start + found.len()..];
            !rest.starts_with(part_of_word) && !rest.starts_with(['.', '('])
        })
    })
}

/// What stands left of each assignment on the line.
fn assigned(line: &str) -> impl Iterator<Item = &str> {
    line.match_indices('=').filter_map(|(at, _)| {
        let (before, behind) = (&line[..at], &line[at + 1..]);
        let compares = behind.starts_with(['=', '>']) || before.ends_with(['=', '!', '<', '>', '.']);
        let begins = before.rfind(['{', ';', '|']).map_or(0, |at| at + 1);
        let begins = before.rfind("=>").map_or(begins, |at| begins.max(at + 2));
        let target = before[begins..].trim_start();
        let binds = ["let ", "if ", "while ", "const ", "static "]
            .iter()
            .any(|word| target.starts_with(word));
        (!compares && !binds).then_some(target)
    })
}

/// What each mutable borrow on the line is of.
fn borrowed(line: &str) -> impl Iterator<Item = &str> {
    const BORROW: &str = "&mut ";
    let is_place = |character: char| character.is_alphanumeric() || ['_', '.', '*', '('].contains(&character);
    line.match_indices(BORROW).map(move |(at, _)| {
        let rest = &line[at + BORROW.len()..];
        &rest[..rest.find(|character| !is_place(character)).unwrap_or(rest.len())]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLE: Role = Role {
        folder: "server/",
        file: "server/phase.rs",
    };

    fn lines(file: &str, text: &str) -> Vec<(String, usize)> {
        let home = Source::new(ROLE.file.to_owned(), "self.0 = Phase::Closed;".to_owned());
        let other = Source::new(file.to_owned(), text.to_owned());
        let found = in_role(&[home, other], &ROLE);
        found.into_iter().map(|finding| (finding.file, finding.line)).collect()
    }

    #[test]
    fn one_file_per_role_changes_the_phase() {
        for change in [
            "self.phase = Phase::Mail;",
            "self.phase= Phase::Mail;",
            "self.stage.0 = Phase::Mail;",
            "Phase::Mail => self.phase = Phase::Ready,",
            "if over { stage.0 = Phase::Closed; }",
            "(self.phase, self.helo) = (Phase::Helo, true);",
            "let before = std::mem::replace(&mut self.phase, Phase::Over);",
            "std::mem::swap(&mut self.stage.0, &mut other);",
            "    &mut self.phase,",
            "let phase = &mut self.stage.0;",
            "fn phase(&mut self) -> &mut Phase {",
            "fn phase(&mut self) -> Option<&mut Phase> {",
        ] {
            assert_eq!(
                lines("server/session.rs", change),
                [("server/session.rs".to_owned(), 1)],
                "{change}"
            );
            assert!(lines("elsewhere.rs", change).is_empty(), "{change}");
        }
        for look in [
            "if self.phase == Phase::Mail {}",
            "let phase = self.phase;",
            "let mail = matches!(self.phase, Phase::Mail(_));",
            "while let Some(x) = self.phase.next() {}",
            "match self.stage.phase() {",
            "self.ready = matches!(self.stage.0, Phase::Ready);",
            "self.stage.0.count = 1;",
            "self.phases = 1;",
            "Phase::Mail => self.phase,",
            "fn reception(&mut self) -> Option<&mut Reception> {",
        ] {
            assert!(lines("server/session.rs", look).is_empty(), "{look}");
        }
    }

    #[test]
    fn a_role_in_which_no_change_is_seen_has_escaped_the_rule() {
        let moved = Source::new(ROLE.file.to_owned(), "self.state.become(Phase::Closed);".to_owned());
        assert_eq!(in_role(&[moved], &ROLE).len(), 1);
    }
}
