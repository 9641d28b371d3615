//! Multi-user chat (XEP-0045): joining, what occupants see, roles and affiliations, the configuration of rooms, and
//! the addresses of tenants' rooms.

mod admin;
mod join;
mod kinds;
mod owner;
mod tenants;
mod user;

pub use admin::AdminQuery;
pub use join::{History, Join, join, leave};
pub use kinds::{Affiliation, Role};
pub use owner::OwnerQuery;
pub use tenants::ConferenceDomain;
pub use user::{Actor, Destroy, Item, MucUser, status};
