//! What strangers hold of a listener's memory, counted by the allocator.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use allocation_counter::measure;
use axum::Router;
use axum::body::Bytes;
use axum::routing::{get, post};
use listen::http::{Config, Server};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

/// Connections of each kind.
const COUNT: usize = 200;
/// What one may hold beside its words, in bytes.
const MOST: usize = 2_000;

/// A listener on the test's own thread, whose allocations are counted.
struct Listener {
    runtime: Runtime,
    address: SocketAddr,
    open: Vec<TcpStream>,
    somebody: TcpStream,
}

impl Listener {
    fn start() -> Self {
        Self::with(&Config::default())
    }

    fn with(config: &Config) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let address = runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let router = Router::new().route("/", get(|| async { "hello" })).route(
                "/length",
                post(|body: Bytes| async move { body.len().to_string() }),
            );
            let server = Server::public("a test", config, CancellationToken::new());
            tokio::spawn(server.serve(listener, router));
            address
        });
        let somebody = TcpStream::connect(address).unwrap();
        somebody.set_nonblocking(true).unwrap();
        Self {
            runtime,
            address,
            open: Vec::with_capacity(5 * COUNT),
            somebody,
        }
    }

    /// Bytes that each of many holds who have said `words` and nothing more.
    fn each_holds(&mut self, words: &str) -> usize {
        self.open_many(words);
        let before = self.open.len();
        let held = measure(|| self.open_many(words)).bytes_current;
        usize::try_from(held).unwrap() / (self.open.len() - before)
    }

    fn open_many(&mut self, words: &str) {
        for number in 1..=COUNT {
            let mut socket = TcpStream::connect(self.address).unwrap();
            socket.write_all(words.as_bytes()).unwrap();
            self.open.push(socket);
            if number % 50 == 0 {
                self.settle();
            }
        }
    }

    /// Lets the listener read what has come: it answers somebody else, a few times.
    fn settle(&mut self) {
        for _ in 0..3 {
            self.somebody.write_all(ASKED.as_bytes()).unwrap();
            let answered = async {
                while self.somebody.read(&mut [0; 512]).is_err() {
                    tokio::task::yield_now().await;
                }
            };
            self.runtime.block_on(answered);
        }
    }
}

const ASKED: &str = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

#[test]
fn who_is_silent_costs_little_and_who_has_begun_costs_what_has_come() {
    let body = "POST /length HTTP/1.1\r\nHost: x\r\nContent-Length: 2000\r\n\r\n";
    let forwarded = format!(
        "POST /length HTTP/1.1\r\nHost: x\r\n{}Content-Length: 2000\r\n\r\n",
        "X-Forwarded-For: 192.0.2.1\r\n".repeat(90)
    );
    for begun in ["", "GET / HTTP/1.1\r\nX-Slow: ", body, &forwarded] {
        for more in [0, 1_000] {
            let words = format!("{begun}{}", "x".repeat(more));
            let held = Listener::start().each_holds(&words);
            assert!(held < MOST + words.len(), "{held} bytes: {words}");
        }
    }
}

#[test]
fn who_is_silent_after_an_answer_costs_no_more_than_a_stranger() {
    let held = Listener::start().each_holds(ASKED);
    assert!(held < MOST, "{held} bytes");
}

#[test]
fn what_is_read_while_it_comes_counts_for_what_it_costs() {
    let chunked =
        "POST /length HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n";
    bounded(chunked, 4_000_000);
}

#[test]
fn a_head_counts_until_its_body_has_come() {
    let head = "x".repeat(15_900);
    let half = format!(
        "POST /length HTTP/1.1\r\nHost: x\r\nX-Long: {head}\r\nContent-Length: 4000\r\n\r\nhalf"
    );
    bounded(&half, 4_000_000);
}

/// Ten times as many as a budget is for hold no more than `most` bytes.
fn bounded(words: &str, most: i64) {
    let mut listener = Listener::with(&Config {
        unfinished_bytes: 2_000_000,
        ..Config::default()
    });
    let held = measure(|| (0..5).for_each(|_| listener.open_many(words))).bytes_current;
    assert!(held < most, "{held} bytes");
}
