//! A session with a bridge's transport at the other end, over a path without loss, in virtual time.

#![allow(clippy::unwrap_used, reason = "tests")]

use media::rtcp::{Nack, Pli, ReceiverReport};
use media::rtp::{RtpPacket, SeqNum};
use media::transport::{RemoteTransport, Setup};
use media::units::Ssrc;
use rand::SeedableRng;
use xmpp::jingle::{
    self, Action, Content, Fingerprint, HdrExt, Jingle, PayloadType, RtpDescription, SctpMap,
};
use xmpp::source::MediaType;

use super::*;
use crate::journal::Media;

const CLIENT: SocketAddr = SocketAddr::V4(std::net::SocketAddrV4::new(
    std::net::Ipv4Addr::new(198, 51, 100, 7),
    50_000,
));
const BRIDGE: SocketAddr = SocketAddr::V4(std::net::SocketAddrV4::new(
    std::net::Ipv4Addr::new(192, 0, 2, 1),
    10_000,
));

struct World {
    now: Instant,
    rng: SmallRng,
    bridge: Transport,
    session: Session,
    arrivals: Vec<Arrival>,
    /// What the bridge received.
    rtp: Vec<Vec<u8>>,
    texts: Vec<String>,
    sequence: u16,
    /// The session's.
    fingerprint: media::dtls::Fingerprint,
}

/// An offer of a bridge with these credentials.
pub(in crate::participant) fn offered(
    sid: &str,
    credentials: &IceCredentials,
    certificate: &Certificate,
) -> Jingle {
    let own = certificate.fingerprint();
    let transport = |sctpmap| IceUdpTransport {
        ufrag: Some(credentials.ufrag.clone()),
        pwd: Some(credentials.pwd.clone()),
        fingerprints: vec![Fingerprint::new(
            &own.hash,
            &own.value,
            jingle::Setup::Actpass,
        )],
        candidates: vec![jingle::Candidate {
            component: 1,
            foundation: "1".into(),
            generation: 0,
            id: "1".into(),
            ip: BRIDGE.ip().to_string(),
            network: 0,
            port: BRIDGE.port(),
            priority: 1,
            protocol: "udp".into(),
            kind: "host".into(),
            rel_addr: None,
            rel_port: None,
            tcptype: None,
        }],
        sctpmap,
        ..IceUdpTransport::default()
    };
    let content = |media: MediaType, types: Vec<PayloadType>| {
        let mut description = RtpDescription::new(media);
        description.payload_types = types;
        description.hdrexts = vec![HdrExt::new(5, media::rtp::Extension::TransportCc.uri())];
        let mut content = Content::new(media.as_str());
        content.description = Some(description);
        content.transport = Some(transport(None));
        content
    };
    let mut data = Content::new("data");
    data.transport = Some(transport(Some(SctpMap {
        number: 5000,
        protocol: "webrtc-datachannel".into(),
        streams: None,
    })));
    let mut jingle = Jingle::new(Action::SessionInitiate, sid);
    jingle.contents = vec![
        content(
            MediaType::Audio,
            vec![PayloadType::new(111, "opus", 48_000).with_channels(2)],
        ),
        content(
            MediaType::Video,
            vec![
                PayloadType::new(100, "VP8", 90_000),
                PayloadType::new(96, "rtx", 90_000).with_parameter("apt", "100"),
            ],
        ),
        data,
    ];
    jingle
}

impl World {
    /// Connected, with an open bridge channel.
    fn connected() -> Self {
        let now = Instant::now();
        let mut rng = SmallRng::seed_from_u64(1);
        let credentials = IceCredentials::generate(&mut rng);
        let certificates = [(); 2].map(|()| Certificate::generate().unwrap());
        let offer = Offer::read(offered("s", &credentials, &certificates[0])).unwrap();
        let config = TransportConfig {
            local: credentials,
            ice_controlling: true,
            certificate: certificates[0].clone(),
            local_candidates: vec![BRIDGE],
            setup: Setup::Actpass,
            sctp: Some(SctpConfig::default()),
            max_ssrcs: DEFAULT_MAX_SSRCS,
        };
        let who = Identity {
            endpoint: "aaaaaaaa",
            jid: &FullJid::new("a@x/y").unwrap(),
            sends: true,
            height: 360,
        };
        let certificate = &certificates[1];
        let locals = vec![CLIENT];
        let session =
            Session::start(MediaId(1), offer, locals, certificate, who, &mut rng, now).unwrap();
        let mut world = Self {
            now,
            rng,
            bridge: Transport::new(config, 2, now),
            session,
            arrivals: Vec::new(),
            rtp: Vec::new(),
            texts: Vec::new(),
            sequence: 0,
            fingerprint: certificate.fingerprint().clone(),
        };
        let remote = RemoteTransport {
            credentials: world.session.local_credentials().clone(),
            candidates: Vec::new(),
            fingerprints: vec![certificates[1].fingerprint().clone()],
            setup: Setup::Active,
        };
        world.bridge.set_remote(remote, now).unwrap();
        world.run_until(|world| world.texts.len() == 2);
        world
    }

