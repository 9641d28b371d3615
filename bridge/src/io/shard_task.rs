//! The connection to one shard's signalling, and the task that lives on it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use xmpp::brewery::BridgeStats;
use xmpp::client::{self, Client, ClientHandle, Event};
use xmpp::colibri2::{ConferenceModified, ConferenceModify};
use xmpp::{BareJid, Element};

use super::control::Control;
use crate::colibri::Refusal;
use crate::shard::{Answers, Shard};

/// How long the server shall keep the session of a bridge whose connection is lost: longer, and a dead bridge would be
/// offered to participants.
const RESUME: Duration = Duration::from_secs(5);
/// How long leaving may take.
const FAREWELL: Duration = Duration::from_secs(2);

impl Answers for Control {
    fn modify(&self, request: &ConferenceModify) -> Result<ConferenceModified, Refusal> {
        Control::modify(self, request)
    }
    fn health(&self) -> Result<(), String> {
        Control::health(self)
    }
    fn version(&self) -> String {
        self.config.version().to_owned()
    }
    fn stats(&self) -> BridgeStats {
        self.snapshot().brewery()
    }
}

/// One shard's task with all that it needs.
pub(super) struct ShardTask {
    pub(super) name: String,
    pub(super) control: Arc<Control>,
    pub(super) client: client::Config,
    pub(super) brewery: BareJid,
    pub(super) nick: String,
}

/// Counts this shard in a gauge while it is true.
struct Gauge<'a>(&'a AtomicUsize, bool);

impl Gauge<'_> {
    fn set(&mut self, on: bool) {
        match (std::mem::replace(&mut self.1, on), on) {
            (false, true) => self.0.fetch_add(1, Ordering::Relaxed),
            (true, false) => self.0.fetch_sub(1, Ordering::Relaxed),
            _ => 0,
        };
    }
}

impl Drop for Gauge<'_> {
    fn drop(&mut self) {
        self.set(false);
    }
}

impl ShardTask {
    /// Serves the shard until `stop` changes.
    pub(super) async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let mut ready = self.control.ready.subscribe();
        tokio::select! {
            biased;
            _ = stop.changed() => return,
            // The sender lives as long as `control`.
            _ = ready.wait_for(|ready| *ready) => {}
        }
        self.client.resume = Some(RESUME);
        let (handle, mut events) = Client::start(self.client.clone()).into_parts();
        let control = Arc::clone(&self.control);
        let mut shard = Shard::new(self.brewery.clone(), self.nick.clone());
        let mut connected = Gauge(&control.shards_connected, false);
        let mut joined = Gauge(&control.breweries_joined, false);
        let mut focus = Gauge(&control.focuses, false);
        let mut news = control.news.subscribe();
        let mut interval = tokio::time::interval(Duration::from_secs(
            control.config.presence_interval_seconds.max(1),
        ));
        interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let out = tokio::select! {
                biased;
                _ = stop.changed() => break,
                event = events.recv() => match event {
                    None => break,
                    Some(Event::Online { jid, resumed }) => {
                        tracing::info!(shard = %self.name, %jid, resumed, "connected to signalling");
                        connected.set(true);
                        if resumed { Vec::new() } else { shard.handle_online(&*control) }
                    }
                    Some(Event::Offline { reason }) => {
                        tracing::warn!(shard = %self.name, %reason, "no connection to signalling; tries again for ever");
                        if connected.1 {
                            control.xmpp_disconnects.fetch_add(1, Ordering::Relaxed);
                        }
                        connected.set(false);
                        Vec::new()
                    }
                    Some(Event::Element(stanza)) => shard.handle_stanza(&stanza, &*control),
                },
                Ok(()) = news.changed() => if connected.1 { shard.handle_timeout(&*control) } else { Vec::new() },
                _ = interval.tick() => if connected.1 { shard.handle_timeout(&*control) } else { Vec::new() },
            };
            joined.set(connected.1 && shard.is_joined());
            focus.set(connected.1 && shard.has_focus());
            if !self.send(&handle, out).await {
                break;
            }
        }
        let farewell = async {
            if let Some(leave) = shard.handle_leave().filter(|_| connected.1) {
                self.send(&handle, vec![leave]).await;
            }
            handle.close().await;
        };
        if tokio::time::timeout(FAREWELL, farewell).await.is_err() {
            tracing::warn!(shard = %self.name, "signalling did not take the farewell in time");
        }
    }

    async fn send(&self, handle: &ClientHandle, stanzas: Vec<Element>) -> bool {
        for stanza in stanzas {
            if handle.send(stanza).await.is_err() {
                return false;
            }
        }
        true
    }
}
