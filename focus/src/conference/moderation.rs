//! A/V moderation: who may unmute, as the room's moderation component says.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use xmpp::mute::{Mute, MuteKind};

use super::participant::Muted;
use super::{Conference, Context, Kind, Participant};

/// Most entries of a list that are kept.
const MAX_LISTED: usize = 10_000;

/// Moderation of one medium: `None` while it is off, else who may unmute all the same (occupant JIDs).
type Medium = Option<BTreeSet<String>>;

/// Moderation of the room.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Moderation {
    audio: Medium,
    video: Medium,
    desktop: Medium,
}

impl Moderation {
    fn medium(&mut self, kind: MuteKind) -> &mut Medium {
        match kind {
            MuteKind::Audio => &mut self.audio,
            MuteKind::Video => &mut self.video,
            MuteKind::Desktop => &mut self.desktop,
        }
    }

    fn forbids(medium: &Medium, participant: &Participant) -> bool {
        participant.kind == Kind::Person
            && !participant.is_moderator()
            && medium
                .as_ref()
                .is_some_and(|allowed| !allowed.contains(participant.occupant.as_str()))
    }

    /// What the participant must not send.
    pub(super) fn forbidden(&self, participant: &Participant) -> Muted {
        Muted {
            audio: Self::forbids(&self.audio, participant),
            video: Self::forbids(&self.video, participant),
        }
    }
}

fn kind_of(media_type: &str) -> Option<MuteKind> {
    [MuteKind::Audio, MuteKind::Video, MuteKind::Desktop]
        .into_iter()
        .find(|k| k.as_str() == media_type)
}

impl Conference {
    /// A message of the moderation component.
    pub(super) fn handle_moderation(
        &mut self,
        content: &Map<String, Value>,
        ctx: &mut Context<'_>,
    ) {
        let _ = ctx;
        if let Some(Value::Object(lists)) = content.get("whitelists") {
            for (media_type, list) in lists {
                let (Some(kind), Value::Array(list)) = (kind_of(media_type), list) else {
                    continue;
                };
                let allowed: BTreeSet<String> = list
                    .iter()
                    .filter_map(Value::as_str)
                    .map(str::to_owned)
                    .take(MAX_LISTED)
                    .collect();
                let medium = self.moderation.medium(kind);
                if medium.is_some() || !allowed.is_empty() {
                    *medium = Some(allowed);
                }
            }
        }
        let media_type = content
            .get("mediaType")
            .and_then(Value::as_str)
            .and_then(kind_of);
        let enabled = content.get("enabled").and_then(Value::as_bool);
        if let (Some(kind), Some(enabled)) = (media_type, enabled) {
            let medium = self.moderation.medium(kind);
            let begins = enabled && medium.is_none();
            if enabled {
                medium.get_or_insert_default();
            } else {
                *medium = None;
            }
            if begins {
                let actor = content
                    .get("actor")
                    .and_then(Value::as_str)
                    .unwrap_or_default()
                    .to_owned();
                self.mute_all_but(kind, &actor);
            }
        }
        let everybody: Vec<Arc<str>> = self.participants.keys().cloned().collect();
        self.enforce_moderation(&everybody);
    }

    fn mute_all_but(&mut self, kind: MuteKind, actor: &str) {
        let targets: Vec<_> = self
            .participants
            .values()
            .filter(|p| p.occupant.as_str() != actor && p.kind == Kind::Person)
            .map(|p| p.occupant.clone())
            .collect();
        for to in targets {
            self.send_iq(to, &Mute::order(kind, actor, true));
        }
    }

    /// Mutes at the bridge whoever may not unmute, and lets go whoever may.
    pub(super) fn enforce_moderation(&mut self, nicks: &[Arc<str>]) {
        let mut changed = Vec::new();
        for nick in nicks {
            let Some(participant) = self.participants.get_mut(nick) else {
                continue;
            };
            let forbidden = self.moderation.forbidden(participant);
            if participant.force_muted != forbidden {
                participant.force_muted = forbidden;
                changed.push(nick.clone());
            }
        }
        self.force_mute(&changed);
    }
}
