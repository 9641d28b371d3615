//! Two front doors and three shards as processes and sockets: where rooms go.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use operator::haproxy::{Endpoint, FrontDoor, Listen, Peer, Server, render};
use operator::validate::Region;
use serde_json::json;

use crate::door::{Door, Files, Shard, echo, free_port, get, header, until, websocket};
use crate::worlds::{build_cluster, cluster_world};

/// Two replicas in front of the shards.
struct Service {
    shards: Vec<Shard>,
    doors: Vec<(Door, Ports)>,
}

#[derive(Clone, Copy)]
struct Ports {
    https: u16,
    http: u16,
    private: u16,
    peers: u16,
}

fn local(port: u16) -> Endpoint {
    Endpoint {
        host: "127.0.0.1".into(),
        port,
        initial: None,
    }
}

fn replica(number: usize) -> String {
    format!("default-front-door-{number}")
}

/// What one replica is rendered from; `draining` shards get no new rooms.
fn front_door(shards: &[Shard], all: &[Ports], own: usize, draining: &[&str]) -> FrontDoor {
    let on = |port: u16| vec![format!("127.0.0.1:{port}")];
    FrontDoor {
        domain: "meet.example.org".into(),
        listen: Listen {
            https: on(all[own].https),
            http: on(all[own].http),
            private: on(all[own].private),
            peers: on(all[own].peers),
        },
        proxies: 1,
        insist_on_tls: false,
        servers: shards
            .iter()
            .zip(1..)
            .map(|(shard, id)| Server {
                name: shard.name.into(),
                id,
                active: !draining.contains(&shard.name),
                signalling: local(shard.port),
                health: shard.port,
                focus: local(shard.port),
            })
            .collect(),
        web: local(shards[0].port),
        peers: all
            .iter()
            .enumerate()
            .map(|(number, ports)| Peer {
                name: replica(number),
                address: Some(format!("127.0.0.1:{}", ports.peers)),
            })
            .collect(),
        regions: vec![Region {
            name: "eu".into(),
            networks: vec!["192.0.2.0/24".into()],
            headers: [("cf-ipcountry".to_owned(), vec!["de".to_owned()])].into(),
        }],
        connections_per_address: 4_000,
        new_rooms_per_address_and_hour: 10_000,
    }
}

impl Service {
    fn start(test: &str) -> Self {
        let shards: Vec<_> = ["a", "b", "c"].map(Shard::start).into();
        let ports: Vec<_> = (0..2)
            .map(|_| Ports {
                https: free_port(),
                http: free_port(),
                private: free_port(),
                peers: free_port(),
            })
            .collect();
        let mut world = cluster_world(json!({}), &[]);
        world.now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let objects = build_cluster(&world);
        // Both show the same certificate to each other, as they do in a cluster.
        let doors = (0..2)
            .map(|number| {
                let files = Files::of(&format!("{test}-{number}"), &objects);
                files.configure(&render(&front_door(&shards, &ports, number, &[])));
                (Door::start(files, &replica(number)), ports[number])
            })
            .collect();
        let service = Self { shards, doors };
        for (door, ports) in &service.doors {
            until("the front door serves", || {
                get(ports.private, "/about/health", "").is_some()
            });
            until("it knows its peer", || door.is_beside_its_peer());
            until("it knows what its peer knows", || door.knows_rooms());
        }
        service
    }

    fn ports(&self) -> Vec<Ports> {
        self.doors.iter().map(|(_, ports)| *ports).collect()
    }

    fn reload(&self, draining: &[&str]) {
        self.reload_with(draining, |_| {});
    }

    fn reload_with(&self, draining: &[&str], change: impl Fn(&mut FrontDoor)) {
        let ports = self.ports();
        for (number, (door, _)) in self.doors.iter().enumerate() {
            let mut one = front_door(&self.shards, &ports, number, draining);
            change(&mut one);
            door.files.configure(&render(&one));
            door.reload();
        }
    }

    /// Which shard a front door leads to, by the room's own route and by that of the conference request.
    fn shard(&self, door: usize, room: &str) -> String {
        let route = if door == 0 {
            "/_unlock"
        } else {
            "/tenant/conference-request/v1"
        };
        let (status, _, shard) =
            get(self.doors[door].1.http, &format!("{route}?room={room}"), "").unwrap();
        if status == 200 {
            shard
        } else {
            format!("status {status}")
        }
    }

