//! What the types of the configuration say of each setting: meaning, kind, unit, bounds and default, as JSON Schema.

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

use super::Settings;

/// The schema of the whole file, without references.
pub(super) fn of_settings() -> Value {
    let settings =
        SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let mut schema = settings
        .into_generator()
        .into_root_schema_for::<Settings>()
        .to_value();
    // The real default depends on who asks.
    schema["properties"]["web"]["properties"]["state"]["default"] = "~/.local/state/shoal".into();
    schema
}

/// What stands at a key.
pub(super) enum Kind<'a> {
    /// A section; its settings.
    Section(&'a Map<String, Value>),
    /// A section that may be left out; its settings.
    OptionalSection(&'a Map<String, Value>),
    /// Any number of sections of one form; the settings of each.
    Sections(&'a Map<String, Value>),
    /// A section whose keys are the user's.
    Map,
    /// One of several forms of section, told apart by their one key.
    Choice(&'a [Value]),
    /// Neither list nor table.
    Value,
}

/// What stands at the key that `schema` describes.
pub(super) fn kind(schema: &Value) -> Kind<'_> {
    if let Some(properties) = schema["properties"].as_object() {
        return match &schema["type"] {
            Value::Array(_) => Kind::OptionalSection(properties),
            _ => Kind::Section(properties),
        };
    }
    if let Some(properties) = schema["items"]["properties"].as_object() {
        return Kind::Sections(properties);
    }
    if let Some(alternatives) = schema["oneOf"].as_array()
        && alternatives.iter().all(|one| one["properties"].is_object())
    {
        return Kind::Choice(alternatives);
    }
    if schema["type"] == "object" {
        return Kind::Map;
    }
    Kind::Value
}

/// The names of the types that a value may have, without `null`.
pub(super) fn types(schema: &Value) -> Vec<&str> {
    match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(all) => all
            .iter()
            .filter_map(Value::as_str)
            .filter(|one| *one != "null")
            .collect(),
        _ => Vec::new(),
    }
}
