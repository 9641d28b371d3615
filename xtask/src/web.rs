//! The meeting page: its npm dependencies and its build.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use anyhow::Context;

use crate::command::{program, root, succeed};
use crate::stage::say;

/// Installs the npm packages of a folder when its lock file is newer than they are.
pub(crate) fn packages(folder: &str) -> anyhow::Result<()> {
    let base = root().join(folder);
    let lock = modified(&base.join("package-lock.json"))
        .with_context(|| format!("{folder}/package-lock.json is missing"))?;
    let installed = modified(&base.join("node_modules/.package-lock.json"));
    if installed.is_some_and(|installed| installed >= lock) {
        return Ok(());
    }
    say(&format!("installing the npm packages of {folder}/"));
    succeed(program("npm", folder).args(["ci", "--no-audit", "--no-fund"]))
        .context("npm could not install the packages: Node.js 20 or newer with npm is needed")
}

/// Builds `web/dist` when a source is newer than it.
pub(crate) fn build() -> anyhow::Result<()> {
    packages("web")?;
    let web = root().join("web");
    let built = modified(&web.join("dist/index.html"));
    let newest = [
        "src",
        "public",
        "index.html",
        "package-lock.json",
        "vite.config.ts",
    ]
    .iter()
    .filter_map(|path| newest(&web.join(path)))
    .max();
    if built.is_some() && built >= newest {
        return Ok(());
    }
    say("building the meeting page");
    succeed(program("npm", "web").args(["run", "build"]))
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|data| data.modified()).ok()
}

fn newest(path: &Path) -> Option<SystemTime> {
    if !path.is_dir() {
        return modified(path);
    }
    fs::read_dir(path)
        .ok()?
        .filter_map(|entry| newest(&entry.ok()?.path()))
        .max()
}
