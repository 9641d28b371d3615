//! Passwords that are made for the life of one process.

use rand::distr::{Alphanumeric, SampleString};

/// A password that nobody needs to type.
pub(crate) fn generate() -> String {
    Alphanumeric.sample_string(&mut rand::rng(), 40)
}
