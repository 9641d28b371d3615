//! Label selectors, as text in a query: `a=b,c!=d,e in (f,g),h notin (i),j,!k`.

use std::collections::{BTreeMap, BTreeSet};

use super::refusal::Refusal;

/// What labels have to be like: all of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector(Vec<Requirement>);

/// What one label has to be like.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Requirement {
    In(String, BTreeSet<String>),
    /// Or absent.
    NotIn(String, BTreeSet<String>),
    Exists(String),
    DoesNotExist(String),
}

impl Selector {
    /// Whether it selects what has these labels.
    #[must_use]
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.0.iter().all(|one| match one {
            Requirement::In(key, values) => {
                labels.get(key).is_some_and(|value| values.contains(value))
            }
            Requirement::NotIn(key, values) => {
                labels.get(key).is_none_or(|value| !values.contains(value))
            }
            Requirement::Exists(key) => labels.contains_key(key),
            Requirement::DoesNotExist(key) => !labels.contains_key(key),
        })
    }
}

/// Reads a selector; an empty one selects everything.
pub(crate) fn parse(text: &str) -> Result<Selector, Refusal> {
    let mut selector = Selector::default();
    for part in split(text) {
        let part = part.trim();
        if part.is_empty() && text.trim().is_empty() {
            continue;
        }
        let one = requirement(part).ok_or_else(|| {
            Refusal::bad_request(format!(
                "labelSelector: {part:?} is none of KEY=VALUE, KEY!=VALUE, KEY in (A,B), KEY notin (A,B), KEY, !KEY"
            ))
        })?;
        selector.0.push(one);
    }
    Ok(selector)
}

/// At commas that are not within parentheses.
fn split(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut depth) = (0, 0_usize);
    for (at, letter) in text.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

fn requirement(text: &str) -> Option<Requirement> {
    let words: Vec<&str> = text.splitn(2, char::is_whitespace).collect();
    if let [key, rest] = words[..] {
        let rest = rest.trim_start();
        let set = |word: &str| -> Option<BTreeSet<String>> {
            let list = rest.strip_prefix(word)?.trim();
            let list = list.strip_prefix('(')?.strip_suffix(')')?;
            list.split(',').map(|value| label(value.trim())).collect()
        };
        if let Some(values) = set("notin") {
            return Some(Requirement::NotIn(key_of(key)?, values));
        }
        if let Some(values) = set("in") {
            return Some(Requirement::In(key_of(key)?, values));
        }
    }
    if let Some((key, value)) = text.split_once("!=") {
        return Some(Requirement::NotIn(
            key_of(key)?,
            [label(value.trim())?].into(),
        ));
    }
    if let Some((key, value)) = text.split_once('=') {
        let value = value.strip_prefix('=').unwrap_or(value);
        return Some(Requirement::In(key_of(key)?, [label(value.trim())?].into()));
    }
    match text.strip_prefix('!') {
        Some(key) => Some(Requirement::DoesNotExist(key_of(key)?)),
        None => Some(Requirement::Exists(key_of(text)?)),
    }
}

fn key_of(text: &str) -> Option<String> {
    let key = label(&text.trim().replacen('/', "", 1))?;
    (!key.is_empty()).then(|| text.trim().to_owned())
}

/// Letters that a label may have.
fn label(text: &str) -> Option<String> {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    text.chars().all(fits).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn selectors_are_read_as_kubernetes_writes_them() {
        let labels: BTreeMap<String, String> =
            [("shoal.video/pool", "p"), ("zone", "a"), ("spot", "")]
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into();
        for (text, selects) in [
            ("", true),
            ("shoal.video/pool=p", true),
            ("shoal.video/pool==p", true),
            ("shoal.video/pool=q", false),
            ("shoal.video/pool!=q,zone=a", true),
            ("zone in (a,b)", true),
            ("zone in (b, c)", false),
            ("zone notin (b, c),shoal.video/pool=p", true),
            ("zone notin (a)", false),
            ("spot", true),
            ("!spot", false),
            ("!elsewhere", true),
            ("elsewhere", false),
        ] {
            assert_eq!(parse(text).unwrap().matches(&labels), selects, "{text}");
        }
    }

    #[test]
    fn what_is_no_selector_is_refused_by_name() {
        for text in [
            ",", "a=b,", "=b", "a in b", "a in (b", "a b", "a=b c", "!", "a=b=c",
        ] {
            let refusal = parse(text).unwrap_err();
            assert_eq!(refusal.code, 400, "{text}");
            assert!(refusal.message.contains("labelSelector"), "{text}");
        }
    }
}
