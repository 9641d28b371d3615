//! Makes the folder of the built page where there is none yet. Its path is compiled in as it is found, and one that was not
//! there serves nothing later either.

use std::path::Path;

#[allow(
    clippy::print_stdout,
    reason = "a build script speaks to cargo by its output"
)]
fn main() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../web/dist");
    if let Err(error) = std::fs::create_dir_all(&folder) {
        println!("cargo::warning=cannot create {}: {error}", folder.display());
    }
    println!("cargo::rerun-if-changed=build.rs");
}
