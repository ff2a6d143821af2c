//! The handlers of the management API and the HTTP listeners that serve them.
//!
//! The same handlers answer on the unix socket of a running server and inside a command that opened the store itself
//! because no server runs (law 10). What is served where is declared in `sekisho-api`.

mod alerts;
mod certificate_lookups;
mod certificate_page;
mod certificates;
mod directory;
mod endpoints;
mod explain;
mod explain_inbound;
mod failure;
mod forecast;
mod http;
mod metrics;
mod node;
mod orders;
mod partners;
mod queue;
mod renewals;
mod rollovers;
mod send;
mod shadow;
mod trace;
mod trust;
mod validation;
mod view;

use std::{fmt, sync::Arc};

use arc_swap::ArcSwap;
use axum::{
    Router,
    routing::{get, post},
};
use sekisho_api::{ConfigView, ListenerView, TlsList, path};
use sekisho_mail::{ArrivalShadow, Demand, Envelope, Mailbox, Timestamp};
use sekisho_policy::inbound::RelayRights;
use sekisho_smtp::server::SessionLimits;
use sekisho_store::{Destination, Pressure, Store};
use sekisho_tls::Verifier;
use tokio::sync::{Mutex, Notify, watch};

pub use failure::Failure;
pub use http::{Caller, HttpError, HttpLimits, serve_api, serve_health, serve_router};
pub use metrics::{StoreMetrics, health_router};
pub use renewals::Renewals;

use crate::{
    alerts::Alerts,
    app::Phase,
    certificate_page::Publication,
    certificates::Certificates,
    directory::Live,
    dns::Resolver,
    endpoints::Endpoints,
    fetch::Fetcher,
    forecast::Forecasts,
    inbound::{EnvelopeMemory, Reception, Shortage},
    outbound::{Configured, Dispatcher},
    partners::Partners,
    revocation::RevocationLookup,
    shadow::Tally,
    telemetry::maillog::MailLog,
    validation::Validations,
};

/// Requests to the API are no longer than this; a list of ids is sent in several.
const REQUEST_BODY_MAX: usize = 2 * 1024 * 1024;
/// A whole directory is no longer than this in a request.
const DIRECTORY_BODY_MAX: usize = 64 * 1024 * 1024;

/// Everything that the handlers need.
#[derive(Clone, Debug)]
pub struct Backend {
    /// Queue and trace.
    pub store: Arc<dyn Store>,
    /// Where orders are recorded.
    pub mail_log: MailLog,
    /// What the configuration in force says; swapped by a reload.
    pub node: Arc<ArcSwap<NodeView>>,
    /// The life of the server; `None` inside a command.
    pub phase: Option<watch::Receiver<Phase>>,
    /// By which mail is taken; swapped with every change.
    pub reception: Arc<ArcSwap<Reception>>,
    /// Answers checks about chains by what is known.
    pub verifier: Arc<Verifier>,
    /// Answers them, and fetches first what must be known of revocation.
    pub revocation: RevocationLookup,
    /// Deliveries; `None` inside a command.
    pub dispatcher: Option<Arc<Dispatcher>>,
    /// Told when something may have become due.
    pub wake: Arc<Notify>,
    /// What sessions hold beside the store.
    pub envelopes: EnvelopeMemory,
    /// Answers questions to DNS.
    pub dns: Arc<dyn Resolver>,
    /// Our own certificates.
    pub certificates: Arc<Certificates>,
    /// Who orders them from authorities.
    pub renewals: Renewals,
    /// Organizations, their domains and connectors.
    pub directory: Arc<Live>,
    /// What documents that are tried would have done.
    pub tally: Tally,
    /// What is learnt of partners.
    pub partners: Arc<Partners>,
    /// Held by who looks back over the trace: one at a time, since that takes a while.
    pub looking_back: Arc<Mutex<()>>,
    /// Connectors that are tried.
    pub validations: Arc<Validations>,
    /// What the operator should know of.
    pub alerts: Arc<Alerts>,
    /// The endpoints that certificates hang on.
    pub endpoints: Arc<Endpoints>,
    /// Outgoing HTTP.
    pub fetcher: Fetcher,
    /// What will become of certificates.
    pub forecasts: Arc<Forecasts>,
}

