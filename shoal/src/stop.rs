//! The end of the process: Ctrl-C and SIGTERM.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// A token that fires at the first Ctrl-C or SIGTERM. The second one ends the
/// process at once.
pub(crate) fn on_signal() -> CancellationToken {
    let stop = CancellationToken::new();
    tokio::spawn({
        let stop = stop.clone();
        async move {
            next().await;
            tracing::info!("stopping; once more ends at once");
            stop.cancel();
            next().await;
            #[expect(
                clippy::disallowed_methods,
                reason = "who says it twice has waited for the rest"
            )]
            std::process::exit(130);
        }
    });
    stop
}

async fn next() {
    let (Ok(mut interrupt), Ok(mut terminate)) = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
    ) else {
        tracing::error!("cannot listen for signals: end the process with SIGKILL");
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}
