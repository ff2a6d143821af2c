//! `sekisho queue`: looks at the queue and gives orders for what is in it. Lists go through the API page by page, so
//! that a queue of any length needs no memory.

use std::{
    io::{self, IsTerminal as _},
    pin::Pin,
};

use clap::{Args, Subcommand};
use http_body_util::BodyExt as _;
use indicatif::{ProgressBar, ProgressStyle};
use sekisho_api::{
    ActionResult, Bounce, Hold, MAX_PAGE, MessageView, Part, QueueCount, QueueFilter, QueuePage, QueueQuery,
    QueuedMessage, Redirect, Release, Retry, Selection, Shape, ShapeQuery, path,
};
use sekisho_mail::MessageId;

use super::{
    CliError, Finding,
    door::Door,
    output::{Output, Tone},
    text, trace,
};
use crate::{clock, config::human, telemetry::escaped};

/// Lines of the queue in one part of an order: few enough that a bar moves and an interruption is soon obeyed.
const PART_LEN: usize = 1000;

#[derive(Debug, Subcommand)]
pub(super) enum QueueCommand {
    /// Lists what is queued, oldest first
    List(ListArgs),
    /// Shows everything about one message
    Show(ShowArgs),
    /// Stops attempts until released
    Hold(WhichArgs),
    /// Undoes a hold
    Release(WhichArgs),
    /// Tries now
    Retry(WhichArgs),
    /// Gives up and tells the sender
    Bounce(BounceArgs),
    /// Sends what is undone of a message to another address
    Redirect(RedirectArgs),
    /// Shows the queue by age and destination
    Shape(ShapeArgs),
}

#[derive(Debug, Args)]
struct FilterArgs {
    /// At least this old: 30m, 4h, 2d
    #[arg(long, value_name = "AGE", value_parser = text::parse_secs)]
    older_than: Option<u64>,
    /// At most this old
    #[arg(long, value_name = "AGE", value_parser = text::parse_secs)]
    younger_than: Option<u64>,
    /// To this domain, or *.domain for everything below it
    #[arg(long, value_name = "DOMAIN", value_parser = text::parse_destination)]
    destination: Option<String>,
    /// From this sender: an address, @domain, or <>
    #[arg(long, value_name = "ADDRESS", value_parser = text::parse_sought)]
    sender: Option<String>,
    /// Whose last fault holds this text
    #[arg(long, value_name = "TEXT")]
    error: Option<String>,
    /// Held (true) or not (false)
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    held: Option<bool>,
}

impl QueueCommand {
    /// Reads the ids of an order, from standard input too.
    pub(super) fn read_ids(&mut self) -> Result<(), CliError> {
        let which = match self {
            Self::Hold(which) | Self::Release(which) | Self::Retry(which) => which,
            Self::Bounce(bounce) => &mut bounce.which,
            Self::List(_) | Self::Show(_) | Self::Redirect(_) | Self::Shape(_) => return Ok(()),
        };
        which.read = text::ids(&which.ids)?;
        Ok(())
    }
}