/// What the handlers know of the configuration.
#[derive(Debug)]
pub struct NodeView {
    /// The name with which the server greets.
    pub hostname: String,
    /// The data folder.
    pub data_folder: String,
    /// Domains whose mail ends here.
    pub local_domains: Vec<String>,
    /// Where mail comes in; empty inside a command.
    pub listeners: Vec<ListenerView>,
    /// The configuration itself.
    pub config: ConfigView,
    /// TLS per listener and route.
    pub tls: TlsList,
    /// Which certificates partners are told of.
    pub publisher: Box<dyn Publisher>,
    /// What is asked of the rules for mail.
    pub rules: Box<dyn Rules>,
}

/// Says which certificates partners are told of.
pub trait Publisher: fmt::Debug + Send + Sync {
    /// What is public at an instant, of these and of what the configuration names.
    fn publication(&self, ours: &Certificates, now: Timestamp) -> Publication;
}

/// The rules for mail, as far as orders of the operator meet them.
pub trait Rules: fmt::Debug + Send + Sync {
    /// What the way to this destination demands of a connection: it travels with a message that is redirected.
    fn demands(&self, destination: &Destination) -> Vec<Demand>;

    /// Whether new mail has to wait.
    fn shortage(&self, pressure: Pressure) -> Option<Shortage>;

    /// What holds for clients of a listener; of the first where none is named.
    ///
    /// # Errors
    /// When there is no such listener.
    fn listener(&self, name: Option<&str>) -> Result<ListenerRules, String>;

    /// How mail goes out; what the directory adds may be that of another version.
    fn configured(&self) -> &Configured;

    /// Judges a recipient of a message that the operator sends.
    ///
    /// # Errors
    /// Why it is refused, in words.
    fn judge_recipient(&self, recipient: &Mailbox) -> Result<(), String>;

    /// Applies the mail-flow rules to a message that the operator sends; what those that are tried would have made of
    /// it.
    ///
    /// # Errors
    /// Why nobody may get it.
    fn apply_rules(&self, envelope: &mut Envelope, content: &[u8]) -> Result<Vec<ArrivalShadow>, String>;
}

/// What holds for clients of a listener.
#[derive(Clone, Debug, Default)]
pub struct ListenerRules {
    /// Its name.
    pub name: String,
    /// Who may relay through it.
    pub rights: RelayRights,
    /// What it takes in a session.
    pub limits: SessionLimits,
}

/// Everything that the API serves.
pub fn router(backend: Backend) -> Router {
    Router::new()
        .route(path::HEALTH, get(node::health))
        .route(path::STATUS, get(node::status))
        .route(path::CONFIG, get(node::config))
        .route(path::TLS, get(node::tls))
        .route(path::CERTIFICATE_PAGE, get(certificate_page::page))
        .route(path::QUEUE, get(queue::list))
        .route(path::QUEUE_COUNT, get(queue::count))
        .route(path::QUEUE_SHAPE, get(queue::shape))
        .route(path::QUEUE_HOLD, post(orders::hold))
        .route(path::QUEUE_RELEASE, post(orders::release))
        .route(path::QUEUE_RETRY, post(orders::retry))
        .route(path::QUEUE_BOUNCE, post(orders::bounce))
        .route(path::MESSAGE, get(queue::show))
        .route(path::MESSAGE_BODY, get(queue::body))
        .route(path::MESSAGE_REDIRECT, post(orders::redirect))
        .route(path::TRACE, get(trace::trace))
        .route(path::EXPLAIN, get(explain::explain))
        .route(path::EXPLAIN_INBOUND, post(explain_inbound::explain))
        .route(path::VALIDATE, post(validation::validate))
        .route(path::VALIDATIONS, get(validation::history))
        .route(path::LAST_VALIDATIONS, get(validation::last))
        .route(path::SEND, post(send::send))
        .route(path::PARTNERS, get(partners::list))
        .route(path::PARTNER, get(partners::show))
        .route(path::PARTNER_SUGGESTION, get(partners::suggest))
        .route(path::FORECAST, get(forecast::forecast))
        .route(path::TRUST, get(trust::list))
        .route(path::TRUST_CHECK, post(trust::check))
        .route(path::TRUST_ENDPOINTS, post(endpoints::check))
        .route(path::ALERTS, get(alerts::list))
        .route(path::ALERTS_ACKNOWLEDGE, post(alerts::acknowledge))
        .route(path::CERTIFICATES, get(certificates::list))
        .route(path::CERTIFICATE_IMPORT, post(certificates::import))
        .route(path::CERTIFICATE_REQUEST, post(certificates::request))
        .route(path::CERTIFICATE_ACTIVATE, post(certificates::activate))
        .route(path::CERTIFICATE_STAGE, post(certificates::stage))
        .route(path::CERTIFICATE_RETIRE, post(certificates::retire))
        .route(path::CERTIFICATE_REMOVE, post(certificates::remove))
        .route(path::CERTIFICATE_RENEW, post(renewals::renew))
        .route(path::CERTIFICATE_REVOKE, post(renewals::revoke))
        .route(path::CERTIFICATE_CHECK, post(certificates::check))
        .merge(roll_overs())
        .merge(directories())
        .fallback(failure::no_such_endpoint)
        .layer(axum::extract::DefaultBodyLimit::max(REQUEST_BODY_MAX))
        .with_state(backend)
}

