//! Drives a simulation: lets time pass, throws the dice for what goes wrong, and ends when the queue is empty.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::Duration,
};

use turmoil::{Builder, Sim};

use super::{
    Plan, World,
    book::{Judgement, Sample, Trouble},
    names::HOSTS,
    server::{self, DRAIN},
    sink::{self, Demanded, Sink},
    source,
};
use crate::app::Phase;

/// Where the server is.
pub(super) const SERVER: Ipv4Addr = Ipv4Addr::new(45, 1, 0, 1);
/// Where the sources are.
const SOURCES: [Ipv4Addr; 2] = [Ipv4Addr::new(45, 2, 0, 1), Ipv4Addr::new(45, 2, 0, 2)];

/// What a run came to.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) judgement: Judgement,
    pub(super) trace: String,
    pub(super) lasted: Duration,
    pub(super) crashes: usize,
    pub(super) failures: usize,
    pub(super) samples: Vec<Sample>,
}

/// What is wrong just now, and until when.
#[derive(Default)]
struct Wrongs {
    down_until: Option<Duration>,
    /// When a stop will have lasted as long as it may.
    cut_off_at: Option<Duration>,
    failed_until: Option<Duration>,
    cut: Vec<(IpAddr, Option<&'static str>, Duration, Cut)>,
}

/// What is wrong with a link.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cut {
    Partition,
    Hold,
}

/// Runs one simulation to its end.
pub(super) fn run(plan: Plan) -> Outcome {
    server::prepare();
    // The server shuffles equal hosts with the thread's own dice.
    fastrand::seed(plan.seed);
    let world = World::new(plan);
    let mut sim = Builder::new()
        .rng_seed(plan.seed)
        .tick_duration(plan.tick)
        .simulation_duration(plan.lasts * 2)
        .min_message_latency(Duration::from_millis(1))
        .max_message_latency(plan.tick)
        .tcp_capacity(4096)
        .build();
    {
        let world = Arc::clone(&world);
        sim.host(IpAddr::from(SERVER), move || server::run(Arc::clone(&world)));
    }
    for (place, address) in SOURCES.iter().enumerate() {
        let world = Arc::clone(&world);
        sim.host(IpAddr::from(*address), move || {
            source::run(Arc::clone(&world), place + 1)
        });
    }
    for (name, address) in HOSTS {
        let sink = Sink {
            name,
            offers_tls: *name != "mx.b.example",
            demanded: match *name {
                "mx.c.example" => Demanded::Encryption,
                "mx.d.example" => Demanded::Certificate,
                _ => Demanded::Nothing,
            },
        };
        let world = Arc::clone(&world);
        sim.host(IpAddr::from(*address), move || sink::run(Arc::clone(&world), sink));
    }
    world.book().slack = plan.tick * 10;
    drive(&world, &mut sim);
    let book = world.book();
    let judgement = book.judge(SOURCES.len(), world.disk.queued());
    Outcome {
        judgement,
        trace: book.text(),
        lasted: sim.elapsed(),
        crashes: book.crashes,
        failures: book.failures,
        samples: book.samples.clone(),
    }
}

fn drive(world: &World, sim: &mut Sim<'_>) {
    let mut wrongs = Wrongs::default();
    loop {
        sim.step().unwrap();
        let now = sim.elapsed();
        let troubled = now < world.plan.troubled_for;
        wrongs.end_due(world, sim, now, !troubled);
        if troubled {
            wrongs.begin(world, sim, now);
        } else {
            world.running().is_calm = true;
        }
        let is_empty = world.disk.queued() == 0 && (!world.plan.until_forgotten || world.disk.traced() == 0);
        let is_done = !troubled && is_empty && world.book().done == SOURCES.len();
        if is_done || now >= world.plan.lasts {
            return;
        }
    }
}

