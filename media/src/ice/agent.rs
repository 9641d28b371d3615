//! One ICE agent: one generation of credentials.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use is::stun::{StunMessage, StunPacket};
use is::{Candidate, CandidateKind as Kind, IceAgent, IceAgentEvent, IceConnectionState, IceCreds};
use is::{Protocol, Sha1HmacProvider};

use super::{CandidateKind, IceCredentials, RemoteCandidate};
use crate::stun::{Class, Message, hmac_sha1};
use crate::transport::{DropReason, Transmit};

/// Signalled candidates that are checked; more are ignored.
const MAX_SIGNALLED: usize = 40;
/// Addresses that one peer's authenticated checks may come from.
const MAX_SOURCES: usize = 64;
/// Addresses of ours that one peer may claim to see.
const MAX_MAPPED: usize = 32;
/// How long the peer's address may be silent, though we ask it each three seconds, before media
/// follows the peer to another address that it checks from: a NAT gave it a new one.
const SILENCE: Duration = Duration::from_secs(7);
/// How long an agent without a working pair waits for the peer's checks before it says that it
/// failed: the signalled candidates may all be of no use, and the peer be found all the same.
const PATIENCE: Duration = Duration::from_secs(15);
/// Pause between two checks (RFC 8445 §14.2 allows 5 ms): the pair that works may be the last of
/// dozens.
const PACE: Duration = Duration::from_millis(10);
/// Pairs that are checked (RFC 8445 §6.1.2.5).
const MAX_PAIRS: usize = 100;

#[derive(Debug)]
struct AwsLcHmac;

impl Sha1HmacProvider for AwsLcHmac {
    fn sha1_hmac(&self, key: &[u8], payloads: &[&[u8]]) -> [u8; 20] {
        hmac_sha1(key, payloads)
    }
}

/// What an agent found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AgentEvent {
    /// Send from the first address to the second from here on.
    Route(SocketAddr, SocketAddr),
    /// No pair works, or none works any more.
    Failed,
}

pub(crate) struct Agent {
    inner: IceAgent,
    local: IceCredentials,
    remote: Option<IceCredentials>,
    local_candidates: Vec<SocketAddr>,
    signalled: Vec<RemoteCandidate>,
    /// Where authenticated messages came from, and when they last did.
    sources: Vec<(SocketAddr, Instant)>,
    /// What the peer says that it sees us as.
    mapped: Vec<SocketAddr>,
    route: Option<(SocketAddr, SocketAddr)>,
    /// Until when no pair at all is no failure.
    patience: Instant,
    /// Whether a failure waits for that.
    failing: bool,
    events: VecDeque<AgentEvent>,
}

impl Agent {
    pub(crate) fn new(
        local: IceCredentials,
        controlling: bool,
        tie_breaker: u64,
        local_candidates: &[SocketAddr],
        now: Instant,
    ) -> Self {
        let creds = IceCreds {
            ufrag: local.ufrag.clone(),
            pass: local.pwd.clone(),
        };
        let mut inner = IceAgent::with_hmac(creds, &AwsLcHmac);
        inner.set_controlling(controlling);
        inner.set_control_tie_breaker(tie_breaker);
        inner.set_max_candidate_pairs(MAX_PAIRS);
        inner.set_timing_advance(PACE);
        for addr in local_candidates {
            match Candidate::host(*addr, Protocol::Udp) {
                Ok(candidate) => {
                    inner.add_local_candidate(candidate);
                }
                Err(error) => tracing::warn!(%addr, %error, "unusable local candidate, ignored"),
            }
        }
        inner.handle_timeout(now);
        Self {
            inner,
            local,
            remote: None,
            local_candidates: local_candidates.to_vec(),
            signalled: Vec::new(),
            sources: Vec::new(),
            mapped: Vec::new(),
            route: None,
            patience: now,
            failing: false,
            events: VecDeque::new(),
        }
    }

    pub(crate) fn local(&self) -> &IceCredentials {
        &self.local
    }

    pub(crate) fn remote(&self) -> Option<&IceCredentials> {
        self.remote.as_ref()
    }

    pub(crate) fn controlling(&self) -> bool {
        self.inner.controlling()
    }

    pub(crate) fn route(&self) -> Option<(SocketAddr, SocketAddr)> {
        self.route
    }

    /// Whether an authenticated check came from `addr`.
    pub(crate) fn knows(&self, addr: SocketAddr) -> bool {
        self.last_heard(addr).is_some()
    }

    fn last_heard(&self, addr: SocketAddr) -> Option<Instant> {
        let source = self.sources.iter().find(|(source, _)| *source == addr);
        source.map(|(_, heard)| *heard)
    }

