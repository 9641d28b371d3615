//! What joins and presence cost the server, over real WebSockets on loopback, kernel included.
//!
//! The server runs in a process of its own, whose CPU time and memory are read from `/proc`. One line for each result.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    missing_docs,
    reason = "a benchmark"
)]

use futures_util::{SinkExt, StreamExt};
use signalling::config::{ListenConfig, RoomCreation};
use signalling::{Config, Server};
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

const SERVE: &str = "SHOAL_BENCH_SERVE";

fn main() {
    if std::env::var_os(SERVE).is_some() {
        return serve();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        small_rooms(100).await;
        one_room(300, 0).await;
        one_room(500, 200).await;
    });
}

/// The server's process: says where it listens, and ends with its standard input.
#[tokio::main(flavor = "current_thread")]
async fn serve() {
    let mut config = Config {
        listen: ListenConfig {
            http: Some(([127, 0, 0, 1], 0).into()),
            ..ListenConfig::default()
        },
        ..Config::default()
    };
    config.rooms.creation = RoomCreation::Anyone;
    config.rooms.focus_lock = false;
    let server = Server::start(config).await.unwrap();
    println!("{}", server.addresses().http.unwrap());
    tokio::task::spawn_blocking(|| std::io::stdin().read(&mut [0]).unwrap())
        .await
        .unwrap();
    std::process::exit(0);
}

struct Process {
    child: Child,
    address: SocketAddr,
}

impl Process {
    fn start() -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .env(SERVE, "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        Self {
            child,
            address: line.trim().parse().unwrap(),
        }
    }

    /// CPU time of all its threads.
    fn cpu(&self) -> Duration {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        let nanoseconds: u64 = tasks
            .filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("schedstat")).ok())
            .filter_map(|text| text.split(' ').next()?.parse::<u64>().ok())
            .sum();
        Duration::from_nanos(nanoseconds)
    }

    /// CPU time outside the kernel, in steps of 10 ms.
    fn user(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let after_name = stat.rsplit_once(')').unwrap().1;
        let ticks: u64 = after_name
            .split_whitespace()
            .nth(11)
            .unwrap()
            .parse()
            .unwrap();
        Duration::from_millis(ticks * 10)
    }

    /// Resident memory, bytes.
    fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status
            .lines()
            .find(|line| line.starts_with("VmRSS"))
            .unwrap();
        line.split_whitespace()
            .nth(1)
            .unwrap()
            .parse::<u64>()
            .unwrap()
            * 1024
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        self.child.wait().unwrap();
    }
}

struct Person(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Person {
    async fn join(address: SocketAddr, room: &str) -> Self {
        let mut request = format!("ws://{address}/xmpp-websocket?room={room}")
            .into_client_request()
            .unwrap();
        request
            .headers_mut()
            .insert("sec-websocket-protocol", HeaderValue::from_static("xmpp"));
        let mut person = Self(connect_async(request).await.unwrap().0);
        let open =
            "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='meet.shoal' version='1.0'/>";
        person.say(open, "<stream:features").await;
        person
            .say(
                "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>",
                "<success",
            )
            .await;
        person.say(open, "<stream:features").await;
        let bind = "<iq xmlns='jabber:client' type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>";
        let jid = person.say(bind, "<jid>").await;
        let at = jid.find("<jid>").unwrap() + 5;
        let nick = jid[at..at + 8].to_owned();
        person
            .say("<enable xmlns='urn:xmpp:sm:3' resume='true'/>", "<enabled")
            .await;
        let disco = "<iq xmlns='jabber:client' type='get' id='d' to='meet.shoal'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>";
        person.say(disco, "urn:xmpp:ping").await;
        person.say(&presence(room, &nick, true), "<subject").await;
        person
    }

    async fn say(&mut self, text: &str, answer: &str) -> String {
        self.0.send(Message::Text(text.into())).await.unwrap();
        self.hear(answer).await
    }

    async fn hear(&mut self, part: &str) -> String {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Text(text))) if text.contains(part) => return text.to_string(),
                Some(Ok(_)) => {}
                ended => panic!("the socket ended before {part}: {ended:?}"),
            }
        }
    }
}

/// A presence as large as a real one.
fn presence(room: &str, nick: &str, joins: bool) -> String {
    let muc = if joins {
        "<x xmlns='http://jabber.org/protocol/muc'/>"
    } else {
        ""
    };
    format!(
        "<presence xmlns='jabber:client' to='{room}@muc.meet.shoal/{nick}'>{muc}<stats-id>Wiley-hCz</stats-id>\
         <c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='https://jitsi.org/jitsi-meet' ver='+mpajJhafj8jFogLBKsPbQfMgzU='/>\
         <SourceInfo>{{&quot;{nick}-a0&quot;:{{&quot;muted&quot;:false}},&quot;{nick}-v0&quot;:{{&quot;muted&quot;:true}}}}</SourceInfo>\
         <jitsi_participant_codecList>vp8,vp9,h264,av1</jitsi_participant_codecList>\
         <nick xmlns='http://jabber.org/protocol/nick'>Somebody</nick></presence>"
    )
}

fn report(what: &str, cpu: Duration, number: u32) {
    let each = cpu.as_secs_f64() * 1_000.0 / f64::from(number);
    println!(
        "{what}: {each:.3} ms CPU each, {:.0} per CPU-second",
        1_000.0 / each
    );
}

/// Many rooms of three.
async fn small_rooms(rooms: u32) {
    let server = Process::start();
    let (cpu, memory) = (server.cpu(), server.memory());
    let mut people = Vec::new();
    for number in 0..rooms * 3 {
        people.push(Person::join(server.address, &format!("room{}", number / 3)).await);
    }
    report("join, rooms of 3", server.cpu() - cpu, rooms * 3);
    let each = (server.memory() - memory) / u64::from(rooms * 3);
    println!(
        "memory of a participant, rooms of 3: {:.1} KiB",
        each as f64 / 1024.0
    );
}

/// One large room; then, everybody being there, some presence changes.
async fn one_room(size: u32, changes: u32) {
    let server = Process::start();
    let (cpu, memory) = (server.cpu(), server.memory());
    let mut listeners = Vec::new();
    let (marks, mut marked) = tokio::sync::mpsc::unbounded_channel();
    let mut speaker = Person::join(server.address, "large").await;
    for _ in 1..size {
        let mut person = Person::join(server.address, "large").await;
        let marks = marks.clone();
        listeners.push(tokio::spawn(async move {
            loop {
                person.hear("<mark>").await;
                marks.send(()).unwrap();
            }
        }));
    }
    report(&format!("join, room of {size}"), server.cpu() - cpu, size);
    let each = (server.memory() - memory) / u64::from(size);
    println!(
        "memory of a participant, room of {size}: {:.1} KiB",
        each as f64 / 1024.0
    );
    let (cpu, user) = (server.cpu(), server.user());
    let begin = Instant::now();
    for _ in 0..changes {
        let stanza = presence("large", "", false)
            .replace("</presence>", "<mark>1</mark></presence>")
            .replace("/'", "'");
        speaker.say(&stanza, "<mark>").await;
        for _ in 1..size {
            marked.recv().await.unwrap();
        }
    }
    if changes > 0 {
        report(
            &format!("presence change in a room of {size}"),
            server.cpu() - cpu,
            changes,
        );
        report("of that outside the kernel", server.user() - user, changes);
        let each = begin.elapsed().as_secs_f64() * 1_000.0 / f64::from(changes);
        println!("and until all have it: {each:.1} ms");
    }
    listeners.iter().for_each(tokio::task::JoinHandle::abort);
}
