//! What Kubernetes' controllers, bridges and a focus do while bridges come and go, as far as the operator notices.
//!
//! A pod that ends with people on it cuts them: real bridges would still move them, which is not the operator's merit.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use http_body_util::Full;
use hyper::Request;
use hyper::body::Bytes;
use k8s_openapi::ByteString;
use operator::io::pod_http::{Answer, Ask, PodHttp};
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::fake::FakeApi;

/// From a pod to a bridge that answers.
const START: Duration = Duration::from_secs(8);
const TICK: Duration = Duration::from_millis(200);
const FOCUS: &str = "10.0.0.1";
const SET: &str = "p-bridge";

#[derive(Clone, Debug)]
struct Bridge {
    uid: String,
    ip: String,
    ready_at: tokio::time::Instant,
    people: i64,
    drain: bool,
}

#[derive(Default)]
struct Inner {
    bridges: BTreeMap<String, Bridge>,
    made: usize,
    cut: i64,
    least: Option<usize>,
}

/// The pods of pool `p`, and the focus of shard `a`.
#[derive(Clone)]
pub(crate) struct Pods {
    api: FakeApi,
    inner: Arc<Mutex<Inner>>,
}

impl Pods {
    /// They live as long as the test.
    pub(crate) fn start(api: &FakeApi) -> Self {
        let pods = Self {
            api: api.clone(),
            inner: Arc::default(),
        };
        let labels = json!({"app.kubernetes.io/managed-by": "shoal-operator",
            "app.kubernetes.io/component": "focus", "shoal.video/shard": "a"});
        api.act(|state| {
            state.put(json!({"apiVersion": "v1", "kind": "Pod",
                "metadata": {"name": "a-focus-0", "namespace": "meet", "labels": labels},
                "status": {"phase": "Running", "podIP": FOCUS}}));
        });
        let all = pods.clone();
        tokio::spawn(async move {
            loop {
                all.tick();
                tokio::time::sleep(TICK).await;
            }
        });
        pods
    }

    pub(crate) fn http(&self) -> PodHttp {
        PodHttp::new(self.clone())
    }

    /// How many people were on pods that ended.
    pub(crate) fn cut(&self) -> i64 {
        self.inner.lock().cut
    }

    /// The least number of bridges that took meetings since the last call.
    pub(crate) fn least(&self) -> usize {
        self.inner.lock().least.take().unwrap_or(0)
    }

    /// People by bridge.
    pub(crate) fn people(&self) -> Vec<(String, i64)> {
        let inner = self.inner.lock();
        let all = inner.bridges.iter();
        all.map(|(pod, bridge)| (pod.clone(), bridge.people))
            .collect()
    }

    /// So many people are on a bridge.
    pub(crate) fn join(&self, pod: &str, people: i64) {
        self.inner.lock().bridges.get_mut(pod).unwrap().people = people;
    }

    /// What `kubectl drain` does once: asks for the eviction of every bridge on the node. Whether none is left.
    pub(crate) fn evict(&self, node: &str) -> bool {
        let pods = self.api.act(|state| state.all("pods"));
        let budget = self
            .api
            .act(|state| state.get("poddisruptionbudgets", "meet", SET).cloned())
            .unwrap();
        let protected: Vec<&Value> = pods
            .iter()
            .filter(|pod| is_protected(&budget, pod))
            .collect();
        let wanted = self.replicas();
        let most = budget["spec"]["maxUnavailable"].as_i64().unwrap();
        let healthy = protected
            .iter()
            .filter(|pod| pod["status"]["phase"] == "Running");
        let mut allowed = healthy.count() as i64 - (wanted - most);
        let mut left = false;
        for pod in pods.iter().filter(|pod| pod["spec"]["nodeName"] == node) {
            let name = pod["metadata"]["name"].as_str().unwrap();
            if is_protected(&budget, pod) {
                left |= allowed < 1;
                if allowed < 1 {
                    continue;
                }
                allowed -= 1;
            }
            self.api.act(|state| state.delete("pods", "meet", name));
        }
        !left
    }

    fn replicas(&self) -> i64 {
        let set = self
            .api
            .act(|state| state.get("statefulsets", "meet", SET).cloned());
        set.and_then(|set| set["spec"]["replicas"].as_i64())
            .unwrap_or(0)
    }

