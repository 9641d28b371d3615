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
