//! The definitions of Kubernetes resources, for files that are generated from them.

use anyhow::Context;

/// The definition with this plural name, as YAML.
pub(crate) fn definition(plural: &str) -> anyhow::Result<String> {
    let definitions = operator::crd::definitions();
    let known = definitions.iter().map(|one| one.spec.names.plural.clone());
    let known: Vec<_> = known.collect();
    let definition = definitions
        .iter()
        .find(|one| one.spec.names.plural == plural)
        .with_context(|| {
            format!(
                "there is no resource {plural:?}: name one of {}",
                known.join(", ")
            )
        })?;
    Ok(serde_yaml::to_string(definition)?)
}
