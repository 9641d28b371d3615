//! What strangers may cost a listener of HTTP.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Extension;
use axum::http::{Request, Response};
use axum::routing::{get, post};
use listen::http::{Config, Server};
use listen::{Caller, Proxies};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

/// Nothing here takes longer, unless it hangs.
const PATIENCE: Duration = Duration::from_secs(10);
/// More than any answer here takes on a busy machine.
const LONG: f64 = 60.0;

fn patient() -> Config {
    Config {
        handshake_seconds: LONG,
        head_seconds: LONG,
        body_seconds: LONG,
        idle_seconds: LONG,
        send_seconds: LONG,
        ..Config::default()
    }
}

fn router() -> Router {
    Router::new()
        .route("/", get(|| async { "hello" }))
        .route(
            "/who",
            get(|Extension(Caller(address))| async move { format!("{address}") }),
        )
        .route(
            "/length",
            post(|body: Bytes| async move { body.len().to_string() }),
        )
        .route("/socket", get(connect))
        .route("/never", get(std::future::pending::<()>))
        .route("/much", get(|| async { "x".repeat(64 * 1024 * 1024) }))
}

async fn connect(mut request: Request<Body>) -> Response<Body> {
    match listen::websocket::upgrade(&mut request, "xmpp") {
        Ok(upgrade) => upgrade.response,
        Err(refusal) => *refusal.unwrap(),
    }
}

/// Serves on a port of its own until the test ends.
async fn serve(server: Server) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(server.serve(listener, router()));
    address
}

fn public(config: &Config) -> Server {
    Server::public("a test", config, CancellationToken::new())
}

async fn open(address: SocketAddr, text: &str) -> TcpStream {
    let mut socket = TcpStream::connect(address).await.unwrap();
    socket.write_all(text.as_bytes()).await.unwrap();
    socket
}

/// Everything until the listener closes.
async fn rest(mut socket: TcpStream) -> String {
    let mut bytes = Vec::new();
    let read = tokio::time::timeout(PATIENCE, socket.read_to_end(&mut bytes));
    // A reset is an end as well.
    let _ = read.await.expect("the connection stays open");
    String::from_utf8(bytes).unwrap()
}

/// The answer to a request on an open connection.
async fn ask(socket: &mut TcpStream, request: &str) -> String {
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut bytes = [0; 4096];
    let read = tokio::time::timeout(PATIENCE, socket.read(&mut bytes));
    let read = read.await.unwrap().unwrap();
    String::from_utf8(bytes[..read].to_vec()).unwrap()
}

#[tokio::test]
async fn who_sends_no_request_is_let_go() {
    let address = serve(public(&Config {
        head_seconds: 0.2,
        ..patient()
    }))
    .await;
    for beginning in ["", "G", "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "] {
        assert_eq!(
            rest(open(address, beginning).await).await,
            "",
            "{beginning}"
        );
    }
}

