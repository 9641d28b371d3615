//! LiveKit's server: signalling in protocol buffers over a WebSocket, two peer connections for each participant.

mod messages;
mod token;

use std::collections::VecDeque;
use std::fs;
use std::io::ErrorKind;
use std::net::{IpAddr, TcpStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use media::dtls::Certificate;
use media::transport::Setup;
use prost::Message as _;
use tungstenite::{Message, WebSocket};

use super::sdp::{self, Description};
use super::{Server, Setting, await_answer, free_port, free_udp_port};
use crate::connection::Local;
use crate::fleet::Fleet;
use crate::incoming::Incoming;
use crate::outgoing::Outgoing;
use crate::process::Process;
use crate::shape::{Media, Seat, Shape};
use messages::{AddTrack, Request, Response, SessionDescription, request, response};

/// Between two signs of life on a participant's WebSocket.
const PING: Duration = Duration::from_secs(4);

pub(crate) struct LiveKit {
    process: Process,
    address: IpAddr,
    port: u16,
    shape: Shape,
    certificate: Certificate,
    outgoing: Vec<Option<Outgoing>>,
    participants: Vec<Participant>,
    ping_due: Instant,
}

struct Participant {
    socket: WebSocket<TcpStream>,
    heard: VecDeque<response::Message>,
    /// Our side of the connection on which it receives: the description of each answer is of the same transport.
    subscriber: Option<sdp::LocalSide>,
}

impl LiveKit {
    pub(crate) fn start(setting: &Setting<'_>) -> anyhow::Result<Self> {
        let (port, udp) = (free_port()?, free_udp_port()?);
        let address = setting.address;
        let settings = setting.folder.join("livekit.yaml");
        let text = format!(
            "port: {port}\nbind_addresses: [\"{address}\"]\nkeys: {{\"{}\": \"{}\"}}\nlogging: {{level: error}}\n\
             rtc: {{udp_port: {udp}, tcp_port: 0, node_ip: \"{address}\", use_external_ip: false}}\n",
            token::KEY,
            token::SECRET,
        );
        fs::write(&settings, text)?;
        let log = fs::File::create(setting.folder.join("livekit.log"))?;
        let child = Command::new(setting.livekit)
            .arg("--config")
            .arg(&settings)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("starting {}", setting.livekit.display()))?;
        let process = Process::new(child);
        await_answer("LiveKit", &format!("http://{address}:{port}/"))?;
        Ok(Self {
            process,
            address,
            port,
            shape: setting.shape.clone(),
            certificate: setting.certificate.clone(),
            outgoing: setting.outgoings(),
            participants: Vec::new(),
            ping_due: Instant::now() + PING,
        })
    }

    fn open(&self, seat: &Seat) -> anyhow::Result<Participant> {
        let token = token::for_room(&format!("p{}", seat.number), &format!("room{}", seat.room))?;
        let url = format!(
            "ws://{}:{}/rtc?access_token={token}&auto_subscribe={}&protocol=9&sdk=rust",
            self.address,
            self.port,
            u8::from(seat.receives)
        );
        let stream = TcpStream::connect((self.address, self.port))?;
        let (socket, _) = tungstenite::client(url, stream).context("LiveKit's signalling")?;
        socket.get_ref().set_nonblocking(true)?;
        Ok(Participant {
            socket,
            heard: VecDeque::new(),
            subscriber: None,
        })
    }
}

impl Server for LiveKit {
    fn process(&self) -> &Process {
        &self.process
    }

