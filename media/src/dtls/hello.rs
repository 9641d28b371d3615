//! ClientHello and ServerHello (RFC 5246 §7.4.1, RFC 6347 §4.2.1) with the extensions that matter
//! here.

use super::error::HandshakeError;
use super::record::VERSION;
use super::signature::ACCEPTED;
use super::suite::{Group, Suite};
use super::wire::{Reader, put_u16s, put_vector};
use crate::srtp::SrtpProfile;

/// Stands for an empty `renegotiation_info` (RFC 5746 §3.3).
const RENEGOTIATION_SCSV: u16 = 0x00FF;

const SUPPORTED_GROUPS: u16 = 10;
const EC_POINT_FORMATS: u16 = 11;
const SIGNATURE_ALGORITHMS: u16 = 13;
const USE_SRTP: u16 = 14;
const EXTENDED_MASTER_SECRET: u16 = 23;
const RENEGOTIATION_INFO: u16 = 0xFF01;

/// What we take, best first: the shorter key costs a tenth less.
pub(super) const PROFILES: [SrtpProfile; 3] = [
    SrtpProfile::AeadAes128Gcm,
    SrtpProfile::AeadAes256Gcm,
    SrtpProfile::Aes128CmSha1_80,
];

/// The number of a profile (RFC 5764 §4.1.2, RFC 7714 §14.2).
fn profile_id(profile: SrtpProfile) -> u16 {
    match profile {
        SrtpProfile::Aes128CmSha1_80 => 1,
        SrtpProfile::AeadAes128Gcm => 7,
        SrtpProfile::AeadAes256Gcm => 8,
    }
}

/// The first of ours that is in a peer's list.
pub(super) fn common_profile(theirs: &[u16]) -> Option<SrtpProfile> {
    PROFILES
        .into_iter()
        .find(|profile| theirs.contains(&profile_id(*profile)))
}

/// The extensions of either hello.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Extensions {
    pub groups: Option<Vec<u16>>,
    pub point_formats: bool,
    pub signatures: Option<Vec<u16>>,
    pub profiles: Vec<u16>,
    pub extended_master_secret: bool,
    /// What the last handshake ended with: empty in a first one.
    pub renegotiation: Option<Vec<u8>>,
}

impl Extensions {
    /// What is unknown is skipped (RFC 5246 §7.4.1.4).
    fn read(mut message: Reader) -> Option<Self> {
        let mut found = Self::default();
        if message.0.is_empty() {
            return Some(found);
        }
        let mut list = message.vector::<2>()?;
        message.end()?;
        while !list.0.is_empty() {
            let kind = list.u16()?;
            let mut data = list.vector::<2>()?;
            match kind {
                SUPPORTED_GROUPS => found.groups = Some(data.vector::<2>()?.u16s()?),
                EC_POINT_FORMATS => found.point_formats = true,
                SIGNATURE_ALGORITHMS => found.signatures = Some(data.vector::<2>()?.u16s()?),
                USE_SRTP => found.profiles = data.vector::<2>()?.u16s()?,
                EXTENDED_MASTER_SECRET => found.extended_master_secret = true,
                RENEGOTIATION_INFO => {
                    found.renegotiation = Some(data.vector::<1>()?.0.to_vec());
                }
                _ => {}
            }
        }
        Some(found)
    }

    /// RFC 5746 §3.4, §3.6: there has been no handshake before.
    fn check(self) -> Result<Self, HandshakeError> {
        if self.renegotiation.as_ref().is_some_and(|r| !r.is_empty()) {
            return Err(HandshakeError::Renegotiation);
        }
        if !self.extended_master_secret {
            return Err(HandshakeError::ExtendedMasterSecret);
        }
        Ok(self)
    }

