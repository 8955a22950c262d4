//! What a request is turned away with. Every rule of this folder ends here; the gate writes the answer, the logger
//! chooses its words by [`Kind`].

use std::fmt;

use http::StatusCode;

/// Why a request is turned away: what the client is told, and what the log says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// The answer. The connection is closed behind it, always: after a broken request nobody knows where the next one
    /// would begin (RFC 9112 §9.6).
    pub status: StatusCode,
    /// A short phrase for the log, with the source of the rule: "two Host fields (RFC 9112 §3.2)".
    pub why: &'static str,
    /// The sort of refusal.
    pub kind: Kind,
}

/// Sorts of refusals, for whoever logs or counts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The bytes are not an acceptable HTTP/1.1 message.
    Syntax,
    /// A well-formed request has a part above one of the configured limits.
    Limit,
    /// A well-formed request asks for something this server does not do.
    Unsupported,
    /// The client speaks TLS on a port that does not.
    TlsOnPlainPort,
    /// The client did not finish its request in time.
    Timeout,
    /// The server has no room for the request now.
    Overload,
    /// The server could not take in what the client has sent.
    Failure,
    /// The client could not agree with the server on TLS: there is no request yet.
    Handshake,
}

impl Refusal {
    /// A refusal with any status.
    pub const fn new(status: StatusCode, kind: Kind, why: &'static str) -> Self {
        Self { status, why, kind }
    }

    /// 400: the message is malformed (RFC 9110 §15.5.1).
    pub const fn bad_request(why: &'static str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, Kind::Syntax, why)
    }

    /// 400, but for a size rather than a form; for the limits that have no status of their own.
    pub const fn over_limit(why: &'static str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, Kind::Limit, why)
    }

    /// 400 for a TLS hello on a plain port. The client cannot read it, but the operator's log can be told apart.
    pub const fn tls_on_plain_port() -> Self {
        Self::new(StatusCode::BAD_REQUEST, Kind::TlsOnPlainPort, "TLS handshake on a plain HTTP port")
    }

    /// 408: the request did not arrive in time (RFC 9110 §15.5.9).
    pub const fn timeout(why: &'static str) -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, Kind::Timeout, why)
    }

    /// 413: the body is, or will be, larger than allowed (RFC 9110 §15.5.14).
    pub const fn payload_too_large(why: &'static str) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, Kind::Limit, why)
    }

    /// 414: a part of the target is too long (RFC 9110 §15.5.15).
    pub const fn uri_too_long(why: &'static str) -> Self {
        Self::new(StatusCode::URI_TOO_LONG, Kind::Limit, why)
    }

    /// 417: an expectation other than `100-continue` (RFC 9110 §10.1.1).
    pub const fn expectation_failed(why: &'static str) -> Self {
        Self::new(StatusCode::EXPECTATION_FAILED, Kind::Unsupported, why)
    }

    /// 431: too many fields, or too large ones (RFC 6585 §5).
    pub const fn fields_too_large(why: &'static str) -> Self {
        Self::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, Kind::Limit, why)
    }

    /// 501: a method or a coding the server does not know (RFC 9110 §15.6.2).
    pub const fn not_implemented(why: &'static str) -> Self {
        Self::new(StatusCode::NOT_IMPLEMENTED, Kind::Unsupported, why)
    }

    /// 503: the server is full (RFC 9110 §15.6.4).
    pub const fn unavailable(why: &'static str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, Kind::Overload, why)
    }

    /// 505: a version of HTTP the server does not speak (RFC 9110 §15.6.6).
    pub const fn version_not_supported(why: &'static str) -> Self {
        Self::new(StatusCode::HTTP_VERSION_NOT_SUPPORTED, Kind::Unsupported, why)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.why)
    }
}

impl std::error::Error for Refusal {}
