//! One connection: a request is waited for, served, and the next one waited for.

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};

use axum::Router;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, sleep, sleep_until};

use super::arrival::{Arrival, Stage};
use super::exchange::Exchange;
use super::patient::Patient;
use super::{Activity, HEAD_BYTES, Held, Inner, Running, Way};
use crate::{Notice, Share, caller};

/// What a request with a body costs that is not whole, in bytes: HTTP proper's buffers.
const OPEN: usize = 24 * 1024;

/// Serves requests, one after the other. Between two of them, and before the first, nothing is held but what has come of the
/// next.
pub(super) async fn serve<S>(
    inner: Arc<Inner>,
    socket: S,
    held: Held,
    peer: SocketAddr,
    router: Router,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut socket = Patient::new(socket, held, inner.config.send());
    let mut arrival = Arrival::new(Vec::new());
    let mut first = true;
    loop {
        let mut share = inner.budget.share(peer.ip());
        let Some(way) = inner
            .arrive(&mut socket, &mut arrival, &mut share, first, peer)
            .await
        else {
            return;
        };
        let (request, rest) = arrival.into_parts();
        let exchange = match way {
            Way::Whole => Exchange::whole(socket, request, rest, share),
            Way::Open | Way::Refuse(_) => Exchange::open(socket, request, share),
        };
        let served = serve_one(Arc::clone(&inner), exchange, way, peer, router.clone());
        let Some((next, rest)) = served.await else {
            return;
        };
        socket = next;
        arrival = Arrival::new(rest);
        first = false;
    }
}

impl Inner {
    /// Waits for a request; how to serve it, or that the connection is over.
    async fn arrive<S: AsyncRead + Unpin>(
        &self,
        socket: &mut Patient<S>,
        arrival: &mut Arrival,
        share: &mut Share,
        first: bool,
        peer: SocketAddr,
    ) -> Option<Way> {
        let patience = match first {
            true => self.config.head(),
            false => self.config.idle(),
        };
        let mut deadline = Instant::now() + patience;
        let mut permit = None;
        let mut has_head = false;
        let caller = |arrival: &Arrival| caller(peer.ip(), &arrival.forwarded(), self.proxies);
        loop {
            match arrival.stage() {
                Stage::Head => {}
                Stage::Whole => return Some(Way::Whole),
                Stage::Open { body } => {
                    *share = self.budget.share(caller(arrival));
                    let room = !body || share.set(OPEN);
                    return Some(if room {
                        Way::Open
                    } else {
                        Way::Refuse(Notice::BudgetSpent)
                    });
                }
                Stage::Body if has_head => {}
                Stage::Body => {
                    has_head = true;
                    deadline = Instant::now() + self.config.body();
                    let address = caller(arrival);
                    *share = self.budget.share(address);
                    match self.admit_caller(address) {
                        Ok(counted) => permit = counted,
                        Err(notice) => return Some(Way::Refuse(notice)),
                    }
                }
            }
            if !share.set(arrival.held()) {
                return Some(Way::Refuse(Notice::BudgetSpent));
            }
            let come = tokio::select! {
                biased;
                come = poll_fn(|context| poll_input(socket, arrival, context)) => come,
                () = self.stop.cancelled(), if !has_head => return None,
                () = sleep_until(deadline) => {
                    if has_head {
                        drop(permit);
                        return Some(Way::Refuse(Notice::Unfinished));
                    }
                    // Between two requests everybody may be silent; who has sent none is a stranger.
                    if first || arrival.held() > 0 {
                        self.notices.tell(Notice::NoRequest, &peer.ip());
                    }
                    return None;
                }
            };
            if !come {
                return None;
            }
        }
    }
}

/// Takes what has come, by way of the stack; `false`: nothing more will.
fn poll_input<S: AsyncRead + Unpin>(
    socket: &mut Patient<S>,
    arrival: &mut Arrival,
    context: &mut Context<'_>,
) -> Poll<bool> {
    let mut bytes = [0; 4 * 1024];
    let mut input = ReadBuf::new(&mut bytes);
    let read = ready!(Pin::new(socket).poll_read(context, &mut input));
    let come = read.is_ok() && !input.filled().is_empty();
    if come {
        arrival.handle_input(input.filled());
    }
    Poll::Ready(come)
}

/// What an exchange leaves: the socket and what has come of the next request.
type Next<S> = Option<(Patient<S>, Vec<u8>)>;

/// Serves one request, in memory of its own: the task of a connection that waits stays small.
fn serve_one<S>(
    inner: Arc<Inner>,
    exchange: Exchange<S>,
    way: Way,
    peer: SocketAddr,
    router: Router,
) -> Pin<Box<dyn Future<Output = Next<S>> + Send>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    Box::pin(async move {
        let activity = Arc::new(Activity::default());
        let (flushed, stalled) = (exchange.flushed(), exchange.stalled());
        let service = service_fn({
            let (inner, activity) = (Arc::clone(&inner), Arc::clone(&activity));
            move |request| {
                let running = Running::new(&activity);
                let (inner, router) = (Arc::clone(&inner), router.clone());
                async move {
                    Ok::<_, Infallible>(inner.answer(request, peer, router, way, running).await)
                }
            }
        });
        let mut connection = http1::Builder::new()
            .timer(TokioTimer::new())
            // What has no head by now has the deadline below.
            .header_read_timeout(None)
            .max_buf_size(HEAD_BYTES)
            .serve_connection(TokioIo::new(exchange), service)
            .with_upgrades();
        let mut late = pin!(sleep(inner.config.head()));
        let (mut waits_for_head, mut stopping) = (true, false);
        loop {
            let served = poll_fn(|context| {
                let mut poll = || Pin::new(&mut connection).poll(context).map(|_| false);
                let over = poll();
                let answered =
                    || activity.over.load(Ordering::Relaxed) && flushed.load(Ordering::Relaxed);
                if over.is_pending() && answered() {
                    // Once more, so that what nobody wanted of the body is read.
                    return Poll::Ready(poll().is_pending());
                }
                over
            });
            tokio::select! {
                biased;
                may_go_on = served => {
                    if stalled.load(Ordering::Relaxed) {
                        inner.notices.tell(Notice::NotRead, &peer.ip());
                    }
                    let parts = connection.into_parts().filter(|_| may_go_on && !stopping)?;
                    return match parts.read_buf.is_empty() {
                        true => parts.io.into_inner().into_next(),
                        false => None,
                    };
                }
                () = inner.stop.cancelled(), if !stopping => {
                    stopping = true;
                    Pin::new(&mut connection).graceful_shutdown();
                }
                () = late.as_mut(), if waits_for_head => {
                    if !activity.begun.load(Ordering::Relaxed) {
                        inner.notices.tell(Notice::NoRequest, &peer.ip());
                        return None;
                    }
                    waits_for_head = false;
                }
            }
        }
    })
}
