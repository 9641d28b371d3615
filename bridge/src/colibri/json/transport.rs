//! `transport`: ICE, DTLS and SCTP.

use serde::{Deserialize, Serialize};
use xmpp::colibri2::{self, SctpRole};
use xmpp::jingle::{Candidate, Fingerprint, IceUdpTransport};
use xmpp::{lenient, ns};

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub(super) struct Transport {
    #[serde(
        deserialize_with = "lenient::flag",
        skip_serializing_if = "super::is_false"
    )]
    ice_controlling: bool,
    #[serde(
        deserialize_with = "lenient::flag",
        skip_serializing_if = "super::is_false"
    )]
    ice_restart: bool,
    #[serde(
        deserialize_with = "lenient::flag",
        skip_serializing_if = "super::is_false"
    )]
    use_unique_port: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    transport: Option<Ice>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sctp: Option<Sctp>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct Ice {
    /// Written, for readers that choose the kind of transport by it; what comes is ICE over UDP.
    #[serde(skip_deserializing)]
    xmlns: &'static str,
    #[serde(
        deserialize_with = "lenient::optional_text",
        skip_serializing_if = "Option::is_none"
    )]
    ufrag: Option<String>,
    #[serde(
        deserialize_with = "lenient::optional_text",
        skip_serializing_if = "Option::is_none"
    )]
    pwd: Option<String>,
    #[serde(deserialize_with = "lenient::flag")]
    rtcp_mux: bool,
    #[serde(deserialize_with = "lenient::list")]
    fingerprints: Vec<JsonFingerprint>,
    #[serde(deserialize_with = "lenient::list")]
    candidates: Vec<JsonCandidate>,
    #[serde(deserialize_with = "lenient::list")]
    web_sockets: Vec<String>,
    #[serde(
        deserialize_with = "lenient::optional_number",
        skip_serializing_if = "Option::is_none"
    )]
    ice_generation: Option<u32>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct JsonFingerprint {
    fingerprint: String,
    hash: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    setup: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct JsonCandidate {
    #[serde(default = "one", deserialize_with = "lenient::number")]
    component: u8,
    #[serde(default, deserialize_with = "lenient::text")]
    foundation: String,
    #[serde(default, deserialize_with = "lenient::number")]
    generation: u32,
    #[serde(default, deserialize_with = "lenient::text")]
    id: String,
    ip: String,
    #[serde(default, deserialize_with = "lenient::number")]
    network: u32,
    #[serde(deserialize_with = "lenient::number")]
    port: u16,
    #[serde(default, deserialize_with = "lenient::number")]
    priority: u32,
    protocol: String,
    #[serde(rename = "type")]
    kind: String,
}

fn one() -> u8 {
    1
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Sctp {
    role: Option<String>,
    #[serde(deserialize_with = "lenient::optional_number")]
    port: Option<u16>,
}

impl Transport {
    pub(super) fn into_transport(self) -> Result<colibri2::Transport, String> {
        let sctp = match self.sctp {
            None => None,
            Some(sctp) => Some(colibri2::Sctp {
                port: sctp.port,
                role: match sctp.role.as_deref() {
                    None => None,
                    Some("client") => Some(SctpRole::Client),
                    Some("server") => Some(SctpRole::Server),
                    Some(other) => {
                        return Err(format!("{other:?} is no SCTP role: write client or server"));
                    }
                },
            }),
        };
        Ok(colibri2::Transport {
            ice_controlling: self.ice_controlling,
            ice_restart: self.ice_restart,
            use_unique_port: self.use_unique_port,
            ice: self.transport.map(Ice::into_ice).transpose()?,
            sctp,
        })
    }
}

impl Ice {
    fn into_ice(self) -> Result<IceUdpTransport, String> {
        let mut fingerprints = Vec::new();
        for json in self.fingerprints {
            let setup = json.setup.as_deref().map(str::parse).transpose();
            let fingerprint = Fingerprint {
                hash: json.hash,
                setup: setup.map_err(|()| {
                    "a fingerprint's setup is none of actpass, active, passive".to_owned()
                })?,
                value: json.fingerprint,
                required: None,
                cryptex: None,
            };
            if fingerprint.bytes().is_none() {
                return Err("a fingerprint is not hexadecimal bytes with colons between".into());
            }
            fingerprints.push(fingerprint);
        }
        let candidates = self.candidates.into_iter().map(|json| Candidate {
            component: json.component,
            foundation: json.foundation,
            generation: json.generation,
            id: json.id,
            ip: json.ip,
            network: json.network,
            port: json.port,
            priority: json.priority,
            protocol: json.protocol,
            kind: json.kind,
            rel_addr: None,
            rel_port: None,
            tcptype: None,
        });
        Ok(IceUdpTransport {
            ufrag: self.ufrag,
            pwd: self.pwd,
            rtcp_mux: self.rtcp_mux,
            fingerprints,
            candidates: candidates.collect(),
            web_sockets: self.web_sockets,
            sctpmap: None,
            ice_generation: self.ice_generation,
        })
    }
}

impl From<&colibri2::Transport> for Transport {
    fn from(transport: &colibri2::Transport) -> Self {
        Self {
            transport: transport.ice.as_ref().map(Ice::from),
            sctp: transport.sctp.map(|sctp| Sctp {
                port: sctp.port,
                role: sctp.role.map(|role| match role {
                    SctpRole::Client => "client".to_owned(),
                    SctpRole::Server => "server".to_owned(),
                }),
            }),
            ..Self::default()
        }
    }
}

impl From<&IceUdpTransport> for Ice {
    fn from(ice: &IceUdpTransport) -> Self {
        let fingerprints = ice.fingerprints.iter().map(|fingerprint| JsonFingerprint {
            fingerprint: fingerprint.value.clone(),
            hash: fingerprint.hash.clone(),
            setup: fingerprint.setup.map(|setup| setup.as_str().to_owned()),
        });
        let candidates = ice.candidates.iter().map(|candidate| JsonCandidate {
            component: candidate.component,
            foundation: candidate.foundation.clone(),
            generation: candidate.generation,
            id: candidate.id.clone(),
            ip: candidate.ip.clone(),
            network: candidate.network,
            port: candidate.port,
            priority: candidate.priority,
            protocol: candidate.protocol.clone(),
            kind: candidate.kind.clone(),
        });
        Self {
            xmlns: ns::JINGLE_ICE_UDP,
            ufrag: ice.ufrag.clone(),
            pwd: ice.pwd.clone(),
            rtcp_mux: ice.rtcp_mux,
            fingerprints: fingerprints.collect(),
            candidates: candidates.collect(),
            web_sockets: ice.web_sockets.clone(),
            ice_generation: ice.ice_generation,
        }
    }
}
