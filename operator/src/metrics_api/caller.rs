//! Who asks: the API server's request-header authentication.
//!
//! The API server shows a client certificate of its front proxy and names, in headers, the user whose request it passes
//! on. The headers count only with that certificate.

use http::HeaderMap;
use percent_encoding::percent_decode_str;
use serde_json::Value;
use std::collections::BTreeMap;

/// What ConfigMap `kube-system/extension-apiserver-authentication` says, but for the authority.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers {
    /// Common names of the front proxy's certificate; any when empty.
    pub allowed_names: Vec<String>,
    username: Vec<String>,
    uid: Vec<String>,
    group: Vec<String>,
    extra_prefix: Vec<String>,
}

/// A user of the API server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct User {
    /// User name, as the certificate or the proxy says.
    pub name: String,
    /// Its uid, if it has one.
    pub uid: Option<String>,
    /// As the certificate or the proxy says.
    pub groups: Vec<String>,
    /// What else authorizers may know of it.
    pub extra: BTreeMap<String, Vec<String>>,
}

impl Headers {
    /// From the ConfigMap's data; lists are JSON.
    #[must_use]
    pub fn of(data: &BTreeMap<String, String>) -> Self {
        let list = |key: &str| -> Vec<String> {
            let text = data.get(key).map(String::as_str).unwrap_or_default();
            serde_json::from_str(text)
                .ok()
                .and_then(|value: Value| serde_json::from_value(value).ok())
                .unwrap_or_default()
        };
        Self {
            allowed_names: list("requestheader-allowed-names"),
            username: list("requestheader-username-headers"),
            uid: list("requestheader-uid-headers"),
            group: list("requestheader-group-headers"),
            extra_prefix: list("requestheader-extra-headers-prefix"),
        }
    }

    /// Whether a certificate of this common name may speak for others.
    #[must_use]
    pub fn allows(&self, common_name: &str) -> bool {
        self.allowed_names.is_empty() || self.allowed_names.iter().any(|name| name == common_name)
    }

    /// The user that the headers name.
    #[must_use]
    pub fn user(&self, headers: &HeaderMap) -> Option<User> {
        let all = |names: &[String]| -> Vec<String> {
            let values = names.iter().flat_map(|name| headers.get_all(name.as_str()));
            values
                .filter_map(|value| Some(value.to_str().ok()?.to_owned()))
                .filter(|value| !value.is_empty())
                .collect()
        };
        let mut extra: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, value) in headers {
            let prefixes = self.extra_prefix.iter();
            let key = prefixes
                .filter_map(|prefix| name.as_str().strip_prefix(&prefix.to_ascii_lowercase()));
            for key in key {
                let key = percent_decode_str(key).decode_utf8_lossy().into_owned();
                let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
                extra.entry(key).or_default().push(value);
            }
        }
        Some(User {
            name: all(&self.username).into_iter().next()?,
            uid: all(&self.uid).into_iter().next(),
            groups: all(&self.group),
            extra,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn headers() -> Headers {
        let data = [
            ("requestheader-allowed-names", r#"["front-proxy-client"]"#),
            ("requestheader-username-headers", r#"["X-Remote-User"]"#),
            ("requestheader-group-headers", r#"["X-Remote-Group"]"#),
            (
                "requestheader-extra-headers-prefix",
                r#"["X-Remote-Extra-"]"#,
            ),
        ];
        Headers::of(&data.map(|(key, value)| (key.into(), value.into())).into())
    }

    #[test]
    fn the_user_is_whom_the_headers_name() {
        let mut map = HeaderMap::new();
        map.insert("x-remote-user", "jane".parse().unwrap());
        map.append("x-remote-group", "system:authenticated".parse().unwrap());
        map.append("x-remote-group", "staff".parse().unwrap());
        let key = "x-remote-extra-example.org%2fscopes";
        map.append(key, "view".parse().unwrap());
        let user = headers().user(&map).unwrap();
        assert_eq!(user.name, "jane");
        assert_eq!(user.groups, ["system:authenticated", "staff"]);
        assert_eq!(user.extra["example.org/scopes"], ["view"]);
        assert_eq!(user.uid, None);
    }

    #[test]
    fn without_a_name_there_is_no_user() {
        let mut map = HeaderMap::new();
        map.insert("x-remote-group", "system:masters".parse().unwrap());
        assert_eq!(headers().user(&map), None);
        map.insert("x-remote-user", "".parse().unwrap());
        assert_eq!(headers().user(&map), None);
    }

    #[test]
    fn headers_that_the_api_server_does_not_name_count_for_nothing() {
        let mut map = HeaderMap::new();
        map.insert("x-remote-user", "jane".parse().unwrap());
        assert_eq!(Headers::default().user(&map), None);
    }

    #[test]
    fn only_named_certificates_speak_for_others_unless_none_is_named() {
        assert!(headers().allows("front-proxy-client"));
        assert!(!headers().allows("somebody"));
        assert!(Headers::default().allows("somebody"));
    }
}
