//! What people behind weak links have of a call. The whole table: `cargo xtask bench quality`.

#[path = "../benches/quality/lab.rs"]
mod lab;

use lab::rows::table;

/// Calls of two minutes, each of which meets all its goals.
#[track_caller]
fn assert_good(names: &[&str]) {
    for name in names {
        let rows = table();
        let row = rows.iter().find(|row| row.name == *name);
        let row = row.unwrap_or_else(|| panic!("there is no row {name}"));
        let missed = row.missed(&row.outcome(1));
        assert!(missed.is_empty(), "{name}: {}", missed.join(", "));
    }
}

#[test]
fn narrow_links_have_their_audio_and_a_steady_picture() {
    assert_good(&["300 kbit/s", "500 kbit/s", "1 Mbit/s", "2 Mbit/s"]);
}

#[test]
fn a_wide_link_has_the_full_picture_within_three_seconds() {
    assert_good(&["3 Mbit/s", "3 Mbit/s, 5 % lost"]);
}

#[test]
fn a_short_queue_and_a_deep_one_are_no_reason_for_loss_or_delay() {
    assert_good(&["1 Mbit/s, queue of 50 ms", "1 Mbit/s, queue of 1 s"]);
}

#[test]
fn a_link_that_narrows_drains_at_once_and_one_that_widens_is_used_again() {
    assert_good(&["3 Mbit/s, 500 kbit/s, 3 Mbit/s"]);
}

#[test]
fn two_behind_one_link_share_it() {
    assert_good(&["two behind 4 Mbit/s"]);
}

#[test]
fn receivers_without_retransmissions_are_not_flooded() {
    assert_good(&["500 kbit/s, no RTX", "1 Mbit/s, REMB only"]);
}