    /// Where each room is, asked through both front doors at the same instant.
    fn places(&self, rooms: &[String]) -> BTreeMap<String, String> {
        let ask = |room: &String| {
            let (one, other) = std::thread::scope(|scope| {
                let one = scope.spawn(|| self.shard(0, room));
                let other = scope.spawn(|| self.shard(1, room));
                (one.join().unwrap(), other.join().unwrap())
            });
            assert_eq!(one, other, "room {room} is split");
            (room.clone(), one)
        };
        rooms.iter().map(ask).collect()
    }

    /// Waits until new rooms do, or do not, come to the shard, through both front doors.
    fn until_new_rooms(&self, come: bool, to: &str) {
        let mut number = 0;
        until("the front doors notice", || {
            number += 1;
            (0..2).all(|door| {
                let mut shards =
                    (0..20).map(|room| self.shard(door, &format!("probe-{come}-{number}-{room}")));
                shards.any(|shard| shard == to) == come
            })
        });
    }
}

fn rooms(prefix: &str, count: usize) -> Vec<String> {
    (0..count)
        .map(|number| format!("{prefix}{number}"))
        .collect()
}

#[test]
fn a_room_is_on_one_shard_whatever_happens() {
    let service = Service::start("rooms");
    let rooms_200 = rooms("Room%20", 200);
    let before = service.places(&rooms_200);
    for shard in ["a", "b", "c"] {
        let share = before.values().filter(|place| *place == shard).count();
        assert!(
            (35..=105).contains(&share),
            "{shard} has {share} of 200 rooms"
        );
    }

    // Case and encoding of a name do not matter.
    for other in ["ROOM%207", "%72oom%207", "room+7"] {
        assert_eq!(service.shard(0, other), before["Room%207"], "{other}");
    }

    // Draining by a reload: it keeps its rooms, open WebSockets stay, new rooms go elsewhere.
    let on_a = before.iter().find(|(_, place)| *place == "a").unwrap().0;
    let mut open = websocket(service.doors[0].1.http, on_a);
    assert!(echo(&mut open));
    service.reload(&["a"]);
    assert_eq!(
        service.places(&rooms_200),
        before,
        "a draining shard keeps its rooms"
    );
    assert!(echo(&mut open), "a reload cuts no WebSocket");
    let new = service.places(&rooms("new", 30));
    assert!(new.values().all(|place| place != "a"), "{new:?}");
    service.reload(&[]);

    // Alive, and not fit for new rooms just now.
    service.shards[1].say(404);
    service.until_new_rooms(false, "b");
    assert_eq!(
        service.places(&rooms_200),
        before,
        "a shard without bridges keeps its rooms"
    );
    service.shards[1].say(200);
    service.until_new_rooms(true, "b");

    // Dead: its rooms are given to others, and both front doors agree to whom.
    service.shards[2].say(0);
    service.until_new_rooms(false, "c");
    let without_c = service.places(&rooms_200);
    for (room, place) in &before {
        match place.as_str() {
            "c" => assert_ne!(without_c[room], "c", "{room}"),
            _ => assert_eq!(&without_c[room], place, "{room} has no reason to move"),
        }
    }

    // A shard that returns takes new rooms, and none of those that live elsewhere.
    service.shards[2].say(200);
    service.until_new_rooms(true, "c");
    assert_eq!(service.places(&rooms_200), without_c);
}

#[test]
fn what_a_request_says_of_itself_leads_and_is_not_believed() {
    let service = Service::start("requests");
    let http = service.doors[0].1.http;
    let body = |target: &str| get(http, target, "").unwrap().2;

    // Without a room a caller stays on one shard.
    assert_eq!(body("/http-bind"), body("/_unlock"));

    let region = |headers: &str| {
        let (_, head, _) = get(http, "/_unlock?room=r", headers).unwrap();
        header(&head, "x-region").unwrap().to_owned()
    };
    assert_eq!(region(""), "-");
    assert_eq!(
        region("x-proxy-region: us\r\n"),
        "-",
        "callers do not choose"
    );
    assert_eq!(region("cf-ipcountry: DE\r\n"), "eu");
    assert_eq!(region("x-forwarded-for: 198.51.100.1, 192.0.2.7\r\n"), "eu");
    assert_eq!(
        region("x-forwarded-for: 192.0.2.7, 198.51.100.1\r\n"),
        "-",
        "only the last entry is the proxy's"
    );

    let private = service.doors[0].1.private;
    let (status, _, metrics) = get(private, "/metrics", "").unwrap();
    assert!(status == 200 && metrics.contains("haproxy_server_status"));
    for shard in &service.shards {
        shard.say(0);
    }
    until("all shards are dead", || {
        get(http, "/_unlock?room=r", "").is_some_and(|answer| answer.0 == 503)
    });
    assert_eq!(
        get(private, "/about/health", "").unwrap().0,
        200,
        "its own health is another matter"
    );
}

