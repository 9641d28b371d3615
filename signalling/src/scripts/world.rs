//! The people of a script and the server they talk to.

use super::pattern::{self, Names};
use crate::Config;
use crate::addresses::Address;
use crate::config::Account;
use crate::connection::{Connection, Ending, Framing, Origin, Output, Query};
use crate::host::Host;
use crate::now::Now;
use crate::random::Random;
use crate::session::Wake;
use crate::settings::Settings;
use base64::Engine as _;
use rand::SeedableRng;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};
use xmpp::stream::frame::{self, Frame};
use xmpp::stream::{Header, Limits};
use xmpp::{Element, ns};

const DOMAIN: &str = "meet.shoal";
/// Services that every script has.
const SERVICES: &[&str] = &["focus", "jvb", "jvb2"];

struct Nobody;

impl Wake for Nobody {
    fn wake(&self) {}
}

/// Everything in a script.
pub(super) struct World {
    given: serde_json::Map<String, serde_json::Value>,
    host: Option<Arc<Host>>,
    /// Times that the server was killed and started again.
    restarts: u8,
    people: BTreeMap<String, Person>,
    names: Names,
    now: Now,
}

#[derive(Default)]
struct Person {
    account: Option<String>,
    query: Query,
    address: Option<std::net::IpAddr>,
    connection: Option<Connection>,
    inbox: VecDeque<Frame>,
    closed: bool,
}

impl Default for World {
    fn default() -> Self {
        let names = [("D", DOMAIN), ("MUC", "muc.meet.shoal")];
        Self {
            given: serde_json::Map::new(),
            host: None,
            restarts: 0,
            people: BTreeMap::new(),
            names: names
                .map(|(name, value)| (name.into(), value.into()))
                .into(),
            now: Now {
                instant: Instant::now(),
                unix: Duration::from_secs(1_800_000_000),
            },
        }
    }
}

impl World {
    /// One line of a script.
    pub(super) fn act(&mut self, line: &str, xml: &str) -> Result<(), String> {
        if let Some(json) = line.strip_prefix("given ") {
            let value: serde_json::Value =
                serde_json::from_str(json).map_err(|error| error.to_string())?;
            self.given
                .extend(value.as_object().cloned().unwrap_or_default());
            return Ok(());
        }
        if let Some(seconds) = line.strip_suffix(" seconds pass") {
            return self.wait(seconds.parse().map_err(|_| "how many seconds?")?);
        }
        if line == "the server is killed and comes back" {
            self.host = None;
            self.restarts += 1;
            for person in self.people.values_mut() {
                person.connection = None;
                person.inbox.clear();
            }
            return Ok(());
        }
        if let Some((name, claims)) = line.split_once(" holds ") {
            let token = self.sign(&pattern::fill(claims, &self.names))?;
            self.names.insert(format!("{name} token"), token.clone());
            self.person(name)?.query.token = Some(token);
            return Ok(());
        }
        let (name, deed) = line.split_once(' ').ok_or("who does what?")?;
        let words: Vec<&str> = deed.split(' ').collect();
        match words.as_slice() {
            ["is", "disconnected"] => self.expect_closed(name),
            ["is", "a", "guest", parameters @ ..] => self.introduce(name, None, parameters),
            ["is", account, parameters @ ..] => self.introduce(name, Some(account), parameters),
            ["connects"] => self.connect(name, None),
            ["logs", "in"] => self.log_in(name),
            ["connects", "as", resource] => self.connect(name, Some(resource)),
            ["opens", "a", "stream"] => self.open(name),
            ["sends"] => self.send(name, xml),
            ["raw"] => self.send_raw(name, xml),
            ["has", "to", "wait"] => self.expect_pause(name),
            ["receives", "nothing"] => self.receive_nothing(name),
            ["receives"] => self.receive(name, xml),
            ["skips", "everything"] => {
                self.pump();
                self.person(name)?.inbox.clear();
                Ok(())
            }
            ["disconnects"] => self.end(name, Ending::Goodbye),
            ["loses", "the", "connection"] => self.end(name, Ending::Lost),
            ["joins", room] => self.join(name, room),
            _ => Err("nobody knows how to do that".into()),
        }
    }

