//! Stanza scripts: `tests/scripts/*.scs`, each one feature, run against the pure core with virtual time.
//!
//! A script is lines. `given JSON` changes the configuration. `NAME is …` introduces somebody. Then people act:
//! `connects`, `sends`, `receives`, `receives nothing`, `skips`, … (see [`World::act`]); `the server is killed and comes back`, empty; XML for `sends` and
//! `receives` stands below, indented. In expected XML an attribute that is not named is not looked at, `{none}` means
//! absent, `{any}` anything, `{$x}` remembers and from then on means what it was. Children must be exactly those
//! listed, in any order; a text `…` permits others.

mod limits;
mod mutations;
mod pattern;
mod world;

use std::path::Path;
use world::World;

#[test]
fn every_script_plays_out() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts");
    let mut scripts: Vec<_> = std::fs::read_dir(&folder)
        .expect("the folder of scripts is there")
        .map(|entry| entry.expect("its entries are readable").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "scs"))
        .collect();
    scripts.sort();
    assert!(scripts.len() > 20, "only {} scripts found", scripts.len());
    let only = std::env::var("SCRIPT").unwrap_or_default();
    let mut failures = Vec::new();
    for path in scripts
        .iter()
        .filter(|path| path.to_string_lossy().contains(&only))
    {
        let text = std::fs::read_to_string(path).expect("a script is text");
        if let Err(error) = play(&text) {
            failures.push(format!(
                "{}: {error}",
                path.file_name().unwrap_or_default().display()
            ));
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n\n"));
}

/// Runs one script; the error names the line.
fn play(text: &str) -> Result<(), String> {
    let mut world = World::default();
    let mut lines = text.lines().enumerate().peekable();
    while let Some((number, line)) = lines.next() {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let mut xml = String::new();
        while let Some((_, more)) = lines.next_if(|(_, line)| line.starts_with(['\t', ' '])) {
            xml.push_str(more.trim());
            xml.push('\n');
        }
        world
            .act(line.trim(), &xml)
            .map_err(|error| format!("line {}: {line}\n{error}", number + 1))?;
    }
    world.finish()
}
