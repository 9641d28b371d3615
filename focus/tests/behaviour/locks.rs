//! The signalling server is killed, the focus is not: a room that was locked is locked when it is back, whoever comes
//! first. The running focus with the signalling server of this workspace, over streams in memory.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use focus::config::Password;
use focus::{Config, Focus};
use tokio::sync::mpsc;
use tokio::time::timeout;
use xmpp::client::{Client, ClientHandle, Config as ClientConfig, Connector, Event};
use xmpp::stanza::{self, Condition};
use xmpp::xml::{ElementExt, element};
use xmpp::{Element, Jid, ns, ping};

use super::world::ROOM;

const PATIENCE: Duration = Duration::from_secs(10);

async fn server() -> signalling::Server {
    let config = signalling::Config {
        accounts: vec![signalling::config::Account {
            name: "focus".to_owned(),
            password: Some("secret".into()),
            ..signalling::config::Account::default()
        }],
        ..signalling::Config::default()
    };
    signalling::Server::start(config).await.unwrap()
}

/// How the room took a visitor: with which affiliation, or why not.
type Reception = Result<String, Condition>;

/// Asks for the room and enters it as soon as there is one, with a password; again after each new login.
fn visitor(
    connector: &Connector,
    nick: &'static str,
    password: Option<&'static str>,
) -> (ClientHandle, mpsc::UnboundedReceiver<Reception>) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let config = ClientConfig::new(Jid::new("meet.shoal").unwrap(), connector.clone());
    let mut client = Client::start(config);
    let handle = client.handle();
    let of_task = handle.clone();
    tokio::spawn(async move {
        let to = Jid::new(&format!("{ROOM}/{nick}")).unwrap();
        let mut muc = element("x", ns::MUC);
        if let Some(password) = password {
            muc.append_child(element("password", ns::MUC).with_text(password));
        }
        let enter = stanza::presence(&to).with_child(muc);
        while let Some(event) = client.next_event().await {
            match event {
                Event::Online { .. } => {
                    let conference = element("conference", ns::FOCUS).with_attr("room", ROOM);
                    let to = Jid::new("focus.meet.shoal").unwrap();
                    // The focus may still be on its way.
                    while of_task
                        .request(stanza::iq_set(&to, conference.clone()), PATIENCE)
                        .await
                        .is_err()
                    {
                        tokio::time::sleep(Duration::from_millis(20)).await;
                    }
                    let _ = of_task.send(enter.clone()).await;
                }
                Event::Element(presence)
                    if stanza::is_presence(&presence)
                        && presence.attr("from") == Some(to.as_str()) =>
                {
                    match stanza::error_of(&presence).map(|error| error.condition) {
                        // Nobody has opened it yet.
                        Some(Condition::NotAllowed | Condition::ItemNotFound) => {
                            tokio::time::sleep(Duration::from_millis(20)).await;
                            let _ = of_task.send(enter.clone()).await;
                        }
                        Some(condition) => {
                            let _ = sender.send(Err(condition));
                        }
                        None => {
                            let _ = sender.send(Ok(affiliation(&presence)));
                        }
                    }
                }
                _ => {}
            }
        }
    });
    (handle, receiver)
}

fn affiliation(presence: &Element) -> String {
    let user = presence.get_child("x", ns::MUC_USER);
    let item = user.and_then(|user| user.get_child("item", ns::MUC_USER));
    let item = item.and_then(|item| item.attr("affiliation"));
    item.unwrap_or_default().to_owned()
}

async fn reception(visitor: &mut mpsc::UnboundedReceiver<Reception>) -> Reception {
    let reception = timeout(PATIENCE, visitor.recv()).await;
    reception
        .expect("the room answers")
        .expect("the visitor lives")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_who_is_first_after_the_server_was_killed_needs_the_password() {
    let current = Arc::new(Mutex::new(Arc::new(server().await)));
    let of_connector = Arc::clone(&current);
    let connector = Connector::in_memory(move || of_connector.lock().unwrap().connect());
    let config = Config {
        password: Some(Password("secret".into())),
        ..Config::default()
    };
    let focus = Focus::start(config, connector.clone()).unwrap();
    let (owner, mut at_owner) = visitor(&connector, "owner", Some("balcony"));
    while reception(&mut at_owner).await != Ok("owner".to_owned()) {}
    let field = element("field", ns::DATA)
        .with_attr("var", "muc#roomconfig_roomsecret")
        .with_child(element("value", ns::DATA).with_text("balcony"));
    let form = element("x", ns::DATA).with_attr("type", "submit");
    let form = element("query", ns::MUC_OWNER).with_child(form.with_child(field));
    let room = Jid::new(ROOM).unwrap();
    let locked = owner.request(stanza::iq_set(&room, form), PATIENCE).await;
    locked.unwrap();
    // When the focus answers this, it has heard of the lock.
    let to = Jid::new(&format!("{ROOM}/focus")).unwrap();
    let answer = owner.request(stanza::iq_get(&to, ping::request()), PATIENCE);
    answer.await.unwrap();

    let new = Arc::new(server().await);
    let old = std::mem::replace(&mut *current.lock().unwrap(), new);
    old.shutdown().await;
    let (_stranger, mut at_stranger) = visitor(&connector, "stranger", None);
    assert_eq!(
        reception(&mut at_stranger).await,
        Err(Condition::NotAuthorized)
    );
    assert!(
        reception(&mut at_owner).await.is_ok(),
        "who knows the password is in"
    );

    focus.shutdown().await;
    let new = Arc::clone(&current.lock().unwrap());
    new.shutdown().await;
}
