//! What a person may write in the configuration file, every key with its meaning and default.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The focus's configuration.
///
/// Durations are written in milliseconds when the key ends in `_ms` and in seconds when it ends in `_s`.
#[derive(Debug, Clone, PartialEq, JsonSchema, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Account with which the focus logs in; `focus@auth.` + `domain` when absent. It must be an admin of
    /// the XMPP server.
    #[schemars(example = &"focus@auth.meet.example.org")]
    pub account: Option<String>,
    /// The account's password.
    #[schemars(example = &"a long random text")]
    pub password: Option<Password>,
    /// File whose first line is the password, instead of `password`; read at each login.
    #[schemars(example = &"/etc/shoal/focus.password")]
    pub password_file: Option<PathBuf>,
    /// Resource to bind. Empty: the server chooses, and a restarted focus takes its place in the rooms over
    /// from its hibernating predecessor without anybody seeing it leave. Servers that cannot do that
    /// (Prosody) need `focus`: they end the predecessor when the same resource binds.
    pub resource: String,
    /// Main XMPP domain, that of the guests.
    pub domain: String,
    /// MUC service that holds the conferences; `muc.` + `domain` when absent.
    #[schemars(example = &"muc.meet.example.org")]
    pub muc: Option<String>,
    /// Other MUC services whose rooms may be conferences; `breakout.` + `domain` when absent.
    #[schemars(example = &["breakout.meet.example.org"])]
    pub other_mucs: Option<Vec<String>>,
    /// The room in which bridges announce themselves; `jvbbrewery@internal-muc.` + `domain` when absent.
    #[schemars(example = &"jvbbrewery@internal-muc.meet.example.org")]
    pub brewery: Option<String>,
    /// Address under which clients ask for a conference; `focus.` + `domain` when absent. Requests that
    /// were relayed by it carry the asker's JID in their resource.
    #[schemars(example = &"focus.meet.example.org")]
    pub alias: Option<String>,
    /// Nickname in every room.
    pub nick: String,
    /// Domains whose occupants may call themselves recorder, dial-in gateway or transcriber.
    pub trusted_domains: Vec<String>,
    /// Who becomes moderator.
    pub moderators: Moderators,
    /// Conference size and life.
    pub conference: ConferenceLimits,
    /// Codecs offered, and the order in which they are offered.
    pub codecs: Codecs,
    /// Bridge choice.
    pub bridges: BridgeConfig,
    /// Most conferences at one time; requests for more are refused with `resource-constraint`.
    #[schemars(range(min = 1, max = 10_000_000))]
    pub max_conferences: usize,
    /// Most conferences that begin in one second (twice as many for a moment).
    #[schemars(range(min = 1, max = 1_000_000))]
    pub max_new_conferences_per_second: u32,
    /// Of them, most that callers of one address begin over HTTP (four times as many for a moment): one IPv4 address or one
    /// IPv6 /64. Keep it well below the number for all, so that no stranger uses that up.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub max_new_conferences_per_second_and_address: u32,
    /// Origins whose pages may ask for conferences over HTTP (CORS), for instance `https://intranet.example.org`; `*` is any.
    /// Pages of this service's own origin always may.
    pub cors_origins: Vec<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            account: None,
            password: None,
            password_file: None,
            resource: String::new(),
            domain: "meet.shoal".into(),
            muc: None,
            other_mucs: None,
            brewery: None,
            alias: None,
            nick: "focus".into(),
            trusted_domains: Vec::new(),
            moderators: Moderators::default(),
            conference: ConferenceLimits::default(),
            codecs: Codecs::default(),
            bridges: BridgeConfig::default(),
            max_conferences: 20_000,
            max_new_conferences_per_second: 200,
            max_new_conferences_per_second_and_address: 50,
            cors_origins: Vec::new(),
        }
    }
}

/// A password. Never printed.
#[derive(Clone, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Password(pub String);

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(…)")
    }
}

/// Who becomes moderator.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Moderators {
    /// Make the first participant owner, and elect another when it leaves.
    pub auto_owner: bool,
    /// Domain whose users count as authenticated. When set, only they may open a room, and each of
    /// them becomes owner. Not needed behind Shoal's own signalling server: it says by itself that it wants tokens
    /// (`signalling.auth`), and makes owners by them.
    #[schemars(example = &"meet.example.org")]
    pub login_domain: Option<String>,
}

