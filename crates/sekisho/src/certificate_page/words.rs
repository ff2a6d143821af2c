//! The languages of the page: which one a reader gets, and its words, which stand in `en.ftl` and `ja.ftl`.
//!
//! RFC 9110 §12.5.4 (Accept-Language). Text of certificates is put into the words as it is given: escape it before.

use std::{fmt, sync::LazyLock};

use fluent_bundle::{FluentArgs, FluentResource, concurrent::FluentBundle};
use unic_langid::LanguageIdentifier;

/// A language that the page is written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// Japanese.
    Japanese,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::English, Self::Japanese];

    /// As HTML and HTTP have it (RFC 5646).
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Japanese => "ja",
        }
    }

    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::English => Self::Japanese,
            Self::Japanese => Self::English,
        }
    }

    /// The one with this tag.
    #[must_use]
    pub fn of_tag(tag: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|language| language.tag().eq_ignore_ascii_case(tag))
    }

    /// What suits an `Accept-Language` best; of those that are as welcome the first, and English where none is.
    #[must_use]
    pub fn of_header(accepted: &str) -> Self {
        let mut best = (0, Self::default());
        for range in accepted.split(',') {
            let mut parts = range.split(';');
            let tag = parts.next().unwrap_or_default().trim();
            let primary = tag.split('-').next().unwrap_or_default();
            let weight = parts
                .find_map(|part| part.trim().strip_prefix("q="))
                .map_or(Some(1000), parse_weight);
            let language = if tag == "*" {
                Some(Self::default())
            } else {
                Self::of_tag(primary)
            };
            if let (Some(language), Some(weight)) = (language, weight)
                && weight > best.0
            {
                best = (weight, language);
            }
        }
        best.1
    }

    /// Its words.
    #[must_use]
    pub fn words(self) -> &'static Words {
        static ENGLISH: LazyLock<Words> = LazyLock::new(|| Words::parse(Language::English, include_str!("en.ftl")));
        static JAPANESE: LazyLock<Words> = LazyLock::new(|| Words::parse(Language::Japanese, include_str!("ja.ftl")));
        match self {
            Self::English => &ENGLISH,
            Self::Japanese => &JAPANESE,
        }
    }
}

/// A weight in thousandths; `None` of what is none.
fn parse_weight(text: &str) -> Option<u32> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let whole: u32 = whole.parse().ok()?;
    let is_weight = whole <= 1 && part.len() <= 3 && part.bytes().all(|octet| octet.is_ascii_digit());
    let thousandths = format!("{part:0<3}").parse::<u32>().ok()?;
    is_weight.then_some((whole * 1000 + thousandths).min(1000))
}

/// The words of one language.
pub struct Words {
    language: Language,
    bundle: FluentBundle<FluentResource>,
}

impl fmt::Debug for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Words")
            .field("language", &self.language)
            .finish_non_exhaustive()
    }
}

impl Words {
    fn parse(language: Language, text: &str) -> Self {
        let id = LanguageIdentifier::from_bytes(language.tag().as_bytes()).unwrap_or_default();
        let resource = FluentResource::try_new(text.to_owned());
        debug_assert!(resource.is_ok(), "{language:?} has words that cannot be parsed");
        let mut bundle = FluentBundle::new_concurrent(vec![id]);
        // What could reorder text is made visible before it comes here; marks of our own would only be copied along.
        bundle.set_use_isolating(false);
        let added = bundle.add_resource(resource.unwrap_or_else(|(whole, _)| whole));
        debug_assert!(added.is_ok(), "{language:?} has a message twice");
        Self { language, bundle }
    }

    /// A message without anything to put into it.
    #[must_use]
    pub fn say(&self, message: &str) -> String {
        self.say_of(message, &FluentArgs::new())
    }

    /// A message with one text in it.
    #[must_use]
    pub fn say_with(&self, message: &str, name: &str, text: &str) -> String {
        self.say_of(message, &FluentArgs::from_iter([(name, text)]))
    }

    /// A message with a number in it.
    #[must_use]
    pub fn say_count(&self, message: &str, count: usize) -> String {
        self.say_of(message, &FluentArgs::from_iter([("count", count)]))
    }

