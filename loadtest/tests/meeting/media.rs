use std::time::Duration;

use loadtest::Report;
use loadtest::report::Cause;

use crate::scene::Scene;
use crate::service::Service;

#[tokio::test(flavor = "multi_thread")]
async fn two_meet_and_hear_and_see_each_other() {
    let service = Service::start().await;
    let _bridge = service.add_bridge().await;
    let mut scene = Scene::of_two(service.address, Vec::new());
    // Longer than it takes until a room counts as settled.
    scene.both_well(1_500).await;
    let report = scene.end().await;
    assert!(report.ok, "{report}");
    for participant in &report.participants {
        assert!(participant.joined_ms.is_some() && participant.first_media_ms.is_some());
        assert_eq!(participant.shard.as_deref(), Some("shard-1"));
        let packets: Vec<u64> = participant
            .received
            .values()
            .flat_map(|kinds| kinds.values().copied())
            .collect();
        assert_eq!(packets.len(), 2, "one microphone, one camera: {report}");
        assert!(packets.iter().all(|count| *count > 10), "{report}");
    }
    assert_eq!(report.totals.rooms_by_shard["shard-1"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_bridge_all_join_and_the_missing_media_is_reported() {
    let service = Service::start().await;
    let mut scene = Scene::of_two(service.address, Vec::new());
    scene.both_in_the_room().await;
    let report = scene.end().await;
    assert!(!report.ok);
    assert_eq!(report.totals.joined, 2);
    assert_eq!(report.totals.missing_media, 2);
    assert!(report.totals.rooms_split.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bridge_that_is_replaced_leaves_a_gap_and_cuts_nobody_off() {
    let service = Service::start().await;
    let first = service.add_bridge().await;
    let mut scene = Scene::of_two(service.address, Vec::new());
    scene.both_well(200).await;
    first.shutdown().await;
    scene.somebody_unwell().await;
    // Longer than what counts as a gap.
    scene.silence(Duration::from_millis(400)).await;
    let _second = service.add_bridge().await;
    scene.both_well(200).await;
    let report = scene.end().await;
    assert!(report.ok, "{report}");
    for participant in &report.participants {
        assert!(participant.reinvited >= 1, "{report}");
        let gap = participant.gaps.iter().max_by_key(|gap| gap.length_ms);
        let gap = gap.unwrap_or_else(|| panic!("a gap: {report}"));
        assert!((400..5_000).contains(&gap.length_ms), "{report}");
        let invited_again = matches!(gap.cause, Cause::Moved | Cause::Reinvited);
        assert!(invited_again, "{report}");
        assert!(participant.interruptions.is_empty());
    }
}

/// Two in a meeting are moved from one bridge to another; what both noticed.
async fn moved(break_before_make: bool) -> Report {
    let service = Service::start().await;
    let _one = service.add_named_bridge("one").await;
    let mut scene = Scene::of(service.address, |plan| {
        plan.groups[0].break_before_make = break_before_make;
    });
    scene.both_well(600).await;
    let _two = service.add_named_bridge("two").await;
    // The focus moves nobody before it knows of the second bridge.
    let mut count = 0;
    while count == 0 {
        count = service.move_all_from("one").await;
    }
    assert_eq!(count, 2);
    scene.both_well(2_000).await;
    let report = scene.end().await;
    assert!(report.ok, "{report}");
    assert_eq!(report.totals.interrupted, 0, "{report}");
    for participant in &report.participants {
        assert_eq!(participant.reinvited, 1, "{report}");
        let [moved] = &participant.moves[..] else {
            panic!("one move: {report}");
        };
        assert!(moved.silence_ms > 0, "{report}");
    }
    report
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_moved_make_before_break_is_not_interrupted() {
    moved(false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_breaks_before_making_notices_the_move() {
    let report = moved(true).await;
    for participant in &report.participants {
        let gaps = &participant.gaps;
        assert!(gaps.iter().any(|gap| gap.cause == Cause::Moved), "{report}");
    }
}
