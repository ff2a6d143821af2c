//! Orders for certificates: what is handed over, what is ordered, and what is said of it.

use std::{
    io,
    path::{Path, PathBuf},
};

use clap::Args;
use sekisho_api::{
    CertificateDone, CertificateImport, CertificateOrder, CertificateRequestOrder, CertificatesDone, FindingWeight,
    Secret, path,
};
use sekisho_mail::{Timestamp, hexadecimal};
use zeroize::Zeroizing;

use super::show::ShowArgs;
use crate::{
    certificates::load_handed_over,
    cli::{
        CliError, Finding,
        door::Door,
        output::{Output, Tone},
        text,
    },
    telemetry::escaped,
};

/// Which role.
#[derive(Debug, Args)]
struct RoleArgs {
    /// The role: mx
    #[arg(long, value_name = "ROLE")]
    role: String,
    /// Whose it is
    #[arg(long, default_value = "default", value_name = "NAME")]
    organization: String,
}

/// How all of it is ordered.
#[derive(Debug, Args)]
struct AuthorArgs {
    /// Why, for the history
    #[arg(long, default_value = "", hide_default_value = true, value_name = "TEXT")]
    why: String,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ImportArgs {
    #[command(flatten)]
    role: RoleArgs,
    /// The chain: a PEM file, in whatever order; it may hold the key too
    #[arg(
        long,
        value_name = "FILE",
        required_unless_present = "pkcs12",
        conflicts_with = "pkcs12"
    )]
    certificate: Option<PathBuf>,
    /// Its key: a PEM file; not needed for the answer to a request
    #[arg(long, value_name = "FILE", conflicts_with = "pkcs12")]
    key: Option<PathBuf>,
    /// Certificate and key as PKCS#12 (.pfx, .p12)
    #[arg(long, value_name = "FILE")]
    pkcs12: Option<PathBuf>,
    /// A file with the passphrase of that, in its first line; without it the passphrase is empty
    #[arg(long, value_name = "FILE", requires = "pkcs12")]
    passphrase_file: Option<PathBuf>,
    /// Fetches certificates of issuers that are missing from where the chain says that they are (AIA)
    #[arg(long)]
    fetch_issuers: bool,
    /// Has it wait, whatever is known of its key
    #[arg(long, conflicts_with = "activate_at")]
    stage: bool,
    /// Has it presented from this instant on, whatever is known of its key: 2026-12-01T18:00, or "2h" for in two hours
    #[arg(long, value_name = "TIME", value_parser = text::parse_coming)]
    activate_at: Option<Timestamp>,
    /// Checks all of it, and keeps nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    author: AuthorArgs,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct RequestArgs {
    #[command(flatten)]
    role: RoleArgs,
    /// Which key: ecdsa-p256, ecdsa-p384, rsa-2048, rsa-3072 or rsa-4096 [default: those of the role, one each]
    #[arg(long, value_name = "TYPE")]
    key_type: Option<String>,
    /// Makes a new key even where the role keeps the one in force
    #[arg(long)]
    new_key: bool,
    #[command(flatten)]
    author: AuthorArgs,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct OrderArgs {
    /// Its id; to renew, also the name of a role
    #[arg(value_name = "ID")]
    which: String,
    /// Only of this organization
    #[arg(long, value_name = "NAME")]
    organization: Option<String>,
    #[command(flatten)]
    author: AuthorArgs,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ForcedArgs {
    #[command(flatten)]
    order: OrderArgs,
    /// Does it even where that leaves the role without a certificate
    #[arg(long)]
    force: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct RenewArgs {
    #[command(flatten)]
    order: OrderArgs,
    /// Makes a new key, whether or not the role keeps its key
    #[arg(long)]
    new_key: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct RevokeArgs {
    #[command(flatten)]
    order: ForcedArgs,
    /// unspecified, key-compromise, affiliation-changed, superseded or cessation-of-operation
    #[arg(long, value_name = "REASON")]
    reason: Option<String>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ActivateArgs {
    #[command(flatten)]
    order: OrderArgs,
    /// From this instant on: 2026-12-01T18:00, or "2h" for in two hours
    /// [default: now]
    #[arg(long, value_name = "TIME", value_parser = text::parse_coming)]
    at: Option<Timestamp>,
}

impl OrderArgs {
    fn order(&self, at: Option<Timestamp>, force: bool) -> CertificateOrder {
        CertificateOrder {
            organization: self.organization.clone(),
            which: self.which.clone(),
            at,
            force,
            why: self.author.why.clone(),
            ..CertificateOrder::default()
        }
    }

    async fn give(&self, path: &str, (at, force): (Option<Timestamp>, bool), door: &Door) -> Result<Finding, CliError> {
        let done: CertificatesDone = door.order(path, &self.order(at, force)).await?;
        report(&done, self.author.json)
    }
}

pub(super) async fn import(args: &ImportArgs, door: &Door) -> Result<Finding, CliError> {
    let mut order = CertificateImport {
        organization: args.role.organization.clone(),
        role: args.role.role.clone(),
        fetch_issuers: args.fetch_issuers,
        stage: args.stage,
        activate_at: args.activate_at,
        why: args.author.why.clone(),
        dry_run: args.dry_run,
        ..CertificateImport::default()
    };
    if let Some(path) = &args.certificate {
        let text = load_text(path)?;
        let has_key = text.contains("PRIVATE KEY-----");
        if args.key.is_none() && has_key {
            order.key = Some(Secret(text.to_string()));
        }
        order.certificate = Some(without_keys(&text));
    }
    if let Some(path) = &args.key {
        order.key = Some(Secret(load_text(path)?.to_string()));
    }
    if let Some(path) = &args.pkcs12 {
        order.pkcs12 = Some(Secret(hexadecimal::encode(&load(path)?)));
    }
    if let Some(path) = &args.passphrase_file {
        let text = load_text(path)?;
        order.passphrase = text.lines().next().map(|line| Secret(line.to_owned()));
    }
    let done: CertificatesDone = door.order(path::CERTIFICATE_IMPORT, &order).await?;
    report(&done, args.author.json)
}

/// The certificates of a PEM text that may hold keys beside them.
fn without_keys(pem: &str) -> String {
    let mut kept = String::new();
    let mut is_key = false;
    for line in pem.lines() {
        is_key |= line.starts_with("-----BEGIN ") && line.contains("PRIVATE KEY");
        if !is_key {
            kept.push_str(line);
            kept.push('\n');
        }
        is_key &= !line.starts_with("-----END ");
    }
    kept
}

pub(super) async fn request(args: &RequestArgs, door: &Door) -> Result<Finding, CliError> {
    let order = CertificateRequestOrder {
        organization: args.role.organization.clone(),
        role: args.role.role.clone(),
        key_type: args.key_type.clone(),
        new_key: args.new_key,
        why: args.author.why.clone(),
    };
    let done: CertificatesDone = door.order(path::CERTIFICATE_REQUEST, &order).await?;
    let mut out = Output::open();
    for one in &done.done {
        if args.author.json {
            out.json(one)?;
            continue;
        }
        let Some(certificate) = &one.certificate else { continue };
        out.line(format_args!(
            "{}: a request {}",
            escaped(&certificate.id),
            escaped(&one.words)
        ))?;
        out.line(certificate.request.as_deref().unwrap_or_default().trim_end())?;
    }
    if !args.author.json {
        let role = escaped(&args.role.role);
        out.line(format_args!(
            "have the authority answer it, then: sekisho certificate import --role {role} --certificate FILE"
        ))?;
    }
    Ok(Finding::Done)
}

pub(super) async fn renew(args: &RenewArgs, door: &Door) -> Result<Finding, CliError> {
    let order = CertificateOrder {
        new_key: args.new_key,
        ..args.order.order(None, false)
    };
    let done: CertificatesDone = door.order(path::CERTIFICATE_RENEW, &order).await?;
    report(&done, args.order.author.json)
}

pub(super) async fn revoke(args: &RevokeArgs, door: &Door) -> Result<Finding, CliError> {
    let order = CertificateOrder {
        reason: args.reason.clone(),
        ..args.order.order.order(None, args.order.force)
    };
    let done: CertificatesDone = door.order(path::CERTIFICATE_REVOKE, &order).await?;
    report(&done, args.order.order.author.json)
}

pub(super) async fn stage(args: &ForcedArgs, door: &Door) -> Result<Finding, CliError> {
    args.order.give(path::CERTIFICATE_STAGE, (None, args.force), door).await
}

pub(super) async fn activate(args: &ActivateArgs, door: &Door) -> Result<Finding, CliError> {
    args.order
        .give(path::CERTIFICATE_ACTIVATE, (args.at, false), door)
        .await
}

pub(super) async fn retire(args: &ForcedArgs, door: &Door) -> Result<Finding, CliError> {
    args.order
        .give(path::CERTIFICATE_RETIRE, (None, args.force), door)
        .await
}

pub(super) async fn remove(args: &ForcedArgs, door: &Door) -> Result<Finding, CliError> {
    args.order
        .give(path::CERTIFICATE_REMOVE, (None, args.force), door)
        .await
}

/// An error among the findings is a finding of the command too.
pub(super) async fn check(args: &ShowArgs, door: &Door) -> Result<Finding, CliError> {
    let order = CertificateOrder {
        organization: args.organization.clone(),
        which: args.which.clone(),
        ..CertificateOrder::default()
    };
    let done: CertificatesDone = door.order(path::CERTIFICATE_CHECK, &order).await?;
    let mut findings = done.done.iter().flat_map(|one| &one.findings);
    let has_error = findings.any(|finding| finding.weight == FindingWeight::Error);
    let finding = report(&done, args.json)?;
    Ok(if has_error { Finding::Refused } else { finding })
}

fn report(done: &CertificatesDone, json: bool) -> Result<Finding, CliError> {
    let mut out = Output::open();
    if done.done.is_empty() {
        return Ok(Finding::Missing);
    }
    for one in &done.done {
        if json {
            out.json(one)?;
        } else {
            show_done(&mut out, one)?;
        }
    }
    Ok(Finding::Done)
}

fn show_done(out: &mut Output, done: &CertificateDone) -> Result<(), CliError> {
    let id = done
        .certificate
        .as_ref()
        .map(|one| one.id.as_str())
        .filter(|id| !id.is_empty());
    match id {
        Some(id) => out.line(format_args!("{}: {}", escaped(id), escaped(&done.words)))?,
        None => out.line(escaped(&done.words))?,
    }
    for finding in &done.findings {
        let (word, tone) = match finding.weight {
            FindingWeight::Note => ("note", Tone::Faint),
            FindingWeight::Warning => ("warning", Tone::Warning),
            FindingWeight::Error => ("error", Tone::Bad),
        };
        let line = out.paint(tone, format_args!("  {word}: {}", escaped(&finding.text)));
        out.line(line)?;
    }
    Ok(())
}

fn load(path: &Path) -> Result<Zeroizing<Vec<u8>>, CliError> {
    let failed = |error: io::Error| CliError::Failed(format!("{}: cannot be read: {error}", path.display()));
    load_handed_over(path).map_err(failed)
}

fn load_text(path: &Path) -> Result<Zeroizing<String>, CliError> {
    let octets = load(path)?;
    let text = std::str::from_utf8(&octets).map_err(|_| {
        let words = "it is no text; a PEM file is wanted (PKCS#12 goes with --pkcs12)";
        CliError::Failed(format!("{}: {words}", path.display()))
    })?;
    Ok(Zeroizing::new(text.to_owned()))
}
