//! The servers that are measured, each behind the same few calls.

pub(crate) mod floor;
mod janus;
mod livekit;
mod sdp;
mod shoal;

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::bail;
use media::dtls::Certificate;

use crate::fleet::Fleet;
use crate::outgoing::Outgoing;
use crate::process::Process;
use crate::shape::{Seat, Shape};

/// A running server.
pub(crate) trait Server {
    /// What is measured of it.
    fn process(&self) -> &Process;

    /// Brings somebody in: signals what they send and want, and gives `fleet` their connections.
    fn join(&mut self, seat: &Seat, fleet: &mut Fleet) -> anyhow::Result<()>;

    /// Asks for what the others send, once all are in; for servers that have a connection of its own for that.
    fn subscribe(&mut self, _seat: &Seat, _fleet: &mut Fleet) -> anyhow::Result<()> {
        Ok(())
    }

    /// Does what its signalling asks for meanwhile.
    fn keep(&mut self, _fleet: &mut Fleet) -> anyhow::Result<()> {
        Ok(())
    }
}

/// Which server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Kind {
    Floor,
    Shoal,
    Janus,
    Livekit,
}

/// What every server is started with.
pub(crate) struct Setting<'a> {
    pub(crate) shape: &'a Shape,
    pub(crate) certificate: &'a Certificate,
    /// The binary of Shoal.
    pub(crate) shoal: &'a PathBuf,
    /// Of Shoal; 0 for one per core.
    pub(crate) workers: usize,
    /// The binary of LiveKit's server.
    pub(crate) livekit: &'a PathBuf,
    /// Of servers and clients.
    pub(crate) address: IpAddr,
    /// A folder of its own for its configuration.
    pub(crate) folder: PathBuf,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::Shoal => "Shoal",
            Self::Janus => "Janus",
            Self::Livekit => "LiveKit",
        }
    }

    pub(crate) fn start(self, setting: &Setting<'_>) -> anyhow::Result<Box<dyn Server>> {
        Ok(match self {
            Self::Floor => Box::new(floor::Floor::start(setting)?),
            Self::Shoal => Box::new(shoal::Shoal::start(setting)?),
            Self::Janus => Box::new(janus::Janus::start(setting)?),
            Self::Livekit => Box::new(livekit::LiveKit::start(setting)?),
        })
    }
}

impl Setting<'_> {
    /// The SSRC of a sender.
    fn ssrc(seat: &Seat) -> u32 {
        10_000 + 10 * seat.number as u32
    }

    /// The stream of a seat that sends; senders' bursts are spread over their interval.
    fn outgoing(&self, seat: &Seat) -> Option<Outgoing> {
        // The golden ratio's multiples lie evenly in the unit interval, however many there are.
        let phase = (seat.number as f64 * 0.618_033_988_75).fract();
        seat.sends
            .then(|| Outgoing::new(self.shape, Self::ssrc(seat), phase))
    }

    /// The streams of all, by number of the seat.
    fn outgoings(&self) -> Vec<Option<Outgoing>> {
        self.shape
            .seats()
            .iter()
            .map(|seat| self.outgoing(seat))
            .collect()
    }
}

/// A port that was free a moment ago.
fn free_port() -> anyhow::Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?
        .local_addr()?
        .port())
}

/// A UDP port that was free a moment ago.
fn free_udp_port() -> anyhow::Result<u16> {
    Ok(std::net::UdpSocket::bind("127.0.0.1:0")?
        .local_addr()?
        .port())
}

/// Asks until the server answers.
fn await_answer(what: &str, url: &str) -> anyhow::Result<()> {
    let deadline = Instant::now() + Duration::from_secs(30);
    while let Err(error) = ureq::get(url).call() {
        if Instant::now() > deadline {
            bail!("{what} does not answer at {url}: {error}");
        }
        #[expect(
            clippy::disallowed_methods,
            reason = "a process tells nobody when it is ready"
        )]
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}
