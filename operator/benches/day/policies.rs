//! What is compared.

use serde_json::{Value, json};

use crate::model::simulation::{Keeper, Policy};
use crate::model::traffic::{Crowd, Shape};

/// Participants at noon, for a pool that needs some eight hundred bridges then; a tenth in the evening.
const NOON: f64 = 40_000.0;
/// Participants of the crowd: three times as many as are there in the evening.
const CROWD: f64 = 12_000.0;
/// Seconds of the day at which the crowd comes.
const EIGHT: u32 = 20 * 3_600;

/// The article's day, a crowd in a quiet evening, and both.
pub(crate) fn shapes(scale: f64) -> [Shape; 3] {
    let noon = NOON * scale;
    let evening = noon / 10.0;
    let crowd = Some(Crowd {
        at: EIGHT,
        participants: (CROWD * scale) as u32,
    });
    [
        Shape {
            name: "day",
            noon,
            evening,
            crowd: None,
        },
        Shape {
            name: "flash crowd",
            noon: evening,
            evening,
            crowd,
        },
        Shape {
            name: "day and flash crowd",
            noon,
            evening,
            crowd,
        },
    ]
}

/// Which of [`all`] has nothing but defaults.
pub(crate) const DEFAULT: usize = 4;

pub(crate) fn all() -> Vec<Policy> {
    let policy = |name, keeper, own: Value| {
        let mut spec = json!({ "autoscaling": {
            "minReplicas": 2,
            "maxReplicas": 1_000,
            "targetNetworkBytesPerSecond": 25_000_000,
        }});
        if let Some(percent) = own.get("reservePercent") {
            spec["autoscaling"]["reservePercent"] = percent.clone();
        }
        if let Some(drain) = own.get("drain") {
            spec["drain"] = drain.clone();
        }
        Policy { name, keeper, spec }
    };
    let bare = json!({ "reservePercent": 0 });
    let waits = json!({ "drain": { "policy": "WaitForEmpty", "timeout": "4h" } });
    vec![
        policy("as many as the peak needs", Keeper::Fixed, bare.clone()),
        policy(
            "StatefulSet and HPA, 30 s grace",
            Keeper::StatefulSet(30),
            bare.clone(),
        ),
        policy(
            "StatefulSet and HPA, endless grace",
            Keeper::StatefulSet(u32::MAX),
            bare.clone(),
        ),
        policy("Shoal without reserve", Keeper::Shoal, bare),
        policy("Shoal", Keeper::Shoal, json!({})),
        policy("Shoal, WaitForEmpty", Keeper::Shoal, waits),
    ]
}
