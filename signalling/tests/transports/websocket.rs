use super::support::{Raw, Web, config, inside, soon, start};
use tokio::net::TcpStream;

const ROOM: &str = "maths@muc.meet.shoal";

#[tokio::test]
async fn two_guests_meet_over_websocket() {
    let server = start(config()).await;
    let mut ada = Web::open(&server, "/xmpp-websocket?room=maths").await;
    let mut bob = Web::open(&server, "/school/xmpp-websocket?room=maths").await;
    let address = ada.bind().await;
    bob.bind().await;
    assert!(
        address.as_bytes()[..8].iter().all(u8::is_ascii_hexdigit),
        "{address}"
    );
    ada.join(ROOM, &address[..8]).await;
    let seen = bob.join(ROOM, "bob").await;
    assert!(seen.contains(&format!("{ROOM}/{}", &address[..8])));
    ada.expect(&format!("{ROOM}/bob")).await;
    bob.send(&format!(
        "<message xmlns='jabber:client' type='groupchat' to='{ROOM}'><body>Grüße 🎓 &lt;</body></message>"
    ))
    .await;
    let frame = ada.expect("<body>Grüße 🎓 &lt;</body>").await;
    assert!(
        frame.starts_with("<message xmlns='jabber:client'"),
        "{frame}"
    );
    server.shutdown().await;
    ada.expect("system-shutdown").await;
}

#[tokio::test]
async fn a_cut_socket_resumes_and_nothing_is_missed() {
    let server = start(config()).await;
    let mut ada = Web::open(&server, "/xmpp-websocket").await;
    let mut bob = Web::open(&server, "/xmpp-websocket").await;
    let address = ada.bind().await;
    bob.bind().await;
    ada.send("<enable xmlns='urn:xmpp:sm:3' resume='true'/>")
        .await;
    let enabled = ada.expect("<enabled").await;
    let id = inside(&enabled, "id='", "'");
    let (shard, secret) = id.rsplit_once('_').unwrap();
    assert_eq!(shard, "shard-1", "the front door reads the shard from {id}");
    assert!(
        id.chars()
            .all(|letter| letter.is_ascii_alphanumeric() || "_-".contains(letter)),
        "clients find and replace {id} in their service URL as a word"
    );
    assert!(!secret.is_empty());
    ada.join(ROOM, "ada").await;
    bob.join(ROOM, "bob").await;
    ada.expect(&format!("{ROOM}/bob")).await;
    drop(ada);
    for number in 0..50 {
        bob.send(&format!(
            "<message xmlns='jabber:client' type='groupchat' to='{ROOM}'><body>number {number};</body></message>"
        ))
        .await;
    }
    let mut back = Web::open(&server, &format!("/xmpp-websocket?previd={id}")).await;
    back.log_in().await;
    // Presences of itself and Bob, and the subject.
    back.send(&format!(
        "<resume xmlns='urn:xmpp:sm:3' previd='{id}' h='3'/>"
    ))
    .await;
    back.expect("<resumed").await;
    let mut expected = 0;
    while expected < 50 {
        let frame = back.next().await.unwrap();
        if frame.contains("<body>") {
            assert!(
                frame.contains(&format!("number {expected};")),
                "expected {expected}, got {frame}"
            );
            assert!(frame.contains(&format!("to='{address}'")));
            expected += 1;
        }
    }
    // Nobody saw it leave.
    for _ in 0..50 {
        let frame = bob.next().await.unwrap();
        assert!(!frame.contains("unavailable"), "{frame}");
    }
}

#[tokio::test]
async fn the_end_of_the_stream_is_said_and_others_see_it_at_once() {
    let server = start(config()).await;
    let mut ada = Web::open(&server, "/xmpp-websocket").await;
    let mut bob = Web::open(&server, "/xmpp-websocket").await;
    ada.bind().await;
    bob.bind().await;
    ada.send("<enable xmlns='urn:xmpp:sm:3' resume='true'/>")
        .await;
    ada.expect("<enabled").await;
    ada.join(ROOM, "ada").await;
    bob.join(ROOM, "bob").await;
    ada.send("<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>")
        .await;
    ada.expect("/bob").await;
    assert!(ada.next().await.unwrap().starts_with("<close "));
    assert_eq!(ada.next().await, None);
    bob.expect("type='unavailable'").await;
}

#[tokio::test]
async fn a_plain_get_keeps_alive_and_names_the_shard() {
    let server = start(config()).await;
    let address = server.addresses().http.unwrap();
    for path in [
        "/xmpp-websocket?room=x",
        "/http-bind",
        "/tenant/_unlock?room=x",
    ] {
        let mut raw = Raw::new(soon(TcpStream::connect(address)).await.unwrap());
        raw.send(&format!(
            "GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
        ))
        .await;
        let answer = raw.rest().await.to_lowercase();
        assert!(answer.starts_with("http/1.1 200"), "{answer}");
        assert!(answer.contains("x-jitsi-shard: shard-1\r\n"), "{answer}");
        assert!(
            answer.contains("access-control-expose-headers: x-jitsi-shard\r\n"),
            "{answer}"
        );
    }
    for (path, part) in [
        ("/about/health", "OK"),
        ("/metrics", "signalling_connections_total"),
    ] {
        let mut raw = Raw::new(soon(TcpStream::connect(address)).await.unwrap());
        raw.send(&format!(
            "GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
        ))
        .await;
        let answer = raw.rest().await;
        assert!(answer.contains(part), "{answer}");
    }
}
