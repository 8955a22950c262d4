//! What a line looks like: the names of well-known formats, or Apache's directives.

use std::fmt::Write;
use std::sync::Arc;

use headers::authorization::Basic;
use headers::{Authorization, Header};
use http::header::{AUTHORIZATION, HOST, REFERER, USER_AGENT};
use http::{HeaderName, HeaderValue, Version};
use time::OffsetDateTime;

use super::Remote;
use super::record::{Facts, Outcome};
use crate::handoff::Peer;

/// Puma's line, which has the seconds behind the common one.
const PUMA: &str = r#"%h %l %u %t "%r" %s %b %T"#;
/// NCSA's.
const COMMON: &str = r#"%h %l %u %t "%r" %s %b"#;
const COMBINED: &str = r#"%h %l %u %t "%r" %s %b "%{Referer}i" "%{User-Agent}i""#;
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
/// Directives of one letter, for a message.
const LETTERS: &str = "%h %a %l %u %t %r %m %U %q %H %s %>s %b %B %D %T %v %P %% %{Name}i";

/// A parsed format. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Format {
    parts: Arc<[Part]>,
    fields: Arc<[HeaderName]>,
}

/// A format has a mistake; the text says which.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadFormat(pub String);

#[derive(Debug, Clone)]
enum Part {
    Text(String),
    Remote,
    Peer,
    User,
    Time,
    RequestLine,
    Method,
    Path,
    Query,
    Protocol,
    Status,
    /// `-` for none, as NCSA has it, or 0.
    Bytes {
        dash: bool,
    },
    Microseconds,
    Seconds,
    Host,
    Pid,
    Field(HeaderName),
    /// All of it as one JSON object.
    Json,
}

impl Format {
    /// `puma`, `common`, `combined`, `json`, or a text with directives.
    ///
    /// # Errors
    /// An unknown directive, or none at all.
    pub fn parse(text: &str) -> Result<Format, BadFormat> {
        let parts = match text {
            "json" => vec![Part::Json],
            "puma" => directives(PUMA)?,
            "common" => directives(COMMON)?,
            "combined" => directives(COMBINED)?,
            text if text.contains('%') => directives(text)?,
            text => return Err(BadFormat(format!("{text} is no format: puma, common, combined, json or {LETTERS}"))),
        };
        let mut fields: Vec<HeaderName> = Vec::new();
        for name in parts.iter().flat_map(Part::fields) {
            if !fields.contains(&name) {
                fields.push(name);
            }
        }
        Ok(Format { parts: parts.into(), fields: fields.into() })
    }

    /// Fields of a request that lines are made of.
    pub(super) fn fields(&self) -> &[HeaderName] {
        &self.fields
    }

    /// Appends a line.
    pub(super) fn line(&self, facts: &Facts, remote: &Remote, out: &mut String) {
        let line = Line { facts, remote, format: self };
        for part in self.parts.iter() {
            // Writing to a String cannot fail.
            let _ = line.part(part, out);
        }
        out.push('\n');
    }

    /// The field has to be recorded for where [`Remote`] looks, too.
    pub(super) fn with_remote(mut self, remote: &Remote) -> Format {
        if let Remote::Field(name) = remote {
            self.fields = self.fields.iter().chain([name]).cloned().collect();
        }
        self
    }
}

fn directives(text: &str) -> Result<Vec<Part>, BadFormat> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        if at > 0 {
            parts.push(Part::Text(rest[..at].to_owned()));
        }
        let (part, left) = directive(&rest[at + 1..])?;
        parts.push(part);
        rest = left;
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest.to_owned()));
    }
    match parts.iter().find_map(|part| matches!(part, Part::Text(text) if text.contains(['\n', '\r'])).then_some(())) {
        Some(()) => Err(BadFormat("a format is one line".into())),
        None => Ok(parts),
    }
}

/// One directive behind its `%`, and what follows.
fn directive(text: &str) -> Result<(Part, &str), BadFormat> {
    if let Some(inner) = text.strip_prefix('{') {
        let (name, rest) = inner
            .split_once("}i")
            .ok_or_else(|| BadFormat(format!("%{text}: a field of the request is written as %{{Name}}i")))?;
        let name = name.parse().map_err(|_| BadFormat(format!("%{{{name}}}i: {name} is no name of a field")))?;
        return Ok((Part::Field(name), rest));
    }
    let text = text.strip_prefix('>').filter(|rest| rest.starts_with('s')).unwrap_or(text);
    let letter = text.chars().next().unwrap_or(' ');
    let part = match letter {
        'h' => Part::Remote,
        'a' => Part::Peer,
        'l' => Part::Text("-".into()),
        'u' => Part::User,
        't' => Part::Time,
        'r' => Part::RequestLine,
        'm' => Part::Method,
        'U' => Part::Path,
        'q' => Part::Query,
        'H' => Part::Protocol,
        's' => Part::Status,
        'b' => Part::Bytes { dash: true },
        'B' => Part::Bytes { dash: false },
        'D' => Part::Microseconds,
        'T' => Part::Seconds,
        'v' => Part::Host,
        'P' => Part::Pid,
        '%' => Part::Text("%".into()),
        letter => return Err(BadFormat(format!("%{letter} is unknown; there are {LETTERS}"))),
    };
    Ok((part, &text[letter.len_utf8()..]))
}

impl Part {
    fn fields(&self) -> Vec<HeaderName> {
        match self {
            Part::Remote => vec![FORWARDED_FOR],
            Part::User => vec![AUTHORIZATION],
            Part::Host => vec![HOST],
            Part::Field(name) => vec![name.clone()],
            Part::Json => vec![FORWARDED_FOR, AUTHORIZATION, HOST, REFERER, USER_AGENT],
            _ => Vec::new(),
        }
    }
}

struct Line<'a> {
    facts: &'a Facts,
    remote: &'a Remote,
    format: &'a Format,
}

impl Line<'_> {
    fn part(&self, part: &Part, out: &mut String) -> std::fmt::Result {
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
        let at = self.format.fields.iter().position(|field| field == name)?;
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
    if version == Version::HTTP_10 { "HTTP/1.0" } else { "HTTP/1.1" }
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
