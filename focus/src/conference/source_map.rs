//! All sources of a conference, and the rules for adding to them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use xmpp::source::{EndpointSources, MediaType, Semantics, Source, SsrcGroup};

/// How much one participant may signal.
#[derive(Debug, Clone, Copy)]
pub struct SourceLimits {
    /// SSRCs of one participant at most.
    pub ssrcs: usize,
    /// Groups of one participant at most.
    pub groups: usize,
}

/// Why sources are refused. The text goes to the client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "each variant's text says what it is")]
pub enum SourceError {
    #[error("SSRC {0} is already in use in this conference")]
    SsrcInUse(u32),
    #[error("SSRC 0 is not valid")]
    InvalidSsrc,
    #[error("the msid {0} is in use by another participant")]
    MsidInUse(String),
    #[error("more than {0} SSRCs")]
    TooManySsrcs(usize),
    #[error("more than {0} SSRC groups")]
    TooManyGroups(usize),
    #[error("a group names SSRC {0}, which is not among the sources")]
    UnknownInGroup(u32),
    #[error("SSRC {0} is in a group and has no msid")]
    NoMsid(u32),
    #[error("the SSRCs of a group have different msids")]
    MixedMsids,
    #[error("two groups have the msid {0}")]
    MsidInTwoGroups(String),
    #[error("a group {0} has {1} SSRCs")]
    GroupSize(String, usize),
    #[error("the source name {0} does not begin with the name of its endpoint")]
    ForeignName(String),
    #[error("SSRC {0} is not among the participant's sources")]
    NotFound(u32),
}

/// Sources by owner, with what is needed to refuse duplicates without walking through everybody.
#[derive(Debug, Clone, Default)]
pub struct SourceMap {
    by_owner: BTreeMap<Arc<str>, Arc<EndpointSources>>,
    ssrcs: HashMap<u32, Arc<str>>,
    msids: HashMap<String, (Arc<str>, usize)>,
}

impl SourceMap {
    /// The sources of one participant.
    pub fn of(&self, owner: &str) -> Option<&Arc<EndpointSources>> {
        self.by_owner.get(owner)
    }

    /// All sources by owner.
    pub fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &Arc<EndpointSources>)> {
        self.by_owner.iter()
    }

    /// A cheap copy of everything.
    pub fn snapshot(&self) -> BTreeMap<Arc<str>, Arc<EndpointSources>> {
        self.by_owner.clone()
    }

    /// Adds sources of one participant. Sources without a name get the default one.
    ///
    /// # Errors
    /// Nothing is added if any source or group is refused.
    pub fn try_add(
        &mut self,
        owner: &str,
        mut added: EndpointSources,
        limits: SourceLimits,
    ) -> Result<EndpointSources, SourceError> {
        name_the_nameless(owner, &mut added);
        let mut seen = std::collections::HashSet::new();
        for (_, source) in added.iter() {
            if source.ssrc == 0 {
                return Err(SourceError::InvalidSsrc);
            }
            if !seen.insert(source.ssrc) || self.ssrcs.contains_key(&source.ssrc) {
                return Err(SourceError::SsrcInUse(source.ssrc));
            }
            if let Some(name) = &source.name
                && !name
                    .strip_prefix(owner)
                    .is_some_and(|rest| rest.starts_with('-'))
            {
                return Err(SourceError::ForeignName(name.clone()));
            }
            if let Some(msid) = &source.msid
                && self
                    .msids
                    .get(msid)
                    .is_some_and(|(other, _)| &**other != owner)
            {
                return Err(SourceError::MsidInUse(msid.clone()));
            }
        }
        let mut all = self
            .by_owner
            .get(owner)
            .map(|s| (**s).clone())
            .unwrap_or_default();
        // A client that adds a source to a group sends the group again.
        added.audio_groups.retain(|g| !all.audio_groups.contains(g));
        added.video_groups.retain(|g| !all.video_groups.contains(g));
        all.extend(added.clone());
        if all.audio.len() + all.video.len() > limits.ssrcs {
            return Err(SourceError::TooManySsrcs(limits.ssrcs));
        }
        if all.audio_groups.len() + all.video_groups.len() > limits.groups {
            return Err(SourceError::TooManyGroups(limits.groups));
        }
        for media in [MediaType::Audio, MediaType::Video] {
            check_groups(all.of(media), all.groups_of(media))?;
        }
        let owner: Arc<str> = owner.into();
        for (_, source) in added.iter() {
            self.ssrcs.insert(source.ssrc, owner.clone());
            if let Some(msid) = &source.msid {
                self.msids
                    .entry(msid.clone())
                    .or_insert_with(|| (owner.clone(), 0))
                    .1 += 1;
            }
        }
        if !all.is_empty() {
            self.by_owner.insert(owner, Arc::new(all));
        }
        Ok(added)
    }

    /// Removes sources of one participant, with every group that one of them is in.
    ///
    /// # Errors
    /// Nothing is removed if one of the SSRCs is not the participant's.
    pub fn try_remove(
        &mut self,
        owner: &str,
        remove: &EndpointSources,
    ) -> Result<EndpointSources, SourceError> {
        for (_, source) in remove.iter() {
            if self.ssrcs.get(&source.ssrc).is_none_or(|o| &**o != owner) {
                return Err(SourceError::NotFound(source.ssrc));
            }
        }
        let Some(all) = self.by_owner.get(owner) else {
            return Ok(EndpointSources::default());
        };
        let mut rest = (**all).clone();
        let removed = rest.remove(remove);
        self.forget(&removed);
        if rest.is_empty() {
            self.by_owner.remove(owner);
        } else {
            self.by_owner.insert(owner.into(), Arc::new(rest));
        }
        Ok(removed)
    }

    /// Removes everything of one participant.
    pub fn remove_owner(&mut self, owner: &str) -> Option<Arc<EndpointSources>> {
        let removed = self.by_owner.remove(owner)?;
        self.forget(&removed);
        Some(removed)
    }

    fn forget(&mut self, removed: &EndpointSources) {
        for (_, source) in removed.iter() {
            self.ssrcs.remove(&source.ssrc);
            if let Some(msid) = &source.msid
                && let Some((_, count)) = self.msids.get_mut(msid)
            {
                *count -= 1;
                if *count == 0 {
                    self.msids.remove(msid);
                }
            }
        }
    }
}

