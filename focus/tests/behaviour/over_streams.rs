//! The running focus with the signalling server of this workspace, over streams in memory; the bridge
//! and the people are clients of a few lines.

use std::sync::Arc;
use std::time::Duration;

use focus::config::Password;
use focus::{Config, Focus};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use xmpp::brewery::BridgeStats;
use xmpp::client::{Client, Config as ClientConfig, Connector, Event};
use xmpp::colibri2::{ConferenceModified, ConferenceModify, Endpoint, Transport};
use xmpp::jingle::{Action, Jingle};
use xmpp::stanza;
use xmpp::xml::{ElementExt, element};
use xmpp::{Element, Jid, ns};

use super::world::{BREWERY, Level, ROOM, client_transport, features};

/// A machine with much else to do takes its time.
const PATIENCE: Duration = Duration::from_secs(60);
/// What went to a focus that is no more is asked again.
const ASK_AGAIN: Duration = Duration::from_secs(2);

async fn server() -> (Arc<signalling::Server>, Connector) {
    server_with(signalling::config::AuthConfig::default()).await
}

async fn server_with(auth: signalling::config::AuthConfig) -> (Arc<signalling::Server>, Connector) {
    let account = |name: &str| signalling::config::Account {
        name: name.to_owned(),
        password: Some("secret".into()),
        ..signalling::config::Account::default()
    };
    let config = signalling::Config {
        accounts: vec![account("focus"), account("jvb")],
        auth,
        hibernation: signalling::config::HibernationConfig {
            focus: PATIENCE,
            ..signalling::config::HibernationConfig::default()
        },
        ..signalling::Config::default()
    };
    let server = Arc::new(signalling::Server::start(config).await.unwrap());
    let of_connector = Arc::clone(&server);
    // A client in a runtime of its own must not take the server's end of the stream with it.
    let runtime = tokio::runtime::Handle::current();
    let connector = Connector::in_memory(move || {
        let _inside = runtime.enter();
        of_connector.connect()
    });
    (server, connector)
}

fn focus(connector: &Connector) -> Focus {
    let config = Config {
        password: Some(Password("secret".into())),
        cors_origins: vec!["https://intranet.example".into()],
        ..Config::default()
    };
    Focus::start(config, connector.clone()).unwrap()
}

/// A bridge that makes an endpoint for everybody.
fn bridge(connector: &Connector, nick: &'static str) -> JoinHandle<()> {
    bridge_telling(connector, nick).1
}

/// A bridge that tells what it was asked.
pub(super) fn bridge_telling(
    connector: &Connector,
    nick: &'static str,
) -> (mpsc::UnboundedReceiver<ConferenceModify>, JoinHandle<()>) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let jid: Jid = Jid::new("jvb@auth.meet.shoal").unwrap();
    let mut config = ClientConfig::new(jid, connector.clone()).with_password("secret");
    config.resume = Some(Duration::ZERO);
    let task = tokio::spawn(async move {
        let mut client = Client::start(config);
        let handle = client.handle();
        while let Some(event) = client.next_event().await {
            match event {
                Event::Online { .. } => {
                    let mut stats = BridgeStats::new();
                    stats
                        .set("stress_level", 0.1)
                        .set("drain", false)
                        .set("version", "1");
                    let to = Jid::new(&format!("{BREWERY}/{nick}")).unwrap();
                    let presence = stanza::presence(&to)
                        .with_child(element("x", ns::MUC))
                        .with_child(&stats);
                    handle.send(presence).await.unwrap();
                }
                Event::Element(iq) if iq.attr("type") == Some("get") => {
                    let modify = stanza::payload(&iq).map(ConferenceModify::try_from);
                    let answer = match modify {
                        Some(Ok(modify)) => {
                            let _ = sender.send(modify.clone());
                            Some(Element::from(&answer(modify, nick)))
                        }
                        _ => None,
                    };
                    handle.send(stanza::iq_result(&iq, answer)).await.unwrap();
                }
                _ => {}
            }
        }
    });
    (receiver, task)
}

