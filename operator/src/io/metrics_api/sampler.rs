//! Asks bridges for their numbers, where nobody else in this process does: on the leader they come from its own poll.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use k8s_openapi::api::core::v1::{Pod, PodSpec, PodStatus};
use kube::core::NamespaceResourceScope;
use kube::runtime::watcher;
use kube::{Api, Client, Resource};
use tokio::sync::watch as signal;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};

use super::bridges::{Bridges, name_of};
use crate::controller::scope::MANAGED_BY;
use crate::io::pod_http::PodHttp;
use crate::io::poll::{BRIDGE_HTTP, address};
use crate::io::trim;
use crate::io::watch::follow;
use crate::metrics::Metrics;
use crate::metrics_api::readings::PodName;

/// How often it is looked who is due.
const TICK: Duration = Duration::from_secs(1);
/// How long ago a bridge was heard or asked that is due: a little more than the leader's period, so that its poll, where
/// it runs, is always first.
const PERIOD: Duration = Duration::from_secs(6);
/// Requests at a time.
const WIDTH: usize = 64;

/// Samples until dropped; `complete` becomes true when every bridge that answers has numbers.
pub(crate) async fn run(
    bridges: Arc<Bridges>,
    client: Client,
    namespace: Option<String>,
    http: PodHttp,
    metrics: Arc<Metrics>,
    complete: signal::Sender<bool>,
) {
    let mut watches = JoinSet::new();
    watch(&bridges, &client, namespace.as_deref(), &mut watches).await;
    let mut asked = HashMap::new();
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        bridges.look(Instant::now().into_std());
        round(&bridges, &http, &mut asked).await;
        let silent = bridges.silent(Instant::now().into_std());
        metrics.without_numbers.set(silent as i64);
        if !*complete.borrow() && is_complete(&bridges, &asked) {
            complete.send_replace(true);
        }
    }
}

/// Follows bridges' pods and pools, until both are listed.
async fn watch(
    bridges: &Bridges,
    client: &Client,
    namespace: Option<&str>,
    tasks: &mut JoinSet<()>,
) {
    fn api<K: Resource<DynamicType = (), Scope = NamespaceResourceScope>>(
        client: &Client,
        namespace: Option<&str>,
    ) -> Api<K> {
        match namespace {
            Some(namespace) => Api::namespaced(client.clone(), namespace),
            None => Api::all(client.clone()),
        }
    }
    let (listed, mut pods_listed) = signal::channel(false);
    let labels = format!(
        "{}={},app.kubernetes.io/component=bridge",
        MANAGED_BY.0, MANAGED_BY.1
    );
    let config = watcher::Config::default().labels(&labels);
    let pods = bridges.pods.clone();
    let pods_api = api::<Pod>(client, namespace);
    tasks.spawn(follow(pods_api, config, pods, trimmed, |_| (), listed));
    let (listed, mut pools_listed) = signal::channel(false);
    let pools = bridges.pools.clone();
    let config = watcher::Config::default();
    let pools_api = api(client, namespace);
    tasks.spawn(follow(
        pools_api,
        config,
        pools,
        trim::nothing,
        |_| (),
        listed,
    ));
    // The senders live as long as the watches.
    let _ = pods_listed.wait_for(|listed| *listed).await;
    let _ = pools_listed.wait_for(|listed| *listed).await;
}

/// Of a pod, only whether and where it answers.
fn trimmed(pod: &mut Pod) {
    pod.spec = Some(PodSpec::default());
    pod.metadata.annotations = None;
    pod.metadata.owner_references = None;
    if let Some(status) = &mut pod.status {
        *status = PodStatus {
            phase: status.phase.take(),
            pod_ip: status.pod_ip.take(),
            conditions: status.conditions.take(),
            ..PodStatus::default()
        };
    }
}

async fn round(bridges: &Bridges, http: &PodHttp, asked: &mut HashMap<PodName, Instant>) {
    let now = Instant::now();
    let pods = bridges.pods.all();
    let known: Vec<(PodName, _)> = pods
        .iter()
        .filter_map(|pod| Some((name_of(pod), address(pod)?)))
        .collect();
    asked.retain(|pod, _| bridges.pods.get(&pod.0, &pod.1).is_some());
    let due = known.into_iter().filter(|(pod, _)| {
        let heard = bridges.last(pod).map(Instant::from_std);
        let last = heard.max(asked.get(pod).copied());
        last.is_none_or(|last| now.saturating_duration_since(last) + TICK / 4 >= PERIOD)
    });
    let due: Vec<_> = due.collect();
    asked.extend(due.iter().map(|(pod, _)| (pod.clone(), now)));
    let asks = due.into_iter().map(|(pod, ip)| async move {
        let answer = http.get((ip, BRIDGE_HTTP), "/colibri/stats").await;
        if let Some(stats) = answer.and_then(|answer| answer.json()) {
            bridges.hear(&pod, &stats, Instant::now().into_std());
        }
    });
    let mut asks = futures_util::stream::iter(asks).buffer_unordered(WIDTH);
    while asks.next().await.is_some() {}
}

/// Whether nobody is about to have numbers.
fn is_complete(bridges: &Bridges, asked: &HashMap<PodName, Instant>) -> bool {
    let now = Instant::now().into_std();
    let pods = bridges.pods.all();
    let mut running = pods.iter().filter(|pod| address(pod).is_some());
    running.all(|pod| {
        let pod = name_of(pod);
        match bridges.last(&pod) {
            Some(_) => bridges.has_numbers(&pod, now),
            None => asked.contains_key(&pod),
        }
    })
}
