//! The socket of one request, as HTTP proper sees it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::patient::Patient;
use crate::Share;

/// Gives what has been read, and of a whole request nothing that follows it.
pub(super) struct Exchange<S> {
    socket: Patient<S>,
    given: io::Cursor<Vec<u8>>,
    /// What `given` counts for; of an open request, what its buffers do.
    share: Share,
    /// What follows a whole request; `None` where everything is passed on.
    rest: Option<Vec<u8>>,
    flushed: Arc<AtomicBool>,
}

impl<S> Exchange<S> {
    /// Of a request that is whole, and what has come after it.
    pub(super) fn whole(socket: Patient<S>, request: Vec<u8>, rest: Vec<u8>, share: Share) -> Self {
        Self {
            rest: Some(rest),
            ..Self::open(socket, request, share)
        }
    }

    /// Of a request whose rest is read as it comes.
    pub(super) fn open(socket: Patient<S>, begun: Vec<u8>, share: Share) -> Self {
        Self {
            socket,
            given: io::Cursor::new(begun),
            share,
            rest: None,
            flushed: Arc::default(),
        }
    }

    /// Becomes true when the peer was given up.
    pub(super) fn stalled(&self) -> Arc<AtomicBool> {
        self.socket.stalled()
    }

    /// True while everything that was written has gone to the system.
    pub(super) fn flushed(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.flushed)
    }

    /// The socket for the next request and what has come of that, if this one was whole and has been read.
    pub(super) fn into_next(self) -> Option<(Patient<S>, Vec<u8>)> {
        let rest = self.rest.filter(|_| self.given.get_ref().is_empty())?;
        Some((self.socket, rest))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Exchange<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if !this.given.get_ref().is_empty() {
            let given = Pin::new(&mut this.given).poll_read(context, buffer);
            if this.given.position() >= this.given.get_ref().len() as u64 {
                this.given = io::Cursor::default();
                if this.rest.is_some() {
                    this.share.set(0);
                }
            }
            return given;
        }
        let Some(rest) = &mut this.rest else {
            return Pin::new(&mut this.socket).poll_read(context, buffer);
        };
        if !rest.is_empty() {
            return Poll::Pending;
        }
        // A request whose sender has gone is given up.
        let mut bytes = [0; 512];
        let mut next = ReadBuf::new(&mut bytes);
        std::task::ready!(Pin::new(&mut this.socket).poll_read(context, &mut next))?;
        if next.filled().is_empty() {
            return Poll::Ready(Ok(()));
        }
        rest.extend_from_slice(next.filled());
        // Whoever reads is woken by its own answer.
        Poll::Pending
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Exchange<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.flushed.store(false, Ordering::Relaxed);
        Pin::new(&mut self.socket).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.flushed.store(false, Ordering::Relaxed);
        Pin::new(&mut self.socket).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.socket).poll_flush(context);
        let flushed = matches!(result, Poll::Ready(Ok(())));
        self.flushed.store(flushed, Ordering::Relaxed);
        result
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}
