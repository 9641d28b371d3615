//! Media sources in and out of Jingle contents.

use super::{Content, Jingle, RtpDescription};
use crate::source::ssma::OwnedSource;
use crate::source::{ConferenceSources, EndpointSources, MediaType};

/// Sources in contents, of one sender: whatever owner is written there counts for nothing.
pub fn from_contents(contents: &[Content]) -> EndpointSources {
    let mut sources = EndpointSources::default();
    for content in contents {
        let Some((media, description)) = media_of(content) else {
            continue;
        };
        for owned in &description.sources {
            sources.push(media, owned.source.clone());
        }
        for group in &description.ssrc_groups {
            sources.push_group(media, group.clone());
        }
    }
    sources
}

/// Sources in contents, by the owner that is written there; those without owner belong to
/// `default_owner`. A group belongs to the owner of its first SSRC.
pub fn from_contents_by_owner(contents: &[Content], default_owner: &str) -> ConferenceSources {
    let mut all = ConferenceSources::new();
    for content in contents {
        let Some((media, description)) = media_of(content) else {
            continue;
        };
        for owned in &description.sources {
            let owner = owned.owner.as_deref().unwrap_or(default_owner);
            all.by_owner
                .entry(owner.to_owned())
                .or_default()
                .push(media, owned.source.clone());
        }
        for group in &description.ssrc_groups {
            let owner = group
                .ssrcs
                .first()
                .and_then(|first| {
                    let owned = description
                        .sources
                        .iter()
                        .find(|o| o.source.ssrc == *first)?;
                    owned.owner.as_deref()
                })
                .unwrap_or(default_owner);
            all.by_owner
                .entry(owner.to_owned())
                .or_default()
                .push_group(media, group.clone());
        }
    }
    all
}

/// Contents named `audio` and `video` that carry these sources with their owners, as the focus
/// signals them to clients without the JSON form. A medium without sources has no content.
pub fn to_contents(sources: &ConferenceSources) -> Vec<Content> {
    [MediaType::Audio, MediaType::Video]
        .into_iter()
        .filter_map(|media| {
            let mut description = RtpDescription::new(media);
            add_to_description(&mut description, sources);
            if description.sources.is_empty() && description.ssrc_groups.is_empty() {
                return None;
            }
            let mut content = Content::new(media.as_str());
            content.description = Some(description);
            Some(content)
        })
        .collect()
}

/// Adds the sources of the description's own medium to it, with their owners.
pub fn add_to_description(description: &mut RtpDescription, sources: &ConferenceSources) {
    let Some(media) = description.media else {
        return;
    };
    for (owner, sources) in &sources.by_owner {
        description
            .sources
            .extend(sources.of(media).iter().map(|source| OwnedSource {
                owner: Some(owner.clone()),
                source: source.clone(),
            }));
        description
            .ssrc_groups
            .extend(sources.groups_of(media).iter().cloned());
    }
}

impl Jingle {
    /// The sources that a client signals: its own, in whichever form.
    pub fn own_sources(&self) -> EndpointSources {
        let mut sources = from_contents(&self.contents);
        if let Some(json) = &self.json_sources {
            for owned in json.by_owner.values() {
                sources.extend(owned.clone());
            }
        }
        sources
    }

    /// The sources that the focus signals, by owner, in whichever form. In the XML form a source
    /// without owner is the bridge's.
    pub fn sources(&self) -> ConferenceSources {
        let mut all = from_contents_by_owner(&self.contents, crate::source::BRIDGE_OWNER);
        if let Some(json) = &self.json_sources {
            for (owner, sources) in &json.by_owner {
                all.add(owner, sources.clone());
            }
        }
        all
    }
}

fn media_of(content: &Content) -> Option<(MediaType, &RtpDescription)> {
    let description = content.description.as_ref()?;
    let media = description.media.or_else(|| content.name.parse().ok())?;
    Some((media, description))
}
