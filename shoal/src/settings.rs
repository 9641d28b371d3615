//! The configuration of all parts, from file, environment and flags.

use figment::Figment;
use figment::providers::{Env, Format, Serialized, Toml};
use figment::value::Value;
use serde::{Deserialize, Serialize};

use crate::cli::Source;
use crate::service::FocusService;
use crate::web;

/// The configuration file: a section per part.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The page and the origin it is served from.
    pub web: web::Config,
    /// The XMPP server.
    pub signalling: signalling::Config,
    /// The focus.
    pub focus: focus::Config,
    /// How the focus of subcommand `focus` reaches signalling and is reached.
    pub focus_service: FocusService,
    /// The bridge.
    pub bridge: bridge::Config,
}

/// Why settings were refused: which key, from which source, and what was expected.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The named file is not there or cannot be read.
    #[error("cannot read the configuration file {path}: {error}")]
    File {
        /// As the user wrote it.
        path: String,
        /// What the system says.
        error: std::io::Error,
    },
    /// A key or a value is wrong.
    #[error("{}", describe(.0))]
    Value(Box<figment::Error>),
}

impl Settings {
    /// Defaults, then the file, then the environment, then `--set`, then `overrides`.
    pub fn load(source: &Source, overrides: &[(String, Value)]) -> Result<Self, Error> {
        let mut figment = Figment::from(Serialized::defaults(Self::default()));
        if let Some(path) = &source.config {
            // Figment takes a missing file for an empty one; a named file must exist.
            let text = std::fs::read_to_string(path).map_err(|error| Error::File {
                path: path.display().to_string(),
                error,
            })?;
            figment = figment.merge(Toml::string(&text));
        }
        figment = figment.merge(
            Env::prefixed("SHOAL_")
                .ignore(&["config", "cache", "log"])
                .split("__"),
        );
        for (key, value) in source.set.iter().chain(overrides) {
            figment = figment.merge(Serialized::default(key, value));
        }
        figment
            .extract()
            .map_err(|error| Error::Value(Box::new(error)))
    }

    /// All defaults as a TOML file.
    pub fn default_file() -> Result<String, toml::ser::Error> {
        let settings = Self {
            web: web::Config {
                // The real default depends on who asks.
                state: "~/.local/state/shoal".into(),
                ..web::Config::default()
            },
            ..Self::default()
        };
        // A table first, for it puts plain values before sections.
        toml::to_string_pretty(&toml::Table::try_from(&settings)?)
    }
}

fn describe(error: &figment::Error) -> String {
    error
        .clone()
        .into_iter()
        .map(|one| {
            let key = if one.path.is_empty() {
                String::new()
            } else {
                format!(" at `{}`", one.path.join("."))
            };
            let from = one
                .metadata
                .as_ref()
                .map(|metadata| format!(" (from {})", metadata.name))
                .unwrap_or_default();
            format!("configuration{key}{from}: {}", one.kind)
        })
        .collect::<Vec<_>>()
        .join("; ")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn set(settings: &[(&str, Value)]) -> Result<Settings, Error> {
        let settings: Vec<_> = settings
            .iter()
            .map(|(key, value)| ((*key).to_owned(), value.clone()))
            .collect();
        Settings::load(&Source::default(), &settings)
    }

    #[test]
    fn a_flag_wins_over_the_default() {
        let settings = set(&[("bridge.udp_port", 10_001u16.into())]).unwrap();
        assert_eq!(settings.bridge.udp_port, 10_001);
    }

    #[test]
    fn an_unknown_key_is_refused_by_name() {
        let error = set(&[("bridge.udp_prot", 1u16.into())])
            .unwrap_err()
            .to_string();
        assert!(error.contains("udp_prot"), "{error}");
    }

    #[test]
    fn a_wrong_type_names_the_key() {
        let error = set(&[("web.listen", 5u16.into())]).unwrap_err().to_string();
        assert!(error.contains("web.listen"), "{error}");
    }

    #[test]
    fn a_named_file_must_exist() {
        let source = Source {
            config: Some("/no/such/file.toml".into()),
            ..Source::default()
        };
        let error = Settings::load(&source, &[]).unwrap_err().to_string();
        assert!(error.contains("/no/such/file.toml"), "{error}");
    }

    #[test]
    fn the_printed_defaults_load_again() {
        let text = Settings::default_file().unwrap();
        let _: Settings = toml::from_str(&text).unwrap();
    }
}
