//! What is looked at in each step of a roll-over, and what follows from it.

use std::time::Duration;

use sekisho_mail::{Domain, Timestamp};
use sekisho_policy::directory::CertificateRoleKey;
use sekisho_tls::{CertificateChain, Identity, KeyFamily, ProbeName, any_matches};
use tokio::task;

use super::{
    RolloverKeeper,
    named::known_hosts,
    outside::{Claim, Handshake},
    records::{Asked, Records, beside, next_keys, without},
};
use crate::{
    acme::back_off,
    certificates::{
        Author, CertificateRole, Certificates, How, Instance, NextKey, OrderError, Rollover, Sight, Stage, Step, Turn,
        Wait, itself,
    },
};

/// What a look comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The step is passed.
    Pass(How, String),
    /// It is not.
    Wait(Wait),
    /// An earlier step does not hold any more.
    Back(Step, String),
}

impl Verdict {
    fn done(text: impl Into<String>) -> Self {
        Self::Pass(How::Done, text.into())
    }

    fn skip(text: impl Into<String>) -> Self {
        Self::Pass(How::Skipped, text.into())
    }

    fn wait(turn: Turn, text: impl Into<String>) -> Self {
        Self::Wait(Wait {
            turn,
            text: text.into(),
            until: None,
        })
    }

    fn until(at: Timestamp, text: impl Into<String>) -> Self {
        Self::Wait(Wait {
            turn: Turn::Time,
            text: text.into(),
            until: Some(at),
        })
    }
}

/// A look at a role's roll-over.
pub(super) struct Look<'l> {
    pub(super) keeper: &'l RolloverKeeper,
    pub(super) key: &'l CertificateRoleKey,
    pub(super) role: &'l CertificateRole,
}

