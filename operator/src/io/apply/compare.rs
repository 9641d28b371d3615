//! Whether an object that lives already has everything that is wanted of it.

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// What an object is wanted to be, in 16 letters.
pub(crate) fn fingerprint(desired: &Value) -> String {
    let text = desired.to_string();
    let digest = Sha256::digest(text.as_bytes());
    digest[..8]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// The first field of `desired` that `live` has not, or has otherwise. What `live` has beyond it (defaults, fields of
/// others) is no difference, neither is how the API server writes a quantity, or that it drops what is empty, false or 0.
pub(crate) fn difference(desired: &Value, live: &Value) -> Option<String> {
    let mut path = Vec::new();
    differs(desired, live, &mut path).then(|| path.join("."))
}

fn differs(desired: &Value, live: &Value, path: &mut Vec<String>) -> bool {
    match (desired, live) {
        (Value::Object(wanted), Value::Object(found)) => {
            for (key, value) in wanted {
                path.push(key.clone());
                let missing = Value::Null;
                if differs(value, found.get(key).unwrap_or(&missing), path) {
                    return true;
                }
                path.pop();
            }
            false
        }
        (Value::Array(wanted), Value::Array(found)) => {
            if !wanted.iter().any(Value::is_object) {
                return wanted != found;
            }
            for (index, value) in wanted.iter().enumerate() {
                path.push(index.to_string());
                let same_place = found.get(index).into_iter().chain(found);
                let mut nested = Vec::new();
                let mut first = None;
                let mut matched = false;
                for candidate in same_place {
                    nested.clear();
                    if !differs(value, candidate, &mut nested) {
                        matched = true;
                        break;
                    }
                    first.get_or_insert_with(|| nested.clone());
                }
                if !matched {
                    path.extend(first.unwrap_or_default());
                    return true;
                }
                path.pop();
            }
            false
        }
        (wanted, Value::Null) => !is_empty(wanted),
        (Value::String(wanted), Value::String(found)) => {
            wanted != found && !same_quantity(wanted, found)
        }
        (wanted, found) => wanted != found,
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Number(number) => number.as_i64() == Some(0),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.values().all(is_empty),
        Value::Bool(true) => false,
    }
}

fn same_quantity(one: &str, other: &str) -> bool {
    let number = |text: &str| parse_quantity(&Quantity(text.to_owned()));
    matches!((number(one), number(other)), (Some(one), Some(other)) if one == other)
}

/// A quantity in thousandths of its unit.
fn parse_quantity(quantity: &Quantity) -> Option<i128> {
    let text = quantity.0.as_str();
    let split = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.');
    let (number, suffix) = text.split_at(split.unwrap_or(text.len()));
    let scale: i128 = match suffix {
        "m" => 1,
        "" => 1000,
        "k" => 1_000_000,
        "M" => 1_000_000_000,
        "G" => 1_000_000_000_000,
        "T" => 1_000_000_000_000_000,
        "Ki" => 1000 << 10,
        "Mi" => 1000 << 20,
        "Gi" => 1000 << 30,
        "Ti" => 1000 << 40,
        _ => return None,
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() || whole.len() > 15 || fraction.len() > 9 {
        return None;
    }
    let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
    let product = digits.checked_mul(scale)?;
    let divisor = 10_i128.pow(u32::try_from(fraction.len()).ok()?);
    (product % divisor == 0).then_some(product / divisor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_the_server_adds_or_writes_otherwise_is_no_difference() {
        for (desired, live) in [
            (json!({"a": 1}), json!({"a": 1, "b": 2})),
            (
                json!({"a": [], "b": {}, "c": {"d": null}, "e": "", "f": 0, "g": false}),
                json!({}),
            ),
            (
                json!({"cpu": "1000m", "memory": "1024Mi"}),
                json!({"cpu": "1", "memory": "1Gi"}),
            ),
            (json!({"cpu": "0.5"}), json!({"cpu": "500m"})),
            (
                json!({"ports": [{"port": 80}]}),
                json!({"ports": [{"port": 80, "protocol": "TCP"}]}),
            ),
            (
                json!({"c": [{"name": "main", "image": "x"}]}),
                json!({"c": [{"name": "injected"}, {"name": "main", "image": "x"}]}),
            ),
        ] {
            assert_eq!(difference(&desired, &live), None, "{desired} in {live}");
        }
    }

    #[test]
    fn what_is_wanted_and_not_there_is_named() {
        for (desired, live, path) in [
            (json!({"a": {"b": 1}}), json!({"a": {"b": 2}}), "a.b"),
            (json!({"a": {"b": 1}}), json!({}), "a"),
            (json!({"a": "1"}), json!({"a": "2"}), "a"),
            (json!({"a": ["x"]}), json!({"a": ["x", "y"]}), "a"),
            (
                json!({"c": [{"name": "main", "image": "x"}]}),
                json!({"c": [{"name": "main", "image": "y"}]}),
                "c.0.image",
            ),
            (json!({"a": true}), json!({}), "a"),
        ] {
            assert_eq!(difference(&desired, &live).as_deref(), Some(path));
        }
    }

    #[test]
    fn a_fingerprint_is_of_the_content() {
        let one = fingerprint(&json!({"a": 1, "b": 2}));
        assert_eq!(one, fingerprint(&json!({"b": 2, "a": 1})));
        assert_ne!(one, fingerprint(&json!({"a": 1, "b": 3})));
        assert_eq!(one.len(), 16);
    }
}
