//! BOSH (XEP-0124, XEP-0206): a stream over HTTP requests that wait. One task for each session.

use super::clock::{self, now};
use super::server::{Shared, Waker};
use crate::connection::{Connection, Ending, Origin, Output};
use crate::render::Writer;
use futures_util::StreamExt;
use parking_lot::Mutex;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};
use xmpp::ns;
use xmpp::stream::bosh::{Body, BodyError};
use xmpp::stream::{Header, Limits};

/// Longest time that a request waits for something to say.
const MOST_WAIT: u32 = 60;
/// A session without requests is lost after this time.
const INACTIVITY: Duration = Duration::from_secs(60);
/// Requests that a client may have open.
const WINDOW: u64 = 2;
/// Greatest request id that there is (XEP-0124 §7.1).
const MOST_RID: u64 = (1 << 53) - 1;
/// What one answer carries at most, roughly.
const ANSWER_BYTES: usize = 256 * 1024;

/// Bytes of a `<body/>` and its attributes, beside what is in it.
const WRAPPER_BYTES: usize = 4 * 1024;

/// Running sessions by id.
#[derive(Default)]
pub(super) struct Sessions(Mutex<HashMap<String, Entry>>);

/// The way to a session.
struct Entry {
    sender: mpsc::Sender<Request>,
    /// What one request may carry, bytes: little before login.
    most: Arc<AtomicUsize>,
}

/// One HTTP request to a session.
struct Request {
    rid: u64,
    body: Body,
    bytes: usize,
    reply: oneshot::Sender<String>,
}

