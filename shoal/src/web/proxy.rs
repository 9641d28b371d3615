//! The routes of the parts, when the parts are processes of their own.

use axum::Router;
use axum_reverse_proxy::ReverseProxy;

use super::Config;

/// Paths of the signalling part, as its own HTTP listener has them.
const SIGNALLING_PATHS: [&str; 3] = ["/xmpp-websocket", "/http-bind", "/_unlock"];

/// Routes that pass requests and WebSockets on to signalling, focus and
/// bridges, those that are configured, with the client's address in `X-Forwarded-For`.
pub fn router(config: &Config) -> Router {
    let mut router = Router::new();
    if let Some(signalling) = &config.signalling_url {
        for path in SIGNALLING_PATHS {
            let target = format!("{}{path}", signalling.trim_end_matches('/'));
            router = router.merge(pass(path, target));
        }
    }
    if let Some(focus) = &config.focus_url {
        let path = "/conference-request/v1";
        let target = format!("{}{path}", focus.trim_end_matches('/'));
        router = router.merge(pass(path, target));
    }
    for (server_id, base) in &config.bridges {
        let path = format!("/colibri-ws/{server_id}");
        router = router.merge(pass(&path, format!("{}{path}", base.trim_end_matches('/'))));
    }
    router
}

fn pass(path: &str, target: String) -> Router {
    ReverseProxy::new(path, target).into()
}
