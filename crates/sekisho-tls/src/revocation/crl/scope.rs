//! For which certificates a CRL speaks: its issuingDistributionPoint. RFC 5280 §5.2.5 and §6.3.3 (b).

use super::CrlError;
use crate::asn1::{Elements, Malformed, SEQUENCE, constructed, primitive, whole};

/// Which certificates.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Scope {
    /// The URIs of the distribution point that it is for; `None` when it says nothing of that.
    uris: Option<Vec<String>>,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Kind {
    #[default]
    All,
    Users,
    Authorities,
}

/// What kind of certificate is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Subject {
    User,
    Authority,
}

impl Scope {
    /// From the extension's value.
    pub(super) fn read(value: &[u8]) -> Result<Self, CrlError> {
        const WHAT: &str = "its issuingDistributionPoint";
        const POINT: u8 = constructed(0);
        const ONLY_USERS: u8 = primitive(1);
        const ONLY_AUTHORITIES: u8 = primitive(2);
        const ONLY_SOME_REASONS: u8 = primitive(3);
        const INDIRECT: u8 = primitive(4);
        const ONLY_ATTRIBUTES: u8 = primitive(5);

        let mut fields = whole(value, SEQUENCE, WHAT)?;
        let (mut scope, mut last) = (Self::default(), None);
        while !fields.is_empty() {
            let field = fields.any(WHAT)?;
            let number = field.tag & 0x1f;
            if last.is_some_and(|last| last >= number) {
                return Err(Malformed(WHAT).into());
            }
            last = Some(number);
            let is_set = field.content != [0];
            match field.tag {
                POINT => scope.uris = Some(uris(field.content)?),
                ONLY_USERS | ONLY_AUTHORITIES | INDIRECT | ONLY_ATTRIBUTES if !is_set => {}
                ONLY_USERS => scope.kind = Kind::Users,
                ONLY_AUTHORITIES if scope.kind == Kind::Users => {
                    let why = "it is for no certificate: for those of users only, and for those of authorities only";
                    return Err(CrlError::Scope(why.to_owned()));
                }
                ONLY_AUTHORITIES => scope.kind = Kind::Authorities,
                ONLY_SOME_REASONS => {
                    return Err(CrlError::Scope(
                        "it tells of some reasons only, not of all revocations".to_owned(),
                    ));
                }
                INDIRECT => return Err(CrlError::Indirect),
                ONLY_ATTRIBUTES => {
                    return Err(CrlError::Scope("it is for attribute certificates only".to_owned()));
                }
                _ => return Err(Malformed(WHAT).into()),
            }
        }
        Ok(scope)
    }

    /// Whether it speaks for certificates of this kind that name this distribution point.
    ///
    /// # Errors
    /// [`CrlError::Scope`].
    pub(in crate::revocation) fn check(&self, point: &[String], subject: Subject) -> Result<(), CrlError> {
        if let Some(uris) = &self.uris
            && !uris.iter().any(|uri| point.contains(uri))
        {
            return Err(CrlError::Scope(match uris.first() {
                Some(uri) => format!("it is for another distribution point, {uri}"),
                None => "it is for a distribution point that has no URI".to_owned(),
            }));
        }
        let fits = match self.kind {
            Kind::All => true,
            Kind::Users => subject == Subject::User,
            Kind::Authorities => subject == Subject::Authority,
        };
        let only = match subject {
            Subject::User => "authorities",
            Subject::Authority => "users",
        };
        fits.then_some(())
            .ok_or_else(|| CrlError::Scope(format!("it is for the certificates of {only} only")))
    }
}

/// The URIs of a DistributionPointName; it may be for one that has none.
fn uris(content: &[u8]) -> Result<Vec<String>, CrlError> {
    const WHAT: &str = "the name of its distribution point";
    const FULL_NAME: u8 = constructed(0);
    const RELATIVE_NAME: u8 = constructed(1);
    const URI: u8 = primitive(6);

    let mut outer = Elements::new(content);
    let name = outer.any(WHAT)?;
    outer.end(WHAT)?;
    match name.tag {
        RELATIVE_NAME => return Ok(Vec::new()),
        FULL_NAME => {}
        _ => return Err(Malformed(WHAT).into()),
    }
    let mut names = Elements::new(name.content);
    let mut uris = Vec::new();
    while !names.is_empty() {
        let name = names.any(WHAT)?;
        if name.tag == URI {
            let uri = str::from_utf8(name.content).map_err(|_| Malformed(WHAT))?;
            uris.push(uri.to_owned());
        }
    }
    Ok(uris)
}