    /// The candidates come with the credentials, so that a check that waited for them finds its
    /// sender among the candidates.
    pub(crate) fn set_remote(
        &mut self,
        remote: IceCredentials,
        candidates: &[RemoteCandidate],
        now: Instant,
    ) {
        self.inner.set_remote_credentials(IceCreds {
            ufrag: remote.ufrag.clone(),
            pass: remote.pwd.clone(),
        });
        self.remote = Some(remote);
        self.patience = now + PATIENCE;
        self.add_candidates(candidates);
        // Each pass answers one of the checks that came before the credentials.
        for _ in 0..8 {
            self.handle_timeout(now);
        }
    }

    pub(crate) fn add_candidates(&mut self, candidates: &[RemoteCandidate]) {
        for candidate in candidates {
            if self.signalled.contains(candidate) {
                continue;
            }
            if self.signalled.len() >= MAX_SIGNALLED {
                tracing::debug!(
                    ufrag = self.local.ufrag,
                    "too many remote candidates, ignored"
                );
                return;
            }
            self.signalled.push(candidate.clone());
            let kind = match candidate.kind {
                CandidateKind::Host => Kind::Host,
                CandidateKind::ServerReflexive => Kind::ServerReflexive,
                CandidateKind::PeerReflexive => Kind::PeerReflexive,
                CandidateKind::Relayed => Kind::Relayed,
            };
            self.inner.add_remote_candidate(Candidate::from_parts(
                "1".to_owned(),
                1,
                Protocol::Udp,
                candidate.priority,
                candidate.addr,
                kind,
                None,
                None,
                None,
            ));
        }
    }

    /// Whether a message is for this agent, by its username or, for a response, its password.
    pub(crate) fn owns(&self, message: &Message<'_>) -> bool {
        match message.class {
            Class::Request => message.local_ufrag() == Some(&self.local.ufrag),
            Class::Success | Class::Error => self.verify(message),
            Class::Indication => false,
        }
    }

    fn verify(&self, message: &Message<'_>) -> bool {
        match (message.class, &self.remote) {
            (Class::Request, _) => message.verify(&self.local.pwd),
            (Class::Success | Class::Error, Some(remote)) => message.verify(&remote.pwd),
            _ => false,
        }
    }

    /// Takes a message that [`Self::owns`].
    pub(crate) fn handle(
        &mut self,
        message: &Message<'_>,
        raw: &[u8],
        from: SocketAddr,
        to: SocketAddr,
        now: Instant,
    ) -> Result<(), DropReason> {
        let to = self
            .local_candidate_for(to)
            .ok_or(DropReason::UnknownLocalAddress)?;
        if !self.verify(message) {
            return Err(DropReason::BadIntegrity);
        }
        let parsed = StunMessage::parse(raw).map_err(|_| DropReason::UnknownStun)?;
        let new_source = !self.knows(from);
        if new_source && self.sources.len() >= MAX_SOURCES {
            return Err(DropReason::TooManyAddresses);
        }
        let new_mapped = parsed
            .mapped_address()
            .filter(|mapped| !self.mapped.contains(mapped));
        if new_mapped.is_some() && self.mapped.len() >= MAX_MAPPED {
            return Err(DropReason::TooManyAddresses);
        }
        let accepted = self.inner.handle_packet(
            now,
            StunPacket {
                proto: Protocol::Udp,
                source: from,
                destination: to,
                message: parsed,
            },
        );
        if !accepted {
            return Err(DropReason::UnknownStun);
        }
        match self.sources.iter_mut().find(|(source, _)| *source == from) {
            Some((_, heard)) => *heard = now,
            None => self.sources.push((from, now)),
        }
        self.mapped.extend(new_mapped);
        // The agent acts on a nomination, and checks back, only when time moves.
        self.handle_timeout(now);
        self.follow(from, to, now);
        Ok(())
    }

    /// The agent keeps a nominated pair until its consent ran out. A peer whose NAT rebinds
    /// would hear nothing until then.
    fn follow(&mut self, from: SocketAddr, to: SocketAddr, now: Instant) {
        let Some((_, remote)) = self.route else {
            return;
        };
        let silent = self
            .last_heard(remote)
            .is_none_or(|heard| now.saturating_duration_since(heard) > SILENCE);
        if remote != from && silent && self.inner.has_viable_remote_candidate(from) {
            self.set_route(to, from);
        }
    }

    fn set_route(&mut self, local: SocketAddr, remote: SocketAddr) {
        if self.route != Some((local, remote)) {
            self.route = Some((local, remote));
            self.events.push_back(AgentEvent::Route(local, remote));
        }
    }

    /// The local candidate that a datagram arrived at.
    fn local_candidate_for(&self, to: SocketAddr) -> Option<SocketAddr> {
        self.local_candidates.iter().copied().find(|own| *own == to)
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        self.inner.handle_timeout(now);
        self.collect();
        if self.failing && now >= self.patience {
            self.failing = false;
            self.events.push_back(AgentEvent::Failed);
        }
    }

