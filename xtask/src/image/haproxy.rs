//! HAProxy from Debian's package, laid out as in HAProxy's own image, for the local cluster.

use std::path::Path;

use anyhow::Context;

use super::archive::{self, Archive, Settings, Tag};
use super::tree::Tree;
use super::{closure, labels, sbom};
use crate::install::{self, HAPROXY};

/// `repository:tag` of the image.
const REPOSITORY: &str = "localhost/haproxy";
const PROGRAM: &str = "/usr/sbin/haproxy";

/// Writes the image into the folder.
pub(crate) fn build(folder: &Path) -> anyhow::Result<Archive> {
    install::ensure(&[HAPROXY])?;
    let program = Path::new(PROGRAM);
    let (_, version) = sbom::owner(program)
        .context("HAProxy's image is made of Debian's package, which is not installed")?;
    let mut tree = Tree::default();
    closure::add(&mut tree, "usr/local/sbin/haproxy", program)?;
    tree.text(
        "etc/passwd",
        "root:x:0:0::/:/none\nhaproxy:x:10001:10001::/:/none\n",
    );
    tree.text("etc/group", "root:x:0:\nhaproxy:x:10001:\n");
    tree.text("etc/nsswitch.conf", "hosts: files dns\n");
    tree.folder("tmp", 0o1777);
    tree.folder("var/lib/haproxy", 0o755);
    let settings = Settings {
        entrypoint: vec!["/usr/local/sbin/haproxy".to_owned()],
        path: "/usr/local/sbin",
        user: "10001:10001",
        labels: labels(
            "HAProxy",
            &version,
            "GPL-2.0-or-later AND LGPL-2.1-or-later",
            "HAProxy from Debian's package, for a local cluster",
        ),
    };
    archive::write(folder, REPOSITORY, &Tag::Fixed("2.6"), &tree, &settings)
}
