//! `shoal check`: a real meeting at a JitsiCluster of the Kubernetes in which this runs, for `helm test`.

use std::time::Duration;

use anyhow::Context;
use clap::Args;
use kube::{Api, Client, ResourceExt};
use loadtest::{Group, Plan, Trust};
use operator::crd::{FrontDoorExposure, JitsiCluster};
use tokio_util::sync::CancellationToken;

use crate::loadtest::{Files, hold, resolve};
use crate::log;

/// Which JitsiCluster, and what kind of meeting.
#[derive(Args)]
pub(crate) struct Options {
    /// Namespace of the JitsiCluster [default: any]
    #[arg(
        long,
        value_name = "NAME",
        default_value = "",
        hide_default_value = true
    )]
    pub namespace: String,
    /// Its name [default: the first one that is ready]
    #[arg(
        long,
        value_name = "NAME",
        default_value = "",
        hide_default_value = true
    )]
    pub cluster: String,
    /// How many people meet
    #[arg(long, value_name = "NUMBER", default_value_t = 2)]
    pub participants: usize,
    /// For how long: `10s`, `1m`
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = loadtest::duration::parse)]
    pub duration: Duration,
    /// DNS domain of the Kubernetes cluster
    #[arg(long, value_name = "NAME", default_value = "cluster.local")]
    pub cluster_domain: String,
}

/// Finds the cluster and holds the meeting. An error when anybody lacked anybody's media.
pub(crate) async fn run(options: Options, stop: CancellationToken) -> anyhow::Result<()> {
    let client = Client::try_default()
        .await
        .context("this runs in a pod of a Kubernetes cluster, or with a kubeconfig")?;
    let clusters: Api<JitsiCluster> = match options.namespace.as_str() {
        "" => Api::all(client),
        namespace => Api::namespaced(client, namespace),
    };
    let clusters = clusters
        .list(&kube::api::ListParams::default())
        .await
        .context("cannot list JitsiClusters: is the chart installed, and is its test's account allowed to?")?;
    let cluster = choose(&clusters.items, &options)?;
    log::tell(&format!(
        "meeting at {} through the front door of JitsiCluster {} in namespace {}",
        cluster.spec.domain,
        cluster.name_any(),
        cluster.namespace().unwrap_or_default(),
    ));
    let (url, door) = place(cluster, &options.cluster_domain);
    let plan = Plan {
        groups: vec![Group {
            participants: options.participants,
            duration: options.duration,
            ..Group::default()
        }],
        room_prefix: "check-".into(),
        connect: resolve(&[door]).await?,
        ..Plan::new(url.parse().context("spec.domain is no host name")?)
    };
    // Whether browsers trust the certificate is condition CertificateTrusted.
    hold(&plan, &Trust::Anybody, &Files::default(), stop).await
}

/// The first one that is ready, of those that are meant.
fn choose<'a>(clusters: &'a [JitsiCluster], options: &Options) -> anyhow::Result<&'a JitsiCluster> {
    let named = |one: &&JitsiCluster| {
        options.cluster.is_empty() || one.metadata.name.as_ref() == Some(&options.cluster)
    };
    let meant: Vec<_> = clusters.iter().filter(named).collect();
    if let Some(found) = meant.iter().find(|one| is_ready(one)) {
        return Ok(found);
    }
    let place = match options.namespace.as_str() {
        "" => String::new(),
        namespace => format!(" in namespace {namespace}"),
    };
    let name = match options.cluster.as_str() {
        "" => String::new(),
        name => format!(" {name}"),
    };
    let first = meant.first().with_context(|| {
        format!(
            "there is no JitsiCluster{name}{place}: apply one with a shard and a pool of bridges \
             (charts/shoal/examples), or say where it is (values test.namespace and test.cluster)"
        )
    })?;
    let why = first.status.as_ref().map(|status| status.message.as_str());
    let why = match why {
        Some("") | None => "the operator has not said why",
        Some(message) => message,
    };
    anyhow::bail!(
        "JitsiCluster {} in namespace {} is not ready: {why}",
        first.name_any(),
        first.namespace().unwrap_or_default()
    )
}

fn is_ready(cluster: &JitsiCluster) -> bool {
    let conditions = cluster.status.iter().flat_map(|status| &status.conditions);
    let mut ready = conditions.filter(|one| one.type_ == "Ready");
    ready.any(|one| one.status == "True")
}

/// The page's address as people know it, and where its front door is inside the cluster.
fn place(cluster: &JitsiCluster, cluster_domain: &str) -> (String, String) {
    let (scheme, port) = match cluster.spec.front_door.exposure {
        // Somebody else ends TLS.
        FrontDoorExposure::Ingress | FrontDoorExposure::Gateway => ("http", 80),
        _ => ("https", 443),
    };
    let name = cluster.name_any();
    let namespace = cluster.namespace().unwrap_or_default();
    (
        format!("{scheme}://{}", cluster.spec.domain),
        format!("{name}-front-door.{namespace}.svc.{cluster_domain}:{port}"),
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use serde_json::{Value, json};

    fn cluster(name: &str, exposure: &str, ready: &str, message: &str) -> JitsiCluster {
        let condition = json!({
            "type": "Ready", "status": ready, "reason": "R", "message": "",
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        });
        serde_json::from_value(json!({
            "apiVersion": "shoal.video/v1alpha1",
            "kind": "JitsiCluster",
            "metadata": {"name": name, "namespace": "meet"},
            "spec": {"domain": "meet.example.org", "frontDoor": {"exposure": exposure}},
            "status": {"conditions": [condition], "message": message},
        }))
        .unwrap()
    }

    fn options(value: &Value) -> Options {
        let text = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
        Options {
            namespace: text("namespace"),
            cluster: text("cluster"),
            participants: 2,
            duration: Duration::from_secs(1),
            cluster_domain: "cluster.local".into(),
        }
    }

    #[test]
    fn the_first_ready_one_is_taken() {
        let clusters = [
            cluster("early", "NodePort", "False", ""),
            cluster("late", "NodePort", "True", ""),
        ];
        let found = choose(&clusters, &options(&json!({}))).unwrap();
        assert_eq!(found.name_any(), "late");
    }

    #[test]
    fn a_person_is_told_what_is_missing() {
        let clusters = [cluster("default", "NodePort", "False", "no JitsiShard")];
        for (clusters, meant, told) in [
            (&[][..], json!({}), "there is no JitsiCluster: apply one"),
            (
                &clusters[..],
                json!({"cluster": "other", "namespace": "meet"}),
                "there is no JitsiCluster other in namespace meet",
            ),
            (
                &clusters[..],
                json!({}),
                "JitsiCluster default in namespace meet is not ready: no JitsiShard",
            ),
        ] {
            let error = choose(clusters, &options(&meant)).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
    }

    #[test]
    fn where_others_end_tls_the_front_door_is_asked_in_clear() {
        for (exposure, url, port) in [
            ("NodePort", "https://meet.example.org", ":443"),
            ("None", "https://meet.example.org", ":443"),
            ("Ingress", "http://meet.example.org", ":80"),
        ] {
            let place = place(&cluster("default", exposure, "True", ""), "cluster.local");
            assert_eq!(place.0, url);
            let door = format!("default-front-door.meet.svc.cluster.local{port}");
            assert_eq!(place.1, door);
        }
    }
}
