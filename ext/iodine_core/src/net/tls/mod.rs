//! TLS (RFC 8446, RFC 5246) by rustls: certificates become an acceptor, an acceptor makes connections.

mod acceptor;
mod engine;
mod self_signed;
mod stream;

pub use acceptor::{Acceptor, ClientVerification, TlsError, TlsSettings};
pub use engine::Engine;
pub use self_signed::{SelfSigned, self_signed};
pub(crate) use stream::{Ciphertext, Tls};
