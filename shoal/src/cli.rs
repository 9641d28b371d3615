//! The command line.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use figment::value::{Dict, Value};

/// Shoal: video conferences that are compatible with Jitsi on the wire.
#[derive(Parser)]
#[command(version, max_term_width = 100)]
pub(crate) struct Cli {
    /// Which part to run.
    #[command(subcommand)]
    pub part: Part,
}

/// The parts of a meeting service.
#[derive(Subcommand)]
pub(crate) enum Part {
    /// Everything in one process: the page, signalling, focus and one bridge
    All {
        /// Where settings come from.
        #[command(flatten)]
        source: Source,
        /// Shortcuts for the settings that most people change.
        #[command(flatten)]
        shortcuts: Shortcuts,
    },
    /// The XMPP server of a shard
    Signalling(Source),
    /// The focus of a shard: places conferences on bridges and runs their sessions
    Focus(Source),
    /// A bridge: receives and forwards media
    Bridge(Source),
    /// The meeting page, with the other parts behind the same address
    Web(Source),
    /// The Kubernetes operator: makes clusters, shards and bridge pools of their resources
    Operator(crate::kubernetes::Operator),
    /// Beside HAProxy in a front door's pod: reloads it when its configuration changes
    FrontDoor(crate::kubernetes::FrontDoor),
    /// What `kubectl shoal` does: status, rooms, where, drain, undrain, move, why
    Kubectl(crate::kubectl::Options),
    /// Hold meetings with scripted participants and report what they notice
    Loadtest(crate::loadtest::Options),
    /// Hold a meeting at a JitsiCluster, from a pod of the same Kubernetes (`helm test`)
    Check(crate::check::Options),
    /// Print the default configuration as TOML
    Configuration,
    /// Print the definition of a Kubernetes resource as YAML
    Crd {
        /// Which one: jitsiclusters, jitsishards or bridgepools
        plural: String,
    },
}

/// Where settings come from. Later ones win: defaults, file, environment
/// (`SHOAL_BRIDGE__UDP_PORT=10001`), `--set`, other flags.
#[derive(Args, Default)]
pub(crate) struct Source {
    /// Configuration file (TOML); `shoal configuration` prints one with all defaults
    #[arg(long, short, value_name = "FILE", env = "SHOAL_CONFIG")]
    pub config: Option<PathBuf>,
    /// One setting, for instance `--set bridge.udp_port=10001`; may be repeated
    #[arg(long, value_name = "SECTION.KEY=VALUE", value_parser = setting)]
    pub set: Vec<(String, Value)>,
}

/// Flags of `shoal all`.
#[derive(Args, Default)]
pub(crate) struct Shortcuts {
    /// Address and port of the page; any but loopback is served over HTTPS [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<SocketAddr>,
    /// PEM file with the certificate chain for HTTPS [default: a self-signed one, made at first start]
    #[arg(long, value_name = "FILE", requires = "key")]
    pub certificate: Option<PathBuf>,
    /// PEM file with the private key of the certificate
    #[arg(long, value_name = "FILE", requires = "certificate")]
    pub key: Option<PathBuf>,
    /// UDP port of all media [default: 10000]
    #[arg(long, value_name = "PORT")]
    pub media_port: Option<u16>,
    /// IP address at which browsers reach the media port; may be repeated [default: this machine's]
    #[arg(long, value_name = "IP")]
    pub advertise: Vec<IpAddr>,
    /// XMPP domain of the service [default: meet.shoal]
    #[arg(long, value_name = "NAME")]
    pub domain: Option<String>,
}

impl Shortcuts {
    /// The flags as settings with their full names.
    pub(crate) fn settings(&self) -> Vec<(String, Value)> {
        let mut settings = Vec::new();
        let mut set = |key: &str, value: Value| settings.push((key.to_owned(), value));
        if let Some(listen) = self.listen {
            set("web.listen", listen.to_string().into());
        }
        if let Some(path) = &self.certificate {
            set(
                "web.certificate",
                path.to_string_lossy().into_owned().into(),
            );
        }
        if let Some(path) = &self.key {
            set("web.key", path.to_string_lossy().into_owned().into());
        }
        if let Some(port) = self.media_port {
            set("bridge.udp_port", port.into());
        }
        if !self.advertise.is_empty() {
            let addresses: Vec<String> = self.advertise.iter().map(IpAddr::to_string).collect();
            set("bridge.advertised_addresses", addresses.into());
        }
        if let Some(domain) = &self.domain {
            set("signalling.domain", domain.clone().into());
        }
        settings
    }
}

/// `a.b=VALUE`, where VALUE is TOML, or a bare word taken as text.
fn setting(text: &str) -> Result<(String, Value), String> {
    let (key, value) = text
        .split_once('=')
        .ok_or_else(|| format!("`{text}` is not of the form SECTION.KEY=VALUE"))?;
    let parsed: Dict = toml::from_str(&format!("value = {value}"))
        .or_else(|_| toml::from_str(&format!("value = {value:?}")))
        .map_err(|error| format!("`{value}` is no TOML value: {error}"))?;
    let value = parsed
        .into_values()
        .next()
        .ok_or_else(|| format!("`{text}` sets nothing"))?;
    Ok((key.trim().to_owned(), value))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_setting_is_toml_or_a_bare_word() {
        assert_eq!(setting("bridge.udp_port=1").unwrap().1, Value::from(1i64));
        assert_eq!(setting("a.b=word").unwrap().1, Value::from("word"));
        assert_eq!(
            setting("a.b=127.0.0.1:80").unwrap().1,
            Value::from("127.0.0.1:80")
        );
        assert!(
            setting("nothing")
                .unwrap_err()
                .contains("SECTION.KEY=VALUE")
        );
    }

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }
}
