//! What the operator may do, and under which restrictions the chart's pods run.

use anyhow::{Context, ensure};
use serde_yaml::Value;

use super::{Rendered, at, text};

/// Verbs that somebody who makes objects and watches them has a use for.
const VERBS: &[&str] = &[
    "get", "list", "watch", "create", "update", "patch", "delete",
];

/// What nobody may read or do through the operator's account.
const FORBIDDEN: &[&str] = &[
    "*",
    "pods/exec",
    "pods/attach",
    "pods/portforward",
    "pods/ephemeralcontainers",
    "nodes/proxy",
    "services/proxy",
    "serviceaccounts",
    "serviceaccounts/token",
    "clusterroles",
    "clusterrolebindings",
    "roles",
    "rolebindings",
    "customresourcedefinitions",
    "persistentvolumeclaims",
    "namespaces",
];

/// The role of people, which the operator does not have.
const ON_CALL: &str = "shoal-on-call";

struct Rule<'a> {
    groups: Vec<&'a str>,
    resources: Vec<&'a str>,
    verbs: Vec<&'a str>,
    names: Vec<&'a str>,
}

fn rules<'a>(rendered: &'a Rendered, kind: &'a str) -> Vec<Rule<'a>> {
    let words = |rule: &'a Value, key: &str| -> Vec<&'a str> {
        let list = rule.get(key).and_then(Value::as_sequence);
        list.into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect()
    };
    rendered
        .all(kind)
        .filter(|role| text(role, "/metadata/name") != Some(ON_CALL))
        .filter_map(|role| role.get("rules").and_then(Value::as_sequence))
        .flatten()
        .map(|rule| Rule {
            groups: words(rule, "apiGroups"),
            resources: words(rule, "resources"),
            verbs: words(rule, "verbs"),
            names: words(rule, "resourceNames"),
        })
        .collect()
}

/// No wildcard, no way to more rights, nothing of nodes but their sight.
pub(super) fn least(rendered: &Rendered) -> anyhow::Result<()> {
    for kind in ["ClusterRole", "Role"] {
        for rule in rules(rendered, kind) {
            let Rule {
                groups,
                resources,
                verbs,
                ..
            } = &rule;
            ensure!(
                !groups.is_empty() && !resources.is_empty() && !verbs.is_empty(),
                "a rule of a {kind} is empty"
            );
            ensure!(!groups.contains(&"*"), "{resources:?} of every API group");
            for resource in resources {
                ensure!(
                    !FORBIDDEN.contains(resource),
                    "the operator may {verbs:?} {resource}"
                );
            }
            for verb in verbs {
                ensure!(
                    VERBS.contains(verb),
                    "the operator may {verb} {resources:?}"
                );
                ensure!(
                    !resources.contains(&"nodes") || ["get", "list", "watch"].contains(verb),
                    "the operator may {verb} nodes"
                );
                ensure!(
                    !resources.contains(&"secrets") || !["delete", "update"].contains(verb),
                    "the operator may {verb} secrets, whose content cannot be made again"
                );
                let named = rule.names == ["v1beta2.custom.metrics.k8s.io"];
                ensure!(
                    !resources.contains(&"apiservices") || named,
                    "the operator may {verb} APIServices of others"
                );
                ensure!(
                    !resources.contains(&"pods") || !["create", "update"].contains(verb),
                    "the operator may {verb} pods"
                );
            }
        }
    }
    Ok(())
}

/// A JitsiCluster is made by the operator only where values ask for one.
pub(super) fn create_no_cluster(rendered: &Rendered) -> anyhow::Result<()> {
    for rule in rules(rendered, "ClusterRole") {
        ensure!(
            !rule.groups.contains(&"shoal.video") || !rule.verbs.contains(&"create"),
            "the operator may create {:?}",
            rule.resources
        );
    }
    Ok(())
}

/// With one watched namespace, nothing but nodes is seen beyond it and the release's.
pub(super) fn one_namespace(rendered: &Rendered, namespace: &str) -> anyhow::Result<()> {
    for rule in rules(rendered, "ClusterRole") {
        // Of the metrics API: questions to the API server, and what belongs to no namespace.
        let asks = rule.groups == ["authorization.k8s.io"] && rule.verbs == ["create"];
        let serves = rule.resources == ["apiservices"] || rule.groups == ["custom.metrics.k8s.io"];
        ensure!(
            rule.resources == ["nodes"] || asks || serves,
            "{:?} of every namespace, although only {namespace} is watched",
            rule.resources
        );
    }
    for role in rendered.all("Role") {
        let name = text(role, "/metadata/name").context("a Role without a name")?;
        let place = text(role, "/metadata/namespace").context("a Role without a namespace")?;
        let own = ["shoal-operator-lease", "shoal-metrics-api"].contains(&name);
        ensure!(
            (own && place == "shoal-system") || place == namespace,
            "Role {name} is in namespace {place}"
        );
    }
    Ok(())
}

/// Every pod passes Pod Security's level `restricted`, and has a read-only root besides.
pub(super) fn restricted(rendered: &Rendered) -> anyhow::Result<()> {
    let pods = rendered.all("Pod").filter_map(|pod| pod.get("spec"));
    let deployments = rendered
        .all("Deployment")
        .filter_map(|deployment| at(deployment, "/spec/template/spec"));
    for pod in pods.chain(deployments) {
        let is = |value: Option<&Value>, wanted: &Value| value == Some(wanted);
        let yes = Value::from(true);
        let no = Value::from(false);
        ensure!(is(at(pod, "/securityContext/runAsNonRoot"), &yes));
        ensure!(text(pod, "/securityContext/seccompProfile/type") == Some("RuntimeDefault"));
        for forbidden in ["hostNetwork", "hostPID", "hostIPC"] {
            ensure!(pod.get(forbidden).is_none(), "a pod has {forbidden}");
        }
        let containers = pod.get("containers").and_then(Value::as_sequence);
        for container in containers.context("a pod without containers")? {
            let context = container
                .get("securityContext")
                .context("a container without securityContext")?;
            ensure!(is(context.get("allowPrivilegeEscalation"), &no));
            ensure!(is(context.get("readOnlyRootFilesystem"), &yes));
            ensure!(text(context, "/capabilities/drop/0") == Some("ALL"));
            ensure!(
                at(container, "/resources/requests/memory").is_some()
                    && at(container, "/resources/limits/memory").is_some(),
                "a container says not how much memory it needs"
            );
        }
    }
    Ok(())
}

/// The role of people on call is made, bound to nobody, and shows no secrets.
pub(super) fn on_call(rendered: &Rendered) -> anyhow::Result<()> {
    let role = rendered.named("ClusterRole", ON_CALL)?;
    let role = serde_yaml::to_string(role)?;
    ensure!(
        role.contains("pods/portforward"),
        "kubectl shoal reaches no pod"
    );
    for word in ["secrets", "exec", "*", "delete"] {
        ensure!(!role.contains(word), "{ON_CALL} has {word}");
    }
    for binding in rendered.all("ClusterRoleBinding") {
        ensure!(
            text(binding, "/roleRef/name") != Some(ON_CALL),
            "{ON_CALL} is bound"
        );
    }
    Ok(())
}
