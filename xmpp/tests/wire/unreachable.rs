//! A server whose machine is gone: packets to it get no answer at all.

use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};
use xmpp::Jid;
use xmpp::client::{Client, Config, Connector, Event};

use crate::script::soon;

/// A port whose connections are not taken: the kernel drops what asks for one once the queue is full.
struct Deaf {
    port: u16,
    _listener: Socket,
    _queued: Vec<Socket>,
}

impl Deaf {
    fn new() -> Self {
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let anywhere: std::net::SocketAddr = "127.0.0.1:0".parse().unwrap();
        listener.bind(&anywhere.into()).unwrap();
        listener.listen(0).unwrap();
        let address = listener.local_addr().unwrap();
        let mut queued = Vec::new();
        for _ in 0..8 {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            let connected = socket.connect_timeout(&address, Duration::from_millis(100));
            queued.push(socket);
            if connected.is_err() {
                break;
            }
        }
        Self {
            port: address.as_socket().unwrap().port(),
            _listener: listener,
            _queued: queued,
        }
    }
}

#[tokio::test]
async fn an_address_that_does_not_answer_is_given_up_within_seconds() {
    let deaf = Deaf::new();
    let connector = Connector::plain("127.0.0.1", deaf.port);
    let config = Config::new("bot@d".parse::<Jid>().unwrap(), connector).with_password("pw");
    let start = Instant::now();
    let mut client = Client::start(config);
    let event = soon(client.next_event()).await;
    let Some(Event::Offline { reason }) = event else {
        panic!("{event:?}")
    };
    assert!(reason.contains("does not answer"), "{reason}");
    assert!(start.elapsed() < Duration::from_secs(6));
}