impl Default for Moderators {
    fn default() -> Self {
        Self {
            auto_owner: true,
            login_domain: None,
        }
    }
}

/// Conference size and life.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ConferenceLimits {
    /// Participants needed before anybody is invited to a bridge.
    #[schemars(range(min = 1, max = 1_000))]
    pub min_participants: usize,
    /// Participants beyond this number get no session. `None`: no limit.
    #[schemars(range(min = 1, max = 1_000_000))]
    #[schemars(example = 500)]
    pub max_participants: Option<usize>,
    /// How long a requested room may stay empty.
    #[schemars(range(min = 1, max = 3600))]
    pub initial_timeout_s: u64,
    /// How long a participant keeps its session while alone.
    #[schemars(range(min = 1, max = 86_400))]
    pub single_participant_timeout_s: u64,
    /// SSRCs one participant may signal.
    #[schemars(range(min = 1, max = 1_000))]
    pub max_ssrcs_per_user: usize,
    /// SSRC groups one participant may signal.
    #[schemars(range(min = 1, max = 1_000))]
    pub max_ssrc_groups_per_user: usize,
    /// Participants that may send audio at one time.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub max_audio_senders: usize,
    /// Participants that may send video at one time.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub max_video_senders: usize,
    /// Let the bridge rewrite SSRCs for clients that can follow (then no sources are signalled).
    pub ssrc_rewriting: bool,
    /// Signal only the first layer of a simulcast source to receivers.
    pub strip_simulcast: bool,
    /// Offer a data channel besides the WebSocket to clients that can open one.
    pub sctp: bool,
    /// Participants beyond this number join with their microphone muted.
    #[schemars(range(min = 0, max = 1_000_000))]
    #[schemars(example = 10)]
    pub start_audio_muted: Option<usize>,
    /// Participants beyond this number join with their camera off.
    #[schemars(range(min = 0, max = 1_000_000))]
    #[schemars(example = 10)]
    pub start_video_muted: Option<usize>,
    /// Least time between two restarts that one participant asks for.
    #[schemars(range(min = 0, max = 3600))]
    pub restart_min_interval_s: u64,
    /// Restarts that one participant may ask for within a minute.
    #[schemars(range(min = 0, max = 1_000))]
    pub restarts_per_minute: usize,
    /// Answer in-place ICE restarts (otherwise the participant is invited again).
    pub ice_restart: bool,
    /// How long to wait for the answer of a client or a bridge.
    #[schemars(range(min = 1, max = 300))]
    pub iq_timeout_s: u64,
}

impl Default for ConferenceLimits {
    fn default() -> Self {
        Self {
            min_participants: 2,
            max_participants: None,
            initial_timeout_s: 15,
            single_participant_timeout_s: 20,
            max_ssrcs_per_user: 20,
            max_ssrc_groups_per_user: 20,
            max_audio_senders: 999_999,
            max_video_senders: 999_999,
            ssrc_rewriting: true,
            strip_simulcast: true,
            sctp: true,
            start_audio_muted: None,
            start_video_muted: None,
            restart_min_interval_s: 5,
            restarts_per_minute: 5,
            ice_restart: true,
            iq_timeout_s: 15,
        }
    }
}

/// A video codec that can be offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VideoCodec {
    /// AOMedia Video 1.
    Av1,
    /// VP8 of RFC 6386.
    Vp8,
    /// H.264, constrained baseline 3.1.
    H264,
    /// VP9 of RFC 9628.
    Vp9,
}

/// Codecs offered.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Codecs {
    /// Video codecs in the order of preference; one that is left out is not offered.
    pub video: Vec<VideoCodec>,
    /// Offer redundant Opus (RFC 2198) to clients that list it.
    pub opus_red: bool,
    /// Offer retransmission streams (RFC 4588).
    pub rtx: bool,
    /// Offer the video-layers-allocation header extension.
    pub video_layers_allocation: bool,
}

impl Default for Codecs {
    fn default() -> Self {
        Self {
            video: vec![
                VideoCodec::Av1,
                VideoCodec::Vp8,
                VideoCodec::H264,
                VideoCodec::Vp9,
            ],
            opus_red: false,
            rtx: true,
            video_layers_allocation: false,
        }
    }
}

