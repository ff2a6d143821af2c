//! `main.cf`: logical lines, `name = value`, the last of several, and what `$name` stands for.

use std::collections::HashMap;

/// Depth of values within values, as Postfix has it.
const DEPTH_MAX: usize = 50;
/// Octets of a value with all that it stands for; values that double one another reach it soon.
const VALUE_LEN_MAX: usize = 64 * 1024;

/// A line that means something, with those that continue it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LogicalLine {
    /// Where it begins, from 1 on.
    pub line: u32,
    /// Without comments and line ends.
    pub text: String,
}

/// Logical lines: a line that begins with white space continues the one before it; empty lines and comments between
/// them count for nothing. And the lines that continue none.
pub(super) fn logical_lines(text: &str) -> (Vec<LogicalLine>, Vec<u32>) {
    let mut lines: Vec<LogicalLine> = Vec::new();
    let mut strays = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            continue;
        }
        let continues = line.starts_with(|c: char| c.is_ascii_whitespace());
        match lines.last_mut() {
            Some(last) if continues => {
                last.text.push(' ');
                last.text.push_str(trimmed);
            }
            None if continues => strays.push(number),
            Some(_) | None => lines.push(LogicalLine {
                line: number,
                text: trimmed.to_owned(),
            }),
        }
    }
    (lines, strays)
}

/// Parameters that are set.
#[derive(Clone, Debug, Default)]
pub(super) struct MainCf {
    values: HashMap<String, (String, u32)>,
}

impl MainCf {
    /// Reads it; and what could not be read, with its line.
    pub(super) fn parse(text: &str) -> (Self, Vec<(u32, String)>) {
        let (lines, strays) = logical_lines(text);
        let stray = |line| (line, "this line continues none".to_owned());
        let mut faults: Vec<(u32, String)> = strays.into_iter().map(stray).collect();
        let mut main_cf = Self::default();
        for LogicalLine { line, text } in lines {
            let pair = text.split_once('=').map(|(name, value)| (name.trim(), value.trim()));
            match pair {
                Some((name, value)) if is_name(name) => {
                    main_cf.values.insert(name.to_owned(), (value.to_owned(), line));
                }
                Some(_) | None => faults.push((line, "this is no name = value".to_owned())),
            }
        }
        (main_cf, faults)
    }

    /// Where a parameter is set.
    pub(super) fn line(&self, name: &str) -> Option<u32> {
        self.values.get(name).map(|(_, line)| *line)
    }

    pub(super) fn is_set(&self, name: &str) -> bool {
        self.values.get(name).is_some_and(|(value, _)| !value.is_empty())
    }

    /// The value of a parameter with all that it stands for; its default where it is not set.
    ///
    /// # Errors
    /// Which part of it is not known.
    pub(super) fn value(&self, name: &str) -> Result<String, String> {
        let mut value = String::new();
        self.put(name, 0, &mut value)?;
        Ok(value.trim().to_owned())
    }

    /// The items of a list, each with all that it stands for. One that is not known takes no other with it.
    pub(super) fn items(&self, name: &str) -> Vec<Result<String, String>> {
        let raw = match (self.values.get(name), default_of(name)) {
            (Some((value, _)), _) => value.as_str(),
            (None, Some(default)) => default,
            (None, None) => "",
        };
        let mut items = Vec::new();
        for item in split(raw) {
            let mut value = String::new();
            match self.expand(item, 0, &mut value) {
                Ok(()) => items.extend(split(&value).map(|item| Ok(item.to_owned()))),
                Err(reason) => items.push(Err(format!("{item}: {reason}"))),
            }
        }
        items
    }

    fn put(&self, name: &str, depth: usize, into: &mut String) -> Result<(), String> {
        if let Some((value, _)) = self.values.get(name) {
            return self.expand(value, depth, into);
        }
        if let Some(default) = default_of(name) {
            return self.expand(default, depth, into);
        }
        if name == "mydomain" {
            let mut host = String::new();
            self.put("myhostname", depth + 1, &mut host)?;
            into.push_str(host.split_once('.').map_or("localdomain", |(_, domain)| domain));
            return Ok(());
        }
        Err(format!(
            "{name} is not set in main.cf, and its default is not known here"
        ))
    }

    fn expand(&self, text: &str, depth: usize, into: &mut String) -> Result<(), String> {
        if depth > DEPTH_MAX {
            return Err("values stand for one another without an end".to_owned());
        }
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once('$') {
            into.push_str(before);
            rest = self.expand_one(behind, depth, into)?;
            if into.len() > VALUE_LEN_MAX {
                return Err(format!("it is longer than {VALUE_LEN_MAX} octets"));
            }
        }
        into.push_str(rest);
        Ok(())
    }

