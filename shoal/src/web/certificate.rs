//! The certificate of the origin: the one that the user names, or a
//! self-signed one made at first start and kept.

use std::fs;
use std::io::Write;
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use base64::Engine;
use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest, Sha256};

use super::config::Tls;
use super::{Config, Scheme};

/// Decides how the origin is served, making a certificate where one is needed
/// and none is named.
pub(crate) fn scheme(config: &Config) -> anyhow::Result<Scheme> {
    if config.tls == Tls::Off {
        if config.certificate.is_some() || config.key.is_some() {
            bail!(
                "web.tls is `off`, and web.certificate or web.key is set: remove one or the other"
            );
        }
        return Ok(Scheme::Http);
    }
    let chosen = config.certificate.is_some();
    let (certificate, key) = match (&config.certificate, &config.key) {
        (Some(certificate), Some(key)) => (certificate.clone(), key.clone()),
        (None, None) if config.listen.ip().is_loopback() => return Ok(Scheme::Http),
        (None, None) => self_signed(&config.state, config.listen.ip())?,
        (Some(_), None) => {
            bail!("web.certificate is set but web.key is not: name the PEM file of its private key")
        }
        (None, Some(_)) => bail!(
            "web.key is set but web.certificate is not: name the PEM file of the certificate chain"
        ),
    };
    let tls = tls(&certificate, &key).with_context(|| {
        format!(
            "cannot use the certificate {} with the key {}",
            certificate.display(),
            key.display()
        )
    })?;
    Ok(Scheme::Https {
        tls: Arc::new(tls),
        chosen,
    })
}

fn tls(certificate: &Path, key: &Path) -> anyhow::Result<ServerConfig> {
    let chain = CertificateDer::pem_file_iter(certificate)?.collect::<Result<Vec<_>, _>>()?;
    let key = PrivateKeyDer::from_pem_file(key)?;
    let mut config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// Paths of the kept self-signed certificate and its key, made when absent.
fn self_signed(state: &Path, listen: IpAddr) -> anyhow::Result<(PathBuf, PathBuf)> {
    let certificate = state.join("self-signed.crt");
    let key = state.join("self-signed.key");
    let made = !(certificate.exists() && key.exists());
    if made {
        fs::create_dir_all(state)
            .with_context(|| format!("cannot create the folder {} (web.state)", state.display()))?;
        let mut names = vec![
            "localhost".to_owned(),
            "127.0.0.1".to_owned(),
            "::1".to_owned(),
        ];
        if !listen.is_unspecified() {
            names.push(listen.to_string());
        }
        let pair = rcgen::generate_simple_self_signed(names)
            .context("cannot make a self-signed certificate")?;
        write(&certificate, 0o644, &pair.cert.pem())?;
        write(&key, 0o600, &pair.signing_key.serialize_pem())?;
    }
    tracing::warn!(
        certificate = %certificate.display(),
        sha256 = %fingerprint(&certificate)?,
        "{} self-signed certificate: browsers will warn about it once. \
         Name your own with web.certificate and web.key.",
        if made { "made a" } else { "using the" }
    );
    Ok((certificate, key))
}

fn write(path: &Path, mode: u32, text: &str) -> anyhow::Result<()> {
    fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .with_context(|| format!("cannot write {}", path.display()))
}

fn fingerprint(certificate: &Path) -> anyhow::Result<String> {
    let der = CertificateDer::from_pem_file(certificate)
        .with_context(|| format!("{} holds no PEM certificate", certificate.display()))?;
    Ok(base64::engine::general_purpose::STANDARD.encode(Sha256::digest(&der)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn loopback_is_served_in_clear() {
        let scheme = scheme(&Config::default()).unwrap();
        assert_eq!(scheme.name(), "http");
    }

    #[test]
    fn where_tls_ends_in_front_any_address_is_served_in_clear() {
        let config = Config {
            listen: "[::]:8080".parse().unwrap(),
            tls: Tls::Off,
            ..Config::default()
        };
        assert_eq!(scheme(&config).unwrap().name(), "http");
        let contradiction = Config {
            certificate: Some("x.pem".into()),
            ..config
        };
        let error = scheme(&contradiction).err().unwrap().to_string();
        assert!(error.contains("web.tls"), "{error}");
    }

    #[test]
    fn any_other_address_gets_a_certificate_that_is_kept() {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let state = std::env::temp_dir().join(format!("shoal-certificate-{}", std::process::id()));
        let config = Config {
            listen: "0.0.0.0:8443".parse().unwrap(),
            state: state.clone(),
            ..Config::default()
        };
        assert_eq!(scheme(&config).unwrap().name(), "https");
        let first = fs::read(state.join("self-signed.crt")).unwrap();
        assert_eq!(scheme(&config).unwrap().name(), "https");
        assert_eq!(fs::read(state.join("self-signed.crt")).unwrap(), first);
        fs::remove_dir_all(state).unwrap();
    }

    #[test]
    fn a_certificate_without_its_key_is_refused_by_name() {
        let config = Config {
            certificate: Some("x.pem".into()),
            ..Config::default()
        };
        let error = scheme(&config).err().unwrap().to_string();
        assert!(error.contains("web.key"), "{error}");
    }
}
