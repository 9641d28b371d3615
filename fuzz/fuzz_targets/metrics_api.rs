//! Requests to the operator's metrics API: path and query. Whoever asks is answered, or refused by name.
//!
//! The files are the operator's, without its crate, which takes minutes to build.
#![no_main]
#![allow(dead_code, reason = "refusals that others than the parser give")]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;

#[path = "../../operator/src/metrics_api/metric.rs"]
mod metric;
#[path = "../../operator/src/metrics_api/refusal.rs"]
mod refusal;
#[path = "../../operator/src/metrics_api/request.rs"]
mod request;
#[path = "../../operator/src/metrics_api/selector.rs"]
mod selector;

use request::{Pods, Request, parse};

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let (path, query) = match text.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (&*text, None),
    };
    match parse(path, query) {
        Ok(Request::Values(query)) => {
            if let Pods::Labelled(selector) = query.pods {
                let _ = selector.matches(&BTreeMap::from([("zone".to_owned(), "a".to_owned())]));
            }
        }
        Ok(_) => {}
        Err(refusal) => assert!((400..500).contains(&refusal.code), "{}", refusal.message),
    }
});
