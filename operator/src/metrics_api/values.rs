//! The answer to a question after a metric of pods.
//!
//! A bridge without fresh numbers is left out, never zero: a HorizontalPodAutoscaler then reckons with nothing for it when
//! it would scale up, and with exactly the target when it would scale down. When more bridges are silent than speak, the
//! answer is an error, and the autoscaler changes nothing.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

use super::readings::Measured;
use super::refusal::Refusal;
use super::request::{Pods, Query};
use super::{GROUP, Metric, VERSION};

/// For so long a bridge that has become ready need not have numbers.
pub const GRACE: Duration = Duration::from_secs(15);
/// How many silent bridges an error names.
const NAMED: usize = 5;

/// A bridge's pod.
#[derive(Clone, Debug)]
pub struct Bridge {
    /// `metadata.name` of the pod.
    pub name: String,
    /// By which it is selected.
    pub labels: BTreeMap<String, String>,
    /// Since when it has been ready without interruption; absent while it is not, and when it is being deleted.
    pub ready_since: Option<Instant>,
    /// Its numbers, when they are fresh.
    pub measured: Option<Measured>,
}

/// The moment at which is answered.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// By the clock that only goes forward.
    pub now: Instant,
    /// By the clock on the wall.
    pub wall: Timestamp,
}

/// A `MetricValueList` of those of the namespace's bridges that are asked for.
///
/// # Errors
/// When too few of them have fresh numbers, or there is none of that name.
pub fn values(query: &Query, bridges: &[Bridge], moment: Moment) -> Result<Value, Refusal> {
    let asked: Vec<&Bridge> = bridges
        .iter()
        .filter(|bridge| match &query.pods {
            Pods::Named(name) => bridge.name == *name,
            Pods::Labelled(selector) => selector.matches(&bridge.labels),
        })
        .collect();
    if let Pods::Named(name) = &query.pods
        && asked.is_empty()
    {
        return Err(Refusal::not_found(format!(
            "there is no bridge {name} in namespace {}",
            query.namespace
        )));
    }
    let items: Vec<Value> = asked
        .iter()
        .filter_map(|bridge| item(query, bridge, moment))
        .collect();
    let silent: Vec<&str> = asked
        .iter()
        .filter(|bridge| bridge.measured.is_none() && expected(bridge, moment.now))
        .map(|bridge| bridge.name.as_str())
        .collect();
    if (items.is_empty() && !asked.is_empty()) || silent.len() > items.len() {
        return Err(too_few(&silent, asked.len() - items.len(), asked.len()));
    }
    Ok(json!({
        "kind": "MetricValueList", "apiVersion": format!("{GROUP}/{VERSION}"), "metadata": {}, "items": items,
    }))
}

/// Whether a bridge ought to have numbers.
fn expected(bridge: &Bridge, now: Instant) -> bool {
    let since = bridge.ready_since;
    since.is_some_and(|since| now.saturating_duration_since(since) >= GRACE)
}

fn too_few(silent: &[&str], without: usize, all: usize) -> Refusal {
    let mut names = silent[..silent.len().min(NAMED)].join(", ");
    if silent.len() > NAMED {
        names.push_str(", …");
    }
    let names = if names.is_empty() {
        "they are starting or not ready".to_owned()
    } else {
        format!("the operator cannot read port 8080 of {names}")
    };
    Refusal::unavailable(format!(
        "{without} of {all} bridges have no fresh numbers ({names}): nothing is to be decided from the rest"
    ))
}

