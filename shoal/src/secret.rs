//! Secrets that nobody has to make: for the life of one process, and for longer.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rand::distr::{Alphanumeric, SampleString};

/// A password that nobody needs to type.
pub(crate) fn generate() -> String {
    Alphanumeric.sample_string(&mut rand::rng(), 40)
}

/// The secret that is kept in this file, made when absent.
pub(crate) fn kept(path: &Path) -> io::Result<String> {
    let known = fs::read_to_string(path).unwrap_or_default();
    if !known.trim().is_empty() {
        return Ok(known.trim().to_owned());
    }
    let secret = generate();
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?
        .write_all(secret.as_bytes())?;
    Ok(secret)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_secret_is_made_once_and_is_for_its_owner_only() {
        let folder = std::env::temp_dir().join(format!("shoal-secret-{}", std::process::id()));
        let path = folder.join("state/memory.secret");
        let made = kept(&path).unwrap();
        assert!(made.len() >= 32);
        assert_eq!(kept(&path).unwrap(), made);
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        fs::write(&path, "").unwrap();
        assert_ne!(kept(&path).unwrap(), made, "a file that was cut short");
        fs::remove_dir_all(folder).unwrap();
        assert!(kept(Path::new("/proc/nowhere/memory.secret")).is_err());
    }
}
