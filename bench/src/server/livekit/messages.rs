//! The few messages of LiveKit's signalling that a client cannot do without, with the field numbers of its protocol.

/// `SignalRequest`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Request {
    #[prost(oneof = "request::Message", tags = "1, 2, 4, 14")]
    pub(super) message: Option<request::Message>,
}

pub(super) mod request {
    #[derive(Clone, PartialEq, prost::Oneof)]
    pub(in super::super) enum Message {
        #[prost(message, tag = "1")]
        Offer(super::SessionDescription),
        #[prost(message, tag = "2")]
        Answer(super::SessionDescription),
        #[prost(message, tag = "4")]
        AddTrack(super::AddTrack),
        #[prost(int64, tag = "14")]
        Ping(i64),
    }
}

/// `SignalResponse`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Response {
    #[prost(oneof = "response::Message", tags = "2, 3")]
    pub(super) message: Option<response::Message>,
}

pub(super) mod response {
    #[derive(Clone, PartialEq, prost::Oneof)]
    pub(in super::super) enum Message {
        #[prost(message, tag = "2")]
        Answer(super::SessionDescription),
        #[prost(message, tag = "3")]
        Offer(super::SessionDescription),
    }
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct SessionDescription {
    #[prost(string, tag = "1")]
    pub(super) kind: String,
    #[prost(string, tag = "2")]
    pub(super) sdp: String,
}

/// `AddTrackRequest`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct AddTrack {
    #[prost(string, tag = "1")]
    pub(super) cid: String,
    #[prost(string, tag = "2")]
    pub(super) name: String,
    /// AUDIO, VIDEO.
    #[prost(int32, tag = "3")]
    pub(super) kind: i32,
    #[prost(uint32, tag = "4")]
    pub(super) width: u32,
    #[prost(uint32, tag = "5")]
    pub(super) height: u32,
    #[prost(int32, tag = "8")]
    pub(super) source: i32,
}
