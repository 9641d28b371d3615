//! The client's task: connects, keeps the connection, connects again.

use std::collections::VecDeque;
use std::pin::pin;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until, timeout};
use tracing::{debug, info, warn};

use super::backoff::Backoff;
use super::connection::{Connection, READ_BYTES};
use super::handle::Command;
use super::negotiation::{Management, Outcome, Ticket, establish};
use super::requests::Requests;
use super::{Config, ConnectError, Event, RequestError};
use crate::sm::{Inbound, Nonza, Outbound};
use crate::stanza::{self, IqType};
use crate::stream::{self, StreamError, write};
use crate::{Element, FullJid, ns, ping};

/// Bytes that may wait for the socket before no more commands are taken.
const WRITE_BYTES: usize = 256 * 1024;
/// Stanzas after which an acknowledgement is asked for.
const ACK_EVERY: usize = 16;
/// Stanzas that may be unacknowledged before no more commands are taken.
const MAX_UNACKNOWLEDGED: usize = 8192;

/// Why a connected time ended.
enum End {
    Lost(ConnectError),
    Close(Option<oneshot::Sender<()>>),
}

/// What survives from one connection to the next.
struct Session {
    config: Config,
    commands: mpsc::Receiver<Command>,
    events: mpsc::Sender<Event>,
    requests: Requests,
    jid: Option<FullJid>,
    /// Id for resumption.
    previd: Option<String>,
    inbound: Inbound,
    outbound: Outbound<Element>,
    /// Whether `outbound` is in use.
    managed: bool,
    /// What the owner has not taken yet. The server counts it as handled, so that it must not be
    /// lost with the connection.
    /// Stanzas that arrived before the session had begun.
    early: VecDeque<Element>,
    pending: Option<Event>,
}

/// Runs a client until it is closed or nobody holds it any more.
pub(super) async fn run(
    config: Config,
    commands: mpsc::Receiver<Command>,
    events: mpsc::Sender<Event>,
) {
    let mut backoff = Backoff::new(config.reconnect_min, config.reconnect_max);
    let mut session = Session {
        requests: Requests::new(config.max_requests),
        config,
        commands,
        events,
        jid: None,
        previd: None,
        inbound: Inbound::default(),
        outbound: Outbound::default(),
        managed: false,
        early: VecDeque::new(),
        pending: None,
    };
    let done = session.run(&mut backoff).await;
    session.requests.fail_all(&RequestError::Closed);
    session.commands.close();
    if let Some(done) = done {
        let _ = done.send(());
    }
}

impl Session {
    /// Returns who asked for the end.
    async fn run(&mut self, backoff: &mut Backoff) -> Option<oneshot::Sender<()>> {
        let mut reported = false;
        loop {
            let config = self.config.clone();
            let ticket = self.ticket();
            let attempt = async move {
                match timeout(config.connect_timeout, establish(&config, ticket)).await {
                    Ok(result) => result,
                    Err(_) => Err(ConnectError::TimedOut),
                }
            };
            let error = match self.while_offline(attempt).await {
                Err(done) => return done,
                Ok(Err(error)) => error,
                Ok(Ok((connection, outcome))) => {
                    let since = Instant::now();
                    let end = match self.begin(outcome) {
                        Ok(event) => self.online(connection, event).await,
                        Err(error) => End::Lost(error),
                    };
                    if since.elapsed() >= self.config.reconnect_max {
                        backoff.reset();
                    }
                    reported = false;
                    match end {
                        End::Lost(error) => error,
                        End::Close(done) => return done,
                    }
                }
            };
            let wait = backoff.next(rand::random());
            let connector = &self.config.connector;
            if reported {
                debug!(%connector, %error, ?wait, "XMPP server still not reached");
            } else {
                reported = true;
                warn!(%connector, %error, ?wait, "XMPP connection lost or not made; trying again");
                let reason = error.to_string();
                let events = self.events.clone();
                let pending = self.pending.take();
                let report = async move {
                    if let Some(event) = pending {
                        events.send(event).await?;
                    }
                    events.send(Event::Offline { reason }).await
                };
                match self.while_offline(report).await {
                    Err(done) => return done,
                    Ok(Err(_)) => return None,
                    Ok(Ok(())) => {}
                }
            }
            if let Err(done) = self.while_offline(tokio::time::sleep(wait)).await {
                return done;
            }
        }
    }

