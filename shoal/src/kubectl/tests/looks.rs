//! `status`, `rooms`, `where`.

use std::collections::BTreeMap;

use serde_json::json;

use super::*;
use crate::kubectl::rooms::{self, Rooms, Sort};
use crate::kubectl::status::Status;
use crate::kubectl::whereabouts::Where;

/// Without the spaces at line starts that only make the source readable.
fn lines(text: &str) -> String {
    let lines: Vec<&str> = text.trim().lines().map(str::trim).collect();
    lines.join("\n")
}

#[test]
fn status_shows_everything_in_one_look() {
    let status = Status::of(&seen(), &heard(stats(2, false), stats(3, true)));
    assert_eq!(
        status.to_string().trim(),
        lines(
            "Nothing is wrong.

            CLUSTER   URL                        READY   SHARDS   CONFERENCES   PARTICIPANTS
            default   https://meet.example.org   yes     2/2      2             5

            SHARD   CLUSTER   REGION   STATE    READY   BRIDGES   CONFERENCES   PARTICIPANTS
            a       default   -        Active   yes     2         1             3
            b       default   -        Active   yes     2         1             3

            POOL      CLUSTER   REGION   READY   WANTED   RANGE   BRIDGES
            bridges   default   -        yes     2        -       1 ready, 1 draining

            BRIDGE             POOL      STATE      NODE    STRESS   TRAFFIC    CONFERENCES   PARTICIPANTS   ADDRESS
            bridges-bridge-0   bridges   ready      node1   25%      1.2 MB/s   1             2              192.0.2.1:31000,[2001:db8::1]:31000
            bridges-bridge-1   bridges   draining   node2   25%      1.2 MB/s   1             3              192.0.2.2:31001"
        )
    );
}

#[test]
fn an_empty_namespace_says_what_to_do() {
    let empty = Seen {
        namespace: "other".into(),
        ..Seen::default()
    };
    let status = Status::of(&empty, &BTreeMap::new()).to_string();
    assert_eq!(
        status.trim(),
        "What is wrong:\n  there is no JitsiCluster in namespace other, so nobody can meet: apply one, or look elsewhere \
         with --namespace"
    );
}

/// What is wrong, and the state that the second bridge is shown in.
fn wrong(seen: &Seen, second: Option<Heard<BridgeStats>>) -> (Vec<String>, String) {
    let mut heard = heard(stats(0, false), stats(0, false));
    match second {
        Some(second) => heard.insert("bridges-bridge-1".into(), second),
        None => heard.remove("bridges-bridge-1"),
    };
    let shown = serde_json::to_value(Status::of(seen, &heard)).unwrap();
    let sentences = object(shown["wrong"].clone());
    (sentences, object(shown["bridges"][1]["state"].clone()))
}

#[test]
fn a_bridge_that_fails_is_told_from_one_that_may_not_be_asked() {
    let unwell = |text: &str| {
        let mut stats = stats(0, false).unwrap();
        stats.unwell = Some(text.into());
        Some(Ok(stats))
    };
    let with_pod = |status: Value| {
        let mut seen = seen();
        let mut changed = pod("bridge", "bridges-bridge-1", "node2");
        changed["status"] = status;
        seen.pods[0] = object(changed);
        seen
    };
    let waiting = |reason: &str, message: &str| {
        with_pod(json!({
            "phase": "Pending",
            "containerStatuses": [{
                "name": "bridge", "image": "i", "imageID": "", "ready": false, "restartCount": 3,
                "state": {"waiting": {"reason": reason, "message": message}},
            }],
        }))
    };
    let ready_since = |time: &str| {
        with_pod(json!({
            "phase": "Running", "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": time}],
        }))
    };
    for (seen, heard, state, told) in [
        (
            seen(),
            unwell("media thread 2 is dead"),
            "failed",
            Some("bridge bridges-bridge-1: it is unwell: media thread 2"),
        ),
        (seen(), unwell("waiting for a shard"), "starting", None),
        (
            seen(),
            Some(Err(no_answer("bridges-bridge-1"))),
            "failed",
            Some("bridges-bridge-1 did not answer at port 8080: connection refused"),
        ),
        // It has just become ready.
        (
            ready_since("2026-01-01T00:59:50Z"),
            Some(Err(no_answer("bridges-bridge-1"))),
            "starting",
            None,
        ),
        (
            seen(),
            Some(Err(forbidden())),
            "unknown",
            Some("ask for ClusterRole shoal-on-call"),
        ),
        (
            waiting("CrashLoopBackOff", "back-off 40s"),
            None,
            "failed",
            Some("CrashLoopBackOff: back-off 40s"),
        ),
        (waiting("ContainerCreating", ""), None, "starting", None),
    ] {
        let (sentences, seen_as) = wrong(&seen, heard);
        assert_eq!(seen_as, state, "{sentences:?}");
        match told {
            Some(told) => assert!(
                sentences.iter().any(|one| one.contains(told)),
                "{told}: {sentences:?}"
            ),
            None => assert_eq!(sentences, Vec::<String>::new()),
        }
    }
}

