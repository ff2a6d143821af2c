//! The endpoints: where they are and what goes in and out. The functions here exist for their declarations alone, from
//! which the OpenAPI description is generated; a test of the binary compares them with what it serves.

use utoipa::OpenApi as _;

use crate::{
    Acknowledged, Acknowledgement, ActionResult, AlertList, AlertQuery, ApiError, Bounce, CertificateImport,
    CertificateList, CertificateOrder, CertificatePage, CertificateQuery, CertificateRequestOrder, CertificatesDone,
    ConfigView, DirectoryChange, DirectoryChanged, DirectoryHistory, DirectoryImpact, DirectoryPlan, DirectoryProposal,
    DirectoryQuery, DirectoryRollback, DirectoryView, EndpointQuestion, EndpointReport, ExplainQuery, Explanation,
    Forecast, ForecastQuery, Health, HistoryQuery, Hold, ImpactQuestion, InboundExplanation, InboundQuestion,
    LastValidations, LastValidationsQuery, MessageView, OnePartnerQuery, Partner, PartnerPage, PartnerQuery,
    PartnerSuggestion, Promoted, Promotion, QueueCount, QueueFilter, QueuePage, QueueQuery, Redirect, Release, Retry,
    RolloverDone, RolloverLetter, RolloverLetterQuery, RolloverList, RolloverOrder, RolloverQuery, RolloverStart,
    ShadowQuery, ShadowReport, Shape, ShapeQuery, Status, Submission, Submitted, TlsList, TracePage, TraceQuery,
    TrustAnswer, TrustList, TrustQuery, TrustQuestion, Validation, ValidationHistory, ValidationOrder,
    ValidationsQuery,
};

