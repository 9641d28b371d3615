//! RTCP compounds, and the estimator's view of transport-wide feedback.
#![no_main]

use libfuzzer_sys::fuzz_target;
use media::rtcp::{Compound, RtcpPacket, is_rtcp, sender_ssrc};
use media::twcc::SendHistory;

fuzz_target!(|data: &[u8]| {
    let _ = (is_rtcp(data), sender_ssrc(data));
    let mut clock = fuzz::Clock::start();
    let mut history = SendHistory::new();
    for _ in 0..64 {
        history.handle_sent(1200, None, clock.after(1));
    }
    let mut results = Vec::new();
    for packet in Compound::new(data) {
        match packet {
            Ok(RtcpPacket::SenderReport(report)) => drop(report.blocks().count()),
            Ok(RtcpPacket::ReceiverReport(report)) => drop(report.blocks().count()),
            Ok(RtcpPacket::SourceDescription(sdes)) => drop(sdes.cnames().count()),
            Ok(RtcpPacket::Bye(bye)) => drop(bye.ssrcs().count()),
            Ok(RtcpPacket::Nack(nack)) => drop(nack.sequence_numbers().count()),
            Ok(RtcpPacket::Fir(fir)) => drop(fir.entries().count()),
            Ok(RtcpPacket::Remb(remb)) => drop(remb.ssrcs().count()),
            Ok(RtcpPacket::TransportCc(feedback)) => {
                let _ = feedback.arrivals().count();
                history.handle_feedback(&feedback, &mut results);
            }
            Ok(RtcpPacket::Pli(_) | RtcpPacket::Unknown { .. }) | Err(_) => {}
        }
    }
});
