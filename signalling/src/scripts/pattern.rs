//! Expected XML against what came.

use std::collections::BTreeMap;
use xmpp::{Element, ns};

/// Remembered values by name.
pub(super) type Names = BTreeMap<String, String>;

/// Replaces `{name}` by what it means; unknown ones stay.
pub(super) fn fill(text: &str, names: &Names) -> String {
    let mut out = text.to_owned();
    for (name, value) in names {
        out = out.replace(&format!("{{{name}}}"), value);
    }
    out
}

/// Whether `actual` is what `pattern` describes; if not, why.
pub(super) fn check(pattern: &Element, actual: &Element, names: &mut Names) -> Result<(), String> {
    if pattern.name() != actual.name() || pattern.ns() != actual.ns() {
        return Err(format!(
            "<{}/> is not <{} xmlns='{}'/>",
            actual.name(),
            pattern.name(),
            pattern.ns()
        ));
    }
    for ((namespace, name), wanted) in pattern.attrs() {
        let name: &str = name.as_ref();
        let found = match AsRef::<str>::as_ref(namespace) {
            "" => actual.attr(name),
            _ => actual.attr_ns(ns::XML, name),
        };
        check_text(wanted, found, names)
            .map_err(|error| format!("attribute '{name}' of <{}/>: {error}", pattern.name()))?;
    }
    let text = pattern.texts().collect::<String>();
    let others = text.contains('…');
    let text = text.replace('…', "");
    if !text.trim().is_empty() {
        check_text(text.trim(), Some(actual.text().trim()), names)
            .map_err(|error| format!("text of <{}/>: {error}", pattern.name()))?;
    }
    let mut left: Vec<&Element> = actual.children().collect();
    for wanted in pattern.children() {
        let mut why = String::from("nothing like it");
        let found = left.iter().position(|child| {
            let mut trial = names.clone();
            match check(wanted, child, &mut trial) {
                Ok(()) => {
                    *names = trial;
                    true
                }
                Err(error) => {
                    if child.name() == wanted.name() {
                        why = error;
                    }
                    false
                }
            }
        });
        match found {
            Some(index) => drop(left.remove(index)),
            None => {
                return Err(format!(
                    "<{}/> in <{}/> is missing: {why}",
                    wanted.name(),
                    pattern.name()
                ));
            }
        }
    }
    match left.first() {
        Some(extra) if !others => Err(format!(
            "<{}/> in <{}/> was not expected",
            extra.name(),
            pattern.name()
        )),
        _ => Ok(()),
    }
}

fn check_text(wanted: &str, found: Option<&str>, names: &mut Names) -> Result<(), String> {
    match (wanted, found) {
        ("{none}", None) => Ok(()),
        ("{none}", Some(found)) => Err(format!("is there: '{found}'")),
        (_, None) => Err("is missing".into()),
        ("{any}", Some(_)) => Ok(()),
        (wanted, Some(found)) => {
            if let Some(name) = wanted
                .strip_prefix("{$")
                .and_then(|rest| rest.strip_suffix('}'))
            {
                names.insert(name.into(), found.into());
                return Ok(());
            }
            match fill(wanted, names) == found {
                true => Ok(()),
                false => Err(format!("'{found}' is not '{wanted}'")),
            }
        }
    }
}
