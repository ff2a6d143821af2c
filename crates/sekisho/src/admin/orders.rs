//! Giving orders for what is in the queue. A large selection is worked through in parts: first it is read, beside the
//! writer, which messages a part is for, then the writer changes them, so that no incoming message waits long for it.

use axum::{
    Extension, Json,
    extract::{Path, State},
};
use sekisho_api::{ActionResult, Bounce, Hold, MAX_IDS, Part, Redirect, Release, Retry, Selection as Asked};
use sekisho_mail::{Demand, Mailbox, MessageId, Timestamp, push_new};
use sekisho_store::{ActionReport, QueueFilter, Selection, Store, Ticket};

use super::{Backend, Caller, Failure, view};
use crate::{
    clock,
    telemetry::maillog::{Entry, Order, Scope},
};

/// What a sender is told by an ordered bounce is no longer than this.
const WHY_LEN_MAX: usize = 400;
/// Lines of the queue in a part, where the order does not say.
const PART_LEN: usize = 5000;

type Answer<T> = Result<Json<T>, Failure>;

pub(super) async fn hold(
    State(backend): State<Backend>,
    Extension(caller): Extension<Caller>,
    Json(request): Json<Hold>,
) -> Answer<ActionResult> {
    carry_out(backend, caller, request.which, Ordered::Hold).await
}

pub(super) async fn release(
    State(backend): State<Backend>,
    Extension(caller): Extension<Caller>,
    Json(request): Json<Release>,
) -> Answer<ActionResult> {
    carry_out(backend, caller, request.which, Ordered::Release).await
}

pub(super) async fn retry(
    State(backend): State<Backend>,
    Extension(caller): Extension<Caller>,
    Json(request): Json<Retry>,
) -> Answer<ActionResult> {
    carry_out(backend, caller, request.which, Ordered::Retry).await
}

pub(super) async fn bounce(
    State(backend): State<Backend>,
    Extension(caller): Extension<Caller>,
    Json(request): Json<Bounce>,
) -> Answer<ActionResult> {
    if request.why.len() > WHY_LEN_MAX || request.why.chars().any(char::is_control) {
        return Err(Failure::bad_request(format!(
            "the reason must be one line of at most {WHY_LEN_MAX} octets"
        )));
    }
    carry_out(backend, caller, request.which, Ordered::Bounce(request.why)).await
}

pub(super) async fn redirect(
    State(backend): State<Backend>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<MessageId>,
    Json(request): Json<Redirect>,
) -> Answer<ActionResult> {
    let to = Mailbox::parse(&request.to)
        .map_err(|error| Failure::bad_request(format!("{:?} is no address: {error}", request.to)))?;
    backend.refuse_at_fault()?;
    let node = backend.node.load_full();
    node.rules.judge_recipient(&to).map_err(Failure::refused)?;
    let detail = backend.store.show(id).await?;
    let mut carried: Vec<Demand> = Vec::new();
    for demand in detail.rows.iter().flat_map(|row| node.rules.demands(&row.destination)) {
        push_new(&mut carried, demand);
    }
    let report = backend.store.redirect(id, to.clone(), carried, clock::now()).await?;
    let result = view::action(report, 1, None);
    record_ids(&backend, caller, &[id], &result, Order::Redirect(&to));
    Ok(Json(result))
}

/// What is ordered for a selection.
#[derive(Debug)]
enum Ordered {
    Hold,
    Release,
    Retry,
    Bounce(String),
}

impl Ordered {
    fn as_order(&self) -> Order<'_> {
        match self {
            Self::Hold => Order::Hold,
            Self::Release => Order::Release,
            Self::Retry => Order::Retry,
            Self::Bounce(why) => Order::Bounce(why),
        }
    }

    fn give(&self, store: &dyn Store, which: Selection, at: Timestamp) -> Ticket<ActionReport> {
        match self {
            Self::Hold => store.hold(which, at),
            Self::Release => store.release(which, at),
            Self::Retry => store.retry(which, at),
            Self::Bounce(why) => store.bounce(which, why, at),
        }
    }
}

/// Carries an order out to its end, whether or not somebody still waits for the answer: what was changed is recorded.
async fn carry_out(backend: Backend, caller: Caller, which: Asked, ordered: Ordered) -> Answer<ActionResult> {
    let order = OrderOf {
        backend,
        caller,
        ordered,
    };
    match tokio::spawn(async move { order.carry_out(which).await }).await {
        Ok(result) => result.map(Json),
        Err(error) => Err(Failure::internal(format!("the order broke off: {error}"))),
    }
}