#[test]
fn a_resumed_session_leads_only_to_a_shard_that_takes_new_rooms_and_only_while_it_may_wait() {
    let service = Service::start("previd");
    let http = service.doors[0].1.http;
    let place = |target: String| get(http, &target, "").unwrap().2;
    let resumed =
        |room: &str, shard: &str| place(format!("/xmpp-websocket?room={room}&previd={shard}_x_y"));

    // The front doors have lost their tables, and people come back.
    for shard in ["a", "b", "c"] {
        let room = format!("lost-{shard}");
        assert_eq!(resumed(&room, shard), shard);
        let elsewhere = if shard == "a" { "b" } else { "a" };
        assert_eq!(resumed(&room, elsewhere), shard, "the room stays");
    }
    for nobody in ["d", "", "A", "a%00", "..", "signalling/a"] {
        let there = resumed("made-up", nobody);
        assert!(
            ["a", "b", "c"].contains(&there.as_str()),
            "{nobody:?} is no shard"
        );
    }

    // Neither one that is to empty nor one that cannot hold meetings is for callers to choose, whatever they write.
    service.reload(&["a"]);
    service.shards[1].say(404);
    service.until_new_rooms(false, "b");
    for shard in ["a", "b"] {
        for number in 0..5 {
            assert_eq!(resumed(&format!("chosen-{shard}-{number}"), shard), "c");
        }
        assert_eq!(
            resumed(&format!("lost-{shard}"), shard),
            shard,
            "its own rooms stay"
        );
    }
    service.shards[1].say(200);
    service.reload(&[]);
    service.until_new_rooms(true, "b");

    // No session of before the process began waits any longer.
    let (door, _) = &service.doors[0];
    let mut files = render(&front_door(&service.shards, &service.ports(), 0, &[]));
    let lua = files.get_mut("previd.lua").unwrap();
    assert!(lua.contains("WAIT = 60"));
    *lua = lua.replace("WAIT = 60", "WAIT = -1");
    door.files.configure(&files);
    door.reload();
    let late = rooms("late", 10);
    let there: Vec<_> = late.iter().map(|room| resumed(room, "c")).collect();
    assert!(there.iter().any(|shard| shard != "c"), "{there:?}");
}

#[test]
fn a_url_names_one_room_and_nothing_else_that_a_request_says_moves_it() {
    let service = Service::start("one-room");
    let http = service.doors[0].1.http;
    let ask = |target: &str, headers: &str| get(http, target, headers).unwrap();
    let before = service.places(&rooms("r", 10));
    for (room, shard) in &before {
        for (target, headers) in [
            (
                format!("/xmpp-websocket?room={room}"),
                "host: elsewhere.example.org\r\n",
            ),
            (
                format!("/xmpp-websocket?room={room}"),
                "x-jitsi-shard: b\r\n",
            ),
            (
                format!("/xmpp-websocket?room={room}"),
                "cookie: shard=b; room=other\r\n",
            ),
            (
                format!("/xmpp-websocket?room={room}&previd=c_1"),
                "x-forwarded-for: 192.0.2.9\r\n",
            ),
            (
                format!("/tenant/http-bind?token=t&room={room}&ROOM=other"),
                "",
            ),
            (
                format!("http://elsewhere.example.org/a/b/_unlock?room={room}#room=other"),
                "",
            ),
            (format!("//xmpp-websocket?room={room}"), ""),
            (format!("/x/conference-request/v1?room={room}"), ""),
        ] {
            let (status, _, there) = ask(&target, headers);
            // HAProxy refuses what has a fragment.
            assert!(
                status == 400 || &there == shard,
                "{target} {headers}: {status} {there}"
            );
        }
    }
    for twice in [
        "room=r1&room=r2",
        "room=r1;room=r2",
        "a=b&room=r1&c=d&room=r1",
        "room=&room=r2",
    ] {
        for path in ["/xmpp-websocket", "/t/http-bind", "/conference-request/v1"] {
            assert_eq!(ask(&format!("{path}?{twice}"), "").0, 400, "{path}?{twice}");
        }
    }
    // The focus has one path, whatever is written before it.
    let (_, head, _) = ask("/debug/conference-request/v1?room=r1", "");
    assert_eq!(
        header(&head, "x-target"),
        Some("/conference-request/v1?room=r1")
    );
}

