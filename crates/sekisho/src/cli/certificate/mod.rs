//! `sekisho certificate`: our own certificates, from the request to the end of their life, and the roles that listeners
//! and connectors present. Files are read here and travel over the management socket; keys never come back.

mod acme;
mod orders;
mod page;
mod role;
mod rollover;
mod show;

use clap::Subcommand;

use super::{CliError, Finding, door::Door};

#[derive(Debug, Subcommand)]
pub(super) enum CertificateCommand {
    /// Adds, changes and lists roles: what listeners and connectors name instead of a certificate
    #[command(subcommand)]
    Role(role::RoleCommand),
    /// Lists certificates and requests, and which of them are presented
    List(show::ListArgs),
    /// Shows a certificate with its chain and what was done to it, or all of a role
    Show(show::ShowArgs),
    /// Takes a certificate into a role, checked: PEM, PKCS#12, or the answer to a request
    Import(orders::ImportArgs),
    /// Makes a key and a request for a certificate, and prints the request
    Request(orders::RequestArgs),
    /// Orders the next certificate of a role from its authority at once, or says how it is renewed otherwise
    Renew(orders::RenewArgs),
    /// Has the authority that issued a certificate revoke it
    Revoke(orders::RevokeArgs),
    /// Has a certificate wait until it is activated
    Stage(orders::ForcedArgs),
    /// Has a certificate presented, at once or from an instant on
    Activate(orders::ActivateArgs),
    /// Has a certificate presented no more
    Retire(orders::ForcedArgs),
    /// Removes a certificate with its key, a request, or what is left of one
    Remove(orders::ForcedArgs),
    /// Rolls a role over to a new key, step by step, with its TLSA records
    #[command(subcommand)]
    Rollover(rollover::RolloverCommand),
    /// Checks a certificate, or all of a role, once more
    Check(show::ShowArgs),
    /// Prints what partners are told of the certificates that are published
    Page(page::PageArgs),
}

pub(super) async fn run(command: CertificateCommand, door: &Door) -> Result<Finding, CliError> {
    match command {
        CertificateCommand::Role(command) => role::run(command, door).await,
        CertificateCommand::List(args) => show::list(&args, door).await,
        CertificateCommand::Show(args) => show::show(&args, door).await,
        CertificateCommand::Import(args) => orders::import(&args, door).await,
        CertificateCommand::Request(args) => orders::request(&args, door).await,
        CertificateCommand::Renew(args) => orders::renew(&args, door).await,
        CertificateCommand::Revoke(args) => orders::revoke(&args, door).await,
        CertificateCommand::Stage(args) => orders::stage(&args, door).await,
        CertificateCommand::Activate(args) => orders::activate(&args, door).await,
        CertificateCommand::Retire(args) => orders::retire(&args, door).await,
        CertificateCommand::Remove(args) => orders::remove(&args, door).await,
        CertificateCommand::Rollover(command) => rollover::run(command, door).await,
        CertificateCommand::Check(args) => orders::check(&args, door).await,
        CertificateCommand::Page(args) => page::run(args, door).await,
    }
}
