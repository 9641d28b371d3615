//! Cost of a stanza: parsing from a TCP stream and from a WebSocket frame, serialising, and a
//! broadcast. Prints nanoseconds each. Run: `cargo bench -p shoal-xmpp`.

#![allow(clippy::print_stdout, reason = "a benchmark prints its results")]

use std::hint::black_box;
use std::time::Instant;

use xmpp::jingle::Jingle;
use xmpp::stream::{Limits, Parser, frame, write};

const OPEN: &[u8] = b"<stream:stream xmlns='jabber:client' \
    xmlns:stream='http://etherx.jabber.org/streams' to='d' version='1.0'>";

const PRESENCE: &str = "<presence to='r@muc.meet.shoal/4e66c52f'><stats-id>Javon-DvS</stats-id>\
    <c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='https://jitsi.org/jitsi-meet' \
    ver='dtzK/3xhISaXUMVg59IpXxdvKyQ='/><SourceInfo>{\"4e66c52f-a0\":{\"muted\":false}}</SourceInfo>\
    <jitsi_participant_codecList>vp8,vp9,h264,av1</jitsi_participant_codecList>\
    <nick xmlns='http://jabber.org/protocol/nick'>user0</nick></presence>";

fn measure(name: &str, mut run: impl FnMut()) {
    for _ in 0..1_000 {
        run();
    }
    let rounds = 20_000;
    let start = Instant::now();
    for _ in 0..rounds {
        run();
    }
    let each = start.elapsed().as_nanos() / rounds;
    println!("{name:<40} {each:>8} ns");
}

fn main() {
    let mut parser = Parser::new(Limits::PARTICIPANT);
    parser.handle_input(OPEN);
    parser.poll_event().expect("a stream header");
    measure("parse a presence from a stream", || {
        parser.handle_input(PRESENCE.as_bytes());
        black_box(parser.poll_event().expect("a presence"));
    });
    let framed = PRESENCE.replacen("<presence", "<presence xmlns='jabber:client'", 1);
    measure("parse a presence from a frame", || {
        black_box(frame::parse(&framed, &Limits::PARTICIPANT).expect("a presence"));
    });
    let Ok(frame::Frame::Element(presence)) = frame::parse(&framed, &Limits::PARTICIPANT) else {
        unreachable!("it was parsed before")
    };
    measure("serialise a presence", || {
        black_box(write::in_stream(&presence));
    });
    let broadcast = write::Broadcast::in_stream(&presence);
    measure("render a broadcast for one receiver", || {
        black_box(broadcast.render("4izmle9ed_l8memo5ah6s-xg@meet.shoal/kZq4iDfgIvyX"));
    });
    let offer = offer();
    let element = xmpp::Element::from(&offer);
    let text = write::document(&element);
    println!("an offer has {} bytes", text.len());
    measure("parse an offer from a frame", || {
        black_box(frame::parse(&text, &Limits::PARTICIPANT).expect("an offer"));
    });
    measure("view an offer as Jingle", || {
        black_box(Jingle::try_from(&element).expect("an offer"));
    });
    measure("build the element of an offer", || {
        black_box(xmpp::Element::from(&offer));
    });
    measure("serialise an offer", || {
        black_box(write::document(&element));
    });
}

fn offer() -> Jingle {
    use xmpp::jingle::{Action, Content, HdrExt, IceUdpTransport, PayloadType, RtpDescription};
    use xmpp::source::MediaType;
    let mut offer = Jingle::new(Action::SessionInitiate, "e773bci75sbn1");
    for media in [MediaType::Audio, MediaType::Video] {
        let mut description = RtpDescription::new(media);
        for id in 96..104 {
            description.payload_types.push(
                PayloadType::new(id, "VP8", 90_000)
                    .with_parameter("apt", "100")
                    .with_feedback("ccm", Some("fir"))
                    .with_feedback("nack", None)
                    .with_feedback("nack", Some("pli"))
                    .with_feedback("transport-cc", None),
            );
        }
        for id in 1..6 {
            let uri = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";
            description.hdrexts.push(HdrExt::new(id, uri));
        }
        let mut content = Content::new(media.as_str());
        content.description = Some(description);
        content.transport = Some(IceUdpTransport {
            ufrag: Some("bpjpp1k81hcsg6".to_owned()),
            pwd: Some("3nv0l7jhts8scsbe1qh6dum6td".to_owned()),
            rtcp_mux: true,
            ..IceUdpTransport::default()
        });
        offer.contents.push(content);
    }
    offer.bundle();
    offer
}
