//! What all workers share and nobody changes.

use std::net::SocketAddr;
use std::time::Duration;

use media::dtls::Certificate;
use media::units::Bitrate;

/// Settings of every worker of a bridge, fixed at its start. Defaults are Jitsi's, but for a start
/// that narrow links bear.
#[derive(Clone, Debug)]
pub struct WorkerSettings {
    /// The process's DTLS certificate.
    pub certificate: Certificate,
    /// The addresses at which datagrams arrive (`to` of a datagram), best first. With a socket on
    /// the unspecified address: one for each address of the machine.
    pub local_addresses: Vec<SocketAddr>,
    /// Largest last-N that any receiver gets; `None` for no limit.
    pub max_last_n: Option<u32>,
    /// SSRC slots of a receiver with SSRC rewriting, for each medium.
    pub ssrc_slots: usize,
    /// Whether the bandwidth estimate limits what is sent. If not, everything asked for is sent.
    pub trust_bandwidth_estimate: bool,
    /// Estimate before the first feedback.
    pub initial_bandwidth: Bitrate,
    /// Most that is ever assumed.
    pub max_bandwidth: Bitrate,
    /// Least that is ever assumed.
    pub min_bandwidth: Bitrate,
    /// Most that a receiver may have assumed in place of the estimate (`assumedBandwidthBps`);
    /// `None`: its wish is ignored.
    pub assumed_bandwidth_limit: Option<Bitrate>,
    /// An on-stage screen share may be sent past the estimate.
    pub oversend_on_stage: bool,
    /// Only packets of so many loudest speakers are forwarded; `None`: all audio.
    pub loudest_only: Option<usize>,
    /// Packets that say of themselves that they are silence are forwarded at most so many in a
    /// row; `None`: always.
    pub forwarded_silence_packets: Option<u32>,
    /// An endpoint of which nothing is heard for so long after it was connected has failed.
    pub silence_expiry: Duration,
    /// An endpoint that does not connect for so long has failed.
    pub connect_expiry: Duration,
    /// Interval of `ConnectionStats` on the bridge channel.
    pub connection_stats_interval: Duration,
    /// Announced in `ServerHello`, if any.
    pub version: Option<String>,
}

impl WorkerSettings {
    /// Jitsi's defaults.
    pub fn new(certificate: Certificate, local_addresses: Vec<SocketAddr>) -> Self {
        Self {
            certificate,
            local_addresses,
            max_last_n: None,
            ssrc_slots: 50,
            trust_bandwidth_estimate: true,
            initial_bandwidth: Bitrate::from_kbps(400),
            max_bandwidth: Bitrate::from_kbps(20_000),
            min_bandwidth: Bitrate::from_kbps(30),
            assumed_bandwidth_limit: None,
            oversend_on_stage: true,
            loudest_only: None,
            forwarded_silence_packets: Some(3),
            silence_expiry: Duration::from_secs(60),
            connect_expiry: Duration::from_secs(120),
            connection_stats_interval: Duration::from_secs(10),
            version: None,
        }
    }
}
