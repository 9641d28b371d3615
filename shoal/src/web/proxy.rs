//! The routes of the parts, when the parts are processes of their own.

use axum::Router;
use axum_reverse_proxy::ReverseProxy;

use super::Config;

/// Paths of the signalling part, as its own HTTP listener has them.
const SIGNALLING_PATHS: [&str; 3] = ["/xmpp-websocket", "/http-bind", "/_unlock"];

/// Routes that pass requests and WebSockets on to signalling, focus and
/// bridges, those that are configured, with the client's address in `X-Forwarded-For`.
pub(crate) fn router(config: &Config) -> Router {
    let mut router = Router::new();
    if let Some(signalling) = &config.signalling_url {
        router = pass(router, &SIGNALLING_PATHS, signalling);
    }
    if let Some(focus) = &config.focus_url {
        router = pass(router, &["/conference-request/v1"], focus);
    }
    for (server_id, base) in &config.bridges {
        let path = format!("/colibri-ws/{server_id}");
        let target = format!("{}{path}", base.trim_end_matches('/'));
        router = router.merge(Router::from(ReverseProxy::new(path, target)));
    }
    router
}

/// Passes paths on as they are, those of tenants (`/TENANT/…`) as well.
fn pass(router: Router, paths: &[&str], base: &str) -> Router {
    let proxy = ReverseProxy::new("", base.trim_end_matches('/'));
    paths.iter().fold(router, |router, path| {
        router
            .route_service(path, proxy.clone())
            .route_service(&format!("/{{tenant}}{path}"), proxy.clone())
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

    use axum::extract::Request;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    async fn serve(router: Router) -> std::net::SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        address
    }

    /// A part that answers with the path and query that it was asked for.
    async fn echo(name: &'static str) -> String {
        let answer =
            move |request: Request| async move { format!("{name} got {};", request.uri()) };
        format!("http://{}/", serve(Router::new().fallback(answer)).await)
    }

    #[tokio::test]
    async fn tenants_paths_reach_the_parts_with_the_tenant() {
        let config = Config {
            signalling_url: Some(echo("signalling").await),
            focus_url: Some(echo("focus").await),
            ..Config::default()
        };
        let front = serve(router(&config)).await;
        for (path, part) in [
            ("/xmpp-websocket?room=maths", "signalling"),
            ("/school/xmpp-websocket?room=maths", "signalling"),
            ("/school/http-bind?room=maths", "signalling"),
            ("/school/_unlock?room=maths", "signalling"),
            ("/conference-request/v1?room=maths", "focus"),
            ("/school/conference-request/v1?room=maths", "focus"),
        ] {
            let mut stream = TcpStream::connect(front).await.unwrap();
            let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            assert!(answer.contains(&format!("{part} got {path};")), "{answer}");
        }
    }
}