/// The paths, as a router wants them.
pub mod path {
    /// `GET`: [`crate::Health`].
    pub const HEALTH: &str = "/v1/health";
    /// `GET`: [`crate::Status`].
    pub const STATUS: &str = "/v1/status";
    /// `GET` with [`crate::QueueQuery`]: [`crate::QueuePage`].
    pub const QUEUE: &str = "/v1/queue";
    /// `GET` with [`crate::QueueFilter`]: [`crate::QueueCount`].
    pub const QUEUE_COUNT: &str = "/v1/queue/count";
    /// `GET` with [`crate::ShapeQuery`]: [`crate::Shape`].
    pub const QUEUE_SHAPE: &str = "/v1/queue/shape";
    /// `POST` [`crate::Hold`]: [`crate::ActionResult`].
    pub const QUEUE_HOLD: &str = "/v1/queue/hold";
    /// `POST` [`crate::Release`]: [`crate::ActionResult`].
    pub const QUEUE_RELEASE: &str = "/v1/queue/release";
    /// `POST` [`crate::Retry`]: [`crate::ActionResult`].
    pub const QUEUE_RETRY: &str = "/v1/queue/retry";
    /// `POST` [`crate::Bounce`]: [`crate::ActionResult`].
    pub const QUEUE_BOUNCE: &str = "/v1/queue/bounce";
    /// `GET`: [`crate::MessageView`].
    pub const MESSAGE: &str = "/v1/queue/messages/{id}";
    /// `GET`: the content, octet for octet.
    pub const MESSAGE_BODY: &str = "/v1/queue/messages/{id}/body";
    /// `POST` [`crate::Redirect`]: [`crate::ActionResult`].
    pub const MESSAGE_REDIRECT: &str = "/v1/queue/messages/{id}/redirect";
    /// `GET` with [`crate::TraceQuery`]: [`crate::TracePage`].
    pub const TRACE: &str = "/v1/trace";
    /// `GET`: [`crate::ConfigView`].
    pub const CONFIG: &str = "/v1/config";
    /// `GET`: [`crate::TlsList`].
    pub const TLS: &str = "/v1/tls";
    /// `GET`: [`crate::CertificatePage`].
    pub const CERTIFICATE_PAGE: &str = "/v1/certificates/page";
    /// `GET` with [`crate::ExplainQuery`]: [`crate::Explanation`].
    pub const EXPLAIN: &str = "/v1/explain";
    /// `POST` [`crate::InboundQuestion`]: [`crate::InboundExplanation`].
    pub const EXPLAIN_INBOUND: &str = "/v1/explain/inbound";
    /// `POST` [`crate::ValidationOrder`]: [`crate::Validation`].
    pub const VALIDATE: &str = "/v1/connectors/validate";
    /// `GET` with [`crate::ValidationsQuery`]: [`crate::ValidationHistory`].
    pub const VALIDATIONS: &str = "/v1/connectors/validations";
    /// `GET` with [`crate::LastValidationsQuery`]: [`crate::LastValidations`].
    pub const LAST_VALIDATIONS: &str = "/v1/connectors/validations/last";
    /// `POST` [`crate::Submission`]: [`crate::Submitted`].
    pub const SEND: &str = "/v1/send";
    /// `GET` with [`crate::PartnerQuery`]: [`crate::PartnerPage`].
    pub const PARTNERS: &str = "/v1/partners";
    /// `GET` with [`crate::OnePartnerQuery`]: [`crate::Partner`].
    pub const PARTNER: &str = "/v1/partner";
    /// `GET` with [`crate::OnePartnerQuery`]: [`crate::PartnerSuggestion`].
    pub const PARTNER_SUGGESTION: &str = "/v1/partner/suggestion";
    /// `GET` with [`crate::ForecastQuery`]: [`crate::Forecast`].
    pub const FORECAST: &str = "/v1/forecast";
    /// `GET` with [`crate::TrustQuery`]: [`crate::TrustList`].
    pub const TRUST: &str = "/v1/trust";
    /// `POST` [`crate::TrustQuestion`]: [`crate::TrustAnswer`].
    pub const TRUST_CHECK: &str = "/v1/trust/check";
    /// `GET` with [`crate::AlertQuery`]: [`crate::AlertList`].
    pub const ALERTS: &str = "/v1/alerts";
    /// `POST` [`crate::Acknowledgement`]: [`crate::Acknowledged`].
    pub const ALERTS_ACKNOWLEDGE: &str = "/v1/alerts/acknowledge";
    /// `GET` with [`crate::CertificateQuery`]: [`crate::CertificateList`].
    pub const CERTIFICATES: &str = "/v1/certificates";
    /// `POST` [`crate::CertificateImport`]: [`crate::CertificatesDone`].
    pub const CERTIFICATE_IMPORT: &str = "/v1/certificates/import";
    /// `POST` [`crate::CertificateRequestOrder`]: [`crate::CertificatesDone`].
    pub const CERTIFICATE_REQUEST: &str = "/v1/certificates/request";
    /// `POST` [`crate::CertificateOrder`]: [`crate::CertificatesDone`].
    pub const CERTIFICATE_ACTIVATE: &str = "/v1/certificates/activate";
    /// `POST` [`crate::CertificateOrder`]: [`crate::CertificatesDone`].
    pub const CERTIFICATE_STAGE: &str = "/v1/certificates/stage";
    /// `POST` [`crate::CertificateOrder`]: [`crate::CertificatesDone`].
    pub const CERTIFICATE_RETIRE: &str = "/v1/certificates/retire";
    /// `POST` [`crate::CertificateOrder`]: [`crate::CertificatesDone`].
    pub const CERTIFICATE_REMOVE: &str = "/v1/certificates/remove";
    /// `POST` [`crate::CertificateOrder`]: [`crate::CertificatesDone`].
    pub const CERTIFICATE_RENEW: &str = "/v1/certificates/renew";
    /// `POST` [`crate::CertificateOrder`]: [`crate::CertificatesDone`].
    pub const CERTIFICATE_REVOKE: &str = "/v1/certificates/revoke";
    /// `POST` [`crate::CertificateOrder`]: [`crate::CertificatesDone`].
    pub const CERTIFICATE_CHECK: &str = "/v1/certificates/check";
    /// `GET` with [`crate::RolloverQuery`]: [`crate::RolloverList`].
    pub const ROLLOVERS: &str = "/v1/certificates/rollovers";
    /// `POST` [`crate::RolloverStart`]: [`crate::RolloverDone`].
    pub const ROLLOVER_START: &str = "/v1/certificates/rollovers/start";
    /// `POST` [`crate::RolloverOrder`]: [`crate::RolloverDone`].
    pub const ROLLOVER_NEXT: &str = "/v1/certificates/rollovers/next";
    /// `POST` [`crate::RolloverOrder`]: [`crate::RolloverDone`].
    pub const ROLLOVER_BACK: &str = "/v1/certificates/rollovers/back";
    /// `POST` [`crate::RolloverOrder`]: [`crate::RolloverDone`].
    pub const ROLLOVER_CANCEL: &str = "/v1/certificates/rollovers/cancel";
    /// `GET` with [`crate::RolloverLetterQuery`]: [`crate::RolloverLetter`].
    pub const ROLLOVER_LETTER: &str = "/v1/certificates/rollovers/letter";
    /// `POST` [`crate::EndpointQuestion`]: [`crate::EndpointReport`].
    pub const TRUST_ENDPOINTS: &str = "/v1/trust/endpoints";
    /// `GET` with [`crate::DirectoryQuery`]: [`crate::DirectoryView`].
    pub const DIRECTORY: &str = "/v1/directory";
    /// `POST` [`crate::DirectoryProposal`]: [`crate::DirectoryPlan`].
    pub const DIRECTORY_PLAN: &str = "/v1/directory/plan";
    /// `POST` [`crate::ImpactQuestion`]: [`crate::DirectoryImpact`].
    pub const DIRECTORY_IMPACT: &str = "/v1/directory/impact";
    /// `POST` [`crate::DirectoryChange`]: [`crate::DirectoryChanged`].
    pub const DIRECTORY_CHANGES: &str = "/v1/directory/changes";
    /// `POST` [`crate::DirectoryRollback`]: [`crate::DirectoryChanged`].
    pub const DIRECTORY_ROLLBACK: &str = "/v1/directory/rollback";
    /// `GET` with [`crate::ShadowQuery`]: [`crate::ShadowReport`].
    pub const DIRECTORY_SHADOW: &str = "/v1/directory/shadow";
    /// `POST` [`crate::Promotion`]: [`crate::Promoted`].
    pub const DIRECTORY_PROMOTE: &str = "/v1/directory/promote";
    /// `GET` with [`crate::HistoryQuery`]: [`crate::DirectoryHistory`].
    pub const DIRECTORY_VERSIONS: &str = "/v1/directory/versions";
    /// `GET`: [`crate::DirectoryView`].
    pub const DIRECTORY_VERSION: &str = "/v1/directory/versions/{version}";
}

