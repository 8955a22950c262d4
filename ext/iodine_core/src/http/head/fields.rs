//! The field lines of a head (RFC 9112 §5), and the few fields a server has to understand itself.

use memchr::memchr2;

use super::framing::{self, Framing};
use super::{Head, Rules, octets};
use crate::http::refusal::Refusal;
use crate::http::target::authority;
use crate::settings::Limits;

/// `http::HeaderMap` panics above 24,576 fields, hyper refuses names from 64 KiB on.
const FIELDS_MAX: usize = 24_000;
const NAME_MAX: usize = u16::MAX as usize - 1;

/// What the fields say about the message. Each is a singleton: a second one is refused (RFC 9110 §5.3).
#[derive(Default)]
pub(super) struct Fields {
    count: usize,
    host: bool,
    content_length: Option<u64>,
    chunked: bool,
    content_type: bool,
    authorization: bool,
    continues: bool,
    other_expectation: bool,
}

impl Fields {
    /// Reads field lines up to the empty line, which has to end `bytes`.
    pub(super) fn parse(mut bytes: &[u8], limits: &Limits) -> Result<Self, Refusal> {
        let mut fields = Self::default();
        while bytes != b"\r\n" {
            let line = Line::split(bytes)?;
            fields.count += 1;
            check_size(&line, fields.count, limits)?;
            fields.notice(line.name, line.value)?;
            bytes = line.rest;
        }
        Ok(fields)
    }

    /// Dispatches on the length first: most fields are none of ours, and no name is compared for them.
    fn notice(&mut self, name: &[u8], value: &[u8]) -> Result<(), Refusal> {
        match name.len() {
            4 if is(name, b"host") => self.notice_host(value),
            6 if is(name, b"expect") => {
                let known = value.eq_ignore_ascii_case(b"100-continue");
                self.continues |= known;
                self.other_expectation |= !known;
                Ok(())
            }
            12 if is(name, b"content-type") => once(&mut self.content_type, "two Content-Type fields (RFC 9110 §8.3)"),
            13 if is(name, b"authorization") => {
                once(&mut self.authorization, "two Authorization fields (RFC 9110 §11.6.2)")
            }
            14 if is(name, b"content-length") => self.notice_content_length(value),
            17 if is(name, b"transfer-encoding") => {
                once(&mut self.chunked, "two Transfer-Encoding fields (RFC 9112 §6.1)")?;
                framing::transfer_encoding(value)
            }
            // In CGI names `_` and `-` are the same: an app, or a hop that folds them, would see a second framing.
            14 if is(name, b"content_length") => Err(UNDERSCORE),
            17 if is(name, b"transfer_encoding") => Err(UNDERSCORE),
            _ => Ok(()),
        }
    }

    fn notice_host(&mut self, value: &[u8]) -> Result<(), Refusal> {
        once(&mut self.host, "two Host fields (RFC 9112 §3.2)")?;
        if authority::is_authority(value) {
            return Ok(());
        }
        Err(Refusal::bad_request("invalid Host field (RFC 9112 §3.2)"))
    }

    fn notice_content_length(&mut self, value: &[u8]) -> Result<(), Refusal> {
        let length = framing::content_length(value)?;
        match self.content_length.replace(length) {
            None => Ok(()),
            Some(_) => Err(Refusal::bad_request("two Content-Length fields (RFC 9112 §6.3)")),
        }
    }

