//! What callers reach.

use std::fmt::Write;

use super::{FrontDoor, regions};

/// Callers wait until this process knows what its predecessor knew.
const SETTLE: &str = "    http-request lua.settle if !{ var(proc.settled) -m bool }\n";

/// Room and shard of a request, and where it goes.
///
/// Clients write a room's name in mixed case and percent-encoded. Who names no room is kept on one shard by address, so
/// that BOSH requests that name only their session stay together. The shard is the one that the table of rooms has;
/// without one, that of the session which the client resumes, for `previd` begins with the name of its shard.
const ROUTES: &str = "    http-request set-var(txn.room) url_param(room),url_dec(1),lower
    http-request set-var(txn.room) var(txn.caller) if !{ var(txn.room) -m found } || { var(txn.room) -m len 0 }
    http-request set-var(txn.shard) var(txn.room),table_server_id(rooms),map(shards.map)
    http-request set-var(txn.shard) url_param(previd),url_dec(1),field(1,_) if !{ var(txn.shard) -m found }
    use_backend signalling if { path_end /xmpp-websocket /http-bind /_unlock }
    use_backend focus if { path_end /conference-request/v1 }
    default_backend web
";

pub(super) fn section(door: &FrontDoor) -> String {
    let mut text = String::from("frontend https\n");
    for address in &door.listen.https {
        let _ = writeln!(
            text,
            "    bind {address} ssl crt ../tls/public.pem alpn h2,http/1.1"
        );
    }
    text.push_str(SETTLE);
    text.push_str("    http-request set-var(txn.caller) src\n");
    for header in [
        "forwarded",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-port",
        "x-real-ip",
    ] {
        let _ = writeln!(text, "    http-request del-header {header}");
    }
    text.push_str(
        "    http-request set-header x-forwarded-for %[src]
    http-request set-header x-forwarded-proto https
",
    );
    text.push_str(&regions::rules(&door.regions, "src"));
    text.push_str(ROUTES);
    if door.insist_on_tls {
        text.push_str(
            "    http-after-response set-header strict-transport-security max-age=31536000\n",
        );
    }

    text.push_str("\nfrontend http\n");
    for address in &door.listen.http {
        let _ = writeln!(text, "    bind {address}");
    }
    if door.behind_proxy {
        text.push_str(SETTLE);
        // The proxy in front wrote the last entry.
        text.push_str(
            "    http-request set-var(txn.caller) src
    http-request set-var(txn.caller) req.hdr_ip(x-forwarded-for,-1) if { req.hdr(x-forwarded-for) -m found }
    http-request set-header x-forwarded-for %[src] if !{ req.hdr(x-forwarded-for) -m found }
",
        );
        text.push_str(&regions::rules(&door.regions, "var(txn.caller)"));
        text.push_str(ROUTES);
    } else {
        text.push_str("    http-request redirect scheme https code 308\n");
    }

    text.push_str("\nfrontend private\n");
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
