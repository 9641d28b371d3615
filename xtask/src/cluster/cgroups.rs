//! The control groups under which a node's pods live: in version 1 a folder in each hierarchy, in version 2 one folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;

use super::daemon::wait_for;
use super::layout::Layout;

const ROOT: &str = "/sys/fs/cgroup";

/// The name of a node's group, as the kubelet's `cgroupRoot`.
pub(super) fn name(layout: &Layout, index: u8) -> String {
    format!("/{}{index}", prefix(layout))
}

/// Clusters under different cache folders do not meet.
fn prefix(layout: &Layout) -> String {
    format!("shoal-{}-node", layout.id())
}

/// Makes the groups of a node.
pub(super) fn create(layout: &Layout, index: u8) -> anyhow::Result<()> {
    let name = name(layout, index);
    for hierarchy in hierarchies() {
        let folder = hierarchy.join(&name[1..]);
        fs::create_dir_all(&folder)
            .with_context(|| format!("cannot create the control group {}", folder.display()))?;
    }
    Ok(())
}

/// Removes the groups of all nodes, once their last process is gone.
pub(super) fn remove(layout: &Layout) -> anyhow::Result<()> {
    let prefix = prefix(layout);
    wait_for(
        "the end of the nodes' control groups",
        Duration::from_secs(20),
        &mut [],
        || {
            let mut left = false;
            for hierarchy in hierarchies() {
                for entry in fs::read_dir(&hierarchy)?.flatten() {
                    if entry.file_name().to_string_lossy().starts_with(&prefix) {
                        left |= !remove_tree(&entry.path());
                    }
                }
            }
            Ok(!left)
        },
    )
}

/// Deepest first: a group goes only when it has no groups and no processes.
fn remove_tree(group: &Path) -> bool {
    if let Ok(entries) = fs::read_dir(group) {
        for entry in entries.flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                remove_tree(&entry.path());
            }
        }
    }
    fs::remove_dir(group).is_ok()
}

fn hierarchies() -> Vec<PathBuf> {
    let root = PathBuf::from(ROOT);
    if root.join("cgroup.controllers").exists() {
        return vec![root];
    }
    let mut hierarchies: Vec<PathBuf> = fs::read_dir(&root)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.join("cgroup.procs").exists() && !path.is_symlink())
        .collect();
    hierarchies.sort();
    hierarchies
}
