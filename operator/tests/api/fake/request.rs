//! What a request is about.

use std::collections::HashMap;

use hyper::{Method, Uri};

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Get,
    List,
    Watch,
    Discover,
    Create,
    Apply,
    Merge,
    Replace,
    Delete,
}

/// What a request is about.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// `apps/v1`, `v1`.
    pub api_version: String,
    /// `statefulsets`; empty for discovery.
    pub resource: String,
    pub namespace: Option<String>,
    pub name: Option<String>,
    /// The subresource `status`.
    pub status: bool,
    pub labels: Vec<(String, String)>,
    pub fields: Vec<(String, String)>,
    /// Of a watch: the version after which it begins, and its length in seconds.
    pub since: u64,
    pub timeout: u64,
    watch: bool,
}

fn selector(text: Option<&String>) -> Vec<(String, String)> {
    let text = text.map(String::as_str).unwrap_or_default();
    let parts = text.split(',').filter_map(|part| part.split_once('='));
    parts
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

fn decode(text: &str) -> String {
    let mut out = Vec::new();
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let hex = text
            .get(at + 1..at + 3)
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (bytes[at], hex) {
            (b'%', Some(byte)) => {
                out.push(byte);
                at += 3;
                continue;
            }
            (b'+', _) => out.push(b' '),
            (byte, _) => out.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

impl Target {
    pub(crate) fn parse(uri: &Uri) -> Option<Self> {
        let query: HashMap<String, String> = uri
            .query()
            .unwrap_or_default()
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .map(|(key, value)| (key.to_owned(), decode(value)))
            .collect();
        let mut parts: Vec<&str> = uri.path().trim_matches('/').split('/').collect();
        let api_version = match *parts.first()? {
            "api" => parts.drain(..2.min(parts.len())).nth(1)?.to_owned(),
            "apis" if parts.len() >= 3 => {
                let taken: Vec<&str> = parts.drain(..3).collect();
                format!("{}/{}", taken[1], taken[2])
            }
            _ => return None,
        };
        let namespace = match parts.as_slice() {
            ["namespaces", namespace, _, ..] => Some((*namespace).to_owned()),
            _ => None,
        };
        if namespace.is_some() {
            parts.drain(..2);
        }
        let mut resource = parts
            .first()
            .map_or_else(String::new, |text| (*text).to_owned());
        if resource == "events" && api_version == "v1" {
            // The same objects in another shape, which the fake does not convert: it has none.
            resource = "core-events".into();
        }
        let number = |key: &str| query.get(key).and_then(|text| text.parse().ok());
        Some(Self {
            api_version,
            resource,
            name: parts.get(1).map(|text| (*text).to_owned()),
            status: parts.get(2) == Some(&"status"),
            namespace,
            labels: selector(query.get("labelSelector")),
            fields: selector(query.get("fieldSelector")),
            since: number("resourceVersion").unwrap_or(0),
            timeout: number("timeoutSeconds").unwrap_or(290),
            watch: query.get("watch").is_some_and(|text| text == "true"),
        })
    }

    pub(crate) fn verb(&self, method: &Method, content: &str) -> Option<Verb> {
        Some(match (method, self.name.is_some()) {
            (&Method::GET, _) if self.resource.is_empty() => Verb::Discover,
            (&Method::GET, true) => Verb::Get,
            (&Method::GET, false) if self.watch => Verb::Watch,
            (&Method::GET, false) => Verb::List,
            (&Method::POST, _) => Verb::Create,
            (&Method::PUT, _) => Verb::Replace,
            (&Method::DELETE, _) => Verb::Delete,
            (&Method::PATCH, _) if content.contains("apply") => Verb::Apply,
            (&Method::PATCH, _) => Verb::Merge,
            _ => return None,
        })
    }
}
