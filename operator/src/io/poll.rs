//! Asks every pod how it is, each few seconds, and lets the resources be reconciled when the answer differs.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use serde_json::Value;
use tokio::time::Instant;

use super::context::Context;
use super::media_probe::{Found, probe};
use super::pod_http::{Answer, PodHttp};
use super::reports::{PodName, Report};
use crate::build::names;
use crate::controller::scope::{Key, Scope, scope};
use crate::world::{BridgeReport, FocusReport, SignallingReport};

/// How often it is looked who is due.
const TICK: Duration = Duration::from_secs(1);
/// How often a pod that answers is asked.
const PERIOD: Duration = Duration::from_secs(5);
/// How often numbers that changed lead to a reconcile.
const NUMBERS: Duration = Duration::from_secs(10);
/// Requests at a time.
const WIDTH: usize = 64;
/// Probes of media ports at a time.
const PROBES: usize = 8;
/// Unanswered requests after which a pod counts as silent.
const MISSES: u32 = 2;
/// How often a media port is probed that answered, and one that did not.
const PROBE_PERIOD: [Duration; 2] = [Duration::from_secs(300), Duration::from_secs(30)];

/// Private HTTP port of a bridge.
pub(crate) const BRIDGE_HTTP: u16 = 8080;
/// HTTP port of a focus.
pub(crate) const FOCUS_HTTP: u16 = 8889;
/// HTTP port of a signalling server.
const SIGNALLING_HTTP: u16 = 5281;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Bridge,
    Focus,
    Signalling,
}

struct Target {
    pod: PodName,
    key: Key,
    /// The shard's cluster, whose state its signalling server is part of.
    cluster: Option<Key>,
    part: Part,
    ip: IpAddr,
}

#[derive(Default)]
struct Progress {
    asked: Option<Instant>,
    misses: u32,
    answers: bool,
    probe_due: Option<Instant>,
}

/// The address of a pod that may answer.
pub(crate) fn address(pod: &Pod) -> Option<IpAddr> {
    let status = pod.status.as_ref()?;
    if status.phase.as_deref() != Some("Running") {
        return None;
    }
    status.pod_ip.as_ref()?.parse().ok()
}

/// Asks every pod once.
pub(crate) async fn first(context: Arc<Context>, http: PodHttp) -> Poll {
    let mut poll = Poll {
        context,
        http,
        progress: HashMap::new(),
        stale: HashSet::new(),
        told: HashMap::new(),
    };
    poll.round(false).await;
    poll
}

/// Who was asked when, and what is yet to be told.
pub(crate) struct Poll {
    context: Arc<Context>,
    http: PodHttp,
    progress: HashMap<PodName, Progress>,
    /// Resources whose numbers changed since they were last reconciled for that.
    stale: HashSet<Key>,
    told: HashMap<Key, Instant>,
}

