//! The chart: Helm's lint, what it makes of a table of values, and what its schema refuses. Needs no cluster.

use std::process::{Command, Output, Stdio};

use anyhow::{Context, bail, ensure};
use serde::Deserialize;
use serde_yaml::Value;

use crate::cluster::build::HELM;
use crate::command::{cargo, root, succeed};

mod metrics_api;
mod observe;
mod privileges;

/// The API server that the chart is rendered for.
const KUBERNETES: &str = "1.35.4";

/// A set of values, and what must be true of what they make.
struct Case {
    values: &'static [&'static str],
    check: fn(&Rendered) -> anyhow::Result<()>,
}

const CASES: &[Case] = &[
    Case {
        values: &[],
        check: |rendered| {
            ensure!(
                !rendered.operator_args()?.contains("--default-cluster"),
                "a JitsiCluster is made although no domain is given"
            );
            ensure!(
                rendered
                    .named("ConfigMap", "shoal-operator-cluster")
                    .is_err(),
                "there is a JitsiCluster in a ConfigMap although no domain is given"
            );
            ensure!(
                rendered.all("CustomResourceDefinition").count() == 3,
                "the chart does not install the three definitions"
            );
            metrics_api::of_the_operator(rendered)?;
            privileges::create_no_cluster(rendered)
        },
    },
    Case {
        values: &["metricsApi=PrometheusAdapter"],
        check: |rendered| {
            metrics_api::of_others(rendered)?;
            metrics_api::rules(rendered)
        },
    },
    Case {
        values: &["metricsApi=None"],
        check: |rendered| {
            metrics_api::of_others(rendered)?;
            ensure!(
                rendered.all("ConfigMap").next().is_none(),
                "there is a ConfigMap for nothing"
            );
            Ok(())
        },
    },
    Case {
        values: &[
            "cluster.domain=meet.example.org",
            "cluster.namespace=meet",
            "cluster.spec.frontDoor.replicas=3",
        ],
        check: |rendered| {
            let config_map = rendered.named("ConfigMap", "shoal-operator-cluster")?;
            let cluster: Value = serde_yaml::from_str(
                text(config_map, "/data/cluster.yaml").context("cluster.yaml is missing")?,
            )?;
            ensure!(text(&cluster, "/metadata/namespace") == Some("meet"));
            ensure!(text(&cluster, "/spec/domain") == Some("meet.example.org"));
            ensure!(at(&cluster, "/spec/frontDoor/replicas") == Some(&Value::from(3)));
            ensure!(
                rendered
                    .operator_args()?
                    .contains("--default-cluster=/etc/shoal/cluster.yaml"),
                "the operator is not told of the JitsiCluster"
            );
            Ok(())
        },
    },
    Case {
        values: &[
            "operator.watchNamespace=meet",
            "cluster.domain=meet.example.org",
        ],
        check: |rendered| {
            for args in [rendered.operator_args()?, rendered.meeting_args()?] {
                ensure!(args.contains("--namespace=meet"), "{args}");
            }
            privileges::one_namespace(rendered, "meet")
        },
    },
    Case {
        values: &[
            "image.repository=example.org:5000/video/shoal",
            "image.digest=sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
            "image.pullSecrets={first,second}",
            "operator.replicas=3",
            "operator.env[0].name=NO_PROXY",
            "operator.env[0].value=.svc",
            "operator.podLabels.team=video",
            "operator.nodeSelector.disk=fast",
            "operator.priorityClassName=system-cluster-critical",
        ],
        check: |rendered| {
            let image = "example.org:5000/video/shoal@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
            let pod = at(rendered.operator()?, "/spec/template/spec").context("no pod")?;
            ensure!(text(pod, "/containers/0/image") == Some(image));
            ensure!(text(pod, "/imagePullSecrets/1/name") == Some("second"));
            ensure!(text(pod, "/nodeSelector/disk") == Some("fast"));
            ensure!(text(pod, "/priorityClassName") == Some("system-cluster-critical"));
            ensure!(
                rendered
                    .operator_args()?
                    .contains(&format!("--shoal-image={image}")),
                "what the operator makes has another image than the operator"
            );
            Ok(())
        },
    },
    Case {
        values: &[
            "crds.install=false",
            "rbac.create=false",
            "serviceAccount.create=false",
            "serviceAccount.name=elsewhere",
            "networkPolicy.create=false",
        ],
        check: |rendered| {
            for kind in [
                "CustomResourceDefinition",
                "ClusterRole",
                "Role",
                "NetworkPolicy",
            ] {
                ensure!(rendered.all(kind).next().is_none(), "there is a {kind}");
            }
            ensure!(
                rendered.named("ServiceAccount", "shoal-operator").is_err(),
                "the operator has an account that it does not use"
            );
            let pod = at(rendered.operator()?, "/spec/template/spec").context("no pod")?;
            ensure!(text(pod, "/serviceAccountName") == Some("elsewhere"));
            Ok(())
        },
    },
    Case {
        values: &["onCall.create=true"],
        check: privileges::on_call,
    },
    Case {
        values: &[
            "serviceMonitor.create=true",
            "serviceMonitor.labels.release=prometheus",
        ],
        check: |rendered| {
            let monitor = rendered.named("ServiceMonitor", "shoal-operator")?;
            ensure!(text(monitor, "/metadata/labels/release") == Some("prometheus"));
            ensure!(at(monitor, "/spec/endpoints/0/honorLabels") == Some(&Value::Bool(true)));
            Ok(())
        },
    },
    Case {
        values: &["dashboards.create=true"],
        check: observe::dashboards,
    },
    Case {
        values: &[
            "podMonitors.create=true",
            "podMonitors.labels.release=prometheus",
        ],
        check: observe::pod_monitors,
    },
    Case {
        values: &[
            "rules.create=true",
            "rules.forPercent=50",
            "rules.runbooks=https://runbooks.example.org/",
            "rules.alertLabels.team=video",
        ],
        check: observe::rules,
    },
];

