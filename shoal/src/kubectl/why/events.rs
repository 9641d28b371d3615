//! What happened, in order of time.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::core::v1::Event;
use serde::Serialize;

use super::subject::Subject;
use crate::kubectl::seen::since_epoch;
use crate::kubectl::units::span;

/// The latest that are shown.
const SHOWN: usize = 25;

/// An event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Happening {
    /// When it happened last.
    pub seconds_ago: u64,
    /// How often.
    pub count: i32,
    /// `Normal` or `Warning`.
    #[serde(rename = "type")]
    pub kind: String,
    pub reason: String,
    pub about: String,
    pub message: String,
}

impl Happening {
    /// Its cells in the table.
    pub(crate) fn row(&self) -> [String; 5] {
        let ago = span(Duration::from_secs(self.seconds_ago));
        [
            match self.count {
                0 | 1 => ago,
                count => format!("{ago} (x{count})"),
            },
            self.kind.clone(),
            self.reason.clone(),
            self.about.clone(),
            self.message.clone(),
        ]
    }
}

/// Those about a subject, oldest first.
pub(crate) fn of(
    subject: &Subject<'_>,
    events: &BTreeMap<String, Vec<Event>>,
    now: Duration,
) -> Vec<Happening> {
    let names = subject.with_events();
    let bridge = subject.bridge();
    let all = names.iter().filter_map(|name| events.get(name)).flatten();
    let mut told: Vec<Happening> = all
        .filter(|event| {
            let kind = event.involved_object.kind.as_deref().unwrap_or_default();
            subject.kinds().contains(&kind)
        })
        .map(|event| happening(event, now))
        .filter(|one| bridge.as_ref().is_none_or(|bridge| concerns(one, bridge)))
        .collect();
    told.sort_by_key(|one| std::cmp::Reverse(one.seconds_ago));
    told.split_off(told.len().saturating_sub(SHOWN))
}

/// Whether an event of the pool or the pod is about this bridge, and not about one whose name begins like it.
fn concerns(one: &Happening, bridge: &str) -> bool {
    let whole = |text: &str| {
        let mut words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
        words.any(|word| word == bridge)
    };
    one.about == format!("Pod/{bridge}") || whole(&one.message)
}

fn happening(event: &Event, now: Duration) -> Happening {
    let micro = |time: &k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime| {
        Duration::from_secs(u64::try_from(time.0.as_second()).unwrap_or_default())
    };
    let series = event.series.as_ref();
    let times = [
        series
            .and_then(|series| series.last_observed_time.as_ref())
            .map(micro),
        event.last_timestamp.as_ref().map(since_epoch),
        event.event_time.as_ref().map(micro),
        event.metadata.creation_timestamp.as_ref().map(since_epoch),
    ];
    let at = times.into_iter().flatten().max().unwrap_or(now);
    let about = &event.involved_object;
    Happening {
        seconds_ago: now.saturating_sub(at).as_secs(),
        count: series
            .and_then(|series| series.count)
            .or(event.count)
            .unwrap_or(1),
        kind: event.type_.clone().unwrap_or_default(),
        reason: event.reason.clone().unwrap_or_default(),
        about: format!(
            "{}/{}",
            about.kind.as_deref().unwrap_or_default(),
            about.name.as_deref().unwrap_or_default()
        ),
        message: event.message.clone().unwrap_or_default().trim().to_owned(),
    }
}
