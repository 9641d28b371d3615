//! Janus with its VideoRoom plugin, over its HTTP interface.

use std::fs;
use std::net::IpAddr;
use std::process::{Command, Stdio};

use anyhow::{Context, bail};
use media::dtls::Certificate;
use media::transport::Setup;
use serde_json::{Value, json};

use super::sdp::{self, Description};
use super::{Server, Setting, await_answer, free_port};
use crate::connection::Local;
use crate::fleet::Fleet;
use crate::incoming::Incoming;
use crate::outgoing::Outgoing;
use crate::process::Process;
use crate::shape::{Seat, Shape};

pub(crate) struct Janus {
    process: Process,
    url: String,
    address: IpAddr,
    shape: Shape,
    certificate: Certificate,
    outgoing: Vec<Option<Outgoing>>,
    rooms: Vec<bool>,
    /// (room, seat, feed) of everybody who publishes.
    feeds: Vec<(usize, usize, u64)>,
}

/// A session with its one handle at the plugin.
struct Handle {
    session: String,
    handle: String,
}

impl Janus {
    pub(crate) fn start(setting: &Setting<'_>) -> anyhow::Result<Self> {
        let port = free_port()?;
        let folder = &setting.folder;
        let libraries = format!("/usr/lib/{}-linux-gnu/janus", std::env::consts::ARCH);
        fs::write(
            folder.join("janus.jcfg"),
            format!(
                "general: {{ plugins_folder = \"{libraries}/plugins\"; transports_folder = \"{libraries}/transports\"\n\
                 events_folder = \"{libraries}/events\"; loggers_folder = \"{libraries}/loggers\"\n\
                 session_timeout = 0; debug_level = 3 }}\n\
                 nat: {{ ice_enforce_list = \"{}\"; full_trickle = false }}\n\
                 plugins: {{ disable = \"libjanus_audiobridge.so,libjanus_echotest.so,libjanus_nosip.so,\
                 libjanus_recordplay.so,libjanus_sip.so,libjanus_streaming.so,libjanus_textroom.so,\
                 libjanus_videocall.so,libjanus_voicemail.so,libjanus_duktape.so,libjanus_lua.so\" }}\n\
                 transports: {{ disable = \"libjanus_pfunix.so,libjanus_websockets.so,libjanus_rabbitmq.so,\
                 libjanus_mqtt.so,libjanus_nanomsg.so\" }}\n\
                 events: {{ broadcast = false }}\n",
                setting.address
            ),
        )?;
        fs::write(
            folder.join("janus.transport.http.jcfg"),
            format!(
                "general: {{ json = \"plain\"; base_path = \"/janus\"; http = true; port = {port}; ip = \"{0}\" }}\n\
                 admin: {{ admin_http = false }}\n",
                setting.address
            ),
        )?;
        fs::write(folder.join("janus.plugin.videoroom.jcfg"), "general: { }\n")?;
        let log = fs::File::create(folder.join("janus.log"))?;
        let child = Command::new("janus")
            .arg(format!("--configs-folder={}", folder.display()))
            .arg("--disable-colors")
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("starting janus, of the Debian package of that name")?;
        let process = Process::new(child);
        let url = format!("http://{}:{port}/janus", setting.address);
        await_answer("Janus", &format!("{url}/info"))?;
        Ok(Self {
            process,
            url,
            address: setting.address,
            shape: setting.shape.clone(),
            certificate: setting.certificate.clone(),
            outgoing: setting.outgoings(),
            rooms: vec![false; setting.shape.rooms],
            feeds: Vec::new(),
        })
    }

    fn call(&self, path: &str, mut body: Value) -> anyhow::Result<Value> {
        body["transaction"] = "bench".into();
        let mut answer = ureq::post(format!("{}{path}", self.url)).send_json(&body)?;
        let answer: Value = answer.body_mut().read_json()?;
        if answer["janus"] == "error" {
            bail!("Janus answers {answer} to {body}");
        }
        Ok(answer)
    }

