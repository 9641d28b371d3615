//! Files that a client reads at each connection, so that what is in them may change while it runs.

use std::path::PathBuf;
use std::time::Duration;

use tokio::net::TcpListener;
use xmpp::Jid;
use xmpp::client::{Client, Config, Connector, Event, Tls, TlsOptions};

use crate::client::issued_certificate;
use crate::script::{Server, listen, soon};

/// A file of this test process that is removed with it.
struct File(PathBuf);

impl File {
    fn new(name: &str, content: &[u8]) -> Self {
        let path = std::env::temp_dir().join(format!("shoal-xmpp-{}-{name}", std::process::id()));
        let file = Self(path);
        file.write(content);
        file
    }

    fn write(&self, content: &[u8]) {
        std::fs::write(&self.0, content).unwrap();
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn config(connector: Connector) -> Config {
    let mut config = Config::new("bot@d".parse::<Jid>().unwrap(), connector).with_resource("r");
    config.reconnect_min = Duration::from_millis(5);
    config.reconnect_max = Duration::from_millis(20);
    config
}

async fn offline(client: &mut Client) -> String {
    loop {
        if let Event::Offline { reason } = soon(client.next_event()).await.unwrap() {
            return reason;
        }
    }
}

#[tokio::test]
async fn each_login_uses_the_password_that_the_file_has_then() {
    let file = File::new("password", b"old\n");
    let (connector, mut listener) = listen();
    let mut config = config(connector);
    config.password_file = Some(file.0.clone());
    let mut client = Client::start(config);
    let mut server = listener.accept().await;
    assert_eq!(server.log_in().await.password, "old");
    file.write(b"new\nanything");
    drop(server);
    let mut server = listener.accept().await;
    assert_eq!(server.log_in().await.password, "new");
    drop(server);
    assert!(!offline(&mut client).await.is_empty());
}

#[tokio::test]
async fn a_password_file_that_says_nothing_is_named_and_tried_again() {
    let file = File::new("empty", b"");
    let (connector, mut listener) = listen();
    let mut config = config(connector);
    config.password_file = Some(file.0.clone());
    let mut client = Client::start(config);
    let mut server = listener.accept().await;
    server
        .open_stream([xmpp::sasl::mechanisms(["PLAIN"])])
        .await;
    let reason = offline(&mut client).await;
    assert!(
        reason.contains("is empty") && reason.contains(&*file.0.to_string_lossy()),
        "{reason}"
    );
    file.write(b"late");
    loop {
        let mut server = listener.accept().await;
        // A connection from before the change ends without a login.
        let attempt = tokio::spawn(async move { server.log_in().await.password });
        if let Ok(password) = soon(attempt).await {
            assert_eq!(password, "late");
            return;
        }
    }
}

#[tokio::test]
async fn each_connection_trusts_the_authorities_that_the_file_has_then() {
    let (stranger, _) = issued_certificate("d");
    let (_, other_authority) = issued_certificate("d");
    let (known, authority) = issued_certificate("d");
    let file = File::new("ca", &other_authority);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let options = TlsOptions {
        ca_file: Some(file.0.clone()),
        ..TlsOptions::default()
    };
    let mut client = Client::start(
        config(Connector::Tcp {
            host: "127.0.0.1".to_owned(),
            port: listener.local_addr().unwrap().port(),
            tls: Tls::Direct(options),
        })
        .with_password("pw"),
    );
    let (socket, _) = soon(listener.accept()).await.unwrap();
    assert!(soon(stranger.accept(socket)).await.is_err());
    assert!(offline(&mut client).await.contains("certificate"));
    file.write(&authority);
    let mut server = loop {
        let (socket, _) = soon(listener.accept()).await.unwrap();
        // A connection from before the change is refused by the client.
        if let Ok(socket) = soon(known.accept(socket)).await {
            break Server::new(socket);
        }
    };
    server.begin(None).await;
    let event = soon(client.next_event()).await.unwrap();
    assert!(matches!(event, Event::Online { .. }), "{event:?}");
}
