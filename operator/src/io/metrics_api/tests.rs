//! The API over TLS, as the API server and strangers meet it.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use k8s_openapi::api::core::v1::Pod;
use kube::Client;
use parking_lot::Mutex;
use rcgen::{CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;

use super::access::Access;
use super::bridges::Bridges;
use super::certificates::Certificates;
use super::front_proxy::FrontProxy;
use super::server::{Api, serve};
use super::tls::{ShownCertificate, config, provider};

const HOST: &str = "shoal-metrics-api.shoal-system.svc";
const PODS: &str = "/apis/custom.metrics.k8s.io/v1beta2/namespaces/meet/pods";

/// As much of the Kubernetes API as the metrics API uses.
#[derive(Default)]
struct Cluster {
    config_map: Value,
    secrets: std::collections::BTreeMap<String, Value>,
    api_service: Value,
    reviews: usize,
    writes: Vec<String>,
}

fn merge(target: &mut Value, patch: &Value) {
    match patch {
        Value::Object(fields) => {
            for (key, value) in fields {
                if value.is_null() {
                    target.as_object_mut().and_then(|it| it.remove(key));
                } else {
                    merge(&mut target[key.as_str()], value);
                }
            }
        }
        other => *target = other.clone(),
    }
}

impl Cluster {
    fn handle(&mut self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let name = path.rsplit('/').next().unwrap().to_owned();
        match (method, path) {
            (
                "GET",
                "/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication",
            ) => (200, self.config_map.clone()),
            ("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews") => {
                self.reviews += 1;
                let allowed = body["spec"]["user"] == "autoscaler";
                let mut review = body.clone();
                review["status"] = json!({"allowed": allowed});
                (201, review)
            }
            ("GET", _) if path.contains("/secrets/") => (200, self.secrets[&name].clone()),
            ("PATCH", _) if path.contains("/secrets/") => {
                let secret = self.secrets.get_mut(&name).unwrap();
                if body["metadata"]["resourceVersion"] != secret["metadata"]["resourceVersion"] {
                    return (
                        409,
                        json!({"kind": "Status", "apiVersion": "v1", "code": 409, "reason": "Conflict", "status": "Failure", "message": ""}),
                    );
                }
                merge(secret, body);
                let version = self.writes.len() + 2;
                secret["metadata"]["resourceVersion"] = version.to_string().into();
                self.writes.push(name);
                (200, secret.clone())
            }
            (
                "GET",
                "/apis/apiregistration.k8s.io/v1/apiservices/v1beta2.custom.metrics.k8s.io",
            ) => (200, self.api_service.clone()),
            (
                "PATCH",
                "/apis/apiregistration.k8s.io/v1/apiservices/v1beta2.custom.metrics.k8s.io",
            ) => {
                merge(&mut self.api_service, body);
                self.writes.push("caBundle".into());
                (200, self.api_service.clone())
            }
            _ => panic!("{method} {path}"),
        }
    }
}

fn client(cluster: &Arc<Mutex<Cluster>>) -> Client {
    let cluster = cluster.clone();
    let service = tower::service_fn(move |request: Request<kube::client::Body>| {
        let cluster = cluster.clone();
        async move {
            let (parts, body) = request.into_parts();
            let body = body.collect_bytes().await?;
            let body = serde_json::from_slice(&body).unwrap_or_default();
            let (method, path) = (parts.method.as_str(), parts.uri.path());
            let (code, value) = cluster.lock().handle(method, path, &body);
            let mut response =
                Response::new(kube::client::Body::from(value.to_string().into_bytes()));
            *response.status_mut() = StatusCode::from_u16(code).unwrap();
            Ok::<_, kube::Error>(response)
        }
    });
    Client::new(service, "default")
}

struct Issuer(CertifiedIssuer<'static, KeyPair>);

impl Issuer {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn client(&self, name: &str) -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap();
        (certificate.der().clone(), key)
    }
}

/// The metrics API with its API server, and one bridge of which it has numbers.
struct Running {
    cluster: Arc<Mutex<Cluster>>,
    front_proxy: Arc<FrontProxy>,
    certificates: Certificates,
    shown: Arc<ShownCertificate>,
    issuer: Issuer,
    address: SocketAddr,
    server: tokio::task::JoinHandle<()>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn authentication(issuer: &Issuer) -> Value {
    json!({"metadata": {"name": "extension-apiserver-authentication"}, "data": {
        "requestheader-client-ca-file": issuer.0.pem(),
        "requestheader-allowed-names": "[\"front-proxy-client\"]",
        "requestheader-username-headers": "[\"X-Remote-User\"]",
        "requestheader-group-headers": "[\"X-Remote-Group\"]",
        "requestheader-extra-headers-prefix": "[\"X-Remote-Extra-\"]",
    }})
}

fn secret(name: &str) -> (String, Value) {
    let meta = json!({"name": name, "namespace": "shoal-system", "resourceVersion": "1"});
    (name.to_owned(), json!({"metadata": meta}))
}

impl Running {
    async fn start() -> Self {
        let issuer = Issuer::new();
        let cluster = Arc::new(Mutex::new(Cluster {
            config_map: authentication(&issuer),
            secrets: [
                secret("shoal-metrics-api-authority"),
                secret("shoal-metrics-api-certificate"),
            ]
            .into(),
            api_service: json!({"metadata": {"name": "v1beta2.custom.metrics.k8s.io"}, "spec": {
                "groupPriorityMinimum": 100, "versionPriority": 100,
                "service": {"namespace": "shoal-system", "name": "shoal-metrics-api"},
            }}),
            ..Cluster::default()
        }));
        let client = client(&cluster);
        let front_proxy = Arc::new(FrontProxy::new(client.clone()));
        front_proxy.refresh().await.unwrap();
        let certificates = Certificates::new(client.clone(), "shoal-system", "shoal-metrics-api");
        let shown = Arc::new(ShownCertificate::default());
        shown.set(certificates.keep().await.unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let api = Api {
            front_proxy: front_proxy.clone(),
            access: Access::new(client),
            bridges: Arc::new(bridges()),
            metrics: Arc::default(),
        };
        let server = tokio::spawn(serve(listener, config(shown.clone()), Arc::new(api)));
        Self {
            cluster,
            front_proxy,
            certificates,
            shown,
            issuer,
            address,
            server,
        }
    }

    /// Asks as the API server does: it trusts what the APIService says.
    async fn ask(
        &self,
        identity: Option<(CertificateDer<'static>, PrivateKeyDer<'static>)>,
        user: Option<&str>,
        path: &str,
    ) -> (u16, Value) {
        let bundle = self.cluster.lock().api_service["spec"]["caBundle"].clone();
        let bundle: k8s_openapi::ByteString = serde_json::from_value(bundle).unwrap();
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(&bundle.0) {
            roots.add(certificate.unwrap()).unwrap();
        }
        let builder = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        let config = match identity {
            Some((certificate, key)) => builder
                .with_client_auth_cert(vec![certificate], key)
                .unwrap(),
            None => builder.with_no_client_auth(),
        };
        let stream = TcpStream::connect(self.address).await.unwrap();
        let name = ServerName::try_from(HOST).unwrap();
        let connector = TlsConnector::from(Arc::new(config));
        let stream = connector.connect(name, stream).await.unwrap();
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .unwrap();
        let connection = tokio::spawn(connection);
        let mut request = Request::get(path).header("host", HOST);
        if let Some(user) = user {
            request = request.header("x-remote-user", user);
        }
        let request = request.body(Empty::<Bytes>::new()).unwrap();
        let response = sender.send_request(request).await.unwrap();
        let code = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        connection.abort();
        (code, serde_json::from_slice(&body).unwrap())
    }

    async fn ask_well(&self, path: &str) -> (u16, Value) {
        let proxy = self.issuer.client("front-proxy-client");
        self.ask(Some(proxy), Some("autoscaler"), path).await
    }
}

/// Bridge `p-bridge-0`, which carried 4,000 bytes in four seconds.
fn bridges() -> Bridges {
    let bridges = Bridges::default();
    let pod: Pod = serde_json::from_value(json!({
        "metadata": {"name": "p-bridge-0", "namespace": "meet", "labels": {"shoal.video/pool": "p"}},
    }))
    .unwrap();
    bridges.pods.set(pod);
    let now = std::time::Instant::now();
    for (ago, bytes) in [(4, 1_000), (0, 5_000)] {
        let stats =
            json!({"total_bytes_received": 0, "total_bytes_sent": bytes, "stress_level": 0.5});
        let at = now - Duration::from_secs(ago);
        bridges.hear(&("meet".into(), "p-bridge-0".into()), &stats, at);
    }
    bridges
}

#[tokio::test]
async fn the_front_proxy_reads_for_a_user_who_may() {
    let running = Running::start().await;
    let path =
        format!("{PODS}/*/bridge_network_bytes_per_second?labelSelector=shoal.video%2Fpool%3Dp");
    let (code, list) = running.ask_well(&path).await;
    assert_eq!(
        (code, &list["items"][0]["value"]),
        (200, &json!("1000")),
        "{list}"
    );
    let (code, list) = running
        .ask_well("/apis/custom.metrics.k8s.io/v1beta2")
        .await;
    assert_eq!((code, &list["kind"]), (200, &json!("APIResourceList")));
    let (code, status) = running.ask_well("/openapi/v2").await;
    assert_eq!((code, &status["kind"]), (404, &json!("Status")));
}

#[tokio::test]
async fn discovery_is_for_everybody_whom_the_front_proxy_knows() {
    let running = Running::start().await;
    for path in [
        "/apis",
        "/apis/custom.metrics.k8s.io",
        "/apis/custom.metrics.k8s.io/v1beta2",
    ] {
        let proxy = running.issuer.client("front-proxy-client");
        let (code, _) = running.ask(Some(proxy), Some("nobody"), path).await;
        assert_eq!(code, 200, "{path}");
    }
    assert_eq!(running.cluster.lock().reviews, 0);
}

#[tokio::test]
async fn an_answer_to_who_may_is_remembered() {
    let running = Running::start().await;
    let path = format!("{PODS}/p-bridge-0/bridge_stress");
    for _ in 0..3 {
        assert_eq!(running.ask_well(&path).await.0, 200);
    }
    assert_eq!(running.cluster.lock().reviews, 1);
}

#[tokio::test]
async fn strangers_and_users_who_may_not_are_told_so() {
    let running = Running::start().await;
    let path = format!("{PODS}/*/bridge_stress");
    let proxy = || Some(running.issuer.client("front-proxy-client"));
    let cases = [
        ("without a certificate", None, Some("autoscaler"), 401),
        (
            "with that of another authority",
            Some(Issuer::new().client("front-proxy-client")),
            Some("autoscaler"),
            401,
        ),
        (
            "with a name that is not allowed",
            Some(running.issuer.client("kubelet")),
            Some("autoscaler"),
            401,
        ),
        ("for nobody", proxy(), None, 401),
        ("for somebody who may not", proxy(), Some("jane"), 403),
    ];
    for (case, identity, user, expected) in cases {
        let (code, status) = running.ask(identity, user, &path).await;
        assert_eq!(code, expected, "{case}: {status}");
        assert_eq!(
            (&status["kind"], &status["code"]),
            (&json!("Status"), &json!(expected)),
            "{case}"
        );
        assert!(!status["message"].as_str().unwrap().is_empty(), "{case}");
    }
}

#[tokio::test]
async fn a_new_authority_of_the_front_proxy_is_taken_over_and_the_old_one_dropped() {
    let mut running = Running::start().await;
    let new = Issuer::new();
    let old = std::mem::replace(&mut running.issuer, new);
    running.cluster.lock().config_map = authentication(&running.issuer);
    running.front_proxy.refresh().await.unwrap();
    let path = format!("{PODS}/*/bridge_stress");
    assert_eq!(running.ask_well(&path).await.0, 200);
    let late = old.client("front-proxy-client");
    assert_eq!(
        running.ask(Some(late), Some("autoscaler"), &path).await.0,
        401
    );
}

#[tokio::test]
async fn without_an_authority_nobody_is_believed() {
    let running = Running::start().await;
    running.cluster.lock().config_map = json!({"metadata": {"name": "x"}, "data": {}});
    let error = running.front_proxy.refresh().await.unwrap_err().to_string();
    assert!(error.contains("--requestheader-client-ca-file"), "{error}");
    let (code, _) = running
        .ask_well("/apis/custom.metrics.k8s.io/v1beta2")
        .await;
    assert_eq!(code, 401);
}

#[tokio::test]
async fn replicas_share_the_certificate_and_a_second_look_writes_nothing() {
    let running = Running::start().await;
    let wrote = [
        "shoal-metrics-api-authority",
        "caBundle",
        "shoal-metrics-api-certificate",
    ];
    assert_eq!(running.cluster.lock().writes, wrote);
    let other = Certificates::new(
        client(&running.cluster),
        "shoal-system",
        "shoal-metrics-api",
    );
    let (mine, theirs) = (running.certificates.keep().await, other.keep().await);
    assert_eq!(mine.unwrap().cert, theirs.unwrap().cert);
    assert_eq!(running.cluster.lock().writes.len(), 3);
}

#[tokio::test]
async fn a_certificate_near_its_end_is_replaced_without_a_restart() {
    let running = Running::start().await;
    let before = running.certificates.keep().await.unwrap().cert.clone();
    {
        let mut cluster = running.cluster.lock();
        let secret = cluster
            .secrets
            .get_mut("shoal-metrics-api-certificate")
            .unwrap();
        // A third of its life is left.
        secret["metadata"]["annotations"]["shoal.video/not-before"] = "0".into();
        secret["metadata"]["annotations"]["shoal.video/not-after"] = "1000".into();
    }
    let after = running.certificates.keep().await.unwrap();
    assert_ne!(after.cert, before);
    running.shown.set(after);
    let (code, _) = running.ask_well("/apis").await;
    assert_eq!(code, 200, "the API server still trusts what it is shown");
}

#[tokio::test]
async fn the_api_service_of_another_program_is_left_alone() {
    let running = Running::start().await;
    running.cluster.lock().api_service["spec"]["service"]["name"] = "prometheus-adapter".into();
    let error = running.certificates.keep().await.unwrap_err().to_string();
    assert!(
        error.contains("prometheus-adapter") && error.contains("metricsApi="),
        "{error}"
    );
    assert_eq!(running.cluster.lock().writes.len(), 3);
}
