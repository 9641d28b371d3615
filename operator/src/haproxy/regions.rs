//! From where a caller comes, for the focus to choose a nearby bridge.
//!
//! Networks and header values are in map files, for a line of the configuration holds only 64 words.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use crate::validate::Region;

/// File with a region per network.
const NETWORKS: &str = "region-networks.map";

/// The header that tells signalling a caller's region.
pub const HEADER: &str = "x-proxy-region";

fn file(header: &str) -> String {
    format!("region-header-{header}.map")
}

fn headers(regions: &[Region]) -> BTreeSet<&str> {
    regions
        .iter()
        .flat_map(|region| region.headers.keys().map(String::as_str))
        .collect()
}

/// Rules that set [`HEADER`].
pub(super) fn rules(regions: &[Region]) -> String {
    let mut text = format!("    http-request del-header {HEADER}\n");
    let unknown = "if !{ var(txn.region) -m found }";
    for header in headers(regions) {
        let _ = writeln!(
            text,
            "    http-request set-var(txn.region) req.hdr({header}),lower,map_str({}) {unknown}",
            file(header)
        );
    }
    if regions.iter().any(|region| !region.networks.is_empty()) {
        let _ = writeln!(
            text,
            "    http-request set-var(txn.region) var(txn.caller),map_ip({NETWORKS}) {unknown}"
        );
    }
    if !regions.is_empty() {
        let _ = writeln!(
            text,
            "    http-request set-header {HEADER} %[var(txn.region)] if {{ var(txn.region) -m found }}"
        );
    }
    text
}

/// The map files; where two regions claim the same, the first one has it.
pub(super) fn files(regions: &[Region]) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    let mut networks = Lines::default();
    for region in regions {
        for network in &region.networks {
            networks.add(network, &region.name);
        }
    }
    if !networks.text.is_empty() {
        files.insert(NETWORKS.to_owned(), networks.text);
    }
    for header in headers(regions) {
        let mut values = Lines::default();
        for region in regions {
            for value in region.headers.get(header).into_iter().flatten() {
                values.add(value, &region.name);
            }
        }
        files.insert(file(header), values.text);
    }
    files
}

#[derive(Default)]
struct Lines<'a> {
    known: BTreeSet<&'a str>,
    text: String,
}

impl<'a> Lines<'a> {
    fn add(&mut self, key: &'a str, region: &str) {
        if self.known.insert(key) {
            let _ = writeln!(self.text, "{key} {region}");
        }
    }
}
