//! TLS of a client, by rustls with aws-lc-rs.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::TlsConnector;

use super::{ConnectError, TlsOptions};

/// Whose certificates a client believes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Trust {
    /// The public authorities.
    #[default]
    Public,
    /// The authorities of this PEM text, and its certificates themselves.
    Pem(Vec<u8>),
    /// Anybody: whoever is in between can listen.
    Anybody,
}

/// The settings of a client that believes so and speaks `protocol` (RFC 7301).
///
/// # Errors
/// When the PEM text has no certificate that can be used.
pub fn client_config(trust: &Trust, protocol: &[u8]) -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()?;
    let mut config = match trust {
        Trust::Public => builder
            .with_root_certificates(RootCertStore {
                roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
            })
            .with_no_client_auth(),
        Trust::Pem(pem) => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Named::new(pem, provider)?))
            .with_no_client_auth(),
        Trust::Anybody => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
            .with_no_client_auth(),
    };
    config.alpn_protocols = vec![protocol.to_vec()];
    Ok(config)
}

/// A connector for these options, and the name to verify.
pub(super) fn connector(
    options: &TlsOptions,
    domain: &str,
) -> Result<(TlsConnector, ServerName<'static>), ConnectError> {
    let settings = |error: String| ConnectError::Tls(error);
    let name = options.server_name.as_deref().unwrap_or(domain);
    let name = ServerName::try_from(name.to_owned())
        .map_err(|_| settings(format!("'{name}' is no name for a certificate")))?;
    let config = client_config(&trust(options)?, b"xmpp-client")
        .map_err(|error| settings(error.to_string()))?;
    Ok((TlsConnector::from(Arc::new(config)), name))
}

/// Whom the options name.
fn trust(options: &TlsOptions) -> Result<Trust, ConnectError> {
    if options.insecure {
        return Ok(Trust::Anybody);
    }
    match (&options.ca_pem, &options.ca_file) {
        (Some(pem), _) => Ok(Trust::Pem(pem.clone())),
        (None, Some(path)) => match std::fs::read(path) {
            Ok(pem) => Ok(Trust::Pem(pem)),
            Err(error) => Err(ConnectError::File {
                what: "authority certificates",
                path: path.display().to_string(),
                error,
            }),
        },
        (None, None) => Ok(Trust::Public),
    }
}

/// Accepts what the named certificates have signed, and the named certificates themselves: a
/// self-signed one often claims to be an authority, which no server's certificate may be
/// (RFC 5280 §4.2.1.9), and yet is the one that was meant.
#[derive(Debug)]
struct Named {
    certificates: Vec<CertificateDer<'static>>,
    chain: Arc<WebPkiServerVerifier>,
}

impl Named {
    fn new(pem: &[u8], provider: Arc<CryptoProvider>) -> Result<Self, rustls::Error> {
        let unusable =
            |error: String| rustls::Error::General(format!("authority certificates: {error}"));
        let certificates = CertificateDer::pem_slice_iter(pem)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| unusable(error.to_string()))?;
        let mut store = RootCertStore::empty();
        for certificate in &certificates {
            store
                .add(certificate.clone())
                .map_err(|error| unusable(error.to_string()))?;
        }
        let chain = WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider)
            .build()
            .map_err(|error| unusable(error.to_string()))?;
        Ok(Self {
            certificates,
            chain,
        })
    }
}

impl ServerCertVerifier for Named {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if self.certificates.contains(certificate) {
            return Ok(ServerCertVerified::assertion());
        }
        self.chain
            .verify_server_cert(certificate, intermediates, name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.chain
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.chain
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chain.supported_verify_schemes()
    }
}

/// Accepts any certificate, as [`Trust::Anybody`] asks.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
