//! Whole servers side by side: ours, the floor, and two others.

use std::fs;

use crate::cluster::build::LIVEKIT;
use crate::command::{cargo, root, succeed};
use crate::install::{self, IPROUTE, JANUS};
use crate::test::e2e::{OUTWARD, isolated};

/// The address of [`OUTWARD`]'s interface: Janus takes none that is loopback.
const ADDRESS: &str = "192.0.2.1";

pub(super) fn run(options: &[String]) -> anyhow::Result<()> {
    install::ensure(&[IPROUTE, JANUS])?;
    let livekit = LIVEKIT.binary()?;
    succeed(cargo().args([
        "build",
        "--release",
        "--quiet",
        "--package",
        "shoal",
        "--package",
        "shoal-bench",
    ]))?;
    let release = fs::canonicalize(root().join("target/release"))?;
    let mut bench = isolated(OUTWARD);
    bench
        .arg(release.join("shoal-bench"))
        .args(["--address", ADDRESS, "--shoal"])
        .arg(release.join("shoal"))
        .arg("--livekit")
        .arg(livekit)
        .args(options);
    succeed(&mut bench)
}
