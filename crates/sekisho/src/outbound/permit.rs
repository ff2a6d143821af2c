//! The one implementation of [`Permit`] outside tests (law 6): policy's clearance, in a shape that the protocol takes.

use sekisho_mail::{ChannelId, Envelope};
use sekisho_policy::outbound::Clearance;
use sekisho_smtp::Permit;

/// A clearance on its way into the session. Both are used up there.
#[derive(Debug)]
pub(super) struct Cleared(pub(super) Clearance);

impl Permit for Cleared {
    fn channel(&self) -> ChannelId {
        self.0.channel()
    }

    fn envelope(&self) -> &Envelope {
        self.0.envelope()
    }
}
