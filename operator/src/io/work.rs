//! The operator at work: from changes and answers to reconciles, several at a time, none twice.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use rand::Rng;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::cache::Cache;
use super::context::Context;
use super::pod_http::PodHttp;
use super::reconcile::reconcile;
use super::{named_secrets, poll, watches};
use crate::controller::queue::{Outcome, Queue};
use crate::controller::scope::Key;
use crate::metrics::{Kind, Resources};

/// Reconciles at a time.
const WIDTH: usize = 8;

/// Works until dropped.
pub(crate) async fn run(
    context: Arc<Context>,
    mut requested: mpsc::UnboundedReceiver<Key>,
    http: PodHttp,
    namespace: Option<&str>,
) {
    let mut helpers = JoinSet::new();
    watches::start(&context, namespace, &mut helpers).await;
    named_secrets::start(&context, &mut helpers).await;
    // Before anything is said of a pod, it is asked: a restart of the operator must not look like an outage of all.
    let poll = poll::first(context.clone(), http.clone()).await;
    let cache = context.cache.clone();
    context.metrics.show(Arc::new(move || look(&cache)));
    helpers.spawn(poll.run());
    tracing::info!(
        clusters = context.cache.clusters.len(),
        shards = context.cache.shards.len(),
        pools = context.cache.pools.len(),
        "everything is listed; reconciling"
    );

    let mut queue = Queue::default();
    let mut running: JoinSet<(Key, Outcome)> = JoinSet::new();
    loop {
        let now = Instant::now().into_std();
        while running.len() < WIDTH
            && let Some(key) = queue.poll_next(now)
        {
            let (context, http) = (context.clone(), http.clone());
            running.spawn(async move {
                let outcome = reconcile(&context, &http, &key).await;
                (key, outcome)
            });
        }
        count(&context, &queue, now);
        let due = queue.poll_timeout().filter(|_| running.len() < WIDTH);
        tokio::select! {
            Some(key) = requested.recv() => {
                let now = Instant::now().into_std();
                queue.handle_request(key, now);
                while let Ok(key) = requested.try_recv() {
                    queue.handle_request(key, now);
                }
            }
            Some(done) = running.join_next() => match done {
                Ok((key, outcome)) => {
                    let jitter = rand::rng().random();
                    queue.handle_done(key, outcome, jitter, Instant::now().into_std());
                }
                // A reconcile that panics is a broken invariant: the process starts anew rather than go on without it.
                Err(error) => std::panic::resume_unwind(error.into_panic()),
            },
            () = sleep_until(due) => {}
        }
    }
}

async fn sleep_until(due: Option<std::time::Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due.into()).await,
        None => std::future::pending().await,
    }
}

fn look(cache: &Cache) -> Resources {
    Resources {
        now: SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default(),
        clusters: cache.clusters.all(),
        shards: cache.shards.all(),
        pools: cache.pools.all(),
        autoscalers: cache.autoscalers.all(),
        pods: cache.pods.all(),
        secrets: cache.secrets.all(),
    }
}

fn count(context: &Context, queue: &Queue<Key>, now: std::time::Instant) {
    let metrics = &context.metrics;
    metrics.queue.set(queue.due(now) as i64);
    let cache = &context.cache;
    for (kind, count) in [
        ("JitsiCluster", cache.clusters.len()),
        ("JitsiShard", cache.shards.len()),
        ("BridgePool", cache.pools.len()),
    ] {
        let kind = Kind { kind: kind.into() };
        metrics.objects.get_or_create(&kind).set(count as i64);
    }
}