/// Reads a request, as much of it as its sender may send: what comes without the id of a session that is logged in is
/// bounded as a stanza before login is on any other transport.
pub(super) async fn read(shared: &Shared, body: axum::body::Body) -> Result<Vec<u8>, String> {
    let limits = &shared.host.settings.limits;
    let mut most = limits.unauthenticated_stanza_bytes + WRAPPER_BYTES;
    let mut bytes = Vec::new();
    let mut pieces = body.into_data_stream();
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|_| terminate("bad-request"))?;
        if bytes.len() + piece.len() > most {
            most = most.max(shared.bosh.most(&bytes));
        }
        if bytes.len() + piece.len() > most {
            shared.host.counters.dropped_malformed.increase();
            return Err(terminate("policy-violation"));
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

impl Sessions {
    /// What a request may carry that begins so. Whoever knows the id of a session speaks for it, wherever in the text it is.
    fn most(&self, beginning: &[u8]) -> usize {
        let text = String::from_utf8_lossy(beginning);
        let id = text
            .split_once("sid=")
            .and_then(|(_, rest)| rest.get(1..)?.split(['\'', '"']).next());
        let sessions = self.0.lock();
        let entry = id.and_then(|id| sessions.get(id));
        entry.map_or(0, |entry| entry.most.load(Ordering::Relaxed))
    }
}

/// Answers one HTTP request.
pub(super) async fn handle(shared: &Arc<Shared>, origin: Origin, body: &[u8]) -> String {
    let config = &shared.host.settings.limits;
    let limits = Limits {
        stanza_bytes: config.stanza_bytes.saturating_add(16 * 1024),
        depth: config.depth + 1,
        ..Limits::PARTICIPANT
    };
    let parsed = std::str::from_utf8(body)
        .ok()
        .map(|text| Body::parse(text, &limits));
    let request = match parsed {
        Some(Ok(request)) => request,
        Some(Err(BodyError::Xml(_) | BodyError::Body(_))) | None => {
            shared.host.counters.dropped_malformed.increase();
            return terminate("bad-request");
        }
    };
    let Some(rid) = request.rid.filter(|rid| *rid <= MOST_RID) else {
        return terminate("bad-request");
    };
    let (reply, answer) = oneshot::channel();
    let sessions = &shared.bosh.0;
    let sender = match &request.sid {
        Some(sid) => {
            let sender = sessions.lock().get(sid).map(|entry| entry.sender.clone());
            let Some(sender) = sender else {
                return terminate("item-not-found");
            };
            sender
        }
        None => match open(shared, origin, &request, rid) {
            Some(sender) => sender,
            None => return terminate("policy-violation"),
        },
    };
    let request = Request {
        rid,
        body: request,
        bytes: body.len(),
        reply,
    };
    if sender.send(request).await.is_err() {
        return terminate("item-not-found");
    }
    answer.await.unwrap_or_else(|_| terminate("item-not-found"))
}

fn terminate(condition: &str) -> String {
    Body::terminate(Some(condition)).render()
}

/// Takes a session out of the running ones, however its task ends.
struct Leave {
    shared: Arc<Shared>,
    sid: String,
}

impl Drop for Leave {
    fn drop(&mut self) {
        self.shared.bosh.0.lock().remove(&self.sid);
    }
}

fn open(
    shared: &Arc<Shared>,
    origin: Origin,
    request: &Body,
    rid: u64,
) -> Option<mpsc::Sender<Request>> {
    let (connection, waker) = shared.connection(origin)?;
    let sid = shared.host.random.letters(32);
    let (sender, requests) = mpsc::channel(WINDOW as usize + 2);
    let most = Arc::new(AtomicUsize::new(0));
    let entry = Entry {
        sender: sender.clone(),
        most: Arc::clone(&most),
    };
    shared.bosh.0.lock().insert(sid.clone(), entry);
    let session = Session {
        sid: sid.clone(),
        most,
        wait: Duration::from_secs(u64::from(request.wait.unwrap_or(MOST_WAIT).min(MOST_WAIT))),
        hold: request.hold.unwrap_or(1).min(1) as usize,
        next: rid,
        early: BTreeMap::new(),
        held: VecDeque::new(),
        answered: VecDeque::new(),
        pending: String::new(),
        quiet_since: Instant::now(),
        creation: true,
        closing: None,
    };
    let leave = Leave {
        shared: Arc::clone(shared),
        sid,
    };
    shared.tasks.spawn(async move {
        session
            .run(&leave.shared, connection, &waker, requests)
            .await;
    });
    Some(sender)
}

struct Session {
    sid: String,
    most: Arc<AtomicUsize>,
    wait: Duration,
    hold: usize,
    /// Request id that is expected.
    next: u64,
    /// Requests that came before their turn.
    early: BTreeMap<u64, Request>,
    /// Requests that wait for something to say, oldest first.
    held: VecDeque<(u64, Instant, oneshot::Sender<String>)>,
    /// Last answers, for a client that did not get them (XEP-0124 §14.3).
    answered: VecDeque<(u64, String)>,
    /// Stanzas for the next answer.
    pending: String,
    quiet_since: Instant,
    creation: bool,
    closing: Option<&'static str>,
}

impl Session {
    async fn run(
        mut self,
        shared: &Shared,
        mut connection: Connection,
        waker: &Waker,
        mut requests: mpsc::Receiver<Request>,
    ) {
        let mut resume_reading: Option<Instant> = None;
        loop {
            self.collect(&mut connection);
            self.answer(&connection);
            if self.closing.is_some() {
                return;
            }
            let held = self.held.front().map(|(_, since, _)| *since + self.wait);
            let quiet = self.held.is_empty().then(|| self.quiet_since + INACTIVITY);
            // Without a request there is no way to say anything, so nothing but its absence is waited for.
            let speaking = if self.held.is_empty() {
                None
            } else {
                connection.poll_timeout()
            };
            let deadline = clock::earlier(speaking, clock::earlier(held, quiet));
            tokio::select! {
                biased;
                () = waker.woken(), if !self.held.is_empty() => {}
                () = shared.stop.cancelled(), if !connection.is_bound() => return,
                request = requests.recv(), if resume_reading.is_none() => {
                    let Some(request) = request else { return };
                    self.handle_request(&mut connection, request);
                    resume_reading = connection.poll_pause(now()).map(clock::after);
                }
                () = clock::sleep_until(clock::earlier(deadline, resume_reading)) => {
                    resume_reading = resume_reading.filter(|at| *at > Instant::now());
                    if self.held.is_empty() && self.quiet_since.elapsed() >= INACTIVITY {
                        return connection.handle_end(Ending::Lost, now());
                    }
                    connection.handle_timeout(now());
                }
            }
        }
    }

    /// Takes a request in turn, or keeps it for its turn.
    fn handle_request(&mut self, connection: &mut Connection, request: Request) {
        let rid = request.rid;
        if rid < self.next {
            let again = self.answered.iter().find(|(id, _)| *id == rid);
            let text = again.map_or_else(|| terminate("item-not-found"), |(_, text)| text.clone());
            let _ = request.reply.send(text);
            return;
        }
        if rid > self.next + WINDOW {
            let _ = request.reply.send(terminate("item-not-found"));
            return;
        }
        self.early.insert(rid, request);
        while let Some(request) = self.early.remove(&self.next) {
            self.next += 1;
            self.handle_in_turn(connection, request);
        }
    }

    fn handle_in_turn(&mut self, connection: &mut Connection, request: Request) {
        let rid = self.next - 1;
        connection.handle_bytes(request.bytes);
        let header = Header {
            to: request.body.to.clone(),
            ..Header::default()
        };
        self.held.push_back((rid, Instant::now(), request.reply));
        if (self.creation && rid == self.held[0].0 && request.body.sid.is_none())
            || request.body.restart
        {
            connection.handle_header(&header, now());
        }
        for element in &request.body.payload {
            connection.handle_element(element, now());
        }
        if request.body.payload.is_empty() {
            connection.handle_trifle();
        }
        let most = connection
            .limits()
            .stanza_bytes
            .saturating_add(WRAPPER_BYTES);
        self.most.store(most, Ordering::Relaxed);
        if request.body.kind.as_deref() == Some("terminate") {
            connection.handle_end(Ending::Goodbye, now());
        }
    }

    /// Takes what the connection has to say.
    fn collect(&mut self, connection: &mut Connection) {
        if self.held.is_empty() {
            return;
        }
        while self.pending.len() < ANSWER_BYTES {
            match connection.poll_output(now()) {
                Some(Output::Text(text)) => self.pending.push_str(&text),
                Some(Output::StartTls) => {}
                Some(Output::Close) => {
                    let failed = self.pending.contains("<stream:error");
                    self.closing = Some(if failed { "remote-stream-error" } else { "" });
                    return;
                }
                None => return,
            }
        }
    }

    /// Answers the requests that need not wait.
    fn answer(&mut self, connection: &Connection) {
        if self.closing.is_some() {
            while let Some((rid, _, reply)) = self.held.pop_front() {
                let text = self.body(connection);
                self.reply(rid, reply, text);
            }
            return;
        }
        while let Some((_, since, _)) = self.held.front() {
            let due = !self.pending.is_empty()
                || self.held.len() > self.hold
                || since.elapsed() >= self.wait;
            if !due {
                return;
            }
            if let Some((rid, _, reply)) = self.held.pop_front() {
                let text = self.body(connection);
                self.reply(rid, reply, text);
            }
        }
    }

    fn reply(&mut self, rid: u64, reply: oneshot::Sender<String>, text: String) {
        self.answered.push_back((rid, text.clone()));
        if self.answered.len() > WINDOW as usize {
            self.answered.pop_front();
        }
        self.quiet_since = Instant::now();
        let _ = reply.send(text);
    }

    fn body(&mut self, connection: &Connection) -> String {
        let mut writer = Writer::fragment();
        writer.open("body", ns::HTTPBIND).attr("sid", &self.sid);
        writer.attr("xmlns:stream", ns::STREAM);
        if std::mem::take(&mut self.creation) {
            writer.attr("wait", &self.wait.as_secs().to_string());
            writer
                .attr("requests", &WINDOW.to_string())
                .attr("hold", &self.hold.to_string());
            writer
                .attr("inactivity", &INACTIVITY.as_secs().to_string())
                .attr("polling", "5");
            writer
                .attr("ver", "1.6")
                .attr("secure", "true")
                .attr("authid", &self.sid);
            writer.attr("from", connection.domain());
            writer
                .attr("xmlns:xmpp", ns::XBOSH)
                .attr("xmpp:version", "1.0");
            writer.attr("xmpp:restartlogic", "true");
        }
        if let Some(condition) = self.closing {
            writer.attr("type", "terminate");
            writer.opt(
                "condition",
                Some(condition).filter(|condition| !condition.is_empty()),
            );
        }
        // The answer's stanzas declare their namespaces themselves.
        writer.raw(&std::mem::take(&mut self.pending));
        writer.into_fragment()
    }
}
