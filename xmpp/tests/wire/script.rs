//! A server for one connection at a time that does what a test says.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream};
use tokio::sync::mpsc;
use xmpp::client::Connector;
use xmpp::stream::{Event, Header, Limits, Parser, write};
use xmpp::xml::element;
use xmpp::{Element, ElementExt, ns, sasl, sm::Nonza, stanza};

/// Where connections of a client arrive.
pub(crate) struct Listener(mpsc::UnboundedReceiver<DuplexStream>);

pub(crate) fn listen() -> (Connector, Listener) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let connector = Connector::in_memory(move || {
        let (client, server) = tokio::io::duplex(64 * 1024);
        // A server that is gone drops its end, and the client sees the connection close.
        let _ = sender.send(server);
        client
    });
    (connector, Listener(receiver))
}

impl Listener {
    pub(crate) async fn accept(&mut self) -> Server<DuplexStream> {
        Server::new(soon(self.0.recv()).await.unwrap())
    }
}

/// Fails the test if something takes too long.
pub(crate) async fn soon<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(20), future)
        .await
        .expect("this takes too long")
}

pub(crate) struct Server<S> {
    pub io: S,
    parser: Parser,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Server<S> {
    pub(crate) fn new(io: S) -> Self {
        Self {
            io,
            parser: Parser::new(Limits::PARTICIPANT),
        }
    }

    pub(crate) async fn event(&mut self) -> Event {
        let mut buffer = [0; 4096];
        loop {
            if let Some(event) = self.parser.poll_event().unwrap() {
                return event;
            }
            match soon(self.io.read(&mut buffer)).await.unwrap() {
                0 => panic!("the client is gone"),
                n => self.parser.handle_input(&buffer[..n]),
            }
        }
    }

    pub(crate) async fn receive(&mut self) -> Element {
        match self.event().await {
            Event::Element(element) => element,
            other => panic!("{other:?}"),
        }
    }

    /// The next element that is not about stream management.
    pub(crate) async fn receive_stanza(&mut self) -> Element {
        loop {
            let element = self.receive().await;
            if !element.has_ns(ns::SM) {
                return element;
            }
        }
    }

    pub(crate) async fn send(&mut self, element: &Element) {
        self.send_text(&write::in_stream(element)).await;
    }

    pub(crate) async fn send_text(&mut self, text: &str) {
        self.io.write_all(text.as_bytes()).await.unwrap();
        self.io.flush().await.unwrap();
    }

    /// Answers the stream header with features.
    pub(crate) async fn open_stream(&mut self, features: impl IntoIterator<Item = Element>) {
        assert!(matches!(self.event().await, Event::StreamOpen(_)));
        let header = write::stream_open(&Header::from_domain("d", stanza::new_id()));
        self.send_text(&header).await;
        self.send(&element("features", ns::STREAM).with_children(features))
            .await;
    }

    /// Logs the client in by PLAIN; returns user and password.
    pub(crate) async fn log_in(&mut self) -> sasl::Plain {
        self.open_stream([sasl::mechanisms(["PLAIN"])]).await;
        let auth = self.receive().await;
        let data = sasl::data_of(&auth).unwrap().unwrap();
        self.send(&sasl::success(b"")).await;
        self.parser.restart();
        sasl::Plain::parse(&data).unwrap()
    }

    /// Logs in, binds and enables stream management with a resumption id.
    pub(crate) async fn begin(&mut self, id: Option<&str>) {
        self.log_in().await;
        self.bind().await;
        let Ok(Nonza::Enable { resume, .. }) = Nonza::try_from(&self.receive().await) else {
            panic!()
        };
        assert!(resume);
        let enabled = Nonza::Enabled {
            id: id.map(str::to_owned),
            resume: id.is_some(),
            max: None,
        };
        self.send(&enabled.into()).await;
    }

    pub(crate) async fn bind(&mut self) {
        self.open_stream([element("bind", ns::BIND), element("sm", ns::SM)])
            .await;
        let request = self.receive().await;
        self.answer_bind(&request).await;
    }

    pub(crate) async fn answer_bind(&mut self, request: &Element) {
        let bind = stanza::payload(request).unwrap();
        let resource = bind.get_child("resource", ns::BIND).unwrap().text();
        let jid = element("jid", ns::BIND).with_text(format!("bot@d/{resource}"));
        let result = stanza::iq_result(request, Some(element("bind", ns::BIND).with_child(jid)));
        self.send(&result).await;
    }

    /// Logs in and takes the request to resume.
    pub(crate) async fn resumption(&mut self) -> Nonza {
        self.log_in().await;
        self.open_stream([element("bind", ns::BIND), element("sm", ns::SM)])
            .await;
        Nonza::try_from(&self.receive().await).unwrap()
    }
}
