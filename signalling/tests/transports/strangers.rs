//! What one may cost who has not logged in, over every transport.

use super::support::{Raw, Web, anywhere, config, get, soon, start};
use futures_util::{SinkExt, StreamExt};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::protocol::Message;

#[tokio::test]
async fn a_frame_that_is_too_long_before_login_is_refused_by_its_header() {
    let server = start(config()).await;
    let mut web = Web::open(&server, "/xmpp-websocket").await;
    web.open_stream().await;
    // The header of a text frame of 20,000 bytes, of which none follows.
    let header = [0x81, 0x80 | 126, 0x4e, 0x20, 1, 2, 3, 4];
    web.0.get_mut().write_all(&header).await.unwrap();
    web.expect("policy-violation").await;
    // After login the limit is another one.
    let mut web = Web::open(&server, "/xmpp-websocket").await;
    web.bind().await;
    let long = "x".repeat(20_000);
    web.send(&format!("<iq xmlns='jabber:client' type='get' id='long'><ping xmlns='urn:xmpp:ping' x='{long}'/></iq>")).await;
    web.expect("id='long'").await;
}

#[tokio::test]
async fn a_bosh_request_is_as_short_before_login_as_a_stanza_elsewhere() {
    let server = start(config()).await;
    let address = server.addresses().http.unwrap();
    let mut socket = TcpStream::connect(address).await.unwrap();
    // What is announced is never sent: the answer comes after what is too much.
    let head = "POST /http-bind HTTP/1.1\r\nHost: x\r\nContent-Length: 250000\r\n\r\n";
    socket.write_all(head.as_bytes()).await.unwrap();
    let _ = socket.write_all("<body ".as_bytes()).await;
    let _ = socket.write_all(" ".repeat(40_000).as_bytes()).await;
    let mut bytes = [0; 4096];
    let read = soon(socket.read(&mut bytes)).await.unwrap();
    let answer = String::from_utf8_lossy(&bytes[..read]);
    assert!(answer.contains("policy-violation"), "{answer}");
}

#[tokio::test]
async fn a_message_that_is_begun_must_be_finished() {
    let mut config = config();
    config.http.body_seconds = 0.3;
    let server = start(config).await;
    let mut web = Web::open(&server, "/xmpp-websocket").await;
    web.bind().await;
    // Half of a frame of 200 bytes, by hand.
    let stream = web.0.get_mut();
    stream
        .write_all(&[0x81, 0x80 | 126, 0, 200, 1, 2, 3, 4, 5, 6, 7])
        .await
        .unwrap();
    let begin = Instant::now();
    assert_eq!(web.next().await, None);
    assert!(
        begin.elapsed() < Duration::from_secs(5),
        "{:?}",
        begin.elapsed()
    );
    // Pings in its midst do not carry a fragmented message on.
    let mut web = Web::open(&server, "/xmpp-websocket").await;
    web.bind().await;
    let stream = web.0.get_mut();
    stream
        .write_all(&[0x01, 0x81, 0, 0, 0, 0, b'<'])
        .await
        .unwrap();
    let begin = Instant::now();
    while web
        .0
        .get_mut()
        .write_all(&[0x89, 0x80, 0, 0, 0, 0])
        .await
        .is_ok()
    {
        assert!(
            begin.elapsed() < Duration::from_secs(5),
            "pings keep it alive"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn pings_of_the_transport_are_paid_for() {
    let mut config = config();
    config.limits.burst_stanzas = 10;
    config.limits.stanzas_per_second = 20;
    let server = start(config).await;
    let mut web = Web::open(&server, "/xmpp-websocket").await;
    web.bind().await;
    let begin = Instant::now();
    for _ in 0..30 {
        web.0.send(Message::Ping(Vec::new().into())).await.unwrap();
    }
    for _ in 0..30 {
        let pong = soon(web.0.next()).await.unwrap().unwrap();
        assert!(matches!(pong, Message::Pong(_)), "{pong:?}");
    }
    assert!(
        begin.elapsed() > Duration::from_millis(700),
        "{:?}",
        begin.elapsed()
    );
}

#[tokio::test]
async fn probes_have_a_listener_of_their_own_which_clients_cannot_fill() {
    let mut config = config();
    config.listen.private = anywhere();
    config.http.connections_per_address = 1;
    let server = start(config).await;
    let _only = TcpStream::connect(server.addresses().http.unwrap())
        .await
        .unwrap();
    let mut refused = TcpStream::connect(server.addresses().http.unwrap())
        .await
        .unwrap();
    let _ = refused
        .write_all(b"GET /about/health HTTP/1.0\r\n\r\n")
        .await;
    let mut answer = Vec::new();
    let _ = soon(refused.read_to_end(&mut answer)).await;
    assert_eq!(answer, b"");
    let private = server.addresses().private.unwrap();
    for (path, part) in [("/about/health", "OK"), ("/metrics", "signalling_rooms")] {
        let mut socket = Raw::new(TcpStream::connect(private).await.unwrap());
        socket.send(&format!("GET {path} HTTP/1.0\r\n\r\n")).await;
        assert!(socket.rest().await.contains(part), "{path}");
    }
    // Nothing that clients use is there.
    let mut socket = Raw::new(TcpStream::connect(private).await.unwrap());
    socket.send("GET /http-bind HTTP/1.0\r\n\r\n").await;
    assert!(socket.rest().await.starts_with("HTTP/1.0 404"));
}

#[tokio::test]
async fn behind_two_proxies_the_caller_is_whom_the_outer_one_saw() {
    let mut config = config();
    config.trust_forwarded_for = listen::Proxies(2);
    config.limits.connections_per_address = 1;
    let server = start(config).await;
    let address = server.addresses().http.unwrap();
    let upgrade = |list: &str| {
        format!(
            "GET /xmpp-websocket HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{list}\r\n"
        )
    };
    let ours = "X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-For: 192.0.2.1:5, 10.0.0.1:6\r\n";
    let mut one = Raw::new(TcpStream::connect(address).await.unwrap());
    one.send(&upgrade(ours)).await;
    one.until("\r\n\r\n").await;
    // The same caller by another port, and with another invention of its own.
    let again = "X-Forwarded-For: 8.8.8.8, \"192.0.2.1:7\", 10.0.0.1:8\r\n";
    let mut two = Raw::new(TcpStream::connect(address).await.unwrap());
    let mut three = Raw::new(TcpStream::connect(address).await.unwrap());
    two.send(&upgrade(again)).await;
    let refusal = two.rest().await;
    assert!(refusal.contains("too many connections"), "{refusal}");
    three
        .send(&upgrade("X-Forwarded-For: 192.0.2.2, 10.0.0.1\r\n"))
        .await;
    three.until("\r\n\r\n").await;
    let silent = tokio::time::timeout(Duration::from_millis(300), three.0.read_u8()).await;
    assert!(silent.is_err(), "another caller is refused: {silent:?}");
    assert_eq!(get(&server, "/about/health").await.0, 200);
}
