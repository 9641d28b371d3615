use super::support::{Raw, anywhere, certificate, config, inside, soon, start, tcp};
use signalling::Server;
use tokio::net::TcpStream;
use xmpp::client::{Client, Config as ClientConfig, Connector, Event, Tls, TlsOptions};

async fn online(connector: Connector, password: &str) -> Result<String, String> {
    let jid: xmpp::BareJid = "jvb@auth.meet.shoal".parse().unwrap();
    let config = ClientConfig::new(jid, connector)
        .with_password(password)
        .with_resource("bridge-0");
    let mut client = Client::start(config);
    match soon(client.next_event()).await {
        Some(Event::Online { jid, .. }) => Ok(jid.to_string()),
        Some(Event::Offline { reason }) => Err(reason),
        other => Err(format!("{other:?}")),
    }
}

async fn secure_server(name: &str) -> (Server, TlsOptions) {
    let (files, authority) = certificate(name);
    let mut config = config();
    config.tls = Some(files);
    config.listen.tls = anywhere();
    let options = TlsOptions {
        ca_pem: Some(authority),
        server_name: Some("localhost".into()),
        ..TlsOptions::default()
    };
    (start(config).await, options)
}

#[tokio::test]
async fn a_service_logs_in_with_starttls_and_with_direct_tls() {
    let (server, options) = secure_server("starttls").await;
    for (address, tls) in [
        (
            server.addresses().tcp.unwrap(),
            Tls::StartTls(options.clone()),
        ),
        (server.addresses().tls.unwrap(), Tls::Direct(options)),
    ] {
        let connector = Connector::Tcp {
            host: address.ip().to_string(),
            port: address.port(),
            tls,
        };
        assert_eq!(
            online(connector, "secret").await.unwrap(),
            "jvb@auth.meet.shoal/bridge-0"
        );
    }
}

#[tokio::test]
async fn a_wrong_password_is_refused() {
    let server = start(config()).await;
    let port = server.addresses().tcp.unwrap().port();
    let refused = online(Connector::plain("127.0.0.1", port), "Secret")
        .await
        .unwrap_err();
    assert!(refused.contains("not-authorized"), "{refused}");
}

#[tokio::test]
async fn what_came_in_the_clear_after_starttls_is_not_obeyed() {
    let (server, _) = secure_server("injection").await;
    let mut raw = tcp(&server).await;
    let features = raw.open_stream("auth.meet.shoal").await;
    assert!(
        features.contains("<starttls") && !features.contains("<required"),
        "{features}"
    );
    raw.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/><auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>").await;
    raw.until("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
        .await;
    raw.send("this is no handshake either").await;
    let rest = raw.rest().await;
    assert!(!rest.contains("<success"), "{rest}");
}

#[tokio::test]
async fn a_guest_can_come_over_tcp() {
    let server = start(config()).await;
    let mut raw = tcp(&server).await;
    raw.log_in_anonymously().await;
    let jid = raw.bind().await;
    raw.send("<presence to='maths@muc.meet.shoal/ada'><x xmlns='http://jabber.org/protocol/muc'/></presence>").await;
    let seen = raw.until("</message>").await;
    assert!(
        seen.contains("code='110'") && seen.contains(&format!("jid='{jid}'")),
        "{seen}"
    );
    assert!(
        !seen.contains("xmlns='jabber:client'"),
        "the stream declares it: {seen}"
    );
    raw.send("</stream:stream>").await;
    assert!(raw.rest().await.ends_with("</stream:stream>"));
}

#[tokio::test]
async fn scram_and_plain_are_offered_to_services_only() {
    let server = start(config()).await;
    let mut raw = tcp(&server).await;
    let features = raw.open_stream("auth.meet.shoal").await;
    let mechanisms = inside(
        &features,
        "<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>",
        "</mechanisms>",
    );
    assert_eq!(
        mechanisms,
        "<mechanism>SCRAM-SHA-256</mechanism><mechanism>SCRAM-SHA-1</mechanism><mechanism>PLAIN</mechanism>"
    );
    let mut raw = Raw::new(
        TcpStream::connect(server.addresses().tcp.unwrap())
            .await
            .unwrap(),
    );
    let features = raw.open_stream("meet.shoal").await;
    assert!(
        features.contains("<mechanism>ANONYMOUS</mechanism></mechanisms>"),
        "{features}"
    );
}
