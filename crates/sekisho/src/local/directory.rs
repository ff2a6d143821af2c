//! Who is local: an immutable snapshot of the settings with everything that can be resolved beforehand resolved, so
//! that a lookup is one hash and a fault in the settings shows at load (law 9).

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use sekisho_mail::{Domain, ForwardPath, Host, Mailbox};
use sekisho_policy::directory::DomainKind;

use crate::outbound::DomainPattern;

use super::settings::{Accepted, AliasTarget, LocalFault, LocalName, LocalSettings, LocalUser};

/// Aliases that lead to aliases, at the most.
pub const MAX_ALIAS_DEPTH: usize = 10;

/// Addresses to which one alias may lead in the end.
pub const MAX_ALIAS_ENDS: usize = 100;

/// The snapshot.
#[derive(Debug, Default)]
pub struct Directory {
    /// Where `<Postmaster>` without a domain goes.
    first: Option<Domain>,
    homes: HashMap<Domain, Home>,
    /// Of the configuration file.
    relay_domains: Vec<DomainPattern>,
    /// Of the directory: domains none of whose recipients is here.
    relayed: HashSet<Domain>,
}

/// A domain with mailboxes here.
#[derive(Debug, Default)]
struct Home {
    /// By name in lower case.
    names: HashMap<String, LocalFinding>,
    catch_all: Option<Arc<Resident>>,
    /// Whether whoever has no mailbox here has one behind us.
    is_shared: bool,
}

/// Somebody with a mailbox here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resident {
    /// Whose mailbox it is.
    pub user: LocalUser,
}

/// What a mailbox is to us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LocalFinding {
    /// Another domain, or an address literal.
    NotLocal,
    /// Another server's domain, whose mail is taken from anyone and passed on.
    RelayDomain,
    /// The domain is ours and has no such name.
    UnknownUser,
    /// It has a mailbox here, its own or the catch-all.
    User(Arc<Resident>),
    /// It is an alias for these addresses: names of ours that have a mailbox, and addresses elsewhere. At least one,
    /// at most [`MAX_ALIAS_ENDS`], none twice.
    Alias(Arc<[Mailbox]>),
}

impl Directory {
    /// Builds the snapshot.
    ///
    /// # Errors
    /// Every fault of the settings.
    pub fn build(settings: &LocalSettings) -> Result<Self, Vec<LocalFault>> {
        let mut builder = Builder::new(settings);
        builder.check_relay_domains();
        builder.check_names();
        builder.add_postmasters();
        let homes = builder.resolve_all();
        if !builder.faults.is_empty() {
            return Err(builder.faults);
        }
        let relayed = settings
            .accepted
            .iter()
            .filter(|accepted| !accepted.kind.has_mailboxes());
        Ok(Self {
            first: settings.domains.first().cloned(),
            homes,
            relay_domains: settings.relay_domains.clone(),
            relayed: relayed.map(|accepted| accepted.domain.clone()).collect(),
        })
    }

    /// What of the mail for this domain ends here.
    #[must_use]
    pub fn residence(&self, domain: &Domain) -> Residence {
        match self.homes.get(domain) {
            None => Residence::Nobody,
            Some(home) if home.is_shared => Residence::Some,
            Some(_) => Residence::All,
        }
    }

    /// What a recipient of RCPT is to us.
    #[must_use]
    pub fn find(&self, path: &ForwardPath) -> LocalFinding {
        match path {
            ForwardPath::Mailbox(mailbox) => self.find_mailbox(mailbox),
            ForwardPath::Postmaster => match self.postmaster() {
                Some(mailbox) => self.find_mailbox(&mailbox),
                None => LocalFinding::UnknownUser,
            },
        }
    }

    /// The address that `<Postmaster>` without a domain stands for (RFC 5321 §4.1.1.3); `None` only when there is no
    /// local domain at all.
    #[must_use]
    pub fn postmaster(&self) -> Option<Mailbox> {
        Mailbox::at_domain(POSTMASTER, self.first.as_ref()?).ok()
    }

