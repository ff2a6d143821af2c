//! Roll-overs as the API shows them. The secret name of the probe is not among what is shown.

use sekisho_api::{
    RolloverEvent, RolloverKey, RolloverRecord, RolloverSight, RolloverStep, RolloverView, RolloverWait,
};
use sekisho_policy::directory::CertificateRoleKey;
use sekisho_tls::{CertificateChain, DANE_EE, TlsaRecord};

use super::records::{Old, is_of_old, next_keys};
use crate::certificates::{Certificates, How, Instance, Rollover, Step};

/// One as it stands.
#[must_use]
pub fn rollover_view(certificates: &Certificates, key: &CertificateRoleKey, rollover: &Rollover) -> RolloverView {
    let instances = certificates.of_rollover(key, rollover);
    RolloverView {
        organization: key.organization.to_string(),
        role: key.name.to_string(),
        step: rollover.step.to_string(),
        since: rollover.since,
        held_by: rollover.held_by.clone(),
        wait: rollover.wait.as_ref().map(|wait| RolloverWait {
            turn: wait.turn.as_str().to_owned(),
            text: wait.text.clone(),
            until: wait.until,
        }),
        keys: keys(rollover, &instances),
        switch_at: rollover.switch_at,
        records: records(rollover, &instances),
        pinned_by: certificates.pinned_in(key, rollover),
        sights: rollover
            .sights
            .iter()
            .map(|sight| RolloverSight {
                is_well: sight.is_well,
                text: sight.text.clone(),
            })
            .collect(),
        looked_at: rollover.looked_at,
        look_at: rollover.look_at,
        steps: Step::ALL.into_iter().map(|step| step_view(rollover, step)).collect(),
        history: rollover
            .passed
            .iter()
            .map(|passed| RolloverEvent {
                at: passed.at,
                by: passed.by.clone(),
                step: passed.step.to_string(),
                how: passed.how.as_str().to_owned(),
                text: passed.text.clone(),
            })
            .collect(),
    }
}

fn keys(rollover: &Rollover, instances: &[Instance]) -> Vec<RolloverKey> {
    let keys = rollover.keys.iter().map(|key| {
        let made = instances.iter().find(|one| one.id.id == key.id);
        RolloverKey {
            key_type: key.key_type.clone(),
            id: key.id.clone(),
            stage: made.map_or("gone", |one| one.record.stage.as_str()).to_owned(),
            spki_sha256: key.spki_sha256.to_string(),
            request: made.and_then(|one| one.record.request.clone()),
            replaces: key.old.clone(),
        }
    });
    keys.collect()
}

/// What becomes of each record: those of the next keys are published before the switch, those of the old ones withdrawn
/// after it.
fn records(rollover: &Rollover, instances: &[Instance]) -> Vec<RolloverRecord> {
    let of = |is_next: bool| -> Vec<CertificateChain> {
        let of = instances
            .iter()
            .filter(|one| rollover.is_next(one.record.spki_sha256) == is_next);
        of.filter_map(Instance::chain).collect()
    };
    let keys = rollover.keys.iter().flat_map(|key| key.old_spki_sha256.iter().copied());
    let old = Old {
        chains: of(false),
        keys: keys.collect(),
    };
    let new = of(true);
    let next: Vec<TlsaRecord> = next_keys(rollover).iter().map(|key| TlsaRecord::of_key(key)).collect();
    let mut records = Vec::new();
    for set in &rollover.record_sets {
        let row = |action: &str, data: String| RolloverRecord {
            action: action.to_owned(),
            name: set.name.clone(),
            ttl: set.ttl_secs,
            data,
        };
        let parsed: Vec<TlsaRecord> = set.records.iter().filter_map(|text| text.parse().ok()).collect();
        for record in &parsed {
            let is_over = rollover.step > Step::Overlap && is_of_old(record, &old, &new);
            records.push(row(if is_over { "withdraw" } else { "keep" }, record.to_string()));
        }
        let names_leaves = parsed.iter().any(|record| record.usage == DANE_EE);
        let missing = next.iter().filter(|record| names_leaves && !parsed.contains(record));
        records.extend(missing.map(|record| row("publish", record.to_string())));
    }
    records
}

fn step_view(rollover: &Rollover, step: Step) -> RolloverStep {
    let last = rollover
        .passed
        .iter()
        .rev()
        .find(|one| one.step == step && one.how != How::Begun);
    let passed = last.filter(|one| step < rollover.step && one.how != How::Back);
    let state = match passed {
        Some(passed) => passed.how.as_str(),
        None if step == rollover.step && step == Step::Done => "done",
        None if step == rollover.step => "current",
        None => "ahead",
    };
    RolloverStep {
        step: step.to_string(),
        title: title(step).to_owned(),
        state: state.to_owned(),
        at: passed.map(|one| one.at),
        text: passed.map(|one| one.text.clone()).unwrap_or_default(),
    }
}

const fn title(step: Step) -> &'static str {
    match step {
        Step::Records => "TLSA records of the next key beside the current ones, at every authoritative server",
        Step::WaitOut => "nobody remembers the records without it",
        Step::Issue => "a certificate on the next key",
        Step::Prove => "a handshake by published name and address shows it",
        Step::Partners => "partners who pin the key were told",
        Step::Switch => "it is presented from the chosen instant on",
        Step::Overlap => "the old certificate is kept, to go back to",
        Step::Withdraw => "TLSA records of the old key are withdrawn",
        Step::Done => "done",
    }
}
