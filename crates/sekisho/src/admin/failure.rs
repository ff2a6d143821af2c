//! What a request that fails is answered with.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use sekisho_api::{ApiError, ErrorKind, FaultView};
use sekisho_store::StoreError;
use sekisho_tls::Weight;

use crate::{
    certificates::OrderError,
    directory::LiveError,
    endpoints::EndpointError,
    shadow::{PromotionError, UnknownDocument},
    trust::TrustError,
    validation::ValidationError,
};

/// A request failed; becomes an [`ApiError`] with the status that fits.
#[derive(Debug)]
pub struct Failure(ApiError);

impl Failure {
    /// The request makes no sense.
    #[must_use]
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::BadRequest, message)
    }

    /// There is no such thing.
    #[must_use]
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::NotFound, message)
    }

    /// It was judged and refused.
    #[must_use]
    pub fn refused(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Refused, message)
    }

    /// Not now.
    #[must_use]
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unavailable, message)
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

    pub(super) fn new(error: ErrorKind, message: impl Into<String>) -> Self {
        Self(ApiError {
            error,
            message: message.into(),
            faults: Vec::new(),
        })
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let kind = match &error {
            StoreError::NoMessage(_) | StoreError::NoDirectoryVersion(_) => ErrorKind::NotFound,
            StoreError::DirectoryMoved { .. } => ErrorKind::Conflict,
            StoreError::Unfit(_) => ErrorKind::Refused,
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

impl From<LiveError> for Failure {
    fn from(error: LiveError) -> Self {
        let message = error.to_string();
        match error {
            LiveError::Store(error) => error.into(),
            LiveError::Faults(faults) => {
                let message = match faults.len() {
                    1 => "the change is refused: it has a fault".to_owned(),
                    number => format!("the change is refused: it has {number} faults"),
                };
                let mut failure = Self::refused(message);
                failure.0.faults = faults;
                failure
            }
            LiveError::Missing(_) => Self::new(ErrorKind::NotFound, message),
            LiveError::PutTwice => Self::bad_request(message),
            LiveError::BrokenOff(_) | LiveError::NotAdopted(_) => Self::internal(message),
        }
    }
}

impl From<ValidationError> for Failure {
    fn from(error: ValidationError) -> Self {
        match error {
            ValidationError::BadOrder(words) => Self::bad_request(words),
            ValidationError::Refused(words) => Self::refused(words),
            ValidationError::NotNow(words) => Self::unavailable(words),
            ValidationError::Directory(LiveError::Faults(faults)) => {
                let mut failure = Self::refused("the connector cannot be tried: it has faults");
                failure.0.faults = faults;
                failure
            }
            ValidationError::Directory(error) => error.into(),
            ValidationError::Store(error) => error.into(),
            ValidationError::BrokenOff(_) => Self::internal(error.to_string()),
        }
    }
}

impl From<OrderError> for Failure {
    fn from(error: OrderError) -> Self {
        let message = error.to_string();
        match error {
            OrderError::BadOrder(_) => Self::bad_request(message),
            OrderError::Missing(_) => Self::not_found(message),
            OrderError::Vault(_) => Self::internal(message),
            OrderError::Refused { findings, .. } => {
                let mut failure = Self::refused(message);
                let heavy = findings.into_iter().filter(|finding| finding.weight > Weight::Note);
                failure.0.faults = heavy
                    .map(|finding| FaultView {
                        place: match finding.weight {
                            Weight::Error => "error",
                            Weight::Note | Weight::Warning => "warning",
                        }
                        .to_owned(),
                        reason: finding.text,
                        ..FaultView::default()
                    })
                    .collect();
                failure
            }
        }
    }
}

impl From<EndpointError> for Failure {
    fn from(error: EndpointError) -> Self {
        match error {
            EndpointError::BadQuestion(words) => Self::bad_request(words),
            EndpointError::Store(error) => error.into(),
            EndpointError::BrokenOff(_) => Self::internal(error.to_string()),
        }
    }
}

impl From<UnknownDocument> for Failure {
    fn from(error: UnknownDocument) -> Self {
        let kind = match error {
            UnknownDocument::Missing(_) => ErrorKind::NotFound,
            UnknownDocument::Enforced(_) | UnknownDocument::Disabled(_) => ErrorKind::Refused,
            UnknownDocument::Untriable(_) => ErrorKind::BadRequest,
        };
        Self::new(kind, error.to_string())
    }
}

impl From<PromotionError> for Failure {
    fn from(error: PromotionError) -> Self {
        match error {
            PromotionError::Unknown(error) => error.into(),
            PromotionError::Breaks { message, peers } => {
                let mut failure = Self::refused(message);
                failure.0.faults = peers;
                failure
            }
        }
    }
}

impl From<TrustError> for Failure {
    fn from(error: TrustError) -> Self {
        match error {
            TrustError::BadQuestion(words) => Self::bad_request(words),
            TrustError::Store(error) => error.into(),
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status = match self.0.error {
            ErrorKind::BadRequest => StatusCode::BAD_REQUEST,
            ErrorKind::NotFound => StatusCode::NOT_FOUND,
            ErrorKind::Refused => StatusCode::UNPROCESSABLE_ENTITY,
            ErrorKind::Conflict => StatusCode::CONFLICT,
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