#[test]
fn what_resources_complain_of_is_said_once() {
    let mut seen = seen();
    let mut ill = pool();
    ill["status"]["conditions"] = json!([
        condition(
            "Ready",
            "False",
            "1 of 2 bridges does not run: no node has room"
        ),
        condition(
            "Degraded",
            "True",
            "1 of 2 bridges does not run: no node has room"
        ),
        condition(
            "MediaReachable",
            "False",
            "UDP does not reach bridges-bridge-0"
        ),
        condition("Draining", "True", "bridges leave"),
    ]);
    seen.pools = vec![object(ill)];
    seen.clusters[0].status = None;
    let (sentences, _) = wrong(&seen, Some(stats(0, false)));
    assert_eq!(sentences.len(), 3, "{sentences:?}");
    assert!(sentences[0].starts_with("cluster default: the operator has not looked at it"));
    assert_eq!(
        sentences[1],
        "pool bridges: 1 of 2 bridges does not run: no node has room"
    );
    assert_eq!(
        sentences[2],
        "pool bridges: UDP does not reach bridges-bridge-0"
    );
}

#[test]
fn an_autoscaler_that_does_nothing_or_may_do_no_more_is_wrong() {
    for (kind, status, reason, told) in [
        (
            "ScalingActive",
            "False",
            "FailedGetPodsMetric",
            Some("pool bridges: its HorizontalPodAutoscaler does nothing: M"),
        ),
        ("ScalingActive", "True", "ValidMetricFound", None),
        (
            "ScalingLimited",
            "True",
            "TooManyReplicas",
            Some("pool bridges: traffic asks for more bridges than"),
        ),
        ("ScalingLimited", "True", "TooFewReplicas", None),
    ] {
        let mut seen = seen();
        seen.autoscalers = vec![object(json!({
            "metadata": {"name": "bridges"},
            "status": {"desiredReplicas": 2, "conditions": [
                {"type": kind, "status": status, "reason": reason, "message": "M"},
            ]},
        }))];
        let (sentences, _) = wrong(&seen, Some(stats(0, false)));
        match told {
            Some(told) => assert!(sentences[0].starts_with(told), "{sentences:?}"),
            None => assert!(sentences.is_empty(), "{sentences:?}"),
        }
    }
}

#[test]
fn status_of_one_cluster_leaves_the_others_out() {
    let mut both = seen();
    let mut other = shard("c");
    other["spec"]["clusterRef"] = "other".into();
    both.shards.push(object(other));
    assert!(both.narrow("default"));
    assert_eq!(both.shards.len(), 2);
    assert!(!both.narrow("other"));
}

fn shown(meetings: &Meetings, options: &rooms::Options) -> String {
    Rooms::of(&seen(), meetings, options).to_string()
}

#[test]
fn rooms_are_listed_by_name_or_by_what_is_asked_for() {
    assert_eq!(
        shown(&meetings(), &rooms::Options::default()).trim(),
        lines(
            "ROOM                                    SHARD   BRIDGES            PARTICIPANTS   AGE
             all-hands@conference.meet.example.org   b       bridges-bridge-1   3              65s
             standup@conference.meet.example.org     a       bridges-bridge-0   2              60m"
        )
    );
    let first = |options| {
        shown(&meetings(), &options)
            .lines()
            .nth(1)
            .unwrap()
            .to_owned()
    };
    let by = |sort| rooms::Options {
        sort: Some(sort),
        ..rooms::Options::default()
    };
    assert!(first(by(Sort::Participants)).starts_with("all-hands"));
    assert!(first(by(Sort::Age)).starts_with("standup"));
    let of_shard = rooms::Options {
        shard: Some("a".into()),
        ..rooms::Options::default()
    };
    assert!(first(of_shard).starts_with("standup"));
    let on_bridge = rooms::Options {
        bridge: Some("bridges-bridge-0".into()),
        ..rooms::Options::default()
    };
    assert_eq!(shown(&meetings(), &on_bridge).lines().count(), 2);
}

