//! What callers reach.

use std::fmt::Write;

use super::{FrontDoor, callers, floods, regions};

/// Callers wait until this process knows what its predecessor knew.
const SETTLE: &str = "    http-request lua.settle if !{ var(proc.settled) -m bool }\n";

/// A line of the log. Query strings have tokens and the ids by which sessions are resumed: only path and room are told.
pub(super) const LOG: &str = "%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %tsc %ac/%fc/%bc/%sc/%rc %sq/%bq %HM %{+Q,+E}HPO room=%[var(txn.room),url_enc]";

/// What a request is for. Who names two rooms is refused: the parts need not agree with this proxy on which of them counts.
const KINDS: &str = "    acl signalling path_end /xmpp-websocket /http-bind /_unlock
    acl focus path_end /conference-request/v1
    http-request deny deny_status 400 content-type text/plain string \"This URL names more than one room.\" if { query -m reg '(^|[&;])room=.*[&;]room=' }
";

/// Room and shard of a request.
///
/// Clients write a room's name in several ways, which `room.lua` makes one. Who names no room is kept on one shard by
/// address, so that BOSH requests that name only their session stay together. The shard is the one that the table of rooms
/// has. The table cuts its keys, so that long names stand there as their digest.
const ROOM: &str = "    http-request set-var(txn.room) url_param(room),lua.room
    http-request set-var(txn.room) var(txn.caller) if !{ var(txn.room) -m found } || { var(txn.room) -m len 0 }
    http-request set-var(txn.room) var(txn.room),sha1,hex if { var(txn.room),length gt 95 }
    http-request set-var(txn.shard) var(txn.room),table_server_id(rooms),map(shards.map)
";

/// Where it goes. A room that the table has not is where the session was that the client resumes, as far as `previd.lua`
/// lets it choose.
const ROUTES: &str = "    http-request set-var(txn.shard) url_param(previd),url_dec(1),lua.shard_of_previd if !{ var(txn.shard) -m found }
    use_backend signalling if signalling
    use_backend focus if focus
    default_backend web
";

/// Browsers are to come by TLS only.
const INSIST: &str =
    "    http-after-response set-header strict-transport-security max-age=31536000\n";

/// Rules for requests, `proxies` of which stand in front.
fn requests(door: &FrontDoor, proxies: u32) -> String {
    [
        SETTLE,
        &callers::rules(proxies),
        &regions::rules(&door.regions),
        KINDS,
        ROOM,
        &floods::requests(door),
        ROUTES,
    ]
    .concat()
}

/// Most connections of the frontend that people come through, of the other one, and of those who ask how this process is:
/// together fewer than the process takes, so that it answers its probes however many come.
const PLACES: (u32, u32, u32) = (18_000, 1_500, 300);

pub(super) fn section(door: &FrontDoor) -> String {
    let (most, few, private) = PLACES;
    let (https, http) = if door.proxies > 0 {
        (few, most)
    } else {
        (most, few)
    };
    let mut text = format!("frontend https\n    maxconn {https}\n");
    for address in &door.listen.https {
        let _ = writeln!(
            text,
            "    bind {address} ssl crt ../tls/public.pem alpn h2,http/1.1"
        );
    }
    text.push_str(&floods::connections(door));
    text.push_str(&requests(door, 0));
    if door.insist_on_tls {
        text.push_str(INSIST);
    }

    let _ = write!(text, "\nfrontend http\n    maxconn {http}\n");
    for address in &door.listen.http {
        let _ = writeln!(text, "    bind {address}");
    }
    if door.proxies > 0 {
        text.push_str(&requests(door, door.proxies));
        // Browsers take it to heart only where they trust the certificate that the proxy in front shows (RFC 6797 §8.1).
        text.push_str(INSIST);
    } else {
        text.push_str("    http-request redirect scheme https code 308\n");
    }

    let _ = write!(text, "\nfrontend private\n    maxconn {private}\n");
    for address in &door.listen.private {
        let _ = writeln!(text, "    bind {address}");
    }
    text.push_str(
        "    # Says only that this process serves: what stands behind it has health of its own.
    monitor-uri /about/health
    http-request use-service prometheus-exporter if { path /metrics }
    stats enable
    stats uri /stats
    http-request deny deny_status 404 if !{ path_beg /stats }
",
    );
    text
}