    /// The end: nothing unread may be left, so that scripts say all that happens.
    pub(super) fn finish(mut self) -> Result<(), String> {
        self.pump();
        for (name, person) in &self.people {
            if let Some(frame) = person.inbox.front() {
                return Err(format!(
                    "at the end {name} has not looked at {}",
                    show(frame)
                ));
            }
        }
        Ok(())
    }

    fn introduce(
        &mut self,
        name: &str,
        account: Option<&str>,
        parameters: &[&str],
    ) -> Result<(), String> {
        let mut person = Person {
            account: account.map(str::to_owned),
            ..Person::default()
        };
        for parameter in parameters {
            let (key, value) = parameter
                .split_once('=')
                .ok_or("parameters are key=value")?;
            let value = pattern::fill(value, &self.names);
            match key {
                "room" => person.query.room = Some(value),
                "token" => person.query.token = Some(value),
                "previd" => person.query.previous = Some(value),
                "region" => person.query.region = Some(value),
                "address" => person.address = value.parse().ok(),
                _ => return Err(format!("no parameter is called {key}")),
            }
        }
        self.people.insert(name.into(), person);
        Ok(())
    }

    /// A token for this domain that is good for an hour, unless the claims say otherwise; `null` leaves one out.
    fn sign(&self, claims: &str) -> Result<String, String> {
        let claims: serde_json::Value =
            serde_json::from_str(claims).map_err(|error| error.to_string())?;
        let mut all = serde_json::json!({
            "iss": "app", "aud": "jitsi", "sub": DOMAIN, "exp": self.now.unix.as_secs() + 3600,
        });
        let all = all.as_object_mut().ok_or("claims are an object")?;
        all.extend(claims.as_object().cloned().ok_or("claims are an object")?);
        all.retain(|_, value| !value.is_null());
        let key = jsonwebtoken::EncodingKey::from_secret(b"key");
        jsonwebtoken::encode(&jsonwebtoken::Header::default(), all, &key)
            .map_err(|error| error.to_string())
    }

    fn host(&mut self) -> Result<Arc<Host>, String> {
        if self.host.is_none() {
            let mut given = self.given.clone();
            if !given.contains_key("limits") {
                // Services of most scripts may be silent for as long as the story takes.
                given.insert("limits".into(), serde_json::json!({"service_idle": 60}));
            }
            let given = serde_json::Value::Object(given);
            let mut config: Config =
                serde_json::from_value(given).map_err(|error| error.to_string())?;
            config.accounts.extend(SERVICES.iter().map(|name| Account {
                name: (*name).into(),
                password: Some("secret".into()),
                web: true,
                ..Account::default()
            }));
            let secret = "the servers of the cluster share this";
            config.rooms.memory_secret = Some(secret.into());
            let read = |path: &std::path::Path| std::fs::read_to_string(path);
            let mut random = rand::rngs::StdRng::seed_from_u64(1);
            let settings = Settings::new(config, &read, &mut random)?;
            self.host = Some(Host::new(settings, Random::new([7 + self.restarts; 32])));
        }
        self.host.clone().ok_or_else(|| "no host".into())
    }

    fn person(&mut self, name: &str) -> Result<&mut Person, String> {
        self.people
            .get_mut(name)
            .ok_or_else(|| format!("nobody introduced {name}"))
    }

    fn open(&mut self, name: &str) -> Result<(), String> {
        let (host, now) = (self.host()?, self.now);
        let person = self.person(name)?;
        let origin = Origin {
            framing: Framing::WebSocket,
            address: person.address.map_or(Address::LOCAL, Address::of),
            encrypted: true,
            can_encrypt: false,
            query: person.query.clone(),
        };
        let domain = if person.account.is_some() {
            "auth.meet.shoal"
        } else {
            DOMAIN
        };
        let mut connection = Connection::new(host, origin, None, Arc::new(Nobody), now);
        connection.handle_header(&Header::to_domain(domain), now);
        person.connection = Some(connection);
        person.closed = false;
        self.pump();
        Ok(())
    }

