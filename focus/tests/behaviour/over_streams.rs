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

const PATIENCE: Duration = Duration::from_secs(10);

async fn server() -> (Arc<signalling::Server>, Connector) {
    let account = |name: &str| signalling::config::Account {
        name: name.to_owned(),
        password: Some("secret".into()),
        ..signalling::config::Account::default()
    };
    let config = signalling::Config {
        accounts: vec![account("focus"), account("jvb")],
        ..signalling::Config::default()
    };
    let server = Arc::new(signalling::Server::start(config).await.unwrap());
    let of_connector = Arc::clone(&server);
    (server, Connector::in_memory(move || of_connector.connect()))
}

fn focus(connector: &Connector) -> Focus {
    let config = Config {
        password: Some(Password("secret".into())),
        ..Config::default()
    };
    Focus::start(config, connector.clone()).unwrap()
}

/// A bridge that makes an endpoint for everybody.
fn bridge(connector: &Connector, nick: &'static str) -> JoinHandle<()> {
    let jid: Jid = Jid::new("jvb@auth.meet.shoal").unwrap();
    let mut config = ClientConfig::new(jid, connector.clone()).with_password("secret");
    config.resume = Some(Duration::ZERO);
    tokio::spawn(async move {
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
                        Some(Ok(modify)) => Some(Element::from(&answer(modify, nick))),
                        _ => None,
                    };
                    handle.send(stanza::iq_result(&iq, answer)).await.unwrap();
                }
                _ => {}
            }
        }
    })
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
    let (sender, receiver) = mpsc::unbounded_channel();
    let config = ClientConfig::new(Jid::new("meet.shoal").unwrap(), connector.clone());
    let task = tokio::spawn(async move {
        let mut client = Client::start(config);
        let handle = client.handle();
        while let Some(event) = client.next_event().await {
            match event {
                Event::Online { .. } => {
                    let conference = element("conference", ns::FOCUS).with_attr("room", ROOM);
                    let to = Jid::new("focus.meet.shoal").unwrap();
                    let request = stanza::iq_set(&to, conference);
                    handle.request(request, PATIENCE).await.unwrap();
                    let to = Jid::new(&format!("{ROOM}/{nick}")).unwrap();
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
async fn offer(jingles: &mut mpsc::UnboundedReceiver<Jingle>) -> (Jingle, bool) {
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_meet_lose_their_bridge_and_their_focus_and_go_on() {
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
    let next = focus(&connector);
    let (_, ended) = offer(&mut alice).await;
    assert!(
        ended,
        "the new focus ends the session that it does not know"
    );
    offer(&mut bob).await;
    let (mut carol, _c) = person(&connector, "carol");
    offer(&mut carol).await;

    next.shutdown().await;
    server.shutdown().await;
}