    fn run_until(&mut self, condition: impl Fn(&Self) -> bool) {
        let end = self.now + Duration::from_secs(90);
        while !condition(self) {
            self.step();
            assert!(self.now < end, "not within 90 s");
        }
    }

    fn step(&mut self) {
        self.exchange();
        let due = [self.bridge.poll_timeout(), self.session.poll_timeout()];
        let due = due.into_iter().flatten().min().unwrap();
        self.now = due.max(self.now + Duration::from_millis(1));
        self.bridge.handle_timeout(self.now);
        self.session.handle_timeout(self.now);
        self.exchange();
    }

    fn exchange(&mut self) {
        loop {
            let mut moved = false;
            while let Some(datagram) = self.session.poll_datagram() {
                assert_eq!((datagram.media, datagram.from), (MediaId(1), CLIENT));
                let mut buf = datagram.payload;
                let taken = self
                    .bridge
                    .handle_datagram(&mut buf, CLIENT, BRIDGE, self.now);
                if let Ok(Received::Rtp(len)) = taken {
                    self.rtp.push(buf[..len].to_vec());
                }
                moved = true;
            }
            while let Some(event) = self.bridge.poll_event() {
                if let Event::ChannelText(text) = event {
                    self.texts.push(text);
                }
            }
            while let Some(out) = self.bridge.poll_transmit() {
                self.receive(out.payload);
                moved = true;
            }
            if !moved {
                return;
            }
        }
    }

    fn receive(&mut self, mut payload: Vec<u8>) {
        let arrival = self
            .session
            .handle_datagram(&mut payload, BRIDGE, CLIENT, self.now);
        self.arrivals.extend(arrival);
    }

    fn bridge_says(&mut self, text: &str) {
        self.bridge.send_channel_text(text, self.now).unwrap();
        self.exchange();
    }

    fn bridge_sends_rtp(&mut self, payload_type: u8, ssrc: u32) {
        self.sequence += 1;
        let mut packet = vec![0x80, payload_type];
        packet.extend(self.sequence.to_be_bytes());
        packet.extend(0u32.to_be_bytes());
        packet.extend(ssrc.to_be_bytes());
        packet.extend([1; 20]);
        let len = packet.len();
        packet.resize(len + MAX_OVERHEAD, 0);
        let len = self.bridge.protect_rtp(&mut packet, len).unwrap();
        packet.truncate(len);
        self.receive(packet);
    }

    fn bridge_sends_rtcp(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let mut packet = Vec::new();
        ReceiverReport::write(Ssrc(1), &[], &mut packet);
        write(&mut packet);
        let len = packet.len();
        packet.resize(len + MAX_OVERHEAD, 0);
        let len = self.bridge.protect_rtcp(&mut packet, len).unwrap();
        packet.truncate(len);
        self.receive(packet);
    }

    /// Received packets of this payload type: SSRC, sequence number, payload.
    fn of_type(&self, payload_type: u8) -> Vec<(Ssrc, u16, Vec<u8>)> {
        self.rtp
            .iter()
            .map(|bytes| RtpPacket::parse(bytes).unwrap())
            .filter(|packet| packet.payload_type().value() == payload_type)
            .map(|p| (p.ssrc(), p.sequence_number().0, p.payload().to_vec()))
            .collect()
    }

    fn key_frames(&self) -> usize {
        let is_key = |payload: &[u8]| {
            let descriptor = media::codec::vp8::Vp8Descriptor::parse(payload).unwrap();
            descriptor.is_keyframe(payload)
        };
        let video = self.of_type(100);
        video.iter().filter(|(.., payload)| is_key(payload)).count()
    }
}