    /// Forgets the session: it cannot be resumed.
    fn give_up(&mut self) {
        self.previd = None;
        self.outbound = Outbound::default();
        self.requests.fail_all(&RequestError::Disconnected);
    }

    fn ticket(&self) -> Option<Ticket> {
        Some(Ticket {
            previd: self.previd.clone()?,
            h: self.inbound.h(),
        })
    }

    /// Waits for something while there is no connection, and takes commands meanwhile. `Err`: the
    /// client is to end.
    async fn while_offline<F: Future>(
        &mut self,
        future: F,
    ) -> Result<F::Output, Option<oneshot::Sender<()>>> {
        let mut future = pin!(future);
        loop {
            if self.previd.is_some() && self.outbound.len() >= MAX_UNACKNOWLEDGED {
                warn!("too many stanzas wait for the XMPP server; the session is given up");
                self.give_up();
            }
            let resumable = self.previd.is_some();
            tokio::select! {
                output = &mut future => return Ok(output),
                command = self.commands.recv() => match command {
                    None => return Err(None),
                    Some(Command::Close { done } | Command::Vanish { done }) => return Err(Some(done)),
                    Some(Command::Forget { id }) => self.requests.forget(&id),
                    Some(Command::Send(stanza)) => {
                        if resumable && stanza::is_stanza(&stanza) {
                            self.outbound.push(stanza);
                        }
                    }
                    Some(Command::Request { iq, answer }) => {
                        if !resumable {
                            let _ = answer.send(Err(RequestError::Disconnected));
                        } else if self.requests.add(&iq, answer) {
                            self.outbound.push(iq);
                        }
                    }
                },
            }
        }
    }

    /// Takes over what negotiation found.
    fn begin(&mut self, outcome: Outcome) -> Result<Event, ConnectError> {
        match outcome {
            Outcome::Resumed { h } => {
                if self.outbound.acknowledge(h).is_err() {
                    self.previd = None;
                    return Err(ConnectError::WrongCount);
                }
                let Some(jid) = self.jid.clone() else {
                    self.previd = None;
                    return Err(ConnectError::WrongCount);
                };
                info!(%jid, "XMPP session resumed");
                Ok(Event::Online { jid, resumed: true })
            }
            Outcome::New {
                jid,
                management,
                early,
            } => {
                self.early = early.into();
                info!(%jid, connector = %self.config.connector, "XMPP session begun");
                self.requests.fail_all(&RequestError::Disconnected);
                self.inbound = Inbound::default();
                self.outbound = Outbound::default();
                self.managed = management != Management::None;
                self.previd = match management {
                    Management::On(previd) => previd,
                    Management::None => None,
                };
                self.jid = Some(jid.clone());
                Ok(Event::Online {
                    jid,
                    resumed: false,
                })
            }
        }
    }

