//! The operator against an API server in memory, in virtual time.

#![allow(clippy::unwrap_used, reason = "tests")]

mod fake;
mod leaving;
mod life;
mod operator_run;
mod pods;
mod refusals;
mod reload;
