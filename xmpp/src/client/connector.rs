//! How a server is reached.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::io::DuplexStream;

/// Where a server is and how to connect to it.
#[derive(Clone)]
pub enum Connector {
    /// Over TCP.
    Tcp {
        /// Host name or address; all addresses of a name are tried in turn.
        host: String,
        /// Port, usually 5222 (or 5223 for direct TLS).
        port: u16,
        /// Encryption.
        tls: Tls,
    },
    /// In the same process: each call makes a new connection.
    InMemory(Arc<dyn Fn() -> DuplexStream + Send + Sync>),
}

impl Connector {
    /// A plain TCP connection: for loopback and private networks only.
    pub fn plain(host: impl Into<String>, port: u16) -> Self {
        Self::Tcp {
            host: host.into(),
            port,
            tls: Tls::Disabled,
        }
    }

    /// A connection in the same process.
    pub fn in_memory(connect: impl Fn() -> DuplexStream + Send + Sync + 'static) -> Self {
        Self::InMemory(Arc::new(connect))
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port, tls } => {
                let scheme = match tls {
                    Tls::Disabled => "tcp",
                    Tls::StartTls(_) => "starttls",
                    Tls::Direct(_) => "tls",
                };
                write!(f, "{scheme}://{host}:{port}")
            }
            Self::InMemory(_) => f.write_str("in-memory"),
        }
    }
}

/// Encryption of a TCP connection.
#[derive(Clone, Debug)]
pub enum Tls {
    /// None.
    Disabled,
    /// STARTTLS (RFC 6120 §5), which the server must offer.
    StartTls(TlsOptions),
    /// TLS from the first byte (XEP-0368).
    Direct(TlsOptions),
}

/// Whom to trust.
#[derive(Clone, Debug, Default)]
pub struct TlsOptions {
    /// Certificates of authorities, or the server's own, in PEM. With neither this nor `ca_file`:
    /// the public authorities (Mozilla's list).
    pub ca_pem: Option<Vec<u8>>,
    /// File with the same, where `ca_pem` is `None`. It is read at each connection, so that an
    /// authority may be replaced while the client runs.
    pub ca_file: Option<PathBuf>,
    /// Name that the certificate must have. `None`: the domain of the account (RFC 6120 §13.7.2).
    pub server_name: Option<String>,
    /// Accept any certificate. Only for tests: anybody on the way can read and change everything.
    pub insecure: bool,
}
