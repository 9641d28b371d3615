//! The run loop: XMPP client, clock and HTTP around the [`Director`].

mod cors;
mod http;
mod metrics;
mod password;

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use private::Gate;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use xmpp::Element;
use xmpp::client::{Client, ClientHandle, Config as ClientConfig, Connector, Event};
use xmpp::conference::{ConferenceAnswer, ConferenceRequest};
use xmpp::stanza::StanzaError;

use crate::config::Config;
use crate::context::Random;
use crate::director::{Director, Output, RequestId};
use crate::settings::{ConfigError, Settings};

/// Events that may wait.
const QUEUE: usize = 16_384;
/// HTTP requests that may wait.
const COMMANDS: usize = 1_024;
/// Events taken in while a stanza waits to be sent.
const MAX_BACKLOG: usize = 262_144;
/// Time that the server has to take what the focus says at its end.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// Events handled before the outgoing stanzas are written.
const BATCH: usize = 64;

/// Why the focus cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration cannot be used.
    #[error("configuration of the focus: {0}")]
    Config(#[from] ConfigError),
    /// The password file cannot be read.
    #[error("the focus's password cannot be read from {path}: {error}")]
    Password {
        /// The file.
        path: String,
        /// Why.
        error: std::io::Error,
    },
}

type Answer = Result<ConferenceAnswer, StanzaError>;

/// Something that the run loop evaluates for an operator.
type Look = Box<dyn FnOnce(&mut Director, Instant) + Send>;

enum Command {
    Request {
        request: Box<ConferenceRequest>,
        /// Where it comes from.
        caller: Option<IpAddr>,
        answer: oneshot::Sender<Answer>,
    },
    Look(Look),
    /// The focus ends; what is yet to be said goes out first.
    End,
}

/// A running focus.
#[derive(Debug)]
pub struct Focus {
    client: ClientHandle,
    access: http::Access,
    task: JoinHandle<()>,
}

impl Focus {
    /// Starts a focus on the current tokio runtime. It connects, and stays connected, by itself.
    ///
    /// # Errors
    /// [`StartError`] when the configuration cannot be used.
    pub fn start(config: Config, connector: Connector) -> Result<Self, StartError> {
        password::check(&config)?;
        let settings = Settings::new(config)?;
        let mut client_config = ClientConfig::new(settings.account.clone(), connector);
        match (&settings.config.password, &settings.config.password_file) {
            (Some(password), _) => {
                client_config = client_config.with_password(password.0.clone());
            }
            (None, file) => client_config.password_file.clone_from(file),
        }
        if !settings.config.resource.is_empty() {
            client_config = client_config.with_resource(settings.config.resource.clone());
        }
        client_config.queue = QUEUE;
        let client = Client::start(client_config);
        let handle = client.handle();
        let (commands, receiver) = mpsc::channel(COMMANDS);
        let cors = Arc::from(settings.config.cors_origins.clone());
        let director = Director::new(Arc::new(settings), Box::new(ThreadRandom));
        let task = tokio::spawn(run(client, director, receiver));
        Ok(Self {
            client: handle,
            access: http::Access { commands, cors },
            task,
        })
    }

    /// Only what clients use, for a server that faces the public: conference requests.
    pub fn client_router(&self) -> Router {
        http::client_router(self.access.clone())
    }

    /// Conference requests, health, version, metrics, debugging and moving of conferences, for a program that lets nobody
    /// else reach them. Serve it with [`listen::http::Server`], which tells who calls.
    pub fn http_router(&self) -> Router {
        http::client_router(self.access.clone())
            .merge(http::telling_router(self.access.clone()))
            .merge(http::orders_router(self.access.clone()))
    }

    /// Only what those who run the service use: health, version and metrics, and, for those whom the gate admits, debugging
    /// and moving.
    pub fn private_router(&self, gate: &Arc<Gate>) -> Router {
        let orders = http::orders_router(self.access.clone());
        http::telling_router(self.access.clone()).merge(gate.guard(orders))
    }

    /// Conference requests, and what [`Focus::private_router`] has.
    pub fn guarded_router(&self, gate: &Arc<Gate>) -> Router {
        self.client_router().merge(self.private_router(gate))
    }

