//! Law 6: nothing leaves without a clearance. One type is a `Permit`, and one function makes what it holds. That it
//! cannot be cloned, kept or forged from outside is shown by examples in the documentation that must not compile.

use super::{
    Finding,
    source::{Source, names_identifier},
};

/// Where clearances are made.
const POLICY: &str = "crates/sekisho-policy/src/";

pub(super) fn findings(sources: &[Source]) -> Vec<Finding> {
    let mut findings = one_permit(sources);
    findings.extend(one_source_of_clearances(sources));
    findings
}

/// Whoever sends needs a `Permit`, and there is exactly one way to come by one.
fn one_permit(sources: &[Source]) -> Vec<Finding> {
    let places = lines_where(sources, |line| is_implementation_of(line, "Permit"));
    exactly_one(places, "implementations of `Permit` outside tests")
}

/// Policy has one function that gives a `Clearance` out and one place that puts one together; it has no methods that
/// could make another.
fn one_source_of_clearances(sources: &[Source]) -> Vec<Finding> {
    let policy: Vec<&Source> = sources
        .iter()
        .filter(|source| source.file.starts_with(POLICY))
        .collect();
    let given = lines_where(policy.iter().copied(), |line| {
        let result = line.split_once("->").map_or("", |(_, result)| result);
        names_identifier(result, "Clearance")
    });
    let made = lines_where(policy.iter().copied(), |line| {
        line.contains("Clearance {") && !line.contains("->") && !names_identifier(line, "impl") && !names_struct(line)
    });
    let mut findings = exactly_one(given, "functions that give out a `Clearance`");
    findings.extend(exactly_one(made, "places that put a `Clearance` together"));
    for source in policy {
        let mut inside = false;
        for (line, code) in source.product_lines() {
            inside |= code.starts_with("impl") && names_identifier(code, "Clearance");
            if inside && names_identifier(code, "Self") {
                findings.push(Finding {
                    file: source.file.clone(),
                    line,
                    text: "a method of `Clearance` makes another one (law 6)".to_owned(),
                });
            }
            inside &= code != "}";
        }
    }
    findings
}

fn lines_where<'a>(
    sources: impl IntoIterator<Item = &'a Source>,
    holds: impl Fn(&str) -> bool,
) -> Vec<(&'a Source, usize)> {
    let mut places = Vec::new();
    for source in sources {
        let lines = source.product_lines().into_iter().filter(|(_, line)| holds(line));
        places.extend(lines.map(|(number, _)| (source, number)));
    }
    places
}

fn exactly_one(places: Vec<(&Source, usize)>, what: &str) -> Vec<Finding> {
    let text = format!("{} {what}; there is exactly one (law 6)", places.len());
    let finding = |file: &str, line: usize| Finding {
        file: file.to_owned(),
        line,
        text: text.clone(),
    };
    match places.as_slice() {
        [_] => Vec::new(),
        [] => vec![finding("crates", 0)],
        many => many.iter().map(|(source, line)| finding(&source.file, *line)).collect(),
    }
}

fn is_implementation_of(line: &str, name: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("impl")
        && line
            .split_once(" for ")
            .is_some_and(|(before, _)| names_identifier(before, name))
}

fn names_struct(line: &str) -> bool {
    names_identifier(line, "struct")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(file: &str, text: &str) -> Source {
        Source::new(file.to_owned(), text.to_owned())
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
    fn one_function_makes_a_clearance() {
        let good = "pub struct Clearance {\n}\nimpl Clearance {\n    pub fn channel(&self) -> ChannelId {\n    }\n}\n\
                    pub fn judge() -> Result<Clearance, Refusal> {\n    Ok(Clearance {\n    })\n}\n";
        let lines = |more: &str| -> Vec<usize> {
            let found = one_source_of_clearances(&[source(&format!("{POLICY}judge.rs"), &format!("{good}{more}"))]);
            found.iter().map(|finding| finding.line).collect()
        };
        assert!(lines("").is_empty());
        assert_eq!(lines("pub fn any() -> Clearance {\n"), [7, 11]);
        assert_eq!(lines("let free = Clearance { channel };\n"), [8, 11]);
        assert_eq!(
            lines("impl Clone for Clearance {\n    fn clone(&self) -> Self {\n"),
            [12]
        );
        assert_eq!(one_source_of_clearances(&[]).len(), 2);
    }
}
