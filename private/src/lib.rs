//! Who may give orders to a part over its private HTTP interface: drain, shutdown, moves, Colibri2, debugging.
//!
//! A caller on this machine needs nothing: shell access is more than any order. Every other caller needs the token of the
//! part's token file, as `Authorization: Bearer TOKEN`; without such a file it is refused. What only tells of the part's
//! health and counters is not guarded: probes and Prometheus have no token.
//!
//! Layer: between axum and the parts' routes. Deliberately absent: users, rights, TLS (the network's matter).

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use parking_lot::Mutex;

/// Shortest token: 16 random letters cannot be guessed.
const MIN_TOKEN: usize = 16;
/// How long a token file is taken to be as it was read.
const FRESH: Duration = Duration::from_secs(1);
/// Between two log lines about callers that are refused.
const LOG_INTERVAL: Duration = Duration::from_secs(60);

/// Why a token file is of no use.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// It cannot be read.
    #[error("cannot read the token file {} ({error}); check its path and permissions", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// It has no token in it.
    #[error(
        "the token file {} has no line of at least {MIN_TOKEN} characters; write a random token, for example with \
         `openssl rand -hex 32`",
        .0.display()
    )]
    NoToken(PathBuf),
}

/// See the crate.
#[derive(Debug)]
pub struct Gate {
    file: Option<PathBuf>,
    state: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    tokens: Vec<Token>,
    read: Option<Instant>,
    refused: u64,
    logged: Option<Instant>,
}

/// Never printed.
#[derive(PartialEq, Eq)]
struct Token(String);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}

/// Why a caller may not give orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refused {
    /// There is no token that it could bring.
    Closed,
    /// It brought none, or a wrong one.
    NoToken,
}

impl Gate {
    /// With a file of tokens: each line is one, so that an old one and a new one may be valid side by side. It is read again
    /// when a token is brought.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn new(file: Option<PathBuf>) -> Result<Arc<Self>, TokenError> {
        let tokens = match &file {
            Some(path) => read(path)?,
            None => Vec::new(),
        };
        Ok(Arc::new(Self {
            file,
            state: Mutex::new(Known {
                tokens,
                ..Known::default()
            }),
        }))
    }

    /// The same routes for those only who may give orders.
    pub fn guard(self: &Arc<Self>, orders: Router) -> Router {
        orders.route_layer(from_fn_with_state(Arc::clone(self), check))
    }

    /// `peer`: where the connection comes from, when that is known.
    fn admit(
        &self,
        peer: Option<IpAddr>,
        headers: &HeaderMap,
        now: Instant,
    ) -> Result<(), Refused> {
        if peer.is_some_and(is_this_machine) && !is_forwarded(headers) {
            return Ok(());
        }
        let Some(path) = &self.file else {
            return Err(Refused::Closed);
        };
        let brought = headers.get(header::AUTHORIZATION);
        let brought = brought.and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
        let brought = brought.ok_or(Refused::NoToken)?;
        let mut known = self.state.lock();
        if known
            .read
            .is_none_or(|at| now.saturating_duration_since(at) >= FRESH)
        {
            known.read = Some(now);
            match read(path) {
                Ok(tokens) => known.tokens = tokens,
                Err(error) => tracing::warn!("{error}; the tokens of before stay valid"),
            }
        }
        // Every token is looked at to its end, so that time tells nothing of them.
        let matching = known.tokens.iter().filter(|token| same(&token.0, brought));
        if matching.count() == 0 {
            return Err(Refused::NoToken);
        }
        Ok(())
    }

    fn note_refused(&self, peer: Option<IpAddr>, path: &str, now: Instant) {
        let mut known = self.state.lock();
        known.refused += 1;
        if known
            .logged
            .is_none_or(|at| now.saturating_duration_since(at) >= LOG_INTERVAL)
        {
            known.logged = Some(now);
            let refused = std::mem::take(&mut known.refused);
            tracing::warn!(
                ?peer,
                ?path,
                refused,
                "callers without a valid token may not give orders over the private HTTP interface"
            );
        }
    }
}

