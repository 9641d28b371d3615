//! A thousand shards and ten thousand bridges against an API server in memory, which is another process.
//!
//! Printed are the operator's own CPU time and memory, and its writes: of a first pass, which makes everything, and of a
//! second one after a restart, which has nothing to do. Pods are there from the start and do not run, so polling is no part
//! of it.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a program that prints, and is to fail loudly"
)]
#![allow(dead_code, reason = "the tests use more of the API server in memory")]

#[path = "../tests/api/fake.rs"]
mod fake;

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use fake::FakeApi;
use operator::config::Settings;
use operator::world::Defaults;
use serde_json::json;
use tokio_util::sync::CancellationToken;

/// Clusters, each in a namespace of its own; shards and pools of each; bridges of each pool.
#[derive(Clone, Copy)]
struct Size {
    clusters: usize,
    shards: usize,
    pools: usize,
    bridges: usize,
}

const FULL: Size = Size {
    clusters: 20,
    shards: 50,
    pools: 10,
    bridges: 50,
};
/// When it is only to be seen that it runs.
const SMALL: Size = Size {
    clusters: 2,
    shards: 5,
    pools: 2,
    bridges: 5,
};
/// Without a write for this long, a pass has ended.
const QUIET: Duration = Duration::from_secs(5);

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let size = if has("--bench") || has("--full") {
        FULL
    } else {
        SMALL
    };
    rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    if has("--serve") {
        runtime.block_on(serve(size));
    } else {
        runtime.block_on(measure(size));
    }
}

/// The API server's process: tells its port, and serves until it is ended.
async fn serve(size: Size) {
    let api = FakeApi::default();
    fill(&api, size);
    tokio::spawn(play_controllers(api.clone()));
    let (state, requests) = (api.clone(), api);
    let writes = move || async move { state.act(|state| state.take_writes()).join("\n") };
    let router = axum::Router::new()
        .route("/writes", axum::routing::get(writes))
        .fallback(move |request: axum::extract::Request| async move {
            let (parts, body) = request.into_parts();
            let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
            requests.handle(hyper::Request::from_parts(parts, body))
        });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("{}", listener.local_addr().unwrap().port());
    axum::serve(listener, router).await.unwrap();
}

/// Kubernetes' own controllers, as far as the operator looks at them: pods of StatefulSets are there.
async fn play_controllers(api: FakeApi) {
    loop {
        tokio::time::sleep(Duration::from_millis(500)).await;
        api.act(|state| {
            for set in state.all("statefulsets") {
                let wanted = &set["spec"]["replicas"];
                if set["status"]["replicas"] != *wanted {
                    let meta = json!({"name": set["metadata"]["name"], "namespace": set["metadata"]["namespace"]});
                    let status = json!({"replicas": wanted});
                    state.put(json!({"kind": "StatefulSet", "metadata": meta, "status": status}));
                }
            }
        });
    }
}

fn fill(api: &FakeApi, size: Size) {
    let resource = |kind: &str, space: &str, name: &str, spec: serde_json::Value| json!({"apiVersion": "shoal.video/v1alpha1", "kind": kind, "metadata": {"name": name, "namespace": space}, "spec": spec});
    let pod = |space: &str, name: &str, component: &str, owner: (&str, &str)| {
        let mut labels = json!({"app.kubernetes.io/managed-by": "shoal-operator", "app.kubernetes.io/component": component,
            "app.kubernetes.io/instance": owner.1, "app.kubernetes.io/name": "shoal"});
        labels[format!("shoal.video/{}", owner.0)] = owner.1.into();
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": space, "labels": labels},
            "spec": {"nodeName": "node1", "containers": []}, "status": {"phase": "Pending"}})
    };
    api.act(|state| {
        state.put(
            json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node1"},
            "status": {"addresses": [{"type": "InternalIP", "address": "192.0.2.1"}]}}),
        );
        for cluster in 0..size.clusters {
            let space = format!("meet-{cluster}");
            let domain = format!("{space}.example.org");
            state.put(resource(
                "JitsiCluster",
                &space,
                "default",
                json!({"domain": domain}),
            ));
            for shard in 0..size.shards {
                let name = format!("s{shard}");
                state.put(resource("JitsiShard", &space, &name, json!({})));
                for part in ["signalling", "focus"] {
                    state.put(pod(
                        &space,
                        &format!("{name}-{part}-0"),
                        part,
                        ("shard", &name),
                    ));
                }
            }
            for pool in 0..size.pools {
                let name = format!("p{pool}");
                state.put(resource(
                    "BridgePool",
                    &space,
                    &name,
                    json!({"replicas": size.bridges}),
                ));
                for bridge in 0..size.bridges {
                    let pod_name = format!("{name}-bridge-{bridge}");
                    state.put(pod(&space, &pod_name, "bridge", ("pool", &name)));
                }
            }
        }
    });
}

