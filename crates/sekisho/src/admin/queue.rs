//! Looking at the queue.

use std::io;

use axum::{
    Json,
    body::Body,
    extract::{Path, Query, State},
    http::header::CONTENT_TYPE,
    response::{IntoResponse, Response},
};
use http_body_util::channel::Channel;
use sekisho_api::{
    DEFAULT_PAGE, MAX_PAGE, MessageView, QueueCount, QueueFilter, QueuePage, QueueQuery, Shape, ShapeQuery,
};
use sekisho_mail::MessageId;
use sekisho_store::BodyReader;

use super::{Backend, Failure, view};
use crate::clock;

/// The upper ends of the ages of a [`sekisho_store::ShapeRow`].
const AGES_MINUTES: [u32; 9] = [5, 10, 20, 40, 80, 160, 320, 640, 1280];

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

pub(super) async fn count(State(backend): State<Backend>, Query(filter): Query<QueueFilter>) -> Answer<QueueCount> {
    let messages = backend.store.count(view::filter(filter)?, clock::now()).await?;
    Ok(Json(QueueCount { messages }))
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
                if sender.send_data(bytes::Bytes::copy_from_slice(piece)).await.is_err() {
                    return;
                }
            }
            Ok(None) => return,
            Err(error) => return sender.abort(error),
        }
    }
}

fn page_len(asked: Option<u32>) -> usize {
    usize::try_from(asked.unwrap_or(DEFAULT_PAGE).clamp(1, MAX_PAGE)).unwrap_or(usize::MAX)
}
