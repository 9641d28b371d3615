//! The side that waits for the ClientHello.

use super::{
    CERTIFICATE, CERTIFICATE_REQUEST, CERTIFICATE_VERIFY, CLIENT_HELLO, CLIENT_KEY_EXCHANGE,
    FINISHED, Handshake, HandshakeError, Message, Role, SERVER_HELLO, SERVER_HELLO_DONE,
    SERVER_KEY_EXCHANGE, Secrets, Step,
};
use crate::dtls::hello::{ClientHello, ServerHello, common_profile};
use crate::dtls::signature::{ACCEPTED, OURS};
use crate::dtls::suite::{Authentication, Ephemeral, Group, Suite};
use crate::dtls::wire::{Reader, put_u16s, put_vector};
use crate::srtp::Side;

/// `ecdsa_sign` and `rsa_sign` (RFC 8422 §5.5, RFC 5246 §7.4.4).
const CERTIFICATE_TYPES: [u8; 2] = [64, 1];

/// What is to come next.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Awaits {
    #[default]
    Hello,
    Certificate,
    KeyExchange,
    Verify,
    Finished,
    Nothing,
}

#[derive(Default)]
pub(super) struct Server {
    awaits: Awaits,
    /// What the client's hello led to.
    agreed: Option<(Suite, [u8; 32])>,
    ephemeral: Option<Ephemeral>,
}

impl Handshake {
    fn server(&mut self) -> &mut Server {
        match &mut self.role {
            Role::Server(server) => server,
            Role::Client(_) => unreachable!("invariant: only the server's messages come here"),
        }
    }

    pub(super) fn handle_of_client(&mut self, message: &Message) -> Result<Step, HandshakeError> {
        let next = match (self.server().awaits, message.kind) {
            (Awaits::Hello, CLIENT_HELLO) => {
                let hello = ClientHello::read(&message.body)?;
                self.transcript.extend(message.write());
                self.answer_hello(&hello)?;
                self.server().awaits = Awaits::Certificate;
                return Ok(Step::Answer);
            }
            (Awaits::Certificate, CERTIFICATE) => {
                self.take_certificate(&message.body)?;
                Awaits::KeyExchange
            }
            (Awaits::KeyExchange, CLIENT_KEY_EXCHANGE) => Awaits::Verify,
            (Awaits::Verify, CERTIFICATE_VERIFY) => {
                let signature = Reader(&message.body);
                let offered = |scheme| ACCEPTED.contains(&scheme);
                self.check_signature(signature, &self.transcript, offered)?;
                Awaits::Finished
            }
            (Awaits::Finished, FINISHED) => {
                self.check_finished(Side::Client, &message.body)?;
                Awaits::Nothing
            }
            (_, kind) => return Err(HandshakeError::Unexpected(kind)),
        };
        self.server().awaits = next;
        self.transcript.extend(message.write());
        match next {
            Awaits::Verify => {
                self.agree(&message.body)?;
                Ok(Step::Await)
            }
            Awaits::Nothing => {
                self.flight.clear();
                self.say_finished(Side::Server)?;
                self.done(true)
            }
            _ => Ok(Step::Await),
        }
    }

    fn answer_hello(&mut self, hello: &ClientHello) -> Result<(), HandshakeError> {
        let theirs = &hello.extensions;
        // Our certificate signs with ECDSA, whatever theirs does.
        let suite = Suite::ALL
            .into_iter()
            .filter(|suite| suite.authentication == Authentication::Ecdsa)
            .find(|suite| hello.suites.contains(&suite.id))
            .ok_or(HandshakeError::Suites)?;
        let profile = common_profile(&theirs.profiles).ok_or(HandshakeError::Profiles)?;
        let group = match &theirs.groups {
            // RFC 8422 §4: the choice is ours.
            None => Group::P256,
            Some(groups) => Group::ALL
                .into_iter()
                .find(|group| groups.contains(&(*group as u16)))
                .ok_or(HandshakeError::Groups)?,
        };
        if theirs
            .signatures
            .as_ref()
            .is_some_and(|s| !s.contains(&OURS))
        {
            return Err(HandshakeError::OurSignature);
        }
        self.profile = Some(profile);
        self.flight.clear();
        let answer = ServerHello {
            random: self.random,
            suite,
            profile,
            point_formats: theirs.point_formats,
            renegotiation: theirs.renegotiation.is_some(),
        };
        self.say(SERVER_HELLO, answer.write());
        self.say_certificate();
        let ephemeral = Ephemeral::generate(group)?;
        self.say_key_exchange(&ephemeral, &hello.random)?;
        self.say_request();
        self.say(SERVER_HELLO_DONE, Vec::new());
        let server = self.server();
        server.agreed = Some((suite, hello.random));
        server.ephemeral = Some(ephemeral);
        Ok(())
    }

    /// RFC 8422 §5.4.
    fn say_key_exchange(
        &mut self,
        ephemeral: &Ephemeral,
        client_random: &[u8; 32],
    ) -> Result<(), HandshakeError> {
        // A named curve.
        let mut body = vec![3];
        body.extend((ephemeral.group as u16).to_be_bytes());
        put_vector::<1>(&mut body, |body| body.extend(&ephemeral.public));
        let signed = [&client_random[..], &self.random, &body].concat();
        body.extend(self.signed(&signed)?);
        self.say(SERVER_KEY_EXCHANGE, body);
        Ok(())
    }

    /// RFC 5246 §7.4.4: a certificate with any key that we can verify, of any issuer.
    fn say_request(&mut self) {
        let mut body = Vec::new();
        put_vector::<1>(&mut body, |body| body.extend(CERTIFICATE_TYPES));
        put_u16s(&mut body, &ACCEPTED);
        put_u16s(&mut body, &[]);
        self.say(CERTIFICATE_REQUEST, body);
    }

    /// RFC 8422 §5.7.
    fn agree(&mut self, body: &[u8]) -> Result<(), HandshakeError> {
        let mut message = Reader(body);
        let public = message.vector::<1>().map(|public| public.0);
        let malformed = HandshakeError::Malformed("ClientKeyExchange");
        let public = (public.filter(|_| message.end().is_some())).ok_or(malformed)?;
        let unexpected = HandshakeError::Unexpected(CLIENT_KEY_EXCHANGE);
        let ephemeral = self.server().ephemeral.take().ok_or(unexpected.clone())?;
        let (suite, client_random) = self.server().agreed.ok_or(unexpected)?;
        let premaster = ephemeral.agree(public)?;
        let randoms = [client_random, self.random];
        let secrets = Secrets::new(suite, &premaster, &self.transcript, randoms)?;
        self.protection = Some(secrets.protection(Side::Server)?);
        self.secrets = Some(secrets);
        Ok(())
    }
}
