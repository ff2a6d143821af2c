//! Learned partners: listed, shown, and what they would let one demand of them.

use axum::{
    Json,
    extract::{Query, State},
};
use sekisho_api::{
    DEFAULT_PAGE, DocumentKind, FIRST_ORGANIZATION, MailDirection, OnePartnerQuery, Partner, PartnerPage, PartnerQuery,
    PartnerSuggestion, SuggestionReason,
};
use sekisho_mail::Domain;
use sekisho_policy::directory::DomainScope;

use super::{Backend, Failure};
use crate::partners;

/// Partners on a page at most: each may be as long as an observation.
const PAGE_MAX: u32 = 500;

type Answer<T> = Result<Json<T>, Failure>;

pub(super) async fn list(State(backend): State<Backend>, Query(query): Query<PartnerQuery>) -> Answer<PartnerPage> {
    backend.partners.write(&*backend.store).await?;
    let prefix = query
        .organization
        .as_ref()
        .map(|organization| partners::key(organization, ""));
    let limit = query.limit.unwrap_or(DEFAULT_PAGE).clamp(1, PAGE_MAX) as usize;
    let prefix = prefix.unwrap_or_default();
    let (partners, next) = partners::list(&*backend.store, &prefix, query.after, limit).await?;
    Ok(Json(PartnerPage { partners, next }))
}

pub(super) async fn show(State(backend): State<Backend>, Query(query): Query<OnePartnerQuery>) -> Answer<Partner> {
    Ok(Json(find(&backend, &query).await?))
}

pub(super) async fn suggest(
    State(backend): State<Backend>,
    Query(query): Query<OnePartnerQuery>,
) -> Answer<PartnerSuggestion> {
    let partner = find(&backend, &query).await?;
    let mut suggestion = partners::suggest(&partner);
    say_what_is_there(&backend, &mut suggestion);
    Ok(Json(suggestion))
}

async fn find(backend: &Backend, query: &OnePartnerQuery) -> Result<Partner, Failure> {
    let organization = query.organization.as_deref().unwrap_or(FIRST_ORGANIZATION);
    let domain = Domain::parse(&query.domain)
        .map_err(|error| Failure::bad_request(format!("{:?} is no domain: {error}", query.domain)))?;
    backend.partners.write(&*backend.store).await?;
    let found = partners::read(&*backend.store, organization, domain.as_str()).await?;
    found.ok_or_else(|| {
        Failure::not_found(format!(
            "{organization} has exchanged no mail with {domain} that is remembered"
        ))
    })
}

/// Connectors that name the domain already: two would not be taken, or the other is to be changed.
fn say_what_is_there(backend: &Backend, suggestion: &mut PartnerSuggestion) {
    let parsed = backend.directory.current();
    let names_it = |scopes: &[DomainScope]| {
        scopes
            .iter()
            .any(|scope| matches!(scope, DomainScope::Exact(domain) if domain.as_str() == suggestion.domain))
    };
    let inbound = parsed.directory.inbound().filter(|one| names_it(&one.sender_domains));
    let inbound = inbound.map(|one| (MailDirection::In, DocumentKind::InboundConnector, &one.key));
    let outbound = parsed
        .directory
        .outbound()
        .filter(|one| names_it(&one.recipient_domains));
    let outbound = outbound.map(|one| (MailDirection::Out, DocumentKind::OutboundConnector, &one.key));
    let there: Vec<SuggestionReason> = inbound
        .chain(outbound)
        .filter(|(_, _, key)| key.organization.as_str() == suggestion.organization)
        .map(|(direction, kind, key)| SuggestionReason {
            direction,
            field: String::new(),
            suggested: false,
            why: format!(
                "{} {key} is for the domain already: change that one instead of adding another",
                kind.key().replace('_', " ")
            ),
            breaks: 0,
            hosts: Vec::new(),
        })
        .collect();
    suggestion.reasons.extend(there);
}
