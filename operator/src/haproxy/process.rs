//! Sections of the whole process: limits, logs, time limits, DNS.

use super::frontends::LOG;

/// Files with what the configuration's own language cannot say, and their content.
pub(super) const SCRIPTS: [(&str, &str); 3] = [
    ("settle.lua", include_str!("settle.lua")),
    ("previd.lua", include_str!("previd.lua")),
    ("room.lua", include_str!("room.lua")),
];

/// A stream to a client may be silent for this long, which is more than the client's pings need.
const TUNNEL: &str = "1h";
/// Longer than a BOSH request waits for its answer.
const ANSWER: &str = "150s";

pub(super) fn section() -> String {
    let scripts = SCRIPTS
        .map(|(file, _)| format!("    lua-load {file}\n"))
        .concat();
    format!(
        "\
global
    default-path config
    log stdout format raw local0 info
    # Without a number HAProxy takes all file descriptors that a container runtime allows, and memory for each.
    maxconn 20000
    no strict-limits
    nbthread 4
    ssl-default-bind-options ssl-min-ver TLSv1.2
    ssl-default-server-options ssl-min-ver TLSv1.2
{scripts}    set-var proc.settled bool(false)

defaults
    mode http
    log global
    log-format '{LOG}'
    option dontlognull
    option dontlog-normal
    option redispatch
    retries 3
    retry-on conn-failure empty-response
    timeout connect 2s
    timeout check 3s
    timeout client {ANSWER}
    timeout server {ANSWER}
    timeout client-fin 10s
    timeout http-request 10s
    timeout http-keep-alive 60s
    timeout queue 5s
    timeout tunnel {TUNNEL}

# An answer counts for a second; when nobody answers, the last one does.
resolvers kubernetes
    parse-resolv-conf
    accepted_payload_size 4096
    resolve_retries 3
    timeout resolve 1s
    timeout retry 500ms
    hold valid 1s
    hold nx 5s
    hold obsolete 5s
    hold other 1h
    hold refused 1h
    hold timeout 1h
"
    )
}
