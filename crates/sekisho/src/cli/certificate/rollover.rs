//! `sekisho certificate rollover`: the roll-over of a role to a new key, step by step.

use std::io;

use clap::{Args, Subcommand};
use sekisho_api::{
    RolloverDone, RolloverLetter, RolloverLetterQuery, RolloverList, RolloverOrder, RolloverQuery, RolloverStart,
    RolloverView, path,
};
use sekisho_mail::Timestamp;

use crate::{
    cli::{
        CliError, Finding,
        door::Door,
        output::{Listing, Output, Tone},
        text,
    },
    clock,
    telemetry::escaped,
};

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum RolloverCommand {
    /// Begins a roll-over: makes the next key and a request for its certificate, and looks at the TLSA records
    Start(StartArgs),
    /// Lists roll-overs, or shows one: its steps, the records to publish or withdraw, and what it waits for
    Show(ShowArgs),
    /// Looks at once, ends a hold, and goes on where it waits for you: partners were told, a step is accepted unseen
    Next(NextArgs),
    /// Goes one step back and holds it there; behind the switch the old certificate is presented again
    Back(OrderArgs),
    /// Forgets a roll-over before its switch, its keys with it
    Cancel(OrderArgs),
    /// Writes the message for partners who pin the key
    Letter(LetterArgs),
}

