//! The sending side of a client.

use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::{RequestError, SendError};
use crate::Element;
use crate::stanza::{self, IqType};
use crate::xml::ElementExt;

/// What a handle asks the client's task to do.
#[derive(Debug)]
pub(super) enum Command {
    Send(Element),
    Request {
        iq: Element,
        answer: oneshot::Sender<Result<Element, RequestError>>,
    },
    /// The asker no longer waits.
    Forget {
        id: String,
    },
    Close {
        done: oneshot::Sender<()>,
    },
    Vanish {
        done: oneshot::Sender<()>,
    },
}

pub(super) fn channel(queue: usize) -> (ClientHandle, mpsc::Receiver<Command>) {
    let (commands, receiver) = mpsc::channel(queue);
    (ClientHandle { commands }, receiver)
}

/// Sends through a client. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ClientHandle {
    commands: mpsc::Sender<Command>,
}

impl ClientHandle {
    /// Sends a stanza; waits while the queue is full. A stanza that is sent while the client is
    /// offline goes out if the session is resumed, and is dropped if it is not: then rooms have to
    /// be joined anew anyway.
    ///
    /// # Errors
    /// [`SendError::Closed`].
    pub async fn send(&self, stanza: Element) -> Result<(), SendError> {
        self.commands
            .send(Command::Send(stanza))
            .await
            .map_err(|_| SendError::Closed)
    }

    /// Sends a stanza, or fails at once if the queue is full.
    ///
    /// # Errors
    /// [`SendError`].
    pub fn try_send(&self, stanza: Element) -> Result<(), SendError> {
        self.commands
            .try_send(Command::Send(stanza))
            .map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => SendError::Full,
                mpsc::error::TrySendError::Closed(_) => SendError::Closed,
            })
    }

    /// Sends an IQ of type get or set and waits for its result. An IQ without id gets one. The
    /// answer must come from where the request went, with the same id (RFC 6120 §8.2.3).
    ///
    /// # Errors
    /// [`RequestError`]; an answer of type error is [`RequestError::Stanza`].
    pub async fn request(
        &self,
        mut iq: Element,
        timeout: Duration,
    ) -> Result<Element, RequestError> {
        if !matches!(stanza::iq_type(&iq), Some(IqType::Get | IqType::Set)) {
            return Err(RequestError::NotARequest);
        }
        let id = match iq.attr("id") {
            Some(id) => id.to_owned(),
            None => {
                let id = stanza::new_id();
                iq.put_attr("id", &id);
                id
            }
        };
        let (answer, result) = oneshot::channel();
        let exchange = async {
            self.commands
                .send(Command::Request { iq, answer })
                .await
                .map_err(|_| RequestError::Closed)?;
            result.await.map_err(|_| RequestError::Closed)?
        };
        match tokio::time::timeout(timeout, exchange).await {
            Ok(result) => result,
            Err(_) => {
                // If the queue is full the task forgets it when it next looks for closed askers.
                let _ = self.commands.try_send(Command::Forget { id });
                Err(RequestError::TimedOut)
            }
        }
    }

    /// Closes the stream properly and ends the client; returns when that is done.
    pub async fn close(&self) {
        let (done, closed) = oneshot::channel();
        if self.commands.send(Command::Close { done }).await.is_ok() {
            let _ = closed.await;
        }
    }

    /// Ends the client and leaves the stream open: to a server that keeps sessions for resumption
    /// (XEP-0198 §5), this is a lost connection, and who comes back soon was never seen to leave.
    /// Returns when what was sent before is written.
    pub async fn vanish(&self) {
        let (done, vanished) = oneshot::channel();
        if self.commands.send(Command::Vanish { done }).await.is_ok() {
            let _ = vanished.await;
        }
    }
}
