use super::support::{Raw, Web, config, soon, start, tcp};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;

#[tokio::test]
async fn an_address_has_a_bounded_number_of_connections() {
    let mut config = config();
    config.limits.connections_per_address = 2;
    let server = start(config).await;
    let mut one = tcp(&server).await;
    one.open_stream("meet.shoal").await;
    let mut two = tcp(&server).await;
    two.open_stream("meet.shoal").await;
    let mut three = tcp(&server).await;
    three.send("<stream:stream ").await;
    assert_eq!(three.rest().await, "");
    let mut web = Web::open(&server, "/xmpp-websocket").await;
    assert_eq!(web.next().await, None);
    one.open_stream_again().await;
    drop(two);
    let begin = Instant::now();
    loop {
        let mut again = tcp(&server).await;
        again.send("<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='meet.shoal' version='1.0'>").await;
        if !again.rest_for(Duration::from_millis(200)).await.is_empty() {
            break;
        }
        assert!(
            begin.elapsed() < Duration::from_secs(5),
            "the place of the one that left is not given away"
        );
    }
}

#[tokio::test]
async fn whoever_does_not_log_in_has_to_go() {
    let mut config = config();
    config.limits.unauthenticated = Duration::from_millis(300);
    let server = start(config).await;
    let mut silent = tcp(&server).await;
    assert!(silent.rest().await.contains("<connection-timeout "));
    let mut web = Web::open(&server, "/xmpp-websocket").await;
    web.open_stream().await;
    web.expect("connection-timeout").await;
}

#[tokio::test]
async fn a_flood_is_slowed_down_and_others_are_not() {
    let mut config = config();
    config.limits.burst_stanzas = 10;
    config.limits.stanzas_per_second = 20;
    let server = start(config).await;
    let mut flooder = Web::open(&server, "/xmpp-websocket").await;
    let mut other = Web::open(&server, "/xmpp-websocket").await;
    flooder.bind().await;
    other.bind().await;
    let ping = |id: u32| {
        format!(
            "<iq xmlns='jabber:client' type='get' id='p{id}'><ping xmlns='urn:xmpp:ping'/></iq>"
        )
    };
    let begin = Instant::now();
    for id in 0..30 {
        flooder.send(&ping(id)).await;
    }
    other.send(&ping(0)).await;
    other.expect("id='p0'").await;
    assert!(
        begin.elapsed() < Duration::from_millis(500),
        "{:?}",
        begin.elapsed()
    );
    for id in 0..30 {
        flooder.expect(&format!("id='p{id}'")).await;
    }
    assert!(
        begin.elapsed() > Duration::from_millis(700),
        "{:?}",
        begin.elapsed()
    );
}

#[tokio::test]
async fn a_reader_that_stopped_reading_is_let_go_and_the_others_go_on() {
    let mut config = config();
    config.limits.queue_stanzas = 200;
    config.limits.burst_stanzas = 10_000;
    config.limits.burst_bytes = 1 << 30;
    let server = start(config).await;
    let mut deaf: Raw<TcpStream> = tcp(&server).await;
    deaf.log_in_anonymously().await;
    deaf.bind().await;
    let mut ada = Web::open(&server, "/xmpp-websocket").await;
    ada.bind().await;
    ada.join("maths@muc.meet.shoal", "ada").await;
    deaf.send("<presence to='maths@muc.meet.shoal/deaf'><x xmlns='http://jabber.org/protocol/muc'/></presence>").await;
    ada.expect("/deaf").await;
    let text = "x".repeat(100_000);
    let gone = async {
        loop {
            ada.send(&format!(
                "<message xmlns='jabber:client' type='groupchat' to='maths@muc.meet.shoal'><body>{text}</body></message>"
            ))
            .await;
            loop {
                let frame = ada.next().await.unwrap();
                if frame.contains("unavailable") {
                    return;
                }
                if frame.contains("<body>") {
                    break;
                }
            }
        }
    };
    soon(gone).await;
}
