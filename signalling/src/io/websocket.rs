//! XMPP over WebSocket (RFC 7395).

use super::clock::{self, now};
use super::server::{Shared, Waker};
use crate::connection::{Connection, Ending, Origin, Output};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use listen::websocket::{self, Decoder, Event, Violation};
use listen::{Notice, Share};
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWriteExt, ReadBuf};
use xmpp::stream::frame::{self, Frame};
use xmpp::stream::{StreamCondition, StreamError};

const READ_BYTES: usize = 4 * 1024;
/// What is collected for one write.
const WRITE_BYTES: usize = 32 * 1024;
/// A write that takes longer means that the peer does not read.
const WRITE_PATIENCE: Duration = Duration::from_secs(20);
/// Close code of a socket that is refused (RFC 6455 §7.4.1).
const POLICY: u16 = 1008;

/// Serves one socket until its end.
pub(super) async fn serve(shared: Arc<Shared>, socket: Upgraded, origin: Origin) {
    let mut socket = TokioIo::new(socket);
    let Some((connection, waker)) = shared.connection(origin) else {
        let why = "too many connections from your network address";
        let _ = write(&mut socket, &websocket::close(Some((POLICY, why)))).await;
        return;
    };
    let conversation = Conversation {
        decoder: Decoder::new(connection.limits().stanza_bytes),
        share: shared.budget.share(connection.address().network()),
        begun: None,
        connection,
        socket,
    };
    conversation.run(&shared, &waker).await;
}

/// One socket and what has come of a message that is not there yet.
struct Conversation {
    socket: TokioIo<Upgraded>,
    connection: Connection,
    decoder: Decoder,
    share: Share,
    /// When the message began that is not finished.
    begun: Option<Instant>,
}

/// The socket is over.
struct Over;

impl Conversation {
    async fn run(mut self, shared: &Shared, waker: &Waker) {
        let patience = shared.host.settings.http.body();
        let mut resume_reading: Option<Instant> = None;
        loop {
            match self.write_all().await {
                Ok(true) => {}
                Ok(false) => return,
                Err(_) => return self.connection.handle_end(Ending::Lost, now()),
            }
            // A peer that is not read from is not late.
            let unfinished = self.begun.filter(|_| resume_reading.is_none());
            let unfinished = unfinished.map(|begun| begun + patience);
            let next = clock::earlier(self.connection.poll_timeout(), resume_reading);
            let deadline = clock::earlier(next, unfinished);
            tokio::select! {
                biased;
                () = waker.woken() => {}
                () = shared.stop.cancelled(), if !self.connection.is_bound() => return,
                read = poll_fn(|context| read(&mut self.socket, &mut self.decoder, context)),
                    if resume_reading.is_none() =>
                {
                    let Ok(bytes @ 1..) = read else {
                        return self.connection.handle_end(Ending::Lost, now());
                    };
                    self.connection.handle_bytes(bytes);
                    match self.handle_frames().await {
                        Ok(pause) => resume_reading = pause,
                        Err(Over) => return self.connection.handle_end(Ending::Lost, now()),
                    }
                    if !self.share.set(self.decoder.held()) {
                        shared.notices.tell(Notice::BudgetSpent, &self.connection.address());
                        return self.connection.handle_end(Ending::Lost, now());
                    }
                }
                () = clock::sleep_until(deadline) => {
                    if resume_reading.is_some_and(|at| at <= Instant::now()) {
                        // The time in which nothing was read does not count.
                        self.begun = None;
                        match self.handle_frames().await {
                            Ok(pause) => resume_reading = pause,
                            Err(Over) => return self.connection.handle_end(Ending::Lost, now()),
                        }
                    }
                    if unfinished.is_some_and(|at| at <= Instant::now()) {
                        shared.notices.tell(Notice::Unfinished, &self.connection.address());
                        return self.connection.handle_end(Ending::Lost, now());
                    }
                    self.connection.handle_timeout(now());
                }
            }
        }
    }

