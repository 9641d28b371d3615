//! The name of a meeting as people write it, and the room that it means.
//!
//! The rule is that of the Jitsi Meet app (`parseURIString` and `getBackendSafeRoomName` of its `uri.ts`), because a room
//! is what clients send. `tests/room_names.json` has the cases; the page (`roomName.ts`) and the front door are held to
//! the same table.

use unicode_normalization::UnicodeNormalization;

/// Bytes in the local part of an address (RFC 7622 §3.3).
const LONGEST: usize = 1023;
/// Bytes in a label of a domain (RFC 1035 §2.3.4).
const LONGEST_TENANT: usize = 63;

/// Signs that a name or a tenant loses where they stand for themselves. Percent-encoded they stay.
const LEFT_OUT: &str = r#":?#[]@!$&'()*+,;=></""#;

/// Where a meeting is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The label between `muc.` and the domain.
    pub tenant: Option<String>,
    /// Local part of the room's address: ASCII, lower case.
    pub room: String,
}

/// Why a text means no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nothing is left of it.
    #[error("it names no room")]
    Empty,
    /// Its address would be longer than RFC 7622 allows. It is not cut: the rest would be another meeting's name.
    #[error(
        "the name is too long: an address has room for {LONGEST} letters of English, or a third to a ninth of other scripts"
    )]
    TooLong,
    /// No address may hold an apostrophe (RFC 7622 §3.3.1), and the app does not encode it.
    #[error("a room's name cannot hold an apostrophe")]
    Apostrophe,
    /// What stands before the name is not one label of a domain.
    #[error(
        "what stands before the last slash is no tenant: a tenant is one word of English letters, digits, - and _"
    )]
    Tenant,
}

impl Place {
    /// What a link, the path of a link, or a typed name means.
    ///
    /// # Errors
    ///
    /// When it means no room that people could meet in.
    pub fn read(text: &str) -> Result<Self, Refusal> {
        let text: String = text.chars().filter(|c| !is_blank(*c)).collect();
        let path = path_of(&text);
        let kept: String = path
            .chars()
            .filter(|c| *c == '/' || !LEFT_OUT.contains(*c))
            .collect();
        let kept = kept.strip_prefix('/').unwrap_or(&kept);
        let (tenant, name) = match kept.rsplit_once('/') {
            Some((tenant, name)) => (tenant, name),
            None => ("", kept),
        };
        let room = canonical(name);
        if room.is_empty() {
            return Err(Refusal::Empty);
        }
        if room.len() > LONGEST {
            return Err(Refusal::TooLong);
        }
        if room.contains('\'') {
            return Err(Refusal::Apostrophe);
        }
        let tenant = match tenant {
            "" => None,
            written => Some(label(written).ok_or(Refusal::Tenant)?),
        };
        Ok(Self { tenant, room })
    }
}

/// The local part of the address of the room with this name, which may be percent-encoded already: lower case, with
/// anything that is not plain ASCII encoded.
pub fn canonical(name: &str) -> String {
    let decoded = decode(name);
    let plain = decoded.as_deref().unwrap_or(name);
    let normal: String = plain.nfkc().collect();
    encode(&normal.to_lowercase())
}

/// Whether this name, which may be percent-encoded, is that of the room with the local part `local` as it stands: with no
/// letter beyond ASCII to be lowered or composed. A front door takes such letters as they come, so another spelling of the
/// name may have led to another server.
pub fn is_spelled(name: &str, local: &str) -> bool {
    let decoded = decode(name);
    let plain = decoded.as_deref().unwrap_or(name);
    encode(&plain.to_ascii_lowercase()) == local
}

/// The tenant as a label of a domain.
fn label(written: &str) -> Option<String> {
    let decoded = decode(written)?;
    let normal: String = decoded.nfkc().collect();
    let label = normal.to_lowercase().replace('.', "_");
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (label.len() <= LONGEST_TENANT && label.bytes().all(fits)).then_some(label)
}

