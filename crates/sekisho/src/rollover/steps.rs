//! What is looked at in each step of a roll-over, and what follows from it.

use std::time::Duration;

use sekisho_mail::{Domain, Timestamp};
use sekisho_policy::directory::CertificateRoleKey;
use sekisho_tls::{CertificateChain, Identity, KeyFamily, ProbeName};
use tokio::{sync::OnceCell, task, time::timeout};

use super::{
    RolloverKeeper,
    named::known_hosts,
    outside::{Claim, Handshake},
    records::{Asked, Old, Records, TlsaSeen, beside, next_keys, without},
};
use crate::{
    acme::back_off,
    certificates::{
        Author, CertificateRole, Certificates, How, Instance, NextKey, OrderError, Rollover, Sight, Stage, Step, Turn,
        Wait, itself,
    },
    dns::together,
};

/// For all questions to DNS of one look.
const LOOK_PATIENCE: Duration = Duration::from_secs(60);

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
    keeper: &'l RolloverKeeper,
    key: &'l CertificateRoleKey,
    role: &'l CertificateRole,
    /// What servers showed, once they were asked.
    asked: OnceCell<Result<Asked, String>>,
}

impl<'l> Look<'l> {
    /// One that has not begun.
    pub(super) fn new(keeper: &'l RolloverKeeper, key: &'l CertificateRoleKey, role: &'l CertificateRole) -> Self {
        Self {
            keeper,
            key,
            role,
            asked: OnceCell::new(),
        }
    }

    /// Looks at what the step is for; what was seen is noted in the roll-over. What the store refuses is said, and
    /// waits for the operator.
    pub(super) async fn at(&self, rollover: &mut Rollover) -> Verdict {
        if rollover.step >= Step::Issue
            && let Some(back) = self.lost_records(rollover).await
        {
            return back;
        }
        match self.look(rollover).await {
            Ok(verdict) => verdict,
            Err(error) => Verdict::wait(Turn::Operator, error.to_string()),
        }
    }

