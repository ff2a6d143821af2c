//! What a request that fails is answered with.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use sekisho_api::{ApiError, ErrorKind};
use sekisho_store::StoreError;

/// A request failed; becomes an [`ApiError`] with the status that fits.
#[derive(Debug)]
pub struct Failure(ApiError);

impl Failure {
    /// The request makes no sense.
    #[must_use]
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::BadRequest, message)
    }

    /// It was judged and refused.
    #[must_use]
    pub fn refused(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Refused, message)
    }

    /// Something broke that is our own.
    #[must_use]
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Internal, message)
    }

    /// The same, with what more is to be said of it.
    #[must_use]
    pub fn and(mut self, more: &str) -> Self {
        self.0.message.push_str("; ");
        self.0.message.push_str(more);
        self
    }

    fn new(error: ErrorKind, message: impl Into<String>) -> Self {
        Self(ApiError {
            error,
            message: message.into(),
        })
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let kind = match &error {
            StoreError::NoMessage(_) => ErrorKind::NotFound,
            StoreError::Failed(_)
            | StoreError::DamagedPages(_)
            | StoreError::Full(_)
            | StoreError::Stopped
            | StoreError::Locked { .. } => ErrorKind::Unavailable,
            _ => ErrorKind::Internal,
        };
        Self::new(kind, error.to_string())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status = match self.0.error {
            ErrorKind::BadRequest => StatusCode::BAD_REQUEST,
            ErrorKind::NotFound => StatusCode::NOT_FOUND,
            ErrorKind::Refused => StatusCode::UNPROCESSABLE_ENTITY,
            ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            ErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        };
        (status, Json(self.0)).into_response()
    }
}

/// Whatever is asked for at a path that does not exist.
pub(super) async fn no_such_endpoint() -> Failure {
    Failure::new(ErrorKind::NotFound, "there is no such endpoint")
}