    /// Serves one connection until it ends.
    async fn online(&mut self, connection: Connection, first: Event) -> End {
        let Connection { io, mut parser, .. } = connection;
        let (mut reader, mut writer) = tokio::io::split(io);
        let mut input = vec![0; READ_BYTES];
        let mut out = Output::default();
        for stanza in self.outbound.unacknowledged() {
            out.element(stanza);
        }
        self.pending = Some(first);
        let mut alive = Liveness::new(Instant::now(), &self.config);
        let events = self.events.clone();
        loop {
            while self.pending.is_none() {
                if let Some(stanza) = self.early.pop_front() {
                    self.pending = self.receive(stanza);
                    continue;
                }
                match parser.poll_event() {
                    Ok(None) => break,
                    Ok(Some(event)) => match self.handle(event, &mut out) {
                        Ok(event) => self.pending = event,
                        Err(error) => return End::Lost(error),
                    },
                    Err(error) => {
                        // The server is told why, as far as the socket takes it at once.
                        out.element(&Element::from(&error));
                        out.text(write::STREAM_CLOSE);
                        let _ =
                            timeout(Duration::from_millis(100), writer.write_all(&out.bytes)).await;
                        return End::Lost(ConnectError::Protocol(error.to_string()));
                    }
                }
            }
            let room = out.bytes.len() < WRITE_BYTES && self.outbound.len() < MAX_UNACKNOWLEDGED;
            tokio::select! {
                permit = events.reserve(), if self.pending.is_some() => match (permit, self.pending.take()) {
                    (Ok(permit), Some(event)) => permit.send(event),
                    // Nobody takes events: nobody wants the client.
                    _ => return End::Close(None),
                },
                read = reader.read(&mut input), if self.pending.is_none() => match read {
                    Ok(0) => return End::Lost(ConnectError::Closed),
                    Ok(n) => {
                        alive.handle_input(Instant::now());
                        parser.handle_input(&input[..n]);
                    }
                    Err(error) => return End::Lost(error.into()),
                },
                written = out.write_to(&mut writer), if out.is_waiting() => match written {
                    Ok(written) => out.handle_written(written),
                    Err(error) => return End::Lost(error.into()),
                },
                command = self.commands.recv(), if room => match command {
                    None => {
                        close(&mut reader, &mut writer, &mut out).await;
                        return End::Close(None);
                    }
                    Some(Command::Close { done }) => {
                        close(&mut reader, &mut writer, &mut out).await;
                        return End::Close(Some(done));
                    }
                    Some(Command::Vanish { done }) => {
                        let last = async {
                            writer.write_all(&out.bytes).await?;
                            writer.flush().await
                        };
                        let _ = timeout(Duration::from_secs(1), last).await;
                        return End::Close(Some(done));
                    }
                    Some(Command::Send(stanza)) => self.send(stanza, &mut out),
                    Some(Command::Request { iq, answer }) => {
                        if self.requests.add(&iq, answer) {
                            self.send(iq, &mut out);
                        }
                    }
                    Some(Command::Forget { id }) => self.requests.forget(&id),
                },
                () = sleep_until(alive.deadline()) => {
                    if self.pending.is_some() {
                        // The owner is slow, so nothing was read: that says nothing of the server.
                        alive.handle_input(Instant::now());
                    } else if alive.is_waiting() {
                        return End::Lost(ConnectError::Dead);
                    } else {
                        alive.handle_ping(Instant::now());
                        self.ping(&mut out);
                    }
                }
            }
        }
    }

    fn send(&mut self, stanza: Element, out: &mut Output) {
        out.element(&stanza);
        if self.managed && stanza::is_stanza(&stanza) {
            self.outbound.push(stanza);
            out.unrequested += 1;
            if out.unrequested >= ACK_EVERY {
                out.unrequested = 0;
                out.element(&Nonza::Request.into());
            }
        }
    }

    fn ping(&mut self, out: &mut Output) {
        if self.managed {
            out.unrequested = 0;
            out.element(&Nonza::Request.into());
        } else if let Some(jid) = &self.jid {
            let id = format!("{PING_ID}{}", stanza::new_id());
            let domain = crate::Jid::from_parts(None, jid.domain(), None);
            out.element(&stanza::iq(
                IqType::Get,
                &id,
                Some(&domain),
                Some(ping::request()),
            ));
        }
    }

    /// Takes what the server sent; returns what is for the owner.
    fn handle(
        &mut self,
        event: stream::Event,
        out: &mut Output,
    ) -> Result<Option<Event>, ConnectError> {
        let element = match event {
            stream::Event::Element(element) => element,
            stream::Event::StreamClose => return Err(ConnectError::Closed),
            stream::Event::StreamOpen(_) => {
                return Err(ConnectError::Protocol("a second stream header".to_owned()));
            }
        };
        if element.has_ns(ns::SM) {
            match Nonza::try_from(&element) {
                Ok(Nonza::Request) => {
                    let h = self.inbound.h();
                    out.element(&Nonza::Ack { h }.into());
                }
                Ok(Nonza::Ack { h }) => {
                    if self.outbound.acknowledge(h).is_err() {
                        self.previd = None;
                        return Err(ConnectError::WrongCount);
                    }
                }
                _ => debug!(
                    name = element.name(),
                    "ignoring an element of stream management"
                ),
            }
            return Ok(None);
        }
        if let Ok(error) = StreamError::try_from(&element) {
            // The server ended the session, not only the connection.
            self.previd = None;
            return Err(ConnectError::Stream(error));
        }
        if !stanza::is_stanza(&element) {
            debug!(
                name = element.name(),
                "ignoring an element that is no stanza"
            );
            return Ok(None);
        }
        self.inbound.count();
        Ok(self.receive(element))
    }