    fn write(&self, out: &mut Vec<u8>) {
        let mut put = |kind: u16, fill: &dyn Fn(&mut Vec<u8>)| {
            out.extend(kind.to_be_bytes());
            put_vector::<2>(out, fill);
        };
        if let Some(groups) = &self.groups {
            put(SUPPORTED_GROUPS, &|out| put_u16s(out, groups));
        }
        if self.point_formats {
            // Uncompressed.
            put(EC_POINT_FORMATS, &|out| out.extend([1, 0]));
        }
        if let Some(signatures) = &self.signatures {
            put(SIGNATURE_ALGORITHMS, &|out| put_u16s(out, signatures));
        }
        if !self.profiles.is_empty() {
            put(USE_SRTP, &|out| {
                put_u16s(out, &self.profiles);
                // No master key identifier.
                out.push(0);
            });
        }
        if self.extended_master_secret {
            put(EXTENDED_MASTER_SECRET, &|_| {});
        }
        if let Some(renegotiation) = &self.renegotiation {
            put(RENEGOTIATION_INFO, &|out| {
                put_vector::<1>(out, |out| out.extend(renegotiation));
            });
        }
    }
}

/// Who sends it offers, in order of preference.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ClientHello {
    pub random: [u8; 32],
    pub cookie: Vec<u8>,
    pub suites: Vec<u16>,
    pub extensions: Extensions,
}

impl ClientHello {
    /// Everything that we can do.
    pub(super) fn offer(random: [u8; 32], cookie: Vec<u8>) -> Self {
        Self {
            random,
            cookie,
            suites: Suite::ALL.map(|suite| suite.id).to_vec(),
            extensions: Extensions {
                groups: Some(Group::ALL.map(|group| group as u16).to_vec()),
                point_formats: true,
                signatures: Some(ACCEPTED.to_vec()),
                profiles: PROFILES.map(profile_id).to_vec(),
                extended_master_secret: true,
                // Some servers, Bouncy Castle's among them, have nothing to do with a client that
                // says nothing of renegotiation (RFC 5746 §3.4, §4.3).
                renegotiation: Some(Vec::new()),
            },
        }
    }

    pub(super) fn read(body: &[u8]) -> Result<Self, HandshakeError> {
        let mut message = Reader(body);
        let malformed = HandshakeError::Malformed("ClientHello");
        let version = message.u16().ok_or(malformed.clone())?;
        // Versions of DTLS count down; a peer that has a later one says so in an extension.
        if version > VERSION {
            return Err(HandshakeError::Version(version));
        }
        let mut fields = || {
            let random = message.array()?;
            let _session = message.vector::<1>()?;
            let cookie = message.vector::<1>()?.0.to_vec();
            let suites = message.vector::<2>()?.u16s()?;
            let compressions = message.vector::<1>()?.0;
            compressions.contains(&0).then_some(())?;
            let extensions = Extensions::read(message)?;
            Some((random, cookie, suites, extensions))
        };
        let (random, cookie, suites, mut extensions) = fields().ok_or(malformed)?;
        if suites.contains(&RENEGOTIATION_SCSV) {
            extensions.renegotiation.get_or_insert_default();
        }
        Ok(Self {
            random,
            cookie,
            suites,
            extensions: extensions.check()?,
        })
    }

    pub(super) fn write(&self) -> Vec<u8> {
        let mut out = VERSION.to_be_bytes().to_vec();
        out.extend(self.random);
        out.push(0);
        put_vector::<1>(&mut out, |out| out.extend(&self.cookie));
        put_u16s(&mut out, &self.suites);
        out.extend([1, 0]);
        put_vector::<2>(&mut out, |out| self.extensions.write(out));
        out
    }
}

/// The choice.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ServerHello {
    pub random: [u8; 32],
    pub suite: Suite,
    pub profile: SrtpProfile,
    pub point_formats: bool,
    pub renegotiation: bool,
}

