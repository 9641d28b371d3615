//! Servers and clients of the tests.

use futures_util::{SinkExt, StreamExt};
use signalling::config::{Account, ListenConfig, RoomCreation, TlsConfig};
use signalling::{Config, Server};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use xmpp::client::{Client, ClientHandle, Config as ClientConfig, Connector, Event};

/// Nothing here takes longer, unless it hangs.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

pub(super) fn anywhere() -> Option<SocketAddr> {
    Some(([127, 0, 0, 1], 0).into())
}

/// A configuration with the accounts `focus` and `jvb` (password `secret`), in which anybody may open a room.
pub(super) fn config() -> Config {
    let account = |name: &str| Account {
        name: name.into(),
        password: Some("secret".into()),
        ..Account::default()
    };
    let mut config = Config {
        listen: ListenConfig {
            http: anywhere(),
            tcp: anywhere(),
            ..ListenConfig::default()
        },
        accounts: vec![account("focus"), account("jvb")],
        shard: "shard-1".into(),
        ..Config::default()
    };
    config.rooms.creation = RoomCreation::Anyone;
    config.rooms.focus_lock = false;
    config
}

/// A certificate for `localhost` in PEM files, and itself as the authority to trust.
pub(super) fn certificate(name: &str) -> (TlsConfig, Vec<u8>) {
    let made =
        rcgen::generate_simple_self_signed(["localhost".to_owned(), "auth.meet.shoal".to_owned()])
            .unwrap();
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let files = TlsConfig {
        certificate: folder.join(format!("{name}.crt")),
        key: folder.join(format!("{name}.key")),
    };
    std::fs::write(&files.certificate, made.cert.pem()).unwrap();
    std::fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
    (files, made.cert.pem().into_bytes())
}

pub(super) async fn start(config: Config) -> Server {
    Server::start(config).await.unwrap()
}

/// Waits for something, but not for ever.
pub(super) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future)
        .await
        .expect("it takes too long")
}

