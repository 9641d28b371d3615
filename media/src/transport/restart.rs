//! ICE over its restarts: the agent that media uses, the one that a restart brings up, and the
//! one that it replaced (RFC 8445 §9).

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::{DropReason, Transmit};
use crate::ice::{Agent, AgentEvent, IceCredentials, RemoteCandidate};
use crate::stun::Message;

/// How long a restart may take.
const RESTART_TIMEOUT: Duration = Duration::from_secs(20);
/// How long the replaced agent still answers, while the peer may not have cut over.
const RETIREMENT: Duration = Duration::from_secs(3);

pub(super) enum IceEvent {
    Connected {
        remote: SocketAddr,
    },
    Route {
        local: SocketAddr,
        remote: SocketAddr,
    },
    Failed,
    RestartFailed,
}

pub(super) struct Ice {
    current: Agent,
    /// A restart that has no route yet, and when it is given up.
    restarting: Option<(Agent, Instant)>,
    /// The agent before the last restart, and when it goes.
    retiring: Option<(Agent, Instant)>,
    tie_breaker: u64,
    local_candidates: Vec<SocketAddr>,
    /// Whether the current route was announced, and not lost since.
    connected: bool,
    events: VecDeque<IceEvent>,
}

impl Ice {
    pub(super) fn new(
        local: IceCredentials,
        controlling: bool,
        tie_breaker: u64,
        local_candidates: Vec<SocketAddr>,
        now: Instant,
    ) -> Self {
        Self {
            current: Agent::new(local, controlling, tie_breaker, &local_candidates, now),
            restarting: None,
            retiring: None,
            tie_breaker,
            local_candidates,
            connected: false,
            events: VecDeque::new(),
        }
    }

    pub(super) fn set_local_candidates(&mut self, local_candidates: Vec<SocketAddr>) {
        self.local_candidates = local_candidates;
    }

    pub(super) fn restart(&mut self, local: IceCredentials, now: Instant) {
        let agent = Agent::new(
            local,
            self.current.controlling(),
            self.tie_breaker,
            &self.local_candidates,
            now,
        );
        self.restarting = Some((agent, now + RESTART_TIMEOUT));
    }

    /// `false` when the credentials belong to no generation of ours.
    pub(super) fn set_remote(
        &mut self,
        remote: IceCredentials,
        candidates: &[RemoteCandidate],
        now: Instant,
    ) -> bool {
        let known = self.current.remote() == Some(&remote);
        let agent = match &mut self.restarting {
            Some((agent, _)) if !known => agent,
            _ => &mut self.current,
        };
        match agent.remote() {
            None => agent.set_remote(remote, candidates, now),
            Some(known) if *known == remote => agent.add_candidates(candidates),
            Some(_) => return false,
        }
        true
    }

    pub(super) fn add_candidates(&mut self, candidates: &[RemoteCandidate]) {
        match &mut self.restarting {
            Some((agent, _)) if agent.remote().is_some() => agent.add_candidates(candidates),
            _ => self.current.add_candidates(candidates),
        }
    }

    pub(super) fn local(&self) -> &IceCredentials {
        match &self.restarting {
            Some((agent, _)) => agent.local(),
            None => self.current.local(),
        }
    }

    pub(super) fn controlling(&self) -> bool {
        self.current.controlling()
    }

    pub(super) fn route(&self) -> Option<(SocketAddr, SocketAddr)> {
        self.current.route()
    }

    pub(super) fn knows(&self, addr: SocketAddr) -> bool {
        self.agents().any(|agent| agent.knows(addr))
    }

    pub(super) fn handle(
        &mut self,
        message: &Message<'_>,
        raw: &[u8],
        from: SocketAddr,
        to: SocketAddr,
        now: Instant,
    ) -> Result<(), DropReason> {
        let agent = self
            .agents_mut()
            .find(|agent| agent.owns(message))
            .ok_or(DropReason::UnknownStun)?;
        agent.handle(message, raw, from, to, now)?;
        self.collect(now);
        Ok(())
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        if self
            .retiring
            .as_ref()
            .is_some_and(|(_, until)| *until <= now)
        {
            self.retiring = None;
        }
        if self
            .restarting
            .as_ref()
            .is_some_and(|(_, until)| *until <= now)
        {
            self.restarting = None;
            self.events.push_back(IceEvent::RestartFailed);
        }
        for agent in self.agents_mut() {
            if agent.poll_timeout().is_some_and(|due| due <= now) {
                agent.handle_timeout(now);
            }
        }
        self.collect(now);
    }

    pub(super) fn poll_timeout(&mut self) -> Option<Instant> {
        let ends = [&self.restarting, &self.retiring]
            .into_iter()
            .flatten()
            .map(|(_, until)| *until)
            .min();
        let agents = self.agents_mut().filter_map(Agent::poll_timeout).min();
        [ends, agents].into_iter().flatten().min()
    }

    pub(super) fn poll_transmit(&mut self) -> Option<Transmit> {
        self.agents_mut().find_map(Agent::poll_transmit)
    }

    pub(super) fn poll_event(&mut self) -> Option<IceEvent> {
        self.events.pop_front()
    }

    fn collect(&mut self, now: Instant) {
        while let Some(event) = self.current.poll_event() {
            match event {
                AgentEvent::Route(local, remote) => self.announce(local, remote),
                AgentEvent::Failed => {
                    self.connected = false;
                    self.events.push_back(IceEvent::Failed);
                }
            }
        }
        self.cut_over(now);
        if let Some((retiring, _)) = &mut self.retiring {
            while retiring.poll_event().is_some() {}
        }
    }

    /// Make before break: the new agent takes over when it has a route.
    fn cut_over(&mut self, now: Instant) {
        let Some((agent, _)) = &mut self.restarting else {
            return;
        };
        // A failure of the new agent is left to the restart's own deadline: more candidates may
        // come until then.
        while agent.poll_event().is_some() {}
        let Some((local, remote)) = agent.route() else {
            return;
        };
        if let Some((agent, _)) = self.restarting.take() {
            let old = std::mem::replace(&mut self.current, agent);
            self.retiring = Some((old, now + RETIREMENT));
            self.announce(local, remote);
        }
    }

    fn announce(&mut self, local: SocketAddr, remote: SocketAddr) {
        if !self.connected {
            self.connected = true;
            self.events.push_back(IceEvent::Connected { remote });
        }
        self.events.push_back(IceEvent::Route { local, remote });
    }

    fn agents(&self) -> impl Iterator<Item = &Agent> {
        let others = [&self.restarting, &self.retiring].into_iter().flatten();
        std::iter::once(&self.current).chain(others.map(|(agent, _)| agent))
    }

    fn agents_mut(&mut self) -> impl Iterator<Item = &mut Agent> {
        let others = [&mut self.restarting, &mut self.retiring]
            .into_iter()
            .flatten();
        std::iter::once(&mut self.current).chain(others.map(|(agent, _)| agent))
    }
}
