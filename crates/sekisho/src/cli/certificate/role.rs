//! `sekisho certificate role`: what listeners and connectors name instead of a certificate.

use clap::{Args, Subcommand};
use sekisho_api::{CertificateFiles, CertificateRole, DocumentKind};

use super::acme::AcmeFlags;
use crate::{
    cli::{
        CliError, Finding,
        changes::{set, set_list, set_text},
        document::{self, FieldFlags, ListArgs, NamedArgs, SetArgs, ShowArgs},
        door::Door,
        output::Listing,
    },
    telemetry::escaped,
};

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum RoleCommand {
    /// Adds a role
    Add(Box<SetArgs<RoleFlags>>),
    /// Changes fields of a role; an empty value unsets a field or empties a list
    Set(Box<SetArgs<RoleFlags>>),
    /// Shows a role with all its fields
    Show(ShowArgs),
    /// Lists roles
    List(ListArgs),
    /// Removes a role; its certificates stay where they are, and nobody presents them
    Remove(NamedArgs),
}

#[derive(Debug, Args)]
pub(in crate::cli) struct RoleFlags {
    /// Words of your own
    #[arg(long, value_name = "TEXT")]
    comment: Option<String>,
    /// Names that each certificate must be for, and that requests ask for: mx.example.org, *.example.org
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    names: Option<Vec<String>>,
    /// An issuer whose certificates count, "O=Example Trust, C=CH"; repeat the flag for several; none: any issuer
    #[arg(long, value_name = "ISSUER")]
    issuers: Option<Vec<String>>,
    /// As Exchange's TlsCertificateName: `<I>CN=Example CA, C=CH<S>CN=mail.example.org`
    #[arg(long, value_name = "NAME")]
    tls_certificate_name: Option<String>,
    /// Files on the node that are watched, CERTIFICATE:KEY; repeat the flag for several
    #[arg(long, value_name = "FILES")]
    files: Option<Vec<String>>,
    /// Keys that a request makes: ecdsa-p256, ecdsa-p384, rsa-2048, rsa-3072, rsa-4096 [default: ecdsa-p256]
    #[arg(long, value_name = "TYPE", value_delimiter = ',')]
    key_types: Option<Vec<String>>,
    /// Whether a request keeps the key in force [default: true]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    reuse_key: Option<bool>,
    /// How long a certificate is kept as active that another has taken the place of [default: 7d]
    #[arg(long, value_name = "TIME")]
    overlap: Option<String>,
    /// How long before its end a certificate without a successor raises an alert [default: 21d, or a third of its
    /// lifetime]
    #[arg(long, value_name = "TIME")]
    alert_before: Option<String>,
    #[command(flatten)]
    acme: AcmeFlags,
    /// Who has pinned its key, "bank.example: told 2026-11-02"; repeat the flag for several
    #[arg(long, value_name = "TEXT")]
    pinned_by: Option<Vec<String>>,
    /// Whether the certificate information page tells partners of its certificates [default: false]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    published: Option<bool>,
}

impl FieldFlags for RoleFlags {
    type Document = CertificateRole;

    fn apply(&self, document: &mut CertificateRole) -> Result<(), CliError> {
        set(&mut document.comment, self.comment.as_ref());
        set_list(&mut document.names, self.names.as_ref());
        set_list(&mut document.issuers, self.issuers.as_ref());
        set_text(&mut document.tls_certificate_name, self.tls_certificate_name.as_ref());
        if let Some(files) = &self.files {
            let pairs = files.iter().filter(|pair| !pair.is_empty());
            document.files = pairs.map(|pair| pair_of_files(pair)).collect::<Result<_, _>>()?;
        }
        set_list(&mut document.key_types, self.key_types.as_ref());
        set(&mut document.reuse_key, self.reuse_key.as_ref());
        set_text(&mut document.overlap, self.overlap.as_ref());
        set_text(&mut document.alert_before, self.alert_before.as_ref());
        set_list(&mut document.pinned_by, self.pinned_by.as_ref());
        self.acme.apply(document);
        set(&mut document.published, self.published.as_ref());
        Ok(())
    }
}

fn pair_of_files(pair: &str) -> Result<CertificateFiles, CliError> {
    match pair.split_once(':') {
        Some((certificate, key)) if !certificate.is_empty() && !key.is_empty() => Ok(CertificateFiles {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
        }),
        _ => Err(CliError::Usage(format!(
            "--files {pair:?}: write the certificate's file, a colon, and the key's file"
        ))),
    }
}

pub(super) async fn run(command: RoleCommand, door: &Door) -> Result<Finding, CliError> {
    match command {
        RoleCommand::Add(args) => document::add(&args, door).await,
        RoleCommand::Set(args) => document::set(&args, door).await,
        RoleCommand::Show(args) => document::show::<CertificateRole>(&args, door).await,
        RoleCommand::List(args) => list(&args, door).await,
        RoleCommand::Remove(args) => document::remove(&args, DocumentKind::CertificateRole, door).await,
    }
}

async fn list(args: &ListArgs, door: &Door) -> Result<Finding, CliError> {
    let mut list = Listing::open(args.json, &["role", "names", "files", "comment"]);
    for role in args.fetch::<CertificateRole>(door).await? {
        list.item(&role, || {
            let title = format!("{}/{}", role.organization, role.name);
            let files: Vec<&str> = role.files.iter().map(|pair| pair.certificate.as_str()).collect();
            [title, role.names.join(", "), files.join(", "), role.comment.clone()]
                .map(|text| escaped(&text).to_string())
        })?;
    }
    list.end()
}