    /// The StatefulSet controller, the scheduler and the kubelets.
    fn tick(&self) {
        let Some(set) = self
            .api
            .act(|state| state.get("statefulsets", "meet", SET).cloned())
        else {
            return;
        };
        let revision = {
            let mut hasher = DefaultHasher::new();
            set["spec"]["template"].to_string().hash(&mut hasher);
            format!("{:x}", hasher.finish())
        };
        let replicas = self.replicas();
        for ordinal in 0..replicas {
            let name = format!("{SET}-{ordinal}");
            if self
                .api
                .act(|state| state.get("pods", "meet", &name).is_none())
            {
                self.make(&name, &set, &revision);
            }
        }
        let pods = self.api.act(|state| state.all("pods"));
        let own = |pod: &&Value| pod["metadata"]["labels"]["shoal.video/pool"] == "p";
        let mut updated = 0;
        for pod in pods.iter().filter(own) {
            let name = pod["metadata"]["name"].as_str().unwrap();
            let ordinal: i64 = name.rsplit('-').next().unwrap().parse().unwrap();
            if ordinal >= replicas {
                self.api.act(|state| state.delete("pods", "meet", name));
                continue;
            }
            updated +=
                i64::from(pod["metadata"]["labels"]["controller-revision-hash"] == *revision);
            self.run(name, pod);
        }
        self.bury();
        let status = json!({"replicas": replicas, "readyReplicas": replicas, "updatedReplicas": updated,
            "updateRevision": revision, "observedGeneration": set["metadata"]["generation"]});
        self.api.act(|state| {
            state.put(json!({"apiVersion": "apps/v1", "kind": "StatefulSet",
                "metadata": {"name": SET, "namespace": "meet"}, "status": status}));
        });
        let mut inner = self.inner.lock();
        let takes = inner
            .bridges
            .values()
            .filter(|bridge| bridge.takes())
            .count();
        inner.least = Some(inner.least.map_or(takes, |least| least.min(takes)));
    }

    fn make(&self, name: &str, set: &Value, revision: &str) {
        let template = &set["spec"]["template"];
        let mut labels = template["metadata"]["labels"].clone();
        labels["controller-revision-hash"] = revision.into();
        let image = &template["spec"]["containers"][0]["image"];
        self.api.act(|state| {
            state.put(json!({"apiVersion": "v1", "kind": "Pod",
                "metadata": {"name": name, "namespace": "meet", "labels": labels},
                "spec": {"containers": [{"name": "bridge", "image": image}]},
                "status": {"phase": "Pending"}}));
        });
    }

