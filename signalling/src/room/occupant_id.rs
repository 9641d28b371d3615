//! Occupant ids (XEP-0421): the same for one user in one room, meaningless elsewhere.

use super::Room;
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use xmpp::BareJid;

impl Room {
    pub(super) fn occupant_id_of(&self, jid: &BareJid) -> Box<str> {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.salt);
        BASE64
            .encode(hmac::sign(&key, jid.as_str().as_bytes()))
            .into()
    }
}
