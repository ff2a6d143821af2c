//! What the client machine wants to see before it sends a message; who may issue it is left to policy.

use sekisho_mail::{ChannelId, Envelope};

/// Leave to send one message over one channel. Outside tests exactly one type implements it: the clearance that policy
/// issues after it has judged that channel for that envelope.
///
/// One permit sends one message:
///
/// ```
/// # use sekisho_smtp::{Permit, client::{ClientSession, MailFacts}};
/// fn send(session: &mut ClientSession, permit: impl Permit, facts: MailFacts) {
///     let _ = session.start_mail(permit, facts);
/// }
/// ```
///
/// It is used up by that:
///
/// ```compile_fail,E0382
/// # use sekisho_smtp::{Permit, client::{ClientSession, MailFacts}};
/// fn send(session: &mut ClientSession, permit: impl Permit, facts: MailFacts) {
///     let _ = session.start_mail(permit, facts);
///     let _ = session.start_mail(permit, facts);
/// }
/// ```
///
/// Nor is it enough to show one, and keep it:
///
/// ```compile_fail,E0277
/// # use sekisho_smtp::{Permit, client::{ClientSession, MailFacts}};
/// fn send(session: &mut ClientSession, permit: &impl Permit, facts: MailFacts) {
///     let _ = session.start_mail(permit, facts);
/// }
/// ```
pub trait Permit {
    /// The channel that was judged; on any other the permit is refused.
    fn channel(&self) -> ChannelId;

    /// The envelope that it clears; no other is sent.
    fn envelope(&self) -> &Envelope;
}
