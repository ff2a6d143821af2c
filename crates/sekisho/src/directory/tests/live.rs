//! Changes are made whole, one after the other, and what is in force is what the store has.

use std::{
    os::unix::fs::PermissionsExt as _,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use sekisho_api::{
    CertificateFiles, ChangeKind, DirectoryChange, DirectoryChanged, DirectoryProposal, DirectoryQuery,
    DirectoryRollback, DocumentId, DocumentKind, Documents, Exception, FaultView, Relaxation,
};
use sekisho_mail::Timestamp;
use sekisho_store::{
    StoreError,
    model::{ModelDisk, ModelSettings, ModelStore},
};
use sekisho_testkit::authority::Authority;

use super::{acme, file_part, sample, text, texts};
use crate::directory::{Live, LiveError, text as toml};

fn store(at_once: bool) -> Arc<ModelStore> {
    let settings = ModelSettings {
        at_once,
        ..ModelSettings::default()
    };
    ModelDisk::new(settings).open(Timestamp::from_millis(1)).unwrap()
}

async fn live() -> Arc<Live> {
    Arc::new(Live::open(store(true), file_part("")).await.unwrap())
}

fn put(based_on: u64, put: Documents) -> DirectoryChange {
    DirectoryChange {
        based_on,
        put,
        ..DirectoryChange::default()
    }
}

async fn change(live: &Arc<Live>, wanted: DirectoryChange) -> Result<DirectoryChanged, LiveError> {
    live.change(wanted, "uid 7").await
}

fn refused(result: Result<DirectoryChanged, LiveError>) -> Vec<FaultView> {
    match result {
        Err(LiveError::Faults(faults)) => faults,
        other => panic!("{other:?}"),
    }
}

/// What became of which document.
fn shapes(changed: &DirectoryChanged) -> Vec<(ChangeKind, String)> {
    let changes = changed.changes.iter();
    changes.map(|change| (change.change, change.id.title())).collect()
}

#[tokio::test]
async fn a_change_comes_into_force_and_is_told_of_once() {
    let live = live().await;
    let told = Arc::new(AtomicU64::new(0));
    let heard = Arc::clone(&told);
    live.listen(Box::new(move |parsed| {
        heard.fetch_add(100 + parsed.directory.version(), Ordering::Relaxed);
    }));
    let changed = change(&live, put(0, sample())).await.unwrap();
    assert_eq!((changed.version, changed.changes.len()), (1, 4));
    let current = live.current();
    assert_eq!((current.directory.version(), current.ways.len()), (1, 1));
    assert!(current.directory.organization(&"acme".parse().unwrap()).is_some());
    assert!(current.directory.organization(&"default".parse().unwrap()).is_some());
    // The same again changes nothing.
    let again = change(&live, put(1, sample())).await.unwrap();
    assert_eq!((again.version, again.changes.len()), (1, 0));
    assert_eq!(told.load(Ordering::Relaxed), 101);
}

#[tokio::test]
async fn a_change_that_is_based_on_another_version_is_refused() {
    let live = live().await;
    change(&live, put(0, sample())).await.unwrap();
    let late = change(&live, put(0, Documents::default())).await;
    let moved = StoreError::DirectoryMoved {
        based_on: 0,
        current: 1,
    };
    assert_eq!(late.unwrap_err().to_string(), moved.to_string());
}

#[tokio::test]
async fn a_fault_anywhere_refuses_the_whole_change() {
    let live = live().await;
    let mut documents = sample();
    documents.inbound_connector[0].require_tls = Some(false);
    let faults = refused(change(&live, put(0, documents)).await);
    assert_eq!((faults.len(), faults[0].field.as_str()), (1, "require_tls"));
    let view = live.view(&DirectoryQuery::default()).await.unwrap();
    assert_eq!((view.version, view.documents), (0, Documents::default()));
    assert_eq!(live.current().directory.version(), 0);
}

#[tokio::test]
async fn a_dry_run_and_a_plan_say_the_same_and_change_nothing() {
    let live = live().await;
    change(&live, put(0, sample())).await.unwrap();
    let mut documents = sample();
    documents.outbound_connector[0].recipient_domains = texts(&["other.example"]);
    documents.domain.clear();
    let dry = DirectoryChange {
        whole: true,
        dry_run: true,
        ..put(1, documents.clone())
    };
    let dry = change(&live, dry).await.unwrap();
    assert_eq!(
        shapes(&dry),
        [
            (ChangeKind::Removed, text("domain acme.example")),
            (ChangeKind::Changed, text("outbound connector acme/bank")),
        ]
    );
    let field = &dry.changes[1].fields[0];
    assert_eq!(
        (field.field.as_str(), &field.before, &field.after),
        (
            "recipient_domains",
            &["bank.example"][..].into(),
            &["other.example"][..].into()
        )
    );
    let proposal = DirectoryProposal {
        text: Some(toml::write(&documents)),
        whole: true,
        ..DirectoryProposal::default()
    };
    let plan = live.plan(proposal).await.unwrap();
    assert_eq!((plan.based_on, plan.changes), (1, dry.changes));
    assert_eq!(live.view(&DirectoryQuery::default()).await.unwrap().version, 1);
}

#[tokio::test]
async fn a_plan_names_faults_with_the_lines_of_the_text() {
    let live = live().await;
    let plan = async |text: &str| {
        let text = Some(text.to_owned());
        let proposal = DirectoryProposal {
            text,
            whole: true,
            ..DirectoryProposal::default()
        };
        live.plan(proposal).await.unwrap()
    };
    let judged = plan(
        "[[domain]]\nname = \"a.example\"\norganization = \"nobody\"\n\n\
         [[inbound_connector]]\nname = \"x\"\nrequire_tls = false\nsender_domains = [\"*\"]\n",
    )
    .await;
    let lines: Vec<_> = judged
        .faults
        .iter()
        .map(|fault| (fault.line, fault.field.as_str()))
        .collect();
    assert_eq!(lines, [(Some(3), "organization"), (Some(7), "require_tls")]);
    assert_eq!(judged.changes.len(), 2);
    let twice = plan("[[organization]]\nname = \"a\"\n[[organization]]\nname = \"a\"\n").await;
    assert_eq!(
        (twice.faults.len(), twice.faults[0].place.as_str()),
        (1, "organization a")
    );
    let unreadable = plan("[[organization]\n").await;
    assert_eq!((unreadable.faults[0].line, unreadable.changes.len()), (Some(1), 0));
}

#[tokio::test]
async fn an_export_that_is_applied_changes_nothing() {
    let live = live().await;
    let mut documents = sample();
    documents.domain[0].name = text("ACME.Example");
    change(&live, put(0, documents)).await.unwrap();
    let before = live.view(&DirectoryQuery::default()).await.unwrap();
    assert_eq!(before.documents.domain[0].name, "acme.example");
    let apply = DirectoryChange {
        text: Some(toml::write(&before.documents)),
        whole: true,
        ..put(1, Documents::default())
    };
    let applied = change(&live, apply).await.unwrap();
    assert_eq!((applied.version, applied.changes), (1, Vec::new()));
    assert_eq!(live.view(&DirectoryQuery::default()).await.unwrap(), before);
}

#[tokio::test]
async fn what_is_removed_must_be_there_and_the_first_organization_always_is() {
    let live = live().await;
    change(&live, put(0, sample())).await.unwrap();
    let remove = async |kind, organization: &str, name: &str| {
        let id = DocumentId {
            kind,
            organization: organization.to_owned(),
            name: name.to_owned(),
        };
        let based_on = live.view(&DirectoryQuery::default()).await.unwrap().version;
        let wanted = DirectoryChange {
            remove: vec![id],
            ..put(based_on, Documents::default())
        };
        change(&live, wanted).await
    };
    let missing = remove(DocumentKind::InboundConnector, "default", "bank").await;
    assert!(matches!(missing, Err(LiveError::Missing(what)) if what == "inbound connector default/bank"));
    // Its domain and connectors would belong to nobody.
    assert_eq!(
        refused(remove(DocumentKind::Organization, "default", "acme").await).len(),
        3
    );
    assert_eq!(
        refused(remove(DocumentKind::Organization, "default", "default").await).len(),
        1
    );
    for (kind, name) in [
        (DocumentKind::InboundConnector, "bank"),
        (DocumentKind::OutboundConnector, "bank"),
        (DocumentKind::Domain, "acme.example"),
        (DocumentKind::Organization, "acme"),
    ] {
        remove(kind, "acme", name).await.unwrap();
    }
    assert!(
        live.view(&DirectoryQuery::default())
            .await
            .unwrap()
            .documents
            .is_empty()
    );
    // Set, and back to its defaults by a text that does not name it.
    let mut first = acme();
    (first.name, first.reject_direct_send) = (text("default"), true);
    let documents = Documents {
        organization: vec![first],
        ..Documents::default()
    };
    change(&live, put(5, documents)).await.unwrap();
    let wanted = DirectoryChange {
        whole: true,
        ..put(6, Documents::default())
    };
    let changed = change(&live, wanted).await.unwrap();
    assert_eq!(shapes(&changed), [(ChangeKind::Removed, text("organization default"))]);
}

#[tokio::test]
async fn a_rollback_is_a_version_of_its_own_and_history_says_who_did_what() {
    let live = live().await;
    change(&live, put(0, sample())).await.unwrap();
    let mut documents = sample();
    documents.organization[0].require_tls_inbound = true;
    let wanted = DirectoryChange {
        comment: text("the auditors want it"),
        ..put(1, documents)
    };
    change(&live, wanted).await.unwrap();
    let roll_back = |to, based_on| DirectoryRollback {
        to,
        based_on,
        ..DirectoryRollback::default()
    };
    let late = live.roll_back(roll_back(1, 1), "uid 8").await;
    assert!(
        matches!(late, Err(LiveError::Store(StoreError::DirectoryMoved { .. }))),
        "{late:?}"
    );
    let never = live.roll_back(roll_back(9, 2), "uid 8").await;
    assert!(
        matches!(never, Err(LiveError::Store(StoreError::NoDirectoryVersion(9)))),
        "{never:?}"
    );
    let back = live.roll_back(roll_back(1, 2), "uid 8").await.unwrap();
    assert_eq!(
        (back.version, shapes(&back)),
        (3, vec![(ChangeKind::Changed, text("organization acme"))])
    );
    assert_eq!(live.view(&DirectoryQuery::default()).await.unwrap().documents, sample());
    assert!(live.at(2).await.unwrap().documents.organization[0].require_tls_inbound);
    let history = live.history(10).await.unwrap().versions;
    let told: Vec<_> = history
        .iter()
        .map(|version| (version.version, version.author.as_str(), version.comment.as_str()))
        .collect();
    let expected = [
        (3, "uid 8", "back to version 1"),
        (2, "uid 7", "the auditors want it"),
        (1, "uid 7", ""),
    ];
    assert_eq!(told, expected);
    let field = &history[0].changes[0].fields[0];
    assert_eq!(
        (field.field.as_str(), &field.before, &field.after),
        ("require_tls_inbound", &true.into(), &false.into())
    );
}

#[tokio::test]
async fn a_configuration_file_that_does_not_fit_is_refused_and_the_old_one_stays() {
    let live = live().await;
    change(&live, put(0, sample())).await.unwrap();
    let taken = file_part("[local]\ndomains = [\"acme.example\"]\n");
    let refused = live.reload_file(taken, || panic!("it must not be taken over")).await;
    assert!(matches!(refused, Err(LiveError::Faults(_))), "{refused:?}");
    live.reload_file(file_part("[local]\ndomains = [\"here.example\"]\n"), || Ok(()))
        .await
        .unwrap();
    assert!(
        live.current()
            .directory
            .domain(&"here.example".parse().unwrap())
            .is_some()
    );
}

#[tokio::test]
async fn who_mends_a_directory_at_fault_is_let_in_and_nobody_else() {
    let store = store(true);
    let live = Arc::new(Live::open(store.clone(), file_part("")).await.unwrap());
    change(&live, put(0, sample())).await.unwrap();
    let taken = || file_part("[local]\ndomains = [\"acme.example\"]\n");
    let refused = Live::open(store.clone(), taken()).await;
    assert!(matches!(refused, Err(LiveError::Faults(_))), "{refused:?}");
    let live = Arc::new(Live::open_at_fault(store, taken()).await.unwrap());
    assert_eq!(live.faults().len(), 1);
    assert_eq!(live.view(&DirectoryQuery::default()).await.unwrap().documents, sample());
    let mended = DirectoryChange {
        whole: true,
        ..put(1, Documents::default())
    };
    change(&live, mended).await.unwrap();
    assert_eq!((live.faults().len(), live.current().directory.version()), (0, 2));
}

#[tokio::test]
async fn a_change_that_was_begun_comes_into_force_though_nobody_waits_for_it() {
    let store = store(false);
    let live = Arc::new(Live::open(store.clone(), file_part("")).await.unwrap());
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    live.listen(Box::new(move |parsed| tell.send(parsed.directory.version()).unwrap()));
    tokio::select! {
        biased;
        made = live.change(put(0, sample()), "uid 7") => panic!("nothing is durable yet: {made:?}"),
        () = std::future::ready(()) => {}
    }
    let version = loop {
        store.flush();
        match told.try_recv() {
            Ok(version) => break version,
            Err(_) => tokio::task::yield_now().await,
        }
    };
    assert_eq!(version, 1);
    assert_eq!(live.current().directory.version(), 1);
}

#[tokio::test]
async fn what_a_failing_store_has_kept_comes_into_force_when_it_is_back() {
    for is_kept in [true, false] {
        let store = store(false);
        let live = Arc::new(Live::open(store.clone(), file_part("")).await.unwrap());
        let begun = Arc::clone(&live);
        let begun = tokio::spawn(async move { begun.change(put(0, sample()), "uid 7").await });
        store.asked().await;
        let mut dice = (0..).map(fastrand::Rng::with_seed);
        let mut dice = dice.find(|dice| dice.clone().bool() == is_kept).unwrap();
        store.fail(&mut dice);
        let failed = begun.await.unwrap();
        assert!(
            matches!(failed, Err(LiveError::Store(StoreError::Failed(_)))),
            "{failed:?}"
        );
        assert_eq!(live.current().directory.version(), 0);
        store.recover();
        let version = live.view(&DirectoryQuery::default()).await.unwrap().version;
        assert_eq!(version, u64::from(is_kept));
        assert_eq!(live.current().directory.version(), version);
    }
}

#[tokio::test]
async fn a_certificate_that_is_gone_refuses_nobody_elses_change() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let pair = authority.client("client.acme.example");
    let (chain, key) = (folder.path().join("client.pem"), folder.path().join("client.key"));
    std::fs::write(&chain, &pair.chain).unwrap();
    std::fs::write(&key, &pair.key).unwrap();
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    let mut documents = sample();
    documents.outbound_connector[0].client_certificate = Some(CertificateFiles {
        certificate: chain.display().to_string(),
        key: key.display().to_string(),
    });
    let live = live().await;
    change(&live, put(0, documents.clone())).await.unwrap();
    std::fs::remove_file(&key).unwrap();
    documents.organization.push(sekisho_api::Organization {
        name: text("other"),
        ..acme()
    });
    let changed = change(&live, put(1, documents.clone())).await.unwrap();
    let warnings: Vec<_> = changed.warnings.iter().map(|warning| warning.field.as_str()).collect();
    assert_eq!((changed.version, warnings), (2, vec!["client_certificate"]));
    documents.outbound_connector[0].comment = text("another");
    let faults = refused(change(&live, put(2, documents)).await);
    assert_eq!((faults.len(), faults[0].field.as_str()), (1, "client_certificate"));
}