/// Only the addresses by which programs call their own machine: a service mesh's sidecar calls from another of 127.0.0.0/8 on
/// behalf of the whole cluster.
fn is_this_machine(peer: IpAddr) -> bool {
    let peer = peer.to_canonical();
    peer == IpAddr::V4(Ipv4Addr::LOCALHOST) || peer == IpAddr::V6(Ipv6Addr::LOCALHOST)
}

/// A proxy on this machine speaks for somebody else.
fn is_forwarded(headers: &HeaderMap) -> bool {
    headers.contains_key("x-forwarded-for") || headers.contains_key(header::FORWARDED)
}

async fn check(State(gate): State<Arc<Gate>>, request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let peer = peer.map(|ConnectInfo(address)| address.ip());
    let now = Instant::now();
    let refused = match gate.admit(peer, request.headers(), now) {
        Ok(()) => return next.run(request).await,
        Err(refused) => refused,
    };
    gate.note_refused(peer, request.uri().path(), now);
    match refused {
        Refused::Closed => (
            StatusCode::FORBIDDEN,
            "this interface takes orders from its own machine only: set private_token_file to open it to others\n",
        )
            .into_response(),
        Refused::NoToken => (
            StatusCode::UNAUTHORIZED,
            [(header::WWW_AUTHENTICATE, "Bearer")],
            "bring the token of private_token_file as `Authorization: Bearer TOKEN`\n",
        )
            .into_response(),
    }
}

fn read(path: &Path) -> Result<Vec<Token>, TokenError> {
    let text = std::fs::read_to_string(path).map_err(|error| TokenError::Unreadable {
        path: path.to_owned(),
        error,
    })?;
    let lines = text.lines().map(str::trim);
    let tokens: Vec<_> = lines
        .filter(|line| line.len() >= MIN_TOKEN)
        .map(|line| Token(line.to_owned()))
        .collect();
    if tokens.is_empty() {
        return Err(TokenError::NoToken(path.to_owned()));
    }
    Ok(tokens)
}