    /// Judges the fields together, now that all are known.
    pub(super) fn conclude(self, http10: bool, rules: &Rules<'_>) -> Result<Head, Refusal> {
        if !self.host && !http10 {
            return Err(Refusal::bad_request("no Host field (RFC 9112 §3.2)"));
        }
        // A proxy that speaks 1.0 may have passed the field on without understanding it (RFC 9112 §6.1).
        if self.chunked && http10 {
            return Err(Refusal::bad_request("Transfer-Encoding in HTTP/1.0 (RFC 9112 §6.1)"));
        }
        // In HTTP/1.0 expectations are ignored (RFC 9110 §10.1.1).
        if self.other_expectation && !http10 {
            return Err(Refusal::expectation_failed("expectation other than 100-continue (RFC 9110 §10.1.1)"));
        }
        Ok(Head {
            framing: self.framing(rules.limits)?,
            fields: self.count,
            http10,
            expect_continue: self.continues && !http10,
            raw_target: None,
            close_after: self.chunked && self.content_length.is_some(),
        })
    }

    /// RFC 9112 §6.3: chunks overrule a length.
    fn framing(&self, limits: &Limits) -> Result<Framing, Refusal> {
        match (self.chunked, self.content_length) {
            (true, _) => Ok(Framing::Chunked),
            (false, None) => Ok(Framing::None),
            (false, Some(length)) if limits.content_length.is_some_and(|limit| length > limit) => {
                Err(Refusal::payload_too_large("Content-Length above its limit"))
            }
            (false, Some(length)) => Ok(Framing::Length(length)),
        }
    }
}

const UNDERSCORE: Refusal = Refusal::bad_request("framing field spelled with an underscore");

fn is(name: &[u8], lower_case: &[u8]) -> bool {
    name.eq_ignore_ascii_case(lower_case)
}

fn once(seen: &mut bool, why: &'static str) -> Result<(), Refusal> {
    if std::mem::replace(seen, true) {
        return Err(Refusal::bad_request(why));
    }
    Ok(())
}

/// `field-name ":" OWS field-value OWS CRLF` (RFC 9112 §5), and what follows it.
struct Line<'a> {
    name: &'a [u8],
    value: &'a [u8],
    rest: &'a [u8],
}

impl<'a> Line<'a> {
    /// `bytes` have been searched for control characters; what is left to find are CR and LF where they do not belong.
    fn split(bytes: &'a [u8]) -> Result<Self, Refusal> {
        let (name, rest) = bytes.split_at(octets::token_len(bytes));
        if name.is_empty() || rest.first() != Some(&b':') {
            return Err(malformed_name(name, rest));
        }
        let rest = &rest[1..];
        let (value, rest) = rest.split_at(memchr2(b'\r', b'\n', rest).unwrap_or(rest.len()));
        match rest {
            [b'\r', b'\n', b' ' | b'\t', ..] => Err(Refusal::bad_request("folded field (RFC 9112 §5.2)")),
            [b'\r', b'\n', rest @ ..] => Ok(Self { name, value: octets::trim(value), rest }),
            _ => Err(Refusal::bad_request("field line not ended by CRLF (RFC 9112 §2.2)")),
        }
    }
}

/// The three ways that deserve a name of their own in the log, and the others.
fn malformed_name(name: &[u8], rest: &[u8]) -> Refusal {
    match (name, rest.first()) {
        ([], Some(b' ' | b'\t')) => Refusal::bad_request("white space before the first field (RFC 9112 §2.2)"),
        ([], Some(b':')) => Refusal::bad_request("field without a name (RFC 9112 §5)"),
        (_, Some(b' ' | b'\t')) => Refusal::bad_request("white space in or behind a field name (RFC 9112 §5.1)"),
        _ => Refusal::bad_request("field name is not a token followed by a colon (RFC 9112 §5)"),
    }
}

fn check_size(line: &Line<'_>, count: usize, limits: &Limits) -> Result<(), Refusal> {
    if line.name.len() > limits.header_name.min(NAME_MAX) {
        return Err(Refusal::fields_too_large("field name above its limit"));
    }
    if line.value.len() > limits.header_value {
        return Err(Refusal::fields_too_large("field value above its limit"));
    }
    if count > limits.header_count.min(FIELDS_MAX) {
        return Err(Refusal::fields_too_large("more fields than allowed"));
    }
    Ok(())
}
