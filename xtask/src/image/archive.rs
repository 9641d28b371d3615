//! An image as one file that containerd, Docker, Podman and skopeo load: an OCI layout with Docker's manifest beside it.
//!
//! OCI image format specification 1.1: layout, index, manifest, configuration.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tar::{Builder, EntryType};

use super::tree::{Tree, append};
use crate::cluster::build::hex;

/// What runs when the image is started, and what it says about itself.
pub(crate) struct Settings {
    /// The program.
    pub entrypoint: Vec<String>,
    /// Where programs are looked for.
    pub path: &'static str,
    /// `UID:GID`.
    pub user: &'static str,
    /// `org.opencontainers.image.…`
    pub labels: BTreeMap<String, String>,
}

/// The tag of an image.
pub(crate) enum Tag {
    /// This one.
    Fixed(&'static str),
    /// The first digits of the layer's hash: other content, other tag.
    OfContent,
}

/// A written image.
pub(crate) struct Archive {
    /// The archive itself.
    pub file: PathBuf,
    /// `repository:tag`.
    pub reference: String,
    /// Digest of the manifest.
    pub digest: String,
    /// Bytes of the layer.
    pub size: usize,
}

impl Archive {
    /// Name, size and place, for a person.
    #[allow(clippy::cast_precision_loss, reason = "a size for a person to read")]
    pub(crate) fn describe(&self) -> String {
        format!(
            "{}, {:.1} MB uncompressed, {}: {}",
            self.reference,
            self.size as f64 / 1e6,
            self.digest,
            self.file.display()
        )
    }
}

/// Writes the image into the folder.
pub(crate) fn write(
    folder: &Path,
    repository: &str,
    tag: &Tag,
    tree: &Tree,
    settings: &Settings,
) -> anyhow::Result<Archive> {
    let layer = tree.layer()?;
    let layer_hash = hash(&layer);
    let tag = match tag {
        Tag::Fixed(tag) => (*tag).to_owned(),
        Tag::OfContent => layer_hash[..12].to_owned(),
    };
    let reference = format!("{repository}:{tag}");
    let configuration = serde_json::to_vec(&configuration(settings, &layer_hash))?;
    let manifest = serde_json::to_vec(&json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": descriptor("application/vnd.oci.image.config.v1+json", &configuration),
        "layers": [descriptor("application/vnd.oci.image.layer.v1.tar", &layer)],
    }))?;
    let mut in_index = descriptor("application/vnd.oci.image.manifest.v1+json", &manifest);
    in_index["annotations"] = json!({
        "io.containerd.image.name": reference,
        "org.opencontainers.image.ref.name": tag,
    });
    let index = serde_json::to_vec(&json!({"schemaVersion": 2, "manifests": [in_index]}))?;
    let docker = serde_json::to_vec(&json!([{
        "Config": blob(&configuration),
        "RepoTags": [reference],
        "Layers": [blob(&layer)],
    }]))?;

    let mut tar = Builder::new(Vec::with_capacity(layer.len() + 16_384));
    for folder in ["blobs/", "blobs/sha256/"] {
        append(&mut tar, folder, EntryType::Directory, 0o755, &[])?;
    }
    for content in [&layer, &configuration, &manifest] {
        append(&mut tar, &blob(content), EntryType::Regular, 0o644, content)?;
    }
    for (name, content) in [
        ("index.json", index.as_slice()),
        ("manifest.json", &docker),
        ("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#),
    ] {
        append(&mut tar, name, EntryType::Regular, 0o644, content)?;
    }
    let name = repository.rsplit('/').next().unwrap_or(repository);
    let file = folder.join(format!("{name}-{tag}.tar"));
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    fs::write(&file, tar.into_inner()?)
        .with_context(|| format!("cannot write {}", file.display()))?;
    Ok(Archive {
        file,
        reference,
        digest: format!("sha256:{}", hash(&manifest)),
        size: layer.len(),
    })
}

fn configuration(settings: &Settings, layer_hash: &str) -> Value {
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    json!({
        "architecture": architecture,
        "os": "linux",
        "created": "1970-01-01T00:00:00Z",
        "config": {
            "Entrypoint": settings.entrypoint,
            "Env": [format!("PATH={}", settings.path)],
            "User": settings.user,
            "Labels": settings.labels,
        },
        "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{layer_hash}")]},
        "history": [{"created": "1970-01-01T00:00:00Z", "created_by": "cargo xtask image"}],
    })
}

fn descriptor(media_type: &str, content: &[u8]) -> Value {
    json!({
        "mediaType": media_type,
        "digest": format!("sha256:{}", hash(content)),
        "size": content.len(),
    })
}

fn blob(content: &[u8]) -> String {
    format!("blobs/sha256/{}", hash(content))
}

fn hash(content: &[u8]) -> String {
    hex(&Sha256::digest(content))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn written(text: &str) -> (Archive, Vec<u8>) {
        let folder = std::env::temp_dir().join(format!("shoal-archive-{}", std::process::id()));
        let mut tree = Tree::default();
        tree.text("etc/content", text);
        let settings = Settings {
            entrypoint: vec!["/program".to_owned()],
            path: "/",
            user: "10001:10001",
            labels: BTreeMap::new(),
        };
        let archive = write(&folder, "localhost/test", &Tag::OfContent, &tree, &settings).unwrap();
        let bytes = fs::read(&archive.file).unwrap();
        fs::remove_file(&archive.file).unwrap();
        (archive, bytes)
    }

    #[test]
    fn the_same_content_gives_the_same_bytes_and_other_content_another_tag() {
        let (one, bytes) = written("one");
        let (again, bytes_again) = written("one");
        let (two, _) = written("two");
        assert_eq!(bytes, bytes_again);
        assert_eq!(one.reference, again.reference);
        assert_ne!(one.reference, two.reference);
        assert_ne!(one.digest, two.digest);
    }

    #[test]
    fn every_blob_is_named_by_its_hash() {
        let (_, bytes) = written("blobs");
        let mut archive = tar::Archive::new(bytes.as_slice());
        let mut blobs = 0;
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let path = entry.path().unwrap().display().to_string();
            if let Some(name) = path
                .strip_prefix("blobs/sha256/")
                .filter(|name| !name.is_empty())
            {
                let mut content = Vec::new();
                std::io::Read::read_to_end(&mut entry, &mut content).unwrap();
                assert_eq!(hash(&content), name);
                blobs += 1;
            }
        }
        assert_eq!(blobs, 3);
    }
}
