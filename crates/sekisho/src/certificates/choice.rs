//! Which of a role's certificates are presented at an instant, and when that changes next. Nothing but a comparison:
//! where they come from, and what is done about the answer, is left to others.

use std::collections::BTreeMap;

use sekisho_mail::Timestamp;
use sekisho_tls::KeyFamily;

/// A certificate that counts for the role and is active from some instant on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Of which kind its key is.
    pub family: KeyFamily,
    /// From when on it may be presented.
    pub active_from: Timestamp,
    /// First moment of validity.
    pub not_before: Timestamp,
    /// Last moment of validity.
    pub not_after: Timestamp,
}

/// What a role comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Standing {
    /// At least one certificate is presented, and all that are presented are valid.
    Usable,
    /// None is valid: what has expired is presented, so that STARTTLS does not disappear.
    Expired,
    /// There is none at all.
    #[default]
    Empty,
}

/// The answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// Places among the candidates, one for each kind of key; ECDSA first.
    pub presented: Vec<usize>,
    /// What that comes to.
    pub standing: Standing,
    /// The next instant at which it may be another.
    pub next: Option<Timestamp>,
}

/// Of each kind of key the one with the newest valid-from, and of those with the same the one that was activated last.
/// As Exchange has it (`sort by most recent valid-from`), where one that has expired is still presented, with its event
/// 12016, when there is no other.
#[must_use]
pub fn choose(candidates: &[Candidate], now: Timestamp) -> Choice {
    let is_active = |one: &Candidate| one.active_from <= now;
    let is_valid = |one: &Candidate| is_active(one) && one.not_before <= now && now <= one.not_after;
    let valid = best_of_each(candidates, is_valid, |one| (one.not_before, one.active_from));
    let (presented, standing) = if valid.is_empty() {
        // Whichever ended last: a peer whose clock is late may still take it.
        let ended = |one: &Candidate| is_active(one) && one.not_after < now;
        (
            best_of_each(candidates, ended, |one| (one.not_after, one.active_from)),
            Standing::Expired,
        )
    } else {
        (valid, Standing::Usable)
    };
    let instants = candidates.iter().flat_map(|one| {
        let just_after = Timestamp::from_millis(one.not_after.as_millis().saturating_add(1));
        [one.active_from, one.not_before, just_after]
    });
    Choice {
        standing: if presented.is_empty() {
            Standing::Empty
        } else {
            standing
        },
        presented,
        next: instants.filter(|at| *at > now).min(),
    }
}

fn best_of_each(
    candidates: &[Candidate],
    counts: impl Fn(&Candidate) -> bool,
    rank: impl Fn(&Candidate) -> (Timestamp, Timestamp),
) -> Vec<usize> {
    let mut best: BTreeMap<KeyFamily, usize> = BTreeMap::new();
    for (place, candidate) in candidates.iter().enumerate().filter(|(_, one)| counts(one)) {
        let slot = best.entry(candidate.family).or_insert(place);
        if rank(candidate) > rank(&candidates[*slot]) {
            *slot = place;
        }
    }
    best.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    const fn one(family: KeyFamily, active_from: i64, not_before: i64, not_after: i64) -> Candidate {
        Candidate {
            family,
            active_from: at(active_from),
            not_before: at(not_before),
            not_after: at(not_after),
        }
    }

    use KeyFamily::{Ecdsa, Rsa};

    #[test]
    fn the_newest_valid_from_among_those_in_force_wins_for_each_kind_of_key() {
        let all = [
            one(Ecdsa, 0, 10, 100),
            one(Ecdsa, 0, 20, 90),
            one(Rsa, 0, 5, 50),
            // Activated later, and older: not the one.
            one(Ecdsa, 15, 9, 200),
            // Ahead, by its own dates and by the operator's.
            one(Ecdsa, 0, 60, 300),
            one(Rsa, 40, 30, 300),
        ];
        for (now, presented, next) in [
            (10, vec![0, 2], 15),
            (20, vec![1, 2], 30),
            (39, vec![1, 2], 40),
            (40, vec![1, 5], 50),
            (60, vec![4, 5], 90),
        ] {
            let choice = choose(&all, at(now));
            assert_eq!(
                (choice.presented, choice.standing),
                (presented, Standing::Usable),
                "{now}"
            );
            let next = if next == 50 || next == 90 {
                Timestamp::from_millis(next * 1000 + 1)
            } else {
                at(next)
            };
            assert_eq!(choice.next, Some(next), "{now}");
        }
    }

    #[test]
    fn of_the_same_valid_from_the_one_that_was_activated_last_wins() {
        let all = [one(Ecdsa, 5, 10, 100), one(Ecdsa, 7, 10, 100), one(Ecdsa, 6, 10, 100)];
        assert_eq!(choose(&all, at(10)).presented, [1]);
        assert_eq!(choose(&all, at(10)).standing, Standing::Usable);
    }

    #[test]
    fn what_has_expired_is_presented_only_where_nothing_is_valid() {
        let all = [one(Ecdsa, 0, 10, 20), one(Ecdsa, 0, 11, 15), one(Rsa, 0, 10, 30)];
        // The valid one of another kind is enough: nobody is shown what has ended.
        assert_eq!(choose(&all, at(25)).presented, [2]);
        let choice = choose(&all, at(31));
        assert_eq!(
            (choice.presented, choice.standing, choice.next),
            (vec![0, 2], Standing::Expired, None)
        );
        // What was never active, or is not valid yet, is not presented for all that.
        let ahead = [one(Ecdsa, 100, 10, 20), one(Ecdsa, 0, 90, 200)];
        let choice = choose(&ahead, at(50));
        assert_eq!(
            (choice.presented, choice.standing, choice.next),
            (vec![], Standing::Empty, Some(at(90)))
        );
        assert_eq!(choose(&[], at(0)), Choice::default());
    }

    #[test]
    fn the_last_moment_is_still_valid() {
        let all = [one(Ecdsa, 0, 10, 20)];
        assert_eq!(choose(&all, at(20)).standing, Standing::Usable);
        assert_eq!(choose(&all, at(21)).standing, Standing::Expired);
    }
}
