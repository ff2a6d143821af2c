//! `sekisho send`: a test message, judged like any other.

use clap::Args;
use sekisho_api::{Submission, Submitted, path};

use super::{CliError, Finding, door::Door, output::Output};

#[derive(Debug, Args)]
pub(super) struct SendArgs {
    /// Recipients' addresses
    #[arg(required = true, value_name = "ADDRESS")]
    to: Vec<String>,
    /// The sender's address, or <> for none [default: the postmaster of the first local domain]
    #[arg(long, value_name = "ADDRESS")]
    from: Option<String>,
    /// The subject
    #[arg(long, default_value = "Test message")]
    subject: String,
    /// The text; `-` reads it from standard input
    #[arg(
        long,
        default_value = "This is a test message that `sekisho send` wrote.",
        allow_hyphen_values = true
    )]
    text: String,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: SendArgs, door: &Door) -> Result<Finding, CliError> {
    let text = if args.text == "-" {
        std::io::read_to_string(std::io::stdin())?
    } else {
        args.text
    };
    let submission = Submission {
        from: args.from,
        to: args.to,
        subject: args.subject,
        text,
    };
    let submitted: Submitted = door.order(path::SEND, &submission).await?;
    let mut out = Output::open();
    if args.json {
        out.json(&submitted)?;
    } else {
        out.line(format_args!(
            "queued as {id}; see what becomes of it: sekisho trace {id}",
            id = submitted.id
        ))?;
        if !door.is_of_a_server() {
            out.line("no server runs: it leaves when one is started")?;
        }
    }
    Ok(Finding::Done)
}
