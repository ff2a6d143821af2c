//! Connectors that are tried, and what is remembered of it.

use axum::{
    Extension, Json,
    extract::{Query, State},
};
use sekisho_api::{
    LastValidations, LastValidationsQuery, VALIDATIONS_KEPT, Validation, ValidationHistory, ValidationOrder,
    ValidationsQuery,
};
use sekisho_policy::directory::ConnectorKey;

use super::{Backend, Caller, Failure};

type Answer<T> = Result<Json<T>, Failure>;

pub(super) async fn validate(
    State(backend): State<Backend>,
    Extension(caller): Extension<Caller>,
    Json(order): Json<ValidationOrder>,
) -> Answer<Validation> {
    Ok(Json(backend.validations.carry_out(order, caller.to_string()).await?))
}

pub(super) async fn history(
    State(backend): State<Backend>,
    Query(query): Query<ValidationsQuery>,
) -> Answer<ValidationHistory> {
    let organization = query.organization.parse();
    let key = ConnectorKey {
        organization: organization
            .map_err(|error| Failure::bad_request(format!("{:?}: {error}", query.organization)))?,
        name: query.connector.as_str().into(),
    };
    let limit = query.limit.unwrap_or(VALIDATIONS_KEPT);
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let validations = backend.validations.history(&key, limit).await?;
    Ok(Json(ValidationHistory { validations }))
}

pub(super) async fn last(
    State(backend): State<Backend>,
    Query(query): Query<LastValidationsQuery>,
) -> Answer<LastValidations> {
    let is = |wanted: &Option<String>, text: &str| wanted.as_ref().is_none_or(|wanted| wanted == text);
    let is_wanted =
        |organization: &str, name: &str| is(&query.organization, organization) && is(&query.connector, name);
    let connectors = backend.validations.last(is_wanted).await?;
    Ok(Json(LastValidations { connectors }))
}
