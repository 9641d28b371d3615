//! All participants of a run.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use hyper::StatusCode;
use media::dtls::{Certificate, CertificateError};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::access::Access;
use super::drive::{Shared, drive};
use super::http::{self, HttpError};
use crate::participant::BadRoom;
use crate::plan::{Plan, PlanError};
use crate::report::{Record, Report, Sample, Timeline};
use crate::service::{Service, ServiceError, config_url};

/// How long participants may take to note who is there: a moment, even on a busy machine.
const STOCK_TIMEOUT: Duration = Duration::from_secs(10);

/// Why a run could not begin.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The plan is none.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// No certificate for DTLS.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The page does not answer.
    #[error("cannot read config.json of the meeting page {url}: {error}")]
    Page {
        /// The page.
        url: String,
        /// Why.
        error: HttpError,
    },
    /// The page's configuration cannot be used.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// Nor can its domain of rooms.
    #[error(transparent)]
    Room(#[from] BadRoom),
}

/// How far a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// People meet.
    Meeting,
    /// Everybody notes who is there; nobody leaves yet.
    TakingStock,
    /// Everybody leaves.
    Leaving,
}

/// What participants count while they run.
#[derive(Debug, Default)]
pub(super) struct Counters {
    in_room: AtomicUsize,
    well: AtomicUsize,
    gaps: AtomicUsize,
    cut: AtomicUsize,
    datagrams: AtomicU64,
    received_bytes: AtomicU64,
    sent_bytes: AtomicU64,
    stock_taken: AtomicUsize,
    stock: Notify,
}

/// What a participant told the counters last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct State {
    pub in_room: bool,
    pub well: bool,
    pub gaps: usize,
    pub cut: bool,
}

impl Counters {
    /// A participant's state is another one.
    pub(super) fn note(&self, before: State, now: State) {
        for (count, before, now) in [
            (&self.in_room, before.in_room, now.in_room),
            (&self.well, before.well, now.well),
            (&self.cut, before.cut, now.cut),
        ] {
            match (before, now) {
                (false, true) => count.fetch_add(1, Ordering::Relaxed),
                (true, false) => count.fetch_sub(1, Ordering::Relaxed),
                _ => 0,
            };
        }
        self.gaps
            .fetch_add(now.gaps - before.gaps, Ordering::Relaxed);
    }

    pub(super) fn note_received(&self, datagrams: u64, bytes: u64) {
        self.datagrams.fetch_add(datagrams, Ordering::Relaxed);
        self.received_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn note_sent(&self, bytes: u64) {
        self.sent_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// A participant has noted who is there, or is not to.
    pub(super) fn note_stock_taken(&self) {
        self.stock_taken.fetch_add(1, Ordering::AcqRel);
        self.stock.notify_one();
    }

    fn progress(&self, passed: Duration, of: usize) -> Progress {
        Progress {
            passed,
            in_room: self.in_room.load(Ordering::Relaxed),
            well: self.well.load(Ordering::Relaxed),
            of,
            gaps: self.gaps.load(Ordering::Relaxed),
            cut: self.cut.load(Ordering::Relaxed),
            datagrams: self.datagrams.load(Ordering::Relaxed),
            received_bytes: self.received_bytes.load(Ordering::Relaxed),
            sent_bytes: self.sent_bytes.load(Ordering::Relaxed),
        }
    }
}

/// How a run goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Since its start.
    pub passed: Duration,
    /// Participants that are in their room.
    pub in_room: usize,
    /// Those of them that, if there is media, are connected to a bridge.
    pub well: usize,
    /// All participants of the run.
    pub of: usize,
    /// Gaps in media that have ended.
    pub gaps: usize,
    /// Participants that were cut off.
    pub cut: usize,
    /// Media datagrams that all of them received.
    pub datagrams: u64,
    /// Bytes of these.
    pub received_bytes: u64,
    /// Bytes of the datagrams that all of them sent.
    pub sent_bytes: u64,
}

impl From<Progress> for Sample {
    fn from(progress: Progress) -> Self {
        Self {
            at_ms: u64::try_from(progress.passed.as_millis()).unwrap_or(u64::MAX),
            in_room: progress.in_room,
            well: progress.well,
            received_bytes: progress.received_bytes,
            sent_bytes: progress.sent_bytes,
        }
    }
}

/// Runs a plan until its time is over or `stop` fires. Tells how it goes as often as the plan says.
///
/// # Errors
/// [`RunError`]; nobody walks in then.
pub async fn run(
    plan: &Plan,
    access: &Access,
    stop: CancellationToken,
    tell: impl Fn(Progress),
) -> Result<Report, RunError> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    plan.check(cores)?;
    let service = find_service(plan, access).await?;
    let shared = Arc::new(Shared {
        access: access.clone(),
        service,
        certificate: Certificate::generate()?,
        counters: Counters::default(),
    });
    let start = Instant::now();
    let (stage, watched) = watch::channel(Stage::Meeting);
    let mut tasks = JoinSet::new();
    let seats = plan.seats();
    let of = seats.len();
    for seat in seats {
        tasks.spawn(drive(seat, start, Arc::clone(&shared), watched.clone()));
    }
    drop(watched);

    let progress = || shared.counters.progress(start.elapsed(), of);
    let mut timeline = Timeline::default();
    let over = async {
        if plan.until_signal {
            std::future::pending().await
        } else {
            tokio::time::sleep(plan.duration()).await;
        }
    };
    let reporting = async {
        let mut every = tokio::time::interval(plan.progress_every);
        every.tick().await;
        loop {
            every.tick().await;
            let progress = progress();
            timeline.push(progress.into());
            tell(progress);
        }
    };
    tokio::select! {
        () = over => {}
        () = stop.cancelled() => {}
        () = reporting => {}
    }
    let end = Instant::now();
    timeline.push(progress().into());
    stage.send_replace(Stage::TakingStock);
    let all_noted = async {
        while shared.counters.stock_taken.load(Ordering::Acquire) < of {
            shared.counters.stock.notified().await;
        }
    };
    if tokio::time::timeout(STOCK_TIMEOUT, all_noted)
        .await
        .is_err()
    {
        tracing::warn!("this machine is too busy: some participants do not answer");
    }
    stage.send_replace(Stage::Leaving);
    let records: Result<Vec<_>, _> = tasks.join_all().await.into_iter().collect();
    // Without those that had no turn.
    let mut records: Vec<Record> = records?.into_iter().flatten().collect();
    records.sort_by_key(|record| record.seat.number);
    Ok(Report::of(&records, timeline.into_samples(), start, end))
}

async fn find_service(plan: &Plan, access: &Access) -> Result<Service, RunError> {
    let url = config_url(&plan.url).ok_or_else(|| PlanError::Url(plan.url.clone()))?;
    let failed = |error| RunError::Page {
        url: plan.url.to_string(),
        error,
    };
    let mut doors = plan.connect.iter();
    let mut answer = http::get(access, &url, doors.next().copied()).await;
    for door in doors {
        if answer.is_err() {
            answer = http::get(access, &url, Some(*door)).await;
        }
    }
    let answer = answer.map_err(failed)?;
    if answer.status != StatusCode::OK {
        return Err(failed(HttpError::Refused {
            status: answer.status,
            text: answer.body,
        }));
    }
    Ok(Service::read(&answer.body, &plan.url)?)
}
