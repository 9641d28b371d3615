//! Messages of the bridge channel (WebSocket or data channel) between a client and a bridge, and
//! between two bridges: one JSON object each, whose `colibriClass` selects the class.
//!
//! [`parse`] refuses duplicate keys and unknown classes. Unknown fields are ignored: a newer or
//! older client that says more than is understood is still served.

mod constraints;
mod endpoint_message;
mod source_map;
mod subscription;

pub use constraints::{ReceiverVideoConstraints, SenderSourceConstraints, VideoConstraints};
pub use endpoint_message::{EndpointMessage, EndpointStats};
pub use source_map::{
    AudioMapping, AudioSourcesMap, ChannelVideoType, ForwardedSources, SourceVideoTypeMessage,
    VideoMapping, VideoSourcesMap,
};
pub use subscription::ReceiverAudioSubscription;

use std::borrow::Cow;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize, Serializer};

use crate::lenient;

/// Sub-protocol name of the data channel.
pub const DATA_CHANNEL_PROTOCOL: &str = "http://jitsi.org/protocols/colibri";

/// Why a text is no message.
#[derive(Debug, thiserror::Error)]
pub enum MessageError {
    /// It is no JSON object, or lacks `colibriClass`.
    #[error("not a bridge channel message: {0}")]
    NotAMessage(#[source] serde_json::Error),
    /// Its class is none that is known.
    #[error("unknown colibriClass '{0}'")]
    UnknownClass(String),
    /// Its fields are not those of its class.
    #[error("{class}: {error}")]
    Invalid {
        /// `colibriClass` of the message.
        class: &'static str,
        /// What is wrong.
        #[source]
        error: serde_json::Error,
    },
}

macro_rules! messages {
    ($($(#[doc = $doc:literal])* $class:ident $(($body:ty))?,)*) => {
        /// What goes over the bridge channel, in either direction.
        #[derive(Clone, Debug, PartialEq, Serialize)]
        #[serde(tag = "colibriClass")]
        pub enum Message {
            $($(#[doc = $doc])* $class $(($body))?,)*
        }

        impl Message {
            /// The value of `colibriClass`.
            pub fn class(&self) -> &'static str {
                match self { $(Self::$class { .. } => stringify!($class),)* }
            }
        }

        /// Parses a message.
        ///
        /// # Errors
        /// [`MessageError`].
        pub fn parse(text: &str) -> Result<Message, MessageError> {
            let class: Class<'_> =
                serde_json::from_str(text).map_err(MessageError::NotAMessage)?;
            match class.class.as_ref() {
                $(stringify!($class) => messages!(@parse text $class $($body)?),)*
                other => Err(MessageError::UnknownClass(other.chars().take(64).collect())),
            }
        }
    };
    (@parse $text:ident $class:ident) => { Ok(Message::$class) };
    (@parse $text:ident $class:ident $body:ty) => {
        body::<$body>($text, stringify!($class)).map(Message::$class)
    };
}

#[derive(Deserialize)]
struct Class<'a> {
    #[serde(rename = "colibriClass", borrow)]
    class: Cow<'a, str>,
}

fn body<T: DeserializeOwned>(text: &str, class: &'static str) -> Result<T, MessageError> {
    serde_json::from_str(text).map_err(|error| MessageError::Invalid { class, error })
}

messages! {
    /// Client to bridge: asks for a [`Message::ServerHello`].
    ClientHello,
    /// Bridge to client or bridge: the channel is open.
    ServerHello(ServerHello),
    /// Client to bridge: what it wants to see.
    ReceiverVideoConstraints(ReceiverVideoConstraints),
    /// Client to bridge: how many video streams it wants at most.
    LastNChangedEvent(LastNChangedEvent),
    /// Client to bridge, and between bridges: what a source shows.
    SourceVideoTypeMessage(SourceVideoTypeMessage),
    /// Client to bridge, old form: what its only video source shows.
    VideoTypeMessage(VideoTypeMessage),
    /// Client to bridge: what it wants to hear.
    ReceiverAudioSubscription(ReceiverAudioSubscription),
    /// Anybody to anybody, through the bridge.
    EndpointMessage(EndpointMessage),
    /// A client's statistics, to those who want them.
    EndpointStats(EndpointStats),
    /// Bridge to client: who speaks.
    DominantSpeakerEndpointChangeEvent(DominantSpeaker),
    /// Bridge to client, and between bridges: whether packets of an endpoint arrive.
    EndpointConnectivityStatusChangeEvent(ConnectivityStatus),
    /// Bridge to client: video sources that it is sent.
    ForwardedSources(ForwardedSources),
    /// Bridge to client: SSRCs of video sources.
    VideoSourcesMap(VideoSourcesMap),
    /// Bridge to client: SSRCs of audio sources.
    AudioSourcesMap(AudioSourcesMap),
    /// Bridge to client: the largest picture of a source that anybody wants.
    SenderSourceConstraints(SenderSourceConstraints),
    /// Bridge to client: statistics of the connection.
    ConnectionStats(ConnectionStats),
    /// Bridge to client, and between bridges: a synthetic source starts or stops.
    SyntheticSourceSendingChangeEvent(SyntheticSourceSending),
    /// Bridge to bridge: wants a source.
    AddReceiver(AddReceiver),
    /// Bridge to bridge: obsolete and ignored.
    RemoveReceiver(RemoveReceiver),
}

impl Message {
    /// The message as JSON text.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("maps with string keys always serialise")
    }
}

/// See [`Message::ServerHello`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerHello {
    /// Version of the bridge, where it tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// See [`Message::LastNChangedEvent`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LastNChangedEvent {
    /// The largest number of video streams; −1: no limit.
    #[serde(deserialize_with = "lenient::plain_number")]
    pub last_n: i32,
}

/// See [`Message::VideoTypeMessage`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VideoTypeMessage {
    /// What it shows.
    pub video_type: ChannelVideoType,
}

