//! A comment on an item says more than the item's name and type do: units, shapes, errors, when it is absent.

use std::fs;
use std::path::Path;

use super::sources;

/// Crates whose comments are read.
const CRATES: &[&str] = &[
    "media",
    "xmpp",
    "listen",
    "metrics",
    "private",
    "bridge",
    "focus",
    "signalling",
    "loadtest",
    "operator",
    "shoal",
    "xtask",
];
/// Words that say nothing by themselves.
const FILLERS: &[&str] = &[
    "a", "an", "by", "for", "in", "its", "of", "one", "s", "the", "this", "to",
];
/// Words that stand before a name.
const BEFORE_NAMES: &[&str] = &[
    "async", "const", "enum", "extern", "fn", "mod", "mut", "static", "struct", "trait", "type",
    "unsafe",
];

/// Comments that say nothing, a sentence each.
pub(super) fn broken(root: &Path) -> anyhow::Result<Vec<String>> {
    let mut told = Vec::new();
    for folder in CRATES {
        for path in sources(root, &format!("{folder}/src"))? {
            let text = fs::read_to_string(root.join(&path))?;
            told.extend(echoes(&text).into_iter().map(|(line, doc)| {
                format!(
                    "{path}:{line}: `{doc}` says what the code says: add units, shape, errors or when it is absent, or take it out"
                )
            }));
        }
    }
    Ok(told)
}

/// Line and text of each comment of one line that only repeats the item below it; a test module does not count.
fn echoes(text: &str) -> Vec<(usize, &str)> {
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .take_while(|line| *line != "#[cfg(test)]")
        .collect();
    let doc = |at: usize| lines.get(at).and_then(|line| line.strip_prefix("///"));
    (0..lines.len())
        .filter(|at| doc(at.wrapping_sub(1)).is_none() && doc(at + 1).is_none())
        .filter_map(|at| Some((at, doc(at)?)))
        // Links and names in code say where to look.
        .filter(|(_, doc)| !doc.contains(['`', '[']))
        .filter(|(at, doc)| {
            let is_attribute = |line: &&&str| line.starts_with(['#', ')', ']', '.']);
            let below = lines[at + 1..].iter().find(|line| !is_attribute(line));
            below.is_some_and(|item| is_echo(doc, item))
        })
        .map(|(at, doc)| (at + 1, doc.trim()))
        .collect()
}

fn is_echo(doc: &str, item: &str) -> bool {
    let said = words(doc);
    let said: Vec<&String> = said
        .iter()
        .filter(|word| !FILLERS.contains(&word.as_str()))
        .collect();
    let item = item.strip_prefix("pub").unwrap_or(item);
    let item = match item.strip_prefix('(') {
        Some(rest) => rest.split_once(')').map_or(rest, |(_, rest)| rest),
        None => item,
    };
    let names = words(item);
    let names: Vec<&String> = names
        .iter()
        .skip_while(|word| BEFORE_NAMES.contains(&word.as_str()))
        .collect();
    !said.is_empty()
        && said
            .iter()
            .all(|word| names.iter().any(|name| is_same(word, name)))
}

/// Whether two words differ in their endings only.
fn is_same(one: &str, other: &str) -> bool {
    let plural = |one: &str, other: &str| one.strip_suffix('s') == Some(other);
    let stem = |word: &str| word.get(..4).map(str::to_owned);
    one == other
        || plural(one, other)
        || plural(other, one)
        || (stem(one).is_some() && stem(one) == stem(other))
}

/// In small letters; `CamelCase` and `snake_case` are several.
fn words(text: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut word = String::new();
    let mut was_small = false;
    for letter in text.chars() {
        let starts = letter.is_uppercase() && was_small;
        if (!letter.is_ascii_alphanumeric() || starts) && !word.is_empty() {
            all.push(std::mem::take(&mut word));
        }
        if letter.is_ascii_alphanumeric() {
            word.push(letter.to_ascii_lowercase());
        }
        was_small = letter.is_lowercase();
    }
    if !word.is_empty() {
        all.push(word);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_that_repeats_the_name_is_told_and_one_that_says_more_is_not() {
        for (doc, item, is_told) in [
            ("The port.", "pub port: u16,", true),
            (
                "Ports.",
                "#[serde(default)]\n    pub(crate) port: u16,",
                true,
            ),
            ("Source name.", "pub source_name: String,", true),
            ("A form.", "pub struct DataForm {", true),
            ("Sources of the owner.", "fn sources(owner: &str) {", true),
            ("TCP port.", "pub port: u16,", false),
            ("Width in pixels.", "pub width: u32,", false),
            ("`port`.", "pub port: u16,", false),
            ("Port, see\n    /// below.", "pub port: u16,", false),
        ] {
            let text = format!("struct A {{\n    /// {doc}\n    {item}\n");
            let told = echoes(&text);
            assert_eq!(told.len(), usize::from(is_told), "{doc}: {told:?}");
        }
        assert!(echoes("#[cfg(test)]\nmod tests {\n    /// Port.\n    port: u16,\n").is_empty());
    }
}
