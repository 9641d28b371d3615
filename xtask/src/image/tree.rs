//! The files of an image, and the one layer that they make: the same files give the same bytes.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use tar::{Builder, EntryType, Header};

/// Paths in the image, without the leading slash, in the order of the layer.
#[derive(Default)]
pub(crate) struct Tree {
    entries: BTreeMap<String, Entry>,
}

enum Entry {
    Folder { mode: u32 },
    File { content: Content, mode: u32 },
}

enum Content {
    Text(String),
    CopyOf(PathBuf),
}

impl Tree {
    /// Adds a folder.
    pub(crate) fn folder(&mut self, path: &str, mode: u32) {
        self.insert(path, Entry::Folder { mode });
    }

    /// Adds a file with this text.
    pub(crate) fn text(&mut self, path: &str, text: impl Into<String>) {
        let content = Content::Text(text.into());
        self.insert(
            path,
            Entry::File {
                content,
                mode: 0o644,
            },
        );
    }

    /// Adds a file of this machine.
    pub(crate) fn copy(&mut self, path: &str, source: &Path, mode: u32) {
        let content = Content::CopyOf(source.to_path_buf());
        self.insert(path, Entry::File { content, mode });
    }

    /// The layer, an uncompressed tar. Owners are root, times are zero.
    pub(crate) fn layer(&self) -> anyhow::Result<Vec<u8>> {
        let mut tar = Builder::new(Vec::new());
        for (path, entry) in &self.entries {
            match entry {
                Entry::Folder { mode } => append(
                    &mut tar,
                    &format!("{path}/"),
                    EntryType::Directory,
                    *mode,
                    &[],
                ),
                Entry::File { content, mode } => {
                    append(&mut tar, path, EntryType::Regular, *mode, &content.bytes()?)
                }
            }
            .with_context(|| format!("cannot put {path} into the layer"))?;
        }
        Ok(tar.into_inner()?)
    }

    /// Writes the files into a folder of this machine.
    pub(crate) fn write(&self, folder: &Path) -> anyhow::Result<()> {
        use std::os::unix::fs::PermissionsExt;
        for (path, entry) in &self.entries {
            let target = folder.join(path);
            let mode = match entry {
                Entry::Folder { mode } => {
                    fs::create_dir_all(&target)?;
                    mode
                }
                Entry::File { content, mode } => {
                    fs::write(&target, content.bytes()?)
                        .with_context(|| format!("cannot write {}", target.display()))?;
                    mode
                }
            };
            fs::set_permissions(&target, fs::Permissions::from_mode(*mode))?;
        }
        Ok(())
    }

    fn insert(&mut self, path: &str, entry: Entry) {
        let path = path.trim_matches('/');
        for (slash, _) in path.match_indices('/') {
            self.entries
                .entry(path[..slash].to_owned())
                .or_insert(Entry::Folder { mode: 0o755 });
        }
        self.entries.insert(path.to_owned(), entry);
    }
}

impl Content {
    fn bytes(&self) -> anyhow::Result<Vec<u8>> {
        match self {
            Self::Text(text) => Ok(text.clone().into_bytes()),
            Self::CopyOf(source) => {
                fs::read(source).with_context(|| format!("cannot read {}", source.display()))
            }
        }
    }
}

/// Appends one entry.
pub(crate) fn append(
    tar: &mut Builder<Vec<u8>>,
    path: &str,
    kind: EntryType,
    mode: u32,
    content: &[u8],
) -> anyhow::Result<()> {
    let mut header = Header::new_ustar();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(content.len() as u64);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    tar.append_data(&mut header, path, content)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn the_order_of_insertion_leaves_no_trace() {
        let mut one = Tree::default();
        one.text("etc/passwd", "root");
        one.folder("tmp", 0o1777);
        let mut other = Tree::default();
        other.folder("/tmp/", 0o1777);
        other.text("/etc/passwd", "root");
        assert_eq!(one.layer().unwrap(), other.layer().unwrap());
    }

    #[test]
    fn folders_come_before_what_is_in_them() {
        let mut tree = Tree::default();
        tree.text("usr/share/sbom/shoal.cdx.json", "{}");
        let layer = tree.layer().unwrap();
        let mut archive = tar::Archive::new(layer.as_slice());
        let names: Vec<String> = archive
            .entries()
            .unwrap()
            .map(|entry| entry.unwrap().path().unwrap().display().to_string())
            .collect();
        assert_eq!(
            names,
            [
                "usr/",
                "usr/share/",
                "usr/share/sbom/",
                "usr/share/sbom/shoal.cdx.json"
            ]
        );
    }
}