#[tokio::test]
async fn a_head_that_trickles_has_one_deadline_for_all_of_it() {
    let address = serve(public(&Config {
        head_seconds: 0.5,
        ..patient()
    }))
    .await;
    let mut socket = open(address, "GET / HTTP/1.1\r\n").await;
    let begin = Instant::now();
    while socket.write_all(b"X-Slow: 1\r\n").await.is_ok() {
        assert!(begin.elapsed() < PATIENCE, "it may trickle for ever");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_body_has_a_deadline_and_the_sender_is_told() {
    let address = serve(public(&Config {
        body_seconds: 0.3,
        ..patient()
    }))
    .await;
    let half = "POST /length HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nhalf";
    let answer = rest(open(address, half).await).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    let chunked =
        "POST /length HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n";
    let answer = rest(open(address, chunked).await).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
}

#[tokio::test]
async fn who_is_silent_between_requests_is_let_go_later_than_a_stranger() {
    let address = serve(public(&Config {
        head_seconds: 0.2,
        idle_seconds: 1.0,
        ..patient()
    }))
    .await;
    let mut socket = open(address, "").await;
    let request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    assert!(ask(&mut socket, request).await.ends_with("hello"));
    let begin = Instant::now();
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert!(ask(&mut socket, request).await.ends_with("hello"));
    assert_eq!(rest(socket).await, "");
    assert!(begin.elapsed() > Duration::from_millis(1_300));
}

#[tokio::test]
async fn who_does_not_read_is_let_go() {
    let address = serve(public(&Config {
        send_seconds: 0.3,
        connections_per_address: 1,
        ..patient()
    }))
    .await;
    let mut deaf = open(address, "GET /much HTTP/1.1\r\nHost: x\r\n\r\n").await;
    deaf.readable().await.unwrap();
    // Its place is given away, which nobody would notice at a socket that nobody reads.
    let begin = Instant::now();
    loop {
        let mut other = open(address, "").await;
        let _ = other
            .write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            .await;
        if rest(other).await.contains("hello") {
            break;
        }
        assert!(begin.elapsed() < PATIENCE, "it is waited for");
    }
    let _ = deaf.read(&mut [0; 16]).await;
}

#[tokio::test]
async fn an_address_has_a_bounded_number_of_connections_before_anything_is_read() {
    let address = serve(public(&Config {
        connections_per_address: 2,
        ..patient()
    }))
    .await;
    let request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    let _silent = open(address, "").await;
    let mut one = open(address, "").await;
    assert!(ask(&mut one, request).await.ends_with("hello"));
    assert_eq!(rest(open(address, "").await).await, "");
    drop(one);
    let begin = Instant::now();
    while !rest(open(address, "GET / HTTP/1.0\r\n\r\n").await)
        .await
        .contains("hello")
    {
        assert!(
            begin.elapsed() < PATIENCE,
            "a place that is left is not given away"
        );
    }
}

#[tokio::test]
async fn behind_a_proxy_it_is_the_callers_who_are_counted() {
    let config = Config {
        connections_per_address: 1,
        ..patient()
    };
    let address = serve(public(&config).behind(Proxies(1))).await;
    let half = |caller: &str| {
        format!(
            "POST /length HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: {caller}\r\nContent-Length: 4\r\n\r\nab"
        )
    };
    let mut first = open(address, &half("192.0.2.1:4711")).await;
    let begin = Instant::now();
    loop {
        let answer = rest(open(address, &half("192.0.2.1:4712")).await);
        let answer = tokio::time::timeout(Duration::from_millis(300), answer).await;
        if let Ok(answer) = answer {
            assert!(answer.starts_with("HTTP/1.1 429 "), "{answer}");
            break;
        }
        assert!(begin.elapsed() < PATIENCE, "nobody is refused");
    }
    let mut other = open(address, &half("192.0.2.2")).await;
    assert!(ask(&mut other, "cd").await.ends_with("\r\n\r\n4"));
    assert!(ask(&mut first, "cd").await.ends_with("\r\n\r\n4"));
    let who =
        "GET /who HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 9.9.9.9, \"[2001:db8::7]:1\"\r\n\r\n";
    assert!(ask(&mut first, who).await.ends_with("2001:db8::7"));
}

#[tokio::test]
async fn unfinished_bodies_share_a_budget_that_leaves_small_ones_alone() {
    let address = serve(public(&Config {
        // The first takes all but a kilobyte of what an address may: its bytes, and its buffers.
        unfinished_bytes: 532_500,
        ..patient()
    }))
    .await;
    let large = |bytes: usize| {
        format!(
            "POST /length HTTP/1.1\r\nHost: x\r\nContent-Length: 90000\r\n\r\n{}",
            "x".repeat(bytes)
        )
    };
    let mut first = open(address, &large(89_000)).await;
    let begin = Instant::now();
    loop {
        let answer = rest(open(address, &large(89_000)).await);
        if let Ok(answer) = tokio::time::timeout(Duration::from_millis(500), answer).await {
            assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
            break;
        }
        assert!(begin.elapsed() < PATIENCE, "there is room for everybody");
    }
    // Head and body are small together, and cut they may be.
    let head = format!("X-Much: {}\r\nContent-Length: 3000", "x".repeat(900));
    let mut socket = open(
        address,
        &format!("POST /length HTTP/1.1\r\nHost: x\r\n{head}\r\n\r\n"),
    )
    .await;
    for _ in 0..2 {
        socket
            .write_all("x".repeat(1_000).as_bytes())
            .await
            .unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(ask(&mut socket, &"x".repeat(1_000)).await.ends_with("3000"));
    assert!(ask(&mut first, &"x".repeat(1_000)).await.ends_with("90000"));
}

#[tokio::test]
async fn however_a_request_is_cut_it_is_answered_and_so_is_the_next() {
    let address = serve(public(&patient())).await;
    let mut socket = open(address, "").await;
    socket.set_nodelay(true).unwrap();
    let request = "POST /length HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nabcd";
    for size in [1, 7, 1_000] {
        let (last, pieces) = request.as_bytes().split_last().unwrap();
        for piece in pieces.chunks(size) {
            socket.write_all(piece).await.unwrap();
            tokio::task::yield_now().await;
        }
        let last = std::str::from_utf8(std::slice::from_ref(last)).unwrap();
        assert!(ask(&mut socket, last).await.ends_with("\r\n\r\n4"));
    }
    // What nobody reads of a body is not the next request.
    for path in ["/nowhere", "/"] {
        let refused = request.replace("/length", path);
        assert!(ask(&mut socket, &refused).await.starts_with("HTTP/1.1 40"));
    }
    assert!(ask(&mut socket, request).await.ends_with("\r\n\r\n4"));
}

#[tokio::test]
async fn requests_that_come_at_once_are_answered_one_by_one() {
    let address = serve(public(&patient())).await;
    let request = "POST /length HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nabcd";
    let last = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let answers = rest(open(address, &(request.repeat(20) + last)).await).await;
    assert_eq!(answers.matches("\r\n\r\n4").count(), 20, "{answers}");
    assert!(answers.ends_with("hello"));
}

#[tokio::test]
async fn a_body_in_chunks_or_asked_for_is_read_as_it_comes() {
    let address = serve(public(&patient())).await;
    let chunked = "POST /length HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    let mut socket = open(address, &format!("{chunked}2\r\nab\r\n")).await;
    socket.write_all(b"2\r\ncd\r\n0\r\n\r\n").await.unwrap();
    let answer = rest(socket).await;
    assert!(answer.ends_with("\r\n\r\n4"), "{answer}");
    assert!(answer.contains("connection: close"), "{answer}");
    let careful =
        "POST /length HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n";
    let mut socket = open(address, "").await;
    assert!(ask(&mut socket, careful).await.starts_with("HTTP/1.1 100 "));
    assert!(ask(&mut socket, "abcd").await.ends_with("\r\n\r\n4"));
}

#[tokio::test]
async fn who_goes_while_a_request_runs_gives_its_place_back() {
    let address = serve(public(&Config {
        connections_per_address: 1,
        ..patient()
    }))
    .await;
    let waits = open(address, "GET /never HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let begin = Instant::now();
    drop(waits);
    while !rest(open(address, "GET / HTTP/1.0\r\n\r\n").await)
        .await
        .contains("hello")
    {
        assert!(begin.elapsed() < PATIENCE, "it runs for nobody");
    }
}

#[tokio::test]
async fn a_school_that_asks_as_browsers_do_is_served_while_strangers_have_spent_the_budget() {
    let address = serve(public(&Config {
        unfinished_bytes: 1_000_000,
        ..patient()
    }))
    .await;
    let chunked =
        "POST /length HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n";
    let mut strangers = Vec::new();
    loop {
        let mut stranger = open(address, chunked).await;
        let mut answer = [0; 12];
        let read = stranger.read_exact(&mut answer);
        if let Ok(read) = tokio::time::timeout(Duration::from_millis(300), read).await {
            assert!(read.is_ok() && answer.ends_with(b"503"), "{answer:?}");
            break;
        }
        strangers.push(stranger);
        assert!(strangers.len() < 20, "there is room for everybody");
    }
    let upgrade = "GET /socket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let body = "x".repeat(3_000);
    let request = "POST /length HTTP/1.1\r\nHost: x\r\nContent-Length: 3000\r\n\r\n";
    let mut people = Vec::new();
    for _ in 0..500 {
        let mut socket = open(address, request).await;
        assert!(ask(&mut socket, &body).await.ends_with("3000"));
        assert!(ask(&mut socket, upgrade).await.starts_with("HTTP/1.1 101 "));
        people.push(socket);
    }
}

#[tokio::test]
async fn an_address_that_has_spent_what_it_may_stops_nobody_elsewhere() {
    let config = Config {
        unfinished_bytes: 2_000_000,
        ..patient()
    };
    for (proxies, one, other) in [
        (0, [127, 0, 0, 1], [127, 0, 0, 2]),
        (1, [192, 0, 2, 1], [192, 0, 2, 2]),
    ] {
        let address = serve(public(&config).behind(Proxies(proxies))).await;
        let lines = |from: [u8; 4]| {
            let from = std::net::Ipv4Addr::from(from);
            format!("POST /length HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: {from}\r\n")
        };
        let half = |from| {
            let body = "x".repeat(60_000);
            format!("{}Content-Length: 64000\r\n\r\n{body}", lines(from))
        };
        let mut flood = Vec::new();
        loop {
            let mut socket = open_from(one, proxies, address, &half(one)).await;
            let mut answer = [0; 12];
            let read = socket.read_exact(&mut answer);
            if let Ok(read) = tokio::time::timeout(Duration::from_millis(100), read).await {
                assert!(read.is_ok() && answer.ends_with(b"503"), "{answer:?}");
                break;
            }
            flood.push(socket);
            assert!(flood.len() < 50, "one address has it all");
        }
        for _ in 0..10 {
            let mut somebody = open_from(other, proxies, address, &half(other)).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
            let answer = ask(&mut somebody, &"x".repeat(4_000)).await;
            assert!(answer.ends_with("\r\n\r\n64000"), "{answer}");
            let chunked = format!(
                "{}Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
                lines(other)
            );
            let mut somebody = open_from(other, proxies, address, &chunked).await;
            let answer = ask(&mut somebody, "0\r\n\r\n").await;
            assert!(answer.ends_with("\r\n\r\n4"), "{answer}");
        }
    }
}

/// Connects from `from`, where no proxy says so.
async fn open_from(from: [u8; 4], proxies: u8, address: SocketAddr, text: &str) -> TcpStream {
    if proxies > 0 {
        return open(address, text).await;
    }
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from((from, 0))).unwrap();
    let mut socket = socket.connect(address).await.unwrap();
    socket.write_all(text.as_bytes()).await.unwrap();
    socket
}

#[tokio::test]
async fn a_head_has_a_bounded_size() {
    let address = serve(public(&patient())).await;
    let mut socket = open(address, "GET / HTTP/1.1\r\nX-Long: ").await;
    let _ = socket.write_all("x".repeat(64 * 1024).as_bytes()).await;
    let answer = rest(socket).await;
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 431 "),
        "{answer}"
    );
}

#[tokio::test]
async fn running_requests_end_when_the_listener_stops() {
    let stop = CancellationToken::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = Server::public("a test", &patient(), stop.clone());
    let served = tokio::spawn(server.serve(listener, router()));
    let mut socket = open(address, "").await;
    let request = "POST /length HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nab";
    socket.write_all(request.as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    stop.cancel();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(ask(&mut socket, "cd").await.ends_with("\r\n\r\n4"));
    tokio::time::timeout(PATIENCE, served)
        .await
        .unwrap()
        .unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}
