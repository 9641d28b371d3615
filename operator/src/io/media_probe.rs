//! Whether media reaches a bridge: a real ICE check, sent to the address that the bridge tells browsers.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use rand::Rng;
use rand::distr::{Alphanumeric, SampleString};
use serde_json::{Value, json};
use tokio::net::UdpSocket;
use tokio::time::{Instant, timeout_at};

use super::pod_http::PodHttp;
use crate::probe::{Credentials, is_success, request};

/// Pauses between requests to one address, each a loss that is allowed for.
const PAUSES: [Duration; 4] = [
    Duration::from_millis(150),
    Duration::from_millis(300),
    Duration::from_millis(600),
    Duration::from_millis(950),
];
/// Addresses of one bridge that are probed.
const MAX_ADDRESSES: usize = 8;

/// What a probe found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// Every address answered.
    Reachable,
    /// These did not.
    Silent(Vec<SocketAddr>),
    /// The bridge did not give an endpoint to probe with: says nothing of its media port.
    Unknown(String),
}

/// Creates an endpoint on the bridge, sends checks to every candidate address of it, and removes it.
pub(crate) async fn probe(http: &PodHttp, bridge: (IpAddr, u16)) -> Found {
    let (meeting, own_ufrag, own_password, tie_breaker) = {
        let mut rng = rand::rng();
        let mut word = |length| Alphanumeric.sample_string(&mut rng, length);
        (
            format!("probe-{}", word(20)),
            word(8),
            word(24),
            rng.random(),
        )
    };
    let path = "/colibri/v2/conferences";
    let one = format!("{path}/{meeting}");
    let create = json!({
        "meeting-id": meeting,
        "name": "probe-of-the-operator",
        "create": true,
        "endpoints": [{
            "id": "0badcafe",
            "create": true,
            "capabilities": ["source-names"],
            "transport": {"ice-controlling": true},
            "capabilities": ["source-names"],
        }],
    });
    let Some(answer) = http.post(bridge, path, Some(&create)).await else {
        return Found::Unknown("its private HTTP interface does not answer".into());
    };
    let Some(created) = answer.json() else {
        return Found::Unknown(answer.text);
    };
    let found = match offer(&created) {
        None => Found::Unknown("its answer has no ICE transport".into()),
        Some(offer) => {
            // The bridge answers checks when it knows whom it talks to, and how the DTLS that never comes would begin.
            let accept = json!({
                "meeting-id": meeting,
                "endpoints": [{
                    "id": "0badcafe",
                    "transport": {"transport": {
                        "ufrag": own_ufrag,
                        "pwd": own_password,
                        "rtcp-mux": true,
                        "fingerprints": [{"hash": "sha-256", "setup": "active", "fingerprint": vec!["00"; 32].join(":")}],
                    }},
                }],
            });
            let credentials = Credentials {
                ufrag: offer.ufrag,
                password: offer.password,
                own_ufrag,
            };
            match http.patch(bridge, &one, &accept).await {
                Some(answer) if answer.status == 200 => {
                    check_all(&offer.addresses, &credentials, tie_breaker).await
                }
                Some(answer) => Found::Unknown(answer.text),
                None => Found::Unknown("its private HTTP interface does not answer".into()),
            }
        }
    };
    let expire = json!({"meeting-id": meeting, "expire": true});
    http.patch(bridge, &one, &expire).await;
    found
}

struct Offer {
    ufrag: String,
    password: String,
    addresses: Vec<SocketAddr>,
}

fn offer(created: &Value) -> Option<Offer> {
    let transport = created.pointer("/endpoints/0/transport/transport")?;
    let text = |key: &str| Some(transport.get(key)?.as_str()?.to_owned());
    let candidates = transport.get("candidates")?.as_array()?;
    let addresses = candidates.iter().filter_map(|candidate| {
        let ip: IpAddr = candidate.get("ip")?.as_str()?.parse().ok()?;
        let port = candidate.get("port")?;
        let port = port
            .as_u64()
            .or_else(|| port.as_str()?.parse().ok())
            .and_then(|port| u16::try_from(port).ok())?;
        let udp = candidate.get("protocol")?.as_str()? == "udp";
        udp.then_some(SocketAddr::new(ip, port))
    });
    Some(Offer {
        ufrag: text("ufrag")?,
        password: text("pwd")?,
        addresses: addresses.take(MAX_ADDRESSES).collect(),
    })
}

async fn check_all(addresses: &[SocketAddr], credentials: &Credentials, tie_breaker: u64) -> Found {
    if addresses.is_empty() {
        return Found::Unknown("it advertises no address".into());
    }
    let checks = addresses
        .iter()
        .map(|address| check(*address, credentials, tie_breaker));
    let answered = futures_util::future::join_all(checks).await;
    let silent: Vec<SocketAddr> = addresses
        .iter()
        .zip(answered)
        .filter(|(_, answered)| !answered)
        .map(|(address, _)| *address)
        .collect();
    if silent.is_empty() {
        Found::Reachable
    } else {
        Found::Silent(silent)
    }
}

/// Whether an address answers.
async fn check(to: SocketAddr, credentials: &Credentials, tie_breaker: u64) -> bool {
    let any: SocketAddr = if to.is_ipv4() {
        SocketAddr::from(([0, 0, 0, 0], 0))
    } else {
        SocketAddr::from(([0_u16; 8], 0))
    };
    let Ok(socket) = UdpSocket::bind(any).await else {
        return false;
    };
    let transaction: [u8; 12] = rand::rng().random();
    let request = request(credentials, transaction, tie_breaker);
    let mut buffer = [0_u8; 1500];
    for pause in PAUSES {
        if socket.send_to(&request, to).await.is_err() {
            return false;
        }
        let until = Instant::now() + pause;
        // Through a Service the answer may come from another address than it was sent to.
        while let Ok(Ok((length, _))) = timeout_at(until, socket.recv_from(&mut buffer)).await {
            if is_success(&buffer[..length], transaction, &credentials.password) {
                return true;
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn addresses_are_read_with_ports_as_numbers_or_text() {
        let created = json!({"endpoints": [{"id": "0badcafe", "transport": {"transport": {
        "ufrag": "u", "pwd": "p", "candidates": [
            {"ip": "192.0.2.1", "port": 10000, "protocol": "udp", "type": "host"},
            {"ip": "2001:db8::1", "port": "31000", "protocol": "udp", "type": "srflx"},
            {"ip": "192.0.2.2", "port": 443, "protocol": "tcp", "type": "host"},
        ]}}}]});
        let addresses = offer(&created).unwrap().addresses;
        assert_eq!(
            addresses,
            [
                "192.0.2.1:10000".parse().unwrap(),
                "[2001:db8::1]:31000".parse().unwrap(),
            ]
        );
        assert!(offer(&json!({"endpoints": []})).is_none());
    }
}
