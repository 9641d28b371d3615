//! Replicas tell each other which room is where.
//!
//! The address of a peer is resolved once and for all, so it is that of a Service of its own. The process itself is a peer
//! without address: a reload hands the table over through it.

use std::fmt::Write;

use super::FrontDoor;

/// Name that the replicas' common certificate has.
pub const CERTIFICATE_NAME: &str = "front-door-peer";
const TLS: &str = "ssl crt ../peers/peer.pem ca-file ../peers/ca.crt verify required";

pub(super) fn section(door: &FrontDoor) -> String {
    let mut text = String::from("peers front-door\n");
    for address in &door.listen.peers {
        let _ = writeln!(text, "    bind {address} {TLS}");
    }
    let _ = writeln!(
        text,
        "    default-server {TLS} verifyhost {CERTIFICATE_NAME}"
    );
    for peer in &door.peers {
        let name = &peer.name;
        let _ = writeln!(text, "    .if streq(\"$POD_NAME\",{name})");
        let _ = writeln!(text, "    server {name}");
        if let Some(address) = &peer.address {
            let _ = writeln!(text, "    .else\n    server {name} {address}");
        }
        text.push_str("    .endif\n");
    }
    text
}
