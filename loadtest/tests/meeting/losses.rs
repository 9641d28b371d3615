use crate::door::Door;
use crate::scene::Scene;
use crate::service::Service;

#[tokio::test(flavor = "multi_thread")]
async fn whoever_came_through_a_door_that_breaks_resumes_through_the_other() {
    let service = Service::start().await;
    let _bridge = service.add_bridge().await;
    let (one, other) = (
        Door::to(service.address).await,
        Door::to(service.address).await,
    );
    let mut scene = Scene::of_two(service.address, vec![one.address, other.address]);
    scene.both_well(200).await;
    one.close();
    scene.somebody_unwell().await;
    scene.both_well(200).await;
    let report = scene.end().await;
    assert!(report.ok, "{report}");
    let interruptions: Vec<_> = report
        .participants
        .iter()
        .map(|participant| participant.interruptions.len())
        .collect();
    assert_eq!(interruptions, [1, 0], "{report}");
    assert_eq!(report.totals.resumed, 1);
    let away = report.totals.interruption_ms.max;
    assert!(report.totals.gap_ms.max < away, "media went on: {report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn when_signalling_has_forgotten_everybody_they_walk_in_anew() {
    let mut service = Service::start().await;
    let _bridge = service.add_bridge().await;
    let mut scene = Scene::of_two(service.address, Vec::new());
    scene.both_well(200).await;
    service.replace_signalling().await;
    scene.somebody_unwell().await;
    scene.both_well(200).await;
    let report = scene.end().await;
    assert!(report.ok, "{report}");
    for participant in &report.participants {
        assert_eq!(participant.interruptions.len(), 1, "{report}");
        assert!(!participant.interruptions[0].resumed);
        let shard = participant.interruptions[0].shard_after.as_deref();
        assert_eq!(shard, Some("shard-1"));
        assert!(participant.reinvited >= 1, "{report}");
    }
}
