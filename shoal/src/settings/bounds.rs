//! Values of the right type that make no sense: numbers out of their range, texts that say nothing.

use std::collections::BTreeMap;

use figment::value::{Num, Value};
use serde_json::{Map, Value as Schema};

use super::schema::{self, Kind};

/// A setting that cannot be what it is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// Where it stands, as `section.key`.
    pub(super) key: String,
    /// What is wrong and what would be right.
    pub(super) what: String,
}

/// Every value below `value` that its schema does not allow, in the order of the keys.
pub(super) fn faults(value: &Value, schema: &Schema) -> Vec<Fault> {
    let mut found = Vec::new();
    visit("", value, schema, &mut found);
    found
}

fn visit(key: &str, value: &Value, schema: &Schema, found: &mut Vec<Fault>) {
    let mut refuse = |what: String| {
        found.push(Fault {
            key: key.to_owned(),
            what,
        });
    };
    match value {
        Value::Dict(_, inner) => match schema::kind(schema) {
            Kind::Section(properties) | Kind::OptionalSection(properties) => {
                visit_all(key, inner, properties, found);
            }
            Kind::Choice(_) | Kind::Map | Kind::Sections(_) | Kind::Value => {}
        },
        Value::Array(_, elements) => {
            for (index, element) in elements.iter().enumerate() {
                visit(&format!("{key}.{index}"), element, &schema["items"], found);
            }
        }
        Value::Num(_, number) => {
            let number = exact(*number);
            let (least, most) = (schema["minimum"].as_f64(), schema["maximum"].as_f64());
            let within = number.is_finite()
                && least.is_none_or(|least| number >= least)
                && most.is_none_or(|most| number <= most);
            if !within {
                let range = range(schema).unwrap_or_else(|| "a finite number".to_owned());
                refuse(format!("{number} makes no sense here, expected {range}"));
            }
        }
        Value::String(_, text) => {
            let may_be_empty = schema["default"] == *text && schema["minLength"].is_null();
            if text.trim().is_empty() && !may_be_empty {
                let remedy = match &schema["default"] {
                    Schema::String(default) if !default.is_empty() => {
                        format!("leave it out for {default:?}")
                    }
                    _ if !schema["minLength"].is_null() => "it is needed".to_owned(),
                    _ => "leave it out to have none".to_owned(),
                };
                refuse(format!("an empty text makes no sense here, {remedy}"));
            }
        }
        _ => {}
    }
}

fn visit_all(
    key: &str,
    values: &BTreeMap<String, Value>,
    properties: &Map<String, Schema>,
    found: &mut Vec<Fault>,
) {
    for (name, value) in values {
        if let Some(schema) = properties.get(name) {
            let key = if key.is_empty() {
                name.clone()
            } else {
                format!("{key}.{name}")
            };
            visit(&key, value, schema, found);
        }
    }
}

/// The numbers that are allowed, in words: `1 to 100`.
pub(super) fn range(schema: &Schema) -> Option<String> {
    let (least, most) = (schema["minimum"].as_f64()?, schema["maximum"].as_f64()?);
    Some(format!("{least} to {most}"))
}

#[expect(clippy::cast_precision_loss, reason = "bounds are far below 2^52")]
fn exact(number: Num) -> f64 {
    match (number.to_f64(), number.to_u128(), number.to_i128()) {
        (Some(float), ..) => float,
        (None, Some(whole), _) => whole as f64,
        (None, None, Some(whole)) => whole as f64,
        (None, None, None) => f64::NAN,
    }
}
