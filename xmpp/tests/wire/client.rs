//! The reconnecting client against a scripted server.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use xmpp::client::{Client, Config, Connector, Event, RequestError, Tls, TlsOptions};
use xmpp::sm::Nonza;
use xmpp::stanza::{self, Condition, StanzaError};
use xmpp::stream::Event as StreamEvent;
use xmpp::xml::element;
use xmpp::{Element, ElementExt, Jid, ns, ping};

use crate::script::{Listener, Server, listen, soon};

fn config(connector: Connector) -> Config {
    let mut config = Config::new("bot@d".parse::<Jid>().unwrap(), connector)
        .with_password("pw")
        .with_resource("r");
    config.reconnect_min = Duration::from_millis(5);
    config.reconnect_max = Duration::from_millis(20);
    config
}

fn start() -> (Client, Listener) {
    let (connector, listener) = listen();
    (Client::start(config(connector)), listener)
}

async fn next(client: &mut Client) -> Event {
    soon(client.next_event()).await.unwrap()
}

async fn online(client: &mut Client) -> bool {
    loop {
        match next(client).await {
            Event::Online { jid, resumed } => {
                assert_eq!(jid.as_str(), "bot@d/r");
                return resumed;
            }
            Event::Offline { .. } => {}
            Event::Element(element) => panic!("{element:?}"),
        }
    }
}

fn message(body: &str) -> Element {
    stanza::message_with_body(&"a@d".parse().unwrap(), None, body)
}

fn body(element: &Element) -> String {
    element.get_child("body", ns::CLIENT).unwrap().text()
}

#[tokio::test]
async fn it_logs_in_binds_and_exchanges_stanzas() {
    let (mut client, mut listener) = start();
    let mut server = listener.accept().await;
    let login = server.log_in().await;
    assert_eq!(
        (login.user.as_str(), login.password.as_str()),
        ("bot", "pw")
    );
    server.bind().await;
    server.receive().await;
    server
        .send(
            &Nonza::Failed {
                h: None,
                condition: None,
            }
            .into(),
        )
        .await;
    assert!(!online(&mut client).await);
    client.handle().send(message("there")).await.unwrap();
    assert_eq!(body(&server.receive().await), "there");
    server.send(&message("here")).await;
    let Event::Element(element) = next(&mut client).await else {
        panic!()
    };
    assert_eq!(body(&element), "here");
}

#[tokio::test]
async fn an_answer_belongs_to_the_request_with_its_id_and_address() {
    let (mut client, mut listener) = start();
    let mut server = listener.accept().await;
    server.begin(None).await;
    online(&mut client).await;
    let handle = client.handle();
    let to: Jid = "focus.d".parse().unwrap();
    let asking = tokio::spawn(async move {
        let request = stanza::iq_get(&to, ping::request());
        handle.request(request, Duration::from_secs(10)).await
    });
    let request = server.receive_stanza().await;
    let mut forged = stanza::iq_result(&request, None);
    forged.put_attr("from", "evil.d");
    server.send(&forged).await;
    server
        .send(&stanza::iq_result(&request, Some(element("yes", "urn:x"))))
        .await;
    let answer = soon(asking).await.unwrap().unwrap();
    assert!(stanza::payload(&answer).unwrap().is("yes", "urn:x"));
    let Event::Element(seen) = next(&mut client).await else {
        panic!()
    };
    assert_eq!(seen.attr("from"), Some("evil.d"));
}

#[tokio::test]
async fn requests_fail_by_error_by_time_and_by_loss() {
    let (mut client, mut listener) = start();
    let mut server = listener.accept().await;
    server.begin(None).await;
    online(&mut client).await;
    let handle = client.handle();
    let to: Jid = "a@d/x".parse().unwrap();
    let ask = |time: u64| {
        let (handle, to) = (handle.clone(), to.clone());
        tokio::spawn(async move {
            let request = stanza::iq_set(&to, ping::request());
            handle.request(request, Duration::from_millis(time)).await
        })
    };
    let refused = ask(10_000);
    let request = server.receive_stanza().await;
    let error = StanzaError::new(Condition::Forbidden);
    server.send(&stanza::error_reply(&request, &error)).await;
    assert_eq!(
        soon(refused).await.unwrap(),
        Err(RequestError::Stanza(error))
    );
    assert_eq!(soon(ask(20)).await.unwrap(), Err(RequestError::TimedOut));
    let lost = ask(10_000);
    server.receive_stanza().await;
    server.receive_stanza().await;
    drop(server);
    listener.accept().await.begin(None).await;
    assert_eq!(soon(lost).await.unwrap(), Err(RequestError::Disconnected));
    let no_request = handle.request(message("x"), Duration::from_secs(1)).await;
    assert_eq!(no_request, Err(RequestError::NotARequest));
}