    /// What a mailbox is to us.
    #[must_use]
    pub fn find_mailbox(&self, mailbox: &Mailbox) -> LocalFinding {
        let Some(domain) = mailbox.host().domain() else {
            return LocalFinding::NotLocal;
        };
        let Some(home) = self.homes.get(domain) else {
            let relayed = self.relayed.contains(domain)
                || self.relay_domains.iter().any(|pattern| pattern.matches(mailbox.host()));
            return if relayed {
                LocalFinding::RelayDomain
            } else {
                LocalFinding::NotLocal
            };
        };
        if let Some(finding) = home.names.get(&mailbox.unquoted_local_part().to_lowercase()) {
            return finding.clone();
        }
        match &home.catch_all {
            Some(resident) => LocalFinding::User(Arc::clone(resident)),
            None if home.is_shared => LocalFinding::RelayDomain,
            None => LocalFinding::UnknownUser,
        }
    }
}

/// What of the mail for a domain ends here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Residence {
    /// None of it.
    Nobody,
    /// That for the mailboxes which are here; the rest goes on.
    Some,
    /// All of it.
    All,
}

const POSTMASTER: &str = "postmaster";

/// What a name stands for before aliases are followed.
#[derive(Clone)]
enum Entry {
    User(Arc<Resident>),
    Alias(Arc<[AliasTarget]>),
}

struct Builder<'a> {
    settings: &'a LocalSettings,
    /// Every domain with mailboxes here, those of the file first.
    homes: Vec<Accepted>,
    /// Where each stands among them.
    places: HashMap<Domain, usize>,
    /// With the domain where the name has one.
    entries: HashMap<(Option<Domain>, String), Entry>,
    faults: Vec<LocalFault>,
}

impl<'a> Builder<'a> {
    fn new(settings: &'a LocalSettings) -> Self {
        let of_the_file = settings.domains.iter().map(|domain| Accepted {
            domain: domain.clone(),
            kind: DomainKind::Authoritative,
            has_everyone: true,
        });
        let of_the_directory = settings
            .accepted
            .iter()
            .filter(|accepted| accepted.kind.has_mailboxes());
        let homes: Vec<Accepted> = of_the_file.chain(of_the_directory.cloned()).collect();
        let places = homes.iter().enumerate();
        Self {
            settings,
            places: places.map(|(place, home)| (home.domain.clone(), place)).collect(),
            homes,
            entries: HashMap::new(),
            faults: Vec::new(),
        }
    }

    fn check_relay_domains(&mut self) {
        for pattern in &self.settings.relay_domains {
            match pattern {
                DomainPattern::Everything => self.faults.push(LocalFault::RelayEverything),
                DomainPattern::Exact(Host::Domain(domain)) if self.places.contains_key(domain) => {
                    self.faults.push(LocalFault::LocalAndRelay(domain.clone()));
                }
                DomainPattern::Exact(_) | DomainPattern::Below(_) => {}
            }
        }
    }

    fn check_names(&mut self) {
        for user in &self.settings.users {
            let resident = Arc::new(Resident { user: user.clone() });
            self.add(&user.name, Entry::User(resident));
        }
        for alias in &self.settings.aliases {
            if alias.targets.is_empty() {
                self.faults.push(LocalFault::NoTarget(alias.name.clone()));
            }
            self.add(&alias.name, Entry::Alias(alias.targets.clone().into()));
        }
    }

    fn add(&mut self, name: &LocalName, entry: Entry) {
        if let Some(domain) = name.domain()
            && !self.places.contains_key(domain)
        {
            self.faults.push(LocalFault::ForeignDomain(name.clone()));
        }
        let key = (name.domain().cloned(), name.local().to_owned());
        if self.entries.insert(key, entry).is_some() {
            self.faults.push(LocalFault::Twice(name.clone()));
        }
    }

    /// Every domain that is wholly here has a postmaster: where the settings name none, it is the first user.
    fn add_postmasters(&mut self) {
        for home in self.homes.clone() {
            if home.kind != DomainKind::Authoritative || self.entry(&home.domain, POSTMASTER).is_some() {
                continue;
            }
            match self.first_user(&home) {
                Some(target) => {
                    let key = (Some(home.domain), POSTMASTER.to_owned());
                    self.entries.insert(key, Entry::Alias([target].into()));
                }
                None => self.faults.push(LocalFault::NoPostmaster(home.domain)),
            }
        }
    }

    /// The first user as seen from a domain.
    fn first_user(&self, home: &Accepted) -> Option<AliasTarget> {
        let user = self.settings.users.first()?;
        let theirs = match user.name.domain() {
            None if home.has_everyone => return Some(AliasTarget::Name(user.name.clone())),
            Some(domain) => domain,
            None => &self.homes.iter().find(|home| home.has_everyone)?.domain,
        };
        let address = Mailbox::at_domain(&quoted(user.name.local()), theirs);
        Some(address.map_or_else(|_| AliasTarget::Name(user.name.clone()), AliasTarget::Address))
    }

