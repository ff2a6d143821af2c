//! What partners are told of our certificates: for the command line, and for the web, which asks here too.

use axum::{Json, extract::State};
use sekisho_api::CertificatePage;

use super::Backend;
use crate::{certificate_page, clock};

impl Backend {
    /// The page as it is now; without any role where nothing is published.
    #[must_use]
    pub fn certificate_page(&self) -> CertificatePage {
        let now = clock::now();
        let publication = self.node.load().publisher.publication(&self.certificates, now);
        certificate_page::page(&publication, &self.verifier, now)
    }
}

pub(super) async fn page(State(backend): State<Backend>) -> Json<CertificatePage> {
    Json(backend.certificate_page())
}