#[tokio::test]
async fn a_lost_connection_is_resumed_and_nothing_is_lost_or_doubled() {
    let (mut client, mut listener) = start();
    let mut server = listener.accept().await;
    server.begin(Some("session-1")).await;
    online(&mut client).await;
    let handle = client.handle();
    for text in ["one", "two", "three"] {
        handle.send(message(text)).await.unwrap();
    }
    assert_eq!(body(&server.receive_stanza().await), "one");
    server.send(&message("in")).await;
    assert!(matches!(next(&mut client).await, Event::Element(_)));
    drop(server);
    assert!(matches!(next(&mut client).await, Event::Offline { .. }));
    handle.send(message("four")).await.unwrap();

    let mut server = listener.accept().await;
    let previd = "session-1".to_owned();
    assert_eq!(
        server.resumption().await,
        Nonza::Resume {
            previd: previd.clone(),
            h: 1
        }
    );
    server.send(&Nonza::Resumed { previd, h: 1 }.into()).await;
    assert!(online(&mut client).await);
    for text in ["two", "three", "four"] {
        assert_eq!(body(&server.receive_stanza().await), text);
    }
    server.send(&Nonza::Ack { h: 4 }.into()).await;
    server.send(&Nonza::Request.into()).await;
    assert_eq!(
        Nonza::try_from(&server.receive().await),
        Ok(Nonza::Ack { h: 1 })
    );
}

#[tokio::test]
async fn a_session_that_the_server_forgot_begins_anew_without_old_stanzas() {
    let (mut client, mut listener) = start();
    let mut server = listener.accept().await;
    server.begin(Some("session-1")).await;
    online(&mut client).await;
    let handle = client.handle();
    handle.send(message("old")).await.unwrap();
    server.receive_stanza().await;
    drop(server);
    let mut server = listener.accept().await;
    assert!(matches!(server.resumption().await, Nonza::Resume { .. }));
    let condition = Some("item-not-found".to_owned());
    server
        .send(&Nonza::Failed { h: None, condition }.into())
        .await;
    let bind = server.receive().await;
    server.answer_bind(&bind).await;
    server.receive().await;
    server
        .send(
            &Nonza::Enabled {
                id: None,
                resume: false,
                max: None,
            }
            .into(),
        )
        .await;
    assert!(!online(&mut client).await);
    handle.send(message("new")).await.unwrap();
    assert_eq!(body(&server.receive_stanza().await), "new");
}

