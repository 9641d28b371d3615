//! Bridge channels.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::meeting::{Meeting, channel_path, config};
use super::peer::Seen;

struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

async fn open(meeting: &Meeting, path: &str) -> Result<Socket, u16> {
    match connect_async(format!("ws://{}{path}", meeting.public)).await {
        Ok((socket, _)) => Ok(Socket(socket)),
        Err(Error::Http(response)) => Err(response.status().as_u16()),
        Err(error) => panic!("{error}"),
    }
}

impl Socket {
    async fn send(&mut self, message: Value) {
        self.0
            .send(Message::text(message.to_string()))
            .await
            .unwrap();
    }

    async fn next(&mut self) -> Message {
        let next = timeout(Duration::from_secs(10), self.0.next()).await;
        next.expect("no message within 10 s").unwrap().unwrap()
    }

    /// The next message of this class.
    async fn of_class(&mut self, class: &str) -> Value {
        loop {
            if let Message::Text(text) = self.next().await {
                let message: Value = serde_json::from_str(&text).unwrap();
                if message["colibriClass"] == class {
                    return message;
                }
            }
        }
    }

    async fn closed(&mut self) -> (u16, String) {
        loop {
            if let Message::Close(Some(frame)) = self.next().await {
                return (frame.code.into(), frame.reason.to_string());
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_channel_greets_answers_and_carries_messages_with_their_true_sender() {
    let meeting = Meeting::start(config()).await;
    let a = meeting.create("a", true).await;
    let b = meeting.create("b", false).await;
    let mut a = open(&meeting, &channel_path(&a)).await.unwrap();
    let mut b = open(&meeting, &channel_path(&b)).await.unwrap();
    a.of_class("ServerHello").await;
    b.of_class("ServerHello").await;
    a.send(json!({"colibriClass": "ClientHello"})).await;
    a.of_class("ServerHello").await;
    let message = json!({"colibriClass": "EndpointMessage", "to": "b", "from": "c", "msgPayload": {"type": "direct"}});
    a.send(message).await;
    let got = b.of_class("EndpointMessage").await;
    assert_eq!(got["from"], "a");
    assert_eq!(got["msgPayload"]["type"], "direct");
    meeting.bridge.shutdown().await;
    assert_eq!(a.closed().await.0, 1001);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_people_behind_one_proxy_are_not_one_address() {
    let mut config = config();
    config.http.connections_per_address = 1;
    config.trust_forwarded_for = listen::Proxies(1);
    let meeting = Meeting::start(config).await;
    let a = meeting.create("a", true).await;
    let b = meeting.create("b", false).await;
    let mut a = open(&meeting, &channel_path(&a)).await.unwrap();
    a.of_class("ServerHello").await;
    let mut b = open(&meeting, &channel_path(&b)).await.unwrap();
    b.of_class("ServerHello").await;
    a.send(json!({"colibriClass": "ClientHello"})).await;
    a.of_class("ServerHello").await;
    meeting.bridge.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_not_the_password_is_shown_the_door() {
    let meeting = Meeting::start(config()).await;
    let path = channel_path(&meeting.create("a", true).await);
    let (head, pwd) = path.split_once("?pwd=").unwrap();
    assert_eq!(
        open(&meeting, &format!("{head}?pwd=wrong")).await.err(),
        Some(403)
    );
    assert_eq!(open(&meeting, head).await.err(), Some(403));
    let other = head.replace("/a", "/b");
    assert_eq!(
        open(&meeting, &format!("{other}?pwd={pwd}")).await.err(),
        Some(403)
    );
    let elsewhere = path.replace("bridge-0", "bridge-1");
    assert_eq!(open(&meeting, &elsewhere).await.err(), Some(404));
    assert_eq!(open(&meeting, "/colibri-relay-ws/x").await.err(), Some(404));
    meeting.bridge.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_socket_replaces_the_first_and_the_end_of_the_endpoint_closes_it() {
    let meeting = Meeting::start(config()).await;
    let path = channel_path(&meeting.create("a", true).await);
    meeting.create("b", false).await;
    let mut first = open(&meeting, &path).await.unwrap();
    first.of_class("ServerHello").await;
    let mut second = open(&meeting, &path).await.unwrap();
    assert_eq!(first.closed().await, (1000, "replaced".to_owned()));
    second.of_class("ServerHello").await;
    second.send(json!({"colibriClass": "ClientHello"})).await;
    second.of_class("ServerHello").await;
    let (status, _) = meeting
        .patch(&json!({"endpoints": [{"id": "a", "expire": true}]}))
        .await;
    assert_eq!(status, 200);
    assert_eq!(second.closed().await, (1001, "endpoint closed".to_owned()));
    assert_eq!(open(&meeting, &path).await.err(), Some(403));
    meeting.bridge.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_channel_carries_the_same_messages() {
    let meeting = Meeting::start(config()).await;
    let mut a = meeting.join("a", true, 1000, true).await;
    a.peer
        .see("data channel", |seen| {
            (seen == Seen::ChannelOpen).then_some(())
        })
        .await;
    a.peer.send_text(r#"{"colibriClass":"ClientHello"}"#);
    a.peer
        .see("ServerHello", |seen| match seen {
            Seen::ChannelText(text) => text.contains("ServerHello").then_some(()),
            _ => None,
        })
        .await;
    meeting.bridge.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_too_long_costs_its_sender_the_channel_and_nobody_else() {
    let meeting = Meeting::start(config()).await;
    let a = meeting.create("a", true).await;
    let b = meeting.create("b", false).await;
    let mut a = open(&meeting, &channel_path(&a)).await.unwrap();
    let mut b = open(&meeting, &channel_path(&b)).await.unwrap();
    a.of_class("ServerHello").await;
    b.of_class("ServerHello").await;
    a.send(json!({"colibriClass": "EndpointMessage", "to": "", "x": "y".repeat(200_000)}))
        .await;
    let end = timeout(Duration::from_secs(10), async {
        while let Some(Ok(_)) = a.0.next().await {}
    });
    end.await.expect("the channel stays open");
    b.send(json!({"colibriClass": "ClientHello"})).await;
    b.of_class("ServerHello").await;
    meeting.bridge.shutdown().await;
}

/// What is passed on is longer than what was sent, by the sender's name.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_as_long_as_clients_signal_goes_from_data_channel_to_data_channel() {
    let meeting = Meeting::start(config()).await;
    let mut a = meeting.join("a", true, 1000, true).await;
    let mut b = meeting.join("b", false, 2000, true).await;
    for member in [&mut a, &mut b] {
        let open = |seen| (seen == Seen::ChannelOpen).then_some(());
        member.peer.see("channel", open).await;
    }
    let around = |payload: &str| {
        format!(r#"{{"colibriClass":"EndpointMessage","to":"","msgPayload":"{payload}"}}"#)
    };
    let long = "x".repeat(262_144 - around("").len());
    a.peer.send_text(&around(&long));
    let message = |seen| match seen {
        Seen::ChannelText(text) if text.contains("EndpointMessage") => Some(text),
        _ => None,
    };
    let got = b.peer.see("message", message).await;
    assert!(got.len() > 262_144 && got.contains(&long) && got.contains(r#""from":"a""#));
    meeting.bridge.shutdown().await;
}
