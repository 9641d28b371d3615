//! Scenario files: the rooms of a run, as TOML.
//!
//! ```toml
//! [[groups]]
//! name = "stand-ups"
//! rooms = 10
//! participants = 4
//! senders = 2                    # or "all"
//! arrival = { ramp = "30s" }     # or "at-once", { steady = 2.0 }, { poisson = 2.0 }, { waves = […] }
//! duration = "10m"
//! ```

use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};

use crate::duration;
use crate::plan::{Arrival, Group, Point};

/// What is wrong with a scenario file: where, and what.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ScenarioError(#[from] toml::de::Error);

/// Reads the groups of a scenario.
///
/// # Errors
/// [`ScenarioError`]: no TOML, a key that does not exist, or a value that is none.
pub fn parse(text: &str) -> Result<Vec<Group>, ScenarioError> {
    let file: File = toml::from_str(text)?;
    Ok(file.groups.into_iter().map(Into::into).collect())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    groups: Vec<FileGroup>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct FileGroup {
    name: String,
    rooms: usize,
    participants: usize,
    senders: Senders,
    height: u16,
    media: bool,
    arrival: FileArrival,
    duration: Time,
    stay: Option<Time>,
    break_before_make: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum FileArrival {
    AtOnce,
    Ramp(Time),
    Steady(f64),
    Poisson(f64),
    Waves(Vec<FilePoint>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FilePoint {
    at: Time,
    participants: usize,
}

/// A number, or `"all"`.
struct Senders(Option<usize>);

/// Such as `"90s"`.
struct Time(Duration);

impl Default for FileGroup {
    fn default() -> Self {
        let group = Group::default();
        Self {
            name: group.name,
            rooms: group.rooms,
            participants: group.participants,
            senders: Senders(group.senders),
            height: group.height,
            media: group.media,
            arrival: FileArrival::AtOnce,
            duration: Time(group.duration),
            stay: None,
            break_before_make: group.break_before_make,
        }
    }
}

impl From<FileGroup> for Group {
    fn from(file: FileGroup) -> Self {
        Self {
            name: file.name,
            rooms: file.rooms,
            participants: file.participants,
            senders: file.senders.0,
            height: file.height,
            media: file.media,
            arrival: match file.arrival {
                FileArrival::AtOnce => Arrival::AtOnce,
                FileArrival::Ramp(over) => Arrival::Ramp(over.0),
                FileArrival::Steady(rate) => Arrival::Steady(rate),
                FileArrival::Poisson(rate) => Arrival::Poisson(rate),
                FileArrival::Waves(points) => Arrival::Waves(
                    points
                        .into_iter()
                        .map(|point| Point {
                            at: point.at.0,
                            participants: point.participants,
                        })
                        .collect(),
                ),
            },
            duration: file.duration.0,
            stay: file.stay.map(|time| time.0),
            break_before_make: file.break_before_make,
        }
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        duration::parse(&text).map(Self).map_err(de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Senders {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Number;

        impl Visitor<'_> for Number {
            type Value = Senders;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, or \"all\"")
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Senders, E> {
                let number = usize::try_from(number).map_err(E::custom)?;
                Ok(Senders(Some(number)))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Senders, E> {
                match text {
                    "all" => Ok(Senders(None)),
                    other => Err(E::invalid_value(de::Unexpected::Str(other), &self)),
                }
            }
        }

        deserializer.deserialize_any(Number)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn error(text: &str) -> String {
        parse(text).unwrap_err().to_string()
    }

    #[test]
    fn a_group_says_what_differs_from_a_meeting_of_two() {
        let groups = parse(
            "[[groups]]\n[[groups]]\nname = 'day'\nsenders = 1\nstay = '90s'\nparticipants = 3\n\
             arrival = { waves = [{ at = '0s', participants = 3 }, { at = '2m', participants = 9 }] }",
        )
        .unwrap();
        assert_eq!(groups[0], Group::default());
        let point = |seconds, participants| Point {
            at: Duration::from_secs(seconds),
            participants,
        };
        let day = Group {
            name: "day".to_owned(),
            senders: Some(1),
            participants: 3,
            stay: Some(Duration::from_secs(90)),
            arrival: Arrival::Waves(vec![point(0, 3), point(120, 9)]),
            ..Group::default()
        };
        assert_eq!(groups[1], day);
    }

    #[test]
    fn each_kind_of_arrival_has_its_name() {
        let arrival = |text: &str| {
            let groups = parse(&format!("[[groups]]\narrival = {text}")).unwrap();
            groups[0].arrival.clone()
        };
        assert_eq!(arrival("'at-once'"), Arrival::AtOnce);
        assert_eq!(
            arrival("{ ramp = '2s' }"),
            Arrival::Ramp(Duration::from_secs(2))
        );
        assert_eq!(arrival("{ steady = 2.0 }"), Arrival::Steady(2.0));
        assert_eq!(arrival("{ poisson = 0.5 }"), Arrival::Poisson(0.5));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        let unknown = error("[[groups]]\nroms = 3");
        assert!(
            unknown.contains("line 2") && unknown.contains("roms"),
            "{unknown}"
        );
        assert!(unknown.contains("`rooms`"), "{unknown}");
        assert!(error("groups = 3").contains("groups"));
        assert!(error("[[groups]]\narrival = 'sometimes'").contains("sometimes"));
        assert!(error("[[groups]]\nduration = 'long'").contains("90s"));
        assert!(error("[[groups]]\nsenders = 'some'").contains("\"all\""));
        assert!(error("[[groups]]\nsenders = -1").contains("senders"));
    }

    #[test]
    fn the_scenarios_that_come_along_can_be_run() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios");
        let mut read = 0;
        for entry in std::fs::read_dir(folder).unwrap() {
            let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
            let plan = crate::Plan {
                groups: parse(&text).unwrap(),
                ..crate::Plan::new("https://meet.example.org".parse().unwrap())
            };
            plan.check(4).unwrap();
            read += 1;
        }
        assert!(read >= 3, "{read} scenarios in {folder}");
    }
}
