//! What was sent, acknowledged and delivered, what happened in between, and the judgement.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    time::Duration,
};

/// One offer of one message: its number and which try it was, as its content names it.
pub(super) type Tag = (usize, usize);

/// A message that was sent whole.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub(super) sender: String,
    pub(super) recipients: Vec<String>,
    pub(super) content: String,
    pub(super) is_acknowledged: bool,
}

/// A message at a sink.
#[derive(Clone, Debug)]
pub(super) struct Delivered {
    pub(super) at: Duration,
    pub(super) sink: &'static str,
    pub(super) sender: String,
    pub(super) recipients: Vec<String>,
    pub(super) content: String,
    /// Nothing of what the sink's routes demand was missing.
    pub(super) is_covered: bool,
}

/// Something that may be the reason of a second copy.
#[derive(Clone, Debug)]
pub(super) struct Trouble {
    pub(super) at: Duration,
    /// When it was over, for what takes time.
    pub(super) until: Option<Duration>,
    /// At this sink alone.
    pub(super) sink: Option<&'static str>,
}

/// What the server held at some moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sample {
    pub(super) tasks: usize,
    pub(super) memory_octets: u64,
    pub(super) queued: usize,
    pub(super) traced: usize,
}

/// Everything that is written down.
#[derive(Debug, Default)]
pub(super) struct Book {
    pub(super) trace: Vec<String>,
    /// A copy is written down so long before its reply is on its way, at most.
    pub(super) slack: Duration,
    pub(super) sent: BTreeMap<Tag, Sent>,
    pub(super) delivered: Vec<Delivered>,
    pub(super) troubles: Vec<Trouble>,
    pub(super) samples: Vec<Sample>,
    /// Messages that were refused for good, which no trouble of ours may be the reason of.
    pub(super) troubles_of_sources: Vec<String>,
    /// Sources that have done.
    pub(super) done: usize,
    pub(super) crashes: usize,
    pub(super) failures: usize,
}

/// What a run came to, in figures and, where something is wrong, in words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Judgement {
    pub(super) acknowledged: usize,
    pub(super) delivered: usize,
    pub(super) bounced: usize,
    pub(super) delayed: usize,
    pub(super) repeated: usize,
    pub(super) faults: Vec<String>,
}

impl Book {
    pub(super) fn judge(&self, sources: usize, left: usize) -> Judgement {
        let mut judgement = Judgement {
            faults: self.troubles_of_sources.clone(),
            ..Judgement::default()
        };
        let mut copies: BTreeMap<(Tag, &str), Vec<&Delivered>> = BTreeMap::new();
        let mut told: BTreeSet<(Tag, String)> = BTreeSet::new();
        for delivered in &self.delivered {
            if delivered.sender == "<>" {
                self.read_notice(delivered, &mut judgement, &mut told);
                continue;
            }
            let Some((tag, sent)) = self.origin(delivered, &mut judgement) else {
                continue;
            };
            for recipient in &delivered.recipients {
                if sent.recipients.contains(recipient) {
                    copies.entry((tag, recipient)).or_default().push(delivered);
                } else {
                    let fault = format!("ghost: {tag:?} came to {recipient}, to whom it was not sent");
                    judgement.faults.push(fault);
                }
            }
        }
        judgement.delivered = copies.len();
        for ((tag, recipient), copies) in &copies {
            self.judge_copies(*tag, recipient, copies, &mut judgement);
        }
        for (tag, sent) in self.sent.iter().filter(|(_, sent)| sent.is_acknowledged) {
            judgement.acknowledged += 1;
            for recipient in &sent.recipients {
                let arrived = copies.contains_key(&(*tag, recipient.as_str()));
                if !arrived && !told.contains(&(*tag, recipient.clone())) {
                    let fault = format!("lost: {tag:?} was acknowledged and never came to {recipient}");
                    judgement.faults.push(fault);
                }
            }
        }
        if self.done < sources {
            judgement
                .faults
                .push("stuck: a source could not get rid of its mail".to_owned());
        }
        if left > 0 {
            judgement
                .faults
                .push(format!("stuck: {left} messages are still queued"));
        }
        judgement
    }

    /// What a delivery is a copy of, octet for octet.
    fn origin<'a>(&'a self, delivered: &Delivered, judgement: &mut Judgement) -> Option<(Tag, &'a Sent)> {
        let sink = delivered.sink;
        if !delivered.is_covered {
            judgement.faults.push(format!("below policy: a message at {sink}"));
        }
        let tag = tag_in(&delivered.content);
        let found = tag.and_then(|tag| Some((tag, self.sent.get(&tag)?)));
        let Some((tag, sent)) = found else {
            judgement
                .faults
                .push(format!("ghost: {tag:?} at {sink} was never sent whole"));
            return None;
        };
        // Our own field stands on top.
        let body = delivered
            .content
            .find("X-Simulated: ")
            .map(|begin| &delivered.content[begin..]);
        let begins_well = delivered.content.starts_with("Received: from ");
        if body != Some(&sent.content) || !begins_well || delivered.sender != sent.sender {
            judgement.faults.push(format!("altered: {tag:?} at {sink}"));
        }
        Some((tag, sent))
    }

    /// A notification: who was told of whose failure or delay.
    fn read_notice(&self, notice: &Delivered, judgement: &mut Judgement, told: &mut BTreeSet<(Tag, String)>) {
        let Some((tag, sent)) = tag_in(&notice.content).and_then(|tag| Some((tag, self.sent.get(&tag)?))) else {
            judgement
                .faults
                .push(format!("ghost: a notification at {} of nothing", notice.sink));
            return;
        };
        if !notice
            .recipients
            .iter()
            .all(|to| *to == sent.sender.trim_matches(['<', '>']))
        {
            judgement.faults.push(format!(
                "ghost: the notification of {tag:?} went to {:?}",
                notice.recipients
            ));
        }
        for group in notice.content.split("Final-Recipient: rfc822;").skip(1) {
            let recipient = group.lines().next().unwrap_or_default().trim().to_owned();
            let action = group.lines().find_map(|line| line.strip_prefix("Action: "));
            match action {
                Some("failed") if told.insert((tag, recipient)) => judgement.bounced += 1,
                Some("delayed") => judgement.delayed += 1,
                _ => {}
            }
        }
    }

    /// Of several copies each but the first needs a reason that lies between it and the one before.
    fn judge_copies(&self, tag: Tag, recipient: &str, copies: &[&Delivered], judgement: &mut Judgement) {
        for pair in copies.windows(2) {
            let [first, second] = pair else { continue };
            judgement.repeated += 1;
            let explains = |trouble: &&Trouble| {
                trouble.sink.is_none_or(|sink| sink == first.sink)
                    && trouble.until.unwrap_or(trouble.at) + self.slack >= first.at
                    && trouble.at <= second.at
            };
            if !self.troubles.iter().any(|trouble| explains(&trouble)) {
                let fault = format!(
                    "duplicate: {tag:?} came to {recipient} at {:?} and {:?}, and nothing happened in between",
                    first.at, second.at
                );
                judgement.faults.push(fault);
            }
        }
    }

    /// The whole trace as text.
    pub(super) fn text(&self) -> String {
        self.trace.iter().fold(String::new(), |mut text, line| {
            let _ = writeln!(text, "{line}");
            text
        })
    }
}

/// Which message this content says that it is.
pub(super) fn tag_in(content: &str) -> Option<Tag> {
    let rest = content.split("X-Simulated: ").nth(1)?;
    let (number, again) = rest.split("\r\n").next()?.split_once('.')?;
    Some((number.parse().ok()?, again.parse().ok()?))
}