    /// Opens a stream and logs in; what that brings is not looked at.
    fn log_in(&mut self, name: &str) -> Result<(), String> {
        self.open(name)?;
        let auth = match &self.person(name)?.account {
            None => format!("<auth xmlns='{}' mechanism='ANONYMOUS'/>", ns::SASL),
            Some(account) => {
                let message = base64::engine::general_purpose::STANDARD
                    .encode(format!("\0{account}\0secret"));
                format!(
                    "<auth xmlns='{}' mechanism='PLAIN'>{message}</auth>",
                    ns::SASL
                )
            }
        };
        self.send(name, &auth)?;
        self.pump();
        let person = self.person(name)?;
        let succeeded = matches!(person.inbox.back(), Some(Frame::Element(element)) if element.name() == "success");
        if !succeeded {
            return Err(format!("login failed: {:?}", person.inbox.back().map(show)));
        }
        let domain = if person.account.is_some() {
            "auth.meet.shoal"
        } else {
            DOMAIN
        };
        let now = self.now;
        let connection = self
            .person(name)?
            .connection
            .as_mut()
            .ok_or("no connection")?;
        connection.handle_header(&Header::to_domain(domain), now);
        self.pump();
        self.person(name)?.inbox.clear();
        Ok(())
    }

    fn connect(&mut self, name: &str, resource: Option<&str>) -> Result<(), String> {
        self.log_in(name)?;
        let resource = resource
            .map(|resource| format!("<resource>{resource}</resource>"))
            .unwrap_or_default();
        self.send(
            name,
            &format!(
                "<iq type='set' id='bind'><bind xmlns='{}'>{resource}</bind></iq>",
                ns::BIND
            ),
        )?;
        self.pump();
        let frame = self.person(name)?.inbox.pop_front();
        let Some(Frame::Element(result)) = frame else {
            return Err("no answer to bind".into());
        };
        let jid = result
            .get_child("bind", ns::BIND)
            .and_then(|bind| bind.get_child("jid", ns::BIND))
            .map(Element::text)
            .ok_or_else(|| format!("bind failed: {}", String::from(&result)))?;
        let bare = jid.split('/').next().unwrap_or_default().to_owned();
        let nick: String = if self.person(name)?.account.is_some() {
            bare.split('@').next().unwrap_or_default().into()
        } else {
            jid.chars().take(8).collect()
        };
        self.names.insert(name.into(), jid);
        self.names.insert(format!("{name} bare"), bare);
        self.names.insert(format!("{name} nick"), nick);
        Ok(())
    }

    /// Enters a room like a client, and passes over what everybody gets for it.
    fn join(&mut self, name: &str, room: &str) -> Result<(), String> {
        let nick = self
            .names
            .get(&format!("{name} nick"))
            .cloned()
            .unwrap_or_default();
        let room = if room.contains('@') {
            room.to_owned()
        } else {
            format!("{room}@muc.{DOMAIN}")
        };
        self.pump();
        if let Some((other, person)) = self
            .people
            .iter()
            .find(|(_, person)| !person.inbox.is_empty())
        {
            return Err(format!(
                "before a join, {other} has to look at {}",
                show(&person.inbox[0])
            ));
        }
        self.send(
            name,
            &format!(
                "<presence to='{room}/{nick}'><x xmlns='{}'/></presence>",
                ns::MUC
            ),
        )?;
        self.pump();
        if self.person(name)?.inbox.is_empty() {
            return Err("the join has no effect".into());
        }
        self.people
            .values_mut()
            .for_each(|person| person.inbox.clear());
        Ok(())
    }

    fn send(&mut self, name: &str, xml: &str) -> Result<(), String> {
        let (now, xml) = (self.now, pattern::fill(xml, &self.names));
        let connection = self
            .person(name)?
            .connection
            .as_mut()
            .ok_or("is not connected")?;
        for stanza in documents(&xml) {
            hand_over(connection, stanza, now);
        }
        Ok(())
    }

    /// Sends one frame as it is.
    fn send_raw(&mut self, name: &str, text: &str) -> Result<(), String> {
        let (now, text) = (self.now, pattern::fill(text, &self.names));
        let connection = self
            .person(name)?
            .connection
            .as_mut()
            .ok_or("is not connected")?;
        hand_over(connection, &text, now);
        Ok(())
    }

