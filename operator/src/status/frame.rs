//! The three conditions that every resource has.

use super::conditions::Conditions;

/// Message of a finished roll-out.
const COMPLETE: &str = "everything runs as the spec says";

/// Reason and sentence.
pub(super) type Because = (String, String);

/// What they are made of.
pub(super) struct Frame<'a> {
    /// Why it is not ready.
    pub missing: Option<&'a Because>,
    /// What it does when it is ready.
    pub ready: String,
    /// What is under way: reason and sentence.
    pub rolling: Option<(&'a str, &'a str)>,
    /// What somebody has to put right.
    pub complaint: Option<&'a Because>,
}

impl Frame<'_> {
    /// Sets `Ready`, `Progressing` and `Degraded`.
    pub(crate) fn set(self, conditions: &mut Conditions<'_>) {
        match self.missing {
            None => conditions.set("Ready", true, "Ready", self.ready),
            Some((reason, message)) => conditions.set("Ready", false, reason, message.clone()),
        }
        match self.rolling {
            None => conditions.set("Progressing", false, "Complete", COMPLETE),
            Some((reason, message)) => conditions.set("Progressing", true, reason, message),
        }
        match self.complaint {
            Some((reason, message)) => conditions.set("Degraded", true, reason, message.clone()),
            None => conditions.set("Degraded", false, "AsExpected", ""),
        }
    }
}