fn answer(modify: ConferenceModify, nick: &str) -> ConferenceModified {
    let endpoints = modify.endpoints.into_iter().map(|endpoint| {
        let mut answer = Endpoint::new(endpoint.id);
        if endpoint.create {
            let mut ice = client_transport();
            ice.ufrag = Some(nick.to_owned());
            answer.transport = Some(Transport {
                ice: Some(ice),
                ..Transport::default()
            });
        }
        answer
    });
    ConferenceModified {
        endpoints: endpoints.collect(),
        ..ConferenceModified::default()
    }
}

/// A person who asks for the room, enters it, accepts every session, and tells which Jingle came.
fn person(
    connector: &Connector,
    nick: &'static str,
) -> (mpsc::UnboundedReceiver<Jingle>, JoinHandle<()>) {
    person_in(connector, nick, "focus.meet.shoal", (ROOM, ROOM))
}

/// A person who asks at this address for a room, and enters it; both with the address of the room that is written.
pub(super) fn person_in(
    connector: &Connector,
    nick: &'static str,
    at: &'static str,
    (asked, entered): (&'static str, &'static str),
) -> (mpsc::UnboundedReceiver<Jingle>, JoinHandle<()>) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let config = ClientConfig::new(Jid::new("meet.shoal").unwrap(), connector.clone());
    let task = tokio::spawn(async move {
        let mut client = Client::start(config);
        let handle = client.handle();
        while let Some(event) = client.next_event().await {
            match event {
                Event::Online { .. } => {
                    let conference = element("conference", ns::FOCUS).with_attr("room", asked);
                    let to = Jid::new(at).unwrap();
                    // The focus may still be on its way.
                    while handle
                        .request(stanza::iq_set(&to, conference.clone()), ASK_AGAIN)
                        .await
                        .is_err()
                    {
                        tokio::time::sleep(Duration::from_millis(50)).await;
                    }
                    let to = Jid::new(&format!("{entered}/{nick}")).unwrap();
                    handle
                        .send(stanza::presence(&to).with_child(element("x", ns::MUC)))
                        .await
                        .unwrap();
                }
                Event::Element(iq) if iq.attr("type") == Some("get") => {
                    handle
                        .send(stanza::iq_result(&iq, Some(features(Level::Current))))
                        .await
                        .unwrap();
                }
                Event::Element(iq) if iq.attr("type") == Some("set") => {
                    handle.send(stanza::iq_result(&iq, None)).await.unwrap();
                    let Some(Ok(jingle)) = stanza::payload(&iq).map(Jingle::try_from) else {
                        continue;
                    };
                    if jingle.action == Action::SessionInitiate {
                        let mut accept = Jingle::new(Action::SessionAccept, &jingle.sid);
                        let mut content = xmpp::jingle::Content::new("audio");
                        content.transport = Some(client_transport());
                        accept.contents.push(content);
                        let to = stanza::from(&iq).unwrap();
                        handle
                            .request(stanza::iq_set(&to, &accept), PATIENCE)
                            .await
                            .unwrap();
                    }
                    let _ = sender.send(jingle);
                }
                _ => {}
            }
        }
    });
    (receiver, task)
}

/// The next offer; true in second place if a session was ended before it.
pub(super) async fn offer(jingles: &mut mpsc::UnboundedReceiver<Jingle>) -> (Jingle, bool) {
    let mut ended = false;
    let wait = async {
        loop {
            let jingle = jingles.recv().await.expect("the client lives");
            match jingle.action {
                Action::SessionInitiate => return jingle,
                Action::SessionTerminate => ended = true,
                _ => {}
            }
        }
    };
    let jingle = timeout(PATIENCE, wait).await.expect("an offer comes");
    (jingle, ended)
}

/// Status and body of an HTTP exchange.
async fn http(address: std::net::SocketAddr, request: String) -> (u16, String) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    socket.read_to_string(&mut text).await.unwrap();
    let status = text.split(' ').nth(1).unwrap().parse().unwrap();
    (status, text.split_once("\r\n\r\n").unwrap().1.to_owned())
}

async fn get(address: std::net::SocketAddr, path: &str) -> (u16, String) {
    http(
        address,
        format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
    )
    .await
}