impl Look<'_> {
    /// Looks at what the step is for; what was seen is noted in the roll-over.
    pub(super) async fn at(&self, rollover: &mut Rollover) -> Result<Verdict, OrderError> {
        if (Step::Issue..=Step::Switch).contains(&rollover.step)
            && let Some(back) = self.lost_records(rollover).await?
        {
            return Ok(back);
        }
        match rollover.step {
            Step::Records => Ok(self.records(rollover).await),
            Step::WaitOut => Ok(self.wait_out(rollover).await),
            Step::Issue => Ok(self.issue(rollover).await),
            Step::Prove => Ok(self.prove(rollover).await),
            Step::Partners => Ok(self.partners(rollover)),
            Step::Switch => self.switch(rollover).await,
            Step::Overlap => self.overlap(rollover).await,
            Step::Withdraw => Ok(self.withdraw(rollover).await),
            Step::Done => Ok(Verdict::wait(Turn::Time, "it is done")),
        }
    }

    fn now(&self) -> Timestamp {
        (self.keeper.clock)()
    }

    fn author(&self, why: &str) -> Author {
        itself(self.now(), why)
    }

    /// Does what waits for the disk where that may be waited for.
    async fn stored<T: Send + 'static>(
        &self,
        order: impl FnOnce(&Certificates, &CertificateRoleKey) -> Result<T, OrderError> + Send + 'static,
    ) -> Result<T, OrderError> {
        let (certificates, key) = (self.keeper.certificates.clone(), self.key.clone());
        let ordered = task::spawn_blocking(move || order(&certificates, &key)).await;
        ordered.map_err(|error| OrderError::BadOrder(format!("the order broke off: {error}")))?
    }

    fn instances(&self, rollover: &Rollover) -> Vec<Instance> {
        self.keeper.certificates.of_rollover(self.key, rollover)
    }

    fn next(&self, rollover: &Rollover) -> Vec<(NextKey, Option<Instance>)> {
        let all = self.instances(rollover);
        let keys = rollover.keys.iter().map(|key| {
            let on_key = all.iter().filter(|one| one.record.spki_sha256 == key.spki_sha256);
            let lasting = on_key.filter(|one| one.record.stage != Stage::Retired);
            let newest = lasting.max_by_key(|one| one.chain().map(|chain| chain.facts()[0].not_before));
            (key.clone(), newest.cloned())
        });
        keys.collect()
    }

    /// Hosts that partners know the certificates by.
    async fn hosts(&self, rollover: &Rollover) -> Result<Vec<Domain>, String> {
        let chains: Vec<CertificateChain> = self.instances(rollover).iter().filter_map(Instance::chain).collect();
        let exchangers = self.keeper.outside.exchangers(&self.key.organization);
        known_hosts(self.role, &chains, exchangers).await
    }

    /// What all servers show at all names.
    async fn asked(&self, rollover: &Rollover) -> Result<Vec<Asked>, String> {
        let mut asked = Vec::new();
        for host in self.hosts(rollover).await? {
            for port in &rollover.ports {
                let Ok(name) = Domain::parse(&format!("_{port}._tcp.{host}")) else {
                    continue;
                };
                let view = self.keeper.outside.tlsa(&name, &rollover.name_servers).await;
                asked.push((name, view));
            }
        }
        Ok(asked)
    }

    /// As [`Self::asked`], held against the keys that come; noted in the roll-over.
    async fn beside(&self, rollover: &mut Rollover) -> Result<Records, String> {
        let records = beside(&self.asked(rollover).await?, &next_keys(rollover));
        rollover.sights.clone_from(&records.sights);
        if !records.sets.is_empty() {
            rollover.record_sets.clone_from(&records.sets);
        }
        rollover.remembered_secs = rollover.remembered_secs.max(records.remembered.as_secs());
        Ok(records)
    }

    async fn records(&self, rollover: &mut Rollover) -> Verdict {
        if !self.keeper.certificates.is_of_listener(self.key) {
            return Verdict::skip("no listener presents the role: no TLSA record is about it");
        }
        let records = match self.beside(rollover).await {
            Ok(records) => records,
            Err(why) => return Verdict::wait(Turn::Others, format!("DNS does not say which hosts take mail: {why}")),
        };
        if records.are_absent() {
            rollover.record_sets.clear();
            rollover.records_gone = None;
            return Verdict::skip("no name of the role has a TLSA record, as every authoritative server says");
        }
        if records.missing {
            return Verdict::wait(
                Turn::Operator,
                "publish the TLSA records of the next key beside those that are there; nothing is presented on that \
                 key before every authoritative server shows them",
            );
        }
        if records.unknown {
            let text =
                "not every authoritative server gives an answer; a record that is not seen counts as not published";
            return Verdict::wait(Turn::Others, text);
        }
        let remembered = Duration::from_secs(rollover.remembered_secs);
        let forgotten = self.now().plus(remembered);
        rollover.wait_until = Some(records.signed_from.map_or(forgotten, |from| forgotten.max(from)));
        rollover.records_gone = None;
        Verdict::done(format!(
            "every authoritative server shows the next key beside the current one; without it they may be remembered \
             for {} s",
            remembered.as_secs()
        ))
    }

    async fn wait_out(&self, rollover: &mut Rollover) -> Verdict {
        let until = rollover.wait_until.filter(|_| !rollover.was_skipped(Step::Records));
        let Some(until) = until.filter(|_| was_seen(rollover)) else {
            return Verdict::skip("there is nothing that others could remember");
        };
        let records = match self.beside(rollover).await {
            Ok(records) => records,
            Err(why) => return Verdict::wait(Turn::Others, format!("DNS does not say which hosts take mail: {why}")),
        };
        if let Some(back) = gone(rollover, &records) {
            return back;
        }
        let now = self.now();
        if now < until {
            return Verdict::until(until, "the records without the next key may be remembered until then");
        }
        if records.unknown {
            return Verdict::wait(Turn::Others, "not every authoritative server gives an answer just now");
        }
        Verdict::done("nobody remembers the records without the next key any more")
    }

    /// The way back where records are gone that were seen at every server; what was to be presented by itself waits
    /// again. Servers that give no answer take nothing back: they were seen to have them.
    async fn lost_records(&self, rollover: &mut Rollover) -> Result<Option<Verdict>, OrderError> {
        if !was_seen(rollover) {
            return Ok(None);
        }
        let sights = rollover.sights.clone();
        let back = match self.beside(rollover).await {
            Ok(records) => gone(rollover, &records),
            Err(_) => None,
        };
        match &back {
            None => rollover.sights = sights,
            Some(_) if rollover.step == Step::Switch => {
                let author = self.author("TLSA records of the next key are gone");
                self.stored(move |store, key| store.take_back(key, &author)).await?;
            }
            Some(_) => {}
        }
        Ok(back)
    }

    async fn issue(&self, rollover: &mut Rollover) -> Verdict {
        rollover.sights.clear();
        let mut awaited = Vec::new();
        for (key, instance) in self.next(rollover) {
            let Some(instance) = instance else {
                let text = format!(
                    "{} was removed from the store; cancel the roll-over and begin anew",
                    key.id
                );
                return Verdict::wait(Turn::Operator, text);
            };
            if instance.record.stage != Stage::Requested {
                rollover.sights.push(Sight {
                    is_well: true,
                    text: format!("{} has its certificate", key.id),
                });
                continue;
            }
            if self.role.acme.is_none() {
                awaited.push(key.id);
                continue;
            }
            if let Err(wait) = self.order(rollover, &key).await {
                return wait;
            }
        }
        if awaited.is_empty() {
            return Verdict::done("there is a certificate on each next key");
        }
        Verdict::wait(
            Turn::Operator,
            format!(
                "have the authority answer the request of {}, and import the answer with `sekisho certificate import \
                 --role {}`",
                awaited.join(" and "),
                self.key
            ),
        )
    }

    async fn order(&self, rollover: &mut Rollover, key: &NextKey) -> Result<(), Verdict> {
        let author = self.author("the roll-over to the next key");
        let key_type = key.key_type.parse().map_err(|_| {
            let text = format!("{:?} is no type of key of this version", key.key_type);
            Verdict::wait(Turn::Operator, text)
        })?;
        let ordered = self.keeper.outside.order(self.key, key_type, &key.id, &author).await;
        ordered.map_err(|fault| {
            rollover.failures = rollover.failures.saturating_add(1);
            let again = self.now().plus(back_off(rollover.failures));
            rollover.look_at = Some(fault.not_before.map_or(again, |theirs| theirs.max(again)));
            let text = format!("the authority has not issued: {}", fault.words);
            Verdict::wait(Turn::Others, text)
        })
    }

    async fn prove(&self, rollover: &mut Rollover) -> Verdict {
        if !self.keeper.certificates.is_of_listener(self.key) {
            return Verdict::skip("no listener presents the role: nobody connects for it");
        }
        let Ok(probe) = rollover.probe.parse::<ProbeName>() else {
            return Verdict::wait(
                Turn::Operator,
                "the secret name of the probe is damaged; cancel and begin anew",
            );
        };
        let asked = self.asked(rollover).await;
        let (hosts, asked) = match (self.hosts(rollover).await, asked) {
            (Ok(hosts), Ok(asked)) => (hosts, asked),
            (Err(why), _) | (_, Err(why)) => {
                return Verdict::wait(Turn::Others, format!("DNS does not say which hosts take mail: {why}"));
            }
        };
        let next = self
            .next(rollover)
            .into_iter()
            .filter_map(|(_, instance)| instance?.identity);
        let next: Vec<Identity> = next.collect();
        rollover.sights.clear();
        let (port, mut handshakes) = (rollover.ports.first().copied().unwrap_or(25), 0);
        for host in &hosts {
            for identity in next.iter().filter(|one| any_matches(&one.names(), &patterns(host))) {
                let claim = Claim {
                    host: host.clone(),
                    port,
                    family: identity.family(),
                    probe: probe.clone(),
                };
                match self.keeper.outside.prove(claim).await {
                    Ok(made) => {
                        handshakes += made.len();
                        let tlsa = asked
                            .iter()
                            .filter(|(name, _)| name.as_str() == format!("_{port}._tcp.{host}"));
                        let tlsa: Vec<&Asked> = tlsa.collect();
                        let seen = made.iter().map(|one| self.judge(host, one, identity, &tlsa));
                        rollover.sights.extend(seen);
                    }
                    Err(why) => rollover.sights.push(Sight {
                        is_well: false,
                        text: format!("{host}: DNS does not say where it is: {why}"),
                    }),
                }
            }
        }
        match (handshakes, rollover.sights.iter().all(|sight| sight.is_well)) {
            (0, true) => Verdict::wait(
                Turn::Others,
                "no name of the next certificate has an address that may be tried; where this network does not lead to \
                 your own public address, say so: next --accept --why TEXT",
            ),
            (_, true) => Verdict::done(format!("{handshakes} handshakes by published name and address show it")),
            _ => Verdict::wait(
                Turn::Others,
                "a handshake by published name and address does not show the next certificate; where this network does \
                 not lead to your own public address, say so: next --accept --why TEXT",
            ),
        }
    }

    fn judge(&self, host: &Domain, handshake: &Handshake, wanted: &Identity, tlsa: &[&Asked]) -> Sight {
        let place = &handshake.place;
        let sight = |is_well, what: String| Sight {
            is_well,
            text: format!("{host} at {place}: {what}"),
        };
        let chain = match &handshake.shown {
            Ok(chain) => chain,
            Err(why) => return sight(false, why.clone()),
        };
        let shown = &chain.facts()[0];
        if wanted.chain().first().is_none_or(|leaf| leaf.sha256 != shown.sha256) {
            let what = format!("another certificate is shown, {} of {}", shown.subject, shown.issuer);
            return sight(false, what);
        }
        let kind = match wanted.family() {
            KeyFamily::Rsa => "RSA",
            KeyFamily::Ecdsa | KeyFamily::Other => "ECDSA",
        };
        let named = match named_by_records(chain, tlsa) {
            Ok(words) => words,
            Err(words) => return sight(false, words),
        };
        let leads = match self.keeper.outside.anchored(chain, self.now()) {
            Ok(anchor) => format!("leads to {anchor}"),
            // Whether that matters is for partners to say: many a server's certificate signed itself.
            Err(why) => format!("leads to no root that this node trusts ({why})"),
        };
        sight(true, format!("the next {kind} certificate is shown; {named}it {leads}"))
    }

    fn partners(&self, rollover: &Rollover) -> Verdict {
        let pinned = self.keeper.certificates.pinned_in(self.key, rollover);
        if pinned.is_empty() {
            return Verdict::skip("nobody is known to pin the key");
        }
        Verdict::wait(
            Turn::Operator,
            format!(
                "tell those who pin the key ({}): `sekisho certificate rollover letter {}` writes it; then go on, with \
                 --at for the instant that you have told them",
                pinned.join(", "),
                self.key
            ),
        )
    }

    async fn switch(&self, rollover: &mut Rollover) -> Result<Verdict, OrderError> {
        rollover.sights.clear();
        let now = self.now();
        let at = rollover.switch_at.unwrap_or(rollover.since);
        let ends = self.next(rollover).into_iter().filter_map(|(_, instance)| {
            let identity = instance?.identity?;
            identity.chain().first().map(|leaf| leaf.not_after)
        });
        if let Some(ends) = ends.min().filter(|ends| *ends <= at.max(now)) {
            let text = format!(
                "the next certificate ends at {ends}, before it would be presented; choose an earlier instant, \
                 import a later certificate on the same key, or cancel the roll-over of {}",
                self.key
            );
            return Ok(Verdict::wait(Turn::Operator, text));
        }
        let author = self.author("the switch of its roll-over");
        let activating = author.clone();
        self.stored(move |store, key| store.activate_next(key, at, &activating))
            .await?;
        if now < at {
            return Ok(Verdict::until(at, "the next certificate is presented from then on"));
        }
        if self.stored(move |store, key| store.prefer_next(key, &author)).await? {
            return Ok(Verdict::done(
                "the next certificate is presented; sessions that were open noticed nothing",
            ));
        }
        let text = format!(
            "the next certificate is not presented although it is active; see why with `sekisho certificate show {}`",
            self.key
        );
        Ok(Verdict::wait(Turn::Operator, text))
    }

    async fn overlap(&self, rollover: &mut Rollover) -> Result<Verdict, OrderError> {
        rollover.sights.clear();
        let (now, over) = (self.now(), rollover.since.plus(self.role.overlap));
        if now < over {
            let text = "the old certificate is kept until then, and can be gone back to";
            return Ok(Verdict::until(over, text));
        }
        let author = self.author("the overlap of its roll-over is over");
        self.stored(move |store, key| store.retire_old(key, &author)).await?;
        Ok(Verdict::done("the old certificate is retired"))
    }

    async fn withdraw(&self, rollover: &mut Rollover) -> Verdict {
        if rollover.was_skipped(Step::Records) {
            return Verdict::skip("there were no TLSA records");
        }
        let asked = match self.asked(rollover).await {
            Ok(asked) => asked,
            Err(why) => return Verdict::wait(Turn::Others, format!("DNS does not say which hosts take mail: {why}")),
        };
        let (new, old) = self.chains(rollover);
        let records = without(&asked, &old, &new);
        rollover.sights.clone_from(&records.sights);
        rollover.record_sets.clone_from(&records.sets);
        if records.missing {
            let text = "withdraw the TLSA records of the old key, which name nothing that is presented";
            return Verdict::wait(Turn::Operator, text);
        }
        if records.unknown {
            return Verdict::wait(Turn::Others, "not every authoritative server gives an answer just now");
        }
        Verdict::done("no authoritative server names the old key any more")
    }

    /// The chains that came, and those whose place they took.
    fn chains(&self, rollover: &Rollover) -> (Vec<CertificateChain>, Vec<CertificateChain>) {
        let all = self.instances(rollover);
        let of = |is_next: bool| {
            let of = all
                .iter()
                .filter(|one| rollover.is_next(one.record.spki_sha256) == is_next);
            of.filter_map(Instance::chain).collect()
        };
        (of(true), of(false))
    }
}