    pub(crate) fn poll_timeout(&mut self) -> Option<Instant> {
        self.remote.as_ref()?;
        let patience = self.failing.then_some(self.patience);
        self.inner.poll_timeout().into_iter().chain(patience).min()
    }

    pub(crate) fn poll_transmit(&mut self) -> Option<Transmit> {
        let transmit = self.inner.poll_transmit()?;
        Some(Transmit {
            to: transmit.destination,
            from: transmit.source,
            payload: transmit.contents.to_vec(),
        })
    }

    pub(crate) fn poll_event(&mut self) -> Option<AgentEvent> {
        self.events.pop_front()
    }

    fn collect(&mut self) {
        while let Some(event) = self.inner.poll_event() {
            match event {
                IceAgentEvent::NominatedSend {
                    source,
                    destination,
                    ..
                } => self.set_route(source, destination),
                IceAgentEvent::IceConnectionStateChange(state) => match state {
                    IceConnectionState::Disconnected => {
                        self.route = None;
                        self.failing = true;
                    }
                    // The nominated pair lost consent, others are still being checked: nothing
                    // may be sent until one of them is nominated (RFC 7675 §5.1).
                    IceConnectionState::Checking => {
                        self.route = None;
                        self.failing = false;
                    }
                    _ => self.failing = false,
                },
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use rand::rngs::SmallRng;
    use rand::{Rng, SeedableRng};

    use super::*;

    fn addr(n: u8) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, n], 5000))
    }

    fn pair(rng: &mut SmallRng, now: Instant) -> [Agent; 2] {
        let credentials = [0, 1].map(|_| IceCredentials::generate(rng));
        let mut agents = [0, 1].map(|n| {
            let controlling = n == 0;
            Agent::new(
                credentials[n].clone(),
                controlling,
                n as u64,
                &[addr(n as u8)],
                now,
            )
        });
        for n in 0..2 {
            let candidate = RemoteCandidate::host(addr(1 - n as u8));
            agents[n].set_remote(credentials[1 - n].clone(), &[candidate], now);
        }
        agents
    }

    /// Changes what stands before the integrity, and makes that right again.
    fn mangled(raw: &[u8], passwords: [&str; 2], rng: &mut SmallRng) -> Vec<u8> {
        let Some(at) = Message::read(raw).and_then(|message| message.integrity_at()) else {
            return raw.to_vec();
        };
        let mut changed = raw[..at].to_vec();
        for _ in 0..rng.random_range(1..4) {
            let at = rng.random_range(8..changed.len());
            match rng.random_range(0..4) {
                0 => changed[at] = rng.random(),
                1 => changed[at] ^= 1 << rng.random_range(0..8),
                2 => {
                    let kind = [1u8, 0x16, 0x20, 0x12, 0x09, 0x06, 0x24, 0x25][at % 8];
                    let len = [0u8, 4, 8, 12][rng.random_range(0..4)];
                    changed.extend([0, kind, 0, len]);
                    changed.extend((0..len).map(|_| rng.random::<u8>()));
                }
                _ if changed.len() > 28 => changed.truncate(changed.len() - 4),
                _ => {}
            }
        }
        let len = (changed.len() - 20 + 24) as u16;
        changed[2..4].copy_from_slice(&len.to_be_bytes());
        let password = passwords[usize::from(changed[0] == 1)];
        let tag = hmac_sha1(password.as_bytes(), &[&changed]);
        changed.extend([0, 8, 0, 20]);
        changed.extend(tag);
        changed
    }

    /// A peer has our password and may be hostile.
    #[test]
    fn mangled_checks_with_the_right_password_harm_nobody() {
        let mut taken = 0;
        for seed in 0..1000 {
            let mut rng = SmallRng::seed_from_u64(seed);
            let mut now = Instant::now();
            let mut agents = pair(&mut rng, now);
            let passwords = [0, 1].map(|n: usize| agents[n].local.pwd.clone());
            for _ in 0..40 {
                for n in 0..2 {
                    agents[n].handle_timeout(now);
                    while let Some(transmit) = agents[n].poll_transmit() {
                        let mut payload = transmit.payload;
                        let changed = n == 1 && rng.random_range(0..2) == 0;
                        if changed {
                            payload = mangled(&payload, [&passwords[0], &passwords[1]], &mut rng);
                        }
                        if let Some(message) = Message::read(&payload)
                            && agents[1 - n].owns(&message)
                        {
                            let result = agents[1 - n].handle(
                                &message,
                                &payload,
                                transmit.from,
                                transmit.to,
                                now,
                            );
                            taken += usize::from(changed && result.is_ok());
                        }
                    }
                }
                now += Duration::from_millis(100);
            }
            assert!(agents[0].sources.len() <= MAX_SOURCES);
            assert!(agents[0].mapped.len() <= MAX_MAPPED);
        }
        assert!(
            taken > 300,
            "{taken} changed messages got past the password"
        );
    }
}
