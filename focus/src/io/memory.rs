//! Files that remember conferences, one for each, written by a thread of their own.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use crate::conference::Memory;

/// Changes that may wait for the disk. More are dropped: the next change of the conference makes good.
const QUEUE: usize = 4096;
/// The largest file that is read, in bytes.
const MAX_BYTES: u64 = 16 * 1024 * 1024;
const ENDING: &str = "conference.json";

/// A change: what is to be remembered of a room, or that there is nothing.
type Change = (String, Option<Box<Memory>>);

/// The way to the files.
#[derive(Debug)]
pub(super) struct Notebook {
    changes: Option<SyncSender<Change>>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Notebook {
    /// Waits until everything is written.
    fn drop(&mut self) {
        self.changes = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Notebook {
    /// Opens the directory and reads what is remembered. Files that make no sense are skipped.
    pub(super) fn open(directory: &Path) -> io::Result<(Self, Vec<Memory>)> {
        fs::create_dir_all(directory)?;
        let mut memories = Vec::new();
        for entry in fs::read_dir(directory)? {
            let path = entry?.path();
            if !path.to_string_lossy().ends_with(ENDING) {
                continue;
            }
            match read(&path) {
                Ok(memory) => memories.push(memory),
                Err(error) => {
                    tracing::warn!(path = %path.display(), %error, "a remembered conference is skipped")
                }
            }
        }
        let (changes, receiver) = sync_channel(QUEUE);
        let directory = directory.to_owned();
        let thread = std::thread::Builder::new()
            .name("focus-memory".to_owned())
            .spawn(move || keep(&directory, &receiver))?;
        let notebook = Self {
            changes: Some(changes),
            thread: Some(thread),
        };
        Ok((notebook, memories))
    }

    /// Notes a change; never waits.
    pub(super) fn note(&self, room: String, memory: Option<Box<Memory>>) {
        let sent = self.changes.as_ref().map(|c| c.try_send((room, memory)));
        if !matches!(sent, Some(Ok(()))) {
            tracing::warn!("the disk is too slow to remember every conference");
        }
    }
}

fn read(path: &Path) -> io::Result<Memory> {
    if fs::metadata(path)?.len() > MAX_BYTES {
        return Err(io::Error::other("the file is too large"));
    }
    serde_json::from_slice(&fs::read(path)?).map_err(io::Error::other)
}

/// Writes changes; of several of one room only the last.
fn keep(directory: &Path, changes: &Receiver<Change>) {
    while let Ok((room, memory)) = changes.recv() {
        let mut latest = BTreeMap::from([(room, memory)]);
        while let Ok((room, memory)) = changes.try_recv() {
            latest.insert(room, memory);
        }
        for (room, memory) in latest {
            let path = directory.join(file_name(&room));
            let result = match memory {
                Some(memory) => write(&path, &memory),
                None => match fs::remove_file(&path) {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                    other => other,
                },
            };
            if let Err(error) = result {
                tracing::error!(path = %path.display(), %error, "a conference cannot be remembered; is the disk full?");
            }
        }
    }
}

/// Replaced as a whole, so that a crash leaves the old file or the new one.
fn write(path: &Path, memory: &Memory) -> io::Result<()> {
    let text = serde_json::to_vec(memory).map_err(io::Error::other)?;
    let new = PathBuf::from(format!("{}.new", path.display()));
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&new)?;
    file.write_all(&text)?;
    fs::rename(new, path)
}

/// Letters, digits and hyphens of the room's name, and a number that tells similar names apart.
fn file_name(room: &str) -> String {
    let plain: String = room
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == '-')
        .take(64)
        .collect();
    let number = room.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{plain}-{number:016x}.{ENDING}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_rooms_cannot_leave_the_directory_or_collide() {
        let names = ["../../etc/passwd@muc.d", "a@muc.d", "a.@muc.d", "ä@muc.d"].map(file_name);
        for name in &names {
            assert!(!name.contains('/') && !name.starts_with('.'), "{name}");
        }
        let different: std::collections::BTreeSet<_> = names.iter().collect();
        assert_eq!(different.len(), names.len());
    }
}
