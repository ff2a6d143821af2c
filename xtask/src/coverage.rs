//! `cargo xtask fuzz coverage`: how much of each parser its target has reached. The tests that replay the seeds are
//! built with Rust's own instrumentation and replay what the fuzzer has collected, too; LLVM's tools say which lines
//! and regions of the parser's files were run.

use std::{fs, path::PathBuf, process::Command};

use serde_json::Value;

use crate::command::{cargo, output, run, say, target_dir, workspace_root};

/// The files that a target is about, below `crates/`.
const PARSERS: &[(&str, &[&str])] = &[
    (
        "address",
        &["sekisho-mail/src/mailbox.rs", "sekisho-smtp/src/wire/path.rs"],
    ),
    (
        "certificate",
        &[
            "sekisho-tls/src/identity.rs",
            "sekisho-tls/src/chain.rs",
            "sekisho-tls/src/der.rs",
        ],
    ),
    ("client_hello", &["sekisho-tls/src/client_hello.rs"]),
    (
        "client_session",
        &[
            "sekisho-smtp/src/client/session.rs",
            "sekisho-smtp/src/client/transaction.rs",
        ],
    ),
    (
        "command",
        &["sekisho-smtp/src/wire/command.rs", "sekisho-smtp/src/wire/params.rs"],
    ),
    (
        "configuration",
        &[
            "sekisho/src/config/document.rs",
            "sekisho/src/config/place.rs",
            "sekisho/src/config/route.rs",
        ],
    ),
    ("content", &["sekisho-smtp/src/wire/content.rs"]),
    ("document", &["sekisho-mail/src/envelope.rs", "sekisho-mail/src/id.rs"]),
    (
        "domain",
        &["sekisho-mail/src/domain.rs", "sekisho-mail/src/requirement.rs"],
    ),
    ("header", &["sekisho/src/inbound/header_scan.rs"]),
    ("line", &["sekisho-smtp/src/wire/line.rs"]),
    (
        "notice",
        &[
            "sekisho/src/notify/message.rs",
            "sekisho/src/notify/status.rs",
            "sekisho/src/notify/ascii.rs",
        ],
    ),
    (
        "reply",
        &[
            "sekisho-smtp/src/wire/reply_reader.rs",
            "sekisho-smtp/src/wire/ehlo_reply.rs",
        ],
    ),
    (
        "request",
        &[
            "sekisho-api/src/queue.rs",
            "sekisho-api/src/trace.rs",
            "sekisho-api/src/action.rs",
        ],
    ),
    (
        "server_session",
        &["sekisho-smtp/src/server/session.rs", "sekisho-smtp/src/server/phase.rs"],
    ),
    (
        "shown",
        &[
            "sekisho/src/telemetry/escape.rs",
            "sekisho/src/telemetry/maillog/fields.rs",
        ],
    ),
    (
        "units",
        &["sekisho/src/config/human.rs", "sekisho-policy/src/network.rs"],
    ),
    ("xtext", &["sekisho-mail/src/xtext.rs"]),
];

/// Prints a line for each target.
///
/// # Errors
/// When LLVM's tools are missing, the tests cannot be built, or one of them fails.
pub(crate) fn report() -> Result<(), String> {
    let tools = tools()?;
    let folder = target_dir().join("coverage");
    let profiles = folder.join("profiles");
    fs::create_dir_all(&profiles).map_err(|fault| format!("cannot make {}: {fault}", profiles.display()))?;
    let binary = build(&folder)?;
    say("target           lines            regions");
    for (target, files) in PARSERS {
        let (raw, merged) = (
            profiles.join(format!("{target}.profraw")),
            profiles.join(format!("{target}.profdata")),
        );
        run(Command::new(&binary)
            .current_dir(workspace_root().join("crates/sekisho"))
            .env("SEKISHO_FUZZ_CORPUS", target_dir().join("fuzz/corpus"))
            .env("LLVM_PROFILE_FILE", &raw)
            .args(["--quiet", "--exact", &format!("replay::{target}")]))?;
        run(Command::new(tools.join("llvm-profdata"))
            .args(["merge", "--sparse", "-o"])
            .arg(&merged)
            .arg(&raw))?;
        let mut export = Command::new(tools.join("llvm-cov"));
        export
            .args(["export", "--summary-only", "--instr-profile"])
            .arg(&merged)
            .arg(&binary);
        export.args(files.iter().map(|file| workspace_root().join("crates").join(file)));
        let totals = output(&mut export)?;
        let totals: Value = serde_json::from_str(&totals).map_err(|fault| format!("llvm-cov: {fault}"))?;
        let totals = &totals["data"][0]["totals"];
        let share = |what: &str| format!("{} of {}", totals[what]["covered"], totals[what]["count"]);
        say(&format!("{target:<16} {:<16} {}", share("lines"), share("regions")));
    }
    Ok(())
}

/// Where `llvm-profdata` and `llvm-cov` are that read the format of this compiler.
fn tools() -> Result<PathBuf, String> {
    let sysroot = output(Command::new("rustc").args(["--print", "sysroot"]))?;
    let host = output(Command::new("rustc").args(["--print", "host-tuple"]))?;
    let folder = PathBuf::from(sysroot.trim())
        .join("lib/rustlib")
        .join(host.trim())
        .join("bin");
    if folder.join("llvm-cov").is_file() {
        Ok(folder)
    } else {
        Err("LLVM's tools are missing: `rustup component add llvm-tools`".to_owned())
    }
}

/// Builds the tests that replay the seeds; gives their program.
fn build(folder: &std::path::Path) -> Result<PathBuf, String> {
    let mut command = cargo();
    command
        .env("RUSTFLAGS", "-Cinstrument-coverage")
        .arg("test")
        .arg("--target-dir")
        .arg(folder);
    command.args([
        "--no-run",
        "--quiet",
        "--package",
        "sekisho",
        "--test",
        "seeds",
        "--message-format",
        "json",
    ]);
    let messages = output(&mut command)?;
    let programs = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let is_ours = |message: &Value| message["target"]["name"] == "seeds";
    let mut ours = programs
        .filter(is_ours)
        .filter_map(|message| message["executable"].as_str().map(PathBuf::from));
    ours.next()
        .ok_or_else(|| "cargo built no program that replays the seeds".to_owned())
}