    /// What stands behind a dollar; answers with what stands behind that.
    fn expand_one<'t>(&self, behind: &'t str, depth: usize, into: &mut String) -> Result<&'t str, String> {
        if let Some(rest) = behind.strip_prefix('$') {
            into.push('$');
            return Ok(rest);
        }
        for (open, close) in [('{', '}'), ('(', ')')] {
            if behind.starts_with(open) {
                let (inner, rest) = bracketed(behind, open, close).ok_or("a bracket is not closed")?;
                self.expand_bracketed(inner, depth, into)?;
                return Ok(rest);
            }
        }
        let end = behind.find(|c: char| !is_name_char(c)).unwrap_or(behind.len());
        let (name, rest) = behind.split_at(end);
        if name.is_empty() {
            return Err("there is no name behind a dollar sign".to_owned());
        }
        self.put(name, depth + 1, into)?;
        Ok(rest)
    }

    /// `name`, `name?then`, `name:otherwise`, `name?{then}:{otherwise}`.
    fn expand_bracketed(&self, inner: &str, depth: usize, into: &mut String) -> Result<(), String> {
        let end = inner.find(|c: char| !is_name_char(c)).unwrap_or(inner.len());
        let (name, rest) = inner.split_at(end);
        if name.is_empty() {
            return Err(format!("${{{inner}}}: conditions are not read"));
        }
        if rest.is_empty() {
            return self.put(name, depth + 1, into);
        }
        let mut value = String::new();
        self.put(name, depth + 1, &mut value)?;
        let is_set = !value.is_empty();
        let chosen = match rest.split_at(1) {
            ("?", rest) if rest.starts_with('{') => {
                let (then, rest) = bracketed(rest, '{', '}').ok_or("a bracket is not closed")?;
                let otherwise = rest.strip_prefix(':').map(unbraced).unwrap_or_default();
                if is_set { then } else { otherwise }
            }
            ("?", then) if is_set => then,
            (":", otherwise) if !is_set => unbraced(otherwise),
            ("?" | ":", _) => "",
            _ => return Err(format!("${{{inner}}} is not understood")),
        };
        self.expand(chosen.trim(), depth + 1, into)
    }
}

/// What stands between a bracket and the one that closes it, and what stands behind.
fn bracketed(text: &str, open: char, close: char) -> Option<(&str, &str)> {
    let mut depth = 0_usize;
    for (place, character) in text.char_indices() {
        if character == open {
            depth += 1;
        } else if character == close {
            depth = depth.checked_sub(1)?;
            if depth == 0 {
                return Some((&text[open.len_utf8()..place], &text[place + close.len_utf8()..]));
            }
        }
    }
    None
}

fn unbraced(text: &str) -> &str {
    let inner = text.strip_prefix('{').and_then(|text| text.strip_suffix('}'));
    inner.unwrap_or(text)
}

/// The items of a list.
pub(super) fn split(text: &str) -> impl Iterator<Item = &str> {
    let parts = text.split(|c: char| c == ',' || c.is_ascii_whitespace());
    parts.filter(|part| !part.is_empty())
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(is_name_char)
}

const fn is_name_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// What a parameter is where nobody sets it (postconf(5)); those alone that are read here.
fn default_of(name: &str) -> Option<&'static str> {
    Some(match name {
        "config_directory" => "/etc/postfix",
        "default_database_type" => "hash",
        "default_transport" => "smtp",
        "relay_transport" => "relay",
        "mydestination" => "$myhostname, localhost.$mydomain, localhost",
        "smtp_tls_secure_cert_match" => "nexthop, dot-nexthop",
        "smtp_tls_verify_cert_match" => "hostname",
        "smtp_tls_enforce_peername" => "yes",
        "smtp_use_tls" | "smtp_enforce_tls" | "smtp_tls_wrappermode" | "tls_append_default_CA" => "no",
        "mynetworks"
        | "relay_clientcerts"
        | "relay_domains"
        | "relay_recipient_maps"
        | "relayhost"
        | "smtp_tls_CAfile"
        | "smtp_tls_CApath"
        | "smtp_tls_mandatory_protocols"
        | "smtp_tls_policy_maps"
        | "smtp_tls_security_level"
        | "smtp_tls_servername"
        | "smtpd_tls_security_level"
        | "transport_maps" => "",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_several_counts_and_stands_for_what_it_names() {
        let text = "\
# a comment
 lost = continues nothing
myhostname = mx.example.org
relayhost = [one.example]:25
virtual = ${myhostname?{set}:{unset}} ${relay_domains:none} ${relay_domains?some}
mydestination = $myhostname,
# in the middle

    localhost.$mydomain $(mydomain)
relayhost =
    [two.$mydomain]:587
price = 5$$
no equals sign
";
        let (main_cf, faults) = MainCf::parse(text);
        let lines: Vec<u32> = faults.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [2, 13]);
        assert_eq!(main_cf.value("relayhost").unwrap(), "[two.example.org]:587");
        assert_eq!(main_cf.line("relayhost"), Some(10));
        assert_eq!(main_cf.value("virtual").unwrap(), "set none");
        assert_eq!(main_cf.value("price").unwrap(), "5$");
        let items: Result<Vec<String>, String> = main_cf.items("mydestination").into_iter().collect();
        assert_eq!(
            items.unwrap(),
            ["mx.example.org", "localhost.example.org", "example.org"]
        );
    }

    #[test]
    fn what_is_not_known_is_named_and_takes_nothing_with_it() {
        let (main_cf, _) = MainCf::parse("mydestination = example.org $myhostname");
        let items = main_cf.items("mydestination");
        assert_eq!(items[0].as_deref(), Ok("example.org"));
        assert!(
            items[1]
                .as_ref()
                .is_err_and(|reason| reason.contains("myhostname is not set"))
        );
    }

    #[test]
    fn values_that_stand_for_one_another_come_to_an_end() {
        let (main_cf, _) = MainCf::parse("a = $b\nb = $a");
        assert!(main_cf.value("a").is_err());
        let doubling: Vec<String> = (0..40).map(|i| format!("v{i} = $v{0}$v{0}", i + 1)).collect();
        let (main_cf, _) = MainCf::parse(&format!("{}\nv40 = x", doubling.join("\n")));
        assert!(main_cf.value("v0").is_err());
    }
}
