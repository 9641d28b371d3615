//! The file of shards that is read again while the bridge runs: what it says, and what is to be done when it says
//! something else.
//!
//! Pure: [`crate::io`] reads the file.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::config::Shard;

/// The file's content.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    #[serde(default)]
    shards: Vec<Shard>,
}

/// The shards that the text names.
///
/// # Errors
/// Which line and key are wrong.
pub(crate) fn parse(text: &str) -> Result<BTreeMap<String, Shard>, String> {
    let content: Content = toml::from_str(text).map_err(|error| error.to_string())?;
    let mut shards = BTreeMap::new();
    for shard in content.shards {
        let name = shard.name.clone();
        if shards.insert(name.clone(), shard).is_some() {
            return Err(format!(
                "two shards have the name {name:?}; give each its own `name`"
            ));
        }
    }
    Ok(shards)
}

/// The way from the shards that are served to those that are wanted.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Changes {
    /// Shards to leave first; one that is changed is left and served anew.
    pub(crate) leave: Vec<String>,
    /// Shards to serve then.
    pub(crate) serve: Vec<Shard>,
}

/// Compares the shards of before with those of now.
pub(crate) fn changes(before: &BTreeMap<String, Shard>, now: &BTreeMap<String, Shard>) -> Changes {
    Changes {
        leave: before
            .iter()
            .filter(|(name, shard)| now.get(*name) != Some(shard))
            .map(|(name, _)| name.clone())
            .collect(),
        serve: now
            .iter()
            .filter(|(name, shard)| before.get(*name) != Some(shard))
            .map(|(_, shard)| shard.clone())
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn shard(name: &str, address: &str) -> String {
        format!("[[shards]]\nname = \"{name}\"\naddress = \"{address}\"\n")
    }

    fn told(before: &str, now: &str) -> (Vec<String>, Vec<String>) {
        let changes = changes(&parse(before).unwrap(), &parse(now).unwrap());
        let serve = changes.serve.into_iter().map(|shard| shard.name).collect();
        (changes.leave, serve)
    }

    #[test]
    fn only_what_changed_is_left_or_served() {
        let names = |list: &[&str]| list.iter().map(|name| (*name).to_owned()).collect();
        let a = shard("a", "a:5222");
        let b = shard("b", "b:5222");
        let moved = shard("a", "elsewhere:5222");
        let table: [(&str, String, &[&str], &[&str]); 6] = [
            ("", format!("{a}{b}"), &[], &["a", "b"]),
            (&a, format!("{b}{a}"), &[], &["b"]),
            (&a, a.clone(), &[], &[]),
            (&a, format!("# a comment\n{a}"), &[], &[]),
            (&a, moved, &["a"], &["a"]),
            (&a, String::new(), &["a"], &[]),
        ];
        for (before, now, leave, serve) in table {
            assert_eq!(
                told(before, &now),
                (names(leave), names(serve)),
                "{before} -> {now}"
            );
        }
    }

    #[test]
    fn mistakes_are_told_with_the_key_at_fault() {
        let twice = format!("{}{}", shard("a", "a:1"), shard("a", "b:1"));
        for (text, named) in [
            ("[[shards]]\nname = \"a\"\nadress = \"a:1\"\n", "adress"),
            ("[[shards]]\naddress = \"a:1\"\n", "name"),
            ("[[shards]]\nname = \"a\"\ntls = \"none\"\n", "tls"),
            ("[[shard]]\nname = \"a\"\n", "shard"),
            (&twice, "\"a\""),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(named), "{text}: {error}");
        }
    }
}
