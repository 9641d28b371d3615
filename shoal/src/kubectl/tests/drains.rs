//! `drain` and `undrain`.

use super::*;
use crate::kubectl::drain::{Order, Target};

fn bridge() -> Target {
    Target::Bridge {
        name: "bridges-bridge-1".into(),
    }
}

fn of_shard() -> Target {
    Target::Shard { name: "a".into() }
}

#[test]
fn an_order_is_about_bridges_or_a_shard_that_exist() {
    let named = |text: &str| text.to_owned();
    for (target, names) in [
        (bridge(), Ok(vec!["bridges-bridge-1"])),
        (
            Target::Node {
                name: named("node1"),
            },
            Ok(vec!["bridges-bridge-0"]),
        ),
        (
            Target::Pool {
                name: named("bridges"),
            },
            Ok(vec!["bridges-bridge-0", "bridges-bridge-1"]),
        ),
        (of_shard(), Ok(vec!["a"])),
        (
            Target::Bridge {
                name: named("a-focus-0"),
            },
            Err(
                "there is no bridge a-focus-0 in namespace meet: name one of bridges-bridge-0, bridges-bridge-1",
            ),
        ),
        (
            Target::Node {
                name: named("node9"),
            },
            Err("no bridge of namespace meet is on node node9: bridges are on node1, node2"),
        ),
        (
            Target::Pool {
                name: named("other"),
            },
            Err("there is no pool other in namespace meet: name one of bridges"),
        ),
        (
            Target::Shard { name: named("z") },
            Err("there is no shard z in namespace meet: name one of a, b"),
        ),
    ] {
        let found = target.names(&seen()).map_err(|error| error.to_string());
        let names = names.map(|names: Vec<&str>| names.into_iter().map(named).collect::<Vec<_>>());
        assert_eq!(found, names.map_err(named), "{target:?}");
    }
}

#[test]
fn who_drains_the_last_one_is_warned() {
    let warned = |target: &Target, seen: &Seen| {
        let names = target.names(seen).unwrap();
        target.warning(seen, Order::Drain, &names).is_some()
    };
    assert!(!warned(&bridge(), &seen()));
    assert!(warned(
        &Target::Pool {
            name: "bridges".into()
        },
        &seen()
    ));
    let mut other_drains = seen();
    let mut first = pod("bridge", "bridges-bridge-0", "node1");
    first["metadata"]["annotations"]["shoal.video/drain"] = "true".into();
    other_drains.pods[1] = object(first);
    assert!(warned(&bridge(), &other_drains));
    assert!(!warned(&of_shard(), &seen()));
    let mut alone = seen();
    alone.shards.pop();
    assert!(warned(&of_shard(), &alone));
    assert!(
        of_shard()
            .warning(&alone, Order::Undrain, &["a".into()])
            .is_none()
    );
}

/// Line, done, stuck; after `seconds` of waiting.
fn bridge_progress(
    heard: Option<Heard<BridgeStats>>,
    order: Order,
    seconds: u64,
) -> (String, bool, Option<String>) {
    let heard: BTreeMap<_, _> = heard
        .map(|one| ("bridges-bridge-1".to_owned(), one))
        .into_iter()
        .collect();
    let start = NOW - Duration::from_secs(seconds);
    let mut progress =
        bridge().progress(&seen(), &heard, order, &["bridges-bridge-1".into()], start);
    let one = progress.remove(0);
    (one.line, one.done, one.stuck)
}

#[test]
fn a_bridge_is_drained_when_it_says_so_and_nobody_is_on_it() {
    for (heard, order, line, done) in [
        (
            stats(3, false),
            Order::Drain,
            "the operator has yet to tell it",
            false,
        ),
        (
            stats(0, false),
            Order::Drain,
            "the operator has yet to tell it",
            false,
        ),
        (
            stats(3, true),
            Order::Drain,
            "3 participants in 1 meeting left",
            false,
        ),
        (
            stats(0, true),
            Order::Drain,
            "bridge bridges-bridge-1 is empty",
            true,
        ),
        (stats(0, true), Order::Undrain, "still drains", false),
        (stats(0, false), Order::Undrain, "takes meetings", true),
        (
            Err(no_answer("bridges-bridge-1")),
            Order::Drain,
            "did not answer",
            false,
        ),
    ] {
        let (told, finished, stuck) = bridge_progress(Some(heard), order, 5);
        assert!(told.contains(line), "{told}");
        assert_eq!((finished, stuck), (done, None), "{told}");
    }
    assert!(
        bridge_progress(None, Order::Drain, 5)
            .0
            .contains("does not run")
    );
}

#[test]
fn waiting_ends_when_it_makes_no_sense() {
    let (_, _, stuck) = bridge_progress(Some(stats(3, false)), Order::Drain, 31);
    assert!(stuck.unwrap().contains("does the operator run"));
    let (_, _, stuck) = bridge_progress(Some(stats(3, true)), Order::Undrain, 31);
    assert!(
        stuck
            .unwrap()
            .contains("kubectl shoal why bridges-bridge-1")
    );
    // However long it takes.
    assert_eq!(
        bridge_progress(Some(stats(3, true)), Order::Drain, 9_999).2,
        None
    );
    let (_, _, stuck) = bridge_progress(Some(Err(forbidden())), Order::Drain, 0);
    assert!(stuck.unwrap().contains("shoal-on-call"));
}

#[test]
fn a_bridge_that_is_gone_has_nobody() {
    let mut gone = seen();
    gone.pods.remove(0);
    let progress = bridge().progress(
        &gone,
        &BTreeMap::new(),
        Order::Drain,
        &["bridges-bridge-1".into()],
        NOW,
    );
    assert!(progress[0].done);
}

#[test]
fn a_shard_is_drained_when_the_operator_says_so() {
    for (state, spec, observed, order, line, done, stuck) in [
        (
            "Active",
            "Draining",
            1,
            Order::Drain,
            "the operator has yet to see it",
            false,
            false,
        ),
        (
            "Draining",
            "Draining",
            2,
            Order::Drain,
            "3 participants in 1 room left",
            false,
            false,
        ),
        (
            "Drained",
            "Draining",
            2,
            Order::Drain,
            "is empty",
            true,
            false,
        ),
        ("Draining", "Active", 2, Order::Drain, "left", false, true),
        (
            "Active",
            "Active",
            2,
            Order::Undrain,
            "takes new rooms",
            true,
            false,
        ),
    ] {
        let mut changed = shard("a");
        changed["metadata"]["generation"] = 2.into();
        changed["spec"]["state"] = spec.into();
        changed["status"]["state"] = state.into();
        changed["status"]["observedGeneration"] = observed.into();
        let mut seen = seen();
        seen.shards[0] = object(changed);
        let progress = of_shard().progress(&seen, &BTreeMap::new(), order, &["a".into()], NOW);
        assert!(progress[0].line.contains(line), "{}", progress[0].line);
        assert_eq!(
            (progress[0].done, progress[0].stuck.is_some()),
            (done, stuck),
            "{state} {spec}"
        );
    }
}

#[test]
fn who_stops_waiting_is_told_how_the_drain_ends() {
    assert!(
        bridge()
            .left_on(Order::Drain)
            .contains("`kubectl shoal undrain bridge bridges-bridge-1`")
    );
}
