//! Response headers that confine the page.

use std::sync::Arc;

use anyhow::bail;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::Response;

use super::page::PageConfig;
use super::{Config, Scheme};

/// A year.
const HSTS_SECONDS: u64 = 31_536_000;

/// What every answer has, unless it says otherwise itself.
#[derive(Debug)]
pub(crate) struct Headers(Vec<(HeaderName, HeaderValue)>);

impl Headers {
    /// As settings say; `bridges` are the URLs at which bridges are reached by WebSocket.
    ///
    /// # Errors
    /// An origin that is none, by its key.
    pub(crate) fn new(
        config: &Config,
        scheme: &Scheme,
        page: &PageConfig,
        bridges: &[String],
    ) -> anyhow::Result<Self> {
        let ancestors = sources("web.frame_ancestors", &config.frame_ancestors)?;
        let mut connect = sources("web.connect_sources", &config.connect_sources)?;
        connect.extend(page.urls().filter_map(origin));
        connect.extend(bridges.iter().filter_map(|url| origin(url)));
        connect.dedup();
        let policy = format!(
            "default-src 'self'; connect-src {}; img-src 'self' data: blob:; \
             media-src 'self' blob: mediastream:; style-src 'self' 'unsafe-inline'; worker-src 'self' blob:; \
             object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors {}",
            with_self(&connect),
            with_self(&ancestors)
        );
        let mut headers = vec![
            (
                header::CONTENT_SECURITY_POLICY,
                HeaderValue::from_str(&policy)?,
            ),
            (
                header::X_CONTENT_TYPE_OPTIONS,
                HeaderValue::from_static("nosniff"),
            ),
            (
                header::REFERRER_POLICY,
                HeaderValue::from_static("no-referrer"),
            ),
            (
                HeaderName::from_static("permissions-policy"),
                HeaderValue::from_static(
                    "camera=(self), microphone=(self), display-capture=(self), speaker-selection=(self), \
                     geolocation=(), payment=()",
                ),
            ),
        ];
        // It knows one origin or none, and where browsers know the list above, it adds nothing.
        if ancestors.is_empty() {
            headers.push((
                header::X_FRAME_OPTIONS,
                HeaderValue::from_static("SAMEORIGIN"),
            ));
        }
        let chosen = matches!(scheme, Scheme::Https { chosen: true, .. });
        let seconds = config
            .hsts_seconds
            .unwrap_or(if chosen { HSTS_SECONDS } else { 0 });
        if seconds > 0 {
            let value = format!("max-age={seconds}");
            headers.push((
                header::STRICT_TRANSPORT_SECURITY,
                HeaderValue::from_str(&value)?,
            ));
        }
        Ok(Self(headers))
    }
}

fn with_self(sources: &[String]) -> String {
    let mut all = vec!["'self'"];
    all.extend(sources.iter().map(String::as_str));
    all.join(" ")
}

/// Origins as a policy has them (CSP3 §2.3.1). What could end the directive is none.
fn sources(key: &str, written: &[String]) -> anyhow::Result<Vec<String>> {
    for one in written {
        let is_source = one == "*"
            || (one.contains("://")
                && !one.chars().any(|c| c.is_whitespace() || ";,'".contains(c)));
        if !is_source || !one.is_ascii() {
            bail!(
                "{key} has `{one}`: write origins such as `https://intranet.example.org`, or `*`"
            );
        }
    }
    Ok(written
        .iter()
        .map(|one| one.trim_end_matches('/').to_owned())
        .collect())
}

/// The origin of a URL; none of a path.
fn origin(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let host = rest.split(['/', '?', '#']).next()?;
    let is_source = !host.is_empty() && !host.contains([' ', ';', ',', '\'']) && host.is_ascii();
    is_source.then(|| format!("{scheme}://{host}"))
}

