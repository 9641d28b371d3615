//! A node: namespaces of its own on this machine, held by one process.
//!
//! Its processes end when that one does, its mounts and links when they do. The machine's own network, `/run` and kernel
//! settings are never touched.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};

use super::build::{self, PAUSE};
use super::cgroups;
use super::daemon::{Daemon, wait_for};
use super::layout::Layout;
use crate::command::succeed;

/// A running node.
#[derive(Clone)]
pub(crate) struct Node {
    /// 1 for the one with the control plane.
    pub index: u8,
    /// The process that holds its namespaces.
    pub init: u32,
}

/// The name of a node.
pub(crate) fn name(index: u8) -> String {
    format!("node{index}")
}

/// The address of a node.
pub(crate) fn address(index: u8) -> String {
    format!("10.99.0.{}", u16::from(index) + 1)
}

/// The addresses of a node's pods.
pub(crate) fn pod_range(index: u8) -> String {
    format!("10.244.{index}.0/24")
}

impl Node {
    /// Makes the namespaces, mounts and links of a node; node 1 comes first.
    pub(crate) fn create(layout: &Layout, index: u8) -> anyhow::Result<Self> {
        let name = name(index);
        let data = layout.node(index);
        fs::create_dir_all(&data).with_context(|| format!("cannot create {}", data.display()))?;
        cgroups::create(layout, index)?;
        let log = layout.logs().join(format!("{name}.unshare.log"));
        super::layout::write(&log, "")?;
        let child = Command::new("setsid")
            .args(["unshare", "--mount", "--net", "--uts", "--pid", "--fork"])
            .args(["--mount-proc", "--propagation", "private"])
            .arg(PAUSE.binary()?)
            .arg(&name)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(&log)?)
            .spawn()
            .context("cannot start `setsid unshare`: util-linux is needed")?;
        let mut found = None;
        wait_for(
            &format!("the namespaces of {name} (are they permitted here?)"),
            Duration::from_secs(10),
            &mut [Daemon {
                title: "unshare".to_owned(),
                child,
                log,
            }],
            || {
                found = running()?.into_iter().find(|node| node.index == index);
                Ok(found.is_some())
            },
        )?;
        let node = found.context("invariant: the wait ended with a node")?;
        node.script(
            include_str!("node/mounts.sh"),
            &[
                &name,
                &data.display().to_string(),
                &layout.data().display().to_string(),
            ],
        )?;
        node.connect()?;
        Ok(node)
    }

    /// The node's name.
    pub(crate) fn name(&self) -> String {
        name(self.index)
    }

    /// A command in the node's network, with the caller's files.
    pub(crate) fn in_network(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("nsenter");
        command
            .args(["--target", &self.init.to_string(), "--net", "--"])
            .arg(program);
        command
    }

    /// A command in all of the node's namespaces.
    pub(crate) fn inside(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("nsenter");
        command
            .args(["--target", &self.init.to_string()])
            .args(["--mount", "--net", "--uts", "--pid", "--"])
            .arg(program);
        command
    }

    /// Starts a program of the node that outlives this task.
    pub(crate) fn start(
        &self,
        layout: &Layout,
        program: PathBuf,
        args: &[String],
    ) -> anyhow::Result<Daemon> {
        let title = program
            .file_name()
            .unwrap_or(program.as_os_str())
            .to_string_lossy()
            .into_owned();
        let log = layout.logs().join(format!("{}.{title}.log", self.name()));
        super::layout::write(&log, "")?;
        let inside = self.inside(&program);
        let child = Command::new("setsid")
            .arg(inside.get_program())
            .args(inside.get_args())
            .args(args)
            // What the caller's shell is set up for is none of the cluster's business.
            .env_clear()
            .env(
                "PATH",
                "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            )
            .stdin(Stdio::null())
            .stdout(fs::File::create(&log)?)
            .stderr(fs::File::options().append(true).open(&log)?)
            .spawn()
            .with_context(|| format!("cannot start {title} on {}", self.name()))?;
        Ok(Daemon { title, child, log })
    }

    /// Ends the node and everything that runs on it.
    pub(crate) fn kill(&self) -> anyhow::Result<()> {
        succeed(Command::new("kill").args(["-9", &self.init.to_string()]))?;
        wait_for(
            &format!("the end of {}", self.name()),
            Duration::from_secs(30),
            &mut [],
            || Ok(!running()?.iter().any(|node| node.init == self.init)),
        )
    }

    fn connect(&self) -> anyhow::Result<()> {
        if self.index == 1 {
            return self.script(include_str!("node/switch.sh"), &[&address(1)]);
        }
        let all = running()?;
        let Some(switch) = all.iter().find(|node| node.index == 1) else {
            bail!("node1 ended while {} was plugged in", self.name());
        };
        // Only its network: the process id is one of this side.
        let mut uplink = switch.in_network("/bin/sh");
        uplink
            .args(["-c", include_str!("node/uplink.sh"), "uplink", &self.name()])
            .arg(self.init.to_string())
            .args([pod_range(self.index), address(self.index)]);
        succeed(&mut uplink)?;
        self.script(
            include_str!("node/interface.sh"),
            &[&address(self.index), &address(1)],
        )?;
        for other in all
            .iter()
            .filter(|node| node.index > 1 && node.index != self.index)
        {
            self.route_to(other)?;
            other.route_to(self)?;
        }
        Ok(())
    }

    fn route_to(&self, other: &Self) -> anyhow::Result<()> {
        let mut route = self.in_network("ip");
        route
            .args(["route", "replace", &pod_range(other.index)])
            .args(["via", &address(other.index)]);
        succeed(&mut route)
    }

    fn script(&self, script: &str, args: &[&str]) -> anyhow::Result<()> {
        let mut command = self.inside("/bin/sh");
        command.args(["-c", script, "node"]).args(args);
        command.process_group(0);
        succeed(&mut command).with_context(|| format!("cannot set up {}", self.name()))
    }
}

/// The nodes that run, in order. The kernel is asked, so no file can be out of date.
pub(crate) fn running() -> anyhow::Result<Vec<Node>> {
    let mut nodes = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let process = entry?.path();
        let Ok(program) = fs::read_link(process.join("exe")) else {
            continue;
        };
        if !build::is_built_here(&program, PAUSE.name) {
            continue;
        }
        let arguments = fs::read(process.join("cmdline")).unwrap_or_default();
        let index = arguments
            .split(|&byte| byte == 0)
            .nth(1)
            .and_then(|argument| std::str::from_utf8(argument).ok())
            .and_then(|argument| argument.strip_prefix("node"))
            .and_then(|index| index.parse().ok());
        let init = process
            .file_name()
            .and_then(|name| name.to_string_lossy().parse().ok());
        if let (Some(index), Some(init)) = (index, init) {
            nodes.push(Node { index, init });
        }
    }
    nodes.sort_by_key(|node| node.index);
    Ok(nodes)
}