impl Poll {
    /// Polls until dropped.
    pub(crate) async fn run(mut self) {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            self.round(true).await;
        }
    }

    async fn round(&mut self, with_probes: bool) {
        let now = Instant::now();
        let targets = self.targets();
        let present: HashSet<&PodName> = targets.iter().map(|target| &target.pod).collect();
        let gone: Vec<PodName> = self
            .progress
            .keys()
            .filter(|pod| !present.contains(pod))
            .cloned()
            .collect();
        for pod in gone {
            self.progress.remove(&pod);
            self.context.reports.set(&pod, None);
            self.context.reports.set_silent(&pod, None);
        }
        let due = targets.into_iter().filter(|target| {
            let progress = self.progress.get(&target.pod);
            let period = match progress {
                Some(progress) if progress.answers && progress.misses == 0 => PERIOD,
                _ => TICK,
            };
            let asked = progress.and_then(|progress| progress.asked);
            asked.is_none_or(|asked| now.duration_since(asked) + TICK / 4 >= period)
        });
        let due: Vec<Target> = due.collect();
        let (http, bridges) = (self.http.clone(), self.context.bridges.clone());
        let mut answers = futures_util::stream::iter(due)
            .map(|target| {
                let (http, bridges) = (http.clone(), bridges.clone());
                async move {
                    let heard = |stats: &Value| {
                        if let Some(bridges) = &bridges {
                            bridges.hear(&target.pod, stats, Instant::now().into_std());
                        }
                    };
                    let report = ask(&http, target.part, target.ip, heard).await;
                    (target, report)
                }
            })
            .buffer_unordered(WIDTH);
        let mut probes = Vec::new();
        while let Some((target, report)) = answers.next().await {
            if self.take(&target, report, now) && with_probes {
                probes.push(target);
            }
        }
        self.probe(probes).await;
        let told = &mut self.told;
        let context = &self.context;
        self.stale.retain(|key| {
            let last = told.get(key);
            if last.is_some_and(|last| now.duration_since(*last) < NUMBERS) {
                return true;
            }
            told.insert(key.clone(), now);
            context.request([key.clone()]);
            false
        });
        told.retain(|_, last| now.duration_since(*last) < NUMBERS);
    }

    fn targets(&self) -> Vec<Target> {
        let cache = &self.context.cache;
        let pods = cache.pods.all().into_iter().filter_map(|pod| {
            let component = pod.labels().get("app.kubernetes.io/component")?;
            let part = match component.as_str() {
                "bridge" => Part::Bridge,
                "focus" => Part::Focus,
                "signalling" => Part::Signalling,
                _ => return None,
            };
            let namespace = pod.namespace()?;
            let scope = scope(&pod.metadata)?;
            let shard = match &scope {
                Scope::Shard(shard) => cache.shards.get(&namespace, shard),
                _ => None,
            };
            let cluster = shard
                .map(|shard| Key::new(&namespace, Scope::Cluster(shard.spec.cluster_ref.clone())));
            Some(Target {
                ip: address(&pod)?,
                key: Key::new(&namespace, scope),
                pod: (namespace, pod.name_any()),
                cluster,
                part,
            })
        });
        pods.collect()
    }

    /// Takes an answer over. Whether the media port is to be probed.
    fn take(&mut self, target: &Target, report: Option<Report>, now: Instant) -> bool {
        let reports = &self.context.reports;
        let progress = self.progress.entry(target.pod.clone()).or_default();
        progress.asked = Some(now);
        let Some(mut report) = report else {
            progress.misses += 1;
            if progress.misses >= MISSES && progress.answers {
                progress.answers = false;
                progress.probe_due = None;
                reports.set(&target.pod, None);
                self.request(target);
            }
            return false;
        };
        progress.misses = 0;
        progress.answers = true;
        let before = reports.get(&target.pod.0, &target.pod.1);
        let mut probe = false;
        if let Report::Bridge(bridge) = &mut report {
            if let Some(Report::Bridge(before)) = &before {
                bridge.media_reachable = before.media_reachable;
            }
            probe = bridge.unwell.is_none() && progress.probe_due.is_none_or(|due| due <= now);
        }
        reports.set(&target.pod, Some(report.clone()));
        let state_changed = before.as_ref().map(Report::state) != Some(report.state());
        let emptied = report.load() == 0 && before.as_ref().is_none_or(|it| it.load() > 0);
        if state_changed || emptied {
            self.request(target);
        } else if before.as_ref() != Some(&report) {
            self.stale.insert(target.key.clone());
        }
        probe
    }

    fn request(&self, target: &Target) {
        let cluster = target.cluster.iter().cloned();
        self.context
            .request(std::iter::once(target.key.clone()).chain(cluster));
    }

    async fn probe(&mut self, targets: Vec<Target>) {
        let (http, context) = (self.http.clone(), self.context.clone());
        let mut results = futures_util::stream::iter(targets)
            .map(|target| {
                let http = match &target.key.scope {
                    Scope::Pool(pool) => {
                        let orders = names::orders(pool);
                        context.authorised(&http, &target.key.namespace, &orders)
                    }
                    _ => http.clone(),
                };
                async move {
                    let found = probe(&http, (target.ip, BRIDGE_HTTP)).await;
                    (target, found)
                }
            })
            .buffer_unordered(PROBES);
        while let Some((target, found)) = results.next().await {
            let (reachable, silent) = match found {
                Found::Reachable => (Some(true), None),
                Found::Silent(addresses) => {
                    self.context.metrics.probes_failed.inc();
                    let text: Vec<String> = addresses.iter().map(ToString::to_string).collect();
                    (Some(false), Some(text.join(" and ")))
                }
                Found::Unknown(why) => {
                    // It says nothing of the media port: what was found before holds.
                    tracing::debug!(pod = target.pod.1, why, "media cannot be probed");
                    if let Some(progress) = self.progress.get_mut(&target.pod) {
                        progress.probe_due = Some(Instant::now() + PROBE_PERIOD[1]);
                    }
                    continue;
                }
            };
            if let Some(progress) = self.progress.get_mut(&target.pod) {
                let period = PROBE_PERIOD[usize::from(reachable != Some(true))];
                progress.probe_due = Some(Instant::now() + period);
            }
            let reports = &self.context.reports;
            let silent_before = reports.silent(&target.pod.0, &target.pod.1);
            reports.set_silent(&target.pod, silent.clone());
            if let Some(Report::Bridge(mut report)) = reports.get(&target.pod.0, &target.pod.1) {
                let changed = report.media_reachable != reachable || silent != silent_before;
                report.media_reachable = reachable;
                reports.set(&target.pod, Some(Report::Bridge(report)));
                if changed {
                    self.request(&target);
                }
            }
        }
    }
}

