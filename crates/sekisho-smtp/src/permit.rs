//! What the client machine wants to see before it sends a message; who may issue it is left to policy.

use sekisho_mail::{ChannelId, Envelope};

/// Leave to send one message over one channel. Outside tests exactly one type implements it: the clearance that policy
/// issues after it has judged that channel for that envelope.
pub trait Permit {
    /// The channel that was judged; on any other the permit is refused.
    fn channel(&self) -> ChannelId;

    /// The envelope that it clears; no other is sent.
    fn envelope(&self) -> &Envelope;
}
