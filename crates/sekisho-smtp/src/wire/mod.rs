//! Bytes to values and back: lines, commands, replies, content. No state of a session lives here.

pub mod command;
pub mod content;
pub mod ehlo_reply;
pub mod line;
pub mod params;
pub mod path;
pub(crate) mod plain_lines;
pub mod reply_reader;
pub mod write_reply;
