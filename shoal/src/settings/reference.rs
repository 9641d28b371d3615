//! The configuration file with every setting in it: what it means, what it may be, and its default.

use std::fmt::Write as _;

use serde_json::Value;

use super::bounds;
use super::schema::{self, Kind};

/// Columns of a comment.
const WIDTH: usize = 120;

const HEAD: &str = "\
Every setting of Shoal. What stands here is the default, so an empty file means the same. A setting behind a # without \
a blank is absent by default and shows an example.

A file may leave out what it does not change: `shoal all --config FILE`. A single setting is also taken as \
`--set section.key=value` or from the environment as `SHOAL_SECTION__KEY=value`.
";

/// The whole file. Every line that begins with `#` and no blank may be uncommented.
pub(super) fn render(schema: &Value) -> String {
    let mut text = String::new();
    for paragraph in HEAD.split("\n\n") {
        comment(&mut text, paragraph);
        text.push('\n');
    }
    if let Kind::Section(sections) = schema::kind(schema) {
        for (name, section) in sections {
            render_section(&mut text, name, section, false);
        }
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

/// A section: its meaning, its plain settings, then the sections in it.
fn render_section(text: &mut String, path: &str, schema: &Value, absent: bool) {
    let (properties, absent, brackets) = match schema::kind(schema) {
        Kind::Section(properties) => (Some(properties), absent, ("[", "]")),
        Kind::OptionalSection(properties) => (Some(properties), true, ("[", "]")),
        Kind::Sections(properties) => (Some(properties), true, ("[[", "]]")),
        Kind::Map => (None, absent, ("[", "]")),
        Kind::Choice(alternatives) => return render_choice(text, path, schema, alternatives),
        Kind::Value => return,
    };
    comment(text, described(schema));
    let mark = if absent { "#" } else { "" };
    let _ = writeln!(text, "{mark}{}{path}{}\n", brackets.0, brackets.1);
    let Some(properties) = properties else { return };
    let is_value = |schema: &Value| matches!(schema::kind(schema), Kind::Value);
    for (name, setting) in properties.iter().filter(|(_, setting)| is_value(setting)) {
        render_setting(text, name, setting, absent);
    }
    for (name, section) in properties.iter().filter(|(_, setting)| !is_value(setting)) {
        render_section(text, &format!("{path}.{name}"), section, absent);
    }
}

fn render_setting(text: &mut String, name: &str, schema: &Value, absent: bool) {
    comment(text, described(schema));
    comment(text, &allowed(name, schema));
    let (default, example) = (&schema["default"], &schema["examples"][0]);
    if default.is_null() || (absent && !example.is_null()) {
        let _ = writeln!(text, "#{name} = {}\n", literal(example));
    } else {
        let mark = if absent { "#" } else { "" };
        let _ = writeln!(text, "{mark}{name} = {}\n", literal(default));
    }
}

/// A section that has exactly one of several keys: the default's, and the others as comments.
fn render_choice(text: &mut String, path: &str, schema: &Value, alternatives: &[Value]) {
    comment(
        text,
        &format!("{} Give one of these keys.", described(schema)),
    );
    let _ = writeln!(text, "#[{path}]\n");
    let all = alternatives
        .iter()
        .filter_map(|one| Some((one, one["properties"].as_object()?)));
    for (alternative, properties) in all {
        for name in properties.keys() {
            comment(text, described(alternative));
            let chosen = schema["default"].get(name).is_some();
            let mark = if chosen { "#" } else { "# " };
            let _ = writeln!(
                text,
                "{mark}{name} = {}\n",
                literal(&alternative["examples"][0])
            );
        }
    }
}

fn described(schema: &Value) -> &str {
    schema["description"].as_str().unwrap_or_default()
}

/// What a value may be, in a sentence; nothing where any text may stand.
fn allowed(name: &str, schema: &Value) -> String {
    if let Some(alternatives) = choices(schema) {
        return format!("One of {}.", alternatives.join(", "));
    }
    let range = || {
        let range = bounds::range(schema).unwrap_or_default();
        let unit = unit(name, schema).map(|unit| format!(" {unit}"));
        format!("{range}{}", unit.unwrap_or_default())
    };
    match schema::types(schema).first() {
        Some(&"integer") => format!("A whole number, {}.", range()),
        Some(&"number") => format!("A number, {}.", range()),
        Some(&"boolean") => "true or false.".to_owned(),
        Some(&"array") => match choices(&schema["items"]) {
            Some(alternatives) => format!("A list of {}.", alternatives.join(", ")),
            None => "A list.".to_owned(),
        },
        _ => String::new(),
    }
}

/// The unit of a number: said by its type, or the end of its name.
fn unit<'a>(name: &str, schema: &'a Value) -> Option<&'a str> {
    const BY_NAME: &[(&str, &str)] = &[
        ("_per_second", "per second"),
        ("_seconds", "seconds"),
        ("_s", "seconds"),
        ("_bytes", "bytes"),
        ("_kbps", "kbit/s"),
    ];
    schema["x-unit"].as_str().or_else(|| {
        BY_NAME
            .iter()
            .find_map(|(end, unit)| name.ends_with(end).then_some(*unit))
    })
}

