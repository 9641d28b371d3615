//! A run of the load test that goes on until the test has seen enough.

use std::net::SocketAddr;
use std::time::Duration;

use loadtest::{Access, Plan, Progress, Report, Trust};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Longer than anything takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Scene {
    stop: CancellationToken,
    progress: watch::Receiver<Progress>,
    run: JoinHandle<Report>,
}

impl Scene {
    /// A room of two, who connect through `doors`.
    pub(crate) fn of_two(service: SocketAddr, doors: Vec<SocketAddr>) -> Self {
        Self::of(service, |plan| plan.connect = doors)
    }

    /// A room of two, with something changed.
    pub(crate) fn of(service: SocketAddr, change: impl FnOnce(&mut Plan)) -> Self {
        let mut plan = Plan {
            until_signal: true,
            progress_every: Duration::from_millis(50),
            ..Plan::new(format!("http://{service}").parse().unwrap())
        };
        change(&mut plan);
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let (tell, progress) = watch::channel(Progress::default());
        let run = tokio::spawn(async move {
            let access = Access::new(&Trust::Public).unwrap();
            let told = |progress| {
                tell.send_replace(progress);
            };
            loadtest::run(&plan, &access, stopped, told).await.unwrap()
        });
        Self {
            stop,
            progress,
            run,
        }
    }

    /// Waits for a state of the run.
    async fn see(&mut self, what: &str, wanted: impl FnMut(&Progress) -> bool) -> Progress {
        let seen = tokio::time::timeout(PATIENCE, self.progress.wait_for(wanted)).await;
        *seen
            .unwrap_or_else(|_| panic!("{what}: not within {PATIENCE:?}"))
            .unwrap()
    }

    /// Both are in the room and have received so many more datagrams than before.
    pub(crate) async fn both_well(&mut self, more: u64) {
        let before = self.progress.borrow().datagrams;
        let wanted = |now: &Progress| now.well == 2 && now.datagrams >= before + more;
        self.see("both well, with media", wanted).await;
    }

    /// Both are in the room, with or without a bridge.
    pub(crate) async fn both_in_the_room(&mut self) {
        self.see("both in the room", |now| now.in_room == 2).await;
    }

    /// Somebody is out of the room or has no bridge.
    pub(crate) async fn somebody_unwell(&mut self) {
        self.see("somebody unwell", |now| now.well < 2).await;
    }

    /// No media has come for `time`.
    pub(crate) async fn silence(&mut self, time: Duration) {
        let mut last = *self.progress.borrow();
        let quiet = |now: &Progress| {
            if now.datagrams != last.datagrams {
                last = *now;
            }
            now.passed - last.passed >= time
        };
        self.see("silence", quiet).await;
    }

    pub(crate) async fn end(self) -> Report {
        self.stop.cancel();
        self.run.await.unwrap()
    }
}
