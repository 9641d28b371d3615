//! Patches.

use serde_json::Value;

/// A merge patch (RFC 7396).
pub(super) fn merge(into: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *into = patch.clone();
        return;
    };
    if !into.is_object() {
        *into = Value::Object(serde_json::Map::new());
    }
    let Some(map) = into.as_object_mut() else {
        return;
    };
    for (key, value) in patch {
        if value.is_null() {
            map.remove(key);
        } else {
            merge(map.entry(key.clone()).or_insert(Value::Null), value);
        }
    }
}

/// Removes fields that a manager applied before and does not apply any more. Lists are taken as a whole.
pub(super) fn forget(live: &mut Value, before: &Value, after: &Value) {
    let (Some(live), Some(before)) = (live.as_object_mut(), before.as_object()) else {
        return;
    };
    for (key, value) in before {
        match after.get(key) {
            None => {
                live.remove(key);
            }
            Some(after) => {
                if let Some(live) = live.get_mut(key) {
                    forget(live, value, after);
                }
            }
        }
    }
}
