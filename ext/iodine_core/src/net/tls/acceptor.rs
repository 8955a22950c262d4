//! Certificates and rules as an acceptor, which can be given others while it is in use.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::danger::ClientCertVerifier;
use tokio_rustls::rustls::server::{NoServerSessionStorage, ProducesTickets, WebPkiClientVerifier};
use tokio_rustls::rustls::{self, RootCertStore, ServerConfig};

/// What may be spoken inside (RFC 7301).
const PROTOCOLS: [&[u8]; 2] = [b"http/1.1", b"http/1.0"];

/// What a key may be that is to sign for a server.
const KEYS: &str = "ring takes RSA keys of 2048 to 4096 bits, of ECDSA those on P-256 and P-384, and Ed25519";

/// Bytes of a session that a ticket may have, at least.
const TICKET: usize = 512;

/// What an acceptor is made of.
#[derive(Clone)]
pub struct TlsSettings {
    /// The server's certificate and those between it and a root, in PEM.
    pub certificates: Vec<u8>,
    /// The key of the first of them, in PEM, not encrypted.
    pub key: Vec<u8>,
    /// Whether clients have to show a certificate.
    pub clients: ClientVerification,
    /// OpenSSL's names of the cipher suites of TLS 1.3 that may be used; `None` = all.
    pub ciphersuites: Option<Vec<String>>,
    /// Whether a client that comes again may skip a part of the handshake.
    pub resumption: bool,
}

/// Whether clients have to show a certificate.
#[derive(Debug, Clone)]
pub enum ClientVerification {
    /// They are not asked.
    None,
    /// One that is shown has to come from these authorities (PEM).
    Optional(Vec<u8>),
    /// One has to be shown, and come from these authorities (PEM).
    Required(Vec<u8>),
}

/// Why there is no acceptor: what is wrong with which part.
#[derive(Debug)]
pub struct TlsError(pub(super) String);

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for TlsError {}

/// Accepts TLS connections. Made before a fork it makes resumption work in all processes: the tickets of one are good
/// in the others.
#[derive(Debug)]
pub struct Acceptor {
    tickets: Arc<dyn ProducesTickets>,
    config: RwLock<Arc<ServerConfig>>,
}

impl Acceptor {
    /// # Errors
    /// When the certificate, the key or a name cannot be used.
    pub fn new(settings: &TlsSettings) -> Result<Acceptor, TlsError> {
        let tickets = ring::Ticketer::new().map_err(|error| TlsError(format!("session tickets: {error}")))?;
        // rustls takes no ticket that is longer than those it has made: this stands for one of another process.
        let _ = tickets.encrypt(&[0; TICKET]);
        let config = config(settings, &tickets)?;
        Ok(Acceptor { tickets, config: RwLock::new(config) })
    }

    /// Handshakes that begin from now on follow these settings; connections stay as they are.
    ///
    /// # Errors
    /// As [`Acceptor::new`], and then nothing changes.
    pub fn reload(&self, settings: &TlsSettings) -> Result<(), TlsError> {
        let config = config(settings, &self.tickets)?;
        *self.config.write().unwrap_or_else(PoisonError::into_inner) = config;
        Ok(())
    }

    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        self.config.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn config(settings: &TlsSettings, tickets: &Arc<dyn ProducesTickets>) -> Result<Arc<ServerConfig>, TlsError> {
    let provider = Arc::new(provider(settings.ciphersuites.as_deref())?);
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| TlsError(format!("ssl_ciphersuites: {error}")))?;
    let builder = match verifier(&settings.clients, &provider)? {
        Some(verifier) => builder.with_client_cert_verifier(verifier),
        None => builder.with_no_client_auth(),
    };
    let chain = certificates("cert", &settings.certificates)?;
    let mut config = builder.with_single_cert(chain, key(&settings.key)?).map_err(|error| match error {
        rustls::Error::General(_) => TlsError(format!("key: {KEYS}")),
        rustls::Error::InconsistentKeys(_) => {
            TlsError("cert and key: the key is not that of the (first) certificate".into())
        }
        error => TlsError(format!("cert and key: {error}")),
    })?;
    config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).into();
    config.session_storage = Arc::new(NoServerSessionStorage {});
    // A session that is resumed is not verified again: it would outlive a change of the authorities.
    if settings.resumption && matches!(settings.clients, ClientVerification::None) {
        config.ticketer = tickets.clone();
    } else {
        config.send_tls13_tickets = 0;
    }
    Ok(Arc::new(config))
}

