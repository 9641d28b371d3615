//! TURN and STUN servers with credentials that expire (XEP-0215; credentials as coturn's `use-auth-secret`).

use crate::config::TurnService;
use crate::now::{Now, iso8601};
use crate::render::Writer;
use crate::settings::Turn;
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

/// One server as a client gets it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Service {
    kind: String,
    host: String,
    port: String,
    transport: String,
    credentials: Option<Credentials>,
}

#[derive(Debug, PartialEq, Eq)]
struct Credentials {
    user: String,
    password: String,
    expires: String,
}

/// The configured servers. TURN servers come with fresh credentials where a secret is configured.
pub(crate) fn services(turn: &Turn, now: Now) -> Vec<Service> {
    turn.services
        .iter()
        .map(|service| with_credentials(service, turn, now))
        .collect()
}

fn with_credentials(service: &TurnService, turn: &Turn, now: Now) -> Service {
    let secret = turn.secret.as_ref().filter(|_| service.kind != "stun");
    Service {
        kind: service.kind.clone(),
        host: service.host.clone(),
        port: service.port.to_string(),
        transport: service.transport.clone(),
        credentials: secret.map(|secret| {
            let expiry = (now.unix + turn.ttl).as_secs();
            let user = expiry.to_string();
            let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.0.as_bytes());
            Credentials {
                password: BASE64.encode(hmac::sign(&key, user.as_bytes())),
                expires: iso8601(expiry),
                user,
            }
        }),
    }
}

/// `<services/>`, all or those of one type.
pub(crate) fn write(
    services: &[Service],
    kind: Option<&str>,
    namespace: &str,
    writer: &mut Writer,
) {
    writer.open("services", namespace).opt("type", kind);
    for service in services
        .iter()
        .filter(|service| kind.is_none_or(|kind| kind == service.kind))
    {
        writer
            .open("service", namespace)
            .attr("type", &service.kind)
            .attr("host", &service.host);
        writer
            .attr("port", &service.port)
            .attr("transport", &service.transport);
        if let Some(credentials) = &service.credentials {
            writer
                .attr("username", &credentials.user)
                .attr("password", &credentials.password);
            writer
                .attr("expires", &credentials.expires)
                .attr("restricted", "1");
        }
        writer.close();
    }
    writer.close();
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use std::time::{Duration, Instant};

    #[test]
    fn turn_has_credentials_that_the_turn_server_can_check_and_stun_has_none() {
        let service = |kind: &str| TurnService {
            kind: kind.into(),
            host: "turn.example".into(),
            port: 3478,
            transport: "udp".into(),
        };
        let turn = Turn {
            secret: Some("north".into()),
            ttl: Duration::from_secs(86_400),
            services: vec![service("turn"), service("stun")],
        };
        let now = Now {
            instant: Instant::now(),
            unix: Duration::from_secs(1_795_347_545),
        };
        let services = services(&turn, now);
        let credentials = services[0].credentials.as_ref().unwrap();
        assert_eq!(credentials.user, "1795433945");
        assert_eq!(credentials.expires, "2026-11-23T11:39:05Z");
        // printf 1795433945 | openssl dgst -sha1 -hmac north -binary | base64
        assert_eq!(credentials.password, "cLHkoDlC4Xzd4PxrP4RBv8bgldk=");
        assert_eq!(services[1].credentials, None);
    }
}
