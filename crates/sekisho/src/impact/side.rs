//! One of the two directories, with what the configuration file adds to both.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use sekisho_mail::{Host, Mailbox, OrganizationName, Timestamp};
use sekisho_policy::directory::Directory;
use sekisho_store::{Destination, Lane};

use crate::{
    directory::{Parsed, time_for},
    local::{self, Residence},
    outbound::{Configured, Way},
};

/// Ways that are remembered; beyond them all are found anew.
const WAYS_KEPT: usize = 10_000;

/// How mail is taken and sent under one directory.
pub(super) struct Side {
    configured: Configured,
    /// When it is judged: an exception that has ended counts for nothing, whenever the mail was.
    now: Timestamp,
    ways: Mutex<HashMap<Destination, Arc<Way>>>,
}

impl Side {
    pub(super) fn under(configured: &Configured, parsed: &Parsed) -> Self {
        Self {
            configured: Configured {
                directory: Arc::clone(&parsed.local),
                organizations: Arc::clone(&parsed.directory),
                ways: parsed.ways.clone(),
                ..configured.clone()
            },
            now: time_for(&parsed.directory),
            ways: Mutex::default(),
        }
    }

    /// The time by which its exceptions are judged.
    pub(super) const fn now(&self) -> Timestamp {
        self.now
    }

    /// Organizations, their connectors and rules.
    pub(super) fn directory(&self) -> &Directory {
        &self.configured.organizations
    }

    /// Who lives here.
    pub(super) fn local(&self) -> &local::Directory {
        &self.configured.directory
    }

    /// Whether mail for an address ends here.
    pub(super) fn keeps(&self, mailbox: &Mailbox) -> bool {
        let residence = mailbox.host().domain().map(|domain| self.local().residence(domain));
        match residence {
            Some(Residence::All) => true,
            Some(Residence::Some) => self.local().find_mailbox(mailbox).is_here(),
            Some(Residence::Nobody) | None => false,
        }
    }

    /// The way of whatever `organization` answers for and is addressed to `host`, with this settled about it.
    pub(super) fn way(&self, organization: &OrganizationName, host: &Host, lane: Lane) -> Arc<Way> {
        let destination = Destination::of(organization.clone(), host.clone()).on(lane);
        let mut ways = self.ways.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(way) = ways.get(&destination) {
            return Arc::clone(way);
        }
        if ways.len() >= WAYS_KEPT {
            ways.clear();
        }
        let way = Arc::new(self.configured.way(&destination));
        ways.insert(destination, Arc::clone(&way));
        way
    }
}
