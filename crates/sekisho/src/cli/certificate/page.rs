//! `sekisho certificate page`: the certificate information page as text, to be looked through before it is served, or
//! mailed where no web listener is wanted.

use clap::{Args, ValueEnum};
use sekisho_api::{CertificatePage, path};

use crate::{
    certificate_page::{Language, Piece, RoleSheet, RowSheet, Sheet, TableSheet},
    cli::{
        CliError, Finding,
        door::Door,
        output::{Output, Tone},
    },
};

#[derive(Debug, Args)]
pub(in crate::cli) struct PageArgs {
    /// The language
    #[arg(long, value_enum, default_value_t = Lang::En)]
    lang: Lang,
    /// Prints JSON, as the page has it for programs
    #[arg(long, conflicts_with = "lang")]
    json: bool,
}

/// A language on the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Lang {
    /// English
    En,
    /// Japanese
    Ja,
}

pub(super) async fn run(args: PageArgs, door: &Door) -> Result<Finding, CliError> {
    let page: CertificatePage = door.fetch(path::CERTIFICATE_PAGE, &()).await?;
    let mut out = Output::open();
    let finding = if page.roles.is_empty() {
        Finding::Missing
    } else {
        Finding::Done
    };
    if args.json {
        out.json(&page)?;
        return Ok(finding);
    }
    let language = match args.lang {
        Lang::En => Language::English,
        Lang::Ja => Language::Japanese,
    };
    let sheet = Sheet::of(&page, language);
    let title = out.paint(Tone::Strong, &sheet.title);
    out.line(title)?;
    out.line(&sheet.intro)?;
    out.line(&sheet.as_of)?;
    if let Some(nothing) = &sheet.nothing {
        out.line(nothing)?;
    }
    for role in &sheet.roles {
        print_role(&mut out, role)?;
    }
    Ok(finding)
}

fn print_role(out: &mut Output, role: &RoleSheet) -> Result<(), CliError> {
    heading(out, &role.heading)?;
    for text in role.notes.iter().chain(&role.moves) {
        out.line(text)?;
    }
    heading(out, &role.steps_heading)?;
    for (place, step) in role.steps.iter().enumerate() {
        out.line(format_args!("{:>2}. {}", place + 1, step.text))?;
        if let Some(note) = &step.note {
            out.line(format_args!("    {note}"))?;
        }
        for (label, pieces) in &step.facts {
            print_pieces(out, &format!("    {label}: "), pieces)?;
        }
    }
    for table in role.tables.iter().chain(&role.endpoints) {
        print_table(out, table)?;
    }
    if !role.checks.is_empty() {
        heading(out, &role.checks_heading)?;
    }
    for check in &role.checks {
        out.line(format_args!("  {}", check.what))?;
        out.line(format_args!("    {}", check.command))?;
    }
    Ok(())
}

fn heading(out: &mut Output, text: &str) -> Result<(), CliError> {
    out.line("")?;
    let text = out.paint(Tone::Strong, text);
    Ok(out.line(text)?)
}

/// Row by row: what differs from column to column each behind what its column is called.
fn print_table(out: &mut Output, table: &TableSheet) -> Result<(), CliError> {
    heading(out, &table.caption)?;
    let columns = &table.columns[1..];
    for row in table.rows.iter().filter(|row| !is_of_files(row)) {
        match (&row.mark, row.cells.first()) {
            (None, Some(cell)) => print_pieces(out, &format!("  {}: ", row.label), cell)?,
            (None, None) => {}
            (Some(mark), _) => {
                out.line(format_args!("  {} [{mark}]", row.label))?;
                for (column, cell) in columns.iter().zip(&row.cells) {
                    print_pieces(out, &format!("    {column}: "), cell)?;
                }
            }
        }
    }
    Ok(())
}

/// A terminal has nothing to download.
fn is_of_files(row: &RowSheet) -> bool {
    let mut pieces = row.cells.iter().flatten();
    pieces.any(|piece| matches!(piece, Piece::Download(..)))
}

/// One behind the label; several below it.
fn print_pieces(out: &mut Output, label: &str, pieces: &[Piece]) -> Result<(), CliError> {
    match pieces {
        [] => out.line(label.trim_end_matches([' ', ':']))?,
        [only] => out.line(format_args!("{label}{only}"))?,
        several => {
            let indent = label.len() - label.trim_start().len() + 2;
            out.line(label.trim_end())?;
            for piece in several {
                out.line(format_args!("{:indent$}{piece}", ""))?;
            }
        }
    }
    Ok(())
}
