//! Events, as `kubectl describe` shows them.

use k8s_openapi::api::core::v1::ObjectReference;
use kube::runtime::events::{Event, EventType, Recorder};

use super::context::Context;
use crate::status::Word;

/// Longest note that the API takes, in bytes.
const MAX_NOTE: usize = 1000;

impl Context {
    /// Tells an event of a resource. One that cannot be told is logged: it must not hold up the work.
    pub(crate) async fn tell(&self, about: &ObjectReference, word: Word) {
        let mut note = word.note;
        let mut end = MAX_NOTE.min(note.len());
        while !note.is_char_boundary(end) {
            end -= 1;
        }
        note.truncate(end);
        let event = Event {
            type_: if word.alarming {
                EventType::Warning
            } else {
                EventType::Normal
            },
            reason: word.reason.clone(),
            note: Some(note),
            action: word.reason,
            secondary: None,
        };
        self.metrics.wrote("Event", "event");
        // One that lives on would count events of one reason as repetitions of the first, whatever their notes say.
        let recorder = Recorder::new(self.client.clone(), self.reporter.clone());
        if let Err(error) = recorder.publish(&event, about).await {
            tracing::warn!(%error, reason = event.reason, "cannot tell an event");
        }
    }
}
