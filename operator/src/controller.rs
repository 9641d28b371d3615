//! What is reconciled and when, without IO.

pub mod election;
pub mod queue;
pub mod scope;