    /// Ends without a goodbye: rooms and media go on, and clients do not see the focus leave if its
    /// successor comes before the server gives up its session. They reload their page when it leaves.
    pub async fn shutdown(self) {
        let end = async {
            let _ = self.access.commands.send(Command::End).await;
            let _ = self.task.await;
            self.client.vanish().await;
        };
        if tokio::time::timeout(Duration::from_secs(5), end)
            .await
            .is_err()
        {
            tracing::warn!("the focus did not end within 5 s");
        }
    }
}

struct ThreadRandom;

impl Random for ThreadRandom {
    fn next_u64(&mut self) -> u64 {
        rand::random()
    }
}

/// Priorities: events of the XMPP client, then HTTP, then deadlines; every round ends with writing.
async fn run(client: Client, mut director: Director, mut commands: mpsc::Receiver<Command>) {
    let (handle, mut events) = client.into_parts();
    let mut backlog = VecDeque::new();
    let mut answers: HashMap<RequestId, oneshot::Sender<Answer>> = HashMap::new();
    let mut next_request = 0_u64;
    let mut end_by: Option<Instant> = None;
    loop {
        // What the server has not confirmed, a successor might ask for too early.
        if end_by.is_some_and(|by| !director.is_keeping() || by <= Instant::now()) {
            break;
        }
        let deadline = director.poll_timeout().into_iter().chain(end_by).min();
        tokio::select! {
            biased;
            event = next_event(&mut backlog, &mut events) => {
                let Some(event) = event else { break };
                let now = Instant::now();
                handle_event(&mut director, event, now);
                for _ in 1..BATCH {
                    let Some(event) = backlog.pop_front().or_else(|| events.try_recv().ok()) else { break };
                    handle_event(&mut director, event, now);
                }
            }
            Some(command) = commands.recv() => match command {
                Command::Request { request, caller, answer } => {
                    next_request += 1;
                    answers.retain(|_, waiting| !waiting.is_closed());
                    answers.insert(RequestId(next_request), answer);
                    director.handle_request(RequestId(next_request), caller, &request, Instant::now());
                }
                Command::Look(look) => look(&mut director, Instant::now()),
                Command::End => {
                    director.handle_end(Instant::now());
                    end_by = Some(Instant::now() + LAST_WORDS);
                }
            },
            () = sleep_until(deadline) => {}
        }
        let now = Instant::now();
        if director.poll_timeout().is_some_and(|at| at <= now) {
            director.handle_timeout(now);
        }
        while let Some(output) = director.poll_output() {
            match output {
                Output::Send(stanza) => {
                    // The end of the client shows in its events.
                    send(&handle, stanza, &mut events, &mut backlog).await;
                }
                Output::Answered(id, answer) => {
                    if let Some(waiting) = answers.remove(&id) {
                        let _ = waiting.send(answer);
                    }
                }
            }
        }
    }
}

async fn next_event(
    backlog: &mut VecDeque<Event>,
    events: &mut mpsc::Receiver<Event>,
) -> Option<Event> {
    match backlog.pop_front() {
        Some(event) => Some(event),
        None => events.recv().await,
    }
}

/// Sends a stanza. While the client's queue is full, events are taken from it all the same: it may have
/// to read acknowledgements before it can write, and it reads only while somebody takes what it reads.
async fn send(
    handle: &ClientHandle,
    stanza: Element,
    events: &mut mpsc::Receiver<Event>,
    backlog: &mut VecDeque<Event>,
) {
    let mut sending = std::pin::pin!(handle.send(stanza));
    loop {
        tokio::select! {
            biased;
            _ = &mut sending => return,
            event = events.recv(), if backlog.len() < MAX_BACKLOG => match event {
                Some(event) => backlog.push_back(event),
                None => return,
            },
        }
    }
}

fn handle_event(director: &mut Director, event: Event, now: Instant) {
    match event {
        Event::Online { jid, resumed } => {
            tracing::info!(%jid, resumed, "the focus is online");
            director.handle_online(jid, resumed, now);
        }
        Event::Element(stanza) => director.handle_stanza(&stanza, now),
        Event::Offline { reason } => {
            tracing::warn!(%reason, "the focus is offline and connects again; running media is not affected");
            director.handle_offline();
        }
    }
}

async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}
