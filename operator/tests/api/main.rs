//! The operator against an API server in memory, in virtual time.

#![allow(clippy::unwrap_used, reason = "tests")]

mod fake;
mod life;
mod operator_run;
mod refusals;
mod reload;
