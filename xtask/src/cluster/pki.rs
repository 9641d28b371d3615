//! The cluster's certificates, keys and kubeconfigs: made at each boot, worth nothing after it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, date_time_ymd,
};
use serde_json::json;

use super::layout::write;
use super::node;

/// The address of the API server's Service, the first of the Service range.
const SERVICE_ADDRESS: &str = "10.96.0.1";

/// Writes everything for this many nodes into the folder.
pub(super) fn create(folder: &Path, nodes: u8) -> anyhow::Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
    let authority = Authority::new(folder, "ca")?;
    let front_proxy = Authority::new(folder, "front-proxy-ca")?;
    let accounts = KeyPair::generate()?;
    write(&folder.join("sa.key"), accounts.serialize_pem())?;
    write(&folder.join("sa.pub"), accounts.public_key_pem())?;

    let first = node::address(1);
    authority.issue(
        "apiserver",
        ("kube-apiserver", None),
        &[
            "kubernetes",
            "kubernetes.default",
            "kubernetes.default.svc",
            "kubernetes.default.svc.cluster.local",
            "localhost",
            "127.0.0.1",
            SERVICE_ADDRESS,
            &first,
        ],
    )?;
    const MASTERS: Option<&str> = Some("system:masters");
    authority.issue("apiserver-kubelet", ("apiserver-kubelet", MASTERS), &[])?;
    front_proxy.issue("front-proxy", ("front-proxy-client", None), &[])?;
    for (name, user, group) in [
        ("admin", "admin", MASTERS),
        ("controllers", "system:kube-controller-manager", None),
        ("scheduler", "system:kube-scheduler", None),
        ("proxy", "system:kube-proxy", None),
    ] {
        authority.issue(name, (user, group), &[])?;
        authority.kubeconfig(name)?;
    }
    for index in 1..=nodes {
        // One certificate is the kubelet's as a server and as a client.
        let name = node::name(index);
        authority.issue(
            &name,
            (&format!("system:node:{name}"), Some("system:nodes")),
            &[&name, &node::address(index)],
        )?;
        authority.kubeconfig(&name)?;
    }
    Ok(())
}

struct Authority {
    folder: PathBuf,
    name: &'static str,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    fn new(folder: &Path, name: &'static str) -> anyhow::Result<Self> {
        let mut params = params((name, None), &[])?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![
            KeyUsagePurpose::KeyCertSign,
            KeyUsagePurpose::CrlSign,
            KeyUsagePurpose::DigitalSignature,
        ];
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        write(&folder.join(format!("{name}.crt")), issuer.pem())?;
        write(
            &folder.join(format!("{name}.key")),
            issuer.key().serialize_pem(),
        )?;
        Ok(Self {
            folder: folder.to_path_buf(),
            name,
            issuer,
        })
    }

    /// A key and a certificate for a user (name, group) that is also good for a server with these names.
    fn issue(
        &self,
        file: &str,
        subject: (&str, Option<&str>),
        names: &[&str],
    ) -> anyhow::Result<()> {
        let mut params = params(subject, names)?;
        params.key_usages = vec![
            KeyUsagePurpose::DigitalSignature,
            KeyUsagePurpose::KeyEncipherment,
        ];
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        write(&self.path(file, "crt"), certificate.pem())?;
        write(&self.path(file, "key"), key.serialize_pem())
    }

    /// A kubeconfig that needs no other file.
    fn kubeconfig(&self, user: &str) -> anyhow::Result<()> {
        let encoded = |path: PathBuf| -> anyhow::Result<String> {
            let content =
                fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
            Ok(STANDARD.encode(content))
        };
        let config = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "shoal", "cluster": {
                "server": format!("https://{}:6443", node::address(1)),
                "certificate-authority-data": encoded(self.path(self.name, "crt"))?,
            }}],
            "users": [{"name": user, "user": {
                "client-certificate-data": encoded(self.path(user, "crt"))?,
                "client-key-data": encoded(self.path(user, "key"))?,
            }}],
            "contexts": [{"name": "shoal", "context": {"cluster": "shoal", "user": user}}],
            "current-context": "shoal",
        });
        write(
            &self.path(user, "kubeconfig"),
            serde_json::to_string_pretty(&config)?,
        )
    }

    fn path(&self, file: &str, kind: &str) -> PathBuf {
        self.folder.join(format!("{file}.{kind}"))
    }
}

fn params(
    (user, group): (&str, Option<&str>),
    names: &[&str],
) -> anyhow::Result<CertificateParams> {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, user);
    if let Some(group) = group {
        params
            .distinguished_name
            .push(DnType::OrganizationName, group);
    }
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2040, 1, 1);
    Ok(params)
}
