//! XML namespaces and feature names, each under the name of the document that defines it.

/// Stanzas of client streams (RFC 6120 §4.8.2).
pub const CLIENT: &str = "jabber:client";
/// The stream itself: header, features, errors (RFC 6120 §4.8.1).
pub const STREAM: &str = "http://etherx.jabber.org/streams";
/// Conditions of stream errors (RFC 6120 §4.9).
pub const STREAM_ERRORS: &str = "urn:ietf:params:xml:ns:xmpp-streams";
/// Conditions of stanza errors (RFC 6120 §8.3).
pub const STANZA_ERRORS: &str = "urn:ietf:params:xml:ns:xmpp-stanzas";
/// STARTTLS negotiation (RFC 6120 §5).
pub const TLS: &str = "urn:ietf:params:xml:ns:xmpp-tls";
/// SASL negotiation (RFC 6120 §6).
pub const SASL: &str = "urn:ietf:params:xml:ns:xmpp-sasl";
/// Resource binding (RFC 6120 §7).
pub const BIND: &str = "urn:ietf:params:xml:ns:xmpp-bind";
/// Session establishment, a no-op kept for old clients (RFC 3921 §3).
pub const SESSION: &str = "urn:ietf:params:xml:ns:xmpp-session";
/// `<open/>` and `<close/>` of WebSocket streams (RFC 7395 §3.3).
pub const FRAMING: &str = "urn:ietf:params:xml:ns:xmpp-framing";
/// The `xml:` prefix.
pub const XML: &str = "http://www.w3.org/XML/1998/namespace";

/// BOSH `<body/>` (XEP-0124).
pub const HTTPBIND: &str = "http://jabber.org/protocol/httpbind";
/// XMPP over BOSH attributes (XEP-0206).
pub const XBOSH: &str = "urn:xmpp:xbosh";

/// Stream management (XEP-0198).
pub const SM: &str = "urn:xmpp:sm:3";
/// Ping (XEP-0199).
pub const PING: &str = "urn:xmpp:ping";
/// Private XML storage (XEP-0049).
pub const PRIVATE: &str = "jabber:iq:private";
/// Delayed delivery (XEP-0203).
pub const DELAY: &str = "urn:xmpp:delay";
/// Service discovery, information (XEP-0030).
pub const DISCO_INFO: &str = "http://jabber.org/protocol/disco#info";
/// Service discovery, items (XEP-0030).
pub const DISCO_ITEMS: &str = "http://jabber.org/protocol/disco#items";
/// Entity capabilities (XEP-0115).
pub const CAPS: &str = "http://jabber.org/protocol/caps";
/// Software version (XEP-0092).
pub const VERSION: &str = "jabber:iq:version";
/// Data forms (XEP-0004).
pub const DATA: &str = "jabber:x:data";
/// External service discovery: STUN and TURN (XEP-0215).
pub const EXTDISCO: &str = "urn:xmpp:extdisco:2";
/// Multi-user chat (XEP-0045).
pub const MUC: &str = "http://jabber.org/protocol/muc";
/// `<takeover/>` in the presence with which Shoal's focus enters a room: it knows, or finds out, what its predecessor
/// did there, so nobody has to see that one leave. Servers that do not know it pass it on, and nobody minds.
pub const FOCUS_TAKEOVER: &str = "urn:shoal:focus:takeover";
/// `<memory/>`: what a room of Shoal's signalling lets Shoal's focus keep for it, and what the focus gives back when it
/// enters a room that the server has lost. Opaque to the focus.
pub const ROOM_MEMORY: &str = "urn:shoal:room:memory";
/// Multi-user chat, what occupants see.
pub const MUC_USER: &str = "http://jabber.org/protocol/muc#user";
/// Multi-user chat, roles and affiliations.
pub const MUC_ADMIN: &str = "http://jabber.org/protocol/muc#admin";
/// Multi-user chat, room configuration.
pub const MUC_OWNER: &str = "http://jabber.org/protocol/muc#owner";
/// `FORM_TYPE` of a room's configuration form.
pub const MUC_ROOMCONFIG: &str = "http://jabber.org/protocol/muc#roomconfig";
/// `FORM_TYPE` of a room's disco#info form.
pub const MUC_ROOMINFO: &str = "http://jabber.org/protocol/muc#roominfo";
/// Anonymous unique occupant identifiers (XEP-0421).
pub const OCCUPANT_ID: &str = "urn:xmpp:occupant-id:0";
/// User nickname (XEP-0172).
pub const NICK: &str = "http://jabber.org/protocol/nick";
/// Message processing hints (XEP-0334).
pub const HINTS: &str = "urn:xmpp:hints";
/// Message carbons (XEP-0280).
pub const CARBONS: &str = "urn:xmpp:carbons:2";

