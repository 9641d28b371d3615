//! Multi-user chat (XEP-0045): joining, what occupants see, roles and affiliations, and the
//! configuration of rooms.

mod admin;
mod join;
mod kinds;
mod owner;
mod user;

pub use admin::AdminQuery;
pub use join::{History, Join, join, leave};
pub use kinds::{Affiliation, Role};
pub use owner::OwnerQuery;
pub use user::{Actor, Destroy, Item, MucUser, status};