/// The texts that are allowed, each with what it means.
fn choices(schema: &Value) -> Option<Vec<String>> {
    let alternatives = schema["oneOf"].as_array()?;
    let named = alternatives.iter().map(|one| {
        let name = one["const"].as_str()?;
        let meaning = described(one).trim_end_matches('.');
        Some(if meaning.is_empty() {
            format!("\"{name}\"")
        } else {
            format!("\"{name}\" ({meaning})")
        })
    });
    named.collect()
}

/// A value as TOML.
fn literal(value: &Value) -> String {
    match value {
        Value::String(text) => toml::Value::String(text.clone()).to_string(),
        Value::Array(all) => {
            let all: Vec<_> = all.iter().map(literal).collect();
            format!("[{}]", all.join(", "))
        }
        other => other.to_string(),
    }
}

/// `text` as comment lines.
fn comment(text: &mut String, words: &str) {
    let mut line = String::from("#");
    for word in words.split_whitespace() {
        if line.len() > 1 && line.chars().count() + 1 + word.chars().count() > WIDTH {
            let _ = writeln!(text, "{line}");
            line = String::from("#");
        }
        line.push(' ');
        line.push_str(word);
    }
    if line.len() > 1 {
        let _ = writeln!(text, "{line}");
    }
}

/// The settings of `schema` that lack something a reader needs, as `section.key: what`.
#[cfg(test)]
pub(super) fn gaps(
    path: &str,
    properties: &serde_json::Map<String, Value>,
    found: &mut Vec<String>,
) {
    for (name, setting) in properties {
        let path = if path.is_empty() {
            name.clone()
        } else {
            format!("{path}.{name}")
        };
        let mut lacks = |what: &str| found.push(format!("{path}: {what}"));
        if described(setting).split_whitespace().count() < 1 {
            lacks("no meaning");
        }
        match schema::kind(setting) {
            Kind::Section(inner) | Kind::OptionalSection(inner) | Kind::Sections(inner) => {
                gaps(&path, inner, found)
            }
            Kind::Map => {}
            Kind::Choice(alternatives) => {
                if alternatives.iter().any(|one| one["examples"][0].is_null()) {
                    lacks("an alternative without an example");
                }
            }
            Kind::Value => {
                let types = schema::types(setting);
                if types.iter().any(|one| ["integer", "number"].contains(one)) {
                    // The type alone says that it is not negative; only an attribute says how large it may be.
                    if setting["maximum"].is_null() || setting["minimum"].is_null() {
                        lacks("no range");
                    }
                }
                if setting["default"].is_null() && setting["examples"][0].is_null() {
                    lacks("neither a default nor an example");
                }
            }
        }
    }
}