impl FilterArgs {
    fn filter(&self) -> QueueFilter {
        QueueFilter {
            older_than_secs: self.older_than,
            younger_than_secs: self.younger_than,
            destination: self.destination.clone(),
            sender: self.sender.clone(),
            error: self.error.clone(),
            held: self.held,
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct ListArgs {
    #[command(flatten)]
    filter: FilterArgs,
    /// Prints JSON, one object a line
    #[arg(long)]
    json: bool,
    /// Prints ids alone, one a line, for another command's `-`
    #[arg(long, conflicts_with = "json")]
    ids: bool,
}

#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    /// The queue id
    id: MessageId,
    /// Prints the content instead, octet for octet (escaped on a terminal)
    #[arg(long)]
    body: bool,
    /// Shows the whole conversation of each attempt, without content
    #[arg(long)]
    conversation: bool,
    /// Prints JSON
    #[arg(long, conflicts_with = "body")]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct WhichArgs {
    /// Queue ids; `-` reads them from standard input, one a line
    #[arg(value_name = "ID")]
    ids: Vec<String>,
    /// Those ids, read.
    #[arg(skip)]
    read: Vec<MessageId>,
    #[command(flatten)]
    filter: FilterArgs,
    /// The whole queue
    #[arg(long, conflicts_with = "ids")]
    all: bool,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct BounceArgs {
    #[command(flatten)]
    which: WhichArgs,
    /// What the sender is told
    #[arg(
        long,
        default_value = "the operator of this server gave the message up",
        value_name = "TEXT"
    )]
    why: String,
}

#[derive(Debug, Args)]
pub(super) struct RedirectArgs {
    /// The queue id
    id: MessageId,
    /// The new address
    to: String,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct ShapeArgs {
    /// Destinations at most
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(command: QueueCommand, door: &Door) -> Result<Finding, CliError> {
    match command {
        QueueCommand::List(args) => list(args, door).await,
        QueueCommand::Show(args) => show(args, door).await,
        QueueCommand::Hold(args) => act(&args, door, path::QUEUE_HOLD, |which| Hold { which }).await,
        QueueCommand::Release(args) => act(&args, door, path::QUEUE_RELEASE, |which| Release { which }).await,
        QueueCommand::Retry(args) => act(&args, door, path::QUEUE_RETRY, |which| Retry { which }).await,
        QueueCommand::Bounce(args) => {
            let why = args.why;
            act(&args.which, door, path::QUEUE_BOUNCE, |which| Bounce {
                which,
                why: why.clone(),
            })
            .await
        }
        QueueCommand::Redirect(args) => redirect(args, door).await,
        QueueCommand::Shape(args) => shape(args, door).await,
    }
}

async fn list(args: ListArgs, door: &Door) -> Result<Finding, CliError> {
    let mut query = QueueQuery {
        limit: Some(MAX_PAGE),
        ..QueueQuery::first(&args.filter.filter())
    };
    let mut out = Output::open();
    let mut finding = Finding::Missing;
    let now = clock::now();
    loop {
        let page: QueuePage = door.fetch(path::QUEUE, &query).await?;
        if !page.messages.is_empty() && finding == Finding::Missing {
            finding = Finding::Done;
            if !args.json && !args.ids {
                let header = format!(
                    "{:<13}  {:>7} {:>9}  {:<9} {}",
                    "id", "age", "size", "next", "from, to, last fault"
                );
                let header = out.paint(Tone::Faint, header);
                out.line(header)?;
            }
        }
        for message in &page.messages {
            if args.json {
                out.json(message)?;
            } else if args.ids {
                out.line(message.id)?;
            } else {
                list_row(&mut out, message, now)?;
            }
        }
        match page.next {
            Some(next) => query.after = Some(next),
            None => return Ok(finding),
        }
    }
}

fn list_row(out: &mut Output, message: &QueuedMessage, now: sekisho_mail::Timestamp) -> io::Result<()> {
    let next = if message.held {
        out.paint(Tone::Warning, "held     ")
    } else if message.in_flight {
        out.paint(Tone::Good, "in flight")
    } else {
        format!("{:<9}", text::relative(message.next_attempt, now))
    };
    let age = human::duration(now.since(message.arrived));
    let age = age.split(' ').next().unwrap_or_default();
    let others = message.recipients.len().saturating_sub(1);
    let more = if others == 0 {
        String::new()
    } else {
        format!(" and {others} more")
    };
    let first = message.recipients.first().map_or("", String::as_str);
    let (sender, first) = (escaped(&message.sender), escaped(first));
    out.line(format_args!(
        "{}  {age:>7} {:>9}  {next} {sender} → {first}{more}",
        message.id,
        human::size(message.size)
    ))?;
    if let Some(fault) = &message.last_fault {
        let fault = out.paint(Tone::Faint, escaped(fault));
        out.line(format_args!("{:<15}{fault}", ""))?;
    }
    Ok(())
}

async fn show(args: ShowArgs, door: &Door) -> Result<Finding, CliError> {
    let id = args.id.to_string();
    if args.body {
        return show_body(&path::MESSAGE_BODY.replace("{id}", &id), door).await;
    }
    let message: MessageView = door.fetch(&path::MESSAGE.replace("{id}", &id), &()).await?;
    let mut out = Output::open();
    if args.json {
        out.json(&message)?;
        return Ok(Finding::Done);
    }
    let now = clock::now();
    for row in &message.rows {
        list_row(&mut out, row, now)?;
    }
    let arrival = &message.arrival;
    out.line(format_args!(
        "  came {} by listener {}",
        text::local(arrival.at),
        escaped(&arrival.listener)
    ))?;
    if let Some(ordered) = &message.ordered {
        out.line(format_args!("  ordered: {}", escaped(ordered)))?;
    }
    for recipient in &message.recipients {
        let late = if recipient.delay_notified {
            ", sender told of the delay"
        } else {
            ""
        };
        let refused = if recipient.refused {
            ", refused for good by the next hop, and nobody told"
        } else {
            ""
        };
        let address = escaped(&recipient.address);
        out.line(format_args!(
            "  {address}: {} attempts{late}{refused}",
            recipient.attempts
        ))?;
        for demand in &recipient.carried {
            out.line(format_args!("    carries: {}", escaped(demand)))?;
        }
    }
    message
        .attempts
        .iter()
        .try_for_each(|attempt| trace::show_attempt(&mut out, attempt, args.conversation))?;
    Ok(Finding::Done)
}

/// Content goes to a file as it is; a terminal sees it escaped line by line.
async fn show_body(path: &str, door: &Door) -> Result<Finding, CliError> {
    let mut content = door.fetch_content(path).await?;
    let mut out = Output::open();
    while let Some(frame) = content.frame().await {
        let frame = frame.map_err(|error| CliError::Failed(format!("the content broke off: {error}")))?;
        let Ok(octets) = frame.into_data() else { continue };
        if Output::is_terminal() {
            for line in octets.split_inclusive(|octet| *octet == b'\n') {
                let line = String::from_utf8_lossy(line);
                out.line(escaped(line.trim_end_matches(['\r', '\n'])))?;
            }
        } else {
            out.octets(&octets)?;
        }
    }
    Ok(Finding::Done)
}

/// Gives an order part by part, so that it is known at any time how far it has come.
async fn act<T: serde::Serialize>(
    args: &WhichArgs,
    door: &Door,
    path: &str,
    order: impl Fn(Selection) -> T,
) -> Result<Finding, CliError> {
    let filter = args.filter.filter();
    let filtered = filter != QueueFilter::default();
    if args.ids.is_empty() && !filtered && !args.all {
        return Err(CliError::Usage(
            "name messages by id, by a filter, or with --all".to_owned(),
        ));
    }
    if !args.ids.is_empty() && filtered {
        return Err(CliError::Usage("name messages either by id or by a filter".to_owned()));
    }
    let mut giving = Giving {
        door,
        path,
        total: ActionResult::default(),
        interrupt: Some(Box::pin(tokio::signal::ctrl_c())),
        progress: ProgressBar::hidden(),
    };
    let given = if args.ids.is_empty() {
        giving.by_filter(filter, order).await
    } else {
        giving.by_ids(&args.read, order).await
    };
    giving.progress.finish_and_clear();
    let total = giving.total;
    match given {
        Ok(()) => report(&total, args.json),
        Err(CliError::Interrupted) => {
            report(&total, args.json)?;
            Err(CliError::Interrupted)
        }
        Err(why) if total.found > 0 => Err(CliError::BrokenOff {
            why: Box::new(why),
            changed: total.changed,
            unsure: PART_LEN,
        }),
        Err(why) => Err(why),
    }
}

/// An order on its way.
struct Giving<'a> {
    door: &'a Door,
    path: &'a str,
    total: ActionResult,
    /// Ends when the user has enough; `None` when he has.
    interrupt: Option<Pin<Box<dyn Future<Output = io::Result<()>> + 'a>>>,
    progress: ProgressBar,
}

impl Giving<'_> {
    async fn by_ids<T: serde::Serialize>(
        &mut self,
        ids: &[MessageId],
        order: impl Fn(Selection) -> T,
    ) -> Result<(), CliError> {
        self.show_progress(ids.len() as u64);
        for piece in ids.chunks(PART_LEN) {
            self.give(&order(Selection::Ids(piece.to_vec()))).await?;
            self.progress.inc(piece.len() as u64);
        }
        Ok(())
    }

