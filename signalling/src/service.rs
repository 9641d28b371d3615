//! What the server answers itself.

pub(crate) mod disco;
pub(crate) mod extdisco;
pub(crate) mod focus_alias;
pub(crate) mod hosts;
pub(crate) mod private;
pub(crate) mod server;
