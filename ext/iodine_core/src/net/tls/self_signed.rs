//! A certificate for a developer's own machine.

use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair};
use time::{Duration, OffsetDateTime};

use super::TlsError;

/// How long it is valid. Browsers take no certificate that is valid for longer than this.
const VALID: Duration = Duration::days(397);

/// A certificate that is its own authority.
#[derive(Debug)]
pub struct SelfSigned {
    /// The certificate, in PEM.
    pub certificate: String,
    /// Its key, in PEM.
    pub key: String,
}

/// Makes a certificate for these host names and addresses.
///
/// # Errors
/// When a name is none, or the system gives no random numbers.
pub fn self_signed(names: Vec<String>) -> Result<SelfSigned, TlsError> {
    make(names).map_err(|error| TlsError(format!("a self-signed certificate: {error}")))
}

fn make(names: Vec<String>) -> Result<SelfSigned, rcgen::Error> {
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name.push(DnType::CommonName, "iodine-rs development");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let now = OffsetDateTime::now_utc();
    params.not_before = now - Duration::days(1);
    params.not_after = params.not_before + VALID;
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    Ok(SelfSigned { certificate: certificate.pem(), key: key.serialize_pem() })
}