/// Values that must be refused, and a word that the refusal must contain.
const REFUSED: &[(&str, &str)] = &[
    ("operater.replicas=1", "operater"),
    ("image.tga=1", "tga"),
    ("operator.replicas=many", "/operator/replicas"),
    ("image.pullPolicy=Sometimes", "/image/pullPolicy"),
    ("image.repository=", "/image/repository"),
    ("cluster.domain=https://meet.example.org", "/cluster/domain"),
    ("cluster.spec.domain=meet.example.org", "/cluster/spec"),
    ("metricsApi=Prometheus", "/metricsApi"),
    ("test.participants=1", "/test/participants"),
    ("rules.forPercent=-1", "/rules/forPercent"),
    ("serviceAccount.create=false", "serviceAccount.name"),
    (
        "cluster.namespace=meet,operator.watchNamespace=other",
        "operator.watchNamespace",
    ),
];

/// Lints the chart, renders it for every case, and checks what came out.
pub(super) fn chart() -> anyhow::Result<()> {
    succeed(
        helm()?
            .args(["lint", "--strict", "--kube-version", KUBERNETES])
            .arg("charts/shoal"),
    )?;
    for case in CASES {
        check(case).with_context(|| format!("charts/shoal with values {:?}", case.values))?;
    }
    for (values, word) in REFUSED {
        let output = template(&[values], KUBERNETES)?;
        let refusal = String::from_utf8_lossy(&output.stderr);
        ensure!(
            !output.status.success() && refusal.contains(word),
            "charts/shoal with `--set {values}` is not refused with the word {word}: {refusal}"
        );
    }
    ensure!(
        !template(&[], "1.30.0")?.status.success(),
        "the chart takes an API server that does not know the rules of the definitions"
    );
    every_value_has_a_schema()
}

fn check(case: &Case) -> anyhow::Result<()> {
    let output = template(case.values, KUBERNETES)?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr));
    }
    let rendered = Rendered::parse(&output.stdout)?;
    privileges::least(&rendered)?;
    privileges::restricted(&rendered)?;
    definitions(&rendered)?;
    flags_exist(&rendered)?;
    (case.check)(&rendered)
}

fn helm() -> anyhow::Result<Command> {
    let mut helm = Command::new(HELM.binary()?);
    helm.current_dir(root());
    Ok(helm)
}

fn template(values: &[&str], kubernetes: &str) -> anyhow::Result<Output> {
    let mut command = helm()?;
    command
        .args(["template", "shoal", "charts/shoal"])
        .args(["--namespace", "shoal-system"])
        .args(["--kube-version", kubernetes]);
    for value in values {
        command.args(["--set", value]);
    }
    command.output().context("cannot start helm")
}

/// What the chart made of its values.
pub(super) struct Rendered(Vec<Value>);

impl Rendered {
    fn parse(yaml: &[u8]) -> anyhow::Result<Self> {
        let mut objects = Vec::new();
        for document in serde_yaml::Deserializer::from_slice(yaml) {
            let object = Value::deserialize(document).context("the chart makes no valid YAML")?;
            if !object.is_null() {
                objects.push(object);
            }
        }
        Ok(Self(objects))
    }

    fn all<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Value> {
        self.0
            .iter()
            .filter(move |object| text(object, "/kind") == Some(kind))
    }

    fn named(&self, kind: &str, name: &str) -> anyhow::Result<&Value> {
        let is = |object: &Value, path, word| text(object, path) == Some(word);
        let found = self
            .0
            .iter()
            .find(|object| is(object, "/kind", kind) && is(object, "/metadata/name", name));
        found.with_context(|| format!("there is no {kind} {name}"))
    }

