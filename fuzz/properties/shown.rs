//! What holds of text from strangers where it is shown and logged (law 11): nothing hidden is left in it, it can be
//! read back, and a line of the mail log is one line whose fields are those that were written.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex, OnceLock},
};

use sekisho::telemetry::{
    escaped, is_hidden,
    maillog::{Entry, LineFormat, MailLog, Order, Scope},
};

/// # Panics
/// When the text is shown in a way that misleads.
pub(crate) fn check(octets: &[u8]) {
    let text = String::from_utf8_lossy(octets);
    let shown = escaped(&text).to_string();
    assert!(!shown.contains(is_hidden), "{shown:?}");
    assert!(shown.len() <= 10 * text.len());
    assert_eq!(read_back(&shown).as_deref(), Some(text.as_ref()), "{shown:?}");
    // A value of the log is cut there.
    if shown.len() <= 1900 {
        check_log(&text, &shown);
    }
}

/// The text that was meant.
fn read_back(shown: &str) -> Option<String> {
    let (mut text, mut rest) = (String::new(), shown);
    while let Some(first) = rest.chars().next() {
        rest = &rest[first.len_utf8()..];
        if first != '\\' {
            text.push(first);
            continue;
        }
        let kind = rest.chars().next()?;
        rest = &rest[kind.len_utf8()..];
        text.push(match kind {
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            '\\' => '\\',
            'u' => {
                let (digits, behind) = rest.strip_prefix('{')?.split_once('}')?;
                rest = behind;
                char::from_u32(u32::from_str_radix(digits, 16).ok()?)?
            }
            _ => return None,
        });
    }
    Some(text)
}

/// A mail log that writes into memory.
struct Log {
    log: MailLog,
    written: Sink,
}

#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("nobody has panicked").extend_from_slice(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn new(format: LineFormat) -> Self {
        let written = Sink::default();
        Self {
            log: MailLog::to_writer(Box::new(written.clone()), format),
            written,
        }
    }

    /// The line that an order with this reason leaves.
    fn line(&self, text: &str) -> String {
        let scope = Scope::Filter {
            words: text,
            changed: 3,
        };
        self.log.record(Entry::Ordered {
            scope,
            order: Order::Bounce(text),
            by: "uid 0",
        });
        self.log.flush();
        let octets = std::mem::take(&mut *self.written.0.lock().expect("nobody has panicked"));
        String::from_utf8(octets).expect("text")
    }
}

fn check_log(text: &str, shown: &str) {
    static LOGS: OnceLock<[Log; 2]> = OnceLock::new();
    let [plain, json] = LOGS.get_or_init(|| [Log::new(LineFormat::Text), Log::new(LineFormat::Json)]);
    let line = plain.line(text);
    let fields = fields(&line).unwrap_or_else(|| panic!("{line:?}"));
    let twice = fields.iter().filter(|(_, value)| value == shown).count() >= 2;
    assert!(twice, "{line:?}");
    let empty = plain.line("");
    let keys = |line: &str| self::fields(line).map(|fields| fields.into_iter().map(|(key, _)| key).collect::<Vec<_>>());
    assert_eq!(keys(&line), keys(&empty), "no field comes in and none goes: {line:?}");
    let line = json.line(text);
    assert_eq!(line.find('\n'), Some(line.len() - 1), "{line:?}");
    let value: serde_json::Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
    let object = value.as_object().expect("an object");
    assert!(
        object.values().filter(|value| value.as_str() == Some(shown)).count() >= 2,
        "{line:?}"
    );
}

/// `time key=value key="value"`, as `docs/mail-log.md` says; `None` when it is none.
fn fields(line: &str) -> Option<Vec<(String, String)>> {
    let line = line.strip_suffix('\n').filter(|line| !line.contains('\n'))?;
    let (_, mut rest) = line.split_once(' ')?;
    let mut fields = Vec::new();
    while !rest.is_empty() {
        let (key, behind) = rest.split_once('=')?;
        if !key
            .bytes()
            .all(|octet| octet.is_ascii_lowercase() || octet == b'-' || octet == b'_')
        {
            return None;
        }
        let (value, behind) = match behind.strip_prefix('"') {
            None => behind.split_at(behind.find(' ').unwrap_or(behind.len())),
            Some(quoted) => {
                let end = closing_quote(quoted)?;
                (&quoted[..end], &quoted[end + 1..])
            }
        };
        fields.push((key.to_owned(), value.replace("\\\"", "\"")));
        rest = match behind.strip_prefix(' ') {
            Some(rest) => rest,
            None if behind.is_empty() => behind,
            None => return None,
        };
    }
    Some(fields)
}

/// The quote that has an even number of backslashes before it.
fn closing_quote(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.bytes().position(|octet| {
        let ends = octet == b'"' && !escaped;
        escaped = octet == b'\\' && !escaped;
        ends
    })
}
