//! Reaching the service: TCP, and TLS where the address asks for it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::Uri;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use xmpp::client::tls::{self, Trust};

/// For connecting and the TLS handshake.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A connection.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// How connections are made; cheap to clone.
#[derive(Clone)]
pub struct Access {
    tls: TlsConnector,
}

impl Access {
    /// Believes the certificates that `trust` says.
    ///
    /// # Errors
    /// When the PEM text has no certificate that can be used.
    pub fn new(trust: &Trust) -> Result<Self, rustls::Error> {
        let config = tls::client_config(trust, b"http/1.1")?;
        Ok(Self {
            tls: TlsConnector::from(Arc::new(config)),
        })
    }

    /// Connects to `at`, or to where the host of `uri` points.
    pub(super) async fn dial(
        &self,
        uri: &Uri,
        at: Option<SocketAddr>,
    ) -> io::Result<Box<dyn Stream>> {
        let dialling = async {
            let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
            let secure = matches!(uri.scheme_str(), Some("https" | "wss"));
            let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
            let tcp = match at {
                Some(at) => TcpStream::connect(at).await?,
                None => TcpStream::connect((host, port)).await?,
            };
            tcp.set_nodelay(true)?;
            if !secure {
                return Ok(Box::new(tcp) as Box<dyn Stream>);
            }
            let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
            let stream = self.tls.connect(name, tcp).await?;
            Ok(Box::new(stream) as Box<dyn Stream>)
        };
        tokio::time::timeout(CONNECT_TIMEOUT, dialling)
            .await
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }
}