    async fn by_filter<T: serde::Serialize>(
        &mut self,
        filter: QueueFilter,
        order: impl Fn(Selection) -> T,
    ) -> Result<(), CliError> {
        // Counting takes a while, and is for the bar alone.
        if io::stderr().is_terminal() {
            let count: QueueCount = self.door.fetch(path::QUEUE_COUNT, &filter).await?;
            self.show_progress(count.messages);
        }
        let at = Some(clock::now());
        loop {
            let part = Part {
                filter: filter.clone(),
                after: self.total.next,
                at,
                limit: u32::try_from(PART_LEN).unwrap_or(u32::MAX),
            };
            self.give(&order(Selection::Part(part))).await?;
            self.progress.set_position(self.total.found);
            if self.total.next.is_none() {
                return Ok(());
            }
        }
    }

    /// One part. What was begun is waited for, interrupted or not: otherwise nobody could say what it came to.
    async fn give(&mut self, order: &impl serde::Serialize) -> Result<(), CliError> {
        let Some(mut interrupt) = self.interrupt.take() else {
            return Err(CliError::Interrupted);
        };
        let given = self.door.order::<ActionResult>(self.path, order);
        tokio::pin!(given);
        let answer = tokio::select! {
            biased;
            answer = &mut given => {
                self.interrupt = Some(interrupt);
                answer
            }
            _ = &mut interrupt => given.await,
        };
        let answer = answer?;
        self.total.found += answer.found;
        self.total.changed += answer.changed;
        self.total.in_flight += answer.in_flight;
        self.total.missing.extend(answer.missing);
        self.total.next = answer.next;
        Ok(())
    }

