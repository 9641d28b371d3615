//! The routes of the parts, when the parts are processes of their own.

use axum::Router;
use axum_reverse_proxy::ReverseProxy;

use super::Config;

/// Paths of the signalling part, as its own HTTP listener has them.
const SIGNALLING_PATHS: [&str; 3] = ["/xmpp-websocket", "/http-bind", "/_unlock"];

/// Routes that pass requests and WebSockets on to signalling, focus and the
/// configured bridges, with the client's address in `X-Forwarded-For`.
pub fn router(config: &Config) -> Router {
    let signalling = config.signalling_url.trim_end_matches('/');
    let focus = config.focus_url.trim_end_matches('/');
    let mut router = Router::new();
    for path in SIGNALLING_PATHS {
        router = router.merge(pass(path, format!("{signalling}{path}")));
    }
    let path = "/conference-request/v1";
    router = router.merge(pass(path, format!("{focus}{path}")));
    for (server_id, base) in &config.bridges {
        let path = format!("/colibri-ws/{server_id}");
        router = router.merge(pass(&path, format!("{}{path}", base.trim_end_matches('/'))));
    }
    router
}

fn pass(path: &str, target: String) -> Router {
    ReverseProxy::new(path, target).into()
}
