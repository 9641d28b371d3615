//! A client's transport and what the bridge is told of it, for who drives a worker without signalling and without a network.

use std::net::SocketAddr;
use std::time::Instant;

use bridge::command::{CreateEndpoint, EndpointUpdate, RemoteTransport};
use bridge::ids::{ConferenceKey, EndpointKey, WorkerId};
use media::dtls::Certificate;
use media::ice::{IceCredentials, RemoteCandidate};
use media::transport::{self, DEFAULT_MAX_SSRCS, Setup, Transport, TransportConfig};
use media::units::Ssrc;

/// Both ends of one transport.
pub(crate) struct Ends<'a> {
    /// The client's address.
    pub(crate) address: SocketAddr,
    pub(crate) client: IceCredentials,
    pub(crate) worker: IceCredentials,
    /// The worker's, and that of all clients.
    pub(crate) certificates: &'a [Certificate; 2],
}

impl Ends<'_> {
    /// The client's end, which knows the worker's at the address `bridge` and begins.
    pub(crate) fn transport(&self, bridge: SocketAddr, seed: u64, now: Instant) -> Transport {
        let config = TransportConfig {
            local: self.client.clone(),
            ice_controlling: false,
            certificate: self.certificates[1].clone(),
            local_candidates: vec![self.address],
            setup: Setup::Active,
            sctp: None,
            max_ssrcs: DEFAULT_MAX_SSRCS,
        };
        let remote = transport::RemoteTransport {
            credentials: self.worker.clone(),
            candidates: vec![RemoteCandidate::host(bridge)],
            fingerprints: vec![self.certificates[0].fingerprint().clone()],
            setup: Setup::Actpass,
        };
        let mut transport = Transport::new(config, seed, now);
        transport.set_remote(remote, now).unwrap();
        transport
    }

    /// The client's end, as signalling tells the worker of it.
    pub(crate) fn told(&self, candidates: Vec<RemoteCandidate>) -> RemoteTransport {
        RemoteTransport {
            ice: Some(self.client.clone()),
            generation: None,
            fingerprints: vec![self.certificates[1].fingerprint().clone()],
            setup: Some(Setup::Active),
            candidates,
        }
    }

    /// An order for the worker's end; whoever wants another kind of endpoint changes the fields.
    pub(crate) fn create(
        &self,
        conference: ConferenceKey,
        home: WorkerId,
        endpoint: EndpointKey,
        id: &str,
        update: EndpointUpdate,
    ) -> CreateEndpoint {
        CreateEndpoint {
            conference,
            home,
            endpoint,
            id: id.into(),
            local_ice: self.worker.clone(),
            ice_controlling: true,
            sctp_port: None,
            ssrc_rewriting: true,
            mid_demux: false,
            visitor: false,
            initial_last_n: None,
            feedback_audio_ssrc: Ssrc(1),
            feedback_video_ssrc: Ssrc(2),
            update,
        }
    }
}