#[tokio::test]
async fn a_silent_server_is_noticed() {
    let (connector, mut listener) = listen();
    let mut config = config(connector);
    config.ping_interval = Duration::from_millis(50);
    config.ping_timeout = Duration::from_millis(50);
    let mut client = Client::start(config);
    let mut server = listener.accept().await;
    server.begin(None).await;
    online(&mut client).await;
    // As long as it answers all is well.
    for h in 0..3 {
        assert_eq!(Nonza::try_from(&server.receive().await), Ok(Nonza::Request));
        server.send(&Nonza::Ack { h: 0 }.into()).await;
        let _ = h;
    }
    let silent_since = Instant::now();
    let Event::Offline { reason } = next(&mut client).await else {
        panic!()
    };
    assert_eq!(reason, "the server does not answer pings");
    assert!(silent_since.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn without_stream_management_pings_are_iqs() {
    let (connector, mut listener) = listen();
    let mut config = config(connector);
    config.ping_interval = Duration::from_millis(30);
    let mut client = Client::start(config);
    let mut server = listener.accept().await;
    server.log_in().await;
    server.open_stream([element("bind", ns::BIND)]).await;
    let bind = server.receive().await;
    server.answer_bind(&bind).await;
    online(&mut client).await;
    let request = server.receive().await;
    assert!(ping::is_request(stanza::payload(&request).unwrap()));
    assert_eq!(request.attr("to"), Some("d"));
    server.send(&stanza::iq_result(&request, None)).await;
    server.send(&message("after")).await;
    let Event::Element(element) = next(&mut client).await else {
        panic!()
    };
    assert_eq!(
        body(&element),
        "after",
        "the answer to the ping is not for the owner"
    );
}

#[tokio::test]
async fn it_tries_again_for_ever_and_reports_each_failure_time_once() {
    let (mut client, mut listener) = start();
    for _ in 0..10 {
        drop(listener.accept().await);
    }
    let mut server = listener.accept().await;
    server.begin(None).await;
    assert!(matches!(next(&mut client).await, Event::Offline { .. }));
    assert!(matches!(
        next(&mut client).await,
        Event::Online { resumed: false, .. }
    ));
}

#[tokio::test]
async fn a_refused_login_is_reported_without_the_password() {
    let (mut client, mut listener) = start();
    let mut server = listener.accept().await;
    server
        .open_stream([xmpp::sasl::mechanisms(["PLAIN"])])
        .await;
    server.receive().await;
    server
        .send(&xmpp::sasl::failure(
            "not-authorized",
            Some("wrong password"),
        ))
        .await;
    let Event::Offline { reason } = next(&mut client).await else {
        panic!()
    };
    assert_eq!(
        reason,
        "login: the server refused: not-authorized (wrong password)"
    );
    let shown = format!("{:?}", config(listen().0));
    assert!(
        !shown.contains("\"pw\"") && shown.contains("Secret"),
        "{shown}"
    );
}

#[tokio::test]
async fn broken_xml_of_the_server_ends_the_connection_with_a_stream_error() {
    let (mut client, mut listener) = start();
    let mut server = listener.accept().await;
    server.begin(None).await;
    online(&mut client).await;
    server.send_text("<message><!-- evil --></message>").await;
    let error = server.receive_stanza().await;
    assert!(error.is("error", ns::STREAM));
    assert!(error.has_child("restricted-xml", ns::STREAM_ERRORS));
    let Event::Offline { reason } = next(&mut client).await else {
        panic!()
    };
    assert!(reason.contains("restricted-xml"), "{reason}");
}

#[tokio::test]
async fn a_stream_error_of_the_server_ends_the_session() {
    let (mut client, mut listener) = start();
    let mut server = listener.accept().await;
    server.begin(Some("s")).await;
    online(&mut client).await;
    let error = xmpp::stream::StreamError::new(xmpp::stream::StreamCondition::Conflict);
    server.send(&Element::from(&error)).await;
    let Event::Offline { reason } = next(&mut client).await else {
        panic!()
    };
    assert_eq!(reason, "stream error: conflict");
    // There is nothing to resume.
    listener.accept().await.begin(None).await;
    assert!(!online(&mut client).await);
}

#[tokio::test]
async fn a_server_that_counts_wrongly_is_left() {
    let (mut client, mut listener) = start();
    let mut server = listener.accept().await;
    server.begin(Some("s")).await;
    online(&mut client).await;
    server.send(&Nonza::Ack { h: 9 }.into()).await;
    let Event::Offline { reason } = next(&mut client).await else {
        panic!()
    };
    assert_eq!(reason, "the server counts stanzas wrongly");
}

#[tokio::test]
async fn a_slow_owner_slows_the_server_down_and_loses_nothing() {
    let (connector, mut listener) = listen();
    let mut config = config(connector);
    config.queue = 4;
    config.ping_interval = Duration::from_millis(20);
    config.ping_timeout = Duration::from_millis(20);
    let mut client = Client::start(config);
    let mut server = listener.accept().await;
    server.begin(None).await;
    online(&mut client).await;
    let sender = tokio::spawn(async move {
        for n in 0..5000 {
            server.send(&message(&n.to_string())).await;
        }
        server
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!sender.is_finished(), "five thousand stanzas are buffered");
    for n in 0..5000 {
        let Event::Element(element) = next(&mut client).await else {
            panic!()
        };
        assert_eq!(body(&element), n.to_string());
    }
    soon(sender).await.unwrap();
}

#[tokio::test]
async fn what_arrived_before_the_loss_of_the_connection_still_reaches_the_owner() {
    let (connector, mut listener) = listen();
    let mut config = config(connector);
    config.queue = 1;
    let mut client = Client::start(config);
    let mut server = listener.accept().await;
    server.begin(Some("s")).await;
    for n in 0..3 {
        server.send(&message(&n.to_string())).await;
    }
    // The queue holds the event of being online, and the client one stanza more.
    tokio::time::sleep(Duration::from_millis(50)).await;
    drop(server);
    let resuming = tokio::spawn(async move {
        let mut server = listener.accept().await;
        let Nonza::Resume { previd, h } = server.resumption().await else {
            panic!()
        };
        server.send(&Nonza::Resumed { previd, h: 0 }.into()).await;
        for n in h..3 {
            server.send(&message(&n.to_string())).await;
        }
        server
    });
    let mut seen = Vec::new();
    while seen.len() < 3 {
        if let Event::Element(element) = next(&mut client).await {
            seen.push(body(&element));
        }
    }
    assert_eq!(seen, ["0", "1", "2"]);
    soon(resuming).await.unwrap();
}

#[tokio::test]
async fn closing_ends_the_stream_properly_and_the_handle_says_so() {
    let (mut client, mut listener) = start();
    let mut server = listener.accept().await;
    server.begin(None).await;
    online(&mut client).await;
    let handle = client.handle();
    handle.send(message("last")).await.unwrap();
    let closing = tokio::spawn({
        let handle = handle.clone();
        async move { handle.close().await }
    });
    assert_eq!(body(&server.receive_stanza().await), "last");
    assert_eq!(server.event().await, StreamEvent::StreamClose);
    server.send_text("</stream:stream>").await;
    soon(closing).await.unwrap();
    assert_eq!(soon(client.next_event()).await, None);
    assert!(handle.send(message("x")).await.is_err());
    let request = stanza::iq_get(&"d".parse().unwrap(), ping::request());
    let result = handle.request(request, Duration::from_secs(1)).await;
    assert_eq!(result, Err(RequestError::Closed));
}

#[tokio::test]
async fn vanishing_writes_what_was_sent_and_leaves_the_stream_open() {
    let (mut client, mut listener) = start();
    let mut server = listener.accept().await;
    server.begin(None).await;
    online(&mut client).await;
    let handle = client.handle();
    handle.send(message("last")).await.unwrap();
    soon(handle.vanish()).await;
    assert_eq!(soon(client.next_event()).await, None);
    let mut rest = String::new();
    soon(server.io.read_to_string(&mut rest)).await.unwrap();
    assert!(rest.contains("last"), "{rest}");
    assert!(!rest.contains("</stream:stream>"), "{rest}");
}

#[tokio::test]
async fn a_client_that_nobody_reaches_can_still_be_closed() {
    for vanish in [false, true] {
        let (connector, listener) = listen();
        drop(listener);
        let client = Client::start(config(connector));
        if vanish {
            soon(client.handle().vanish()).await;
        } else {
            soon(client.handle().close()).await;
        }
    }
}

/// A server with a self-signed certificate, and that certificate.
fn certificate() -> (TlsAcceptor, Vec<u8>) {
    let key = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(vec!["d".to_owned()]).unwrap();
    let cert = params.self_signed(&key).unwrap();
    let pem = cert.pem().into_bytes();
    (acceptor(&cert, &key), pem)
}

/// A server with a certificate of an authority, and the authority's certificate.
pub(crate) fn issued_certificate(name: &str) -> (TlsAcceptor, Vec<u8>) {
    let authority_key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority = params.self_signed(&authority_key).unwrap();
    let issuer = rcgen::Issuer::from_params(&params, &authority_key);
    let key = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
    let cert = params.signed_by(&key, &issuer).unwrap();
    (acceptor(&cert, &key), authority.pem().into_bytes())
}

fn acceptor(cert: &rcgen::Certificate, key: &rcgen::KeyPair) -> TlsAcceptor {
    let key = rustls_pki_types::PrivatePkcs8KeyDer::from(key.serialize_der());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let server = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key.into())
        .unwrap();
    TlsAcceptor::from(Arc::new(server))
}

async fn tcp(tls: Tls) -> (Client, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let host = "127.0.0.1".to_owned();
    let client = Client::start(config(Connector::Tcp { host, port, tls }));
    (client, listener)
}

#[tokio::test]
async fn direct_tls_with_a_known_authority_works() {
    let (acceptor, ca_pem) = issued_certificate("d");
    let options = TlsOptions {
        ca_pem: Some(ca_pem),
        ..TlsOptions::default()
    };
    let (mut client, listener) = tcp(Tls::Direct(options)).await;
    let (socket, _) = soon(listener.accept()).await.unwrap();
    let mut server = Server::new(soon(acceptor.accept(socket)).await.unwrap());
    server.begin(None).await;
    assert!(!online(&mut client).await);
    client.handle().send(message("secret")).await.unwrap();
    assert_eq!(body(&server.receive_stanza().await), "secret");
}

#[tokio::test]
async fn starttls_works_and_what_came_in_the_clear_is_thrown_away() {
    let (acceptor, ca_pem) = certificate();
    let options = TlsOptions {
        ca_pem: Some(ca_pem),
        ..TlsOptions::default()
    };
    let (mut client, listener) = tcp(Tls::StartTls(options)).await;
    let (socket, _) = soon(listener.accept()).await.unwrap();
    let mut server = Server::new(socket);
    server.open_stream([element("starttls", ns::TLS)]).await;
    assert!(server.receive().await.is("starttls", ns::TLS));
    server.send(&element("proceed", ns::TLS)).await;
    let mut server = Server::new(soon(acceptor.accept(server.io)).await.unwrap());
    server.begin(None).await;
    assert!(!online(&mut client).await);
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let (acceptor, ca_pem) = issued_certificate("other");
    let options = TlsOptions {
        ca_pem: Some(ca_pem),
        ..TlsOptions::default()
    };
    let (mut client, listener) = tcp(Tls::Direct(options)).await;
    let (socket, _) = soon(listener.accept()).await.unwrap();
    let _ = soon(acceptor.accept(socket)).await;
    let Event::Offline { reason } = next(&mut client).await else {
        panic!()
    };
    assert!(reason.contains("certificate"), "{reason}");
}

#[tokio::test]
async fn an_unknown_authority_is_refused_unless_told_otherwise() {
    let (acceptor, _) = certificate();
    let (mut client, listener) = tcp(Tls::Direct(TlsOptions::default())).await;
    let (socket, _) = soon(listener.accept()).await.unwrap();
    let _ = soon(acceptor.accept(socket)).await;
    let Event::Offline { reason } = next(&mut client).await else {
        panic!()
    };
    assert!(reason.contains("certificate"), "{reason}");
    drop(client);

    let options = TlsOptions {
        insecure: true,
        ..TlsOptions::default()
    };
    let (mut client, listener) = tcp(Tls::Direct(options)).await;
    let (socket, _) = soon(listener.accept()).await.unwrap();
    let mut server = Server::new(soon(acceptor.accept(socket)).await.unwrap());
    server.begin(None).await;
    online(&mut client).await;
}

#[tokio::test]
async fn a_server_without_starttls_gets_no_password() {
    let (mut client, listener) = tcp(Tls::StartTls(TlsOptions::default())).await;
    let (socket, _) = soon(listener.accept()).await.unwrap();
    let mut server = Server::new(socket);
    server
        .open_stream([xmpp::sasl::mechanisms(["PLAIN"])])
        .await;
    let Event::Offline { reason } = next(&mut client).await else {
        panic!()
    };
    assert!(reason.contains("does not offer STARTTLS"), "{reason}");
}

#[tokio::test]
async fn what_arrives_before_the_session_is_managed_is_not_lost_and_not_counted() {
    let (mut client, mut listener) = start();
    let mut server = listener.accept().await;
    server.log_in().await;
    server.bind().await;
    assert_eq!(server.receive().await.name(), "enable");
    for text in ["first", "second"] {
        server.send(&message(text)).await;
    }
    let enabled = Nonza::Enabled {
        id: Some("id".to_owned()),
        resume: true,
        max: None,
    };
    server.send(&enabled.into()).await;
    server.send(&message("third")).await;
    server.send(&Nonza::Request.into()).await;
    assert!(!online(&mut client).await);
    for text in ["first", "second", "third"] {
        match next(&mut client).await {
            Event::Element(element) => assert_eq!(body(&element), text),
            other => panic!("{other:?}"),
        }
    }
    let acknowledged = Nonza::try_from(&server.receive().await).unwrap();
    assert_eq!(acknowledged, Nonza::Ack { h: 1 });
}