    fn operator(&self) -> anyhow::Result<&Value> {
        self.named("Deployment", "shoal-operator")
    }

    fn operator_args(&self) -> anyhow::Result<String> {
        args(self.operator()?, "/spec/template/spec/containers/0/args")
    }

    fn meeting_args(&self) -> anyhow::Result<String> {
        let meeting = self.named("Pod", "shoal-operator-meeting")?;
        args(meeting, "/spec/containers/0/args")
    }
}

fn args(object: &Value, path: &str) -> anyhow::Result<String> {
    let args = at(object, path)
        .and_then(Value::as_sequence)
        .with_context(|| format!("no {path}"))?;
    let words: Vec<&str> = args.iter().filter_map(Value::as_str).collect();
    Ok(words.join(" "))
}

/// The value at a path of keys and indices, as in a JSON pointer.
fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('/').skip(1).try_fold(value, |value, key| {
        key.parse::<usize>()
            .ok()
            .and_then(|index| value.get(index))
            .or_else(|| value.get(key))
    })
}

fn text<'a>(value: &'a Value, path: &str) -> Option<&'a str> {
    at(value, path)?.as_str()
}

/// Definitions outlive the release, and say what the repository's do.
fn definitions(rendered: &Rendered) -> anyhow::Result<()> {
    for definition in rendered.all("CustomResourceDefinition") {
        let name = text(definition, "/metadata/name").context("a definition without a name")?;
        let policy = at(definition, "/metadata/annotations")
            .and_then(|annotations| annotations.get("helm.sh/resource-policy"));
        ensure!(
            policy.and_then(Value::as_str) == Some("keep"),
            "uninstalling the release would delete {name}, and everything made of it"
        );
        let kind = name.split('.').next().unwrap_or(name);
        let path = root().join("crds").join(format!("{kind}.yaml"));
        let kept =
            std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let kept: Value = serde_yaml::from_slice(&kept)?;
        ensure!(
            kept.get("spec").map(numbers) == definition.get("spec").map(numbers),
            "the chart's {name} is not that of {}",
            path.display()
        );
    }
    Ok(())
}

/// The same with all numbers as floating point: Helm writes 0 where 0.0 was.
fn numbers(value: &Value) -> Value {
    match value {
        Value::Number(number) => number.as_f64().map_or(Value::Null, Value::from),
        Value::Sequence(items) => items.iter().map(numbers).collect(),
        Value::Mapping(entries) => {
            let entries = entries.iter();
            let entries = entries.map(|(key, value)| (key.clone(), numbers(value)));
            Value::Mapping(entries.collect())
        }
        other => other.clone(),
    }
}

/// What the pods are started with is what the program knows.
fn flags_exist(rendered: &Rendered) -> anyhow::Result<()> {
    for line in [rendered.operator_args()?, rendered.meeting_args()?] {
        let mut words = line.split(' ');
        let subcommand = words.next().context("no subcommand")?;
        let output = cargo()
            .args(["run", "--quiet", "--package", "shoal", "--"])
            .args([subcommand, "--help"])
            .stderr(Stdio::inherit())
            .output()
            .context("cannot start cargo")?;
        ensure!(
            output.status.success(),
            "`shoal {subcommand} --help` ended with {}",
            output.status
        );
        let help = String::from_utf8_lossy(&output.stdout);
        for flag in words.filter_map(|word| word.split('=').next()) {
            ensure!(
                help.contains(flag),
                "the chart starts `shoal {subcommand}` with {flag}, which it does not know"
            );
        }
    }
    Ok(())
}

/// A value that the schema does not know could never be set; one that is not in values.yaml would never be found.
fn every_value_has_a_schema() -> anyhow::Result<()> {
    let chart = root().join("charts/shoal");
    let values: Value = serde_yaml::from_slice(&std::fs::read(chart.join("values.yaml"))?)?;
    let schema: Value = serde_yaml::from_slice(&std::fs::read(chart.join("values.schema.json"))?)?;
    compare("", &values, &schema)
}

fn compare(path: &str, values: &Value, schema: &Value) -> anyhow::Result<()> {
    let Some(properties) = schema.get("properties").and_then(Value::as_mapping) else {
        return Ok(());
    };
    let empty = serde_yaml::Mapping::new();
    let values = values.as_mapping().unwrap_or(&empty);
    for (key, schema) in properties {
        let name = key.as_str().unwrap_or_default();
        // Helm gives it to every chart.
        if name == "global" {
            continue;
        }
        let path = format!("{path}.{name}");
        ensure!(
            schema.get("description").is_some(),
            "values.schema.json says nothing about {path}"
        );
        let value = values
            .get(key)
            .with_context(|| format!("values.yaml does not name {path}"))?;
        compare(&path, value, schema)?;
    }
    Ok(())
}