async fn measure(size: Size) {
    let program = std::env::current_exe().unwrap();
    let full = if size.clusters == FULL.clusters {
        "--full"
    } else {
        "--small"
    };
    let mut server = Command::new(program)
        .args(["--serve", full])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut port = String::new();
    BufReader::new(server.stdout.take().unwrap())
        .read_line(&mut port)
        .unwrap();
    let url = format!("http://127.0.0.1:{}", port.trim());
    println!(
        "{} clusters, {} shards, {} pools, {} bridges",
        size.clusters,
        size.clusters * size.shards,
        size.clusters * size.pools,
        size.clusters * size.pools * size.bridges
    );
    let mut results = Vec::new();
    for pass in ["first pass", "second pass, after a restart"] {
        results.push(one_pass(&url, pass).await);
    }
    server.kill().unwrap();
    server.wait().unwrap();
    assert!(results[0] > 0, "the first pass makes everything");
    assert_eq!(results[1], 0, "the second pass has nothing to do");
}

/// Runs an operator until it has nothing more to write. Returns the number of its writes.
async fn one_pass(url: &str, pass: &str) -> usize {
    let client = kube::Client::try_from(kube::Config::new(url.parse().unwrap())).unwrap();
    let stop = CancellationToken::new();
    let settings = Settings {
        namespace: None,
        defaults: Defaults {
            shoal_image: "registry.example/shoal:1".into(),
            haproxy_image: "registry.example/haproxy:2.6".into(),
            pull_policy: "IfNotPresent".into(),
            cluster_domain: "cluster.local".into(),
            operator_namespace: "shoal-system".into(),
        },
        listen: ([127, 0, 0, 1], 0).into(),
        metrics_api: None,
        default_cluster: None,
        identity: pass.into(),
    };
    let (began, before) = (Instant::now(), cpu_seconds());
    let run = tokio::spawn(operator::io::run_with(
        client.clone(),
        operator::io::pod_http::PodHttp::default(),
        settings,
        stop.clone(),
    ));
    let (mut writes, mut last, mut used) = (0, Instant::now(), before);
    let mut events = 0;
    // A pass with nothing to write is over when the operator's CPU is at rest.
    while last.elapsed() < QUIET {
        tokio::time::sleep(Duration::from_millis(250)).await;
        let request = hyper::Request::get("/writes").body(Vec::new()).unwrap();
        let text = client.request_text(request).await.unwrap();
        let told = text
            .lines()
            .filter(|line| line.contains(" events/"))
            .count();
        let made = text.lines().count();
        let now = cpu_seconds();
        if made > 0 || now - used > 0.05 {
            last = Instant::now();
        }
        used = now;
        events += told;
        writes += made - told;
    }
    let seconds = (last - began).as_secs_f64();
    println!(
        "{pass}: {seconds:.1} s, {:.1} s CPU, {} MB, {writes} writes, {events} events",
        cpu_seconds() - before,
        memory_megabytes()
    );
    stop.cancel();
    run.await.unwrap().unwrap();
    writes
}

/// CPU time of this process, from the 14th and 15th field of its stat, in hundredths of a second.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let (_, rest) = stat.rsplit_once(')').unwrap();
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let ticks: f64 = fields[11..13]
        .iter()
        .map(|field| field.parse::<f64>().unwrap())
        .sum();
    ticks / 100.0
}

/// Resident memory of this process.
fn memory_megabytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    let kilobytes: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kilobytes / 1024
}
