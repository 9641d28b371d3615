use super::support::{Web, config, inside, soon, start};
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::json;
use signalling::config::{AuthMode, KeySource, TokenConfig};
use std::time::{Duration, Instant};

/// An RSA key as a signer and as a JSON Web Key Set.
fn key() -> (EncodingKey, String) {
    let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let der: aws_lc_rs::encoding::Pkcs8V1Der<'_> = pair.as_der().unwrap();
    let pem = rustls_pem(der.as_ref());
    let public = pair.public_key();
    let number = |bytes: &[u8]| BASE64.encode(bytes);
    let set = json!({"keys": [{
        "kty": "RSA", "use": "sig", "alg": "RS256", "kid": "key-1",
        "n": number(public.modulus().big_endian_without_leading_zero()),
        "e": number(public.exponent().big_endian_without_leading_zero()),
    }]});
    (
        EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap(),
        set.to_string(),
    )
}

fn rustls_pem(der: &[u8]) -> String {
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let lines: Vec<&str> = text
        .as_bytes()
        .chunks(64)
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect();
    format!(
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
        lines.join("\n")
    )
}

#[tokio::test]
async fn keys_come_from_a_url_and_refusals_have_the_text_that_clients_look_for() {
    let (signer, set) = key();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let keys = axum::Router::new().route("/keys", axum::routing::get(move || async move { set }));
    tokio::spawn(async move { axum::serve(listener, keys).await });

    let mut config = config();
    config.auth.mode = AuthMode::Token;
    config.auth.token = Some(TokenConfig {
        keys: KeySource::JwksUrl(format!("http://{address}/keys")),
        ..TokenConfig::default()
    });
    let server = start(config).await;
    let claims = json!({"iss": "app", "aud": "jitsi", "sub": "*", "room": "*"});
    let header = Header {
        kid: Some("key-1".into()),
        ..Header::new(Algorithm::RS256)
    };
    let token = encode(&header, &claims, &signer).unwrap();
    let begin = Instant::now();
    let answer = loop {
        let mut web = Web::open(
            &server,
            &format!("/xmpp-websocket?room=maths&token={token}"),
        )
        .await;
        web.open_stream().await;
        web.send("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>")
            .await;
        let answer = web.next().await.unwrap();
        // The keys may be on their way.
        if answer.starts_with("<success") || begin.elapsed() > Duration::from_secs(5) {
            break answer;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert!(answer.starts_with("<success"), "{answer}");

    let mut web = soon(Web::open(
        &server,
        &format!("/xmpp-websocket?token={}x", &token[..token.len() - 5]),
    ))
    .await;
    web.open_stream().await;
    web.send("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>")
        .await;
    let answer = web.next().await.unwrap();
    assert_eq!(
        inside(&answer, "<not-allowed/><text>", "</text>"),
        "Invalid signature"
    );
}
