//! The body of a request, which has a deadline and counts against the budget until it has come.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Bytes;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use tokio::time::Sleep;

use crate::{Notice, Share};

/// Why a body did not come to its end.
#[derive(Debug, Default)]
pub(super) struct Fate(AtomicU8);

impl Fate {
    const LATE: u8 = 1;
    const TOO_MUCH: u8 = 2;

    pub(super) fn get(&self) -> Option<Notice> {
        match self.0.load(Ordering::Relaxed) {
            Self::LATE => Some(Notice::Unfinished),
            Self::TOO_MUCH => Some(Notice::BudgetSpent),
            _ => None,
        }
    }
}

/// A body that has not come yet.
pub(super) struct Unfinished {
    body: Incoming,
    deadline: Pin<Box<Sleep>>,
    bytes: usize,
    share: Share,
    fate: Arc<Fate>,
}

impl Unfinished {
    pub(super) fn new(body: Incoming, patience: Duration, share: Share, fate: Arc<Fate>) -> Self {
        Self {
            body,
            deadline: Box::pin(tokio::time::sleep(patience)),
            bytes: 0,
            share,
            fate,
        }
    }

    fn fail(&self, fate: u8, why: &'static str) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.fate.0.store(fate, Ordering::Relaxed);
        Poll::Ready(Some(Err(axum::Error::new(std::io::Error::other(why)))))
    }
}

impl HttpBody for Unfinished {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        match Pin::new(&mut self.body).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => {
                self.bytes += frame.data_ref().map_or(0, Bytes::len);
                let bytes = self.bytes;
                if self.share.set(bytes) {
                    return Poll::Ready(Some(Ok(frame)));
                }
                self.fail(
                    Fate::TOO_MUCH,
                    "too many bytes of unfinished requests are held",
                )
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(axum::Error::new(error)))),
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Pending => match self.deadline.as_mut().poll(context) {
                Poll::Ready(()) => self.fail(Fate::LATE, "the body did not come in time"),
                Poll::Pending => Poll::Pending,
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