/// Those about roll-overs of our own keys.
fn roll_overs() -> Router<Backend> {
    Router::new()
        .route(path::ROLLOVERS, get(rollovers::list))
        .route(path::ROLLOVER_START, post(rollovers::start))
        .route(path::ROLLOVER_NEXT, post(rollovers::next))
        .route(path::ROLLOVER_BACK, post(rollovers::back))
        .route(path::ROLLOVER_CANCEL, post(rollovers::cancel))
        .route(path::ROLLOVER_LETTER, get(rollovers::letter_of))
}

/// Those of the directory: a whole one in a request is long.
fn directories() -> Router<Backend> {
    Router::new()
        .route(path::DIRECTORY, get(directory::found))
        .route(path::DIRECTORY_PLAN, post(directory::plan))
        .route(path::DIRECTORY_IMPACT, post(directory::impact))
        .route(path::DIRECTORY_CHANGES, post(directory::change))
        .route(path::DIRECTORY_ROLLBACK, post(directory::roll_back))
        .route(path::DIRECTORY_SHADOW, get(shadow::report))
        .route(path::DIRECTORY_PROMOTE, post(shadow::promote))
        .route(path::DIRECTORY_VERSIONS, get(directory::versions))
        .route(path::DIRECTORY_VERSION, get(directory::version))
        .layer(axum::extract::DefaultBodyLimit::max(DIRECTORY_BODY_MAX))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::{Extension, body::Body};
    use http_body_util::BodyExt as _;
    use hyper::{Method, Request, StatusCode, service::Service as _};
    use hyper_util::service::TowerToHyperService;
    use sekisho_api::{AlertKind, Severity};
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        alerts::{Alert, AlertMetrics, AlertSettings, Watcher},
        app,
        config::Place,
    };

    struct World {
        api: TowerToHyperService<Router>,
        store: Arc<dyn Store>,
        _folder: tempfile::TempDir,
    }

    /// The handlers over an empty store, as a command has them when no server runs.
    async fn world() -> World {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("sekisho.toml");
        let text = "[node]\nhostname = \"mx.example.org\"\n[local]\ndomains = [\"example.org\"]\nusers = [\"alice\"]\n\
                    [log]\nmail-log = \"off\"\n";
        std::fs::write(&file, text).unwrap();
        let place = Place {
            file: Some(file),
            data_folder: Some(folder.path().join("data")),
        };
        let offline = app::Offline::open(&place).await.unwrap();
        let router = offline.router.layer(Extension(Caller { uid: 7 }));
        World {
            api: TowerToHyperService::new(router),
            store: offline.store,
            _folder: folder,
        }
    }

    async fn call(world: &World, method: Method, path: &str, body: Option<Value>) -> (StatusCode, Value) {
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", "application/json");
        let answer = world.api.call(request.body(body).unwrap()).await.unwrap();
        let status = answer.status();
        let octets = answer.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&octets).unwrap_or(Value::Null))
    }

    #[tokio::test]
    async fn every_declared_endpoint_is_served() {
        let world = world().await;
        let description: Value = serde_json::from_str(&sekisho_api::description()).unwrap();
        for (path, methods) in description["paths"].as_object().unwrap() {
            for method in methods.as_object().unwrap().keys() {
                let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
                let (status, answer) = call(&world, method.clone(), &path.replace("{id}", "0000000000001"), None).await;
                assert_ne!(status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
                assert_ne!(answer["message"], "there is no such endpoint", "{method} {path}");
            }
        }
        world.store.stop().await.unwrap();
    }

    #[tokio::test]
    async fn a_forecast_while_no_server_runs_ends_no_alert_of_what_is_not_known_then() {
        let world = world().await;
        let alert = Alert {
            kind: AlertKind::OwnCertificateEnds,
            subject: "mx.example.org".to_owned(),
            severity: Severity::Warning,
            text: "our certificate ends".to_owned(),
            remedy: "renew it".to_owned(),
            until: None,
        };
        let settings = AlertSettings {
            to: None,
            after: Duration::ZERO,
            again_after: Duration::ZERO,
        };
        let alerts = Alerts::new(settings, AlertMetrics::default());
        let stated = alerts.state(&*world.store, Watcher::Forecast, vec![alert]).await;
        stated.unwrap();
        let (status, _) = call(&world, Method::GET, path::FORECAST, None).await;
        assert_eq!(status, StatusCode::OK);
        let (_, standing) = call(&world, Method::GET, path::ALERTS, None).await;
        assert_eq!(standing["alerts"][0]["kind"], "own-certificate-ends", "{standing}");
        world.store.stop().await.unwrap();
    }

    #[tokio::test]
    async fn a_message_of_the_operator_is_judged_queued_held_and_given_up() {
        let world = world().await;
        let message = |to: &str| json!({"from": "<>", "to": [to], "subject": "s", "text": "t"});
        let (status, answer) = call(&world, Method::POST, path::SEND, Some(message("bob@example.org"))).await;
        assert_eq!(
            (status, &answer["error"]),
            (StatusCode::UNPROCESSABLE_ENTITY, &"refused".into())
        );
        let (status, answer) = call(&world, Method::POST, path::SEND, Some(message("alice@example.org"))).await;
        assert_eq!(status, StatusCode::OK);
        let id = answer["id"].as_str().unwrap().to_owned();
        let which = json!({"which": {"ids": [id, "0000000000001"]}});
        let (_, answer) = call(&world, Method::POST, path::QUEUE_HOLD, Some(which)).await;
        assert_eq!(
            (&answer["changed"], &answer["missing"]),
            (&1.into(), &json!(["0000000000001"]))
        );
        let (_, answer) = call(&world, Method::GET, &format!("{}?held=true", path::QUEUE), None).await;
        assert_eq!(answer["messages"][0]["id"], id.as_str());
        let (_, answer) = call(&world, Method::GET, &format!("{}?held=true", path::QUEUE_COUNT), None).await;
        assert_eq!(answer["messages"], 1);
        let (status, _) = call(&world, Method::GET, &format!("{}?colour=red", path::QUEUE), None).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        world.store.stop().await.unwrap();
    }

    #[tokio::test]
    async fn an_order_in_parts_says_where_each_ended_and_leaves_out_what_came_later() {
        let world = world().await;
        let message = json!({"from": "<>", "to": ["alice@example.org"], "subject": "s", "text": "t"});
        for _ in 0..2 {
            let (status, _) = call(&world, Method::POST, path::SEND, Some(message.clone())).await;
            assert_eq!(status, StatusCode::OK);
        }
        let hold = async |part: Value| {
            let which = json!({"which": {"part": part}});
            call(&world, Method::POST, path::QUEUE_HOLD, Some(which)).await
        };
        let (_, answer) = hold(json!({"filter": {}, "limit": 10, "at": 1})).await;
        assert_eq!((&answer["found"], &answer["next"]), (&0.into(), &Value::Null));
        let mut after = Value::Null;
        for _ in 0..2 {
            let (_, answer) = hold(json!({"filter": {"held": false}, "limit": 1, "after": after})).await;
            assert_eq!((&answer["found"], &answer["changed"]), (&1.into(), &1.into()));
            assert!(answer["next"].as_str() > after.as_str(), "{answer}");
            after = answer["next"].clone();
        }
        let (_, answer) = hold(json!({"filter": {}, "limit": 1, "after": after})).await;
        assert_eq!((&answer["found"], &answer["next"]), (&0.into(), &Value::Null));
        let (status, _) = hold(json!({"filter": {}, "limit": 0})).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        let which = json!({"which": {"filter": {"held": true}}});
        let (_, answer) = call(&world, Method::POST, path::QUEUE_RELEASE, Some(which)).await;
        assert_eq!((&answer["found"], &answer["changed"]), (&2.into(), &2.into()));
        world.store.stop().await.unwrap();
    }

    /// One kind, one organization and one name can be asked for.
    async fn assert_found(world: &World) {
        let (_, answer) = call(world, Method::GET, "/v1/directory?kind=domain&name=acme.example", None).await;
        let names: Vec<&Value> = answer["documents"]["domain"].as_array().into_iter().flatten().collect();
        assert_eq!((names.len(), &answer["version"]), (1, &1.into()), "{answer}");
        assert_eq!(answer["documents"]["organization"], json!([]), "{answer}");
        let (_, answer) = call(world, Method::GET, "/v1/directory?organization=beta", None).await;
        assert_eq!(answer["documents"]["domain"], json!([]), "{answer}");
        let (status, _) = call(world, Method::GET, "/v1/directory?kind=colour", None).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
    }

    #[tokio::test]
    async fn the_directory_is_changed_planned_refused_field_by_field_and_taken_back() {
        let world = world().await;
        let acme = json!({"based_on": 0, "put": {
            "organization": [{"name": "acme"}],
            "domain": [{"organization": "acme", "name": "acme.example"}],
        }});
        let (status, answer) = call(&world, Method::POST, path::DIRECTORY_CHANGES, Some(acme.clone())).await;
        assert_eq!((status, &answer["version"]), (StatusCode::OK, &1.into()), "{answer}");
        let (status, answer) = call(&world, Method::POST, path::DIRECTORY_CHANGES, Some(acme)).await;
        assert_eq!(
            (status, &answer["error"]),
            (StatusCode::CONFLICT, &"conflict".into()),
            "{answer}"
        );

        assert_found(&world).await;

        let taken = json!({"based_on": 1, "put": {
            "domain": [{"organization": "acme", "name": "example.org"}],
            "outbound_connector": [{"organization": "acme", "name": "x", "smart_hosts": [":0"]}],
        }});
        let (status, answer) = call(&world, Method::POST, path::DIRECTORY_CHANGES, Some(taken)).await;
        assert_eq!(
            (status, &answer["error"]),
            (StatusCode::UNPROCESSABLE_ENTITY, &"refused".into())
        );
        let fault = |place: usize| (&answer["faults"][place]["place"], &answer["faults"][place]["field"]);
        assert_eq!(
            fault(0),
            (&"outbound connector acme/x".into(), &"smart_hosts".into()),
            "{answer}"
        );
        assert_eq!(fault(1), (&"domain example.org".into(), &"name".into()), "{answer}");

        let proposal = json!({"put": {"organization": [{"name": "acme", "expire_after": "48h"}]}});
        let (status, answer) = call(&world, Method::POST, path::DIRECTORY_PLAN, Some(proposal)).await;
        let field = json!({"field": "expire_after", "before": null, "after": "48h"});
        assert_eq!(
            (status, &answer["changes"][0]["fields"]),
            (StatusCode::OK, &json!([field])),
            "{answer}"
        );

        let unknown = json!({"based_on": 1, "put": {"organization": [{"name": "acme", "colour": 1}]}});
        let (status, _) = call(&world, Method::POST, path::DIRECTORY_CHANGES, Some(unknown)).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);

        let missing = json!({"based_on": 1, "remove": [{"kind": "domain", "name": "acme.example"}]});
        let (status, _) = call(&world, Method::POST, path::DIRECTORY_CHANGES, Some(missing)).await;
        assert_eq!(status, StatusCode::NOT_FOUND);

        let back = |to: u64, based_on: u64| Some(json!({"to": to, "based_on": based_on}));
        let (status, _) = call(&world, Method::POST, path::DIRECTORY_ROLLBACK, back(7, 1)).await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        let (status, answer) = call(&world, Method::POST, path::DIRECTORY_ROLLBACK, back(0, 1)).await;
        assert_eq!((status, &answer["version"]), (StatusCode::OK, &2.into()), "{answer}");
        let (_, answer) = call(&world, Method::GET, path::DIRECTORY, None).await;
        assert_eq!(
            (&answer["version"], &answer["documents"]["organization"]),
            (&2.into(), &json!([]))
        );
        let (_, answer) = call(&world, Method::GET, "/v1/directory/versions/1", None).await;
        assert_eq!(answer["documents"]["domain"][0]["type"], "authoritative");
        let (_, answer) = call(&world, Method::GET, "/v1/directory/versions?limit=1", None).await;
        let newest = &answer["versions"][0];
        let author = format!("uid {}", rustix::process::getuid().as_raw());
        assert_eq!(
            (&newest["author"], &newest["comment"]),
            (&author.into(), &"back to version 0".into())
        );
        assert_eq!(answer["versions"].as_array().map(Vec::len), Some(1));
        world.store.stop().await.unwrap();
    }
}
