//! The forecast, made when somebody asks.

use axum::{
    Json,
    extract::{Query, State},
};
use sekisho_api::{Forecast, ForecastQuery};
use sekisho_mail::Domain;

use super::{Backend, Failure};

pub(super) async fn forecast(
    State(backend): State<Backend>,
    Query(mut query): Query<ForecastQuery>,
) -> Result<Json<Forecast>, Failure> {
    if let Some(domain) = &query.domain {
        let domain =
            Domain::parse(domain).map_err(|error| Failure::bad_request(format!("{domain:?} is no domain: {error}")))?;
        query.domain = Some(domain.to_string());
    }
    Ok(Json(backend.forecasts.answer(&query).await?))
}
