//! Tells the task its own target triple, which names the folder of fuzz targets.

use std::env;

fn main() -> Result<(), env::VarError> {
    #[allow(clippy::print_stdout, reason = "cargo reads a build script's output")]
    {
        println!("cargo::rustc-env=TARGET={}", env::var("TARGET")?);
    }
    Ok(())
}