/// How a bridge is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StrategyName {
    /// One bridge per conference, the least loaded in the first participant's region.
    Single,
    /// A bridge of its own for every participant, as far as there are any (for tests).
    Split,
    /// The best bridge for every participant's region.
    RegionBased,
    /// Only bridges of the first participant's region.
    IntraRegion,
}

/// Bridge choice and supervision.
#[derive(Debug, Clone, PartialEq, JsonSchema, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BridgeConfig {
    /// How a bridge is chosen.
    pub strategy: StrategyName,
    /// The focus's own region.
    #[schemars(example = &"eu")]
    pub local_region: Option<String>,
    /// Groups of regions that may stand in for one another.
    pub region_groups: Vec<Vec<String>>,
    /// Stress (1 = full) from which a bridge counts as overloaded.
    #[schemars(range(min = 0.01, max = 10))]
    pub stress_threshold: f64,
    /// Stress that one participant adds, for bridges that do not say.
    #[schemars(range(min = 0, max = 1))]
    pub average_participant_stress: f64,
    /// How long a participant that was just added counts on top of the reported stress.
    #[schemars(range(min = 0, max = 600))]
    pub ramp_up_s: u64,
    /// Participants of one conference beyond which its bridge counts as overloaded.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub max_participants: usize,
    /// Time between two health checks of a bridge.
    #[schemars(range(min = 1, max = 3600))]
    pub health_interval_s: u64,
    /// How long a health check may take.
    #[schemars(range(min = 1, max = 300))]
    pub health_timeout_s: u64,
    /// Time from a health check that went unanswered to its one repetition.
    #[schemars(range(min = 0, max = 300))]
    pub health_retry_s: u64,
    /// Move conferences away from a bridge that left a health check and its repetition unanswered.
    pub move_on_timeout: bool,
    /// How long a bridge that failed is left alone.
    #[schemars(range(min = 1, max = 86_400))]
    pub failure_reset_s: u64,
    /// Keep bridges of different versions apart within a conference.
    pub same_version: bool,
    /// Participants moved to other bridges per second, when an operator asks for it or a bridge is too hot. A bridge
    /// that is about to exit is emptied within 5 s, one that has failed at once.
    #[schemars(range(min = 1, max = 100_000))]
    pub moves_per_second: usize,
    /// Bridges that stay too hot give conferences to others.
    pub redistribution: RedistributionConfig,
    /// Names of regions as clients write them, mapped to names as bridges write them.
    pub region_aliases: BTreeMap<String, String>,
}

impl Default for BridgeConfig {
    fn default() -> Self {
        Self {
            strategy: StrategyName::Single,
            local_region: None,
            region_groups: Vec::new(),
            stress_threshold: 0.8,
            average_participant_stress: 0.01,
            ramp_up_s: 20,
            max_participants: 80,
            health_interval_s: 10,
            health_timeout_s: 5,
            health_retry_s: 1,
            move_on_timeout: true,
            failure_reset_s: 60,
            same_version: true,
            moves_per_second: 50,
            redistribution: RedistributionConfig::default(),
            region_aliases: BTreeMap::new(),
        }
    }
}

/// When a bridge that stays too hot gives conferences to others.
#[derive(Debug, Clone, PartialEq, JsonSchema, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RedistributionConfig {
    /// Whether that is done.
    pub enabled: bool,
    /// Stress (1 = full) from which a bridge is too hot. It is brought 0.1 below, to bridges that stay as far below.
    #[schemars(range(min = 0.11, max = 10))]
    pub stress_threshold: f64,
    /// How long it must have been too hot.
    #[schemars(range(min = 0, max = 3600))]
    pub hot_for_s: u64,
    /// How long a bridge that gave or took conferences gives none (again).
    #[schemars(range(min = 0, max = 86_400))]
    pub cool_down_s: u64,
}

impl Default for RedistributionConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            stress_threshold: 0.8,
            hot_for_s: 10,
            cool_down_s: 60,
        }
    }
}

pub(crate) fn seconds(value: u64) -> Duration {
    Duration::from_secs(value)
}
