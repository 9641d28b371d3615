//! `shoal operator` and `shoal front-door`: what runs in Kubernetes beside the parts.

use std::net::{Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use clap::Args;
use operator::config::{MetricsApi, Settings};
use operator::io::front_door;
use operator::world::Defaults;
use tokio_util::sync::CancellationToken;

/// Flags of `shoal operator`.
#[derive(Args)]
pub(crate) struct Operator {
    /// Serve the resources of this namespace only [default: all namespaces]
    #[arg(long, value_name = "NAME", env = "SHOAL_OPERATOR_NAMESPACE")]
    namespace: Option<String>,
    /// Image of Shoal's parts, where a JitsiCluster names none
    #[arg(long, value_name = "IMAGE", env = "SHOAL_OPERATOR_SHOAL_IMAGE")]
    shoal_image: String,
    /// HAProxy's image, 2.6 or newer, where a JitsiCluster names none
    #[arg(
        long,
        value_name = "IMAGE",
        env = "SHOAL_OPERATOR_HAPROXY_IMAGE",
        default_value = "docker.io/library/haproxy:3.0"
    )]
    haproxy_image: String,
    /// When images are pulled, where a JitsiCluster does not say: Always, IfNotPresent or Never
    #[arg(
        long,
        value_name = "POLICY",
        env = "SHOAL_OPERATOR_PULL_POLICY",
        default_value = "IfNotPresent",
        value_parser = ["Always", "IfNotPresent", "Never"]
    )]
    pull_policy: String,
    /// DNS domain of the Kubernetes cluster
    #[arg(
        long,
        value_name = "DOMAIN",
        env = "SHOAL_OPERATOR_CLUSTER_DOMAIN",
        default_value = "cluster.local"
    )]
    cluster_domain: String,
    /// Address and port of health and metrics
    #[arg(
        long,
        value_name = "ADDRESS:PORT",
        env = "SHOAL_OPERATOR_LISTEN",
        default_value_t = SocketAddr::from((Ipv6Addr::UNSPECIFIED, 8081))
    )]
    listen: SocketAddr,
    /// Serve custom.metrics.k8s.io as this Service of the operator's namespace [default: do not serve it]
    #[arg(long, value_name = "NAME", env = "SHOAL_OPERATOR_METRICS_API_SERVICE")]
    metrics_api_service: Option<String>,
    /// Address and port of that API
    #[arg(
        long,
        value_name = "ADDRESS:PORT",
        env = "SHOAL_OPERATOR_METRICS_API_LISTEN",
        default_value_t = SocketAddr::from((Ipv6Addr::UNSPECIFIED, 8443))
    )]
    metrics_api_listen: SocketAddr,
    /// JitsiCluster (YAML) that is made at the start, or brought to what the file says
    #[arg(long, value_name = "FILE", env = "SHOAL_OPERATOR_DEFAULT_CLUSTER")]
    default_cluster: Option<PathBuf>,
    /// Name of this replica among others
    #[arg(
        long,
        value_name = "NAME",
        env = "POD_NAME",
        default_value = "shoal-operator"
    )]
    identity: String,
    /// Namespace of the operator itself, where its lease is
    #[arg(
        long,
        value_name = "NAME",
        env = "POD_NAMESPACE",
        default_value = "default"
    )]
    own_namespace: String,
}

/// Flags of `shoal front-door`.
#[derive(Args)]
pub(crate) struct FrontDoor {
    /// Directory with files of HAProxy's configuration, or certificates; may be repeated
    #[arg(long, value_name = "DIR", required = true)]
    config_dir: Vec<PathBuf>,
    /// Socket of HAProxy's master (haproxy -W -S SOCKET)
    #[arg(long, value_name = "SOCKET")]
    master: PathBuf,
    /// Address and port of health and metrics
    #[arg(
        long,
        value_name = "ADDRESS:PORT",
        default_value_t = SocketAddr::from((Ipv6Addr::UNSPECIFIED, 8405))
    )]
    listen: SocketAddr,
}

/// Runs the operator until `stop` fires.
pub(crate) async fn run(flags: Operator, stop: CancellationToken) -> anyhow::Result<()> {
    let settings = Settings {
        namespace: flags.namespace,
        defaults: Defaults {
            shoal_image: flags.shoal_image,
            haproxy_image: flags.haproxy_image,
            pull_policy: flags.pull_policy,
            cluster_domain: flags.cluster_domain,
            operator_namespace: flags.own_namespace,
        },
        listen: flags.listen,
        metrics_api: flags.metrics_api_service.map(|service| MetricsApi {
            listen: flags.metrics_api_listen,
            service,
        }),
        default_cluster: flags.default_cluster,
        identity: flags.identity,
    };
    Ok(operator::io::run(settings, stop).await?)
}

/// Runs beside HAProxy until `stop` fires.
pub(crate) async fn front_door(flags: FrontDoor, stop: CancellationToken) -> anyhow::Result<()> {
    let settings = front_door::FrontDoor {
        config_dirs: flags.config_dir,
        master: flags.master,
        listen: flags.listen,
    };
    Ok(front_door::run(settings, stop).await?)
}
