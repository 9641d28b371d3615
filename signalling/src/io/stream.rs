//! XMPP over byte streams: TCP, TLS, and memory.

use super::clock::{self, now};
use super::server::{Shared, Waker};
use crate::addresses::{Address, Permit};
use crate::connection::{Connection, Ending, Framing, Origin, Output, Query};
use listen::{Door, Notice, Places, Visitor, first_byte};
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use xmpp::stream::{Event, Parser};

const READ_BYTES: usize = 4 * 1024;
/// What is collected for one write.
const WRITE_BYTES: usize = 32 * 1024;
/// A write that takes longer means that the peer does not read.
const WRITE_PATIENCE: Duration = Duration::from_secs(20);

/// Accepts connections until the server stops.
pub(super) async fn accept(shared: Arc<Shared>, listener: TcpListener, direct_tls: bool) {
    let notices = Arc::clone(&shared.notices);
    let door = Door::new(listener, Places::of_process(), notices);
    loop {
        let visitor = door.accept().await;
        let origin = Origin {
            framing: Framing::Tcp,
            address: Address::of(visitor.peer.ip()),
            encrypted: direct_tls,
            can_encrypt: shared.tls.is_some(),
            query: Query::default(),
        };
        let Some(permit) = shared.admit(origin.address) else {
            continue;
        };
        let task = Arc::clone(&shared);
        shared
            .tasks
            .spawn(async move { serve_socket(&task, visitor, permit, origin, direct_tls).await });
    }
}

async fn serve_socket(
    shared: &Shared,
    visitor: Visitor,
    permit: Permit,
    origin: Origin,
    direct_tls: bool,
) {
    let Visitor { socket, place, .. } = visitor;
    let _place = place;
    let since = now();
    // Whoever says nothing costs a socket and no buffers.
    let patience = shared.host.settings.limits.unauthenticated;
    let _ = tokio::time::timeout(patience, first_byte(&socket)).await;
    let (mut connection, waker) = shared.admitted(origin, permit, since);
    let mut parser = Parser::new(connection.limits());
    let socket = if direct_tls {
        socket
    } else {
        let clear = Box::pin(serve(shared, socket, &mut connection, &mut parser, &waker));
        let Some(socket) = clear.await else { return };
        // What came in the clear after <starttls/> must not count as if it came encrypted.
        parser.discard_input();
        parser.restart();
        connection.handle_encrypted(now());
        socket
    };
    Box::pin(serve_tls(
        shared,
        socket,
        &mut connection,
        &mut parser,
        &waker,
    ))
    .await;
}

async fn serve_tls(
    shared: &Shared,
    socket: TcpStream,
    connection: &mut Connection,
    parser: &mut Parser,
    waker: &Waker,
) {
    let Some(acceptor) = &shared.tls else { return };
    let patience = shared.host.settings.http.handshake();
    match tokio::time::timeout(patience, acceptor.accept(socket)).await {
        Ok(Ok(socket)) => {
            serve(shared, socket, connection, parser, waker).await;
        }
        Ok(Err(error)) => tracing::debug!(%error, "TLS handshake failed"),
        Err(_) => shared
            .notices
            .tell(Notice::Handshake, &connection.address()),
    }
}

/// Serves a connection inside the process.
pub(super) async fn serve_in_memory(shared: &Shared, socket: DuplexStream, origin: Origin) {
    if let Some((mut connection, waker)) = shared.connection(origin) {
        let mut parser = Parser::new(connection.limits());
        serve(shared, socket, &mut connection, &mut parser, &waker).await;
    }
}

/// What to do after output.
enum Next {
    Read,
    StartTls,
    Close,
}

/// Serves until the end, or until TLS starts; then the socket comes back.
async fn serve<S>(
    shared: &Shared,
    mut socket: S,
    connection: &mut Connection,
    parser: &mut Parser,
    waker: &Waker,
) -> Option<S>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut resume_reading: Option<Instant> = None;
    connection.take_restart();
    loop {
        match write_all(&mut socket, connection).await {
            Ok(Next::Read) => {}
            Ok(Next::StartTls) => return Some(socket),
            Ok(Next::Close) => {
                let _ = tokio::time::timeout(WRITE_PATIENCE, socket.shutdown()).await;
                return None;
            }
            Err(_) => {
                connection.handle_end(Ending::Lost, now());
                return None;
            }
        }
        let deadline = clock::earlier(connection.poll_timeout(), resume_reading);
        tokio::select! {
            biased;
            () = waker.woken() => {}
            () = shared.stop.cancelled(), if !connection.is_bound() => return None,
            read = poll_fn(|context| read(&mut socket, parser, context)),
                if resume_reading.is_none() => match read
            {
                Ok(0) | Err(_) => {
                    connection.handle_end(Ending::Lost, now());
                    return None;
                }
                Ok(bytes) => {
                    connection.handle_bytes(bytes);
                    handle_events(connection, parser);
                    resume_reading = connection.poll_pause(now()).map(clock::after);
                }
            },
            () = clock::sleep_until(deadline) => {
                resume_reading = resume_reading.filter(|at| *at > Instant::now());
                connection.handle_timeout(now());
            }
        }
    }
}

/// Takes what has come, by way of the stack: a socket that is silent holds no buffer. Tells how many bytes it was.
fn read<S: AsyncRead + Unpin>(
    socket: &mut S,
    parser: &mut Parser,
    context: &mut Context<'_>,
) -> Poll<std::io::Result<usize>> {
    let mut bytes = [0; READ_BYTES];
    let mut input = ReadBuf::new(&mut bytes);
    ready!(Pin::new(socket).poll_read(context, &mut input))?;
    parser.handle_input(input.filled());
    Poll::Ready(Ok(input.filled().len()))
}

fn handle_events(connection: &mut Connection, parser: &mut Parser) {
    while !connection.is_closed() {
        match parser.poll_event() {
            Ok(None) => return,
            Ok(Some(Event::StreamOpen(header))) => connection.handle_header(&header, now()),
            Ok(Some(Event::Element(element))) => connection.handle_element(&element, now()),
            Ok(Some(Event::StreamClose)) => return connection.handle_end(Ending::Goodbye, now()),
            Err(error) => return connection.handle_bad_input(&error),
        }
        if connection.wants_tls() {
            return;
        }
        if connection.take_restart() {
            parser.set_limits(connection.limits());
            parser.restart();
        }
    }
}

async fn write_all<S>(socket: &mut S, connection: &mut Connection) -> std::io::Result<Next>
where
    S: AsyncWrite + Unpin,
{
    let mut text = String::new();
    let next = loop {
        match connection.poll_output(now()) {
            None => break Next::Read,
            Some(Output::Text(more)) if text.is_empty() => text = more,
            Some(Output::Text(more)) => text.push_str(&more),
            Some(Output::StartTls) => break Next::StartTls,
            Some(Output::Close) => break Next::Close,
        }
        if text.len() >= WRITE_BYTES {
            write(socket, &text).await?;
            text.clear();
        }
    };
    if !text.is_empty() {
        write(socket, &text).await?;
    }
    Ok(next)
}

async fn write<S: AsyncWrite + Unpin>(socket: &mut S, text: &str) -> std::io::Result<()> {
    let writing = async {
        socket.write_all(text.as_bytes()).await?;
        socket.flush().await
    };
    tokio::time::timeout(WRITE_PATIENCE, writing)
        .await
        .unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()))
}
