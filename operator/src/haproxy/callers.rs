//! Who calls, and what the parts behind the front door are told of it.
//!
//! Whatever a caller says of itself is taken off. Only what a proxy in front appended to `x-forwarded-for` counts, from the
//! right; the parts get one address.

use std::fmt::Write;

/// Headers by which proxies speak of callers.
const CLAIMS: [&str; 6] = [
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
    "x-real-ip",
];

/// From an entry of `x-forwarded-for` to the address in it: proxies write `IP`, `IP:PORT`, `[IP]:PORT`, the same in quotes,
/// and IPv4 addresses as IPv6 has them. What is no address then leaves the variable as it is.
const ADDRESS: &str = r#"regsub("^.*[[]",""),regsub("[]].*$",""),regsub("\x22","",g),regsub("^([0-9.]+):[0-9]+$","\1"),regsub("^::[fF]{4}:([0-9.]+)$","\1"),ipmask(32,128)"#;

/// Rules that set `txn.caller` and the headers; `proxies` in front have each appended an entry.
pub(super) fn rules(proxies: u32) -> String {
    let mut text = String::from("    http-request set-var(txn.caller) src\n");
    if proxies > 0 {
        let _ = writeln!(
            text,
            "    http-request set-var(txn.caller) 'req.hdr(x-forwarded-for,-{proxies}),{ADDRESS}'"
        );
    }
    for header in CLAIMS {
        let _ = writeln!(text, "    http-request del-header {header}");
    }
    text.push_str(
        "    http-request set-header x-forwarded-for %[var(txn.caller)]
    http-request set-header x-forwarded-proto https
",
    );
    text
}
