//! Presence of bridges in the brewery.

use xmpp::brewery::BridgeStats;

use crate::{error_of, round_trip};

#[test]
fn the_presence_of_a_videobridge_is_read() {
    let stats: BridgeStats = round_trip(
        "<stats xmlns='http://jitsi.org/protocol/colibri'><stat value='1.1144427786106945' \
         name='stress_level'/><stat value='0.01' name='average_participant_stress'/>\
         <stat value='false' name='graceful_shutdown'/><stat value='false' name='shutting_down'/>\
         <stat value='false' name='drain'/><stat value='jvb1' name='relay_id'/>\
         <stat value='true' name='healthy'/><stat value='2.3.SNAPSHOT' name='version'/>\
         <stat value='region1' name='region'/><stat name='odd'/></stats>",
    );
    assert_eq!(stats.stress_level(), Some(1.114_442_778_610_694_5));
    assert_eq!(stats.average_participant_stress(), Some(0.01));
    assert_eq!(stats.graceful_shutdown(), Some(false));
    assert_eq!(stats.shutting_down(), Some(false));
    assert_eq!((stats.drain(), stats.healthy()), (Some(false), Some(true)));
    assert_eq!(
        (stats.relay_id(), stats.region()),
        (Some("jvb1"), Some("region1"))
    );
    assert_eq!(stats.full_version().as_deref(), Some("2.3.SNAPSHOT"));
    assert_eq!(stats.values.len(), 9);
}

#[test]
fn what_a_bridge_does_not_say_or_says_badly_is_unknown() {
    let mut stats = BridgeStats::new();
    stats
        .set("stress_level", "NaN")
        .set("healthy", "maybe")
        .set("release", "7")
        .set("version", "1");
    assert_eq!(
        (stats.stress_level(), stats.healthy(), stats.drain()),
        (None, None, None)
    );
    assert_eq!(stats.full_version().as_deref(), Some("1-7"));
    assert_eq!(BridgeStats::new().full_version(), None);
}

#[test]
fn too_many_values_are_refused() {
    let values: String = (0..600)
        .map(|n| format!("<stat name='n{n}' value='0'/>"))
        .collect();
    let text = format!("<stats xmlns='http://jitsi.org/protocol/colibri'>{values}</stats>");
    assert_eq!(
        error_of::<BridgeStats>(&text),
        "<stats/> has more than 512 <stat/>"
    );
}
