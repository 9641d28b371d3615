//! JSON as Jitsi's own parts read it: numbers and booleans may be written as text, text as a number,
//! and `null` is as good as nothing.
//!
//! Functions for serde's `deserialize_with`, for use with `default`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, de::Error};

/// A value that is neither list nor object.
#[derive(Deserialize)]
#[serde(untagged)]
enum Scalar {
    Flag(bool),
    Number(serde_json::Number),
    Text(String),
    Nothing(()),
}

impl Scalar {
    /// Its text, unless it is nothing.
    fn text(self) -> Option<String> {
        match self {
            Self::Flag(flag) => Some(flag.to_string()),
            Self::Number(number) => Some(number.to_string()),
            Self::Text(text) => Some(text),
            Self::Nothing(()) => None,
        }
    }
}

/// A boolean, `false` for nothing.
///
/// # Errors
/// When it is none.
pub fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(optional_flag(deserializer)?.unwrap_or(false))
}

/// A boolean or nothing.
///
/// # Errors
/// When it is neither.
pub fn optional_flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    let Some(text) = Scalar::deserialize(deserializer)?.text() else {
        return Ok(None);
    };
    let flag = crate::xml::parse_bool(text.trim());
    let flag = flag.ok_or_else(|| D::Error::custom(format!("{text:?} is neither true nor false")));
    flag.map(Some)
}

/// A number that is written as one.
///
/// # Errors
/// When it is none, or none of the wanted range.
pub fn plain_number<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: FromStr<Err: fmt::Display>,
    D: Deserializer<'de>,
{
    match Scalar::deserialize(deserializer)? {
        Scalar::Number(number) => parse(&number.to_string()),
        _ => Err(D::Error::custom("a number is missing")),
    }
}

/// A number that is written as one, or nothing.
///
/// # Errors
/// When it is neither, or none of the wanted range.
pub fn optional_plain_number<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: FromStr<Err: fmt::Display>,
    D: Deserializer<'de>,
{
    match Scalar::deserialize(deserializer)? {
        Scalar::Number(number) => parse(&number.to_string()).map(Some),
        Scalar::Nothing(()) => Ok(None),
        _ => Err(D::Error::custom("this is no number")),
    }
}

/// A number, in either form.
///
/// # Errors
/// When it is none, or none of the wanted range.
pub fn number<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: FromStr<Err: fmt::Display>,
    D: Deserializer<'de>,
{
    optional_number(deserializer)?.ok_or_else(|| D::Error::custom("a number is missing"))
}

/// A number in either form, or nothing.
///
/// # Errors
/// When it is neither, or none of the wanted range.
pub fn optional_number<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: FromStr<Err: fmt::Display>,
    D: Deserializer<'de>,
{
    let Some(text) = Scalar::deserialize(deserializer)?.text() else {
        return Ok(None);
    };
    parse(&text).map(Some)
}

/// Of a number with a fraction a whole number takes the whole part.
fn parse<T: FromStr<Err: fmt::Display>, E: Error>(text: &str) -> Result<T, E> {
    let text = text.trim();
    let finite = text.parse::<f64>().ok().filter(|n| n.is_finite());
    let finite = finite.ok_or_else(|| E::custom(format!("{text:?} is no number")))?;
    let whole = |_| format!("{:.0}", finite.trunc()).parse();
    let number = text.parse().or_else(whole);
    number.map_err(|error: T::Err| E::custom(format!("{text:?} is no number that fits: {error}")))
}

/// Text.
///
/// # Errors
/// When it is a list or an object.
pub fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(optional_text(deserializer)?.unwrap_or_default())
}

/// Text or nothing.
///
/// # Errors
/// When it is a list or an object.
pub fn optional_text<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    Ok(Scalar::deserialize(deserializer)?.text())
}

/// A list, empty for nothing.
///
/// # Errors
/// When it is none, or has something else in it.
pub fn list<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[derive(Default, Deserialize, Debug, PartialEq)]
    #[serde(default)]
    struct All {
        #[serde(deserialize_with = "flag")]
        flag: bool,
        #[serde(deserialize_with = "optional_flag")]
        maybe: Option<bool>,
        #[serde(deserialize_with = "number")]
        number: u16,
        #[serde(deserialize_with = "optional_number")]
        signed: Option<i32>,
        #[serde(deserialize_with = "optional_number")]
        rate: Option<f64>,
        #[serde(deserialize_with = "text")]
        text: String,
        #[serde(deserialize_with = "list")]
        list: Vec<String>,
    }

    fn read(json: &str) -> Result<All, serde_json::Error> {
        serde_json::from_str(json)
    }

    #[test]
    fn scalars_are_read_in_either_form() {
        let expected = All {
            flag: true,
            maybe: Some(false),
            number: 5,
            signed: Some(-1),
            rate: Some(7.5),
            text: "1".into(),
            list: vec!["a".into()],
        };
        for json in [
            r#"{"flag": true, "maybe": false, "number": 5, "signed": -1, "rate": 7.5, "text": "1", "list": ["a"]}"#,
            r#"{"flag": "true", "maybe": "False", "number": "5", "signed": "-1", "rate": "7.5", "text": 1, "list": ["a"]}"#,
            r#"{"flag": 1, "maybe": 0, "number": 5.0, "signed": -1.9, "rate": 7.5, "text": "1", "list": ["a"]}"#,
        ] {
            assert_eq!(read(json).unwrap(), expected, "{json}");
        }
        let nothing = r#"{"flag": null, "maybe": null, "signed": null, "rate": null, "text": null, "list": null}"#;
        assert_eq!(read(nothing).unwrap(), All::default());
    }

    #[test]
    fn what_is_something_else_is_refused() {
        for json in [
            r#"{"flag": "maybe"}"#,
            r#"{"flag": []}"#,
            r#"{"number": "many"}"#,
            r#"{"rate": "NaN"}"#,
            r#"{"number": 65536}"#,
            r#"{"number": -1}"#,
            r#"{"number": null}"#,
            r#"{"signed": {}}"#,
            r#"{"text": {}}"#,
            r#"{"list": "a"}"#,
        ] {
            assert!(read(json).is_err(), "{json}");
        }
    }
}
