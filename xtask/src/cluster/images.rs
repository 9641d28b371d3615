//! Images on the nodes: there is no registry, so each node is given what it runs.

use std::collections::{BTreeMap, HashMap};
use std::process::Stdio;
use std::thread;

use anyhow::{Context, bail};

use super::build::Program;
use super::node::{self, Node};
use crate::command::{cache, succeed};
pub(crate) use crate::image::archive::Archive;
use crate::image::archive::{self, Settings, Tag};
use crate::image::tree::Tree;
use crate::stage::say;

/// The image of the holder of pods' namespaces.
pub(crate) fn pause(program: &Program) -> anyhow::Result<Archive> {
    of_program(program, "1")
}

/// The image of the cluster's DNS.
pub(crate) fn coredns(program: &Program) -> anyhow::Result<Archive> {
    of_program(program, "1.14.7")
}

/// The image of the tests' Ingress controller and Gateway.
pub(crate) fn traefik(program: &Program) -> anyhow::Result<Archive> {
    of_program(program, "3.6.7")
}

/// An image that holds one static binary.
fn of_program(program: &Program, tag: &'static str) -> anyhow::Result<Archive> {
    let mut tree = Tree::default();
    tree.copy(program.name, &program.binary()?, 0o755);
    tree.folder("tmp", 0o1777);
    archive::write(
        &cache()?.join("images"),
        &format!("localhost/{}", program.name),
        &Tag::Fixed(tag),
        &tree,
        &Settings {
            entrypoint: vec![format!("/{}", program.name)],
            path: "/",
            user: "0:0",
            labels: BTreeMap::new(),
        },
    )
}

/// Gives every node the images that it does not have, all nodes at once.
pub(crate) fn import(archives: &[&Archive]) -> anyhow::Result<()> {
    on_every_node(|node| {
        let present = present(node)?;
        for archive in archives {
            if present.get(&archive.reference) == Some(&archive.digest) {
                continue;
            }
            let mut import = ctr(node);
            import
                .arg("import")
                .arg(&archive.file)
                .stdout(Stdio::null());
            succeed(&mut import).with_context(|| {
                format!("cannot import {} on {}", archive.reference, node.name())
            })?;
            say(&format!(
                "          {} on {}",
                archive.reference,
                node.name()
            ));
        }
        Ok(())
    })
}

/// Gives an image on every node another name, so that a test can roll out "the next" image.
pub(crate) fn retag(from: &str, to: &str) -> anyhow::Result<()> {
    on_every_node(|node| {
        let mut tag = ctr(node);
        tag.args(["tag", "--force", from, to]).stdout(Stdio::null());
        succeed(&mut tag)
            .with_context(|| format!("cannot name {from} also {to} on {}", node.name()))
    })
}

fn on_every_node(work: impl Fn(&Node) -> anyhow::Result<()> + Sync) -> anyhow::Result<()> {
    let nodes = node::running()?;
    thread::scope(|scope| {
        let works: Vec<_> = nodes
            .iter()
            .map(|node| scope.spawn(|| work(node)))
            .collect();
        for done in works {
            match done.join() {
                Ok(result) => result?,
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        Ok(())
    })
}

/// Names and digests of a node's images.
fn present(node: &Node) -> anyhow::Result<HashMap<String, String>> {
    let output = ctr(node).arg("list").output()?;
    if !output.status.success() {
        bail!(
            "{} does not list its images: {}",
            node.name(),
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout)
        .lines()
        .skip(1)
        .filter_map(|line| {
            let mut columns = line.split_whitespace();
            let name = columns.next()?.to_owned();
            Some((name, columns.nth(1)?.to_owned()))
        })
        .collect())
}

/// containerd's client, in the name space that Kubernetes uses.
fn ctr(node: &Node) -> std::process::Command {
    let mut ctr = node.inside("ctr");
    ctr.args(["--namespace", "k8s.io", "images"]);
    ctr
}
