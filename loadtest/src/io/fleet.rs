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
use crate::report::Report;
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
    datagrams: AtomicU64,
    stock_taken: AtomicUsize,
    stock: Notify,
}

impl Counters {
    /// A participant is in its room, and is well, or is not any more.
    pub fn note(&self, before: (bool, bool), now: (bool, bool)) {
        for (count, before, now) in [
            (&self.in_room, before.0, now.0),
            (&self.well, before.1, now.1),
        ] {
            match (before, now) {
                (false, true) => count.fetch_add(1, Ordering::Relaxed),
                (true, false) => count.fetch_sub(1, Ordering::Relaxed),
                _ => 0,
            };
        }
    }

    pub fn note_datagram(&self) {
        self.datagrams.fetch_add(1, Ordering::Relaxed);
    }

    pub fn note_stock_taken(&self) {
        self.stock_taken.fetch_add(1, Ordering::AcqRel);
        self.stock.notify_one();
    }
}

/// How a run goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Since its start.
    pub passed: Duration,
    /// Participants that are in their room.
    pub in_room: usize,
    /// Those of them that, if there is media, are connected to a bridge.
    pub well: usize,
    /// All participants.
    pub of: usize,
    /// Media datagrams that all of them received.
    pub datagrams: u64,
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
    plan.check()?;
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
        tasks.spawn(drive(seat, Arc::clone(&shared), watched.clone()));
    }
    drop(watched);

    let progress = || Progress {
        passed: start.elapsed(),
        in_room: shared.counters.in_room.load(Ordering::Relaxed),
        well: shared.counters.well.load(Ordering::Relaxed),
        of,
        datagrams: shared.counters.datagrams.load(Ordering::Relaxed),
    };
    let over = async {
        if plan.until_signal {
            std::future::pending().await
        } else {
            tokio::time::sleep(plan.ramp + plan.duration).await;
        }
    };
    let reporting = async {
        let mut every = tokio::time::interval(plan.progress_every);
        every.tick().await;
        loop {
            every.tick().await;
            tell(progress());
        }
    };
    tokio::select! {
        () = over => {}
        () = stop.cancelled() => {}
        () = reporting => {}
    }
    let end = Instant::now();
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
    let mut records = records?;
    records.sort_by_key(|record| (room_number(&record.seat.room), record.seat.index));
    Ok(Report::of(&records, start, end))
}

/// The number at the end of a room's name, for the order of the report.
fn room_number(room: &str) -> usize {
    let digits = room.len() - room.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    room[room.len() - digits..].parse().unwrap_or_default()
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