    /// A name in its domain; one that exists there alone goes before one that exists everywhere.
    fn entry(&self, domain: &Domain, local: &str) -> Option<&Entry> {
        let there = self.entries.get(&(Some(domain.clone()), local.to_owned()));
        there.or_else(|| {
            let home = self.homes.get(*self.places.get(domain)?)?;
            let everywhere = (None, local.to_owned());
            home.has_everyone.then(|| self.entries.get(&everywhere)).flatten()
        })
    }

    fn resolve_all(&mut self) -> HashMap<Domain, Home> {
        let mut everywhere: Vec<String> = Vec::new();
        let mut there: HashMap<Domain, Vec<String>> = HashMap::new();
        for (domain, local) in self.entries.keys() {
            match domain {
                None => everywhere.push(local.clone()),
                Some(domain) => there.entry(domain.clone()).or_default().push(local.clone()),
            }
        }
        let mut all = HashMap::new();
        for home in self.homes.clone() {
            let mut locals = there.remove(&home.domain).unwrap_or_default();
            if home.has_everyone {
                locals.extend(everywhere.iter().cloned());
            }
            let mut names = HashMap::new();
            for local in locals {
                let finding = match self.entry(&home.domain, &local).cloned() {
                    None => continue,
                    Some(Entry::User(resident)) => LocalFinding::User(resident),
                    Some(Entry::Alias(_)) => LocalFinding::Alias(self.follow_alias(&home.domain, &local)),
                };
                names.insert(local, finding);
            }
            let resolved = Home {
                names,
                catch_all: self.resolve_catch_all(&home),
                is_shared: home.kind == DomainKind::InternalRelay,
            };
            all.insert(home.domain, resolved);
        }
        all
    }

    /// Follows an alias to its ends; notes what is wrong with it.
    fn follow_alias(&mut self, domain: &Domain, local: &str) -> Arc<[Mailbox]> {
        let name = LocalName::new(&quoted(local), Some(domain.clone()));
        let name = name.expect("invariant: a name of the settings is well formed");
        let mut walk = Walk {
            alias: name,
            seen: HashSet::new(),
            ends: Vec::new(),
        };
        match self.walk(&mut walk, domain, local, 0) {
            Ok(()) => walk.ends.into(),
            Err(fault) => {
                // An alias that exists everywhere would tell the same of each domain.
                if !self.faults.contains(&fault) {
                    self.faults.push(fault);
                }
                Arc::from([])
            }
        }
    }

    fn walk(&self, walk: &mut Walk, domain: &Domain, local: &str, depth: usize) -> Result<(), LocalFault> {
        let Some(entry) = self.entry(domain, local) else {
            // Whoever has no mailbox here may have one behind us.
            let home = self.places.get(domain).and_then(|place| self.homes.get(*place));
            let is_shared = home.is_some_and(|home| home.kind == DomainKind::InternalRelay);
            if let Ok(address) = Mailbox::at_domain(&quoted(local), domain)
                && is_shared
            {
                return walk.arrive(address);
            }
            return Err(LocalFault::UnknownTarget {
                alias: walk.alias.clone(),
                target: format!("{local}@{domain}"),
            });
        };
        let targets = match entry {
            Entry::User(_) => {
                let end = Mailbox::at_domain(&quoted(local), domain);
                return walk.arrive(end.expect("invariant: a name of the settings is well formed"));
            }
            Entry::Alias(targets) => targets,
        };
        // Two ways to one alias are no loop; a way through it to itself is, and ends at the limit of depth.
        if depth >= MAX_ALIAS_DEPTH {
            return Err(LocalFault::Loop(walk.alias.clone()));
        }
        if depth > 0 && !walk.seen.insert((domain.clone(), local.to_owned(), depth)) {
            return Ok(());
        }
        for target in targets.iter() {
            match self.local_target(domain, target) {
                Ok((domain, local)) => self.walk(walk, &domain, &local, depth + 1)?,
                Err(elsewhere) => walk.arrive(elsewhere)?,
            }
        }
        Ok(())
    }

    /// Where a target is when it is local; otherwise its address.
    fn local_target(&self, domain: &Domain, target: &AliasTarget) -> Result<(Domain, String), Mailbox> {
        match target {
            AliasTarget::Name(name) => Ok((domain.clone(), name.local().to_owned())),
            AliasTarget::Address(mailbox) => match mailbox.host().domain() {
                Some(theirs) if self.places.contains_key(theirs) => {
                    Ok((theirs.clone(), mailbox.unquoted_local_part().to_lowercase()))
                }
                Some(_) | None => Err(mailbox.clone()),
            },
        }
    }