#[test]
fn the_parts_are_told_one_address_of_a_caller_and_it_is_not_the_callers_own_word() {
    let service = Service::start("callers");
    let http = service.doors[0].1.http;
    let told = |headers: &str| {
        let (_, head, _) = get(http, "/_unlock?room=r", headers).unwrap();
        header(&head, "x-caller").unwrap().to_owned()
    };
    for (lines, address) in [
        ("", "127.0.0.1"),
        ("x-forwarded-for: 192.0.2.7\r\n", "192.0.2.7"),
        ("x-forwarded-for: 192.0.2.7:50123\r\n", "192.0.2.7"),
        ("x-forwarded-for: 2001:db8::7\r\n", "2001:db8::7"),
        ("x-forwarded-for: [2001:db8::7]\r\n", "2001:db8::7"),
        ("x-forwarded-for: [2001:db8::7]:50123\r\n", "2001:db8::7"),
        (
            "x-forwarded-for: \"[2001:db8::7]:50123\"\r\n",
            "2001:db8::7",
        ),
        ("x-forwarded-for: \"192.0.2.7\"\r\n", "192.0.2.7"),
        ("x-forwarded-for: ::ffff:192.0.2.7\r\n", "192.0.2.7"),
        ("x-forwarded-for: 203.0.113.66, 192.0.2.7\r\n", "192.0.2.7"),
        (
            "x-forwarded-for: 203.0.113.66\r\nx-forwarded-for: 192.0.2.7\r\n",
            "192.0.2.7",
        ),
        (
            "forwarded: for=203.0.113.66\r\nx-real-ip: 203.0.113.66\r\n",
            "127.0.0.1",
        ),
        // The proxy in front did not know: it is the caller itself.
        ("x-forwarded-for: 203.0.113.66, unknown\r\n", "127.0.0.1"),
        (
            "x-forwarded-for: 203.0.113.66, 192.0.2.700\r\n",
            "127.0.0.1",
        ),
    ] {
        assert_eq!(told(lines), address, "{lines}");
    }
    service.reload_with(&[], |door| door.proxies = 2);
    for (lines, address) in [
        (
            "x-forwarded-for: 203.0.113.66, 192.0.2.7, 10.0.0.1\r\n",
            "192.0.2.7",
        ),
        (
            "x-forwarded-for: 192.0.2.7:5\r\nx-forwarded-for: 10.0.0.1:6\r\n",
            "192.0.2.7",
        ),
        ("x-forwarded-for: 10.0.0.1\r\n", "127.0.0.1"),
    ] {
        assert_eq!(told(lines), address, "{lines}");
    }
}

#[test]
fn the_log_tells_path_and_room_of_a_request_and_no_other_word_of_its_url() {
    let service = Service::start("log");
    let (door, ports) = &service.doors[0];
    for shard in &service.shards {
        shard.say(0);
    }
    until("all shards are dead", || {
        get(ports.http, "/_unlock?room=r", "").is_some_and(|answer| answer.0 == 503)
    });
    let target =
        "/tenant/xmpp-websocket?room=Te%0A%1b%22am&token=SECRET&previd=a_SECRET&prefix=SECRET";
    assert_eq!(get(ports.http, target, "").unwrap().0, 503);
    assert_eq!(
        get(
            ports.http,
            "/conference-request/v1?token=SECRET",
            "authorization: Bearer SECRET\r\n"
        )
        .unwrap()
        .0,
        503
    );
    assert_eq!(
        get(ports.http, "/bad\u{1}?token=SECRET", "").unwrap().0,
        400
    );
    let line = "GET \"/tenant/xmpp-websocket\" room=te%0A%1B%22am\n";
    until("the requests are logged", || {
        let log = door.log();
        log.contains(line) && log.contains("\"/conference-request/v1\" room=127.0.0.1\n")
    });
    assert!(!door.log().contains("SECRET"), "{}", door.log());
}

