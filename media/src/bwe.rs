//! Estimation of the bandwidth to one receiver, at the sender: delay gradient, loss, acknowledged
//! bitrate and probes, in the manner of Google Congestion Control (draft-ietf-rmcat-gcc-02).
//!
//! [`Estimator`] joins the parts, each of which is a file: packets are grouped
//! ([`inter_arrival`]), the trend of their delay tells over- from underuse ([`trendline`]), which
//! steers the rate ([`aimd`]) around what arrives ([`acknowledged`]); loss bounds it ([`loss`]);
//! probes lift it ([`probe_control`], [`probe_result`]); what the application leaves unused is
//! known ([`application_limit`]).

mod acknowledged;
mod aimd;
mod application_limit;
mod estimator;
mod inter_arrival;
mod loss;
mod probe_control;
mod probe_result;
mod remote;
mod report_loss;
mod trendline;

#[cfg(test)]
mod simulation;

pub use estimator::{Config, Estimator};
pub use remote::RemoteEstimator;
