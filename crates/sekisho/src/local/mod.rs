//! Local mailboxes: who they are ([`Directory`]), and how mail gets into them ([`deliver()`]).
//!
//! Reading mail is left to others: Dovecot and mail readers open the Maildirs. Whether an address may be named at all
//! is judged by `sekisho_policy::inbound`.

mod deliver;
mod directory;
mod expand;
mod maildir;
mod settings;

#[cfg(test)]
mod tests;

pub use deliver::{Hop, LocalResult, ROUTE, connection_of, deliver};
pub use directory::{Directory, LocalFinding, MAX_ALIAS_DEPTH, MAX_ALIAS_ENDS, Residence, Resident};
pub use maildir::TMP_LIFETIME;
pub use settings::{Accepted, Alias, AliasTarget, CatchAll, LocalFault, LocalName, LocalSettings, LocalUser};
