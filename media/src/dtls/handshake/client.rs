//! The side that sent the ClientHello.

use super::{
    CERTIFICATE, CERTIFICATE_REQUEST, CERTIFICATE_VERIFY, CLIENT_HELLO, CLIENT_KEY_EXCHANGE,
    FINISHED, HELLO_VERIFY_REQUEST, Handshake, HandshakeError, Message, Role, SERVER_HELLO,
    SERVER_HELLO_DONE, SERVER_KEY_EXCHANGE, Secrets, Step,
};
use crate::dtls::hello::{ClientHello, ServerHello};
use crate::dtls::signature::{OURS, authentication};
use crate::dtls::suite::{Ephemeral, Group, Suite};
use crate::dtls::wire::{Reader, put_vector};
use crate::srtp::Side;

/// What is to come next.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Awaits {
    #[default]
    Hello,
    Certificate,
    KeyExchange,
    /// A request for our certificate, or the end of the flight.
    Request,
    HelloDone,
    Finished,
    Nothing,
}

#[derive(Default)]
pub(super) struct Client {
    awaits: Awaits,
    /// Whether the server's cookie was given back.
    proved: bool,
    hello: Option<ServerHello>,
    /// The server's curve and public key.
    key_exchange: Option<(Group, Vec<u8>)>,
    /// Whether the server wants our certificate.
    requested: bool,
}

impl Handshake {
    fn client(&mut self) -> &mut Client {
        match &mut self.role {
            Role::Client(client) => client,
            Role::Server(_) => unreachable!("invariant: only the client's messages come here"),
        }
    }

    pub(super) fn hello(&mut self, cookie: Vec<u8>) {
        self.flight.clear();
        self.transcript.clear();
        let hello = ClientHello::offer(self.random, cookie);
        self.say(CLIENT_HELLO, hello.write());
    }

    pub(super) fn handle_of_server(&mut self, message: &Message) -> Result<Step, HandshakeError> {
        let awaits = self.client().awaits;
        if message.kind == HELLO_VERIFY_REQUEST && awaits == Awaits::Hello {
            return self.prove(&message.body);
        }
        let next = match (awaits, message.kind) {
            (Awaits::Hello, SERVER_HELLO) => self.take_hello(&message.body)?,
            (Awaits::Certificate, CERTIFICATE) => {
                self.take_certificate(&message.body)?;
                Awaits::KeyExchange
            }
            (Awaits::KeyExchange, SERVER_KEY_EXCHANGE) => self.take_key_exchange(&message.body)?,
            (Awaits::Request, CERTIFICATE_REQUEST) => self.take_request(&message.body)?,
            (Awaits::Request | Awaits::HelloDone, SERVER_HELLO_DONE) => Awaits::Finished,
            (Awaits::Finished, FINISHED) => {
                self.check_finished(Side::Server, &message.body)?;
                Awaits::Nothing
            }
            (_, kind) => return Err(HandshakeError::Unexpected(kind)),
        };
        self.client().awaits = next;
        self.transcript.extend(message.write());
        match next {
            Awaits::Finished => self.answer(),
            Awaits::Nothing => {
                // Whoever finished has heard everything.
                self.flight.clear();
                self.done(false)
            }
            _ => Ok(Step::Await),
        }
    }

    /// RFC 6347 §4.2.1: gives the cookie back, once. Neither the first hello nor the request for
    /// it count.
    fn prove(&mut self, body: &[u8]) -> Result<Step, HandshakeError> {
        let mut message = Reader(body);
        let mut fields = || {
            let _version = message.u16()?;
            let cookie = message.vector::<1>()?.0.to_vec();
            message.end()?;
            Some(cookie)
        };
        let cookie = fields().ok_or(HandshakeError::Malformed("HelloVerifyRequest"))?;
        if std::mem::replace(&mut self.client().proved, true) {
            return Err(HandshakeError::Unexpected(HELLO_VERIFY_REQUEST));
        }
        self.hello(cookie);
        Ok(Step::Answer)
    }

    fn take_hello(&mut self, body: &[u8]) -> Result<Awaits, HandshakeError> {
        let hello = ServerHello::read(body)?;
        self.profile = Some(hello.profile);
        self.client().hello = Some(hello);
        Ok(Awaits::Certificate)
    }

    fn chosen(&mut self) -> Result<(Suite, [u8; 32]), HandshakeError> {
        let hello = self.client().hello.as_ref();
        hello
            .map(|hello| (hello.suite, hello.random))
            .ok_or(HandshakeError::Suites)
    }

    /// RFC 8422 §5.4.
    fn take_key_exchange(&mut self, body: &[u8]) -> Result<Awaits, HandshakeError> {
        let (suite, server_random) = self.chosen()?;
        let mut message = Reader(body);
        let mut fields = || {
            // A named curve.
            (message.u8()? == 3).then_some(())?;
            Some((message.u16()?, message.vector::<1>()?.0.to_vec()))
        };
        let (group, public) = fields().ok_or(HandshakeError::Malformed("ServerKeyExchange"))?;
        let group = Group::of(group).ok_or(HandshakeError::Groups)?;
        let parameters = &body[..body.len() - message.0.len()];
        let signed = [&self.random[..], &server_random, parameters].concat();
        self.check_signature(message, &signed, |scheme| {
            authentication(scheme) == Some(suite.authentication)
        })?;
        self.client().key_exchange = Some((group, public));
        Ok(Awaits::Request)
    }

    /// RFC 5246 §7.4.4.
    fn take_request(&mut self, body: &[u8]) -> Result<Awaits, HandshakeError> {
        let mut message = Reader(body);
        let mut fields = || {
            let _types = message.vector::<1>()?;
            let schemes = message.vector::<2>()?.u16s()?;
            let _authorities = message.vector::<2>()?;
            message.end()?;
            Some(schemes)
        };
        let schemes = fields().ok_or(HandshakeError::Malformed("CertificateRequest"))?;
        if !schemes.contains(&OURS) {
            return Err(HandshakeError::OurSignature);
        }
        self.client().requested = true;
        Ok(Awaits::HelloDone)
    }

    fn answer(&mut self) -> Result<Step, HandshakeError> {
        let (suite, server_random) = self.chosen()?;
        let requested = self.client().requested;
        let (group, theirs) = (self.client().key_exchange.take())
            .ok_or(HandshakeError::Unexpected(SERVER_HELLO_DONE))?;
        let own = Ephemeral::generate(group)?;
        self.flight.clear();
        if requested {
            self.say_certificate();
        }
        let mut body = Vec::new();
        put_vector::<1>(&mut body, |body| body.extend(&own.public));
        self.say(CLIENT_KEY_EXCHANGE, body);
        let premaster = own.agree(&theirs)?;
        let randoms = [self.random, server_random];
        let secrets = Secrets::new(suite, &premaster, &self.transcript, randoms)?;
        self.protection = Some(secrets.protection(Side::Client)?);
        self.secrets = Some(secrets);
        if requested {
            let signature = self.signed(&self.transcript)?;
            self.say(CERTIFICATE_VERIFY, signature);
        }
        self.say_finished(Side::Client)?;
        Ok(Step::Answer)
    }
}