    /// Brings a pod a step further: to a node, and to running.
    fn run(&self, name: &str, pod: &Value) {
        let uid = pod["metadata"]["uid"].as_str().unwrap().to_owned();
        let image = pod["spec"]["containers"][0]["image"].as_str().unwrap();
        let mut change = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "meet"}});
        if pod["spec"]["nodeName"].is_null() {
            let nodes = self.api.act(|state| state.all("nodes"));
            let open = nodes
                .iter()
                .filter(|node| node["spec"]["unschedulable"] != true);
            let open: Vec<&Value> = open.collect();
            let Some(node) = open.get(self.inner.lock().made % open.len().max(1)) else {
                return;
            };
            change["spec"]["nodeName"] = node["metadata"]["name"].clone();
        } else if image.contains("broken") {
            let waiting =
                json!({"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}});
            change["status"]["containerStatuses"] = json!([{"name": "bridge", "image": image, "imageID": "",
                "ready": false, "restartCount": 0, "state": waiting}]);
        } else {
            let mut inner = self.inner.lock();
            let known = inner
                .bridges
                .get(name)
                .is_some_and(|bridge| bridge.uid == uid);
            if known {
                return;
            }
            inner.bury(name);
            inner.made += 1;
            let ip = format!("10.0.1.{}", inner.made);
            let bridge = Bridge {
                uid,
                ip: ip.clone(),
                ready_at: tokio::time::Instant::now() + START,
                people: 0,
                drain: false,
            };
            inner.bridges.insert(name.to_owned(), bridge);
            change["status"] = json!({"phase": "Running", "podIP": ip,
                "containerStatuses": [{"name": "bridge", "image": image, "imageID": "", "ready": true,
                    "restartCount": 0, "state": {"running": {}}}],
                "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}]});
        }
        self.api.act(|state| state.put(change));
    }

    /// Bridges end with their pods.
    fn bury(&self) {
        let gone: Vec<String> = {
            let inner = self.inner.lock();
            let all = inner.bridges.iter();
            let gone = all.filter(|(name, bridge)| {
                let pod = self
                    .api
                    .act(|state| state.get("pods", "meet", name).cloned());
                pod.is_none_or(|pod| pod["metadata"]["uid"] != bridge.uid.as_str())
            });
            gone.map(|(name, _)| name.clone()).collect()
        };
        for name in gone {
            self.inner.lock().bury(&name);
        }
    }

    /// Numbers are for everybody, orders for who shows what is mounted.
    fn admits(&self, ip: &str, path: &str, token: Option<&str>) -> bool {
        let asks = [
            "/stats",
            "/colibri/stats",
            "/about/health",
            "/about/front-door",
        ];
        if asks.contains(&path) {
            return true;
        }
        let secret = if ip == FOCUS {
            "a-accounts"
        } else {
            "p-orders"
        };
        let secret = self
            .api
            .act(|state| state.get("secrets", "meet", secret).cloned());
        let password = secret.and_then(|secret| {
            let data = secret["data"]["operator"].as_str()?.to_owned();
            let bytes = serde_json::from_value::<ByteString>(json!(data)).ok()?.0;
            String::from_utf8(bytes).ok()
        });
        password.is_some_and(|password| token == Some(format!("Bearer {password}").as_str()))
    }

    fn answer(&self, ip: &str, path: &str) -> Option<(u16, Value)> {
        let mut inner = self.inner.lock();
        if ip == FOCUS {
            return Some(inner.focus(path));
        }
        let bridge = inner.bridges.values_mut().find(|bridge| bridge.ip == ip)?;
        if tokio::time::Instant::now() < bridge.ready_at {
            return None;
        }
        match path {
            "/colibri/stats" => Some((
                200,
                json!({"participants": bridge.people,
                "conferences": i64::from(bridge.people > 0), "drain": bridge.drain}),
            )),
            "/about/health" => Some((200, json!("OK"))),
            "/colibri/drain/enable" | "/colibri/drain/disable" => {
                bridge.drain = path.ends_with("enable");
                Some((200, Value::Null))
            }
            _ => None,
        }
    }
}

impl Bridge {
    fn takes(&self) -> bool {
        !self.drain && tokio::time::Instant::now() >= self.ready_at
    }
}

impl Inner {
    fn bury(&mut self, name: &str) {
        if let Some(bridge) = self.bridges.remove(name) {
            self.cut += bridge.people;
        }
    }

    fn focus(&mut self, path: &str) -> (u16, Value) {
        let now = tokio::time::Instant::now();
        if path == "/stats" {
            let known = self
                .bridges
                .iter()
                .filter(|(_, bridge)| now >= bridge.ready_at);
            let known = known.map(|(name, _)| json!({"id": name, "operational": true}));
            return (200, json!({"bridges": known.collect::<Vec<_>>()}));
        }
        let Some((_, query)) = path.split_once("move-endpoints?bridge=") else {
            return (200, json!("OK"));
        };
        let (from, count) = query.split_once("&numEndpoints=").unwrap();
        let count = count.parse::<i64>().unwrap().min(self.bridges[from].people);
        let others = self.bridges.iter_mut();
        let others = others.filter(|(name, bridge)| *name != from && bridge.takes());
        let Some((_, to)) = others.min_by_key(|(_, bridge)| bridge.people) else {
            return (409, json!("there is no other bridge"));
        };
        to.people += count;
        self.bridges.get_mut(from).unwrap().people -= count;
        (200, json!({"movedEndpoints": count, "conferences": 1}))
    }
}

impl Ask for Pods {
    fn ask(&self, request: Request<Full<Bytes>>) -> BoxFuture<'_, Option<Answer>> {
        let uri = request.uri().clone();
        let token = request.headers().get("authorization");
        let token = token.and_then(|value| Some(value.to_str().ok()?.to_owned()));
        Box::pin(async move {
            let path = uri.path_and_query()?.as_str();
            let ip = uri.host()?;
            let (status, body) = if self.admits(ip, path, token.as_deref()) {
                self.answer(ip, path)?
            } else {
                (403, json!("orders need a token"))
            };
            Some(Answer {
                status,
                text: body.to_string(),
            })
        })
    }
}

fn is_protected(budget: &Value, pod: &Value) -> bool {
    let labels = &pod["metadata"]["labels"];
    let selector = &budget["spec"]["selector"];
    let equal = selector["matchLabels"].as_object().unwrap();
    let expressions = selector["matchExpressions"].as_array().unwrap();
    equal.iter().all(|(key, value)| labels[key] == *value)
        && expressions.iter().all(|one| {
            assert_eq!(one["operator"], "NotIn");
            let values = one["values"].as_array().unwrap();
            !values.contains(&labels[one["key"].as_str().unwrap()])
        })
}
