//! The handshake, and the association after it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dimpl::Output;

use super::record::is_plausible;
use super::{Certificate, Fingerprint};
use crate::srtp::{KeyMaterial, Side, SrtpProfile};
use crate::transport::DropReason;

/// Largest UDP payload that the handshake sends, in bytes.
const MTU: usize = 1200;
/// Buffer for one output; a record is no longer than what SCTP puts into it or a flight's part.
const OUTPUT: usize = 2048;

/// What happened on an association.
pub(crate) enum DtlsEvent {
    /// The handshake finished and the peer's certificate is the signalled one.
    Connected(SrtpProfile, KeyMaterial),
    /// It failed for good.
    Failed(String),
    /// The peer sent this.
    Data(Vec<u8>),
    /// The peer said goodbye.
    Closed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Handshaking,
    Connected,
    /// Failed or closed: nothing goes in or out.
    Over,
}

pub(crate) struct Dtls {
    inner: dimpl::Dtls,
    side: Side,
    state: State,
    fingerprints: Vec<Fingerprint>,
    verified: bool,
    keys: Option<(SrtpProfile, KeyMaterial)>,
    finished: bool,
    timeout: Option<Instant>,
    packets: VecDeque<Vec<u8>>,
    events: VecDeque<DtlsEvent>,
    output: Vec<u8>,
}

impl Dtls {
    pub fn new(
        certificate: &Certificate,
        side: Side,
        fingerprints: Vec<Fingerprint>,
        now: Instant,
    ) -> Self {
        let config = dimpl::Config::builder()
            .mtu(MTU)
            .use_server_cookie(false)
            .flight_start_rto(Duration::from_millis(250))
            .flight_retries(8)
            .handshake_timeout(Duration::from_secs(30))
            .build()
            .expect("invariant: the timing settings are within bounds");
        let mut inner = dimpl::Dtls::new_12(Arc::new(config), certificate.for_dtls(), now);
        inner.set_active(side == Side::Client);
        Self {
            inner,
            side,
            state: State::Handshaking,
            fingerprints,
            verified: false,
            keys: None,
            finished: false,
            timeout: None,
            packets: VecDeque::new(),
            events: VecDeque::new(),
            output: vec![0; OUTPUT],
        }
    }

    pub fn side(&self) -> Side {
        self.side
    }

    pub fn is_over(&self) -> bool {
        self.state == State::Over
    }

    /// Replaces the fingerprints of a handshake that has not verified one yet.
    pub fn set_fingerprints(&mut self, fingerprints: Vec<Fingerprint>) {
        self.fingerprints = fingerprints;
    }

    pub fn handle_packet(&mut self, packet: &[u8], now: Instant) -> Result<(), DropReason> {
        if self.state == State::Over {
            return Err(DropReason::Closed);
        }
        if !is_plausible(packet) {
            return Err(DropReason::MalformedDtls);
        }
        let result = self
            .inner
            .handle_timeout(now)
            .and_then(|()| self.inner.handle_packet(packet));
        self.conclude(result);
        Ok(())
    }

