//! Accepting connections.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};

use crate::{Notice, Notices, Place, Places};

/// Pause after the system refused: those that end make room.
const PAUSE: Duration = Duration::from_millis(100);

/// A listening socket whose connections are counted.
#[derive(Debug)]
pub struct Door {
    listener: TcpListener,
    places: Arc<Places>,
    /// Descriptors that a connection needs: one, or two where it is passed on.
    each: usize,
    notices: Arc<Notices>,
}

/// A connection.
#[derive(Debug)]
pub struct Visitor {
    /// Its socket, which sends without delay: what is said is small, and people wait for it.
    pub socket: TcpStream,
    /// The other side.
    pub peer: SocketAddr,
    /// To be held as long as the socket.
    pub place: Place,
}

impl Door {
    /// Accepts from `listener` while there are places.
    #[must_use]
    pub fn new(listener: TcpListener, places: Arc<Places>, notices: Arc<Notices>) -> Self {
        Self {
            listener,
            places,
            each: 1,
            notices,
        }
    }

    /// Connections are passed on, and need two descriptors each.
    #[must_use]
    pub fn passing_on(mut self) -> Self {
        self.each = 2;
        self
    }

    /// The next connection. Those beyond the bound are closed at once, so that whoever balances load notices.
    pub async fn accept(&self) -> Visitor {
        loop {
            match self.listener.accept().await {
                Ok((socket, peer)) => match self.places.take(self.each) {
                    Some(place) => {
                        let _ = socket.set_nodelay(true);
                        return Visitor {
                            socket,
                            peer,
                            place,
                        };
                    }
                    None => self.notices.tell(Notice::Full, &peer.ip()),
                },
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    self.notices.tell(Notice::CannotAccept, &error);
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }
}

/// Waits until the other side has said something or has gone. It looks, for tokio takes each new socket for readable until
/// a read has shown that there is nothing.
///
/// # Errors
/// The socket's.
pub async fn first_byte(socket: &TcpStream) -> io::Result<()> {
    socket.peek(&mut [0]).await.map(|_| ())
}

/// The peer has gone before it was accepted (accept(2)).
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionReset
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use std::pin::{Pin, pin};
    use std::task::Poll;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn who_says_nothing_is_waited_for() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut stranger = TcpStream::connect(address).await.unwrap();
        let door = Door::new(listener, Places::new(1), Notices::of("a test"));
        let visitor = door.accept().await;
        let mut spoken = pin!(first_byte(&visitor.socket));
        for _ in 0..100 {
            assert!(poll_once(spoken.as_mut()).await.is_none());
            tokio::task::yield_now().await;
        }
        stranger.write_all(b"G").await.unwrap();
        spoken.await.unwrap();
    }

    async fn poll_once<F: Future>(mut future: Pin<&mut F>) -> Option<F::Output> {
        std::future::poll_fn(|context| {
            Poll::Ready(match future.as_mut().poll(context) {
                Poll::Ready(output) => Some(output),
                Poll::Pending => None,
            })
        })
        .await
    }

    #[tokio::test]
    async fn who_finds_no_place_is_closed_at_once_and_a_place_that_is_left_is_given_away() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let notices = Notices::of("a test");
        let door = Door::new(listener, Places::new(1), notices);
        let _first = TcpStream::connect(address).await.unwrap();
        let visitor = door.accept().await;
        let mut second = TcpStream::connect(address).await.unwrap();
        let mut byte = [0];
        tokio::select! {
            _ = door.accept() => panic!("there was no place"),
            read = second.read(&mut byte) => assert!(matches!(read, Ok(0) | Err(_))),
        }
        drop(visitor);
        let _third = TcpStream::connect(address).await.unwrap();
        door.accept().await;
    }
}
