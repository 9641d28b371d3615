//! Passwords of accounts.

use std::fmt::Write;

use k8s_openapi::api::core::v1::Secret;
use rand::RngCore;

use super::{Content, keep_or_make};

/// A password for each name: 256 random bits, in hexadecimal. Names that have one keep it.
pub fn accounts(
    live: Option<&Secret>,
    rotate: Option<&str>,
    names: &[&str],
    rng: &mut dyn RngCore,
) -> Content {
    let has = |content: &Content, name: &str| {
        content
            .data
            .get(name)
            .is_some_and(|password| !password.is_empty())
    };
    keep_or_make(
        live,
        rotate,
        |content| names.iter().all(|name| has(content, name)),
        |old| {
            let kept = old.filter(|old| !old.outdated(rotate));
            let mut new = Content::default();
            for name in names {
                match kept.filter(|old| has(old, name)) {
                    Some(old) => {
                        new.data.insert((*name).into(), old.data[*name].clone());
                    }
                    None => new.put(name, password(rng)),
                }
            }
            new
        },
    )
}

fn password(rng: &mut dyn RngCore) -> String {
    let mut bytes = [0; 32];
    rng.fill_bytes(&mut bytes);
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
