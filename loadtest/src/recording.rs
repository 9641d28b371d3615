//! What every participant plays: a picture at three sizes and a sound, each a loop of four seconds, cut into
//! packets once and shared by all. `cargo xtask record` makes the files.

use std::sync::LazyLock;

mod ivf;
mod ogg;
mod picture;

pub(crate) use picture::{Packet, Picture};

/// The picture, the smallest size first; about 200, 500 and 1,500 kbit/s, as browsers are told by Jitsi's clients.
pub(crate) fn pictures() -> &'static [Picture; 3] {
    static PICTURES: LazyLock<[Picture; 3]> = LazyLock::new(|| {
        [
            picture(include_bytes!("../media/picture-180.ivf")),
            picture(include_bytes!("../media/picture-360.ivf")),
            picture(include_bytes!("../media/picture-720.ivf")),
        ]
    });
    &PICTURES
}

/// The sound: an Opus packet each 20 ms.
pub(crate) fn sound() -> &'static [&'static [u8]] {
    static SOUND: LazyLock<Vec<&'static [u8]>> = LazyLock::new(|| {
        ogg::packets(include_bytes!("../media/sound.opus"))
            .and_then(|packets| packets.get(HEADERS..).map(<[_]>::to_vec))
            .filter(|packets| !packets.is_empty())
            .expect("invariant: the sound that is built in is Opus in Ogg")
    });
    &SOUND
}

/// Packets before the first of sound: the identification and the comments (RFC 7845 §3).
const HEADERS: usize = 2;

fn picture(file: &'static [u8]) -> Picture {
    ivf::frames(file)
        .and_then(|frames| Picture::of(&frames))
        .expect(
            "invariant: the pictures that are built in are VP8 in IVF and begin with a key frame",
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_size_has_about_its_bitrate() {
        let rates = [(180, 200), (360, 500), (720, 1_500)];
        for (picture, (height, kbits)) in pictures().iter().zip(rates) {
            assert_eq!(picture.height, height);
            let bytes: usize = picture.packets().map(|packet| packet.bytes.len()).sum();
            let sent = bytes * 8 * 30 / picture.frames() / 1_000;
            assert!(sent.abs_diff(kbits) <= kbits / 20, "{sent} of {kbits}");
        }
    }

    #[test]
    fn all_loops_last_four_seconds() {
        assert!(pictures().iter().all(|picture| picture.frames() == 120));
        assert_eq!(sound().len(), 200);
    }

    #[test]
    fn the_sound_is_mono_of_twenty_milliseconds_and_has_pauses() {
        // RFC 6716 §3.1: hybrid or CELT of 20 ms, or SILK of 20 ms; one channel, one frame.
        let twenty = |toc: u8| matches!(toc >> 3, 1 | 5 | 9 | 13 | 15 | 19 | 23 | 27 | 31);
        for packet in sound() {
            assert!(twenty(packet[0]) && packet[0] & 0x07 == 0, "{packet:02x?}");
        }
        let bytes: usize = sound().iter().map(|packet| packet.len()).sum();
        let kbits = bytes * 8 * 50 / sound().len() / 1_000;
        assert!((25..=33).contains(&kbits), "{kbits}");
    }
}
