//! Control of the bridge by the focus: Colibri2, as decisions without IO.
//!
//! [`Manager`] takes requests, news of the workers and the time, answers each request at once from its own state, and
//! leaves orders to be fetched by [`Manager::poll_output`]. What an update costs does not depend on the size of its
//! conference.

mod conference;
mod connects;
mod endpoint;
pub mod json;
mod lifecycle;
mod manager;
mod media_description;
mod placement;
mod refusal;
mod secrets;
mod settings;
mod transport_description;

pub use connects::Connects;
pub use lifecycle::{Lifecycle, State, may_leave};
pub use manager::{ChannelRefusal, ChannelTarget, CloseReason, Manager, Output, Totals};
pub use refusal::Refusal;
pub use settings::ControlSettings;
