//! Keys that verify tokens: from files at start, from a URL again and again.

use crate::config::KeySource;
use crate::host::Host;
use crate::session::token::Keys;
use crate::settings::ReadFile;
use std::sync::Arc;
use std::time::Duration;

/// After a failure, the URL is asked again this soon.
const AFTER_FAILURE: Duration = Duration::from_secs(30);
const PATIENCE: Duration = Duration::from_secs(30);
const MOST_BYTES: usize = 1024 * 1024;

/// Reads the keys that are in files.
pub(super) fn load(host: &Host, read: ReadFile<'_>) -> Result<(), String> {
    let Some(token) = &host.settings.token else {
        return Ok(());
    };
    type Parse = fn(&str) -> Result<Keys, String>;
    let (path, parse): (_, Parse) = match &token.keys {
        KeySource::PublicKeyFile(path) => (path, Keys::from_pem),
        KeySource::JwksFile(path) => (path, Keys::from_json),
        KeySource::Secret(_) | KeySource::SecretFile(_) | KeySource::JwksUrl(_) => return Ok(()),
    };
    let name = path.display();
    let text =
        read(path).map_err(|error| format!("auth.token.keys: cannot read {name}: {error}"))?;
    host.set_keys(parse(&text).map_err(|error| format!("auth.token.keys: {name}: {error}"))?);
    Ok(())
}

/// Keeps the keys of a URL fresh. Keys in use stay while the URL does not answer.
pub(super) async fn refresh(host: Arc<Host>, url: String) {
    let every = host
        .settings
        .token
        .as_ref()
        .map_or(AFTER_FAILURE, |token| token.refresh);
    loop {
        let answer = tokio::time::timeout(PATIENCE, fetch::get(&url, MOST_BYTES)).await;
        let keys = match answer {
            Ok(Ok(text)) => Keys::from_json(&text),
            Ok(Err(error)) => Err(error),
            Err(_) => Err("no answer in 30 s".into()),
        };
        match keys {
            Ok(keys) => {
                host.set_keys(keys);
                tokio::time::sleep(every.max(Duration::from_secs(1))).await;
            }
            Err(error) => {
                tracing::warn!(%url, %error, "cannot read token keys; logins with unknown keys fail until it works");
                tokio::time::sleep(AFTER_FAILURE).await;
            }
        }
    }
}

/// A GET over HTTP or HTTPS, with a bounded answer.
mod fetch {
    use axum::body::Body;
    use axum::http::{Request, Uri, header};
    use hyper_util::rt::TokioIo;
    use rustls::pki_types::ServerName;
    use rustls::{ClientConfig, RootCertStore};
    use std::sync::Arc;
    use tokio::io::{AsyncRead, AsyncWrite};
    use tokio::net::TcpStream;
    use tokio_rustls::TlsConnector;

    pub(super) async fn get(url: &str, most: usize) -> Result<String, String> {
        let uri: Uri = url.parse().map_err(|error| format!("{error}"))?;
        let host = uri.host().ok_or("no host in the URL")?.to_owned();
        let secure = uri.scheme_str() == Some("https");
        let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let bare_host = host.trim_matches(['[', ']']);
        let socket = TcpStream::connect((bare_host, port))
            .await
            .map_err(|error| error.to_string())?;
        if !secure {
            return exchange(socket, &uri, &host, most).await;
        }
        let roots = RootCertStore {
            roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
        };
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from(bare_host.to_owned()).map_err(|error| error.to_string())?;
        let socket = TlsConnector::from(Arc::new(config))
            .connect(name, socket)
            .await;
        exchange(
            socket.map_err(|error| error.to_string())?,
            &uri,
            &host,
            most,
        )
        .await
    }

    async fn exchange<S>(socket: S, uri: &Uri, host: &str, most: usize) -> Result<String, String>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let handshake = hyper::client::conn::http1::handshake(TokioIo::new(socket)).await;
        let (mut sender, connection) = handshake.map_err(|error| error.to_string())?;
        let connection = tokio::spawn(connection);
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let request = Request::get(path)
            .header(header::HOST, host)
            .header(header::ACCEPT, "application/json")
            .body(Body::empty())
            .map_err(|error| error.to_string())?;
        let answer = sender
            .send_request(request)
            .await
            .map_err(|error| error.to_string())?;
        let status = answer.status();
        if !status.is_success() {
            connection.abort();
            return Err(format!("status {status}"));
        }
        let bytes = axum::body::to_bytes(Body::new(answer.into_body()), most).await;
        connection.abort();
        let bytes = bytes.map_err(|error| error.to_string())?;
        String::from_utf8(bytes.to_vec()).map_err(|error| error.to_string())
    }
}