/// The OpenAPI description as JSON with two blanks of indentation and a final line end.
#[must_use]
pub fn description() -> String {
    let mut text = Description::openapi().to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Sekisho's management API",
        description = "JSON over HTTP/1.1 on the unix socket `control.sock` in the data folder. Only the server's own \
                       user and root are answered. An answer that is not 2xx carries an ApiError."
    ),
    paths(
        health,
        status,
        queue,
        count,
        shape,
        hold,
        release,
        retry,
        bounce,
        message,
        body,
        redirect,
        trace,
        config,
        tls,
        certificate_page,
        explain,
        explain_inbound,
        validate,
        validations,
        last_validations,
        send,
        partners,
        partner,
        suggestion,
        forecast,
        trust,
        check_trust,
        alerts,
        acknowledge,
        certificates,
        certificate_import,
        certificate_request,
        certificate_activate,
        certificate_stage,
        certificate_retire,
        certificate_remove,
        certificate_renew,
        certificate_revoke,
        certificate_check,
        rollovers,
        rollover_start,
        rollover_next,
        rollover_back,
        rollover_cancel,
        rollover_letter,
        endpoints,
        directory,
        plan,
        impact,
        change,
        rollback,
        shadow,
        promote,
        versions,
        version
    ),
    components(schemas(ApiError))
)]
struct Description;

/// Whether the server is well
#[utoipa::path(get, path = path::HEALTH, responses((status = 200, body = Health)))]
#[expect(dead_code, reason = "declares an endpoint")]
fn health() {}

/// What the server is and does
#[utoipa::path(get, path = path::STATUS, responses((status = 200, body = Status)))]
#[expect(dead_code, reason = "declares an endpoint")]
fn status() {}

