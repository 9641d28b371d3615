//! Files that tell under which addresses clients reach this bridge: whoever starts bridges knows that only once they run.
//!
//! Pure: [`crate::io`] reads the files.

use std::net::SocketAddr;

use crate::config::AdvertisedAddress;

/// What the files say at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Advertised {
    /// At least one, best first.
    pub(crate) addresses: Vec<SocketAddr>,
}

/// Reads `addresses` (a line each, `IP` or `IP:PORT`) and `port`, which those without one have; without a file for it,
/// that is the bridge's own.
///
/// # Errors
/// What is still missing, or which line is wrong.
pub(crate) fn parse(
    addresses: &str,
    port: Option<&str>,
    own_port: u16,
) -> Result<Advertised, String> {
    let mut told: Vec<AdvertisedAddress> = Vec::new();
    for (line, text) in content(addresses) {
        told.push(
            text.parse()
                .map_err(|error| format!("line {line}: {error}"))?,
        );
    }
    if told.is_empty() {
        return Err("it names no address yet".to_owned());
    }
    // A port that nobody needs is not waited for.
    let port = match port.filter(|_| told.iter().any(|address| address.port.is_none())) {
        None => own_port,
        Some(text) => port_of(text)?,
    };
    let with_port =
        |address: AdvertisedAddress| SocketAddr::new(address.ip, address.port.unwrap_or(port));
    Ok(Advertised {
        addresses: told.into_iter().map(with_port).collect(),
    })
}

fn port_of(text: &str) -> Result<u16, String> {
    let mut lines = content(text);
    match (lines.next(), lines.next()) {
        (None, _) => Err("the port's file names no port yet".to_owned()),
        (Some((_, text)), None) => match text.parse() {
            Ok(port) if port != 0 => Ok(port),
            _ => Err(format!(
                "the port's file says {text:?}, which is no port: write one number from 1 to 65535"
            )),
        },
        (Some(_), Some(_)) => {
            Err("the port's file has more than one line: write one number".to_owned())
        }
    }
}

/// Lines with something on them, without comments, and their numbers.
fn content(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .map(|line| line.split('#').next().unwrap_or_default().trim())
        .enumerate()
        .map(|(i, line)| (i + 1, line))
        .filter(|(_, line)| !line.is_empty())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn told(addresses: &str, port: Option<&str>) -> Vec<String> {
        let advertised = parse(addresses, port, 10_000).unwrap();
        advertised
            .addresses
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn addresses_are_lines_and_those_without_a_port_get_the_one_that_is_told() {
        let both = "# of the node\n192.0.2.7   # external\n\n2001:db8::7\n";
        assert_eq!(told(both, None), ["192.0.2.7:10000", "[2001:db8::7]:10000"]);
        assert_eq!(
            told(both, Some("31000\n")),
            ["192.0.2.7:31000", "[2001:db8::7]:31000"]
        );
        assert_eq!(told("192.0.2.7:443", Some("")), ["192.0.2.7:443"]);
        assert_eq!(
            told("192.0.2.7:443\n192.0.2.7", Some("31000")),
            ["192.0.2.7:443", "192.0.2.7:31000"]
        );
    }

    #[test]
    fn what_is_missing_or_wrong_is_said() {
        for (addresses, port, said) in [
            ("", None, "no address yet"),
            ("# nothing\n", None, "no address yet"),
            ("192.0.2.7\nbridge.example", None, "line 2"),
            ("192.0.2.7", Some(""), "no port yet"),
            ("192.0.2.7", Some("0"), "\"0\""),
            ("192.0.2.7", Some("70000"), "1 to 65535"),
            ("192.0.2.7", Some("1\n2"), "more than one line"),
        ] {
            let error = parse(addresses, port, 10_000).unwrap_err();
            assert!(error.contains(said), "{addresses:?} {port:?}: {error}");
        }
    }
}