    async fn look(&self, rollover: &mut Rollover) -> Result<Verdict, OrderError> {
        match rollover.step {
            Step::Records => Ok(self.records(rollover).await),
            Step::WaitOut => Ok(self.wait_out(rollover).await),
            Step::Issue => self.issue(rollover).await,
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

    /// What all servers show at all names; one look asks once, whatever follows from it.
    async fn asked(&self, rollover: &Rollover) -> Result<&Asked, String> {
        let asked = self.asked.get_or_init(|| self.ask(rollover)).await;
        asked.as_ref().map_err(Clone::clone)
    }

    /// What all servers show at all names, and the names that were asked for; all at once, and not for ever.
    async fn ask(&self, rollover: &Rollover) -> Result<Asked, String> {
        let chains: Vec<CertificateChain> = self.instances(rollover).iter().filter_map(Instance::chain).collect();
        let asking = async {
            let exchangers = self.keeper.outside.exchangers(&self.key.organization).await?;
            let hosts = known_hosts(self.role, &chains, exchangers)?;
            let mut names = Vec::new();
            for host in hosts {
                for port in &rollover.ports {
                    let name = Domain::parse(&format!("_{port}._tcp.{}", host.name));
                    names.extend(name.ok().map(|name| (host.clone(), name)));
                }
            }
            let asked = names.into_iter().map(|(host, name)| async move {
                let view = self.keeper.outside.tlsa(&name, &rollover.name_servers).await;
                (host, name, view)
            });
            Ok::<_, String>(together(asked.collect()).await)
        };
        let asked = timeout(LOOK_PATIENCE, asking).await;
        let asked = asked.map_err(|_| format!("not all answers came within {} s", LOOK_PATIENCE.as_secs()))??;
        Ok(asked
            .into_iter()
            .filter_map(|(host, name, view)| host.is_ours(&view, &chains).then_some((name, view)))
            .collect())
    }

    /// As [`Self::asked`], held against the keys that come; noted in the roll-over.
    async fn beside(&self, rollover: &mut Rollover) -> Result<Records, String> {
        let records = beside(self.asked(rollover).await?, &next_keys(rollover));
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
            Err(why) => return Verdict::wait(Turn::Others, format!("DNS does not say enough: {why}")),
        };
        if records.sights.is_empty() {
            let text = "no host is known that takes mail by a certificate of the role: there is no name without a \
                        star, and no mail exchanger of the organization below one";
            return Verdict::wait(Turn::Operator, text);
        }
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
        let Some(until) = rollover.wait_until.filter(|_| !rollover.was_skipped(Step::Records)) else {
            return Verdict::skip("there is nothing that others could remember");
        };
        // What an operator has said is not looked at again; who is silent by now was seen to show them.
        if was_seen(rollover)
            && let Ok(records) = self.beside(rollover).await
            && let Some(back) = gone(rollover, &records)
        {
            return back;
        }
        if self.now() < until {
            return Verdict::until(until, "the records without the next key may be remembered until then");
        }
        Verdict::done("nobody remembers the records without the next key any more")
    }

    /// What follows where records name the key in force and not the next one, although they did or there were none.
    /// Before the switch it is gone back to them; behind it, it is told. Servers that give no answer change nothing:
    /// they were seen.
    async fn lost_records(&self, rollover: &mut Rollover) -> Option<Verdict> {
        let is_of_listener = self.keeper.certificates.is_of_listener(self.key);
        let was_accepted = !was_seen(rollover) && !rollover.was_skipped(Step::Records);
        if was_accepted || !is_of_listener {
            return None;
        }
        let sights = rollover.sights.clone();
        let records = self.beside(rollover).await;
        rollover.sights = sights;
        let records = records.ok()?;
        let is_lost = records.missing || (was_seen(rollover) && records.are_absent());
        if rollover.step > Step::Switch {
            // What is presented by now is named by none of them, or partly: mail that checks them does not come.
            let lost = records.sights.iter().find(|sight| !sight.is_well && records.missing);
            rollover.records_gone =
                lost.map(|sight| format!("TLSA records do not name what is presented: {}", sight.text));
            return None;
        }
        if !is_lost {
            return None;
        }
        gone(rollover, &records)
    }

    async fn issue(&self, rollover: &mut Rollover) -> Result<Verdict, OrderError> {
        rollover.sights.clear();
        let (author, seen) = (self.author("the names of the role have changed"), rollover.clone());
        self.stored(move |store, key| store.renew_requests(key, &seen, &author))
            .await?;
        let mut awaited = Vec::new();
        for (key, instance) in self.keeper.certificates.next_in(self.key, rollover) {
            let Some(instance) = instance else {
                let text = format!(
                    "{} was removed from the store; cancel the roll-over and begin anew",
                    key.id
                );
                return Ok(Verdict::wait(Turn::Operator, text));
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
                return Ok(wait);
            }
        }
        if awaited.is_empty() {
            return Ok(Verdict::done("there is a certificate on each next key"));
        }
        Ok(Verdict::wait(
            Turn::Operator,
            format!(
                "have the authority answer the request of {}, and import the answer with `sekisho certificate import \
                 --role {}`",
                awaited.join(" and "),
                self.key
            ),
        ))
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

    /// The certificates that come.
    fn coming(&self, rollover: &Rollover) -> Vec<Identity> {
        let next = self.keeper.certificates.next_in(self.key, rollover).into_iter();
        next.filter_map(|(_, instance)| instance?.identity).collect()
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
        let asked = match self.asked(rollover).await {
            Ok(asked) => asked,
            Err(why) => return Verdict::wait(Turn::Others, format!("DNS does not say enough: {why}")),
        };
        let prefix = format!("_{}._tcp.", rollover.ports.first().copied().unwrap_or(25));
        let hosts = asked
            .iter()
            .filter_map(|(name, _)| Domain::parse(name.as_str().strip_prefix(&prefix)?).ok());
        let hosts: Vec<Domain> = hosts.collect();
        let next = self.coming(rollover);
        rollover.sights.clear();
        let (port, mut handshakes) = (rollover.ports.first().copied().unwrap_or(25), 0);
        for host in &hosts {
            for identity in &next {
                let claim = Claim {
                    host: host.clone(),
                    port,
                    family: identity.family(),
                    probe: probe.clone(),
                };
                match self.keeper.outside.prove(claim).await {
                    Ok(made) if made.is_empty() => rollover.sights.push(Sight {
                        is_well: true,
                        text: format!("{host} has no address that may be tried, and was not"),
                    }),
                    Ok(made) => {
                        handshakes += made.len();
                        let tlsa = asked
                            .iter()
                            .filter(|(name, _)| name.as_str() == format!("_{port}._tcp.{host}"));
                        let tlsa: Vec<&(Domain, _)> = tlsa.collect();
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
                 your own public address, say so: next --accept prove --why TEXT",
            ),
            (_, true) => Verdict::done(format!("{handshakes} handshakes by published name and address show it")),
            _ => Verdict::wait(
                Turn::Others,
                "a handshake by published name and address does not show the next certificate; where this network does \
                 not lead to your own public address, say so: next --accept prove --why TEXT",
            ),
        }
    }

    fn judge(&self, host: &Domain, handshake: &Handshake, wanted: &Identity, tlsa: &[&(Domain, TlsaSeen)]) -> Sight {
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
                "tell those who pin the key ({}): `sekisho certificate rollover letter {}` writes it; then go on with \
                 `next {} --told`, and --at for the instant that you have told them",
                pinned.join(", "),
                self.key,
                self.key
            ),
        )
    }

    async fn switch(&self, rollover: &mut Rollover) -> Result<Verdict, OrderError> {
        rollover.sights.clear();
        let now = self.now();
        let at = rollover.switches_at();
        let coming = self.coming(rollover);
        let ends = coming
            .iter()
            .filter_map(|identity| identity.chain().first().map(|leaf| leaf.not_after));
        if let Some(ends) = ends.min().filter(|ends| *ends <= at.max(now)) {
            let text = format!(
                "the next certificate ends at {ends}, before it would be presented; choose an earlier instant, \
                 or cancel the roll-over of {} and begin anew",
                self.key
            );
            return Ok(Verdict::wait(Turn::Operator, text));
        }
        let (author, seen) = (self.author("the switch of its roll-over"), rollover.clone());
        self.stored(move |store, key| store.activate_next(key, &seen, at, &author))
            .await?;
        if now < at {
            return Ok(Verdict::until(at, "the next certificate is presented from then on"));
        }
        let (seen, at_look) = (rollover.clone(), now);
        if self
            .stored(move |store, key| Ok(store.presents_next(&seen, key, at_look)))
            .await?
        {
            let text = "the next certificate is presented; sessions that were open noticed nothing";
            return Ok(Verdict::done(text));
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
        let (author, seen) = (self.author("the overlap of its roll-over is over"), rollover.clone());
        self.stored(move |store, key| store.retire_old(key, &seen, &author))
            .await?;
        Ok(Verdict::done("the old certificate is retired"))
    }

    async fn withdraw(&self, rollover: &mut Rollover) -> Verdict {
        if rollover.was_skipped(Step::Records) {
            return Verdict::skip("there were no TLSA records");
        }
        let asked = match self.asked(rollover).await {
            Ok(asked) => asked,
            Err(why) => return Verdict::wait(Turn::Others, format!("DNS does not say enough: {why}")),
        };
        let (new, old) = self.chains(rollover);
        let gone = rollover
            .keys
            .iter()
            .flat_map(|key| key.old_spki_sha256.iter().copied())
            .collect();
        let records = without(
            asked,
            &Old {
                chains: old,
                keys: gone,
            },
            &new,
        );
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

/// The way back to the records, where a server that answers does not show the next key.
fn gone(rollover: &mut Rollover, records: &Records) -> Option<Verdict> {
    if !records.missing && !records.are_absent() {
        return None;
    }
    let lost = records.sights.iter().find(|sight| !sight.is_well);
    let what = lost.map_or_else(|| "all of them".to_owned(), |sight| sight.text.clone());
    let text = format!("TLSA records of the next key are not there, or not any more: {what}");
    rollover.records_gone = Some(text.clone());
    rollover.wait_until = None;
    Some(Verdict::Back(Step::Records, text))
}

/// Whether the records of a host, where it has some, name the chain that it shows.
fn named_by_records(chain: &CertificateChain, tlsa: &[&(Domain, TlsaSeen)]) -> Result<String, String> {
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