/// rustls' own choice, without the suites of TLS 1.3 that were not named.
fn provider(names: Option<&[String]>) -> Result<CryptoProvider, TlsError> {
    let mut provider = ring::default_provider();
    let Some(names) = names else { return Ok(provider) };
    let known: Vec<_> = provider
        .cipher_suites
        .iter()
        .filter(|suite| suite.tls13().is_some())
        .map(|suite| openssl_name(*suite))
        .collect();
    if let Some(unknown) = names.iter().find(|name| !known.contains(name)) {
        return Err(TlsError(format!("ssl_ciphersuites: unknown suite {unknown}; known: {}", known.join(", "))));
    }
    provider.cipher_suites.retain(|suite| suite.tls13().is_none() || names.contains(&openssl_name(*suite)));
    Ok(provider)
}

/// `TLS_AES_256_GCM_SHA384`, which rustls calls `TLS13_AES_256_GCM_SHA384`.
fn openssl_name(suite: rustls::SupportedCipherSuite) -> String {
    format!("{:?}", suite.suite()).replacen("TLS13_", "TLS_", 1)
}

fn verifier(
    clients: &ClientVerification,
    provider: &Arc<CryptoProvider>,
) -> Result<Option<Arc<dyn ClientCertVerifier>>, TlsError> {
    let (authorities, required) = match clients {
        ClientVerification::None => return Ok(None),
        ClientVerification::Optional(authorities) => (authorities, false),
        ClientVerification::Required(authorities) => (authorities, true),
    };
    let mut roots = RootCertStore::empty();
    for authority in certificates("ca", authorities)? {
        roots.add(authority).map_err(|error| TlsError(format!("ca: {error}")))?;
    }
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone());
    let builder = if required { builder } else { builder.allow_unauthenticated() };
    builder.build().map(Some).map_err(|error| TlsError(format!("ca: {error}")))
}

fn certificates(what: &str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match chain {
        Ok(chain) if chain.is_empty() => Err(TlsError(format!("{what}: there is no certificate in PEM form"))),
        Ok(chain) => Ok(chain),
        Err(error) => Err(TlsError(format!("{what}: {}", unreadable("certificate", &error)))),
    }
}

/// The older form of encryption keeps the marks of a plain key (RFC 1421 §4.6.1.1).
fn key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, TlsError> {
    let is_encrypted = pem.windows(b"ENCRYPTED".len()).any(|window| window == b"ENCRYPTED");
    PrivateKeyDer::from_pem_slice(pem).map_err(|error| match error {
        pem::Error::NoItemsFound | pem::Error::Base64Decode(_) if is_encrypted => {
            TlsError("key: it is encrypted; key_password_command prints its password".into())
        }
        error => TlsError(format!("key: {}", unreadable("key", &error))),
    })
}

/// In words that show nothing of the file.
fn unreadable(what: &str, error: &pem::Error) -> String {
    match error {
        pem::Error::NoItemsFound => format!("there is no {what} in PEM form"),
        pem::Error::MissingSectionEnd { end_marker } => {
            format!("the line -----END {}----- is missing", String::from_utf8_lossy(end_marker))
        }
        pem::Error::Base64Decode(_) => "what is between its marks is no base64".into(),
        _ => "a mark of its PEM form is malformed".into(),
    }
}
