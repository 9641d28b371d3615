//! The configuration of all parts, from file, environment and flags.

use figment::Figment;
use figment::providers::{Env, Format, Serialized, Toml};
use figment::value::Value;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

mod bounds;
mod reference;
mod schema;

use crate::cli::Source;
use crate::service::FocusService;
use crate::web;

/// The configuration file: a section per part.
#[derive(Debug, Clone, Default, JsonSchema, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Settings {
    /// How every part serves HTTP.
    pub http: listen::http::Config,
    /// The page and the origin it is served from.
    pub web: web::Config,
    /// The XMPP server.
    pub signalling: signalling::Config,
    /// Section `[focus]`.
    pub focus: focus::Config,
    /// How the focus of subcommand `focus` reaches signalling and is reached.
    pub focus_service: FocusService,
    /// Section `[bridge]`.
    pub bridge: bridge::Config,
}

/// Why settings were refused: which key, from which source, and what was expected.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
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
    /// Values of the right type that make no sense: a sentence for each.
    #[error("{}", .0.join("; "))]
    OutOfBounds(Vec<String>),
}

impl Settings {
    /// Defaults, then the file, then the environment, then `--set`, then `overrides`.
    pub(crate) fn load(source: &Source, overrides: &[(String, Value)]) -> Result<Self, Error> {
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
        let mut settings = checked(&figment)?;
        settings.signalling.http.clone_from(&settings.http);
        settings.bridge.http.clone_from(&settings.http);
        Ok(settings)
    }

    /// Every setting with its meaning and default, as a TOML file.
    pub(crate) fn reference() -> String {
        reference::render(&schema::of_settings())
    }
}

/// The settings, if all of them make sense.
fn checked(figment: &Figment) -> Result<Settings, Error> {
    let refuse = |error| Error::Value(Box::new(error));
    let settings: Settings = figment.extract().map_err(refuse)?;
    let value = Value::serialize(&settings).map_err(refuse)?;
    let faults: Vec<_> = bounds::faults(&value, &schema::of_settings())
        .into_iter()
        .map(|fault| {
            let from = source_of(figment.find_metadata(&fault.key));
            format!("configuration at `{}`{from}: {}", fault.key, fault.what)
        })
        .collect();
    if faults.is_empty() {
        Ok(settings)
    } else {
        Err(Error::OutOfBounds(faults))
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
            let from = source_of(one.metadata.as_ref());
            format!("configuration{key}{from}: {}", one.kind)
        })
        .collect::<Vec<_>>()
        .join("; ")
}

fn source_of(metadata: Option<&figment::Metadata>) -> String {
    metadata
        .map(|metadata| format!(" (from {})", metadata.name))
        .unwrap_or_default()
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

    fn load(text: &str) -> Result<Settings, Error> {
        let figment =
            Figment::from(Serialized::defaults(Settings::default())).merge(Toml::string(text));
        checked(&figment)
    }

    #[test]
    fn the_reference_says_the_defaults() {
        let loaded = load(&Settings::reference()).unwrap();
        let mut default = Settings::default();
        default.web.state = "~/.local/state/shoal".into();
        let value = |settings| toml::Table::try_from(settings).unwrap();
        assert_eq!(value(loaded), value(default));
    }

    #[test]
    fn every_setting_of_the_reference_can_be_uncommented() {
        let uncommented: Vec<_> = Settings::reference()
            .lines()
            .map(|line| match line.strip_prefix('#') {
                Some(setting) if !setting.starts_with(' ') => setting.to_owned(),
                _ => line.to_owned(),
            })
            .collect();
        let settings = load(&uncommented.join("\n")).unwrap();
        assert_eq!(settings.bridge.shards.len(), 1);
        assert!(settings.signalling.auth.token.is_some());
    }

    #[test]
    fn every_setting_has_a_meaning_a_range_and_a_default_or_an_example() {
        let schema = schema::of_settings();
        let mut gaps = Vec::new();
        reference::gaps("", schema["properties"].as_object().unwrap(), &mut gaps);
        assert!(
            gaps.is_empty(),
            "settings that are not told in full:\n{}",
            gaps.join("\n")
        );
    }

    #[test]
    fn numbers_out_of_range_and_empty_texts_are_refused_by_key() {
        for (text, key) in [
            ("bridge.limits.endpoints = 0", "bridge.limits.endpoints"),
            (
                "bridge.load.cpu_threshold = nan",
                "bridge.load.cpu_threshold",
            ),
            (
                "bridge.load.cpu_threshold = 1.5",
                "bridge.load.cpu_threshold",
            ),
            (
                "focus.bridges.stress_threshold = inf",
                "focus.bridges.stress_threshold",
            ),
            (
                "focus.conference.iq_timeout_s = 0",
                "focus.conference.iq_timeout_s",
            ),
            ("focus.nick = \"\"", "focus.nick"),
            ("focus.account = \" \"", "focus.account"),
            ("focus.trusted_domains = [\"\"]", "focus.trusted_domains.0"),
            ("signalling.domain = \"\"", "signalling.domain"),
            ("signalling.limits.idle = 0.0", "signalling.limits.idle"),
            (
                "signalling.limits.stanza_bytes = 0",
                "signalling.limits.stanza_bytes",
            ),
            (
                "signalling.rooms.max_occupants = 0",
                "signalling.rooms.max_occupants",
            ),
            (
                "[[signalling.accounts]]\nname = \"\"",
                "signalling.accounts.0.name",
            ),
            ("[[bridge.shards]]\nname = \"\"", "bridge.shards.0.name"),
            ("web.public_url = \"\"", "web.public_url"),
        ] {
            let error = load(text).unwrap_err().to_string();
            assert!(error.contains(&format!("`{key}`")), "{text}: {error}");
            assert!(error.contains("makes no sense here"), "{text}: {error}");
        }
    }

    #[test]
    fn every_number_at_its_bounds_is_taken_and_beyond_them_refused() {
        fn visit(path: &str, schema: &serde_json::Value, tried: &mut usize) {
            if let schema::Kind::Section(properties) = schema::kind(schema) {
                for (name, setting) in properties {
                    let path = if path.is_empty() {
                        name.clone()
                    } else {
                        format!("{path}.{name}")
                    };
                    visit(&path, setting, tried);
                }
                return;
            }
            let (Some(least), Some(most)) =
                (schema["minimum"].as_f64(), schema["maximum"].as_f64())
            else {
                return;
            };
            let whole = schema::types(schema).contains(&"integer");
            let number = |value: f64| {
                if whole {
                    format!("{value}")
                } else {
                    format!("{value:?}")
                }
            };
            for (value, allowed) in [
                (least, true),
                (most, true),
                (least - 1.0, false),
                (most + 1.0, false),
            ] {
                let result = load(&format!("{path} = {}", number(value)));
                assert_eq!(result.is_ok(), allowed, "{path} = {value}");
                *tried += 1;
            }
        }
        let mut tried = 0;
        visit("", &schema::of_settings(), &mut tried);
        assert!(tried > 200, "{tried}");
    }
}