    fn join(&mut self, seat: &Seat, fleet: &mut Fleet) -> anyhow::Result<()> {
        let participant = self.open(seat)?;
        self.participants.push(participant);
        if let Some(outgoing) = self.outgoing.get_mut(seat.number).and_then(Option::take) {
            let last = self.participants.len() - 1;
            let local = Local::new(&self.certificate, self.address)?;
            let video = self.shape.media == Media::Video;
            let track = AddTrack {
                cid: "track".to_owned(),
                name: "bench".to_owned(),
                kind: i32::from(video),
                width: if video { 1280 } else { 0 },
                height: if video { 720 } else { 0 },
                // LiveKit's TrackSource: CAMERA, MICROPHONE.
                source: if video { 1 } else { 2 },
            };
            let offer = sdp::offer(&local, self.shape.media, Setting::ssrc(seat));
            let offer = SessionDescription {
                kind: "offer".to_owned(),
                sdp: offer,
            };
            let participant = &mut self.participants[last];
            participant.say(request::Message::AddTrack(track))?;
            participant.say(request::Message::Offer(offer))?;
            let answer = self.await_answer(last, fleet)?;
            let remote = Description::new(&answer.sdp).remote_side(false)?;
            let incoming = Incoming::new(Vec::new(), None);
            fleet.add(local.connect(remote, Setup::Actpass, Some(outgoing), incoming, None)?)?;
        }
        self.keep(fleet)
    }

    fn keep(&mut self, fleet: &mut Fleet) -> anyhow::Result<()> {
        let ping = Instant::now() >= self.ping_due;
        if ping {
            self.ping_due = Instant::now() + PING;
        }
        for participant in &mut self.participants {
            participant.listen()?;
            while let Some(message) = participant.heard.pop_front() {
                if let response::Message::Offer(offer) = message {
                    participant.accept(&offer, &self.certificate, self.address, fleet)?;
                }
            }
            if ping {
                participant.say(request::Message::Ping(0))?;
            }
        }
        Ok(())
    }
}

impl LiveKit {
    /// The answer to a publisher's offer; what else comes meanwhile is dealt with.
    fn await_answer(
        &mut self,
        index: usize,
        fleet: &mut Fleet,
    ) -> anyhow::Result<SessionDescription> {
        let deadline = Instant::now() + Duration::from_secs(10);
        while Instant::now() < deadline {
            let participant = &mut self.participants[index];
            participant.listen()?;
            while let Some(message) = participant.heard.pop_front() {
                match message {
                    response::Message::Answer(answer) => return Ok(answer),
                    response::Message::Offer(offer) => {
                        participant.accept(&offer, &self.certificate, self.address, fleet)?;
                    }
                }
            }
            fleet.turn()?;
        }
        bail!("LiveKit does not answer an offer within 10 s")
    }
}

impl Participant {
    fn say(&mut self, message: request::Message) -> anyhow::Result<()> {
        let bytes = Request {
            message: Some(message),
        }
        .encode_to_vec();
        self.socket
            .send(Message::binary(bytes))
            .context("LiveKit's signalling")
    }

    /// Takes what has arrived.
    fn listen(&mut self) -> anyhow::Result<()> {
        loop {
            match self.socket.read() {
                Ok(Message::Binary(bytes)) => {
                    self.heard.extend(
                        Response::decode(bytes)
                            .context("LiveKit's signalling")?
                            .message,
                    );
                }
                Ok(Message::Close(reason)) => {
                    bail!("LiveKit closed a participant's signalling: {reason:?}")
                }
                Ok(_) => {}
                Err(tungstenite::Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => {
                    return Ok(());
                }
                Err(error) => return Err(error).context("LiveKit's signalling"),
            }
        }
    }

    /// Answers an offer of what is to be received; the first one connects.
    fn accept(
        &mut self,
        offer: &SessionDescription,
        certificate: &Certificate,
        address: IpAddr,
        fleet: &mut Fleet,
    ) -> anyhow::Result<()> {
        let offer = Description::new(&offer.sdp);
        let sdp = match &self.subscriber {
            Some(side) => offer.answer(side),
            None => {
                let local = Local::new(certificate, address)?;
                let side = sdp::LocalSide::of(&local);
                let sdp = offer.answer(&side);
                self.subscriber = Some(side);
                fleet.add(offer.accept(local)?)?;
                sdp
            }
        };
        self.say(request::Message::Answer(SessionDescription {
            kind: "answer".to_owned(),
            sdp,
        }))
    }
}
