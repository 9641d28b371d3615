//! The handshake's messages, without records and time: what comes in, what goes out, and what
//! they agree on (RFC 5246 §7.3, RFC 6347 §4.2.4).

mod client;
mod server;

use super::error::HandshakeError;
use super::inbox::Message;
use super::protection::{Opener, Sealer};
use super::signature::{OURS, authentication, verify};
use super::suite::Secrets;
use super::wire::{Reader, put_vector};
use super::{Certificate, Fingerprint};
use crate::srtp::{KeyMaterial, Side, SrtpProfile};

pub(super) const CLIENT_HELLO: u8 = 1;
pub(super) const SERVER_HELLO: u8 = 2;
pub(super) const HELLO_VERIFY_REQUEST: u8 = 3;
pub(super) const CERTIFICATE: u8 = 11;
pub(super) const SERVER_KEY_EXCHANGE: u8 = 12;
pub(super) const CERTIFICATE_REQUEST: u8 = 13;
pub(super) const SERVER_HELLO_DONE: u8 = 14;
pub(super) const CERTIFICATE_VERIFY: u8 = 15;
pub(super) const CLIENT_KEY_EXCHANGE: u8 = 16;
pub(super) const FINISHED: u8 = 20;

/// Part of a flight, kept to be sent again.
pub(super) enum Part {
    Message { epoch: u16, message: Message },
    ChangeCipherSpec,
}

/// What both roles have.
pub(super) struct Handshake {
    certificate: Certificate,
    pub fingerprints: Vec<Fingerprint>,
    /// All messages so far, each as one fragment.
    transcript: Vec<u8>,
    next_message: u16,
    random: [u8; 32],
    role: Role,
    peer_certificate: Vec<u8>,
    secrets: Option<Secrets>,
    profile: Option<SrtpProfile>,
    /// The latest flight; kept until the peer has surely heard it.
    pub flight: Vec<Part>,
    /// Protection of epoch 1, once it is agreed on: to be taken.
    pub protection: Option<(Sealer, Opener)>,
}

enum Role {
    Client(client::Client),
    Server(server::Server),
}

/// What follows from a message.
pub(super) enum Step {
    /// More messages are to come.
    Await,
    /// The flight is a new one.
    Answer,
    /// The handshake is over; with `answer`, the flight is the last one.
    Done {
        answer: bool,
        profile: SrtpProfile,
        keys: KeyMaterial,
    },
}

impl Handshake {
    pub(super) fn new(
        certificate: Certificate,
        side: Side,
        fingerprints: Vec<Fingerprint>,
    ) -> Self {
        let mut random = [0; 32];
        aws_lc_rs::rand::fill(&mut random).expect("invariant: the system gives random numbers");
        Self {
            certificate,
            fingerprints,
            transcript: Vec::new(),
            next_message: 0,
            random,
            role: match side {
                Side::Client => Role::Client(client::Client::default()),
                Side::Server => Role::Server(server::Server::default()),
            },
            peer_certificate: Vec::new(),
            secrets: None,
            profile: None,
            flight: Vec::new(),
            protection: None,
        }
    }

    /// The client's first flight.
    pub(super) fn start(&mut self) {
        self.hello(Vec::new());
    }

    pub(super) fn handle(&mut self, message: &Message) -> Result<Step, HandshakeError> {
        match self.role {
            Role::Client(_) => self.handle_of_server(message),
            Role::Server(_) => self.handle_of_client(message),
        }
    }

    /// Adds a message to the transcript and the flight.
    fn say(&mut self, kind: u8, body: Vec<u8>) {
        let message = Message {
            kind,
            sequence: self.next_message,
            body,
        };
        self.next_message += 1;
        self.transcript.extend(message.write());
        self.flight.push(Part::Message {
            epoch: u16::from(kind == FINISHED),
            message,
        });
    }

    fn say_certificate(&mut self) {
        let mut body = Vec::new();
        put_vector::<3>(&mut body, |list| {
            put_vector::<3>(list, |one| one.extend(self.certificate.der()));
        });
        self.say(CERTIFICATE, body);
    }

    /// Changes the cipher and proves that we have the keys.
    fn say_finished(&mut self, own: Side) -> Result<(), HandshakeError> {
        self.flight.push(Part::ChangeCipherSpec);
        let verify_data = self.secrets()?.finished(own, &self.transcript)?;
        self.say(FINISHED, verify_data);
        Ok(())
    }

    /// A signature of ours over `signed`, with its scheme in front.
    fn signed(&self, signed: &[u8]) -> Result<Vec<u8>, HandshakeError> {
        let signature = self.certificate.sign(signed)?;
        let mut out = OURS.to_be_bytes().to_vec();
        put_vector::<2>(&mut out, |out| out.extend(signature));
        Ok(out)
    }

    /// RFC 8827 §6.5: without a certificate that signalling vouches for there is no media.
    fn take_certificate(&mut self, body: &[u8]) -> Result<(), HandshakeError> {
        let malformed = HandshakeError::Malformed("Certificate message");
        let mut message = Reader(body);
        let mut list = message.vector::<3>().ok_or(malformed.clone())?;
        message.end().ok_or(malformed.clone())?;
        if list.0.is_empty() {
            return Err(HandshakeError::NoCertificate);
        }
        let certificate = list.vector::<3>().ok_or(malformed)?.0;
        if !self.fingerprints.iter().any(|f| f.matches(certificate)) {
            return Err(HandshakeError::Fingerprint);
        }
        self.peer_certificate = certificate.to_vec();
        Ok(())
    }

    /// Checks a signature of the peer's over `signed`: its scheme, then the signature.
    fn check_signature(
        &self,
        mut signature: Reader,
        signed: &[u8],
        allowed: impl Fn(u16) -> bool,
    ) -> Result<(), HandshakeError> {
        let mut fields = || {
            let scheme = signature.u16()?;
            let bytes = signature.vector::<2>()?.0;
            signature.end()?;
            Some((scheme, bytes))
        };
        let (scheme, bytes) = fields().ok_or(HandshakeError::Malformed("signature"))?;
        if authentication(scheme).is_none() || !allowed(scheme) {
            return Err(HandshakeError::SignatureScheme(scheme));
        }
        verify(&self.peer_certificate, scheme, signed, bytes)
    }

    /// Checks the peer's Finished message, which the transcript does not have yet.
    fn check_finished(&self, peer: Side, body: &[u8]) -> Result<(), HandshakeError> {
        let expected = self.secrets()?.finished(peer, &self.transcript)?;
        aws_lc_rs::constant_time::verify_slices_are_equal(&expected, body)
            .map_err(|_| HandshakeError::Finished)
    }

    fn secrets(&self) -> Result<&Secrets, HandshakeError> {
        self.secrets
            .as_ref()
            .ok_or(HandshakeError::Crypto("finish before keys are agreed on"))
    }

    fn done(&mut self, answer: bool) -> Result<Step, HandshakeError> {
        let profile = self.profile.ok_or(HandshakeError::Profiles)?;
        let keys = self.secrets()?.export(profile)?;
        // Only the flight may be wanted again.
        self.transcript = Vec::new();
        self.peer_certificate = Vec::new();
        self.secrets = None;
        Ok(Step::Done {
            answer,
            profile,
            keys,
        })
    }
}
