//! What the focus publishes about the conference in its own presence.

use xmpp::conference::focus_presence::{FocusPresence, property};
use xmpp::xml::{ElementExt, element};
use xmpp::{Element, Jid, ns, stanza};

use super::action::Action;
use super::{Conference, Context, Kind, Progress};

/// What was published last.
pub(super) type Published = FocusPresence;

impl Conference {
    /// The presence as it is to be: the same to the room and in every repetition.
    pub(super) fn own_presence(&mut self, ctx: &mut Context<'_>) -> Element {
        let content = self.content(ctx);
        let presence = stanza::presence(&Jid::from(self.occupant.clone()))
            .with_child(element("priority", ns::CLIENT).with_text("0"))
            .with_children(content.to_elements())
            .with_child(super::discovery::own_caps());
        self.published = Some(content);
        presence
    }

    /// Sends the presence if anything in it has changed: each costs every occupant a stanza.
    pub(super) fn publish(&mut self, ctx: &mut Context<'_>) {
        if !self.is_ready() || self.published.as_ref() == Some(&self.content(ctx)) {
            return;
        }
        let presence = self.own_presence(ctx);
        self.out.push(Action::Send(presence));
    }

    fn content(&self, ctx: &Context<'_>) -> FocusPresence {
        let mut content = FocusPresence {
            etherpad: self.room.node().map(|node| node.as_str().to_owned()),
            versions: vec![("focus".to_owned(), env!("CARGO_PKG_VERSION").to_owned())],
            bridge_not_available: self.bridge_unavailable,
            ..FocusPresence::default()
        };
        let mut set = |name: &str, value: String| content.properties.insert(name.to_owned(), value);
        set(property::SUPPORT_TERMINATE_RESTART, "true".to_owned());
        let bridges = self
            .on_bridges
            .iter()
            .filter(|b| b.progress != Progress::Closing)
            .count();
        if bridges > 0 {
            set(property::BRIDGE_COUNT, bridges.to_string());
        }
        let limits = &ctx.settings.config.conference;
        if limits.max_audio_senders < self.participants.len() {
            let senders = self
                .participants
                .values()
                .filter(|p| p.kind == Kind::Person && !p.muted.audio)
                .count();
            set(
                property::AUDIO_LIMIT_REACHED,
                (senders >= limits.max_audio_senders).to_string(),
            );
        }
        if limits.max_video_senders < self.participants.len() {
            let senders = self
                .participants
                .values()
                .filter(|p| p.kind == Kind::Person && !p.muted.video)
                .count();
            set(
                property::VIDEO_LIMIT_REACHED,
                (senders >= limits.max_video_senders).to_string(),
            );
        }
        content
    }
}
