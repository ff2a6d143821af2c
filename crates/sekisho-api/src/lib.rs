//! The management API: its types and endpoints, and the OpenAPI description that is generated from them. JSON over
//! HTTP/1.1 on a unix socket; the command line uses it and no other door. The server behind it is left to the binary.

mod action;
mod alert;
mod certificate;
mod certificate_page;
mod directory;
mod endpoint;
mod explain;
mod forecast;
mod partner;
mod queue;
mod rollover;
mod status;
mod store;
mod submit;
mod trace;
mod trust;
mod trust_endpoints;
mod validation;

pub use action::{ActionResult, Bounce, Hold, MAX_IDS, Part, Redirect, Release, Retry, Selection};
pub use alert::{Acknowledged, Acknowledgement, AlertKind, AlertList, AlertQuery, AlertView, Severity};
pub use certificate::{
    CertificateDone, CertificateEvent, CertificateFinding, CertificateImport, CertificateList, CertificateOrder,
    CertificateProof, CertificateQuery, CertificateRequestOrder, CertificateRoleView, CertificateStaple,
    CertificatesDone, ChainCertificate, FindingWeight, RenewalView, Secret, StoredCertificate,
};
pub use certificate_page::{
    CERTIFICATE_PAGE_FORMAT, CertificatePage, PartnerStep, PublishedCertificate, PublishedEndpoint,
    PublishedEndpointKind, PublishedFamily, PublishedHost, PublishedIssuer, PublishedRole, PublishedRoot,
    PublishedRootStanding, PublishedStanding,
};
pub use directory::{
    AcceptedDomain, AddedHeader, CertificateFiles, CertificateRole, ChangeKind, ConnectorType, DirectoryChange,
    DirectoryChanged, DirectoryHistory, DirectoryImpact, DirectoryPlan, DirectoryProposal, DirectoryQuery,
    DirectoryRollback, DirectoryVersion, DirectoryView, Document, DocumentDifference, DocumentId, DocumentKind,
    Documents, DomainType, Exception, FIRST_ORGANIZATION, FaultView, FieldDifference, FinalRefusal, HeaderCondition,
    HistoryQuery, IMPACT_DAYS, IMPACT_DAYS_MAX, ImpactCounts, ImpactGroup, ImpactQuestion, ImpactStop, ImpactVerdict,
    InboundConnector, LookupMode, MailDirection, MinTlsVersion, Mode, Organization, OutboundConnector, OutboundTls,
    PlaintextReply, Promoted, Promotion, RecipientCheck, Rejection, Relaxation, Revocation, RoleAcme, RoleAcmeDns,
    RoleAcmeExternalAccount, Rule, RuleTls, SHADOW_DAYS, SHADOW_DAYS_MAX, ShadowQuery, ShadowReport, ShadowRow,
    TlsSettings, Tried,
};
pub use endpoint::{description, path};
pub use explain::{
    ConditionStanding, ConnectorVerdict, ExceptionVerdict, ExplainQuery, Explanation, HeaderFamiliesVerdict,
    HostVerdict, InboundConnectorVerdict, InboundExplanation, InboundQuestion, RecipientLimit, RecipientLimits,
    RequireTlsCondition, RequireTlsVerdict, RuleStanding, RuleVerdict,
};
pub use forecast::{FORECAST_DAYS, FORECAST_DAYS_MAX, Forecast, ForecastEntry, ForecastQuery, TlsaLook};
pub use partner::{
    OnePartnerQuery, Partner, PartnerPage, PartnerQuery, PartnerSuggestion, PartnerTraffic, SeenCertificate,
    SeenConnection, SeenHost, SeenLeaf, SeenTls, SuggestionReason,
};
pub use queue::{
    DEFAULT_PAGE, MAX_PAGE, MessageView, QueueCount, QueueFilter, QueuePage, QueueQuery, QueuedMessage, RecipientView,
    Shape, ShapeQuery, ShapeRow,
};
pub use rollover::{
    RolloverDone, RolloverEvent, RolloverKey, RolloverLetter, RolloverLetterQuery, RolloverList, RolloverOrder,
    RolloverQuery, RolloverRecord, RolloverSight, RolloverStart, RolloverStep, RolloverView, RolloverWait,
};
pub use status::{ApiError, CertificateView, ConfigView, ErrorKind, Health, ListenerView, Status, TlsList, TlsView};
pub use store::{Casualty, DamagedMessage, StoreCheck, StoreRecovery};
pub use submit::{Submission, Submitted};
pub use trace::{ArrivalView, AttemptView, TlsEvidence, TracePage, TraceQuery, TracedMessage};
pub use trust::{TrustAnchorView, TrustAnswer, TrustList, TrustPeer, TrustQuery, TrustQuestion};
pub use trust_endpoints::{
    EndpointPurpose, EndpointQuestion, EndpointReport, EndpointTarget, EndpointView, MAX_ENDPOINT_TARGETS,
};
pub use validation::{
    LastValidation, LastValidations, LastValidationsQuery, StepKind, StepResult, TestMail, VALIDATIONS_KEPT,
    ValidatedHost, ValidatedRecipient, Validation, ValidationHistory, ValidationOrder, ValidationStep,
    ValidationsQuery,
};
