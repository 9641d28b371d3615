//! A dynamically linked program with the shared libraries that it needs.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use super::tree::Tree;

/// Puts the program into the tree, and beside it its libraries and loader where the loader looks for them.
pub(super) fn add(tree: &mut Tree, path: &str, program: &Path) -> anyhow::Result<Vec<PathBuf>> {
    tree.copy(path, program, 0o755);
    let libraries = libraries(program)?;
    for library in &libraries {
        tree.copy(&library.display().to_string(), library, 0o755);
    }
    Ok(libraries)
}

fn libraries(program: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let output = Command::new("ldd")
        .arg(program)
        .env("LC_ALL", "C")
        .output()
        .context("cannot start `ldd`, a part of the C library")?;
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        bail!(
            "`ldd {}` failed: {}",
            program.display(),
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    parse(&text)
}

/// The files in what `ldd` prints: `NAME => FILE (ADDRESS)`, and `LOADER (ADDRESS)`.
fn parse(text: &str) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for line in text.lines() {
        if line.contains("=> not found") {
            bail!(
                "a shared library is missing on this machine: {}",
                line.trim()
            );
        }
        let file = line
            .split_once("=>")
            .map_or(line, |(_, file)| file)
            .split_whitespace()
            .next();
        if let Some(file) = file.filter(|file| file.starts_with('/')) {
            files.push(PathBuf::from(file));
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn libraries_and_loader_are_files_and_the_kernels_own_object_is_not() {
        let text = "\tlinux-vdso.so.1 (0x00007f19fd38c000)\n\
                    \tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f19fc61e000)\n\
                    \t/lib64/ld-linux-x86-64.so.2 (0x00007f19fd38e000)\n";
        assert_eq!(
            parse(text).unwrap(),
            [
                PathBuf::from("/lib/x86_64-linux-gnu/libc.so.6"),
                PathBuf::from("/lib64/ld-linux-x86-64.so.2"),
            ]
        );
    }

    #[test]
    fn a_missing_library_is_named() {
        let error = parse("\tlibmissing.so.1 => not found\n").unwrap_err();
        assert!(error.to_string().contains("libmissing.so.1"));
    }
}
