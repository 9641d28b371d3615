//! Transport-wide congestion control: both ends of the feedback
//! (draft-holmer-rmcat-transport-wide-cc-extensions-01).

mod feedback;
mod history;

pub use feedback::FeedbackGenerator;
pub use history::{PacketResult, SendHistory};