fn exception(until: Timestamp) -> Exception {
    Exception {
        organization: text("acme"),
        name: text("moving"),
        owner: text("Alice Example"),
        reason: text("the server is replaced"),
        until: until.to_string(),
        outbound_connector: Some(text("bank")),
        allows: Some(Relaxation::Plaintext),
        ..Exception::default()
    }
}

#[tokio::test]
async fn an_exception_ends_within_a_year_when_it_is_set_and_its_end_is_told_of() {
    let live = live().await;
    let day = |days: u64| std::time::Duration::from_secs(days * 24 * 60 * 60);
    let until = |until: Timestamp| {
        let mut documents = sample();
        documents.outbound_connector[0].tls_settings = sekisho_api::TlsSettings::EncryptionOnly;
        documents.exception = vec![exception(until)];
        documents
    };
    let now = crate::clock::now();
    let faults = refused(change(&live, put(0, until(now.plus(day(367))))).await);
    assert_eq!(
        (faults[0].place.as_str(), faults[0].field.as_str()),
        ("exception acme/moving", "until")
    );
    let warned = |warnings: &[FaultView]| -> Vec<String> { warnings.iter().map(|one| one.reason.clone()).collect() };
    for (version, end, expected) in [
        (0, now.plus(day(300)), None),
        (1, now.plus(day(5)), Some("it ends at ")),
        (2, now.minus(day(5)), Some("it ended at ")),
    ] {
        let changed = change(&live, put(version, until(end))).await.unwrap();
        let view = live.view(&DirectoryQuery::default()).await.unwrap();
        assert_eq!(view.warnings, changed.warnings);
        let said = warned(&view.warnings);
        assert_eq!(said.len(), usize::from(expected.is_some()), "{said:?}");
        assert!(expected.is_none_or(|begin| said[0].starts_with(begin)), "{said:?}");
        assert_eq!(view.documents.exception[0].until, end.to_string(), "it is kept");
    }
    // Nobody else's change is refused for one that has ended.
    let other = Documents {
        organization: vec![sekisho_api::Organization {
            comment: text("x"),
            ..acme()
        }],
        ..Documents::default()
    };
    change(&live, put(3, other)).await.unwrap();
}