    fn receive(&mut self, name: &str, xml: &str) -> Result<(), String> {
        self.pump();
        for expected in documents(xml) {
            let wanted = match frame::parse(expected, &Limits::SERVICE)
                .map_err(|error| error.to_string())?
            {
                Frame::Element(element) => element,
                other => return Err(format!("scripts cannot expect {other:?}")),
            };
            let frame = self.person(name)?.inbox.pop_front();
            let Some(frame) = frame else {
                return Err(format!("{name} got nothing"));
            };
            let Frame::Element(actual) = &frame else {
                return Err(format!("{name} got {}", show(&frame)));
            };
            pattern::check(&wanted, actual, &mut self.names)
                .map_err(|error| format!("{error}\n{name} got {}", show(&frame)))?;
        }
        Ok(())
    }

    fn receive_nothing(&mut self, name: &str) -> Result<(), String> {
        self.pump();
        match self.person(name)?.inbox.front() {
            None => Ok(()),
            Some(frame) => Err(format!("{name} got {}", show(frame))),
        }
    }

    fn end(&mut self, name: &str, ending: Ending) -> Result<(), String> {
        let now = self.now;
        let mut connection = self
            .person(name)?
            .connection
            .take()
            .ok_or("is not connected")?;
        connection.handle_end(ending, now);
        Ok(())
    }

    fn expect_closed(&mut self, name: &str) -> Result<(), String> {
        self.pump();
        match self.person(name)?.closed {
            true => Ok(()),
            false => Err(format!("{name}'s stream is open")),
        }
    }

    /// What it sends further is not read yet.
    fn expect_pause(&mut self, name: &str) -> Result<(), String> {
        let now = self.now;
        let connection = self.person(name)?.connection.as_mut();
        match connection.ok_or("is not connected")?.poll_pause(now) {
            Some(_) => Ok(()),
            None => Err(format!("{name} may go on sending")),
        }
    }

    fn wait(&mut self, seconds: u64) -> Result<(), String> {
        let host = self.host()?;
        for _ in 0..seconds {
            self.now = self.now.after(Duration::from_secs(1));
            host.handle_timeout(self.now);
            let now = self.now;
            for connection in self
                .people
                .values_mut()
                .filter_map(|person| person.connection.as_mut())
            {
                if connection
                    .poll_timeout()
                    .is_some_and(|at| at <= now.instant)
                {
                    connection.handle_timeout(now);
                }
            }
            self.pump();
        }
        Ok(())
    }

    /// Moves what the server says into inboxes.
    fn pump(&mut self) {
        let now = self.now;
        for person in self.people.values_mut() {
            let Some(connection) = &mut person.connection else {
                continue;
            };
            while let Some(output) = connection.poll_output(now) {
                match output {
                    Output::Text(text) => match frame::parse(&text, &Limits::SERVICE) {
                        Ok(Frame::Close { .. } | Frame::Open(_)) => {}
                        Ok(frame) => person.inbox.push_back(frame),
                        Err(error) => {
                            panic!("the server sends what it would not accept: {error}: {text}")
                        }
                    },
                    Output::StartTls => {}
                    Output::Close => person.closed = true,
                }
            }
        }
    }
}

/// What a WebSocket does with a frame.
fn hand_over(connection: &mut Connection, text: &str, now: Now) {
    match frame::parse(text, &connection.limits()) {
        Ok(Frame::Element(element)) => connection.handle_element(&element, now),
        Ok(Frame::Open(header)) => connection.handle_header(&header, now),
        Ok(Frame::Close { .. }) => connection.handle_end(Ending::Goodbye, now),
        Err(error) => connection.handle_bad_input(&error),
    }
}

fn show(frame: &Frame) -> String {
    match frame {
        Frame::Element(element) => String::from(element),
        other => format!("{other:?}"),
    }
}

/// Stanzas of an indented block: each begins on a line of its own with `<` at depth 0.
fn documents(xml: &str) -> Vec<&str> {
    let mut documents = Vec::new();
    let (mut depth, mut start) = (0_i32, 0);
    let bytes = xml.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] == b'<' {
            let end = xml[at..].find('>').map_or(bytes.len(), |end| at + end);
            if depth == 0 {
                start = at;
            }
            if bytes.get(at + 1) == Some(&b'/') {
                depth -= 1;
            } else if bytes[end - 1] != b'/' {
                depth += 1;
            }
            at = end;
            if depth == 0 {
                documents.push(&xml[start..=at.min(bytes.len() - 1)]);
            }
        }
        at += 1;
    }
    documents
}
