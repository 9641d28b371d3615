//! `cargo xtask record`: what the load test plays (`loadtest/media/`), from made-up sources. Encoders differ from
//! version to version, so that nothing tests whether the files are fresh.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};
use clap::Args as ClapArgs;

use crate::command::{root, succeed};
use crate::install::{self, FFMPEG};
use crate::stage::say;

#[derive(ClapArgs)]
pub(crate) struct Args {}

/// Size and bitrate in kbit/s: as browsers are told by Jitsi's clients.
const SIZES: [(u16, u16, u32); 3] = [(320, 180, 200), (640, 360, 500), (1_280, 720, 1_500)];

/// Three harmonics and some noise, 0.8 s of each second, about as loud as speech.
const VOICE: &str = "aevalsrc='lt(mod(t,1),0.8)*0.15*(0.7+0.3*sin(10*PI*t))\
    *(sin(300*PI*t)+sin(900*PI*t)+sin(1500*PI*t)+0.5*random(0))':s=48000:d=3.99";

pub(crate) fn run(_args: &Args) -> anyhow::Result<()> {
    install::ensure(&[FFMPEG])?;
    let folder = root().join("loadtest/media");
    std::fs::create_dir_all(&folder).context("cannot make the folder loadtest/media")?;
    for (width, height, kbits) in SIZES {
        let file = folder.join(format!("picture-{height}.ivf"));
        record_picture(&file, (width, height), kbits)?;
        check_layers(&file)?;
        say(&format!("wrote {}", file.display()));
    }
    let file = folder.join("sound.opus");
    let mut command = ffmpeg();
    command.args(["-f", "lavfi", "-i", VOICE, "-ac", "1"]);
    command.args("-c:a libopus -b:a 32k -vbr constrained -application voip".split(' '));
    command.args("-frame_duration 20 -bitexact -map_metadata -1 -f ogg".split(' '));
    succeed(command.arg(&file))?;
    say(&format!("wrote {}", file.display()));
    Ok(())
}

/// Four seconds at 30 frames per second, the first one the only key frame, in three temporal layers (0, 2, 1, 2).
/// A speed below 0 does not depend on the machine.
fn record_picture(file: &Path, (width, height): (u16, u16), kbits: u32) -> anyhow::Result<()> {
    let source = format!("testsrc2=size={width}x{height}:rate=30,format=yuv420p");
    // The encoder stays some percent below what it is told.
    let kbits = kbits * 26 / 25;
    let rate = format!("{kbits}k");
    // What the layers up to each one have together.
    let (base, middle) = (kbits * 40 / 100, kbits * 60 / 100);
    let layers = format!(
        "ts_number_layers=3:ts_target_bitrate={base},{middle},{kbits}:ts_rate_decimator=4,2,1:\
         ts_periodicity=4:ts_layer_id=0,2,1,2:ts_layering_mode=3"
    );
    let mut command = ffmpeg();
    command.args(["-f", "lavfi", "-i", &source, "-t", "4"]);
    command
        .args("-c:v libvpx -threads 1 -deadline realtime -cpu-used -4 -lag-in-frames 0".split(' '));
    command.args("-auto-alt-ref 0 -g 9999 -keyint_min 9999 -drop-threshold 0".split(' '));
    command.args(["-error-resilient", "default", "-max-intra-rate", "600"]);
    for option in ["-b:v", "-minrate", "-maxrate", "-bufsize"] {
        command.args([option, &rate]);
    }
    succeed(
        command
            .args(["-ts-parameters", &layers, "-bitexact"])
            .arg(file),
    )
}

/// A bridge leaves out the frames of upper layers: the others must look the same without them.
fn check_layers(file: &Path) -> anyhow::Result<()> {
    let whole = looks(file, "0")?;
    // The layers that stay, what is dropped of each four frames, and how many of them stay.
    for (layers, dropped, stay) in [
        ("0", "mod(n,4)", 1),
        ("0 and 1", "mod(n,2)", 2),
        ("0 and the first of 2", "gt(mod(n,4),1)", 2),
    ] {
        let some = looks(file, dropped)?;
        ensure!(
            some.len() * 4 == whole.len() * stay && some.iter().all(|look| whole.contains(look)),
            "{}: the frames of layer {layers} do not stand alone: this ffmpeg layers otherwise",
            file.display()
        );
    }
    Ok(())
}

/// A digest of each decoded frame, without those for which `dropped` is not 0.
fn looks(file: &Path, dropped: &str) -> anyhow::Result<Vec<String>> {
    let filter = format!("noise=drop='{dropped}'");
    let rest = std::env::temp_dir().join(format!("shoal-record-{}.ivf", std::process::id()));
    let mut command = ffmpeg();
    command.arg("-i").arg(file);
    succeed(command.args(["-c", "copy", "-bsf:v", &filter]).arg(&rest))?;
    let mut command = ffmpeg();
    command.arg("-i").arg(&rest);
    let output = command
        .args("-fps_mode passthrough -f framemd5 -".split(' '))
        .stderr(Stdio::inherit())
        .output()
        .context("cannot start ffmpeg")?;
    // Nobody else looks for it.
    let _ = std::fs::remove_file(&rest);
    ensure!(output.status.success(), "cannot decode {}", file.display());
    let text = String::from_utf8(output.stdout).context("framemd5 is text")?;
    let rows = text.lines().filter(|line| !line.starts_with('#'));
    let digests = rows.filter_map(|row| row.rsplit(',').next());
    Ok(digests.map(|digest| digest.trim().to_owned()).collect())
}

fn ffmpeg() -> Command {
    let mut command = Command::new("ffmpeg");
    command.args("-hide_banner -loglevel error -nostdin -y".split(' '));
    command
}