/// Lists the queue, oldest first, page by page
#[utoipa::path(get, path = path::QUEUE, params(QueueQuery), responses((status = 200, body = QueuePage)))]
#[expect(dead_code, reason = "declares an endpoint")]
fn queue() {}

/// How many messages of the queue match
#[utoipa::path(get, path = path::QUEUE_COUNT, params(QueueFilter), responses((status = 200, body = QueueCount)))]
#[expect(dead_code, reason = "declares an endpoint")]
fn count() {}

/// The queue by age and destination
#[utoipa::path(get, path = path::QUEUE_SHAPE, params(ShapeQuery), responses((status = 200, body = Shape)))]
#[expect(dead_code, reason = "declares an endpoint")]
fn shape() {}

/// Stops attempts until released
#[utoipa::path(post, path = path::QUEUE_HOLD, request_body = Hold, responses((status = 200, body = ActionResult)))]
#[expect(dead_code, reason = "declares an endpoint")]
fn hold() {}

/// Undoes a hold
#[utoipa::path(
    post,
    path = path::QUEUE_RELEASE,
    request_body = Release,
    responses((status = 200, body = ActionResult))
)]
#[expect(dead_code, reason = "declares an endpoint")]
fn release() {}

/// Tries now
#[utoipa::path(post, path = path::QUEUE_RETRY, request_body = Retry, responses((status = 200, body = ActionResult)))]
#[expect(dead_code, reason = "declares an endpoint")]
fn retry() {}

/// Gives up and tells the sender
#[utoipa::path(post, path = path::QUEUE_BOUNCE, request_body = Bounce, responses((status = 200, body = ActionResult)))]
#[expect(dead_code, reason = "declares an endpoint")]
fn bounce() {}

/// Everything that the queue knows of one message
#[utoipa::path(get, path = path::MESSAGE, params(("id" = String, Path, description = "The queue id")),
    responses((status = 200, body = MessageView), (status = 404, body = ApiError)))]
#[expect(dead_code, reason = "declares an endpoint")]
fn message() {}

/// The content of one message, octet for octet
#[utoipa::path(get, path = path::MESSAGE_BODY, params(("id" = String, Path, description = "The queue id")),
    responses((status = 200, content_type = "message/rfc822"), (status = 404, body = ApiError)))]
#[expect(dead_code, reason = "declares an endpoint")]
fn body() {}

/// Sends what is undone of one message to another address
#[utoipa::path(post, path = path::MESSAGE_REDIRECT, params(("id" = String, Path, description = "The queue id")),
    request_body = Redirect, responses((status = 200, body = ActionResult), (status = 404, body = ApiError)))]
#[expect(dead_code, reason = "declares an endpoint")]
fn redirect() {}

/// Searches the trace, newest first
#[utoipa::path(get, path = path::TRACE, params(TraceQuery), responses((status = 200, body = TracePage)))]
#[expect(dead_code, reason = "declares an endpoint")]
fn trace() {}

/// The configuration in force
#[utoipa::path(get, path = path::CONFIG, responses((status = 200, body = ConfigView)))]
#[expect(dead_code, reason = "declares an endpoint")]
fn config() {}

/// TLS per listener and route
#[utoipa::path(get, path = path::TLS, responses((status = 200, body = TlsList)))]
#[expect(dead_code, reason = "declares an endpoint")]
fn tls() {}

/// What partners are told of our certificates
#[utoipa::path(get, path = path::CERTIFICATE_PAGE, responses((status = 200, body = CertificatePage)))]
#[expect(dead_code, reason = "declares an endpoint")]
fn certificate_page() {}

/// What would become of a message: its way, its demands, and what every host says, without any mail
#[utoipa::path(get, path = path::EXPLAIN, params(ExplainQuery),
    responses((status = 200, body = Explanation), (status = 503, body = ApiError)))]
#[expect(dead_code, reason = "declares an endpoint")]
fn explain() {}

/// What RCPT would be answered, by which rule, and what each inbound connector has to do with it
#[utoipa::path(post, path = path::EXPLAIN_INBOUND, request_body = InboundQuestion,
    responses((status = 200, body = InboundExplanation)))]
#[expect(dead_code, reason = "declares an endpoint")]
fn explain_inbound() {}

