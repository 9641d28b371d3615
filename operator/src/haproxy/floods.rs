//! What one address may use of a front door.
//!
//! The table of rooms forgets the room that was silent longest when it is full, and a room that is forgotten while people are
//! in it may be looked for on another shard: so nobody fills it alone. A room counts once a shard has answered, for people
//! try again while none does.

use std::fmt::Write;

use super::FrontDoor;

/// The tables of those who call, by address, and of those who ask for rooms that nobody asked for before.
pub(super) const TABLES: &str = "\
backend callers
    stick-table type ipv6 size 100k expire 1m store conn_cur

backend new-rooms
    stick-table type ipv6 size 100k expire 1h store gpc0_rate(1h)
";

/// Rules for connections of people themselves. Where a proxy stands in front, counting is its business.
pub(super) fn connections(door: &FrontDoor) -> String {
    format!(
        "    tcp-request connection track-sc1 src,ipmask(32,64) table callers
    tcp-request connection reject if {{ sc1_conn_cur(callers) gt {} }}
",
        door.connections_per_address
    )
}

/// Rules for a request whose room has been looked up. Nothing behind this proxy waits for a body.
pub(super) fn requests(door: &FrontDoor) -> String {
    let mut text = String::from(
        "    http-request wait-for-body time 10s if METH_POST signalling || METH_POST focus
    http-request set-var(txn.new) bool(true) if signalling !{ var(txn.shard) -m found } || focus !{ var(txn.shard) -m found }
    http-request track-sc0 var(txn.caller),ipmask(32,64) table new-rooms if { var(txn.new) -m bool }
    http-response sc-inc-gpc0(0) if { var(txn.new) -m bool }
",
    );
    let _ = writeln!(
        text,
        "    http-request deny deny_status 429 content-type text/plain string \"Too many new meetings from this address. Try again later.\" if {{ var(txn.new) -m bool }} {{ sc0_gpc0_rate(new-rooms) ge {} }}",
        door.new_rooms_per_address_and_hour
    );
    text
}
