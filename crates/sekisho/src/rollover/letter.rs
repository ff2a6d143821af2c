//! What partners who pin a key are told of its roll-over: subject and text of a message, in their language.

use fluent_bundle::FluentArgs;
use sekisho_api::RolloverLetter;
use sekisho_mail::CertificateFacts;
use sekisho_tls::{CertificateChain, TlsaRecord};

use super::records::next_keys;
use crate::{
    certificate_page::{Language, Words, instant},
    certificates::{Instance, Rollover, Stage},
};

/// Of whom, and what is known of them.
#[derive(Clone, Copy, Debug)]
pub struct LetterFrom<'l> {
    /// The name of the service.
    pub service: &'l str,
    /// Names of the role.
    pub names: &'l [String],
    /// Certificates on the old and the next keys.
    pub instances: &'l [Instance],
    /// Whom it is for, in the operator's words.
    pub partners: &'l [String],
}

/// The letter.
#[must_use]
pub fn letter(rollover: &Rollover, from: LetterFrom<'_>, language: Language) -> RolloverLetter {
    let words = language.words();
    let names = from.names.join(", ");
    let about = || FluentArgs::from_iter([("service", from.service.to_owned()), ("names", names.clone())]);
    let mut paragraphs = vec![words.say_of("letter-intro", &about())];
    paragraphs.push(match rollover.switch_at {
        Some(at) => words.say_with("letter-at", "instant", &words.instant(&instant(at))),
        None => words.say("letter-undecided"),
    });
    let old = from
        .instances
        .iter()
        .filter(|one| rollover.is_old(one.record.spki_sha256));
    let old = old
        .filter(|one| one.record.stage == Stage::Active)
        .filter_map(Instance::chain);
    for chain in old {
        paragraphs.push(block(words, "letter-current", &chain));
    }
    let next: Vec<CertificateChain> = from
        .instances
        .iter()
        .filter(|one| rollover.is_next(one.record.spki_sha256) && one.record.stage != Stage::Retired)
        .filter_map(Instance::chain)
        .collect();
    for chain in &next {
        paragraphs.push(block(words, "letter-next", chain));
    }
    if next.is_empty() {
        let keys = rollover.keys.iter().zip(next_keys(rollover));
        paragraphs.extend(keys.map(|(key, spki)| {
            let spki_sha256 = key.spki_sha256.to_string();
            let tlsa = TlsaRecord::of_key(&spki).to_string();
            let with = FluentArgs::from_iter([("key", key.key_type.clone()), ("spki", spki_sha256), ("tlsa", tlsa)]);
            words.say_of("letter-next-key", &with)
        }));
    }
    paragraphs.push(words.say("letter-do"));
    RolloverLetter {
        partners: from.partners.to_vec(),
        subject: words.say_of("letter-subject", &about()),
        text: paragraphs.join("\n\n") + "\n",
    }
}

fn block(words: &Words, message: &str, chain: &CertificateChain) -> String {
    let leaf: &CertificateFacts = &chain.facts()[0];
    let with = FluentArgs::from_iter([
        ("key", leaf.key.clone()),
        ("issuer", leaf.issuer.clone()),
        ("from", words.instant(&instant(leaf.not_before))),
        ("until", words.instant(&instant(leaf.not_after))),
        ("sha256", leaf.sha256.to_string()),
        ("spki", leaf.spki_sha256.to_string()),
        ("tlsa", format!("3 1 1 {}", leaf.spki_sha256)),
    ]);
    words.say_of(message, &with)
}
