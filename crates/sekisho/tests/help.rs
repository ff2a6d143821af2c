//! The command line's vocabulary: a change of it is seen in a review, because scripts rely on it.

#[test]
fn the_commands_are_those_that_scripts_know() {
    let mut lines = Vec::new();
    list(&sekisho::cli::command(), "sekisho", &mut lines);
    insta::assert_snapshot!(lines.join("\n"));
}

/// Every command with its long options, sorted.
fn list(command: &clap::Command, name: &str, lines: &mut Vec<String>) {
    let mut options: Vec<String> = command
        .get_arguments()
        .filter_map(|arg| arg.get_long())
        .map(|long| format!("--{long}"))
        .collect();
    options.sort();
    lines.push(format!("{name} {}", options.join(" ")).trim_end().to_owned());
    for inner in command.get_subcommands() {
        list(inner, &format!("{name} {}", inner.get_name()), lines);
    }
}
