//! What is asked, from the path and the query.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use super::metric::{GROUP, Metric, VERSION};
use super::refusal::Refusal;
use super::selector::{self, Selector};

/// What is asked.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    /// Which groups there are.
    Groups,
    /// Which versions the group has.
    Group,
    /// Which resources the version has.
    Resources,
    /// A metric of pods.
    Values(Query),
}

/// A metric of pods.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// Namespace of the pods.
    pub namespace: String,
    /// Which pods.
    pub pods: Pods,
    /// Which metric.
    pub metric: Metric,
}

/// Which pods.
#[derive(Clone, Debug, PartialEq)]
pub enum Pods {
    /// By `metadata.name`.
    Named(String),
    /// Those with these labels.
    Labelled(Selector),
}

impl Pods {
    /// As in the path.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Named(name) => name,
            Self::Labelled(_) => "*",
        }
    }
}

/// Reads a path and a query, as they are on the wire.
///
/// # Errors
/// When there is nothing at that path, or a selector cannot be read.
pub fn parse(path: &str, query: Option<&str>) -> Result<Request, Refusal> {
    let parts: Vec<Cow<'_, str>> = path
        .trim_matches('/')
        .split('/')
        .map(|part| percent_decode_str(part).decode_utf8_lossy())
        .collect();
    let parts: Vec<&str> = parts.iter().map(AsRef::as_ref).collect();
    match parts[..] {
        ["apis"] => Ok(Request::Groups),
        ["apis", GROUP] => Ok(Request::Group),
        ["apis", GROUP, VERSION] => Ok(Request::Resources),
        [
            "apis",
            GROUP,
            VERSION,
            "namespaces",
            namespace,
            "pods",
            pod,
            metric,
        ] => {
            let known = Metric::ALL.into_iter().find(|known| known.name() == metric);
            let metric = known.ok_or_else(|| {
                let names = Metric::ALL.map(Metric::name).join(" and ");
                Refusal::not_found(format!("bridges have the metrics {names}, not {metric}"))
            })?;
            let pods = match pod {
                "*" => Pods::Labelled(selectors(query.unwrap_or_default())?),
                name => Pods::Named(name.to_owned()),
            };
            Ok(Request::Values(Query {
                namespace: namespace.to_owned(),
                pods,
                metric,
            }))
        }
        _ => Err(Refusal::not_found(format!(
            "there is nothing at {path}: ask for /apis/{GROUP}/{VERSION}/namespaces/NAMESPACE/pods/*/METRIC"
        ))),
    }
}

fn selectors(query: &str) -> Result<Selector, Refusal> {
    let mut selected = Selector::default();
    for (key, value) in form_urlencoded::parse(query.as_bytes()) {
        match key.as_ref() {
            "labelSelector" => selected = selector::parse(&value)?,
            "metricLabelSelector" if !value.is_empty() => {
                return Err(Refusal::bad_request(
                    "the metrics of bridges have no labels: leave metric.selector out of the HorizontalPodAutoscaler",
                ));
            }
            _ => {}
        }
    }
    Ok(selected)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    const PODS: &str = "/apis/custom.metrics.k8s.io/v1beta2/namespaces/meet/pods";

    #[test]
    fn paths_are_those_of_the_custom_metrics_api() {
        assert_eq!(parse("/apis", None).unwrap(), Request::Groups);
        assert_eq!(
            parse("/apis/custom.metrics.k8s.io", None).unwrap(),
            Request::Group
        );
        assert_eq!(
            parse("/apis/custom.metrics.k8s.io/v1beta2/", None).unwrap(),
            Request::Resources
        );
        let named = parse(&format!("{PODS}/p-bridge-0/bridge_stress"), None).unwrap();
        assert_eq!(
            named,
            Request::Values(Query {
                namespace: "meet".into(),
                pods: Pods::Named("p-bridge-0".into()),
                metric: Metric::Stress,
            })
        );
        let query = Some("labelSelector=shoal.video%2Fpool%3Dp%2Czone%20in%20(a%2Cb)");
        let path = format!("{PODS}/%2A/bridge_network_bytes_per_second");
        let Request::Values(all) = parse(&path, query).unwrap() else {
            panic!("no values");
        };
        let Pods::Labelled(selector) = all.pods else {
            panic!("no labels");
        };
        let meant = selector::parse("shoal.video/pool=p,zone in (a,b)").unwrap();
        assert_eq!(selector, meant);
    }

    #[test]
    fn everything_else_is_not_found_and_a_bad_selector_is_a_bad_request() {
        for path in [
            "/",
            "/openapi/v2",
            "/apis/metrics.k8s.io",
            "/apis/custom.metrics.k8s.io/v1beta1",
            &format!("{PODS}/*/requests"),
            &format!("{PODS}/*/bridge_stress/more"),
        ] {
            assert_eq!(parse(path, None).unwrap_err().code, 404, "{path}");
        }
        let path = format!("{PODS}/*/bridge_stress");
        for query in ["labelSelector=a%20b", "metricLabelSelector=a%3Db"] {
            assert_eq!(parse(&path, Some(query)).unwrap_err().code, 400, "{query}");
        }
    }
}