#[test]
fn no_rooms_are_told_from_shards_that_do_not_answer() {
    let empty = BTreeMap::from([
        ("a".to_owned(), Ok(Vec::new())),
        ("b".to_owned(), Ok(Vec::new())),
    ]);
    let none = rooms::Options {
        shard: Some("a".into()),
        ..rooms::Options::default()
    };
    assert_eq!(
        shown(&empty, &none),
        "Nobody is in a meeting on shard a in namespace meet.\n"
    );
    let mut silent = meetings();
    silent.insert("a".into(), Err(no_answer("a-focus-0")));
    let text = shown(&silent, &rooms::Options::default());
    assert!(
        text.starts_with("rooms of shard a are not known: a-focus-0 did not answer"),
        "{text}"
    );
    assert!(text.contains("all-hands@"));
    silent.remove("a");
    assert!(shown(&silent, &rooms::Options::default()).contains("pod a-focus-0 does not run"));
    let may_not = BTreeMap::from([
        ("a".to_owned(), Err(forbidden())),
        ("b".to_owned(), Err(forbidden())),
    ]);
    let text = shown(&may_not, &rooms::Options::default());
    assert_eq!(text.matches("shoal-on-call").count(), 1, "{text}");
}

fn place(meetings: &Meetings, room: &str) -> anyhow::Result<String> {
    let heard = heard(stats(2, false), stats(3, false));
    Ok(Where::of(&seen(), meetings, &heard, room)?.to_string())
}

#[test]
fn where_names_the_shard_the_pods_and_the_address() {
    assert_eq!(
        place(&meetings(), "StandUp").unwrap().trim(),
        lines(
            "standup@conference.meet.example.org is on shard a of cluster default, for 60m, with 2 participants.
             PART         POD                NODE    STATE   PARTICIPANTS   ADDRESS
             signalling   a-signalling-0     node1   -       -              -
             focus        a-focus-0          node1   -       -              -
             bridge       bridges-bridge-0   node1   ready   2              192.0.2.1:31000,[2001:db8::1]:31000"
        )
    );
}

#[test]
fn a_room_on_two_shards_of_a_cluster_is_split() {
    let mut split = meetings();
    let again = meeting("standup", "bridges-bridge-1", &["mercutio"], 5);
    split.insert("b".into(), Ok(vec![again]));
    let text = place(&split, "standup").unwrap();
    assert!(
        text.starts_with("SPLIT: shards a and b both have it"),
        "{text}"
    );
    assert!(text.contains("bridges-bridge-0") && text.contains("bridges-bridge-1"));
    assert!(!place(&meetings(), "standup").unwrap().contains("SPLIT"));
}

#[test]
fn a_room_that_nobody_has_is_an_error_with_names_like_it() {
    let error = place(&meetings(), "stand").unwrap_err().to_string();
    assert_eq!(
        error,
        "no shard in namespace meet has room stand, of 2 rooms; rooms with a name like it: standup"
    );
    let mut silent = meetings();
    silent.insert("a".into(), Err(no_answer("a-focus-0")));
    let error = place(&silent, "standup").unwrap_err().to_string();
    assert!(error.contains("rooms of shard a are not known"), "{error}");
}

#[test]
fn a_room_without_a_bridge_says_why() {
    let alone = |unavailable: bool| {
        let mut meeting = meeting("standup", "x", &["romeo"], 1);
        meeting.bridges.clear();
        meeting.bridge_unavailable = unavailable;
        BTreeMap::from([("a".to_owned(), Ok(vec![meeting]))])
    };
    assert!(
        place(&alone(false), "standup")
            .unwrap()
            .contains("a bridge is taken when a second participant comes")
    );
    assert!(
        place(&alone(true), "standup")
            .unwrap()
            .contains("finds no bridge")
    );
}
