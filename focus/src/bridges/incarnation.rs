//! Whether it is still the same process that speaks under a bridge's nick.
//!
//! A bridge that dies and is back at once may enter the brewery before the server has noticed the end of its
//! predecessor, and then nobody sees that one leave: the nick goes on, and the new process knows of no conference. Shoal's
//! bridges say which process they are (`instance_id`); of others the session, the real address in the brewery, tells it.

/// Most sessions under one nick that are looked at.
const MAX_SESSIONS: usize = 8;

/// Who speaks, as a presence tells it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Incarnation {
    instance: Option<String>,
    /// Real addresses under the nick, in the server's order. Requests go to one of them, usually the eldest.
    sessions: Vec<String>,
}

/// How a presence continues the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Continuity {
    /// It is the same process, as far as one can see.
    Same,
    /// Another process has taken its place.
    Replaced,
    /// A second session has come under the nick, and what is asked goes to the first, which may be dead.
    Doubled,
}

impl Incarnation {
    /// Who speaks. `sessions` are the real addresses, as far as the room shows them.
    pub fn new(instance: Option<&str>, sessions: impl Iterator<Item = String>) -> Self {
        Self {
            instance: instance.map(str::to_owned),
            sessions: sessions.take(MAX_SESSIONS).collect(),
        }
    }

    /// Takes note of a newer presence.
    pub fn handle_newer(&mut self, newer: Self) -> Continuity {
        let continuity = self.continuity(&newer);
        if newer.instance.is_some() {
            self.instance = newer.instance;
        }
        let first = self.sessions.first();
        if first.is_none_or(|first| !newer.sessions.contains(first)) {
            self.sessions = newer.sessions;
        } else {
            // The first stays the first, in whatever order the server names them.
            let others = newer.sessions.into_iter();
            let others: Vec<_> = others.filter(|other| Some(other) != first).collect();
            self.sessions.truncate(1);
            self.sessions.extend(others);
        }
        continuity
    }

    fn continuity(&self, newer: &Self) -> Continuity {
        let same_instance = match (&self.instance, &newer.instance) {
            (Some(old), Some(new)) if old != new => return Continuity::Replaced,
            (old, new) => old.is_some() && new.is_some(),
        };
        let Some(first) = self.sessions.first().filter(|_| !newer.sessions.is_empty()) else {
            return Continuity::Same;
        };
        if !newer.sessions.contains(first) {
            return match same_instance {
                true => Continuity::Same,
                false => Continuity::Replaced,
            };
        }
        let is_new = |session| !self.sessions.contains(session);
        match newer.sessions.iter().any(is_new) {
            true => Continuity::Doubled,
            false => Continuity::Same,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(instance: &str, sessions: &[&str]) -> Incarnation {
        let instance = Some(instance).filter(|instance| !instance.is_empty());
        Incarnation::new(instance, sessions.iter().map(|it| (*it).to_owned()))
    }

    #[test]
    fn an_instance_or_else_a_session_tells_processes_apart() {
        use Continuity::{Doubled, Replaced, Same};
        // What was said one after the other, and what each meant.
        let stories: &[&[(&str, &[&str], Continuity)]] = &[
            // Shoal's bridge: statistics, a new login of the same process, a new process.
            &[
                ("1", &["a"], Same),
                ("1", &["a"], Same),
                ("1", &["b"], Same),
                ("2", &["c"], Replaced),
                ("2", &["c"], Same),
            ],
            // In a room that hides addresses.
            &[("1", &[], Same), ("2", &[], Replaced)],
            // A bridge that does not say who it is.
            &[
                ("", &["a"], Same),
                ("", &["a"], Same),
                ("", &["b"], Replaced),
            ],
            // The same, where neither can be seen.
            &[("", &[], Same), ("", &[], Same)],
            // Prosody keeps the dead session first until it gives it up.
            &[
                ("1", &["a"], Same),
                ("1", &["b", "a"], Doubled),
                ("1", &["a", "b"], Same),
                ("2", &["b"], Replaced),
                ("2", &["b"], Same),
            ],
            &[
                ("", &["a"], Same),
                ("", &["a", "b"], Doubled),
                ("", &["b"], Replaced),
            ],
            // A bridge that was upgraded to one that says who it is.
            &[("", &["a"], Same), ("1", &["b"], Replaced)],
        ];
        for story in stories {
            let mut known = Incarnation::default();
            for (step, (instance, sessions, meant)) in story.iter().enumerate() {
                let continuity = known.handle_newer(said(instance, sessions));
                assert_eq!(continuity, *meant, "{story:?} {step}");
            }
        }
    }
}