    /// The client's first call starts the handshake.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.state == State::Over {
            return;
        }
        let result = self.inner.handle_timeout(now);
        self.conclude(result);
    }

    pub fn send(&mut self, data: &[u8]) {
        if self.state != State::Connected {
            return;
        }
        let result = self.inner.send_application_data(data).map(|_| ());
        self.conclude(result);
    }

    /// Says goodbye; the datagram for it is in [`Self::poll_transmit`].
    pub fn close(&mut self) {
        if self.state == State::Over {
            return;
        }
        if self.inner.close().is_ok() {
            self.drain();
        }
        self.state = State::Over;
        self.timeout = None;
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timeout
    }

    pub fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.packets.pop_front()
    }

    pub fn poll_event(&mut self) -> Option<DtlsEvent> {
        self.events.pop_front()
    }

    fn conclude(&mut self, result: Result<(), dimpl::Error>) {
        self.drain();
        if let Err(error) = result {
            self.fail(error.to_string());
        } else if self.finished && self.verified && self.state == State::Handshaking {
            self.fail("the peer has none of our SRTP protection profiles".to_owned());
        }
    }

    fn fail(&mut self, reason: String) {
        if self.state == State::Over {
            return;
        }
        let was_connected = self.state == State::Connected;
        self.state = State::Over;
        self.timeout = None;
        self.events.push_back(if was_connected {
            tracing::debug!(reason, "DTLS association lost");
            DtlsEvent::Closed
        } else {
            DtlsEvent::Failed(reason)
        });
    }

    fn drain(&mut self) {
        while self.state != State::Over {
            match self.inner.poll_output(&mut self.output) {
                Output::Packet(packet) => self.packets.push_back(packet.to_vec()),
                Output::BufferTooSmall { needed } => self.output.resize(needed, 0),
                Output::Timeout(at) => {
                    self.timeout = Some(at);
                    break;
                }
                Output::Connected => {
                    self.finished = true;
                    self.settle();
                }
                Output::PeerCert(certificate) => {
                    let certificate = certificate.to_vec();
                    self.check_certificate(&certificate);
                }
                Output::KeyingMaterial(material, profile) => {
                    let profile = match profile {
                        dimpl::SrtpProfile::AEAD_AES_128_GCM => Some(SrtpProfile::AeadAes128Gcm),
                        dimpl::SrtpProfile::AEAD_AES_256_GCM => Some(SrtpProfile::AeadAes256Gcm),
                        dimpl::SrtpProfile::AES128_CM_SHA1_80 => Some(SrtpProfile::Aes128CmSha1_80),
                        _ => None,
                    };
                    self.keys = profile.and_then(|profile| {
                        Some((profile, KeyMaterial::split(profile, &material)?))
                    });
                    self.settle();
                }
                Output::ApplicationData(data) if self.state == State::Connected => {
                    self.events.push_back(DtlsEvent::Data(data.to_vec()));
                }
                Output::CloseNotify => {
                    self.state = State::Over;
                    self.timeout = None;
                    self.events.push_back(DtlsEvent::Closed);
                }
                _ => {}
            }
        }
    }

    /// RFC 8827 §6.5: without a certificate that signalling vouches for there is no media.
    fn check_certificate(&mut self, certificate: &[u8]) {
        if self
            .fingerprints
            .iter()
            .any(|fingerprint| fingerprint.matches(certificate))
        {
            self.verified = true;
            self.settle();
        } else {
            self.fail("the certificate is not the one whose fingerprint was signalled".to_owned());
        }
    }

    /// Keys, certificate and the end of the handshake come in any order.
    fn settle(&mut self) {
        if self.state != State::Handshaking || !self.finished || !self.verified {
            return;
        }
        if let Some((profile, keys)) = self.keys.take() {
            self.state = State::Connected;
            self.events.push_back(DtlsEvent::Connected(profile, keys));
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::sync::LazyLock;

    use rand::rngs::SmallRng;
    use rand::{Rng, SeedableRng};

    use super::*;

    static CERTIFICATES: LazyLock<[Certificate; 2]> = LazyLock::new(|| {
        [
            Certificate::generate().unwrap(),
            Certificate::generate().unwrap(),
        ]
    });

    fn pair(now: Instant) -> [Dtls; 2] {
        [Side::Client, Side::Server].map(|side| {
            let own = usize::from(side == Side::Server);
            let theirs = CERTIFICATES[1 - own].fingerprint().clone();
            Dtls::new(&CERTIFICATES[own], side, vec![theirs], now)
        })
    }

    fn mangled(packet: &[u8], rng: &mut SmallRng) -> Vec<u8> {
        let mut packet = packet.to_vec();
        for _ in 0..rng.random_range(1..4) {
            let at = rng.random_range(0..packet.len());
            match rng.random_range(0..4) {
                0 => packet[at] = rng.random(),
                1 => packet[at] ^= 1 << rng.random_range(0..8),
                2 => packet[at] = [0, 0xff][at % 2],
                _ => {
                    // A record whose length is told rightly passes the first look.
                    let len = rng.random_range(13..=packet.len());
                    packet.truncate(len);
                    packet[11..13].copy_from_slice(&((len - 13) as u16).to_be_bytes());
                }
            }
        }
        packet
    }

    /// Whoever passed the checks of ICE may be hostile.
    #[test]
    fn mangled_handshakes_end_one_way_or_the_other_and_never_deceive() {
        for seed in 0..150 {
            let mut rng = SmallRng::seed_from_u64(seed);
            let mut now = Instant::now();
            let mut sides = pair(now);
            let hostile = (seed % 2) as usize;
            for _ in 0..130 {
                for side in 0..2 {
                    sides[side].handle_timeout(now);
                    while let Some(packet) = sides[side].poll_transmit() {
                        if side == hostile && rng.random_range(0..3) == 0 {
                            let mangled = mangled(&packet, &mut rng);
                            let _ = sides[1 - side].handle_packet(&mangled, now);
                        }
                        let _ = sides[1 - side].handle_packet(&packet, now);
                    }
                }
                now += Duration::from_millis(300);
            }
            for side in &mut sides {
                while let Some(event) = side.poll_event() {
                    if let DtlsEvent::Data(data) = event {
                        panic!("nobody sent {data:?}");
                    }
                }
                // A server that got no ClientHello waits for one.
                let waits = side.side == Side::Server && side.state == State::Handshaking;
                assert!(waits || side.state != State::Handshaking, "seed {seed}");
            }
        }
    }
}
