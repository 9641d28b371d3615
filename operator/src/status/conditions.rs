//! Conditions: what holds, since when and why; and what is worth an event.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::jiff::Timestamp;

/// Something worth telling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Word {
    /// Whether a person should look.
    pub alarming: bool,
    /// A CamelCase word.
    pub reason: String,
    /// A sentence.
    pub note: String,
}

impl Word {
    /// All is well.
    #[must_use]
    pub(crate) fn normal(reason: &str, note: String) -> Self {
        Self {
            alarming: false,
            reason: reason.to_owned(),
            note,
        }
    }

    /// A person should look.
    #[must_use]
    pub(crate) fn warning(reason: &str, note: String) -> Self {
        Self {
            alarming: true,
            ..Self::normal(reason, note)
        }
    }
}

/// Conditions of a status in the making.
pub(super) struct Conditions<'a> {
    before: &'a [Condition],
    generation: Option<i64>,
    now: Timestamp,
    made: Vec<Condition>,
}

impl<'a> Conditions<'a> {
    /// `now` is in seconds since the Unix epoch.
    pub(crate) fn new(
        before: &'a [Condition],
        generation: Option<i64>,
        now: std::time::Duration,
    ) -> Self {
        let seconds = i64::try_from(now.as_secs()).unwrap_or_default();
        Self {
            before,
            generation,
            now: Timestamp::from_second(seconds).unwrap_or_default(),
            made: Vec::new(),
        }
    }

    /// Sets one to true or false. The time of its last change stays when its value does.
    pub(crate) fn set(
        &mut self,
        kind: &str,
        holds: bool,
        reason: &str,
        message: impl Into<String>,
    ) {
        self.put(
            kind,
            if holds { "True" } else { "False" },
            reason,
            message.into(),
        );
    }

    /// Leaves one as it was, or unknown when it never was known.
    pub(crate) fn keep(&mut self, kind: &str, reason: &str, message: &str) {
        match self.before.iter().find(|one| one.type_ == kind) {
            Some(before) => {
                let before = before.clone();
                self.put(kind, &before.status, &before.reason, before.message);
            }
            None => self.put(kind, "Unknown", reason, message.to_owned()),
        }
    }

    fn put(&mut self, kind: &str, status: &str, reason: &str, message: String) {
        let before = self.before.iter().find(|one| one.type_ == kind);
        let since = before.filter(|before| before.status == status);
        self.made.push(Condition {
            type_: kind.to_owned(),
            status: status.to_owned(),
            reason: reason.to_owned(),
            message,
            observed_generation: self.generation,
            last_transition_time: since.map_or_else(
                || Time(self.now),
                |before| before.last_transition_time.clone(),
            ),
        });
    }

    /// What was set.
    pub(crate) fn done(self) -> Vec<Condition> {
        self.made
    }
}

/// What changed between two statuses, for events: each change once.
#[must_use]
pub(crate) fn words(before: &[Condition], after: &[Condition]) -> Vec<Word> {
    let mut words = Vec::new();
    for one in after {
        let earlier = before.iter().find(|earlier| earlier.type_ == one.type_);
        let was = earlier.map(|earlier| earlier.status.as_str());
        let same_reason = earlier.is_some_and(|earlier| earlier.reason == one.reason);
        let worth = match (one.type_.as_str(), one.status.as_str()) {
            ("Degraded", "True") => was != Some("True") || !same_reason,
            ("Ready", "False") | ("MediaReachable", "True") => {
                was.is_some_and(|was| was != one.status)
            }
            (_, "True") => was != Some("True"),
            ("MediaReachable" | "CertificateTrusted" | "Autoscaling", "False") => {
                was != Some("False")
            }
            (_, "False") => was == Some("True"),
            _ => false,
        };
        if !worth {
            continue;
        }
        let alarming = matches!(
            (one.type_.as_str(), one.status.as_str()),
            ("Degraded", "True") | ("Ready" | "MediaReachable" | "Autoscaling", "False")
        );
        let note = if one.message.is_empty() {
            format!("{} is {}", one.type_, one.status)
        } else {
            one.message.clone()
        };
        words.push(Word {
            alarming,
            reason: one.reason.clone(),
            note,
        });
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn made(before: &[Condition], seconds: u64, holds: bool, reason: &str) -> Vec<Condition> {
        let mut conditions = Conditions::new(before, Some(1), Duration::from_secs(seconds));
        conditions.set("Degraded", holds, reason, "why");
        conditions.done()
    }

    #[test]
    fn the_time_of_the_last_change_stays_while_the_value_does() {
        let first = made(&[], 100, true, "A");
        let second = made(&first, 200, true, "B");
        assert_eq!(
            second[0].last_transition_time.0,
            Timestamp::constant(100, 0)
        );
        let third = made(&second, 300, false, "C");
        assert_eq!(third[0].last_transition_time.0, Timestamp::constant(300, 0));
    }

    #[test]
    fn a_change_is_told_once() {
        let first = made(&[], 100, true, "A");
        assert_eq!(words(&[], &first), [Word::warning("A", "why".into())]);
        assert!(words(&first, &made(&first, 200, true, "A")).is_empty());
        let other = made(&first, 200, true, "B");
        assert_eq!(words(&first, &other).len(), 1, "another reason is news");
        let well = made(&other, 300, false, "AsExpected");
        assert_eq!(
            words(&other, &well),
            [Word::normal("AsExpected", "why".into())]
        );
        assert!(
            words(&[], &well).is_empty(),
            "that nothing is wrong is no news"
        );
    }
}