/// The head of the answer to a page of another origin that asks whether it may ask.
async fn preflight(address: std::net::SocketAddr, origin: &str) -> String {
    let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!(
        "OPTIONS /conference-request/v1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\nOrigin: {origin}\r\n\
         Access-Control-Request-Method: POST\r\n\r\n"
    );
    tokio::io::AsyncWriteExt::write_all(&mut socket, request.as_bytes())
        .await
        .unwrap();
    let mut answer = String::new();
    tokio::io::AsyncReadExt::read_to_string(&mut socket, &mut answer)
        .await
        .unwrap();
    answer.to_lowercase()
}

async fn post(address: std::net::SocketAddr, body: &str) -> (u16, String) {
    let length = body.len();
    let head = "POST /conference-request/v1 HTTP/1.1\r\nHost: x\r\nConnection: close";
    http(
        address,
        format!(
            "{head}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        ),
    )
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http_answers_requests_and_tells_operators_what_goes_on() {
    let (server, connector) = server().await;
    let running = focus(&connector);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = running.http_router();
    tokio::spawn(async move { axum::serve(listener, router).await });

    // As the client writes it: not all properties are strings.
    let body = r#"{"machineUid":"u","properties":{"rtcstatsEnabled":false,"visitors-version":1},"room":"r@muc.meet.shoal"}"#;
    let mut answer = post(address, body).await;
    for _ in 0..50 {
        if answer.0 == 200 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        answer = post(address, body).await;
    }
    let (status, text) = answer;
    assert_eq!(status, 200, "{text}");
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["ready"], true);
    assert_eq!(json["room"], ROOM);
    assert_eq!(json["focusJid"], "focus@auth.meet.shoal");
    assert_eq!(json["properties"]["authentication"], "false");

    for (body, expected) in [("{", 400), (r#"{"room":"elsewhere@example.org"}"#, 400)] {
        assert_eq!(post(address, body).await.0, expected, "{body}");
    }
    // Pages of other origins ask by the setting only.
    for (origin, permitted) in [
        ("https://intranet.example", true),
        ("https://evil.example", false),
    ] {
        let preflight = preflight(address, origin).await;
        assert_eq!(
            preflight.starts_with("http/1.1 204"),
            permitted,
            "{preflight}"
        );
        let header = format!("access-control-allow-origin: {origin}");
        assert_eq!(preflight.contains(&header), permitted, "{preflight}");
    }
    let (status, text) = get(address, "/about/health").await;
    assert_eq!((status, text.as_str()), (503, "no operational bridge"));
    let _bridge = bridge(&connector, "jvb1");
    for _ in 0..50 {
        if get(address, "/about/health").await.0 == 200 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(get(address, "/about/health").await.0, 200);
    let cases = [
        ("/about/version", 200, "Shoal focus"),
        ("/metrics", 200, "jitsi_jicofo_conferences 1"),
        ("/stats", 200, "\"conferences\":1"),
        ("/debug?full=true", 200, "jvb1"),
        ("/debug/conferences", 200, ROOM),
        ("/debug/conference/r@muc.meet.shoal", 200, "meeting_id"),
        (
            "/debug/conference/none@muc.meet.shoal",
            404,
            "no such conference",
        ),
        (
            "/move-endpoints/move-endpoints?bridge=none&numEndpoints=1",
            404,
            "no such bridge",
        ),
        (
            "/move-endpoints/move-fraction?bridge=jvb1&fraction=2",
            400,
            "fraction",
        ),
        ("/nothing", 404, ""),
    ];
    for (path, status, part) in cases {
        let (got, text) = get(address, path).await;
        assert_eq!(got, status, "{path}");
        assert!(text.contains(part), "{path}: {text}");
    }

    // Served without a word of who calls, so that nobody is known to be on this machine.
    let gate = private::Gate::new(None).unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = running.guarded_router(&gate);
    tokio::spawn(async move { axum::serve(listener, router).await });
    for path in ["/about/health", "/about/version", "/metrics", "/stats"] {
        assert_eq!(get(address, path).await.0, 200, "{path}");
    }
    assert_eq!(post(address, "{").await.0, 400, "clients are served");
    for path in [
        "/debug",
        "/debug/conferences",
        "/debug/conferences-full",
        "/debug/conference/r@muc.meet.shoal",
        "/debug/xmpp-caps",
        "/move-endpoints/move-endpoint?conference=r&endpoint=a",
        "/move-endpoints/move-endpoints?bridge=jvb1&numEndpoints=1",
        "/move-endpoints/move-fraction?bridge=jvb1&fraction=1",
    ] {
        assert_eq!(get(address, path).await.0, 403, "{path}");
    }
    running.shutdown().await;
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_meet_lose_their_bridge_and_go_on() {
    let (server, connector) = server().await;
    let first_bridge = bridge(&connector, "jvb1");
    let running = focus(&connector);
    tokio::time::sleep(Duration::from_millis(300)).await;
    let _second = bridge(&connector, "jvb2");
    let (mut alice, _a) = person(&connector, "alice");
    let (mut bob, _b) = person(&connector, "bob");
    let (of_alice, ended) = offer(&mut alice).await;
    assert!(!ended);
    let (of_bob, _) = offer(&mut bob).await;
    let bridge_of = |jingle: &Jingle| jingle.transport().unwrap().ufrag.clone().unwrap();
    assert_eq!(
        bridge_of(&of_alice),
        bridge_of(&of_bob),
        "one conference, one bridge"
    );
    let on_first = bridge_of(&of_alice) == "jvb1";

    let (_third, replaced) = if on_first {
        first_bridge.abort();
        (None, "jvb2")
    } else {
        _second.abort();
        (Some(first_bridge), "jvb1")
    };
    let (again, ended) = offer(&mut alice).await;
    assert!(ended, "the session through the dead bridge is ended");
    assert_eq!(bridge_of(&again), replaced);
    offer(&mut bob).await;

    running.shutdown().await;
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_focus_that_takes_the_place_of_another_is_not_noticed() {
    let (server, connector) = server().await;
    let start = || {
        let config = Config {
            password: Some(Password("secret".into())),
            ..Config::default()
        };
        Focus::start(config, connector.clone()).unwrap()
    };
    let running = start();
    let _bridge = bridge(&connector, "jvb1");
    let (mut alice, _a) = person(&connector, "alice");
    let (mut bob, _b) = person(&connector, "bob");
    offer(&mut alice).await;
    offer(&mut bob).await;
    tokio::time::sleep(Duration::from_millis(200)).await;

    running.shutdown().await;
    let next = start();
    let (mut carol, _c) = person(&connector, "carol");
    offer(&mut carol).await;
    assert!(alice.try_recv().is_err(), "nothing was said to alice");
    assert!(bob.try_recv().is_err(), "nothing was said to bob");

    next.shutdown().await;
    server.shutdown().await;
}

/// A focus in a runtime of its own, so that it can be killed: its streams break and it says nothing.
struct Process {
    runtime: tokio::runtime::Runtime,
    focus: Focus,
}

impl Process {
    fn start(connector: &Connector) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let focus = {
            let _inside = runtime.enter();
            focus(connector)
        };
        Self { runtime, focus }
    }

    fn kill(self) {
        self.runtime.shutdown_background();
    }

    async fn terminate(self) {
        self.focus.shutdown().await;
        self.runtime.shutdown_background();
    }
}

/// Sits in the room and moves a hand all the time, so that everybody in it is sent something all the time. Tells of each
/// presence of the focus whether it leaves.
fn watcher(connector: &Connector) -> (mpsc::UnboundedReceiver<bool>, JoinHandle<()>) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let config = ClientConfig::new(Jid::new("meet.shoal").unwrap(), connector.clone());
    let task = tokio::spawn(async move {
        let mut client = Client::start(config);
        let handle = client.handle();
        let to = Jid::new(&format!("{ROOM}/watcher")).unwrap();
        let mut restless = tokio::time::interval(Duration::from_millis(5));
        let mut inside = false;
        for hand in 0_u64.. {
            let event = tokio::select! {
                event = client.next_event() => event,
                _ = restless.tick(), if inside => {
                    let hand = element("hand", ns::CLIENT).with_text(hand.to_string());
                    handle.send(stanza::presence(&to).with_child(hand)).await.unwrap();
                    continue;
                }
            };
            match event {
                None => return,
                Some(Event::Online { .. }) => {
                    let enter = stanza::presence(&to).with_child(element("x", ns::MUC));
                    handle.send(enter).await.unwrap();
                }
                Some(Event::Element(stanza)) if stanza::is_presence(&stanza) => {
                    inside |= stanza.attr("from") == Some(&format!("{ROOM}/watcher"));
                    if stanza.attr("from") == Some(&format!("{ROOM}/focus")) {
                        let _ = sender.send(stanza.attr("type") == Some("unavailable"));
                    }
                }
                Some(Event::Element(iq)) if iq.attr("type") == Some("get") => {
                    let features = features(Level::Current);
                    let answer = stanza::iq_result(&iq, Some(features));
                    handle.send(answer).await.unwrap();
                }
                Some(_) => {}
            }
        }
    });
    (receiver, task)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_sees_the_focus_leave_when_it_is_killed_or_restarted() {
    let (server, connector) = server().await;
    let mut running = Process::start(&connector);
    let _bridge = bridge(&connector, "jvb1");
    let (mut alice, _a) = person(&connector, "alice");
    let (mut bob, _b) = person(&connector, "bob");
    offer(&mut alice).await;
    offer(&mut bob).await;
    let (mut focus_leaves, _w) = watcher(&connector);
    assert_eq!(
        timeout(PATIENCE, focus_leaves.recv()).await,
        Ok(Some(false))
    );
    let deaths = [
        ("first", true, 0),
        ("second", false, 0),
        ("third", true, 300),
        ("fourth", false, 300),
        ("fifth", true, 1_500),
    ];
    for (nick, kill, away) in deaths {
        match kill {
            true => running.kill(),
            false => running.terminate().await,
        }
        tokio::time::sleep(Duration::from_millis(away)).await;
        running = Process::start(&connector);
        // It enters the room again, and that is all that anybody sees.
        let leaves = timeout(PATIENCE, focus_leaves.recv()).await;
        assert_eq!(
            leaves,
            Ok(Some(false)),
            "killed: {kill}, away for {away} ms"
        );
        let (mut newcomer, _n) = person(&connector, nick);
        offer(&mut newcomer).await;
    }
    while let Ok(leaves) = focus_leaves.try_recv() {
        assert!(!leaves);
    }
    running.terminate().await;
    server.shutdown().await;
}

/// The status of a conference request over HTTP.
async fn ask_over_http(at: std::net::SocketAddr, token: Option<&str>) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let body = format!(r#"{{"room":"{ROOM}"}}"#);
    let header = token.map_or(String::new(), |it| {
        format!("Authorization: Bearer {it}\r\n")
    });
    let request = format!(
        "POST /conference-request/v1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{header}Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut socket = tokio::net::TcpStream::connect(at).await.unwrap();
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    answer.split(' ').nth(1).unwrap_or_default().to_owned()
}

#[tokio::test]
async fn over_http_a_token_opens_the_room_that_it_names_and_then_guests_come() {
    use signalling::config::{AuthConfig, AuthMode, KeySource, TokenConfig};
    let (_server, connector) = server_with(AuthConfig {
        mode: AuthMode::Both,
        token: Some(TokenConfig {
            keys: KeySource::Secret("key".into()),
            ..TokenConfig::default()
        }),
    })
    .await;
    let focus = focus(&connector);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let router = focus.http_router();
    let serving = tokio::spawn(async move { axum::serve(listener, router).await });
    let sign = |room: &str| {
        let claims = serde_json::json!({
            "iss": "x", "aud": "x", "sub": "*", "room": room, "exp": u32::MAX,
        });
        let key = jsonwebtoken::EncodingKey::from_secret(b"key");
        jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key).unwrap()
    };
    // The focus may still be on its way.
    let refused = async {
        while ask_over_http(at, None).await == "503" {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, refused).await.unwrap();
    let (good, other) = (sign("r"), sign("other"));
    for (token, status) in [
        (None, "403"),
        (Some("a.b.c"), "403"),
        (Some(other.as_str()), "403"),
        (Some(good.as_str()), "200"),
        (None, "200"),
    ] {
        assert_eq!(ask_over_http(at, token).await, status, "{token:?}");
    }
    serving.abort();
    focus.shutdown().await;
}
