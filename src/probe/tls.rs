//! The certificate authorities that TLS connections trust: those of a PEM file, or of the system. It also
//! tells refusals of TLS from other errors.

use std::{error::Error, io, path::Path, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore,
    client::ResolvesClientCert,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    sign::{CertifiedKey, SingleCertAndKey},
};

/// Why the certificate authorities cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The PEM file cannot be read.
    #[error("`{path}` cannot be read: {source}")]
    Read {
        /// The file.
        path: String,
        /// Why it cannot be read.
        source: std::io::Error,
    },
    /// The PEM file has no certificate that can be used.
    #[error("`{path}` has no usable certificate ({reason}); it must hold PEM certificates of authorities")]
    Pem {
        /// The file.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The system has no store of authorities.
    #[error("this system has no certificate authorities ({0}); install them, or name a PEM file")]
    NoSystemRoots(String),
    /// The TLS library refuses its own defaults, which is a bug.
    #[error("TLS cannot be set up: {0}")]
    Setup(#[from] rustls::Error),
}

/// The certificate for a server that asks for one; cheap to clone.
#[derive(Clone)]
pub struct Identity(Arc<dyn ResolvesClientCert>);

impl Identity {
    /// Reads a chain of certificates, our own first, and its private key from PEM files.
    ///
    /// # Errors
    /// See [`TrustError`].
    pub fn from_pem(certificates: &Path, key: &Path) -> Result<Self, TrustError> {
        let unusable =
            |path: &Path, reason: String| TrustError::Pem { path: path.display().to_string(), reason };
        let chain = CertificateDer::pem_slice_iter(&read(certificates)?).collect::<Result<Vec<_>, _>>();
        let chain = chain.map_err(|error| unusable(certificates, error.to_string()))?;
        let own =
            PrivateKeyDer::from_pem_slice(&read(key)?).map_err(|error| unusable(key, error.to_string()))?;
        let pair = CertifiedKey::from_der(chain, own, &rustls::crypto::ring::default_provider());
        let pair = pair
            .map_err(|error| unusable(certificates, format!("with the key `{}`: {error}", key.display())))?;
        Ok(Self(Arc::new(SingleCertAndKey::from(pair))))
    }
}

/// A client configuration (TLS 1.2 and 1.3, ALPN `http/1.1`) that trusts the authorities in `ca`, or without
/// `ca` those of the system (`SSL_CERT_FILE` and `SSL_CERT_DIR` are honoured).
///
/// # Errors
/// See [`TrustError`].
pub fn client_config(ca: Option<&Path>, identity: Option<Identity>) -> Result<Arc<ClientConfig>, TrustError> {
    let roots = match ca {
        Some(path) => from_pem(path)?,
        None => from_system()?,
    };
    // the provider is named, so that nothing depends on a default of the process
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots);
    let mut config = match identity {
        Some(Identity(identity)) => config.with_client_cert_resolver(identity),
        None => config.with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn from_pem(path: &Path) -> Result<RootCertStore, TrustError> {
    let pem = read(path)?;
    let unusable = |reason: String| TrustError::Pem { path: path.display().to_string(), reason };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|error| unusable(error.to_string()))?;
        roots.add(certificate).map_err(|error| unusable(error.to_string()))?;
    }
    if roots.is_empty() { Err(unusable("none found".into())) } else { Ok(roots) }
}

fn read(path: &Path) -> Result<Vec<u8>, TrustError> {
    std::fs::read(path).map_err(|source| TrustError::Read { path: path.display().to_string(), source })
}

fn from_system() -> Result<RootCertStore, TrustError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (usable, _) = roots.add_parsable_certificates(found.certs);
    if usable == 0 {
        let reasons: Vec<String> = found.errors.iter().map(ToString::to_string).collect();
        let reason = if reasons.is_empty() { "none found".into() } else { reasons.join(", ") };
        return Err(TrustError::NoSystemRoots(reason));
    }
    Ok(roots)
}

/// Finds the TLS error in the chain of causes of an error.
#[must_use]
pub fn refusal<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let mut chain = std::iter::successors(Some(error), |error: &&'a (dyn Error + 'static)| (*error).source());
    // `source` of an I/O error skips the error that it wraps
    chain.find_map(|error| error.downcast_ref::<io::Error>()?.get_ref()?.downcast_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pem_file_must_hold_certificates() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = client_config(Some(file.path()), None).unwrap_err().to_string();
        assert!(error.contains("no usable certificate (none found)"), "{error}");
        std::fs::write(file.path(), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
            .unwrap();
        assert!(client_config(Some(file.path()), None).is_err());
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate =
            rcgen::CertificateParams::new(vec!["ca".into()]).unwrap().self_signed(&key).unwrap();
        std::fs::write(file.path(), certificate.pem()).unwrap();
        assert!(client_config(Some(file.path()), None).is_ok());
        let error = client_config(Some(Path::new("/nonexistent/ca.pem")), None).unwrap_err().to_string();
        assert!(error.contains("/nonexistent/ca.pem"), "{error}");
    }
}
