//! What commands read and show in the same way: durations, instants, ids.

use std::{io::BufRead, time::Duration};

use sekisho_mail::{Demand, Host, Mailbox, MessageId, OrganizationName, Timestamp};

use super::CliError;
use crate::config::human;

/// A duration on the command line, in whole seconds.
pub(super) fn parse_secs(text: &str) -> Result<u64, String> {
    human::parse_duration(text).map(|duration| duration.as_secs())
}

/// An instant on the command line: a duration back from now, or a date with or without time, local unless it says
/// otherwise.
pub(super) fn parse_instant(text: &str) -> Result<Timestamp, String> {
    instant(text, crate::clock::now())
}

/// As [`parse_instant`] of what is to come: a duration is one from now on.
pub(super) fn parse_coming(text: &str) -> Result<Timestamp, String> {
    let now = crate::clock::now();
    match human::parse_duration(text) {
        Ok(ahead) => Ok(now.plus(ahead)),
        Err(_) => instant(text, now)
            .map_err(|_| format!("{text:?} is no time: write 2026-11-24T09:30, or \"2h\" for in two hours")),
    }
}

fn instant(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    if let Ok(back) = human::parse_duration(text) {
        return Ok(now.minus(back));
    }
    if let Ok(instant) = text.parse::<jiff::Timestamp>() {
        return Ok(Timestamp::from_millis(instant.as_millisecond()));
    }
    let civil = text.parse::<jiff::civil::DateTime>();
    let civil = civil.or_else(|_| text.parse::<jiff::civil::Date>().map(|date| date.at(0, 0, 0, 0)));
    let zoned = civil.and_then(|civil| civil.to_zoned_datetime(jiff::tz::TimeZone::system()));
    let zoned = zoned
        .map_err(|_| format!("{text:?} is no time: write \"2h\" for two hours ago, 2026-11-24, or 2026-11-24T09:30"))?;
    Ok(Timestamp::from_millis(zoned.timestamp().as_millisecond()))
}

/// An address to look for: `name@domain`, `@domain`, or `<>`. What can be no address is a slip, and nothing would ever
/// match it.
pub(super) fn parse_sought(text: &str) -> Result<String, String> {
    let is_one = match text.strip_prefix('@') {
        Some(domain) => Host::parse(domain).is_ok(),
        None => text == "<>" || Mailbox::parse(text).is_ok(),
    };
    if is_one {
        Ok(text.to_owned())
    } else {
        Err(format!("{text:?} is no address: write name@domain, @domain, or <>"))
    }
}

/// A destination to look for: a domain, `*.domain`, an address in brackets, or one as the queue shows it: with an
/// organization before it, and what is settled about its way.
pub(super) fn parse_destination(text: &str) -> Result<String, String> {
    let by_connector = text.strip_prefix('(').and_then(|rest| rest.rsplit_once(") "));
    let plain = by_connector.map_or_else(|| text.strip_prefix(['!', '^']).unwrap_or(text), |(_, rest)| rest);
    let (organization, host) = match plain.split_once('/') {
        Some((organization, host)) => (organization.parse::<OrganizationName>().is_ok(), host),
        None => (true, plain),
    };
    match Host::parse(host.strip_prefix("*.").unwrap_or(host)) {
        Ok(_) if organization => Ok(text.to_owned()),
        Ok(_) => Err(format!(
            "{text:?} is no destination: it names no organization before the slash"
        )),
        Err(error) => Err(format!(
            "{text:?} is no destination: {error}; write domain, *.domain, [192.0.2.1], or one as the queue shows it"
        )),
    }
}

/// An instant in local time with its offset.
pub(super) fn local(at: Timestamp) -> String {
    let Ok(instant) = jiff::Timestamp::from_millisecond(at.as_millis()) else {
        return at.to_string();
    };
    instant
        .to_zoned_datetime(jiff::tz::TimeZone::system())
        .strftime("%Y-%m-%d %H:%M:%S%:z")
        .to_string()
}

/// How long ago or how soon, with `now` between.
pub(super) fn relative(at: Timestamp, now: Timestamp) -> String {
    if at <= now {
        return "now".to_owned();
    }
    format!("in {}", human::duration(Duration::from_secs(at.since(now).as_secs())))
}

/// A number with its thousands apart: `4,112`.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// `1 day`, `30 days`.
pub(super) fn counted(count: u64, noun: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{ending}")
}

/// What a connection is held to where nothing is demanded of it.
pub(super) const NO_DEMANDS: &str = "nothing; the best that both sides can do";

/// Demands, each with who makes it; `none` where there is none. Their origins are the operator's text, not escaped yet.
pub(super) fn demands(demands: &[Demand], none: &str) -> String {
    if demands.is_empty() {
        return none.to_owned();
    }
    let words: Vec<String> = demands.iter().map(Demand::to_string).collect();
    words.join("; ")
}

/// The ids that were typed; `-` stands for those on standard input, one a line, of which the first word counts.
pub(super) fn ids(typed: &[String]) -> Result<Vec<MessageId>, CliError> {
    let parse = |text: &str| {
        text.parse::<MessageId>()
            .map_err(|error| CliError::Usage(error.to_string()))
    };
    let mut found = Vec::new();
    for text in typed {
        if text != "-" {
            found.push(parse(text)?);
            continue;
        }
        for line in std::io::stdin().lock().lines() {
            if let Some(word) = line?.split_whitespace().next() {
                found.push(parse(word)?);
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_told_apart() {
        for (number, text) in [
            (0, "0"),
            (37, "37"),
            (999, "999"),
            (4_112, "4,112"),
            (1_000_000, "1,000,000"),
        ] {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn one_is_one_and_all_others_are_many() {
        let days = [0, 1, 30].map(|count| counted(count, "day"));
        assert_eq!(days, ["0 days", "1 day", "30 days"]);
    }

    #[test]
    fn destinations_are_read_as_the_queue_shows_them() {
        for text in [
            "one.example",
            "*.one.example",
            "[192.0.2.1]",
            "acme/one.example",
            "!acme/one.example",
            "^one.example",
            "(a gateway) acme/one.example",
        ] {
            assert_eq!(parse_destination(text), Ok(text.to_owned()));
        }
        for text in ["", "one example", "(gateway)", "A/one.example"] {
            assert!(parse_destination(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn instants_are_read_in_every_form() {
        assert_eq!(parse_instant("1970-01-01T00:00:10Z"), Ok(Timestamp::from_secs(10)));
        let now = Timestamp::from_secs(10_000);
        assert_eq!(instant("2h", now), Ok(Timestamp::from_secs(2_800)));
        assert!(parse_instant("2026-11-24").is_ok() && parse_instant("2026-11-24T09:30").is_ok());
        assert!(parse_instant("yesterday").is_err());
    }
}
