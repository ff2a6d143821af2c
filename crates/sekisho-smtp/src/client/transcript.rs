//! The conversation as it is kept for the trace: commands and replies, never content, within bounds (law 8).

use sekisho_mail::{Speaker, SpokenLine};

/// Lines kept of one conversation.
pub const MAX_CONVERSATION_LINES: usize = 200;
/// Octets kept of one line.
pub const MAX_SPOKEN_OCTETS: usize = 512;

/// Collects lines until they are taken.
#[derive(Debug, Default)]
pub(super) struct Transcript {
    lines: Vec<SpokenLine>,
    left_out: usize,
    pub(super) after_millis: u32,
}

impl Transcript {
    pub(super) fn say(&mut self, by: Speaker, text: &str) {
        // One line is kept free for the remark that says how many were left out.
        if self.lines.len() + 1 >= MAX_CONVERSATION_LINES {
            self.left_out += 1;
            return;
        }
        self.lines.push(SpokenLine {
            by,
            text: text[..text.floor_char_boundary(MAX_SPOKEN_OCTETS)].to_owned(),
            after_millis: self.after_millis,
        });
    }

    /// What was said since the last time.
    pub(super) fn take(&mut self) -> Vec<SpokenLine> {
        let mut lines = std::mem::take(&mut self.lines);
        if self.left_out > 0 {
            lines.push(SpokenLine {
                by: Speaker::Note,
                text: format!("{} more lines", self.left_out),
                after_millis: self.after_millis,
            });
            self.left_out = 0;
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_their_length_are_bounded() {
        let mut transcript = Transcript::default();
        for _ in 0..500 {
            transcript.say(Speaker::Peer, &"é".repeat(600));
        }
        let lines = transcript.take();
        assert_eq!(lines.len(), MAX_CONVERSATION_LINES);
        assert!(lines.iter().all(|line| line.text.len() <= MAX_SPOKEN_OCTETS));
        assert_eq!(lines[199].text, "301 more lines");
        assert!(transcript.take().is_empty());
    }
}