fn item(query: &Query, bridge: &Bridge, moment: Moment) -> Option<Value> {
    let measured = bridge.measured?;
    let value = match query.metric {
        Metric::NetworkBytesPerSecond => measured.bytes_per_second.to_string(),
        Metric::Stress => format!("{}m", (measured.stress * 1_000.0).round() as i64),
    };
    let age = moment.now.saturating_duration_since(measured.at);
    let at = moment.wall.as_second() - i64::try_from(age.as_secs()).unwrap_or(i64::MAX);
    let at = Timestamp::from_second(at).unwrap_or(moment.wall);
    Some(json!({
        "describedObject": {
            "kind": "Pod", "apiVersion": "v1", "namespace": query.namespace, "name": bridge.name,
        },
        "metric": {"name": query.metric.name()},
        "timestamp": at.to_string(),
        "windowSeconds": measured.window.as_secs_f64().round() as i64,
        "value": value,
    }))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::metrics_api::request::{Request, parse};

    /// A bridge: its name, how long it has been ready, its bytes per second.
    type Case<'a> = (&'a str, Option<u64>, Option<u64>);

    fn ask(path: &str, cases: &[Case<'_>]) -> Result<Vec<(String, String)>, Refusal> {
        let start = Instant::now();
        let now = start + Duration::from_secs(1_000);
        let bridges: Vec<Bridge> = cases
            .iter()
            .map(|(name, ready, rate)| Bridge {
                name: (*name).to_owned(),
                labels: [("shoal.video/pool".to_owned(), name[..1].to_owned())].into(),
                ready_since: ready.map(|seconds| now - Duration::from_secs(seconds)),
                measured: rate.map(|rate| Measured {
                    at: now - Duration::from_secs(4),
                    window: Duration::from_millis(29_900),
                    bytes_per_second: rate,
                    stress: 0.1234,
                }),
            })
            .collect();
        let path = format!("/apis/custom.metrics.k8s.io/v1beta2/namespaces/meet/pods/{path}");
        let (path, selector) = path.split_once('?').unwrap_or((&path, ""));
        let Request::Values(query) = parse(path, Some(selector)).unwrap() else {
            panic!("no values");
        };
        let wall = Timestamp::from_second(1_700_000_000).unwrap();
        let list = values(&query, &bridges, Moment { now, wall })?;
        assert_eq!(list["kind"], "MetricValueList");
        let items = list["items"].as_array().unwrap().iter().map(|item| {
            assert_eq!(item["describedObject"]["namespace"], "meet");
            assert_eq!(item["timestamp"], "2023-11-14T22:13:16Z");
            assert_eq!(item["windowSeconds"], 30);
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            (text(&item["describedObject"]["name"]), text(&item["value"]))
        });
        Ok(items.collect())
    }

    const BYTES: &str = "*/bridge_network_bytes_per_second";
    const LONG: Option<u64> = Some(300);

    fn found(names: &[(&str, &str)]) -> Vec<(String, String)> {
        let names = names.iter();
        names.map(|(n, v)| ((*n).into(), (*v).into())).collect()
    }

    #[test]
    fn values_are_quantities_of_those_who_are_asked_for() {
        let all = [("p0", LONG, Some(7)), ("q0", LONG, Some(0))];
        assert_eq!(
            ask(BYTES, &all).unwrap(),
            found(&[("p0", "7"), ("q0", "0")])
        );
        let of_pool = format!("{BYTES}?labelSelector=shoal.video/pool%3Dq");
        assert_eq!(ask(&of_pool, &all).unwrap(), found(&[("q0", "0")]));
        assert_eq!(
            ask("p0/bridge_stress", &all).unwrap(),
            found(&[("p0", "123m")])
        );
        let nobody = format!("{BYTES}?labelSelector=shoal.video/pool%3Dx");
        assert_eq!(ask(&nobody, &all).unwrap(), found(&[]));
        assert_eq!(ask("x0/bridge_stress", &all).unwrap_err().code, 404);
    }

    #[test]
    fn a_silent_bridge_is_left_out_and_never_zero() {
        let all = [
            ("p0", LONG, Some(7)),
            ("p1", LONG, None),
            ("p2", LONG, Some(8)),
        ];
        assert_eq!(
            ask(BYTES, &all).unwrap(),
            found(&[("p0", "7"), ("p2", "8")])
        );
        assert_eq!(ask("p1/bridge_stress", &all).unwrap_err().code, 503);
    }

    #[test]
    fn when_more_are_silent_than_speak_nothing_is_answered() {
        let most = [
            ("p0", LONG, Some(7)),
            ("p1", LONG, None),
            ("p2", LONG, None),
        ];
        let refusal = ask(BYTES, &most).unwrap_err();
        assert_eq!((refusal.code, refusal.reason), (503, "ServiceUnavailable"));
        assert!(refusal.message.contains("2 of 3"), "{}", refusal.message);
        assert!(refusal.message.contains("p1, p2"), "{}", refusal.message);
        let all = [("p0", LONG, None)];
        assert_eq!(ask(BYTES, &all).unwrap_err().code, 503);
    }

    #[test]
    fn bridges_that_start_or_are_not_ready_do_not_silence_those_that_run() {
        let starting = [
            ("p0", LONG, Some(7)),
            ("p1", Some(3), None),
            ("p2", None, None),
        ];
        assert_eq!(ask(BYTES, &starting).unwrap(), found(&[("p0", "7")]));
        let none_yet = [("p0", Some(3), None)];
        assert_eq!(ask(BYTES, &none_yet).unwrap_err().code, 503);
    }
}
