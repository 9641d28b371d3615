//! `kubectl shoal move`: orders to focuses to move meetings from bridge to bridge.

use std::fmt;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use kube::ResourceExt;
use serde::Serialize;
use tokio::time::Instant;

use super::answers::Moved;
use super::io::Kubernetes;
use super::seen::Seen;
use super::shards::Room;
use super::units::counted;
use super::whereabouts::find;

/// How long a meeting may take to be on its new bridge.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often it is looked.
const LOOK: Duration = Duration::from_millis(500);

/// What is moved.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// The room, by its name, a link to it, or its address
    #[arg(value_name = "ROOM", required_unless_present = "from")]
    pub room: Option<String>,
    /// The bridge to move it to [default: the focus chooses]
    #[arg(long, value_name = "BRIDGE", conflicts_with = "from")]
    pub to: Option<String>,
    /// Move meetings away from this bridge, the largest first
    #[arg(long, value_name = "BRIDGE", conflicts_with = "room")]
    pub from: Option<String>,
    /// At least so many participants, in whole meetings
    #[arg(long, value_name = "NUMBER", requires = "from", default_value_t = 1)]
    pub count: u64,
}

/// What was set moving.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Outcome {
    participants: u64,
    conferences: u64,
    from: String,
    /// Where to; empty when meetings went to different bridges.
    to: String,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "moved {} of {} away from {}",
            counted(self.participants, "participant"),
            counted(self.conferences, "meeting"),
            self.from
        )?;
        match self.to.as_str() {
            "" => writeln!(f),
            to => writeln!(f, " to {to}"),
        }
    }
}

/// Carries the order out.
pub(super) async fn run(kubernetes: &Kubernetes, options: &Options) -> anyhow::Result<Outcome> {
    let seen = kubernetes.see().await?;
    match (&options.room, &options.from) {
        (Some(room), _) => move_room(kubernetes, &seen, room, options.to.as_deref()).await,
        (None, Some(bridge)) => move_from(kubernetes, &seen, bridge, options.count).await,
        (None, None) => bail!("name a room, or a bridge with --from"),
    }
}

#[derive(Serialize)]
struct MoveEndpoint<'a> {
    conference: &'a str,
    endpoint: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    bridge: Option<&'a str>,
}

/// The order for a room: a focus moves the whole meeting of any of its people.
fn order(room: &Room<'_>, to: Option<&str>) -> anyhow::Result<(String, String)> {
    let conference = room.conference;
    let name = conference.short_name();
    let with_session = conference
        .participants
        .iter()
        .find_map(|one| Some((&one.id, &one.session.as_ref()?.1)));
    let Some((endpoint, from)) = with_session else {
        bail!("nobody of room {name} is on a bridge, so there is nothing to move");
    };
    if to == Some(from) {
        bail!("room {name} is on bridge {from} already");
    }
    let query = serde_urlencoded::to_string(MoveEndpoint {
        conference: &conference.name,
        endpoint,
        bridge: to,
    })?;
    let path = format!("/move-endpoints/move-endpoint?{query}");
    Ok((path, from.clone()))
}

async fn move_room(
    kubernetes: &Kubernetes,
    seen: &Seen,
    room: &str,
    to: Option<&str>,
) -> anyhow::Result<Outcome> {
    if let Some(to) = to {
        known(seen, to)?;
    }
    let meetings = kubernetes.ask_focuses(seen).await;
    let found = find(seen, &meetings, room)?;
    let [meant] = found.as_slice() else {
        let shards: Vec<String> = found.iter().map(|one| one.shard.name_any()).collect();
        bail!(
            "room {room} is on shards {}: name it by its whole address, or see `kubectl shoal where {room}`",
            shards.join(" and ")
        );
    };
    let shard = meant.shard.name_any();
    let (path, from) = order(meant, to)?;
    let moved = kubernetes
        .order_move(&shard, &path)
        .await?
        .map_err(|why| anyhow::anyhow!("shard {shard} does not move room {room}: {why}"))?;
    let name = meant.conference.name.clone();
    let to = arrived(kubernetes, seen, &name, &shard, &from).await?;
    Ok(Outcome {
        participants: moved.moved_endpoints,
        conferences: moved.conferences,
        from,
        to,
    })
}

/// Waits until nobody of a room is on its old bridge; gives the new one.
async fn arrived(
    kubernetes: &Kubernetes,
    seen: &Seen,
    room: &str,
    shard: &str,
    from: &str,
) -> anyhow::Result<String> {
    let start = Instant::now();
    loop {
        let meetings = kubernetes.ask_focuses(seen).await;
        let found = find(seen, &meetings, room)?;
        let conference = found
            .iter()
            .find(|one| one.shard.name_any() == shard)
            .with_context(|| format!("room {room} ended meanwhile"))?
            .conference;
        let still = conference.bridges.iter().any(|(name, _)| name == from);
        if !still && let Some((to, _)) = conference.bridges.first() {
            return Ok(to.clone());
        }
        if start.elapsed() > PATIENCE {
            bail!(
                "room {room} is still on bridge {from} after {} s: the move is ordered, and the log of pod {} says what \
                 keeps it",
                PATIENCE.as_secs(),
                super::shards::focus_pod(shard)
            );
        }
        tokio::time::sleep(LOOK).await;
    }
}

async fn move_from(
    kubernetes: &Kubernetes,
    seen: &Seen,
    bridge: &str,
    count: u64,
) -> anyhow::Result<Outcome> {
    known(seen, bridge)?;
    let mut outcome = Outcome {
        from: bridge.to_owned(),
        ..Outcome::default()
    };
    let mut refusals = Vec::new();
    for shard in &seen.shards {
        if outcome.participants >= count {
            break;
        }
        let name = shard.name_any();
        // The name of a pod needs no encoding.
        let path = format!(
            "/move-endpoints/move-endpoints?bridge={bridge}&numEndpoints={}",
            count - outcome.participants
        );
        match kubernetes.order_move(&name, &path).await {
            Ok(Ok(Moved {
                moved_endpoints,
                conferences,
            })) => {
                outcome.participants += moved_endpoints;
                outcome.conferences += conferences;
            }
            Ok(Err(why)) => refusals.push(format!("shard {name}: {why}")),
            Err(silence) => refusals.push(format!("shard {name}: {silence}")),
        }
    }
    match outcome.participants {
        0 if refusals.is_empty() => {
            bail!("nobody is on bridge {bridge}, so there is nothing to move")
        }
        0 => bail!(
            "nobody was moved from bridge {bridge}: {}",
            refusals.join("; ")
        ),
        _ => Ok(outcome),
    }
}

/// An error with the bridges that there are, when it is none of them.
fn known(seen: &Seen, bridge: &str) -> anyhow::Result<()> {
    if seen.bridge(bridge).is_some() {
        return Ok(());
    }
    bail!(no_bridge(seen, bridge))
}

/// That there is no such bridge, and which there are.
pub(super) fn no_bridge(seen: &Seen, bridge: &str) -> String {
    let all: Vec<String> = seen.bridges().map(|(_, pod)| pod.name_any()).collect();
    let place = &seen.namespace;
    match all.is_empty() {
        true => format!(
            "there is no bridge at all in namespace {place}: choose another with --namespace"
        ),
        false => format!(
            "there is no bridge {bridge} in namespace {place}: name one of {}",
            all.join(", ")
        ),
    }
}