    /// Takes the messages that have come, or as many as their sender may send at once; then the moment to go on.
    async fn handle_frames(&mut self) -> Result<Option<Instant>, Over> {
        while !self.connection.is_closed() {
            match self.decoder.poll_event() {
                Ok(None) => break,
                Ok(Some(event)) => {
                    // A ping may stand in the midst of a message, which is no further for it.
                    if !matches!(event, Event::Ping(_) | Event::Pong) {
                        self.begun = None;
                    }
                    self.handle_event(event).await?;
                    self.decoder.set_most(self.connection.limits().stanza_bytes);
                    if let Some(pause) = self.connection.poll_pause(now()) {
                        return Ok(Some(clock::after(pause)));
                    }
                }
                Err(Violation::TooLong) => {
                    self.refuse(StreamCondition::PolicyViolation, "a frame is too long")
                }
                Err(error) => {
                    let close = websocket::close(Some((error.code(), "")));
                    let _ = write(&mut self.socket, &close).await;
                    return Err(Over);
                }
            }
        }
        if !self.decoder.is_unfinished() {
            self.begun = None;
        } else if self.begun.is_none() {
            self.begun = Some(Instant::now());
        }
        Ok(None)
    }

    async fn handle_event(&mut self, event: Event) -> Result<(), Over> {
        match event {
            Event::Text(text) => self.handle_text(&text),
            // RFC 7395 §3.2.
            Event::Binary => self.refuse(
                StreamCondition::NotWellFormed,
                "binary frames carry no XMPP",
            ),
            Event::Ping(payload) => {
                self.connection.handle_trifle();
                let pong = websocket::pong(&payload);
                write(&mut self.socket, &pong).await.map_err(|_| Over)?;
            }
            Event::Pong => self.connection.handle_trifle(),
            // A socket that closes without <close/> is a broken one: clients come back to resume.
            Event::Close => {
                let _ = write(&mut self.socket, &websocket::close(None)).await;
                return Err(Over);
            }
        }
        Ok(())
    }

    fn refuse(&mut self, condition: StreamCondition, text: &str) {
        let error = StreamError::new(condition).with_text(text);
        self.connection.handle_bad_input(&error);
    }

    fn handle_text(&mut self, text: &str) {
        let connection = &mut self.connection;
        // Some clients keep the socket alive with white space.
        if text.trim_ascii().is_empty() {
            return connection.handle_trifle();
        }
        match frame::parse(text, &connection.limits()) {
            Ok(Frame::Open(header)) => connection.handle_header(&header, now()),
            Ok(Frame::Close { .. }) => connection.handle_end(Ending::Goodbye, now()),
            Ok(Frame::Element(element)) => connection.handle_element(&element, now()),
            Err(error) => connection.handle_bad_input(&error),
        }
    }

    /// Sends what is there; whether the socket stays open.
    async fn write_all(&mut self) -> std::io::Result<bool> {
        let mut bytes = Vec::new();
        let mut open = true;
        while open && let Some(output) = self.connection.poll_output(now()) {
            match output {
                Output::Text(text) => bytes.extend(websocket::text(&text)),
                Output::StartTls => {}
                Output::Close => {
                    bytes.extend(websocket::close(None));
                    open = false;
                }
            }
            if bytes.len() >= WRITE_BYTES {
                write(&mut self.socket, &std::mem::take(&mut bytes)).await?;
            }
        }
        if !bytes.is_empty() {
            write(&mut self.socket, &bytes).await?;
        }
        if !open {
            let _ = tokio::time::timeout(WRITE_PATIENCE, self.socket.shutdown()).await;
        }
        Ok(open)
    }
}

/// Takes what has come, by way of the stack: a socket that is silent holds no buffer. Tells how many bytes it was.
fn read(
    socket: &mut TokioIo<Upgraded>,
    decoder: &mut Decoder,
    context: &mut Context<'_>,
) -> Poll<std::io::Result<usize>> {
    let mut bytes = [0; READ_BYTES];
    let mut input = ReadBuf::new(&mut bytes);
    ready!(Pin::new(socket).poll_read(context, &mut input))?;
    decoder.handle_input(input.filled());
    Poll::Ready(Ok(input.filled().len()))
}

async fn write(socket: &mut TokioIo<Upgraded>, bytes: &[u8]) -> std::io::Result<()> {
    let writing = async {
        socket.write_all(bytes).await?;
        socket.flush().await
    };
    tokio::time::timeout(WRITE_PATIENCE, writing)
        .await
        .unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()))
}
