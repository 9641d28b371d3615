//! Logic is pure: clocks, tasks, threads, locks, sockets and the system's randomness live under `io/`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::sources;

/// Crates that have a pure core.
const CRATES: &[&str] = &[
    "media",
    "xmpp",
    "bridge",
    "focus",
    "signalling",
    "loadtest",
    "operator",
];

/// Words that a pure file does not have, with what they bring in.
const IMPURE: &[(&str, &str)] = &[
    ("Instant::now", "a clock"),
    ("SystemTime::now", "a clock"),
    (".elapsed()", "a clock"),
    ("tokio::spawn", "a task"),
    ("tokio::time::", "a clock"),
    ("spawn_blocking", "a task"),
    ("thread::spawn", "a thread"),
    ("Mutex", "a lock"),
    ("RwLock", "a lock"),
    ("TcpListener", "a socket"),
    ("TcpStream", "a socket"),
    ("UdpSocket", "a socket"),
    ("rand::rng()", "the system's randomness"),
    ("from_os_rng", "the system's randomness"),
    ("rand::random", "the system's randomness"),
];

/// Files and folders outside `io/` that may, and why. One that need not any more is told, too.
const EXCEPTIONS: &[(&str, &str)] = &[
    (
        "media/src/bwe/simulation.rs",
        "a simulated call for tests; its start is any instant",
    ),
    (
        "xmpp/src/client",
        "the reconnecting client is the IO of this crate, behind a feature",
    ),
    (
        "signalling/src/addresses.rs",
        "counted by every connection's task",
    ),
    (
        "signalling/src/host.rs",
        "shared by every connection's task",
    ),
    (
        "signalling/src/host/",
        "rooms and sessions are shared by every connection's task",
    ),
    (
        "signalling/src/random.rs",
        "one seeded generator for every connection's task",
    ),
    (
        "signalling/src/service/private.rs",
        "kept for every session of an account",
    ),
    (
        "signalling/src/session.rs",
        "a session is reached by its own task and by the rooms that it is in",
    ),
    (
        "signalling/src/session/passwords.rs",
        "replaced while logins are going on",
    ),
    (
        "operator/src/metrics",
        "the registry that is scraped shares them with who writes them",
    ),
];

/// Files that are not pure and are no exception, a sentence each.
pub(super) fn broken(root: &Path) -> anyhow::Result<Vec<String>> {
    let mut told = Vec::new();
    let mut needed = BTreeSet::new();
    for folder in CRATES {
        for path in sources(root, &format!("{folder}/src"))? {
            if is_io_or_test(&path) {
                continue;
            }
            let text = fs::read_to_string(root.join(&path))?;
            let exception = EXCEPTIONS
                .iter()
                .find(|(prefix, _)| path.starts_with(prefix));
            for (line, word, what) in impurities(&text) {
                match exception {
                    Some((prefix, _)) => {
                        needed.insert(*prefix);
                    }
                    None => told.push(format!(
                        "{path}:{line}: `{word}` brings {what} into pure code; it belongs under io/"
                    )),
                }
            }
        }
    }
    let idle = EXCEPTIONS
        .iter()
        .filter(|(prefix, _)| !needed.contains(prefix));
    told.extend(
        idle.map(|(prefix, _)| format!("{prefix} needs no exception from purity any more")),
    );
    Ok(told)
}

fn is_io_or_test(path: &str) -> bool {
    let tests = ["/tests/", "/scripts/", "/testing/"]
        .iter()
        .any(|folder| path.contains(folder));
    let test_file = path.ends_with("tests.rs") || path.ends_with("/scripts.rs");
    path.contains("/io/") || path.ends_with("/io.rs") || tests || test_file
}

/// Line, word and meaning of what a pure file must not have; its test module does not count.
fn impurities(text: &str) -> Vec<(usize, &'static str, &'static str)> {
    let code = text
        .lines()
        .take_while(|line| line.trim() != "#[cfg(test)]");
    let code = code
        .enumerate()
        .filter(|(_, line)| !line.trim_start().starts_with("//"));
    code.flat_map(|(index, line)| {
        let found = IMPURE.iter().filter(move |(word, _)| line.contains(word));
        found.map(move |(word, what)| (index + 1, *word, *what))
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_in_pure_code_is_told_and_one_in_its_tests_is_not() {
        let text = "fn a() { Instant::now(); }\n// Instant::now\n#[cfg(test)]\nmod tests { Instant::now() }";
        assert_eq!(impurities(text), [(1, "Instant::now", "a clock")]);
    }

    #[test]
    fn io_and_tests_are_free() {
        for path in [
            "bridge/src/io/driver.rs",
            "focus/src/io.rs",
            "signalling/src/scripts/world.rs",
            "a/src/b/tests.rs",
        ] {
            assert!(is_io_or_test(path), "{path}");
        }
        assert!(!is_io_or_test("focus/src/director.rs"));
    }
}
