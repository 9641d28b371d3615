use super::support::{Raw, Web, config, soon, start};
use std::sync::Arc;
use xmpp::client::{Client, Config as ClientConfig, Connector, Event};
use xmpp::{Element, ElementExt, ns};

#[tokio::test]
async fn a_service_lives_in_the_same_process() {
    let server = Arc::new(start(config()).await);
    let shared = Arc::clone(&server);
    let jid: xmpp::BareJid = "focus@auth.meet.shoal".parse().unwrap();
    let connector = Connector::in_memory(move || shared.connect());
    let mut focus = Client::start(ClientConfig::new(jid, connector).with_password("secret"));
    assert!(matches!(
        soon(focus.next_event()).await,
        Some(Event::Online { .. })
    ));

    let mut guest = Web::open(&server, "/xmpp-websocket").await;
    let address = guest.bind().await;
    guest
        .send(
            "<iq xmlns='jabber:client' type='set' id='c1' to='focus.meet.shoal'>\
             <conference xmlns='http://jitsi.org/protocol/focus' room='maths@muc.meet.shoal'/></iq>",
        )
        .await;
    let Some(Event::Element(request)) = soon(focus.next_event()).await else {
        panic!("no request")
    };
    assert_eq!(
        request.attr("from"),
        Some(format!("focus.meet.shoal/{address}").as_str())
    );
    let answer = Element::bare("conference", ns::FOCUS).with_attr("ready", "true");
    focus
        .handle()
        .send(xmpp::stanza::iq_result(&request, Some(answer)))
        .await
        .unwrap();
    let frame = guest.expect("ready='true'").await;
    assert!(
        frame.contains("from='focus.meet.shoal'") && frame.contains("id='c1'"),
        "{frame}"
    );
}

#[tokio::test]
async fn a_connection_that_is_dropped_ends() {
    let server = start(config()).await;
    let mut raw = Raw::new(server.connect());
    let mut watcher = Web::open(&server, "/xmpp-websocket").await;
    watcher.bind().await;
    raw.log_in_anonymously().await;
    raw.bind().await;
    watcher.join("maths@muc.meet.shoal", "watcher").await;
    raw.send("<presence to='maths@muc.meet.shoal/ada'><x xmlns='http://jabber.org/protocol/muc'/></presence>").await;
    watcher.expect("/ada").await;
    drop(raw);
    watcher.expect("type='unavailable'").await;
}