fn name_the_nameless(owner: &str, sources: &mut EndpointSources) {
    for source in sources.audio.iter_mut().filter(|s| s.name.is_none()) {
        source.name = Some(format!("{owner}-a0"));
    }
    for source in sources.video.iter_mut().filter(|s| s.name.is_none()) {
        source.name = Some(format!("{owner}-v0"));
    }
}

fn check_groups(sources: &[Source], groups: &[SsrcGroup]) -> Result<(), SourceError> {
    let mut simulcast: HashMap<u32, &str> = HashMap::new();
    let mut independent: Vec<&str> = Vec::new();
    // Simulcast first: a retransmission group of one of its layers shares its msid.
    for group in groups.iter().filter(|g| g.semantics == Semantics::Sim) {
        let msid = check_group(sources, group)?;
        if independent.contains(&msid) {
            return Err(SourceError::MsidInTwoGroups(msid.to_owned()));
        }
        independent.push(msid);
        simulcast.extend(group.ssrcs.iter().map(|ssrc| (*ssrc, msid)));
    }
    for group in groups.iter().filter(|g| g.semantics != Semantics::Sim) {
        let msid = check_group(sources, group)?;
        match group.ssrcs.first().and_then(|first| simulcast.get(first)) {
            Some(of_layer) if *of_layer != msid => return Err(SourceError::MixedMsids),
            Some(_) => {}
            None if group.semantics == Semantics::Fid => {
                if independent.contains(&msid) {
                    return Err(SourceError::MsidInTwoGroups(msid.to_owned()));
                }
                independent.push(msid);
            }
            None => {}
        }
    }
    Ok(())
}

