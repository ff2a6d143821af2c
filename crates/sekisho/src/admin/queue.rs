//! Looking at the queue and giving orders for what is in it.

use std::io;

use axum::{
    Extension, Json,
    body::Body,
    extract::{Path, Query, State},
    http::header::CONTENT_TYPE,
    response::{IntoResponse, Response},
};
use http_body_util::channel::Channel;
use sekisho_api::{
    ActionResult, Bounce, DEFAULT_PAGE, Hold, MAX_IDS, MAX_PAGE, MessageView, QueuePage, QueueQuery, Redirect, Release,
    Retry, Selection, Shape, ShapeQuery,
};
use sekisho_mail::{Demand, Mailbox, MessageId};
use sekisho_store::{ActionReport, BodyReader};

use super::{Backend, Caller, Failure, view};
use crate::{
    clock,
    telemetry::maillog::{Entry, Order, Scope},
};

/// The upper ends of the ages of a [`sekisho_store::ShapeRow`].
const AGES_MINUTES: [u32; 9] = [5, 10, 20, 40, 80, 160, 320, 640, 1280];
/// What a sender is told by an ordered bounce is no longer than this.
const WHY_LEN_MAX: usize = 400;

type Answer<T> = Result<Json<T>, Failure>;

pub(super) async fn list(State(backend): State<Backend>, Query(query): Query<QueueQuery>) -> Answer<QueuePage> {
    let limit = page_len(query.limit);
    let rows = backend
        .store
        .list(view::filter(query.filter())?, clock::now(), query.after, limit)
        .await?;
    // A message may have several rows; the store never cuts between them.
    let next = if rows.len() >= limit {
        rows.last().map(|row| row.id)
    } else {
        None
    };
    Ok(Json(QueuePage {
        messages: rows.into_iter().map(view::queued).collect(),
        next,
    }))
}

pub(super) async fn shape(State(backend): State<Backend>, Query(query): Query<ShapeQuery>) -> Answer<Shape> {
    let rows = backend.store.shape(clock::now(), page_len(query.limit)).await?;
    Ok(Json(Shape {
        ages_minutes: AGES_MINUTES.to_vec(),
        rows: rows.into_iter().map(view::shape).collect(),
    }))
}

pub(super) async fn show(State(backend): State<Backend>, Path(id): Path<MessageId>) -> Answer<MessageView> {
    Ok(Json(view::message(backend.store.show(id).await?)))
}

pub(super) async fn body(State(backend): State<Backend>, Path(id): Path<MessageId>) -> Result<Response, Failure> {
    let content = backend.store.body(id).await?;
    let reader = content
        .reader()
        .map_err(|error| Failure::bad_request(error.to_string()))?;
    let (sender, channel) = Channel::<bytes::Bytes, io::Error>::new(2);
    tokio::spawn(send_content(reader, sender));
    Ok(([(CONTENT_TYPE, "message/rfc822")], Body::new(channel)).into_response())
}

/// Hands a body on piece by piece; ends early when nobody reads any more.
async fn send_content(mut reader: BodyReader, mut sender: http_body_util::channel::Sender<bytes::Bytes, io::Error>) {
    loop {
        match reader.next().await {
            Ok(Some(piece)) => {
                if sender.send_data(piece).await.is_err() {
                    return;
                }
            }
            Ok(None) => return,
            Err(error) => return sender.abort(error),
        }
    }
}

pub(super) async fn hold(
    State(backend): State<Backend>,
    Extension(caller): Extension<Caller>,
    Json(request): Json<Hold>,
) -> Answer<ActionResult> {
    check(&request.which)?;
    let report = backend
        .store
        .hold(view::selection(request.which.clone())?, clock::now())
        .await?;
    Ok(finish(&backend, caller, &request.which, Order::Hold, report))
}

pub(super) async fn release(
    State(backend): State<Backend>,
    Extension(caller): Extension<Caller>,
    Json(request): Json<Release>,
) -> Answer<ActionResult> {
    check(&request.which)?;
    let report = backend
        .store
        .release(view::selection(request.which.clone())?, clock::now())
        .await?;
    Ok(finish(&backend, caller, &request.which, Order::Release, report))
}

pub(super) async fn retry(
    State(backend): State<Backend>,
    Extension(caller): Extension<Caller>,
    Json(request): Json<Retry>,
) -> Answer<ActionResult> {
    check(&request.which)?;
    let report = backend
        .store
        .retry(view::selection(request.which.clone())?, clock::now())
        .await?;
    Ok(finish(&backend, caller, &request.which, Order::Retry, report))
}

pub(super) async fn bounce(
    State(backend): State<Backend>,
    Extension(caller): Extension<Caller>,
    Json(request): Json<Bounce>,
) -> Answer<ActionResult> {
    check(&request.which)?;
    if request.why.len() > WHY_LEN_MAX || request.why.chars().any(char::is_control) {
        return Err(Failure::bad_request(format!(
            "the reason must be one line of at most {WHY_LEN_MAX} octets"
        )));
    }
    let report = backend
        .store
        .bounce(view::selection(request.which.clone())?, &request.why, clock::now())
        .await?;
    Ok(finish(
        &backend,
        caller,
        &request.which,
        Order::Bounce(&request.why),
        report,
    ))
}

pub(super) async fn redirect(
    State(backend): State<Backend>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<MessageId>,
    Json(request): Json<Redirect>,
) -> Answer<ActionResult> {
    let to = Mailbox::parse(&request.to)
        .map_err(|error| Failure::bad_request(format!("{:?} is no address: {error}", request.to)))?;
    let node = backend.node.load_full();
    node.rules.judge_recipient(&to).map_err(Failure::refused)?;
    let detail = backend.store.show(id).await?;
    let mut carried: Vec<Demand> = Vec::new();
    for demand in detail.rows.iter().flat_map(|row| node.rules.demands(&row.destination)) {
        if !carried.contains(&demand) {
            carried.push(demand);
        }
    }
    let report = backend.store.redirect(id, to.clone(), carried, clock::now()).await?;
    Ok(finish(
        &backend,
        caller,
        &Selection::Ids(vec![id]),
        Order::Redirect(&to),
        report,
    ))
}

fn page_len(asked: Option<u32>) -> usize {
    usize::try_from(asked.unwrap_or(DEFAULT_PAGE).clamp(1, MAX_PAGE)).unwrap_or(usize::MAX)
}

fn check(which: &Selection) -> Result<(), Failure> {
    match which {
        Selection::Ids(ids) if ids.len() > MAX_IDS => Err(Failure::bad_request(format!(
            "at most {MAX_IDS} ids fit into one order; send several"
        ))),
        Selection::Ids(_) | Selection::Filter(_) => Ok(()),
    }
}

/// Records the order, one line a message that was named, wakes the deliveries, and answers.
fn finish(
    backend: &Backend,
    caller: Caller,
    which: &Selection,
    order: Order<'_>,
    report: ActionReport,
) -> Json<ActionResult> {
    let by = caller.to_string();
    match which {
        Selection::Ids(ids) => {
            for id in ids.iter().filter(|id| !report.missing.contains(id)) {
                backend.mail_log.record(Entry::Ordered {
                    scope: Scope::Message(*id),
                    order,
                    by: &by,
                });
            }
        }
        Selection::Filter(filter) => {
            let words = serde_json::to_string(filter).unwrap_or_default();
            let scope = Scope::Filter {
                words: &words,
                changed: report.changed,
            };
            backend.mail_log.record(Entry::Ordered { scope, order, by: &by });
        }
    }
    backend.wake.notify_one();
    Json(view::action(report))
}
