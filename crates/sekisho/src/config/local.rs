//! `[local]`: from texts to [`LocalSettings`].

use std::path::Path;

use sekisho_mail::Domain;

use super::{checker::Checker, parsed::Machine, raw::Raw};
use crate::local::{Alias, AliasTarget, CatchAll, Directory, LocalFault, LocalName, LocalSettings};
use crate::outbound::DomainPattern;

/// The folder of the Maildirs inside the data folder.
const MAILBOXES: &str = "mail";

pub(super) fn build(
    raw: &Raw,
    machine: &Machine,
    hostname: &Domain,
    folder: &Path,
    checker: &mut Checker<'_>,
) -> LocalSettings {
    let before = checker.count();
    let settings = LocalSettings {
        domains: domains(raw, hostname, checker),
        accepted: Vec::new(),
        relay_domains: relay_domains(raw, checker),
        users: users(raw, machine, checker)
            .into_iter()
            .map(|name| name.with_maildir_in(&folder.join(MAILBOXES)))
            .collect(),
        aliases: aliases(raw, checker),
        catch_all: catch_all(raw, checker),
    };
    // Whether the parts fit together is worth telling only when each of them is sound.
    if checker.count() == before
        && let Err(faults) = Directory::build(&settings)
    {
        // What the directory accepts is not known here: whoever reads it tells what is in neither.
        let of_the_file = faults
            .into_iter()
            .filter(|fault| !matches!(fault, LocalFault::ForeignDomain(_)));
        of_the_file.for_each(|fault| checker.fault("local", fault, ""));
    }
    settings
}

fn domains(raw: &Raw, hostname: &Domain, checker: &mut Checker<'_>) -> Vec<Domain> {
    let Some(texts) = &raw.local.domains else {
        let mut domains = vec![hostname.clone()];
        domains.extend(
            Domain::parse("localhost")
                .ok()
                .filter(|localhost| localhost != hostname),
        );
        return domains;
    };
    let mut domains: Vec<Domain> = Vec::new();
    for (place, text) in texts.iter().enumerate() {
        let key = format!("local.domains[{place}]");
        match Domain::parse(text) {
            Ok(domain) if domains.contains(&domain) => checker.fault(&key, "this domain is listed twice", ""),
            Ok(domain) => domains.push(domain),
            Err(error) => checker.fault(&key, format_args!("{text:?}: {error}"), "write a domain name"),
        }
    }
    domains
}

fn relay_domains(raw: &Raw, checker: &mut Checker<'_>) -> Vec<DomainPattern> {
    let mut patterns = Vec::new();
    for (place, text) in raw.local.relay_domains.iter().enumerate() {
        let key = format!("local.relay-domains[{place}]");
        if text == "*" {
            checker.fault(
                &key,
                "mail for every domain from anyone would be an open relay",
                "name the domains",
            );
            continue;
        }
        patterns.extend(super::route::domain_pattern(text, &key, checker));
    }
    patterns
}

fn users(raw: &Raw, machine: &Machine, checker: &mut Checker<'_>) -> Vec<LocalName> {
    let Some(texts) = &raw.local.users else {
        return LocalName::new(&machine.user, None).into_iter().collect();
    };
    let remedy = "write name, or name@domain";
    let names = texts.iter().enumerate();
    names
        .filter_map(|(place, text)| checker.parse(&format!("local.users[{place}]"), text, remedy))
        .collect()
}

fn aliases(raw: &Raw, checker: &mut Checker<'_>) -> Vec<Alias> {
    let mut aliases = Vec::new();
    for (name, targets) in &raw.local.aliases {
        let key = format!("local.aliases.{name}");
        let mut found: Vec<AliasTarget> = Vec::new();
        for (place, target) in targets.iter().enumerate() {
            let key = format!("{key}[{place}]");
            found.extend(checker.parse(&key, target, "write the name of a mailbox here, or a whole address"));
        }
        if let Some(name) = checker.parse(&key, name, "write name, or name@domain") {
            aliases.push(Alias { name, targets: found });
        }
    }
    aliases
}

fn catch_all(raw: &Raw, checker: &mut Checker<'_>) -> Vec<CatchAll> {
    let text = raw.local.catch_all.as_deref();
    let name = text.and_then(|text| checker.parse("local.catch-all", text, "write the name of a mailbox here"));
    name.map(|user| CatchAll { domain: None, user }).into_iter().collect()
}
