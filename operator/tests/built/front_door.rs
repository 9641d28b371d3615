//! Two front doors and three shards as processes and sockets: where rooms go.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use operator::haproxy::{Endpoint, FrontDoor, Listen, Peer, Server, render};
use operator::validate::Region;
use serde_json::json;

use crate::door::{Door, Files, Shard, echo, free_port, get, until, websocket};
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

/// The configuration of one replica; `draining` shards get no new rooms.
fn config(
    shards: &[Shard],
    all: &[Ports],
    own: usize,
    draining: &[&str],
) -> BTreeMap<String, String> {
    let on = |port: u16| vec![format!("127.0.0.1:{port}")];
    render(&FrontDoor {
        domain: "meet.example.org".into(),
        listen: Listen {
            https: on(all[own].https),
            http: on(all[own].http),
            private: on(all[own].private),
            peers: on(all[own].peers),
        },
        behind_proxy: true,
        insist_on_tls: false,
        servers: shards
            .iter()
            .zip(1..)
            .map(|(shard, id)| Server {
                name: shard.name.into(),
                id,
                active: !draining.contains(&shard.name),
                signalling: local(shard.port),
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
    })
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
                files.configure(&config(&shards, &ports, number, &[]));
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

    fn reload(&self, draining: &[&str]) {
        let ports: Vec<_> = self.doors.iter().map(|(_, ports)| *ports).collect();
        for (number, (door, _)) in self.doors.iter().enumerate() {
            door.files
                .configure(&config(&self.shards, &ports, number, draining));
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

    // A resumed session goes to its shard, unless its room is known to be elsewhere.
    for shard in ["a", "b", "c"] {
        assert_eq!(
            body(&format!(
                "/xmpp-websocket?room=resumed-{shard}&previd={shard}_x_y"
            )),
            shard
        );
        let elsewhere = if shard == "a" { "b" } else { "a" };
        let again = format!("/http-bind?room=resumed-{shard}&previd={elsewhere}_x");
        assert_eq!(body(&again), shard, "the room stays");
    }
    // Without a room a caller stays on one shard.
    assert_eq!(body("/http-bind"), body("/_unlock"));

    let region = |headers: &str| {
        let (_, head, _) = get(http, "/_unlock?room=r", headers).unwrap();
        head.split("x-region: ")
            .nth(1)
            .unwrap()
            .lines()
            .next()
            .unwrap()
            .to_owned()
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
