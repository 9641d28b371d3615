//! Estimation of the bandwidth to one receiver, at the sender: delay gradient, loss, acknowledged
//! bitrate, in the manner of Google Congestion Control (draft-ietf-rmcat-gcc-02).

mod estimator;

pub use estimator::{Config, Estimator};
