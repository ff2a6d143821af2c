//! What is generated from the code is what is committed. `UPDATE_GENERATED=1` writes it anew (`cargo xtask generate`).

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use clap_complete::Shell;
use sekisho::{cli, config::reference, telemetry::metrics};

#[test]
fn generated_files_are_up_to_date() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let write = std::env::var_os("UPDATE_GENERATED").is_some_and(|value| value == "1");
    let mut stale = Vec::new();
    for (name, text) in files() {
        let path = docs.join(&name);
        if write {
            fs::create_dir_all(path.parent().expect("a file of docs/ has a folder")).expect("docs/ can be written");
            fs::write(&path, &text).expect("docs/ can be written");
        } else if fs::read(&path).ok().as_deref() != Some(text.as_slice()) {
            stale.push(name);
        }
    }
    assert!(stale.is_empty(), "stale, run `cargo xtask generate`: {stale:?}");
}

/// Every generated file by its place below `docs/`.
fn files() -> BTreeMap<PathBuf, Vec<u8>> {
    let mut schema = serde_json::to_string_pretty(&reference::schema()).expect("a schema is JSON");
    schema.push('\n');
    let mut files = BTreeMap::from([
        ("config.md".into(), reference::page().into_bytes()),
        ("sekisho.example.toml".into(), reference::example().into_bytes()),
        ("sekisho.schema.json".into(), schema.into_bytes()),
        ("openapi.json".into(), sekisho_api::description().into_bytes()),
        ("metrics.md".into(), metrics::page().into_bytes()),
    ]);
    let mut command = cli::command().disable_help_subcommand(true);
    command.build();
    man_pages(&command, "sekisho", &mut files);
    for (shell, name) in [
        (Shell::Bash, "sekisho.bash"),
        (Shell::Zsh, "_sekisho"),
        (Shell::Fish, "sekisho.fish"),
    ] {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut cli::command(), "sekisho", &mut script);
        files.insert(Path::new("completions").join(name), script);
    }
    files
}

/// One page per command, `sekisho-queue-list.1` and so on.
fn man_pages(command: &clap::Command, name: &str, files: &mut BTreeMap<PathBuf, Vec<u8>>) {
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone())
        .date("")
        .render(&mut page)
        .expect("a page is written to memory");
    files.insert(Path::new("man").join(format!("{name}.1")), page);
    for inner in command.get_subcommands() {
        man_pages(inner, &format!("{name}-{}", inner.get_name()), files);
    }
}
