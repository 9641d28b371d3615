//! Who somebody is by its token: only the server says it (rooms reference §2.6).

use crate::render::Writer;
use crate::session::Session;
use serde_json::Value;
use xmpp::ns;

/// The element's name. Clients look for it by the name alone.
pub(super) const NAME: &str = "identity";

/// `<identity/>` of the session's token, as a fragment; nothing without one.
pub(super) fn of(session: &Session) -> String {
    let profile = session.profile();
    let Some(claims) = &profile.claims else {
        return String::new();
    };
    if claims.user.is_empty() && claims.group.is_none() {
        return String::new();
    }
    let mut writer = Writer::fragment();
    writer.open(NAME, ns::CLIENT).open("user", ns::CLIENT);
    for (key, value) in claims.user.iter().filter(|(key, _)| is_name(key)) {
        match value {
            Value::String(text) => drop(writer.leaf(key, ns::CLIENT, &writable(text))),
            Value::Bool(_) | Value::Number(_) => {
                writer.leaf(key, ns::CLIENT, &value.to_string());
            }
            Value::Null | Value::Array(_) | Value::Object(_) => {}
        }
    }
    writer.close();
    if let Some(group) = &claims.group {
        writer.leaf("group", ns::CLIENT, &writable(group));
    }
    writer.close();
    writer.into_fragment()
}

/// Whether a key can be the name of an element.
fn is_name(key: &str) -> bool {
    let first = |letter: char| letter.is_ascii_alphabetic() || letter == '_';
    key.starts_with(first)
        && key
            .chars()
            .all(|letter| first(letter) || letter.is_ascii_digit() || letter == '-')
}

/// Text without what XML cannot carry (XML 1.0 §2.2).
fn writable(text: &str) -> String {
    let may_stand = |letter: &char| match letter {
        '\t' | '\n' | '\r' => true,
        '\u{fffe}' | '\u{ffff}' => false,
        letter => *letter >= ' ',
    };
    text.chars().filter(may_stand).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_keys_that_can_name_an_element_are_told() {
        for (key, expected) in [
            ("name", true),
            ("hidden-from-recorder", true),
            ("_a1", true),
            ("1a", false),
            ("a b", false),
            ("a><b", false),
            ("", false),
        ] {
            assert_eq!(is_name(key), expected, "{key}");
        }
        assert_eq!(writable("a\u{1}b\nc\u{0}"), "ab\nc");
    }
}