    /// Takes a stanza; returns what is for the owner.
    fn receive(&mut self, element: Element) -> Option<Event> {
        if stanza::id(&element).is_some_and(|id| id.starts_with(PING_ID))
            && matches!(
                stanza::iq_type(&element),
                Some(IqType::Result | IqType::Error)
            )
        {
            return None;
        }
        let jid = self.jid.as_ref()?;
        self.requests.handle(element, jid).map(Event::Element)
    }
}

/// How ids of own pings begin.
const PING_ID: &str = "keepalive-";

/// Bytes on their way to the socket.
#[derive(Default)]
struct Output {
    bytes: Vec<u8>,
    /// Something was written since the last flush.
    flush: bool,
    /// Stanzas since an acknowledgement was last asked for.
    unrequested: usize,
    text: String,
}

impl Output {
    fn element(&mut self, element: &Element) {
        self.text.clear();
        write::append_in_stream(&mut self.text, element);
        self.bytes.extend_from_slice(self.text.as_bytes());
    }

    fn text(&mut self, text: &str) {
        self.bytes.extend_from_slice(text.as_bytes());
    }

    fn is_waiting(&self) -> bool {
        self.flush || !self.bytes.is_empty()
    }

    /// Writes what the socket takes, or flushes. Nothing is lost if this is dropped half-way.
    async fn write_to(&self, writer: &mut (impl AsyncWrite + Unpin)) -> std::io::Result<usize> {
        if self.bytes.is_empty() {
            writer.flush().await?;
            return Ok(0);
        }
        match writer.write(&self.bytes).await? {
            0 => Err(std::io::ErrorKind::WriteZero.into()),
            written => Ok(written),
        }
    }

    /// Takes what [`write_to`](Self::write_to) returned.
    fn handle_written(&mut self, written: usize) {
        self.flush = written > 0;
        self.bytes.drain(..written);
    }
}

/// Says when to ping and when to give up.
struct Liveness {
    interval: Duration,
    timeout: Duration,
    deadline: Instant,
    waiting: bool,
}

impl Liveness {
    fn new(now: Instant, config: &Config) -> Self {
        Self {
            interval: config.ping_interval,
            timeout: config.ping_timeout,
            deadline: now + config.ping_interval,
            waiting: false,
        }
    }

    fn handle_input(&mut self, now: Instant) {
        self.waiting = false;
        self.deadline = now + self.interval;
    }

    fn handle_ping(&mut self, now: Instant) {
        self.waiting = true;
        self.deadline = now + self.timeout;
    }

    fn is_waiting(&self) -> bool {
        self.waiting
    }

    fn deadline(&self) -> Instant {
        self.deadline
    }
}

/// Closes the stream and waits shortly for the server to do the same (RFC 6120 §4.4).
async fn close(
    reader: &mut (impl AsyncRead + Unpin),
    writer: &mut (impl AsyncWrite + Unpin),
    out: &mut Output,
) {
    out.text(write::STREAM_CLOSE);
    let goodbye = async {
        writer.write_all(&out.bytes).await?;
        writer.flush().await?;
        let mut rest = [0; 1024];
        while reader.read(&mut rest).await? > 0 {
            if rest
                .windows(16)
                .any(|window| window == write::STREAM_CLOSE.as_bytes())
            {
                break;
            }
        }
        writer.shutdown().await
    };
    let _ = timeout(Duration::from_secs(1), goodbye).await;
}