/// Whether the records of the next key were seen at every server, so that their loss matters.
fn was_seen(rollover: &Rollover) -> bool {
    let last = rollover.passed.iter().rev().find(|passed| passed.step == Step::Records);
    last.is_some_and(|passed| passed.how == How::Done)
}

/// The way back to the records, where a server that answers does not show them any more.
fn gone(rollover: &mut Rollover, records: &Records) -> Option<Verdict> {
    if !records.missing && !records.are_absent() {
        return None;
    }
    let lost = records.sights.iter().find(|sight| !sight.is_well);
    let what = lost.map_or_else(|| "all of them".to_owned(), |sight| sight.text.clone());
    let text = format!("TLSA records of the next key that were there are gone: {what}");
    rollover.records_gone = Some(text.clone());
    rollover.wait_until = None;
    Some(Verdict::Back(Step::Records, text))
}

/// Whether the records of a host, where it has some, name the chain that it shows.
fn named_by_records(chain: &CertificateChain, tlsa: &[&Asked]) -> Result<String, String> {
    let mut named = false;
    for (name, view) in tlsa {
        let view = view
            .as_ref()
            .map_err(|why| format!("the TLSA records of {name} are not to be had: {why}"))?;
        for (server, answer) in &view.servers {
            let answer = answer
                .as_ref()
                .map_err(|why| format!("{server} gives no answer about {name}: {why}"))?;
            if answer.records.is_empty() {
                continue;
            }
            if !answer.records.iter().any(|record| record.names(chain)) {
                return Err(format!(
                    "it is shown, and no TLSA record of {name} at {server} names it"
                ));
            }
            named = true;
        }
    }
    Ok(if named { "TLSA records name it; " } else { "" }.to_owned())
}

fn patterns(host: &Domain) -> Vec<sekisho_mail::NamePattern> {
    host.as_str().parse().ok().into_iter().collect()
}
