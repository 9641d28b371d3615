//! How occupants are shown to each other (XEP-0045 §7.2.2, §7.14, §8, §9).

use super::hooks;
use super::{Affiliation, Occupant, Role, Room};
use crate::context::Outbox;
use crate::render::{Rendered, Writer};
use std::sync::Arc;
use xmpp::ns;

/// What a presence tells beside the occupant's own words.
#[derive(Clone, Default)]
pub(crate) struct Change {
    pub(crate) unavailable: bool,
    /// The occupant has just entered: its own copy says who sees real addresses.
    pub(crate) joined: bool,
    /// The room is new.
    pub(crate) created: bool,
    /// Status codes for everybody.
    pub(crate) codes: &'static [&'static str],
    pub(crate) actor: Option<Box<str>>,
    pub(crate) reason: Option<String>,
    /// Fragment for `<x/>`, such as `<destroy/>`.
    pub(crate) extra: String,
}

impl Change {
    pub(crate) fn unavailable() -> Self {
        Self {
            unavailable: true,
            ..Self::default()
        }
    }
}

impl Room {
    /// Renders an occupant's presence for one kind of viewer. The actor's nick is plain; its address is not shown.
    pub(super) fn render(
        &self,
        occupant: &Occupant,
        role: Role,
        affiliation: Affiliation,
        with_jid: bool,
        own: bool,
        change: &Change,
    ) -> Rendered {
        let mut writer = Writer::stanza("presence");
        writer.attr("from", &occupant.address);
        if change.unavailable {
            writer.attr("type", "unavailable");
        }
        occupant.presence.write_head(&mut writer);
        occupant.presence.write_children(&mut writer);
        writer
            .open("occupant-id", ns::OCCUPANT_ID)
            .attr("id", &occupant.occupant_id)
            .close();
        writer.open("x", ns::MUC_USER);
        writer.open("item", ns::MUC_USER);
        writer
            .attr("affiliation", affiliation.as_str())
            .attr("role", role.as_str());
        if with_jid {
            writer.attr("jid", occupant.session.jid.as_str());
        }
        if let Some(actor) = &change.actor {
            writer
                .open("actor", ns::MUC_USER)
                .attr("nick", actor)
                .close();
        }
        if let Some(reason) = &change.reason {
            writer.leaf("reason", ns::MUC_USER, reason);
        }
        writer.close();
        writer.raw(&change.extra);
        let mut status = |code: &str| {
            writer
                .open("status", ns::MUC_USER)
                .attr("code", code)
                .close();
        };
        for code in change.codes {
            status(code);
        }
        if own {
            if change.joined && self.configuration.whois == super::whois::Whois::Anyone {
                status("100");
            }
            status("110");
            if change.created {
                status("201");
            }
        }
        writer.close();
        if own && !change.unavailable {
            for (_, hook) in hooks::SELF_PRESENCE {
                hook(self, occupant, &mut writer);
            }
        }
        writer.finish()
    }

    /// Sends an occupant's presence to everybody, itself included: at most three renderings, shared by all.
    pub(super) fn show_to_all(&mut self, key: u64, change: &Change, out: &mut Outbox) {
        let plain = change.codes.is_empty() && change.actor.is_none() && change.reason.is_none();
        let occupant = &self.occupants[&key];
        let affiliation = self.affiliation(&occupant.session);
        let (role, own_session) = (occupant.role, Arc::clone(&occupant.session));
        let render = |with_jid: bool, own: bool, change: &Change| {
            Arc::new(self.render(occupant, role, affiliation, with_jid, own, change))
        };
        let mut others: [Option<Arc<Rendered>>; 2] = [None, None];
        let own = render(true, true, change);
        let mut keep = [None, None];
        for viewer in self.occupants.values() {
            if viewer.session == own_session {
                out.share(&viewer.session, &own);
                continue;
            }
            let with_jid = self.sees_addresses(viewer);
            let copy = others[usize::from(with_jid)].get_or_insert_with(|| {
                let copy = render(with_jid, false, change);
                if plain {
                    keep[usize::from(with_jid)] = Some(Arc::clone(&copy));
                }
                copy
            });
            out.share(&viewer.session, copy);
        }
        let occupant = self.occupants.get_mut(&key).expect("it was there above");
        occupant.shown = keep;
    }

    /// Tells everybody that an occupant, taken out of the room already, is gone.
    pub(super) fn show_departure(&self, gone: &Occupant, change: &Change, out: &mut Outbox) {
        let affiliation = self.affiliation(&gone.session);
        let own = self.render(gone, Role::None, affiliation, true, true, change);
        out.send(&gone.session, own);
        let mut others: [Option<Arc<Rendered>>; 2] = [None, None];
        for viewer in self.occupants.values() {
            let with_jid = self.sees_addresses(viewer);
            let copy = others[usize::from(with_jid)].get_or_insert_with(|| {
                Arc::new(self.render(gone, Role::None, affiliation, with_jid, false, change))
            });
            out.share(&viewer.session, copy);
        }
    }

    /// Sends the presence of everybody in the room to a newcomer: pointers to what is rendered already.
    pub(super) fn show_others(&mut self, newcomer: &Occupant, out: &mut Outbox) {
        let with_jid = self.sees_addresses(newcomer);
        let keys: Vec<u64> = self.occupants.keys().copied().collect();
        for key in keys {
            let shown = self.shown(key, with_jid);
            out.share(&newcomer.session, &shown);
        }
    }

    pub(super) fn shown(&mut self, key: u64, with_jid: bool) -> Arc<Rendered> {
        let occupant = &self.occupants[&key];
        if let Some(shown) = &occupant.shown[usize::from(with_jid)] {
            return Arc::clone(shown);
        }
        let affiliation = self.affiliation(&occupant.session);
        let rendered = self.render(
            occupant,
            occupant.role,
            affiliation,
            with_jid,
            false,
            &Change::default(),
        );
        let shown = Arc::new(rendered);
        let occupant = self.occupants.get_mut(&key).expect("it was there above");
        occupant.shown[usize::from(with_jid)] = Some(Arc::clone(&shown));
        shown
    }
}