#[test]
fn a_connected_session_says_what_it_wants_and_sends_what_it_announced() {
    let mut world = World::connected();
    assert_eq!(world.session.poll_event(), Some(SessionEvent::Connected));
    assert!(world.texts[0].contains("SourceVideoTypeMessage"));
    assert!(world.texts[1].contains(r#""defaultConstraints":{"maxHeight":360"#));
    world.rtp.clear();
    let start = world.now;
    world.run_until(|world| world.now >= start + Duration::from_secs(1));
    let (audio, video) = (world.of_type(111), world.of_type(100));
    assert!((48..=52).contains(&audio.len()), "{}", audio.len());
    let announced = world.session.sources();
    assert_eq!(announced.audio[0].ssrc, audio[0].0.0);
    for ssrc in &announced.video_groups[0].ssrcs {
        let sent = video.iter().filter(|(of, ..)| of.0 == *ssrc);
        // S of the payload descriptor (RFC 7741 §4.2).
        let frames = sent.filter(|(.., payload)| payload[0] & 0x10 != 0).count();
        assert!((28..=33).contains(&frames), "{frames}");
    }
}

#[test]
fn sizes_that_nobody_wants_are_not_sent() {
    let mut world = World::connected();
    world.bridge_says(
        r#"{"colibriClass":"SenderSourceConstraints","sourceName":"aaaaaaaa-v0","maxHeight":360}"#,
    );
    world.rtp.clear();
    world.run_until(|world| world.of_type(111).len() > 50);
    let sent: std::collections::BTreeSet<u32> =
        world.of_type(100).iter().map(|(ssrc, ..)| ssrc.0).collect();
    let announced = world.session.sources().video_groups[0].ssrcs[..2].to_vec();
    assert_eq!(sent, announced.into_iter().collect());
}

#[test]
fn a_key_frame_comes_first_and_whenever_the_bridge_asks() {
    let mut world = World::connected();
    world.run_until(|world| world.of_type(100).len() > 20);
    assert_eq!(world.key_frames(), 3, "one of each size");
    let media = world.of_type(100)[0].0;
    let sender = Ssrc(1);
    world.bridge_sends_rtcp(|out| Pli { sender, media }.write(out));
    world.run_until(|world| world.key_frames() == 4);
}

#[test]
fn a_lost_packet_comes_again_as_a_retransmission() {
    let mut world = World::connected();
    world.run_until(|world| world.of_type(100).len() > 100);
    let (media, sequence, payload) = world.of_type(100).pop().unwrap();
    world.bridge_sends_rtcp(|out| Nack::write(Ssrc(1), media, &[SeqNum(sequence)], out));
    world.run_until(|world| !world.of_type(96).is_empty());
    let (ssrc, _, again) = world.of_type(96).pop().unwrap();
    assert_eq!(again, [&sequence.to_be_bytes()[..], &payload].concat());
    assert_eq!(ssrc.0, world.session.sources().video_groups[3].ssrcs[1]);
}

#[test]
fn a_picture_that_nobody_wants_is_not_sent() {
    let mut world = World::connected();
    let wish = |height| {
        format!(
            r#"{{"colibriClass":"SenderSourceConstraints","sourceName":"aaaaaaaa-v0","maxHeight":{height}}}"#
        )
    };
    world.bridge_says(&wish(0));
    world.rtp.clear();
    world.run_until(|world| world.of_type(111).len() > 50);
    assert!(world.of_type(100).is_empty());
    world.bridge_says(&wish(720));
    world.run_until(|world| world.key_frames() == 3);
}

#[test]
fn packets_count_for_the_source_that_the_bridge_channel_names() {
    let mut world = World::connected();
    world.bridge_sends_rtp(111, 77);
    assert!(world.arrivals.is_empty(), "nobody's");
    world.bridge_says(
        r#"{"colibriClass":"AudioSourcesMap","mappedSources":[{"source":"bb-a0","owner":"bb","ssrc":77}]}"#,
    );
    world.bridge_sends_rtp(111, 77);
    world.bridge_sends_rtp(111, 77);
    let bb = |lost_before| Arrival {
        owner: "bb".into(),
        media: Media::Audio,
        lost_before,
    };
    assert_eq!(world.arrivals, [bb(0), bb(0)]);
    world.sequence += 2;
    world.bridge_sends_rtp(111, 77);
    assert_eq!(world.arrivals[2], bb(2));
}

#[test]
fn ice_restarts_in_place_and_media_goes_on() {
    let mut world = World::connected();
    let fresh = IceCredentials::generate(&mut world.rng);
    world.bridge.restart_ice(fresh.clone(), world.now);
    let info = IceUdpTransport {
        ufrag: Some(fresh.ufrag),
        pwd: Some(fresh.pwd),
        ice_generation: Some(1),
        ..IceUdpTransport::default()
    };
    let World {
        session, rng, now, ..
    } = &mut world;
    let local = session.handle_transport_info(&info, rng, *now).unwrap();
    let remote = RemoteTransport {
        credentials: local.clone(),
        candidates: Vec::new(),
        fingerprints: vec![world.fingerprint.clone()],
        setup: Setup::Active,
    };
    world.bridge.set_remote(remote, world.now).unwrap();
    let start = world.now;
    // Longer than the old path's consent lasts (RFC 7675).
    world.run_until(|world| world.now >= start + Duration::from_secs(60));
    assert!(world.session.is_connected() && world.bridge.is_connected());
    assert_eq!(world.session.local_credentials().ufrag, local.ufrag);
    world.rtp.clear();
    world.run_until(|world| world.of_type(111).len() > 10);
}