/// The msid that all members share.
fn check_group<'a>(sources: &'a [Source], group: &SsrcGroup) -> Result<&'a str, SourceError> {
    let wrong_size = match group.semantics {
        Semantics::Fid => group.ssrcs.len() != 2,
        _ => group.ssrcs.is_empty(),
    };
    if wrong_size {
        return Err(SourceError::GroupSize(
            group.semantics.as_str().to_owned(),
            group.ssrcs.len(),
        ));
    }
    let mut shared = None;
    for ssrc in &group.ssrcs {
        let source = sources
            .iter()
            .find(|s| s.ssrc == *ssrc)
            .ok_or(SourceError::UnknownInGroup(*ssrc))?;
        let msid = source
            .msid
            .as_deref()
            .filter(|m| !m.is_empty())
            .ok_or(SourceError::NoMsid(*ssrc))?;
        if *shared.get_or_insert(msid) != msid {
            return Err(SourceError::MixedMsids);
        }
    }
    Ok(shared.expect("a group that passed the size check has a member"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    const LIMITS: SourceLimits = SourceLimits {
        ssrcs: 20,
        groups: 20,
    };

    fn source(owner: &str, ssrc: u32, msid: &str) -> Source {
        Source::new(ssrc)
            .with_name(format!("{owner}-v0"))
            .with_msid(msid)
    }

    fn video(owner: &str, ssrcs: &[u32], msid: &str, groups: Vec<SsrcGroup>) -> EndpointSources {
        EndpointSources {
            video: ssrcs.iter().map(|s| source(owner, *s, msid)).collect(),
            video_groups: groups,
            ..EndpointSources::default()
        }
    }

    fn fid(ssrcs: &[u32]) -> SsrcGroup {
        SsrcGroup::new(Semantics::Fid, ssrcs)
    }

    fn sim(ssrcs: &[u32]) -> SsrcGroup {
        SsrcGroup::new(Semantics::Sim, ssrcs)
    }

    fn add(sources: EndpointSources) -> Result<EndpointSources, SourceError> {
        SourceMap::default().try_add("a", sources, LIMITS)
    }

    #[test]
    fn simulcast_with_retransmission_is_accepted() {
        let groups = vec![sim(&[1, 3, 5]), fid(&[1, 2]), fid(&[3, 4]), fid(&[5, 6])];
        assert!(add(video("a", &[1, 2, 3, 4, 5, 6], "s t", groups)).is_ok());
    }

    #[test]
    fn what_breaks_the_rules_is_refused_by_name() {
        let mut no_msid = video("a", &[1, 2], "s t", vec![fid(&[1, 2])]);
        no_msid.video[1].msid = None;
        let mut mixed = video("a", &[1, 2], "s t", vec![fid(&[1, 2])]);
        mixed.video[1].msid = Some("s u".into());
        let mut two_groups = video("a", &[1, 2, 3, 4], "s t", vec![fid(&[1, 2]), fid(&[3, 4])]);
        two_groups.video[0].video_type = None;
        let many: Vec<u32> = (1..=21).collect();
        let cases = [
            (
                "zero",
                video("a", &[0], "m", vec![]),
                SourceError::InvalidSsrc,
            ),
            (
                "twice",
                video("a", &[1, 1], "m", vec![]),
                SourceError::SsrcInUse(1),
            ),
            (
                "unknown in group",
                video("a", &[1], "m", vec![fid(&[1, 2])]),
                SourceError::UnknownInGroup(2),
            ),
            ("no msid", no_msid, SourceError::NoMsid(2)),
            ("mixed msids", mixed, SourceError::MixedMsids),
            (
                "msid in two groups",
                two_groups,
                SourceError::MsidInTwoGroups("s t".into()),
            ),
            (
                "FID of one",
                video("a", &[1], "m", vec![fid(&[1])]),
                SourceError::GroupSize("FID".into(), 1),
            ),
            (
                "empty SIM",
                video("a", &[1], "m", vec![sim(&[])]),
                SourceError::GroupSize("SIM".into(), 0),
            ),
            (
                "too many",
                video("a", &many, "m", vec![]),
                SourceError::TooManySsrcs(20),
            ),
            (
                "foreign name",
                video("b", &[1], "m", vec![]),
                SourceError::ForeignName("b-v0".into()),
            ),
        ];
        for (name, sources, error) in cases {
            assert_eq!(add(sources), Err(error), "{name}");
        }
    }

    #[test]
    fn participants_cannot_take_each_other_s_ssrcs_or_msids() {
        let mut map = SourceMap::default();
        map.try_add("a", video("a", &[1], "m", vec![]), LIMITS)
            .unwrap();
        let same_ssrc = map.try_add("b", video("b", &[1], "n", vec![]), LIMITS);
        assert_eq!(same_ssrc, Err(SourceError::SsrcInUse(1)));
        let same_msid = map.try_add("b", video("b", &[2], "m", vec![]), LIMITS);
        assert_eq!(same_msid, Err(SourceError::MsidInUse("m".into())));
        assert_eq!(
            map.try_remove("b", &video("b", &[1], "m", vec![])),
            Err(SourceError::NotFound(1))
        );
        map.remove_owner("a");
        assert!(
            map.try_add("b", video("b", &[1], "m", vec![]), LIMITS)
                .is_ok()
        );
    }

    #[test]
    fn removing_an_ssrc_removes_its_groups_and_frees_it() {
        let mut map = SourceMap::default();
        map.try_add("a", video("a", &[1, 2], "m", vec![fid(&[1, 2])]), LIMITS)
            .unwrap();
        let removed = map
            .try_remove("a", &video("a", &[1, 2], "m", vec![]))
            .unwrap();
        assert_eq!(removed.video_groups.len(), 1);
        assert!(map.of("a").is_none());
        assert!(
            map.try_add("b", video("b", &[1], "m", vec![]), LIMITS)
                .is_ok()
        );
    }

    #[test]
    fn limits_count_what_is_there_already() {
        let mut map = SourceMap::default();
        let limits = SourceLimits {
            ssrcs: 2,
            groups: 1,
        };
        map.try_add("a", video("a", &[1, 2], "m", vec![fid(&[1, 2])]), limits)
            .unwrap();
        let more = map.try_add("a", video("a", &[3], "n", vec![]), limits);
        assert_eq!(more, Err(SourceError::TooManySsrcs(2)));
    }

    #[test]
    fn sources_without_a_name_get_one() {
        let mut nameless = video("a", &[1], "m", vec![]);
        nameless.video[0].name = None;
        assert_eq!(
            add(nameless).unwrap().video[0].name.as_deref(),
            Some("a-v0")
        );
    }
}
