//! The way to the API server and through it to pods, against a server on loopback that answers as they do.

mod fake;

use tokio_util::sync::CancellationToken;

use super::*;
use crate::kubectl::drain::{self, Order, Target};
use crate::kubectl::moves;
use fake::Fake;

fn drain_of(name: &str, no_wait: bool) -> drain::Options {
    drain::Options {
        target: Target::Bridge { name: name.into() },
        no_wait,
    }
}

#[tokio::test]
async fn a_namespace_is_read_and_its_bridges_are_asked_through_the_api_server() {
    let fake = Fake::start().await;
    let kubernetes = fake.kubernetes();
    let seen = kubernetes.see().await.unwrap();
    assert_eq!(
        (seen.clusters.len(), seen.shards.len(), seen.pools.len()),
        (1, 2, 1)
    );
    let heard = kubernetes.ask_bridges(&seen, |_| true).await;
    assert_eq!(heard["bridges-bridge-0"].as_ref().unwrap().participants, 2);
    assert_eq!(
        heard["bridges-bridge-1"]
            .as_ref()
            .unwrap()
            .unwell
            .as_deref(),
        Some("waiting for a shard")
    );
    let meetings = kubernetes.ask_focuses(&seen).await;
    assert_eq!(meetings["a"].as_ref().unwrap()[0].short_name(), "standup");
    assert_eq!(meetings["b"].as_ref().unwrap().len(), 0);
}

#[tokio::test]
async fn what_may_not_be_done_is_named_with_the_role_that_may() {
    let fake = Fake::start().await;
    let kubernetes = fake.kubernetes();
    let seen = kubernetes.see().await.unwrap();
    fake.act(|state| state.forbids = "portforward");
    let heard = kubernetes.ask_bridges(&seen, |_| true).await;
    assert_eq!(heard["bridges-bridge-0"], Err(forbidden()));
    fake.act(|state| state.forbids = "jitsishards");
    let error = kubernetes.see().await.unwrap_err().to_string();
    assert!(
        error.starts_with("you may not list jitsishards in namespace meet"),
        "{error}"
    );
    assert!(error.contains("shoal-on-call"), "{error}");
}

#[tokio::test]
async fn a_port_at_which_nothing_listens_is_told_in_the_kubelets_words() {
    let fake = Fake::start().await;
    let kubernetes = fake.kubernetes();
    let seen = kubernetes.see().await.unwrap();
    fake.act(|state| state.nothing_listens = true);
    let heard = kubernetes
        .ask_bridges(&seen, |pod| pod == "bridges-bridge-0")
        .await;
    assert_eq!(heard.len(), 1);
    let error = heard["bridges-bridge-0"].as_ref().unwrap_err().to_string();
    assert!(
        error.contains("bridges-bridge-0 did not answer at port 8080"),
        "{error}"
    );
    assert!(error.contains("connection refused"), "{error}");
}

#[tokio::test]
async fn a_drain_marks_the_pod_and_ends_when_nobody_is_on_the_bridge() {
    let fake = Fake::start().await;
    let options = drain_of("bridges-bridge-0", false);
    let stop = CancellationToken::new();
    let kubernetes = fake.kubernetes();
    drain::run(&kubernetes, Order::Drain, &options, true, stop.clone())
        .await
        .unwrap();
    assert_eq!(fake.mark("bridges-bridge-0"), json!("true"));
    assert_eq!(fake.act(|state| state.participants), 0);
    drain::run(&kubernetes, Order::Undrain, &options, true, stop)
        .await
        .unwrap();
    assert_eq!(fake.mark("bridges-bridge-0"), Value::Null);
    assert!(!fake.act(|state| state.draining));
}

#[tokio::test]
async fn who_interrupts_the_waiting_leaves_the_drain_on() {
    let fake = Fake::start().await;
    fake.act(|state| state.moves_people = false);
    let stop = CancellationToken::new();
    stop.cancel();
    let options = drain_of("bridges-bridge-0", false);
    let error = drain::run(&fake.kubernetes(), Order::Drain, &options, true, stop)
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("undrain bridge bridges-bridge-0"),
        "{error}"
    );
    assert_eq!(fake.mark("bridges-bridge-0"), json!("true"));
}

#[tokio::test]
async fn who_does_not_wait_only_marks() {
    let fake = Fake::start().await;
    fake.act(|state| state.moves_people = false);
    let options = drain_of("bridges-bridge-0", true);
    let stop = CancellationToken::new();
    drain::run(&fake.kubernetes(), Order::Drain, &options, true, stop)
        .await
        .unwrap();
    assert_eq!(fake.mark("bridges-bridge-0"), json!("true"));
    assert_eq!(fake.act(|state| state.participants), 2);
}

fn move_of(room: Option<&str>, to: Option<&str>, from: Option<&str>) -> moves::Options {
    moves::Options {
        room: room.map(str::to_owned),
        to: to.map(str::to_owned),
        from: from.map(str::to_owned),
        count: 1,
    }
}

#[tokio::test]
async fn a_room_is_moved_when_its_focus_says_that_it_is_elsewhere() {
    let fake = Fake::start().await;
    let options = move_of(Some("standup"), Some("bridges-bridge-1"), None);
    let outcome = moves::run(&fake.kubernetes(), &options).await.unwrap();
    assert_eq!(
        outcome.to_string(),
        "moved 2 participants of 1 meeting away from bridges-bridge-0 to bridges-bridge-1\n"
    );
    assert_eq!(
        fake.act(|state| state.orders.clone()),
        [
            "/move-endpoints/move-endpoint?conference=standup%40conference.meet.example.org&endpoint=romeo&bridge=bridges-bridge-1"
        ]
    );
    let again = moves::run(&fake.kubernetes(), &options)
        .await
        .unwrap_err()
        .to_string();
    assert_eq!(again, "room standup is on bridge bridges-bridge-1 already");
}

#[tokio::test]
async fn people_are_moved_from_a_bridge_by_every_shard_that_has_some_there() {
    let fake = Fake::start().await;
    let options = move_of(None, None, Some("bridges-bridge-0"));
    let outcome = moves::run(&fake.kubernetes(), &options).await.unwrap();
    assert_eq!(
        outcome.to_string(),
        "moved 2 participants of 1 meeting away from bridges-bridge-0\n"
    );
    let options = move_of(None, None, Some("bridges-bridge-7"));
    let error = moves::run(&fake.kubernetes(), &options)
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("there is no bridge bridges-bridge-7"),
        "{error}"
    );
}
