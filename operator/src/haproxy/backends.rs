//! Where requests go.
//!
//! Signalling and focus of a shard have the same name and number in two backends, so one table of rooms serves both, and
//! only signalling's health is asked for: it knows whether the shard can hold meetings.

use std::fmt::Write;

use super::{FrontDoor, Server, floods};

/// File with the name of each shard by its number.
pub(super) const NAMES: &str = "shards.map";

/// Its content.
pub(super) fn names(door: &FrontDoor) -> String {
    let lines = door.servers.iter();
    lines
        .map(|server| format!("{} {}\n", server.id, server.name))
        .collect()
}

/// Points of an active shard on the ring of hashes, in units of 16.
const WEIGHT: u32 = 100;

/// A room stays where it is while that shard lives; otherwise its hash decides, so that all replicas choose the same shard
/// at the same instant.
///
/// The table is looked at by an expression and only written here. A rule that looks things up (`stick match`) tells the
/// other replicas of what it found, so the place of a dead shard's room would overwrite the new one that another replica
/// has just told.
const BY_ROOM: &str = "    use-server %[var(txn.shard)] if { var(txn.shard) -m found }
    balance hash var(txn.room)
    hash-type consistent sdbm avalanche
    stick store-request var(txn.room) table rooms
    option httpchk
    http-check disable-on-404
    http-error status 503 content-type text/plain string \"No shard takes this meeting at the moment. Try again.\"
";

pub(super) fn section(door: &FrontDoor) -> String {
    let mut text = String::from(
        "\
# Room to shard. A full table forgets the room that was silent longest.
backend rooms
    stick-table type string len 96 size 1m expire 24h peers front-door

",
    );
    text.push_str(floods::TABLES);
    text.push_str("\nbackend signalling\n");
    text.push_str(BY_ROOM);
    // 200 takes new rooms, 404 keeps those that it has, anything else is dead.
    let _ = writeln!(
        text,
        "    http-check send meth GET uri /about/front-door ver HTTP/1.1 hdr host {}
    default-server check inter 1s fastinter 300ms downinter 1s fall 3 rise 1 on-marked-down shutdown-sessions",
        door.domain
    );
    for server in &door.servers {
        let _ = writeln!(
            text,
            "    server {} {} port {}",
            server.name,
            place(server, &server.signalling.render()),
            server.health
        );
    }
    text.push_str("\nbackend focus\n    http-request set-path /conference-request/v1\n");
    text.push_str(BY_ROOM);
    for server in &door.servers {
        let _ = writeln!(
            text,
            "    server {name} {} track signalling/{name}",
            place(server, &server.focus.render()),
            name = server.name,
        );
    }
    let _ = write!(
        text,
        "
backend web
    server web {}
",
        door.web.render()
    );
    text
}

fn place(server: &Server, address: &str) -> String {
    let weight = if server.active { WEIGHT } else { 0 };
    format!("{address} id {} weight {weight}", server.id)
}
