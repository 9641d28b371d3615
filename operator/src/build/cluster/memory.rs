//! The secret that the signalling servers of a cluster share, so that each believes what pages have kept of rooms of another,
//! and of itself before a restart.

use k8s_openapi::api::core::v1::Secret;
use rand::RngCore;

use super::Context;
use crate::build::names;
use crate::secrets;

/// The Secret's only entry, which signalling's pods mount.
pub(in crate::build) const KEY: &str = "secret";
const SIGNALLING: &str = "signalling";

pub(super) fn secret(context: &Context<'_>, rng: &mut dyn RngCore) -> Secret {
    let name = names::memory(&context.valid.name);
    let live = context.live_secret(&name);
    let content = secrets::accounts(live, context.rotate(), &[KEY], rng);
    context.origin.secret(name, SIGNALLING, "Opaque", &content)
}