/// Which role.
#[derive(Debug, Args)]
struct RoleArgs {
    /// The role: mx, or acme/mx of another organization
    role: String,
    /// Whose it is
    #[arg(long, default_value = "default", value_name = "NAME")]
    organization: String,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct StartArgs {
    #[command(flatten)]
    role: RoleArgs,
    /// Which key alone: ecdsa-p256, ecdsa-p384, rsa-2048, rsa-3072, rsa-4096 [default: those of the role, one each]
    #[arg(long, value_name = "TYPE")]
    key_type: Option<String>,
    /// From when on the next certificate is to be presented: 2026-12-01T18:00, or "2h" for in two hours [default: as
    /// soon as all is ready]
    #[arg(long, value_name = "TIME", value_parser = text::parse_coming)]
    at: Option<Timestamp>,
    /// Ports of which TLSA records are looked at; at the first the certificate is proved
    #[arg(long, value_name = "PORT", default_value = "25", value_delimiter = ',')]
    port: Vec<u16>,
    /// Name servers to ask instead of those of the zone, where these have no public address
    #[arg(long, value_name = "ADDRESS", value_delimiter = ',')]
    name_server: Vec<String>,
    /// Why, for the history
    #[arg(long, default_value = "", hide_default_value = true, value_name = "TEXT")]
    why: String,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ShowArgs {
    /// The role; all roll-overs where none is named
    role: Option<String>,
    /// Those of this organization
    #[arg(long, value_name = "NAME")]
    organization: Option<String>,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct OrderArgs {
    #[command(flatten)]
    role: RoleArgs,
    /// Why, for the history
    #[arg(long, default_value = "", hide_default_value = true, value_name = "TEXT")]
    why: String,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct NextArgs {
    #[command(flatten)]
    order: OrderArgs,
    /// Passes this step although it could not be seen from here: records, prove or withdraw; --why says why
    #[arg(long, requires = "why", value_name = "STEP")]
    accept: Option<String>,
    /// Says that partners who pin the key were told
    #[arg(long)]
    told: bool,
    /// Name servers to ask from now on instead of those of the zone
    #[arg(long, value_name = "ADDRESS", value_delimiter = ',')]
    name_server: Vec<String>,
    /// From when on the next certificate is to be presented
    #[arg(long, value_name = "TIME", value_parser = text::parse_coming)]
    at: Option<Timestamp>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct LetterArgs {
    #[command(flatten)]
    role: RoleArgs,
    /// In which language: en or ja
    #[arg(long, default_value = "en", value_name = "LANGUAGE")]
    lang: String,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(command: RolloverCommand, door: &Door) -> Result<Finding, CliError> {
    match command {
        RolloverCommand::Start(args) => start(args, door).await,
        RolloverCommand::Show(args) => show(args, door).await,
        RolloverCommand::Next(args) => {
            let order = RolloverOrder {
                accept: args.accept.clone(),
                told: args.told,
                at: args.at,
                name_servers: args.name_server.clone(),
                ..args.order.order()
            };
            args.order.give(path::ROLLOVER_NEXT, &order, door).await
        }
        RolloverCommand::Back(args) => args.give(path::ROLLOVER_BACK, &args.order(), door).await,
        RolloverCommand::Cancel(args) => args.give(path::ROLLOVER_CANCEL, &args.order(), door).await,
        RolloverCommand::Letter(args) => letter(args, door).await,
    }
}

impl OrderArgs {
    fn order(&self) -> RolloverOrder {
        RolloverOrder {
            organization: self.role.organization.clone(),
            role: self.role.role.clone(),
            why: self.why.clone(),
            ..RolloverOrder::default()
        }
    }

    async fn give(&self, path: &str, order: &RolloverOrder, door: &Door) -> Result<Finding, CliError> {
        let done: RolloverDone = door.order(path, order).await?;
        report(&done, self.json)
    }
}

async fn start(args: StartArgs, door: &Door) -> Result<Finding, CliError> {
    let order = RolloverStart {
        organization: args.role.organization,
        role: args.role.role,
        key_type: args.key_type,
        at: args.at,
        ports: args.port,
        name_servers: args.name_server,
        why: args.why,
    };
    let done: RolloverDone = door.order(path::ROLLOVER_START, &order).await?;
    report(&done, args.json)
}

fn report(done: &RolloverDone, json: bool) -> Result<Finding, CliError> {
    let mut out = Output::open();
    if json {
        out.json(done)?;
        return Ok(Finding::Done);
    }
    out.line(escaped(&done.words))?;
    if let Some(rollover) = &done.rollover {
        out.line("")?;
        print(&mut out, rollover, clock::now())?;
    }
    Ok(Finding::Done)
}

async fn show(args: ShowArgs, door: &Door) -> Result<Finding, CliError> {
    let is_one = args.role.is_some();
    let query = RolloverQuery {
        organization: args.organization,
        role: args.role,
    };
    let list: RolloverList = door.fetch(path::ROLLOVERS, &query).await?;
    let now = clock::now();
    if is_one {
        let mut out = Output::open();
        for rollover in &list.rollovers {
            if args.json {
                out.json(rollover)?;
            } else {
                print(&mut out, rollover, now)?;
            }
        }
        return Ok(Finding::Done);
    }
    let mut listing = Listing::open(args.json, &["role", "step", "since", "waits for"]);
    for rollover in &list.rollovers {
        let row = || {
            let waits = rollover.held_by.as_ref().map(|by| format!("held by {by}"));
            let waits = waits.or_else(|| rollover.wait.as_ref().map(|wait| wait.turn.clone()));
            [
                rollover.key(),
                rollover.step.clone(),
                text::relative(rollover.since, now),
                waits.unwrap_or_default(),
            ]
            .map(|cell| escaped(&cell).to_string())
        };
        listing.item(rollover, row)?;
    }
    listing.end()
}

fn print(out: &mut Output, rollover: &RolloverView, now: Timestamp) -> io::Result<()> {
    let title = format!("roll-over of {}, at its step {}", rollover.key(), rollover.step);
    out.line(out.paint(Tone::Strong, escaped(&title)))?;
    if let Some(at) = rollover.switch_at {
        out.line(format_args!(
            "switch at {} ({})",
            text::local(at),
            text::relative(at, now)
        ))?;
    }
    out.line("")?;
    for step in &rollover.steps {
        let (mark, tone) = match step.state.as_str() {
            "done" => ("+", Tone::Good),
            "accepted" => ("!", Tone::Warning),
            "skipped" => ("-", Tone::Faint),
            "current" => (">", Tone::Strong),
            _ => (" ", Tone::Faint),
        };
        let what = if step.text.is_empty() {
            String::new()
        } else {
            format!(": {}", step.text)
        };
        let line = format!("{mark} {:<9} {}{what}", step.step, step.title);
        out.line(out.paint(tone, escaped(line.trim_end())))?;
    }
    waiting(out, rollover, now)?;
    records(out, rollover)?;
    let awaited = rollover
        .keys
        .iter()
        .filter_map(|key| Some((key, key.request.as_ref()?)));
    for (key, request) in awaited {
        out.line("")?;
        out.line(format_args!(
            "the request of {} ({}):",
            escaped(&key.id),
            escaped(&key.key_type)
        ))?;
        out.line(request.trim_end())?;
    }
    Ok(())
}

fn waiting(out: &mut Output, rollover: &RolloverView, now: Timestamp) -> io::Result<()> {
    if !rollover.sights.is_empty() {
        out.line("")?;
        let when = rollover
            .looked_at
            .map_or_else(String::new, |at| format!(" {}", text::relative(at, now)));
        out.line(format_args!("what was seen{when}:"))?;
    }
    for sight in &rollover.sights {
        let (mark, tone) = if sight.is_well {
            ("well", Tone::Good)
        } else {
            ("not ", Tone::Warning)
        };
        let line = format!("  {mark} {}", sight.text);
        out.line(out.paint(tone, escaped(&line)))?;
    }
    if let Some(by) = &rollover.held_by {
        out.line("")?;
        let line = format!(
            "held by {by}; it goes on with: sekisho certificate rollover next {}",
            rollover.key()
        );
        return out.line(out.paint(Tone::Warning, escaped(&line)));
    }
    let Some(wait) = &rollover.wait else { return Ok(()) };
    out.line("")?;
    let until = wait
        .until
        .map(|at| format!(" (until {}, {})", text::local(at), text::relative(at, now)));
    let whose = match wait.turn.as_str() {
        "operator" => "your turn",
        "time" => "waiting",
        _ => "waiting, tried again by itself",
    };
    let line = format!("{whose}: {}{}", wait.text, until.unwrap_or_default());
    out.line(out.paint(Tone::Warning, escaped(&line)))
}

/// As a zone file has them, so that they can be copied.
fn records(out: &mut Output, rollover: &RolloverView) -> io::Result<()> {
    for (action, title) in [
        ("publish", "to be published beside what is there"),
        ("withdraw", "to be withdrawn"),
        ("keep", "stays"),
    ] {
        let mut of_action = rollover
            .records
            .iter()
            .filter(|record| record.action == action)
            .peekable();
        if of_action.peek().is_none() {
            continue;
        }
        out.line("")?;
        out.line(format_args!("{title}:"))?;
        for record in of_action {
            let line = format!("{}. {} IN TLSA {}", record.name, record.ttl, record.data);
            out.line(escaped(&line))?;
        }
    }
    Ok(())
}

async fn letter(args: LetterArgs, door: &Door) -> Result<Finding, CliError> {
    let query = RolloverLetterQuery {
        organization: Some(args.role.organization),
        role: args.role.role,
        language: Some(args.lang),
    };
    let letter: RolloverLetter = door.fetch(path::ROLLOVER_LETTER, &query).await?;
    let mut out = Output::open();
    if args.json {
        out.json(&letter)?;
        return Ok(Finding::Done);
    }
    for partner in &letter.partners {
        out.line(format_args!("# for {}", escaped(partner)))?;
    }
    out.line(format_args!("Subject: {}", escaped(&letter.subject)))?;
    out.line("")?;
    for line in letter.text.lines() {
        out.line(escaped(line))?;
    }
    Ok(Finding::Done)
}
