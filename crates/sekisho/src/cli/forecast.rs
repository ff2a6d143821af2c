//! `sekisho partner forecast`: what will become of partners' certificates, and of our own.

use clap::Args;
use sekisho_api::{Forecast, ForecastEntry, ForecastQuery, MailDirection, Severity, TlsaLook, path};

use super::{
    CliError, Finding,
    door::Door,
    output::{Listing, Output},
    text,
};
use crate::telemetry::escaped;

#[derive(Debug, Args)]
pub(super) struct ForecastArgs {
    /// Only this partner
    #[arg(value_name = "DOMAIN")]
    domain: Option<String>,
    /// Days ahead
    #[arg(long, default_value_t = sekisho_api::FORECAST_DAYS, value_name = "DAYS",
        value_parser = clap::value_parser!(u32).range(1..=i64::from(sekisho_api::FORECAST_DAYS_MAX)))]
    days: u32,
    /// Only partners of this organization
    #[arg(long, value_name = "NAME")]
    organization: Option<String>,
    /// Prints JSON, one entry a line
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: &ForecastArgs, door: &Door) -> Result<Finding, CliError> {
    let query = ForecastQuery {
        days: Some(args.days),
        domain: args.domain.clone(),
        organization: args.organization.clone(),
    };
    let found: Forecast = door.fetch(path::FORECAST, &query).await?;
    let header = [
        "when",
        "severity",
        "what",
        "whom",
        "demanded by",
        "what happens, and what to do",
    ];
    let mut list = Listing::open(args.json, &header);
    for entry in &found.entries {
        list.item(entry, || row(entry))?;
    }
    let finding = list.end()?;
    if found.more && !args.json {
        Output::open().line("and more than are said; name a domain or an organization")?;
    }
    if !args.json {
        let mut output = Output::open();
        for line in records(found.tlsa.as_ref()) {
            output.line(&line)?;
        }
    }
    Ok(finding)
}

/// What is not known of TLSA records.
fn records(look: Option<&TlsaLook>) -> Vec<String> {
    let Some(look) = look else {
        return vec!["TLSA records were not looked up, since no server runs".to_owned()];
    };
    if look.unknown == 0 {
        return Vec::new();
    }
    let mut lines = vec![format!(
        "of {} of {} hosts it is not known whether their TLSA records match",
        look.unknown, look.hosts
    )];
    lines.extend(look.why.iter().map(|why| format!("  {}", escaped(why))));
    lines
}

fn row(entry: &ForecastEntry) -> [String; 6] {
    let whom = match (&entry.domain, entry.direction) {
        (Some(domain), Some(MailDirection::In)) => format!("from {}", escaped(domain)),
        (Some(domain), _) => format!("to {}", escaped(domain)),
        (None, _) => "our own".to_owned(),
    };
    let severity = match (entry.is_alert, entry.severity) {
        (false, _) => "-".to_owned(),
        (true, severity @ (Severity::Warning | Severity::Error)) => severity.to_string(),
    };
    [
        entry.at.map_or_else(|| "now".to_owned(), text::local),
        severity,
        entry.kind.to_string(),
        whom,
        escaped(&entry.demanded_by.join(", ")).to_string(),
        format!("{}: {}", escaped(&entry.text), escaped(&entry.remedy)),
    ]
}
