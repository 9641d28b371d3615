//! What bridges, focuses and signalling servers say of themselves, as last heard.

use std::collections::{BTreeMap, HashMap};

use parking_lot::RwLock;

use crate::world::{BridgeReport, FocusReport, SignallingReport};

/// A pod, by namespace and name.
pub(crate) type PodName = (String, String);

/// What a pod says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Report {
    /// What a bridge said when it was last asked.
    Bridge(BridgeReport),
    /// What a focus said when it was last asked.
    Focus(FocusReport),
    /// A signalling server, with the status of its answer to front doors.
    Signalling(SignallingReport, u16),
}

impl Report {
    /// Without what changes all the time: when this differs, a person would see it.
    pub(crate) fn state(&self) -> Self {
        match self {
            Self::Bridge(report) => Self::Bridge(BridgeReport {
                draining: report.draining,
                unwell: report.unwell.clone(),
                media_reachable: report.media_reachable,
                ..BridgeReport::default()
            }),
            Self::Focus(report) => Self::Focus(FocusReport {
                bridges: report.bridges,
                unfit: report.unfit.clone(),
                ..FocusReport::default()
            }),
            Self::Signalling(report, status) => Self::Signalling(report.clone(), *status),
        }
    }

    /// How many people or meetings must end before this may go.
    pub(crate) fn load(&self) -> i64 {
        match self {
            Self::Bridge(report) => report.participants,
            Self::Focus(report) => report.conferences,
            Self::Signalling(..) => 0,
        }
    }
}

/// Everything that is known.
#[derive(Default)]
pub(crate) struct Reports {
    known: RwLock<HashMap<PodName, Report>>,
    /// Why media does not reach a bridge.
    silent: RwLock<HashMap<PodName, String>>,
}

impl Reports {
    /// What a pod says; absent when it does not answer.
    pub(crate) fn get(&self, namespace: &str, pod: &str) -> Option<Report> {
        let key = (namespace.to_owned(), pod.to_owned());
        self.known.read().get(&key).cloned()
    }

    /// Takes over what a pod says, or that it says nothing. Returns what was known.
    pub(crate) fn set(&self, pod: &PodName, report: Option<Report>) -> Option<Report> {
        let mut known = self.known.write();
        match report {
            Some(report) => known.insert(pod.clone(), report),
            None => known.remove(pod),
        }
    }

    /// Which addresses of a bridge do not answer.
    pub(crate) fn silent(&self, namespace: &str, pod: &str) -> Option<String> {
        let key = (namespace.to_owned(), pod.to_owned());
        self.silent.read().get(&key).cloned()
    }

    /// Sets or clears which addresses of a bridge do not answer.
    pub(crate) fn set_silent(&self, pod: &PodName, addresses: Option<String>) {
        let mut silent = self.silent.write();
        match addresses {
            Some(addresses) => silent.insert(pod.clone(), addresses),
            None => silent.remove(pod),
        };
    }

    /// What the bridges among `pods` say, by pod.
    pub(crate) fn bridges<'a>(
        &self,
        namespace: &str,
        pods: impl Iterator<Item = &'a str>,
    ) -> BTreeMap<String, BridgeReport> {
        let found = pods.filter_map(|pod| match self.get(namespace, pod) {
            Some(Report::Bridge(report)) => Some((pod.to_owned(), report)),
            _ => None,
        });
        found.collect()
    }

    /// What a shard's focus says.
    pub(crate) fn focus(&self, namespace: &str, shard: &str) -> Option<FocusReport> {
        match self.get(namespace, &format!("{shard}-focus-0")) {
            Some(Report::Focus(report)) => Some(report),
            _ => None,
        }
    }

    /// What a shard's signalling server says, and the status of its answer.
    pub(crate) fn signalling(
        &self,
        namespace: &str,
        shard: &str,
    ) -> Option<(SignallingReport, u16)> {
        match self.get(namespace, &format!("{shard}-signalling-0")) {
            Some(Report::Signalling(report, status)) => Some((report, status)),
            _ => None,
        }
    }
}
