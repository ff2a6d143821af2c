//! Deciding anew on facts that were written down: what two directories make of one and the same message.
//!
//! The decisions themselves are [`crate::inbound::admit`]'s, the rules' and [`crate::outbound::judge`]'s; here is only
//! what to do where they would ask for something that nobody looked up at the time, or that is gone. Such a question is
//! answered in every possible way: what comes out alike in all of them is known all the same.

use std::{borrow::Cow, fmt};

use sekisho_mail::{AnchorSetId, CertificateFault, ChannelSecurity, Check, TlsFacts, Verdict};

use crate::directory::{Directory, HeaderCondition};

/// Questions that are answered in every possible way; with more than these open, nothing is known.
pub const QUESTIONS_MAX: usize = 6;

/// Whose chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// That of the client from which the message came.
    Client,
    /// That of the host to which it went.
    Host,
}

/// Something on which a decision may hang, and of which nothing is known.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Question {
    /// Does the chain lead to these anchors?
    Path(Side, AnchorSetId),
    /// Did the header meet this condition?
    Header(HeaderCondition),
}

/// A sentence without its full stop: why it is not known.
impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(side, anchors) => {
                let whose = match side {
                    Side::Client => "client",
                    Side::Host => "host",
                };
                write!(
                    f,
                    "nobody asked whether the {whose}'s certificate leads to the trust anchors {}",
                    anchors.0
                )
            }
            Self::Header(condition) => write!(f, "what the header said of {} is not kept", condition.name),
        }
    }
}

/// One possible answer to each of some questions.
#[derive(Clone, Copy, Debug)]
pub struct Answers<'a> {
    questions: &'a [Question],
    /// The answer to each, from the lowest bit on.
    yes: usize,
}

impl Answers<'_> {
    /// Whether the answer is yes; what was not asked has none.
    #[must_use]
    pub fn is_yes(&self, question: &Question) -> bool {
        let place = self.questions.iter().position(|one| one == question);
        place.is_some_and(|place| self.yes & (1 << place) != 0)
    }

    /// The facts with these answers among their verdicts. Where nobody asked at the time whether a certificate was
    /// revoked, it counts as one that was not: hardly any is, and nothing would be known otherwise of any mail.
    #[must_use]
    pub fn complete<'s>(&self, side: Side, security: &'s ChannelSecurity) -> Cow<'s, ChannelSecurity> {
        let mut completed = Cow::Borrowed(security);
        for (place, question) in self.questions.iter().enumerate() {
            let Question::Path(of, anchors) = question else {
                continue;
            };
            if *of != side || security.tls().is_none() {
                continue;
            }
            let verdict = if self.yes & (1 << place) == 0 {
                Verdict::Fails(CertificateFault::UntrustedIssuer(String::new()))
            } else {
                Verdict::Holds
            };
            let check = Check::Path {
                anchors: anchors.clone(),
            };
            if let ChannelSecurity::Tls(tls) = completed.to_mut() {
                tls.verdicts.push((check, verdict));
            }
        }
        let unasked: Vec<Check> = completed.tls().map(revocation_unasked).unwrap_or_default();
        if !unasked.is_empty()
            && let ChannelSecurity::Tls(tls) = completed.to_mut()
        {
            let holds = unasked.into_iter().map(|check| (check, Verdict::Holds));
            tls.verdicts.extend(holds);
        }
        completed
    }
}

/// The checks about revocation that nobody made of a chain whose path was looked at.
fn revocation_unasked(tls: &TlsFacts) -> Vec<Check> {
    let of_path = tls.verdicts.iter().filter_map(|(check, _)| match check {
        Check::Path { anchors } => Some(Check::Revocation {
            anchors: anchors.clone(),
        }),
        Check::Name { .. } | Check::Revocation { .. } => None,
    });
    of_path.filter(|check| tls.verdict(check).is_none()).collect()
}

/// What was not asked of a chain, among these checks.
#[must_use]
pub fn unasked(side: Side, tls: &TlsFacts, checks: Vec<Check>) -> Vec<Question> {
    let unasked = checks.into_iter().filter(|check| tls.verdict(check).is_none());
    let paths = unasked.filter_map(|check| match check {
        Check::Path { anchors } => Some(Question::Path(side, anchors)),
        Check::Name { .. } | Check::Revocation { .. } => None,
    });
    paths.collect()
}

/// What a directory would ask of a client's chain and nobody did.
#[must_use]
pub fn unasked_of_client(directory: &Directory, security: &ChannelSecurity) -> Vec<Question> {
    let of_tls = |tls: &TlsFacts| unasked(Side::Client, tls, directory.client_checks(tls));
    security.tls().map(of_tls).unwrap_or_default()
}

/// What becomes of a decision when it is made anew under another directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Compared<T> {
    /// Both decide alike.
    Same(T),
    /// They do not.
    Different {
        /// What the first decides.
        before: T,
        /// What the second decides.
        after: T,
    },
    /// It hangs on these; at least one.
    Unknown(Vec<Question>),
}

