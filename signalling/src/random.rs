//! Randomness, seeded from outside: a test repeats, a server surprises.

use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{Rng, RngCore, SeedableRng};

const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// A cryptographically strong generator behind a lock.
pub(crate) struct Random(Mutex<StdRng>);

impl Random {
    pub(crate) fn new(seed: [u8; 32]) -> Self {
        Self(Mutex::new(StdRng::from_seed(seed)))
    }

    /// A version 4 UUID.
    pub(crate) fn uuid(&self) -> String {
        uuid::Builder::from_random_bytes(self.0.lock().random())
            .into_uuid()
            .to_string()
    }

    /// Letters and digits; 22 of them are as hard to guess as a UUID.
    pub(crate) fn letters(&self, length: usize) -> String {
        let mut generator = self.0.lock();
        (0..length)
            .map(|_| LETTERS[generator.random_range(0..LETTERS.len())] as char)
            .collect()
    }

    pub(crate) fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.lock().fill_bytes(&mut bytes);
        bytes
    }

    /// A number below `limit`.
    pub(crate) fn below(&self, limit: usize) -> usize {
        self.0.lock().random_range(0..limit)
    }

    /// The generator, for a while.
    pub(crate) fn with<T>(&self, user: impl FnOnce(&mut dyn RngCore) -> T) -> T {
        user(&mut *self.0.lock())
    }
}
