//! shoal-xmpp