/// Tries an outbound connector at every host of it, and remembers what came of it
#[utoipa::path(post, path = path::VALIDATE, request_body = ValidationOrder,
    responses((status = 200, body = Validation), (status = 404, body = ApiError), (status = 409, body = ApiError),
        (status = 422, body = ApiError), (status = 503, body = ApiError)))]
#[expect(dead_code, reason = "declares an endpoint")]
fn validate() {}

/// What became of validations of one connector, newest first
#[utoipa::path(get, path = path::VALIDATIONS, params(ValidationsQuery),
    responses((status = 200, body = ValidationHistory)))]
#[expect(dead_code, reason = "declares an endpoint")]
fn validations() {}

/// The last validation of each connector
#[utoipa::path(get, path = path::LAST_VALIDATIONS, params(LastValidationsQuery),
    responses((status = 200, body = LastValidations)))]
#[expect(dead_code, reason = "declares an endpoint")]
fn last_validations() {}

/// Puts a message into the queue, judged like any other
#[utoipa::path(post, path = path::SEND, request_body = Submission,
    responses((status = 200, body = Submitted), (status = 422, body = ApiError)))]
#[expect(dead_code, reason = "declares an endpoint")]
fn send() {}

/// What own traffic has taught of those with whom mail is exchanged, page by page
#[utoipa::path(get, path = path::PARTNERS, params(PartnerQuery), responses((status = 200, body = PartnerPage)))]
#[expect(dead_code, reason = "declares an endpoint")]
fn partners() {}

/// All that was seen of the mail with one domain
#[utoipa::path(get, path = path::PARTNER, params(OnePartnerQuery),
    responses((status = 200, body = Partner), (status = 404, body = ApiError)))]
#[expect(dead_code, reason = "declares an endpoint")]
fn partner() {}

/// The strictest connectors that all mail seen with one domain would have satisfied
#[utoipa::path(get, path = path::PARTNER_SUGGESTION, params(OnePartnerQuery),
    responses((status = 200, body = PartnerSuggestion), (status = 404, body = ApiError)))]
#[expect(dead_code, reason = "declares an endpoint")]
fn suggestion() {}

/// What will become of certificates: of partners, as they were seen, and of our own
#[utoipa::path(get, path = path::FORECAST, params(ForecastQuery), responses((status = 200, body = Forecast)))]
#[expect(dead_code, reason = "declares an endpoint")]
fn forecast() {}

/// The trust anchors in force
#[utoipa::path(get, path = path::TRUST, params(TrustQuery), responses((status = 200, body = TrustList)))]
#[expect(dead_code, reason = "declares an endpoint")]
fn trust() {}

/// Whether a root is there, and which peers of the last 90 days need it
#[utoipa::path(post, path = path::TRUST_CHECK, request_body = TrustQuestion,
    responses((status = 200, body = TrustAnswer), (status = 400, body = ApiError)))]
#[expect(dead_code, reason = "declares an endpoint")]
fn check_trust() {}

/// What the operator should know of: the alerts that stand
#[utoipa::path(get, path = path::ALERTS, params(AlertQuery), responses((status = 200, body = AlertList)))]
#[expect(dead_code, reason = "declares an endpoint")]
fn alerts() {}

/// Says that alerts are known: nobody is written to of them any more
#[utoipa::path(post, path = path::ALERTS_ACKNOWLEDGE, request_body = Acknowledgement,
    responses((status = 200, body = Acknowledged)))]
#[expect(dead_code, reason = "declares an endpoint")]
fn acknowledge() {}

/// Tries the endpoints on which certificates hang: CRLs, OCSP responders, issuers' certificates
#[utoipa::path(post, path = path::TRUST_ENDPOINTS, request_body = EndpointQuestion,
    responses((status = 200, body = EndpointReport)))]
#[expect(dead_code, reason = "declares an endpoint")]
fn endpoints() {}

/// The directory at the version in force, or some of its documents
#[utoipa::path(get, path = path::DIRECTORY, params(DirectoryQuery), responses((status = 200, body = DirectoryView)))]
#[expect(dead_code, reason = "declares an endpoint")]
fn directory() {}

/// What a change of the directory would do, field by field, with every fault
#[utoipa::path(post, path = path::DIRECTORY_PLAN, request_body = DirectoryProposal,
    responses((status = 200, body = DirectoryPlan)))]