    /// On a terminal alone, and only where it takes more than one request.
    fn show_progress(&mut self, messages: u64) {
        if messages <= PART_LEN as u64 {
            return;
        }
        // Draws on standard error, and nothing at all where that is no terminal.
        let style = ProgressStyle::with_template("{bar:40} {pos}/{len} messages");
        let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
        self.progress = ProgressBar::new(messages).with_style(style);
        self.progress.tick();
    }
}

fn report(result: &ActionResult, json: bool) -> Result<Finding, CliError> {
    let mut out = Output::open();
    if json {
        out.json(result)?;
    } else {
        out.line(format_args!("{} changed", result.changed))?;
        if result.in_flight > 0 {
            out.line(format_args!(
                "{} in flight: it takes effect when the attempt has ended",
                result.in_flight
            ))?;
        }
        for id in &result.missing {
            out.line(format_args!("{id} is not in the queue"))?;
        }
    }
    let touched = result.changed > 0 || result.in_flight > 0;
    Ok(if touched && result.missing.is_empty() {
        Finding::Done
    } else {
        Finding::Missing
    })
}

async fn redirect(args: RedirectArgs, door: &Door) -> Result<Finding, CliError> {
    let path = path::MESSAGE_REDIRECT.replace("{id}", &args.id.to_string());
    let result: ActionResult = door.order(&path, &Redirect { to: args.to }).await?;
    report(&result, args.json)
}

async fn shape(args: ShapeArgs, door: &Door) -> Result<Finding, CliError> {
    let shape: Shape = door
        .fetch(
            path::QUEUE_SHAPE,
            &ShapeQuery {
                limit: Some(args.limit),
            },
        )
        .await?;
    let mut out = Output::open();
    if args.json {
        out.json(&shape)?;
        return Ok(if shape.rows.is_empty() {
            Finding::Missing
        } else {
            Finding::Done
        });
    }
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    let mut header = vec!["destination".to_owned(), "all".to_owned()];
    header.extend(shape.ages_minutes.iter().map(|minutes| format!("<{minutes}m")));
    header.push("older".to_owned());
    table.set_header(header);
    for row in &shape.rows {
        let mut cells = vec![escaped(&row.destination).to_string(), row.total.to_string()];
        cells.extend(row.by_age.iter().map(|count| {
            if *count == 0 {
                "·".to_owned()
            } else {
                count.to_string()
            }
        }));
        table.add_row(cells);
    }
    if shape.rows.is_empty() {
        return Ok(Finding::Missing);
    }
    out.line(table)?;
    Ok(Finding::Done)
}
