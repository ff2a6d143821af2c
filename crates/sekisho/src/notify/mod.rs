//! Delivery status notifications (RFC 3461 to 3464).
