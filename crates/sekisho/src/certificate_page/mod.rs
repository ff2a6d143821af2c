//! The certificate information page: what partners are told of our certificates, so that a move from one root or key to
//! another surprises nobody. The value that programs read comes first; out of it a sheet is made in each language, and
//! out of that HTML or what a terminal shows. Who asks for the page, and how it is served, is left to `admin/` and
//! `web/`.

mod advice;
mod html;
mod model;
mod publication;
mod sheet;
mod steps;
mod words;

#[cfg(test)]
mod tests;

pub use advice::StepSheet;
pub use html::{CONTENT_SECURITY_POLICY, Links, document};
pub(crate) use model::instant;
pub use model::page;
pub use publication::{CertificatePublication, Publication, RolePublication};
pub use sheet::{CheckSheet, Piece, RoleSheet, RowSheet, Sheet, TableSheet};
pub use words::{Language, Words};
