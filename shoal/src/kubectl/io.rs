//! The API server, and through it the pods.

mod forward;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use anyhow::Context;
use futures_util::StreamExt;
use k8s_openapi::api::core::v1::{ConfigMap, Event, Node, Pod};
use kube::api::{Api, ListParams, Patch, PatchParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::answers::{BridgeStats, Conference, Heard, Moved, Silence};
use super::seen::{Seen, component};
use super::shards::{Meetings, focus_pod};

/// Pods that are asked at a time.
const WIDTH: usize = 16;
/// How long the API server may take for an answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// Private HTTP port of a bridge.
const BRIDGE_HTTP: u16 = 8080;
/// Private HTTP port of a focus.
const FOCUS_HTTP: u16 = 8889;
/// As whom changes are made.
const MANAGER: &str = "kubectl-shoal";
/// Pods of the operator's making.
const SHOALS: &str = "app.kubernetes.io/managed-by=shoal-operator";

/// Where to look, as kubectl's users say it.
#[derive(Default)]
pub(super) struct Place {
    pub kubeconfig: Option<PathBuf>,
    pub context: Option<String>,
    pub namespace: Option<String>,
}

/// One namespace of a Kubernetes.
#[derive(Clone)]
pub(super) struct Kubernetes {
    client: Client,
    pub namespace: String,
}

impl Kubernetes {
    /// Reads the kubeconfig, or the account of the pod that this runs in.
    pub(super) async fn connect(place: &Place) -> anyhow::Result<Self> {
        let options = KubeConfigOptions {
            context: place.context.clone(),
            ..KubeConfigOptions::default()
        };
        let mut config = match (&place.kubeconfig, &place.context) {
            (Some(path), _) => {
                let read = Kubeconfig::read_from(path)
                    .with_context(|| format!("--kubeconfig {}", path.display()))?;
                Config::from_custom_kubeconfig(read, &options).await?
            }
            (None, Some(context)) => Config::from_kubeconfig(&options)
                .await
                .with_context(|| format!("--context {context}"))?,
            (None, None) => Config::infer()
                .await
                .context("no Kubernetes is known here: set KUBECONFIG or give --kubeconfig FILE")?,
        };
        config.read_timeout = Some(PATIENCE);
        let namespace = place
            .namespace
            .clone()
            .unwrap_or_else(|| config.default_namespace.clone());
        Ok(Self {
            client: Client::try_from(config).context("the kubeconfig cannot be used")?,
            namespace,
        })
    }

    #[cfg(test)]
    pub(super) fn of(client: Client) -> Self {
        Self {
            client,
            namespace: "meet".into(),
        }
    }

    fn api<K>(&self) -> Api<K>
    where
        K: Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    async fn list<K>(&self, params: ListParams) -> anyhow::Result<Vec<K>>
    where
        K: Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>
            + Clone
            + DeserializeOwned
            + Debug,
    {
        let what = format!("list {} in namespace {}", K::plural(&()), self.namespace);
        let list = self.api::<K>().list(&params).await;
        Ok(list.map_err(|error| refused(&what, error))?.items)
    }

    /// Reads the namespace.
    pub(super) async fn see(&self) -> anyhow::Result<Seen> {
        let shoals = || ListParams::default().labels(SHOALS);
        let (clusters, shards, pools, pods, autoscalers, config_maps) = tokio::try_join!(
            self.list(ListParams::default()),
            self.list(ListParams::default()),
            self.list(ListParams::default()),
            self.list::<Pod>(shoals()),
            self.list(shoals()),
            self.list::<ConfigMap>(
                ListParams::default()
                    .labels(&format!("{SHOALS},app.kubernetes.io/component=bridge"))
            ),
        )?;
        let addresses = config_maps
            .into_iter()
            .map(|map| (map.name_any(), map.data.unwrap_or_default()));
        Ok(Seen {
            namespace: self.namespace.clone(),
            now: now(),
            clusters,
            shards,
            pools,
            pods,
            autoscalers,
            addresses: addresses.collect(),
        })
    }

    /// A node; `None` when there is none of that name, or when nodes may not be read.
    pub(super) async fn node(&self, name: &str) -> Option<Node> {
        let nodes: Api<Node> = Api::all(self.client.clone());
        nodes.get_opt(name).await.ok().flatten()
    }

    /// Events of the objects with this name, in no order.
    pub(super) async fn events(&self, name: &str) -> anyhow::Result<Vec<Event>> {
        let of_it = ListParams::default().fields(&format!("involvedObject.name={name}"));
        self.list(of_it).await
    }

    /// Changes an object (JSON merge patch).
    pub(super) async fn patch<K>(&self, name: &str, change: &Value) -> anyhow::Result<K>
    where
        K: Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>
            + Clone
            + DeserializeOwned
            + Debug,
    {
        let params = PatchParams {
            field_manager: Some(MANAGER.into()),
            ..PatchParams::default()
        };
        let what = format!(
            "change {} {name} in namespace {}",
            K::kind(&()),
            self.namespace
        );
        let patched = self.api().patch(name, &params, &Patch::Merge(change)).await;
        patched.map_err(|error| refused(&what, error))
    }

    /// Asks the bridges of `seen` that run and are `wanted`.
    pub(super) async fn ask_bridges(
        &self,
        seen: &Seen,
        wanted: impl Fn(&str) -> bool,
    ) -> BTreeMap<String, Heard<BridgeStats>> {
        let pods = seen.bridges().filter(|(_, pod)| runs(pod));
        let names = pods.map(|(_, pod)| pod.name_any());
        let names: Vec<String> = names.filter(|name| wanted(name)).collect();
        self.ask_all(names, |pod| self.clone().bridge(pod)).await
    }

    async fn bridge(self, pod: String) -> Heard<BridgeStats> {
        let mut line = self.forward(&pod, BRIDGE_HTTP).await?;
        let mut stats: BridgeStats = line.get_json("/colibri/stats").await?;
        let health = line.get("/about/health").await?;
        stats.unwell = (health.status != 200).then(|| health.text.trim().to_owned());
        Ok(stats)
    }

    /// Asks the focuses of the shards in `seen` for their meetings.
    pub(super) async fn ask_focuses(&self, seen: &Seen) -> Meetings {
        let shards = seen.shards.iter().map(ResourceExt::name_any);
        let running = |shard: &String| {
            let pod = seen.pod(&focus_pod(shard));
            pod.is_some_and(|pod| component(pod) == Some("focus") && runs(pod))
        };
        let names: Vec<String> = shards.filter(running).collect();
        self.ask_all(names, |shard| self.clone().meetings(shard))
            .await
    }

    async fn meetings(self, shard: String) -> Heard<Vec<Conference>> {
        let mut line = self.forward(&focus_pod(&shard), FOCUS_HTTP).await?;
        line.get_json("/debug/conferences-full").await
    }

    /// Gives a focus an order to move people (`/move-endpoints/…`).
    ///
    /// The inner error is the focus's own word of why it does not.
    pub(super) async fn order_move(&self, shard: &str, path: &str) -> Heard<Result<Moved, String>> {
        let mut line = self.forward(&focus_pod(shard), FOCUS_HTTP).await?;
        let answer = line.get(path).await?;
        if answer.status != 200 {
            return Ok(Err(answer.text.trim().to_owned()));
        }
        line.read(&answer).map(Ok)
    }

    async fn ask_all<T, F>(
        &self,
        names: Vec<String>,
        ask: impl Fn(String) -> F,
    ) -> BTreeMap<String, Heard<T>>
    where
        F: Future<Output = Heard<T>>,
    {
        let asked = names.into_iter().map(|name| {
            let answer = ask(name.clone());
            async move { (name, answer.await) }
        });
        let answers = futures_util::stream::iter(asked).buffer_unordered(WIDTH);
        answers.collect().await
    }

    async fn forward(&self, pod: &str, port: u16) -> Result<forward::Line, Silence> {
        forward::Line::open(&self.api(), &self.namespace, pod, port).await
    }
}

/// Time since the Unix epoch.
pub(super) fn now() -> Duration {
    SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default()
}

fn runs(pod: &Pod) -> bool {
    let phase = pod
        .status
        .as_ref()
        .and_then(|status| status.phase.as_deref());
    phase == Some("Running")
}

/// What the API server's refusal means for a person.
fn refused(what: &str, error: kube::Error) -> anyhow::Error {
    match &error {
        kube::Error::Api(status) if status.code == 403 => anyhow::anyhow!(
            "you may not {what} ({}): ask for ClusterRole shoal-on-call, which the chart makes with onCall.create=true",
            status.message
        ),
        kube::Error::Api(status) if status.code == 404 && what.starts_with("list") => {
            anyhow::anyhow!(
                "cannot {what}, because this Kubernetes does not know them: install the chart, or choose another with --context"
            )
        }
        kube::Error::Api(status) => anyhow::anyhow!("cannot {what}: {}", status.message),
        _ => anyhow::Error::new(error).context(format!(
            "cannot {what}: does the API server of this context answer (kubectl version)?"
        )),
    }
}
