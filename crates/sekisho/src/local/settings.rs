//! What the operator says about local mail: domains, mailboxes, aliases. Parsed; whether it fits together is checked
//! when the [`Directory`](super::Directory) is built.

use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
};

use sekisho_mail::{Domain, Mailbox, MailboxError};
use sekisho_policy::directory::DomainKind;
use thiserror::Error;

use crate::outbound::DomainPattern;

/// Everything about local mail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LocalSettings {
    /// Domains of the configuration file whose mail ends here. The first is where `<Postmaster>` without a domain goes.
    pub domains: Vec<Domain>,
    /// Domains that the directory adds.
    pub accepted: Vec<Accepted>,
    /// Domains whose mail is taken from anyone and passed on by their route, because another server keeps it. Never
    /// everything: that would be an open relay, and the configuration refuses it.
    pub relay_domains: Vec<DomainPattern>,
    /// Who has a mailbox. The first is postmaster where nobody else is.
    pub users: Vec<LocalUser>,
    /// Other names.
    pub aliases: Vec<Alias>,
    /// Where mail for names that nobody has goes.
    pub catch_all: Vec<CatchAll>,
}

/// A domain of the directory, as far as mailboxes are concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Which.
    pub domain: Domain,
    /// What becomes of its mail.
    pub kind: DomainKind,
    /// Whether names without a domain exist in it too: it is the first organization's, as those of the file are.
    pub has_everyone: bool,
}

/// A mailbox for names that nobody has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatchAll {
    /// In which local domain; `None` for all that have no own.
    pub domain: Option<Domain>,
    /// Whose mailbox.
    pub user: LocalName,
}

/// Somebody with a mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalUser {
    /// Their name.
    pub name: LocalName,
    /// The Maildir; made when the first message comes.
    pub maildir: PathBuf,
}

/// Another name for one or more addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alias {
    /// The name.
    pub name: LocalName,
    /// Where its mail goes; at least one.
    pub targets: Vec<AliasTarget>,
}

/// Where an alias leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AliasTarget {
    /// A name in the same domain: a user or another alias.
    Name(LocalName),
    /// An address, ours or not.
    Address(Mailbox),
}

/// The part before the `@` of a local address, in lower case and without quotes; and the domain, when it exists in that
/// one alone and not in every local domain.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LocalName {
    /// In lower case: local users are told apart without regard to it (RFC 5321 §2.4 leaves that to us).
    local: String,
    domain: Option<Domain>,
}

/// What is wrong with the settings of local mail, in words for the operator.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LocalFault {
    /// A name is listed twice, as user or alias.
    #[error("{0} is listed more than once among users and aliases")]
    Twice(LocalName),
    /// Everything is a relay domain.
    #[error("\"*\" as a relay domain would let anyone send mail to anywhere; name the domains")]
    RelayEverything,
    /// A domain is local and a relay domain.
    #[error("{0} is local; it cannot be a relay domain too")]
    LocalAndRelay(Domain),
    /// A name is in a domain that is not local.
    #[error("{0}: its domain is neither among the local domains nor accepted by the directory")]
    ForeignDomain(LocalName),
    /// An alias leads nowhere.
    #[error("the alias {0} has no target")]
    NoTarget(LocalName),
    /// An alias leads to a local name that does not exist.
    #[error("the alias {alias} leads to {target}, who has no mailbox here")]
    UnknownTarget {
        /// Which alias.
        alias: LocalName,
        /// Where it leads.
        target: String,
    },
    /// An alias leads back to itself.
    #[error("the alias {0} leads back to itself, or through too many others")]
    Loop(LocalName),
    /// An alias leads to too many addresses.
    #[error("the alias {0} leads to more than {max} addresses", max = super::MAX_ALIAS_ENDS)]
    TooMany(LocalName),
    /// The catch-all is nobody.
    #[error("the catch-all {0} has no mailbox here")]
    UnknownCatchAll(LocalName),
    /// There are local domains, and nobody to be postmaster.
    #[error("{0} has no postmaster (RFC 5321 §4.5.1): add a user, or an alias for postmaster")]
    NoPostmaster(Domain),
}

