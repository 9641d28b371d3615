//! The order in which features have their say. Features are a file each; this is the list to read and to extend.
//!
//! Numbers are priorities, highest first; they are those of the modules of a Jitsi deployment, so that a feature
//! that comes later finds its place by number. A refusal ends the list.

use super::disco::RoomInfo;
use super::occupant::Occupant;
use super::{
    Join, Room, creation, filter_access, focus_lock, health, hide_all, history, limits,
    max_occupants, meeting_id, members_only, memory, nick_conflict, outcast, password, region,
    resource_validate, subject, token_affiliation, token_room,
};
use crate::context::{Context, Outbox};
use crate::render::Writer;
use crate::session::Session;
use std::sync::Arc;
use xmpp::stanza::StanzaError;
use xmpp::{BareJid, Element};

/// An attempt to enter a room that does not exist.
pub(crate) struct Creation<'a> {
    pub(crate) room: &'a BareJid,
    pub(crate) is_service_room: bool,
    pub(crate) nick: &'a str,
    pub(crate) session: &'a Session,
}

/// What a feature thinks of a join.
pub(crate) enum Verdict {
    /// Nothing against it.
    Continue,
    /// Not like this.
    Refuse(StanzaError),
    /// Not yet, and without a word.
    Wait,
    /// Not at all, and without a word.
    Ignore,
}

type PreCreate = fn(&Creation<'_>, &Context<'_>) -> Result<(), StanzaError>;
type PreJoin = fn(&mut Room, &mut Join<'_>, &Context<'_>) -> Verdict;
type Joined = fn(&mut Room, &Arc<Session>, &Join<'_>, &Context<'_>, &mut Outbox);
type SelfPresence = fn(&Room, &Occupant, &mut Writer);
type Groupchat = fn(&Room, &Occupant, &Element) -> Result<(), StanzaError>;
type Info = fn(&Room, &mut RoomInfo);

/// Before a room comes into being.
pub(crate) const PRE_CREATE: &[(i32, PreCreate)] = &[
    (100, health::pre_create),
    (99, token_room::pre_create),
    (0, creation::pre_create),
];

/// Before somebody enters.
pub(crate) const PRE_JOIN: &[(i32, PreJoin)] = &[
    (200, filter_access::pre_join),
    (100, health::pre_join),
    (99, token_room::pre_join),
    (12, limits::pre_join),
    (11, resource_validate::pre_join),
    (10, max_occupants::pre_join),
    (8, focus_lock::pre_join),
    (8, region::pre_join),
    // 7 visitors, 2 all owners
    (1, nick_conflict::pre_join),
    // 0 wait for host, breakout rooms; −3 lobby bypass
    (-2, memory::pre_join),
    (-3, token_affiliation::pre_join),
    // −4 lobby
    (-5, members_only::pre_join),
    (-7, password::allow_listed),
    (-10, outcast::pre_join),
    (-20, password::pre_join),
];

/// After the others' presence and before the joiner's own: room metadata goes here.
pub(crate) const BEFORE_SELF_PRESENCE: &[(i32, Joined)] = &[];

/// After the joiner's own presence.
pub(crate) const JOINED: &[(i32, Joined)] = &[
    // 0 polls, breakout rooms; −1 speaker stats
    (-1, meeting_id::joined),
    (-1, memory::joined),
    // −2 AV moderation; −10 files
    (-20, history::joined),
    (-21, subject::joined),
];

/// Children added to an occupant's own presence (status 110): permissions go here.
pub(crate) const SELF_PRESENCE: &[(i32, SelfPresence)] = &[];

/// Before a group message is passed on.
pub(crate) const GROUPCHAT: &[(i32, Groupchat)] = &[];

/// What a room says of itself (disco#info).
pub(crate) const INFO: &[(i32, Info)] = &[
    (0, password::info),
    (0, members_only::info),
    (0, hide_all::info),
    (0, meeting_id::info),
];
