//! What all kinds of documents have in common.

use serde::Serialize;

use super::{
    AcceptedDomain, CertificateRole, DocumentId, DocumentKind, Documents, Exception, InboundConnector, Mode,
    Organization, OutboundConnector, Rule,
};

/// A document of the directory; its default is what it says where nothing is said.
pub trait Document: Clone + Default + Serialize {
    /// What kind it is.
    const KIND: DocumentKind;

    /// Whose it is; of an organization itself, its name.
    fn organization(&self) -> &str;

    /// Its name, unique among its kind in the organization.
    fn name(&self) -> &str;

    /// One of this name that says nothing else. Of an organization the name alone counts.
    #[must_use]
    fn named(organization: &str, name: &str) -> Self;

    /// Those of its kind.
    fn of(documents: &Documents) -> &Vec<Self>;

    /// As [`Self::of`], to be changed.
    fn of_mut(documents: &mut Documents) -> &mut Vec<Self>;

    /// What it is known by.
    #[must_use]
    fn id(&self) -> DocumentId {
        DocumentId {
            kind: Self::KIND,
            organization: self.organization().to_owned(),
            name: self.name().to_owned(),
        }
    }

    /// The one of this name.
    #[must_use]
    fn find<'d>(documents: &'d Documents, organization: &str, name: &str) -> Option<&'d Self> {
        let mut all = Self::of(documents).iter();
        all.find(|one| one.name() == name && one.organization() == organization)
    }
}

/// A document that can be tried before it is enforced.
pub trait Tried: Document {
    /// Whether it acts, or is only tried.
    fn mode(&self) -> Mode;

    /// The name of the document in whose place it is tried.
    fn draft_of(&self) -> Option<&str>;

    /// Whether it is looked at.
    fn enabled(&self) -> bool;

    /// Has it looked at, or not.
    fn set_enabled(&mut self, enabled: bool);

    /// A draft of it under this name, which says what it says and is tried in its place.
    #[must_use]
    fn draft(&self, name: String) -> Self;

    /// What it says, under this name and enforced.
    #[must_use]
    fn acting(&self, name: String) -> Self;

    /// Whether it is tried and does not act.
    fn is_tried(&self) -> bool {
        self.mode() == Mode::Shadow || self.draft_of().is_some()
    }

    /// The draft of the document of this name.
    #[must_use]
    fn find_draft<'d>(documents: &'d Documents, organization: &str, live: &str) -> Option<&'d Self> {
        let mut all = Self::of(documents).iter();
        all.find(|one| one.organization() == organization && one.draft_of() == Some(live))
    }
}

impl Document for Organization {
    const KIND: DocumentKind = DocumentKind::Organization;

    fn organization(&self) -> &str {
        &self.name
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn named(_organization: &str, name: &str) -> Self {
        Self {
            name: name.to_owned(),
            ..Self::default()
        }
    }

    fn of(documents: &Documents) -> &Vec<Self> {
        &documents.organization
    }

    fn of_mut(documents: &mut Documents) -> &mut Vec<Self> {
        &mut documents.organization
    }
}

macro_rules! documents {
    ($($document:ident: $kind:ident in $list:ident;)+) => {$(
        impl Document for $document {
            const KIND: DocumentKind = DocumentKind::$kind;

            fn organization(&self) -> &str {
                &self.organization
            }

            fn name(&self) -> &str {
                &self.name
            }

            fn named(organization: &str, name: &str) -> Self {
                Self {
                    organization: organization.to_owned(),
                    name: name.to_owned(),
                    ..Self::default()
                }
            }

            fn of(documents: &Documents) -> &Vec<Self> {
                &documents.$list
            }

            fn of_mut(documents: &mut Documents) -> &mut Vec<Self> {
                &mut documents.$list
            }
        }
    )+};
}

documents! {
    AcceptedDomain: Domain in domain;
    InboundConnector: InboundConnector in inbound_connector;
    OutboundConnector: OutboundConnector in outbound_connector;
    Rule: Rule in rule;
    Exception: Exception in exception;
    CertificateRole: CertificateRole in certificate_role;
}

macro_rules! tried {
    ($($document:ident),+) => {$(
        impl Tried for $document {
            fn mode(&self) -> Mode {
                self.mode
            }

            fn draft_of(&self) -> Option<&str> {
                self.draft_of.as_deref()
            }

            fn enabled(&self) -> bool {
                self.enabled
            }

            fn set_enabled(&mut self, enabled: bool) {
                self.enabled = enabled;
            }

            fn draft(&self, name: String) -> Self {
                Self {
                    name,
                    mode: Mode::Shadow,
                    draft_of: Some(self.name.clone()),
                    ..self.clone()
                }
            }

            fn acting(&self, name: String) -> Self {
                Self {
                    name,
                    mode: Mode::Enforce,
                    draft_of: None,
                    ..self.clone()
                }
            }
        }
    )+};
}

tried!(InboundConnector, OutboundConnector, Rule);

impl<D: Document> From<D> for Documents {
    /// This one alone.
    fn from(document: D) -> Self {
        let mut documents = Self::default();
        D::of_mut(&mut documents).push(document);
        documents
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stands_in_its_list<D: Document + PartialEq + std::fmt::Debug>() {
        let document = D::named("acme", "acme");
        let id = DocumentId {
            kind: D::KIND,
            organization: "acme".to_owned(),
            name: "acme".to_owned(),
        };
        assert_eq!(document.id(), id);
        let documents = Documents::from(document.clone());
        assert_eq!(documents.len(), 1);
        assert_eq!(D::find(&documents, "acme", "acme"), Some(&document));
        assert_eq!(D::find(&documents, "acme", "bank"), None);
        assert_eq!(D::find(&documents, "bank", "acme"), None);
        // As files and store write it, kind and list have one name.
        let written = serde_json::to_value(&documents).expect("documents can be written");
        let first = written.get(D::KIND.key()).and_then(|list| list.get(0));
        assert_eq!(first, serde_json::to_value(&document).ok().as_ref());
    }

    #[test]
    fn each_document_stands_in_the_list_of_its_kind_and_is_found_there() {
        stands_in_its_list::<Organization>();
        stands_in_its_list::<AcceptedDomain>();
        stands_in_its_list::<InboundConnector>();
        stands_in_its_list::<OutboundConnector>();
        stands_in_its_list::<Rule>();
        stands_in_its_list::<Exception>();
        stands_in_its_list::<CertificateRole>();
    }

    fn is_tried_as_a_draft<D: Tried + PartialEq + std::fmt::Debug>() {
        let mut live = D::named("acme", "bank");
        live.set_enabled(false);
        assert!(!live.is_tried() && !live.enabled());
        let draft = live.draft("bank-draft".to_owned());
        assert!(draft.is_tried());
        assert_eq!((draft.mode(), draft.draft_of()), (Mode::Shadow, Some("bank")));
        assert_eq!(draft.acting("bank".to_owned()), live);
        let documents = Documents::from(draft.clone());
        assert_eq!(D::find_draft(&documents, "acme", "bank"), Some(&draft));
        assert_eq!(D::find_draft(&documents, "acme", "bank-draft"), None);
        assert_eq!(D::find_draft(&documents, "other", "bank"), None);
    }

    #[test]
    fn a_draft_says_what_its_document_says_and_becomes_it_again() {
        is_tried_as_a_draft::<InboundConnector>();
        is_tried_as_a_draft::<OutboundConnector>();
        is_tried_as_a_draft::<Rule>();
    }
}