#[expect(dead_code, reason = "declares an endpoint")]
fn plan() {}

/// Which deliveries and which queued messages a change of the directory would have decided otherwise; may take a minute
#[utoipa::path(post, path = path::DIRECTORY_IMPACT, request_body = ImpactQuestion,
    responses((status = 200, body = DirectoryImpact), (status = 422, body = ApiError)))]
#[expect(dead_code, reason = "declares an endpoint")]
fn impact() {}

/// Changes the directory, whole or not at all
#[utoipa::path(post, path = path::DIRECTORY_CHANGES, request_body = DirectoryChange,
    responses((status = 200, body = DirectoryChanged), (status = 404, body = ApiError),
        (status = 409, body = ApiError), (status = 422, body = ApiError)))]
#[expect(dead_code, reason = "declares an endpoint")]
fn change() {}

/// Makes the directory what it was at a version, as a new version
#[utoipa::path(post, path = path::DIRECTORY_ROLLBACK, request_body = DirectoryRollback,
    responses((status = 200, body = DirectoryChanged), (status = 404, body = ApiError),
        (status = 409, body = ApiError), (status = 422, body = ApiError)))]
#[expect(dead_code, reason = "declares an endpoint")]
fn rollback() {}

/// What a document that is tried would have made of the mail that it concerned
#[utoipa::path(get, path = path::DIRECTORY_SHADOW, params(ShadowQuery),
    responses((status = 200, body = ShadowReport), (status = 404, body = ApiError), (status = 422, body = ApiError)))]
#[expect(dead_code, reason = "declares an endpoint")]
fn shadow() {}

/// Makes a document that is tried act; refused while it would break recent mail, unless that is forced
#[utoipa::path(post, path = path::DIRECTORY_PROMOTE, request_body = Promotion,
    responses((status = 200, body = Promoted), (status = 404, body = ApiError),
        (status = 409, body = ApiError), (status = 422, body = ApiError)))]
#[expect(dead_code, reason = "declares an endpoint")]
fn promote() {}

/// Who changed what in the directory, when and why, newest first
#[utoipa::path(get, path = path::DIRECTORY_VERSIONS, params(HistoryQuery),
    responses((status = 200, body = DirectoryHistory)))]
#[expect(dead_code, reason = "declares an endpoint")]
fn versions() {}

/// The directory as it was at a version
#[utoipa::path(get, path = path::DIRECTORY_VERSION, params(("version" = u64, Path, description = "The version")),
    responses((status = 200, body = DirectoryView), (status = 404, body = ApiError)))]
#[expect(dead_code, reason = "declares an endpoint")]
fn version() {}

/// Roles with their certificates, which of them are presented, and what an operator must see to
#[utoipa::path(get, path = path::CERTIFICATES, params(CertificateQuery),
    responses((status = 200, body = CertificateList), (status = 404, body = ApiError)))]
#[expect(dead_code, reason = "declares an endpoint")]
fn certificates() {}

/// Takes a certificate into a role, checked
#[utoipa::path(post, path = path::CERTIFICATE_IMPORT, request_body = CertificateImport,
    responses((status = 200, body = CertificatesDone), (status = 404, body = ApiError),
        (status = 422, body = ApiError)))]
#[expect(dead_code, reason = "declares an endpoint")]
fn certificate_import() {}

/// Makes keys and requests for certificates of a role
#[utoipa::path(post, path = path::CERTIFICATE_REQUEST, request_body = CertificateRequestOrder,
    responses((status = 200, body = CertificatesDone), (status = 404, body = ApiError),
        (status = 422, body = ApiError)))]
#[expect(dead_code, reason = "declares an endpoint")]
fn certificate_request() {}

/// Has a certificate presented, from an instant on
#[utoipa::path(post, path = path::CERTIFICATE_ACTIVATE, request_body = CertificateOrder,
    responses((status = 200, body = CertificatesDone), (status = 404, body = ApiError),
        (status = 422, body = ApiError)))]
#[expect(dead_code, reason = "declares an endpoint")]
fn certificate_activate() {}

