use super::support::{anywhere, certificate, config, soon, start};
use signalling::Server;
use signalling::config::Account;
use std::path::{Path, PathBuf};
use xmpp::client::{Client, Config as ClientConfig, Connector, Event, Tls, TlsOptions};

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// Logs in once; the client that is online, or why not.
async fn log_in(connector: Connector, password: &str, resource: &str) -> Result<Client, String> {
    let jid: xmpp::BareJid = "jvb@auth.meet.shoal".parse().unwrap();
    let config = ClientConfig::new(jid, connector)
        .with_password(password)
        .with_resource(resource);
    let mut client = Client::start(config);
    match soon(client.next_event()).await {
        Some(Event::Online { .. }) => Ok(client),
        Some(Event::Offline { reason }) => Err(reason),
        other => Err(format!("{other:?}")),
    }
}

fn tcp(server: &Server, tls: Tls) -> Connector {
    let address = server.addresses().tcp.unwrap();
    Connector::Tcp {
        host: address.ip().to_string(),
        port: address.port(),
        tls,
    }
}

#[tokio::test]
async fn a_changed_password_is_good_at_once_and_that_of_before_for_a_while() {
    let path = file("jvb.password");
    std::fs::write(&path, "first\n").unwrap();
    let mut config = config();
    config.accounts = vec![Account {
        name: "jvb".into(),
        password_file: Some(path.clone()),
        ..Account::default()
    }];
    // It is tried again and again until the change is noticed.
    config.limits.login_attempts_per_address = 1_000_000;
    let server = start(config).await;
    let plain = || tcp(&server, Tls::Disabled);
    let running = log_in(plain(), "first", "running").await.unwrap();
    log_in(plain(), "second", "early").await.unwrap_err();

    std::fs::write(&path, "second\n").unwrap();
    soon(async { while log_in(plain(), "second", "late").await.is_err() {} }).await;
    log_in(plain(), "first", "slow").await.unwrap();
    log_in(plain(), "third", "stranger").await.unwrap_err();

    // An empty file changes nothing, and nobody was thrown out.
    std::fs::write(&path, "").unwrap();
    log_in(plain(), "second", "again").await.unwrap();
    let ping = xmpp::stanza::iq_get(&"meet.shoal".parse().unwrap(), xmpp::ping::request());
    soon(
        running
            .handle()
            .request(ping, std::time::Duration::from_secs(5)),
    )
    .await
    .unwrap();
}

#[tokio::test]
async fn a_changed_certificate_is_shown_to_new_connections() {
    let (files, first) = certificate("rotated");
    let mut config = config();
    config.tls = Some(files.clone());
    config.listen.tls = anywhere();
    let server = start(config).await;
    let trusting = |authority: &[u8]| {
        let options = TlsOptions {
            ca_pem: Some(authority.to_vec()),
            server_name: Some("localhost".into()),
            ..TlsOptions::default()
        };
        tcp(&server, Tls::StartTls(options))
    };
    let running = log_in(trusting(&first), "secret", "running").await.unwrap();
    // A certificate without its key is not taken: the key comes a moment later.
    let (others, second) = certificate("successor");
    std::fs::copy(&others.certificate, &files.certificate).unwrap();
    log_in(trusting(&first), "secret", "between").await.unwrap();
    std::fs::copy(&others.key, &files.key).unwrap();
    soon(async { while log_in(trusting(&second), "secret", "late").await.is_err() {} }).await;
    let refused = log_in(trusting(&first), "secret", "old")
        .await
        .err()
        .unwrap();
    assert!(refused.contains("certificate"), "{refused}");
    let ping = xmpp::stanza::iq_get(&"meet.shoal".parse().unwrap(), xmpp::ping::request());
    soon(
        running
            .handle()
            .request(ping, std::time::Duration::from_secs(5)),
    )
    .await
    .unwrap();
}
