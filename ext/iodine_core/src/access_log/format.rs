//! What a line looks like: the names of well-known formats, or Apache's directives.

use std::sync::Arc;

use http::HeaderName;
use http::header::{AUTHORIZATION, HOST, REFERER, USER_AGENT};

use super::Remote;
use super::line::Line;
use super::record::Facts;

/// Puma's line, which has the seconds behind the common one.
const PUMA: &str = r#"%h %l %u %t "%r" %s %b %T"#;
/// NCSA's.
const COMMON: &str = r#"%h %l %u %t "%r" %s %b"#;
const COMBINED: &str = r#"%h %l %u %t "%r" %s %b "%{Referer}i" "%{User-Agent}i""#;
pub(super) const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
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

/// One piece of a line.
#[derive(Debug, Clone)]
pub(super) enum Part {
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
