//! What other mail systems say, as documents and notes, through the real binary: one folder a case under
//! `tests/import`, `exchange-…` with JSON and `postfix-…` with main.cf. `UPDATE_GENERATED=1` writes what is expected,
//! to be read before it is committed.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/import");
    let mut cases: Vec<PathBuf> = fs::read_dir(folder)
        .expect("the cases are there")
        .map(|case| case.expect("a folder can be listed").path())
        .collect();
    cases.sort();
    cases
}

fn command(case: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sekisho"));
    command.current_dir(case).args(["import"]);
    if case.join("main.cf").is_file() {
        command.args(["postfix", "."]);
    } else {
        let files = fs::read_dir(case).expect("a folder can be listed").flatten();
        let mut files: Vec<PathBuf> = files.map(|file| PathBuf::from(file.file_name())).collect();
        files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
        files.sort();
        command.arg("exchange").args(files);
    }
    command
}

#[test]
fn documents_and_notes_are_those_that_were_read() {
    let write = std::env::var_os("UPDATE_GENERATED").is_some_and(|value| value == "1");
    let cases = cases();
    assert!(cases.len() >= 6, "only {} cases were found", cases.len());
    for case in cases {
        let output = command(&case).arg("--text").output().expect("the binary starts");
        let shown = String::from_utf8(output.stdout).expect("text is UTF-8");
        let code = output.status.code();
        let is_faulty = shown.contains("# cannot be carried over:");
        assert_eq!(code, Some(if is_faulty { 4 } else { 0 }), "{}", case.display());
        let expected = case.join("expected");
        if write {
            fs::write(&expected, &shown).expect("the case can be written");
        }
        assert_eq!(
            shown,
            fs::read_to_string(&expected).unwrap_or_default(),
            "{}",
            case.display()
        );
    }
}

#[test]
fn a_folder_without_main_cf_and_a_file_that_is_not_there_are_named() {
    for arguments in [&["postfix", "nowhere"][..], &["exchange", "nowhere.json"]] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sekisho"));
        let output = command
            .arg("import")
            .args(arguments)
            .arg("--text")
            .output()
            .expect("the binary starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("nowhere") && said.contains("cannot be read"), "{said}");
        assert_eq!(output.status.code(), Some(1));
    }
}