impl Wrongs {
    /// Each step has a small chance of each fault.
    fn begin(&mut self, world: &World, sim: &mut Sim<'_>, now: Duration) {
        let calmness = world.plan.calmness;
        let chance = |of: u32| world.one_in(of * calmness);
        let lasting = |most| now + (Duration::from_millis(200) + world.millis(most)) * calmness;
        if self.down_until.is_none() && chance(100) {
            self.crash(world, sim, now);
            self.down_until = Some(lasting(3000));
        }
        if self.down_until.is_none() && chance(200) {
            tell(world, now, "the server is told to stop");
            if let Some(phase) = &world.running().phase {
                phase.send_replace(Phase::Draining);
            }
            self.cut_off_at = Some(now + DRAIN);
            self.down_until = Some(lasting(9000));
        }
        if self.failed_until.is_none() && chance(200) {
            let store = world.running().store.clone();
            if let Some(store) = store {
                tell(world, now, "the store fails");
                store.fail(&mut world.dice());
                note(world, now, None);
                world.book().failures += 1;
                self.failed_until = Some(lasting(5000));
            }
        }
        if self.cut.len() < 3 && chance(50) {
            let to_sink = world.one_in(3);
            let (peer, sink) = if to_sink {
                (IpAddr::from(SOURCES[world.dice().usize(0..SOURCES.len())]), None)
            } else {
                let (name, address) = HOSTS[world.dice().usize(0..HOSTS.len())];
                (IpAddr::from(address), Some(name))
            };
            if self.cut.iter().all(|(other, ..)| *other != peer) {
                let cut = if world.one_in(2) { Cut::Partition } else { Cut::Hold };
                tell(world, now, &format!("the link to {peer} is cut"));
                match cut {
                    Cut::Partition => sim.partition(IpAddr::from(SERVER), peer),
                    Cut::Hold => sim.hold(IpAddr::from(SERVER), peer),
                }
                note(world, now, sink);
                self.cut.push((peer, sink, lasting(8000), cut));
            }
        }
    }

    fn crash(&self, world: &World, sim: &mut Sim<'_>, now: Duration) {
        tell(world, now, "the server crashes");
        world.disk.crash(&mut world.dice());
        sim.crash(IpAddr::from(SERVER));
        let mut running = world.running();
        running.store = None;
        running.phase = None;
        drop(running);
        note(world, now, None);
        world.book().crashes += 1;
    }

    /// Ends what has lasted long enough, or everything.
    fn end_due(&mut self, world: &World, sim: &mut Sim<'_>, now: Duration, all: bool) {
        let is_over = |until: &Duration| all || *until <= now;
        if self.cut_off_at.take_if(|at| *at <= now).is_some() && sim.is_host_running(IpAddr::from(SERVER)) {
            // What a peer has taken and not yet answered comes to it again.
            tell(world, now, "what is in flight is cut off");
            note(world, now, None);
        }
        if self.failed_until.take_if(|until| is_over(until)).is_some() {
            let store = world.running().store.clone();
            if let Some(store) = store {
                tell(world, now, "the store recovers");
                store.recover();
            }
        }
        if self.down_until.is_some_and(|until| is_over(&until)) {
            if sim.is_host_running(IpAddr::from(SERVER)) {
                // It takes too long to stop.
                self.crash(world, sim, now);
            }
            self.down_until = None;
            self.failed_until = None;
            self.cut_off_at = None;
            tell(world, now, "the server starts");
            sim.bounce(IpAddr::from(SERVER));
        }
        self.cut.retain(|(peer, sink, until, cut)| {
            if !is_over(until) {
                return true;
            }
            tell(world, now, &format!("the link to {peer} is whole"));
            match cut {
                Cut::Partition => sim.repair(IpAddr::from(SERVER), *peer),
                Cut::Hold => sim.release(IpAddr::from(SERVER), *peer),
            }
            let mut book = world.book();
            let of_it = book.troubles.iter_mut().rev().find(|trouble| trouble.sink == *sink);
            if let Some(trouble) = of_it {
                trouble.until = Some(now);
            }
            false
        });
    }
}

fn tell(world: &World, now: Duration, what: &str) {
    world.write(now, "driver", what);
}

fn note(world: &World, at: Duration, sink: Option<&'static str>) {
    let trouble = Trouble { at, until: None, sink };
    world.book().troubles.push(trouble);
}
