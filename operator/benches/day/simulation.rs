//! A day under a policy, second by second.

use std::time::{Duration, Instant};

use operator::metrics_api::readings::Measured;
use serde_json::Value;

use super::bridge::{Bridge, State};
use super::cluster::{Cluster, Counts, End};
use super::hpa::{self, Autoscaler};
use super::operator::{Operator, POLL};
use super::traffic::{Traffic, WARM_UP};

/// Seconds between two points of a curve.
pub(crate) const STEP: u32 = 60;
/// Seconds after a crowd came in which there may still be too few bridges.
const AFTERMATH: u32 = 3_600;

/// Who decides on the number of bridges.
#[derive(Clone, Debug)]
pub(crate) enum Keeper {
    /// Nobody: there are as many as the peak needs.
    Fixed,
    /// A StatefulSet that Kubernetes' autoscaler scales, with this grace for pods that end, in seconds.
    StatefulSet(u32),
    /// Shoal's operator, and the autoscaler that it builds.
    Shoal,
}

/// One way to run the bridges.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    pub name: &'static str,
    pub keeper: Keeper,
    /// Spec of the BridgePool.
    pub spec: Value,
}

/// What came of it.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub counts: Counts,
    /// Seconds of all pods together.
    pub bridge_seconds: u64,
    /// The same for exactly as many bridges as carry the load at their target, in every second.
    pub ideal_seconds: u64,
    pub most_bridges: usize,
    /// Seconds from the crowd's beginning until there was no overload any more: more than a tenth above the target on
    /// average.
    pub to_capacity: Option<u32>,
    /// Pods, every [`STEP`] seconds of the counted time.
    pub pods: Vec<usize>,
    /// Bridges that the load needs, at the same seconds.
    pub needed: Vec<usize>,
}

/// Runs a policy. The same arguments give the same outcome.
pub(crate) fn run(policy: &Policy, traffic: &Traffic, seed: u64) -> Outcome {
    let mut operator = Operator::new(&policy.spec);
    let scaling = operator
        .spec()
        .autoscaling
        .clone()
        .expect("a pool with autoscaling");
    let target = scaling.target_network_bytes_per_second as u64;
    let load = traffic.load();
    let ideal = |second: u32| {
        let bridges = load[second as usize].div_ceil(target) as usize;
        bridges.clamp(scaling.min_replicas as usize, scaling.max_replicas as usize)
    };

    let peak = (0..traffic.seconds).map(ideal).max().unwrap_or_default();
    let (end, first) = match policy.keeper {
        Keeper::Fixed => (End::Handover, peak),
        Keeper::StatefulSet(grace) => (End::Grace(grace), ideal(0)),
        Keeper::Shoal => (End::Handover, ideal(0)),
    };
    let mut cluster = Cluster::new(traffic, end, first, seed);
    operator.handle_wanted(first as i32);
    let mut autoscaler = autoscaler(policy, &operator);
    let mut wanted = first as i32;

    let mut outcome = Outcome {
        counts: Counts::default(),
        bridge_seconds: 0,
        ideal_seconds: 0,
        most_bridges: 0,
        to_capacity: None,
        pods: Vec::new(),
        needed: Vec::new(),
    };
    let start = Instant::now();
    let crowd = traffic.shape.crowd.map(|crowd| WARM_UP + crowd.at);
    let mut events = traffic.events.iter().peekable();
    for now in 0..traffic.seconds {
        if now == WARM_UP {
            cluster.counts = Counts::default();
        }
        cluster.handle_second(now);
        while let Some(event) = events.next_if(|event| event.at == now) {
            cluster.handle_event(event, now);
        }
        if now.is_multiple_of(POLL) {
            for bridge in cluster.bridges.iter_mut().flatten() {
                if bridge.serves() {
                    bridge.handle_read(start, now, scaling.window.0);
                }
            }
            if matches!(policy.keeper, Keeper::Shoal) {
                operator.handle_poll(&cluster);
            }
        }
        let sync = u64::from(now).is_multiple_of(hpa::SYNC.as_secs());
        if let Some(autoscaler) = autoscaler.as_mut().filter(|_| sync) {
            let pods = pods(&cluster, autoscaler, |bridge| bridge.measured(start, now));
            wanted = autoscaler.handle_sync(Duration::from_secs(now.into()), wanted, &pods);
            match policy.keeper {
                Keeper::Shoal => operator.handle_wanted(wanted),
                _ => cluster.handle_replicas(wanted as usize, now),
            }
        }
        if matches!(policy.keeper, Keeper::Shoal) {
            while let Some(change) = cluster.poll_change() {
                operator.handle_change(change);
            }
            operator.handle_second(&mut cluster, now);
        }
        if now < WARM_UP {
            continue;
        }
        let there = cluster.pods();
        outcome.bridge_seconds += there as u64;
        outcome.ideal_seconds += ideal(now) as u64;
        outcome.most_bridges = outcome.most_bridges.max(there);
        if (now - WARM_UP).is_multiple_of(STEP) {
            outcome.pods.push(there);
            outcome.needed.push(ideal(now));
        }
        if let Some(at) = crowd
            && (at..at + AFTERMATH).contains(&now)
        {
            let full = cluster.serving() as f64 * target as f64 * 1.1;
            let overload = load[now as usize] as f64 > full;
            outcome.to_capacity.get_or_insert(0);
            if overload {
                outcome.to_capacity = Some(now + 1 - at);
            }
        }
    }
    outcome.counts = cluster.counts;
    outcome
}

fn autoscaler(policy: &Policy, operator: &Operator) -> Option<Autoscaler> {
    let mut spec = operator.autoscaler().spec?;
    match policy.keeper {
        Keeper::Fixed => return None,
        // As the article's: it says nothing of behaviour.
        Keeper::StatefulSet(_) => spec.behavior = None,
        Keeper::Shoal => {}
    }
    Some(Autoscaler::new(&spec))
}

/// The pods as the autoscaler sees them. The pool's selector leaves out those that drain.
fn pods(
    cluster: &Cluster,
    autoscaler: &Autoscaler,
    measured: impl Fn(&Bridge) -> Option<Measured>,
) -> Vec<hpa::Pod> {
    let bridges = cluster.bridges.iter().flatten();
    bridges
        .filter(|bridge| !bridge.draining)
        .map(|bridge| {
            let measured = measured(bridge);
            let value = |metric: &str| match metric {
                "bridge_network_bytes_per_second" => Some(measured?.bytes_per_second as f64),
                "bridge_stress" => Some(measured?.stress),
                _ => None,
            };
            hpa::Pod {
                phase: match bridge.state {
                    State::Starting(_) => hpa::Phase::Pending,
                    State::Serving => hpa::Phase::Running,
                    State::Ending(_) => hpa::Phase::Terminating,
                },
                values: autoscaler.metrics().map(value).collect(),
            }
        })
        .collect()
}