    /// Only of a domain that is wholly here, and of those that belong to nobody in particular: whoever is not known in
    /// another organization's domain is not to be read here.
    fn resolve_catch_all(&mut self, home: &Accepted) -> Option<Arc<Resident>> {
        let all = &self.settings.catch_all;
        let own = all.iter().find(|one| one.domain.as_ref() == Some(&home.domain));
        let everyones = all.iter().find(|one| one.domain.is_none());
        let is_wholly_here = home.kind == DomainKind::Authoritative;
        let one = own.or_else(|| everyones.filter(|_| home.has_everyone && is_wholly_here))?;
        match self.entry(one.user.domain().unwrap_or(&home.domain), one.user.local()) {
            Some(Entry::User(resident)) => Some(Arc::clone(resident)),
            Some(Entry::Alias(_)) | None => {
                self.faults.push(LocalFault::UnknownCatchAll(one.user.clone()));
                None
            }
        }
    }
}

/// One alias being followed.
struct Walk {
    alias: LocalName,
    /// At which depth an alias was met: a second time at the same depth adds nothing, and the bound on the depth bounds
    /// the whole walk.
    seen: HashSet<(Domain, String, usize)>,
    ends: Vec<Mailbox>,
}

impl Walk {
    fn arrive(&mut self, end: Mailbox) -> Result<(), LocalFault> {
        if self.ends.contains(&end) {
            return Ok(());
        }
        if self.ends.len() >= MAX_ALIAS_ENDS {
            return Err(LocalFault::TooMany(self.alias.clone()));
        }
        self.ends.push(end);
        Ok(())
    }
}

/// A local part that means `plain`, quoted where it has to be.
fn quoted(plain: &str) -> String {
    let domain = Domain::parse("localhost").expect("invariant: localhost is a name");
    if Mailbox::at_domain(plain, &domain).is_ok() && !plain.starts_with('"') {
        return plain.to_owned();
    }
    let mut text = String::from("\"");
    for character in plain.chars() {
        if matches!(character, '"' | '\\') {
            text.push('\\');
        }
        text.push(character);
    }
    text.push('"');
    text
}

#[cfg(test)]
mod relay_domain_tests {
    use super::*;

    fn settings(relay_domains: Vec<DomainPattern>) -> LocalSettings {
        LocalSettings {
            domains: vec![Domain::parse("local.example").unwrap()],
            relay_domains,
            users: vec![
                LocalName::new("alice", None)
                    .unwrap()
                    .with_maildir_in(std::path::Path::new("/mail")),
            ],
            ..LocalSettings::default()
        }
    }

    fn domain(text: &str) -> Domain {
        Domain::parse(text).unwrap()
    }

    #[test]
    fn a_relay_domain_is_neither_local_nor_foreign() {
        let patterns = vec![
            DomainPattern::Exact(Host::Domain(domain("example.org"))),
            DomainPattern::Below(domain("example.net")),
        ];
        let directory = Directory::build(&settings(patterns)).unwrap();
        let find = |text: &str| directory.find_mailbox(&Mailbox::parse(text).unwrap());
        assert_eq!(find("whoever@example.org"), LocalFinding::RelayDomain);
        assert_eq!(find("whoever@a.example.net"), LocalFinding::RelayDomain);
        assert_eq!(find("whoever@example.net"), LocalFinding::NotLocal);
        assert_eq!(find("nobody@local.example"), LocalFinding::UnknownUser);
        // Only what stands right of the last @ counts.
        assert_eq!(find("\"a@example.org\"@example.com"), LocalFinding::NotLocal);
        assert_eq!(find("a%example.org@example.com"), LocalFinding::NotLocal);
    }

    #[test]
    fn everything_is_no_relay_domain_and_a_local_domain_is_none_either() {
        let faults = Directory::build(&settings(vec![DomainPattern::Everything])).unwrap_err();
        assert_eq!(faults, vec![LocalFault::RelayEverything]);
        let local = DomainPattern::Exact(Host::Domain(domain("local.example")));
        let faults = Directory::build(&settings(vec![local])).unwrap_err();
        assert_eq!(faults, vec![LocalFault::LocalAndRelay(domain("local.example"))]);
    }
}
