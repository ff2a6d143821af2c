//! The page in one language, before it is laid out: headings, steps and tables as pieces of text, out of which both the
//! HTML and what a terminal shows are made. All text of certificates is escaped here, once (law 11).

use std::fmt;

use fluent_bundle::FluentArgs;
use sekisho_api::{
    CertificatePage, PublishedCertificate, PublishedEndpoint, PublishedEndpointKind, PublishedFamily, PublishedRole,
    PublishedRootStanding, PublishedStanding,
};

use super::{
    advice::{self, StepSheet},
    words::{Language, Words},
};
use crate::telemetry::escaped;

/// The whole page.
#[derive(Clone, Debug)]
pub struct Sheet {
    /// In which language.
    pub language: Language,
    /// What the page is called.
    pub title: String,
    /// For whom it is.
    pub intro: String,
    /// Of which day.
    pub as_of: String,
    /// What to say instead of roles where there is none.
    pub nothing: Option<String>,
    /// A part for each role.
    pub roles: Vec<RoleSheet>,
}

/// A role.
#[derive(Clone, Debug)]
pub struct RoleSheet {
    /// Its heading.
    pub heading: String,
    /// Who presents it, and to whom.
    pub notes: Vec<String>,
    /// What moves, and when.
    pub moves: Vec<String>,
    /// The heading of the steps.
    pub steps_heading: String,
    /// What a partner must do; never empty.
    pub steps: Vec<StepSheet>,
    /// A table for each kind of key.
    pub tables: Vec<TableSheet>,
    /// Addresses in the chains; none where they name none.
    pub endpoints: Option<TableSheet>,
    /// The heading of what follows.
    pub checks_heading: String,
    /// How to check.
    pub checks: Vec<CheckSheet>,
}

/// A table.
#[derive(Clone, Debug)]
pub struct TableSheet {
    /// What stands above it.
    pub caption: String,
    /// What its columns are called, the first included.
    pub columns: Vec<String>,
    /// Its rows.
    pub rows: Vec<RowSheet>,
}

/// A row.
#[derive(Clone, Debug)]
pub struct RowSheet {
    /// What it is called.
    pub label: String,
    /// One for each column but the first.
    pub cells: Vec<Vec<Piece>>,
    /// How it is marked where its cells differ.
    pub mark: Option<String>,
}

/// A command that shows whether something is as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckSheet {
    /// What it shows.
    pub what: String,
    /// The command.
    pub command: String,
}

/// A piece of text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Words.
    Text(String),
    /// What is copied and compared: digests, records.
    Code(String),
    /// An address, as it is shown, and as a browser may follow it.
    Address(String, Option<String>),
    /// An instant in RFC 3339, and as it is shown.
    Instant(String, String),
    /// A file that goes with the page: its name, and what it is called.
    Download(String, String),
}

impl fmt::Display for Piece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text)
            | Self::Code(text)
            | Self::Address(text, _)
            | Self::Instant(_, text)
            | Self::Download(_, text) => f.write_str(text),
        }
    }
}

impl Sheet {
    /// The page in this language.
    #[must_use]
    pub fn of(page: &CertificatePage, language: Language) -> Self {
        let words = language.words();
        Self {
            language,
            title: words.say_with("title", "service", &shown(&page.service)),
            intro: words.say("intro"),
            as_of: words.say_with("as-of", "date", &words.date(&page.as_of)),
            nothing: page.roles.is_empty().then(|| words.say("nothing-published")),
            roles: page.roles.iter().map(|role| role_sheet(role, words)).collect(),
        }
    }
}

/// Text of others as it may be shown.
pub(super) fn shown(text: &str) -> String {
    escaped(text).to_string()
}

pub(super) fn list(texts: &[String]) -> String {
    shown(&texts.join(", "))
}

/// An address; a browser may follow it where it leads to the web, and nowhere else.
pub(super) fn address(url: &str) -> Piece {
    let is_web = ["http://", "https://"].iter().any(|scheme| {
        let found = url.get(..scheme.len());
        found.is_some_and(|found| found.eq_ignore_ascii_case(scheme))
    });
    let is_plain = url.bytes().all(|octet| octet.is_ascii_graphic());
    Piece::Address(shown(url), (is_web && is_plain).then(|| url.to_owned()))
}

