//! The focus beside a real Prosody: rooms are hidden, as Jitsi's plugins hide them, and the focus is killed.
//!
//! Without Jitsi's plugins there is no alias of the focus, so people ask the account itself. The translation of tenants'
//! addresses is a module of a few lines, which does what `muc_domain_mapper` does.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use focus::config::Password;
use focus::{Config, Focus};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use xmpp::client::{Client, Config as ClientConfig, Connector, Event};
use xmpp::colibri2::ConferenceModify;
use xmpp::jingle::Jingle;
use xmpp::stanza;
use xmpp::xml::{ElementExt, element};
use xmpp::{Element, Jid, ns};

use super::over_streams::{bridge_telling, offer, person_in};
use super::world::ROOM;

/// Where people ask for a conference.
const FOCUS: &str = "focus@auth.meet.shoal/focus";
const PATIENCE: Duration = Duration::from_secs(15);

/// A Prosody that lives as long as this.
struct Prosody {
    folder: PathBuf,
    port: u16,
    storage: &'static str,
    process: Option<Child>,
}

impl Prosody {
    /// One whose accounts keep what they are given in memory or in files.
    async fn start(storage: &'static str) -> Self {
        // A port that nobody has at this moment.
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let name = format!("shoal-prosody-{}-{port}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        let accounts = folder.join("data/auth%2emeet%2eshoal/accounts");
        std::fs::create_dir_all(&accounts).unwrap();
        for account in ["focus", "jvb"] {
            let text = "return { [\"password\"] = \"secret\"; };";
            std::fs::write(accounts.join(format!("{account}.dat")), text).unwrap();
        }
        std::fs::create_dir_all(folder.join("modules")).unwrap();
        std::fs::write(folder.join("modules/mod_tenants.lua"), TENANTS).unwrap();
        let mut prosody = Self {
            folder,
            port,
            storage,
            process: None,
        };
        prosody.run().await;
        prosody
    }

    async fn run(&mut self) {
        let configuration = self.folder.join("prosody.cfg.lua");
        std::fs::write(&configuration, self.configuration(&self.folder)).unwrap();
        let process = Command::new("prosody")
            .arg("--config")
            .arg(&configuration)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("Prosody is installed");
        self.process = Some(process);
        let answers = async {
            while tokio::net::TcpStream::connect(("127.0.0.1", self.port))
                .await
                .is_err()
            {
                sleep(Duration::from_millis(50)).await;
            }
        };
        timeout(PATIENCE, answers).await.expect("Prosody listens");
    }

    fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    fn connector(&self) -> Connector {
        Connector::plain("127.0.0.1", self.port)
    }

    fn configuration(&self, folder: &Path) -> String {
        let folder = folder.display();
        let (port, storage) = (self.port, self.storage);
        format!(
            r#"
daemonize = false
run_as_root = true
pidfile = "{folder}/prosody.pid"
data_path = "{folder}/data"
plugin_paths = {{ "{folder}/modules" }}
modules_enabled = {{ "disco", "saslauth", "roster", "private", "ping", "smacks" }}
modules_disabled = {{ "s2s", "tls", "offline", "register" }}
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
c2s_ports = {{ {port} }}
c2s_interfaces = {{ "127.0.0.1" }}
c2s_direct_tls_ports = {{ }}
http_ports = {{ }}
https_ports = {{ }}
admins = {{ "focus@auth.meet.shoal", "jvb@auth.meet.shoal" }}
log = {{ debug = "{folder}/prosody.log" }}
VirtualHost "meet.shoal"
  modules_enabled = {{ "tenants" }}
  authentication = "anonymous"
VirtualHost "auth.meet.shoal"
  authentication = "internal_plain"
  storage = {{ accounts = "internal"; private = "{storage}" }}
Component "muc.meet.shoal" "muc"
  storage = "memory"
  muc_room_locking = false
  muc_room_default_public = false
  restrict_room_creation = true
Component "internal-muc.meet.shoal" "muc"
  storage = "memory"
  muc_room_locking = false
  muc_room_default_public = false
"#
        )
    }
}

impl Drop for Prosody {
    fn drop(&mut self) {
        self.kill();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// `room@muc.TENANT.D` in what clients and the focus see, `[TENANT]room@muc.D` in what the rooms see.
const TENANTS: &str = r#"
local jid, filters = require "util.jid", require "util.filters";
local function kept_as(address)
    local node, host, resource = jid.split(address);
    local tenant = host and host:match("^muc%.([^.]+)%.meet%.shoal$");
    if not (tenant and node) then return address; end
    return jid.join("["..tenant.."]"..node, "muc.meet.shoal", resource);
end
local function seen_as(address)
    local node, host, resource = jid.split(address);
    if host ~= "muc.meet.shoal" or not node then return address; end
    local tenant, name = node:match("^%[([^%]]+)%](.+)$");
    if not tenant then return address; end
    return jid.join(name, "muc."..tenant..".meet.shoal", resource);
end
local function translate(stanza)
    local conference = stanza.name == "iq" and stanza:get_child("conference", "http://jitsi.org/protocol/focus");
    if conference then conference.attr.room = kept_as(conference.attr.room); end
    if stanza.attr.to then stanza.attr.to = kept_as(stanza.attr.to); end
    if stanza.attr.from then stanza.attr.from = seen_as(stanza.attr.from); end
    return stanza;
end
filters.add_filter_hook(function (session)
    filters.add_filter(session, "stanzas/in", translate);
    filters.add_filter(session, "stanzas/out", translate);
end);
"#;

/// A focus that can be killed.
struct Process {
    runtime: Runtime,
    _focus: Focus,
}

impl Process {
    fn start(connector: &Connector) -> Self {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let config = Config {
            password: Some(Password("secret".into())),
            resource: "focus".to_owned(),
            ..Config::default()
        };
        let entered = runtime.enter();
        let focus = Focus::start(config, connector.clone()).unwrap();
        drop(entered);
        Self {
            runtime,
            _focus: focus,
        }
    }

    /// Its sockets close, and nothing is said.
    fn kill(self) {
        self.runtime.shutdown_background();
    }
}

/// The texts of everything that the server keeps for the focus of this room.
async fn kept(connector: &Connector, room: &str) -> Vec<String> {
    let account = Jid::new("focus@auth.meet.shoal").unwrap();
    let config = ClientConfig::new(account.clone(), connector.clone())
        .with_password("secret")
        .with_resource("reader");
    let mut client = Client::start(config);
    let handle = client.handle();
    while !matches!(client.next_event().await, Some(Event::Online { .. })) {}
    let lists = (0..32).map(|place| element("rooms", &format!("urn:shoal:focus:rooms:{place}")));
    let memory = element("memory", &format!("urn:shoal:focus:memory:{room}"));
    let mut texts = Vec::new();
    for kept in lists.chain([memory]) {
        let query = element("query", ns::PRIVATE).with_child(kept);
        let request = stanza::iq_get(&account, query);
        let answer = handle.request(request, PATIENCE).await.unwrap();
        let query = answer.get_child("query", ns::PRIVATE).unwrap();
        let kept = query.children().next().map(Element::text);
        texts.extend(kept.filter(|text| !text.is_empty()));
    }
    drop(client);
    texts
}

/// Waits until the server keeps so many elements.
async fn keeps(connector: &Connector, room: &str, number: usize) {
    let wait = async {
        loop {
            let texts = kept(connector, room).await;
            if texts.len() == number {
                return;
            }
            sleep(Duration::from_millis(100)).await;
        }
    };
    if timeout(PATIENCE, wait).await.is_err() {
        panic!("kept is {:?}", kept(connector, room).await);
    }
}

fn nothing_was_said(jingles: &mut mpsc::UnboundedReceiver<Jingle>) {
    let said = jingles.try_recv();
    assert!(said.is_err(), "{said:?}");
}

fn nothing_was_closed(requests: &mut mpsc::UnboundedReceiver<ConferenceModify>) {
    while let Ok(request) = requests.try_recv() {
        assert!(
            !request.expire && request.endpoints.iter().all(|it| !it.expire),
            "{request:?}"
        );
    }
}

/// People meet, the focus is killed, somebody comes.
async fn conferences_are_back(prosody: &Prosody, room: &'static str, written: &'static str) {
    let connector = prosody.connector();
    let running = Process::start(&connector);
    let (mut requests, bridge) = bridge_telling(&connector, "jvb1");
    let (mut alice, one) = person_in(&connector, "alice", FOCUS, (room, room));
    let (mut bob, two) = person_in(&connector, "bob", FOCUS, (written, room));
    offer(&mut alice).await;
    offer(&mut bob).await;
    keeps(&connector, room, 2).await;
    running.kill();

    let next = Process::start(&connector);
    let (mut carol, three) = person_in(&connector, "carol", FOCUS, (room, room));
    offer(&mut carol).await;
    nothing_was_said(&mut alice);
    nothing_was_said(&mut bob);
    nothing_was_closed(&mut requests);

    for person in [one, two, three] {
        person.abort();
    }
    keeps(&connector, room, 0).await;
    bridge.abort();
    next.kill();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Prosody; `cargo xtask test --only prosody`"]
async fn a_focus_that_is_killed_finds_its_conferences_in_hidden_rooms() {
    for storage in ["internal", "memory"] {
        let prosody = Prosody::start(storage).await;
        conferences_are_back(&prosody, ROOM, ROOM).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Prosody; `cargo xtask test --only prosody`"]
async fn the_same_in_a_room_of_a_tenant() {
    let prosody = Prosody::start("memory").await;
    let (seen, kept_as) = (
        "maths@muc.school.meet.shoal",
        "[school]maths@muc.meet.shoal",
    );
    conferences_are_back(&prosody, seen, kept_as).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Prosody; `cargo xtask test --only prosody`"]
async fn what_is_kept_of_rooms_that_a_restart_of_the_server_ended_goes() {
    let mut prosody = Prosody::start("internal").await;
    let connector = prosody.connector();
    let running = Process::start(&connector);
    let (_requests, bridge) = bridge_telling(&connector, "jvb1");
    let (mut alice, one) = person_in(&connector, "alice", FOCUS, (ROOM, ROOM));
    let (mut bob, two) = person_in(&connector, "bob", FOCUS, (ROOM, ROOM));
    offer(&mut alice).await;
    offer(&mut bob).await;
    keeps(&connector, ROOM, 2).await;
    running.kill();
    one.abort();
    two.abort();
    prosody.kill();
    prosody.run().await;
    let next = Process::start(&connector);
    keeps(&connector, ROOM, 0).await;
    bridge.abort();
    next.kill();
}
