//! Units and identifiers of RTP that would otherwise be bare integers.

use std::fmt;
use std::ops::{Add, AddAssign, Mul, Sub};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A rate in bits per second. Subtraction saturates at zero, addition at [`Bitrate::MAX`].
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Bitrate(u64);

impl Bitrate {
    /// Nothing at all.
    pub const ZERO: Self = Self(0);
    /// Stands for "unlimited" where an estimate is not to be trusted.
    pub const MAX: Self = Self(u64::MAX);

    /// From bits per second.
    pub const fn from_bps(bps: u64) -> Self {
        Self(bps)
    }

    /// From thousands of bits per second.
    pub const fn from_kbps(kbps: u64) -> Self {
        Self(kbps.saturating_mul(1_000))
    }

    /// From a float of bits per second; negative and NaN become zero.
    pub fn from_f64(bps: f64) -> Self {
        Self(bps.round() as u64)
    }

    /// The rate at which `bytes` took `time`; zero when `time` is zero.
    pub fn of(bytes: u64, time: Duration) -> Self {
        if time.is_zero() {
            return Self::ZERO;
        }
        Self::from_f64(bytes as f64 * 8.0 / time.as_secs_f64())
    }

    /// Bits per second.
    pub const fn as_bps(self) -> u64 {
        self.0
    }

    /// Thousands of bits per second, rounded down.
    pub const fn as_kbps(self) -> u64 {
        self.0 / 1_000
    }

    /// Bits per second as a float.
    pub fn as_f64(self) -> f64 {
        self.0 as f64
    }

    /// Bytes that this rate carries in `time`, rounded down.
    pub fn bytes_in(self, time: Duration) -> u64 {
        (self.0 as f64 / 8.0 * time.as_secs_f64()) as u64
    }

    /// How long `bytes` take at this rate; [`Duration::MAX`] at rate zero.
    pub fn time_for(self, bytes: u64) -> Duration {
        if self.0 == 0 {
            return Duration::MAX;
        }
        Duration::try_from_secs_f64(bytes as f64 * 8.0 / self.0 as f64).unwrap_or(Duration::MAX)
    }
}

impl Add for Bitrate {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Bitrate {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for Bitrate {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Mul<f64> for Bitrate {
    type Output = Self;
    fn mul(self, factor: f64) -> Self {
        Self::from_f64(self.0 as f64 * factor)
    }
}

impl std::iter::Sum for Bitrate {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::ZERO, Add::add)
    }
}

impl fmt::Display for Bitrate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            u64::MAX => f.write_str("unlimited"),
            bps @ 0..10_000 => write!(f, "{bps} bps"),
            bps => write!(f, "{} kbps", bps / 1_000),
        }
    }
}

/// A synchronization source identifier (RFC 3550 §3).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Ssrc(pub u32);

impl fmt::Display for Ssrc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<u32> for Ssrc {
    fn from(ssrc: u32) -> Self {
        Self(ssrc)
    }
}

/// An RTP payload type, 0 to 127 (RFC 3550 §5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct PayloadType(u8);

impl PayloadType {
    /// `None` above 127.
    pub const fn new(value: u8) -> Option<Self> {
        if value < 128 { Some(Self(value)) } else { None }
    }

    /// From the second byte of an RTP header: the marker bit is ignored.
    pub const fn from_header_byte(byte: u8) -> Self {
        Self(byte & 0x7f)
    }

    /// 0 to 127.
    pub const fn value(self) -> u8 {
        self.0
    }

    /// For a table of 128 entries.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl TryFrom<u8> for PayloadType {
    type Error = PayloadTypeOutOfRange;
    fn try_from(value: u8) -> Result<Self, Self::Error> {
        Self::new(value).ok_or(PayloadTypeOutOfRange(value))
    }
}

impl From<PayloadType> for u8 {
    fn from(pt: PayloadType) -> Self {
        pt.0
    }
}

impl fmt::Display for PayloadType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A payload type above 127.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("payload type {0} is above 127")]
pub struct PayloadTypeOutOfRange(pub u8);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_carries_bytes_in_a_time_and_back() {
        let rate = Bitrate::from_kbps(800);
        assert_eq!(rate.bytes_in(Duration::from_millis(10)), 1_000);
        assert_eq!(rate.time_for(1_000), Duration::from_millis(10));
        assert_eq!(Bitrate::of(1_000, Duration::from_millis(10)), rate);
        assert_eq!(Bitrate::ZERO.time_for(1), Duration::MAX);
    }

    #[test]
    fn rates_saturate() {
        assert_eq!(Bitrate::from_bps(1) - Bitrate::from_bps(2), Bitrate::ZERO);
        assert_eq!(Bitrate::MAX + Bitrate::from_bps(1), Bitrate::MAX);
        assert_eq!(Bitrate::from_f64(-3.0), Bitrate::ZERO);
    }

    #[test]
    fn payload_types_end_at_127() {
        assert!(PayloadType::new(127).is_some());
        assert!(PayloadType::new(128).is_none());
    }
}