#[test]
fn no_address_alone_fills_the_table_of_rooms_or_takes_all_connections() {
    let service = Service::start("floods");
    service.reload_with(&[], |door| {
        door.new_rooms_per_address_and_hour = 3;
        door.connections_per_address = 5;
    });
    let Ports { http, https, .. } = service.doors[0].1;
    let status = |room: &str, caller: &str| {
        let headers = format!("x-forwarded-for: {caller}\r\n");
        get(http, &format!("/_unlock?room={room}"), &headers)
            .unwrap()
            .0
    };
    for room in rooms("mine", 3) {
        assert_eq!(status(&room, "2001:db8::1"), 200);
    }
    assert_eq!(status("mine3", "2001:db8::1"), 429);
    assert_eq!(
        status("mine3", "2001:db8::ffff"),
        429,
        "a network has many addresses"
    );
    assert_eq!(
        status("mine2", "2001:db8::1"),
        200,
        "what is there is not new"
    );
    assert_eq!(
        status("mine3", "192.0.2.1"),
        200,
        "others are not concerned"
    );
    assert_eq!(
        get(http, "/page?room=mine5", "x-forwarded-for: 2001:db8::1\r\n")
            .unwrap()
            .0,
        200
    );

    // People who try again while no shard answers have opened nothing.
    for shard in &service.shards {
        shard.say(0);
    }
    until("all shards are dead", || status("r", "192.0.2.2") == 503);
    for room in rooms("tried", 10) {
        assert_eq!(status(&room, "192.0.2.3"), 503);
    }
    for shard in &service.shards {
        shard.say(200);
    }
    until("a shard is back", || status("r", "192.0.2.2") == 200);
    assert_eq!(status("tried10", "192.0.2.3"), 200);

    let mut open: Vec<_> = (0..5).map(|_| connect(https)).collect();
    assert!(open.iter_mut().all(is_open));
    assert!(!is_open(&mut connect(https)), "one too many");
    open.pop();
    until("another may come", || is_open(&mut connect(https)));

    // A body that does not come holds nothing.
    let mut half = connect(http);
    half.write_all(b"POST /conference-request/v1?room=mine0 HTTP/1.1\r\nhost: h\r\ncontent-length: 100\r\n\r\n{")
        .unwrap();
    let mut answer = String::new();
    half.set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    half.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
}

fn connect(port: u16) -> TcpStream {
    TcpStream::connect(("127.0.0.1", port)).unwrap()
}

/// Whether the other side waits for what this one says.
fn is_open(socket: &mut TcpStream) -> bool {
    socket
        .set_read_timeout(Some(Duration::from_millis(300)))
        .unwrap();
    matches!(socket.read(&mut [0]), Err(error) if error.kind() == ErrorKind::WouldBlock)
}

/// The ways in which clients write the name of a room into a URL: as people read it and as it stands in the room's
/// address, encoded by one rule or another.
fn written(room: &str) -> Vec<String> {
    vec![
        room.to_owned(),
        room.to_uppercase(),
        room.replace("%20", "+"),
        room.replace('%', "%25"),
    ]
}

#[test]
fn each_room_of_the_table_is_on_one_shard_however_its_name_is_written() {
    let service = Service::start("names");
    let table: Vec<serde_json::Value> =
        serde_json::from_str(include_str!("../../../xmpp/tests/room_names.json")).unwrap();
    let mut split = Vec::new();
    for room in table.iter().filter_map(|case| case["room"].as_str()) {
        let written = written(room);
        let shards: BTreeSet<_> = written
            .iter()
            .enumerate()
            .map(|(n, room)| service.shard(n % 2, room))
            .collect();
        if shards.len() > 1 {
            split.push((room, shards));
        }
    }
    assert!(split.is_empty(), "{} are split: {split:?}", split.len());

    // The table of rooms has room for 95 bytes of each name.
    let long = rooms(&"%d0%b6".repeat(100), 30);
    let shards: BTreeSet<_> = service.places(&long).into_values().collect();
    assert_eq!(
        shards.len(),
        3,
        "long names that begin alike are not one room"
    );
}