/// Has a certificate wait
#[utoipa::path(post, path = path::CERTIFICATE_STAGE, request_body = CertificateOrder,
    responses((status = 200, body = CertificatesDone), (status = 404, body = ApiError),
        (status = 422, body = ApiError)))]
#[expect(dead_code, reason = "declares an endpoint")]
fn certificate_stage() {}

/// Has a certificate presented no more
#[utoipa::path(post, path = path::CERTIFICATE_RETIRE, request_body = CertificateOrder,
    responses((status = 200, body = CertificatesDone), (status = 404, body = ApiError),
        (status = 422, body = ApiError)))]
#[expect(dead_code, reason = "declares an endpoint")]
fn certificate_retire() {}

/// Removes a certificate with its key, or a request
#[utoipa::path(post, path = path::CERTIFICATE_REMOVE, request_body = CertificateOrder,
    responses((status = 200, body = CertificatesDone), (status = 404, body = ApiError),
        (status = 422, body = ApiError)))]
#[expect(dead_code, reason = "declares an endpoint")]
fn certificate_remove() {}

/// Renews a certificate, or says how that is done
#[utoipa::path(post, path = path::CERTIFICATE_RENEW, request_body = CertificateOrder,
    responses((status = 200, body = CertificatesDone), (status = 404, body = ApiError),
        (status = 422, body = ApiError)))]
#[expect(dead_code, reason = "declares an endpoint")]
fn certificate_renew() {}

/// Has the authority that issued a certificate revoke it
#[utoipa::path(post, path = path::CERTIFICATE_REVOKE, request_body = CertificateOrder,
    responses((status = 200, body = CertificatesDone),
        (status = 404, body = ApiError), (status = 422, body = ApiError)))]
#[expect(dead_code, reason = "declares an endpoint")]
fn certificate_revoke() {}

/// What is wrong with a certificate, or with those of a role, today
#[utoipa::path(post, path = path::CERTIFICATE_CHECK, request_body = CertificateOrder,
    responses((status = 200, body = CertificatesDone), (status = 404, body = ApiError),
        (status = 422, body = ApiError)))]
#[expect(dead_code, reason = "declares an endpoint")]
fn certificate_check() {}

/// Roll-overs of our own keys, under way or ended
#[utoipa::path(get, path = path::ROLLOVERS, params(RolloverQuery),
    responses((status = 200, body = RolloverList), (status = 404, body = ApiError)))]
#[expect(dead_code, reason = "declares an endpoint")]
fn rollovers() {}

/// Begins the roll-over of a role to a new key
#[utoipa::path(post, path = path::ROLLOVER_START, request_body = RolloverStart,
    responses((status = 200, body = RolloverDone), (status = 404, body = ApiError),
        (status = 422, body = ApiError)))]
#[expect(dead_code, reason = "declares an endpoint")]
fn rollover_start() {}

/// Goes on with a roll-over where it waits for its operator, and looks at once
#[utoipa::path(post, path = path::ROLLOVER_NEXT, request_body = RolloverOrder,
    responses((status = 200, body = RolloverDone), (status = 404, body = ApiError),
        (status = 422, body = ApiError)))]
#[expect(dead_code, reason = "declares an endpoint")]
fn rollover_next() {}

/// Goes one step back and stays there
#[utoipa::path(post, path = path::ROLLOVER_BACK, request_body = RolloverOrder,
    responses((status = 200, body = RolloverDone), (status = 404, body = ApiError),
        (status = 422, body = ApiError)))]
#[expect(dead_code, reason = "declares an endpoint")]
fn rollover_back() {}

/// Forgets a roll-over before its switch
#[utoipa::path(post, path = path::ROLLOVER_CANCEL, request_body = RolloverOrder,
    responses((status = 200, body = RolloverDone), (status = 404, body = ApiError),
        (status = 422, body = ApiError)))]
#[expect(dead_code, reason = "declares an endpoint")]
fn rollover_cancel() {}

/// What partners who pin the key are told of a roll-over
#[utoipa::path(get, path = path::ROLLOVER_LETTER, params(RolloverLetterQuery),
    responses((status = 200, body = RolloverLetter), (status = 404, body = ApiError)))]
#[expect(dead_code, reason = "declares an endpoint")]
fn rollover_letter() {}
