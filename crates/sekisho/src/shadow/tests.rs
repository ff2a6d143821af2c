//! What is counted, kept apart, and read again.

use std::sync::Arc;

use sekisho_api::{DocumentId, DocumentKind, Documents, Mode, OutboundConnector, Promotion, Rule, ShadowReport};
use sekisho_mail::{ShadowOutcome, ShadowVerdict, StatedReason, Timestamp};
use sekisho_store::{
    Store,
    model::{ModelDisk, ModelSettings},
};

use super::{Asked, PromotionError, Tally, UnknownDocument, find, promote, report};

const DAY_SECS: i64 = 86_400;
const TODAY: Timestamp = Timestamp::from_secs(20_000 * DAY_SECS + 7);

fn store() -> Arc<dyn Store> {
    let settings = ModelSettings {
        at_once: true,
        ..ModelSettings::default()
    };
    ModelDisk::new(settings).open(TODAY).unwrap()
}

fn bank() -> OutboundConnector {
    OutboundConnector {
        name: "bank".to_owned(),
        recipient_domains: vec!["bank.example".to_owned()],
        ..OutboundConnector::default()
    }
}

/// The bank's connector and its draft.
fn documents(change: impl FnOnce(&mut OutboundConnector)) -> Documents {
    let mut draft = OutboundConnector {
        name: "new".to_owned(),
        draft_of: Some("bank".to_owned()),
        pins: vec!["sha256:00".to_owned()],
        comment: "why".to_owned(),
        ..bank()
    };
    change(&mut draft);
    Documents {
        outbound_connector: vec![bank(), draft],
        rule: vec![Rule {
            name: "secret".to_owned(),
            mode: Mode::Shadow,
            ..Rule::default()
        }],
        ..Documents::default()
    }
}

fn id(kind: DocumentKind, name: &str) -> DocumentId {
    DocumentId {
        kind,
        organization: "default".to_owned(),
        name: name.to_owned(),
    }
}

fn draft(documents: &Documents) -> Asked {
    find(documents, &id(DocumentKind::OutboundConnector, "bank")).unwrap()
}

fn verdict(asked: &Asked, outcome: ShadowOutcome) -> ShadowVerdict {
    ShadowVerdict {
        document: Arc::clone(&asked.document),
        outcome,
        why: StatedReason {
            key: "why".to_owned(),
            text: "because".to_owned(),
        },
    }
}

#[test]
fn a_document_is_meant_by_its_name_or_by_the_one_in_whose_place_it_is_tried() {
    let all = documents(|_| {});
    let connector = |name| find(&all, &id(DocumentKind::OutboundConnector, name));
    for name in ["bank", "new"] {
        assert_eq!(connector(name).unwrap().id.name, "new");
    }
    assert!(matches!(connector("none"), Err(UnknownDocument::Missing(_))));
    assert!(find(&all, &id(DocumentKind::Rule, "secret")).is_ok());
    let alone = Documents {
        outbound_connector: vec![bank()],
        ..Documents::default()
    };
    let found = find(&alone, &id(DocumentKind::OutboundConnector, "bank"));
    assert!(matches!(found, Err(UnknownDocument::Enforced(_))));
    let domain = find(&all, &id(DocumentKind::Domain, "bank.example"));
    assert!(matches!(domain, Err(UnknownDocument::Untriable(_))));
}

#[test]
fn what_is_counted_belongs_to_what_a_document_does_and_not_to_its_comment() {
    let revision = |change: fn(&mut OutboundConnector)| draft(&documents(change)).document.revision;
    let first = revision(|_| {});
    assert_eq!(first, revision(|one| one.comment.clear()));
    assert_eq!(first, revision(|one| one.enabled = false));
    assert_ne!(first, revision(|one| one.pins.clear()));
    assert_ne!(
        first,
        revision(|one| one.recipient_domains.push("other.example".to_owned()))
    );
}

