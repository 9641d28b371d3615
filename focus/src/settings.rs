//! The configuration as the program uses it: names parsed, defaults filled in. Numbers are within the ranges that
//! [`Config`] tells, for whoever reads a configuration has looked.

use xmpp::muc::ConferenceDomain;
use xmpp::{BareJid, Jid};

use crate::config::Config;

/// A configuration that cannot be used, by the key at fault.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A name that is no JID.
    #[error("{key} = \"{value}\" is not an XMPP address: {source}")]
    Address {
        /// As it stands in the configuration.
        key: &'static str,
        /// What was written.
        value: String,
        /// Why it is none.
        source: xmpp_jid::Error,
    },
    /// No video codec is left to offer.
    #[error("codecs.video is empty; list at least one of av1, vp8, h264, vp9")]
    NoVideoCodec,
}

/// Re-export of the error type of addresses.
mod xmpp_jid {
    pub(super) type Error = <xmpp::Jid as std::str::FromStr>::Err;
}

/// The configuration as the program uses it.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Main XMPP domain.
    pub domain: Jid,
    /// MUC service of the conferences.
    pub muc: Jid,
    /// MUC services whose rooms may be conferences, `muc` first.
    pub mucs: Vec<Jid>,
    /// The first of them, with the domains of its tenants.
    pub conferences: ConferenceDomain,
    /// Own account.
    pub account: BareJid,
    /// Room of the bridges.
    pub brewery: BareJid,
    /// Address under which clients ask for a conference.
    pub alias: Jid,
    /// Everything that needs no parsing.
    pub config: Config,
}

impl Settings {
    /// Parses a configuration.
    ///
    /// # Errors
    /// The first key that cannot be used.
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        let or_default = |given: &Option<String>, prefix: &str| {
            given
                .clone()
                .unwrap_or_else(|| format!("{prefix}{}", config.domain))
        };
        let brewery = or_default(&config.brewery, "jvbbrewery@internal-muc.");
        let muc = address("muc", &or_default(&config.muc, "muc."))?;
        let mut mucs = vec![muc.clone()];
        let breakout = [format!("breakout.{}", config.domain)];
        for other in config.other_mucs.as_deref().unwrap_or(&breakout) {
            mucs.push(address("other_mucs", other)?);
        }
        let domain = address("domain", &config.domain)?;
        let settings = Self {
            conferences: ConferenceDomain::new(muc.as_str(), domain.as_str()),
            domain,
            muc,
            mucs,
            account: address("account", &or_default(&config.account, "focus@auth."))?.to_bare(),
            brewery: address("brewery", &brewery)?.to_bare(),
            alias: address("alias", &or_default(&config.alias, "focus."))?,
            config: config.clone(),
        };
        if config.codecs.video.is_empty() {
            return Err(ConfigError::NoVideoCodec);
        }
        Ok(settings)
    }
}

impl Settings {
    /// The room that an address names, in the form in which the focus sees it. `None` if no conference can be held there.
    pub fn room(&self, address: &str) -> Option<BareJid> {
        let room = self.conferences.canonical(BareJid::new(address).ok()?);
        // What looks like a tenant's room and is none is a room that some servers show under another address than others.
        room.node().filter(|node| !node.as_str().starts_with('['))?;
        let domain = room.domain().as_str();
        let is_served =
            self.conferences.contains(domain) || self.mucs.iter().any(|muc| muc.as_str() == domain);
        (is_served && room != self.brewery).then_some(room)
    }
}

fn address(key: &'static str, value: &str) -> Result<Jid, ConfigError> {
    Jid::new(value).map_err(|source| ConfigError::Address {
        key,
        value: value.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn names_follow_from_the_domain() {
        let settings = Settings::new(Config {
            domain: "example.org".into(),
            ..Config::default()
        })
        .unwrap();
        assert_eq!(settings.muc.as_str(), "muc.example.org");
        assert_eq!(
            settings.brewery.as_str(),
            "jvbbrewery@internal-muc.example.org"
        );
        assert_eq!(settings.alias.as_str(), "focus.example.org");
    }

    #[test]
    fn a_room_is_known_by_the_address_under_which_it_is_seen() {
        let settings = Settings::new(Config {
            brewery: Some("jvbbrewery@muc.meet.shoal".into()),
            ..Config::default()
        })
        .unwrap();
        for (written, room) in [
            ("r@muc.meet.shoal", Some("r@muc.meet.shoal")),
            ("[school]r@muc.meet.shoal", Some("r@muc.school.meet.shoal")),
            ("r@muc.school.meet.shoal", Some("r@muc.school.meet.shoal")),
            ("r@breakout.meet.shoal", Some("r@breakout.meet.shoal")),
            ("[a.b]r@muc.meet.shoal", None),
            ("[school]r@breakout.meet.shoal", None),
            ("r@muc.a.b.meet.shoal", None),
            ("r@muc.school.else.where", None),
            ("jvbbrewery@muc.meet.shoal", None),
            ("muc.meet.shoal", None),
            ("", None),
        ] {
            let found = settings.room(written);
            assert_eq!(found.as_ref().map(|room| room.as_str()), room, "{written}");
        }
    }

    #[test]
    fn unusable_values_are_refused_by_key() {
        let mut no_codec = Config::default();
        no_codec.codecs.video.clear();
        let cases = [
            (
                Config {
                    muc: Some("a@b@c d".into()),
                    ..Config::default()
                },
                "muc",
            ),
            (no_codec, "codecs.video"),
        ];
        for (config, key) in cases {
            let error = Settings::new(config).unwrap_err().to_string();
            assert!(error.contains(key), "{error}");
        }
    }
}