/// Jingle (XEP-0166).
pub const JINGLE: &str = "urn:xmpp:jingle:1";
/// Jingle error conditions (XEP-0166 §10).
pub const JINGLE_ERRORS: &str = "urn:xmpp:jingle:errors:1";
/// Jingle RTP sessions (XEP-0167).
pub const JINGLE_RTP: &str = "urn:xmpp:jingle:apps:rtp:1";
/// RTCP feedback (XEP-0293).
pub const JINGLE_RTCP_FB: &str = "urn:xmpp:jingle:apps:rtp:rtcp-fb:0";
/// RTP header extensions (XEP-0294).
pub const JINGLE_HDREXT: &str = "urn:xmpp:jingle:apps:rtp:rtp-hdrext:0";
/// Source-specific media attributes (XEP-0339).
pub const JINGLE_SSMA: &str = "urn:xmpp:jingle:apps:rtp:ssma:0";
/// ICE-UDP transport (XEP-0176).
pub const JINGLE_ICE_UDP: &str = "urn:xmpp:jingle:transports:ice-udp:1";
/// DTLS-SRTP fingerprints (XEP-0320).
pub const JINGLE_DTLS: &str = "urn:xmpp:jingle:apps:dtls:0";
/// SCTP over DTLS (XEP-0343).
pub const JINGLE_SCTP: &str = "urn:xmpp:jingle:transports:dtls-sctp:1";
/// Grouping of contents (XEP-0338).
pub const JINGLE_GROUPING: &str = "urn:xmpp:jingle:apps:grouping:0";
/// Feature: audio sessions (XEP-0167 §9).
pub const JINGLE_RTP_AUDIO: &str = "urn:xmpp:jingle:apps:rtp:audio";
/// Feature: video sessions (XEP-0167 §9).
pub const JINGLE_RTP_VIDEO: &str = "urn:xmpp:jingle:apps:rtp:video";

/// Conference requests and the focus's own elements.
pub const FOCUS: &str = "http://jitsi.org/protocol/focus";
/// Elements of Jitsi Meet.
pub const JITMEET: &str = "http://jitsi.org/jitmeet";
/// Mute of audio by a moderator.
pub const JITMEET_AUDIO: &str = "http://jitsi.org/jitmeet/audio";
/// Mute of video by a moderator.
pub const JITMEET_VIDEO: &str = "http://jitsi.org/jitmeet/video";
/// Mute of screen sharing by a moderator.
pub const JITMEET_DESKTOP: &str = "http://jitsi.org/jitmeet/desktop";
/// Start-muted policy.
pub const START_MUTED: &str = "http://jitsi.org/jitmeet/start-muted";
/// Name of the shared document of a room.
pub const ETHERPAD: &str = "http://jitsi.org/jitmeet/etherpad";
/// The first Colibri, still the home of `<stats/>` and `<web-socket/>`.
pub const COLIBRI: &str = "http://jitsi.org/protocol/colibri";
/// Colibri2: conferences on a bridge.
pub const COLIBRI2: &str = "jitsi:colibri2";
/// Health check of a bridge.
pub const HEALTHCHECK: &str = "http://jitsi.org/protocol/healthcheck";
/// Who may open rooms: a feature of the server's domain, and the focus's question ([`crate::hosts`]).
pub const HOSTS: &str = "urn:shoal:hosts";
/// Trace context in requests.
pub const OPENTELEMETRY: &str = "jitsi:opentelemetry";
/// Visitor nodes.
pub const VISITORS: &str = "jitsi:visitors";
/// Recording and streaming services.
pub const JIBRI: &str = "http://jitsi.org/protocol/jibri";
/// Telephone gateways.
pub const JIGASI: &str = "http://jitsi.org/protocol/jigasi";

/// Feature names that clients announce in disco#info and the focus acts on.
pub mod feature {
    /// Retransmission of RTP (RFC 4588).
    pub const RTX: &str = "urn:ietf:rfc:4588";
    /// RTP and RTCP on one port (RFC 5761).
    pub const RTCP_MUX: &str = "urn:ietf:rfc:5761";
    /// Grouping in SDP (RFC 5888).
    pub const BUNDLE: &str = "urn:ietf:rfc:5888";
    /// Receiver estimated maximum bitrate.
    pub const REMB: &str = "http://jitsi.org/remb";
    /// Transport-wide congestion control.
    pub const TCC: &str = "http://jitsi.org/tcc";
    /// Redundant audio (RFC 2198) for Opus.
    pub const OPUS_RED: &str = "http://jitsi.org/opus-red";
    /// Sources in the compact JSON form.
    pub const JSON_SOURCES: &str = "http://jitsi.org/json-encoded-sources";
    /// Sources carry names.
    pub const SOURCE_NAMES: &str = "http://jitsi.org/source-name";
    /// Several video sources for each endpoint.
    pub const MULTI_STREAM: &str = "http://jitsi.org/receive-multiple-video-streams";
    /// The bridge rewrites SSRCs and announces them on the bridge channel.
    pub const SSRC_REWRITING: &str = "http://jitsi.org/ssrc-rewriting-1";
    /// RTP is told apart by its MID extension and not by SSRC alone.
    pub const RTP_MID_DEMUX: &str = "http://jitsi.org/rtp-mid-demux";
    /// Start-muted policy comes from room metadata.
    pub const START_MUTED_METADATA: &str = "http://jitsi.org/start-muted-room-metadata";
    /// The client can be a visitor.
    pub const VISITORS: &str = "http://jitsi.org/visitors-1";
    /// End-to-end encryption.
    pub const E2EE: &str = "https://jitsi.org/meet/e2ee";
    /// The client obeys audio mute requests.
    pub const AUDIO_MUTE: &str = "http://jitsi.org/protocol/audio-mute";
}