fn role_sheet(role: &PublishedRole, words: &Words) -> RoleSheet {
    let names = if role.server_names.is_empty() {
        &role.client_names
    } else {
        &role.server_names
    };
    let heading = if names.is_empty() {
        shown(&role.name)
    } else {
        list(names)
    };
    let of_names = |message: &str, names: &[String]| {
        let said = || words.say_with(message, "names", &list(names));
        (!names.is_empty()).then(said)
    };
    let notes = [
        of_names("role-server", &role.server_names),
        of_names("role-client", &role.client_names),
        Some(words.say_with("role-name", "name", &shown(&role.name))),
        (role.families.len() > 1).then(|| words.say("family-both")),
    ];
    let tables = role.families.iter().map(|family| family_table(family, words));
    RoleSheet {
        heading: words.say_with("role-heading", "names", &heading),
        notes: notes.into_iter().flatten().collect(),
        moves: moves(role, words),
        steps_heading: words.say("steps"),
        steps: advice::steps(role, words),
        tables: tables.collect(),
        endpoints: endpoints(role, words),
        checks_heading: words.say("check"),
        checks: advice::checks(role, words),
    }
}

fn has(family: &PublishedFamily, standing: PublishedStanding) -> bool {
    family.certificates.iter().any(|one| one.standing == standing)
}

/// What moves: each instant once, since both kinds of keys mostly move together.
fn moves(role: &PublishedRole, words: &Words) -> Vec<String> {
    let mut said: Vec<String> = Vec::new();
    for family in &role.families {
        let (comes, came) = (
            has(family, PublishedStanding::Next),
            has(family, PublishedStanding::Previous),
        );
        let text = match &family.changes_at {
            Some(at) if comes => words.say_with("move-at", "instant", &words.instant(at)),
            None if comes => words.say("move-undecided"),
            Some(at) if came => words.say_with("move-was", "instant", &words.instant(at)),
            _ => continue,
        };
        let columns = words.say(if comes { "move-columns" } else { "move-columns-since" });
        for text in [text, columns] {
            if !said.contains(&text) {
                said.push(text);
            }
        }
    }
    said
}

fn family_table(family: &PublishedFamily, words: &Words) -> TableSheet {
    let headings = family.certificates.iter().map(|one| column(family, one, words));
    let row = |label: &str, cell: &dyn Fn(&PublishedCertificate) -> Vec<Piece>| {
        let cells: Vec<_> = family.certificates.iter().map(cell).collect();
        // Files differ by their names.
        let differs = cells.windows(2).any(|pair| pair[0] != pair[1]) && label != "row-download";
        RowSheet {
            label: words.say(label),
            mark: differs.then(|| words.say("changed")),
            cells,
        }
    };
    let texts = |texts: &[String]| match texts {
        [] => vec![Piece::Text(words.say("none"))],
        texts => texts.iter().map(|text| Piece::Text(shown(text))).collect(),
    };
    let code = |text: &str| vec![Piece::Code(shown(text))];
    let at = |at: &String| vec![Piece::Instant(at.clone(), words.instant(at))];
    TableSheet {
        caption: words.say(&format!("family-{}", family_word(&family.key_family))),
        columns: std::iter::once(words.say("column-row")).chain(headings).collect(),
        rows: vec![
            row("row-root", &|one| root(one, words)),
            row("row-name", &|one| texts(&one.common_names)),
            row("row-organization", &|one| texts(&one.organizations)),
            row("row-unit", &|one| texts(&one.organizational_units)),
            row("row-key", &|one| vec![Piece::Text(key(&one.key, words))]),
            row("row-not-before", &|one| at(&one.not_before)),
            row("row-not-after", &|one| at(&one.not_after)),
            row("row-names", &|one| names(one, words)),
            row("row-issuer", &|one| vec![Piece::Text(shown(&one.issuer))]),
            row("row-issuers", &|one| issuers(one, words)),
            row("row-serial", &|one| code(&one.serial)),
            row("row-sha256", &|one| code(&one.sha256.to_string())),
            row("row-sha1", &|one| code(&one.sha1)),
            row("row-spki", &|one| code(&one.spki_sha256.to_string())),
            row("row-spki-base64", &|one| code(&one.spki_sha256_base64)),
            row("row-tlsa", &|one| code(&one.tlsa)),
            row("row-download", &|one| downloads(one, words)),
        ],
    }
}

/// One of the words that messages know.
fn family_word(key_family: &str) -> &str {
    match key_family {
        "ecdsa" | "rsa" => key_family,
        _ => "other",
    }
}

