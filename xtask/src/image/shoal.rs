//! The one image for all subcommands.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;

use super::archive::{self, Archive, Settings, Tag};
use super::tree::Tree;
use super::{closure, labels, origin, sbom};
use crate::command::{cargo, root, succeed};
use crate::stage::say;

/// The name of the image on this machine.
pub(crate) const REPOSITORY: &str = "localhost/shoal";
/// What the image is, in a sentence.
pub(crate) const ABOUT: &str =
    "Video conferencing that scales in shards: signalling, focus, bridge, page, operator";
/// The user in the image.
const USER: &str = "10001:10001";
const CERTIFICATES: &str = "/etc/ssl/certs/ca-certificates.crt";
const SBOM: &str = "usr/share/sbom/shoal.cdx.json";

/// Compiles the binary and writes the image and its bill of materials into the folder.
pub(crate) fn build(folder: &Path, release: bool) -> anyhow::Result<Archive> {
    let (tree, sbom) = files(folder, release)?;
    let mut labels = labels("Shoal", env!("CARGO_PKG_VERSION"), "Apache-2.0", ABOUT);
    labels.extend(origin());
    let settings = Settings {
        entrypoint: vec!["/usr/local/bin/shoal".to_owned()],
        path: "/usr/local/bin",
        user: USER,
        labels,
    };
    let archive = archive::write(folder, REPOSITORY, &Tag::OfContent, &tree, &settings)?;
    fs::write(archive.file.with_extension("cdx.json"), sbom)?;
    Ok(archive)
}

/// The files of the image, and the bill of materials among them.
pub(crate) fn files(scratch: &Path, release: bool) -> anyhow::Result<(Tree, String)> {
    let binary = compile(scratch, release)?;
    let mut tree = Tree::default();
    let libraries = closure::add(&mut tree, "usr/local/bin/shoal", &binary)?;
    let certificates = Path::new(CERTIFICATES);
    if certificates.exists() {
        tree.copy(CERTIFICATES, certificates, 0o644);
    }
    tree.text(
        "etc/passwd",
        "root:x:0:0::/:/none\nshoal:x:10001:10001::/:/none\n",
    );
    tree.text("etc/group", "root:x:0:\nshoal:x:10001:\n");
    tree.text("etc/nsswitch.conf", "hosts: files dns\n");
    tree.folder("tmp", 0o1777);
    if !release {
        page_from_disk(&mut tree)?;
    }
    let sbom = sbom::of("shoal", &libraries)?;
    tree.text(SBOM, &sbom);
    Ok((tree, sbom))
}

/// The binary without symbols.
fn compile(scratch: &Path, release: bool) -> anyhow::Result<PathBuf> {
    say("building the server");
    let mut build = cargo();
    build.args(["build", "--package", "shoal", "--quiet"]);
    if release {
        build.arg("--release");
    }
    succeed(&mut build)?;
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    let profile = if release { "release" } else { "debug" };
    fs::create_dir_all(scratch).with_context(|| format!("cannot create {}", scratch.display()))?;
    let stripped = scratch.join("shoal");
    succeed(
        Command::new("strip")
            .arg("-o")
            .arg(&stripped)
            .arg(target.join(profile).join("shoal")),
    )
    .context("`strip` is a part of binutils, which comes with a C compiler")?;
    Ok(stripped)
}

/// A debug build reads the page from where it was when it was compiled.
fn page_from_disk(tree: &mut Tree) -> anyhow::Result<()> {
    let root = root();
    tree.folder(&root.join("shoal").display().to_string(), 0o755);
    let mut folders = vec![root.join("web/dist")];
    while let Some(folder) = folders.pop() {
        let entries =
            fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                tree.copy(&path.display().to_string(), &path, 0o644);
            }
        }
    }
    Ok(())
}