/// Adds the headers to a response that does not set them itself.
pub(crate) async fn secure(
    State(headers): State<Arc<Headers>>,
    mut response: Response,
) -> Response {
    for (name, value) in &headers.0 {
        response
            .headers_mut()
            .entry(name)
            .or_insert_with(|| value.clone());
    }
    response
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::web::page::Names;

    fn headers(config: &Config, scheme: &Scheme) -> Headers {
        let names = Names::of(&signalling::Config::default());
        let page = PageConfig::new(&names, &config.page);
        Headers::new(config, scheme, &page, &["wss://bridge.example/x".into()]).unwrap()
    }

    fn get(headers: &Headers, name: &HeaderName) -> Option<String> {
        let found = headers.0.iter().find(|(one, _)| one == name);
        found.map(|(_, value)| value.to_str().unwrap().to_owned())
    }

    fn policy(headers: &Headers, directive: &str) -> String {
        let policy = get(headers, &header::CONTENT_SECURITY_POLICY).unwrap();
        let found = policy.split("; ").find(|one| one.starts_with(directive));
        found.unwrap().to_owned()
    }

    fn https(chosen: bool) -> Scheme {
        let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let key = rustls_pki_types::PrivateKeyDer::try_from(pair.signing_key.serialize_der());
        let tls = rustls::ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![pair.cert.der().clone()], key.unwrap());
        Scheme::Https {
            tls: Arc::new(tls.unwrap()),
            chosen,
        }
    }

    #[test]
    fn the_page_talks_to_its_own_origin_and_to_those_that_are_set() {
        let mut config = Config::default();
        let own = headers(&config, &Scheme::Http);
        assert_eq!(
            policy(&own, "connect-src"),
            "connect-src 'self' wss://bridge.example"
        );
        config.connect_sources = vec!["wss://b2.example/".into()];
        config.page.insert(
            "websocketUrl".into(),
            "wss://xmpp.example/xmpp-websocket".into(),
        );
        assert_eq!(
            policy(&headers(&config, &Scheme::Http), "connect-src"),
            "connect-src 'self' wss://b2.example wss://xmpp.example wss://bridge.example"
        );
    }

    #[test]
    fn only_pages_that_are_named_may_frame_it() {
        let mut config = Config::default();
        let own = headers(&config, &Scheme::Http);
        assert_eq!(policy(&own, "frame-ancestors"), "frame-ancestors 'self'");
        assert!(get(&own, &header::X_FRAME_OPTIONS).is_some());
        config.frame_ancestors = vec!["https://intranet.example".into()];
        let others = headers(&config, &Scheme::Http);
        assert_eq!(
            policy(&others, "frame-ancestors"),
            "frame-ancestors 'self' https://intranet.example"
        );
        assert_eq!(get(&others, &header::X_FRAME_OPTIONS), None);
        for wrong in ["intranet.example", "https://a;script-src *", "'none'", ""] {
            config.frame_ancestors = vec![wrong.into()];
            let page = PageConfig::new(&Names::of(&signalling::Config::default()), &config.page);
            let error = Headers::new(&config, &Scheme::Http, &page, &[]).unwrap_err();
            assert!(error.to_string().contains("web.frame_ancestors"), "{error}");
        }
    }

    #[test]
    fn browsers_insist_on_tls_where_the_certificate_was_chosen() {
        let mut config = Config::default();
        let hsts = |config: &Config, scheme: &Scheme| {
            get(&headers(config, scheme), &header::STRICT_TRANSPORT_SECURITY)
        };
        assert_eq!(hsts(&config, &Scheme::Http), None);
        assert_eq!(hsts(&config, &https(false)), None);
        let year = Some("max-age=31536000".to_owned());
        assert_eq!(hsts(&config, &https(true)), year);
        config.hsts_seconds = Some(0);
        assert_eq!(hsts(&config, &https(true)), None);
        // TLS ends in front.
        config.hsts_seconds = Some(60);
        assert_eq!(hsts(&config, &Scheme::Http), Some("max-age=60".into()));
    }
}