fn column(family: &PublishedFamily, one: &PublishedCertificate, words: &Words) -> String {
    let dated = |message: &str, plain: &str| match &family.changes_at {
        Some(at) => words.say_with(message, "date", &words.date(at)),
        None => words.say(plain),
    };
    match one.standing {
        PublishedStanding::Previous => dated("column-previous-until", "column-previous"),
        PublishedStanding::Next => dated("column-next-from", "column-next"),
        PublishedStanding::Current if has(family, PublishedStanding::Next) => {
            dated("column-current-until", "column-current")
        }
        PublishedStanding::Current => dated("column-current-since", "column-current"),
    }
}

/// `RSA 2048` and `P-256` in words; others as they are.
pub(super) fn key(key: &str, words: &Words) -> String {
    if let Some(bits) = key.strip_prefix("RSA ") {
        return words.say_with("key-rsa", "bits", &shown(bits));
    }
    if key.starts_with("P-") {
        return words.say_with("key-curve", "curve", &shown(key));
    }
    shown(key)
}

fn root(one: &PublishedCertificate, words: &Words) -> Vec<Piece> {
    let note = words.say(match one.root.standing {
        PublishedRootStanding::Trusted => "root-trusted",
        PublishedRootStanding::Presented => "root-presented",
        PublishedRootStanding::SelfSigned => return vec![Piece::Text(words.say("root-self-signed"))],
        PublishedRootStanding::Unknown => "root-unknown",
    });
    let mut pieces = vec![Piece::Text(shown(&one.root.subject))];
    pieces.extend(one.root.sha256.map(|digest| Piece::Code(format!("SHA-256 {digest}"))));
    pieces.push(Piece::Text(format!("({note})")));
    pieces
}

fn names(one: &PublishedCertificate, words: &Words) -> Vec<Piece> {
    let mut pieces: Vec<_> = one.names.iter().map(|name| Piece::Text(shown(name))).collect();
    if one.more_names > 0 {
        pieces.push(Piece::Text(words.say_count("more-names", one.more_names)));
    }
    if pieces.is_empty() {
        pieces.push(Piece::Text(words.say("none")));
    }
    pieces
}

fn issuers(one: &PublishedCertificate, words: &Words) -> Vec<Piece> {
    let of_issuer = |issuer: &sekisho_api::PublishedIssuer| {
        let until = words.say_with("until", "date", &words.date(&issuer.not_after));
        [
            Piece::Text(format!("{} ({until})", shown(&issuer.subject))),
            Piece::Code(format!("SHA-256 {}", issuer.sha256)),
        ]
    };
    // The root may be presented along; it has a row of its own.
    let between = one
        .issuers
        .iter()
        .filter(|issuer| Some(issuer.sha256) != one.root.sha256);
    let pieces: Vec<_> = between.flat_map(of_issuer).collect();
    if pieces.is_empty() {
        return vec![Piece::Text(words.say("none"))];
    }
    pieces
}

fn downloads(one: &PublishedCertificate, words: &Words) -> Vec<Piece> {
    vec![
        Piece::Download(format!("{}.pem", one.sha256), words.say("download-chain")),
        Piece::Download(format!("{}.cer", one.sha256), words.say("download-certificate")),
    ]
}

fn endpoints(role: &PublishedRole, words: &Words) -> Option<TableSheet> {
    let certificates = role.families.iter().flat_map(|family| &family.certificates);
    let (mut told, mut rows): (Vec<&PublishedEndpoint>, Vec<RowSheet>) = (Vec::new(), Vec::new());
    for certificate in certificates {
        for endpoint in &certificate.endpoints {
            if !told.contains(&endpoint) {
                told.push(endpoint);
            }
        }
        if let Some(why) = &certificate.endpoints_fault {
            rows.push(RowSheet {
                label: words.say_with("endpoints-fault", "why", &shown(why)),
                cells: vec![Vec::new()],
                mark: None,
            });
        }
    }
    told.sort_by_key(|endpoint| endpoint.kind);
    let listed = told.iter().map(|endpoint| RowSheet {
        label: words.say(match endpoint.kind {
            PublishedEndpointKind::Crl => "endpoint-crl",
            PublishedEndpointKind::Ocsp => "endpoint-ocsp",
            PublishedEndpointKind::Issuer => "endpoint-issuer",
        }),
        cells: vec![vec![address(&endpoint.url)]],
        mark: None,
    });
    rows.splice(0..0, listed);
    let columns = ["column-purpose", "column-address"].map(|column| words.say(column));
    (!rows.is_empty()).then(|| TableSheet {
        caption: words.say("endpoints"),
        columns: columns.to_vec(),
        rows,
    })
}

/// Words with two texts in them.
pub(super) fn say_two(words: &Words, message: &str, one: (&str, &str), other: (&str, &str)) -> String {
    words.say_of(message, &FluentArgs::from_iter([one, other]))
}
