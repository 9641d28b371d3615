#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]
#![allow(missing_docs, reason = "tests")]
//! Whole conversations: stanzas of clients, a MUC service and bridges in, stanzas of the focus out.
//!
//! Everything but the focus is a stand-in of a few lines (`world`); their stanzas have the shapes that
//! real clients, Prosody and Jitsi Videobridge send.

mod behaviour {
    mod authority;
    mod bridges;
    mod deadlines;
    mod hostile;
    mod joining;
    mod leaving;
    mod locks;
    mod moderation;
    mod moves;
    mod over_streams;
    mod prosody;
    mod refusals;
    mod restart;
    mod sessions;
    mod sources;
    pub(crate) mod world;
}