    /// A message with these in it.
    #[must_use]
    pub fn say_of(&self, message: &str, with: &FluentArgs<'_>) -> String {
        let pattern = self.bundle.get_message(message).and_then(|found| found.value());
        debug_assert!(pattern.is_some(), "{:?} has no words for {message}", self.language);
        let Some(pattern) = pattern else {
            return message.to_owned();
        };
        let mut faults = Vec::new();
        let text = self.bundle.format_pattern(pattern, Some(with), &mut faults);
        debug_assert!(faults.is_empty(), "{message}: {faults:?}");
        text.into_owned()
    }

    /// The day of an instant in RFC 3339, or of a date, in words: `28 November 2026`, `2026年11月28日`. What is neither
    /// stays as it is.
    #[must_use]
    pub fn date(&self, instant: &str) -> String {
        let mut parts = instant.get(..10).unwrap_or_default().splitn(3, '-');
        let mut number = || parts.next()?.parse::<u16>().ok();
        let (Some(year), Some(month @ 1..=12), Some(day)) = (number(), number(), number()) else {
            return instant.to_owned();
        };
        let month = self.say(&format!("month-{month}"));
        let with = FluentArgs::from_iter([("year", year.to_string()), ("month", month), ("day", day.to_string())]);
        self.say_of("date", &with)
    }

    /// An instant in RFC 3339 with seconds and `Z`: to be copied, and in words.
    #[must_use]
    pub fn instant(&self, instant: &str) -> String {
        let clock = instant.replace('T', " ").replace('Z', "");
        let with = FluentArgs::from_iter([("clock", clock), ("date", self.date(instant))]);
        self.say_of("instant", &with)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// The messages of a file, each with what is put into it.
    fn messages(text: &str) -> BTreeMap<String, Vec<String>> {
        let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut current = String::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            if let Some((name, _)) = line.split_once(" = ").filter(|_| !line.starts_with(' ')) {
                current = name.to_owned();
                assert!(
                    found.insert(current.clone(), Vec::new()).is_none(),
                    "{name} is there twice"
                );
            }
            let put_in = line
                .split("{ $")
                .skip(1)
                .filter_map(|rest| rest.split([' ', '}']).next());
            if let Some(names) = found.get_mut(&current) {
                names.extend(put_in.map(str::to_owned));
                names.sort_unstable();
                names.dedup();
            }
        }
        found
    }

    #[test]
    fn both_languages_have_the_same_messages_with_the_same_to_put_into_them() {
        let (english, japanese) = (messages(include_str!("en.ftl")), messages(include_str!("ja.ftl")));
        assert!(english.len() > 60, "{}", english.len());
        assert_eq!(english, japanese);
    }

    #[test]
    fn the_most_welcome_language_is_chosen_and_english_where_neither_is() {
        for (accepted, expected) in [
            ("", Language::English),
            ("ja", Language::Japanese),
            ("ja-JP,ja;q=0.9,en-US;q=0.8,en;q=0.7", Language::Japanese),
            ("en-US,en;q=0.9,ja;q=0.8", Language::English),
            ("de-CH, ja;q=0.5, en;q=0.4", Language::Japanese),
            ("de, fr;q=0.3", Language::English),
            ("ja;q=0, en;q=0.1", Language::English),
            ("ja;q=0", Language::English),
            ("*;q=0.5, JA;q=0.6", Language::Japanese),
            ("ja;q=2, ja;q=x, ;;,,", Language::English),
            ("japanese", Language::English),
        ] {
            assert_eq!(Language::of_header(accepted), expected, "{accepted}");
        }
    }

    #[test]
    fn dates_are_said_in_words() {
        let (at, words) = ("2026-11-28T09:30:00Z", Language::ALL.map(Language::words));
        assert_eq!(
            words.map(|words| words.date(at)),
            ["28 November 2026", "2026年11月28日"]
        );
        let instants = words.map(|words| words.instant(at));
        assert_eq!(instants[0], "2026-11-28 09:30:00 UTC (28 November 2026)");
        assert_eq!(instants[1], "2026-11-28 09:30:00 UTC（2026年11月28日）");
        assert_eq!(words[0].date("2026-13-01T"), "2026-13-01T");
    }
}