impl LocalName {
    /// A name in every local domain, or in one.
    ///
    /// # Errors
    /// When `local` cannot stand before an `@`.
    pub fn new(local: &str, domain: Option<Domain>) -> Result<Self, MailboxError> {
        // Any domain will do to have the local part checked.
        let somewhere = Domain::parse("localhost")?;
        let mailbox = Mailbox::at_domain(local, domain.as_ref().unwrap_or(&somewhere))?;
        let local = mailbox.unquoted_local_part().to_lowercase();
        // `""` is a local part and no name: its folder would be the one that holds the mailboxes.
        if local.is_empty() {
            return Err(MailboxError::BadLocalPart);
        }
        Ok(Self { local, domain })
    }

    /// In lower case, without quotes.
    #[must_use]
    pub fn local(&self) -> &str {
        &self.local
    }

    /// The one domain in which it exists; `None` for every local domain.
    #[must_use]
    pub const fn domain(&self) -> Option<&Domain> {
        self.domain.as_ref()
    }

    /// A name for a folder: what could lead out of the parent folder, hide or surprise a shell becomes `%` and two
    /// hexadecimal digits.
    #[must_use]
    pub fn folder_name(&self) -> String {
        let mut name = String::new();
        for (place, octet) in self.to_string().bytes().enumerate() {
            let plain = octet.is_ascii_alphanumeric() || b"_@+=-".contains(&octet) || (octet == b'.' && place > 0);
            if plain {
                name.push(char::from(octet));
            } else {
                name.push_str(&format!("%{octet:02X}"));
            }
        }
        name
    }

    /// A user of this name, with a Maildir below `mailboxes`.
    #[must_use]
    pub fn with_maildir_in(self, mailboxes: &Path) -> LocalUser {
        LocalUser {
            maildir: mailboxes.join(self.folder_name()),
            name: self,
        }
    }
}

impl FromStr for LocalName {
    type Err = MailboxError;

    /// `name` or `name@domain`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(mailbox) = Mailbox::parse(text)
            && let Some(domain) = mailbox.host().domain()
        {
            return Self::new(mailbox.local_part(), Some(domain.clone()));
        }
        Self::new(text, None)
    }
}

impl fmt::Display for LocalName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.local)?;
        match &self.domain {
            Some(domain) => write!(f, "@{domain}"),
            None => Ok(()),
        }
    }
}

impl FromStr for AliasTarget {
    type Err = MailboxError;

    /// `name` or `name@host`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match Mailbox::parse(text) {
            Ok(mailbox) => Ok(Self::Address(mailbox)),
            Err(MailboxError::NoAt) => LocalName::new(text, None).map(Self::Name),
            Err(fault) => Err(fault),
        }
    }
}

impl fmt::Display for AliasTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => name.fmt(f),
            Self::Address(mailbox) => mailbox.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_lower_case_and_may_have_a_domain() {
        let name: LocalName = "Alice".parse().unwrap();
        assert_eq!((name.local(), name.domain()), ("alice", None));
        let name: LocalName = "Info@Example.ORG".parse().unwrap();
        assert_eq!(name.to_string(), "info@example.org");
        let name: LocalName = "\"J Doe\"@example.org".parse().unwrap();
        assert_eq!(name.local(), "j doe");
        for text in [
            "",
            "\"\"",
            "\"\"@example.org",
            "a b",
            "@example.org",
            "a@",
            "a@b@c",
            "x@[192.0.2.1]",
        ] {
            assert!(text.parse::<LocalName>().is_err(), "{text}");
        }
    }

    #[test]
    fn no_name_leads_out_of_the_mailbox_folder() {
        for (text, folder) in [
            ("alice", "alice"),
            ("alice@example.org", "alice@example.org"),
            ("\"..\"", "%2E."),
            ("\"../../etc\"", "%2E.%2F..%2Fetc"),
            ("\".hidden\"", "%2Ehidden"),
            ("\"a b%\"", "a%20b%25"),
        ] {
            let name: LocalName = text.parse().unwrap();
            assert_eq!(name.folder_name(), folder);
            let user = name.with_maildir_in(Path::new("/mail"));
            assert_eq!(user.maildir.parent(), Some(Path::new("/mail")), "{text}");
        }
    }
}
