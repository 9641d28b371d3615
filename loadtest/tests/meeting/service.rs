//! A meeting service: signalling, focus, and bridges that come and go.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::routing::get;
use bridge::Bridge;
use focus::Focus;
use signalling::Server;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use xmpp::client::Connector;

const DOMAIN: &str = "meet.test";
const PASSWORD: &str = "herring herring herring";
const CONFIG: &str = r#"{"domain":"meet.test","muc":"muc.meet.test","websocketUrl":"/xmpp-websocket",
    "conferenceRequestUrl":"/conference-request/v1","keepAliveUrl":"/_unlock"}"#;

pub(crate) struct Service {
    signalling: Arc<Mutex<Arc<Server>>>,
    focus: Focus,
    served: JoinHandle<()>,
    pub address: SocketAddr,
}

impl Service {
    /// Without any bridge.
    pub(crate) async fn start() -> Self {
        let server = Arc::new(Server::start(signalling_config()).await.unwrap());
        let signalling = Arc::new(Mutex::new(server));
        let focus = Focus::start(focus_config(), connector(&signalling)).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let served = serve(listener, &signalling, &focus);
        Self {
            signalling,
            focus,
            served,
            address,
        }
    }

    /// One more bridge.
    pub(crate) async fn add_bridge(&self) -> Bridge {
        self.add_named_bridge("").await
    }

    /// One more bridge, with this nick in the brewery.
    pub(crate) async fn add_named_bridge(&self, nick: &str) -> Bridge {
        let mut config = bridge::Config {
            udp_port: 0,
            bind_addresses: vec![[127, 0, 0, 1].into()],
            advertise_loopback: true,
            private_http: None,
            workers: 1,
            ..bridge::Config::default()
        };
        // Without another bridge nobody can be moved: there is nothing to wait for.
        config.expiry.farewell_seconds = 0;
        let shard = bridge::config::Shard {
            name: "test".into(),
            address: String::new(),
            tls: bridge::config::Tls::Plain,
            domain: format!("auth.{DOMAIN}"),
            user: "jvb".into(),
            password_file: None,
            password: Some(PASSWORD.to_owned().into()),
            brewery: format!("jvbbrewery@internal-muc.{DOMAIN}"),
            nick: nick.to_owned(),
        };
        let embedded = vec![(shard, connector(&self.signalling))];
        Bridge::start(config, embedded).await.unwrap()
    }

    /// Asks the focus to move everybody away from a bridge; how many it moves.
    pub(crate) async fn move_all_from(&self, nick: &str) -> usize {
        let path = format!("/move-endpoints/move-endpoints?bridge={nick}&numEndpoints=100");
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let request = format!("GET {path} HTTP/1.0\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let count = answer.split_once(r#""movedEndpoints":"#);
        let digits = count.map_or("0", |(_, rest)| {
            rest.split(|c: char| !c.is_ascii_digit()).next().unwrap()
        });
        digits.parse().unwrap()
    }

    /// Signalling dies and comes back without its memory.
    pub(crate) async fn replace_signalling(&mut self) {
        self.served.abort();
        let old = Arc::clone(&self.signalling.lock().unwrap());
        old.shutdown().await;
        let new = Arc::new(Server::start(signalling_config()).await.unwrap());
        *self.signalling.lock().unwrap() = new;
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.served = serve(listener, &self.signalling, &self.focus);
    }
}

fn serve(
    listener: TcpListener,
    signalling: &Arc<Mutex<Arc<Server>>>,
    focus: &Focus,
) -> JoinHandle<()> {
    let router = Router::new()
        .route("/config.json", get(async || CONFIG))
        .merge(signalling.lock().unwrap().client_router())
        .merge(focus.http_router())
        .into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() })
}

fn connector(signalling: &Arc<Mutex<Arc<Server>>>) -> Connector {
    let signalling = Arc::clone(signalling);
    Connector::in_memory(move || signalling.lock().unwrap().connect())
}

fn signalling_config() -> signalling::Config {
    let account = |name: &str| signalling::config::Account {
        name: name.into(),
        password: Some(PASSWORD.into()),
        ..signalling::config::Account::default()
    };
    signalling::Config {
        domain: DOMAIN.into(),
        shard: "shard-1".into(),
        accounts: vec![account("focus"), account("jvb")],
        ..signalling::Config::default()
    }
}

fn focus_config() -> focus::Config {
    focus::Config {
        domain: DOMAIN.into(),
        password: Some(focus::config::Password(PASSWORD.into())),
        ..focus::Config::default()
    }
}
