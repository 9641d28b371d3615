//! Room metadata, as the room's metadata component says: whether newcomers start muted.

use serde_json::{Map, Value};

use super::Conference;
use super::participant::Muted;

impl Conference {
    /// A message of the metadata component.
    pub(super) fn handle_metadata(&mut self, content: &Map<String, Value>) {
        let Some(start_muted) = content.get("metadata").and_then(|m| m.get("startMuted")) else {
            return;
        };
        let flag = |kind| {
            start_muted
                .get(kind)
                .and_then(Value::as_bool)
                .unwrap_or(false)
        };
        self.start_muted = Muted {
            audio: flag("audio"),
            video: flag("video"),
        };
    }
}