impl ServerHello {
    pub(super) fn read(body: &[u8]) -> Result<Self, HandshakeError> {
        let mut message = Reader(body);
        let malformed = HandshakeError::Malformed("ServerHello");
        let version = message.u16().ok_or(malformed.clone())?;
        if version != VERSION {
            return Err(HandshakeError::Version(version));
        }
        let mut fields = || {
            let random = message.array()?;
            let _session = message.vector::<1>()?;
            let suite = message.u16()?;
            (message.u8()? == 0).then_some(())?;
            Some((random, suite, Extensions::read(message)?))
        };
        let (random, suite, extensions) = fields().ok_or(malformed)?;
        let extensions = extensions.check()?;
        Ok(Self {
            random,
            suite: Suite::of(suite).ok_or(HandshakeError::Suites)?,
            profile: common_profile(&extensions.profiles).ok_or(HandshakeError::Profiles)?,
            point_formats: extensions.point_formats,
            renegotiation: extensions.renegotiation.is_some(),
        })
    }

    pub(super) fn write(&self) -> Vec<u8> {
        let mut out = VERSION.to_be_bytes().to_vec();
        out.extend(self.random);
        out.push(0);
        out.extend(self.suite.id.to_be_bytes());
        out.push(0);
        let extensions = Extensions {
            point_formats: self.point_formats,
            profiles: vec![profile_id(self.profile)],
            extended_master_secret: true,
            renegotiation: self.renegotiation.then(Vec::new),
            ..Extensions::default()
        };
        put_vector::<2>(&mut out, |out| extensions.write(out));
        out
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn hellos_survive_the_wire_and_cut_ones_are_refused() {
        let hello = ClientHello::offer([7; 32], vec![1, 2, 3]);
        let written = hello.write();
        assert_eq!(ClientHello::read(&written).unwrap(), hello);
        for len in 0..written.len() {
            assert!(ClientHello::read(&written[..len]).is_err(), "{len}");
        }
        let hello = ServerHello {
            random: [9; 32],
            suite: Suite::ALL[1],
            profile: SrtpProfile::AeadAes256Gcm,
            point_formats: true,
            renegotiation: true,
        };
        let written = hello.write();
        assert_eq!(ServerHello::read(&written).unwrap(), hello);
        for len in 0..written.len() {
            assert!(ServerHello::read(&written[..len]).is_err(), "{len}");
        }
    }

    /// RFC 5746 §3.4.
    #[test]
    fn a_client_hello_says_that_it_never_renegotiates() {
        let written = ClientHello::offer([7; 32], Vec::new()).write();
        let info = [0xff, 0x01, 0x00, 0x01, 0x00];
        assert!(written.windows(5).any(|bytes| bytes == info));
    }

    /// RFC 5746 §3.6.
    #[test]
    fn the_signalling_suite_value_stands_for_the_extension() {
        let mut hello = ClientHello::offer([7; 32], Vec::new());
        hello.extensions.renegotiation = None;
        let read = ClientHello::read(&hello.write()).unwrap();
        assert_eq!(read.extensions.renegotiation, None);
        hello.suites.push(RENEGOTIATION_SCSV);
        let read = ClientHello::read(&hello.write()).unwrap();
        assert_eq!(read.extensions.renegotiation, Some(Vec::new()));
    }

    #[test]
    fn what_a_first_handshake_cannot_have_is_refused_by_name() {
        let mut hello = ClientHello::offer([7; 32], Vec::new());
        hello.extensions.renegotiation = Some(vec![1; 12]);
        let read = ClientHello::read(&hello.write());
        assert_eq!(read, Err(HandshakeError::Renegotiation));
        hello.extensions.renegotiation = None;
        hello.extensions.extended_master_secret = false;
        let read = ClientHello::read(&hello.write());
        assert_eq!(read, Err(HandshakeError::ExtendedMasterSecret));
        let mut old = hello.write();
        old[1] = 0xff;
        assert_eq!(
            ClientHello::read(&old),
            Err(HandshakeError::Version(0xfeff))
        );
    }
}
