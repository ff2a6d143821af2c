//! What was found, against what is asked.

use std::{fmt, time::Duration};

/// One line of the table.
#[derive(Clone, Debug)]
struct Row {
    what: String,
    found: String,
    asked: String,
    /// `None` where nothing is asked.
    holds: Option<bool>,
}

/// All lines.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table(Vec<Row>);

impl Table {
    /// A figure of which nothing is asked.
    pub(crate) fn note(&mut self, what: &str, found: impl fmt::Display) {
        self.add(what, found.to_string(), String::new(), None);
    }

    /// A time that must not be longer.
    pub(crate) fn within(&mut self, what: &str, found: Duration, limit: Duration) {
        let asked = format!("at most {}", millis(limit));
        self.add(what, millis(found), asked, Some(found <= limit));
    }

    /// Something that must be so.
    pub(crate) fn must(&mut self, what: &str, found: impl fmt::Display, asked: impl fmt::Display, holds: bool) {
        self.add(what, found.to_string(), asked.to_string(), Some(holds));
    }

    fn add(&mut self, what: &str, found: String, asked: String, holds: Option<bool>) {
        let row = Row {
            what: what.to_owned(),
            found,
            asked,
            holds,
        };
        crate::say(&row.to_string());
        self.0.push(row);
    }

    /// Whether everything that was asked holds.
    pub(crate) fn holds(&self) -> bool {
        self.0.iter().all(|row| row.holds != Some(false))
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let holds = match self.holds {
            None => "",
            Some(true) => "  ok",
            Some(false) => "  FAILED",
        };
        write!(f, "{:<58} {:>28}  {}{holds}", self.what, self.found, self.asked)
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|row| writeln!(f, "{row}"))
    }
}

pub(crate) fn millis(time: Duration) -> String {
    format!("{} ms", time.as_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_that_does_not_hold_is_enough() {
        let mut table = Table::default();
        table.note("free", 7);
        table.within("quick", Duration::from_millis(5), Duration::from_millis(5));
        assert!(table.holds());
        table.within("slow", Duration::from_millis(6), Duration::from_millis(5));
        assert!(!table.holds());
        assert!(table.to_string().contains("FAILED"));
    }
}