    fn attach(&self) -> anyhow::Result<Handle> {
        let session = self.call("", json!({"janus": "create"}))?["data"]["id"].to_string();
        let attach = json!({"janus": "attach", "plugin": "janus.plugin.videoroom"});
        let handle = self.call(&format!("/{session}"), attach)?["data"]["id"].to_string();
        Ok(Handle { session, handle })
    }

    /// Sends a request to the plugin and waits for its event.
    fn request(&self, at: &Handle, body: Value, jsep: Option<Value>) -> anyhow::Result<Value> {
        let mut message = json!({"janus": "message", "body": body});
        if let Some(jsep) = jsep {
            message["jsep"] = jsep;
        }
        let answer = self.call(&format!("/{}/{}", at.session, at.handle), message)?;
        if answer["janus"] == "success" {
            return Ok(answer);
        }
        loop {
            let mut event = ureq::get(format!("{}/{}?maxev=1", self.url, at.session)).call()?;
            let event: Value = event.body_mut().read_json()?;
            if event["janus"] != "event" {
                continue;
            }
            if let Some(error) = event["plugindata"]["data"].get("error") {
                bail!("Janus refuses: {error}");
            }
            return Ok(event);
        }
    }
}

fn room_of(seat: &Seat) -> u64 {
    1 + seat.room as u64
}

impl Server for Janus {
    fn process(&self) -> &Process {
        &self.process
    }

    fn join(&mut self, seat: &Seat, fleet: &mut Fleet) -> anyhow::Result<()> {
        let room = room_of(seat);
        if !seat.sends {
            return Ok(());
        }
        let at = self.attach()?;
        if !std::mem::replace(&mut self.rooms[seat.room], true) {
            let create = json!({
                "request": "create", "room": room, "publishers": 100, "bitrate": 0,
                "videocodec": "vp8", "audiocodec": "opus", "transport_wide_cc_ext": true,
            });
            self.request(&at, create, None)?;
        }
        let local = Local::new(&self.certificate, self.address)?;
        let offer = sdp::offer(&local, self.shape.media, Setting::ssrc(seat));
        let join = json!({"request": "joinandconfigure", "ptype": "publisher", "room": room});
        let event = self.request(&at, join, Some(json!({"type": "offer", "sdp": offer})))?;
        let feed = event["plugindata"]["data"]["id"]
            .as_u64()
            .context("Janus names no feed")?;
        self.feeds.push((seat.room, seat.number, feed));
        let answer = Description::new(
            event["jsep"]["sdp"]
                .as_str()
                .context("Janus gives no answer")?,
        );
        let outgoing = self.outgoing.get_mut(seat.number).and_then(Option::take);
        let incoming = Incoming::new(Vec::new(), None);
        fleet.add(local.connect(
            answer.remote_side(false)?,
            Setup::Actpass,
            outgoing,
            incoming,
            None,
        )?)
    }

    fn subscribe(&mut self, seat: &Seat, fleet: &mut Fleet) -> anyhow::Result<()> {
        if !seat.receives {
            return Ok(());
        }
        let at = self.attach()?;
        let others = self
            .feeds
            .iter()
            .filter(|(room, number, _)| *room == seat.room && *number != seat.number);
        let streams: Vec<_> = others.map(|(_, _, feed)| json!({"feed": feed})).collect();
        let join = json!({"request": "join", "ptype": "subscriber", "room": room_of(seat), "streams": streams});
        let event = self.request(&at, join, None)?;
        let offer = Description::new(
            event["jsep"]["sdp"]
                .as_str()
                .context("Janus makes no offer")?,
        );
        let local = Local::new(&self.certificate, self.address)?;
        let answer = json!({"type": "answer", "sdp": offer.answer(&sdp::LocalSide::of(&local))});
        self.request(&at, json!({"request": "start"}), Some(answer))?;
        fleet.add(offer.accept(local)?)
    }
}
