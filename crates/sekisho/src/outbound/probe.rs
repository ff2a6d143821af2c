//! One question to the next hop of a recipient: MAIL FROM:<> and RCPT, by the very way on which mail for it would
//! leave, over a connection that waits for work where there is one.
//!
//! An address is somebody's too: no probe leaves without the clearance that a message would need (law 6). RFC 5321
//! §4.5.5 has every server take the null reverse-path.

use std::sync::Arc;

use sekisho_mail::{BodyKind, Envelope, Mailbox, Recipient, ReversePath};
use sekisho_policy::{
    inbound::NextHopSays,
    outbound::{HostPlan, OutboundFacts, judge, plan},
};
use sekisho_smtp::client::{MailFacts, RecipientReply, SessionFault, Wait};

use super::{
    Configured, Shared, Way,
    at_host::refusal_of,
    attempt::{Batch, Finding},
    candidates,
    obstacle::{Obstacle, Reach},
    open::Journal,
    permit::Cleared,
    pool::PoolKey,
};
use crate::directory::time_for;

/// What the hosts of a way say of a recipient; the first that says anything of it counts, as it would for mail.
pub(super) async fn probe(shared: &Shared, configured: &Configured, way: &Way, recipient: &Mailbox) -> NextHopSays {
    let dns = shared.services.dns.as_ref();
    let found = candidates(dns, &configured.settings, &way.route, recipient.host()).await;
    let hosts = match found {
        Ok(hosts) => hosts,
        Err(why) => return NextHopSays::Nothing(why.fault().to_string()),
    };
    let mut batch = Batch::new(shared, configured, way, hosts);
    let directory = &configured.organizations;
    let planned = plan(&OutboundFacts {
        demands: way.demands.clone(),
        carried: Vec::new(),
        exceptions: directory.exceptions_for(&way.demands, &[], recipient.host()),
        now: time_for(directory),
        tried: Vec::new(),
        tried_rules: Vec::new(),
        client_identity: way.route.client_identity.clone(),
        hosts: batch.hosts(),
    });
    let mut last = "there is no host to ask".to_owned();
    for (place, plan) in planned.hosts().iter().enumerate() {
        match batch.ask(place, plan, recipient).await {
            Ok(says) => return says,
            Err(obstacle) => {
                last = obstacle.why.fault().to_string();
                if obstacle.reach == Reach::Ourselves {
                    break;
                }
            }
        }
    }
    NextHopSays::Nothing(last)
}

impl Batch<'_> {
    /// What one host says.
    ///
    /// # Errors
    /// When it says nothing of the recipient, so that another may be asked.
    async fn ask(&mut self, place: usize, plan: &HostPlan, recipient: &Mailbox) -> Result<NextHopSays, Box<Obstacle>> {
        self.hold(place).await;
        let key = PoolKey::new(self.way, &self.candidates[place]);
        loop {
            let mut link = self.connection(&key, (place, plan), &mut Journal::new()).await?;
            let was_used = link.served > 0;
            self.verify_anew(&mut link, plan).await;
            let peer = link.describe();
            if self.shared.is_outdated(self.configured) {
                return Err(Obstacle::ours("the configuration has changed in between".to_owned()));
            }
            let now = time_for(&self.configured.organizations);
            let clearance = judge(plan, &link.facts, envelope(recipient), now)
                .map_err(|refusal| Obstacle::refused(&refusal, Some(peer.clone())))?;
            let started = link.session.start_probe(Cleared(clearance), NOTHING);
            started.map_err(|refusal| Obstacle::start(&refusal, &peer))?;
            link.served += 1;
            let (result, ended) = link.finish_probe().await;
            // Nobody keeps what was said.
            drop(link.session.take_conversation());
            let facts = Arc::clone(&link.facts);
            if link.session.is_ready() {
                self.keep(key.clone(), link);
            }
            let reply = result.recipients.into_iter().next();
            return match reply.unwrap_or(RecipientReply::Unanswered) {
                RecipientReply::Accepted(_) => Ok(NextHopSays::Known),
                RecipientReply::Refused { at, reply } => {
                    match (at, refusal_of(plan, &facts, at, reply.clone(), &peer)) {
                        (Wait::Rcpt, Finding::Bounce(_)) => Ok(NextHopSays::Unknown(reply)),
                        (Wait::Rcpt, Finding::Defer(why)) => Ok(NextHopSays::Nothing(why.to_string())),
                        // Of MAIL: another host may take it, and of the recipient nothing was said.
                        (_, Finding::Bounce(why) | Finding::Defer(why)) => Err(Obstacle::said(
                            why,
                            super::obstacle::not_judged("probe", "the probe was refused"),
                        )),
                        (_, Finding::Delivered { .. }) => Ok(NextHopSays::Known),
                    }
                }
                RecipientReply::Unanswered if was_used && died_idle(ended.as_ref()) => continue,
                RecipientReply::Unanswered => Err(match ended {
                    Some(ended) => Obstacle::session(&ended, &peer),
                    None => Obstacle::ours("a probe ended without an answer".to_owned()),
                }),
            };
        }
    }
}

/// No content follows.
const NOTHING: MailFacts = MailFacts {
    size: 0,
    eight_bit: false,
};

/// A connection that was closed while it lay idle says nothing about the host: once more, on a fresh one.
const fn died_idle(ended: Option<&SessionFault>) -> bool {
    matches!(
        ended,
        Some(SessionFault::Lost(Wait::Mail | Wait::Rcpt | Wait::Reset) | SessionFault::Closing(_))
    )
}

fn envelope(recipient: &Mailbox) -> Envelope {
    Envelope {
        reverse_path: ReversePath::Null,
        body: BodyKind::SevenBit,
        ret: None,
        envid: None,
        recipients: vec![Recipient::new(recipient.clone())],
    }
}
