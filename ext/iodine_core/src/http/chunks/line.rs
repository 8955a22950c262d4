//! The two sorts of lines around the data of a chunked body, byte by byte.

use crate::http::head::octets;
use crate::http::refusal::Refusal;
use crate::settings::Limits;

/// Digits of a 64-bit number (RFC 9112 §7.1 wants an overflow noticed). Leading zeros count.
const DIGITS_MAX: usize = 16;

/// hyper counts the extensions of one body too and gives up at 16 KiB, whatever our limit says.
const EXTENSIONS_MAX: usize = 16 * 1024 - 1;

/// hyper's own limits for trailers, in lines and bytes. A trailer section beyond them has no honest sender.
const TRAILERS_MAX: usize = 100;
const TRAILER_BYTES_MAX: usize = 16 * 1024 - 1;

/// Reads `chunk-size [BWS chunk-ext] CRLF`.
#[derive(Debug, Clone)]
pub(super) struct Size {
    at: At,
    size: u64,
    digits: usize,
    /// Length of this line so far.
    line: usize,
    /// Bytes behind the sizes of all lines so far.
    extensions: usize,
    line_limit: usize,
    extensions_limit: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Digits,
    Space,
    Extension,
    Lf,
}

impl Size {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            at: At::Digits,
            size: 0,
            digits: 0,
            line: 0,
            extensions: 0,
            line_limit: limits.chunk_line,
            extensions_limit: limits.chunk_extensions.min(EXTENSIONS_MAX),
        }
    }

    /// Takes one byte; the chunk's size once the line is complete.
    pub(super) fn step(&mut self, byte: u8) -> Result<Option<u64>, Refusal> {
        self.line += 1;
        if self.line > self.line_limit {
            return Err(Refusal::over_limit("chunk-size line above its limit"));
        }
        match (self.at, byte) {
            (At::Lf, b'\n') => return Ok(Some(self.finish())),
            (At::Lf, _) => return Err(Refusal::bad_request("bare CR in a chunk-size line (RFC 9112 §7.1)")),
            (At::Digits, _) if byte.is_ascii_hexdigit() => self.push(byte)?,
            _ if self.digits == 0 => return Err(Refusal::bad_request("chunk without a size (RFC 9112 §7.1)")),
            (_, b'\r') => self.at = At::Lf,
            _ => self.count_extension(byte)?,
        }
        Ok(None)
    }

    fn push(&mut self, digit: u8) -> Result<(), Refusal> {
        if self.digits == DIGITS_MAX {
            return Err(Refusal::bad_request("chunk size overflows (RFC 9112 §7.1)"));
        }
        self.digits += 1;
        let value = char::from(digit).to_digit(16).unwrap_or_default();
        self.size = (self.size << 4) | u64::from(value);
        Ok(())
    }

    /// Extensions are skipped (RFC 9112 §7.1.1). Only their alphabet is judged, not their grammar: a quote that is never
    /// closed ends with the line, as it does for hyper.
    fn count_extension(&mut self, byte: u8) -> Result<(), Refusal> {
        self.at = match (self.at, byte) {
            (At::Extension, _) if octets::is_value(byte) => At::Extension,
            (At::Digits | At::Space, b' ' | b'\t') => At::Space,
            (At::Digits | At::Space, b';') => At::Extension,
            _ => return Err(Refusal::bad_request("malformed chunk-size line (RFC 9112 §7.1)")),
        };
        self.extensions += 1;
        if self.extensions > self.extensions_limit {
            return Err(Refusal::over_limit("chunk extensions above their limit"));
        }
        Ok(())
    }

    fn finish(&mut self) -> u64 {
        self.at = At::Digits;
        self.digits = 0;
        self.line = 0;
        std::mem::take(&mut self.size)
    }
}

/// Reads `*( field-line CRLF ) CRLF` behind the last chunk. Trailers are judged like the fields of a head and go nowhere:
/// merging them into it is a known hole (RFC 9110 §6.5.1).
#[derive(Debug, Clone)]
pub(super) struct Trailers {
    at: Within,
    bytes: usize,
    lines: usize,
    bytes_limit: usize,
    lines_limit: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Within {
    Start,
    Name,
    Value,
    Lf,
    LastLf,
}

impl Trailers {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            at: Within::Start,
            bytes: 0,
            lines: 0,
            bytes_limit: limits.head.min(TRAILER_BYTES_MAX),
            lines_limit: limits.header_count.min(TRAILERS_MAX),
        }
    }

    /// Takes one byte; `true` once the empty line is complete.
    pub(super) fn step(&mut self, byte: u8) -> Result<bool, Refusal> {
        self.bytes += 1;
        if self.bytes > self.bytes_limit || self.lines > self.lines_limit {
            return Err(Refusal::fields_too_large("trailers above the limit of a request head"));
        }
        self.at = match (self.at, byte) {
            (Within::Start, b'\r') => Within::LastLf,
            (Within::LastLf, b'\n') => return Ok(true),
            (Within::Start | Within::Name, _) if octets::is_token(byte) => Within::Name,
            (Within::Name, b':') => Within::Value,
            (Within::Value, b'\r') => Within::Lf,
            (Within::Value, _) if octets::is_value(byte) => Within::Value,
            (Within::Lf, b'\n') => {
                self.lines += 1;
                Within::Start
            }
            _ => return Err(Refusal::bad_request("malformed trailer (RFC 9112 §7.1.2)")),
        };
        Ok(false)
    }
}
