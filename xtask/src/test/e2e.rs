//! The stages with real browsers and foreign clients, each in a network
//! namespace of its own.

use std::process::Command;

use crate::command::{cargo, program, root, succeed, succeeds};
use crate::install::{self, CHROMIUM, FIREFOX, GSTREAMER, IPROUTE, PYTHON_VENV};
use crate::stage::say;
use crate::web;

/// Arguments of Node for its test runner; a file follows.
pub(super) const NODE_TEST: [&str; 4] = [
    "--test",
    "--test-concurrency=1",
    "--test-force-exit",
    "--test-reporter=spec",
];

/// What the network namespace of a test has besides nothing: loopback.
const LOOPBACK: &str = "ip link set lo up";
/// GStreamer uses no loopback. Nothing leads out of here, so nobody waits for answers from there.
const LINKED: &str = "ip link set lo up \
    && ip link add out type veth peer name back \
    && ip addr add 192.0.2.1/24 dev out \
    && ip link set out up && ip link set back up";
/// Firefox uses interfaces that a default route leads over, and no loopback.
pub(crate) const OUTWARD: &str = "ip link set lo up \
    && ip link add out type veth peer name back \
    && ip addr add 192.0.2.1/24 dev out \
    && ip link set out up && ip link set back up \
    && ip route add default via 192.0.2.254";

/// Three Chromium in one meeting, one process; Firefox with Chromium; one with a participant of the load test.
pub(super) fn meeting() -> anyhow::Result<()> {
    node("tests/meeting.test.mjs")?;
    install::ensure(&[FIREFOX])?;
    node_in(OUTWARD, "tests/firefox.test.mjs")?;
    node("tests/loadtest.test.mjs")
}

/// A meeting over HTTPS; the same with a process per part, and the loss of a bridge.
pub(super) fn parts() -> anyhow::Result<()> {
    node("tests/address.test.mjs")?;
    node("tests/parts.test.mjs")?;
    node("tests/locks.test.mjs")?;
    node("tests/restart.test.mjs")
}

/// Strangers beside a call.
pub(super) fn floods() -> anyhow::Result<()> {
    node("tests/floods.test.mjs")
}

/// Each codec as the sent one.
pub(super) fn codecs() -> anyhow::Result<()> {
    node("tests/codecs.test.mjs")
}

/// Clients and WebRTC stacks that nobody here wrote.
pub(super) fn clients() -> anyhow::Result<()> {
    install::ensure(&[PYTHON_VENV])?;
    web::packages("e2e")?;
    // The tests' own network reaches no package registry.
    succeed(program("node", "e2e").args(["support/prepare.mjs", "--python"]))?;
    node("tests/clients.test.mjs")?;
    // Its packages are many: where they are not to be had, its test says that it is left out.
    if let Err(error) = install::ensure(GSTREAMER) {
        say(&format!("without GStreamer: {error:#}"));
    }
    node_in(LINKED, "tests/stacks.test.mjs")
}

fn node(test: &str) -> anyhow::Result<()> {
    node_in(LOOPBACK, test)
}

fn node_in(network: &str, test: &str) -> anyhow::Result<()> {
    install::ensure(&[CHROMIUM, IPROUTE])?;
    web::build()?;
    web::packages("e2e")?;
    succeed(cargo().args(["build", "--package", "shoal", "--quiet"]))?;
    succeed(program("node", "e2e").arg("support/prepare.mjs"))?;
    let mut command = isolated(network);
    command
        .current_dir(root().join("e2e"))
        .arg("node")
        .args(NODE_TEST)
        .arg(test);
    succeed(&mut command)
}

/// A command line that runs the rest in a network namespace of its own, which `network` sets up, where
/// the kernel allows that.
pub(crate) fn isolated(network: &str) -> Command {
    let up = format!("{network} && exec \"$@\"");
    for flags in [&["--net"][..], &["--user", "--map-root-user", "--net"][..]] {
        let mut probe = Command::new("unshare");
        probe.args(flags).args(["ip", "link", "set", "lo", "up"]);
        if succeeds(&mut probe) {
            let mut command = Command::new("unshare");
            command.args(flags).args(["sh", "-c", &up, "sh"]);
            return command;
        }
    }
    say("network namespaces are not permitted here: the test shares the machine's network");
    Command::new("env")
}