/// An order and who gave it.
struct OrderOf {
    backend: Backend,
    caller: Caller,
    ordered: Ordered,
}

impl OrderOf {
    async fn carry_out(&self, which: Asked) -> Result<ActionResult, Failure> {
        match which {
            Asked::Ids(ids) => self.ids(ids).await,
            Asked::Filter(filter) => self.whole(filter).await,
            Asked::Part(part) => {
                let limit = usize::try_from(part.limit).unwrap_or(usize::MAX);
                if !(1..=MAX_IDS).contains(&limit) {
                    return Err(Failure::bad_request(format!("a part has 1 to {MAX_IDS} lines")));
                }
                let result = self.part(&part).await?;
                self.record_filter(&part.filter, result.changed);
                Ok(result)
            }
        }
    }

    async fn ids(&self, ids: Vec<MessageId>) -> Result<ActionResult, Failure> {
        if ids.len() > MAX_IDS {
            return Err(Failure::bad_request(format!(
                "at most {MAX_IDS} ids fit into one order; send several"
            )));
        }
        let which = Selection::Ids(ids.clone());
        let report = self.ordered.give(&*self.backend.store, which, clock::now()).await?;
        let found = ids.len().saturating_sub(report.missing.len());
        let result = view::action(report, found, None);
        record_ids(&self.backend, self.caller, &ids, &result, self.ordered.as_order());
        Ok(result)
    }

    /// All parts, one after the other.
    async fn whole(&self, filter: sekisho_api::QueueFilter) -> Result<ActionResult, Failure> {
        let mut total = ActionResult::default();
        let mut part = Part {
            filter,
            after: None,
            at: Some(clock::now()),
            limit: u32::try_from(PART_LEN).unwrap_or(u32::MAX),
        };
        loop {
            match self.part(&part).await {
                Ok(result) => {
                    total.found += result.found;
                    total.changed += result.changed;
                    total.in_flight += result.in_flight;
                    part.after = result.next;
                }
                Err(failure) => {
                    self.record_filter(&part.filter, total.changed);
                    let more = format!("{} messages were changed before that", total.changed);
                    return Err(failure.and(&more));
                }
            }
            if part.after.is_none() {
                self.record_filter(&part.filter, total.changed);
                return Ok(total);
            }
        }
    }

    async fn part(&self, part: &Part) -> Result<ActionResult, Failure> {
        let now = clock::now();
        let at = part.at.map_or(now, |at| at.min(now));
        let limit = usize::try_from(part.limit).unwrap_or(usize::MAX);
        let filter: QueueFilter = view::filter(part.filter.clone())?;
        let store = &self.backend.store;
        let rows = store.list(filter.clone(), at, part.after, limit).await?;
        let came_before = rows.iter().map(|row| row.id).take_while(|id| id.began_at() <= at);
        let mut ids: Vec<MessageId> = came_before.collect();
        let there_is_more = ids.len() == rows.len() && rows.len() >= limit;
        ids.dedup();
        let (found, last) = (ids.len(), ids.last().copied());
        if found == 0 {
            return Ok(ActionResult::default());
        }
        let which = Selection::Matching(ids, filter);
        let report = self.ordered.give(&**store, which, at).await?;
        Ok(view::action(report, found, last.filter(|_| there_is_more)))
    }

    fn record_filter(&self, filter: &sekisho_api::QueueFilter, changed: u64) {
        let words = serde_json::to_string(filter).unwrap_or_default();
        self.backend.mail_log.record(Entry::Ordered {
            scope: Scope::Filter { words: &words, changed },
            order: self.ordered.as_order(),
            by: &self.caller.to_string(),
        });
        self.backend.wake.notify_one();
    }
}

/// One line for each message that was named and is there; then the deliveries are woken.
fn record_ids(backend: &Backend, caller: Caller, ids: &[MessageId], result: &ActionResult, order: Order<'_>) {
    let missing: std::collections::HashSet<&MessageId> = result.missing.iter().collect();
    let by = caller.to_string();
    for id in ids.iter().filter(|id| !missing.contains(id)) {
        backend.mail_log.record(Entry::Ordered {
            scope: Scope::Message(*id),
            order,
            by: &by,
        });
    }
    backend.wake.notify_one();
}