/// See [`Message::DominantSpeakerEndpointChangeEvent`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DominantSpeaker {
    /// Endpoint that speaks.
    pub dominant_speaker_endpoint: String,
    /// Endpoints that spoke before, the last one first; at most 10.
    #[serde(default, deserialize_with = "lenient::list")]
    pub previous_speakers: Vec<String>,
    /// Nobody speaks; the endpoint is the last one that did.
    #[serde(default, deserialize_with = "lenient::flag")]
    pub silence: bool,
}

/// See [`Message::EndpointConnectivityStatusChangeEvent`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectivityStatus {
    /// Id of the endpoint whose statistics these are.
    pub endpoint: String,
    /// Whether its packets arrive. On the wire this is the text `true` or `false`.
    #[serde(serialize_with = "text_flag", deserialize_with = "lenient::flag")]
    pub active: bool,
}

/// See [`Message::ConnectionStats`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConnectionStats {
    /// Estimated bandwidth towards the client in bit/s.
    pub estimated_downlink_bandwidth: i64,
}

/// See [`Message::SyntheticSourceSendingChangeEvent`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SyntheticSourceSending {
    /// `ENDPOINT-v0`, as in Jingle.
    pub source_name: String,
    /// Whether it sends.
    #[serde(deserialize_with = "lenient::flag")]
    pub sending: bool,
    /// RTP time stamp of the change.
    #[serde(
        default,
        deserialize_with = "lenient::optional_plain_number",
        skip_serializing_if = "Option::is_none"
    )]
    pub timestamp: Option<i64>,
}

/// See [`Message::AddReceiver`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AddReceiver {
    /// Relay id of the asking bridge.
    pub bridge_id: String,
    /// Source that it wants.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_name: Option<String>,
    /// How large.
    pub video_constraints: VideoConstraints,
}

/// See [`Message::RemoveReceiver`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RemoveReceiver {
    /// Relay id of the asking bridge.
    pub bridge_id: String,
    /// Endpoint that it no longer wants.
    pub endpoint_id: String,
}

/// As text: so stock clients expect it.
#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature that serde asks for"
)]
fn text_flag<S: Serializer>(value: &bool, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(if *value { "true" } else { "false" })
}