/// Whether these are the same, in a time that depends on their lengths alone.
fn same(token: &str, brought: &[u8]) -> bool {
    let token = token.as_bytes();
    token.len() == brought.len()
        && token
            .iter()
            .zip(brought)
            .fold(0, |difference, (a, b)| difference | (a ^ b))
            == 0
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use axum::body::Body;
    use axum::routing::get;
    use tower::ServiceExt;

    const TOKEN: &str = "0123456789abcdef0123456789abcdef";

    struct Temporary(PathBuf);

    impl Temporary {
        fn new(name: &str, text: &str) -> Self {
            let name = format!("shoal-private-{}-{name}", std::process::id());
            let path = std::env::temp_dir().join(name);
            std::fs::write(&path, text).unwrap();
            Self(path)
        }
    }

    impl Drop for Temporary {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.0);
        }
    }

    async fn status(gate: &Arc<Gate>, peer: Option<&str>, head: &[(&str, &str)]) -> u16 {
        let open = Router::new().route("/about/health", get(|| async { "OK" }));
        let orders = Router::new().route("/order", get(|| async { "done" }));
        let router = open.merge(gate.guard(orders));
        let request = |path: &str| {
            let mut request = Request::builder().uri(path);
            for (name, value) in head {
                request = request.header(*name, *value);
            }
            let mut request = request.body(Body::empty()).unwrap();
            if let Some(peer) = peer {
                let peer: IpAddr = peer.parse().unwrap();
                let peer = ConnectInfo(SocketAddr::new(peer, 40_000));
                request.extensions_mut().insert(peer);
            }
            request
        };
        let health = router.clone().oneshot(request("/about/health")).await;
        assert_eq!(health.unwrap().status(), 200, "health is for everybody");
        let answer = router.oneshot(request("/order")).await.unwrap();
        answer.status().as_u16()
    }

    #[tokio::test]
    async fn only_this_machine_gives_orders_where_there_is_no_token() {
        let gate = Gate::new(None).unwrap();
        for (peer, expected) in [
            (Some("127.0.0.1"), 200),
            (Some("127.0.0.6"), 403),
            (Some("::1"), 200),
            (Some("::ffff:127.0.0.1"), 200),
            (Some("192.0.2.1"), 403),
            (Some("2001:db8::1"), 403),
            (None, 403),
        ] {
            assert_eq!(status(&gate, peer, &[]).await, expected, "{peer:?}");
        }
        let bearer = [("authorization", "Bearer ")];
        assert_eq!(status(&gate, Some("192.0.2.1"), &bearer).await, 403);
        for name in ["x-forwarded-for", "forwarded"] {
            let proxied = [(name, "for=192.0.2.1")];
            assert_eq!(status(&gate, Some("127.0.0.1"), &proxied).await, 403);
        }
    }

    #[tokio::test]
    async fn others_need_the_token() {
        let file = Temporary::new("token", &format!("{TOKEN}\n"));
        let gate = Gate::new(Some(file.0.clone())).unwrap();
        let short = format!("Bearer {}", &TOKEN[1..]);
        let wrong = format!("Bearer 1{}", &TOKEN[1..]);
        let right = format!("Bearer {TOKEN}");
        for (value, expected) in [
            (None, 401),
            (Some("Bearer "), 401),
            (Some(TOKEN), 401),
            (Some(&*short), 401),
            (Some(&*wrong), 401),
            (Some(&*right), 200),
        ] {
            let head: Vec<_> = value
                .map(|value| ("authorization", value))
                .into_iter()
                .collect();
            assert_eq!(
                status(&gate, Some("192.0.2.1"), &head).await,
                expected,
                "{value:?}"
            );
        }
        assert_eq!(status(&gate, Some("127.0.0.1"), &[]).await, 200);
    }

    #[test]
    fn a_token_that_is_changed_is_valid_at_once_and_one_that_is_gone_is_not() {
        let file = Temporary::new(
            "changed",
            &format!("{TOKEN}\nsecond-token-of-some-length\n"),
        );
        let gate = Gate::new(Some(file.0.clone())).unwrap();
        let peer = Some(IpAddr::from([192, 0, 2, 1]));
        let with = |token: &str| {
            let value = format!("Bearer {token}").parse().unwrap();
            HeaderMap::from_iter([(header::AUTHORIZATION, value)])
        };
        let start = Instant::now();
        assert_eq!(gate.admit(peer, &with(TOKEN), start), Ok(()));
        assert_eq!(
            gate.admit(peer, &with("second-token-of-some-length"), start),
            Ok(())
        );
        std::fs::write(&file.0, "third-token-of-some-length\n").unwrap();
        let later = start + FRESH;
        assert_eq!(
            gate.admit(peer, &with("third-token-of-some-length"), later),
            Ok(())
        );
        assert_eq!(gate.admit(peer, &with(TOKEN), later), Err(Refused::NoToken));
        std::fs::remove_file(&file.0).unwrap();
        let later = later + FRESH;
        assert_eq!(
            gate.admit(peer, &with("third-token-of-some-length"), later),
            Ok(())
        );
    }

    #[test]
    fn a_file_without_a_token_is_a_mistake_that_is_told() {
        let file = Temporary::new("short", "secret\n\n");
        let error = Gate::new(Some(file.0.clone())).unwrap_err();
        assert!(error.to_string().contains("at least 16"), "{error}");
        let error = Gate::new(Some("/nonexistent/token".into())).unwrap_err();
        assert!(error.to_string().contains("/nonexistent/token"), "{error}");
    }

    #[test]
    fn a_token_is_never_printed() {
        let file = Temporary::new("printed", &format!("{TOKEN}\n"));
        let gate = Gate::new(Some(file.0.clone())).unwrap();
        assert!(!format!("{gate:?}").contains(TOKEN));
    }
}
