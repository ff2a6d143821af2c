//! The page and all that goes with it, made once for many who ask: each as octets with what caches know it by.

use std::collections::HashMap;

use axum::body::Bytes;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use sekisho_api::CertificatePage;
use sekisho_mail::Timestamp;
use sekisho_tls::sha256;

use super::PAGE;
use crate::certificate_page::{Language, Links, Sheet, document};

/// The chain's end of its first certificate in PEM.
const PEM_END: &str = "-----END CERTIFICATE-----";

/// Something that can be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Resource {
    pub(super) body: Bytes,
    pub(super) kind: &'static str,
    /// In quotation marks, as headers have it.
    pub(super) etag: String,
    /// When it came to be what it is, as far as this process knows.
    pub(super) modified: Timestamp,
    pub(super) language: Option<Language>,
    /// The name of the file in which a browser is to keep it.
    pub(super) file: Option<String>,
}

/// All of them, by path. Of the page itself there is one in each language.
#[derive(Debug, Default)]
pub(super) struct Rendered {
    pages: Vec<Resource>,
    others: HashMap<String, Resource>,
}

impl Rendered {
    /// What is published; nothing at all where no role is. `before` is what it takes the place of.
    pub(super) fn of(page: &CertificatePage, now: Timestamp, before: Option<&Self>) -> Self {
        let mut rendered = Self::default();
        if page.roles.is_empty() {
            return rendered;
        }
        let links = Links {
            downloads: "certificates/",
            json: "certificates.json",
        };
        for language in Language::ALL {
            let html = document(&Sheet::of(page, language), links);
            let mut resource = Resource::new(html, "text/html; charset=utf-8", now);
            resource.language = Some(language);
            rendered.pages.push(resource);
        }
        let mut json = serde_json::to_vec_pretty(page).unwrap_or_default();
        json.push(b'\n');
        let json = Resource::new(json, "application/json", now);
        rendered.others.insert(format!("{PAGE}.json"), json);
        let families = page.roles.iter().flat_map(|role| &role.families);
        for certificate in families.flat_map(|family| &family.certificates) {
            let digest = certificate.sha256;
            let mut add = |ending: &str, mut resource: Resource| {
                let file = format!("{digest}.{ending}");
                resource.file = Some(file.clone());
                rendered.others.insert(format!("{PAGE}/{file}"), resource);
            };
            let chain = certificate.chain.clone();
            // RFC 8555 §9.1, RFC 2585 §4.1.
            add("pem", Resource::new(chain, "application/pem-certificate-chain", now));
            if let Some(leaf) = first_in_pem(&certificate.chain) {
                add("cer", Resource::new(leaf, "application/pkix-cert", now));
            }
        }
        if let Some(before) = before {
            rendered.keep_times(before);
        }
        rendered
    }

    /// What is as it was has not been modified.
    fn keep_times(&mut self, before: &Self) {
        for (path, resource) in &mut self.others {
            resource.keep_time(before.others.get(path));
        }
        for resource in &mut self.pages {
            resource.keep_time(before.page(resource.language.unwrap_or_default()));
        }
    }

    pub(super) fn page(&self, language: Language) -> Option<&Resource> {
        self.pages.iter().find(|one| one.language == Some(language))
    }

    /// What is not the page itself.
    pub(super) fn other(&self, path: &str) -> Option<&Resource> {
        self.others.get(path)
    }
}

impl Resource {
    fn new(body: impl Into<Bytes>, kind: &'static str, now: Timestamp) -> Self {
        let body = body.into();
        let digest = sha256(&body).to_string();
        Self {
            etag: format!("\"{}\"", &digest[..32]),
            body,
            kind,
            modified: now,
            language: None,
            file: None,
        }
    }

    fn keep_time(&mut self, before: Option<&Self>) {
        if let Some(before) = before.filter(|before| before.etag == self.etag) {
            self.modified = before.modified;
        }
    }
}

/// The first certificate of a chain, in DER.
fn first_in_pem(pem: &str) -> Option<Vec<u8>> {
    let (first, _) = pem.split_once(PEM_END)?;
    let (_, base64) = first.split_once("-----\n")?;
    STANDARD.decode(base64.replace('\n', "")).ok()
}