/// A client over WebSocket.
pub(super) struct Web(pub WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Web {
    pub(super) async fn open(server: &Server, path: &str) -> Self {
        let address = server.addresses().http.unwrap();
        let mut request = format!("ws://{address}{path}")
            .into_client_request()
            .unwrap();
        request
            .headers_mut()
            .insert("sec-websocket-protocol", HeaderValue::from_static("xmpp"));
        let (socket, response) = soon(connect_async(request)).await.unwrap();
        assert_eq!(response.headers()["sec-websocket-protocol"], "xmpp");
        Self(socket)
    }

    pub(super) async fn send(&mut self, text: &str) {
        self.0.send(Message::Text(text.into())).await.unwrap();
    }

    /// The next frame; `None` at the end of the socket.
    pub(super) async fn next(&mut self) -> Option<String> {
        loop {
            match soon(self.0.next()).await {
                Some(Ok(Message::Text(text))) => return Some(text.to_string()),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                _ => return None,
            }
        }
    }

    pub(super) async fn expect(&mut self, part: &str) -> String {
        let frame = self
            .next()
            .await
            .unwrap_or_else(|| panic!("the socket ended before {part}"));
        assert!(frame.contains(part), "expected {part}, got {frame}");
        frame
    }

    pub(super) async fn open_stream(&mut self) {
        self.send(
            "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='meet.shoal' version='1.0'/>",
        )
        .await;
        self.expect("<open ").await;
        self.expect("<stream:features").await;
    }

    pub(super) async fn log_in(&mut self) {
        self.open_stream().await;
        self.send("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>")
            .await;
        self.expect("<success ").await;
        self.open_stream().await;
    }

    /// Logs in and binds; the address.
    pub(super) async fn bind(&mut self) -> String {
        self.log_in().await;
        self.send(
            "<iq xmlns='jabber:client' type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>",
        )
        .await;
        inside(&self.expect("<jid>").await, "<jid>", "</jid>")
    }

    /// Enters a room; what came until the subject.
    pub(super) async fn join(&mut self, room: &str, nick: &str) -> String {
        self.send(&format!(
            "<presence xmlns='jabber:client' to='{room}/{nick}'><x xmlns='http://jabber.org/protocol/muc'/></presence>"
        ))
        .await;
        let mut all = String::new();
        while !all.contains("<subject") {
            all += &self.next().await.unwrap();
        }
        all
    }
}

/// What stands between two marks.
pub(super) fn inside(text: &str, before: &str, after: &str) -> String {
    let start = text
        .find(before)
        .unwrap_or_else(|| panic!("no {before} in {text}"))
        + before.len();
    let end = text[start..]
        .find(after)
        .unwrap_or_else(|| panic!("no {after} in {text}"));
    text[start..start + end].to_owned()
}

/// A client over any byte stream.
pub(super) struct Raw<S>(pub S, String);

impl<S: AsyncRead + AsyncWrite + Unpin> Raw<S> {
    pub(super) fn new(socket: S) -> Self {
        Self(socket, String::new())
    }

    pub(super) async fn send(&mut self, text: &str) {
        // The server may have closed already; what it said is still to be read.
        let _ = self.0.write_all(text.as_bytes()).await;
    }

    /// Reads until `part` has come; everything up to and including it.
    pub(super) async fn until(&mut self, part: &str) -> String {
        loop {
            if let Some(at) = self.1.find(part) {
                let rest = self.1.split_off(at + part.len());
                return std::mem::replace(&mut self.1, rest);
            }
            let mut bytes = [0; 4096];
            let read = soon(self.0.read(&mut bytes)).await.unwrap_or(0);
            assert!(
                read > 0,
                "the connection ended before {part}; there was {}",
                self.1
            );
            self.1
                .push_str(std::str::from_utf8(&bytes[..read]).unwrap());
        }
    }

    /// Everything until the connection ends.
    pub(super) async fn rest(&mut self) -> String {
        let mut bytes = Vec::new();
        // A reset after the last words is an end as well.
        let _ = soon(self.0.read_to_end(&mut bytes)).await;
        // A TLS alert is no text.
        self.1.push_str(&String::from_utf8_lossy(&bytes));
        std::mem::take(&mut self.1)
    }

    pub(super) async fn open_stream(&mut self, domain: &str) -> String {
        self.send(&format!(
            "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' \
             to='{domain}' version='1.0'>"
        ))
        .await;
        self.until("</stream:features>").await
    }

    pub(super) async fn log_in_anonymously(&mut self) {
        self.open_stream("meet.shoal").await;
        self.send("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>")
            .await;
        self.until("<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>")
            .await;
        self.open_stream("meet.shoal").await;
    }

    pub(super) async fn bind(&mut self) -> String {
        self.send("<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>")
            .await;
        inside(&self.until("</iq>").await, "<jid>", "</jid>")
    }
}

pub(super) async fn tcp(server: &Server) -> Raw<TcpStream> {
    Raw::new(
        TcpStream::connect(server.addresses().tcp.unwrap())
            .await
            .unwrap(),
    )
}

impl Raw<TcpStream> {
    /// Whether the connection still answers: a second header is an error, but an answer.
    pub(super) async fn open_stream_again(&mut self) {
        self.send("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='nonsense'/>")
            .await;
        self.until("</failure>").await;
    }

    /// What comes within this time.
    pub(super) async fn rest_for(&mut self, time: Duration) -> String {
        let mut bytes = [0; 4096];
        match tokio::time::timeout(time, self.0.read(&mut bytes)).await {
            Ok(Ok(read)) => String::from_utf8_lossy(&bytes[..read]).into_owned(),
            _ => String::new(),
        }
    }
}

/// Status and body of a GET.
pub(super) async fn get(server: &Server, path: &str) -> (u16, String) {
    let mut socket = TcpStream::connect(server.addresses().http.unwrap())
        .await
        .unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    soon(socket.read_to_string(&mut answer)).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, body.to_owned())
}

/// Waits until the answer to a GET is of this kind.
pub(super) async fn until_get(server: &Server, path: &str, wanted: impl Fn(u16, &str) -> bool) {
    soon(async {
        loop {
            let (status, body) = get(server, path).await;
            if wanted(status, &body) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}

/// A service that is in a room.
pub(super) struct Service {
    pub client: ClientHandle,
    _events: tokio::task::JoinHandle<()>,
}

impl Service {
    /// Logs in over TCP at `port` and joins the brewery.
    pub(super) async fn in_the_brewery(port: u16, account: &str) -> Self {
        let jid: xmpp::BareJid = format!("{account}@auth.meet.shoal").parse().unwrap();
        let connector = Connector::plain("127.0.0.1", port);
        let config = ClientConfig::new(jid, connector)
            .with_password("secret")
            .with_resource(account);
        let mut client = Client::start(config);
        let online = soon(client.next_event()).await;
        assert!(matches!(online, Some(Event::Online { .. })), "{online:?}");
        let (handle, mut events) = client.into_parts();
        let occupant = format!("jvbbrewery@internal-muc.meet.shoal/{account}");
        let join = xmpp::muc::join(&occupant.parse().unwrap(), &xmpp::muc::Join::default());
        handle.send(join).await.unwrap();
        Self {
            client: handle,
            _events: tokio::spawn(async move { while events.recv().await.is_some() {} }),
        }
    }
}
