//! When to check which bridge, and what the answers mean.

use std::collections::BTreeMap;
use std::time::Instant;

use crate::config::{BridgeConfig, seconds};

use super::BridgeId;

/// How a health check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckResult {
    /// The bridge is well.
    Passed,
    /// The bridge says that it is not.
    Failed,
    /// No answer in time.
    TimedOut,
}

/// What follows from a health check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The bridge works.
    Healthy,
    /// The bridge says that it does not.
    Unhealthy,
    /// The bridge left a check and its repetition unanswered.
    Unanswered,
}

#[derive(Debug, Clone, Copy)]
enum Patient {
    /// The next check is due then.
    Waiting { due: Instant, unanswered: bool },
    /// A check is on its way.
    Asked { unanswered: bool },
}

/// Keeps the appointments.
#[derive(Debug)]
pub struct Doctor {
    config: BridgeConfig,
    patients: BTreeMap<BridgeId, Patient>,
}

impl Doctor {
    /// Nobody to check yet.
    pub fn new(config: BridgeConfig) -> Self {
        Self {
            config,
            patients: BTreeMap::new(),
        }
    }

    /// A bridge appeared; it is checked one interval from now.
    pub fn handle_added(&mut self, id: &BridgeId, now: Instant) {
        let due = now + seconds(self.config.health_interval_s);
        self.patients.entry(id.clone()).or_insert(Patient::Waiting {
            due,
            unanswered: false,
        });
    }

    /// A bridge left.
    pub fn handle_gone(&mut self, id: &BridgeId) {
        self.patients.remove(id);
    }

    /// A check ended.
    pub fn handle_result(
        &mut self,
        id: &BridgeId,
        result: CheckResult,
        now: Instant,
    ) -> Option<Verdict> {
        let patient = self.patients.get_mut(id)?;
        let Patient::Asked { unanswered } = *patient else {
            return None;
        };
        let interval = now + seconds(self.config.health_interval_s);
        let (due, repeat, verdict) = match result {
            CheckResult::Passed => (interval, false, Some(Verdict::Healthy)),
            CheckResult::Failed => (interval, false, Some(Verdict::Unhealthy)),
            CheckResult::TimedOut if unanswered => (interval, false, Some(Verdict::Unanswered)),
            CheckResult::TimedOut => (now + seconds(self.config.health_retry_s), true, None),
        };
        *patient = Patient::Waiting {
            due,
            unanswered: repeat,
        };
        verdict
    }

    /// When the next check is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.patients
            .values()
            .filter_map(|p| match p {
                Patient::Waiting { due, .. } => Some(*due),
                Patient::Asked { .. } => None,
            })
            .min()
    }

    /// Bridges to check; each counts as asked from then on.
    pub fn handle_timeout(&mut self, now: Instant) -> Vec<BridgeId> {
        let mut due_now = Vec::new();
        for (id, patient) in &mut self.patients {
            if let Patient::Waiting { due, unanswered } = *patient
                && due <= now
            {
                *patient = Patient::Asked { unanswered };
                due_now.push(id.clone());
            }
        }
        due_now
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn asked() -> (Doctor, BridgeId, Instant) {
        let now = Instant::now();
        let id = BridgeId::named("a");
        let mut doctor = Doctor::new(BridgeConfig::default());
        doctor.handle_added(&id, now);
        assert_eq!(doctor.handle_timeout(now + Duration::from_secs(9)), vec![]);
        let due = now + Duration::from_secs(10);
        assert_eq!(doctor.poll_timeout(), Some(due));
        assert_eq!(doctor.handle_timeout(due), vec![id.clone()]);
        (doctor, id, due)
    }

    #[test]
    fn a_bridge_is_checked_once_per_interval() {
        let (mut doctor, id, now) = asked();
        assert_eq!(doctor.poll_timeout(), None);
        assert_eq!(
            doctor.handle_result(&id, CheckResult::Passed, now),
            Some(Verdict::Healthy)
        );
        assert_eq!(doctor.poll_timeout(), Some(now + Duration::from_secs(10)));
    }

    #[test]
    fn a_bridge_that_says_it_is_ill_is_believed_at_once() {
        let (mut doctor, id, now) = asked();
        assert_eq!(
            doctor.handle_result(&id, CheckResult::Failed, now),
            Some(Verdict::Unhealthy)
        );
    }

    #[test]
    fn one_unanswered_check_is_repeated_before_it_counts() {
        let (mut doctor, id, now) = asked();
        assert_eq!(doctor.handle_result(&id, CheckResult::TimedOut, now), None);
        let retry = now + Duration::from_secs(1);
        assert_eq!(doctor.handle_timeout(retry), vec![id.clone()]);
        assert_eq!(
            doctor.handle_result(&id, CheckResult::TimedOut, retry),
            Some(Verdict::Unanswered)
        );
    }

    #[test]
    fn an_answer_to_the_repetition_makes_good() {
        let (mut doctor, id, now) = asked();
        doctor.handle_result(&id, CheckResult::TimedOut, now);
        let retry = now + Duration::from_secs(1);
        doctor.handle_timeout(retry);
        assert_eq!(
            doctor.handle_result(&id, CheckResult::Passed, retry),
            Some(Verdict::Healthy)
        );
    }

    #[test]
    fn answers_of_bridges_that_left_are_ignored() {
        let (mut doctor, id, now) = asked();
        doctor.handle_gone(&id);
        assert_eq!(doctor.handle_result(&id, CheckResult::Failed, now), None);
        assert_eq!(doctor.poll_timeout(), None);
    }
}
