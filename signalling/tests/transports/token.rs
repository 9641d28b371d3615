use super::support::{Web, certificate, config, inside, soon, start};
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::json;
use signalling::Server;
use signalling::config::{AuthMode, KeySource, TokenConfig};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// An RSA key: what signs with it, the JSON Web Key Set with it, its public half in PEM.
struct Key {
    id: &'static str,
    signer: EncodingKey,
    set: String,
    public: String,
}

impl Key {
    /// A token for any room.
    fn token(&self) -> String {
        let claims =
            json!({"iss": "app", "aud": "jitsi", "sub": "*", "room": "*", "exp": u32::MAX});
        let header = Header {
            kid: Some(self.id.into()),
            ..Header::new(Algorithm::RS256)
        };
        encode(&header, &claims, &self.signer).unwrap()
    }
}

fn key(id: &'static str) -> Key {
    let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let der: aws_lc_rs::encoding::Pkcs8V1Der<'_> = pair.as_der().unwrap();
    let pem = pem("PRIVATE KEY", der.as_ref());
    let public = pair.public_key();
    let number = |bytes: &[u8]| BASE64.encode(bytes);
    let set = json!({"keys": [{
        "kty": "RSA", "use": "sig", "alg": "RS256", "kid": id,
        "n": number(public.modulus().big_endian_without_leading_zero()),
        "e": number(public.exponent().big_endian_without_leading_zero()),
    }]});
    let spki: aws_lc_rs::encoding::PublicKeyX509Der<'_> = public.as_der().unwrap();
    Key {
        id,
        signer: EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap(),
        set: set.to_string(),
        public: self::pem("PUBLIC KEY", spki.as_ref()),
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let lines: Vec<&str> = text
        .as_bytes()
        .chunks(64)
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect();
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        lines.join("\n")
    )
}

/// What the server says to a login with this token.
async fn log_in(server: &Server, token: &str) -> String {
    let path = format!("/xmpp-websocket?room=maths&token={token}");
    let mut web = Web::open(server, &path).await;
    web.open_stream().await;
    web.send("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>")
        .await;
    web.next().await.unwrap()
}

async fn server_with(token: TokenConfig) -> Server {
    let mut config = config();
    config.auth.mode = AuthMode::Token;
    config.auth.token = Some(token);
    start(config).await
}

#[tokio::test]
async fn a_key_that_the_url_has_by_now_is_fetched_when_a_token_names_it() {
    let (old, new) = (key("old"), key("new"));
    let served = Arc::new(Mutex::new(old.set.clone()));
    let asked = Arc::new(AtomicUsize::new(0));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (set, count) = (Arc::clone(&served), Arc::clone(&asked));
    let answer = move || async move {
        count.fetch_add(1, Ordering::Relaxed);
        set.lock().unwrap().clone()
    };
    let keys = axum::Router::new().route("/keys", axum::routing::get(answer));
    tokio::spawn(async move { axum::serve(listener, keys).await });
    let server = server_with(TokenConfig {
        keys: KeySource::JwksUrl(format!("http://{address}/keys")),
        ..TokenConfig::default()
    })
    .await;
    // The first login may come before the first answer, and waits for it.
    assert!(log_in(&server, &old.token()).await.starts_with("<success"));
    served.lock().unwrap().clone_from(&new.set);
    assert!(log_in(&server, &new.token()).await.starts_with("<success"));
    // A key that was there a moment ago is still good: its tokens are under way.
    assert!(log_in(&server, &old.token()).await.starts_with("<success"));
    assert!(asked.load(Ordering::Relaxed) <= 3);
    // Unknown keys cause no flood.
    let begin = asked.load(Ordering::Relaxed);
    let unknown = key("unknown").token();
    let logins = (0..20).map(|_| log_in(&server, &unknown));
    for answer in futures_util::future::join_all(logins).await {
        assert!(answer.contains("could not obtain public key"), "{answer}");
    }
    assert!(asked.load(Ordering::Relaxed) <= begin + 2);
}

#[tokio::test]
async fn a_changed_file_changes_what_is_accepted() {
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("token.secret");
    std::fs::write(&path, "one\n").unwrap();
    let server = server_with(TokenConfig {
        keys: KeySource::SecretFile(path.clone()),
        ..TokenConfig::default()
    })
    .await;
    let token = |secret: &str| {
        let claims =
            json!({"iss": "app", "aud": "jitsi", "sub": "*", "room": "*", "exp": u32::MAX});
        let key = EncodingKey::from_secret(secret.as_bytes());
        encode(&Header::new(Algorithm::HS256), &claims, &key).unwrap()
    };
    assert!(log_in(&server, &token("one")).await.starts_with("<success"));
    // What cannot be used changes nothing.
    std::fs::write(&path, "\n").unwrap();
    assert!(log_in(&server, &token("one")).await.starts_with("<success"));
    std::fs::write(&path, "two\n").unwrap();
    soon(async {
        while !log_in(&server, &token("two")).await.starts_with("<success") {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    let answer = log_in(&server, &token("one")).await;
    assert!(answer.contains("Invalid signature"), "{answer}");
}

/// Serves one text at one path over TLS.
async fn serve_over_tls(files: &signalling::config::TlsConfig, path: String, text: String) -> u16 {
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let chain = vec![CertificateDer::from_pem_file(&files.certificate).unwrap()];
    let private = PrivateKeyDer::from_pem_file(&files.key).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let Ok(mut socket) = acceptor.accept(socket).await else {
                continue;
            };
            let mut request = vec![0; 4096];
            let length = socket.read(&mut request).await.unwrap_or(0);
            let wanted = String::from_utf8_lossy(&request[..length]).into_owned();
            let found = wanted.starts_with(&format!("GET {path} "));
            let (status, body) = if found {
                ("200 OK", text.as_str())
            } else {
                ("404 Not Found", "")
            };
            let answer = format!(
                "HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            );
            let _ = socket.write_all(answer.as_bytes()).await;
            let _ = socket.shutdown().await;
        }
    });
    port
}

#[tokio::test]
async fn keys_come_from_a_key_server_of_a_private_authority() {
    let known = key("abc");
    let (files, _) = certificate("key-server");
    let hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let path = format!("/keys/{hash}.pem");
    let port = serve_over_tls(&files, path, known.public.clone()).await;
    let rules = TokenConfig {
        keys: KeySource::AsapKeyServer(format!("https://localhost:{port}/keys")),
        ca_file: Some(files.certificate.clone()),
        ..TokenConfig::default()
    };
    let server = server_with(rules.clone()).await;
    assert!(
        log_in(&server, &known.token())
            .await
            .starts_with("<success")
    );
    let answer = log_in(&server, &key("other").token()).await;
    assert!(answer.contains("could not obtain public key"), "{answer}");

    let public = TokenConfig {
        ca_file: None,
        ..rules
    };
    let distrusting = server_with(public).await;
    let answer = log_in(&distrusting, &known.token()).await;
    assert!(answer.contains("could not obtain public key"), "{answer}");
}

#[tokio::test]
async fn refusals_have_the_text_that_clients_look_for() {
    let key = key("key-1");
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("token.jwks");
    std::fs::write(&path, &key.set).unwrap();
    let server = server_with(TokenConfig {
        keys: KeySource::JwksFile(path),
        ..TokenConfig::default()
    })
    .await;
    let token = key.token();
    assert!(log_in(&server, &token).await.starts_with("<success"));
    let answer = log_in(&server, &format!("{}x", &token[..token.len() - 5])).await;
    assert_eq!(
        inside(&answer, "<not-allowed/><text>", "</text>"),
        "Invalid signature"
    );
}
