//! From notes to words.

use std::fmt::Write;

use headers::authorization::Basic;
use headers::{Authorization, Header};
use http::header::{AUTHORIZATION, HOST, REFERER, USER_AGENT};
use http::{HeaderName, HeaderValue, Version};
use time::OffsetDateTime;

use super::Remote;
use super::format::{FORWARDED_FOR, Format, Part};
use super::record::{Facts, Outcome};
use crate::handoff::Peer;

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A line in the making.
pub(super) struct Line<'a> {
    pub(super) facts: &'a Facts,
    pub(super) remote: &'a Remote,
    pub(super) format: &'a Format,
}

impl Line<'_> {
    /// Appends one piece.
    pub(super) fn part(&self, part: &Part, out: &mut String) -> std::fmt::Result {
        let facts = self.facts;
        match part {
            Part::Text(text) => out.write_str(text),
            Part::Remote => write_word(out, &self.client()),
            Part::Peer => write_word(out, &peer(facts.peer)),
            Part::User => write_word(out, self.user().as_deref().unwrap_or("-").as_bytes()),
            Part::Time => out.write_str(&clock(self.begun())),
            Part::RequestLine => {
                write_word(out, facts.method.as_str().as_bytes())?;
                out.push(' ');
                write_word(out, &self.target())?;
                write!(out, " {}", protocol(facts.version))
            }
            Part::Method => write_word(out, facts.method.as_str().as_bytes()),
            Part::Path => write_word(out, self.path_and_query().0),
            Part::Query => match self.path_and_query().1 {
                Some(query) => {
                    out.push('?');
                    write_word(out, query)
                }
                None => Ok(()),
            },
            Part::Protocol => out.write_str(protocol(facts.version)),
            Part::Status => match facts.outcome {
                Outcome::Hijacked => out.write_str("HIJACKED"),
                outcome => write!(out, "{}", status(outcome)),
            },
            Part::Bytes { .. } if facts.outcome == Outcome::Hijacked => out.write_str("-1"),
            Part::Bytes { dash: true } if facts.bytes == 0 => out.write_str("-"),
            Part::Bytes { .. } => write!(out, "{}", facts.bytes),
            Part::Microseconds => write!(out, "{}", facts.duration.as_micros()),
            Part::Seconds => write!(out, "{:.4}", facts.duration.as_secs_f64()),
            Part::Host => write_word(out, self.field(&HOST).map_or(b"-", HeaderValue::as_bytes)),
            Part::Pid => write!(out, "{}", std::process::id()),
            Part::Field(name) => write_escaped(out, self.field(name).map_or(b"-", HeaderValue::as_bytes), false),
            Part::Json => self.json(out),
        }
    }

    fn json(&self, out: &mut String) -> std::fmt::Result {
        let facts = self.facts;
        let (path, query) = self.path_and_query();
        let begun = self.begun();
        write!(out, "{{\"time\":\"{}\"", iso(begun))?;
        write_member(out, "remote", Some(&self.client()))?;
        write_member(out, "user", self.user().as_deref().map(str::as_bytes))?;
        write_member(out, "method", Some(facts.method.as_str().as_bytes()))?;
        write_member(out, "host", self.field(&HOST).map(HeaderValue::as_bytes))?;
        write_member(out, "path", Some(path))?;
        write_member(out, "query", query)?;
        write_member(out, "protocol", Some(protocol(facts.version).as_bytes()))?;
        match facts.outcome {
            Outcome::Hijacked => write!(out, ",\"status\":null,\"hijacked\":true")?,
            outcome => write!(out, ",\"status\":{}", status(outcome))?,
        }
        write!(out, ",\"bytes\":{},\"duration\":{:.6}", facts.bytes, facts.duration.as_secs_f64())?;
        write_member(out, "referer", self.field(&REFERER).map(HeaderValue::as_bytes))?;
        write_member(out, "user_agent", self.field(&USER_AGENT).map(HeaderValue::as_bytes))?;
        write!(out, ",\"pid\":{}}}", std::process::id())
    }

    fn field(&self, name: &HeaderName) -> Option<&HeaderValue> {
        let at = self.format.fields().iter().position(|field| field == name)?;
        self.facts.fields.get(at)?.as_ref()
    }

    /// What the app has as `X-Forwarded-For`, else as `REMOTE_ADDR`. A list of proxies stays one word.
    fn client(&self) -> Vec<u8> {
        if let Some(value) = self.field(&FORWARDED_FOR).filter(|value| !value.is_empty()) {
            return value
                .as_bytes()
                .split(|byte| *byte == b',')
                .map(<[u8]>::trim_ascii)
                .collect::<Vec<_>>()
                .join(&b',');
        }
        match self.remote {
            Remote::Fixed(address) => address.clone().into_bytes(),
            Remote::Field(name) => {
                self.field(name).map_or_else(|| peer(self.facts.peer), |value| value.as_bytes().to_vec())
            }
            Remote::Socket => peer(self.facts.peer),
        }
    }

    /// Who the client says that it is; whether that was true, the status tells.
    fn user(&self) -> Option<String> {
        let value = self.field(&AUTHORIZATION)?;
        let basic = Authorization::<Basic>::decode(&mut std::iter::once(value)).ok()?;
        Some(basic.username().to_owned()).filter(|name| !name.is_empty())
    }

    fn target(&self) -> Vec<u8> {
        if let Some(raw) = &self.facts.raw_target {
            return raw.to_vec();
        }
        match self.path_and_query() {
            (path, Some(query)) => [path, query].join(&b'?'),
            (path, None) => path.to_vec(),
        }
    }

    fn path_and_query(&self) -> (&[u8], Option<&[u8]>) {
        (self.facts.uri.path().as_bytes(), self.facts.uri.query().map(str::as_bytes))
    }

    fn begun(&self) -> OffsetDateTime {
        OffsetDateTime::from(self.facts.ended) - self.facts.duration
    }
}