/// Goes through every possible answer to the questions, yes to all of them last; through none where there are too many.
pub fn for_all(questions: &[Question], mut see: impl FnMut(&Answers<'_>)) {
    if questions.len() <= QUESTIONS_MAX {
        (0..1usize << questions.len()).for_each(|yes| see(&Answers { questions, yes }));
    }
}

/// Decides under both directories, for every possible answer to the questions. `is_same` says of two decisions whether
/// they are alike; reasons may differ. Where the decisions themselves hang on an answer, and whether they differ does
/// not, those of the answer yes to all are told.
pub fn compare<T>(
    questions: &[Question],
    is_same: impl Fn(&T, &T) -> bool,
    mut decide: impl FnMut(&Answers<'_>) -> (T, T),
) -> Compared<T> {
    if questions.len() > QUESTIONS_MAX {
        return Compared::Unknown(questions.to_vec());
    }
    let mut alike = Vec::new();
    let mut told = None;
    for_all(questions, |answers| {
        let (before, after) = decide(answers);
        alike.push(is_same(&before, &after));
        told = Some((before, after));
    });
    let hangs_on = |place: usize| (0..alike.len()).any(|yes| alike[yes] != alike[yes ^ (1 << place)]);
    let decisive: Vec<Question> = questions
        .iter()
        .enumerate()
        .filter(|(place, _)| hangs_on(*place))
        .map(|(_, question)| question.clone())
        .collect();
    match told {
        Some((before, after)) if decisive.is_empty() => {
            if alike[0] {
                Compared::Same(before)
            } else {
                Compared::Different { before, after }
            }
        }
        _ => Compared::Unknown(decisive),
    }
}

#[cfg(test)]
mod tests {
    use sekisho_mail::{ClientCertificateFate, KeyProof, PlaintextCause, TlsVersion};

    use super::*;

    fn path(name: &str) -> Question {
        Question::Path(Side::Client, AnchorSetId(name.to_owned()))
    }

    fn same(questions: &[Question], decide: impl FnMut(&Answers<'_>) -> (bool, bool)) -> Compared<bool> {
        compare(questions, |one, other| one == other, decide)
    }

    #[test]
    fn what_no_answer_changes_is_known() {
        assert_eq!(same(&[], |_| (true, true)), Compared::Same(true));
        let different = Compared::Different {
            before: true,
            after: false,
        };
        assert_eq!(same(&[], |_| (true, false)), different);
        assert_eq!(same(&[path("a"), path("b")], |_| (true, false)), different);
        // Both hang on it, and alike.
        let question = path("a");
        let hangs = |answers: &Answers<'_>| answers.is_yes(&question);
        assert_eq!(
            same(std::slice::from_ref(&question), |answers| (
                hangs(answers),
                hangs(answers)
            )),
            Compared::Same(true)
        );
    }

    #[test]
    fn what_an_answer_changes_is_unknown_and_the_question_is_named_alone() {
        let (one, other) = (path("one"), path("other"));
        let questions = [one, other.clone()];
        let after_hangs = same(&questions, |answers| (true, answers.is_yes(&other)));
        assert_eq!(after_hangs, Compared::Unknown(vec![other.clone()]));
        // Different for every answer, since they are each other's opposite.
        let opposite = same(&questions, |answers| (!answers.is_yes(&other), answers.is_yes(&other)));
        assert_eq!(
            opposite,
            Compared::Different {
                before: false,
                after: true
            }
        );
        // Only both together would do.
        let both = same(&questions, |answers| {
            (false, questions.iter().all(|question| answers.is_yes(question)))
        });
        assert_eq!(both, Compared::Unknown(questions.to_vec()));
    }

    #[test]
    fn so_many_questions_are_answered_and_no_more() {
        let questions = |count: usize| -> Vec<Question> { (0..count).map(|place| path(&place.to_string())).collect() };
        let mut asked = 0;
        let most = questions(QUESTIONS_MAX);
        let known = same(&most, |_| {
            asked += 1;
            (true, true)
        });
        assert_eq!((known, asked), (Compared::Same(true), 1 << QUESTIONS_MAX));
        let too_many = questions(QUESTIONS_MAX + 1);
        assert_eq!(same(&too_many, |_| (true, true)), Compared::Unknown(too_many.clone()));
    }

    #[test]
    fn answers_stand_among_the_verdicts_of_the_chain_that_they_are_about() {
        let plain = ChannelSecurity::Plaintext(PlaintextCause::NotAsked);
        let tls = ChannelSecurity::Tls(Box::new(TlsFacts {
            version: TlsVersion::Tls13,
            suite: String::new(),
            group: String::new(),
            sni: None,
            implicit: false,
            alpn: None,
            resumed: false,
            chain: Vec::new(),
            key: KeyProof::Proven,
            verdicts: Vec::new(),
            revocation_sources: Vec::new(),
            stapled_ocsp_len: None,
            client_certificate: ClientCertificateFate::NotAsked,
        }));
        let anchors = AnchorSetId("a".to_owned());
        let check = Check::Path {
            anchors: anchors.clone(),
        };
        let question = path("a");
        for (yes, verdict) in [
            (1, Verdict::Holds),
            (0, Verdict::Fails(CertificateFault::UntrustedIssuer(String::new()))),
        ] {
            let answers = Answers {
                questions: std::slice::from_ref(&question),
                yes,
            };
            let completed = answers.complete(Side::Client, &tls);
            assert_eq!(completed.tls().and_then(|tls| tls.verdict(&check)), Some(&verdict));
            assert_eq!(*answers.complete(Side::Host, &tls), tls);
            assert_eq!(*answers.complete(Side::Client, &plain), plain);
        }
        let unasked = |security: &ChannelSecurity| unasked(Side::Client, security.tls().unwrap(), vec![check.clone()]);
        assert_eq!(unasked(&tls), std::slice::from_ref(&question));
        let answered = Answers {
            questions: std::slice::from_ref(&question),
            yes: 1,
        };
        assert!(unasked(&answered.complete(Side::Client, &tls)).is_empty());
    }
}
