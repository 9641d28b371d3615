//! Both ends of a transport: the peer's from Colibri2's words into the workers', ours into Colibri2's.

use xmpp::jingle::{Candidate, IceUdpTransport};

use super::refusal::Refusal;
use super::settings::ControlSettings;
use crate::command::{Fingerprint, IceCredentials, RemoteCandidate, RemoteTransport, Setup};
use crate::ids::ConferenceKey;

/// Candidates kept of one message.
const MAX_CANDIDATES: usize = 32;

/// The peer's end. Candidates that are no UDP addresses (TCP, mDNS names) are left out: the peer is learnt from its checks.
pub(super) fn remote(ice: &IceUdpTransport) -> Result<RemoteTransport, Refusal> {
    let credentials = match (&ice.ufrag, &ice.pwd) {
        (None, None) => None,
        (Some(ufrag), Some(pwd)) => {
            // RFC 8839 section 5.4 asks for 22 letters of password; some clients of the protocol's probes send fewer.
            if !(1..=256).contains(&ufrag.len()) || !(1..=256).contains(&pwd.len()) {
                return Err(Refusal::bad("the ICE ufrag or pwd is empty or too long"));
            }
            Some(IceCredentials {
                ufrag: ufrag.clone(),
                pwd: pwd.clone(),
            })
        }
        _ => {
            return Err(Refusal::bad(
                "the ICE transport has only one of ufrag and pwd",
            ));
        }
    };
    let mut setup = None;
    let mut fingerprints = Vec::new();
    for fingerprint in &ice.fingerprints {
        use xmpp::jingle::Setup as Signalled;
        setup = setup.or(match fingerprint.setup {
            Some(Signalled::Active) => Some(Setup::Active),
            Some(Signalled::Passive) => Some(Setup::Passive),
            Some(Signalled::Actpass) => Some(Setup::Actpass),
            Some(Signalled::Holdconn) | None => None,
        });
        fingerprints.push(Fingerprint {
            hash: fingerprint.hash.to_ascii_lowercase(),
            value: fingerprint.value.to_ascii_uppercase(),
        });
    }
    let candidates = ice.candidates.iter().filter_map(|candidate| {
        RemoteCandidate::from_signalling(
            &candidate.ip,
            candidate.port,
            &candidate.protocol,
            &candidate.kind,
            candidate.priority,
        )
    });
    Ok(RemoteTransport {
        ice: credentials,
        generation: ice.ice_generation,
        fingerprints,
        setup,
        candidates: candidates.take(MAX_CANDIDATES).collect(),
    })
}

/// Our end, for an answer.
pub(super) fn local(
    settings: &ControlSettings,
    credentials: &IceCredentials,
    remote_setup: Option<Setup>,
    web_sockets: Vec<String>,
    generation: Option<u32>,
) -> IceUdpTransport {
    use xmpp::jingle::{Fingerprint as Told, Setup as Signalled};
    let setup = match remote_setup {
        None => Signalled::Actpass,
        Some(Setup::Passive) => Signalled::Active,
        Some(Setup::Active | Setup::Actpass) => Signalled::Passive,
    };
    let candidates = settings
        .candidates
        .iter()
        .enumerate()
        .map(|(i, candidate)| Candidate {
            component: 1,
            foundation: (i + 1).to_string(),
            generation: 0,
            id: format!("{}-{i}", credentials.ufrag),
            ip: candidate.address.ip().to_string(),
            network: 0,
            port: candidate.address.port(),
            priority: candidate.priority,
            protocol: "udp".to_owned(),
            kind: "host".to_owned(),
            rel_addr: None,
            rel_port: None,
            tcptype: None,
        });
    IceUdpTransport {
        ufrag: Some(credentials.ufrag.clone()),
        pwd: Some(credentials.pwd.clone()),
        rtcp_mux: true,
        fingerprints: vec![Told::new(
            &settings.fingerprint.hash,
            &settings.fingerprint.value,
            setup,
        )],
        candidates: candidates.collect(),
        web_sockets,
        sctpmap: None,
        ice_generation: generation,
    }
}

/// URLs of an endpoint's bridge channel, one for each base URL.
pub(super) fn web_sockets(
    settings: &ControlSettings,
    conference: ConferenceKey,
    endpoint: &str,
    pwd: &str,
) -> Vec<String> {
    let endpoint = path_segment(endpoint);
    let server = path_segment(&settings.server_id);
    let url = |base: &String| {
        let base = base.trim_end_matches('/');
        format!("{base}/colibri-ws/{server}/{conference}/{endpoint}?pwd={pwd}")
    };
    settings.websocket_urls.iter().map(url).collect()
}

/// Percent-encodes what may not stand in a path (RFC 3986 section 3.3): endpoint ids are nicknames, so anything.
fn path_segment(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use xmpp::Element;

    fn transport(xml: &str) -> IceUdpTransport {
        IceUdpTransport::try_from(&xml.parse::<Element>().unwrap()).unwrap()
    }

    #[test]
    fn the_transport_of_a_session_accept_is_understood() {
        let remote = remote(&transport(
            "<transport xmlns='urn:xmpp:jingle:transports:ice-udp:1' pwd='0123456789abcdef01234567' ufrag='abcd'><rtcp-mux/>\
             <fingerprint xmlns='urn:xmpp:jingle:apps:dtls:0' hash='SHA-256' setup='active'>ab:ab:01</fingerprint>\
             <candidate component='1' foundation='1' generation='0' id='x' network='0' priority='1' protocol='udp' type='host' \
             ip='192.0.2.9' port='4000'/>\
             <candidate component='1' foundation='1' generation='0' id='y' network='0' priority='1' protocol='tcp' type='host' \
             ip='192.0.2.9' port='9'/>\
             <candidate component='1' foundation='1' generation='0' id='z' network='0' priority='1' protocol='udp' type='host' \
             ip='5f7c0d3a-0000-4000-8000-000000000000.local' port='4000'/></transport>",
        ))
        .unwrap();
        assert_eq!(remote.ice.unwrap().ufrag, "abcd");
        assert_eq!(remote.setup, Some(Setup::Active));
        assert_eq!(remote.fingerprints[0].value, "AB:AB:01");
        assert_eq!(remote.fingerprints[0].hash, "sha-256");
        assert_eq!(remote.candidates.len(), 1);
    }

    #[test]
    fn half_of_the_credentials_is_a_bad_request() {
        let half =
            transport("<transport xmlns='urn:xmpp:jingle:transports:ice-udp:1' ufrag='abcd'/>");
        assert!(matches!(remote(&half), Err(Refusal::BadRequest(_))));
    }

    #[test]
    fn an_endpoint_id_cannot_break_out_of_its_url() {
        assert_eq!(path_segment("rvng2arr"), "rvng2arr");
        assert_eq!(
            path_segment("a/../b?pwd=x é"),
            "a%2F..%2Fb%3Fpwd%3Dx%20%C3%A9"
        );
    }
}
