//! A connection while it is negotiated: one thing after the other.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use super::{ConnectError, Connector, Tls, TlsOptions, tls};
use crate::stream::{Event, Header, Limits, Parser, StreamError, write};
use crate::{Element, ns};

/// Bytes that are read at once.
pub(super) const READ_BYTES: usize = 16 * 1024;

/// How long an address may take to answer: one of a machine that is gone never does, and the name
/// soon has another.
const CONNECT: Duration = Duration::from_secs(3);

/// Any transport of bytes.
pub(super) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// A transport with its parser.
pub(super) struct Connection {
    pub io: Box<dyn Io>,
    pub parser: Parser,
    /// Nobody else can read what crosses it.
    pub confidential: bool,
    buffer: Vec<u8>,
}

impl Connection {
    /// Connects; with direct TLS also encrypts.
    pub(super) async fn open(
        connector: &Connector,
        domain: &str,
        limits: Limits,
    ) -> Result<Self, ConnectError> {
        let (io, confidential): (Box<dyn Io>, bool) = match connector {
            Connector::InMemory(connect) => (Box::new(connect()), true),
            Connector::Tcp { host, port, tls } => {
                let tcp = connect(host, *port).await?;
                tcp.set_nodelay(true)?;
                match tls {
                    Tls::Direct(options) => (encrypt(tcp, options, domain).await?, true),
                    Tls::Disabled | Tls::StartTls(_) => (Box::new(tcp), false),
                }
            }
        };
        Ok(Self {
            io,
            parser: Parser::new(limits),
            confidential,
            buffer: vec![0; READ_BYTES],
        })
    }

    /// Opens the stream and returns the server's features.
    pub(super) async fn open_stream(&mut self, domain: &str) -> Result<Element, ConnectError> {
        self.parser.restart();
        self.write(&write::stream_open(&Header::to_domain(domain)))
            .await?;
        match self.read().await? {
            Event::StreamOpen(_) => {}
            _ => return Err(unexpected("something before the stream header")),
        }
        let features = self.read_element().await?;
        if features.is("features", ns::STREAM) {
            Ok(features)
        } else {
            Err(unexpected("no stream features"))
        }
    }

    /// Encrypts a connection whose server said `<proceed/>`. What came in the clear after that is
    /// thrown away.
    pub(super) async fn start_tls(
        self,
        options: &TlsOptions,
        domain: &str,
    ) -> Result<Self, ConnectError> {
        let mut parser = self.parser;
        parser.discard_input();
        Ok(Self {
            io: encrypt(self.io, options, domain).await?,
            parser,
            confidential: true,
            buffer: self.buffer,
        })
    }

    pub(super) async fn write(&mut self, text: &str) -> Result<(), ConnectError> {
        self.io.write_all(text.as_bytes()).await?;
        self.io.flush().await?;
        Ok(())
    }

    pub(super) async fn write_element(&mut self, element: &Element) -> Result<(), ConnectError> {
        self.write(&write::in_stream(element)).await
    }

    pub(super) async fn read_element(&mut self) -> Result<Element, ConnectError> {
        match self.read().await? {
            Event::Element(element) => match StreamError::try_from(&element) {
                Ok(error) => Err(ConnectError::Stream(error)),
                Err(_) => Ok(element),
            },
            Event::StreamClose => Err(ConnectError::Closed),
            Event::StreamOpen(_) => Err(unexpected("a second stream header")),
        }
    }

    async fn read(&mut self) -> Result<Event, ConnectError> {
        loop {
            let event = self
                .parser
                .poll_event()
                .map_err(|error| ConnectError::Protocol(error.to_string()))?;
            if let Some(event) = event {
                return Ok(event);
            }
            match self.io.read(&mut self.buffer).await? {
                0 => return Err(ConnectError::Closed),
                n => self.parser.handle_input(&self.buffer[..n]),
            }
        }
    }
}

/// Tries the addresses of a name in turn.
async fn connect(host: &str, port: u16) -> io::Result<TcpStream> {
    let mut failure = io::Error::other(format!("{host} has no address"));
    for address in lookup_host((host, port)).await? {
        failure = match timeout(CONNECT, TcpStream::connect(address)).await {
            Ok(Ok(tcp)) => return Ok(tcp),
            Ok(Err(error)) => error,
            Err(_) => io::Error::new(
                io::ErrorKind::TimedOut,
                format!("{address} does not answer"),
            ),
        };
    }
    Err(failure)
}

async fn encrypt(
    io: impl Io + 'static,
    options: &TlsOptions,
    domain: &str,
) -> Result<Box<dyn Io>, ConnectError> {
    let (connector, name) = tls::connector(options, domain)?;
    Ok(Box::new(connector.connect(name, io).await?))
}

pub(super) fn unexpected(what: &str) -> ConnectError {
    ConnectError::Protocol(what.to_owned())
}