fn peer(peer: Peer) -> Vec<u8> {
    match peer {
        Peer::Tcp(address) => address.ip().to_canonical().to_string().into_bytes(),
        // As the app sees it.
        Peer::Unix => b"127.0.0.1".to_vec(),
    }
}

/// nginx' number for a client that did not wait.
fn status(outcome: Outcome) -> u16 {
    match outcome {
        Outcome::Status(status) => status,
        Outcome::Gone | Outcome::Hijacked => 499,
    }
}

fn protocol(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_11 => "HTTP/1.1",
        // See `http/salvage`.
        _ => "-",
    }
}

/// `[21/Nov/2026:03:20:52 +0000]`
fn clock(at: OffsetDateTime) -> String {
    let month = MONTHS[usize::from(u8::from(at.month())) - 1];
    let (year, day) = (at.year(), at.day());
    format!("[{day:02}/{month}/{year}:{:02}:{:02}:{:02} +0000]", at.hour(), at.minute(), at.second())
}

/// RFC 3339, with milliseconds.
fn iso(at: OffsetDateTime) -> String {
    let date = format!("{}-{:02}-{:02}", at.year(), u8::from(at.month()), at.day());
    format!("{date}T{:02}:{:02}:{:02}.{:03}Z", at.hour(), at.minute(), at.second(), at.millisecond())
}

/// What a client has sent, as one word: nothing in it ends the word, the quotes around it or the line.
fn write_word(out: &mut String, bytes: &[u8]) -> std::fmt::Result {
    write_escaped(out, bytes, true)
}

/// As Apache does it: printable ASCII, `\"`, `\\`, and `\x..` for the rest.
fn write_escaped(out: &mut String, bytes: &[u8], word: bool) -> std::fmt::Result {
    for &byte in bytes {
        match byte {
            b'"' | b'\\' => {
                out.push('\\');
                out.push(char::from(byte));
            }
            b' ' if !word => out.push(' '),
            b'!'..=b'~' => out.push(char::from(byte)),
            _ => write!(out, "\\x{byte:02x}")?,
        }
    }
    Ok(())
}

fn write_member(out: &mut String, name: &str, value: Option<&[u8]>) -> std::fmt::Result {
    let Some(value) = value else { return Ok(()) };
    write!(out, ",\"{name}\":\"")?;
    for character in String::from_utf8_lossy(value).chars() {
        match character {
            '"' | '\\' => {
                out.push('\\');
                out.push(character);
            }
            character if character.is_control() => write!(out, "\\u{:04x}", u32::from(character))?,
            // Legal in JSON, the end of a line for some readers.
            '\u{2028}' | '\u{2029}' => write!(out, "\\u{:04x}", u32::from(character))?,
            character => out.push(character),
        }
    }
    out.push('"');
    Ok(())
}
