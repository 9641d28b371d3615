//! ConfigMaps.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;
use serde::Serialize;

use super::Origin;

/// Key of a part's configuration.
pub(super) const FILE: &str = "shoal.toml";

/// A ConfigMap of a component.
pub(super) fn config_map(
    origin: &Origin,
    name: String,
    component: &str,
    data: BTreeMap<String, String>,
) -> ConfigMap {
    ConfigMap {
        metadata: origin.meta(name, component),
        data: Some(data),
        ..ConfigMap::default()
    }
}

/// A configuration as TOML.
pub(super) fn toml(value: &impl Serialize) -> String {
    // A table first, for it puts plain values before sections.
    let table = toml::Table::try_from(value)
        .expect("invariant: a configuration is a table without empty values");
    toml::to_string(&table).expect("invariant: a table is TOML")
}
