//! Bytes to values and back: lines, commands, replies, content. No state of a session lives here.

pub mod ehlo_reply;
pub mod reply_reader;
