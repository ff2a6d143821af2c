//! `limbo FILE [EXPLANATIONS]`: certificate vectors in the format of C2SP x509-limbo against the verifier that
//! connectors use. Prints what was expected and found of each, and ends with 1 when a difference is not explained.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command")]

mod vectors;

use std::{env, fs, process::ExitCode, time::SystemTime};

use sekisho_mail::Timestamp;
use vectors::{Expected, Explanations, Row, Standing, judge};

const EXPLAINED: &str = include_str!("explained.txt");

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

/// Whether every difference is explained.
fn run() -> Result<bool, String> {
    let mut arguments = env::args().skip(1);
    let file = arguments.next().ok_or("usage: limbo FILE [EXPLANATIONS]")?;
    let read = |path: &str| fs::read_to_string(path).map_err(|error| format!("{path}: {error}"));
    let explained = match arguments.next() {
        Some(path) => read(&path)?,
        None => EXPLAINED.to_owned(),
    };
    let since_1970 = SystemTime::UNIX_EPOCH.elapsed().map_err(|error| error.to_string())?;
    let now = Timestamp::EPOCH.plus(since_1970);
    let rows = judge(&read(&file)?, &Explanations::parse(&explained)?, now)?;
    rows.iter().for_each(print);
    let count = |is_it: fn(&Standing) -> bool| rows.iter().filter(|row| is_it(&row.standing)).count();
    let differing = count(|standing| *standing == Standing::Differs);
    println!(
        "{} vectors: {} as expected, {} explained, {} left out, {differing} differ",
        rows.len(),
        count(|standing| *standing == Standing::AsExpected),
        count(|standing| matches!(standing, Standing::Explained(_))),
        count(|standing| matches!(standing, Standing::LeftOut(_))),
    );
    Ok(differing == 0)
}

fn print(row: &Row) {
    let expected = match row.expected {
        Expected::Success => "success",
        Expected::Failure => "failure",
    };
    let (mark, reason) = match &row.standing {
        Standing::AsExpected => ("ok", ""),
        Standing::Explained(reason) => ("explained", reason.as_str()),
        Standing::Differs => ("DIFFERS", ""),
        Standing::LeftOut(reason) => ("left out", *reason),
    };
    println!("{mark}\t{}\texpected {expected}\t{:?}\t{reason}", row.id, row.why);
}
