//! The rules a request head has to keep before hyper sees it. In come bytes from the socket, out goes a [`Head`] or a
//! [`Refusal`]. Pure functions, no allocation: [`scan`] finds the end, [`inspect`] judges.
//!
//! hyper parses the same bytes again, so these rules must never accept what hyper refuses; they refuse much that hyper
//! accepts, because it is a tokenizer and not an origin server.

mod fields;
mod framing;
pub(crate) mod octets;
mod request_line;
mod scan;

use std::ops::Range;

use self::fields::Fields;
use super::refusal::Refusal;
use super::target;
use crate::settings::Limits;

pub(crate) use self::framing::ABSURD;
pub use self::framing::Framing;
pub use self::scan::{Scan, scan};

/// What the configuration says about heads.
#[derive(Debug, Clone, Copy)]
pub struct Rules<'a> {
    /// How large the parts may be.
    pub limits: &'a Limits,
    /// Methods that are served; `None` = every method but CONNECT.
    pub methods: Option<&'a [String]>,
}

/// What the server has to know about an accepted head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// How the end of the body is found.
    pub framing: Framing,
    /// Number of field lines.
    pub fields: usize,
    /// `true` for HTTP/1.0.
    pub http10: bool,
    /// The client may wait for `100 Continue`; never set in HTTP/1.0 (RFC 9110 §10.1.1).
    pub expect_continue: bool,
    /// Where the target stands in the head, if hyper's `Uri` does not keep all of it: an absolute-form target, or one
    /// with a fragment. [`target::Target::split`] takes it apart.
    pub raw_target: Option<Range<usize>>,
    /// The connection must be closed behind the response: both Content-Length and Transfer-Encoding were there
    /// (RFC 9112 §6.1).
    pub close_after: bool,
}

/// Judges a complete head, as long as [`scan`] said.
///
/// # Errors
/// A [`Refusal`] for the first rule that is broken, in the order request line, fields line by line, fields together.
pub fn inspect(head: &[u8], rules: &Rules<'_>) -> Result<Head, Refusal> {
    let start = head.chunks(2).take_while(|&pair| pair == b"\r\n").count() * 2;
    // First, as where the head comes in pieces: the answer must not depend on these.
    let line = request_line::parse(&head[start..], rules.limits)?;
    if !octets::are_text(head) {
        return Err(Refusal::bad_request("control character in the request head (RFC 9110 §5.5)"));
    }
    check_method(line.method, rules)?;
    let target = target::check(line.target, line.method, rules.limits)?;
    let fields = Fields::parse(&head[start + line.len..], rules.limits)?;
    let mut judged = fields.conclude(line.http10, rules)?;
    if target.authority.is_some() || target.fragment.is_some() {
        let at = start + line.method.len() + " ".len();
        judged.raw_target = Some(at..at + line.target.len());
    }
    Ok(judged)
}

/// CONNECT is refused even if it is listed: its target is no resource, and hyper would take it for an upgrade.
fn check_method(method: &[u8], rules: &Rules<'_>) -> Result<(), Refusal> {
    let listed = rules.methods.is_none_or(|methods| methods.iter().any(|it| it.as_bytes() == method));
    if listed && method != b"CONNECT" {
        return Ok(());
    }
    Err(Refusal::not_implemented("method not supported (RFC 9110 §9.1)"))
}
