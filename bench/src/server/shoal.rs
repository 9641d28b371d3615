//! Our bridge, as its own process, told by Colibri2 over HTTP what a focus would tell it.

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};
use media::dtls::{Certificate, Fingerprint};
use media::ice::IceCredentials;
use media::transport::Setup;
use serde_json::{Value, json};

use super::{Server, Setting, await_answer, free_port, free_udp_port};
use crate::connection::{Local, RemoteSide};
use crate::fleet::Fleet;
use crate::incoming::Incoming;
use crate::outgoing::{AUDIO_LEVEL, OPUS, Outgoing, RTX, TRANSPORT_CC, VP8};
use crate::process::Process;
use crate::shape::{Media, Seat, Shape};

pub(crate) struct Shoal {
    process: Process,
    url: String,
    shape: Shape,
    certificate: Certificate,
    rooms: Vec<bool>,
    outgoing: Vec<Option<Outgoing>>,
    address: IpAddr,
}

impl Shoal {
    pub(crate) fn start(setting: &Setting<'_>) -> anyhow::Result<Self> {
        let private = free_port()?;
        let settings = setting.folder.join("shoal.toml");
        let text = format!(
            "[bridge]\nadvertise_loopback = true\nbind_addresses = [\"{}\"]\n\
             private_http = \"127.0.0.1:{private}\"\nudp_port = {}\nworkers = {}\n",
            setting.address,
            free_udp_port()?,
            setting.workers
        );
        fs::write(&settings, text)?;
        let log = fs::File::create(setting.folder.join("shoal.log"))?;
        let child = Command::new(setting.shoal)
            .args(["bridge", "--config"])
            .arg(&settings)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("starting {}", setting.shoal.display()))?;
        let process = Process::new(child);
        let url = format!("http://127.0.0.1:{private}");
        await_answer("the bridge", &format!("{url}/about/version"))?;
        Ok(Self {
            process,
            url,
            shape: setting.shape.clone(),
            certificate: setting.certificate.clone(),
            rooms: vec![false; setting.shape.rooms],
            outgoing: setting.outgoings(),
            address: setting.address,
        })
    }

    fn medias() -> Value {
        let feedback = json!([
            {"type": "ccm", "subtype": "fir"}, {"type": "nack"}, {"type": "nack", "subtype": "pli"}, {"type": "transport-cc"},
        ]);
        let extension = json!({
            "id": TRANSPORT_CC,
            "uri": "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
        });
        json!([
            {
                "type": "audio",
                "payload-types": [{
                    "id": OPUS, "name": "opus", "clockrate": 48000, "channels": 2,
                    "rtcp-fbs": [{"type": "transport-cc"}],
                }],
                "rtp-hdrexts": [
                    {"id": AUDIO_LEVEL, "uri": "urn:ietf:params:rtp-hdrext:ssrc-audio-level"}, extension,
                ],
            },
            {
                "type": "video",
                "payload-types": [
                    {"id": VP8, "name": "VP8", "clockrate": 90000, "rtcp-fbs": feedback},
                    {"id": RTX, "name": "rtx", "clockrate": 90000, "parameters": {"apt": VP8.to_string()}},
                ],
                "rtp-hdrexts": [extension],
            },
        ])
    }

    fn sources(&self, seat: &Seat, id: &str) -> Value {
        if !seat.sends {
            return json!([]);
        }
        let ssrc = Setting::ssrc(seat);
        match self.shape.media {
            Media::Audio => {
                let name = format!("{id}-a0");
                json!([{"type": "audio", "id": name, "sources": [{"ssrc": ssrc, "name": name}]}])
            }
            Media::Video => {
                let name = format!("{id}-v0");
                json!([{
                    "type": "video", "id": name,
                    "sources": [{"ssrc": ssrc, "name": name}, {"ssrc": ssrc + 1, "name": name}],
                    "ssrc-groups": [{"semantics": "FID", "sources": [ssrc, ssrc + 1]}],
                }])
            }
        }
    }
}

impl Server for Shoal {
    fn process(&self) -> &Process {
        &self.process
    }

    fn join(&mut self, seat: &Seat, fleet: &mut Fleet) -> anyhow::Result<()> {
        let (meeting, id) = (format!("room{}", seat.room), format!("{:08x}", seat.number));
        let create = !std::mem::replace(&mut self.rooms[seat.room], true);
        let local = Local::new(&self.certificate, self.address)?;
        let body = json!({
            "meeting-id": meeting,
            "name": meeting,
            "create": create,
            "endpoints": [{
                "id": id,
                "create": true,
                "medias": Self::medias(),
                "capabilities": ["source-names", "ssrc-rewriting"],
                "transport": {
                    "ice-controlling": true, "sctp": {},
                    "transport": {
                        "ufrag": local.credentials.ufrag, "pwd": local.credentials.pwd, "rtcp-mux": true,
                        "fingerprints": [{
                            "fingerprint": local.certificate.fingerprint().value, "hash": "sha-256", "setup": "active",
                        }],
                    },
                },
                "sources": self.sources(seat, &id),
            }],
        });
        let mut answer = if create {
            ureq::post(format!("{}/colibri/v2/conferences", self.url)).send_json(&body)
        } else {
            ureq::patch(format!("{}/colibri/v2/conferences/{meeting}", self.url)).send_json(&body)
        }
        .context("asking the bridge for an endpoint")?;
        let answer: Value = answer.body_mut().read_json()?;
        let remote = remote_side(&answer["endpoints"][0]["transport"]["transport"])
            .with_context(|| format!("the bridge's answer {answer}"))?;
        let last_n = if seat.receives { -1 } else { 0 };
        let wants = json!({
            "colibriClass": "ReceiverVideoConstraints", "lastN": last_n, "defaultConstraints": {"maxHeight": 720},
        });
        let outgoing = self.outgoing.get_mut(seat.number).and_then(Option::take);
        let incoming = Incoming::new(vec![RTX], Some(TRANSPORT_CC));
        fleet.add(local.connect(
            remote,
            Setup::Active,
            outgoing,
            incoming,
            Some(wants.to_string()),
        )?)
    }
}

fn remote_side(ice: &Value) -> anyhow::Result<RemoteSide> {
    let text = |value: &Value| {
        value
            .as_str()
            .map(str::to_owned)
            .context("a text is missing")
    };
    let Some(candidates) = ice["candidates"].as_array() else {
        bail!("no candidates");
    };
    let candidates = candidates.iter().filter_map(|candidate| {
        let port = u16::try_from(candidate["port"].as_u64()?).ok()?;
        Some(SocketAddr::new(
            candidate["ip"].as_str()?.parse().ok()?,
            port,
        ))
    });
    let fingerprint = &ice["fingerprints"][0];
    Ok(RemoteSide {
        credentials: IceCredentials {
            ufrag: text(&ice["ufrag"])?,
            pwd: text(&ice["pwd"])?,
        },
        candidates: candidates.collect(),
        fingerprint: Fingerprint {
            hash: text(&fingerprint["hash"])?,
            value: text(&fingerprint["fingerprint"])?,
        },
        setup: Setup::Passive,
        we_control: false,
    })
}