/// `heard` is given the statistics of a bridge.
async fn ask(http: &PodHttp, part: Part, ip: IpAddr, heard: impl FnOnce(&Value)) -> Option<Report> {
    match part {
        Part::Bridge => {
            let stats = http
                .get((ip, BRIDGE_HTTP), "/colibri/stats")
                .await?
                .json()?;
            heard(&stats);
            let health = http.get((ip, BRIDGE_HTTP), "/about/health").await?;
            Some(Report::Bridge(bridge(&stats, unwell(health))))
        }
        Part::Focus => {
            let stats = http.get((ip, FOCUS_HTTP), "/stats").await?.json()?;
            let health = http.get((ip, FOCUS_HTTP), "/about/health").await?;
            Some(Report::Focus(focus(&stats, unwell(health))))
        }
        Part::Signalling => {
            let answer = http.get((ip, SIGNALLING_HTTP), "/about/front-door").await?;
            let takes_rooms = answer.status == 200;
            let reason = match answer.status {
                200 => String::new(),
                _ => answer.text.trim().to_owned(),
            };
            let report = SignallingReport {
                takes_rooms,
                reason,
            };
            Some(Report::Signalling(report, answer.status))
        }
    }
}

fn unwell(health: Answer) -> Option<String> {
    (health.status != 200).then(|| health.text.trim().to_owned())
}

fn bridge(stats: &Value, unwell: Option<String>) -> BridgeReport {
    let count = |key: &str| stats.get(key).and_then(Value::as_f64).unwrap_or_default();
    let flag = |key: &str| stats.get(key).and_then(Value::as_bool).unwrap_or_default();
    // Kilobits per second.
    let rate = count("bit_rate_download") + count("bit_rate_upload");
    BridgeReport {
        conferences: count("conferences") as i64,
        participants: count("participants") as i64,
        stress: count("stress_level"),
        bytes_per_second: (rate * 125.0) as i64,
        draining: flag("drain") || flag("graceful_shutdown") || flag("shutting_down"),
        unwell,
        unseen_by: None,
        media_reachable: None,
    }
}

fn focus(stats: &Value, unfit: Option<String>) -> FocusReport {
    let count = |path: &str| {
        stats
            .pointer(path)
            .and_then(Value::as_i64)
            .unwrap_or_default()
    };
    let usable = stats.get("bridges").and_then(Value::as_array).map(|all| {
        let usable = all.iter().filter(|one| one["operational"] == true);
        usable
            .filter_map(|one| Some(one.get("id")?.as_str()?.to_owned()))
            .collect()
    });
    FocusReport {
        conferences: count("/conferences"),
        participants: count("/participants"),
        bridges: count("/bridge_selector/operational_bridge_count") as i32,
        usable,
        unfit,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn statistics_are_read_as_the_parts_write_them() {
        let report = bridge(
            &json!({"conferences": 2, "participants": 5, "stress_level": 0.25, "bit_rate_download": 8, "bit_rate_upload": 16,
                "drain": true}),
            None,
        );
        assert_eq!((report.conferences, report.participants), (2, 5));
        assert_eq!(report.bytes_per_second, 3000);
        assert!(report.draining);
        let report = focus(
            &json!({"conferences": 1, "participants": 3, "bridge_selector": {"operational_bridge_count": 2},
                "bridges": [{"id": "p-bridge-0", "operational": true}, {"id": "p-bridge-1", "operational": false}]}),
            Some("no operational bridge".into()),
        );
        assert_eq!((report.participants, report.bridges), (3, 2));
        assert_eq!(report.usable, Some(["p-bridge-0".to_owned()].into()));
    }
}
