//! The runs.

use std::{env, fmt::Write as _};

use super::{
    Control, Plan,
    book::Sample,
    driver::{Outcome, run},
};

/// Seeds of the short run.
const SEEDS: u64 = 60;

fn from_environment(name: &str) -> Option<u64> {
    env::var(name).ok()?.parse().ok()
}

/// What is told of a seed that found something.
fn story(seed: u64, outcome: &Outcome) -> String {
    let mut story = String::new();
    for fault in &outcome.judgement.faults {
        let _ = writeln!(story, "{fault}");
    }
    format!(
        "SEKISHO_SIMULATE_SEED={seed} SEKISHO_SIMULATE_SEEDS=1\n{}{story}",
        outcome.trace
    )
}

#[test]
fn nothing_is_lost_altered_invented_or_weakened_in_a_simulation() {
    let first = from_environment("SEKISHO_SIMULATE_SEED").unwrap_or(0);
    let seeds = from_environment("SEKISHO_SIMULATE_SEEDS").unwrap_or(SEEDS);
    println!("SEKISHO_SIMULATE_SEED={first} SEKISHO_SIMULATE_SEEDS={seeds}");
    if seeds == 1 {
        // What the server says lies between what happens.
        let log = tracing_subscriber::fmt()
            .with_env_filter("sekisho=debug")
            .without_time();
        let _ = log.with_ansi(false).with_test_writer().try_init();
    }
    let (mut acknowledged, mut delivered, mut bounced, mut delayed, mut repeated) = (0, 0, 0, 0, 0);
    let (mut crashes, mut failures, mut seconds) = (0, 0, 0);
    for seed in first..first + seeds {
        let outcome = run(Plan::new(seed));
        let judgement = &outcome.judgement;
        assert_eq!(judgement.faults, Vec::<String>::new(), "{}", story(seed, &outcome));
        acknowledged += judgement.acknowledged;
        delivered += judgement.delivered;
        bounced += judgement.bounced;
        delayed += judgement.delayed;
        repeated += judgement.repeated;
        crashes += outcome.crashes;
        failures += outcome.failures;
        seconds += outcome.lasted.as_secs();
    }
    println!(
        "{seeds} seeds, {seconds} s of virtual time: {acknowledged} messages acknowledged, delivered to \
         {delivered} recipients, {bounced} bounced, {delayed} told to be late, {repeated} repeated for a reason; \
         {crashes} crashes, {failures} failures of the store"
    );
    // Runs in which nothing happens prove nothing.
    if seeds >= SEEDS {
        let all = [acknowledged, delivered, bounced, delayed, repeated, crashes, failures];
        assert!(all.iter().all(|count| *count > 0), "{all:?}");
    }
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    let [one, other] = [7, 7].map(|seed| run(Plan::new(seed)).trace);
    let differ = one.lines().zip(other.lines()).find(|(one, other)| one != other);
    assert_eq!(differ, None);
    assert!(
        one == other && one.lines().count() > 50,
        "{} and {} lines",
        one.len(),
        other.len()
    );
    assert_ne!(one, run(Plan::new(8)).trace);
}

/// Days of virtual time: everything that is rare in minutes, and nothing that grows.
fn insist_on_flatness(plan: Plan) {
    let outcome = run(plan);
    assert_eq!(
        outcome.judgement.faults,
        Vec::<String>::new(),
        "{}",
        story(plan.seed, &outcome)
    );
    let [first, .., last] = outcome.samples[..] else {
        panic!("two samples at least");
    };
    let most = |of: fn(&Sample) -> usize| outcome.samples.iter().map(of).max().unwrap_or(0);
    println!(
        "{} h of virtual time: {:?}, {} crashes; at most {} queued, {} traced, {} tasks; at last {last:?}",
        outcome.lasted.as_secs() / 3600,
        outcome.judgement,
        outcome.crashes,
        most(|sample| sample.queued),
        most(|sample| sample.traced),
        most(|sample| sample.tasks),
    );
    assert!(last.tasks <= first.tasks, "{first:?} {last:?}");
    assert_eq!((last.memory_octets, last.queued), (0, 0));
    assert!(outcome.lasted < plan.lasts, "the trace is not trimmed to nothing");
    let judgement = &outcome.judgement;
    assert!(
        most(|sample| sample.traced) < judgement.acknowledged || plan.messages < 100,
        "it is trimmed on the way"
    );
    assert!(judgement.bounced > 0 && judgement.delayed > 0 && outcome.crashes > 0);
}

#[test]
fn after_hours_of_trouble_nothing_has_grown() {
    let days = env::var("SEKISHO_SIMULATE_WEEK").is_ok();
    let seed = from_environment("SEKISHO_SIMULATE_SEED").unwrap_or(0);
    insist_on_flatness(if days { Plan::week(seed) } else { Plan::hours(seed) });
}

/// Whether one of some seeds finds a fault that begins so.
fn is_caught(control: Control, fault: &str) -> bool {
    (0..40).any(|seed| {
        let plan = Plan {
            control,
            ..Plan::new(seed)
        };
        run(plan).judgement.faults.iter().any(|found| found.starts_with(fault))
    })
}

#[test]
fn what_is_wrong_on_purpose_is_caught() {
    assert!(
        is_caught(Control::EarlyAcknowledgement, "lost"),
        "an acknowledgement before the flush"
    );
    assert!(
        is_caught(Control::NoDemands, "below policy"),
        "a route that forgets what it demands"
    );
    assert!(is_caught(Control::Alteration, "altered"), "another octet");
}
