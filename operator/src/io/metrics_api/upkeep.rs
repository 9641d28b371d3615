//! Reads again, now and then, what the metrics API stands on: its certificate, and whom it may believe.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch as signal;

use super::certificates::Certificates;
use super::front_proxy::FrontProxy;
use super::tls::ShownCertificate;

/// How often.
const PERIOD: Duration = Duration::from_secs(20);
/// How often, until everything is there.
const RETRY: Duration = Duration::from_secs(2);

/// Keeps things true until dropped; `has_certificate` becomes true with the first certificate.
pub(crate) async fn run(
    certificates: Certificates,
    front_proxy: Arc<FrontProxy>,
    shown: Arc<ShownCertificate>,
    has_certificate: signal::Sender<bool>,
) {
    let mut told = [String::new(), String::new()];
    loop {
        let front_proxy = front_proxy.refresh().await.map_err(|it| it.to_string());
        let certificate = match certificates.keep().await {
            Ok(certificate) => {
                shown.set(certificate);
                has_certificate.send_replace(true);
                Ok(())
            }
            Err(error) => Err(error.to_string()),
        };
        let well = front_proxy.is_ok() && certificate.is_ok();
        for (result, told) in [front_proxy, certificate].into_iter().zip(&mut told) {
            let problem = result.err().unwrap_or_default();
            if problem != *told {
                match problem.as_str() {
                    "" => tracing::info!("the metrics API is whole again"),
                    problem => tracing::warn!(problem, "the metrics API: trying on"),
                }
                *told = problem;
            }
        }
        tokio::time::sleep(if well { PERIOD } else { RETRY }).await;
    }
}
