//! Moving in: what other mail systems say of connectors, routes and domains, as documents of the directory; and in
//! words what has no counterpart here, and what would be enforced differently.
//!
//! Pure functions from text to [`Import`]; files are read by who calls, before or through a function that is passed in.

pub mod exchange;
pub mod files;
pub mod postfix;
mod sums;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
};

use sekisho_api::{DocumentId, Documents, FIRST_ORGANIZATION, FaultView, Organization};
use serde::Serialize;

/// Places that are named with a note; one that concerns more of them is about all of them anyway.
const PLACES_SHOWN_MAX: usize = 8;

/// What the operator wants.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Whose the documents are.
    pub organization: String,
    /// Properties (of Exchange) and TLS levels (of Postfix) that are taken out although they have an effect there;
    /// compared without regard to case.
    pub leave_out: Vec<String>,
}

impl Default for Wanted {
    fn default() -> Self {
        Self {
            organization: FIRST_ORGANIZATION.to_owned(),
            leave_out: Vec::new(),
        }
    }
}

impl Wanted {
    fn leaves_out(&self, name: &str) -> bool {
        self.leave_out.iter().any(|one| one.eq_ignore_ascii_case(name))
    }
}

/// What was read.
#[derive(Clone, Debug, Default)]
pub struct Import {
    /// As documents; nobody has judged them yet.
    pub documents: Documents,
    /// What an operator must know beside them, in the order in which it was found.
    pub notes: Vec<Note>,
    /// Where each document comes from, by its title.
    sources: HashMap<String, Source>,
    /// Where a note of the same words stands in `notes`.
    same: HashMap<(NoteKind, bool, String, String), usize>,
}

/// What a note is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NoteKind {
    /// It could not be read, or cannot be carried over as it is: nothing is applied.
    Fault,
    /// Nothing here does what it does there; it was left out.
    NoCounterpart,
    /// It was carried over and is enforced differently.
    Different,
    /// It is not carried over, but there is something like it, for the operator to set.
    Advice,
}

impl NoteKind {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 4] = [Self::Fault, Self::NoCounterpart, Self::Different, Self::Advice];

    /// What stands above notes of this kind.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Fault => "cannot be carried over:",
            Self::NoCounterpart => "no counterpart here:",
            Self::Different => "enforced differently here:",
            Self::Advice => "left to you:",
        }
    }
}

/// Something that documents do not say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Note {
    /// What it is about.
    pub kind: NoteKind,
    /// Where it stands; at least one.
    pub places: Vec<Place>,
    /// What an operator should know.
    pub text: String,
    /// Whether mail is treated otherwise because of it.
    pub matters: bool,
}

/// A place in what was read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The file as it was named.
    pub file: String,
    /// The line, from 1 on, where lines mean something.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// The object with its name: `inbound connector "Bank"`; may be empty.
    pub object: String,
    /// The property, parameter or attribute; may be empty.
    pub property: String,
}

/// `inbound.json: inbound connector "Bank", EFSkipIPs`
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        let parts = [&self.object, &self.property];
        let parts: Vec<&str> = parts
            .into_iter()
            .map(String::as_str)
            .filter(|part| !part.is_empty())
            .collect();
        if parts.is_empty() {
            return Ok(());
        }
        write!(f, ": {}", parts.join(", "))
    }
}

/// `inbound.json: inbound connector "Bank", EFSkipIPs: matters: …`
impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(first) = self.places.first() else {
            return f.write_str(&self.text);
        };
        first.fmt(f)?;
        let others = &self.places[1..];
        for place in others.iter().take(PLACES_SHOWN_MAX - 1) {
            match place.line {
                Some(line) if place.file == first.file && place.object.is_empty() => write!(f, " and line {line}")?,
                Some(_) | None => write!(f, " and {}", place.beside(first))?,
            }
        }
        if let Some(more) = others.len().checked_sub(PLACES_SHOWN_MAX - 1).filter(|more| *more > 0) {
            write!(f, " and {more} more")?;
        }
        write!(f, ": {}", self.text)
    }
}

impl Place {
    /// What it says beyond a place that was named before.
    fn beside(&self, first: &Self) -> String {
        if self.file != first.file || self.object.is_empty() {
            return self.to_string();
        }
        match self.line {
            Some(line) => format!("{} (line {line})", self.object),
            None => self.object.clone(),
        }
    }
}

/// Where a document comes from.
#[derive(Clone, Debug, Default)]
struct Source {
    place: Place,
    /// By the field of the document.
    fields: BTreeMap<&'static str, Place>,
}

impl Import {
    /// With the organization of what is wanted, unless it is the one that is always there.
    fn of(wanted: &Wanted) -> Self {
        let mut import = Self::default();
        if wanted.organization != FIRST_ORGANIZATION {
            import.documents.organization.push(Organization {
                name: wanted.organization.clone(),
                ..Organization::default()
            });
        }
        import
    }

    /// Whether something could not be read, or not be carried over.
    #[must_use]
    pub fn has_faults(&self) -> bool {
        self.notes.iter().any(|note| note.kind == NoteKind::Fault)
    }

    /// What the server found wrong with a document, at the place that the document comes from.
    #[must_use]
    pub fn locate(&self, fault: &FaultView) -> Note {
        let mut place = Place {
            object: fault.place.clone(),
            property: fault.field.clone(),
            ..Place::default()
        };
        if let Some(source) = self.sources.get(&fault.place) {
            let of_the_field = source.fields.get(fault.field.as_str());
            place = of_the_field.unwrap_or(&source.place).clone();
            if of_the_field.is_none() {
                place.property.clone_from(&fault.field);
            }
        }
        let mut text = fault.reason.clone();
        if !fault.remedy.is_empty() {
            text.push_str("; ");
            text.push_str(&fault.remedy);
        }
        Note {
            kind: NoteKind::Fault,
            places: vec![place],
            text,
            matters: true,
        }
    }

    /// Adds a note, to one that says the same of another place where there is one.
    fn note(&mut self, kind: NoteKind, matters: bool, place: Place, text: impl Into<String>) {
        let text = text.into();
        let key = (kind, matters, place.property.clone(), text.clone());
        match self.same.get(&key).and_then(|at| self.notes.get_mut(*at)) {
            Some(note) if note.places.last() == Some(&place) => {}
            Some(note) => note.places.push(place),
            None => {
                self.same.insert(key, self.notes.len());
                self.notes.push(Note {
                    kind,
                    places: vec![place],
                    text,
                    matters,
                });
            }
        }
    }

    fn fault(&mut self, place: Place, text: impl Into<String>) {
        self.note(NoteKind::Fault, true, place, text);
    }

    fn comes_from(&mut self, id: &DocumentId, source: Source) {
        self.sources.insert(id.title(), source);
    }
}