#[tokio::test]
async fn days_and_contents_are_counted_apart_and_what_is_written_twice_is_summed() {
    let (store, tally) = (store(), Tally::default());
    let (old, new) = (draft(&documents(|one| one.pins.clear())), draft(&documents(|_| {})));
    let day = |back: i64| Timestamp::from_secs(TODAY.as_secs() - back * DAY_SECS);
    for _ in 0..2 {
        tally.note(&[verdict(&new, ShadowOutcome::Fails)], "mx1.example", day(0));
        tally.note(&[verdict(&new, ShadowOutcome::Fails)], "mx2.example", day(13));
        tally.note(&[verdict(&new, ShadowOutcome::Passes)], "mx1.example", day(14));
        tally.note(&[verdict(&old, ShadowOutcome::WouldGo)], "mx1.example", day(0));
        tally.write(&*store).await.unwrap();
    }
    tally.note(&[verdict(&new, ShadowOutcome::Fails)], "mx1.example", day(0));
    tally.write(&*store).await.unwrap();
    let counts = |report: &ShadowReport| (report.passes, report.fails, report.would_go, report.seen());
    let of = |days| report(&*store, &new, days, TODAY);
    assert_eq!(counts(&of(1).await.unwrap()), (0, 3, 0, 3));
    let two_weeks = of(14).await.unwrap();
    assert_eq!(counts(&two_weeks), (0, 5, 0, 5));
    let rows = two_weeks
        .rows
        .iter()
        .map(|row| (row.peer.as_deref(), row.count, row.first.as_str()));
    let expected = [
        (Some("mx1.example"), 3, "2024-10-04"),
        (Some("mx2.example"), 2, "2024-09-21"),
    ];
    assert_eq!(rows.collect::<Vec<_>>(), expected);
    assert_eq!(counts(&of(15).await.unwrap()), (2, 5, 0, 7));
    assert_eq!(counts(&report(&*store, &old, 14, TODAY).await.unwrap()), (0, 0, 2, 2));
    store.stop().await.unwrap();
}

#[tokio::test]
async fn a_promotion_takes_what_the_draft_says_and_is_refused_while_it_would_break_mail() {
    let (store, tally, all) = (store(), Tally::default(), documents(|_| {}));
    let asked = draft(&all);
    let promotion = |force| Promotion {
        kind: DocumentKind::OutboundConnector,
        organization: "default".to_owned(),
        name: "bank".to_owned(),
        based_on: 7,
        force,
        comment: String::new(),
        dry_run: false,
    };
    let unseen = report(&*store, &asked, 14, TODAY).await.unwrap();
    let planned = promote(&all, &asked, &unseen, promotion(false)).unwrap();
    assert_eq!(planned.warnings.len(), 1, "{:?}", planned.warnings);
    let put = &planned.change.put.outbound_connector;
    let expected = OutboundConnector {
        pins: vec!["sha256:00".to_owned()],
        comment: "why".to_owned(),
        ..bank()
    };
    assert_eq!((put, planned.change.based_on), (&vec![expected], 7));
    assert_eq!(planned.change.remove, std::slice::from_ref(&asked.id));

    for outcome in [
        ShadowOutcome::Passes,
        ShadowOutcome::FailsAnyway,
        ShadowOutcome::WouldGo,
    ] {
        tally.note(&[verdict(&asked, outcome)], "mx.example", TODAY);
    }
    tally.write(&*store).await.unwrap();
    let fine = report(&*store, &asked, 14, TODAY).await.unwrap();
    let planned = promote(&all, &asked, &fine, promotion(false)).unwrap();
    assert_eq!(planned.warnings, []);
    tally.note(&[verdict(&asked, ShadowOutcome::Fails)], "mx.example", TODAY);
    tally.write(&*store).await.unwrap();
    let breaking = report(&*store, &asked, 14, TODAY).await.unwrap();
    let Err(PromotionError::Breaks { message, peers }) = promote(&all, &asked, &breaking, promotion(false)) else {
        panic!("it is not refused");
    };
    assert!(message.contains("1 of 4"), "{message}");
    assert_eq!(peers[0].reason, "1 with mx.example: because");
    assert!(promote(&all, &asked, &breaking, promotion(true)).is_ok());

    // What was counted while it was looked at says nothing of a document that is switched off.
    let off = documents(|one| one.enabled = false);
    let refused = promote(&off, &draft(&off), &fine, promotion(true));
    let Err(PromotionError::Unknown(UnknownDocument::Disabled(title))) = refused else {
        panic!("it would switch off what acts: {refused:?}");
    };
    assert!(title.contains("default/new"), "{title}");

    let rule = find(&all, &id(DocumentKind::Rule, "secret")).unwrap();
    let unseen = report(&*store, &rule, 14, TODAY).await.unwrap();
    let planned = promote(&all, &rule, &unseen, promotion(false)).unwrap();
    assert_eq!(
        (planned.change.put.rule[0].mode, planned.change.remove.len()),
        (Mode::Enforce, 0)
    );
    store.stop().await.unwrap();
}
