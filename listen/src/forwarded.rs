//! Who is behind proxies: `X-Forwarded-For`.

use std::net::{IpAddr, SocketAddr};

use axum::http::HeaderMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub(crate) const HEADER: &str = "x-forwarded-for";

/// How many proxies stand in front of a listener and add the address of their peer to `X-Forwarded-For`. Written as that
/// number, or as `false` (none) and `true` (one).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Proxies(pub u8);

impl Proxies {
    /// Whoever connects is the caller.
    pub const NONE: Self = Self(0);
}

/// The address of whoever sent a request; every request of [`crate::http::Server`] has it as an extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller(pub IpAddr);

/// The caller of a request that came from `peer` through `proxies` of ours.
///
/// Each proxy appends its peer, so that the entries of ours are the last ones, over all header lines, which are one list
/// (RFC 9110 §5.3). What stands further left is the caller's own invention.
#[must_use]
pub fn caller(peer: IpAddr, headers: &HeaderMap, proxies: Proxies) -> IpAddr {
    let mut address = peer;
    let lines = headers.get_all(HEADER).iter().rev();
    let entries = lines
        .flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
        // RFC 9110 §5.6.1: empty elements do not count.
        .filter(|entry| !entry.is_empty());
    for entry in entries.take(proxies.0.into()) {
        match parse(entry) {
            Some(one) => address = one,
            // `unknown`, or a name: the proxy that wrote it is the last that is known.
            None => break,
        }
    }
    address.to_canonical()
}

/// `192.0.2.1`, `192.0.2.1:443`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:443`, each also in quotes.
fn parse(entry: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(entry).ok()?;
    let text = text
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .unwrap_or(text)
        .trim();
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(text);
    bare.parse()
        .ok()
        .or_else(|| text.parse::<SocketAddr>().ok().map(|both| both.ip()))
}

impl Serialize for Proxies {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u8(self.0)
    }
}

impl<'de> Deserialize<'de> for Proxies {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(
            untagged,
            expecting = "the number of proxies in front (0 to 255), or true for one"
        )]
        enum Written {
            Flag(bool),
            Number(u8),
        }
        Ok(match Written::deserialize(from)? {
            Written::Flag(one) => Self(one.into()),
            Written::Number(number) => Self(number),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn of(lines: &[&str], proxies: u8) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(
                HEADER,
                axum::http::HeaderValue::from_bytes(line.as_bytes()).unwrap(),
            );
        }
        caller("10.0.0.9".parse().unwrap(), &headers, Proxies(proxies)).to_string()
    }

    #[test]
    fn every_form_that_proxies_write_is_an_address() {
        for (entry, address) in [
            ("192.0.2.1", "192.0.2.1"),
            ("192.0.2.1:50123", "192.0.2.1"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:50123", "2001:db8::1"),
            ("\"192.0.2.1:50123\"", "192.0.2.1"),
            ("\"[2001:db8::1]:50123\"", "2001:db8::1"),
            (" ::ffff:192.0.2.1 ", "192.0.2.1"),
            // Whoever is named so is as good as nobody: the proxy itself is the caller.
            ("unknown", "10.0.0.9"),
            ("_hidden", "10.0.0.9"),
            ("192.0.2.1:", "10.0.0.9"),
            ("192.0.2.1.5", "10.0.0.9"),
            ("", "10.0.0.9"),
        ] {
            assert_eq!(of(&[entry], 1), address, "{entry}");
        }
    }

    #[test]
    fn only_what_our_proxies_wrote_counts_from_the_right_over_all_lines() {
        let forged = "203.0.113.66";
        for (lines, proxies, address) in [
            // No proxy: nothing that is written counts.
            (&["192.0.2.1"][..], 0, "10.0.0.9"),
            (&[], 1, "10.0.0.9"),
            // One: what it saw.
            (&["203.0.113.66, 192.0.2.1"], 1, "192.0.2.1"),
            (&["203.0.113.66", "192.0.2.1"], 1, "192.0.2.1"),
            (&["203.0.113.66,,192.0.2.1, ,"], 1, "192.0.2.1"),
            // Two: the first of them saw the caller, the second the first.
            (&["203.0.113.66, 192.0.2.1, 10.0.0.1"], 2, "192.0.2.1"),
            (&["203.0.113.66, 192.0.2.1", "10.0.0.1"], 2, "192.0.2.1"),
            (
                &["203.0.113.66", "192.0.2.1:1", "10.0.0.1:2"],
                2,
                "192.0.2.1",
            ),
            // Somebody inside, who came by one only.
            (&["192.0.2.1"], 2, "192.0.2.1"),
            // Garbage from the caller does not hide what a proxy wrote after it.
            (&["\u{e9}\u{e9}, 192.0.2.1"], 1, "192.0.2.1"),
            (&["garbage, 10.0.0.1"], 2, "10.0.0.1"),
        ] {
            let seen = of(lines, proxies);
            assert_eq!(seen, address, "{lines:?} through {proxies}");
            assert_ne!(seen, forged);
        }
    }

    #[test]
    fn the_setting_is_a_number_or_a_flag() {
        #[derive(Deserialize)]
        struct Setting {
            trust: Proxies,
        }
        let read = |json: &str| serde_json::from_str::<Setting>(json).map(|it| it.trust.0);
        for (json, number) in [("false", 0), ("true", 1), ("0", 0), ("2", 2)] {
            assert_eq!(read(&format!("{{\"trust\":{json}}}")).unwrap(), number);
        }
        let error = read("{\"trust\":\"yes\"}").unwrap_err().to_string();
        assert!(error.contains("number of proxies"), "{error}");
    }
}
