//! `sekisho certificate`: our own certificates.

use clap::Subcommand;

use super::{CliError, Finding, certificate_page, door::Door};

#[derive(Debug, Subcommand)]
pub(super) enum CertificateCommand {
    /// Prints what partners are told of the certificates that are published
    Page(certificate_page::PageArgs),
}

pub(super) async fn run(command: CertificateCommand, door: &Door) -> Result<Finding, CliError> {
    match command {
        CertificateCommand::Page(args) => certificate_page::run(args, door).await,
    }
}
