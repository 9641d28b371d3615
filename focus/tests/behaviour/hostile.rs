//! Damaged stanzas from everywhere: nothing of it may break a conference.

use std::time::Duration;

use xmpp::Element;

use super::world::{Level, ROOM, World};

/// A small generator with a seed, so that a failure can be repeated.
struct Seeded(u64);

impl Seeded {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % end.max(1)
    }

    fn one_of<'a>(&mut self, texts: &[&'a str]) -> &'a str {
        texts[self.below(texts.len())]
    }
}

const VALUES: &[&str] = &[
    "",
    "0",
    "-1",
    "1",
    "4294967295",
    "99999999999999999999",
    "true",
    "false",
    "a",
    "b",
    "a-v0",
    "b-v0",
    "nobody",
    "r@muc.meet.shoal",
    "r@muc.meet.shoal/a",
    "r@muc.meet.shoal/focus",
    "@",
    "SIM",
    "FID",
    "owner",
    "none",
    "session-accept",
    "source-add",
    "source-remove",
    "session-terminate",
    "session-info",
    "transport-info",
    "unavailable",
    "error",
    "NaN",
];

/// The text with one attribute value or element changed, or nothing if that does not work out.
fn damage(text: &str, random: &mut Seeded) -> Option<String> {
    let quotes: Vec<usize> = text.match_indices('\'').map(|(at, _)| at).collect();
    let tags: Vec<usize> = text.match_indices("/>").map(|(at, _)| at).collect();
    match random.below(3) {
        0 | 1 => {
            let pair = random.below(quotes.len() / 2) * 2;
            let (from, to) = (*quotes.get(pair)?, *quotes.get(pair + 1)?);
            // Namespaces stay, or nobody would look at it.
            if text[..from].ends_with("xmlns=") {
                return None;
            }
            Some(format!(
                "{}{}{}",
                &text[..=from],
                random.one_of(VALUES),
                &text[to..]
            ))
        }
        _ => {
            let end = *tags.get(random.below(tags.len()))? + 2;
            let start = text[..end].rfind('<')?;
            let copies = random.below(3);
            Some(format!(
                "{}{}{}",
                &text[..start],
                text[start..end].repeat(copies),
                &text[end..]
            ))
        }
    }
}

#[test]
fn damaged_stanzas_break_nothing() {
    let mut world = World::new();
    world.keep_log = true;
    world.bridge("jvb1");
    world.bridge("jvb2");
    for (nick, level) in [
        ("a", Level::Current),
        ("b", Level::Json),
        ("c", Level::Plain),
    ] {
        world.join(nick, level);
    }
    for (nick, first) in [("a", 1000), ("b", 2000), ("c", 3000)] {
        world.accept(nick, first);
    }
    world.send_transport("a");
    world.leave("c");
    world.join("c", Level::Json);
    world.accept("c", 3000);
    world.keep_log = false;
    let recorded: Vec<String> = std::mem::take(&mut world.log)
        .iter()
        .map(String::from)
        .collect();
    assert!(recorded.len() > 40);

    let mut random = Seeded(1);
    let mut fed = 0;
    for _ in 0..6_000 {
        let mut text = recorded[random.below(recorded.len())].clone();
        for _ in 0..=random.below(4) {
            text = damage(&text, &mut random).unwrap_or(text);
        }
        let Ok(stanza) = text.parse::<Element>() else {
            continue;
        };
        world.director.handle_stanza(&stanza, world.now);
        world.pump_into_the_void();
        fed += 1;
        if fed % 100 == 0 {
            world.now += Duration::from_secs(1);
            world.director.handle_timeout(world.now);
            world.pump_into_the_void();
        }
    }
    assert!(fed > 4_500, "{fed}");
    assert_eq!(world.director.counters().panics, 0);

    // Whatever is left of the conference, a new one works.
    world.disconnect();
    world.clients.clear();
    world.bridges.clear();
    world.connect(false);
    world.pass(Duration::from_secs(120));
    assert!(
        !world.director.rooms().contains(&ROOM.to_owned()),
        "an empty room is left"
    );
    world.bridge("jvb9");
    world.join("x", Level::Current);
    world.join("y", Level::Current);
    assert!(world.verbs("x").contains(&"session-initiate".to_owned()));
}
