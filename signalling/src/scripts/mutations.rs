//! Everything that people send in the scripts, spoilt at random: nothing may panic, and nobody else may notice.

use super::world::World;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::path::Path;

const ROUNDS: usize = 4_000;

/// Stanzas that somebody sends in a script.
fn corpus() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts");
    let mut stanzas = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the folder of scripts is there") {
        let path = entry.expect("its entries are readable").path();
        let text = std::fs::read_to_string(path).expect("a script is text");
        let mut sends = false;
        for line in text.lines() {
            match line.strip_prefix('\t') {
                Some(stanza) if sends => stanzas.push(stanza.to_owned()),
                Some(_) => {}
                None => sends = line.ends_with(" sends"),
            }
        }
    }
    stanzas.sort();
    stanzas
}

/// Cuts, doubles, overwrites and mixes.
fn spoil(stanza: &str, other: &str, random: &mut StdRng) -> String {
    const PIECES: &[&str] = &[
        "<",
        ">",
        "'",
        "&amp;",
        "]]>",
        "\u{0}",
        "é",
        "/",
        "@",
        "focus",
        "muc.meet.shoal",
        "-1",
        "99999999999999999999",
        "type='error'",
        "<x xmlns='http://jabber.org/protocol/muc'/>",
        " xml:lang='x'",
        "owner",
        "none",
        "{Romeo}",
        "{Romeo bare}",
        "maths@{MUC}",
    ];
    let mut text: Vec<char> = stanza.chars().collect();
    for _ in 0..random.random_range(0..4) {
        let at = random.random_range(0..=text.len());
        match random.random_range(0..5) {
            0 => drop(text.drain(at..(at + random.random_range(0..8)).min(text.len()))),
            1 => drop(text.splice(at..at, PIECES[random.random_range(0..PIECES.len())].chars())),
            2 => text.truncate(at),
            3 => text.extend(
                other
                    .chars()
                    .skip(random.random_range(0..=other.chars().count())),
            ),
            _ => {
                // Another value for an attribute.
                if let Some(quote) = text[at..].iter().position(|letter| *letter == '\'') {
                    let piece = PIECES[random.random_range(0..PIECES.len())];
                    drop(text.splice(at + quote + 1..at + quote + 1, piece.chars()));
                }
            }
        }
    }
    text.into_iter().collect()
}

#[test]
fn spoilt_input_neither_panics_nor_disturbs_anybody() {
    let corpus = corpus();
    assert!(corpus.len() > 100);
    let mut random = StdRng::seed_from_u64(20_261_122);
    let mut world = World::default();
    let mut act = |line: &str, xml: &str| world.act(line, xml);
    for line in [
        "Focus is focus",
        "Romeo is a guest",
        "Juliet is a guest",
        "Focus connects",
        "Juliet connects",
        "Focus joins maths",
        "Juliet joins maths",
    ] {
        act(line, "").expect(line);
    }
    for round in 0..ROUNDS {
        let stanza = &corpus[random.random_range(0..corpus.len())];
        let other = &corpus[random.random_range(0..corpus.len())];
        // A stream that has ended is begun anew.
        if round == 0 || act("Romeo is disconnected", "").is_ok() {
            act("Romeo connects", "").expect("a new stream");
            let nick = "<presence to='maths@{MUC}/{Romeo nick}'><x xmlns='http://jabber.org/protocol/muc'/></presence>";
            act("Romeo sends", nick).expect("a join");
        }
        act("Romeo raw", &spoil(stanza, other, &mut random)).expect("the input is taken");
        act("Romeo skips everything", "").expect("output is taken");
    }
    // The others are there, and the room is.
    act("Juliet skips everything", "").expect("output is taken");
    act("Focus skips everything", "").expect("output is taken");
    act(
        "Juliet sends",
        "<message type='groupchat' to='maths@{MUC}' id='last'><body>well</body></message>",
    )
    .expect("sending");
    act(
        "Focus receives",
        "<message from='maths@{MUC}/{Juliet nick}' id='last'>…</message>",
    )
    .expect("receiving");
}
