//! Which remote source an SSRC carries: as the bridge channel names it where the bridge rewrites
//! SSRCs, else as Jingle does.

use std::collections::HashMap;
use std::sync::Arc;

use xmpp::bridge_channel::Message;
use xmpp::source::{BRIDGE_OWNER, ConferenceSources, MediaType, Semantics};

use crate::journal::Media;

/// SSRCs that are remembered.
const MAX_SSRCS: usize = 20_000;

/// What an SSRC carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Carried {
    /// Endpoint id of the sender.
    pub owner: Arc<str>,
    pub media: Media,
    /// The SSRC whose lost packets it repeats.
    pub repairs: Option<u32>,
}

/// The SSRCs of one session.
#[derive(Debug, Default)]
pub(super) struct Heard {
    by_ssrc: HashMap<u32, Carried>,
}

impl Heard {
    pub(super) fn of(&self, ssrc: u32) -> Option<&Carried> {
        self.by_ssrc.get(&ssrc)
    }

    /// Takes what Jingle signals. The bridge's own sources carry nothing.
    pub(super) fn add(&mut self, sources: &ConferenceSources) {
        for (owner, sources) in &sources.by_owner {
            if owner == BRIDGE_OWNER {
                continue;
            }
            for (kind, source) in sources.iter() {
                let media = match kind {
                    MediaType::Audio => Media::Audio,
                    _ => Media::Video,
                };
                let repairs = sources.groups_of(kind).iter().find_map(|group| {
                    match (&group.semantics, &group.ssrcs[..]) {
                        (Semantics::Fid, [first, second]) if *second == source.ssrc => Some(*first),
                        _ => None,
                    }
                });
                self.put(source.ssrc, owner, media, repairs);
            }
        }
    }

    pub(super) fn remove(&mut self, sources: &ConferenceSources) {
        for sources in sources.by_owner.values() {
            for (_, source) in sources.iter() {
                self.by_ssrc.remove(&source.ssrc);
            }
        }
    }

    /// Takes what the bridge channel says of SSRCs.
    pub(super) fn handle_message(&mut self, message: &Message) {
        match message {
            Message::AudioSourcesMap(map) => {
                for mapped in &map.mapped_sources {
                    self.map(mapped.ssrc, mapped.owner.as_deref(), Media::Audio, None);
                }
            }
            Message::VideoSourcesMap(map) => {
                for mapped in &map.mapped_sources {
                    let owner = mapped.owner.as_deref();
                    self.map(mapped.ssrc, owner, Media::Video, None);
                    self.map(mapped.rtx, owner, Media::Video, Some(mapped.ssrc));
                }
            }
            _ => {}
        }
    }

    fn map(&mut self, ssrc: u32, owner: Option<&str>, media: Media, repairs: Option<u32>) {
        match owner {
            Some(owner) => self.put(ssrc, owner, media, repairs),
            None => {
                self.by_ssrc.remove(&ssrc);
            }
        }
    }

    fn put(&mut self, ssrc: u32, owner: &str, media: Media, repairs: Option<u32>) {
        if self.by_ssrc.len() < MAX_SSRCS || self.by_ssrc.contains_key(&ssrc) {
            let carried = Carried {
                owner: owner.into(),
                media,
                repairs,
            };
            self.by_ssrc.insert(ssrc, carried);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use xmpp::bridge_channel;
    use xmpp::source::json;

    fn owner(heard: &Heard, ssrc: u32) -> Option<(&str, Media, Option<u32>)> {
        let carried = heard.of(ssrc)?;
        Some((&carried.owner, carried.media, carried.repairs))
    }

    #[test]
    fn jingle_names_sources_and_takes_them_back() {
        let sources = json::parse(
            r#"{"sources":{"aa":[[{"s":11,"n":"aa-v0"},{"s":12,"n":"aa-v0"}],[["f",11,12]],[{"s":21}]],
                "jvb":[[{"s":1}],[],[]]}}"#,
        )
        .unwrap();
        let mut heard = Heard::default();
        heard.add(&sources);
        assert_eq!(owner(&heard, 11), Some(("aa", Media::Video, None)));
        assert_eq!(owner(&heard, 12), Some(("aa", Media::Video, Some(11))));
        assert_eq!(owner(&heard, 21), Some(("aa", Media::Audio, None)));
        assert_eq!(owner(&heard, 1), None);
        heard.remove(&sources);
        assert_eq!(owner(&heard, 11), None);
    }

    #[test]
    fn the_bridge_channel_gives_an_ssrc_to_another_and_to_nobody() {
        let mut heard = Heard::default();
        let mut say = |owner: &str| {
            let text = format!(
                r#"{{"colibriClass":"VideoSourcesMap","mappedSources":[
                    {{"source":"x-v0",{owner}"ssrc":5,"rtx":6,"videoType":"CAMERA"}}]}}"#
            );
            heard.handle_message(&bridge_channel::parse(&text).unwrap());
            owner_of_five(&heard)
        };
        assert_eq!(say(r#""owner":"aa","#).as_deref(), Some("aa"));
        assert_eq!(say(r#""owner":"bb","#).as_deref(), Some("bb"));
        assert_eq!(say(""), None);
    }

    fn owner_of_five(heard: &Heard) -> Option<String> {
        owner(heard, 5).map(|(owner, ..)| owner.to_owned())
    }
}
