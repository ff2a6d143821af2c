//! Certificates for people: a table of all, and one with everything that is known of it.

use std::io;

use clap::Args;
use sekisho_api::{
    CertificateList, CertificateQuery, CertificateRoleView, CertificateStaple, RenewalView, StoredCertificate, path,
};
use sekisho_mail::Timestamp;

use crate::{
    cli::{
        CliError, Finding,
        door::Door,
        output::{Output, Tone, table},
        text,
    },
    clock,
    telemetry::escaped,
};

#[derive(Debug, Args)]
pub(in crate::cli) struct ListArgs {
    /// Only those of this organization
    #[arg(long, value_name = "NAME")]
    organization: Option<String>,
    /// Prints JSON, one role a line
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ShowArgs {
    /// The id of a certificate, or the name of a role
    #[arg(value_name = "ID|ROLE")]
    pub(super) which: String,
    /// Only of this organization
    #[arg(long, value_name = "NAME")]
    pub(super) organization: Option<String>,
    /// Prints JSON
    #[arg(long)]
    pub(super) json: bool,
}

pub(super) async fn list(args: &ListArgs, door: &Door) -> Result<Finding, CliError> {
    let query = CertificateQuery {
        organization: args.organization.clone(),
        which: None,
    };
    let list: CertificateList = door.fetch(path::CERTIFICATES, &query).await?;
    let mut out = Output::open();
    if list.roles.is_empty() {
        return Ok(Finding::Missing);
    }
    if args.json {
        list.roles.iter().try_for_each(|role| out.json(role))?;
        return Ok(Finding::Done);
    }
    let now = clock::now();
    let mut rows = table(&["role", "certificate", "stage", "key", "issuer", "ends", ""]);
    for role in &list.roles {
        if role.certificates.is_empty() {
            rows.add_row([role.key(), "none".to_owned()].map(|text| escaped(&text).to_string()));
        }
        for certificate in &role.certificates {
            rows.add_row(row(role, certificate, now));
        }
    }
    out.line(rows)?;
    for role in &list.roles {
        concern(&mut out, role)?;
    }
    Ok(Finding::Done)
}

fn row(role: &CertificateRoleView, certificate: &StoredCertificate, now: Timestamp) -> [String; 7] {
    let leaf = certificate.chain.first();
    let ends = leaf.map(|leaf| {
        format!(
            "{} ({})",
            text::local(leaf.not_after),
            text::relative(leaf.not_after, now)
        )
    });
    let is_proved = certificate.proof.as_ref().map(|proof| proof.failure.is_none());
    let mark = match (certificate.is_presented, is_proved) {
        (false, _) => "",
        (true, None) => "presented",
        (true, Some(true)) => "presented, proved",
        (true, Some(false)) => "presented, not proved",
    };
    [
        role.key(),
        certificate.id.clone(),
        certificate.stage.clone(),
        leaf.map(|leaf| leaf.key.clone()).unwrap_or_default(),
        leaf.map(|leaf| leaf.issuer.clone()).unwrap_or_default(),
        ends.unwrap_or_default(),
        mark.to_owned(),
    ]
    .map(|text| escaped(&text).to_string())
}

fn concern(out: &mut Output, role: &CertificateRoleView) -> io::Result<()> {
    let Some(concern) = &role.concern else { return Ok(()) };
    let words = format!("{}: {concern}", role.key());
    let line = out.paint(Tone::Warning, format_args!("warning: {}", escaped(&words)));
    out.line(line)
}

pub(super) async fn show(args: &ShowArgs, door: &Door) -> Result<Finding, CliError> {
    let query = CertificateQuery {
        organization: args.organization.clone(),
        which: Some(args.which.clone()),
    };
    let list: CertificateList = door.fetch(path::CERTIFICATES, &query).await?;
    let mut out = Output::open();
    for role in &list.roles {
        if args.json {
            out.json(role)?;
            continue;
        }
        show_role(&mut out, role)?;
        for certificate in &role.certificates {
            show_certificate(&mut out, certificate)?;
        }
        concern(&mut out, role)?;
    }
    Ok(Finding::Done)
}

fn show_role(out: &mut Output, role: &CertificateRoleView) -> io::Result<()> {
    let title = format!("certificate role {}", role.key());
    let title = out.paint(Tone::Strong, escaped(&title));
    out.line(title)?;
    let or_none = |list: &[String]| {
        if list.is_empty() {
            "none".to_owned()
        } else {
            list.join(", ")
        }
    };
    field(out, "names", &or_none(&role.names))?;
    field(out, "presented by", &or_none(&role.used_by))?;
    if !role.pinned_by.is_empty() {
        field(out, "key pinned by", &role.pinned_by.join(", "))?;
    }
    field(out, "standing", &role.standing)?;
    role.renewals.iter().try_for_each(|renewal| show_renewal(out, renewal))
}

fn show_renewal(out: &mut Output, renewal: &RenewalView) -> io::Result<()> {
    let authority = format!("{}, {} by {}", renewal.directory, renewal.key_type, renewal.challenge);
    field(out, "authority", &authority)?;
    let due = match (renewal.due, renewal.suggested) {
        (None, _) => "at once".to_owned(),
        (Some(due), None) => text::local(due),
        (Some(due), Some((start, end))) => {
            let (start, end) = (text::local(start), text::local(end));
            let why = renewal.explanation.as_ref().map(|url| format!(", see {url}"));
            let why = why.unwrap_or_default();
            format!("{}, the authority suggests {start} to {end}{why}", text::local(due))
        }
    };
    field(out, "renewed", &due)?;
    if let Some(failure) = &renewal.failure {
        let at = renewal.failed_at.map(text::local).unwrap_or_default();
        let again = renewal.next_try.map(text::local).unwrap_or_default();
        let words = format!("{at}, {} in a row, again at {again}: {failure}", renewal.failures);
        let line = out.paint(Tone::Warning, format_args!("  {:<14}{}", "failed", escaped(&words)));
        out.line(line)?;
    }
    Ok(())
}

fn field(out: &mut Output, name: &str, value: &str) -> io::Result<()> {
    out.line(format_args!("  {name:<14}{}", escaped(value)))
}

fn show_staple(out: &mut Output, staple: &CertificateStaple) -> io::Result<()> {
    let why = staple.reason.as_deref().unwrap_or_default();
    let again = staple.next_fetch.map(text::local).unwrap_or_default();
    let (name, words) = match (staple.until.map(text::local), staple.next_fetch) {
        (Some(until), _) if why.is_empty() => ("stapled", format!("until {until}, the next is asked for {again}")),
        (Some(until), _) => ("stapled", format!("until {until}, no newer one, again {again}: {why}")),
        (None, Some(_)) => ("not stapled", format!("{why}; again {again}")),
        (None, None) => ("not stapled", why.to_owned()),
    };
    let must = if staple.is_required { " (must-staple)" } else { "" };
    let is_bad = staple.revoked_at.is_some() || (staple.is_required && staple.until.is_none());
    if is_bad {
        let line = out.paint(Tone::Bad, format_args!("  {name:<14}{}{must}", escaped(&words)));
        return out.line(line);
    }
    field(out, name, &format!("{words}{must}"))
}

fn show_certificate(out: &mut Output, certificate: &StoredCertificate) -> io::Result<()> {
    let state = if certificate.is_presented { ", presented" } else { "" };
    let title = format!("{}: {}{state}", certificate.id, certificate.stage);
    let title = out.paint(Tone::Strong, escaped(&title));
    out.line(title)?;
    if let Some(proof) = &certificate.proof {
        let at = text::local(proof.at);
        let words = match &proof.failure {
            None => format!("{at}, {}", proof.place),
            Some(failure) => format!("failed {at}, {}: {failure}", proof.place),
        };
        field(out, "proved", &words)?;
    }
    if let Some(staple) = &certificate.staple {
        show_staple(out, staple)?;
    }
    if let Some(note) = &certificate.note {
        let line = out.paint(Tone::Warning, format_args!("  {:<14}{}", "not used", escaped(note)));
        out.line(line)?;
    }
    for (place, one) in certificate.chain.iter().enumerate() {
        let what = if place == 0 { "certificate" } else { "intermediate" };
        field(out, what, &one.subject)?;
        if place == 0 && !one.names.is_empty() {
            field(out, "names", &one.names.join(", "))?;
        }
        field(out, "  issuer", &one.issuer)?;
        field(out, "  key", &one.key)?;
        let valid = format!("{} to {}", text::local(one.not_before), text::local(one.not_after));
        field(out, "  valid", &valid)?;
        field(out, "  sha256", &one.sha256)?;
    }
    field(out, "key sha256", &certificate.spki_sha256)?;
    for (name, at) in [
        ("active from", certificate.active_from),
        ("replaced", certificate.replaced_at),
    ] {
        if let Some(at) = at {
            field(out, name, &text::local(at))?;
        }
    }
    if let Some(request) = &certificate.request {
        out.line(request.trim_end())?;
    }
    for event in &certificate.history {
        let why = if event.why.is_empty() {
            String::new()
        } else {
            format!(" ({})", event.why)
        };
        field(
            out,
            &text::local(event.at),
            &format!(" {} by {}{why}", event.what, event.by),
        )?;
    }
    Ok(())
}