/// The path of a text that may be a link: without schemes, host, query and fragment.
fn path_of(text: &str) -> &str {
    let mut rest = text;
    while let Some(after) = after_scheme(rest) {
        rest = after;
    }
    if let Some(after) = rest.strip_prefix("//") {
        let host = after.find(['/', '?', '#']).unwrap_or(after.len());
        if host > 0 {
            rest = &after[host..];
        }
    }
    &rest[..rest.find(['?', '#']).unwrap_or(rest.len())]
}

/// What follows a scheme (RFC 3986 §3.1).
fn after_scheme(text: &str) -> Option<&str> {
    let (scheme, rest) = text.split_once(':')?;
    let mut bytes = scheme.bytes();
    let begins = bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic());
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b".+-".contains(&byte);
    (begins && bytes.all(fits)).then_some(rest)
}

/// `\s` of ECMAScript (ECMA-262 §22.2.2.9).
fn is_blank(c: char) -> bool {
    c == '\u{feff}' || (c.is_whitespace() && c != '\u{85}')
}

/// `decodeURIComponent` (ECMA-262 §19.2.6.2); nothing when one escape is malformed, as that throws.
fn decode(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        decoded.push(if byte == b'%' {
            let mut digit = || char::from(bytes.next()?).to_digit(16);
            u8::try_from(digit()? * 16 + digit()?).ok()?
        } else {
            byte
        });
    }
    String::from_utf8(decoded).ok()
}

/// `encodeURIComponent` (ECMA-262 §19.2.6.4), with lower-case digits.
fn encode(text: &str) -> String {
    use std::fmt::Write;
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02x}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Case {
        what: String,
        texts: Vec<String>,
        tenant: Option<String>,
        room: Option<String>,
        refused: Option<String>,
    }

    fn table() -> Vec<Case> {
        serde_json::from_str(include_str!("../tests/room_names.json")).unwrap()
    }

    #[test]
    fn a_name_is_spelled_as_its_room_is_or_leads_elsewhere() {
        for name in ["Maths", "maths", "M%61ths"] {
            assert!(is_spelled(name, "maths"), "{name}");
        }
        let local = canonical("Täst");
        for (name, spelled) in [("täst", true), ("T\u{e4}ST", true), ("TÄST", false)] {
            assert_eq!(is_spelled(name, &local), spelled, "{name}");
        }
        assert!(is_spelled(&local, &local));
        assert!(!is_spelled("anything", "maths"));
    }

    #[test]
    fn every_text_of_the_table_means_its_room() {
        for case in table() {
            let expected = match (case.refused.as_deref(), case.room) {
                (None, Some(room)) => Ok(Place {
                    tenant: case.tenant,
                    room,
                }),
                (Some("empty"), _) => Err(Refusal::Empty),
                (Some("too long"), _) => Err(Refusal::TooLong),
                (Some("apostrophe"), _) => Err(Refusal::Apostrophe),
                (Some("tenant"), _) => Err(Refusal::Tenant),
                other => panic!("{}: {other:?}", case.what),
            };
            for text in &case.texts {
                assert_eq!(Place::read(text), expected, "{}: {text}", case.what);
            }
        }
    }

    #[test]
    fn no_two_lines_of_the_table_share_a_room() {
        let mut rooms = BTreeMap::new();
        for case in table() {
            if let Some(room) = case.room {
                let other = rooms.insert((case.tenant, room), case.what.clone());
                assert_eq!(other, None, "{}", case.what);
            }
        }
    }

    #[test]
    fn a_room_is_an_address_that_servers_leave_as_it_is() {
        for case in table() {
            let Some(room) = case.room else { continue };
            let address = format!("{room}@muc.meet.example.org");
            let jid = crate::BareJid::new(&address).unwrap();
            assert_eq!(jid.as_str(), address, "{}", case.what);
            assert_eq!(canonical(&room), room, "{}", case.what);
        }
    }
}
