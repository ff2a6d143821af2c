//! `sekisho connector suggest`: the strictest connectors that all mail seen would have satisfied, as a text that
//! `apply` and `connector add` take, with the reasons as comments.

use clap::Args;
use sekisho_api::{Documents, MailDirection, PartnerSuggestion, SuggestionReason, path};
use serde::Serialize;
use serde_json::Value;

use crate::{
    cli::{
        CliError, Finding,
        door::Door,
        output::{Output, Tone},
        partner::PartnerArgs,
    },
    directory::text,
    telemetry::escaped,
};

#[derive(Debug, Args)]
pub(in crate::cli) struct SuggestArgs {
    #[command(flatten)]
    which: PartnerArgs,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: &SuggestArgs, door: &Door) -> Result<Finding, CliError> {
    let suggestion: PartnerSuggestion = door.fetch(path::PARTNER_SUGGESTION, &args.which.query()).await?;
    let mut out = Output::open();
    if args.json {
        out.json(&suggestion)?;
        return Ok(Finding::Done);
    }
    let PartnerSuggestion {
        inbound_connector,
        outbound_connector,
        reasons,
        ..
    } = &suggestion;
    let inbound = Documents {
        inbound_connector: inbound_connector.iter().cloned().collect(),
        ..Documents::default()
    };
    let outbound = Documents {
        outbound_connector: outbound_connector.iter().cloned().collect(),
        ..Documents::default()
    };
    let of = |direction: MailDirection| reasons.iter().filter(move |reason| reason.direction == direction);
    for (direction, title, documents, command) in [
        (
            MailDirection::In,
            "inbound",
            inbound,
            inbound_connector.as_ref().map(|one| command("inbound", &one.name, one)),
        ),
        (
            MailDirection::Out,
            "outbound",
            outbound,
            outbound_connector
                .as_ref()
                .map(|one| command("outbound", &one.name, one)),
        ),
    ] {
        let mut reasons = of(direction).peekable();
        if reasons.peek().is_none() {
            continue;
        }
        let domain = escaped(&suggestion.domain);
        let heading = match &command {
            Some(_) => format!("# {title}: what all mail seen with {domain} would have satisfied"),
            None => format!("# {title}: nothing that all mail seen with {domain} would have satisfied"),
        };
        let heading = out.paint(Tone::Strong, heading);
        out.line(heading)?;
        for reason in reasons {
            out.line(comment(reason))?;
        }
        if let Some(command) = command {
            out.line(format_args!("# {command}"))?;
            out.octets(text::write(&documents).as_bytes())?;
        }
    }
    Ok(Finding::Done)
}

/// `# not require_tls: 3 of 40 messages came in the clear (192.0.2.7)`
fn comment(reason: &SuggestionReason) -> String {
    let field = escaped(&reason.field);
    let sign = match (reason.field.is_empty(), reason.suggested) {
        (true, _) => String::new(),
        (false, true) => format!("{field}: "),
        (false, false) => format!("not {field}: "),
    };
    let hosts: Vec<String> = reason.hosts.iter().map(|host| escaped(host).to_string()).collect();
    let hosts = if hosts.is_empty() {
        String::new()
    } else {
        format!(" ({})", hosts.join(", "))
    };
    format!("#   {sign}{}{hosts}", escaped(&reason.why))
}

/// The command that adds it, for a shell.
fn command<T: Serialize + Default>(direction: &str, name: &str, document: &T) -> String {
    let body = serde_json::to_value(document).unwrap_or_default();
    let default = serde_json::to_value(T::default()).unwrap_or_default();
    let mut words = vec![format!("sekisho connector add {direction} {}", quoted(name))];
    for (field, value) in body.as_object().into_iter().flatten() {
        if field == "name" || default.get(field) == Some(value) {
            continue;
        }
        let flag = format!("--{}", field.replace('_', "-"));
        match value {
            Value::Bool(true) => words.push(flag),
            Value::Bool(false) => words.push(format!("{flag}=false")),
            Value::String(text) => words.push(format!("{flag} {}", quoted(text))),
            // One flag each: an issuer has commas of its own.
            Value::Array(items) => {
                let texts = items.iter().filter_map(Value::as_str);
                words.extend(texts.map(|text| format!("{flag} {}", quoted(text))));
            }
            Value::Null | Value::Number(_) | Value::Object(_) => {}
        }
    }
    words.join(" ")
}

/// A word that a shell takes as it is.
fn quoted(text: &str) -> String {
    let is_plain = |octet: u8| octet.is_ascii_alphanumeric() || b"._-/:@".contains(&octet);
    if !text.is_empty() && text.bytes().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use sekisho_api::InboundConnector;

    use super::*;

    #[test]
    fn the_command_says_what_differs_from_the_default_and_nothing_leaves_its_quotes() {
        let connector = InboundConnector {
            organization: "acme".to_owned(),
            name: "bank.example".to_owned(),
            sender_domains: vec!["bank.example".to_owned()],
            tls_sender_certificate_name: Some("*.bank.example".to_owned()),
            restrict_domains_to_certificate: true,
            issuers: vec!["O=Let's Encrypt".to_owned()],
            ..InboundConnector::default()
        };
        assert_eq!(
            command("inbound", &connector.name, &connector),
            "sekisho connector add inbound bank.example --organization acme --sender-domains bank.example \
             --tls-sender-certificate-name '*.bank.example' --restrict-domains-to-certificate \
             --issuers 'O=Let'\\''s Encrypt'"
        );
    }
}
