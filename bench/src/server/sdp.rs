//! As much of SDP (RFC 8866, 8829) as servers of other projects need to take us for a browser.

use std::fmt::Write;
use std::net::SocketAddr;

use anyhow::{Context, bail};
use media::dtls::Fingerprint;
use media::ice::IceCredentials;
use media::transport::Setup;

use crate::connection::{Connection, Local, RemoteSide};
use crate::incoming::Incoming;
use crate::outgoing::{AUDIO_LEVEL, OPUS, RTX, TRANSPORT_CC, VP8};
use crate::shape::Media;

const TRANSPORT_CC_URI: &str =
    "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";

/// Our transport, as descriptions name it.
pub(super) struct LocalSide {
    address: SocketAddr,
    credentials: IceCredentials,
    fingerprint: String,
}

impl LocalSide {
    pub(super) fn of(local: &Local) -> Self {
        Self {
            address: local.address,
            credentials: local.credentials.clone(),
            fingerprint: local.certificate.fingerprint().value.clone(),
        }
    }
}

/// What a server's description says.
pub(super) struct Description {
    lines: Vec<String>,
}

impl Description {
    pub(super) fn new(sdp: &str) -> Self {
        Self {
            lines: sdp.lines().map(str::to_owned).collect(),
        }
    }

    fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.lines
            .iter()
            .filter_map(move |line| line.strip_prefix("a=")?.strip_prefix(name))
    }

    /// The server's transport; `offered`: the description is an offer, so the server controls.
    pub(super) fn remote_side(&self, offered: bool) -> anyhow::Result<RemoteSide> {
        let one = |name| {
            self.values(name)
                .next()
                .with_context(|| format!("no a={name} in the description"))
        };
        let (hash, value) = one("fingerprint:")?
            .split_once(' ')
            .context("a=fingerprint has no value")?;
        let setup = match one("setup:")? {
            "active" => Setup::Active,
            "passive" => Setup::Passive,
            "actpass" => Setup::Actpass,
            other => bail!("a=setup:{other}"),
        };
        Ok(RemoteSide {
            credentials: IceCredentials {
                ufrag: one("ice-ufrag:")?.to_owned(),
                pwd: one("ice-pwd:")?.to_owned(),
            },
            candidates: self.values("candidate:").filter_map(candidate).collect(),
            fingerprint: Fingerprint {
                hash: hash.to_lowercase(),
                value: value.to_owned(),
            },
            setup,
            we_control: !offered || self.values("ice-lite").next().is_some(),
        })
    }

    /// Connects to receive what is offered.
    pub(super) fn accept(&self, local: Local) -> anyhow::Result<Connection> {
        let incoming = Incoming::new(self.repair(), self.transport_cc());
        local.connect(self.remote_side(true)?, Setup::Active, None, incoming, None)
    }

    /// Payload types of retransmissions.
    fn repair(&self) -> Vec<u8> {
        let rtx = self
            .values("rtpmap:")
            .filter(|value| value.contains(" rtx/"));
        rtx.filter_map(|value| value.split(' ').next()?.parse().ok())
            .collect()
    }

    /// The id of the transport-wide sequence number.
    fn transport_cc(&self) -> Option<u8> {
        let mapped = self
            .values("extmap:")
            .find(|value| value.contains(TRANSPORT_CC_URI))?;
        mapped.split([' ', '/']).next()?.parse().ok()
    }

    /// Takes everything that is offered.
    pub(super) fn answer(&self, local: &LocalSide) -> String {
        let mut out = session(self.values("group:BUNDLE ").next().unwrap_or("0"));
        let kept = [
            "mid:",
            "rtpmap:",
            "fmtp:",
            "rtcp-fb:",
            "extmap:",
            "sctp-port:",
        ];
        for line in &self.lines {
            if let Some(media) = line.strip_prefix("m=") {
                let rejected = media.starts_with("application");
                let media = if rejected {
                    media.replacen(" 9 ", " 0 ", 1)
                } else {
                    media.to_owned()
                };
                let _ = write!(out, "m={media}\r\nc=IN IP4 0.0.0.0\r\n");
                transport(&mut out, local, "active");
                if !media.starts_with("application") {
                    out.push_str("a=rtcp-mux\r\na=recvonly\r\n");
                }
            } else if line
                .strip_prefix("a=")
                .is_some_and(|line| kept.iter().any(|name| line.starts_with(name)))
            {
                let _ = write!(out, "{line}\r\n");
            }
        }
        out
    }
}

/// Offers one stream.
pub(super) fn offer(local: &Local, media: Media, ssrc: u32) -> String {
    let mut out = session("0");
    out.push_str(match media {
        Media::Audio => "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n",
        Media::Video => "m=video 9 UDP/TLS/RTP/SAVPF 100 101\r\n",
    });
    out.push_str(
        "c=IN IP4 0.0.0.0\r\na=mid:0\r\na=rtcp-mux\r\na=sendonly\r\na=msid:bench track\r\n",
    );
    transport(&mut out, &LocalSide::of(local), "actpass");
    let _ = write!(out, "a=extmap:{TRANSPORT_CC} {TRANSPORT_CC_URI}\r\n");
    match media {
        Media::Audio => {
            let _ = write!(
                out,
                "a=extmap:{AUDIO_LEVEL} urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n"
            );
            let _ = write!(
                out,
                "a=rtpmap:{OPUS} opus/48000/2\r\na=rtcp-fb:{OPUS} transport-cc\r\n"
            );
        }
        Media::Video => {
            let _ = write!(out, "a=rtpmap:{VP8} VP8/90000\r\n");
            for feedback in ["nack", "nack pli", "ccm fir", "transport-cc"] {
                let _ = write!(out, "a=rtcp-fb:{VP8} {feedback}\r\n");
            }
            let _ = write!(
                out,
                "a=rtpmap:{RTX} rtx/90000\r\na=fmtp:{RTX} apt={VP8}\r\n"
            );
            let _ = write!(out, "a=ssrc-group:FID {ssrc} {}\r\n", ssrc + 1);
            let _ = write!(out, "a=ssrc:{} cname:bench\r\n", ssrc + 1);
        }
    }
    let _ = write!(
        out,
        "a=ssrc:{ssrc} cname:bench\r\na=ssrc:{ssrc} msid:bench track\r\n"
    );
    out
}

fn session(bundle: &str) -> String {
    format!(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE {bundle}\r\na=msid-semantic: WMS *\r\n"
    )
}

fn transport(out: &mut String, local: &LocalSide, setup: &str) {
    let (ip, port) = (local.address.ip(), local.address.port());
    let _ = write!(
        out,
        "a=ice-ufrag:{}\r\na=ice-pwd:{}\r\na=fingerprint:sha-256 {}\r\na=setup:{setup}\r\n\
         a=candidate:1 1 udp 2130706431 {ip} {port} typ host\r\na=end-of-candidates\r\n",
        local.credentials.ufrag, local.credentials.pwd, local.fingerprint
    );
}

fn candidate(value: &str) -> Option<SocketAddr> {
    let parts: Vec<_> = value.split(' ').collect();
    let [_, "1", protocol, _, ip, port, ..] = parts[..] else {
        return None;
    };
    protocol.eq_ignore_ascii_case("udp").then_some(())?;
    Some(SocketAddr::new(ip.parse().ok()?, port.parse().ok()?))
}
